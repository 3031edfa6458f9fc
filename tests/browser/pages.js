// How a person finds their way about pages of either site: by what is written on them.

import { expect, test } from '@playwright/test';

/** The page with this heading is there. */
export async function arrive(page, heading) {
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(heading);
}

/** By finger where there is a screen to touch, otherwise by mouse. */
export async function touch(target) {
  await (test.info().project.use.hasTouch ? target.tap() : target.click());
}

/** Until the page after it is there, which may look as the one before. Gives what was answered first. */
export async function leaveBy(page, target) {
  const [answer] = await Promise.all([
    page.waitForResponse((one) => one.request().isNavigationRequest()),
    page.waitForEvent('load'),
    touch(target),
  ]);
  return answer;
}

/** A button, or a link that looks like one because it only leads elsewhere. */
export async function press(page, name) {
  const button = page.getByRole('button', { name, exact: true });
  return leaveBy(page, button.or(page.getByRole('link', { name, exact: true })));
}

export async function follow(page, name) {
  return leaveBy(page, page.getByRole('link', { name, exact: true }));
}

export async function fill(page, label, text) {
  await page.getByLabel(label, { exact: true }).fill(text);
}

/** What went wrong is said at once. */
export async function alerted(page, text) {
  await expect(page.getByRole('alert')).toContainText(text);
}

/** Something good to know is said. */
export async function noticed(page, text) {
  await expect(page.getByRole('status')).toContainText(text);
}
