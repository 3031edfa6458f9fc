"""docs/integrating.md: its code is the examples' own, region by region, and its table of reasons is
that by which the examples answer."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator

import contract
from google.protobuf import descriptor_pb2 as pb

LANGUAGES = {".py": "python", ".ts": "ts", ".go": "go", ".json": "json"}
BLOCK = re.compile(
    r"<!-- (?P<file>\S+)(?: (?P<region>\S+))? -->\n(?:```(?s:.*?)\n```\n|(?:\|.*\n)+)?"
)
MARKER = re.compile(r"^\s*(?://|#) guide: (\S+)$")


def region(text: str, name: str) -> str:
    """What stands between `guide: NAME` and `guide: end`, each region of that name in turn."""
    found: list[str] = []
    within = False
    for line in text.splitlines():
        marker = MARKER.match(line)
        if marker:
            within = marker[1] == name
        elif within:
            found.append(line)
    if not found:
        raise LookupError(f"no region {name}")
    return "\n".join(found).strip("\n") + "\n"


def regions(text: str) -> set[str]:
    markers = (MARKER.match(line) for line in text.splitlines())
    return {marker[1] for marker in markers if marker and marker[1] != "end"}


def table(refusals: dict) -> str:
    """What the pages do about each reason."""
    rows = [
        "| reason | answer | cookie | page | what it means, and what the page does |",
        "|---|---|---|---|---|",
    ]
    for reason, todo in refusals.items():
        forget = f"forget {todo['forget']}" if "forget" in todo else "kept"
        page = f"`{todo['goTo']}`" if "goTo" in todo else ""
        name = f"`{reason}`" if reason else "none"
        rows.append(f"| {name} | {todo['status']} | {forget} | {page} | {todo['means']} |")
    return "\n".join(rows) + "\n"


def generate(repository: pathlib.Path, text: str) -> str:
    """The document with every block as its file has it now."""

    def block(match: re.Match[str]) -> str:
        path = repository / match["file"]
        source = path.read_text()
        head = match[0].splitlines()[0]
        if match["region"] == "table":
            return f"{head}\n{table(json.loads(source))}"
        code = region(source, match["region"]) if match["region"] else source
        return f"{head}\n```{LANGUAGES[path.suffix]}\n{code}```\n"

    return BLOCK.sub(block, text)


def unused(repository: pathlib.Path, text: str) -> Iterator[str]:
    """Regions of the examples that the document does not show."""
    shown = {(match["file"], match["region"]) for match in BLOCK.finditer(text)}
    for path in sorted((repository / "examples").rglob("*")):
        if path.suffix not in LANGUAGES or "node_modules" in path.parts:
            continue
        name = str(path.relative_to(repository))
        missing = {(name, one) for one in regions(path.read_text())} - shown
        yield from (" ".join(one) for one in sorted(missing))


# What AdminService alone answers with.
ADMINISTRATION = {
    "RESOURCE_EXISTS",
    "ETAG_MISMATCH",
    "RESUME_TOKEN_EXPIRED",
    "PORTAL_NOT_EMPTY",
    "MFA_ENFORCEMENT_SAML_CONFLICT",
}


def unanswered(files: pb.FileDescriptorSet, refusals: dict) -> set[str]:
    """Reasons of the contract that the examples have no answer for, and the other way around."""
    reasons = {
        value.name.removeprefix("ERROR_REASON_")
        for file in contract.own_files(files)
        for enum in file.enum_type
        if enum.name == "ErrorReason"
        for value in enum.value
        if value.number
    }
    return (reasons - ADMINISTRATION) ^ (refusals.keys() - {""})
