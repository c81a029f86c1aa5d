"""RFC 9111, the part of a private cache with GET only: how long an answer may be used again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]{1,10}")
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,256}"')
DEFAULT_FRESH: Final = 300
"""Seconds for an answer that says nothing (RFC 9111 §4.2.2 leaves it to the cache)."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """What a response allows: seconds of reuse, whether to keep it, and how to ask again."""

    seconds: int
    store: bool
    etag: str | None


def freshness(headers: Mapping[str, str], *, longest: int) -> Freshness:
    """Read Cache-Control, Age, Vary and ETag (names in lower case); `longest` bounds the reuse."""
    control = _directives(headers.get("cache-control", ""))
    store = "no-store" not in control and headers.get("vary", "").strip() != "*"
    if "no-cache" in control:
        seconds = 0
    elif "max-age" in control:
        # §4.2.1: what we cannot read counts as stale. §4.2.3: time spent in caches on the way.
        seconds = _number(control["max-age"]) - _number(headers.get("age", "0"))
    else:
        # `Expires` compares two clocks of strangers; without max-age our own default serves.
        seconds = 0 if "expires" in headers else DEFAULT_FRESH
    etag = headers.get("etag", "").strip()
    return Freshness(
        seconds=max(0, min(seconds, longest)) if store else 0,
        store=store,
        etag=etag if store and _ETAG.fullmatch(etag) else None,
    )


def _directives(value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in value.split(","):
        name, _, argument = part.strip().partition("=")
        # A directive given twice: the first, as §4.2.1 allows.
        found.setdefault(name.strip().lower(), argument.strip().strip('"'))
    return found


def _number(text: str) -> int:
    return int(text) if _SECONDS.fullmatch(text.strip()) else 0
