"""The ratios as an SVG, written by hand: a bar for the median, a whisker for the spread."""

import math
from html import escape

from benchmarks.measured import Ratio, Row

_LEFT, _WIDTH, _ROW = 300, 460, 46
_ALL = _LEFT + _WIDTH + 130
_LOW, _HIGH = 0.25, 4.0
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1b1b1f }
  .small { font-size: 11px; fill: #5b5b66 }
  .rps { fill: #2a6fdb } .p99 { fill: #b45f06 }
  .line { stroke: #9a9aa5; stroke-width: 1 } .one { stroke: #1b1b1f; stroke-width: 1.5 }
  .whisker { stroke: #1b1b1f; stroke-width: 1 }
  rect.back { fill: #ffffff }
"""


def plot(
    rows: list[Row],
    *,
    title: str = "Mandate compared with oidc-provider",
    head: str = "Mandate / oidc-provider, one core each, median and spread",
) -> str:
    """Draw requests/s (more is better) and p99 (less is better) of ours over theirs."""
    shown = [row for row in rows if row.theirs and not row.bad]
    height = 70 + _ROW * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_ALL} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{_ALL}" height="{height}"/>',
        f'<text x="12" y="20">{escape(head)}</text>',
        '<text class="small" x="12" y="38">blue: requests/s, right is better</text>',
        '<text class="small" x="212" y="38">orange: p99, left is better</text>',
    ]
    for tick in (0.25, 0.5, 1.0, 2.0, 4.0):
        x = _x(tick)
        kind = "one" if tick == 1.0 else "line"
        parts.append(
            f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="48" y2="{height - 18}"/>'
            f'<text class="small" x="{x - 8:.1f}" y="{height - 4}">{tick:g}x</text>'
        )
    for number, row in enumerate(shown):
        top = 54 + number * _ROW
        parts.append(f'<text x="12" y="{top + 20}">{escape(row.name)}</text>')
        for offset, figure, kind in ((2, "rps", "rps"), (20, "p99_ms", "p99")):
            ratio = row.ratio(figure)
            if ratio is not None:
                parts.append(_bar(top + offset, ratio, kind))
    return "\n".join([*parts, "</svg>", ""])


def _bar(y: float, ratio: Ratio, kind: str) -> str:
    one, x, low, high = (_x(v) for v in (1.0, ratio.value, ratio.low, ratio.high))
    left, width = min(one, x), abs(x - one)
    middle = y + 7
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{y}" width="{width:.1f}" height="14"/>'
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text class="small" x="{_LEFT + _WIDTH + 12}" y="{y + 11}">{escape(str(ratio))}</text>'
    )


def _x(ratio: float) -> float:
    """Place a ratio on a logarithmic axis, so that twice and half are equally far from one."""
    share = math.log(min(max(ratio, _LOW), _HIGH) / _LOW) / math.log(_HIGH / _LOW)
    return _LEFT + share * _WIDTH
