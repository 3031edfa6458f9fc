// The customer's authenticator app: it sees what stands on the screen and nothing else.

import { execFileSync } from 'node:child_process';
import { expect, test } from '@playwright/test';
import { Authenticator } from '../clients/node/authenticator.js';

/** An app whose clock goes on: the pages of a test may take longer than a code lasts. */
class PhoneApp extends Authenticator {
  #lastStep = 0;

  /** A code that works: of a step that was not used, and at most one ahead of the clock. */
  nextCode() {
    const { period } = this.params;
    const now = Math.floor(Date.now() / 1000 / period);
    const step = Math.max(now, this.#lastStep + 1);
    if (step > now + 1) throw new Error('a further code would take a wait');
    this.#lastStep = step;
    return this.code(step - Math.floor(this.scannedAt / period));
  }
}

/** Scans the QR code off the screen. The key beside it has to be the same, for whoever cannot scan. */
export async function scan(page) {
  const picture = test.info().outputPath(`qr-code-${Date.now()}.png`);
  const name = 'QR code to scan with your authenticator app';
  await page.getByRole('img', { name }).screenshot({ path: picture, caret: 'initial' });
  const uri = execFileSync('zbarimg', ['--nodbus', '--quiet', '--raw', picture], { encoding: 'utf8' }).trim();
  const app = new PhoneApp(uri);

  const key = await page.locator('#secret').textContent();
  expect(key, 'the key stands in groups of four').toMatch(/^[A-Z2-7]{4}( [A-Z2-7]{4})*$/);
  expect(key.replaceAll(' ', '')).toBe(app.params.secret);
  expect(app.label).toBe(`Acme Billing:ana@example.com`);
  return app;
}
