"""The session middleware against a real gatehouse: who gets in, and what everybody else is told."""

from __future__ import annotations

import concurrent.futures
import datetime
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc
from errors import reason
from fastapi.testclient import TestClient
from gatehouse_client import admin_service, connect, key_file, portal_auth_service
from gatehouse_session import COOKIES
from pages import Pages
from portal import create_app
from server import Postgres, Server
from support import CLIENT, PASSWORD, Customer, GatehouseTest

SESSION = COOKIES["session"]
BROKEN_ANSWER = pathlib.Path(__file__).parents[2] / "tests/clients/broken_answer.py"
NOBODY = "ghs_" + "A" * 43


def browser(auth, **cookies: str) -> TestClient:
    """A browser with these cookies at a portal over this gatehouse."""
    found = TestClient(
        create_app(auth),
        base_url="https://portal.example",
        client=("203.0.113.7", 50000),
        raise_server_exceptions=False,
    )
    found.cookies.update({COOKIES[kind]: token for kind, token in cookies.items()})
    return found


class Middleware(GatehouseTest):
    def get(self, token: str, path: str = "/api/invoices", auth=None, **headers: str):
        return browser(auth or self.auth, session=token).get(path, headers=headers)

    def assert_kept(self, answer, status: int) -> None:
        """The answer, and the browser has its cookie still."""
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertNotIn("set-cookie", answer.headers)

    def assert_forgotten(self, answer) -> None:
        self.assertEqual((answer.status_code, answer.json()["goTo"]), (401, "/sign-in"))
        cookie = answer.headers["set-cookie"]
        self.assertIn(f'{SESSION}=""; ', cookie)
        self.assertIn("Max-Age=0", cookie)

    def test_a_live_session_gets_in(self):
        ana = self.add_customer()
        answer = self.get(self.sign_in(ana).token)
        self.assert_kept(answer, 200)
        self.assertEqual(answer.json()["of"], ana.name)

    def test_without_a_cookie_a_script_is_told_and_a_person_is_led_to_sign_in(self):
        visitor = browser(self.auth)
        self.assertEqual(visitor.get("/api/invoices").status_code, 401)
        led = visitor.get("/api/invoices", headers={"accept": "text/html"}, follow_redirects=False)
        self.assertEqual((led.status_code, led.headers["location"]), (303, "/sign-in"))

    def test_a_session_that_has_ended_takes_its_cookie_along(self):
        token = self.sign_in(self.add_customer()).token
        self.auth.SignOut(session_token=token)
        answer = self.get(token)
        self.assert_forgotten(answer)
        self.assertEqual(answer.json()["session_end"], "signed_out")

    def test_what_is_no_token_at_all_takes_its_cookie_along(self):
        for token in (NOBODY, "x"):
            self.assert_forgotten(self.get(token))

    def test_too_weak_a_session_is_led_to_step_up_and_then_gets_in(self):
        ana = self.add_customer()
        weak = self.sign_in(ana).token
        self.set_up_in(self.sign_in(ana).token, ana)
        answer = self.get(weak, "/api/bank-account")
        self.assert_kept(answer, 403)
        told = answer.json()
        self.assertEqual(told["goTo"], "/account/confirm")
        self.assertEqual(told["accepted"], "totp_code")

        with browser(self.auth, session=weak) as ana_again:
            proof = {"totp_code": ana.app.next_code()}
            self.assertEqual(ana_again.post("/api/account/confirm", json=proof).status_code, 200)
        self.assert_kept(self.get(weak, "/api/bank-account"), 200)

    def test_without_a_factor_a_customer_is_led_to_set_one_up(self):
        token = self.sign_in(self.add_customer()).token
        answer = self.get(token, "/api/bank-account")
        self.assert_kept(answer, 403)
        self.assertEqual(answer.json()["goTo"], "/account/mfa")
        led = browser(self.auth, session=token).get(
            "/api/bank-account", headers={"accept": "text/html"}, follow_redirects=False
        )
        self.assertEqual((led.status_code, led.headers["location"]), (303, "/account/mfa"))

    def test_a_key_that_is_not_good_signs_nobody_out(self):
        token = self.sign_in(self.add_customer()).token
        revoked = self.create_key("PORTAL_ACCESS_FULL")
        self.admin.RevokeApiKey(name=revoked.api_key.name)
        for key in (revoked.secret, "ghp_" + "A" * 43):
            answer = self.get(token, auth=portal_auth_service(self.channel, key))
            self.assert_kept(answer, 503)
            self.assertEqual(answer.json()["reason"], "API_KEY_INVALID")
            self.assertEqual(answer.headers["retry-after"], "5")
        self.assert_kept(self.get(token), 200)

    def test_a_key_that_has_expired_signs_nobody_out(self):
        token = self.sign_in(self.add_customer()).token
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
        key = self.admin.CreateApiKey(
            api_key={
                "display_name": "short",
                "portal": {"portal": self.portal, "access": "PORTAL_ACCESS_FULL"},
                "expire_time": soon,
            }
        )
        auth = portal_auth_service(self.channel, key.secret)
        ends = time.monotonic() + 10
        while (answer := self.get(token, auth=auth)).status_code == 200:
            self.assertLess(time.monotonic(), ends)
        self.assert_kept(answer, 503)
        self.assertEqual(answer.json()["reason"], "API_KEY_INVALID")
        self.assert_kept(self.get(token), 200)

    def test_a_key_of_too_small_a_scope_signs_nobody_out(self):
        token = self.sign_in(self.add_customer()).token
        auth = portal_auth_service(self.channel, self.create_key("PORTAL_ACCESS_VALIDATE").secret)
        self.assert_kept(self.get(token, auth=auth), 200)
        self.assert_kept(self.get(token, "/api/account", auth=auth), 503)

    def test_an_answer_that_breaks_off_is_asked_for_again(self):
        token = self.sign_in(self.add_customer()).token
        key = self.create_key("PORTAL_ACCESS_VALIDATE").secret
        command = [sys.executable, BROKEN_ANSWER, os.environ["SERVER_ADDRESS"]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as breaking:
            try:
                with connect(breaking.stdout.readline().strip()) as channel:
                    answer = self.get(token, auth=portal_auth_service(channel, key))
            finally:
                breaking.kill()
        self.assert_kept(answer, 200)

    def test_while_gatehouse_is_gone_every_cookie_is_kept(self):
        with connect("127.0.0.1:1") as nowhere:
            auth = portal_auth_service(nowhere, "ghp_")
            with self.assertRaises(grpc.RpcError) as unanswered:
                auth.ValidateSession(session_token=NOBODY)
            self.assertEqual(reason(unanswered.exception), "")
            answer = browser(auth, session=NOBODY).get("/api/invoices")
        self.assertEqual(answer.status_code, 503)
        self.assertNotIn("set-cookie", answer.headers)


class Rotation(GatehouseTest):
    def test_a_key_is_replaced_while_customers_come(self):
        token = self.sign_in(self.add_customer()).token
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "key"
            old = self.create_key("PORTAL_ACCESS_FULL")
            file.write_text(old.secret)
            auth = portal_auth_service(self.channel, key_file(str(file)))
            with Crowd(lambda: browser(auth, session=token)) as crowd:
                crowd.wait_for(30)
                new = self.create_key("PORTAL_ACCESS_FULL")
                replacement = file.with_suffix(".new")
                replacement.write_text(new.secret)
                replacement.replace(file)
                crowd.wait_for(30)
                self.admin.RevokeApiKey(name=old.api_key.name)
                crowd.wait_for(30)
        self.assertEqual(set(crowd.statuses), {200})


class Crowd:
    """Sixteen customers that ask again and again, and what they are answered."""

    SIZE = 16

    def __init__(self, browser):
        self._browser = browser
        self._over = threading.Event()
        self._answered = threading.Condition()
        self.statuses: list[int] = []

    def __enter__(self):
        self._pool = concurrent.futures.ThreadPoolExecutor(self.SIZE)
        self._asking = [self._pool.submit(self._ask) for _ in range(self.SIZE)]
        return self

    def _ask(self) -> None:
        asking = self._browser()
        while not self._over.is_set():
            answer = asking.get("/api/invoices")
            with self._answered:
                self.statuses.append(answer.status_code)
                self._answered.notify_all()

    def wait_for(self, more: int) -> None:
        """Until so many more requests have been answered."""
        with self._answered:
            enough = len(self.statuses) + more
            assert self._answered.wait_for(lambda: len(self.statuses) >= enough, 60), "they wait"

    def __exit__(self, *_):
        self._over.set()
        with self._pool:
            for asking in self._asking:
                asking.result(60)


class Restart(unittest.TestCase):
    """A gatehouse that restarts."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.arrange(self.server.address)

    def arrange(self, address: str, *options: tuple[str, str], ca: str | None = None) -> None:
        """A portal with one customer, who is signed in."""
        self.channel = connect(address, *options, ca=ca)
        self.addCleanup(self.channel.close)
        admin = admin_service(self.channel, self.server.owner_key())
        admin.CreatePortal(portal_id="acme", portal={"display_name": "Acme"})
        key = admin.CreateApiKey(
            api_key={
                "display_name": "acme web",
                "portal": {"portal": "portals/acme", "access": "PORTAL_ACCESS_FULL"},
            }
        ).secret
        self.auth = portal_auth_service(self.channel, key)
        ana = Customer("", "ana@example.com")
        admin.CreateCustomer(
            parent="portals/acme", customer={"email": ana.email}, password=PASSWORD
        )
        self.token = Pages(self.auth, ana).sign_in(CLIENT).token

    def test_nobody_is_refused_while_it_restarts_under_load(self):
        with Crowd(lambda: browser(self.auth, session=self.token)) as crowd:
            for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
                crowd.wait_for(100)
                self.server.restart(how)
            crowd.wait_for(100)
        self.assertEqual(set(crowd.statuses), {200})


class Replicas(Restart):
    """The same of one of two over a PostgreSQL: the calls go to the other meanwhile."""

    def setUp(self):
        postgres = Postgres()
        self.addCleanup(postgres.stop)
        self.server = Server(GATEHOUSE_DATABASE_URL=postgres.url)
        self.addCleanup(self.server.stop)
        ring = pathlib.Path(self.server.environment["GATEHOUSE_DATA_DIR"]) / "keyring"
        other = Server(GATEHOUSE_DATABASE_URL=postgres.url, GATEHOUSE_KEY_RING=str(ring))
        self.addCleanup(other.stop)
        # The list of addresses is no name that the servers would take for theirs.
        authority = ("grpc.default_authority", "gatehouse")
        self.arrange(f"ipv4:{self.server.address},{other.address}", authority)


class Tls(Restart):
    """The same over TLS, which the server speaks alone."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key, certificate = (
            str(pathlib.Path(folder.name) / name) for name in ("key", "certificate")
        )
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1"
        names = ["-subj", "/CN=gatehouse", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", key, "-out", certificate]
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
        self.server = Server(GATEHOUSE_TLS_CERTIFICATE=certificate, GATEHOUSE_TLS_KEY=key)
        self.addCleanup(self.server.stop)
        self.arrange(self.server.address, ca=certificate)
