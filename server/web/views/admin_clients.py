"""The console's page about clients that come with a metadata document."""

from dataclasses import dataclass
from typing import Literal

from server.web.views.frame import Frame

TrustWord = Literal["allow", "ask", "deny"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingHost:
    """A host that somebody wants to use clients of. `person`: e-mail of who asked first, or ""."""

    host: str
    client_id: str
    person: str
    times: int
    last_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRule:
    """What was decided about a host, or about all below `*.` and a domain."""

    host: str
    trust: TrustWord
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminClientsPage:
    """`admin/clients`: who waits, the rules, and one more.

    Posts `csrf`, `host` and `trust` = `allow` | `ask` | `deny` | `remove`. `otherwise`: what
    happens where no rule fits, `off` if no such client may come at all. `host`: what was typed,
    with `problem`: why it was not accepted.
    """

    frame: Frame
    action: str
    otherwise: Literal["off", "allow", "ask", "deny"]
    waiting: tuple[WaitingHost, ...] = ()
    rules: tuple[HostRule, ...] = ()
    host: str = ""
    problem: str | None = None
