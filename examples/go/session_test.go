// The session middleware against a real gatehouse: who gets in, and what everybody else is told.

package portal

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gatehouse "gatehouse/v1"

	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	weak   = gatehouse.Assurance_ASSURANCE_PASSWORD
	strong = gatehouse.Assurance_ASSURANCE_MULTI_FACTOR
)

var nobody = "ghs_" + strings.Repeat("A", 43)

func handler(t *testing.T, auth gatehouse.PortalAuthServiceClient, least gatehouse.Assurance) http.Handler {
	t.Helper()
	sessions, err := NewSessions(auth, example(t, "refusals.json"))
	must(t, err)
	return sessions.Require(least, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := w.Write([]byte(`{"of": "` + CustomerOf(r).GetCustomer() + `"}`)); err != nil {
			t.Error(err)
		}
	}))
}

// get asks with a session's cookie, as a script or, by `accept`, as a person.
func get(to http.Handler, session, accept string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, "/invoices", nil)
	request.RemoteAddr = "203.0.113.7:5000"
	request.Header.Set("Accept", accept)
	if session != "" {
		request.AddCookie(cookie("session", session, 0))
	}
	answer := httptest.NewRecorder()
	to.ServeHTTP(answer, request)
	return answer
}

// kept is an answer with which the browser has its cookie still.
func kept(t *testing.T, answer *httptest.ResponseRecorder, status int) map[string]interface{} {
	t.Helper()
	if answer.Code != status || len(answer.Result().Cookies()) != 0 {
		t.Fatalf("%d, not %d: %s", answer.Code, status, answer.Body)
	}
	var body map[string]interface{}
	must(t, json.Unmarshal(answer.Body.Bytes(), &body))
	return body
}

func forgotten(t *testing.T, answer *httptest.ResponseRecorder) {
	t.Helper()
	taken := answer.Result().Cookies()
	if answer.Code != http.StatusUnauthorized || len(taken) != 1 || taken[0].Name != "__Host-session" || taken[0].MaxAge >= 0 {
		t.Fatalf("%d %v: %s", answer.Code, taken, answer.Body)
	}
}

func equal(t *testing.T, is, wanted interface{}) {
	t.Helper()
	if is != wanted {
		t.Fatalf("%v, not %v", is, wanted)
	}
}

func TestALiveSessionGetsIn(t *testing.T) {
	s := beside(t, false)
	ana := s.addCustomer()
	answer := get(handler(t, s.Auth, weak), s.signIn(&person{T: t}), "")
	equal(t, kept(t, answer, http.StatusOK)["of"], ana)
}

func TestBehindAProxyTheAddressIsTheOneThatTheProxyAdded(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.RemoteAddr = "10.0.0.1:5000"
	request.Header.Add("X-Forwarded-For", "198.51.100.1, 198.51.100.2")
	request.Header.Add("X-Forwarded-For", "203.0.113.7")
	equal(t, (&Sessions{BehindProxy: true}).Client(request).GetIpAddress(), "203.0.113.7")
	equal(t, (&Sessions{}).Client(request).GetIpAddress(), "10.0.0.1")
}

func TestWithoutACookieAScriptIsToldAndAPersonIsLedToSignIn(t *testing.T) {
	s := beside(t, false)
	equal(t, get(handler(t, s.Auth, weak), "", "").Code, http.StatusUnauthorized)
	led := get(handler(t, s.Auth, weak), "", "text/html")
	equal(t, led.Code, http.StatusSeeOther)
	equal(t, led.Header().Get("Location"), "/sign-in")
}

func TestASessionThatHasEndedTakesItsCookieAlong(t *testing.T) {
	s := beside(t, false)
	s.addCustomer()
	token := s.signIn(&person{T: t})
	must(t, s.SignOut(context.Background(), token))
	for _, token := range []string{token, nobody, "x"} {
		forgotten(t, get(handler(t, s.Auth, weak), token, ""))
	}
}

func TestTooWeakASessionIsLedToStepUpAndThenGetsIn(t *testing.T) {
	ctx := context.Background()
	s := beside(t, false)
	s.addCustomer()
	ana := &person{T: t}
	token, other := s.signIn(ana), s.signIn(ana)
	setUpInMyAccount(s, other, ana)

	told := kept(t, get(handler(t, s.Auth, strong), token, ""), http.StatusForbidden)
	equal(t, told["goTo"], "/account/confirm")
	equal(t, told["accepted"], "totp_code")
	must(t, s.Confirm(ctx, token, ana.FirstCode()))
	kept(t, get(handler(t, s.Auth, strong), token, ""), http.StatusOK)
	mfa, err := s.Disable(ctx, token)
	must(t, err)
	equal(t, mfa.GetState(), gatehouse.MfaState_MFA_STATE_DISABLED)
}

func setUpInMyAccount(s *site, token string, ana *person) {
	s.Helper()
	ctx := context.Background()
	started, err := s.Auth.StartEnrollment(ctx, &gatehouse.StartEnrollmentRequest{
		Credential: &gatehouse.StartEnrollmentRequest_SessionToken{SessionToken: token},
		Factor:     &gatehouse.StartEnrollmentRequest_Totp{Totp: &gatehouse.StartTotp{}},
	})
	must(s.T, err)
	ana.Scan(started.GetMfa().GetPending().GetTotp())
	_, err = s.Auth.VerifyEnrollment(ctx, &gatehouse.VerifyEnrollmentRequest{
		Credential: &gatehouse.VerifyEnrollmentRequest_SessionToken{SessionToken: token},
		Proof:      &gatehouse.VerifyEnrollmentRequest_TotpCode{TotpCode: ana.FirstCode()},
	})
	must(s.T, err)
	_, err = s.Auth.EnableMfa(ctx, &gatehouse.EnableMfaRequest{
		Credential: &gatehouse.EnableMfaRequest_SessionToken{SessionToken: token},
	})
	must(s.T, err)
}

func TestWithoutAFactorACustomerIsLedToSetOneUp(t *testing.T) {
	s := beside(t, false)
	s.addCustomer()
	answer := get(handler(t, s.Auth, strong), s.signIn(&person{T: t}), "")
	equal(t, kept(t, answer, http.StatusForbidden)["goTo"], "/account/mfa")
}

func TestAKeyThatIsNotGoodSignsNobodyOut(t *testing.T) {
	ctx := context.Background()
	s := beside(t, false)
	s.addCustomer()
	token := s.signIn(&person{T: t})
	name, revoked := s.createKey(0)
	_, err := s.admin.RevokeApiKey(ctx, &gatehouse.RevokeApiKeyRequest{Name: name})
	must(t, err)
	for _, key := range []string{revoked, "ghp_" + strings.Repeat("A", 43)} {
		auth := s.authBy(always(key))
		answer := get(handler(t, auth, weak), token, "")
		equal(t, kept(t, answer, http.StatusServiceUnavailable)["reason"], "API_KEY_INVALID")
		equal(t, answer.Header().Get("Retry-After"), "5")
		_, err := auth.GetOwnPortal(ctx, &gatehouse.GetOwnPortalRequest{})
		equal(t, Reason(err), "API_KEY_INVALID")
	}
	kept(t, get(handler(t, s.Auth, weak), token, ""), http.StatusOK)
}

func TestAKeyThatHasExpiredSignsNobodyOut(t *testing.T) {
	s := beside(t, false)
	s.addCustomer()
	token := s.signIn(&person{T: t})
	grant := &gatehouse.PortalGrant{Portal: s.name, Access: gatehouse.PortalAccess_PORTAL_ACCESS_FULL}
	made, err := s.admin.CreateApiKey(context.Background(), &gatehouse.CreateApiKeyRequest{ApiKey: &gatehouse.ApiKey{
		DisplayName: "short",
		Grant:       &gatehouse.ApiKey_Portal{Portal: grant},
		ExpireTime:  timestamppb.New(time.Now().Add(time.Second)),
	}})
	must(t, err)
	to := handler(t, s.authBy(always(made.GetSecret())), weak)
	answer := get(to, token, "")
	for ends := time.Now().Add(10 * time.Second); answer.Code == http.StatusOK && time.Now().Before(ends); {
		answer = get(to, token, "")
	}
	equal(t, kept(t, answer, http.StatusServiceUnavailable)["reason"], "API_KEY_INVALID")
}

// crowd is sixteen customers that ask again and again until `meanwhile` has ended, which can wait for
// so many more answers.
func crowd(t *testing.T, to http.Handler, session string, meanwhile func(more func(int))) {
	t.Helper()
	answered, over := make(chan int), make(chan struct{})
	var asking sync.WaitGroup
	for i := 0; i < 16; i++ {
		asking.Add(1)
		go func() {
			defer asking.Done()
			for {
				select {
				case answered <- get(to, session, "").Code:
				case <-over:
					return
				}
			}
		}()
	}
	var lock sync.Mutex
	another := sync.NewCond(&lock)
	count, statuses := 0, map[int]int{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for status := range answered {
			lock.Lock()
			count++
			statuses[status]++
			another.Broadcast()
			lock.Unlock()
		}
	}()
	meanwhile(func(more int) {
		lock.Lock()
		defer lock.Unlock()
		for enough := count + more; count < enough; {
			another.Wait()
		}
	})
	close(over)
	asking.Wait()
	close(answered)
	<-done
	if len(statuses) != 1 || statuses[http.StatusOK] == 0 {
		t.Fatalf("answered: %v", statuses)
	}
}

func TestAKeyIsReplacedWhileCustomersCome(t *testing.T) {
	s := beside(t, false)
	s.addCustomer()
	token := s.signIn(&person{T: t})
	file := filepath.Join(t.TempDir(), "key")
	old, key := s.createKey(0)
	must(t, os.WriteFile(file, []byte(key), 0o600))
	crowd(t, handler(t, s.authBy(KeyFile(file)), weak), token, func(more func(int)) {
		more(30)
		_, key := s.createKey(0)
		must(t, os.WriteFile(file+".new", []byte(key), 0o600))
		must(t, os.Rename(file+".new", file))
		more(30)
		_, err := s.admin.RevokeApiKey(context.Background(), &gatehouse.RevokeApiKeyRequest{Name: old})
		must(t, err)
		more(30)
	})
}

func TestNobodyIsRefusedWhileGatehouseRestartsUnderLoad(t *testing.T) {
	server := newServer(t)
	s := newSite(t, server.address, server.environment, false, "")
	s.addCustomer()
	token := s.signIn(&person{T: t})
	crowd(t, handler(t, s.Auth, weak), token, func(more func(int)) {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM} {
			more(100)
			server.restart(signal)
		}
		more(100)
	})
}

func TestItIsTheSameOverTLS(t *testing.T) {
	key, certificate := filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "certificate")
	made, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
		"-noenc", "-days", "1", "-subj", "/CN=gatehouse", "-addext", "subjectAltName=IP:127.0.0.1",
		"-keyout", key, "-out", certificate).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, made)
	}
	server := newServer(t, "GATEHOUSE_TLS_CERTIFICATE="+certificate, "GATEHOUSE_TLS_KEY="+key)
	s := newSite(t, server.address, server.environment, false, certificate)
	s.addCustomer()
	equal(t, get(handler(t, s.Auth, weak), s.signIn(&person{T: t}), "").Code, http.StatusOK)
}

func TestAnAnswerThatBreaksOffIsAskedForAgain(t *testing.T) {
	s := beside(t, false)
	s.addCustomer()
	token := s.signIn(&person{T: t})
	_, key := s.createKey(0)
	breaking := exec.Command("python", filepath.Join(os.Getenv("EXAMPLES"), "../tests/clients/broken_answer.py"), s.address)
	output, err := breaking.StdoutPipe()
	must(t, err)
	must(t, breaking.Start())
	t.Cleanup(func() { must(t, breaking.Process.Kill()) })
	address, err := bufio.NewReader(output).ReadString('\n')
	must(t, err)
	auth := gatehouse.NewPortalAuthServiceClient(connect(t, strings.TrimSpace(address), always(key), ""))
	equal(t, get(handler(t, auth, weak), token, "").Code, http.StatusOK)
}

func TestWhileGatehouseIsGoneEveryCookieIsKept(t *testing.T) {
	auth := gatehouse.NewPortalAuthServiceClient(connect(t, "127.0.0.1:1", always("ghp_"), ""))
	answer := get(handler(t, auth, weak), nobody, "")
	equal(t, kept(t, answer, http.StatusServiceUnavailable)["reason"], "")
}
