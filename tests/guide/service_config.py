"""The gRPC service config that clients load: how long a call may take, and which is repeated."""

from __future__ import annotations

import json

import contract
from google.protobuf import descriptor_pb2 as pb

# As long as the server works on a call at most.
TIMEOUT = "10s"
# Four tries within a good second; what was refused for being too much is not among the codes.
RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 3,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# Where most calls fail, repeating them makes it worse: below half of the tokens nothing is retried.
THROTTLING = {"maxTokens": 100, "tokenRatio": 1}


def generate(files: pb.FileDescriptorSet) -> str:
    """The file's text. A stream has no deadline, and resumes by its token."""
    repeatable, once = [], []
    for file in contract.own_files(files):
        for service in file.service:
            for method in service.method:
                name = {"service": f"{file.package}.{service.name}", "method": method.name}
                if method.options.idempotency_level != pb.MethodOptions.IDEMPOTENCY_UNKNOWN:
                    repeatable.append(name)
                elif not method.server_streaming:
                    once.append(name)
    common = {"timeout": TIMEOUT, "waitForReady": True}
    config = {
        # Where the address is several servers, a call goes to one that is there.
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {"name": repeatable, **common, "retryPolicy": RETRY},
            {"name": once, **common},
        ],
        "retryThrottling": THROTTLING,
    }
    return json.dumps(config, indent=2) + "\n"
