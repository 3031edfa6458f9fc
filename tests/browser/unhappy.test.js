// What goes wrong, and that whoever it happens to is told what, why, and what to do.

import { choose, enforce, openCustomer, openSettings, resetMfa, saveAtOnce } from './console.js';
import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { alerted, arrive, fill, follow, noticed, press } from './pages.js';
import {
  CODE,
  atHome,
  configure,
  enterCode,
  enterEmail,
  enterPassword,
  provePassword,
  readBackupCodes,
  setUp,
  setUpInMyAccount,
  signIn,
  signInWithBackupCode,
  signInWithCode,
  signOut,
} from './portal.js';

const WRONG = 'wrong horse battery staple';

async function allowWrongCodes(olga, number) {
  await openSettings(olga);
  await fill(olga, 'Wrong codes before a lock', `${number}`);
  await saveAtOnce(olga);
}

test('wrong codes count down to a lock, which shows its end', async ({ page, elsewhere, olga, demo: { ana } }) => {
  await allowWrongCodes(olga, 3);
  await signIn(page, ana);
  const { app, codes } = await setUpInMyAccount(page);
  const other = await elsewhere();
  await provePassword(other, ana);
  await enterCode(other, app.wrongCode());
  await alerted(other, 'That code is not right. 2 tries left.');
  await look(other, 'wrong-code');
  await enterCode(other, app.wrongCode());
  await alerted(other, 'That code is not right. 1 try left.');
  await enterCode(other, app.wrongCode());
  const locked = async () => {
    await alerted(other, /Too many wrong codes\. You can try again at \d\d:\d\d(:\d\d)? UTC \(in 1[45]/);
    await expect(other.getByLabel(CODE)).toBeDisabled();
    await expect(other.getByRole('button', { name: 'Verify' })).toBeDisabled();
  };
  await locked();
  await look(other, 'locked');
  await other.goto('/sign-in');
  await locked();

  // A backup code is no way around it, and a session that there is goes on.
  await other.goto('/sign-in?with=backup-code');
  await alerted(other, 'Too many wrong codes.');
  await page.goto('/');
  await atHome(page);

  await openCustomer(olga, ana.email);
  await choose(olga, 'Unlock');
  await other.goto('/sign-in');
  await enterCode(other, app.nextCode());
  await atHome(other);
  expect(codes).toHaveLength(5);
});

test('a password that is tried too often has to wait', async ({ page, demo: { ana } }) => {
  await enterEmail(page, ana.email);
  const answers = [];
  // How many it takes depends on how long each took.
  for (let tries = 0; tries < 15 && !answers.includes(429); tries += 1) {
    await fill(page, 'Password', WRONG);
    answers.push((await press(page, 'Sign in')).status());
  }
  expect(answers.at(-1)).toBe(429);
  await arrive(page, 'Enter your password');
  await alerted(page, /\(in /);
  await look(page, 'throttled');
  // The wait ends by itself, some seconds later.
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeEnabled();
  await expect(page.getByText(/\(now\)/)).toBeVisible();
  await enterPassword(page, ana.password);
  await atHome(page);
});

test.describe('with a hasher that is soon busy', () => {
  test.use({
    environment: {
      GATEHOUSE_HASH_THREADS: '1',
      GATEHOUSE_HASH_MEMORY_KIB: '131072',
      GATEHOUSE_HASH_PASSES: '6',
    },
  });

  test('too many people at once are told when to come back', async ({ page, playwright, demo }) => {
    const headers = { origin: demo.portal };
    /** Somebody who is about to send a password. */
    const person = async (email) => {
      const context = await playwright.request.newContext({ baseURL: demo.portal, extraHTTPHeaders: headers });
      await context.post('/sign-in', { form: { email } });
      return () => context.post('/sign-in/password', { form: { password: WRONG } });
    };
    await enterEmail(page, demo.ana.email);
    await fill(page, 'Password', demo.ana.password);
    const people = await Promise.all(
      [...Array(12).keys()].map((number) => person(`person${number}@example.com`)),
    );
    const refusals = people.map(async (send) => {
      const answer = await send();
      if (answer.status() !== 503) throw new Error(`${answer.status()}`);
    });
    // Once one of them is refused the queue is full, for as long as the first password takes.
    await Promise.any(refusals);
    const answer = await press(page, 'Sign in');
    expect(answer.status()).toBe(503);
    expect(Number(answer.headers()['retry-after'])).toBeGreaterThan(0);
    await arrive(page, 'Too many people are signing in');
    await look(page, 'overloaded');
    await Promise.allSettled(refusals);
    await page.goto('/sign-in');
    await enterPassword(page, demo.ana.password);
    await atHome(page);
  });
});

test('while gatehouse is away nobody is signed out', async ({ page, olga, context, demo }) => {
  await signIn(page, demo.ana);
  demo.freezeGatehouse();
  for (const path of ['/', '/account/mfa']) {
    const answer = await page.goto(path);
    expect(answer.status(), path).toBe(503);
    expect(Number(answer.headers()['retry-after']), path).toBeGreaterThan(0);
    await arrive(page, 'This does not work right now');
  }
  await look(page, 'away');
  expect((await olga.goto('/customers')).status()).toBe(503);
  await look(olga, 'away-console');
  const names = (await context.cookies()).map(({ name }) => name);
  expect(names).toContain('__Host-session');
  demo.thawGatehouse();
  await expect(async () => {
    await page.goto('/account');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('My Account', { timeout: 100 });
  }).toPass();
  await olga.goto('/customers');
  await arrive(olga, 'Customers');
});

test('who cannot be signed out is told so', async ({ page, demo }) => {
  await signIn(page, demo.ana);
  demo.freezeGatehouse();
  await press(page, 'Sign Out');
  await arrive(page, 'You are not signed out');
  await look(page, 'not-signed-out');
  demo.thawGatehouse();
  await expect(async () => {
    await press(page, 'Sign Out');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Sign in', { timeout: 5_000 });
  }).toPass();
  await noticed(page, 'You are signed out.');
});

test('the demo goes on without its gatehouse', async ({ page, demo }) => {
  await signIn(page, demo.ana);
  demo.killGatehouse();
  await expect(async () => {
    const answer = await page.goto('/');
    expect(answer.status()).toBe(503);
  }).toPass();
  await arrive(page, 'This does not work right now');
  await page.context().clearCookies();
  await enterEmail(page, demo.ana.email);
  await arrive(page, 'This does not work right now');
});

/** The next page says that the session is over, and why. */
async function expectEnded(page, why, text) {
  await page.goto('/account');
  await arrive(page, 'Sign in');
  expect(new URL(page.url()).searchParams.get('why')).toBe(why);
  await alerted(page, text);
  // It was told once; from here on it is a page like any other.
  await page.goto('/sign-in');
  await expect(page.getByRole('alert')).toHaveCount(0);
}

test('an administrator ends the sessions', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  await openCustomer(olga, ana.email);
  await press(olga, 'End all sessions');
  await expectEnded(page, 'revoked', /administrator/i);
  await signIn(page, ana);
});

test('an administrator resets MFA', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  await setUpInMyAccount(page);
  await resetMfa(olga, ana.email, 'lost phone');
  await expectEnded(page, 'mfa-reset', /reset/i);
  await signIn(page, ana);
});

test('the password is changed elsewhere', async ({ page, elsewhere, demo: { ana } }) => {
  await signIn(page, ana);
  const other = await elsewhere();
  await signIn(other, ana);
  await other.goto('/account/password');
  await fill(other, 'Current password', ana.password);
  await fill(other, 'New password', 'another horse battery staple');
  await press(other, 'Change password');
  await noticed(other, /password/i);
  await expectEnded(page, 'password-changed', /password/i);
});

test('an administrator suspends the account', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  await openCustomer(olga, ana.email);
  await choose(olga, 'Suspend');
  await arrive(olga, ana.email);
  await expectEnded(page, 'suspended', /suspended/i);
  // A wrong password learns nothing of it.
  await provePassword(page, { ...ana, password: WRONG });
  await expect(page.getByRole('alert')).toContainText('not right');
  await enterPassword(page, ana.password);
  await arrive(page, 'This account is suspended');
  await look(page, 'suspended');

  await choose(olga, 'Reinstate');
  await signIn(page, ana);
});

test('a sign-in that an administrator ended has to start again', async ({ page, elsewhere, olga, demo: { ana } }) => {
  await signIn(page, ana);
  const { app } = await setUpInMyAccount(page);
  const other = await elsewhere();
  await provePassword(other, ana);
  await arrive(other, 'Enter the code');
  await resetMfa(olga, ana.email, 'lost phone');
  await fill(other, CODE, app.nextCode());
  await press(other, 'Verify');
  await arrive(other, 'Sign in');
  await alerted(other, 'This sign-in is over. Please start again.');
  await look(other, 'sign-in-over');
});

test('MFA is announced before it is enforced', async ({ page, olga, demo: { ana } }) => {
  await enforce(olga, '2040-12-01T14:05');
  await signIn(page, ana);
  await expect(page.getByRole('main')).toContainText(
    'From 1 December 2040, 14:05 UTC you will need multi-factor authentication.',
  );
  await look(page, 'announced');
  await follow(page, 'Set up Now');
  await arrive(page, 'Multi-Factor Authentication');
  await setUp(page);
  await press(page, 'Done');
  await page.goto('/');
  await expect(page.getByRole('main')).not.toContainText('you will need multi-factor authentication');
});

test('the last backup code says that it is', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  const { codes } = await setUpInMyAccount(page);
  for (const code of codes.slice(0, 4)) {
    await signOut(page);
    await signInWithBackupCode(page, ana, code);
  }
  await expect(page.getByRole('main')).toContainText('You have 1 backup code left.');
  await look(page, 'last-backup-code');
  await follow(page, 'Make new ones');
  await arrive(page, 'New backup codes?');
});

test('a double click is one', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  const { app } = await setUpInMyAccount(page);
  await signOut(page);
  await provePassword(page, ana);
  await fill(page, CODE, app.nextCode());
  await page.getByRole('button', { name: 'Verify' }).dblclick();
  await atHome(page);
  await page.goto('/account/sessions');
  await expect(page.getByText('This session')).toHaveCount(1);
});

test('backup codes are not lost to a double click', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await page.goto('/account/mfa');
  await press(page, 'Set up Now');
  await configure(page);
  await page.getByRole('button', { name: 'Enable MFA' }).dblclick();
  const codes = await readBackupCodes(page);
  await press(page, 'Done');
  await signOut(page);
  await signInWithBackupCode(page, ana, codes[0]);
});

test('two tabs of one sign-in end signed in', async ({ page, context, demo: { ana } }) => {
  await enterEmail(page, ana.email);
  await arrive(page, 'Enter your password');
  const tab = await context.newPage();
  await tab.goto('/sign-in');
  await enterPassword(tab, ana.password);
  await atHome(tab);
  await enterPassword(page, ana.password);
  await atHome(page);
  await tab.reload();
  await atHome(tab);
});

test('a tab that was left at an earlier step shows the step that it is at', async ({ page, context, demo: { ana } }) => {
  await signIn(page, ana);
  const { app } = await setUpInMyAccount(page);
  await signOut(page);
  await enterEmail(page, ana.email);
  const tab = await context.newPage();
  await tab.goto('/sign-in');
  await enterPassword(tab, ana.password);
  await arrive(tab, 'Enter the code');
  await enterPassword(page, ana.password);
  await enterCode(page, app.nextCode());
  await atHome(page);
});

test('back and forth in the history sends nothing twice', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  await page.goBack();
  await page.goForward();
  await atHome(page);
  await signOut(page);
  // What a signed-in page showed is not shown from a cache.
  await page.goBack();
  await page.reload();
  await arrive(page, 'Sign in');
  const { app } = await signIn(page, ana).then(() => setUpInMyAccount(page));
  await signOut(page);
  await signInWithCode(page, ana, app);
});
