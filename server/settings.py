"""Settings from the environment (`MANDATE_…`), read once; unsafe combinations do not start."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from server.domain.policy import Policy
from server.engine_settings import EngineSettings

ENV_FILE = "mandate.env"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Settings(EngineSettings):
    """Everything that an operator decides. Durations are in seconds.

    A file `mandate.env` in the working directory is read as well; the environment wins.
    """

    model_config = SettingsConfigDict(
        env_prefix="MANDATE_",
        env_file=ENV_FILE,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    issuer: str = Field(
        description="The public URL of this server, byte for byte, no slash at the end."
    )
    database_url: str = Field(
        default="sqlite:///mandate.db",
        description="sqlite:///path or postgresql://user:password@host/database.",
    )
    database_url_file: Path | None = Field(
        default=None, description="A file that holds the database URL, for one with a password."
    )
    kek: SecretStr | None = Field(
        default=None, description="The key-encryption key, 32 bytes in base64url."
    )
    kek_file: Path | None = Field(
        default=None, description="A file of mode 0600 that holds the key-encryption key."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on.")
    self_registration: bool = Field(default=True, description="People may sign up by themselves.")
    user_agents: bool = Field(
        default=False, description="People who are no admin may register agents of their own."
    )
    authz_api: bool = Field(
        default=False, description="Serve the OpenFGA API over the product's relationships."
    )
    mcp: bool = Field(default=True, description="Serve Mandate's own MCP server at <issuer>/mcp.")
    dpop_nonce: bool = Field(
        default=False, description="Ask for a nonce of this server in DPoP proofs (RFC 9449 §8)."
    )
    client_documents: Literal["off", "deny", "ask", "allow"] = Field(
        default="ask",
        description="Clients whose id is the URL of their metadata document, where no rule names"
        " the host: off, deny, ask (an administrator first) or allow.",
    )
    client_registration: Literal["off", "token", "open"] = Field(
        default="off",
        description="Dynamic registration: off, token (with an initial access token) or open.",
    )
    registered_per_source: int = Field(
        default=20, ge=1, description="Clients that one source address may register in a day."
    )
    registered_overall: int = Field(
        default=1_000, ge=1, description="Clients that may be registered dynamically altogether."
    )
    registered_idle_days: int = Field(
        default=90,
        ge=1,
        description="Days without use after which such a client is retired, if it holds nothing.",
    )
    waiting_per_source: int = Field(
        default=100, ge=1, description="Sign-ins that may wait of one source address."
    )
    waiting_per_client: int = Field(
        default=5_000, ge=1, description="Sign-ins that may wait of one client."
    )
    waiting_overall: int = Field(
        default=20_000, ge=1, description="Sign-ins that may wait altogether."
    )
    access_token_ttl: int = Field(
        default=300,
        ge=30,
        le=900,
        description="Lifetime of tokens without a resource of their own.",
    )
    refresh_ttl: int = Field(
        default=30 * 86400, ge=300, description="The absolute lifetime of a refresh family."
    )
    session_ttl: int = Field(
        default=12 * 3600, ge=300, le=24 * 3600, description="The absolute lifetime of a sign-in."
    )
    delegation_max_ttl: int = Field(
        default=90 * 86400, ge=300, description="The longest that a delegation can last."
    )
    max_depth: int = Field(default=4, ge=1, le=8, description="How many agents a chain may have.")
    seal_interval: int = Field(
        default=10, ge=1, le=3600, description="Seconds between two sealings of the audit trail."
    )
    outbound_ca_file: Path | None = Field(
        default=None,
        description="More authorities (PEM) for what is fetched of others: documents and keys of"
        " clients, keys of issuers.",
    )
    otlp_endpoint: str | None = Field(
        default=None, description="Where traces and metrics go (OTLP over HTTP); silent without."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @model_validator(mode="after")
    def _safe(self) -> Self:
        parts = urlsplit(self.issuer)
        host = parts.hostname or ""
        # DESIGN 3.16: http only while everything stays on this machine.
        if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
            message = "MANDATE_ISSUER must be https (http only for a loopback address)"
            raise ValueError(message)
        if parts.query or parts.fragment or parts.username or self.issuer.endswith("/"):
            message = "MANDATE_ISSUER has no slash at the end, no query, no fragment, no user"
            raise ValueError(message)
        if (self.kek is None) == (self.kek_file is None):
            message = "set MANDATE_KEK_FILE or MANDATE_KEK (run `mandate init` to make one)"
            raise ValueError(message)
        # Else a few addresses would lock everybody out of a client, or of the server.
        if not self.waiting_per_source * 10 <= self.waiting_per_client <= self.waiting_overall:
            message = (
                "MANDATE_WAITING_PER_CLIENT is at least ten times MANDATE_WAITING_PER_SOURCE,"
                " and MANDATE_WAITING_OVERALL at least MANDATE_WAITING_PER_CLIENT"
            )
            raise ValueError(message)
        return self

    @property
    def database(self) -> str:
        """Return the database URL, from its file if one is named."""
        if self.database_url_file is not None:
            return self.database_url_file.read_text().strip()
        return self.database_url

    @property
    def base_path(self) -> str:
        """Return the issuer's path (`/t/acme`), empty for a root issuer."""
        return urlsplit(self.issuer).path

    @property
    def loopback(self) -> bool:
        """Tell whether the issuer is this machine alone."""
        return urlsplit(self.issuer).hostname in _LOOPBACK

    def policy(self) -> Policy:
        """Return what a use case may know."""
        return Policy(
            issuer=self.issuer,
            access_token_ttl=self.access_token_ttl,
            refresh_ttl=self.refresh_ttl,
            session_ttl=self.session_ttl,
            delegation_max_ttl=self.delegation_max_ttl,
            max_depth=self.max_depth,
            self_registration=self.self_registration,
            user_agents=self.user_agents,
            authz_api=self.authz_api,
            mcp=self.mcp,
            dpop_nonce=self.dpop_nonce,
            client_documents=self.client_documents,
            client_registration=self.client_registration,
            registered_per_source=self.registered_per_source,
            registered_overall=self.registered_overall,
            registered_idle_days=self.registered_idle_days,
            waiting_per_source=self.waiting_per_source,
            waiting_per_client=self.waiting_per_client,
            waiting_overall=self.waiting_overall,
        )
