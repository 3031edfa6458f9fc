// The pages against a real gatehouse.

package portal

import (
	"context"
	"testing"
)

func TestOneLoopSignsInWhateverGatehouseAsksFor(t *testing.T) {
	ctx := context.Background()
	s := beside(t, true)
	s.addCustomer()
	ana := &person{T: t}
	s.signIn(ana)
	equal(t, len(ana.backupCodes), 5)
	token := s.signIn(ana)
	kept(t, get(handler(t, s.Auth, strong), token, ""), 200)

	mfa, sessions, err := s.Account(ctx, token)
	must(t, err)
	equal(t, mfa.GetBackupCodesRemaining(), int32(5))
	equal(t, len(sessions), 2)
	ended, err := s.ChangePassword(ctx, token, password, "another horse battery")
	must(t, err)
	equal(t, ended, int32(1))
	_, err = s.Disable(ctx, token)
	equal(t, Reason(err), "MFA_ENFORCED")
}

func TestAReloadShowsTheSamePageAndAWrongPasswordIsRejected(t *testing.T) {
	ctx := context.Background()
	s := beside(t, false)
	s.addCustomer()
	step, err := s.Start(ctx, "ana@example.com", client)
	must(t, err)
	_, err = s.TypePassword(ctx, step.GetToken(), "wrong horse battery")
	equal(t, Reason(err), "CREDENTIALS_REJECTED")
	reloaded, err := s.Reload(ctx, step.GetToken())
	must(t, err)
	if reloaded.GetPassword() == nil {
		t.Fatalf("%T", reloaded.GetNext())
	}
}
