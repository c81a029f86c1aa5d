"""The scopes of Mandate's own MCP server, in the words that a person reads at consent."""

from dataclasses import dataclass
from typing import Final

SELF: Final = "mandate:self"
ASK: Final = "mandate:ask"
EXCHANGE: Final = "mandate:exchange"
DELEGATE: Final = "mandate:delegate"
DELEGATIONS: Final = "mandate:delegations"
WITHDRAW: Final = "mandate:withdraw"
AUDIT: Final = "mandate:audit"
ADMIN: Final = "mandate:admin"


@dataclass(frozen=True, slots=True)
class OwnScope:
    """One scope. `person`: it is good in a person's own token alone (EXCHANGE X10)."""

    name: str
    words: str
    person: bool = False
    agent_own: bool = False
    """An agent may hold it as itself (EXCHANGE X8)."""
    default: bool = False
    destructive: bool = False
    """Never ticked beforehand at consent."""


SCOPES: Final = (
    OwnScope(SELF, "See what you allow it, and give back what it no longer needs",
             agent_own=True, default=True),
    OwnScope(ASK, "Ask you for more, on a page of your account"),
    OwnScope(EXCHANGE, "Read out its own access tokens for the services that you allow it",
             destructive=True),
    OwnScope(DELEGATE, "Hand work on to the agents that you name", destructive=True),
    OwnScope(DELEGATIONS, "See what you allow your agents, and what they did", person=True),
    OwnScope(WITHDRAW, "Narrow and revoke what you allow your agents", person=True,
             destructive=True),
    OwnScope(AUDIT, "See everyone's delegations and the whole audit trail (administrators)",
             person=True, destructive=True),
    OwnScope(ADMIN, "Revoke anyone's delegations (administrators)", person=True,
             destructive=True),
)  # fmt: skip
