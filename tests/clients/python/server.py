"""Servers of the test's own, which go away and come back at the same address."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading


def _drain(output) -> None:
    with output:
        output.read()


class Server:
    """Its folder and its address outlive each of its processes."""

    def __init__(self, **environment: str):
        self._folder = tempfile.TemporaryDirectory()
        self.environment = {
            **os.environ,
            "GATEHOUSE_DATA_DIR": str(pathlib.Path(self._folder.name) / "data"),
            "GATEHOUSE_LISTEN": "127.0.0.1:0",
            **environment,
        }
        self.start()
        self.environment["GATEHOUSE_LISTEN"] = self.address

    def start(self) -> None:
        """Starts it, at the start or after it was killed."""
        self._process = subprocess.Popen(
            ["gatehouse", "serve"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        log = []
        for line in self._process.stdout:
            log.append(line)
            if "listening" in line:
                self.address = re.search(r'address="?([0-9.]+:[0-9]+)', line)[1]
                # Read to the end, so that it never waits for somebody to read.
                threading.Thread(target=_drain, args=[self._process.stdout]).start()
                return
        raise AssertionError(f"gatehouse does not listen: {''.join(log)}")

    def restart(self, how: int = signal.SIGTERM) -> None:
        """Ends it, as a deployment does or by SIGKILL, and starts it anew."""
        self._end(how)
        self.start()

    def kill(self) -> None:
        """Ends it without a word."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        self._folder.cleanup()

    def _end(self, how: int) -> None:
        self._process.send_signal(how)
        code = self._process.wait(30)
        assert code == (0 if how == signal.SIGTERM else -how), code

    def owner_key(self) -> str:
        return subprocess.run(
            ["gatehouse", "create-owner-key"],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()


class Postgres:
    """A PostgreSQL that ends with its test."""

    SCRIPT = pathlib.Path(__file__).parents[3] / "crates/test-postgres/src/server.sh"

    def __init__(self):
        self._process = subprocess.Popen(
            ["sh", str(self.SCRIPT), "dedicated"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        folder = self._process.stdout.readline().strip()
        assert folder, "PostgreSQL does not start"
        self.url = f"postgres:///gatehouse?host={folder}&user=gatehouse"

    def stop(self) -> None:
        # The script ends where its input does.
        self._process.communicate(timeout=30)
