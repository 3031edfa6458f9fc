// A portal of each test's own, its customers, and a gatehouse that goes away and comes back.

package portal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gatehouse "gatehouse/v1"

	"google.golang.org/grpc"
)

const password = "correct horse battery"

var client = &gatehouse.ClientContext{IpAddress: "203.0.113.7", UserAgent: "Firefox"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// example is a file that the languages share.
func example(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv("EXAMPLES"), name))
	must(t, err)
	return text
}

func always(key string) func() (string, error) {
	return func() (string, error) { return key, nil }
}

func connect(t *testing.T, address string, key func() (string, error), ca string) *grpc.ClientConn {
	t.Helper()
	channel, err := Connect(address, string(example(t, "service-config.json")), key, ca)
	must(t, err)
	t.Cleanup(func() { channel.Close() })
	return channel
}

var portals int32

// site is a portal with its administrator.
type site struct {
	*testing.T
	address string
	ca      string
	name    string
	admin   gatehouse.AdminServiceClient
	Portal
}

func newSite(t *testing.T, address string, environment []string, enforced bool, ca string) *site {
	t.Helper()
	command := exec.Command("gatehouse", "create-owner-key")
	command.Env = environment
	owner, err := command.Output()
	must(t, err)
	admin := gatehouse.NewAdminServiceClient(connect(t, address, always(strings.TrimSpace(string(owner))), ca))
	made, err := admin.CreatePortal(context.Background(), &gatehouse.CreatePortalRequest{
		PortalId: fmt.Sprintf("go-%d-%d", os.Getpid(), atomic.AddInt32(&portals, 1)),
		Portal:   &gatehouse.Portal{DisplayName: "Acme", Mfa: &gatehouse.MfaPolicy{Enforced: enforced}},
	})
	must(t, err)
	s := &site{T: t, address: address, ca: ca, name: made.GetPortal().GetName(), admin: admin}
	_, key := s.createKey(0)
	s.Auth = s.authBy(always(key))
	return s
}

func beside(t *testing.T, enforced bool) *site {
	t.Helper()
	return newSite(t, os.Getenv("SERVER_ADDRESS"), os.Environ(), enforced, "")
}

func (s *site) authBy(key func() (string, error)) gatehouse.PortalAuthServiceClient {
	s.Helper()
	return gatehouse.NewPortalAuthServiceClient(connect(s.T, s.address, key, s.ca))
}

// createKey gives a key's name and secret; unlimited, where it is FULL.
func (s *site) createKey(access gatehouse.PortalAccess) (string, string) {
	s.Helper()
	if access == 0 {
		access = gatehouse.PortalAccess_PORTAL_ACCESS_FULL
	}
	grant := &gatehouse.PortalGrant{Portal: s.name, Access: access}
	made, err := s.admin.CreateApiKey(context.Background(), &gatehouse.CreateApiKeyRequest{
		ApiKey: &gatehouse.ApiKey{DisplayName: "web", Grant: &gatehouse.ApiKey_Portal{Portal: grant}},
	})
	must(s.T, err)
	return made.GetApiKey().GetName(), made.GetSecret()
}

func (s *site) addCustomer() string {
	s.Helper()
	made, err := s.admin.CreateCustomer(context.Background(), &gatehouse.CreateCustomerRequest{
		Parent: s.name, Customer: &gatehouse.Customer{Email: "ana@example.com"}, Password: password,
	})
	must(s.T, err)
	return made.GetCustomer().GetName()
}

func (s *site) signIn(ana *person) string {
	s.Helper()
	session, err := s.SignIn(context.Background(), "ana@example.com", client, ana)
	must(s.T, err)
	return session.GetToken()
}

// person is a customer with an authenticator app, by oathtool.
type person struct {
	*testing.T
	secret      string
	scanned     time.Time
	codes       int
	backupCodes []string
}

func (p *person) Password() string                        { return password }
func (p *person) Code(*gatehouse.SecondFactorStep) string { return p.FirstCode() }
func (p *person) Keep(backupCodes []string)               { p.backupCodes = backupCodes }
func (p *person) Scan(totp *gatehouse.TotpEnrollment) {
	p.secret, p.scanned, p.codes = totp.GetSecret(), time.Now(), 0
}

// FirstCode is a code that works: each does once, and one step ahead of the clock is accepted.
func (p *person) FirstCode() string {
	p.Helper()
	at := p.scanned.Add(time.Duration(p.codes) * 30 * time.Second).UTC().Format("2006-01-02 15:04:05 UTC")
	p.codes++
	code, err := exec.Command("oathtool", "--totp", "--base32", "--now", at, p.secret).Output()
	must(p.T, err)
	return strings.TrimSpace(string(code))
}

// server is a gatehouse whose folder and address outlive its processes.
type server struct {
	*testing.T
	environment []string
	address     string
	process     *exec.Cmd
}

var listening = regexp.MustCompile(`listening address="?([0-9.]+:[0-9]+)`)

func newServer(t *testing.T, settings ...string) *server {
	t.Helper()
	s := &server{T: t}
	s.environment = append(os.Environ(), "GATEHOUSE_DATA_DIR="+t.TempDir()+"/data", "GATEHOUSE_LISTEN=127.0.0.1:0")
	s.environment = append(s.environment, settings...)
	s.start()
	s.environment = append(s.environment, "GATEHOUSE_LISTEN="+s.address)
	t.Cleanup(func() { s.end(syscall.SIGTERM) })
	return s
}

func (s *server) start() {
	s.Helper()
	s.process = exec.Command("gatehouse", "serve")
	s.process.Env = s.environment
	output, err := s.process.StderrPipe()
	must(s.T, err)
	must(s.T, s.process.Start())
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			s.address = found[1]
			// Read to the end, so that it never waits for somebody to read.
			go func() {
				for lines.Scan() {
				}
			}()
			return
		}
	}
	s.Fatal("gatehouse does not listen")
}

func (s *server) end(signal syscall.Signal) {
	s.Helper()
	must(s.T, s.process.Process.Signal(signal))
	err := s.process.Wait()
	if signal == syscall.SIGTERM {
		must(s.T, err)
	}
}

func (s *server) restart(signal syscall.Signal) {
	s.Helper()
	s.end(signal)
	s.start()
}
