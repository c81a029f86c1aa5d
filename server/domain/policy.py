"""The settings that a use case may know: issuer, lifetimes and limits (seconds)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Decided at start, never changed while running."""

    issuer: str
    access_token_ttl: int = 300
    id_token_ttl: int = 300
    code_ttl: int = 60
    interaction_ttl: int = 900
    pushed_request_ttl: int = 60
    refresh_ttl: int = 30 * 86400
    refresh_overlap: int = 10
    session_ttl: int = 12 * 3600
    delegation_max_ttl: int = 90 * 86400
    max_depth: int = 4
    self_registration: bool = True
    """People may sign up by themselves."""
    user_agents: bool = False
    """People who are no admin may register agents of their own."""
    waiting_per_source: int = 100
    waiting_per_client: int = 5_000
    waiting_overall: int = 20_000
    """How many authorizations may wait at a time; and so many pushed requests of public clients."""

    dpop_nonce: bool = False
    """DPoP proofs need a nonce of ours (RFC 9449 §8)."""
    client_documents: Literal["off", "deny", "ask", "allow"] = "ask"
    """Whether a client may be the URL of its metadata document, where no rule names its host."""
    client_registration: Literal["off", "token", "open"] = "off"
    """Who may register a client dynamically (RFC 7591)."""
    registered_per_source: int = 20
    registered_overall: int = 1_000
    registered_idle_days: int = 90

    authz_api: bool = False
    """The OpenFGA API over the product's own store is served."""
    mcp: bool = False
    """Mandate's own MCP server is served."""

    @property
    def graph_resource(self) -> str:
        """Return the resource that tokens for the OpenFGA API name."""
        return f"{self.issuer}/authz"

    @property
    def mcp_resource(self) -> str:
        """Return the resource that tokens for Mandate's own MCP server name."""
        return f"{self.issuer}/mcp"

    @property
    def token_endpoint(self) -> str:
        """Return the URL of the token endpoint."""
        return f"{self.issuer}/token"
