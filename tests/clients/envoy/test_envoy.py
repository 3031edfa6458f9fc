"""Whom Envoy lets pass, as whom, and what it answers the others."""

import pathlib
import re
import tempfile
import unittest

from gatehouse_client import admin_service, connect
from proxy import CONFIGURATION, Proxy, make_certificate
from server import Postgres, Server
from support import GatehouseTest

ON = {"GATEHOUSE_ENVOY_AUTHORIZATION": "true"}
# What the configuration has as a comment.
IN_TLS = re.compile("      #(transport_socket|  )")
IDENTITY = [
    "x-gatehouse-portal",
    "x-gatehouse-customer",
    "x-gatehouse-session",
    "x-gatehouse-email",
    "x-gatehouse-display-name",
    "x-gatehouse-assurance",
    "x-gatehouse-authentication-time",
    "x-gatehouse-second-factor-time",
]
SPOOFED = [
    *((name, "spoofed") for name in IDENTITY),
    *((name.title(), "spoofed") for name in IDENTITY),
    *((name.replace("-", "_").upper(), "spoofed") for name in IDENTITY),
    ("X-Gatehouse-Role", "spoofed"),
]


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def cookie(token, *others):
    return ("Cookie", "; ".join(["theme=dark", f"__Host-session={token}", *others]))


class EnvoyTest(GatehouseTest):
    """A server of the class's own that answers Envoy, and a portal of each test's own."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**ON)
        cls.addClassCleanup(cls.server.stop)
        cls.channel = connect(cls.server.address)
        cls.addClassCleanup(cls.channel.close)
        cls.admin = admin_service(cls.channel, cls.server.owner_key())

    def setUp(self):
        super().setUp()
        self.key = self.create_key("PORTAL_ACCESS_VALIDATE")
        self.ana = self.add_customer(f"ana{next(self.numbers)}@example.com")
        self.token = self.sign_in(self.ana).token

    def start_proxy(self, changes=None):
        """A site behind Envoy, which asks for this portal."""
        proxy = Proxy(self.server.address, self.key.secret, changes)
        self.addCleanup(proxy.stop)
        return proxy

    def assert_denied(self, answer, status, reason, challenge=None, **said):
        """And that nobody has to know more, or keeps it."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.body, {"reason": reason, **said})
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(answer.headers.get("www-authenticate"), challenge)
        self.assertEqual(answer.headers.get("retry-after"), "5" if status == 503 else None)
        self.assertNotIn("set-cookie", answer.headers)

    @property
    def realm(self):
        return f'Bearer realm="{self.portal.removeprefix("portals/")}"'

    def step_up(self, demand):
        return f'{self.realm}, error="insufficient_user_authentication", {demand}'


class Deployed(EnvoyTest):
    """What is deployed, as it is: one Envoy for all of the tests, a customer for each."""

    proxy = None

    def use_portal(self, **settings):
        cls = type(self)
        if cls.proxy is None:
            super().use_portal(**settings)
            cls.portal, cls.auth = self.portal, self.auth
            key = self.create_key("PORTAL_ACCESS_VALIDATE").secret
            cls.proxy = Proxy(cls.server.address, key)
            cls.addClassCleanup(cls.proxy.stop)

    def assert_is_ana(self, answer):
        self.assertEqual(answer.status, 200, answer)
        valid = self.validate(self.token, passive=True)
        expected = {
            "x-gatehouse-portal": [self.portal],
            "x-gatehouse-customer": [valid.customer],
            "x-gatehouse-session": [valid.session.name],
            "x-gatehouse-email": [self.ana.email],
            "x-gatehouse-display-name": [],
            "x-gatehouse-assurance": ["ASSURANCE_PASSWORD"],
            "x-gatehouse-authentication-time": [valid.session.authentication_time.ToJsonString()],
            "x-gatehouse-second-factor-time": [],
            "x-gatehouse-role": [],
        }
        self.assertEqual({name: answer.seen(name) for name in expected}, expected)

    def test_a_header_and_a_cookie_pass_and_the_token_stays_behind(self):
        answer = self.proxy.get("/", bearer(self.token))
        self.assert_is_ana(answer)
        self.assertEqual((answer.seen("authorization"), answer.seen("cookie")), ([], []))
        answer = self.proxy.get("/", cookie(self.token, "a=b"))
        self.assert_is_ana(answer)
        self.assertEqual(answer.seen("cookie"), ["theme=dark; a=b"])
        self.assert_is_ana(self.proxy.get("/", bearer(self.token), cookie(self.token)))

    def test_pages_about_the_session_see_its_token(self):
        answer = self.proxy.get("/account", cookie(self.token))
        self.assert_is_ana(answer)
        self.assertEqual(answer.seen("cookie"), [f"theme=dark; __Host-session={self.token}"])

    def test_nobody_passes_for_somebody_else(self):
        self.assert_is_ana(self.proxy.get("/", bearer(self.token), *SPOOFED))
        self.assert_is_ana(self.proxy.get("/", *SPOOFED, *SPOOFED, cookie(self.token)))
        # As many headers as Envoy takes, so that there is no room for one more.
        rest = [(f"x-{number}", "") for number in range(90)]
        answer = self.proxy.get("/", bearer(self.token), ("x-gatehouse-email", "x"), *rest)
        self.assertEqual((answer.status, answer.body), (500, {}))

    def test_who_is_not_asked_is_nobody(self):
        answer = self.proxy.get("/public", bearer(self.token), *SPOOFED, *SPOOFED)
        self.assertEqual(answer.status, 200)
        seen = {name: answer.seen(name) for name in [*IDENTITY, "x-gatehouse-role"]}
        self.assertEqual(seen, dict.fromkeys(seen, []))

    def test_no_path_leads_around_a_check(self):
        for path in [
            "/public/../billing",
            "/public/%2e%2e/billing",
            "//billing",
            "/publicity",
            "/public%2f..%2fbilling",
            "/public/..%2fbilling",
            "/public/..\\billing",
            "/PUBLIC",
        ]:
            self.assertNotEqual(self.proxy.get(path).status, 200, path)

    def test_a_doubled_token_has_to_be_one(self):
        other = self.sign_in(self.ana).token
        challenge = f'{self.realm}, error="invalid_request"'
        challenge += ', error_description="more than one session token"'
        for headers in [
            [bearer(self.token), cookie(other)],
            [cookie(self.token, f"__Host-session={other}")],
            [cookie(self.token), cookie(other)],
        ]:
            self.assert_denied(self.proxy.get("/", *headers), 400, "REQUEST_INVALID", challenge)
        answer = self.proxy.get("/", bearer(self.token), bearer(other))
        self.assert_denied(answer, 401, "SESSION_INVALID", f'{self.realm}, error="invalid_token"')

    def test_who_is_not_signed_in_is_told_how_to_be(self):
        invalid = f'{self.realm}, error="invalid_token"'
        self.assert_denied(self.proxy.get("/"), 401, "SESSION_INVALID", self.realm)
        for token in ["ghs_" + "A" * 43, "x", self.key.secret]:
            answer = self.proxy.get("/", bearer(token))
            self.assert_denied(answer, 401, "SESSION_INVALID", invalid)
        self.auth.SignOut(session_token=self.token)
        answer = self.proxy.get("/", cookie(self.token))
        self.assert_denied(answer, 401, "SESSION_INVALID", invalid, session_end="signed_out")

    def test_a_route_asks_for_a_second_factor(self):
        answer = self.proxy.get("/billing", cookie(self.token))
        self.assert_denied(answer, 403, "MFA_NOT_ENABLED")
        self.set_up_in(self.token, self.ana)
        weak = self.prove_password(self.ana)
        code = self.ana.app.next_code()
        strong = self.auth.VerifySecondFactor(sign_in_token=weak.token, totp_code=code)
        token = strong.sign_in.session.token
        answer = self.proxy.get("/billing", bearer(token))
        self.assertEqual(answer.seen("x-gatehouse-assurance"), ["ASSURANCE_MULTI_FACTOR"])
        [proven] = answer.seen("x-gatehouse-second-factor-time")
        session = self.validate(token).session
        self.assertEqual(proven, session.second_factor_time.ToJsonString())

    def test_who_has_a_second_factor_has_to_prove_it(self):
        other = self.sign_in(self.ana).token
        self.set_up_in(other, self.ana)
        answer = self.proxy.get("/billing", cookie(self.token))
        challenge = self.step_up('acr_values="ASSURANCE_MULTI_FACTOR"')
        self.assert_denied(
            answer, 401, "REAUTHENTICATION_REQUIRED", challenge, accepted="totp_code"
        )


class Otherwise(EnvoyTest):
    """Where something is not as it should be."""

    def test_the_portals_key_is_no_customers_fault(self):
        # Also where Envoy is told to be kind after errors.
        proxy = self.start_proxy({"failure_mode_allow: false": "failure_mode_allow: true"})
        self.admin.RevokeApiKey(name=self.key.api_key.name)
        for token in [self.token, "ghs_" + "A" * 43]:
            self.assert_denied(proxy.get("/", cookie(token)), 503, "API_KEY_INVALID")
        self.assert_denied(proxy.get("/"), 503, "API_KEY_INVALID")

    def test_what_gatehouse_cannot_read_or_does_not_answer_lets_nobody_pass(self):
        kind = {"failure_mode_allow: false": "failure_mode_allow: true"}
        address = "use_remote_address: true"
        large = {address: f"{address}\n                max_request_headers_kb: 1024"}
        proxy = self.start_proxy(kind | large)
        self.assertEqual(proxy.get("/", cookie(self.token, "a" * 50_000)).status, 200)
        for headers in [[cookie(self.token, "a" * 200_000)], [bearer("a" * 200_000)]]:
            self.assert_denied(proxy.get("/", *headers), 431, "REQUEST_INVALID")
        self.use_another_server()
        for headers in [[], [cookie(self.token)], [bearer("x")]]:
            answer = self.start_proxy(kind).get("/", *headers)
            self.assert_denied(answer, 500, "REQUEST_INVALID")

    def test_a_proof_may_be_too_old(self):
        proxy = self.start_proxy({"max_authentication_age: 300s": "max_authentication_age: 0s"})
        answer = proxy.get("/transfer", cookie(self.token))
        challenge = self.step_up('max_age="0"')
        self.assert_denied(answer, 401, "REAUTHENTICATION_REQUIRED", challenge, accepted="password")

    def test_what_a_route_cannot_ask_for_lets_nobody_pass(self):
        for changes in [
            {"max_authentication_age: 300s": "max_authentication_age: '300'"},
            {"max_authentication_age: 300s": "max_age: 300s"},
        ]:
            answer = self.start_proxy(changes).get("/transfer", bearer(self.token))
            self.assert_denied(answer, 500, "REQUEST_INVALID")

    def test_a_gatehouse_that_is_away_signs_nobody_out(self):
        proxy = self.start_proxy()
        self.server.kill()
        try:
            for headers in [[], [cookie(self.token)], [bearer("x")]]:
                self.assert_kept_waiting(proxy.get("/", *headers))
            self.assertEqual(proxy.get("/public").status, 200)
        finally:
            self.server.start()
        self.assertEqual(proxy.get("/", cookie(self.token)).status, 200)

    def test_a_database_that_is_away_signs_nobody_out(self):
        postgres = Postgres()
        self.addCleanup(postgres.stop)
        self.use_another_server(GATEHOUSE_DATABASE_URL=postgres.url, **ON)
        proxy = self.start_proxy()
        self.assertEqual(proxy.get("/", cookie(self.token)).status, 200)
        postgres.stop()
        for headers in [[], [cookie(self.token)], [bearer("x")]]:
            self.assert_denied(proxy.get("/", *headers), 503, "STORE_UNAVAILABLE")

    def test_envoy_and_gatehouse_know_each_other_by_tls(self):
        self.use_another_server(**ON)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        name = "gatehouse.example.com"
        for file in ["gatehouse", "envoy"]:
            make_certificate(pathlib.Path(folder.name), file, name)
        self.server.kill()
        self.server.environment |= {
            "GATEHOUSE_TLS_CERTIFICATE": f"{folder.name}/gatehouse.pem",
            "GATEHOUSE_TLS_KEY": f"{folder.name}/gatehouse.key",
            "GATEHOUSE_TLS_CLIENT_CA": f"{folder.name}/envoy.pem",
        }
        self.server.start()
        self.assert_kept_waiting(self.start_proxy().get("/", cookie(self.token)))
        commented = [line for line in CONFIGURATION.read_text().splitlines() if IN_TLS.match(line)]
        changes = {line: line.replace("#", "", 1) for line in commented}
        changes["{ filename: ca.pem }"] = f"{{ filename: {folder.name}/gatehouse.pem }}"
        for file in ["envoy.pem", "envoy.key"]:
            changes[f"{{ filename: {file} }}"] = f"{{ filename: {folder.name}/{file} }}"
        proxy = self.start_proxy(changes)
        self.assertEqual(proxy.get("/", cookie(self.token)).status, 200)

    def use_another_server(self, **environment):
        """Goes on with a server of this test's own."""
        self.server = Server(**environment)
        self.addCleanup(self.server.stop)
        self.channel = connect(self.server.address)
        self.addCleanup(self.channel.close)
        self.admin = admin_service(self.channel, self.server.owner_key())
        self.setUp()

    def assert_kept_waiting(self, answer):
        """By Envoy itself, which was told nothing."""
        self.assertEqual((answer.status, answer.body), (503, {}))
        self.assertNotIn("www-authenticate", answer.headers)


if __name__ == "__main__":
    unittest.main()
