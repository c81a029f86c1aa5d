"""What the checks of an authorization request read, and the request that they build up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.domain.delegation import Detail
from server.domain.policy import Policy
from server.domain.registry import Agent, Client, Resource
from server.protocol.parameters import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The registry as the checks see it: every resource by URI, and the agents that are named."""

    policy: Policy
    resources: Mapping[str, Resource]
    agents: Mapping[str, Agent]


@dataclass(slots=True, kw_only=True)
class Draft:
    """A request under examination. Each check fills in what it has found to be good.

    Nothing here may be relied upon before every check has passed.
    """

    sent: Parameters
    known: Known
    client: Client | None = None
    pushed: bool = False
    """The parameters were pushed (RFC 9126), so the client was authenticated."""
    redirect_uri: str = ""
    redirect_uri_sent: bool = False
    response_mode: str = "query"
    code_challenge: str = ""
    dpop_jkt: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    resources: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    hand_overs: tuple[str, ...] = ()
    max_depth: int = 0
    agent: Agent | None = None
    """Whom the consent will be for, if it is already known."""
    texts: dict[str, str] = field(default_factory=dict)
    """`state`, `nonce`, `login_hint`: free texts that were found to be of bounded length."""
