// A portal's backend over gatehouse: what its pages call, as JSON. The browser holds two cookies, and
// its scripts never see a token or the portal's key.

import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { Mfa__Output } from '../generated/gatehouse/v1/Mfa.js';
import type { SignIn__Output } from '../generated/gatehouse/v1/SignIn.js';
import type { PortalAuthCalls } from './gatehouse.js';
import { client, customer, forget, refused, remember, requireSession, token } from './session.js';

/** A field of what a page posts; empty where it is missing or no text. */
function text(request: Request, field: string): string {
  const value: unknown = request.body?.[field];
  return typeof value === 'string' ? value : '';
}

// guide: proceed
/** Goes on where gatehouse says: `next` names the page. The tokens go into cookies alone. */
function proceed(response: Response, step: SignIn__Output | null | undefined): void {
  if (!step?.next) throw new Error('a step that this portal has no page for');
  const { token: _, session, ...page } = step;
  if (session) {
    const { token, ...issued } = session;
    remember(response, 'session', token);
    forget(response, 'sign-in');
    response.json({ ...page, session: issued });
  } else {
    remember(response, 'sign-in', step.token);
    response.json(page);
  }
}
// guide: end

/** Refuses what another site makes the browser send; SameSite is the second lock. */
const sameOrigin: RequestHandler = (request, response, next) => {
  const site = request.get('sec-fetch-site') ?? 'same-origin';
  response.set('Cache-Control', 'no-store');
  if (request.method === 'GET' || site === 'same-origin' || site === 'none') next();
  else response.status(403).json({ reason: 'CROSS_SITE' });
};

/** What cannot be read as JSON is refused without a word of it, here and in the log. */
const unread: ErrorRequestHandler = (error: { status?: number }, _request, response, next) => {
  const { status } = error;
  if (status && status < 500) response.status(status).json({ reason: 'REQUEST_INVALID' });
  else next(error);
};

/** The backend over PortalAuthService. `trustProxy` names the proxies in front of it. */
export function createApp(auth: PortalAuthCalls, trustProxy: string | false = false): Express {
  const app = express();
  app.set('trust proxy', trustProxy);
  app.use(sameOrigin, express.json());
  signingIn(app, auth);
  settingUp(app, auth);
  account(app, auth);
  app.use(refused, unread);
  return app;
}

function signingIn(app: Express, auth: PortalAuthCalls): void {
  // guide: sign-in
  app.post('/api/sign-in', async (request, response) => {
    const email = text(request, 'email');
    const { signIn } = await auth.startSignIn({ email, client: client(request) });
    proceed(response, signIn);
  });

  app.get('/api/sign-in', async (request, response) => {
    const { signIn } = await auth.getSignIn({ signInToken: token(request, 'sign-in') });
    proceed(response, signIn);
  });

  app.post('/api/sign-in/password', async (request, response) => {
    const password = text(request, 'password');
    const signInToken = token(request, 'sign-in');
    const { signIn } = await auth.verifyPassword({ signInToken, password });
    proceed(response, signIn);
  });
  // guide: end

  // guide: second-factor
  app.post('/api/sign-in/code', async (request, response) => {
    const backupCode = text(request, 'backup_code');
    const proof = backupCode ? { backupCode } : { totpCode: text(request, 'totp_code') };
    const signInToken = token(request, 'sign-in');
    const { signIn } = await auth.verifySecondFactor({ signInToken, ...proof });
    proceed(response, signIn);
  });
  // guide: end
}

function settingUp(app: Express, auth: PortalAuthCalls): void {
  // guide: set-up
  /** On whose behalf a factor is set up: a sign-in's that has to, or a session's in My Account. */
  function credential(request: Request) {
    return request.params['holder'] === 'sign-in'
      ? { signInToken: token(request, 'sign-in'), client: client(request) }
      : { sessionToken: token(request, 'session'), client: client(request) };
  }

  /** What the credential was for. */
  function show(
    response: Response,
    { signIn, mfa }: { signIn?: SignIn__Output | null; mfa?: Mfa__Output | null },
  ): void {
    if (signIn) proceed(response, signIn);
    else response.json(mfa);
  }

  app.post('/api/:holder/mfa/start', async (request, response) => {
    show(response, await auth.startEnrollment({ ...credential(request), totp: {} }));
  });

  app.post('/api/:holder/mfa/verify', async (request, response) => {
    const totpCode = text(request, 'totp_code');
    show(response, await auth.verifyEnrollment({ ...credential(request), totpCode }));
  });

  app.post('/api/:holder/mfa/enable', async (request, response) => {
    show(response, await auth.enableMfa(credential(request)));
  });

  app.post('/api/:holder/mfa/delete', async (request, response) => {
    show(response, await auth.deleteEnrollment(credential(request)));
  });
  // guide: end

  // guide: backup-codes
  app.post('/api/:holder/backup-codes', async (request, response) => {
    const { codes } = await auth.generateBackupCodes(credential(request));
    response.json({ codes });
  });

  app.post('/api/sign-in/finish', async (request, response) => {
    const { signIn } = await auth.finishSignIn({ signInToken: token(request, 'sign-in') });
    proceed(response, signIn);
  });
  // guide: end
}

function account(app: Express, auth: PortalAuthCalls): void {
  // guide: account
  const signedIn = requireSession(auth);

  app.get('/api/account', signedIn, async (_request, response) => {
    const { token: sessionToken, email } = customer(response);
    const { mfa } = await auth.getMfa({ sessionToken });
    const { sessions } = await auth.listOwnSessions({ sessionToken });
    response.json({ email, mfa, sessions });
  });

  app.post('/api/account/confirm', signedIn, async (request, response) => {
    const totpCode = text(request, 'totp_code');
    const backupCode = text(request, 'backup_code');
    const password = text(request, 'password');
    const proof = totpCode ? { totpCode } : backupCode ? { backupCode } : { password };
    const { session } = await auth.reauthenticateSession({
      sessionToken: customer(response).token,
      client: client(request),
      ...proof,
    });
    response.json(session);
  });

  app.post('/api/account/mfa/disable', signedIn, async (request, response) => {
    const { token: sessionToken } = customer(response);
    const { mfa } = await auth.disableMfa({ sessionToken, client: client(request) });
    response.json(mfa);
  });

  app.post('/api/sign-out', async (request, response) => {
    await auth.signOut({ sessionToken: token(request, 'session'), client: client(request) });
    forget(response, 'session');
    response.json({ goTo: '/sign-in' });
  });
  // guide: end

  // guide: change-password
  app.post('/api/account/password', signedIn, async (request, response) => {
    const { sessionsEnded } = await auth.changePassword({
      sessionToken: customer(response).token,
      currentPassword: text(request, 'current_password'),
      newPassword: text(request, 'new_password'),
      client: client(request),
    });
    response.json({ sessionsEnded });
  });
  // guide: end

  // guide: protected
  app.get('/api/invoices', signedIn, (_request, response) => {
    response.json({ of: customer(response).customer, invoices: [] });
  });

  const multiFactor = requireSession(auth, 'ASSURANCE_MULTI_FACTOR');
  app.get('/api/bank-account', multiFactor, (_request, response) => {
    response.json({ of: customer(response).customer });
  });
  // guide: end
}
