// The pages of the portal against a real gatehouse: the calls of each, as a browser makes them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Authenticator } from '../../tests/clients/node/authenticator.js';
import { NEW_PASSWORD, PASSWORD, Portal, admin } from '../../tests/clients/node/support.js';
import { portalAuthService } from './dist/src/gatehouse.js';
import { COOKIES } from './dist/src/session.js';
import { Browser } from './support.js';

const MAIN = join(import.meta.dirname, 'dist/src/main.js');

/** A customer's browser at the example, over a portal of the test's own. */
async function visit(enforced) {
  const portal = await (enforced ? Portal.enforcing() : Portal.make());
  const key = await portal.createKey('PORTAL_ACCESS_FULL');
  const auth = portalAuthService(process.env.SERVER_ADDRESS, () => key);
  after(() => auth.close());
  const ana = await portal.addCustomer();
  const browser = await Browser.at(auth);
  const done = async (path, body) => {
    const answer = await browser.post(path, body);
    assert.equal(answer.status, 200, answer.text);
    assert.doesNotMatch(answer.text, /gh[ipsav]_/, 'a token is for the cookie alone');
    return answer.json();
  };
  const refused = async (path, body, status) => {
    const answer = await browser.post(path, body);
    assert.equal(answer.status, status, answer.text);
    return answer.json();
  };
  const pastThePassword = async () => {
    assert.equal((await done('/sign-in', { email: ana.email })).next, 'password');
    return done('/sign-in/password', { password: PASSWORD });
  };
  return { portal, ana, browser, done, refused, pastThePassword };
}

function scan({ totp }) {
  assert.ok(totp.qrSvg.startsWith('<svg '));
  return new Authenticator(totp.otpauthUri);
}

test('the first sign-in sets up MFA, and the next one asks for it', async () => {
  const { browser, done, refused, pastThePassword } = await visit(true);
  assert.equal((await pastThePassword()).next, 'enroll');
  const app = scan((await done('/sign-in/mfa/start')).enroll.pending);
  const wrong = await refused('/sign-in/mfa/verify', { totp_code: app.wrongCode() }, 422);
  assert.equal(wrong.attempts_remaining, '4');
  const verified = await done('/sign-in/mfa/verify', { totp_code: app.nextCode() });
  assert.equal(verified.enroll.pending.state, 'ENROLLMENT_STATE_VERIFIED');
  assert.equal((await done('/sign-in/mfa/enable')).next, 'backupCodes');
  const { codes } = await done('/sign-in/backup-codes');
  assert.equal(codes.length, 5);
  assert.equal((await done('/sign-in/finish')).next, 'session');
  assert.ok(!browser.cookies.has(COOKIES['sign-in']));
  assert.equal((await browser.get('/bank-account')).status, 200);

  for (const proof of [{ totp_code: app.nextCode() }, { backup_code: codes[0] }]) {
    assert.equal((await pastThePassword()).next, 'secondFactor');
    assert.equal((await browser.get('/sign-in')).json().next, 'secondFactor', 'after a reload');
    const told = await refused('/sign-in/code', { totp_code: app.wrongCode() }, 422);
    assert.equal(told.attempts_remaining, '9');
    assert.equal((await done('/sign-in/code', proof)).next, 'session');
  }
});

test('what is being set up can be given up, and a step out of order leads back', async () => {
  const { done, refused, pastThePassword } = await visit(true);
  await pastThePassword();
  await done('/sign-in/mfa/start');
  assert.equal((await done('/sign-in/mfa/delete')).enroll.pending, null);
  assert.equal((await refused('/sign-in/mfa/enable', {}, 409)).reason, 'ENROLLMENT_NOT_STARTED');
  assert.equal((await refused('/sign-in/finish', {}, 409)).goTo, '/sign-in');
});

test('cookies are for this host, over TLS, and out of reach of scripts', async () => {
  const { ana, browser, done } = await visit(false);
  await done('/sign-in', { email: ana.email });
  const { given } = await browser.post('/sign-in/password', { password: PASSWORD });
  assert.match(given[0], /^__Host-session=ghs_[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  assert.match(given[1], /^__Host-sign-in=; .*Expires=Thu, 01 Jan 1970/);
});

test('a wrong password is said beside the field, and too many of them make a wait', async () => {
  const { ana, browser, done, refused } = await visit(false);
  await done('/sign-in', { email: ana.email });
  const wrong = { password: 'wrong horse battery' };
  for (let times = 0; times < 5; times += 1) {
    assert.equal((await refused('/sign-in/password', wrong, 422)).reason, 'CREDENTIALS_REJECTED');
  }
  const answer = await browser.post('/sign-in/password', wrong);
  assert.deepEqual([answer.status, answer.json().reason], [429, 'THROTTLED']);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
});

test('a sign-in that is over takes its cookie along', async () => {
  const { browser } = await visit(false);
  browser.cookies.set(COOKIES['sign-in'], `ghi_${'A'.repeat(43)}`);
  const answer = await browser.get('/sign-in');
  assert.deepEqual([answer.status, answer.json().goTo], [401, '/sign-in']);
  assert.ok(!browser.cookies.has(COOKIES['sign-in']));
});

test('My Account sets MFA up, makes backup codes, and disables it', async () => {
  const { ana, browser, done, pastThePassword } = await visit(false);
  await pastThePassword();
  const shown = (await browser.get('/account')).json();
  assert.deepEqual([shown.email, shown.mfa.state], [ana.email, 'MFA_STATE_DISABLED']);
  assert.deepEqual(shown.sessions.map(({ current }) => current), [true]);
  const app = scan((await done('/account/mfa/start')).pending);
  await done('/account/mfa/verify', { totp_code: app.nextCode() });
  assert.equal((await done('/account/mfa/enable')).state, 'MFA_STATE_ENABLED');
  assert.equal((await done('/account/backup-codes')).codes.length, 5);
  const proven = await done('/account/confirm', { totp_code: app.nextCode() });
  assert.equal(proven.assurance, 'ASSURANCE_MULTI_FACTOR');
  assert.equal((await done('/account/mfa/disable')).state, 'MFA_STATE_DISABLED');
});

test('a change of the password ends the other sessions', async () => {
  const { portal, ana, browser, done, refused, pastThePassword } = await visit(false);
  await pastThePassword();
  const { token: other } = await portal.signIn(ana);
  const change = { current_password: PASSWORD, new_password: 'short' };
  assert.equal((await refused('/account/password', change, 422)).reason, 'PASSWORD_POLICY');
  change.new_password = NEW_PASSWORD;
  assert.equal((await done('/account/password', change)).sessionsEnded, 1);
  await portal.sessionEnded(other, 'password_changed');
  assert.equal((await browser.get('/invoices')).status, 200);
});

test('sign-out ends the session, and another site cannot ask for it', async () => {
  const { portal, browser, done, pastThePassword } = await visit(false);
  await pastThePassword();
  const token = browser.cookies.get(COOKIES.session);
  const crossSite = await browser.post('/sign-out', {}, { 'sec-fetch-site': 'cross-site' });
  assert.equal(crossSite.status, 403);
  await portal.validate(token);
  await done('/sign-out');
  assert.ok(!browser.cookies.has(COOKIES.session));
  await portal.sessionEnded(token, 'signed_out');
});

test('what is no JSON, or no text, is refused', async () => {
  const { browser, refused } = await visit(false);
  const headers = { 'content-type': 'application/json' };
  const torn = await fetch(`${browser.origin}/api/sign-in`, { method: 'POST', body: '{', headers });
  assert.deepEqual([torn.status, await torn.json()], [400, { reason: 'REQUEST_INVALID' }]);
  assert.deepEqual((await refused('/sign-in', { email: {} }, 422)).fields, ['email']);
  assert.deepEqual((await refused('/sign-in', {}, 422)).fields, ['email']);
});

test('the program listens by a good key, and ends by another', async () => {
  const { portal } = await visit(false);
  const folder = mkdtempSync(join(tmpdir(), 'key-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key');
  const start = (key) => {
    writeFileSync(file, key);
    const { SERVER_ADDRESS: AUTH_ADDRESS } = process.env;
    const env = { ...process.env, AUTH_ADDRESS, AUTH_KEY_FILE: file, PORT: '0' };
    return spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  };
  const running = start(await portal.createKey('PORTAL_ACCESS_FULL'));
  after(() => running.kill());
  running.stdout.setEncoding('utf8');
  const [line] = await once(running.stdout, 'data');
  const port = line.match(/port: ([0-9]+)/)[1];
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/invoices`)).status, 401);
  const [code] = await once(start(`ghp_${'A'.repeat(43)}`), 'exit');
  assert.equal(code, 1);
});

test("gatehouse sees the customer's address", async () => {
  const { ana, pastThePassword } = await visit(false);
  await pastThePassword();
  const { sessions } = await admin.listSessions({ parent: ana.name });
  assert.deepEqual(sessions.map(({ client }) => client.ipAddress), ['203.0.113.7']);
});
