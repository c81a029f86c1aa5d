"""`make bench-authz`: the relationship engine, in a process and against a real OpenFGA server.

Both serve the same 200,000 tuples from SQLite, one pinned core each, in turns. OpenFGA runs with
its caches off and on; on, its answers may be 10 s old, while ours are exact.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from openfga_sdk.client import ClientConfiguration
from openfga_sdk.client.models import ClientCheckRequest
from openfga_sdk.sync import OpenFgaClient

from benchmarks.load import Case, Sample, Wrk
from benchmarks.measured import Row, median
from benchmarks.processes import ahead_of_others
from benchmarks.relations.data import House
from benchmarks.relations.inside import Inside, Times, growth
from benchmarks.relations.servers import Engine, fill_ours, openfga, ours, write_questions

SERVER_CORE, LOAD_CORE = 0, 1
DOCUMENTS = 100_000
NEW, AGAIN = 60_000, 300
"""Questions of a pool: more than any cache here holds, and so few that each is asked often."""


def main() -> int:
    """Measure and print; 0 unless a server fails."""
    parser = argparse.ArgumentParser(prog="make bench-authz", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer tuples and rounds: a rough look"
    )
    parser.add_argument("--growth", action="store_true", help="also houses of 1k to 1M tuples")
    parser.add_argument("--results", default="benchmarks/results", help="where files go")
    given = parser.parse_args()
    folder = Path(given.results).resolve()
    work = folder / "relations"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    house = House(DOCUMENTS // 10 if given.quick else DOCUMENTS)
    rounds, seconds = (2, 1) if given.quick else (5, 3)
    with ahead_of_others():
        times, tuples = asyncio.run(_inside(work, house, growing=given.growth))
        rows, sdk = _servers(work, house, rounds, seconds)
    shutil.rmtree(work, ignore_errors=True)
    inside = times[1].p50
    print(f"\n{tuples} tuples; one check through openfga-sdk at OpenFGA: {sdk:.0f} us,", end=" ")
    print(f"in process {inside:.0f} us: {sdk / inside:.0f}x")
    found = {
        "tuples": tuples,
        "inside": [vars(each) for each in times],
        "sdk_us": sdk,
        "rows": {row.name: _ratios(row) for row in rows},
    }
    (folder / "relations.json").write_text(json.dumps(found, indent=1) + "\n")
    return 0


async def _inside(work: Path, house: House, *, growing: bool) -> tuple[list[Times], int]:
    print("==> in a process, on SQLite", flush=True)
    count = len(house.tuples())
    inside = await Inside.open(f"sqlite:///{work}/inside.db", house)
    times: list[Times] = []
    for relation in ("viewer", "can_read"):
        times += await inside.checks(relation, 500, 1)
        times.append(await inside.batches(relation, 50, 60))
        times.append(await inside.lists(relation, 8))
    await inside.close()
    if growing:
        times += await growth(work, [1_000, 10_000, 100_000, 1_000_000])
    for each in times:
        print(each, flush=True)
    return times, count


def _servers(work: Path, house: House, rounds: int, seconds: int) -> tuple[list[Row], float]:
    print("==> the same tuples in both servers (OpenFGA takes them by its API)", flush=True)
    rows: list[Row] = []
    tuples = house.tuples()
    with ExitStack() as stack:
        mine = ours(work, SERVER_CORE)
        stack.callback(mine.process.stop)
        plain = openfga(work, SERVER_CORE, caches=False)
        stack.callback(plain.process.stop)
        for engine in (mine, plain):
            engine.start()
        asyncio.run(fill_ours(work, mine, tuples))
        plain.write(tuples)
        caching = openfga(work, SERVER_CORE, caches=True)
        stack.callback(caching.process.stop)
        caching.follow(plain)
        _compare_answers(house, mine, plain)
        wrk, engines = Wrk(LOAD_CORE), (mine, plain, caching)
        for relation in ("viewer", "can_read"):
            for kind, count in (("a new question each time", NEW), ("the same 300", AGAIN)):
                name = f"{relation}, {kind}"
                cases = {
                    engine.name: engine.checking(
                        write_questions(work / f"{number}.txt", house, relation, count)
                    )
                    for number, engine in enumerate(engines)
                }
                for peer in (plain, caching):
                    row = Row(f"{name} / {peer.name}")
                    rows.append(row)
                    for turn in range(rounds + 1):
                        a = _one(wrk, mine, cases[mine.name], seconds, engines)
                        b = _one(wrk, peer, cases[peer.name], seconds, engines)
                        if turn:
                            row.ours.append(a)
                            row.theirs.append(b)
                    print(_line(row), flush=True)
        for engine in engines:
            print(f"memory of {engine.name}: {engine.process.pss_mib():.0f} MiB PSS")
        sdk = _through_sdk(house, plain, mine, caching)
    return rows, sdk


def _one(wrk: Wrk, engine: Engine, case: Case, seconds: int, all_of: tuple[Engine, ...]) -> Sample:
    with ExitStack() as stack:
        for other in all_of:
            if other is not engine:
                stack.enter_context(other.process.paused())
        sample = wrk.run(case, seconds)
    engine.process.check()
    return sample


def _compare_answers(house: House, one: Engine, other: Engine) -> None:
    """Both must say the same, or nothing is compared."""
    for relation in ("viewer", "can_read"):
        for query in house.questions(relation, 150, 3):
            answers = {engine.name: engine.check(query) for engine in (one, other)}
            if len(set(answers.values())) != 1:
                raise SystemExit(f"BROKEN: {query} is answered differently: {answers}")


def _through_sdk(house: House, engine: Engine, *others: Engine) -> float:
    configuration = ClientConfiguration(api_url=engine.url, store_id=engine.store)
    spent: list[float] = []
    with ExitStack() as stack:
        for other in others:
            stack.enter_context(other.process.paused())
        client = stack.enter_context(OpenFgaClient(configuration))
        for query in house.questions("viewer", 400, 1):
            began = time.perf_counter()
            client.check(
                ClientCheckRequest(user=query.user, relation=query.relation, object=query.object)
            )
            spent.append((time.perf_counter() - began) * 1e6)
    return statistics.median(spent[100:])


def _line(row: Row) -> str:
    def figures(samples: list[Sample]) -> str:
        rps, p50, p99 = (median(samples, figure) for figure in ("rps", "p50_ms", "p99_ms"))
        return f"{rps:6.0f}/s p50 {p50:6.2f} p99 {p99:7.2f} ms"

    ratios = f"requests/s {row.ratio('rps')}, p99 {row.ratio('p99_ms')}"
    bad = f"  NO MEASUREMENT: {row.bad} were not 200" if row.bad else ""
    return f"{row.name:60s} {figures(row.ours)} | {figures(row.theirs)} | {ratios}{bad}"


def _ratios(row: Row) -> dict[str, str]:
    return {figure: str(row.ratio(figure)) for figure in ("rps", "p50_ms", "p99_ms")}


if __name__ == "__main__":
    sys.exit(main())
