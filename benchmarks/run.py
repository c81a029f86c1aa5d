"""`make bench`: Mandate and oidc-provider, one core each, in turns; ratios with their spread."""

import argparse
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import report
from benchmarks.load import Case, Sample, Wrk
from benchmarks.mandate import Mandate
from benchmarks.measured import Row, verdicts
from benchmarks.oidc_provider import Peer
from benchmarks.processes import Pinned, ahead_of_others

SERVER_CORE, LOAD_CORE = 0, 1
POOL = 24_000
"""More tokens than the caches of the server hold (20,000), so that a walk through the pool finds
each one forgotten when it comes round again."""
DURABLE = {
    "client_credentials": ("token", "audit"),
    "exchange, a new subject token each time": ("token", "audit"),
    "exchange, the same subject token": ("token", "audit"),
    "evaluation": ("audit",),
}
CONTROL = "client_credentials, wrong secret"


@dataclass(frozen=True)
class Plan:
    """How long and how often."""

    rounds: int
    seconds: int
    warm_up: int
    only: str = ""


class Broken(Exception):
    """Something makes the figures worthless."""


def main() -> int:
    """Measure and report; 0 unless something is broken (a missed target is told, not an error)."""
    given = _arguments()
    for program in ("wrk", "taskset", "npm"):
        if shutil.which(program) is None:
            print(f"{program} is needed (Debian: apt-get install wrk util-linux npm)")
            return 2
    plan = Plan(3, 1, 1, given.only) if given.quick else Plan(7, 3, 2, given.only)
    folder = Path(given.results).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with ExitStack() as stack:
        ahead = stack.enter_context(ahead_of_others())
        print("==> a database, and a pool of tokens on both sides", flush=True)
        ours = Mandate(work, core=SERVER_CORE, pool_size=POOL)
        stack.callback(ours.process.stop)
        peer = Peer(work, core=SERVER_CORE, pool_size=POOL)
        stack.callback(peer.process.stop)
        ours.start()
        peer.start()
        try:
            rows = _measure(ours, peer, plan)
        except Broken as broken:
            print(f"\nBROKEN: {broken}")
            return 1
        ours.process.check()
        result = report.Result(
            rows=rows,
            verdicts=verdicts({row.name: row for row in rows}, ours.process.pss_mib()),
            conditions=report.conditions(
                plan.rounds, plan.seconds, peer.versions, work, ahead=ahead
            ),
            memory={
                server.name: {"pss_mib": server.pss_mib(), "rss_peak_mib": server.rss_peak_mib()}
                for server in (ours.process, peer.process)
            },
        )
    shutil.rmtree(work, ignore_errors=True)
    print(report.text(result))
    for file in report.write(result, folder, document=given.document):
        print(f"    {file}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 s: a rough look")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    parser.add_argument("--results", default="benchmarks/results", help="where files go")
    parser.add_argument("--document", action="store_true", help="write docs/benchmark.md anew")
    return parser.parse_args()


def _measure(ours: Mandate, peer: Peer, plan: Plan) -> list[Row]:
    wrk = Wrk(LOAD_CORE)
    our_cases, peer_cases = ours.cases(), peer.cases()
    _control(wrk, our_cases[CONTROL], peer_cases[CONTROL])
    rows = []
    for name, case in our_cases.items():
        if name == CONTROL or not name.startswith(plan.only):
            continue
        row = Row(name)
        rows.append(row)
        theirs = peer_cases.get(name)
        for number in range(plan.rounds + 1):
            seconds = plan.seconds if number else plan.warm_up
            first, second = _one(ours, wrk, name, case, seconds, peer.process), None
            if theirs is not None:
                with ours.process.paused():
                    second = _sample(wrk, theirs, seconds, peer.process)
            if number:
                row.ours.append(first)
                row.theirs += [second] if second is not None else []
        print(report.line(row), flush=True)
    lost = ours.lost(our_cases["client_credentials"])
    if lost:
        raise Broken(f"{len(lost)} of 200 acknowledged tokens are not in the database")
    return rows


def _one(ours: Mandate, wrk: Wrk, name: str, case: Case, seconds: int, other: Pinned) -> Sample:
    """Load ours while the peer stands still, and count what it wrote."""
    durable = DURABLE.get(name, ())
    before = ours.rows() if durable else {}
    with other.paused():
        sample = _sample(wrk, case, seconds, ours.process)
    after = ours.rows() if durable else {}
    for table in durable:
        written = after[table] - before[table]
        if written < sample.good:
            raise Broken(f"{sample.good} answers, but only {written} new rows in {table}")
    return sample


def _sample(wrk: Wrk, case: Case, seconds: int, server: Pinned) -> Sample:
    spent = server.cpu_seconds()
    sample = wrk.run(case, seconds)
    server.check()
    cpu = server.cpu_seconds() - spent
    return replace(sample, cpu_us=cpu * 1e6 / max(1, sample.good))


def _control(wrk: Wrk, *cases: Case) -> None:
    """A wrong secret must count as bad, every time, on both sides."""
    for case in cases:
        sample = wrk.run(case, 1)
        if sample.good or not sample.bad:
            raise Broken(f"the control was not refused: {sample}")


if __name__ == "__main__":
    sys.exit(main())
