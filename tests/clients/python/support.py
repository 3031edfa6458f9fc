"""A portal of each test's own on the server that the tests run beside, and what a refusal has to be."""

import contextlib
import itertools
import os
import pathlib
import re
import subprocess
import unittest

import grpc
from authenticator import Authenticator
from errors import Refusal
from gatehouse.v1 import error_reason_pb2, mfa_pb2, session_pb2
from gatehouse_client import admin_service, connect, portal_auth_service
from pages import Pages

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse battery"
CLIENT = {"ip_address": "2001:db8::7", "user_agent": "Firefox"}
SHA1_SIX_DIGITS = mfa_pb2.TotpParameters(
    algorithm=mfa_pb2.TOTP_ALGORITHM_SHA1, digits=6, period_seconds=30
)
MULTI_FACTOR = session_pb2.ASSURANCE_MULTI_FACTOR
SAML = {
    "idp_entity_id": "https://idp.example/metadata",
    "sso_url": "https://idp.example/sso",
    "idp_certificate": (
        pathlib.Path(__file__).parents[2] / "support/certificate.pem"
    ).read_text(),
}
CODES = {
    grpc.StatusCode.UNAUTHENTICATED: (
        "API_KEY_INVALID",
        "CREDENTIALS_REJECTED",
        "SIGN_IN_INVALID",
        "SESSION_INVALID",
        "INVITATION_INVALID",
    ),
    grpc.StatusCode.PERMISSION_DENIED: ("API_KEY_SCOPE", "CUSTOMER_SUSPENDED"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: ("THROTTLED", "SIGN_IN_LOCKED", "OVERLOADED"),
    grpc.StatusCode.INVALID_ARGUMENT: ("REQUEST_INVALID", "PASSWORD_POLICY"),
    grpc.StatusCode.NOT_FOUND: ("RESOURCE_NOT_FOUND",),
    grpc.StatusCode.ALREADY_EXISTS: ("RESOURCE_EXISTS",),
    grpc.StatusCode.ABORTED: ("ETAG_MISMATCH",),
}


def code_of(reason):
    for code, reasons in CODES.items():
        if reason in reasons:
            return code
    return grpc.StatusCode.FAILED_PRECONDITION


class Customer:
    """A person with what they know and have."""

    def __init__(self, name, email):
        self.name = name
        self.email = email
        self.password = PASSWORD
        self.app = None
        self.backup_codes = []

    def scan(self, totp):
        """Adds the account to the authenticator app, in place of an earlier one."""
        self.app = Authenticator(totp.otpauth_uri)
        return self.app

    def lose_phone(self):
        """The next proof is a backup code."""
        self.app = None


class GatehouseTest(unittest.TestCase):
    """An administrator and a portal, new for every test."""

    # What the portal is made with.
    SETTINGS = {}
    numbers = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        cls.channel = connect(os.environ["SERVER_ADDRESS"])
        cls.addClassCleanup(cls.channel.close)
        owner = subprocess.run(
            ["gatehouse", "create-owner-key"], check=True, capture_output=True, text=True
        ).stdout
        assert re.fullmatch(r"gha_[A-Za-z0-9_-]{43}\n", owner), "prints the key alone"
        cls.admin = admin_service(cls.channel, owner.strip())

    def setUp(self):
        self.use_portal(**self.SETTINGS)

    def use_portal(self, **settings):
        """Goes on with another portal, made with these settings."""
        portal = self.admin.CreatePortal(
            portal_id=f"python-{os.getpid()}-{next(self.numbers)}",
            portal={"display_name": "Acme Billing", **settings},
        ).portal
        self.portal, self.etag = portal.name, portal.etag
        self.auth = portal_auth_service(self.channel, self.create_key("PORTAL_ACCESS_FULL").secret)

    def create_key(self, access):
        key = self.admin.CreateApiKey(
            api_key={
                "display_name": "acme web",
                "portal": {"portal": self.portal, "access": access},
            }
        )
        self.assertRegex(key.secret, r"^ghp_[A-Za-z0-9_-]{43}$")
        return key

    def update(self, change, *paths, **more):
        return self.admin.UpdatePortal(
            portal={"name": self.portal, **change}, update_mask={"paths": paths}, **more
        )

    def enforce(self, enforced):
        return self.update({"mfa": {"enforced": enforced}}, "mfa.enforced")

    def add_customer(self, email="ana@example.com", password=PASSWORD):
        customer = self.admin.CreateCustomer(
            parent=self.portal, customer={"email": email}, password=password
        ).customer
        self.assertEqual((customer.email, customer.has_password), (email, bool(password)))
        return Customer(customer.name, email)

    def sign_in(self, customer):
        """Signs in by whatever the server asks for; gives the issued session."""
        return Pages(self.auth, customer).sign_in(CLIENT)

    def prove_password(self, customer, password=None):
        """A sign-in past the password."""
        started = self.auth.StartSignIn(email=customer.email, client=CLIENT).sign_in
        self.assertEqual(started.WhichOneof("next"), "password")
        return self.auth.VerifyPassword(
            sign_in_token=started.token, password=password or customer.password
        ).sign_in

    def validate(self, token, **more):
        return self.auth.ValidateSession(session_token=token, **more)

    def set_up_in(self, token, customer):
        """Sets up MFA in My Account, or changes it; the app has one more code that works."""
        started = self.auth.StartEnrollment(session_token=token, totp={}).mfa
        code = customer.scan(started.pending.totp).next_code()
        self.auth.VerifyEnrollment(session_token=token, totp_code=code)
        return self.auth.EnableMfa(session_token=token).mfa

    @contextlib.contextmanager
    def assert_refused(self, reason, fields=(), **metadata):
        """The call within is refused for `reason`, by code, details and trailer, and tells no more
        than `fields` and `metadata`. What it tells is in the `refusal` of what this gives."""
        self.assertIn(f"ERROR_REASON_{reason}", error_reason_pb2.ErrorReason.keys())
        with self.assertRaises(grpc.RpcError) as raised:
            yield raised
        refusal = raised.refusal = Refusal.read(raised.exception)
        told = {key: value for key, value in refusal.metadata.items() if key != "retry_at"}
        self.assertEqual(
            (refusal.code, refusal.reason, refusal.domain, refusal.trailer, refusal.fields, told),
            (code_of(reason), reason, "gatehouse.v1", reason, list(fields), metadata),
            raised.exception,
        )

    def assert_rejected(self, attempts_remaining):
        """The wrong or used code within is refused, with so many more to go."""
        return self.assert_refused(
            "CREDENTIALS_REJECTED", attempts_remaining=str(attempts_remaining)
        )

    def assert_needs_proof(self, accepted):
        return self.assert_refused("REAUTHENTICATION_REQUIRED", accepted=accepted)

    def assert_session_ended(self, token, end):
        with self.assert_refused("SESSION_INVALID", session_end=end):
            self.validate(token)


class EnforcingTest(GatehouseTest):
    """The portal enforces MFA."""

    SETTINGS = {"mfa": {"enforced": True}}
