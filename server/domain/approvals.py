"""An approval: a person's fresh yes to one exact call, or to more authority (DESIGN, vocabulary).

An approval of a call never adds authority: the call is decided as without it, and the yes is one
more condition (X11). An approval of more authority is how a delegation grows: by a new one (X9).
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from server.domain.delegation import Detail


class ApprovalKind(StrEnum):
    """What a yes does."""

    CALL = "call"
    """Lets one exact call through, once."""
    ESCALATION = "escalation"
    """Makes a new delegation that holds what was asked for."""


class ApprovalStatus(StrEnum):
    """How it stands; also what the database keeps, but for `EXPIRED`, which is told by the time."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person is asked, and for whom. Everything but the words and times is bound.

    For a call `details` is one: the resource, the scopes that the call needs and its objects.
    """

    kind: ApprovalKind
    user_id: str
    agents: tuple[str, ...]
    """The actor chain, the asking agent first."""
    client_id: str
    grant_id: str
    """The delegation under which the agent asks."""
    details: tuple[Detail, ...]
    relation: str | None = None
    tool: str = ""
    arguments_hash: str = ""
    """base64url of SHA-256 over the canonical JSON of tool and arguments; made by the asker."""
    summary: str = ""
    """What the asker says of it: shown as its words, and not bound."""
    lasts: int
    """Seconds that the question waits, and then that a yes is good for."""
    max_age: int | None = None
    """A yes needs a sign-in that is no older than so many seconds; none: any session does."""

    @property
    def agent_id(self) -> str:
        """Return the agent that asks."""
        return self.agents[0]

    @property
    def binding(self) -> str:
        """Return the hash (hex) that two questions share only if they ask exactly the same.

        JSON of a fixed list: no two different questions write the same text.
        """
        bound = [
            self.kind.value,
            self.user_id,
            list(self.agents),
            self.client_id,
            self.grant_id,
            [[d.resource, sorted(d.scopes), sorted(d.objects)] for d in self.details],
            self.relation,
            self.tool,
            self.arguments_hash,
        ]
        return hashlib.sha256(json.dumps(bound, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A question that was put to a person, and what became of it. Times are Unix ms."""

    id: str
    asked: Asked
    stored: ApprovalStatus
    """What the row says; `status` also knows the time."""
    created_at: int
    expires_at: int
    """Until when it can be answered; of a yes: until when it is good."""
    answered_at: int | None = None
    used_at: int | None = None
    new_grant_id: str | None = None
    """The delegation that a yes to more authority has made."""

    def status(self, now: int) -> ApprovalStatus:
        """Tell how it stands. A no stands as long as the question could have waited."""
        over = now >= self.expires_at
        open_ = self.stored in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)
        return ApprovalStatus.EXPIRED if open_ and over else self.stored

    def shown(self, now: int) -> ApprovalStatus:
        """Tell how it stands for people and agents: what a yes has made outlasts the yes."""
        return ApprovalStatus.APPROVED if self.new_grant_id is not None else self.status(now)

    def seconds_left(self, now: int) -> int:
        """Return for how many seconds the status holds as it is, at least 0."""
        return max(0, (self.expires_at - now) // 1000)


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many questions there are, to keep an agent from flooding a person."""

    pending: int
    """Of this agent to this person, waiting now."""
    pending_in_all: int
    """Of every agent to this person, waiting now."""
    denied: int
    """Of this agent to this person, denied lately."""
    unwanted: int
    """Of this agent to this person, asked lately and not allowed."""
