"""Signing in where the portal enforces MFA: the pages, and what goes wrong on them."""

import datetime
import pathlib
import time
from types import SimpleNamespace

from gatehouse.v1 import client_context_pb2, mfa_pb2, portal_auth_service_pb2, session_pb2
from gatehouse.v1 import sign_in_pb2
from pages import Pages
from support import CLIENT, MULTI_FACTOR, PASSWORD, SAML, SHA1_SIX_DIGITS
from support import EnforcingTest, GatehouseTest

BACKUP_CODE = r"^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$"


class WholeSignIn(GatehouseTest):
    def assert_session(self, ana, issued, assurance, backup_codes):
        """The session is this customer's, and as strong as it says."""
        self.assertRegex(issued.token, r"^ghs_[A-Za-z0-9_-]{43}$")
        self.assertEqual(issued.backup_codes_remaining, backup_codes)
        valid = self.validate(issued.token, min_assurance=assurance)
        self.assertEqual((valid.customer, valid.email), (ana.name, ana.email))
        for session in (issued.session, valid.session):
            self.assertTrue(session.name.startswith(f"{ana.name}/sessions/"))
            self.assertEqual(session.assurance, assurance)
            self.assertEqual(session.client, client_context_pb2.ClientContext(**CLIENT))

    def test_one_loop_signs_in_whatever_the_server_asks_for(self):
        ana = self.add_customer()
        self.assert_session(ana, self.sign_in(ana), session_pb2.ASSURANCE_PASSWORD, 0)
        self.enforce(True)
        self.assert_session(ana, self.sign_in(ana), MULTI_FACTOR, 5)
        self.assertEqual((ana.app.totp.issuer, ana.app.totp.name), ("Acme Billing", ana.email))
        self.assert_session(ana, self.sign_in(ana), MULTI_FACTOR, 5)
        ana.lose_phone()
        self.assert_session(ana, self.sign_in(ana), MULTI_FACTOR, 4)

    def test_the_loop_that_the_contract_shows_is_a_whole_client(self):
        document = (pathlib.Path(__file__).parents[3] / "proto/README.md").read_text()
        [code] = [rest.split("```")[0] for rest in document.split("```python\n")[1:]]
        ana = self.add_customer()
        self.enforce(True)
        names = {
            "stub": SimpleNamespace(
                StartSignIn=lambda asked: self.auth.StartSignIn(
                    email=asked.email, client=asked.client
                )
            ),
            "StartSignInRequest": portal_auth_service_pb2.StartSignInRequest,
            "client": client_context_pb2.ClientContext(**CLIENT),
            "ask": {"email": ana.email}.__getitem__,
            "PAGES": Pages(self.auth, ana).pages,
        }
        exec(code, names)
        self.assert_session(ana, names["step"].session, MULTI_FACTOR, 5)

    def test_a_step_that_this_portal_has_no_page_for_fails_loudly(self):
        ana = self.add_customer()
        self.update({"saml": SAML}, "saml")
        with self.assertRaisesRegex(KeyError, "saml"):
            self.sign_in(ana)
        # A step that this generated code does not know has no name at all.
        with self.assertRaises(KeyError):
            Pages(self.auth, ana).walk(sign_in_pb2.SignIn(token="ghi_"))


class SettingUp(EnforcingTest):
    def setUp(self):
        super().setUp()
        self.ana = self.add_customer()
        self.step = self.prove_password(self.ana)
        self.token = self.step.token

    def start(self):
        return self.auth.StartEnrollment(sign_in_token=self.token, totp={}).sign_in

    def scan(self):
        return self.ana.scan(self.start().enroll.pending.totp)

    def verify(self, code):
        return self.auth.VerifyEnrollment(sign_in_token=self.token, totp_code=code).sign_in

    def enable(self):
        return self.auth.EnableMfa(sign_in_token=self.token).sign_in

    def test_a_wrong_code_leaves_the_qr_code_as_it_is(self):
        none_yet = sign_in_pb2.EnrollStep(available=[mfa_pb2.FACTOR_TYPE_TOTP])
        self.assertEqual(self.step.enroll, none_yet)
        self.assertAlmostEqual(self.step.expire_time.ToSeconds() - time.time(), 900, delta=10)
        started = self.start()
        pending = started.enroll.pending
        self.assertEqual(pending.state, mfa_pb2.ENROLLMENT_STATE_PENDING)
        self.assertEqual(pending.totp.parameters, SHA1_SIX_DIGITS)
        self.assertTrue(pending.totp.qr_svg.startswith("<svg "))
        app = self.ana.scan(pending.totp)
        self.assertEqual(app.totp.secret, pending.totp.secret)

        with self.assert_refused("ENROLLMENT_NOT_VERIFIED"):
            self.enable()
        for left in (4, 3):
            with self.assert_rejected(left):
                self.verify(app.wrong_code())
        self.assertEqual(self.auth.GetSignIn(sign_in_token=self.token).sign_in, started)
        verified = self.verify(app.next_code()).enroll.pending
        self.assertEqual(verified.state, mfa_pb2.ENROLLMENT_STATE_VERIFIED)
        self.assertEqual(verified.totp, mfa_pb2.TotpEnrollment(parameters=SHA1_SIX_DIGITS))

    def test_what_is_being_set_up_can_be_changed_and_deleted(self):
        first, second = self.scan(), self.scan()
        self.assertNotEqual(second.totp.secret, first.totp.secret)
        with self.assert_rejected(4):
            self.verify(first.code())

        for _ in range(2):
            deleted = self.auth.DeleteEnrollment(sign_in_token=self.token).sign_in
            self.assertFalse(deleted.enroll.HasField("pending"))
        with self.assert_refused("ENROLLMENT_NOT_STARTED"):
            self.verify(second.code())
        with self.assert_refused("ENROLLMENT_NOT_STARTED"):
            self.enable()
        with self.assert_refused("SIGN_IN_STEP", expected_step="enroll"):
            self.auth.FinishSignIn(sign_in_token=self.token)

        self.verify(self.scan().next_code())
        enabled = self.enable()
        self.assertEqual(enabled.WhichOneof("next"), "backup_codes")
        self.assertEqual(self.enable(), enabled)

    def test_backup_codes_are_five_and_those_shown_last_count(self):
        Pages(self.auth, self.ana).set_up(self.step)
        old = self.auth.GenerateBackupCodes(sign_in_token=self.token).codes
        codes = self.auth.GenerateBackupCodes(sign_in_token=self.token).codes
        self.assertEqual((len(codes), len({*codes, *old})), (5, 10))
        for code in codes:
            self.assertRegex(code, BACKUP_CODE)
        self.auth.FinishSignIn(sign_in_token=self.token)
        with self.assert_refused("SIGN_IN_INVALID"):
            self.auth.FinishSignIn(sign_in_token=self.token)

        def again(code):
            token = self.prove_password(self.ana).token
            answer = self.auth.VerifySecondFactor(sign_in_token=token, backup_code=code)
            return answer.sign_in.session.backup_codes_remaining

        with self.assert_rejected(9):
            again(old[0])
        typed = [
            codes[0],
            codes[1].lower(),
            codes[2].replace("-", " "),
            f" {codes[3].replace('-', '')} ",
        ]
        self.assertEqual([again(code) for code in typed], [4, 3, 2, 1])
        with self.assert_rejected(10):
            again(codes[0].lower())


class Codes(EnforcingTest):
    def verify(self, token, **proof):
        return self.auth.VerifySecondFactor(sign_in_token=token, **proof).sign_in

    def test_each_code_of_the_app_signs_in_once(self):
        ana = self.add_customer()
        self.sign_in(ana)
        step = self.prove_password(ana)
        self.assertEqual(
            step.second_factor,
            sign_in_pb2.SecondFactorStep(
                accepted=[
                    mfa_pb2.SECOND_FACTOR_TYPE_TOTP,
                    mfa_pb2.SECOND_FACTOR_TYPE_BACKUP_CODE,
                ],
                totp=SHA1_SIX_DIGITS,
            ),
        )
        with self.assert_rejected(10):
            self.verify(step.token, totp_code=ana.app.code(0))  # It verified the enrollment.
        self.verify(step.token, totp_code=ana.app.code(1))
        with self.assert_refused("SIGN_IN_INVALID"):
            self.verify(step.token, totp_code=ana.app.code(1))
        token = self.prove_password(ana).token
        with self.assert_rejected(10):
            self.verify(token, totp_code=ana.app.code(1))

    def test_wrong_codes_count_down_to_a_lock_that_an_administrator_ends(self):
        self.use_portal(mfa={"enforced": True}, lockout={"max_failures": 3})
        ana = self.add_customer()
        session = self.sign_in(ana).token
        token = self.prove_password(ana).token
        for left in (2, 1, 0):
            with self.assert_rejected(left):
                self.verify(token, totp_code=ana.app.wrong_code())

        with self.assert_refused("SIGN_IN_LOCKED") as locked:
            self.verify(token, totp_code=ana.app.wrong_code())
        self.assertAlmostEqual(locked.refusal.retry_after, 900, delta=10)
        retry_at = datetime.datetime.fromisoformat(locked.refusal.metadata["retry_at"]).timestamp()
        self.assertAlmostEqual(retry_at - time.time(), locked.refusal.retry_after, delta=5)
        # A new sign-in reaches the step and is refused there as well; sessions go on.
        other = self.prove_password(ana)
        self.assertEqual(other.WhichOneof("next"), "second_factor")
        with self.assert_refused("SIGN_IN_LOCKED"):
            self.verify(other.token, totp_code=ana.app.wrong_code())
        self.validate(session)

        lock = self.admin.GetCustomer(name=ana.name).customer.lock
        self.assertEqual((lock.failures, lock.until_time.ToSeconds()), (3, int(retry_at)))
        reloaded = self.auth.GetSignIn(sign_in_token=other.token).sign_in
        for step in (other, reloaded):
            self.assertEqual(step.second_factor.lock, lock)
        listed = self.admin.ListCustomers(parent=self.portal, locked=True).customers
        self.assertEqual([customer.name for customer in listed], [ana.name])
        unlocked = self.admin.UnlockCustomer(name=ana.name).customer
        self.assertFalse(unlocked.HasField("lock"))
        self.assertFalse(self.admin.ListCustomers(parent=self.portal, locked=True).customers)
        self.verify(other.token, totp_code=ana.app.next_code())

    def test_a_wrong_password_looks_like_an_unknown_email(self):
        ana = self.add_customer()
        messages = []
        for email in ("ana@example.com", "nobody@example.com"):
            ana.email = email
            with self.assert_refused("CREDENTIALS_REJECTED") as refused:
                self.prove_password(ana, "wrong horse battery")
            messages.append(refused.exception.details())
        self.assertEqual(*messages)
        ana.email = " ANA@Example.com"
        self.prove_password(ana)

    def test_saml_that_is_configured_meanwhile_stops_a_sign_in_under_way(self):
        token = self.prove_password(self.add_customer()).token
        self.update({"saml": SAML}, "saml", "mfa.enforced")
        step = self.auth.GetSignIn(sign_in_token=token).sign_in
        self.assertEqual(step.saml.sso_url, SAML["sso_url"])
        with self.assert_refused("PORTAL_USES_SAML"):
            self.auth.StartEnrollment(sign_in_token=token, totp={})
        with self.assert_refused("PORTAL_USES_SAML"):
            self.auth.VerifyPassword(sign_in_token=token, password=PASSWORD)

    def test_a_sign_in_is_no_session(self):
        token = self.prove_password(self.add_customer()).token
        with self.assert_refused("REQUEST_INVALID", fields=["session_token"]):
            self.validate(token)
