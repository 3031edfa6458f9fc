// A portal of the test's own on the server that the tests run beside, and what a refusal has to be.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { Authenticator } from './authenticator.js';
import { REASONS, Refused, adminService, portalAuthService } from './gatehouse.js';
import { Pages } from './pages.js';

export const PASSWORD = 'correct horse battery';
export const NEW_PASSWORD = 'another horse battery';
export const CLIENT = { ipAddress: '203.0.113.7', userAgent: 'Firefox' };
export const SIX_DIGITS = { algorithm: 'TOTP_ALGORITHM_SHA1', digits: 6, periodSeconds: 30 };

const certificate = new URL('../../support/certificate.pem', import.meta.url);
export const SAML = {
  idpEntityId: 'https://idp.example/metadata',
  ssoUrl: 'https://idp.example/sso',
  idpCertificate: readFileSync(certificate, 'utf8'),
};

const address = process.env.SERVER_ADDRESS;
const services = [];
after(() => services.forEach((service) => service.close()));

function keep(service) {
  services.push(service);
  return service;
}

/** PortalAuthService by another key. */
export const portalWith = (key) => keep(portalAuthService(address, key));
/** AdminService by another key. */
export const adminWith = (key) => keep(adminService(address, key));

const owner = execFileSync('gatehouse', ['create-owner-key'], { encoding: 'utf8' });
assert.match(owner, /^gha_[A-Za-z0-9_-]{43}\n$/, 'prints the key alone');
/** AdminService by an owner's key. */
export const admin = adminWith(owner.trim());

/** A person with what they know and have. */
class Customer {
  constructor(name, email) {
    this.name = name;
    this.email = email;
    this.password = PASSWORD;
    this.backupCodes = [];
  }

  /** Adds the account to the authenticator app, in place of an earlier one. */
  scan({ otpauthUri }) {
    this.app = new Authenticator(otpauthUri);
    return this.app;
  }

  /** The next proof is a backup code. */
  losePhone() {
    this.app = undefined;
  }
}

let portals = 0;

/** A portal with a key for its backend: `auth` is what the backend calls. */
export class Portal {
  static async make(settings = {}) {
    portals += 1;
    const portalId = `node-${process.pid}-${portals}`;
    const { portal } = await admin.createPortal({
      portalId,
      portal: { displayName: 'Acme Billing', ...settings },
    });
    const made = new Portal();
    made.name = portal.name;
    made.etag = portal.etag;
    made.keyName = undefined;
    made.auth = portalWith(await made.createKey('PORTAL_ACCESS_FULL'));
    return made;
  }

  static enforcing(settings = {}) {
    return Portal.make({ mfa: { enforced: true }, ...settings });
  }

  /** A further key of the portal; gives its secret. */
  async createKey(access) {
    const apiKey = { displayName: 'acme web', portal: { portal: this.name, access } };
    const answer = await admin.createApiKey({ apiKey });
    assert.match(answer.secret, /^ghp_[A-Za-z0-9_-]{43}$/);
    this.keyName = answer.apiKey.name;
    return answer.secret;
  }

  async update(change, paths, more = {}) {
    const portal = { name: this.name, ...change };
    return admin.updatePortal({ portal, updateMask: { paths }, ...more });
  }

  enforce(enforced) {
    return this.update({ mfa: { enforced } }, ['mfa.enforced']);
  }

  async addCustomer(email = 'ana@example.com', password = PASSWORD) {
    const { customer } = await admin.createCustomer({
      parent: this.name,
      customer: { email },
      password,
    });
    return new Customer(customer.name, email);
  }

  /** Signs in by whatever the server asks for; gives the issued session. */
  signIn(customer) {
    return new Pages(this.auth, customer).signIn(CLIENT);
  }

  /** A sign-in past the password. */
  async provePassword({ email, password }) {
    const started = await this.auth.startSignIn({ email, client: CLIENT });
    assert.equal(started.signIn.next, 'password');
    const signInToken = started.signIn.token;
    return (await this.auth.verifyPassword({ signInToken, password })).signIn;
  }

  validate(sessionToken, more = {}) {
    return this.auth.validateSession({ sessionToken, ...more });
  }

  /** Sets up MFA in My Account, or changes it; the app has one more code that works. */
  async setUpIn(sessionToken, customer) {
    const { mfa } = await this.auth.startEnrollment({ sessionToken, totp: {} });
    const totpCode = customer.scan(mfa.pending.totp).nextCode();
    await this.auth.verifyEnrollment({ sessionToken, totpCode });
    return (await this.auth.enableMfa({ sessionToken })).mfa;
  }

  /** The session has ended, and this is how. */
  sessionEnded(sessionToken, end) {
    const expected = { metadata: { session_end: end } };
    return refused(this.validate(sessionToken), 'SESSION_INVALID', expected);
  }
}

const CODES = {
  UNAUTHENTICATED: ['API_KEY_INVALID', 'CREDENTIALS_REJECTED', 'SIGN_IN_INVALID', 'SESSION_INVALID', 'INVITATION_INVALID'],
  PERMISSION_DENIED: ['API_KEY_SCOPE', 'CUSTOMER_SUSPENDED'],
  RESOURCE_EXHAUSTED: ['THROTTLED', 'SIGN_IN_LOCKED', 'OVERLOADED'],
  INVALID_ARGUMENT: ['REQUEST_INVALID', 'PASSWORD_POLICY'],
  NOT_FOUND: ['RESOURCE_NOT_FOUND'],
  ALREADY_EXISTS: ['RESOURCE_EXISTS'],
  ABORTED: ['ETAG_MISMATCH'],
};

function codeOf(reason) {
  const found = Object.entries(CODES).find(([, reasons]) => reasons.includes(reason));
  return found?.[0] ?? 'FAILED_PRECONDITION';
}

/** The call is refused for `reason`, by code, details and trailer, and tells no more than `expected`. */
export async function refused(call, reason, expected = {}) {
  assert.ok(REASONS.includes(reason), `${reason} is not in the contract`);
  const error = await call.then(
    () => assert.fail(`was not refused for ${reason}`),
    (thrown) => thrown,
  );
  assert.ok(error instanceof Refused, error);
  const { code, reason: told, domain, trailer, metadata, fields } = error;
  assert.deepEqual(
    { code, reason: told, domain, trailer, metadata: withoutTime(metadata), fields },
    {
      code: codeOf(reason),
      reason,
      domain: 'gatehouse.v1',
      trailer: reason,
      metadata: expected.metadata ?? {},
      fields: expected.fields ?? [],
    },
    error.message,
  );
  return error;
}

/** `retry_at` is another one each time. */
function withoutTime({ retry_at: _, ...metadata }) {
  return metadata;
}

/** The wrong or used code is refused, with so many more to go. */
export const rejected = (call, attemptsRemaining) =>
  refused(call, 'CREDENTIALS_REJECTED', { metadata: { attempts_remaining: `${attemptsRemaining}` } });

/** The session needs a fresh proof, by one of these. */
export const needsProof = (call, accepted) =>
  refused(call, 'REAUTHENTICATION_REQUIRED', { metadata: { accepted } });
