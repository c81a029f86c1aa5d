"""`python -m tests.compatibility [--check]`: write docs/compatibility.md, or see whether it is true."""

import difflib
import json
import sys

from tests.compatibility.page import render
from tests.compatibility.record import FOLDER
from tests.support.tree import ROOT

PAGE = ROOT / "docs" / "compatibility.md"


def main() -> int:
    """Return the exit code."""
    found = {
        (each["client"], each["flow"]): each["defect"]
        for each in (json.loads(file.read_text()) for file in FOLDER.glob("*.json"))
    }
    if not found:
        print("`make compatibility` runs the clients first", file=sys.stderr)
        return 1
    text = render(found)
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    told = PAGE.read_text(encoding="utf-8")
    sys.stdout.writelines(
        difflib.unified_diff(
            told.splitlines(keepends=True), text.splitlines(keepends=True), "page", "found"
        )
    )
    return int(told != text)


if __name__ == "__main__":
    sys.exit(main())
