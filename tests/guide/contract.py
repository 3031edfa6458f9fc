"""The contract as `buf build` describes it, comments included."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf import descriptor_pb2 as pb

# Field numbers of descriptor.proto, of which the paths of comments are made.
MESSAGE, ENUM, SERVICE, NESTED, FIELD, METHOD, VALUE = 4, 5, 6, 3, 2, 2, 2
PACKAGE = "gatehouse.v1"


@dataclass(frozen=True)
class Commented:
    """Something of the contract with the comment above it."""

    of: object
    comment: str
    path: tuple[int, ...]
    file: pb.FileDescriptorProto


def read(repository: pathlib.Path) -> pb.FileDescriptorSet:
    """Builds the contract."""
    built = subprocess.run(
        ["buf", "build", "--output", "-#format=binpb"],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    return pb.FileDescriptorSet.FromString(built.stdout)


def own_files(contract: pb.FileDescriptorSet) -> Iterator[pb.FileDescriptorProto]:
    """The contract's files without what they import."""
    return (file for file in contract.file if file.package == PACKAGE)


def _each(file, entries, *path) -> Iterator[Commented]:
    comments = {
        tuple(location.path): location.leading_comments or location.trailing_comments
        for location in file.source_code_info.location
    }
    for number, entry in enumerate(entries):
        at = (*path, number)
        lines = comments.get(at, "").splitlines()
        yield Commented(entry, "\n".join(line.strip() for line in lines).strip(), at, file)


def services(file: pb.FileDescriptorProto) -> Iterator[Commented]:
    return _each(file, file.service, SERVICE)


def messages(file: pb.FileDescriptorProto) -> Iterator[Commented]:
    return _each(file, file.message_type, MESSAGE)


def enums(file: pb.FileDescriptorProto) -> Iterator[Commented]:
    return _each(file, file.enum_type, ENUM)


def members(of: Commented) -> Iterator[Commented]:
    """A message's fields, a service's methods, an enum's values."""
    entries = {
        pb.DescriptorProto: (FIELD, "field"),
        pb.ServiceDescriptorProto: (METHOD, "method"),
        pb.EnumDescriptorProto: (VALUE, "value"),
    }
    number, name = entries[type(of.of)]
    return _each(of.file, getattr(of.of, name), *of.path, number)
