"""Session middleware for FastAPI: who asks, or the answer that says why not.

A dependency and not an ASGI middleware, since each route asks for a strength of its own. It finds
PortalAuthService in `app.state.auth`; `install` adds the answer to every error of gatehouse.
"""

from __future__ import annotations

import json
import logging
import math
import pathlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
from errors import Refusal
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from gatehouse.v1 import session_pb2
from google.protobuf.duration_pb2 import Duration

# What a page does about each reason; the empty one is that nobody answered.
REFUSALS: dict[str, dict[str, Any]] = json.loads(
    (pathlib.Path(__file__).parents[1] / "refusals.json").read_text()
)
# When to come back to a gatehouse that is away, in seconds.
AWAY = 5
log = logging.getLogger("portal")


# guide: cookies
# Two cookies, so that neither token can be taken for the other. `__Host-`: of this host alone, over
# TLS alone. Lax: sent when a link leads here, and not with what another site posts.
COOKIES = {"session": "__Host-session", "sign-in": "__Host-sign-in"}


def remember(response: Response, kind: str, token: str) -> None:
    """Gives the browser a token, until the browser ends: how long it is good gatehouse judges."""
    response.set_cookie(COOKIES[kind], token, path="/", secure=True, httponly=True, samesite="lax")


def forget(response: Response, kind: str) -> None:
    """Takes it away."""
    response.delete_cookie(COOKIES[kind], path="/", secure=True, httponly=True, samesite="lax")


# guide: end


class NotSignedIn(Exception):
    """The browser has no cookie of this kind."""


def token(request: Request, kind: str) -> str:
    """The token that the browser has, whatever it is worth."""
    found = request.cookies.get(COOKIES[kind])
    if not found:
        raise NotSignedIn
    return found


# guide: client
def client(request: Request) -> dict[str, str]:
    """Whose browser it is. Behind a proxy the address is what the proxy says, which uvicorn
    believes of those that `--forwarded-allow-ips` names, and of nobody else."""
    address = request.client.host if request.client else ""
    return {"ip_address": address, "user_agent": request.headers.get("user-agent", "")[:512]}


# guide: end


# guide: middleware
@dataclass(frozen=True)
class SignedIn:
    """A customer with a live session that is strong enough for what is asked for."""

    token: str
    email: str
    customer: str
    assurance: int


class RequireSession:
    """A FastAPI dependency: a route that depends on it is not reached without such a session."""

    def __init__(
        self,
        min_assurance: int = session_pb2.ASSURANCE_PASSWORD,
        max_age: timedelta | None = None,
    ):
        self._asked: dict[str, Any] = {"min_assurance": min_assurance}
        if max_age is not None:
            self._asked["max_authentication_age"] = Duration(seconds=int(max_age.total_seconds()))

    def __call__(self, request: Request) -> SignedIn:
        session = token(request, "session")
        asked = {"session_token": session, "client": client(request), **self._asked}
        validate = request.app.state.auth.ValidateSession
        try:
            valid = validate(**asked)
        except grpc.RpcError as error:
            if not Refusal.read(error).broke_off:
                raise
            valid = validate(**asked)
        return SignedIn(session, valid.email, valid.customer, valid.session.assurance)


def install(app: FastAPI) -> None:
    """Answers every error of gatehouse, in the middleware or in a route, in one place."""
    app.add_exception_handler(grpc.RpcError, refused)
    app.add_exception_handler(NotSignedIn, not_signed_in)


def refused(request: Request, error: grpc.RpcError) -> Response:
    """The page's answer to a refusal. Only what is a verdict about a token takes its cookie."""
    refusal = Refusal.read(error)
    todo = REFUSALS.get(refusal.reason, {"status": 500})
    # A cookie that does not look like a token is worth as much as one whose token has ended.
    if refusal.reason == "REQUEST_INVALID":
        for field, ended in TOKENS.items():
            if field in refusal.fields:
                todo = REFUSALS[ended]
    if todo["status"] >= 500:
        log.error("gatehouse: %s %s", refusal.code.name, refusal.reason or "did not answer")
    response = answer(request, todo, refusal)
    if "forget" in todo:
        forget(response, todo["forget"])
    return response


# guide: end

TOKENS = {"session_token": "SESSION_INVALID", "sign_in_token": "SIGN_IN_INVALID"}


def not_signed_in(request: Request, _: NotSignedIn) -> Response:
    """To the page that asks for the email."""
    return answer(request, REFUSALS["SESSION_INVALID"])


def answer(request: Request, todo: dict[str, Any], refusal: Refusal | None = None) -> Response:
    """A redirect for whoever follows a link, JSON for a script."""
    page = todo.get("goTo")
    if page and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(page, status_code=303)
    body: dict[str, Any] = {"goTo": page}
    headers = {}
    if refusal:
        body |= {"reason": refusal.reason, "fields": refusal.fields}
        known = ("attempts_remaining", "accepted", "session_end", "retry_at")
        body |= {key: refusal.metadata[key] for key in known if key in refusal.metadata}
        wait = refusal.retry_after or (AWAY if todo["status"] == 503 else None)
        if wait:
            headers["Retry-After"] = str(math.ceil(wait))
    return JSONResponse(body, status_code=todo["status"], headers=headers)
