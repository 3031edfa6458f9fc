"""What an error of gatehouse says: its reason, and what else a page has to know."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2 as rpc
from grpc_status import rpc_status

PREFIX = "ERROR_REASON_"


# guide: reason
def reason(error: grpc.RpcError) -> str:
    """Why a call failed: a name of ErrorReason without its prefix, such as SESSION_INVALID. Empty
    where nobody answered, which is never a verdict about a customer."""
    return Refusal.read(error).reason


# guide: end


@dataclass(frozen=True)
class Refusal:
    """Why a call failed. Without a reason it was not gatehouse that answered."""

    code: grpc.StatusCode
    # A name of ErrorReason without its prefix.
    reason: str
    domain: str
    # The reason as the plain trailer has it, for a client that cannot decode details.
    trailer: str
    # attempts_remaining, accepted, session_end, …
    metadata: dict[str, str]
    # Which fields of the request are wrong.
    fields: list[str]
    # Seconds to wait, where time helps.
    retry_after: float | None
    # What stands in the way, and what is missing or taken.
    preconditions: list[str]
    resource: str

    @classmethod
    def read(cls, error: grpc.RpcError) -> Refusal:
        """What a grpc.RpcError says."""
        status = rpc_status.from_call(error)

        def detail(kind):
            message = kind()
            found = status and any(one.Unpack(message) for one in status.details)
            return message if found else None

        info = detail(rpc.ErrorInfo) or rpc.ErrorInfo()
        trailer = dict(error.trailing_metadata() or ()).get("gatehouse-reason", "")
        bad = detail(rpc.BadRequest) or rpc.BadRequest()
        retry = detail(rpc.RetryInfo)
        failed = detail(rpc.PreconditionFailure) or rpc.PreconditionFailure()
        return cls(
            code=error.code(),
            reason=(info.reason or trailer).removeprefix(PREFIX),
            domain=info.domain,
            trailer=trailer.removeprefix(PREFIX),
            metadata=dict(info.metadata),
            fields=[violation.field for violation in bad.field_violations],
            retry_after=retry and retry.retry_delay.ToTimedelta().total_seconds(),
            preconditions=[violation.subject for violation in failed.violations],
            resource=(detail(rpc.ResourceInfo) or rpc.ResourceInfo()).resource_name,
        )

    @property
    def broke_off(self) -> bool:
        """Whether the server was gone before it had answered. gRPC asks again by itself only while
        no part of an answer has come; what changes nothing can be asked for once more."""
        return self.code == grpc.StatusCode.UNAVAILABLE and not self.reason

    @property
    def ends_session(self) -> bool:
        """Whether the customer is signed out. An API key that is not valid is the deployment's
        fault, never theirs."""
        return self.reason == "SESSION_INVALID"
