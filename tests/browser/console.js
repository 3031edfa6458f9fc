// What the administrator does at the console.

import { expect } from '@playwright/test';
import { arrive, fill, follow, leaveBy, noticed, press, touch } from './pages.js';

export const ENFORCE = 'Enforce Multi-Factor Authentication (MFA) for portal users';

export async function signInToConsole(page, { email, password }) {
  await page.goto('/sign-in');
  await arrive(page, "Administrator's console");
  await fill(page, 'Email address', email);
  await fill(page, 'Password', password);
  await press(page, 'Sign in');
  await arrive(page, 'Customers');
}

export async function openSettings(page) {
  await page.goto('/settings');
  await arrive(page, 'Customer Portal Settings');
}

/** Saves settings that concern sign-in: what they would mean is asked first. */
export async function saveSettings(page) {
  await press(page, 'Save');
  await arrive(page, 'Save these settings?');
  await press(page, 'Save');
  await noticed(page, 'Saved.');
}

/** Saves settings that do not. */
export async function saveAtOnce(page) {
  await press(page, 'Save');
  await noticed(page, 'Saved.');
}

/** From now on, or from a time of UTC such as `2030-01-01T12:00`. */
export async function enforce(page, from) {
  await openSettings(page);
  await page.getByRole('switch', { name: ENFORCE }).check();
  if (from) await fill(page, 'From (UTC)', from);
  await saveSettings(page);
}

export async function openCustomer(page, email) {
  await page.goto('/customers');
  await follow(page, email);
  await arrive(page, email);
}

/** An entry of the gear of the customer's page. */
export async function choose(page, action) {
  await touch(page.getByLabel('Actions'));
  const entry = page.getByRole('group').filter({ has: page.getByLabel('Actions') });
  const button = entry.getByRole('button', { name: action });
  await leaveBy(page, button.or(entry.getByRole('link', { name: action })));
}

export async function resetMfa(page, email, reason) {
  await openCustomer(page, email);
  await choose(page, 'Reset Portal MFA');
  await arrive(page, 'Reset Portal MFA?');
  await fill(page, 'Reason', reason);
  await press(page, 'Reset');
  await arrive(page, email);
}

/** What the facts of a customer's page say under a name. */
export async function expectFact(page, name, value) {
  const fact = page.getByRole('definition').and(page.locator(`dt:text-is("${name}") + dd`));
  await expect(fact).toContainText(value);
}
