"""My Account: what a signed-in customer does about their own MFA, password and sessions."""

from gatehouse.v1 import client_context_pb2, mfa_pb2, session_pb2
from support import CLIENT, MULTI_FACTOR, NEW_PASSWORD, PASSWORD, GatehouseTest

# A proof that is younger than this moment: there is none.
JUST_PROVEN = {"max_authentication_age": {"seconds": 0}}


class MyAccount(GatehouseTest):
    """A customer without MFA, signed in at a portal that does not enforce it."""

    def setUp(self):
        super().setUp()
        self.ana = self.add_customer()
        self.token = self.sign_in(self.ana).token

    def mfa(self):
        return self.auth.GetMfa(session_token=self.token).mfa

    def start(self, token=None):
        return self.auth.StartEnrollment(session_token=token or self.token, totp={}).mfa

    def verify(self, code):
        return self.auth.VerifyEnrollment(session_token=self.token, totp_code=code).mfa

    def enable(self):
        return self.auth.EnableMfa(session_token=self.token).mfa

    def backup_codes(self, token=None):
        return self.auth.GenerateBackupCodes(session_token=token or self.token)

    def second_factor(self, token, **proof):
        return self.auth.VerifySecondFactor(sign_in_token=token, **proof).sign_in

    def assurance(self, token=None):
        return self.validate(token or self.token).session.assurance


class Mfa(MyAccount):
    def test_a_customer_sets_up_mfa(self):
        with self.assert_refused("MFA_NOT_ENABLED"):
            self.validate(self.token, min_assurance=MULTI_FACTOR)
        with self.assert_refused("MFA_NOT_ENABLED"):
            self.backup_codes()
        disabled = mfa_pb2.Mfa(
            state=mfa_pb2.MFA_STATE_DISABLED, available=[mfa_pb2.FACTOR_TYPE_TOTP]
        )
        self.assertEqual(self.mfa(), disabled)

        first = self.start()
        self.assertEqual(self.mfa(), first, "it can be read again")
        self.assertEqual(self.auth.DeleteEnrollment(session_token=self.token).mfa, disabled)
        with self.assert_refused("ENROLLMENT_NOT_STARTED"):
            self.enable()

        started = self.start()
        self.assertNotEqual(started.pending.totp.secret, first.pending.totp.secret)
        app = self.ana.scan(started.pending.totp)
        with self.assert_rejected(4):
            self.verify(app.wrong_code())
        with self.assert_refused("ENROLLMENT_NOT_VERIFIED"):
            self.enable()
        pending = self.verify(app.next_code()).pending
        self.assertEqual(pending.state, mfa_pb2.ENROLLMENT_STATE_VERIFIED)
        self.assertEqual(pending.totp.secret, "", "shown no more")
        self.assertEqual(self.assurance(), session_pb2.ASSURANCE_PASSWORD)

        enabled = self.enable()
        self.assertEqual(enabled.state, mfa_pb2.MFA_STATE_ENABLED)
        self.assertEqual((len(enabled.factors), enabled.backup_codes_remaining), (1, 0))
        self.validate(self.token, min_assurance=MULTI_FACTOR)
        answer = self.backup_codes()
        self.assertEqual((len(answer.codes), answer.mfa.backup_codes_remaining), (5, 5))
        self.assertEqual(self.sign_in(self.ana).backup_codes_remaining, 5)

    def test_the_old_authenticator_works_until_the_new_one_is_enabled(self):
        self.set_up_in(self.token, self.ana)
        codes = self.backup_codes().codes
        old = self.ana.app

        app = self.ana.scan(self.start().pending.totp)
        self.verify(app.next_code())
        token = self.prove_password(self.ana).token
        self.second_factor(token, totp_code=old.next_code())

        changed = self.enable()
        self.assertEqual((len(changed.factors), changed.backup_codes_remaining), (1, 5))
        self.assertFalse(changed.HasField("pending"))
        token = self.prove_password(self.ana).token
        # A used code takes its charge back, one of another authenticator does not.
        with self.assert_rejected(9):
            self.second_factor(token, totp_code=old.code(1))
        self.second_factor(token, totp_code=app.next_code())
        self.ana.lose_phone()
        self.ana.backup_codes = list(codes)
        self.assertEqual(self.sign_in(self.ana).backup_codes_remaining, 4)

    def test_a_change_that_is_given_up_leaves_the_authenticator_in_force(self):
        enabled = self.set_up_in(self.token, self.ana)
        self.start()
        self.assertEqual(self.auth.DeleteEnrollment(session_token=self.token).mfa, enabled)
        self.sign_in(self.ana)

    def test_mfa_is_disabled_with_its_backup_codes_but_not_while_it_is_enforced(self):
        self.set_up_in(self.token, self.ana)
        self.backup_codes()
        self.enforce(True)
        with self.assert_refused("MFA_ENFORCED"):
            self.auth.DisableMfa(session_token=self.token)
        self.assertTrue(self.mfa().enforced)

        self.enforce(False)
        for _ in range(2):
            disabled = self.auth.DisableMfa(session_token=self.token).mfa
            self.assertEqual(disabled.state, mfa_pb2.MFA_STATE_DISABLED)
            self.assertEqual((len(disabled.factors), disabled.backup_codes_remaining), (0, 0))
        self.assertEqual(self.prove_password(self.ana).WhichOneof("next"), "session")

    def test_new_backup_codes_take_the_place_of_the_old(self):
        self.set_up_in(self.token, self.ana)
        old, codes = self.backup_codes().codes, self.backup_codes().codes
        token = self.prove_password(self.ana).token
        with self.assert_rejected(9):
            self.second_factor(token, backup_code=old[0])
        self.second_factor(token, backup_code=codes[0])


class StepUp(MyAccount):
    def prove(self, token=None, **proof):
        answer = self.auth.ReauthenticateSession(session_token=token or self.token, **proof)
        return answer.session

    def test_a_password_is_a_fresh_proof_where_there_is_no_factor(self):
        with self.assert_needs_proof("password"):
            self.validate(self.token, **JUST_PROVEN)
        before = self.validate(self.token).session
        with self.assert_refused("CREDENTIALS_REJECTED"):
            self.prove(password=NEW_PASSWORD)
        with self.assert_refused("REQUEST_INVALID", fields=["totp_code"]):
            self.prove(totp_code="123456")
        session = self.prove(password=PASSWORD)
        self.assertEqual(session.name, before.name)
        self.assertEqual(session.assurance, session_pb2.ASSURANCE_PASSWORD)
        self.assertGreater(
            session.authentication_time.ToNanoseconds(), before.authentication_time.ToNanoseconds()
        )

    def test_with_a_factor_in_force_only_a_second_factor_is_a_proof(self):
        others = [self.sign_in(self.ana).token, self.sign_in(self.ana).token]
        self.set_up_in(self.token, self.ana)
        # Another session is as strong as it was, and its password counts no more.
        for other in others:
            self.assertEqual(self.assurance(other), session_pb2.ASSURANCE_PASSWORD)
            with self.assert_needs_proof("totp_code"):
                self.validate(other, min_assurance=MULTI_FACTOR)
            with self.assert_needs_proof("totp_code"):
                self.start(other)
        codes = self.backup_codes().codes
        for other in others:
            for refused in (
                self.start,
                self.backup_codes,
                lambda token: self.auth.DisableMfa(session_token=token),
            ):
                with self.assert_needs_proof("totp_code,backup_code"):
                    refused(other)
            self.validate(other)

        with self.assert_refused("REQUEST_INVALID", fields=["password"]):
            self.prove(others[0], password=PASSWORD)
        with self.assert_rejected(9):
            self.prove(others[0], totp_code=self.ana.app.wrong_code())
        for session in (
            self.prove(others[0], totp_code=self.ana.app.next_code()),
            self.prove(others[1], backup_code=codes[0]),
        ):
            self.assertEqual(session.assurance, MULTI_FACTOR)
            self.assertEqual(session.second_factor_time, session.authentication_time)
        for other in others:
            self.validate(other, min_assurance=MULTI_FACTOR)
            self.start(other)
        # The wrong code still counts; a used one takes its own charge back.
        with self.assert_rejected(9):
            self.prove(others[1], backup_code=codes[0])


class PasswordAndSessions(MyAccount):
    def change(self, current, new):
        return self.auth.ChangePassword(
            session_token=self.token, current_password=current, new_password=new
        ).sessions_ended

    def sign_out(self, **target):
        return self.auth.SignOut(session_token=self.token, **target).sessions_ended

    def own_sessions(self):
        return self.auth.ListOwnSessions(session_token=self.token).sessions

    def test_a_change_of_password_ends_every_other_session(self):
        other = self.sign_in(self.ana).token
        with self.assert_refused("CREDENTIALS_REJECTED"):
            self.change(NEW_PASSWORD, NEW_PASSWORD)
        with self.assert_refused("PASSWORD_POLICY", fields=["new_password"]):
            self.change(PASSWORD, "horse battery")
        self.validate(other)

        self.assertEqual(self.change(PASSWORD, NEW_PASSWORD), 1)
        self.assert_session_ended(other, "password_changed")
        self.validate(self.token)
        with self.assert_refused("CREDENTIALS_REJECTED"):
            self.sign_in(self.ana)
        self.ana.password = NEW_PASSWORD
        self.sign_in(self.ana)

    def test_a_customer_sees_their_sessions_and_signs_out_of_each(self):
        others = [self.sign_in(self.ana).token for _ in range(3)]
        sessions = self.own_sessions()
        self.assertEqual(len(sessions), 4)
        self.assertEqual(sum(session.current for session in sessions), 1)
        self.assertEqual(sessions[0].client, client_context_pb2.ClientContext(**CLIENT))

        name = self.validate(others[0]).session.name
        self.assertIn(name, [session.name for session in sessions if not session.current])
        self.assertEqual(self.sign_out(session=name), 1)
        self.assertEqual(self.sign_out(session=name), 0)
        self.assertEqual(self.sign_out(other_sessions={}), 2)
        for other in others:
            self.assert_session_ended(other, "signed_out")
        self.assertEqual(len(self.own_sessions()), 1)

        self.assertEqual(self.sign_out(), 1)
        self.assert_session_ended(self.token, "signed_out")
        self.assertEqual(self.sign_out(), 0, "whoever is out already, is out")
        with self.assert_refused("SESSION_INVALID", session_end="signed_out"):
            self.sign_out(other_sessions={})
        with self.assert_refused("SESSION_INVALID", session_end="signed_out"):
            self.mfa()
