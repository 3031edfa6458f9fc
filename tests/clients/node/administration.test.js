// What administrators change, and errors as every caller sees them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT, Portal, SAML, admin, adminWith, portalWith, refused } from './support.js';

const enforce = { mfa: { enforced: true } };

test('a preview counts whom enforcement means, and changes nothing', async () => {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const ben = await portal.addCustomer('ben@example.com');
  await portal.addCustomer('eve@example.com');
  const { token } = await portal.signIn(ana);
  await portal.setUpIn(token, ana);
  const { token: weaker } = await portal.signIn(ben);

  const preview = await portal.update(enforce, ['mfa.enforced'], { validateOnly: true });
  assert.equal(preview.portal.mfa.enforced, true);
  assert.deepEqual(preview.impact, {
    customers: 3,
    customersWithFactor: 1,
    customersToEnroll: 2,
    weakerSessions: 1,
  });
  const unchanged = (await admin.getPortal({ name: portal.name })).portal;
  assert.deepEqual([unchanged.mfa.enforced, unchanged.etag], [false, portal.etag]);

  await portal.update(enforce, ['mfa.enforced'], { endWeakerSessions: true });
  await portal.sessionEnded(weaker, 'revoked');
  await portal.validate(token);
});

test('an update changes what its mask names, and nothing else', async () => {
  const portal = await Portal.make();
  const mfa = { enforced: true, issuer: 'Acme' };
  const updated = await portal.update({ displayName: 'Other', mfa }, ['mfa.issuer']);
  assert.equal(updated.portal.displayName, 'Acme Billing');
  assert.deepEqual([updated.portal.mfa.issuer, updated.portal.mfa.enforced], ['Acme', false]);
  const cleared = await portal.update({}, ['mfa.issuer']);
  assert.equal(cleared.portal.mfa.issuer, '', 'named and unset: the default');

  const badMask = { fields: ['update_mask'] };
  for (const paths of [[], ['*'], ['name'], ['mfa.nothing']]) {
    await refused(portal.update({}, paths), 'REQUEST_INVALID', badMask);
  }
  const ana = await portal.addCustomer();
  const renamed = await admin.updateCustomer({
    customer: { name: ana.name, displayName: 'Ana', suspended: true },
    updateMask: { paths: ['display_name'] },
  });
  assert.deepEqual([renamed.customer.displayName, renamed.customer.suspended], ['Ana', false]);
});

test('what has changed since it was read is not overwritten', async () => {
  const portal = await Portal.make();
  const change = { etag: portal.etag, displayName: 'Acme' };
  const updated = (await portal.update(change, ['display_name'])).portal;
  assert.notEqual(updated.etag, portal.etag);
  await refused(portal.update(change, ['display_name']), 'ETAG_MISMATCH');

  const { name } = await portal.addCustomer();
  const { etag } = (await admin.getCustomer({ name })).customer;
  const rename = (displayName) =>
    admin.updateCustomer({
      customer: { name, etag, displayName },
      updateMask: { paths: ['display_name'] },
    });
  await rename('Ana');
  await refused(rename('Eve'), 'ETAG_MISMATCH');
  await refused(admin.deleteCustomer({ name, etag }), 'ETAG_MISMATCH');
});

test('every bad field is named', async () => {
  const { auth } = await Portal.make();
  await refused(auth.startSignIn({ email: 'nobody' }), 'REQUEST_INVALID', {
    fields: ['email', 'client'],
  });
  const client = { ipAddress: 'x' };
  await refused(auth.startSignIn({ email: 'ana@example.com', client }), 'REQUEST_INVALID', {
    fields: ['client.ip_address'],
  });
});

test('what is taken, missing or in the way is named', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const again = { parent: portal.name, customer: { email: 'ANA@example.com' }, customerId: 'c2' };
  const taken = { fields: ['customer.email'] };
  const exists = await refused(admin.createCustomer(again), 'RESOURCE_EXISTS', taken);
  assert.equal(exists.resource, ana.name);
  const missing = `${portal.name}/customers/nobody`;
  const notFound = await refused(admin.getCustomer({ name: missing }), 'RESOURCE_NOT_FOUND');
  assert.equal(notFound.resource, missing);
  const conflict = await refused(
    portal.update({ saml: SAML }, ['saml']),
    'MFA_ENFORCEMENT_SAML_CONFLICT',
  );
  assert.deepEqual(conflict.preconditions, [portal.name]);
});

test('after five wrong passwords there is a wait', async () => {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const wrong = { email: ana.email, password: 'wrong horse battery' };
  for (let times = 0; times < 5; times += 1) {
    await refused(portal.provePassword(wrong), 'CREDENTIALS_REJECTED');
  }
  const throttled = await refused(portal.provePassword(wrong), 'THROTTLED');
  assert.ok(throttled.retryAfter > 0 && throttled.retryAfter <= 3, `${throttled.retryAfter}`);
  assert.ok(Date.parse(throttled.metadata.retry_at) > Date.now() - 5_000);
});

test('an API key that is not valid signs nobody out', async () => {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const { token: sessionToken } = await portal.signIn(ana);
  const other = portalWith(await portal.createKey('PORTAL_ACCESS_FULL'));
  await other.validateSession({ sessionToken });
  await admin.revokeApiKey({ name: portal.keyName });
  const error = await refused(other.validateSession({ sessionToken }), 'API_KEY_INVALID');
  assert.deepEqual([error.code, error.endsSession], ['UNAUTHENTICATED', false]);
  await portal.validate(sessionToken);
  const unknown = await refused(portal.validate(`ghs_${'A'.repeat(43)}`), 'SESSION_INVALID');
  assert.deepEqual([unknown.code, unknown.endsSession], ['UNAUTHENTICATED', true]);
});

test('a key reaches as far as its grant', async () => {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const { token: sessionToken } = await portal.signIn(ana);
  const service = portalWith(await portal.createKey('PORTAL_ACCESS_VALIDATE'));
  assert.equal((await service.validateSession({ sessionToken })).email, ana.email);
  await refused(service.startSignIn({ email: ana.email, client: CLIENT }), 'API_KEY_SCOPE');
  await refused(service.signOut({ sessionToken }), 'API_KEY_SCOPE');

  const grant = { role: 'ADMIN_ROLE_SUPPORT', portals: [portal.name] };
  const { secret } = await admin.createApiKey({ apiKey: { displayName: 'help desk', admin: grant } });
  const helpDesk = adminWith(secret);
  assert.equal((await helpDesk.getPortal({ name: portal.name })).portal.name, portal.name);
  const enforcing = {
    portal: { name: portal.name, ...enforce },
    updateMask: { paths: ['mfa.enforced'] },
  };
  await refused(helpDesk.updatePortal(enforcing), 'API_KEY_SCOPE');
  await refused(helpDesk.getPortal({ name: 'portals/elsewhere' }), 'API_KEY_SCOPE');
  await helpDesk.unlockCustomer({ name: ana.name });
});
