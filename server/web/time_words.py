"""Instants in words: absolute in UTC, and relative to a given now. Unix milliseconds in."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: 31 December 9999, the last day that a calendar date can be written for.
_LAST: Final = 253_402_300_799_000
# Not strftime("%b"): that follows the process's locale.
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
#: Smallest first; months and years have their mean length in seconds.
_STEPS: Final = (
    ("minute", 60),
    ("hour", 3600),
    ("day", 86_400),
    ("month", 2_629_746),
    ("year", 31_556_952),
)
_JUST_NOW_SECONDS: Final = 45


def _moment(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=min(max(at, 0), _LAST))


def iso(at: int) -> str:
    """Return the instant for machines: `2026-01-02T03:04:05Z`."""
    return _moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def absolute(at: int) -> str:
    """Return the instant for people: `2 Jan 2026, 03:04 UTC`, which breaks at the comma only."""
    moment = _moment(at)
    words = f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year},\n{moment:%H:%M} UTC"
    return words.replace(" ", "\u00a0").replace("\n", " ")


def relative(at: int, now: int) -> str:
    """Return how far away it is: `just now`, `3 hours ago`, `in 2 days`."""
    seconds = abs(now - at) / 1000
    if seconds < _JUST_NOW_SECONDS:
        return "just now" if at <= now else "in a moment"
    unit, count = "minute", max(1, round(seconds / 60))
    for name, length in _STEPS:
        if seconds >= length:
            unit, count = name, int(seconds // length)
    amount = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{amount} ago" if at <= now else f"in {amount}"
