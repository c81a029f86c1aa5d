"""Where a remote OpenFGA server is and how to sign in to it: the operator's settings as a value."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """How to get a token (RFC 6749 §4.4); `issuer` is an address, or that of its endpoint."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    audience: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePlace:
    """One store of one server. `model` pins a model; without it `push` finds or writes one."""

    url: str
    store: str
    model: str = ""
    token: str = field(default="", repr=False)
    client: ClientCredentials | None = None
    timeout_ms: int = 1000
    """For one decision, all its requests and a new token together."""
    ca_file: Path | None = None
