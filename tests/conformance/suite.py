"""The npm package `@modelcontextprotocol/conformance` as a process, and what it found."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

REVISION = "2026-07-28"
_ORDER = ("INFO", "SUCCESS", "SKIPPED", "WARNING", "FAILURE")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_AUTHORIZE = re.compile(r"^(https?://\S+)$")


@dataclass(frozen=True)
class Found:
    """How a run ended: its exit code, what it printed, and the status of each check by its id.

    A check that was made several times has its worst status.
    """

    code: int
    printed: str
    checks: Mapping[str, str]

    @property
    def counted(self) -> dict[str, int]:
        """Return how many checks have each status; what is only told (INFO) is left out."""
        return dict(Counter(status for status in self.checks.values() if status != "INFO"))


class Suite:
    """The suite of one installation."""

    def __init__(self, node: Path, packages: Path, folder: Path) -> None:
        index = packages / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
        self._command = [str(node), str(index)]
        self._folder = folder

    def run(self, *arguments: str, visit: Callable[[str], None] | None = None) -> Found:
        """Run a command to its end; `visit` gets each address that it wants to be opened."""
        output = [] if arguments[0] == "list" else ["--output-dir", "found"]
        with subprocess.Popen(
            [*self._command, *arguments, *output],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            assert running.stdout
            lines = []
            for line in running.stdout:
                lines.append(_COLOUR.sub("", line))
                address = _AUTHORIZE.match(lines[-1].strip())
                if address and visit and "/authorize?" in address[1]:
                    visit(address[1])
        return Found(running.returncode, "".join(lines), self._checks())

    def _checks(self) -> dict[str, str]:
        worst: dict[str, str] = {}
        for file in sorted(self._folder.glob("found/**/checks.json")):
            for check in json.loads(file.read_text()):
                name, status = check["id"], check["status"]
                before = worst.get(name, status)
                worst[name] = max(before, status, key=_ORDER.index)
        return worst
