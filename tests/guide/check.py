"""Checks that what is generated is current: the API reference, the service config, and the code in
the guide. `--update` writes it anew."""

from __future__ import annotations

import json
import pathlib
import sys

import api_reference
import contract
import guide
import service_config

REPOSITORY = pathlib.Path(__file__).parents[2]


def main(update: bool) -> int:
    files = contract.read(REPOSITORY)
    document = REPOSITORY / "docs/integrating.md"
    wanted = {
        REPOSITORY / "docs/api.md": api_reference.generate(files),
        REPOSITORY / "examples/service-config.json": service_config.generate(files),
    }
    stale = []

    def check(path: pathlib.Path, text: str) -> None:
        if path.exists() and path.read_text() == text:
            return
        if update:
            path.write_text(text)
        else:
            stale.append(f"{path.relative_to(REPOSITORY)} is not current: just guide")

    for path, text in wanted.items():
        check(path, text)
    # Last, since it shows the others.
    check(document, guide.generate(REPOSITORY, document.read_text()))

    unused = guide.unused(REPOSITORY, document.read_text())
    stale += [f"the guide does not show {one}" for one in unused]
    refusals = json.loads((REPOSITORY / "examples/refusals.json").read_text())
    stale += [f"examples/refusals.json: {one}" for one in sorted(guide.unanswered(files, refusals))]
    for line in stale:
        print(line, file=sys.stderr)
    if not stale:
        print("guide: the reference, the service config and the code of the guide are current")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv[1:]))
