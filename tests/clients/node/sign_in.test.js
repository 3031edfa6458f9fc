// Signing in where the portal enforces MFA: the pages, and what goes wrong on them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pages } from './pages.js';
import { CLIENT, PASSWORD, Portal, SAML, SIX_DIGITS, admin, refused, rejected } from './support.js';

/** The session is this customer's, and as strong as it says. */
async function assertSession(portal, ana, issued, { assurance, backupCodes }) {
  assert.match(issued.token, /^ghs_[A-Za-z0-9_-]{43}$/);
  assert.equal(issued.backupCodesRemaining, backupCodes);
  const valid = await portal.validate(issued.token, { minAssurance: assurance });
  assert.deepEqual([valid.customer, valid.email], [ana.name, ana.email]);
  for (const session of [issued.session, valid.session]) {
    assert.ok(session.name.startsWith(`${ana.name}/sessions/`));
    assert.equal(session.assurance, assurance);
    assert.deepEqual(session.client, CLIENT);
  }
}

test('one loop signs in, whatever the server asks for', async () => {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const withPassword = { assurance: 'ASSURANCE_PASSWORD', backupCodes: 0 };
  await assertSession(portal, ana, await portal.signIn(ana), withPassword);

  await portal.enforce(true);
  const strong = (backupCodes) => ({ assurance: 'ASSURANCE_MULTI_FACTOR', backupCodes });
  await assertSession(portal, ana, await portal.signIn(ana), strong(5));
  assert.equal(ana.app.label, 'Acme Billing:ana@example.com');
  assert.equal(ana.app.params.issuer, 'Acme Billing');
  await assertSession(portal, ana, await portal.signIn(ana), strong(5));
  ana.losePhone();
  await assertSession(portal, ana, await portal.signIn(ana), strong(4));
});

test('a step that this portal has no page for fails loudly', async () => {
  const portal = await Portal.make({ saml: SAML });
  const ana = { email: 'ana@example.com' };
  await assert.rejects(portal.signIn(ana), /no page for the step saml/);
  // A step that these proto files do not know has no name at all.
  const pages = new Pages(portal.auth, ana);
  await assert.rejects(pages.walk({ token: 'ghi_', next: undefined }), /no page for the step/);
});

test('a wrong code while setting up leaves the QR code as it is', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const step = await portal.provePassword(ana);
  assert.deepEqual(step.enroll, {
    pending: null,
    available: ['FACTOR_TYPE_TOTP'],
    optional: false,
  });
  const signInToken = step.token;
  const started = (await portal.auth.startEnrollment({ signInToken, totp: {} })).signIn;
  const { state, totp } = started.enroll.pending;
  assert.equal(state, 'ENROLLMENT_STATE_PENDING');
  assert.match(totp.secret, /^[A-Z2-7]{32}$/);
  assert.match(totp.qrSvg, /^<svg /);
  assert.deepEqual(totp.parameters, SIX_DIGITS);
  const app = ana.scan(totp);
  assert.equal(app.params.secret, totp.secret);

  const verify = (totpCode) => portal.auth.verifyEnrollment({ signInToken, totpCode });
  await refused(portal.auth.enableMfa({ signInToken }), 'ENROLLMENT_NOT_VERIFIED');
  await rejected(verify(app.wrongCode()), 4);
  await rejected(verify(app.wrongCode()), 3);
  assert.deepEqual((await portal.auth.getSignIn({ signInToken })).signIn, started);
  const verified = (await verify(app.nextCode())).signIn.enroll.pending;
  assert.equal(verified.state, 'ENROLLMENT_STATE_VERIFIED');
  assert.deepEqual(verified.totp, { secret: '', otpauthUri: '', qrSvg: '', parameters: SIX_DIGITS });
});

test('what is being set up can be changed and deleted', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const signInToken = (await portal.provePassword(ana)).token;
  const start = async () => {
    const { signIn } = await portal.auth.startEnrollment({ signInToken, totp: {} });
    return ana.scan(signIn.enroll.pending.totp);
  };
  const verify = (totpCode) => portal.auth.verifyEnrollment({ signInToken, totpCode });

  const first = await start();
  const second = await start();
  assert.notEqual(second.params.secret, first.params.secret);
  await rejected(verify(first.code()), 4);

  for (let times = 0; times < 2; times += 1) {
    const { signIn } = await portal.auth.deleteEnrollment({ signInToken });
    assert.deepEqual([signIn.next, signIn.enroll.pending], ['enroll', null]);
  }
  await refused(verify(second.code()), 'ENROLLMENT_NOT_STARTED');
  await refused(portal.auth.enableMfa({ signInToken }), 'ENROLLMENT_NOT_STARTED');
  await refused(portal.auth.finishSignIn({ signInToken }), 'SIGN_IN_STEP', {
    metadata: { expected_step: 'enroll' },
  });

  const third = await start();
  await verify(third.nextCode());
  const { signIn } = await portal.auth.enableMfa({ signInToken });
  assert.equal(signIn.next, 'backupCodes');
  assert.deepEqual((await portal.auth.enableMfa({ signInToken })).signIn, signIn);
});

test('backup codes are five, and those shown last count', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const step = await portal.provePassword(ana);
  const { token: signInToken } = await new Pages(portal.auth, ana).setUp(step);
  const { codes: old } = await portal.auth.generateBackupCodes({ signInToken });
  const { codes, signIn } = await portal.auth.generateBackupCodes({ signInToken });
  assert.equal(signIn.next, 'backupCodes');
  assert.equal(new Set([...codes, ...old]).size, 10);
  for (const code of codes) assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  await portal.auth.finishSignIn({ signInToken });
  await refused(portal.auth.finishSignIn({ signInToken }), 'SIGN_IN_INVALID');

  const again = async (backupCode) => {
    const { token } = await portal.provePassword(ana);
    return portal.auth.verifySecondFactor({ signInToken: token, backupCode });
  };
  await rejected(again(old[0]), 9);
  const typed = [
    codes[0],
    codes[1].toLowerCase(),
    codes[2].replaceAll('-', ' '),
    ` ${codes[3].replaceAll('-', '')} `,
  ];
  for (const [used, backupCode] of typed.entries()) {
    const { session } = (await again(backupCode)).signIn;
    assert.equal(session.backupCodesRemaining, 4 - used);
  }
  await rejected(again(codes[0].toLowerCase()), 10);
});

test('each code of the app signs in once', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  await portal.signIn(ana);
  const { token: signInToken, secondFactor } = await portal.provePassword(ana);
  assert.deepEqual(secondFactor, {
    accepted: ['SECOND_FACTOR_TYPE_TOTP', 'SECOND_FACTOR_TYPE_BACKUP_CODE'],
    totp: SIX_DIGITS,
    lock: null,
  });
  const verify = (token, totpCode) => portal.auth.verifySecondFactor({ signInToken: token, totpCode });
  await rejected(verify(signInToken, ana.app.code(0)), 10); // It verified the enrollment.
  await verify(signInToken, ana.app.code(1));
  await refused(verify(signInToken, ana.app.code(1)), 'SIGN_IN_INVALID');
  await rejected(verify((await portal.provePassword(ana)).token, ana.app.code(1)), 10);
});

test('wrong codes count down to a lock that an administrator ends', async () => {
  const portal = await Portal.enforcing({ lockout: { maxFailures: 3 } });
  const ana = await portal.addCustomer();
  const { token: session } = await portal.signIn(ana);
  const { token: signInToken } = await portal.provePassword(ana);
  const tryCode = (token) =>
    portal.auth.verifySecondFactor({ signInToken: token, totpCode: ana.app.wrongCode() });
  for (const left of [2, 1, 0]) await rejected(tryCode(signInToken), left);

  const locked = await refused(tryCode(signInToken), 'SIGN_IN_LOCKED');
  assert.ok(locked.retryAfter > 890 && locked.retryAfter <= 900, `${locked.retryAfter}`);
  const retryAt = Date.parse(locked.metadata.retry_at);
  assert.ok(Math.abs(retryAt - Date.now() - locked.retryAfter * 1000) < 5_000);
  // A new sign-in reaches the step and is refused there as well; sessions go on.
  const other = await portal.provePassword(ana);
  assert.equal(other.next, 'secondFactor');
  await refused(tryCode(other.token), 'SIGN_IN_LOCKED');
  await portal.validate(session);

  const { customer } = await admin.getCustomer({ name: ana.name });
  assert.equal(customer.lock.failures, 3);
  assert.equal(customer.lock.untilTime.seconds, Math.floor(retryAt / 1000));
  const { signIn: reloaded } = await portal.auth.getSignIn({ signInToken: other.token });
  for (const step of [other, reloaded]) assert.deepEqual(step.secondFactor.lock, customer.lock);
  const lockedOnes = { parent: portal.name, locked: true };
  assert.equal((await admin.listCustomers(lockedOnes)).customers.length, 1);
  const unlocked = await admin.unlockCustomer({ name: ana.name });
  assert.equal(unlocked.customer.lock, null);
  assert.equal((await admin.listCustomers(lockedOnes)).customers.length, 0);
  await portal.auth.verifySecondFactor({ signInToken: other.token, totpCode: ana.app.nextCode() });
});

test('a wrong password looks like an unknown email', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const attempt = (email) => portal.provePassword({ email, password: 'wrong horse battery' });
  const known = await refused(attempt(ana.email), 'CREDENTIALS_REJECTED');
  const unknown = await refused(attempt('nobody@example.com'), 'CREDENTIALS_REJECTED');
  assert.equal(unknown.message, known.message);
  await portal.provePassword({ email: ' ANA@Example.com', password: PASSWORD });
});

test('SAML that is configured meanwhile stops a sign-in under way', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const { token: signInToken } = await portal.provePassword(ana);
  await portal.update({ saml: SAML }, ['saml', 'mfa.enforced']);
  const { signIn } = await portal.auth.getSignIn({ signInToken });
  assert.deepEqual([signIn.next, signIn.saml], ['saml', { ssoUrl: SAML.ssoUrl }]);
  const setUp = portal.auth.startEnrollment({ signInToken, totp: {} });
  await refused(setUp, 'PORTAL_USES_SAML');
  const verify = portal.auth.verifyPassword({ signInToken, password: PASSWORD });
  await refused(verify, 'PORTAL_USES_SAML');
});

test('a sign-in is no session', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const { token } = await portal.provePassword(ana);
  await refused(portal.validate(token), 'REQUEST_INVALID', { fields: ['session_token'] });
});
