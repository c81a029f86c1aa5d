"""What was measured, and whether the targets of the project were met."""

import statistics
from dataclasses import dataclass, field

from benchmarks.load import Sample


@dataclass
class Row:
    """The rounds of one case; `theirs` is empty where the peer has nothing alike."""

    name: str
    ours: list[Sample] = field(default_factory=list)
    theirs: list[Sample] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """Count answers that were not 200: with one of them the row is no measurement."""
        return sum(sample.bad for sample in (*self.ours, *self.theirs))

    def ratio(self, figure: str) -> "Ratio | None":
        """Return ours over theirs for `rps`, `p50_ms`, `p99_ms` or `cpu_us`."""
        if not self.ours or not self.theirs:
            return None
        rounds = [
            getattr(a, figure) / getattr(b, figure)
            for a, b in zip(self.ours, self.theirs, strict=True)
        ]
        return Ratio(
            median(self.ours, figure) / median(self.theirs, figure), min(rounds), max(rounds)
        )


@dataclass(frozen=True)
class Ratio:
    """The ratio of medians, and the lowest and highest ratio of one round."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}..{self.high:.2f})"


def median(samples: list[Sample], figure: str) -> float:
    """Return the median of a figure over the rounds."""
    return float(statistics.median(getattr(sample, figure) for sample in samples))


@dataclass(frozen=True)
class Target:
    """A ratio that the project set itself: at least, or at most, `bound`."""

    row: str
    figure: str
    bound: float
    at_least: bool

    def verdict(self, rows: dict[str, Row]) -> "Verdict":
        """Compare with what was measured."""
        row = rows.get(self.row)
        ratio = row.ratio(self.figure) if row is not None and not row.bad else None
        sign = ">=" if self.at_least else "<="
        what = f"{self.row}: {_WORDS[self.figure]} {sign} {self.bound:.1f}x"
        if ratio is None:
            return Verdict(what, "not measured", met=False)
        met = ratio.value >= self.bound if self.at_least else ratio.value <= self.bound
        return Verdict(what, str(ratio), met=met)


@dataclass(frozen=True)
class Verdict:
    """One target and how it came out."""

    what: str
    measured: str
    met: bool


_WORDS = {"rps": "requests/s", "p99_ms": "p99", "p50_ms": "p50", "cpu_us": "CPU"}
MOST_MEMORY_MIB = 200
TARGETS = (
    Target("client_credentials", "rps", 1.2, at_least=True),
    Target("client_credentials", "p99_ms", 0.7, at_least=False),
    Target("exchange, a new subject token each time", "rps", 1.0, at_least=True),
    Target("exchange, a new subject token each time", "p99_ms", 0.8, at_least=False),
    Target("introspection", "rps", 1.0, at_least=True),
    Target("discovery", "rps", 1.0, at_least=True),
    Target("jwks", "rps", 1.0, at_least=True),
)


def verdicts(rows: dict[str, Row], pss_mib: float) -> list[Verdict]:
    """Return every target with its outcome, memory last."""
    memory = Verdict(
        f"memory after the run: <= {MOST_MEMORY_MIB} MiB PSS",
        f"{pss_mib:.0f} MiB",
        met=pss_mib <= MOST_MEMORY_MIB,
    )
    return [*(target.verdict(rows) for target in TARGETS), memory]
