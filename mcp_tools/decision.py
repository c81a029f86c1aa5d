"""A decision is `Allowed` or `Denied`, never a bare bool."""

from dataclasses import dataclass
from typing import Final, Literal

from mcp_tools.approval import Pending

Action = Literal["retry", "consent", "stop"]
ACTIONS: Final = ("retry", "consent", "stop")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The call may go on. `evaluation_id` is Mandate's audit record, None offline."""

    evaluation_id: str | None


@dataclass(frozen=True, slots=True)
class Denied:
    """The call may not go on. `reason` is of the wire's closed list."""

    reason: str
    action: Action = "stop"
    evaluation_id: str | None = None
    pending: Pending | None = None
    """The question that waits for the person, of `approval_required`."""


Decision = Allowed | Denied

OBJECT_REASONS: Final = frozenset({"user_relation", "consent_object", "ceiling_object"})
"""Reasons that tell whether an object exists or who may see it; the agent is told none of them."""

SENTENCES: Final = {
    "token_invalid": "the access token is not good",
    "token_expired": "the access token has expired",
    "token_revoked": "the access token was revoked",
    "wrong_audience": "the access token is for another server",
    "wrong_kind": "this kind of token is not for calls",
    "insufficient_scope": "the access token lacks a scope that this tool needs",
    "user_disabled": "the user's account is disabled",
    "session_ended": "the user's session has ended",
    "client_disabled": "the client is disabled",
    "agent_suspended": "an agent of the chain is suspended",
    "agent_retired": "an agent of the chain is retired",
    "agent_not_before": "the agent's earlier tokens were withdrawn",
    "delegation_unknown": "no delegation covers this call",
    "delegation_revoked": "the user revoked the delegation",
    "delegation_expired": "the delegation has expired",
    "chain_mismatch": "the chain of agents is not the one that was granted",
    "ceiling_scope": "an agent of the chain may never use this scope",
    "ceiling_resource": "an agent of the chain may never use this server",
    "consent_scope": "the user did not consent to this scope",
    "principal_not_accepted": "this tool does not take this kind of caller",
    "approval_required": "the user must approve this very call first",
    "approval_denied": "the user did not approve this call",
    "too_many_approvals": "the user was asked too often and is left in peace for a while",
    "proof_required": "the access token is bound to a key that was not proven",
    "checker_unavailable": "the decision could not be made just now",
    "approval_needs_online": "this server checks tokens offline, and nobody can be asked there",
    "not_approvable": "these arguments cannot be put to the user for approval",
    "object_needs_online": "this server checks tokens offline, and a decision on an object"
    " needs Mandate",
}
"""What the agent is told. A reason that is not here is told as `denied`."""
