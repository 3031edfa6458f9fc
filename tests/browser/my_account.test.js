// My Account: what a signed-in customer does about their own MFA, password and sessions.

import { scan } from './authenticator.js';
import { enforce } from './console.js';
import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { alerted, arrive, fill, follow, leaveBy, noticed, press } from './pages.js';
import {
  CODE,
  atHome,
  configure,
  provePassword,
  readBackupCodes,
  setUpInMyAccount,
  signIn,
  signInWithBackupCode,
  signInWithCode,
  signOut,
} from './portal.js';

const MFA = 'Multi-Factor Authentication';
const NEW_PASSWORD = 'another horse battery staple';

async function openMfa(page) {
  await page.goto('/');
  await leaveBy(page, page.getByRole('navigation').getByRole('link', { name: 'My Account' }));
  await arrive(page, 'My Account');
  await follow(page, MFA);
  await arrive(page, MFA);
}

test('set up MFA of one’s own accord', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await page.goto('/account');
  await expect(page.getByRole('heading', { level: 2 })).toHaveText([MFA, 'Password', 'Sessions']);
  await look(page, 'account');
  await openMfa(page);
  await expect(page.getByRole('heading', { name: 'OTP Authenticator' })).toBeVisible();
  await expect(page.getByRole('main')).not.toContainText(/passkey/i);
  await look(page, 'mfa-off');
  await press(page, 'Set up Now');
  await arrive(page, 'Scan the QR code');
  await look(page, 'scan');
  const app = await configure(page);
  await look(page, 'configured');
  await press(page, 'Enable MFA');
  const codes = await readBackupCodes(page);
  await look(page, 'backup-codes');
  await press(page, 'Done');
  await arrive(page, MFA);
  await expect(page.getByRole('main')).toContainText('Enabled');
  await expect(page.getByRole('main')).toContainText('5 codes left');
  await look(page, 'mfa-on');
  await page.goto('/account');
  await expect(page.getByRole('heading', { level: 2, name: 'Backup codes' })).toBeVisible();
  await look(page, 'account-on');

  await signOut(page);
  await signInWithCode(page, ana, app);
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[0]);
});

test('change the authenticator, and the old one works until then', async ({ page, elsewhere, demo: { ana } }) => {
  await signIn(page, ana);
  const old = (await setUpInMyAccount(page)).app;
  await press(page, 'Change Configuration');
  const app = await configure(page);
  await signInWithCode(await elsewhere(), ana, old);
  await press(page, 'Enable MFA');
  await arrive(page, MFA);
  await noticed(page, 'Your new authenticator is in force.');
  await expect(page.getByRole('main')).toContainText('5 codes left');
  await look(page, 'changed');
  await signOut(page);
  await signInWithCode(page, ana, app);
});

test('give up a change half-way', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  const { app } = await setUpInMyAccount(page);
  await press(page, 'Change Configuration');
  await configure(page);
  // Until it is enabled it can be gone on with, changed, or given up.
  await page.goto('/account/mfa');
  await look(page, 'begun');
  await follow(page, 'Go on');
  await press(page, 'Change Configuration');
  await arrive(page, 'Change configuration?');
  await look(page, 'change');
  await press(page, 'Change');
  await configure(page);
  await press(page, 'Delete Configuration');
  await press(page, 'Delete');
  await arrive(page, MFA);
  await expect(page.getByRole('main')).toContainText('Enabled');
  await signOut(page);
  await signInWithCode(page, ana, app);
});

test('delete the authenticator, and a password is enough again', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await setUpInMyAccount(page);
  await press(page, 'Delete Configuration');
  await arrive(page, 'Delete configuration?');
  await look(page, 'delete');
  await follow(page, 'Cancel');
  await arrive(page, MFA);
  await press(page, 'Delete Configuration');
  await press(page, 'Delete');
  await arrive(page, MFA);
  await expect(page.getByRole('button', { name: 'Set up Now' })).toBeVisible();
  await page.goto('/outbox');
  await expect(page.getByText('Multi-factor authentication is off')).toBeVisible();
  await page.goto('/');
  await signOut(page);
  await signIn(page, ana);
});

test('where MFA is enforced it cannot be deleted, and why', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  await setUpInMyAccount(page);
  await enforce(olga);
  await page.reload();
  const remove = page.getByRole('button', { name: 'Delete Configuration' });
  await expect(remove).toBeDisabled();
  await expect(page.getByRole('main')).toContainText(
    'Your portal requires multi-factor authentication, so it cannot be deleted.',
  );
  await look(page, 'enforced');
  // Whoever was asked before is told the same.
  await page.goto('/account/mfa/delete');
  await press(page, 'Delete');
  await arrive(page, MFA);
  await expect(page.getByRole('main')).toContainText('it cannot be deleted');
});

test('new backup codes take the place of the old', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  const { codes: old } = await setUpInMyAccount(page);
  await follow(page, 'New backup codes');
  await arrive(page, 'New backup codes?');
  await look(page, 'new-backup-codes');
  await press(page, 'Make new codes');
  const codes = await readBackupCodes(page);
  await press(page, 'Done');
  await arrive(page, MFA);
  await signOut(page);
  await provePassword(page, ana);
  await follow(page, 'Use a backup code instead');
  await fill(page, 'Backup code', old[0]);
  await press(page, 'Verify');
  await alerted(page, 'That code is not right.');
  await fill(page, 'Backup code', codes[0]);
  await press(page, 'Verify');
  await atHome(page);
});

test('change the password', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await page.goto('/account/password');
  await arrive(page, 'Change password');
  await look(page, 'password');
  const change = async (current, next) => {
    await fill(page, 'Current password', current);
    await fill(page, 'New password', next);
    await press(page, 'Change password');
  };
  await change(NEW_PASSWORD, NEW_PASSWORD);
  await alerted(page, 'The current password is not right.');
  await look(page, 'password-wrong');
  await change(ana.password, 'too short');
  await expect(page.getByLabel('New password')).toHaveAttribute('aria-invalid', 'true');
  await look(page, 'password-too-short');
  await change(ana.password, NEW_PASSWORD);
  await noticed(page, /password/i);
  await look(page, 'password-changed');
  await page.goto('/outbox');
  await expect(page.getByText('Your password was changed')).toBeVisible();
  await page.goto('/');
  await signOut(page);
  await signIn(page, { ...ana, password: NEW_PASSWORD });
});

test('see one’s sessions and sign out of each', async ({ page, elsewhere, demo: { ana } }) => {
  await signIn(page, ana);
  const others = [await elsewhere(), await elsewhere(), await elsewhere()];
  for (const other of others) await signIn(other, ana);
  await page.goto('/account/sessions');
  await arrive(page, 'Sessions');
  await expect(page.getByText('This session')).toHaveCount(1);
  const signOutButtons = page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true });
  await expect(signOutButtons).toHaveCount(3);
  await look(page, 'sessions');
  await leaveBy(page, signOutButtons.first());
  await expect(signOutButtons).toHaveCount(2);
  await press(page, 'Sign out all others');
  await expect(signOutButtons).toHaveCount(0);
  await expect(page.getByText('This session')).toHaveCount(1);
  for (const other of others) {
    await other.goto('/account');
    await arrive(other, 'Sign in');
    await noticed(other, 'You are signed out.');
  }
});

test('what matters asks for a fresh proof, and goes on from there', async ({ page, elsewhere, demo: { ana } }) => {
  await signIn(page, ana);
  const other = await elsewhere();
  await signIn(other, ana);
  const { app } = await setUpInMyAccount(page);
  // The other session was proven by a password, which counts no more.
  await other.goto('/account/mfa');
  await press(other, 'Change Configuration');
  await arrive(other, 'Confirm it is you');
  await expect(other.getByLabel('Password')).toHaveCount(0);
  await look(other, 'confirm');
  await fill(other, CODE, app.wrongCode());
  await press(other, 'Confirm');
  await alerted(other, 'That code is not right.');
  await fill(other, CODE, app.nextCode());
  await press(other, 'Confirm');
  // It was clicked for once already.
  await arrive(other, 'Scan the QR code');
  await scan(other);
});

test('a backup code is a fresh proof as well', async ({ page, elsewhere, demo: { ana } }) => {
  await signIn(page, ana);
  const other = await elsewhere();
  await signIn(other, ana);
  const { codes } = await setUpInMyAccount(page);
  await other.goto('/account/backup-codes');
  await press(other, 'Make new codes');
  await arrive(other, 'Confirm it is you');
  await follow(other, 'Use a backup code instead');
  await look(other, 'confirm-by-backup-code');
  await fill(other, 'Backup code', codes[0]);
  await press(other, 'Confirm');
  await arrive(other, 'New backup codes?');
  await press(other, 'Make new codes');
  await readBackupCodes(other);
});
