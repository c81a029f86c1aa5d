"""Who may call: a gate looks at the head of a request before its body is read."""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from authz.tx import Database

MIN_KEY: Final = 16
"""Characters of a preshared key; a generated one has more."""


class Permission(Enum):
    """What a call does: ask, change tuples, or change stores, models and assertions."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Shut(NamedTuple):
    """Why a caller is not let in, in OpenFGA's words."""

    status: int
    code: str
    message: str
    challenges: tuple[str, ...] = ("Bearer",)
    """What WWW-Authenticate says with a 401."""


MISSING: Final = Shut(401, "bearer_token_missing", "missing bearer token")
UNKNOWN: Final = Shut(401, "unauthenticated", "unauthenticated")
FORBIDDEN: Final = Shut(403, "forbidden", "the token does not allow this call")
FOREIGN: Final = Shut(403, "forbidden", "only programs of this machine may call")


class Admitted(NamedTuple):
    """A caller who is let in, and works on a database that knows whose changes it takes."""

    database: Database


class Gate(Protocol):
    """Lets callers in; whatever is not let in is refused."""

    async def admit(self, request: Request, wanted: Permission) -> Shut | Admitted | None:
        """Return why the sender of a request may not do it, or what it works on.

        None lets it in to the database of the API.
        """
        ...


class OpenGate:
    """Lets every local process in, and no page of a browser: for a loopback address alone.

    A page anywhere may post to a port of the machine that shows it, and a name of its own may
    point there; the first sends an Origin, the second the wrong Host.
    """

    async def admit(self, request: Request, wanted: Permission) -> Shut | None:
        """Let in what a program on this machine sent."""
        headers = request.headers
        hosts = headers.getlist("host")
        local = len(hosts) == 1 and _names_loopback(hosts[0])
        return None if local and "origin" not in headers else FOREIGN


class PresharedKeys:
    """Lets in who sends one of some keys; several, so that one can take over from another."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Keep hashes of the keys. Raises ValueError without a key, or for a short one."""
        given = list(keys)
        if not given or any(len(key) < MIN_KEY for key in given):
            raise ValueError(f"a preshared key has at least {MIN_KEY} characters")
        self._hashes = [_hash(key) for key in given]

    async def admit(self, request: Request, wanted: Permission) -> Shut | None:
        """Compare with every key, in constant time."""
        token = bearer(request.headers)
        if token is None:
            return MISSING
        sent = _hash(token)
        # All of them, so that time does not tell which one was near.
        fits = [hmac.compare_digest(sent, known) for known in self._hashes]
        return None if any(fits) else UNKNOWN


def bearer(headers: Headers) -> str | None:
    """Return the one bearer token that was sent, or none."""
    authorization = headers.getlist("authorization")
    if len(authorization) != 1:
        return None
    scheme, _, token = authorization[0].partition(" ")
    token = token.strip(" ")
    return token if scheme.lower() == "bearer" and token else None


@lru_cache(maxsize=16)
def _names_loopback(authority: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{authority}").hostname or "")
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Tell whether a host names this machine and no other."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
