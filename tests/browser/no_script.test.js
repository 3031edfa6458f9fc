// All of it without a script.

import { enforce } from './console.js';
import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { arrive, fill, press } from './pages.js';
import {
  atHome,
  configure,
  download,
  provePassword,
  readBackupCodes,
  signIn,
  signInWithBackupCode,
  signInWithCode,
  signOut,
} from './portal.js';

test.use({ javaScriptEnabled: false });

// axe is a script itself.
const WITHOUT_AXE = { except: ['axe'] };

test('set up an authenticator and sign in by it', async ({ page, olga, demo: { ana } }) => {
  test.slow();
  await enforce(olga);
  await look(olga, 'settings', WITHOUT_AXE);
  await provePassword(page, ana);
  await press(page, 'Set up Now');
  await arrive(page, 'Scan the QR code');
  // What only a script can do is not offered.
  await expect(page.getByRole('button', { name: 'Copy' })).toHaveCount(0);
  await look(page, 'scan', WITHOUT_AXE);
  const app = await configure(page);
  await press(page, 'Enable MFA');
  const codes = await readBackupCodes(page);
  await expect(page.getByRole('button', { name: 'Copy' })).toHaveCount(0);
  await look(page, 'backup-codes', WITHOUT_AXE);
  const file = await download(page);
  expect(file.suggestedFilename()).toBe('acme-billing-backup-codes.txt');
  await press(page, 'Continue to Sign In');
  await atHome(page);
  await signOut(page);
  await signInWithCode(page, ana, app);
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[0]);
});

test('a double click loses nothing that cannot be made again', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await page.goto('/account/mfa');
  await press(page, 'Set up Now');
  await configure(page);
  await page.getByRole('button', { name: 'Enable MFA' }).dblclick();
  await arrive(page, /^(Save your backup codes|Multi-Factor Authentication)$/);
  await page.goto('/account/mfa');
  await press(page, 'New backup codes');
  await press(page, 'Make new codes');
  const codes = await readBackupCodes(page);
  await press(page, 'Done');
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[0]);
});

test('an invitation’s code is typed or pasted', async ({ page, demo: { eve } }) => {
  await page.goto('/outbox');
  const mail = page.getByRole('article').filter({ hasText: eve.email });
  const link = await mail.getByRole('link').getAttribute('href');
  await page.goto('/invitation');
  await arrive(page, 'Set your password');
  await look(page, 'invitation', WITHOUT_AXE);
  await fill(page, 'Invitation code', link.slice(link.indexOf('#') + 1));
  await fill(page, 'New password', 'brand new horse battery staple');
  await press(page, 'Set password');
  await arrive(page, 'Welcome, Eve');
});
