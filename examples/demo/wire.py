"""HTTP as it went over the wire: kept for `--verbose`, as curl lines with their answers."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import httpx2
from rich.console import Console
from rich.padding import Padding

_SHOWN_HEADERS = ("authorization", "content-type", "accept", "origin")
_LONG = re.compile(r"[A-Za-z0-9_.~+/=-]{32,}")
_PASSWORD = re.compile(r"(password=)[^&]+")
_MOST = 1200


@dataclass
class Wire:
    """Makes HTTP clients, and remembers what they sent if somebody wants to read it."""

    verbose: bool = False
    secrets: bool = False
    """Print tokens and secrets whole."""
    _exchanges: list[tuple[str, str]] = field(default_factory=list)

    def client(self, **settings: Any) -> httpx2.AsyncClient:
        """Open a client; the environment's proxy is not in between (loopback only)."""
        hooks = {"response": [self._answered]} if self.verbose else {}
        return httpx2.AsyncClient(
            trust_env=False, timeout=30, follow_redirects=False, event_hooks=hooks, **settings
        )

    async def _answered(self, response: httpx2.Response) -> None:
        await response.aread()
        self.saw(response.request, response, response.text)

    def saw(self, request: httpx2.Request, response: httpx2.Response, body: str = "") -> None:
        """Remember one exchange."""
        if not self.verbose:
            return
        where = response.headers.get("location")
        kind = response.headers.get("content-type", "")
        told = f"{response.status_code}"
        if where:
            told += f" → {where}"
        challenge = response.headers.get("www-authenticate")
        if challenge:
            told += f"\n    www-authenticate: {challenge}"
        if body and "html" not in kind and "css" not in kind:
            told += f" {_compact(body)}"
        elif body:
            told += f" (a page of {len(body)} characters)"
        self._exchanges.append((self._hide(_curl(request)), self._hide(told)))

    def tell(self, console: Console) -> None:
        """Print what was sent since the last time."""
        for sent, answered in self._exchanges:
            for text, style in ((f"$ {sent}", "cyan"), (f"← {answered}", "magenta")):
                shown = Padding(f"{text[:_MOST]}", (0, 0, 0, 7), style=style)
                console.print(shown, highlight=False, markup=False)
        self._exchanges.clear()

    def _hide(self, text: str) -> str:
        if self.secrets:
            return text
        text = _PASSWORD.sub(r"\1…", text)
        return _LONG.sub(lambda m: _shorten(m[0]), text)


def _shorten(text: str) -> str:
    # Addresses and identifiers are worth reading whole; what is secret is one long run.
    if "://" in text or text.startswith(("//", "/")) or "grant-type" in text:
        return text
    return f"{text[:8]}…"


def _curl(request: httpx2.Request) -> str:
    parts = ["curl", "-i", "-X", request.method, str(request.url)]
    for name in _SHOWN_HEADERS:
        value = request.headers.get(name)
        if value and value != "*/*":
            parts += ["-H", f"{name}: {value}"]
    try:
        body = request.content.decode()
    except (httpx2.RequestNotRead, UnicodeDecodeError):
        body = ""
    if "urlencoded" in request.headers.get("content-type", ""):
        for pair in body.split("&"):
            parts += ["--data-urlencode", unquote_plus(pair)]
    elif body:
        parts += ["-d", body]
    return shlex.join(parts)


def _compact(body: str) -> str:
    try:
        return json.dumps(json.loads(body))
    except ValueError:
        return body


Opener = Callable[..., httpx2.AsyncClient]
