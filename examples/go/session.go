// Session middleware for net/http: who asks, or the answer that says why not.

package portal

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	gatehouse "gatehouse/v1"
)

// When to come back to a gatehouse that is away.
const away = 5 * time.Second

// ErrNotSignedIn says that the browser has no cookie of the kind.
var ErrNotSignedIn = errors.New("not signed in")

// todo is what a page does about a refusal.
type todo struct {
	Status int    `json:"status"`
	GoTo   string `json:"goTo"`
	Forget string `json:"forget"`
}

// Sessions is the middleware, over PortalAuthService.
type Sessions struct {
	auth gatehouse.PortalAuthServiceClient
	// By reason; the empty one is that nobody answered.
	refusals map[string]todo
	// Whether every request comes through one proxy, which adds to X-Forwarded-For.
	BehindProxy bool
}

// NewSessions takes the text of examples/refusals.json.
func NewSessions(auth gatehouse.PortalAuthServiceClient, refusals []byte) (*Sessions, error) {
	sessions := &Sessions{auth: auth}
	return sessions, json.Unmarshal(refusals, &sessions.refusals)
}

// guide: cookies

// Two cookies, so that neither token can be taken for the other. `__Host-`: of this host alone, over
// TLS alone. Lax: sent when a link leads here, and not with what another site posts.
var cookies = map[string]string{"session": "__Host-session", "sign-in": "__Host-sign-in"}

// Remember gives the browser a token, until the browser ends: how long it is good gatehouse judges.
func Remember(w http.ResponseWriter, kind, token string) {
	http.SetCookie(w, cookie(kind, token, 0))
}

// Forget takes it away.
func Forget(w http.ResponseWriter, kind string) {
	http.SetCookie(w, cookie(kind, "", -1))
}

func cookie(kind, token string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookies[kind], Value: token, MaxAge: maxAge,
		Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// guide: end

// guide: client

// Client is whose browser it is. Behind a proxy the connection is the proxy's: there the address is
// the last of X-Forwarded-For, which the proxy has added, and never one that the browser sent.
func (s *Sessions) Client(r *http.Request) *gatehouse.ClientContext {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		log.Printf("no address of a customer: %v", err)
	}
	if s.BehindProxy {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		address = strings.TrimSpace(hops[len(hops)-1])
	}
	agent := r.UserAgent()
	if len(agent) > 512 {
		agent = agent[:512]
	}
	return &gatehouse.ClientContext{IpAddress: address, UserAgent: agent}
}

// guide: end

type customerKey struct{}

// guide: middleware

// SignedIn is a customer with a live session that is strong enough for what is asked for.
type SignedIn struct {
	Token string
	*gatehouse.ValidateSessionResponse
}

// CustomerOf is whose request it is, behind Require.
func CustomerOf(r *http.Request) SignedIn {
	return r.Context().Value(customerKey{}).(SignedIn)
}

// Require lets nobody through to `next` without such a session.
func (s *Sessions) Require(least gatehouse.Assurance, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := r.Cookie(cookies["session"])
		if err != nil || session.Value == "" {
			s.Refuse(w, r, ErrNotSignedIn)
			return
		}
		asked := &gatehouse.ValidateSessionRequest{
			SessionToken: session.Value,
			MinAssurance: least,
			Client:       s.Client(r),
		}
		valid, err := s.auth.ValidateSession(r.Context(), asked)
		if err != nil && ReadRefusal(err).BrokeOff() {
			valid, err = s.auth.ValidateSession(r.Context(), asked)
		}
		if err != nil {
			s.Refuse(w, r, err)
			return
		}
		customer := context.WithValue(r.Context(), customerKey{}, SignedIn{session.Value, valid})
		next.ServeHTTP(w, r.WithContext(customer))
	})
}

// Refuse answers an error of gatehouse, of the middleware or of a handler. Only what is a verdict
// about a token takes its cookie.
func (s *Sessions) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrNotSignedIn) {
		answer(w, r, s.refusals["SESSION_INVALID"], nil)
		return
	}
	refusal := ReadRefusal(err)
	do, known := s.refusals[refusal.Reason]
	if !known {
		do.Status = http.StatusInternalServerError
	}
	// A cookie that does not look like a token is worth as much as one whose token has ended.
	if refusal.Reason == "REQUEST_INVALID" {
		for _, field := range refusal.Fields {
			switch field {
			case "session_token":
				do = s.refusals["SESSION_INVALID"]
			case "sign_in_token":
				do = s.refusals["SIGN_IN_INVALID"]
			}
		}
	}
	if do.Status >= http.StatusInternalServerError {
		log.Printf("gatehouse: %s %s", refusal.Code, refusal.Reason)
	}
	if do.Forget != "" {
		Forget(w, do.Forget)
	}
	answer(w, r, do, &refusal)
}

// guide: end

// answer is a redirect for whoever follows a link, JSON for a script.
func answer(w http.ResponseWriter, r *http.Request, do todo, refusal *Refusal) {
	if do.GoTo != "" && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, do.GoTo, http.StatusSeeOther)
		return
	}
	body := map[string]interface{}{"goTo": do.GoTo}
	if refusal != nil {
		body["reason"], body["fields"] = refusal.Reason, refusal.Fields
		for _, key := range []string{"attempts_remaining", "accepted", "session_end", "retry_at"} {
			if value, told := refusal.Metadata[key]; told {
				body[key] = value
			}
		}
		wait := refusal.RetryAfter
		if wait == 0 && do.Status == http.StatusServiceUnavailable {
			wait = away
		}
		if wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(do.Status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Printf("the browser has gone: %v", err)
	}
}
