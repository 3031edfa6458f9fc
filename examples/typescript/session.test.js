// The session middleware against a real gatehouse: who gets in, and what everybody else is told.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { Pages } from '../../tests/clients/node/pages.js';
import { CLIENT, PASSWORD, Portal, admin } from '../../tests/clients/node/support.js';
import { reason } from './dist/src/errors.js';
import { adminService, keyFile, portalAuthService } from './dist/src/gatehouse.js';
import { Browser, Server, crowd } from './support.js';

const BROKEN_ANSWER = join(import.meta.dirname, '../../tests/clients/broken_answer.py');
const NOBODY = `ghs_${'A'.repeat(43)}`;
const HTML = { accept: 'text/html' };

/** PortalAuthService as the example calls it. */
function authBy(key, address = process.env.SERVER_ADDRESS, ca) {
  const auth = portalAuthService(address, typeof key === 'function' ? key : () => key, ca);
  after(() => auth.close());
  return auth;
}

/** A portal with one customer, who is signed in. */
async function signedIn() {
  const portal = await Portal.make();
  const auth = authBy(await portal.createKey('PORTAL_ACCESS_FULL'));
  const ana = await portal.addCustomer();
  const { token } = await portal.signIn(ana);
  return { portal, auth, ana, token };
}

async function get(auth, session, path = '/invoices', headers = {}) {
  const browser = await Browser.at(auth, { session });
  return browser.get(path, headers);
}

/** The answer, and the browser has its cookie still. */
function assertKept(answer, status) {
  assert.deepEqual([answer.status, answer.given], [status, []], answer.text);
  return answer.json();
}

function assertForgotten(answer) {
  assert.deepEqual([answer.status, answer.json().goTo], [401, '/sign-in']);
  assert.match(answer.given[0], /^__Host-session=; .*Expires=Thu, 01 Jan 1970/);
}

test('a live session gets in', async () => {
  const { auth, ana, token } = await signedIn();
  assert.equal(assertKept(await get(auth, token), 200).of, ana.name);
});

test('without a cookie a script is told, and a person is led to sign in', async () => {
  const { auth } = await signedIn();
  const visitor = await Browser.at(auth);
  assert.equal((await visitor.get('/invoices')).status, 401);
  const led = await visitor.get('/invoices', HTML);
  assert.deepEqual([led.status, led.headers.get('location')], [303, '/sign-in']);
});

test('a session that has ended takes its cookie along', async () => {
  const { auth, token } = await signedIn();
  await auth.signOut({ sessionToken: token });
  const answer = await get(auth, token);
  assertForgotten(answer);
  assert.equal(answer.json().session_end, 'signed_out');
});

test('what is no token at all takes its cookie along', async () => {
  const { auth } = await signedIn();
  for (const token of [NOBODY, 'x']) assertForgotten(await get(auth, token));
});

test('too weak a session is led to step-up, and then gets in', async () => {
  const { portal, auth, ana, token: weak } = await signedIn();
  await portal.setUpIn((await portal.signIn(ana)).token, ana);
  const told = assertKept(await get(auth, weak, '/bank-account'), 403);
  assert.deepEqual([told.goTo, told.accepted], ['/account/confirm', 'totp_code']);

  const browser = await Browser.at(auth, { session: weak });
  const proof = { totp_code: ana.app.nextCode() };
  assert.equal((await browser.post('/account/confirm', proof)).status, 200);
  assertKept(await get(auth, weak, '/bank-account'), 200);
});

test('without a factor a customer is led to set one up', async () => {
  const { auth, token } = await signedIn();
  assert.equal(assertKept(await get(auth, token, '/bank-account'), 403).goTo, '/account/mfa');
  const led = await get(auth, token, '/bank-account', HTML);
  assert.deepEqual([led.status, led.headers.get('location')], [303, '/account/mfa']);
});

test('a key that is not good signs nobody out', async () => {
  const { portal, auth, token } = await signedIn();
  const revoked = await portal.createKey('PORTAL_ACCESS_FULL');
  await admin.revokeApiKey({ name: portal.keyName });
  for (const key of [revoked, `ghp_${'A'.repeat(43)}`]) {
    const answer = await get(authBy(key), token);
    assert.equal(assertKept(answer, 503).reason, 'API_KEY_INVALID');
    assert.equal(answer.headers.get('retry-after'), '5');
  }
  assertKept(await get(auth, token), 200);
});

test('a key that has expired signs nobody out', async () => {
  const { portal, auth, token } = await signedIn();
  const { secret } = await admin.createApiKey({
    apiKey: {
      displayName: 'short',
      portal: { portal: portal.name, access: 'PORTAL_ACCESS_FULL' },
      expireTime: { seconds: Math.floor(Date.now() / 1000) + 2 },
    },
  });
  const browser = await Browser.at(authBy(secret), { session: token });
  const ends = Date.now() + 10_000;
  let answer = await browser.get('/invoices');
  while (answer.status === 200 && Date.now() < ends) answer = await browser.get('/invoices');
  assert.equal(assertKept(answer, 503).reason, 'API_KEY_INVALID');
  assertKept(await get(auth, token), 200);
});

test('a key of too small a scope signs nobody out', async () => {
  const { portal, token } = await signedIn();
  const auth = authBy(await portal.createKey('PORTAL_ACCESS_VALIDATE'));
  assertKept(await get(auth, token), 200);
  assertKept(await get(auth, token, '/account'), 503);
});

test('a key is replaced while customers come', async () => {
  const { portal, token } = await signedIn();
  const folder = mkdtempSync(join(tmpdir(), 'key-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key');
  writeFileSync(file, await portal.createKey('PORTAL_ACCESS_FULL'));
  const old = portal.keyName;
  const statuses = await crowd(authBy(keyFile(file)), token, async (more) => {
    await more(30);
    writeFileSync(`${file}.new`, await portal.createKey('PORTAL_ACCESS_FULL'));
    renameSync(`${file}.new`, file);
    await more(30);
    await admin.revokeApiKey({ name: old });
    await more(30);
  });
  assert.deepEqual(statuses, new Set([200]));
});

/** A gatehouse of the test's own with a portal and one customer, who is signed in. */
async function besideOwnServer(settings, ca) {
  const server = await Server.start(settings);
  after(() => server.stop());
  const owner = server.ownerKey();
  const administrator = adminService(server.address, () => owner, ca);
  after(() => administrator.close());
  const parent = 'portals/acme';
  await administrator.createPortal({ portalId: 'acme', portal: { displayName: 'Acme' } });
  const { secret } = await administrator.createApiKey({
    apiKey: { displayName: 'web', portal: { portal: parent, access: 'PORTAL_ACCESS_FULL' } },
  });
  const email = 'ana@example.com';
  await administrator.createCustomer({ parent, customer: { email }, password: PASSWORD });
  const auth = authBy(secret, server.address, ca);
  const { token } = await new Pages(auth, { email, password: PASSWORD }).signIn(CLIENT);
  return { server, auth, token };
}

test('it is the same over TLS', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  after(() => rmSync(folder, { recursive: true }));
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
  const command = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1';
  const names = ['-subj', '/CN=gatehouse', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...command.split(' '), ...names, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  const settings = { GATEHOUSE_TLS_CERTIFICATE: certificate, GATEHOUSE_TLS_KEY: key };
  const { auth, token } = await besideOwnServer(settings, certificate);
  assertKept(await get(auth, token), 200);
});

test('nobody is refused while gatehouse restarts under load', async () => {
  const { server, auth, token } = await besideOwnServer();
  const statuses = await crowd(auth, token, async (more) => {
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM']) {
      await more(100);
      await server.restart(signal);
    }
    await more(100);
  });
  assert.deepEqual(statuses, new Set([200]));
});

test('an answer that breaks off is asked for again', async () => {
  const { portal, token } = await signedIn();
  const breaking = spawn('python', [BROKEN_ANSWER, process.env.SERVER_ADDRESS]);
  after(() => breaking.kill());
  const [address] = await once(createInterface({ input: breaking.stdout }), 'line');
  const auth = authBy(await portal.createKey('PORTAL_ACCESS_VALIDATE'), address);
  assertKept(await get(auth, token), 200);
});

test('while gatehouse is gone every cookie is kept', async () => {
  const auth = authBy(`ghp_${'A'.repeat(43)}`, '127.0.0.1:1');
  await assert.rejects(auth.validateSession({ sessionToken: NOBODY }), (error) => reason(error) === '');
  assertKept(await get(auth, NOBODY), 503);
});
