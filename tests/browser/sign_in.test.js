// Signing in and out where MFA is not enforced.

import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { alerted, arrive, fill, follow, noticed, press } from './pages.js';
import {
  CODE,
  atHome,
  enterEmail,
  provePassword,
  setUpInMyAccount,
  signIn,
  signInWithBackupCode,
  signOut,
} from './portal.js';

test('email and password, and out again', async ({ page, demo: { ana } }) => {
  await page.goto('/');
  await arrive(page, 'Sign in');
  await look(page, 'email');
  await fill(page, 'Email address', ana.email);
  await press(page, 'Next');
  await arrive(page, 'Enter your password');
  await expect(page.getByRole('main')).toContainText(ana.email);
  await look(page, 'password');
  await fill(page, 'Password', ana.password);
  await press(page, 'Sign in');
  await arrive(page, 'Welcome, Ana');
  await look(page, 'home');

  await press(page, 'Sign Out');
  await arrive(page, 'Sign in');
  await noticed(page, /signed out/);
  await look(page, 'signed-out');
  await page.goto('/account');
  await arrive(page, 'Sign in');
});

test('the keyboard is enough', async ({ page, demo: { ana } }) => {
  // What is to be filled in first gets the focus by itself, a moment after it is there.
  const hasFocus = (label) => expect(page.getByLabel(label, { exact: true })).toBeFocused();
  await page.goto('/sign-in');
  await hasFocus('Email address');
  await page.keyboard.type(ana.email);
  await page.keyboard.press('Enter');
  await arrive(page, 'Enter your password');
  await hasFocus('Password');
  await page.keyboard.type(ana.password);
  await page.keyboard.press('Enter');
  await atHome(page);
});

test('password managers and phones know what each field is for', async ({ page, demo: { ana } }) => {
  const expectHints = async (label, hints) => {
    for (const [name, value] of Object.entries(hints)) {
      await expect(page.getByLabel(label, { exact: true })).toHaveAttribute(name, value);
    }
  };
  await page.goto('/sign-in');
  await expectHints('Email address', { type: 'email', autocomplete: 'username' });
  await enterEmail(page, ana.email);
  await expectHints('Password', { type: 'password', autocomplete: 'current-password' });
  await fill(page, 'Password', ana.password);
  await press(page, 'Sign in');
  await atHome(page);
  await page.goto('/account/password');
  await expectHints('Current password', { type: 'password', autocomplete: 'current-password' });
  await expectHints('New password', { type: 'password', autocomplete: 'new-password' });
  await setUpInMyAccount(page);
  await signOut(page);
  await provePassword(page, ana);
  await expectHints(CODE, { autocomplete: 'one-time-code', inputmode: 'numeric' });
});

test('a wrong password is answered as an unknown address is', async ({ page, demo: { ana } }) => {
  const answers = [];
  for (const email of [ana.email, 'nobody@example.com']) {
    await provePassword(page, { email, password: 'wrong horse battery staple' });
    await arrive(page, 'Enter your password');
    const alert = page.getByRole('alert');
    await expect(alert).toBeVisible();
    answers.push(await alert.textContent());
    await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
    if (email === ana.email) await look(page, 'wrong-password');
    await press(page, 'Use another account');
    await arrive(page, 'Sign in');
  }
  expect(answers[0]).toBe(answers[1]);
});

test('an address that is none is said to be', async ({ page }) => {
  await page.goto('/sign-in');
  await fill(page, 'Email address', 'ana@');
  // Past the browser's own opinion, as an old one would.
  await page.locator('form').first().evaluate((form) => {
    form.noValidate = true;
  });
  await press(page, 'Next');
  await arrive(page, 'Sign in');
  const field = page.getByLabel('Email address', { exact: true });
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await expect(field).toHaveAccessibleDescription(/\w/);
  await expect(field).toHaveValue('ana@');
  await look(page, 'no-address');
});

test('one step back from either kind of code to the other', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  const { app, codes } = await setUpInMyAccount(page);
  await signOut(page);
  await provePassword(page, ana);
  await arrive(page, 'Enter the code');
  await look(page, 'code');
  await follow(page, 'Use a backup code instead');
  await arrive(page, 'Enter a backup code');
  await look(page, 'backup-code');
  await follow(page, 'Use the authenticator app instead');
  // As people type what they see: in two halves.
  await fill(page, CODE, app.nextCode().replace(/^.../, '$& '));
  await press(page, 'Verify');
  await atHome(page);

  // Without its dashes, and small.
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[4].toLowerCase().replaceAll('-', ''));
});

test('who is signed in already is not asked again', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await page.goto('/sign-in');
  await atHome(page);
});

test('a page that is not there says so', async ({ page, demo }) => {
  for (const [site, name] of [[demo.portal, 'not-found'], [demo.console, 'not-found-console']]) {
    const answer = await page.goto(`${site}/nowhere`);
    expect(answer.status()).toBe(404);
    await arrive(page, 'Page not found');
    await look(page, name);
  }
});

test('a backup code is taken once', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  const { codes } = await setUpInMyAccount(page);
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[0]);
  await signOut(page);
  await provePassword(page, ana);
  await follow(page, 'Use a backup code instead');
  await fill(page, 'Backup code', codes[0]);
  await press(page, 'Verify');
  await alerted(page, 'That code is not right.');
  await look(page, 'used-backup-code');
});
