"""Which engine answers questions to the graph, and where it is (`MANDATE_OPENFGA_…`)."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

if TYPE_CHECKING:
    from authz.openfga.place import RemotePlace

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class EngineSettings(BaseSettings):
    """The part of the settings that is about the relationship engine."""

    authz_engine: Literal["embedded", "openfga"] = Field(
        default="embedded", description="Who answers checks: this server, or an OpenFGA server."
    )
    openfga_url: str = Field(default="", description="The address of the OpenFGA server.")
    openfga_store_id: str = Field(default="", description="The store there, made before.")
    openfga_model_id: str = Field(
        default="", description="The model to ask; else `mandate authz push` finds or writes it."
    )
    openfga_api_token: SecretStr | None = Field(
        default=None, description="A preshared key of the OpenFGA server."
    )
    openfga_api_token_file: Path | None = Field(
        default=None, description="A file that holds the preshared key."
    )
    openfga_token_issuer: str = Field(
        default="",
        description="Whose tokens it takes: an issuer, or its token endpoint.",
    )
    openfga_client_id: str = Field(default="", description="The client that gets these tokens.")
    openfga_client_secret_file: Path | None = Field(
        default=None, description="A file that holds the secret of that client."
    )
    openfga_audience: str = Field(default="", description="The audience of these tokens.")
    openfga_scope: str = Field(default="", description="The scope of these tokens.")
    openfga_ca_file: Path | None = Field(
        default=None, description="A private CA of the OpenFGA server and that issuer (PEM)."
    )
    openfga_timeout_ms: int = Field(
        default=1000, ge=50, le=10_000, description="Milliseconds for one decision, all in all."
    )

    @model_validator(mode="after")
    def _engine_is_whole(self) -> Self:
        if self.authz_engine == "openfga":
            self.check_openfga()
        return self

    def check_openfga(self) -> None:
        """Raise `ValueError` unless the settings name one store and at most one way to sign in."""
        if not self.openfga_url or not self.openfga_store_id:
            message = "an OpenFGA server needs MANDATE_OPENFGA_URL and MANDATE_OPENFGA_STORE_ID"
            raise ValueError(message)
        for name, url in (
            ("MANDATE_OPENFGA_URL", self.openfga_url),
            ("MANDATE_OPENFGA_TOKEN_ISSUER", self.openfga_token_issuer),
        ):
            # Who reads or changes what is said there decides for everybody.
            if url and not _is_safe(url):
                message = f"{name} is https (http only for a loopback address), without a user"
                raise ValueError(message)
        if self.openfga_api_token is not None and self.openfga_api_token_file is not None:
            message = "set MANDATE_OPENFGA_API_TOKEN or MANDATE_OPENFGA_API_TOKEN_FILE, not both"
            raise ValueError(message)
        token = self.openfga_api_token is not None or self.openfga_api_token_file is not None
        client = (self.openfga_token_issuer, self.openfga_client_id)
        if any(client) != all((*client, self.openfga_client_secret_file is not None)):
            message = (
                "client credentials are MANDATE_OPENFGA_TOKEN_ISSUER, MANDATE_OPENFGA_CLIENT_ID"
                " and MANDATE_OPENFGA_CLIENT_SECRET_FILE, all three"
            )
            raise ValueError(message)
        if token and any(client):
            message = "an OpenFGA server gets MANDATE_OPENFGA_API_TOKEN or a client, not both"
            raise ValueError(message)

    def openfga(self) -> "RemotePlace":
        """Return where the OpenFGA server is; raises `ValueError` and `OSError`."""
        from authz.openfga.place import ClientCredentials, RemotePlace  # noqa: PLC0415 - if used

        self.check_openfga()
        client = None
        if self.openfga_client_secret_file is not None and self.openfga_client_id:
            client = ClientCredentials(
                issuer=self.openfga_token_issuer,
                client_id=self.openfga_client_id,
                secret=self.openfga_client_secret_file.read_text().strip(),
                audience=self.openfga_audience,
                scope=self.openfga_scope,
            )
        token = ""
        if self.openfga_api_token_file is not None:
            token = self.openfga_api_token_file.read_text().strip()
        elif self.openfga_api_token is not None:
            token = self.openfga_api_token.get_secret_value()
        return RemotePlace(
            url=self.openfga_url.rstrip("/"),
            store=self.openfga_store_id,
            model=self.openfga_model_id,
            token=token,
            client=client,
            timeout_ms=self.openfga_timeout_ms,
            ca_file=self.openfga_ca_file,
        )


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    if parts.username or parts.query or parts.fragment or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
