"""What the tools answer: the models that the published output schemas are made from."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(description="RFC 3339, UTC.")]
Action = Literal["retry", "consent", "stop"]


class Answer(BaseModel):
    """Frozen, and nothing but its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentName(Answer):
    """An agent and what people call it."""

    id: str
    name: str


class Authority(Answer):
    """These scopes at this resource, on these objects and what is inside them."""

    resource: Annotated[str, Field(description="URI to ask a token for.")]
    name: str
    scopes: list[str]
    objects: Annotated[
        list[str],
        Field(description="Objects (`folder:1`); empty: calls that name an object are refused."),
    ]


class Delegation(Answer):
    """What one person allows one agent."""

    grant_id: str
    user_id: str
    agent: AgentName
    parent_grant_id: Annotated[
        str | None, Field(description="The delegation that this one was handed on from.")
    ]
    state: Literal["live", "paused", "expired", "revoked"]
    purpose: str
    authority: list[Authority]
    may_hand_on_to: list[AgentName]
    created_at: Time
    expires_at: Time


class Delegations(Answer):
    """A page of delegations, newest first."""

    delegations: list[Delegation]
    next_cursor: Annotated[
        str | None, Field(description="Pass as `cursor` for the next page; null on the last.")
    ] = None


class Whoami(Answer):
    """Who the caller is, for whom, by which right and until when."""

    kind: Literal["agent_for_user", "agent"]
    agent: AgentName
    user_id: Annotated[str | None, Field(description="The person acted for; null for none.")]
    chain: Annotated[
        list[AgentName], Field(description="Every agent that acts, the current one first.")
    ]
    client_id: str
    scopes: Annotated[list[str], Field(description="Scopes of this token, for this server alone.")]
    token_expires_at: Time
    delegation: Delegation | None
    next_steps: list[str]


class Permission(Answer):
    """Whether a call would be allowed now, and what to do if not."""

    allowed: bool
    reason: Annotated[
        str | None, Field(description="Why not; an unknown and a forbidden object read alike.")
    ]
    action: Action | None
    message: str
    evaluation_id: Annotated[str, Field(description="For `explain_denial`.")]


class Explanation(Answer):
    """Why a call was refused, and what helps."""

    evaluation_id: str | None
    refused: bool
    reason: str | None
    action: Action | None
    message: str
    resource: str | None
    scopes: list[str]
    at: Time | None


class Token(Answer):
    """An access token for one resource. It is a secret: do not print, log or repeat it."""

    access_token: str
    token_type: str
    expires_in: Annotated[int, Field(description="Seconds.")]
    resource: str
    scopes: list[str]
    grant_id: str


class Ticket(Answer):
    """A handover ticket: only the named agent can use it, at the token endpoint."""

    ticket: Annotated[str, Field(description="The other agent's subject_token (RFC 8693).")]
    expires_in: Annotated[int, Field(description="Seconds.")]
    agent_id: str
    grant_id: Annotated[str, Field(description="The new delegation below yours.")]
    authority: list[Authority]


class Released(Answer):
    """What was given back."""

    grant_id: str
    closed: Annotated[int, Field(description="Delegations that ended, those below included.")]
    remains: Annotated[Delegation | None, Field(description="What is left; null if it ended.")]


class AccessRequest(Answer):
    """How a request for more authority stands."""

    status: Literal["pending", "approved", "denied", "expired"]
    approval_id: Annotated[str, Field(description="For `access_request_status`.")]
    interval: Annotated[
        int | None, Field(description="Seconds between two looks; null once it is answered.")
    ]
    expires_in: Annotated[int | None, Field(description="Seconds that the user has left.")]
    approve_url: Annotated[
        str | None, Field(description="The page for the user: give it to them as it is.")
    ]
    grant_id: Annotated[
        str | None, Field(description="Once approved: the new delegation, for `exchange_token`.")
    ]
    authority: Annotated[
        list[Authority] | None,
        Field(description="Once approved: what the user allowed, perhaps less than you asked for."),
    ]
    next_step: str


class Approval(Answer):
    """A question that waits for the person: an agent's, about one call or about more."""

    approval_id: str
    kind: Literal["call", "escalation"]
    agent: AgentName
    summary: Annotated[str, Field(description="In the words of the one who asks; not checked.")]
    authority: list[Authority]
    approve_url: Annotated[str, Field(description="The page where the person answers.")]
    expires_at: Time


class Approvals(Answer):
    """What waits for the person's answer."""

    approvals: list[Approval]


class Denied(Answer):
    """What became of a no."""

    approval_id: str
    outcome: Annotated[
        Literal["denied", "answered_before", "expired"],
        Field(description="The first answer counts."),
    ]


class Event(Answer):
    """One event of the audit trail."""

    id: str
    at: Time
    what: Annotated[str, Field(description="Of the closed list, such as `decision:evaluated`.")]
    outcome: Literal["done", "refused"]
    reason: str | None
    user_id: str | None
    agents: Annotated[list[str], Field(description="The actor chain, current agent first.")]
    client_id: str | None
    grant_id: str | None
    resource: str | None
    object: str | None
    detail: dict[str, str]


class Events(Answer):
    """A page of the audit trail, newest first."""

    events: list[Event]
    next_cursor: Annotated[
        str | None, Field(description="Pass as `cursor` for the next page; null on the last.")
    ] = None
