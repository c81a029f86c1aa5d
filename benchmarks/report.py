"""The report: a table to read, JSON to keep, an SVG to look at, and the page in docs/."""

import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measured import Row, Verdict, median
from benchmarks.plot import plot
from tests.support.tree import ROOT

_FIGURES = ("rps", "p50_ms", "p99_ms", "cpu_us")
_PAGE = ROOT / "docs" / "benchmark.md"
_BEGIN, _END = "<!-- measured -->", "<!-- end -->"


@dataclass(frozen=True)
class Result:
    """All that one run found."""

    rows: list[Row]
    verdicts: list[Verdict]
    conditions: Mapping[str, str]
    memory: Mapping[str, Mapping[str, float]]


def conditions(
    rounds: int, seconds: int, peer: Mapping[str, str], folder: Path, *, ahead: bool
) -> dict[str, str]:
    """Say on what, with what and how long."""
    disk = ["findmnt", "-n", "-o", "FSTYPE", "-T", str(folder)]
    names = ("uvicorn", "uvloop", "httptools", "starlette", "cryptography")
    kernel, _, _ = platform.release().partition("-")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, Linux {kernel}",
        "ours": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version(name)}" for name in names),
        "peer": ", ".join(f"{name} {number.lstrip('v')}" for name, number in peer.items()),
        "file system": subprocess.run(
            disk, capture_output=True, text=True, check=False
        ).stdout.strip(),
        "load": f"wrk, 1 thread, 16 connections, {rounds} rounds of {seconds} s, in turns",
        "load average at the end": f"{os.getloadavg()[0]:.1f} (the benchmark alone makes about 2), "
        + ("the benchmark ahead of other work" if ahead else "no priority over other work"),
    }


def line(row: Row) -> str:
    """Return one case as a line."""
    ours = "  ".join(_figures(row.ours))
    text = f"{row.name:40s} {ours}"
    if row.theirs:
        text += f"\n{'':40s} {'  '.join(_figures(row.theirs))}   (oidc-provider)"
        text += f"\n{'':40s} ratio: " + ", ".join(
            f"{label} {row.ratio(figure)}"
            for figure, label in (("rps", "requests/s"), ("p50_ms", "p50"), ("p99_ms", "p99"))
        )
        text += f", CPU {row.ratio('cpu_us')}"
    if row.bad:
        text += f"\n{'':40s} NO MEASUREMENT: {row.bad} answers were not 200"
    return text


def _figures(samples: list) -> list[str]:  # type: ignore[type-arg]
    rps, p50, p99, cpu = (median(samples, figure) for figure in _FIGURES)
    return [f"{rps:6.0f}/s", f"p50 {p50:6.2f} ms", f"p99 {p99:6.2f} ms", f"cpu {cpu:4.0f} us"]


def text(result: Result) -> str:
    """Return what stands below the lines: memory and targets."""
    lines = [""]
    lines += [
        f"memory of {name}: {m['pss_mib']:.0f} MiB PSS after the run, "
        f"{m['rss_peak_mib']:.0f} MiB resident at most"
        for name, m in result.memory.items()
    ]
    lines += ["", "Targets (ratio of medians, lowest..highest round):"]
    lines += [
        f"  {'met   ' if v.met else 'MISSED'} {v.what}: {v.measured}" for v in result.verdicts
    ]
    missed = sum(not v.met for v in result.verdicts)
    lines.append(f"  {len(result.verdicts) - missed} of {len(result.verdicts)} met")
    return "\n".join(lines)


def write(result: Result, folder: Path, *, document: bool) -> list[Path]:
    """Write JSON and SVG, and the documentation if told to; return the files."""
    stored = folder / "latest.json"
    stored.write_text(json.dumps(_plain(result), indent=1) + "\n")
    picture = folder / "latest.svg"
    picture.write_text(plot(result.rows))
    files = [stored, picture]
    if document:
        beside = _PAGE.with_suffix(".svg")
        beside.write_text(plot(result.rows))
        head, _, rest = _PAGE.read_text().partition(_BEGIN)
        _PAGE.write_text(f"{head}{_BEGIN}\n{markdown(result)}{_END}{rest.partition(_END)[2]}")
        files += [_PAGE, beside]
    return files


def markdown(result: Result) -> str:
    """Return the figures as they stand in docs/benchmark.md."""
    lines = ["", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in result.conditions.items()]
    lines += ["", "| target | measured | |", "|---|---|---|"]
    lines += [
        f"| {v.what} | {v.measured} | {'met' if v.met else '**missed**'} |" for v in result.verdicts
    ]
    lines += [
        "",
        "| case | ours: req/s, p50, p99 ms, CPU us | oidc-provider | req/s ratio | p99 ratio |",
        "|---|---|---|---|---|",
    ]
    for row in result.rows:
        mine, theirs = _cell(row.ours), _cell(row.theirs)
        ratios = f"{row.ratio('rps') or ''} | {row.ratio('p99_ms') or ''}"
        name = f"{row.name} (INVALID)" if row.bad else row.name
        lines.append(f"| {name} | {mine} | {theirs} | {ratios} |")
    lines += ["", "![ratios](benchmark.svg)", ""]
    return "\n".join(lines)


def _cell(samples: list) -> str:  # type: ignore[type-arg]
    if not samples:
        return ""
    rps, p50, p99, cpu = (median(samples, figure) for figure in _FIGURES)
    return f"{rps:.0f}, {p50:.2f}, {p99:.2f}, {cpu:.0f}"


def _plain(result: Result) -> dict[str, object]:
    return {
        "conditions": dict(result.conditions),
        "memory": {name: dict(m) for name, m in result.memory.items()},
        "targets": [asdict(v) for v in result.verdicts],
        "rows": [
            {
                "name": row.name,
                "bad": row.bad,
                "ours": [asdict(sample) for sample in row.ours],
                "theirs": [asdict(sample) for sample in row.theirs],
                "ratios": {
                    figure: asdict(ratio)
                    for figure in _FIGURES
                    if (ratio := row.ratio(figure)) is not None
                },
            }
            for row in result.rows
        ],
    }


def _processor() -> str:
    for entry in Path("/proc/cpuinfo").read_text().splitlines():
        if entry.startswith("model name"):
            return entry.partition(":")[2].strip()
    return platform.machine()
