"""The pages of the portal against a real gatehouse: the calls of each, as a browser makes them."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
import unittest
import unittest.mock

from authenticator import Authenticator
from fastapi.testclient import TestClient
from gatehouse_session import COOKIES
from portal import main
from support import NEW_PASSWORD, PASSWORD, EnforcingTest, GatehouseTest
from test_session import browser


class Pages(GatehouseTest):
    def setUp(self):
        super().setUp()
        self.ana = self.add_customer()
        self.browser = browser(self.auth)

    def post(self, path: str, **body: str):
        return self.browser.post(f"/api{path}", json=body)

    def done(self, path: str, **body: str):
        answer = self.post(path, **body)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertNotRegex(answer.text, "gh[ipsav]_", "a token is for the cookie alone")
        return answer.json()

    def to_the_password(self) -> None:
        self.assertEqual(self.done("/sign-in", email=self.ana.email)["next"], "password")

    def past_the_password(self):
        self.to_the_password()
        return self.done("/sign-in/password", password=PASSWORD)

    def scan(self, pending) -> Authenticator:
        self.assertTrue(pending["totp"]["qrSvg"].startswith("<svg "))
        return Authenticator(pending["totp"]["otpauthUri"])


class SigningIn(EnforcingTest, Pages):
    def test_the_first_sign_in_sets_up_mfa_and_the_next_one_asks_for_it(self):
        self.assertEqual(self.past_the_password()["next"], "enroll")
        app = self.scan(self.done("/sign-in/mfa/start")["enroll"]["pending"])
        wrong = self.post("/sign-in/mfa/verify", totp_code=app.wrong_code())
        self.assertEqual((wrong.status_code, wrong.json()["attempts_remaining"]), (422, "4"))
        verified = self.done("/sign-in/mfa/verify", totp_code=app.next_code())
        self.assertEqual(verified["enroll"]["pending"]["state"], "ENROLLMENT_STATE_VERIFIED")
        self.assertEqual(self.done("/sign-in/mfa/enable")["next"], "backupCodes")
        codes = self.done("/sign-in/backup-codes")["codes"]
        self.assertEqual(len(codes), 5)
        self.assertEqual(self.done("/sign-in/finish")["next"], "session")
        self.assertNotIn(COOKIES["sign-in"], self.browser.cookies)
        self.assertEqual(self.browser.get("/api/bank-account").status_code, 200)

        for proof in ({"totp_code": app.next_code()}, {"backup_code": codes[0]}):
            self.assertEqual(self.past_the_password()["next"], "secondFactor")
            # A reload shows the same page.
            self.assertEqual(self.browser.get("/api/sign-in").json()["next"], "secondFactor")
            wrong = self.post("/sign-in/code", totp_code=app.wrong_code())
            self.assertEqual((wrong.status_code, wrong.json()["attempts_remaining"]), (422, "9"))
            self.assertEqual(self.done("/sign-in/code", **proof)["next"], "session")

    def test_what_is_being_set_up_can_be_given_up(self):
        self.past_the_password()
        self.done("/sign-in/mfa/start")
        self.assertNotIn("pending", self.done("/sign-in/mfa/delete")["enroll"])
        enabled = self.post("/sign-in/mfa/enable")
        self.assertEqual(
            (enabled.status_code, enabled.json()["reason"]), (409, "ENROLLMENT_NOT_STARTED")
        )

    def test_a_step_out_of_order_leads_back(self):
        self.past_the_password()
        answer = self.post("/sign-in/finish")
        self.assertEqual((answer.status_code, answer.json()["goTo"]), (409, "/sign-in"))


class WithoutEnforcement(Pages):
    def test_cookies_are_for_this_host_over_tls_and_out_of_reach_of_scripts(self):
        self.to_the_password()
        signed_in = self.post("/sign-in/password", password=PASSWORD)
        given, taken = signed_in.headers.get_list("set-cookie")
        self.assertRegex(
            given, r"^__Host-session=ghs_[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure$"
        )
        self.assertRegex(taken, r'^__Host-sign-in=""; .*Max-Age=0')

    def test_a_wrong_password_is_said_beside_the_field(self):
        self.to_the_password()
        answer = self.post("/sign-in/password", password="wrong horse battery")
        self.assertEqual(
            (answer.status_code, answer.json()["reason"]), (422, "CREDENTIALS_REJECTED")
        )
        # The sign-in goes on.
        self.assertEqual(self.done("/sign-in/password", password=PASSWORD)["next"], "session")

    def test_after_too_many_tries_there_is_a_wait(self):
        self.to_the_password()
        for _ in range(5):
            self.post("/sign-in/password", password="wrong horse battery")
        answer = self.post("/sign-in/password", password="wrong horse battery")
        self.assertEqual((answer.status_code, answer.json()["reason"]), (429, "THROTTLED"))
        self.assertGreater(int(answer.headers["retry-after"]), 0)

    def test_a_sign_in_that_is_over_takes_its_cookie_along(self):
        self.browser.cookies.set(COOKIES["sign-in"], "ghi_" + "A" * 43)
        answer = self.browser.get("/api/sign-in")
        self.assertEqual((answer.status_code, answer.json()["goTo"]), (401, "/sign-in"))
        self.assertRegex(answer.headers["set-cookie"], r'^__Host-sign-in=""; .*Max-Age=0')

    def test_my_account_sets_mfa_up_changes_the_codes_and_disables_it(self):
        self.assertEqual(self.past_the_password()["next"], "session")
        shown = self.browser.get("/api/account").json()
        self.assertEqual(
            (shown["email"], shown["mfa"]["state"]), (self.ana.email, "MFA_STATE_DISABLED")
        )
        self.assertEqual([session["current"] for session in shown["sessions"]], [True])

        app = self.scan(self.done("/account/mfa/start")["pending"])
        self.done("/account/mfa/verify", totp_code=app.next_code())
        self.assertEqual(self.done("/account/mfa/enable")["state"], "MFA_STATE_ENABLED")
        self.assertEqual(len(self.done("/account/backup-codes")["codes"]), 5)
        proven = self.done("/account/confirm", totp_code=app.next_code())
        self.assertEqual(proven["assurance"], "ASSURANCE_MULTI_FACTOR")
        self.assertEqual(self.done("/account/mfa/disable")["state"], "MFA_STATE_DISABLED")

    def test_a_change_of_the_password_ends_the_other_sessions(self):
        self.past_the_password()
        other = self.sign_in(self.ana).token
        change = {"current_password": PASSWORD, "new_password": "short"}
        weak = self.post("/account/password", **change)
        self.assertEqual((weak.status_code, weak.json()["reason"]), (422, "PASSWORD_POLICY"))
        change["new_password"] = NEW_PASSWORD
        self.assertEqual(self.done("/account/password", **change)["sessionsEnded"], 1)
        with self.assert_refused("SESSION_INVALID", session_end="password_changed"):
            self.validate(other)
        self.assertEqual(self.browser.get("/api/invoices").status_code, 200)

    def test_sign_out_ends_the_session(self):
        self.past_the_password()
        token = self.browser.cookies[COOKIES["session"]]
        self.done("/sign-out")
        self.assertNotIn(COOKIES["session"], self.browser.cookies)
        with self.assert_refused("SESSION_INVALID", session_end="signed_out"):
            self.validate(token)

    def test_what_another_site_posts_is_refused(self):
        self.past_the_password()
        answer = self.browser.post("/api/sign-out", headers={"sec-fetch-site": "cross-site"})
        self.assertEqual(answer.status_code, 403)
        self.assertEqual(self.browser.get("/api/invoices").status_code, 200)

    def test_gatehouse_sees_the_customers_address(self):
        self.past_the_password()
        sessions = self.admin.ListSessions(parent=self.ana.name).sessions
        self.assertEqual([one.client.ip_address for one in sessions], ["203.0.113.7"])


class Program(GatehouseTest):
    def test_it_starts_by_a_good_key_and_not_by_another(self):
        with tempfile.NamedTemporaryFile("w") as file:
            settings = {"AUTH_ADDRESS": os.environ["SERVER_ADDRESS"], "AUTH_KEY_FILE": file.name}
            with unittest.mock.patch.dict(os.environ, settings):
                with self.assert_refused("API_KEY_INVALID"):
                    main()
                file.write(self.create_key("PORTAL_ACCESS_FULL").secret)
                file.flush()
                visitor = TestClient(main(), base_url="https://portal.example")
                self.assertEqual(visitor.get("/api/invoices").status_code, 401)


class Answers(unittest.TestCase):
    def test_only_a_verdict_about_a_token_takes_a_cookie(self):
        refusals = json.loads((pathlib.Path(__file__).parents[1] / "refusals.json").read_text())
        forgetting = {reason for reason, todo in refusals.items() if "forget" in todo}
        self.assertEqual(forgetting, {"SESSION_INVALID", "SIGN_IN_INVALID", "CUSTOMER_SUSPENDED"})
