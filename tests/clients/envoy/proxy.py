"""Envoy with the configuration of deploy/envoy, on free ports, and a site behind it."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import threading
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIGURATION = pathlib.Path(__file__).parents[3] / "deploy/envoy/envoy.yaml"
ADMIN = "{admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}}"
PATIENCE = 30


def make_certificate(folder: pathlib.Path, file: str, name: str) -> None:
    """A certificate of a host that is its own CA."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-noenc", "-days", "30", "-subj", f"/CN={name}"]
        + ["-addext", f"subjectAltName=DNS:{name}"]
        + ["-addext", "basicConstraints=critical,CA:FALSE"]
        + ["-keyout", f"{file}.key", "-out", f"{file}.pem"],
        cwd=folder,
        check=True,
        capture_output=True,
    )


class Site(BaseHTTPRequestHandler):
    """Answers with the path and the headers that it was sent, as they came."""

    def do_GET(self):
        body = json.dumps({"path": self.path, "headers": self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: unittest says what there is to say."""


@dataclass
class Answer:
    """What a client is answered."""

    status: int
    headers: dict[str, str]
    body: dict

    def seen(self, name: str) -> list[str]:
        """The headers of a name that the site saw, spelled in any way that some upstream may take
        for it."""
        sent = [(key.lower().replace("_", "-"), value) for key, value in self.body["headers"]]
        return [value for key, value in sent if key == name]


class Proxy:
    """The site, and before it Envoy, which asks the gatehouse at `address` with `key`. `changes`
    are made to what is deployed."""

    def __init__(self, address: str, key: str, changes: dict[str, str] | None = None):
        self._folder = tempfile.TemporaryDirectory()
        self._site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        threading.Thread(target=self._site.serve_forever).start()
        ports = {"8443": 0, "8080": self._site.server_port, "50051": address.rsplit(":", 1)[1]}
        places = {f"port_value: {old} }}": f"port_value: {new} }}" for old, new in ports.items()}
        changes = {**places, **(changes or {})}
        configuration = CONFIGURATION.read_text()
        for old, new in changes.items():
            assert old in configuration, old
            configuration = configuration.replace(old, new)
        folder = pathlib.Path(self._folder.name)
        (folder / "envoy.yaml").write_text(configuration)
        make_certificate(folder, "site", "localhost")
        self._process = subprocess.Popen(
            ["envoy", "--config-path", "envoy.yaml", "--config-yaml", ADMIN, "--concurrency", "1"]
            + ["--use-dynamic-base-id", "--admin-address-path", "admin"],
            cwd=folder,
            env={**os.environ, "PORTAL_KEY": key},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._wait()
            admin = (folder / "admin").read_text()
            with urllib.request.urlopen(f"http://{admin}/listeners?format=json") as answer:
                [listener] = json.load(answer)["listener_statuses"]
            self.port = listener["local_address"]["socket_address"]["port_value"]
            self._tls = ssl.create_default_context(cafile=folder / "site.pem")
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        """Until it listens."""
        log = []
        for line in self._process.stdout:
            log.append(line)
            if "starting workers" in line:
                # Read to the end, so that it never waits for somebody to read.
                threading.Thread(target=self._drain).start()
                return
        raise AssertionError(f"Envoy does not listen: {''.join(log)}")

    def _drain(self) -> None:
        with self._process.stdout as output:
            output.read()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._site.shutdown()
        self._site.server_close()
        self._folder.cleanup()

    def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        """Asks for a page as some client would that is no browser: headers as they are given."""
        connection = http.client.HTTPSConnection(
            "localhost", self.port, context=self._tls, timeout=PATIENCE
        )
        try:
            connection.putrequest("GET", path)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, json.loads(text) if text.startswith("{") else {})
