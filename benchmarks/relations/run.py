"""`make bench-authz`: the relationship engine, in a process and against a real OpenFGA server.

Both serve the same 200,000 tuples from SQLite, one pinned core each, in turns. OpenFGA runs with
its caches off and on; on, its answers may be 10 s old, while ours are exact.
"""

import argparse
import asyncio
import shutil
import sqlite3
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
from openfga_sdk.client import ClientConfiguration
from openfga_sdk.client.models import ClientCheckRequest
from openfga_sdk.sync import OpenFgaClient

from benchmarks.load import Case, Sample, Wrk
from benchmarks.measured import Row, median
from benchmarks.processes import ahead_of_others
from benchmarks.relations import page, targets
from benchmarks.relations.data import House
from benchmarks.relations.inside import Inside, Size, Times, growth
from benchmarks.relations.servers import Engine, fill_ours, openfga, ours, write_questions
from benchmarks.report import conditions
from tests.support.openfga import VERSION
from tests.support.postgres import PostgresCluster, find_binaries

SERVER_CORE, LOAD_CORE = 0, 1
DOCUMENTS = 100_000
NEW, AGAIN = 60_000, 300
"""Questions of a pool: more than any cache here holds, and so few that each is asked often."""
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def main() -> int:
    """Measure and print; 0 unless a server fails (a missed target is told, not an error)."""
    given = _arguments()
    folder = Path(given.results).resolve()
    work = folder / "relations"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    house = House(DOCUMENTS // 10 if given.quick else DOCUMENTS)
    rounds, seconds = (2, 1) if given.quick else (3, 3)
    with ahead_of_others() as ahead:
        sqlite = asyncio.run(_on_sqlite(work, house))
        postgres = asyncio.run(_on_postgres(house))
        sizes = asyncio.run(growth(work, SIZES[:2] if given.quick else SIZES))
        for size in sizes:
            print(
                f"{size.tuples:,} tuples, {size.bytes / 2**20:.0f} MiB:", *_told(size), sep="\n  "
            )
        rows, sdk, memory = _servers(work, house, rounds, seconds)
        result = page.Result(
            tuples=len(house.tuples()),
            sqlite=sqlite,
            postgres=postgres,
            sizes=sizes,
            rows=rows,
            sdk_us=sdk,
            memory=memory,
            verdicts=targets.verdicts(sqlite, postgres, rows, sdk, sizes),
            conditions=conditions(rounds, seconds, {"OpenFGA": VERSION}, work, ahead=ahead),
        )
    shutil.rmtree(work, ignore_errors=True)
    print(page.text(result))
    for file in page.write(result, folder, document=given.document):
        print(f"    {file}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-authz", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer tuples and rounds: a rough look"
    )
    parser.add_argument("--results", default="benchmarks/results", help="where files go")
    parser.add_argument("--document", action="store_true", help="write docs/benchmark-authz.md")
    return parser.parse_args()


async def _on_sqlite(work: Path, house: House) -> list[Times]:
    print(f"==> in a process, on SQLite {sqlite3.sqlite_version}", flush=True)
    return await _ask_all(await Inside.open(f"sqlite:///{work}/inside.db", house))


async def _on_postgres(house: House) -> list[Times]:
    binaries = find_binaries()
    if binaries is None:
        print("==> no PostgreSQL here (Debian: apt-get install postgresql)")
        return []
    print("==> in a process, on PostgreSQL", flush=True)
    cluster = PostgresCluster(binaries, durable=True)
    cluster.start()
    try:
        url = cluster.url(cluster.create())
        inside = await Inside.open(url, house)
        with psycopg.connect(url, autocommit=True) as connection:
            # As its autovacuum does within a minute.
            connection.execute("ANALYZE")
        return await _ask_all(inside)
    finally:
        cluster.stop()


async def _ask_all(inside: Inside) -> list[Times]:
    times = await inside.all()
    await inside.close()
    for each in times:
        print(each, flush=True)
    return times


def _told(size: Size) -> list[str]:
    return [f"{relation}: {times}" for relation, times in size.checks.items()]


def _servers(
    work: Path, house: House, rounds: int, seconds: int
) -> tuple[list[Row], float, dict[str, float]]:
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
        for relation in targets.RELATIONS_OVER_HTTP:
            for kind, count in ((targets.NEW, NEW), (targets.AGAIN, AGAIN)):
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
        memory = {engine.name: engine.process.pss_mib() for engine in engines}
        sdk = _through_sdk(house, plain, mine, caching)
    return rows, sdk, memory


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
    for relation in targets.RELATIONS_OVER_HTTP:
        for query in house.questions(relation, 100, 3):
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


if __name__ == "__main__":
    sys.exit(main())
