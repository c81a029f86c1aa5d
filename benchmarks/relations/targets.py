"""What the relationship engine set itself, and whether it was met."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measured import Row, Target, Verdict
from benchmarks.relations.inside import Size, Times

RELATIONS_OVER_HTTP = ("viewer", "can_read", "member")
NEW, AGAIN = "a new question each time", "the same 300"
PLAIN, CACHING = "openfga", "openfga, caches on"


@dataclass(frozen=True)
class Bound:
    """A time that a kind of question may take at most, in microseconds."""

    name: str
    figure: str
    most: float

    def verdict(self, times: Mapping[str, Times]) -> Verdict:
        """Compare with what was measured."""
        found = float(getattr(times[self.name], self.figure))
        what = f"{self.name}: {self.figure} <= {self.most:g} us"
        return Verdict(what, f"{found:.0f} us", met=found <= self.most)


BOUNDS = (
    *(Bound(f"check {r}, asked again", "p50", 50) for r in ("viewer", "can_read")),
    *(Bound(f"check {r}, asked for the first time", "p50", 300) for r in ("viewer", "can_read")),
    *(Bound(f"check {r}, asked for the first time", "p99", 2_000) for r in ("viewer", "can_read")),
    *(Bound(f"batch of 50, {r}, new objects", "p50", 10_000) for r in ("viewer", "can_read")),
    *(Bound(f"first 1000 documents, {r}", "p50", 100_000) for r in ("viewer", "can_read")),
)
SDK_TIMES = 10
MOST_GROWTH = 3


def verdicts(
    sqlite: Sequence[Times],
    postgres: Sequence[Times],
    rows: Sequence[Row],
    sdk: float,
    sizes: Sequence[Size],
) -> list[Verdict]:
    """Return every target with its outcome."""
    inside = {each.name: each for each in sqlite}
    found = [bound.verdict(inside) for bound in BOUNDS]
    by_name = {row.name: row for row in rows}
    for name in by_name:
        found.append(Target(name, "rps", 0.8, at_least=True).verdict(by_name))
        found.append(Target(name, "p99_ms", 1.0, at_least=False).verdict(by_name))
    times = sdk / inside["check viewer, asked for the first time"].p50
    what = f"in a process, asked for the first time, against openfga-sdk: >= {SDK_TIMES}x"
    found.append(Verdict(what, f"{times:.0f}x", met=times >= SDK_TIMES))
    if postgres:
        found.append(_round_trip({each.name: each for each in postgres}, inside))
    if len(sizes) > 1:
        found += [_growth(sizes, relation) for relation in sizes[0].checks]
    return found


def _round_trip(postgres: Mapping[str, Times], sqlite: Mapping[str, Times]) -> Verdict:
    """A check that was asked before costs no more than a read of a constant, and that of SQLite."""
    name = "check viewer, asked again"
    one = postgres["a read of a constant"].p50
    more = (postgres[name].p50 - sqlite[name].p50) / one
    what = "PostgreSQL, asked again: at most one read (of a constant) more than SQLite"
    return Verdict(what, f"{more:.2f} reads of {one:.0f} us", met=more <= 1.1)


def _growth(sizes: Sequence[Size], relation: str) -> Verdict:
    steps = [
        (later.checks[relation].p50 / earlier.checks[relation].p50, later.tuples)
        for earlier, later in itertools.pairwise(sizes)
    ]
    worst, tuples = max(steps)
    what = f"{relation}: no tenfold of tuples makes a first check more than {MOST_GROWTH}x as long"
    return Verdict(what, f"{worst:.1f}x, to {tuples:,} tuples", met=worst <= MOST_GROWTH)
