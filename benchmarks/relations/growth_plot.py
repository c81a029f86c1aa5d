"""How the time of a first check grows with the number of tuples: an SVG, written by hand."""

import math
from collections.abc import Sequence

from benchmarks.relations.inside import RELATIONS, Size

_LEFT, _TOP, _WIDTH, _HEIGHT = 60, 50, 560, 300
_COLOURS = {"viewer": "#2a6fdb", "can_read": "#b45f06", "member": "#2e7d32"}
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1b1b1f }
  .small { font-size: 11px; fill: #5b5b66 }
  .line { stroke: #d3d3da; stroke-width: 1 }
  polyline { fill: none; stroke-width: 2 }
  rect.back { fill: #ffffff }
"""
_TICKS = (10, 100, 1_000, 10_000)


def plot(sizes: Sequence[Size]) -> str:
    """Draw median (line) and p99 (dots) over the tuples, both axes logarithmic."""
    fewest, most = sizes[0].tuples, sizes[-1].tuples
    all_wide, all_high = _LEFT + _WIDTH + 30, _TOP + _HEIGHT + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {all_wide} {all_high}" role="img">',
        "<title>Time of a first check over the number of tuples</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{all_wide}" height="{all_high}"/>',
        '<text x="12" y="20">A first check in a process, SQLite: microseconds over tuples</text>',
        '<text class="small" x="12" y="36">line: median; dots: p99</text>',
    ]
    for tick in _TICKS:
        y = _y(tick)
        parts.append(
            f'<line class="line" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="small" x="12" y="{y + 4:.1f}">{tick:,}</text>'
        )
    for size in sizes:
        x = _x(size.tuples, fewest, most)
        parts.append(
            f'<text class="small" x="{x - 20:.1f}" y="{_TOP + _HEIGHT + 18}">{size.tuples:,}</text>'
        )
    for number, (relation, what) in enumerate(RELATIONS.items()):
        colour = _COLOURS[relation]
        places = [(_x(s.tuples, fewest, most), s.checks[relation]) for s in sizes]
        line = " ".join(f"{x:.1f},{_y(times.p50):.1f}" for x, times in places)
        parts.append(f'<polyline points="{line}" stroke="{colour}"/>')
        parts += [
            f'<circle cx="{x:.1f}" cy="{_y(times.p99):.1f}" r="3" fill="{colour}"/>'
            for x, times in places
        ]
        x = _LEFT + number * 190
        parts.append(
            f'<rect x="{x}" y="{_TOP + _HEIGHT + 30}" width="12" height="12" fill="{colour}"/>'
            f'<text x="{x + 18}" y="{_TOP + _HEIGHT + 41}">{relation}: {what}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _x(tuples: int, fewest: int, most: int) -> float:
    return _LEFT + math.log(tuples / fewest) / math.log(most / fewest) * _WIDTH


def _y(microseconds: float) -> float:
    low, high = _TICKS[0], _TICKS[-1]
    share = math.log(min(max(microseconds, low), high) / low) / math.log(high / low)
    return _TOP + _HEIGHT - share * _HEIGHT
