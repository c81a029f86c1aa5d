"""Load from wrk on its own core: one case, some seconds, what came back."""

import itertools
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import pinned

SCRIPT = Path(__file__).with_name("load.lua")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_RESULT = re.compile(r"RESULT (.*)")


@dataclass
class Pool:
    """Distinct tokens in a file; each is sent once before any is sent again."""

    file: Path
    size: int
    used: int = 0


@dataclass(frozen=True)
class Case:
    """One request, sent again and again; `{token}` in the body comes from `pool`."""

    url: str
    body: str = ""
    auth: str = ""
    content_type: str = FORM
    pool: Pool | None = None


@dataclass(frozen=True)
class Sample:
    """What one run of wrk saw; `cpu_us` and `rows` are filled in by who watched the server."""

    rps: float
    p50_ms: float
    p99_ms: float
    good: int
    bad: int
    cpu_us: float = 0.0
    """CPU time of the server for each good answer."""
    detail: dict[str, float] = field(default_factory=dict)


class LoadError(Exception):
    """wrk did not print a result."""


@dataclass(frozen=True)
class Wrk:
    """wrk, pinned, with the same connections for everyone."""

    core: int
    connections: int = 16

    def run(self, case: Case, seconds: float) -> Sample:
        """Load `case`; raises `LoadError`."""
        if not case.url.startswith("http://127.0.0.1:"):
            raise LoadError("loopback only")
        command = [*pinned(self.core), "wrk", "-t1", f"-c{self.connections}"]
        command += [f"-d{round(seconds)}s", "--timeout", "10s", "-s", str(SCRIPT), case.url]
        env = os.environ | {
            "METHOD": "POST" if case.body else "GET",
            "BODY": case.body,
            "AUTH": case.auth,
            "CTYPE": case.content_type,
            "POOL": str(case.pool.file) if case.pool else "",
            "START": str(case.pool.used) if case.pool else "0",
        }
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=seconds + 60, check=False
        )
        found = _RESULT.search(done.stdout)
        if found is None:
            raise LoadError(done.stdout + done.stderr)
        told = {k: float(v) for k, v in (pair.split("=") for pair in found[1].split())}
        good, bad = int(told["good"]), int(told["bad"] + told["failed"])
        if case.pool is not None:
            # Those still on their way when the time was up were used as well.
            case.pool.used += good + bad + self.connections
        return Sample(
            rps=good / told["seconds"],
            p50_ms=told["p50_ms"],
            p99_ms=told["p99_ms"],
            good=good,
            bad=bad,
            detail=told,
        )


def write_pool(file: Path, tokens: list[str]) -> Pool:
    """Store tokens for the Lua script; each must be a different one."""
    if len(set(tokens)) != len(tokens):
        raise LoadError("tokens of a pool are distinct")
    file.write_text("".join(itertools.chain.from_iterable((token, "\n") for token in tokens)))
    return Pool(file, len(tokens))
