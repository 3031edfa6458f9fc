// Passwords by mail: the first one, and another where it was forgotten.

import { enforce } from './console.js';
import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { alerted, arrive, fill, follow, leaveBy, press } from './pages.js';
import { atHome, provePassword, setUp, setUpInMyAccount, signIn, signOut } from './portal.js';

const PASSWORD = 'brand new horse battery staple';
const SUBJECT = 'Set your Acme Billing password';

/** The newest mail to `email` with this subject. */
async function mailTo(page, email, subject = SUBJECT) {
  await page.goto('/outbox');
  await arrive(page, 'Outbox');
  return page.getByRole('article').filter({ hasText: email }).filter({ hasText: subject }).first();
}

async function openInvitation(page, email) {
  await leaveBy(page, (await mailTo(page, email)).getByRole('link'));
  await arrive(page, 'Set your password');
}

async function setPassword(page, password) {
  await fill(page, 'New password', password);
  await press(page, 'Set password');
}

test('who is invited sets a first password', async ({ page, demo: { eve } }) => {
  await mailTo(page, eve.email);
  // Its link holds an invitation's token: it is the mail itself.
  await look(page, 'outbox', { except: ['secrets'] });
  await openInvitation(page, eve.email);
  await expect(page.getByLabel('Invitation code')).toHaveValue(/^ghv_/);
  expect(page.url(), 'the code is in no history').not.toContain('ghv_');
  await setPassword(page, 'too short');
  await expect(page.getByLabel('New password')).toHaveAttribute('aria-invalid', 'true');
  // The code stands in its field.
  await look(page, 'too-short', { except: ['secrets'] });
  await setPassword(page, PASSWORD);
  await arrive(page, 'Welcome, Eve');
  await signOut(page);
  await signIn(page, { ...eve, password: PASSWORD });
  await page.goto('/account');

  await page.goto('/');
  await signOut(page);
  await openInvitation(page, eve.email);
  await setPassword(page, PASSWORD);
  await alerted(page, /\w/);
  await look(page, 'used', { except: ['secrets'] });
});

test('who is invited where MFA is enforced sets up both', async ({ page, olga, demo: { eve } }) => {
  await enforce(olga);
  await openInvitation(page, eve.email);
  await setPassword(page, PASSWORD);
  await arrive(page, 'Set up multi-factor authentication');
});

test('who forgot the password gets a mail', async ({ page, demo: { ana } }) => {
  await page.goto('/sign-in');
  await follow(page, 'Forgot password?');
  await arrive(page, 'Forgot password?');
  await look(page, 'forgot');
  await fill(page, 'Email address', ana.email);
  await press(page, 'Send me a link');
  await arrive(page, 'Check your mail');
  await look(page, 'check-your-mail');
  await expect(async () => {
    await expect(await mailTo(page, ana.email)).toBeVisible({ timeout: 100 });
  }).toPass();
  await openInvitation(page, ana.email);
  await setPassword(page, PASSWORD);
  await atHome(page);
});

test('an unknown address is answered alike, and gets no mail', async ({ page, demo: { ana } }) => {
  const answers = [];
  for (const email of ['nobody@example.com', ana.email]) {
    await page.goto('/forgot-password');
    await fill(page, 'Email address', email);
    await press(page, 'Send me a link');
    await arrive(page, 'Check your mail');
    answers.push((await page.getByRole('main').textContent()).replaceAll(email, 'ADDRESS'));
  }
  expect(answers[0]).toBe(answers[1]);
  // Once the later mail is there, the earlier would be as well.
  await expect(async () => {
    await expect(await mailTo(page, ana.email)).toBeVisible({ timeout: 100 });
  }).toPass();
  await expect(page.getByRole('article').filter({ hasText: 'nobody@example.com' })).toHaveCount(0);
});

test('a new password does not get around the second factor', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await setUpInMyAccount(page);
  await signOut(page);
  await page.goto('/forgot-password');
  await fill(page, 'Email address', ana.email);
  await press(page, 'Send me a link');
  await expect(async () => {
    await expect(await mailTo(page, ana.email)).toBeVisible({ timeout: 100 });
  }).toPass();
  await openInvitation(page, ana.email);
  await setPassword(page, PASSWORD);
  await arrive(page, 'Enter the code');
});

test('an invitation opened in somebody else’s browser ends their session', async ({ page, demo: { ana, eve } }) => {
  await signIn(page, ana);
  await openInvitation(page, eve.email);
  await setPassword(page, PASSWORD);
  await arrive(page, 'Welcome, Eve');
  await page.goto('/account/sessions');
  await expect(page.getByText('This session')).toHaveCount(1);
  await signOut(page);
  await page.goto('/account');
  await arrive(page, 'Sign in');
});

test('what happened is told by mail', async ({ page, olga, demo: { ana } }) => {
  await enforce(olga);
  await provePassword(page, ana);
  await setUp(page);
  await expect(await mailTo(page, ana.email, 'Multi-factor authentication is on')).toBeVisible();
});
