"""A portal's backend over gatehouse: what its pages call, as JSON. The browser holds two cookies,
and its scripts never see a token or the portal's key.

AUTH_ADDRESS and AUTH_KEY_FILE say where gatehouse is and by which key, AUTH_CA_FILE whose
certificates it is known by; run it as `uvicorn --factory portal:main`.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from gatehouse.v1 import session_pb2
from gatehouse_client import Service, connect, key_file, portal_auth_service
from gatehouse_session import RequireSession, SignedIn, client, forget, install, remember, token
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from pydantic import BaseModel

router = APIRouter(prefix="/api")
Client = Annotated[dict[str, str], Depends(client)]
Customer = Annotated[SignedIn, Depends(RequireSession())]
MultiFactor = Annotated[
    SignedIn, Depends(RequireSession(min_assurance=session_pb2.ASSURANCE_MULTI_FACTOR))
]


def _auth(request: Request) -> Service:
    return request.app.state.auth


def _sign_in_token(request: Request) -> str:
    return token(request, "sign-in")


Auth = Annotated[Any, Depends(_auth)]
SignInToken = Annotated[str, Depends(_sign_in_token)]


class Email(BaseModel):
    """What StartSignIn takes."""

    email: str


class Proof(BaseModel):
    """One of what a customer can prove themselves by."""

    password: str | None = None
    totp_code: str | None = None
    backup_code: str | None = None

    def given(self) -> dict[str, str]:
        return self.model_dump(exclude_none=True)


class NewPassword(BaseModel):
    """What ChangePassword takes."""

    current_password: str
    new_password: str


def plain(message: Message) -> dict[str, Any]:
    """A message as JSON has it."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)


# guide: proceed
def proceed(step, response: Response) -> dict[str, Any]:
    """Goes on where gatehouse says: `next` names the page. The tokens go into cookies alone."""
    arm = step.DESCRIPTOR.fields_by_name[step.WhichOneof("next")]
    page = {"next": arm.json_name, **plain(step)}
    del page["token"]
    if arm.name == "session":
        remember(response, "session", step.session.token)
        forget(response, "sign-in")
        del page["session"]["token"]
    else:
        remember(response, "sign-in", step.token)
    return page


# guide: end


# guide: sign-in
@router.post("/sign-in")
def start(body: Email, auth: Auth, client: Client, response: Response):
    return proceed(auth.StartSignIn(email=body.email, client=client).sign_in, response)


@router.get("/sign-in")
def reload(token: SignInToken, auth: Auth, response: Response):
    return proceed(auth.GetSignIn(sign_in_token=token).sign_in, response)


@router.post("/sign-in/password")
def password(body: Proof, token: SignInToken, auth: Auth, response: Response):
    answer = auth.VerifyPassword(sign_in_token=token, password=body.password)
    return proceed(answer.sign_in, response)


# guide: end


# guide: second-factor
@router.post("/sign-in/code")
def code(body: Proof, token: SignInToken, auth: Auth, response: Response):
    answer = auth.VerifySecondFactor(sign_in_token=token, **body.given())
    return proceed(answer.sign_in, response)


# guide: end


# guide: set-up
def _credential(holder: Literal["sign-in", "account"], request: Request) -> dict[str, str]:
    """On whose behalf a factor is set up: a sign-in's that has to, or a session's in My Account."""
    if holder == "sign-in":
        return {"sign_in_token": token(request, "sign-in")}
    return {"session_token": token(request, "session")}


Credential = Annotated[dict[str, str], Depends(_credential)]


def shown(answer, response: Response) -> dict[str, Any]:
    """What the credential was for."""
    if answer.WhichOneof("result") == "sign_in":
        return proceed(answer.sign_in, response)
    return plain(answer.mfa)


@router.post("/{holder}/mfa/start")
def start_set_up(credential: Credential, auth: Auth, client: Client, response: Response):
    return shown(auth.StartEnrollment(**credential, totp={}, client=client), response)


@router.post("/{holder}/mfa/verify")
def verify(body: Proof, credential: Credential, auth: Auth, client: Client, response: Response):
    answer = auth.VerifyEnrollment(**credential, totp_code=body.totp_code, client=client)
    return shown(answer, response)


@router.post("/{holder}/mfa/enable")
def enable(credential: Credential, auth: Auth, client: Client, response: Response):
    return shown(auth.EnableMfa(**credential, client=client), response)


@router.post("/{holder}/mfa/delete")
def delete(credential: Credential, auth: Auth, client: Client, response: Response):
    return shown(auth.DeleteEnrollment(**credential, client=client), response)


# guide: end


# guide: backup-codes
@router.post("/{holder}/backup-codes")
def backup_codes(credential: Credential, auth: Auth, client: Client, response: Response):
    response.headers["Cache-Control"] = "no-store"
    answer = auth.GenerateBackupCodes(**credential, client=client)
    return {"codes": list(answer.codes)}


@router.post("/sign-in/finish")
def finish(token: SignInToken, auth: Auth, response: Response):
    return proceed(auth.FinishSignIn(sign_in_token=token).sign_in, response)


# guide: end


# guide: account
@router.get("/account")
def account(customer: Customer, auth: Auth):
    mfa = auth.GetMfa(session_token=customer.token).mfa
    sessions = auth.ListOwnSessions(session_token=customer.token).sessions
    return {
        "email": customer.email,
        "mfa": plain(mfa),
        "sessions": [plain(session) for session in sessions],
    }


@router.post("/account/confirm")
def confirm(body: Proof, customer: Customer, auth: Auth, client: Client):
    answer = auth.ReauthenticateSession(session_token=customer.token, **body.given(), client=client)
    return plain(answer.session)


@router.post("/account/mfa/disable")
def disable(customer: Customer, auth: Auth, client: Client):
    return plain(auth.DisableMfa(session_token=customer.token, client=client).mfa)


@router.post("/sign-out")
def sign_out(request: Request, auth: Auth, client: Client, response: Response):
    auth.SignOut(session_token=token(request, "session"), client=client)
    forget(response, "session")
    return {"goTo": "/sign-in"}


# guide: end


# guide: change-password
@router.post("/account/password")
def change_password(body: NewPassword, customer: Customer, auth: Auth, client: Client):
    answer = auth.ChangePassword(session_token=customer.token, **body.model_dump(), client=client)
    return {"sessionsEnded": answer.sessions_ended}


# guide: end


# guide: protected
@router.get("/invoices")
def invoices(customer: Customer):
    return {"of": customer.customer, "invoices": []}


@router.get("/bank-account")
def bank_account(customer: MultiFactor):
    return {"of": customer.customer}


# guide: end


async def same_origin(request: Request, call_next):
    """Refuses what another site makes the browser send; SameSite is the second lock."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if request.method != "GET" and site not in ("same-origin", "none"):
        return JSONResponse({"reason": "CROSS_SITE"}, status_code=403)
    response = await call_next(request)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def create_app(auth: Service) -> FastAPI:
    """The backend over PortalAuthService."""
    app = FastAPI(title="A portal over gatehouse")
    app.state.auth = auth
    app.middleware("http")(same_origin)
    app.include_router(router)
    install(app)
    return app


def main() -> FastAPI:
    """As uvicorn starts it: fails at once where the key is not good."""
    channel = connect(os.environ["AUTH_ADDRESS"], ca=os.environ.get("AUTH_CA_FILE"))
    auth = portal_auth_service(channel, key_file(os.environ["AUTH_KEY_FILE"]))
    auth.GetOwnPortal()
    return create_app(auth)
