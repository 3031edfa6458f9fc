// Package portal is a portal's backend over gatehouse: the calls behind each of its pages, and
// session middleware for net/http.
package portal

import (
	"context"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
)

// guide: connect

// Connect opens a channel to gatehouse, for the whole process: deadlines and retries are the service
// config's, and a server that went away is looked for again within a second. grpc-go retries by
// itself from 1.40 on; before that GRPC_GO_RETRY=on has to be in the environment. Over TLS where `ca`
// names the file of the certificates to trust; without, in the clear, which is for a gatehouse on
// this very machine.
func Connect(address, serviceConfig string, key func() (string, error), ca string) (*grpc.ClientConn, error) {
	security := grpc.WithInsecure()
	if ca != "" {
		trusted, err := credentials.NewClientTLSFromFile(ca, "")
		if err != nil {
			return nil, err
		}
		security = grpc.WithTransportCredentials(trusted)
	}
	wait := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
	return grpc.Dial(address,
		security,
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: wait, MinConnectTimeout: time.Second}),
		grpc.WithPerRPCCredentials(apiKey{key, ca != ""}),
	)
}

// KeyFile is the API key as the file has it now: a new one is used from the next call on.
func KeyFile(path string) func() (string, error) {
	return func() (string, error) {
		key, err := os.ReadFile(path)
		return strings.TrimSpace(string(key)), err
	}
}

// apiKey sends the key with every call.
type apiKey struct {
	read    func() (string, error)
	overTLS bool
}

func (k apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	key, err := k.read()
	return map[string]string{"authorization": "Bearer " + key}, err
}

// RequireTransportSecurity keeps a key that is meant for TLS off any other connection.
func (k apiKey) RequireTransportSecurity() bool { return k.overTLS }

// guide: end
