"""The page "Applications": plain clients that know something of the person."""

from dataclasses import dataclass

from server.web.views.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAddress:
    """Where an application gets its answers: a host, or a program on the person's computer."""

    host: str
    is_local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRow:
    """One application. `may`: sentences. `since`: the first consent that still counts (Unix ms)."""

    client_id: str
    name: str
    addresses: tuple[ReturnAddress, ...]
    may: tuple[str, ...]
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationsPage:
    """`applications`: each button posts `csrf` and `client_id` to `remove_action`."""

    frame: Frame
    remove_action: str
    rows: tuple[ApplicationRow, ...]
