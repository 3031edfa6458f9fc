"""The customer's authenticator app, by pyotp."""

import time

import pyotp


class Authenticator:
    """An app whose clock stands where it was when the secret was scanned."""

    def __init__(self, otpauth_uri):
        self.totp = pyotp.parse_uri(otpauth_uri)
        self._scanned_at = int(time.time())
        # Each code works once, and one step ahead of the clock is accepted: two without waiting.
        self._codes = iter([self.code(0), self.code(1)])

    def code(self, steps_later=0):
        """The code of the time step of the scan, or of a later one."""
        return self.totp.at(self._scanned_at + steps_later * self.totp.interval)

    def wrong_code(self):
        """A code that is no code for the next half hour."""
        return self.code(100)

    def next_code(self):
        """A code that works. StopIteration: a further one would take a wait of 30 s."""
        return next(self._codes)
