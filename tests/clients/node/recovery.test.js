// Recovery: invitations, and what an administrator does for or against a customer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pages } from './pages.js';
import { CLIENT, NEW_PASSWORD, Portal, admin, refused } from './support.js';

const accept = (portal, { token }, newPassword) =>
  portal.auth.acceptInvitation({ invitationToken: token, newPassword, client: CLIENT });

test('an invitation sets the first password', async () => {
  const portal = await Portal.make();
  const ben = await portal.addCustomer('ben@example.com', '');
  await refused(portal.signIn(ben), 'CREDENTIALS_REJECTED');
  const { invitation } = await admin.createInvitation({ customer: ben.name });
  assert.match(invitation.token, /^ghv_[A-Za-z0-9_-]{43}$/);
  assert.equal(invitation.email, ben.email);

  const tooShort = { fields: ['new_password'] };
  await refused(accept(portal, invitation, 'short'), 'PASSWORD_POLICY', tooShort);
  const { signIn } = await accept(portal, invitation, NEW_PASSWORD);
  assert.equal(signIn.next, 'session');
  await portal.validate(signIn.session.token);
  await refused(accept(portal, invitation, NEW_PASSWORD), 'INVITATION_INVALID');
  ben.password = NEW_PASSWORD;
  await portal.signIn(ben);
});

test('where MFA is enforced, an invitation leads to its setting up', async () => {
  const portal = await Portal.enforcing();
  const ben = await portal.addCustomer('ben@example.com', '');
  const { invitation } = await admin.createInvitation({ customer: ben.name });
  // Eight characters are enough beside a second factor.
  const { signIn } = await accept(portal, invitation, 'vivid ox');
  assert.equal(signIn.next, 'enroll');
  const issued = await new Pages(portal.auth, ben).walk(signIn);
  assert.equal(issued.session.assurance, 'ASSURANCE_MULTI_FACTOR');
});

test('a forgotten password is set anew, and the factor is still asked for', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const { token: before } = await portal.signIn(ana);
  const { invitation } = await portal.auth.requestInvitation({ email: ana.email, client: CLIENT });
  assert.equal(invitation.email, ana.email);
  const { signIn } = await accept(portal, invitation, NEW_PASSWORD);
  assert.equal(signIn.next, 'secondFactor');
  await portal.sessionEnded(before, 'password_changed');
  const issued = await new Pages(portal.auth, ana).walk(signIn);
  assert.equal(issued.session.assurance, 'ASSURANCE_MULTI_FACTOR');
});

test('an unknown address gets no invitation', async () => {
  const portal = await Portal.make();
  const email = 'nobody@example.com';
  const { invitation } = await portal.auth.requestInvitation({ email, client: CLIENT });
  assert.equal(invitation, null);
});

test('a reset takes away the factor and the sessions', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  const { token: session } = await portal.signIn(ana);
  const { token: signInToken } = await portal.provePassword(ana);
  const reset = await admin.resetCustomerMfa({ name: ana.name, reason: 'lost phone' });
  assert.equal(reset.sessionsEnded, 1);
  assert.equal(reset.customer.mfa.state, 'MFA_STATE_DISABLED');
  assert.equal(reset.customer.hasPassword, true);
  await portal.sessionEnded(session, 'mfa_reset');
  const proof = { signInToken, totpCode: ana.app.code(1) };
  await refused(portal.auth.verifySecondFactor(proof), 'SIGN_IN_INVALID');

  const step = await portal.provePassword(ana);
  assert.equal(step.next, 'enroll');
  const issued = await new Pages(portal.auth, ana).walk(step);
  assert.equal(issued.session.assurance, 'ASSURANCE_MULTI_FACTOR');
});

test('a reset may end the password too', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  await portal.signIn(ana);
  const request = { name: ana.name, reason: 'stolen phone', endPassword: true };
  const { customer } = await admin.resetCustomerMfa(request);
  assert.equal(customer.hasPassword, false);
  await refused(portal.provePassword(ana), 'CREDENTIALS_REJECTED');
  const { invitation } = await admin.createInvitation({ customer: ana.name });
  assert.equal((await accept(portal, invitation, NEW_PASSWORD)).signIn.next, 'enroll');
});

test('suspension ends sessions, and is told after a right password alone', async () => {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const { token: session } = await portal.signIn(ana);
  const suspend = (suspended) =>
    admin.updateCustomer({
      customer: { name: ana.name, suspended },
      updateMask: { paths: ['suspended'] },
    });
  assert.equal((await suspend(true)).customer.suspended, true);
  await portal.sessionEnded(session, 'suspended');
  const wrong = { email: ana.email, password: NEW_PASSWORD };
  await refused(portal.provePassword(wrong), 'CREDENTIALS_REJECTED');
  await refused(portal.provePassword(ana), 'CUSTOMER_SUSPENDED');
  const request = { email: ana.email, client: CLIENT };
  assert.equal((await portal.auth.requestInvitation(request)).invitation, null);

  await suspend(false);
  await portal.signIn(ana);
  await portal.sessionEnded(session, 'suspended');
});

test('an administrator revokes sessions, one or all of a customer', async () => {
  const portal = await Portal.make();
  const ana = await portal.addCustomer();
  const [one, two, three] = [await portal.signIn(ana), await portal.signIn(ana), await portal.signIn(ana)];
  const list = async () => (await admin.listSessions({ parent: ana.name })).sessions;
  const names = (await list()).map(({ name }) => name).sort();
  assert.deepEqual(names, [one, two, three].map(({ session }) => session.name).sort());
  assert.ok((await list()).every(({ email }) => email === ana.email));

  const revoke = async (name) => (await admin.revokeSessions({ name })).sessionsEnded;
  assert.equal(await revoke(one.session.name), 1);
  await portal.sessionEnded(one.token, 'revoked');
  await portal.validate(two.token);
  assert.equal(await revoke(ana.name), 2);
  await portal.sessionEnded(three.token, 'revoked');
  assert.deepEqual(await list(), []);
});

test('switching enforcement off leaves factors in force', async () => {
  const portal = await Portal.enforcing();
  const ana = await portal.addCustomer();
  await portal.signIn(ana);
  const { token: signInToken } = await portal.provePassword(
    await portal.addCustomer('ben@example.com'),
  );
  await portal.enforce(false);
  assert.equal((await portal.provePassword(ana)).next, 'secondFactor');
  await portal.signIn(ana);

  // Whoever was being asked to set one up may leave it.
  assert.equal((await portal.auth.getSignIn({ signInToken })).signIn.enroll.optional, true);
  const { signIn } = await portal.auth.finishSignIn({ signInToken });
  assert.equal(signIn.session.session.assurance, 'ASSURANCE_PASSWORD');
});
