"""Recovery: invitations, and what an administrator does for or against a customer."""

from gatehouse.v1 import mfa_pb2, session_pb2
from pages import Pages
from support import CLIENT, MULTI_FACTOR, NEW_PASSWORD, EnforcingTest, GatehouseTest


class Accepting:
    """What both kinds of portal do with an invitation."""

    def invite(self, customer):
        return self.admin.CreateInvitation(customer=customer.name).invitation

    def accept(self, invitation, password=NEW_PASSWORD):
        return self.auth.AcceptInvitation(
            invitation_token=invitation.token, new_password=password, client=CLIENT
        ).sign_in


class WithoutEnforcement(Accepting, GatehouseTest):
    def test_an_invitation_sets_the_first_password(self):
        ben = self.add_customer("ben@example.com", password="")
        with self.assert_refused("CREDENTIALS_REJECTED"):
            self.sign_in(ben)
        invitation = self.invite(ben)
        self.assertRegex(invitation.token, r"^ghv_[A-Za-z0-9_-]{43}$")
        self.assertEqual(invitation.email, ben.email)

        with self.assert_refused("PASSWORD_POLICY", fields=["new_password"]):
            self.accept(invitation, "short")
        step = self.accept(invitation)
        self.validate(step.session.token)
        with self.assert_refused("INVITATION_INVALID"):
            self.accept(invitation)
        ben.password = NEW_PASSWORD
        self.sign_in(ben)

    def test_an_unknown_address_gets_no_invitation(self):
        answer = self.auth.RequestInvitation(email="nobody@example.com", client=CLIENT)
        self.assertFalse(answer.HasField("invitation"))

    def test_suspension_ends_sessions_and_is_told_after_a_right_password_alone(self):
        ana = self.add_customer()
        session = self.sign_in(ana).token

        def suspend(suspended):
            return self.admin.UpdateCustomer(
                customer={"name": ana.name, "suspended": suspended},
                update_mask={"paths": ["suspended"]},
            ).customer.suspended

        self.assertTrue(suspend(True))
        self.assert_session_ended(session, "suspended")
        with self.assert_refused("CREDENTIALS_REJECTED"):
            self.prove_password(ana, NEW_PASSWORD)
        with self.assert_refused("CUSTOMER_SUSPENDED"):
            self.prove_password(ana)
        answer = self.auth.RequestInvitation(email=ana.email, client=CLIENT)
        self.assertFalse(answer.HasField("invitation"))

        self.assertFalse(suspend(False))
        self.sign_in(ana)
        self.assert_session_ended(session, "suspended")

    def test_an_administrator_revokes_sessions_one_or_all_of_a_customer(self):
        ana = self.add_customer()
        one, two, three = (self.sign_in(ana) for _ in range(3))

        def listed():
            return {session.name for session in self.admin.ListSessions(parent=ana.name).sessions}

        def revoke(name):
            return self.admin.RevokeSessions(name=name).sessions_ended

        self.assertEqual(listed(), {issued.session.name for issued in (one, two, three)})
        self.assertEqual(revoke(one.session.name), 1)
        self.assert_session_ended(one.token, "revoked")
        self.validate(two.token)
        self.assertEqual(revoke(ana.name), 2)
        self.assert_session_ended(three.token, "revoked")
        self.assertEqual(listed(), set())


class WithEnforcement(Accepting, EnforcingTest):
    def test_an_invitation_leads_to_the_setting_up_of_mfa(self):
        ben = self.add_customer("ben@example.com", password="")
        # Eight characters are enough beside a second factor.
        step = self.accept(self.invite(ben), "vivid ox")
        self.assertEqual(step.WhichOneof("next"), "enroll")
        self.assertEqual(Pages(self.auth, ben).walk(step).session.assurance, MULTI_FACTOR)

    def test_a_forgotten_password_is_set_anew_and_the_factor_is_still_asked_for(self):
        ana = self.add_customer()
        before = self.sign_in(ana).token
        invitation = self.auth.RequestInvitation(email=ana.email, client=CLIENT).invitation
        self.assertEqual(invitation.email, ana.email)
        step = self.accept(invitation)
        self.assertEqual(step.WhichOneof("next"), "second_factor")
        self.assert_session_ended(before, "password_changed")
        self.assertEqual(Pages(self.auth, ana).walk(step).session.assurance, MULTI_FACTOR)

    def test_a_reset_takes_away_the_factor_and_the_sessions(self):
        ana = self.add_customer()
        session = self.sign_in(ana).token
        token = self.prove_password(ana).token
        reset = self.admin.ResetCustomerMfa(name=ana.name, reason="lost phone")
        self.assertEqual((reset.customer.name, reset.sessions_ended), (ana.name, 1))
        self.assertEqual(reset.customer.mfa.state, mfa_pb2.MFA_STATE_DISABLED)
        self.assertTrue(reset.customer.has_password)
        self.assert_session_ended(session, "mfa_reset")
        with self.assert_refused("SIGN_IN_INVALID"):
            self.auth.VerifySecondFactor(sign_in_token=token, totp_code=ana.app.code(1))

        step = self.prove_password(ana)
        self.assertEqual(step.WhichOneof("next"), "enroll")
        self.assertEqual(Pages(self.auth, ana).walk(step).session.assurance, MULTI_FACTOR)

    def test_a_reset_may_end_the_password_too(self):
        ana = self.add_customer()
        self.sign_in(ana)
        reset = self.admin.ResetCustomerMfa(
            name=ana.name, reason="stolen phone", end_password=True
        )
        self.assertFalse(reset.customer.has_password)
        with self.assert_refused("CREDENTIALS_REJECTED"):
            self.prove_password(ana)
        self.assertEqual(self.accept(self.invite(ana)).WhichOneof("next"), "enroll")

    def test_switching_enforcement_off_leaves_factors_in_force(self):
        ana = self.add_customer()
        self.sign_in(ana)
        token = self.prove_password(self.add_customer("ben@example.com")).token
        self.enforce(False)
        self.assertEqual(self.prove_password(ana).WhichOneof("next"), "second_factor")
        self.sign_in(ana)

        # Whoever was being asked to set one up may leave it.
        self.assertTrue(self.auth.GetSignIn(sign_in_token=token).sign_in.enroll.optional)
        finished = self.auth.FinishSignIn(sign_in_token=token).sign_in
        self.assertEqual(finished.session.session.assurance, session_pb2.ASSURANCE_PASSWORD)
