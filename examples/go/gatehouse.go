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
)

// guide: connect

// Connect opens a channel to gatehouse, for the whole process: deadlines and retries are the service
// config's, and a server that went away is looked for again within a second. grpc-go retries by
// itself from 1.40 on; before that GRPC_GO_RETRY=on has to be in the environment.
func Connect(address string, serviceConfig string, key func() (string, error)) (*grpc.ClientConn, error) {
	wait := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
	return grpc.Dial(address,
		grpc.WithInsecure(),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: wait, MinConnectTimeout: time.Second}),
		grpc.WithPerRPCCredentials(apiKey{key}),
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
	read func() (string, error)
}

func (k apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	key, err := k.read()
	return map[string]string{"authorization": "Bearer " + key}, err
}

// RequireTransportSecurity is true wherever gatehouse is not on this machine.
func (apiKey) RequireTransportSecurity() bool { return false }

// guide: end
