"""gatehouse over grpcio with generated stubs: its two services."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable

import grpc
from gatehouse.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    portal_auth_service_pb2,
    portal_auth_service_pb2_grpc,
)
from google.protobuf.message_factory import GetMessageClass

SERVICE_CONFIG = pathlib.Path(__file__).parents[1] / "service-config.json"


# guide: connect
def connect(address: str, *options: tuple[str, str], ca: str | None = None) -> grpc.Channel:
    """A channel to gatehouse, for the whole process: deadlines and retries are the service
    config's, and a server that went away is looked for again within a second. Over TLS where `ca`
    names the file of the certificates to trust; without, in the clear, which is for a gatehouse on
    this very machine."""
    options = (
        ("grpc.service_config", SERVICE_CONFIG.read_text()),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        *options,
    )
    if ca is None:
        return grpc.insecure_channel(address, options)
    credentials = grpc.ssl_channel_credentials(pathlib.Path(ca).read_bytes())
    return grpc.secure_channel(address, credentials, options)


def key_file(path: str) -> Callable[[], str]:
    """The API key as the file has it now: a new one is used from the next call on."""
    return lambda: pathlib.Path(path).read_text().strip()


# guide: end


class Key(grpc.UnaryUnaryClientInterceptor):
    """Sends an API key with every call."""

    def __init__(self, key: str | Callable[[], str]):
        self._key = key

    def intercept_unary_unary(self, continuation, details, request):
        key = self._key if isinstance(self._key, str) else self._key()
        metadata = [("authorization", f"Bearer {key}")]
        return continuation(details._replace(metadata=metadata), request)


class Service:
    """One service by one key: each RPC is a method that takes the fields of its request."""

    def __init__(self, channel: grpc.Channel, key: str | Callable[[], str], stub, descriptor):
        stub = stub(grpc.intercept_channel(channel, Key(key)))
        for method in descriptor.methods:
            request = GetMessageClass(method.input_type)
            call = functools.partial(self._call, getattr(stub, method.name), request)
            setattr(self, method.name, call)

    @staticmethod
    def _call(method, request, /, **fields):
        return method(request(**fields))


def admin_service(channel: grpc.Channel, key: str | Callable[[], str]) -> Service:
    """What administrators call, with a `gha_` key."""
    descriptor = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"]
    return Service(channel, key, admin_service_pb2_grpc.AdminServiceStub, descriptor)


def portal_auth_service(channel: grpc.Channel, key: str | Callable[[], str]) -> Service:
    """What a portal's backend calls, with a `ghp_` key."""
    descriptor = portal_auth_service_pb2.DESCRIPTOR.services_by_name["PortalAuthService"]
    return Service(channel, key, portal_auth_service_pb2_grpc.PortalAuthServiceStub, descriptor)
