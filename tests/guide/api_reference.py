"""docs/api.md: every call, message and enum of the contract, from its comments."""

from __future__ import annotations

import contract
from google.protobuf import descriptor_pb2 as pb

HEAD = """\
# API reference

Generated from `proto/gatehouse/v1/` by `just guide`; what holds for all calls stands in
[proto/README.md](../proto/README.md), how a portal uses them in [integrating.md](integrating.md).
"""
LEVELS = {
    pb.MethodOptions.NO_SIDE_EFFECTS: "Changes nothing: may be repeated.",
    pb.MethodOptions.IDEMPOTENT: "May be repeated.",
    pb.MethodOptions.IDEMPOTENCY_UNKNOWN: "Not to be repeated blindly.",
}
SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in pb.FieldDescriptorProto.Type.items()
}


def _anchor(name: str) -> str:
    return name.lower()


def _type(field: pb.FieldDescriptorProto, message: pb.DescriptorProto) -> str:
    kind = SCALARS[field.type]
    if field.type_name:
        name = field.type_name.removeprefix(f".{contract.PACKAGE}.")
        entry = [one for one in message.nested_type if field.type_name.endswith(f".{one.name}")]
        if entry and entry[0].options.map_entry:
            key, value = entry[0].field
            return f"map of {_type(key, entry[0])} to {_type(value, entry[0])}"
        local = not name.startswith(".")
        kind = f"[{name}](#{_anchor(name)})" if local else f"`{name.removeprefix('.')}`"
    repeated = field.label == pb.FieldDescriptorProto.LABEL_REPEATED
    return f"list of {kind}" if repeated else kind


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _fields(message: contract.Commented) -> list[str]:
    descriptor = message.of
    rows = []
    for field in contract.members(message):
        one = field.of
        notes = [_cell(field.comment)] if field.comment else []
        if one.HasField("oneof_index") and not one.proto3_optional:
            notes.append(f"One of `{descriptor.oneof_decl[one.oneof_index].name}`.")
        if one.options.debug_redact:
            notes.append("Secret.")
        kind = _type(one, descriptor)
        rows.append(f"| `{one.name}` | {one.number} | {kind} | {' '.join(notes)} |")
    if not rows:
        return ["No fields.", ""]
    return ["| field | number | type | |", "|---|---|---|---|", *rows, ""]


def _service(service: contract.Commented) -> list[str]:
    lines = [f"## {service.of.name}", "", service.comment, ""]
    for method in contract.members(service):
        one = method.of
        request, response = (
            name.removeprefix(f".{contract.PACKAGE}.") for name in (one.input_type, one.output_type)
        )
        stream = "a stream of " if one.server_streaming else ""
        lines += [
            f"### {one.name}",
            "",
            f"[{request}](#{_anchor(request)}) → {stream}[{response}](#{_anchor(response)})",
            "",
            method.comment,
            "",
            LEVELS[one.options.idempotency_level],
            "",
        ]
    return lines


def _enum(enum: contract.Commented) -> list[str]:
    lines = [f"### {enum.of.name}", "", enum.comment, "", "| value | number | |", "|---|---|---|"]
    for value in contract.members(enum):
        lines.append(f"| `{value.of.name}` | {value.of.number} | {_cell(value.comment)} |")
    return [*lines, ""]


def generate(files: pb.FileDescriptorSet) -> str:
    """The document's text."""
    own = sorted(contract.own_files(files), key=lambda file: file.name)
    lines = [HEAD]
    for file in own:
        for service in contract.services(file):
            lines += _service(service)
    lines += ["## Messages", ""]
    every = [message for file in own for message in contract.messages(file)]
    for message in sorted(every, key=lambda message: message.of.name):
        lines += [f"### {message.of.name}", "", message.comment, "", *_fields(message)]
    lines += ["## Enums", ""]
    for enum in sorted((e for file in own for e in contract.enums(file)), key=lambda e: e.of.name):
        lines += _enum(enum)
    return "\n".join(lines).rstrip() + "\n"
