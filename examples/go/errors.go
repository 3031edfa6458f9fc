// What an error of gatehouse says: its reason, and what else a page has to know.

package portal

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const prefix = "ERROR_REASON_"

// guide: reason

// Reason says why a call failed: a name of ErrorReason without its prefix, such as SESSION_INVALID.
// Empty where nobody answered, which is never a verdict about a customer.
func Reason(err error) string {
	return ReadRefusal(err).Reason
}

// guide: end

// Refusal is why a call failed. Without a reason it was not gatehouse that answered.
type Refusal struct {
	Code   codes.Code
	Reason string
	// attempts_remaining, accepted, session_end, …
	Metadata map[string]string
	// Which fields of the request are wrong.
	Fields []string
	// How long to wait; 0 where time does not help.
	RetryAfter time.Duration
}

// BrokeOff says whether the server was gone before it had answered. gRPC asks again by itself only
// while no part of an answer has come; what changes nothing can be asked for once more.
func (r Refusal) BrokeOff() bool {
	return r.Code == codes.Unavailable && r.Reason == ""
}

// ReadRefusal reads what a call's error says.
func ReadRefusal(err error) Refusal {
	told := status.Convert(err)
	refusal := Refusal{Code: told.Code()}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			refusal.Reason = strings.TrimPrefix(detail.GetReason(), prefix)
			refusal.Metadata = detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				refusal.Fields = append(refusal.Fields, violation.GetField())
			}
		case *errdetails.RetryInfo:
			refusal.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	return refusal
}
