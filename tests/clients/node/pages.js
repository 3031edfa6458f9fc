// The pages of a portal's sign-in, by what the server says comes next. All that a portal has to
// know of the order of steps is the loop.

/** The pages as one customer fills them in. */
export class Pages {
  constructor(portal, customer) {
    this.portal = portal;
    this.customer = customer;
  }

  /** From the email to the session. */
  async signIn(client) {
    const { signIn } = await this.portal.startSignIn({ email: this.customer.email, client });
    return this.walk(signIn);
  }

  /** From any step to the session. */
  async walk(step) {
    while (step.next !== 'session') {
      const page = PAGES[step.next];
      if (!page) throw new Error(`this portal has no page for the step ${step.next}`);
      step = await this[page](step);
    }
    return step.session;
  }

  async typePassword({ token }) {
    const { password } = this.customer;
    return (await this.portal.verifyPassword({ signInToken: token, password })).signIn;
  }

  /** A code of the authenticator app, or a backup code where the customer has no app at hand. */
  async typeCode({ token, secondFactor }) {
    const { app, backupCodes } = this.customer;
    const proof = app ? { totpCode: app.nextCode() } : { backupCode: backupCodes.shift() };
    if (!app && !secondFactor.accepted.includes('SECOND_FACTOR_TYPE_BACKUP_CODE')) {
      throw new Error('no backup code is left');
    }
    return (await this.portal.verifySecondFactor({ signInToken: token, ...proof })).signIn;
  }

  /** Scan, type the code, Verify, Enable MFA. */
  async setUp({ token }) {
    const started = await this.portal.startEnrollment({ signInToken: token, totp: {} });
    const app = this.customer.scan(started.signIn.enroll.pending.totp);
    await this.portal.verifyEnrollment({ signInToken: token, totpCode: app.nextCode() });
    return (await this.portal.enableMfa({ signInToken: token })).signIn;
  }

  /** Show the codes once, then Continue to Sign In. */
  async keepBackupCodes({ token }) {
    const { codes } = await this.portal.generateBackupCodes({ signInToken: token });
    this.customer.backupCodes = codes;
    return (await this.portal.finishSignIn({ signInToken: token })).signIn;
  }
}

const PAGES = {
  password: 'typePassword',
  secondFactor: 'typeCode',
  enroll: 'setUp',
  backupCodes: 'keepBackupCodes',
};
