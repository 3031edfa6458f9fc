"""The pages of a portal's sign-in, by what the server says comes next. All that a portal has to
know of the order of steps is the loop."""

from gatehouse.v1 import mfa_pb2


class Pages:
    """The pages as one customer fills them in."""

    def __init__(self, portal, customer):
        self.portal = portal
        self.customer = customer
        self.pages = {
            "password": self.type_password,
            "second_factor": self.type_code,
            "enroll": self.set_up,
            "backup_codes": self.keep_backup_codes,
        }

    def sign_in(self, client):
        """From the email to the session."""
        return self.walk(self.portal.StartSignIn(email=self.customer.email, client=client).sign_in)

    def walk(self, step):
        """From any step to the session."""
        while (page := step.WhichOneof("next")) != "session":
            step = self.pages[page](step)  # KeyError: a step this portal has no page for
        return step.session

    def type_password(self, step):
        password = self.customer.password
        return self.portal.VerifyPassword(sign_in_token=step.token, password=password).sign_in

    def type_code(self, step):
        """A code of the authenticator app, or a backup code where the app is not at hand."""
        if self.customer.app:
            proof = {"totp_code": self.customer.app.next_code()}
        elif mfa_pb2.SECOND_FACTOR_TYPE_BACKUP_CODE in step.second_factor.accepted:
            proof = {"backup_code": self.customer.backup_codes.pop(0)}
        else:
            raise LookupError("no backup code is left")
        return self.portal.VerifySecondFactor(sign_in_token=step.token, **proof).sign_in

    def set_up(self, step):
        """Scan, type the code, Verify, Enable MFA."""
        started = self.portal.StartEnrollment(sign_in_token=step.token, totp={}).sign_in
        app = self.customer.scan(started.enroll.pending.totp)
        self.portal.VerifyEnrollment(sign_in_token=step.token, totp_code=app.next_code())
        return self.portal.EnableMfa(sign_in_token=step.token).sign_in

    def keep_backup_codes(self, step):
        """Show the codes once, then Continue to Sign In."""
        codes = self.portal.GenerateBackupCodes(sign_in_token=step.token).codes
        self.customer.backup_codes = list(codes)
        return self.portal.FinishSignIn(sign_in_token=step.token).sign_in
