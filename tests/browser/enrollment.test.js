// The first sign-in where MFA is enforced, in the words and in the order of the help for customers.

import { readFile } from 'node:fs/promises';
import { scan } from './authenticator.js';
import { ENFORCE, enforce, openSettings, saveSettings } from './console.js';
import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { alerted, arrive, fill, follow, press, touch } from './pages.js';
import {
  CODE,
  atHome,
  configure,
  download,
  enterCode,
  provePassword,
  readBackupCodes,
  setUp,
  signInWithBackupCode,
  signInWithCode,
  signOut,
} from './portal.js';

test('set up an authenticator, change it, delete it, and sign in by it', async ({ page, olga, demo: { ana } }) => {
  // Six sign-ins and set-ups by hand, each page of them looked at.
  test.slow();
  await enforce(olga);
  await provePassword(page, ana);
  await arrive(page, 'Set up multi-factor authentication');
  await expect(page.getByRole('heading', { name: 'OTP Authenticator' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Continue to Sign In' })).toHaveCount(0);
  await look(page, 'set-up');

  await press(page, 'Set up Now');
  await arrive(page, 'Scan the QR code');
  const first = await scan(page);
  await look(page, 'scan');
  await touch(page.getByRole('button', { name: 'Copy' }));
  await expect(page.getByText('Copied.')).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(first.params.secret);

  await follow(page, 'Next');
  await arrive(page, 'Enter the code');
  await look(page, 'code');
  await follow(page, 'Back to the QR code');
  expect((await scan(page)).params.secret, 'a look back changes nothing').toBe(first.params.secret);
  await follow(page, 'Next');
  await enterCode(page, first.nextCode());
  await arrive(page, 'Your authenticator is configured');
  await look(page, 'configured');

  await follow(page, 'Change Configuration');
  await arrive(page, 'Change configuration?');
  await look(page, 'change');
  await follow(page, 'Cancel');
  await arrive(page, 'Your authenticator is configured');
  await follow(page, 'Change Configuration');
  await press(page, 'Change');
  const second = await configure(page);
  expect(second.params.secret).not.toBe(first.params.secret);

  await follow(page, 'Delete Configuration');
  await arrive(page, 'Delete configuration?');
  await look(page, 'delete');
  await press(page, 'Delete');
  await arrive(page, 'Set up multi-factor authentication');
  await press(page, 'Set up Now');
  const app = await configure(page);
  expect(app.params.secret).not.toBe(second.params.secret);

  await press(page, 'Enable MFA');
  const codes = await readBackupCodes(page);
  await look(page, 'backup-codes');
  await touch(page.getByRole('button', { name: 'Copy' }));
  await expect(page.getByText('Copied.')).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(codes.join('\n'));
  const file = await download(page);
  expect(file.suggestedFilename()).toBe('acme-billing-backup-codes.txt');
  const text = await readFile(await file.path(), 'utf8');
  for (const code of codes) expect(text).toContain(code);

  await press(page, 'Continue to Sign In');
  await atHome(page);
  await look(page, 'home');
  await signOut(page);
  await signInWithCode(page, ana, app);
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[0]);
  await page.goto('/account/mfa');
  await expect(page.getByRole('main')).toContainText('4 codes left');
});

test('a wrong code leaves the QR code as it is, and five of them end it', async ({ page, olga, demo: { ana } }) => {
  await enforce(olga);
  await provePassword(page, ana);
  await press(page, 'Set up Now');
  const app = await scan(page);
  await follow(page, 'Next');
  await fill(page, CODE, app.wrongCode());
  await press(page, 'Verify');
  await alerted(page, 'That code is not right. 4 tries left.');
  await look(page, 'wrong-code');
  await follow(page, 'Back to the QR code');
  expect((await scan(page)).params.secret).toBe(app.params.secret);
  await follow(page, 'Next');
  for (const left of ['3 tries left', '2 tries left', '1 try left']) {
    await enterCode(page, app.wrongCode());
    await alerted(page, left);
  }
  await enterCode(page, app.wrongCode());
  await arrive(page, 'Set up multi-factor authentication');
  await expect(page.getByRole('alert')).toBeVisible();
  await look(page, 'ended');
  const { codes } = await setUp(page);
  expect(codes).toHaveLength(5);
});

test('backup codes are shown once, and made again on request', async ({ page, olga, demo: { ana } }) => {
  await enforce(olga);
  await provePassword(page, ana);
  const { codes: old } = await setUp(page);
  await page.goto('/sign-in');
  await arrive(page, 'Multi-factor authentication is on');
  for (const code of old) await expect(page.locator('body')).not.toContainText(code);
  await look(page, 'backup-codes-again');
  await press(page, 'Show new backup codes');
  const codes = await readBackupCodes(page);
  expect(codes.filter((code) => old.includes(code))).toEqual([]);
  await press(page, 'Continue to Sign In');
  await atHome(page);
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[0]);
});

test('a sign-in can be gone on with after the browser was elsewhere', async ({ page, olga, demo: { ana } }) => {
  await enforce(olga);
  await provePassword(page, ana);
  await press(page, 'Set up Now');
  const app = await scan(page);
  await page.goto('about:blank');
  await page.goto('/');
  await arrive(page, 'Scan the QR code');
  await page.reload();
  expect((await scan(page)).params.secret).toBe(app.params.secret);
  await follow(page, 'Next');
  await enterCode(page, app.nextCode());
  await arrive(page, 'Your authenticator is configured');
  await expect(page.getByRole('img')).toHaveCount(0);
  await page.goBack();
  await page.goto('/sign-in?step=code');
  await arrive(page, 'Your authenticator is configured');
  await press(page, 'Enable MFA');
  await readBackupCodes(page);
});

test('enforcement that ends meanwhile lets the customer go on without', async ({ page, olga, demo: { ana } }) => {
  await enforce(olga);
  await provePassword(page, ana);
  await arrive(page, 'Set up multi-factor authentication');
  await openSettings(olga);
  await olga.getByRole('switch', { name: ENFORCE }).uncheck();
  await saveSettings(olga);
  await page.reload();
  await look(page, 'optional');
  await press(page, 'Continue to Sign In');
  await atHome(page);
});
