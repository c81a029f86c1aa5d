"""Approvals: the list of a person, the page of one question, and the administrator's list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from server.web.views.delegation import HeldObject, HeldScope
from server.web.views.frame import ONE_PAGE, AgentBadge, Frame, Paging

ApprovalState = Literal["pending", "approved", "denied", "used", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """One question in a list. `person`: its e-mail (admin lists only, else ""). `url`: its page.

    `asks`: what for, in a few words. `expires_at`: until when it can be answered, or a yes used.
    """

    url: str | None
    agent: AgentBadge
    asks: str
    services: tuple[str, ...]
    state: ApprovalState
    asked_at: int
    expires_at: int
    person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsPage:
    """`approvals`: what waits for the signed-in person, and what they were asked lately."""

    frame: Frame
    waiting: tuple[ApprovalRow, ...]
    earlier: tuple[ApprovalRow, ...] = ()


#: The names that the page of a question posts more than once.
REPEATABLE: Final = ("scope", "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPart:
    """What is asked for at one service: its actions, and on which things.

    Where an agent asks for more, each is a switch that posts `scope` or `object` = `number:value`;
    those of `scopes_on` and `objects_on` are on.
    `included`: by scope, what else the person gives with it, in sentences.
    """

    service: str
    host: str
    scopes: tuple[HeldScope, ...]
    objects: tuple[HeldObject, ...]
    objects_matter: bool
    number: int = 0
    scopes_on: frozenset[str] = frozenset()
    objects_on: frozenset[str] = frozenset()
    included: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPage:
    """`approval`: posts `csrf` and `decision` (`yes`, `no`) to `action`, None if it is over.

    Where more is asked for, also what is switched on (`REPEATABLE`): the rest is not given.

    `helpers`: names of the agents above the one that asks, the nearest first. `tool`: "" where
    more authority is asked for; `tool_title`: the registry's words for it, "" if it has none.
    `summary`: what the asker says, not checked by us. `is_ended`: what it rests on has ended, so
    that a yes would do nothing. `sign_in_again`: a yes leads to sign-in first; where more is asked
    for, what destroys can be switched on only after it, by `sign_in_url`. Instants are Unix
    ms, `good_for` is in minutes.
    """

    frame: Frame
    more: bool
    agent: AgentBadge
    client_name: str
    helpers: tuple[str, ...]
    tool: str
    tool_title: str
    parts: tuple[AskedPart, ...]
    summary: str
    state: ApprovalState
    asked_at: int
    expires_at: int
    answered_at: int | None
    good_for: int
    is_ended: bool
    sign_in_again: bool
    sign_in_url: str
    action: str | None
    grant_url: str
    new_grant_url: str | None
    back_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminApprovalsPage:
    """`admin/approvals`: everybody's questions, newest first; no words of the askers."""

    frame: Frame
    action: str
    rows: tuple[ApprovalRow, ...]
    pending_only: bool = False
    paging: Paging = ONE_PAGE
