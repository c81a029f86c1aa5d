"""Settings of `mandate authz serve` (`MANDATE_AUTHZ_…`), apart from those of the server."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from authz.api.gate import is_loopback
from server.settings import ENV_FILE

Auth = Literal["none", "preshared", "oidc"]


class AuthzSettings(BaseSettings):
    """What an operator decides about the relationship engine; the environment wins over a file."""

    model_config = SettingsConfigDict(
        env_prefix="MANDATE_AUTHZ_",
        env_file=ENV_FILE,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    database_url: str = Field(
        default="sqlite:///authz.db",
        description="sqlite:///path or postgresql://user:password@host/database.",
    )
    database_url_file: Path | None = Field(
        default=None, description="A file that holds the database URL, for one with a password."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8081, ge=0, le=65535, description="The port to listen on.")
    auth: Auth = Field(default="preshared", description="none (loopback only), preshared or oidc.")
    keys: SecretStr | None = Field(default=None, description="Preshared keys, separated by commas.")
    keys_file: Path | None = Field(
        default=None, description="A file of preshared keys, one a line."
    )
    issuer: str = Field(default="", description="Whose tokens count, with MANDATE_AUTHZ_AUTH=oidc.")
    audience: str = Field(default="", description="The audience that a token must have.")
    require_scopes: bool = Field(
        default=True,
        description="A token needs the scope of what it is used for; else its audience is enough.",
    )
    jwks_url: str = Field(
        default="", description="Where the issuer's keys are, if it has no discovery document."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.auth == "none" and not is_loopback(self.host):
            message = "MANDATE_AUTHZ_AUTH is none, which is for a loopback address alone"
            raise ValueError(message)
        if self.auth == "preshared" and (self.keys is None) == (self.keys_file is None):
            message = "set MANDATE_AUTHZ_KEYS_FILE or MANDATE_AUTHZ_KEYS, or another way to sign in"
            raise ValueError(message)
        if self.auth == "oidc" and not (self.issuer and self.audience):
            message = "MANDATE_AUTHZ_AUTH is oidc: set MANDATE_AUTHZ_ISSUER and _AUDIENCE"
            raise ValueError(message)
        return self

    @property
    def database(self) -> str:
        """Return the database URL, from its file if one is named."""
        if self.database_url_file is not None:
            return self.database_url_file.read_text().strip()
        return self.database_url

    def preshared_keys(self) -> list[str]:
        """Return the keys; raises `OSError`."""
        if self.keys_file is not None:
            given = self.keys_file.read_text().splitlines()
        else:
            given = (self.keys.get_secret_value() if self.keys else "").split(",")
        return [key.strip() for key in given if key.strip()]
