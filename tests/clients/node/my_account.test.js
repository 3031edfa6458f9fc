// My Account: what a signed-in customer does about their own MFA, password and sessions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT, NEW_PASSWORD, PASSWORD, Portal, needsProof, refused, rejected } from './support.js';

const MULTI_FACTOR = { minAssurance: 'ASSURANCE_MULTI_FACTOR' };
/** A proof that is younger than this moment: there is none. */
const JUST_PROVEN = { maxAuthenticationAge: { seconds: 0 } };

/** A customer without MFA, signed in at a portal that does not enforce it. */
async function signedIn() {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const { token } = await portal.signIn(ana);
  return { portal, auth: portal.auth, ana, sessionToken: token };
}

const assuranceOf = async (portal, token) => (await portal.validate(token)).session.assurance;

test('a customer sets up MFA', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  await refused(portal.validate(sessionToken, MULTI_FACTOR), 'MFA_NOT_ENABLED');
  await refused(auth.generateBackupCodes({ sessionToken }), 'MFA_NOT_ENABLED');
  const before = (await auth.getMfa({ sessionToken })).mfa;
  assert.equal(before.state, 'MFA_STATE_DISABLED');
  assert.deepEqual([before.factors, before.available], [[], ['FACTOR_TYPE_TOTP']]);

  const first = (await auth.startEnrollment({ sessionToken, totp: {} })).mfa;
  assert.deepEqual((await auth.getMfa({ sessionToken })).mfa, first, 'it can be read again');
  assert.equal((await auth.deleteEnrollment({ sessionToken })).mfa.pending, null);
  await refused(auth.enableMfa({ sessionToken }), 'ENROLLMENT_NOT_STARTED');

  const { pending } = (await auth.startEnrollment({ sessionToken, totp: {} })).mfa;
  assert.notEqual(pending.totp.secret, first.pending.totp.secret);
  const app = ana.scan(pending.totp);
  await rejected(auth.verifyEnrollment({ sessionToken, totpCode: app.wrongCode() }), 4);
  await refused(auth.enableMfa({ sessionToken }), 'ENROLLMENT_NOT_VERIFIED');
  const verified = await auth.verifyEnrollment({ sessionToken, totpCode: app.nextCode() });
  assert.equal(verified.mfa.pending.state, 'ENROLLMENT_STATE_VERIFIED');
  assert.equal(verified.mfa.pending.totp.secret, '', 'shown no more');
  assert.equal(await assuranceOf(portal, sessionToken), 'ASSURANCE_PASSWORD');

  const enabled = (await auth.enableMfa({ sessionToken })).mfa;
  assert.deepEqual([enabled.state, enabled.factors.length, enabled.backupCodesRemaining], ['MFA_STATE_ENABLED', 1, 0]);
  await portal.validate(sessionToken, MULTI_FACTOR);
  const { codes, mfa } = await auth.generateBackupCodes({ sessionToken });
  assert.deepEqual([codes.length, mfa.backupCodesRemaining], [5, 5]);
  assert.equal((await portal.signIn(ana)).backupCodesRemaining, 5);
});

test('the old authenticator works until the new one is enabled', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  await portal.setUpIn(sessionToken, ana);
  const { codes } = await auth.generateBackupCodes({ sessionToken });
  const old = ana.app;

  const { pending } = (await auth.startEnrollment({ sessionToken, totp: {} })).mfa;
  const app = ana.scan(pending.totp);
  await auth.verifyEnrollment({ sessionToken, totpCode: app.nextCode() });
  const { token } = await portal.provePassword(ana);
  await auth.verifySecondFactor({ signInToken: token, totpCode: old.nextCode() });

  const { mfa } = await auth.enableMfa({ sessionToken });
  assert.deepEqual([mfa.factors.length, mfa.backupCodesRemaining, mfa.pending], [1, 5, null]);
  const { token: signInToken } = await portal.provePassword(ana);
  // A used code takes its charge back, one of another authenticator does not.
  await rejected(auth.verifySecondFactor({ signInToken, totpCode: old.code(1) }), 9);
  await auth.verifySecondFactor({ signInToken, totpCode: app.nextCode() });
  ana.losePhone();
  ana.backupCodes = codes;
  assert.equal((await portal.signIn(ana)).backupCodesRemaining, 4);
});

test('a change that is given up leaves the authenticator in force', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  await portal.setUpIn(sessionToken, ana);
  await auth.startEnrollment({ sessionToken, totp: {} });
  const { mfa } = await auth.deleteEnrollment({ sessionToken });
  assert.deepEqual([mfa.state, mfa.pending, mfa.factors.length], ['MFA_STATE_ENABLED', null, 1]);
  await portal.signIn(ana);
});

test('MFA is disabled with its backup codes, but not while it is enforced', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  await portal.setUpIn(sessionToken, ana);
  await auth.generateBackupCodes({ sessionToken });
  await portal.enforce(true);
  await refused(auth.disableMfa({ sessionToken }), 'MFA_ENFORCED');
  assert.equal((await auth.getMfa({ sessionToken })).mfa.enforced, true);

  await portal.enforce(false);
  const { mfa } = await auth.disableMfa({ sessionToken });
  assert.deepEqual([mfa.state, mfa.factors, mfa.backupCodesRemaining], ['MFA_STATE_DISABLED', [], 0]);
  await auth.disableMfa({ sessionToken });
  assert.equal((await portal.provePassword(ana)).next, 'session');
});

test('new backup codes take the place of the old', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  await portal.setUpIn(sessionToken, ana);
  const { codes: old } = await auth.generateBackupCodes({ sessionToken });
  const { codes } = await auth.generateBackupCodes({ sessionToken });
  const { token: signInToken } = await portal.provePassword(ana);
  await rejected(auth.verifySecondFactor({ signInToken, backupCode: old[0] }), 9);
  await auth.verifySecondFactor({ signInToken, backupCode: codes[0] });
});

test('a password is a fresh proof where there is no factor', async () => {
  const { portal, auth, sessionToken } = await signedIn();
  await needsProof(portal.validate(sessionToken, JUST_PROVEN), 'password');
  const before = (await portal.validate(sessionToken)).session;
  const prove = (proof) => auth.reauthenticateSession({ sessionToken, ...proof });
  await refused(prove({ password: NEW_PASSWORD }), 'CREDENTIALS_REJECTED');
  await refused(prove({ totpCode: '123456' }), 'REQUEST_INVALID', { fields: ['totp_code'] });
  const { session } = await prove({ password: PASSWORD });
  assert.equal(session.name, before.name);
  assert.equal(session.assurance, 'ASSURANCE_PASSWORD');
  const moment = ({ seconds, nanos }) => seconds + nanos / 1e9;
  assert.ok(moment(session.authenticationTime) > moment(before.authenticationTime));
});

test('with a factor in force only a second factor is a proof', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  const others = [(await portal.signIn(ana)).token, (await portal.signIn(ana)).token];
  await portal.setUpIn(sessionToken, ana);
  // Another session is as strong as it was, and its password counts no more.
  for (const other of others) {
    assert.equal(await assuranceOf(portal, other), 'ASSURANCE_PASSWORD');
    await needsProof(portal.validate(other, MULTI_FACTOR), 'totp_code');
    await needsProof(auth.startEnrollment({ sessionToken: other, totp: {} }), 'totp_code');
  }
  const { codes } = await auth.generateBackupCodes({ sessionToken });
  const accepted = 'totp_code,backup_code';
  for (const other of others) {
    await needsProof(auth.startEnrollment({ sessionToken: other, totp: {} }), accepted);
    await needsProof(auth.generateBackupCodes({ sessionToken: other }), accepted);
    await needsProof(auth.disableMfa({ sessionToken: other }), accepted);
    await portal.validate(other);
  }

  const prove = (proof, token) => auth.reauthenticateSession({ sessionToken: token, ...proof });
  const wrongKind = { fields: ['password'] };
  await refused(prove({ password: PASSWORD }, others[0]), 'REQUEST_INVALID', wrongKind);
  await rejected(prove({ totpCode: ana.app.wrongCode() }, others[0]), 9);
  const byCode = await prove({ totpCode: ana.app.nextCode() }, others[0]);
  const byBackupCode = await prove({ backupCode: codes[0] }, others[1]);
  for (const { session } of [byCode, byBackupCode]) {
    assert.equal(session.assurance, 'ASSURANCE_MULTI_FACTOR');
    assert.deepEqual(session.secondFactorTime, session.authenticationTime);
  }
  for (const other of others) {
    await portal.validate(other, MULTI_FACTOR);
    await auth.startEnrollment({ sessionToken: other, totp: {} });
  }
  // The wrong code still counts; a used one takes its own charge back.
  await rejected(prove({ backupCode: codes[0] }, others[1]), 9);
});

test('a change of password ends every other session', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  const { token: other } = await portal.signIn(ana);
  const change = (currentPassword, newPassword) =>
    auth.changePassword({ sessionToken, currentPassword, newPassword });
  await refused(change(NEW_PASSWORD, NEW_PASSWORD), 'CREDENTIALS_REJECTED');
  const tooShort = { fields: ['new_password'] };
  await refused(change(PASSWORD, 'horse battery'), 'PASSWORD_POLICY', tooShort);
  await portal.validate(other);

  assert.equal((await change(PASSWORD, NEW_PASSWORD)).sessionsEnded, 1);
  await portal.sessionEnded(other, 'password_changed');
  await portal.validate(sessionToken);
  await refused(portal.signIn(ana), 'CREDENTIALS_REJECTED');
  ana.password = NEW_PASSWORD;
  await portal.signIn(ana);
});

test('a customer sees their sessions and signs out of each', async () => {
  const { portal, auth, ana, sessionToken } = await signedIn();
  const others = [];
  for (let times = 0; times < 3; times += 1) others.push((await portal.signIn(ana)).token);
  const { sessions, nextPageToken } = await auth.listOwnSessions({ sessionToken });
  assert.deepEqual([sessions.length, nextPageToken], [4, '']);
  assert.equal(sessions.filter((session) => session.current).length, 1);
  assert.deepEqual(sessions[0].client, CLIENT);

  const { name } = (await portal.validate(others[0])).session;
  assert.ok(sessions.some((session) => session.name === name && !session.current));
  const signOut = async (target) => (await auth.signOut({ sessionToken, ...target })).sessionsEnded;
  assert.equal(await signOut({ session: name }), 1);
  assert.equal(await signOut({ session: name }), 0);
  assert.equal(await signOut({ otherSessions: {} }), 2);
  for (const other of others) await portal.sessionEnded(other, 'signed_out');
  assert.equal((await auth.listOwnSessions({ sessionToken })).sessions.length, 1);

  assert.equal(await signOut(), 1);
  await portal.sessionEnded(sessionToken, 'signed_out');
  assert.equal(await signOut(), 0, 'whoever is out already, is out');
  const ended = { metadata: { session_end: 'signed_out' } };
  await refused(signOut({ otherSessions: {} }), 'SESSION_INVALID', ended);
  await refused(auth.getMfa({ sessionToken }), 'SESSION_INVALID', ended);
});
