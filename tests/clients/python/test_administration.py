"""What administrators change, and errors as every caller sees them."""

import datetime
import time

import grpc
from gatehouse.v1 import portal_pb2
from gatehouse_client import admin_service, portal_auth_service
from support import CLIENT, SAML, EnforcingTest, GatehouseTest

ENFORCED = {"mfa": {"enforced": True}}


class Policy(GatehouseTest):
    def test_a_preview_counts_whom_enforcement_means_and_changes_nothing(self):
        ana, ben = self.add_customer(), self.add_customer("ben@example.com")
        self.add_customer("eve@example.com")
        token = self.sign_in(ana).token
        self.set_up_in(token, ana)
        weaker = self.sign_in(ben).token

        preview = self.update(ENFORCED, "mfa.enforced", validate_only=True)
        self.assertTrue(preview.portal.mfa.enforced)
        self.assertEqual(
            preview.impact,
            portal_pb2.PolicyImpact(
                customers=3, customers_with_factor=1, customers_to_enroll=2, weaker_sessions=1
            ),
        )
        unchanged = self.admin.GetPortal(name=self.portal).portal
        self.assertEqual((unchanged.mfa.enforced, unchanged.etag), (False, self.etag))

        self.update(ENFORCED, "mfa.enforced", end_weaker_sessions=True)
        self.assert_session_ended(weaker, "revoked")
        self.validate(token)

    def test_an_update_changes_what_its_mask_names_and_nothing_else(self):
        change = {"display_name": "Other", "mfa": {"enforced": True, "issuer": "Acme"}}
        updated = self.update(change, "mfa.issuer").portal
        self.assertEqual(updated.display_name, "Acme Billing")
        self.assertEqual((updated.mfa.issuer, updated.mfa.enforced), ("Acme", False))
        cleared = self.update({}, "mfa.issuer").portal
        self.assertEqual(cleared.mfa.issuer, "", "named and unset: the default")

        for paths in ([], ["*"], ["name"], ["mfa.nothing"]):
            with self.assert_refused("REQUEST_INVALID", fields=["update_mask"]):
                self.update({}, *paths)
        renamed = self.admin.UpdateCustomer(
            customer={"name": self.add_customer().name, "display_name": "Ana", "suspended": True},
            update_mask={"paths": ["display_name"]},
        ).customer
        self.assertEqual((renamed.display_name, renamed.suspended), ("Ana", False))

    def test_what_has_changed_since_it_was_read_is_not_overwritten(self):
        change = {"etag": self.etag, "display_name": "Acme"}
        self.assertNotEqual(self.update(change, "display_name").portal.etag, self.etag)
        with self.assert_refused("ETAG_MISMATCH"):
            self.update(change, "display_name")

        name = self.add_customer().name
        etag = self.admin.GetCustomer(name=name).customer.etag

        def rename(display_name):
            self.admin.UpdateCustomer(
                customer={"name": name, "etag": etag, "display_name": display_name},
                update_mask={"paths": ["display_name"]},
            )

        rename("Ana")
        with self.assert_refused("ETAG_MISMATCH"):
            rename("Eve")
        with self.assert_refused("ETAG_MISMATCH"):
            self.admin.DeleteCustomer(name=name, etag=etag)


class Errors(EnforcingTest):
    def test_every_bad_field_is_named(self):
        with self.assert_refused("REQUEST_INVALID", fields=["email", "client"]):
            self.auth.StartSignIn(email="nobody")
        with self.assert_refused("REQUEST_INVALID", fields=["client.ip_address"]):
            self.auth.StartSignIn(email="ana@example.com", client={"ip_address": "x"})

    def test_what_is_taken_missing_or_in_the_way_is_named(self):
        ana = self.add_customer()
        with self.assert_refused("RESOURCE_EXISTS", fields=["customer.email"]) as exists:
            self.admin.CreateCustomer(
                parent=self.portal, customer={"email": "ANA@example.com"}, customer_id="c2"
            )
        self.assertEqual(exists.refusal.resource, ana.name)
        missing = f"{self.portal}/customers/nobody"
        with self.assert_refused("RESOURCE_NOT_FOUND") as not_found:
            self.admin.GetCustomer(name=missing)
        self.assertEqual(not_found.refusal.resource, missing)
        with self.assert_refused("MFA_ENFORCEMENT_SAML_CONFLICT") as conflict:
            self.update({"saml": SAML}, "saml")
        self.assertEqual(conflict.refusal.preconditions, [self.portal])

    def test_after_five_wrong_passwords_there_is_a_wait(self):
        ana = self.add_customer()
        for _ in range(5):
            with self.assert_refused("CREDENTIALS_REJECTED"):
                self.prove_password(ana, "wrong horse battery")
        with self.assert_refused("THROTTLED") as throttled:
            self.prove_password(ana, "wrong horse battery")
        self.assertTrue(0 < throttled.refusal.retry_after <= 3, throttled.refusal)
        retry_at = datetime.datetime.fromisoformat(throttled.refusal.metadata["retry_at"])
        self.assertGreater(retry_at.timestamp(), time.time() - 5)


class Keys(GatehouseTest):
    def setUp(self):
        super().setUp()
        self.ana = self.add_customer()
        self.token = self.sign_in(self.ana).token

    def test_an_api_key_that_is_not_valid_signs_nobody_out(self):
        key = self.create_key("PORTAL_ACCESS_FULL")
        other = portal_auth_service(self.channel, key.secret)
        other.ValidateSession(session_token=self.token)
        self.admin.RevokeApiKey(name=key.api_key.name)
        with self.assert_refused("API_KEY_INVALID") as refused:
            other.ValidateSession(session_token=self.token)
        self.assertEqual(refused.refusal.code, grpc.StatusCode.UNAUTHENTICATED)
        self.assertFalse(refused.refusal.ends_session)
        self.validate(self.token)
        with self.assert_refused("SESSION_INVALID") as unknown:
            self.validate(f"ghs_{'A' * 43}")
        self.assertTrue(unknown.refusal.ends_session)

    def test_a_key_reaches_as_far_as_its_grant(self):
        secret = self.create_key("PORTAL_ACCESS_VALIDATE").secret
        service = portal_auth_service(self.channel, secret)
        self.assertEqual(service.ValidateSession(session_token=self.token).email, self.ana.email)
        with self.assert_refused("API_KEY_SCOPE"):
            service.StartSignIn(email=self.ana.email, client=CLIENT)
        with self.assert_refused("API_KEY_SCOPE"):
            service.SignOut(session_token=self.token)

        grant = {"role": "ADMIN_ROLE_SUPPORT", "portals": [self.portal]}
        key = self.admin.CreateApiKey(api_key={"display_name": "help desk", "admin": grant})
        help_desk = admin_service(self.channel, key.secret)
        self.assertEqual(help_desk.GetPortal(name=self.portal).portal.name, self.portal)
        with self.assert_refused("API_KEY_SCOPE"):
            help_desk.UpdatePortal(
                portal={"name": self.portal, **ENFORCED}, update_mask={"paths": ["mfa.enforced"]}
            )
        with self.assert_refused("API_KEY_SCOPE"):
            help_desk.GetPortal(name="portals/elsewhere")
        help_desk.UnlockCustomer(name=self.ana.name)
