// The administrator's console: what is enforced, whom it concerns, and help for customers.

import { readFileSync } from 'node:fs';
import {
  ENFORCE,
  choose,
  enforce,
  openCustomer,
  openSettings,
  resetMfa,
  saveAtOnce,
  saveSettings,
} from './console.js';
import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { alerted, arrive, fill, follow, leaveBy, noticed, press, touch } from './pages.js';
import { CODE, enterCode, provePassword, setUpInMyAccount, signIn, signInWithCode, signOut } from './portal.js';

const CERTIFICATE = readFileSync(new URL('../support/certificate.pem', import.meta.url), 'utf8');

const enforceSwitch = (page) => page.getByRole('switch', { name: ENFORCE });
const row = (page, text) => page.getByRole('row').filter({ hasText: text });
/** Of a customer, by the first part of the address: the demo's customers have it as their id too. */
const rowsOf = (page, { email }) =>
  page.getByRole('row').filter({ has: page.getByRole('link', { name: email.split('@')[0] }) });

async function configureSaml(page) {
  await fill(page, 'Entity ID', 'https://idp.example/metadata');
  await fill(page, 'Sign-in URL', 'https://idp.example/sso');
  await fill(page, 'Certificate (PEM)', CERTIFICATE);
}

test('sign in and out', async ({ elsewhere, demo }) => {
  const page = await elsewhere({ baseURL: demo.console });
  await page.goto('/settings');
  await arrive(page, "Administrator's console");
  await look(page, 'sign-in');
  await fill(page, 'Email address', demo.olga.email);
  await fill(page, 'Password', 'wrong horse battery staple');
  await press(page, 'Sign in');
  await expect(page.getByRole('alert')).toBeVisible();
  await look(page, 'wrong-password');
  await fill(page, 'Email address', demo.olga.email);
  await fill(page, 'Password', demo.olga.password);
  await press(page, 'Sign in');
  await expect(page.getByRole('navigation')).toBeVisible();
  await press(page, 'Sign Out');
  await arrive(page, "Administrator's console");
  await page.goto('/customers');
  await arrive(page, "Administrator's console");
});

test('enforce MFA, and see first what it would mean', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  await openSettings(olga);
  await expect(enforceSwitch(olga)).not.toBeChecked();
  await look(olga, 'settings');
  await enforceSwitch(olga).check();
  await press(olga, 'Save');
  await arrive(olga, 'Save these settings?');
  // Eve, who was invited, is one of three.
  await expect(olga.getByRole('main')).toContainText(
    '3 customers will have to set up MFA at their next sign-in.',
  );
  await look(olga, 'impact');
  await press(olga, 'Back');
  await arrive(olga, 'Customer Portal Settings');
  await expect(enforceSwitch(olga), 'what was chosen is kept').toBeChecked();
  await openSettings(olga);
  await expect(enforceSwitch(olga), 'nothing has changed').not.toBeChecked();

  await enforce(olga);
  await look(olga, 'saved');
  await expect(enforceSwitch(olga)).toBeChecked();
  // A session that is weaker goes on, unless it is ended with it.
  await page.goto('/');
  await arrive(page, /^Welcome/);
  await signOut(page);
  await provePassword(page, ana);
  await arrive(page, 'Set up multi-factor authentication');
});

test('weaker sessions end with it where that is asked for', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  await openSettings(olga);
  await enforceSwitch(olga).check();
  await press(olga, 'Save');
  await olga.getByLabel('Also end the 1 session that is weaker').check();
  await press(olga, 'Save');
  await noticed(olga, 'Saved.');
  await page.goto('/account');
  await arrive(page, 'Sign in');
});

test('enforce MFA from a day on', async ({ olga }) => {
  await enforce(olga, '2040-12-01T14:05');
  await openSettings(olga);
  await expect(enforceSwitch(olga)).toBeChecked();
  await expect(olga.getByLabel('From (UTC)')).toHaveValue('2040-12-01T14:05');
  await enforceSwitch(olga).uncheck();
  await saveSettings(olga);
  await openSettings(olga);
  await expect(enforceSwitch(olga)).not.toBeChecked();
  await expect(olga.getByLabel('From (UTC)')).toHaveValue('');
});

test('SAML keeps MFA from being enforced, and the other way round', async ({ page, olga, demo: { ana } }) => {
  await openSettings(olga);
  await configureSaml(olga);
  await saveSettings(olga);
  await openSettings(olga);
  await expect(enforceSwitch(olga)).toBeDisabled();
  await expect(olga.getByRole('main')).toContainText('SAML is configured. Remove it to enforce MFA.');
  await look(olga, 'saml');
  await page.goto('/sign-in');
  await fill(page, 'Email address', ana.email);
  await press(page, 'Next');
  await arrive(page, 'Sign in with your company');
  await expect(page.getByRole('link', { name: 'Continue' })).toHaveAttribute('href', 'https://idp.example/sso');
  await look(page, 'saml-sign-in');

  for (const label of ['Entity ID', 'Sign-in URL', 'Certificate (PEM)']) await fill(olga, label, '');
  await saveSettings(olga);
  await enforce(olga);
  await openSettings(olga);
  await expect(olga.getByRole('main')).toContainText('MFA is enforced. Switch it off to configure SAML.');
  for (const label of ['Entity ID', 'Sign-in URL', 'Certificate (PEM)']) {
    await expect(olga.getByLabel(label)).toBeDisabled();
  }
  await look(olga, 'enforced');
});

test('settings that gatehouse refuses are told beside their field', async ({ olga }) => {
  await openSettings(olga);
  await fill(olga, 'Entity ID', 'https://idp.example/metadata');
  await fill(olga, 'Sign-in URL', 'not a URL');
  await fill(olga, 'Certificate (PEM)', 'not a certificate');
  await olga.locator('form', { has: enforceSwitch(olga) }).evaluate((form) => {
    form.noValidate = true;
  });
  await press(olga, 'Save');
  await arrive(olga, 'Customer Portal Settings');
  await expect(olga.getByLabel('Sign-in URL')).toHaveAttribute('aria-invalid', 'true');
  await expect(olga.getByLabel('Certificate (PEM)')).toHaveAttribute('aria-invalid', 'true');
  await expect(olga.getByLabel('Entity ID'), 'what was typed is kept').toHaveValue('https://idp.example/metadata');
  await look(olga, 'refused');
});

test('somebody else changed the settings meanwhile', async ({ olga }) => {
  await openSettings(olga);
  const other = await olga.context().newPage();
  await openSettings(other);
  await fill(other, 'Wrong codes before a lock', '7');
  await saveAtOnce(other);
  await fill(olga, 'Wrong codes before a lock', '5');
  await press(olga, 'Save');
  await arrive(olga, 'Customer Portal Settings');
  await alerted(olga, 'Somebody else changed the settings meanwhile. Here they are as they stand now.');
  await expect(olga.getByLabel('Wrong codes before a lock')).toHaveValue('7');
  await look(olga, 'changed-meanwhile');
});

test('find customers', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  await setUpInMyAccount(page);
  await olga.goto('/customers');
  await expect(olga.getByRole('row')).toHaveCount(1 + 3);
  await expect(row(olga, 'eve@example.com')).toContainText('Invited');
  await look(olga, 'customers');
  await olga.getByLabel('MFA').selectOption('Enabled');
  await press(olga, 'Filter');
  await expect(olga.getByRole('row')).toHaveCount(1 + 1);
  await expect(row(olga, ana.email)).toContainText('Enabled');
  await olga.goto('/customers');
  await fill(olga, 'Email address', 'BEN@example.com');
  await press(olga, 'Filter');
  await expect(olga.getByRole('row')).toHaveCount(1 + 1);
  await expect(olga.getByRole('link', { name: 'ben@example.com' })).toBeVisible();
  await fill(olga, 'Email address', 'nobody@example.com');
  await press(olga, 'Filter');
  await expect(olga.getByRole('link', { name: 'ben@example.com' })).toHaveCount(0);
  await look(olga, 'no-customers');
});

test('add a customer, who gets a mail', async ({ olga, page }) => {
  await olga.goto('/customers');
  await follow(olga, 'Add customer');
  await arrive(olga, 'Add a customer');
  await look(olga, 'add');
  await fill(olga, 'Email address', 'ana@example.com');
  await fill(olga, 'Name', 'Zoe');
  await press(olga, 'Add and invite');
  await expect(olga.getByLabel('Email address'), 'taken').toHaveAttribute('aria-invalid', 'true');
  await fill(olga, 'Email address', 'zoe@example.com');
  await press(olga, 'Add and invite');
  await arrive(olga, 'zoe@example.com');
  await look(olga, 'added');
  await page.goto('/outbox');
  const mail = page.getByRole('article').filter({ hasText: 'zoe@example.com' });
  await leaveBy(page, mail.getByRole('link'));
  await fill(page, 'New password', 'brand new horse battery staple');
  await press(page, 'Set password');
  await arrive(page, 'Welcome, Zoe');
});

test('reset the MFA of who lost the phone', async ({ page, olga, demo: { ana } }) => {
  await signIn(page, ana);
  const { app } = await setUpInMyAccount(page);
  await enforce(olga);
  await openCustomer(olga, ana.email);
  await look(olga, 'customer');
  await touch(olga.getByLabel('Actions'));
  await look(olga, 'gear');
  await olga.goto('/customers');
  await openCustomer(olga, ana.email);
  await choose(olga, 'Reset Portal MFA');
  await arrive(olga, 'Reset Portal MFA?');
  await look(olga, 'reset');
  await follow(olga, 'Cancel');
  await arrive(olga, ana.email);
  await resetMfa(olga, ana.email, 'lost phone, identified by telephone');
  await expect(olga.getByRole('status')).toBeVisible();
  await look(olga, 'was-reset');

  await page.goto('/account');
  await arrive(page, 'Sign in');
  await page.goto('/outbox');
  const mail = page.getByRole('article').filter({ hasText: 'Your multi-factor authentication was reset' });
  await expect(mail).toContainText(ana.email);
  await expect(mail, 'the reason is for the trail').not.toContainText('telephone');
  await provePassword(page, ana);
  await arrive(page, 'Set up multi-factor authentication');
  expect(app.label).toContain(ana.email);
});

test('a reset that takes the password along', async ({ page, olga, demo: { ana } }) => {
  await openCustomer(olga, ana.email);
  await choose(olga, 'Reset Portal MFA');
  await fill(olga, 'Reason', 'account taken over');
  await olga.getByLabel('Also end the password').check();
  await press(olga, 'Reset');
  await arrive(olga, ana.email);
  await provePassword(page, ana);
  await arrive(page, 'Enter your password');
  await expect(page.getByRole('alert')).toBeVisible();
});

test('a locked customer is seen and unlocked', async ({ page, elsewhere, olga, demo: { ana } }) => {
  await openSettings(olga);
  await fill(olga, 'Wrong codes before a lock', '3');
  await saveAtOnce(olga);
  await signIn(page, ana);
  const { app } = await setUpInMyAccount(page);
  const other = await elsewhere();
  await provePassword(other, ana);
  for (let tries = 0; tries < 3; tries += 1) await enterCode(other, app.wrongCode());
  await expect(other.getByLabel(CODE)).toBeDisabled();

  await olga.goto('/customers');
  await olga.getByLabel('Locked').selectOption({ index: 1 });
  await press(olga, 'Filter');
  await expect(row(olga, ana.email)).toContainText('Locked');
  await look(olga, 'locked-customers');
  await follow(olga, ana.email);
  await look(olga, 'locked-customer');
  await choose(olga, 'Unlock');
  await expect(olga.getByRole('status')).toBeVisible();
  await other.goto('/sign-in');
  await enterCode(other, app.nextCode());
  await arrive(other, /^Welcome/);
});

test('sessions are seen and ended', async ({ page, elsewhere, olga, demo: { ana, ben } }) => {
  await signIn(page, ana);
  await signIn(await elsewhere(), ben);
  await follow(olga, 'Sessions');
  await arrive(olga, 'Sessions');
  await expect(row(olga, ana.email)).toHaveCount(1);
  await expect(row(olga, ben.email)).toHaveCount(1);
  await look(olga, 'sessions');
  await leaveBy(olga, row(olga, ana.email).getByRole('button', { name: 'End' }));
  await expect(row(olga, ana.email)).toHaveCount(0);
  await expect(row(olga, ben.email)).toHaveCount(1);
  await page.goto('/account');
  await arrive(page, 'Sign in');

  await openCustomer(olga, ben.email);
  await expect(olga.getByRole('heading', { name: 'Sessions' })).toBeVisible();
  await press(olga, 'End');
  await expect(olga.getByRole('button', { name: 'End', exact: true })).toHaveCount(0);
});

test('an invitation is sent again', async ({ page, olga, demo: { eve } }) => {
  await openCustomer(olga, eve.email);
  await choose(olga, 'Send invitation');
  await expect(olga.getByRole('status')).toBeVisible();
  await page.goto('/outbox');
  await expect(page.getByRole('article').filter({ hasText: eve.email })).toHaveCount(2);
});

test('the trail tells who did what', async ({ page, olga, demo: { ana, ben } }) => {
  await signIn(page, ana);
  const { app } = await setUpInMyAccount(page);
  await signOut(page);
  await signInWithCode(page, ana, app);
  await signOut(page);
  await signIn(page, ben);
  await resetMfa(olga, ana.email, 'lost phone');

  await follow(olga, 'All events');
  await arrive(olga, 'Audit trail');
  await expect(olga.getByLabel('Customer')).toHaveValue(ana.email);
  await expect(row(olga, 'lost phone')).toContainText('olga@acme.example');
  await expect(rowsOf(olga, ben)).toHaveCount(0);
  await look(olga, 'trail-of-a-customer');

  await follow(olga, 'Audit trail');
  await expect(rowsOf(olga, ben)).not.toHaveCount(0);
  await look(olga, 'trail');
  await olga.getByLabel('Type').selectOption('mfa');
  await press(olga, 'Filter');
  await expect(row(olga, 'lost phone')).toHaveCount(1);
  await expect(rowsOf(olga, ben)).toHaveCount(0);
  await fill(olga, 'From (UTC)', '2040-12-01T14:05');
  await press(olga, 'Filter');
  await expect(row(olga, 'lost phone')).toHaveCount(0);
  await look(olga, 'trail-empty');
});

test('the settings slide in over the page, and a phone shows them alone', async ({ olga, isMobile }) => {
  await openSettings(olga);
  const panel = await olga.locator('.slider').boundingBox();
  const { width } = olga.viewportSize();
  if (isMobile) {
    expect(panel.width).toBeGreaterThan(width - 40);
  } else {
    expect(Math.round(panel.x + panel.width)).toBe(width);
    expect(panel.width).toBeLessThan(width / 2);
  }
});
