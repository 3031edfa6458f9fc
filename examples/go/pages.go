// The calls behind each page of the portal, and the one loop over them.

package portal

import (
	"context"
	"fmt"

	gatehouse "gatehouse/v1"
)

// Portal is PortalAuthService by the portal's key.
type Portal struct {
	Auth gatehouse.PortalAuthServiceClient
}

// Customer is whoever sits at the pages.
type Customer interface {
	Password() string
	Code(step *gatehouse.SecondFactorStep) string
	Scan(totp *gatehouse.TotpEnrollment)
	FirstCode() string
	Keep(backupCodes []string)
}

// guide: proceed

// SignIn goes from the email to the session. `Next` names the page; in a portal each is a page of its
// own, and the token is in a cookie between them.
func (p Portal) SignIn(ctx context.Context, email string, client *gatehouse.ClientContext, customer Customer) (*gatehouse.IssuedSession, error) {
	step, err := p.Start(ctx, email, client)
	for err == nil {
		switch next := step.Next.(type) {
		case *gatehouse.SignIn_Password:
			step, err = p.TypePassword(ctx, step.Token, customer.Password())
		case *gatehouse.SignIn_SecondFactor:
			step, err = p.TypeCode(ctx, step.Token, customer.Code(next.SecondFactor))
		case *gatehouse.SignIn_Enroll:
			step, err = p.SetUp(ctx, step.Token, customer)
		case *gatehouse.SignIn_BackupCodes:
			step, err = p.KeepBackupCodes(ctx, step.Token, customer)
		case *gatehouse.SignIn_Session:
			return next.Session, nil
		default:
			err = fmt.Errorf("this portal has no page for the step %T", next)
		}
	}
	return nil, err
}

// guide: end

// guide: sign-in

// Start is the page for the email. It answers alike for every address.
func (p Portal) Start(ctx context.Context, email string, client *gatehouse.ClientContext) (*gatehouse.SignIn, error) {
	answer, err := p.Auth.StartSignIn(ctx, &gatehouse.StartSignInRequest{Email: email, Client: client})
	return answer.GetSignIn(), err
}

// Reload is the page that a sign-in is at, after a reload or a lost answer.
func (p Portal) Reload(ctx context.Context, token string) (*gatehouse.SignIn, error) {
	answer, err := p.Auth.GetSignIn(ctx, &gatehouse.GetSignInRequest{SignInToken: token})
	return answer.GetSignIn(), err
}

// TypePassword is the page for the password.
func (p Portal) TypePassword(ctx context.Context, token, password string) (*gatehouse.SignIn, error) {
	request := &gatehouse.VerifyPasswordRequest{SignInToken: token, Password: password}
	answer, err := p.Auth.VerifyPassword(ctx, request)
	return answer.GetSignIn(), err
}

// guide: end

// guide: second-factor

// TypeCode is the page for the code of the authenticator app. For a backup code the proof is
// &gatehouse.VerifySecondFactorRequest_BackupCode.
func (p Portal) TypeCode(ctx context.Context, token, code string) (*gatehouse.SignIn, error) {
	answer, err := p.Auth.VerifySecondFactor(ctx, &gatehouse.VerifySecondFactorRequest{
		SignInToken: token,
		Proof:       &gatehouse.VerifySecondFactorRequest_TotpCode{TotpCode: code},
	})
	return answer.GetSignIn(), err
}

// guide: end

// guide: set-up

// SetUp is the pages that set MFA up in a sign-in: Scan, Verify, Enable. In My Account the credential
// is &gatehouse.StartEnrollmentRequest_SessionToken, and so on, and the answer is GetMfa().
func (p Portal) SetUp(ctx context.Context, token string, customer Customer) (*gatehouse.SignIn, error) {
	started, err := p.Auth.StartEnrollment(ctx, &gatehouse.StartEnrollmentRequest{
		Credential: &gatehouse.StartEnrollmentRequest_SignInToken{SignInToken: token},
		Factor:     &gatehouse.StartEnrollmentRequest_Totp{Totp: &gatehouse.StartTotp{}},
	})
	if err != nil {
		return nil, err
	}
	customer.Scan(started.GetSignIn().GetEnroll().GetPending().GetTotp())

	_, err = p.Auth.VerifyEnrollment(ctx, &gatehouse.VerifyEnrollmentRequest{
		Credential: &gatehouse.VerifyEnrollmentRequest_SignInToken{SignInToken: token},
		Proof:      &gatehouse.VerifyEnrollmentRequest_TotpCode{TotpCode: customer.FirstCode()},
	})
	if err != nil {
		return nil, err
	}
	enabled, err := p.Auth.EnableMfa(ctx, &gatehouse.EnableMfaRequest{
		Credential: &gatehouse.EnableMfaRequest_SignInToken{SignInToken: token},
	})
	return enabled.GetSignIn(), err
}

// guide: end

// guide: backup-codes

// KeepBackupCodes is the page that shows the codes, and its Continue to Sign In.
func (p Portal) KeepBackupCodes(ctx context.Context, token string, customer Customer) (*gatehouse.SignIn, error) {
	made, err := p.Auth.GenerateBackupCodes(ctx, &gatehouse.GenerateBackupCodesRequest{
		Credential: &gatehouse.GenerateBackupCodesRequest_SignInToken{SignInToken: token},
	})
	if err != nil {
		return nil, err
	}
	customer.Keep(made.GetCodes())
	finished, err := p.Auth.FinishSignIn(ctx, &gatehouse.FinishSignInRequest{SignInToken: token})
	return finished.GetSignIn(), err
}

// guide: end

// guide: account

// Account is what My Account shows.
func (p Portal) Account(ctx context.Context, session string) (*gatehouse.Mfa, []*gatehouse.Session, error) {
	mfa, err := p.Auth.GetMfa(ctx, &gatehouse.GetMfaRequest{SessionToken: session})
	if err != nil {
		return nil, nil, err
	}
	listed, err := p.Auth.ListOwnSessions(ctx, &gatehouse.ListOwnSessionsRequest{SessionToken: session})
	return mfa.GetMfa(), listed.GetSessions(), err
}

// Confirm is step-up: where a factor is in force by its code, else by the password.
func (p Portal) Confirm(ctx context.Context, session, code string) error {
	_, err := p.Auth.ReauthenticateSession(ctx, &gatehouse.ReauthenticateSessionRequest{
		SessionToken: session,
		Proof:        &gatehouse.ReauthenticateSessionRequest_TotpCode{TotpCode: code},
	})
	return err
}

// Disable takes the factor and the backup codes away, where the portal does not enforce MFA.
func (p Portal) Disable(ctx context.Context, session string) (*gatehouse.Mfa, error) {
	answer, err := p.Auth.DisableMfa(ctx, &gatehouse.DisableMfaRequest{SessionToken: session})
	return answer.GetMfa(), err
}

// SignOut ends the session. The cookie goes only when this has succeeded.
func (p Portal) SignOut(ctx context.Context, session string) error {
	_, err := p.Auth.SignOut(ctx, &gatehouse.SignOutRequest{SessionToken: session})
	return err
}

// guide: end

// guide: change-password

// ChangePassword gives how many other sessions it ended.
func (p Portal) ChangePassword(ctx context.Context, session, current, chosen string) (int32, error) {
	answer, err := p.Auth.ChangePassword(ctx, &gatehouse.ChangePasswordRequest{
		SessionToken:    session,
		CurrentPassword: current,
		NewPassword:     chosen,
	})
	return answer.GetSessionsEnded(), err
}

// guide: end
