"""What one run found: JSON to keep, pictures, and the page in docs/."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measured import Row, Verdict, median
from benchmarks.plot import plot
from benchmarks.relations import growth_plot
from benchmarks.relations.inside import Size, Times
from tests.support.tree import ROOT

_PAGE = ROOT / "docs" / "benchmark-authz.md"
_BEGIN, _END = "<!-- measured -->", "<!-- end -->"
_TITLE = "Mandate compared with OpenFGA"
_HEAD = "Mandate / OpenFGA, one core each, median and spread"


@dataclass(frozen=True)
class Result:
    """All that one run found. Memory is in MiB PSS after the run."""

    tuples: int
    sqlite: Sequence[Times]
    postgres: Sequence[Times]
    sizes: Sequence[Size]
    rows: Sequence[Row]
    sdk_us: float
    memory: Mapping[str, float]
    verdicts: Sequence[Verdict]
    conditions: Mapping[str, str]


def text(result: Result) -> str:
    """Return the targets as lines."""
    lines = ["", "Targets (ratio of medians, lowest..highest round):"]
    lines += [
        f"  {'met   ' if v.met else 'MISSED'} {v.what}: {v.measured}" for v in result.verdicts
    ]
    missed = sum(not v.met for v in result.verdicts)
    return "\n".join([*lines, f"  {len(result.verdicts) - missed} of {len(result.verdicts)} met"])


def write(result: Result, folder: Path, *, document: bool) -> list[Path]:
    """Write JSON and SVGs, and the documentation if told to; return the files."""
    stored = folder / "relations.json"
    stored.write_text(json.dumps(_plain(result), indent=1) + "\n")
    pictures = {"benchmark-authz.svg": plot([*result.rows], title=_TITLE, head=_HEAD)}
    if len(result.sizes) > 1:
        pictures["benchmark-authz-growth.svg"] = growth_plot.plot(result.sizes)
    files = [stored]
    for place in (folder, *([_PAGE.parent] if document else [])):
        for name, picture in pictures.items():
            (place / name).write_text(picture)
            files.append(place / name)
    if document:
        head, _, rest = _PAGE.read_text().partition(_BEGIN)
        _PAGE.write_text(f"{head}{_BEGIN}\n{_markdown(result)}{_END}{rest.partition(_END)[2]}")
        files.append(_PAGE)
    return files


def _markdown(result: Result) -> str:
    lines = ["", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in result.conditions.items()]
    lines += [f"| memory after the run, {n} | {m:.0f} MiB PSS |" for n, m in result.memory.items()]
    lines += ["", "| target | measured | |", "|---|---|---|"]
    lines += [
        f"| {v.what} | {v.measured} | {'met' if v.met else '**missed**'} |" for v in result.verdicts
    ]
    lines += ["", f"In a process, {result.tuples:,} tuples; microseconds:", ""]
    lines += ["| question | SQLite p50, p99 | PostgreSQL p50, p99 |", "|---|---|---|"]
    second = {each.name: each for each in result.postgres}
    lines += [
        f"| {each.name} | {_times(each)} | {_times(second.get(each.name))} |"
        for each in result.sqlite
    ]
    lines += [
        *("", "Over HTTP:", ""),
        "| case / peer | ours: req/s, p50, p99 ms | OpenFGA | req/s ratio | p99 ratio |",
        "|---|---|---|---|---|",
    ]
    for row in result.rows:
        ratios = f"{row.ratio('rps')} | {row.ratio('p99_ms')}"
        lines.append(
            f"| {row.name} | {_cell(row, ours=True)} | {_cell(row, ours=False)} | {ratios} |"
        )
    lines += ["", "![ratios](benchmark-authz.svg)", ""]
    if len(result.sizes) > 1:
        lines += ["How a first check grows, and the database file:", ""]
        relations = [*result.sizes[0].checks]
        lines.append(f"| tuples | {' | '.join(f'{r}: p50, p99 us' for r in relations)} | MiB |")
        lines.append("|---" * (len(relations) + 2) + "|")
        for size in result.sizes:
            cells = " | ".join(_times(size.checks[relation]) for relation in relations)
            lines.append(f"| {size.tuples:,} | {cells} | {size.bytes / 2**20:.0f} |")
        lines += ["", "![growth](benchmark-authz-growth.svg)", ""]
    return "\n".join(lines)


def _times(times: Times | None) -> str:
    return f"{times.p50:.0f}, {times.p99:.0f}" if times else ""


def _cell(row: Row, *, ours: bool) -> str:
    samples = row.ours if ours else row.theirs
    rps, p50, p99 = (median(samples, figure) for figure in ("rps", "p50_ms", "p99_ms"))
    return f"{rps:.0f}, {p50:.2f}, {p99:.2f}"


def _plain(result: Result) -> dict[str, object]:
    return {
        "conditions": dict(result.conditions),
        "tuples": result.tuples,
        "memory": dict(result.memory),
        "sdk_us": result.sdk_us,
        "sqlite": [asdict(each) for each in result.sqlite],
        "postgres": [asdict(each) for each in result.postgres],
        "sizes": [asdict(size) for size in result.sizes],
        "targets": [asdict(v) for v in result.verdicts],
        "rows": {
            row.name: {f: str(row.ratio(f)) for f in ("rps", "p50_ms", "p99_ms")}
            for row in result.rows
        },
    }
