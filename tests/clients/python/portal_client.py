"""gatehouse over grpcio with generated stubs: its two services, and its errors read into one value."""

import functools
from dataclasses import dataclass

import grpc
from gatehouse.v1 import admin_service_pb2, admin_service_pb2_grpc
from gatehouse.v1 import portal_auth_service_pb2, portal_auth_service_pb2_grpc
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2 as rpc
from grpc_status import rpc_status

REASON = "ERROR_REASON_"


class Key(grpc.UnaryUnaryClientInterceptor):
    """Sends an API key with every call."""

    def __init__(self, secret):
        self._metadata = [("authorization", f"Bearer {secret}")]

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(details._replace(metadata=self._metadata), request)


class Service:
    """One service by one key: each RPC is a method that takes the fields of its request."""

    def __init__(self, channel, key, stub, descriptor):
        stub = stub(grpc.intercept_channel(channel, Key(key)))
        for method in descriptor.methods:
            request = GetMessageClass(method.input_type)
            call = functools.partial(self._call, getattr(stub, method.name), request)
            setattr(self, method.name, call)

    @staticmethod
    def _call(method, request, /, **fields):
        return method(request(**fields), timeout=10)


def admin_service(channel, key):
    """What administrators call, with a `gha_` key."""
    descriptor = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"]
    return Service(channel, key, admin_service_pb2_grpc.AdminServiceStub, descriptor)


def portal_auth_service(channel, key):
    """What a portal's backend calls, with a `ghp_` key."""
    descriptor = portal_auth_service_pb2.DESCRIPTOR.services_by_name["PortalAuthService"]
    return Service(channel, key, portal_auth_service_pb2_grpc.PortalAuthServiceStub, descriptor)


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
    metadata: dict
    # Which fields of the request are wrong.
    fields: list
    # Seconds to wait, where time helps.
    retry_after: float | None
    # What stands in the way, and what is missing or taken.
    preconditions: list
    resource: str

    @classmethod
    def read(cls, error):
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
            reason=(info.reason or trailer).removeprefix(REASON),
            domain=info.domain,
            trailer=trailer.removeprefix(REASON),
            metadata=dict(info.metadata),
            fields=[violation.field for violation in bad.field_violations],
            retry_after=retry and retry.retry_delay.ToTimedelta().total_seconds(),
            preconditions=[violation.subject for violation in failed.violations],
            resource=(detail(rpc.ResourceInfo) or rpc.ResourceInfo()).resource_name,
        )

    @property
    def ends_session(self):
        """Whether the customer is signed out. An API key that is not valid is the deployment's
        fault, never theirs."""
        return self.reason == "SESSION_INVALID"
