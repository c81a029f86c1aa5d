"""HTTP as it went over the wire: kept for `--verbose`, as curl lines with their answers."""

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import httpx2
from rich.console import Console

_SHOWN_HEADERS = ("authorization", "content-type", "accept", "origin", "cookie")
_FIELDS = "password|csrf|code|code_verifier|refresh_token|link"
_SECRETS = (
    # A JWT; a Basic or Bearer header; a cookie; a form field; a pushed request; a JSON member.
    re.compile(r"(eyJ[\w-]{5})[\w-]+\.[\w-]+\.[\w-]*"),
    re.compile(r"((?:Basic|Bearer) [\w+/]{4})[\w+/=.-]+", re.IGNORECASE),
    re.compile(r"(mandate_\w+=[\w-]{4})[\w.~=-]+"),
    re.compile(rf"(\b(?:{_FIELDS})=[^&'\s]{{0,4}})[^&'\n]*?(?='|&|\s-|$)"),
    re.compile(r"(request_uri(?::|%3A)[\w-]{4})[\w-]+"),
    re.compile(r"(\"(?:refresh_token|client_secret)\": \"[\w-]{4})[\w-]+"),
)


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

    def typed(self, command: str) -> None:
        """Remember a command of the operator."""
        if self.verbose:
            self._exchanges.append((command, ""))

    def tell(self, console: Console) -> None:
        """Print what was sent since the last time."""
        for sent, answered in self._exchanges:
            lines = [(f"$ {sent}", "cyan")]
            lines += [(f"← {answered}", "magenta")] if answered else []
            for text, style in lines:
                # Not wrapped: a line can be copied as it is.
                console.print(
                    f"       {text}", style=style, highlight=False, markup=False, soft_wrap=True
                )
        self._exchanges.clear()

    def _hide(self, text: str) -> str:
        if self.secrets:
            return text
        for secret in _SECRETS:
            text = secret.sub(r"\1…", text)
        return text


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
