// Session middleware for Express: who asks, or the answer that says why not.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCookie } from 'cookie';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Assurance } from '../generated/gatehouse/v1/Assurance.js';
import type { ValidateSessionResponse__Output } from '../generated/gatehouse/v1/ValidateSessionResponse.js';
import { brokeOff, isServiceError, refusal, type Refusal } from './errors.js';
import { EXAMPLES, type PortalAuthCalls } from './gatehouse.js';

type Kind = 'session' | 'sign-in';

/** What a page does about a refusal. */
interface Todo {
  status: number;
  goTo?: string;
  forget?: Kind;
}

/** By reason; the empty one is that nobody answered. */
const REFUSALS: Record<string, Todo> = JSON.parse(
  readFileSync(join(EXAMPLES, 'refusals.json'), 'utf8'),
);
/** When to come back to a gatehouse that is away, in seconds. */
const AWAY = 5;

// guide: cookies
// Two cookies, so that neither token can be taken for the other. `__Host-`: of this host alone, over
// TLS alone. Lax: sent when a link leads here, and not with what another site posts.
export const COOKIES = { session: '__Host-session', 'sign-in': '__Host-sign-in' };
const ATTRIBUTES = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const;

/** Gives the browser a token, until the browser ends: how long it is good gatehouse judges. */
export function remember(response: Response, kind: Kind, token: string): void {
  response.cookie(COOKIES[kind], token, ATTRIBUTES);
}

/** Takes it away. */
export function forget(response: Response, kind: Kind): void {
  response.clearCookie(COOKIES[kind], ATTRIBUTES);
}
// guide: end

/** The browser has no cookie of the kind. */
export class NotSignedIn extends Error {}

/** The token that the browser has, whatever it is worth. */
export function token(request: Request, kind: Kind): string {
  const found = parseCookie(request.headers.cookie ?? '')[COOKIES[kind]];
  if (!found) throw new NotSignedIn();
  return found;
}

// guide: client
/** Whose browser it is. Behind a proxy the address is what the proxy says, which Express believes of
 *  those that its setting `trust proxy` names, and of nobody else. */
export function client(request: Request) {
  const userAgent = (request.get('user-agent') ?? '').slice(0, 512);
  return { ipAddress: request.ip ?? '', userAgent };
}
// guide: end

// guide: middleware
/** A customer with a live session that is strong enough for what is asked for. */
export interface SignedIn extends ValidateSessionResponse__Output {
  token: string;
}

/** A route behind this is not reached without such a session; `customer(response)` is whose. */
export function requireSession(
  auth: PortalAuthCalls,
  minAssurance: Assurance = 'ASSURANCE_PASSWORD',
  maxAgeSeconds?: number,
): RequestHandler {
  return async (request, response, next) => {
    const sessionToken = token(request, 'session');
    const asked = {
      sessionToken,
      minAssurance,
      client: client(request),
      ...(maxAgeSeconds !== undefined && { maxAuthenticationAge: { seconds: maxAgeSeconds } }),
    };
    const valid = await auth.validateSession(asked).catch((error: unknown) => {
      if (!brokeOff(error)) throw error;
      return auth.validateSession(asked);
    });
    response.locals['customer'] = { ...valid, token: sessionToken } satisfies SignedIn;
    next();
  };
}

export const customer = (response: Response): SignedIn => response.locals['customer'];

/** Answers every error of gatehouse, in the middleware or in a route. Only what is a verdict about a
 *  token takes its cookie. It goes behind all routes. */
export const refused: ErrorRequestHandler = (error: unknown, request, response, next) => {
  if (error instanceof NotSignedIn) {
    answer(request, response, todoOf('SESSION_INVALID'));
  } else if (isServiceError(error)) {
    const told = refusal(error);
    let todo = todoOf(told.reason);
    // A cookie that does not look like a token is worth as much as one whose token has ended.
    if (told.reason === 'REQUEST_INVALID') {
      if (told.fields.includes('session_token')) todo = todoOf('SESSION_INVALID');
      if (told.fields.includes('sign_in_token')) todo = todoOf('SIGN_IN_INVALID');
    }
    if (todo.status >= 500) {
      console.error(`gatehouse: ${told.code} ${told.reason || 'did not answer'}`);
    }
    if (todo.forget) forget(response, todo.forget);
    answer(request, response, todo, told);
  } else {
    next(error);
  }
};
// guide: end

const todoOf = (reason: string): Todo => REFUSALS[reason] ?? { status: 500 };

/** A redirect for whoever follows a link, JSON for a script. */
function answer(request: Request, response: Response, todo: Todo, told?: Refusal): void {
  if (todo.goTo && request.method === 'GET' && request.get('accept')?.includes('text/html')) {
    response.redirect(303, todo.goTo);
    return;
  }
  const wait = told?.retryAfter ?? (told && todo.status === 503 ? AWAY : undefined);
  if (wait) response.set('Retry-After', String(Math.ceil(wait)));
  const { attempts_remaining, accepted, session_end, retry_at } = told?.metadata ?? {};
  response.status(todo.status).json({
    goTo: todo.goTo ?? null,
    reason: told?.reason,
    fields: told?.fields,
    attempts_remaining,
    accepted,
    session_end,
    retry_at,
  });
}
