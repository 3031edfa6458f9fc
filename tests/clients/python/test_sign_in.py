"""The whole enforced sign-in, by grpcio with generated stubs and pyotp as the authenticator app."""

import os
import re
import subprocess
import time
import unittest

import grpc
import pyotp
from gatehouse.v1 import admin_service_pb2 as admin
from gatehouse.v1 import admin_service_pb2_grpc
from gatehouse.v1 import api_key_pb2, client_context_pb2, customer_pb2, error_reason_pb2
from gatehouse.v1 import mfa_pb2, portal_pb2, session_pb2, sign_in_pb2
from gatehouse.v1 import portal_auth_service_pb2 as auth
from gatehouse.v1 import portal_auth_service_pb2_grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

EMAIL = "ana@example.com"
PASSWORD = "correct horse battery"
CLIENT = client_context_pb2.ClientContext(ip_address="2001:db8::7", user_agent="Firefox")
SHA1_SIX_DIGITS = mfa_pb2.TotpParameters(
    algorithm=mfa_pb2.TOTP_ALGORITHM_SHA1, digits=6, period_seconds=30
)


class Key(grpc.UnaryUnaryClientInterceptor):
    """Sends an API key with every call."""

    def __init__(self, secret):
        self._metadata = [("authorization", f"Bearer {secret}")]

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(details._replace(metadata=self._metadata), request)


class Authenticator:
    """The customer's app. Its clock stands where it was when the secret was scanned."""

    def __init__(self, otpauth_uri):
        self.totp = pyotp.parse_uri(otpauth_uri)
        self._scanned_at = int(time.time())

    def code(self, steps_later=0):
        return self.totp.at(self._scanned_at + steps_later * self.totp.interval)


class SignIn(unittest.TestCase):
    """One customer of one portal, from the empty portal on."""

    @classmethod
    def setUpClass(cls):
        channel = grpc.insecure_channel(os.environ["SERVER_ADDRESS"])
        cls.addClassCleanup(channel.close)
        owner = subprocess.run(
            ["gatehouse", "create-owner-key"], check=True, capture_output=True, text=True
        ).stdout
        assert re.fullmatch(r"gha_[A-Za-z0-9_-]{43}\n", owner), "prints the key alone"
        cls.admin = admin_service_pb2_grpc.AdminServiceStub(
            grpc.intercept_channel(channel, Key(owner.strip()))
        )
        cls.channel = channel

    def setUp(self):
        """A portal of this test's own, named after it, that enforces MFA."""
        portal_id = self.id().rpartition(".")[2].replace("_", "-")
        self.portal = self.admin.CreatePortal(
            admin.CreatePortalRequest(
                portal_id=portal_id, portal=portal_pb2.Portal(display_name="Acme Billing")
            )
        ).portal.name
        self.assertEqual(self.portal, f"portals/{portal_id}")

        key = self.admin.CreateApiKey(
            admin.CreateApiKeyRequest(
                api_key=api_key_pb2.ApiKey(
                    display_name="acme web",
                    portal=api_key_pb2.PortalGrant(
                        portal=self.portal, access=api_key_pb2.PORTAL_ACCESS_FULL
                    ),
                )
            )
        )
        self.assertRegex(key.secret, r"^ghp_[A-Za-z0-9_-]{43}$")
        self.auth = portal_auth_service_pb2_grpc.PortalAuthServiceStub(
            grpc.intercept_channel(self.channel, Key(key.secret))
        )

        customer = self.admin.CreateCustomer(
            admin.CreateCustomerRequest(
                parent=self.portal, customer=customer_pb2.Customer(email=EMAIL), password=PASSWORD
            )
        ).customer
        self.assertEqual((customer.email, customer.has_password), (EMAIL, True))
        self.assertEqual(customer.mfa.state, mfa_pb2.MFA_STATE_DISABLED)
        self.customer = customer.name

        enforce = admin.UpdatePortalRequest(
            portal=portal_pb2.Portal(name=self.portal, mfa=portal_pb2.MfaPolicy(enforced=True)),
            update_mask=FieldMask(paths=["mfa.enforced"]),
        )
        enforced = self.admin.UpdatePortal(enforce)
        self.assertTrue(enforced.portal.mfa.enforced)
        self.assertEqual(enforced.impact, portal_pb2.PolicyImpact(customers=1, customers_to_enroll=1))

    def assert_refused(self, code, reason, method, /, **fields):
        """The call is refused; the status, its ErrorInfo and the trailer agree on why."""
        with self.assertRaises(grpc.RpcError) as refused:
            method(**fields)
        error = refused.exception
        name = error_reason_pb2.ErrorReason.Name(reason)
        self.assertEqual(error.code(), code, error)
        self.assertEqual(dict(error.trailing_metadata())["gatehouse-reason"], name)
        infos = [
            ErrorInfo.FromString(detail.value)
            for detail in rpc_status.from_call(error).details
            if detail.Is(ErrorInfo.DESCRIPTOR)
        ]
        self.assertEqual([(info.domain, info.reason) for info in infos], [("gatehouse.v1", name)])
        return infos[0].metadata

    def assert_rejected(self, method, /, **fields):
        return self.assert_refused(
            grpc.StatusCode.UNAUTHENTICATED,
            error_reason_pb2.ERROR_REASON_CREDENTIALS_REJECTED,
            method,
            **fields,
        )

    def assert_session_invalid(self, token, end):
        metadata = self.assert_refused(
            grpc.StatusCode.UNAUTHENTICATED,
            error_reason_pb2.ERROR_REASON_SESSION_INVALID,
            self.validate,
            token=token,
        )
        self.assertEqual(metadata["session_end"], end)

    def start(self):
        started = self.auth.StartSignIn(auth.StartSignInRequest(email=EMAIL, client=CLIENT)).sign_in
        self.assertEqual((started.email, started.WhichOneof("next")), (EMAIL, "password"))
        self.assertAlmostEqual(started.expire_time.ToSeconds() - time.time(), 300, delta=10)
        return started.token

    def verify_password(self, token, password=PASSWORD):
        return self.auth.VerifyPassword(
            auth.VerifyPasswordRequest(sign_in_token=token, password=password)
        ).sign_in

    def prove_password(self):
        started = self.start()
        proven = self.verify_password(started)
        self.assertNotEqual(proven.token, started)
        return proven

    def verify_second_factor(self, **fields):
        return self.auth.VerifySecondFactor(auth.VerifySecondFactorRequest(**fields)).sign_in

    def verify_enrollment(self, token, code):
        return self.auth.VerifyEnrollment(
            auth.VerifyEnrollmentRequest(sign_in_token=token, totp_code=code)
        ).sign_in

    def validate(self, token):
        return self.auth.ValidateSession(
            auth.ValidateSessionRequest(
                session_token=token, min_assurance=session_pb2.ASSURANCE_MULTI_FACTOR
            )
        )

    def assert_multi_factor(self, finished, backup_codes):
        self.assertEqual(finished.WhichOneof("next"), "session")
        issued = finished.session
        self.assertRegex(issued.token, r"^ghs_[A-Za-z0-9_-]{43}$")
        self.assertEqual(issued.backup_codes_remaining, backup_codes)
        valid = self.validate(issued.token)
        self.assertEqual((valid.customer, valid.email), (self.customer, EMAIL))
        for session in (issued.session, valid.session):
            self.assertTrue(session.name.startswith(f"{self.customer}/sessions/"))
            self.assertEqual(session.assurance, session_pb2.ASSURANCE_MULTI_FACTOR)
            self.assertEqual(session.client, CLIENT)
        return issued.token

    def enroll(self):
        """The first sign-in, up to its session: the app, the backup codes and the session."""
        step = self.prove_password()
        self.assertEqual(step.enroll, sign_in_pb2.EnrollStep(available=[mfa_pb2.FACTOR_TYPE_TOTP]))
        token = step.token

        step = self.auth.StartEnrollment(
            auth.StartEnrollmentRequest(sign_in_token=token, totp=auth.StartTotp())
        ).sign_in
        pending = step.enroll.pending
        self.assertEqual(pending.state, mfa_pb2.ENROLLMENT_STATE_PENDING)
        self.assertEqual(pending.totp.parameters, SHA1_SIX_DIGITS)
        app = Authenticator(pending.totp.otpauth_uri)
        self.assertEqual(
            (app.totp.secret, app.totp.issuer, app.totp.name),
            (pending.totp.secret, "Acme Billing", EMAIL),
        )

        rejected = self.assert_rejected(self.verify_enrollment, token=token, code=app.code(100))
        self.assertEqual(rejected["attempts_remaining"], "4")
        verified = self.verify_enrollment(token, app.code()).enroll.pending
        self.assertEqual(verified.state, mfa_pb2.ENROLLMENT_STATE_VERIFIED)
        self.assertEqual(verified.totp, mfa_pb2.TotpEnrollment(parameters=SHA1_SIX_DIGITS))

        step = self.auth.EnableMfa(auth.EnableMfaRequest(sign_in_token=token)).sign_in
        self.assertEqual(step.WhichOneof("next"), "backup_codes")
        codes = self.auth.GenerateBackupCodes(
            auth.GenerateBackupCodesRequest(sign_in_token=token)
        ).codes
        self.assertEqual(len(set(codes)), 5)
        for code in codes:
            self.assertRegex(code, r"^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$")

        finished = self.auth.FinishSignIn(auth.FinishSignInRequest(sign_in_token=token)).sign_in
        return app, codes, self.assert_multi_factor(finished, backup_codes=5)

    def test_each_code_signs_in_once(self):
        app, backup_codes, _ = self.enroll()

        step = self.prove_password()
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
        token = step.token
        # The code that verified the enrollment.
        self.assert_rejected(self.verify_second_factor, sign_in_token=token, totp_code=app.code())
        finished = self.verify_second_factor(sign_in_token=token, totp_code=app.code(1))
        self.assert_multi_factor(finished, backup_codes=5)

        token = self.prove_password().token
        self.assert_rejected(self.verify_second_factor, sign_in_token=token, totp_code=app.code(1))
        finished = self.verify_second_factor(sign_in_token=token, backup_code=backup_codes[0])
        self.assert_multi_factor(finished, backup_codes=4)

        token = self.prove_password().token
        self.assert_rejected(
            self.verify_second_factor, sign_in_token=token, backup_code=backup_codes[0]
        )

    def test_a_wrong_password_looks_like_an_unknown_email(self):
        answers = []
        for email in (EMAIL, "nobody@example.com"):
            token = self.auth.StartSignIn(auth.StartSignInRequest(email=email, client=CLIENT))
            answers.append(
                self.assert_rejected(
                    self.verify_password, token=token.sign_in.token, password="wrong horse battery"
                )
            )
        self.assertEqual(*answers)

    def test_reset_takes_away_factor_and_sessions(self):
        _, _, session = self.enroll()
        reset = self.admin.ResetCustomerMfa(
            admin.ResetCustomerMfaRequest(name=self.customer, reason="lost phone")
        )
        self.assertEqual((reset.customer.name, reset.sessions_ended), (self.customer, 1))
        self.assertEqual(reset.customer.mfa.state, mfa_pb2.MFA_STATE_DISABLED)
        self.assert_session_invalid(session, "mfa_reset")
        self.assertEqual(self.prove_password().WhichOneof("next"), "enroll")

    def test_sign_out_ends_the_session(self):
        _, _, session = self.enroll()
        sign_out = auth.SignOutRequest(session_token=session)
        self.assertEqual(self.auth.SignOut(sign_out).sessions_ended, 1)
        self.assert_session_invalid(session, "signed_out")
        self.assertEqual(self.auth.SignOut(sign_out).sessions_ended, 0)


if __name__ == "__main__":
    unittest.main()
