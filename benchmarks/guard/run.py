"""What a guard adds to a tool call: the same tool bare, offline and online, in turns, in one run.

    make bench-guard                    # 2,000 rounds: about half a minute
    make bench-guard BENCH=--quick      # 300 rounds: a rough look
    make bench-guard BENCH=--document   # also writes docs/benchmark-guard.md

A real `mandate serve` decides, on a SQLite file that is synced to disk; every online call leaves a
durable row in its audit, which is counted at the end.
"""

import argparse
import http.client
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.guard.tools import KINDS
from benchmarks.mandate import Mandate
from benchmarks.processes import Pinned, ahead_of_others
from tests.support.ports import free_port
from tests.support.tree import ROOT
from tests.support.world import DOCS

WARM_UP = 100
ALONE = "(the question to Mandate alone)"
TARGETS = {"offline": 0.5, "online": 2.0, "online, with an object": 2.0}
"""Milliseconds that the median call may take longer than a bare one."""
PAGE = ROOT / "docs" / "benchmark-guard.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
_BODY = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {
        "name": "read_document",
        "arguments": {"document_id": "t1"},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}


class Caller:
    """One kept connection to one server, and the request that it repeats."""

    def __init__(
        self, port: int, path: str, body: bytes, headers: dict[str, str], good: bytes
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path, self._body, self._headers, self._good = path, body, headers, good

    @classmethod
    def of_tool(cls, port: int, token: str) -> "Caller":
        """Call the tool, as a client of 2026-07-28 does."""
        headers = {
            "authorization": f"Bearer {token}",
            "host": "docs.example",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "read_document",
        }
        return cls(port, "/mcp", json.dumps(_BODY).encode(), headers, b"the text of t1")

    @classmethod
    def of_evaluation(cls, mandate: Mandate) -> "Caller":
        """Ask Mandate what a guard with an object asks, without a guard."""
        case = mandate.cases()["evaluation"]
        port, path = int(mandate.url.rpartition(":")[2]), case.url.removeprefix(mandate.url)
        headers = {"authorization": case.auth, "content-type": case.content_type}
        return cls(port, path, case.body.encode(), headers, b'"decision":true')

    def status(self) -> int:
        self._connection.request("POST", self._path, self._body, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def timed(self) -> float:
        """Return the milliseconds of one good call; ends the run with any other answer."""
        began = time.perf_counter()
        self._connection.request("POST", self._path, self._body, self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200 or self._good not in body:
            sys.exit(f"not a good answer: {answer.status} {body[:300]!r}")
        return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--document", action="store_true")
    given = parser.parse_args()
    rounds = 300 if given.quick else 2000
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ROOT / ".cache")))
        ahead = stack.enter_context(ahead_of_others())
        mandate = Mandate(folder, core=0, pool_size=1)
        stack.callback(mandate.process.stop)
        mandate.start()
        ports = _start(stack, folder, mandate)
        rows = mandate.rows()["audit"]
        found = _measure(ports, mandate, rounds)
        written = mandate.rows()["audit"] - rows
    online = 3 * (rounds + WARM_UP)
    if written < online:
        sys.exit(f"only {written} of {online} decisions are in the audit")
    table = _table(found, rounds, ahead=ahead)
    print(table)
    if given.document:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}", encoding="utf-8")


def _start(stack: ExitStack, folder: Path, mandate: Mandate) -> dict[str, int]:
    docs = mandate.prepared.docs
    env = {
        "GUARD_ISSUER": mandate.url,
        "GUARD_RESOURCE": DOCS,
        "GUARD_CLIENT_ID": docs.client.id,
        "GUARD_CLIENT_SECRET": docs.secret or "",
        "PYTHONPATH": str(ROOT),
    }
    ports = {}
    for kind in KINDS:
        port = ports[kind] = free_port()
        command = [sys.executable, "-m", "benchmarks.guard.tools", kind, str(port)]
        process = Pinned(kind.replace(", ", "-"), command, env=env, folder=folder, core=1)
        stack.callback(process.stop)
        process.wait_until_ready(f"http://127.0.0.1:{port}/ready")
    return ports


def _measure(ports: dict[str, int], mandate: Mandate, rounds: int) -> dict[str, list[float]]:
    token = mandate.prepared.access
    callers = {kind: Caller.of_tool(port, token) for kind, port in ports.items()}
    # The control: a token that is no good is refused by every guard, and by no bare server.
    for kind, port in ports.items():
        status = Caller.of_tool(port, token[:-6] + "AAAAAA").status()
        if (status == 401) is (kind == "bare"):
            sys.exit(f"{kind} answers {status} to a forged token")
    callers[ALONE] = Caller.of_evaluation(mandate)
    for _ in range(WARM_UP):
        for caller in callers.values():
            caller.timed()
    found: dict[str, list[float]] = {kind: [] for kind in callers}
    # The order turns, so that none always follows the same one.
    orders = itertools.cycle(list(itertools.permutations(callers)))
    for order in itertools.islice(orders, rounds):
        for kind in order:
            found[kind].append(callers[kind].timed())
    return found


def _table(found: dict[str, list[float]], rounds: int, *, ahead: bool) -> str:
    names = ("mcp", "starlette", "uvicorn", "httpx2", "cryptography")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    lines = [
        "| | |",
        "|---|---|",
        f"| date | {datetime.now(UTC):%Y-%m-%d} |",
        f"| machine | {os.cpu_count()} cores, Linux {platform.release().partition('-')[0]} |",
        f"| software | Python {platform.python_version()}, {versions} |",
        f"| load | one call at a time, {rounds} rounds in turns, kept connections |",
        f"| load average at the end | {os.getloadavg()[0]:.1f}, "
        + ("ahead of other work |" if ahead else "no priority over other work |"),
        "",
        "| tool call | p5 ms | p50 ms | p95 ms | added at p50 ms | target ms | |",
        "|---|---|---|---|---|---|---|",
    ]
    bare = statistics.median(found["bare"])
    for kind, times in found.items():
        twentieths = statistics.quantiles(times, n=20)
        p50 = statistics.median(times)
        row = f"| {kind} | {twentieths[0]:.2f} | {p50:.2f} | {twentieths[18]:.2f} |"
        if kind in TARGETS:
            met = "met" if p50 - bare <= TARGETS[kind] else "**missed**"
            row += f" {p50 - bare:.2f} | {TARGETS[kind]:.1f} | {met} |"
        else:
            row += " | | |"
        lines.append(row)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
