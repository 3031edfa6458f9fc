// The customer's authenticator app, by otplib.

import { parse } from '@otplib/uri';
import { generateSync } from 'otplib';

/** How far a clock may be off: one time step. */
const STEPS_ACCEPTED = 2;

/** An app whose clock stands where it was when the secret was scanned. */
export class Authenticator {
  constructor(otpauthUri) {
    const { label, params } = parse(otpauthUri);
    this.label = label;
    this.params = params;
    this.scannedAt = Math.floor(Date.now() / 1000);
    this.used = 0;
  }

  /** The code of the time step of the scan, or of a later one. */
  code(stepsLater = 0) {
    const { secret, algorithm, digits, period } = this.params;
    const epoch = this.scannedAt + stepsLater * period;
    return generateSync({ secret, algorithm, digits, period, epoch });
  }

  /** A code that is no code for the next half hour. */
  wrongCode() {
    return this.code(100);
  }

  /**
   * A code that works: each does once, and one step ahead of the clock is accepted. That makes two
   * without waiting.
   */
  nextCode() {
    if (this.used === STEPS_ACCEPTED) throw new Error('a further code would take a wait of 30 s');
    this.used += 1;
    return this.code(this.used - 1);
  }
}
