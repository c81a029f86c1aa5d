"""The seam of a grant type: it authorizes, `issue` alone mints (DESIGN 3.2)."""

from dataclasses import dataclass, field
from typing import Protocol

from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.registry import Agent, Client, GrantType
from server.protocol.assertions import TrustedKeys
from server.protocol.minting import Authorization
from server.protocol.parameters import Parameters
from server.protocol.presented import TokenReader
from server.protocol.workload import WorkloadProof


@dataclass(slots=True)
class Concerns:
    """Whom a request is about, as far as a token or code of ours has proven it by now.

    So that a person finds in the trail what was tried in their name and refused.
    """

    user_id: str | None = None
    grant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token request of an authenticated client. `acting` is its agent, if it has one (X2)."""

    form: Parameters
    client: Client
    acting: Agent | None
    now: int
    request_id: str | None = None
    concerns: Concerns = field(default_factory=Concerns)
    workload: WorkloadProof | None = None
    """What a caller without credentials is known by; none for a client that authenticated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantContext:
    """What a grant stands on: the core, our own tokens and HMAC key, trusted issuers' keys."""

    core: Core
    reader: TokenReader
    secret_key: bytes
    issuer_keys: TrustedKeys


class Grant(Protocol):
    """One grant type. Checks everything, then says what may be minted and what is consumed."""

    grant_type: GrantType

    async def authorize(
        self, context: GrantContext, request: TokenRequest
    ) -> Authorization | Refused:
        """Return what may be issued, or the refusal; writes nothing."""
        ...
