// What a customer does at the portal, step by step as the pages name it.

import { expect } from '@playwright/test';
import { scan } from './authenticator.js';
import { arrive, fill, follow, press, touch } from './pages.js';

export const CODE = 'Code from your authenticator app';

export async function enterEmail(page, email) {
  await page.goto('/sign-in');
  await arrive(page, 'Sign in');
  await fill(page, 'Email address', email);
  await press(page, 'Next');
}

export async function enterPassword(page, password) {
  await arrive(page, 'Enter your password');
  await fill(page, 'Password', password);
  await press(page, 'Sign in');
}

/** To the page after the password, whichever that is. */
export async function provePassword(page, { email, password }) {
  await enterEmail(page, email);
  await enterPassword(page, password);
}

export async function enterCode(page, code) {
  await arrive(page, 'Enter the code');
  await fill(page, CODE, code);
  await press(page, 'Verify');
}

/** Of who has no second factor. */
export async function signIn(page, person) {
  await provePassword(page, person);
  await atHome(page);
}

export async function signInWithCode(page, person, app) {
  await provePassword(page, person);
  await enterCode(page, app.nextCode());
  await atHome(page);
}

export async function signInWithBackupCode(page, person, code) {
  await provePassword(page, person);
  await arrive(page, 'Enter the code');
  await follow(page, 'Use a backup code instead');
  await arrive(page, 'Enter a backup code');
  await fill(page, 'Backup code', code);
  await press(page, 'Verify');
  await atHome(page);
}

export async function atHome(page) {
  await arrive(page, /^Welcome, /);
}

export async function signOut(page) {
  await press(page, 'Sign Out');
  await arrive(page, 'Sign in');
}

/** From the QR code to an authenticator that is verified but not enabled. */
export async function configure(page) {
  await arrive(page, 'Scan the QR code');
  const app = await scan(page);
  await follow(page, 'Next');
  await enterCode(page, app.nextCode());
  await arrive(page, 'Your authenticator is configured');
  return app;
}

/** From "Set up Now" to the backup codes. */
export async function setUp(page) {
  await press(page, 'Set up Now');
  const app = await configure(page);
  await press(page, 'Enable MFA');
  return { app, codes: await readBackupCodes(page) };
}

/** The five codes, while they are shown. */
export async function readBackupCodes(page) {
  await arrive(page, 'Save your backup codes');
  const codes = await page.getByRole('main').getByRole('listitem').allTextContents();
  expect(new Set(codes).size).toBe(5);
  for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  return codes;
}

/** The file of backup codes. */
export async function download(page) {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    touch(page.getByRole('button', { name: 'Download' })),
  ]);
  return file;
}

/** A signed-in customer sets up MFA of their own accord. */
export async function setUpInMyAccount(page) {
  await page.goto('/account/mfa');
  const made = await setUp(page);
  await press(page, 'Done');
  await arrive(page, 'Multi-Factor Authentication');
  return made;
}
