"""RFC 9728: where a client reads which authorization server guards this resource."""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from authz.dpop import ALGORITHMS

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def require_safe_url(url: str, what: str) -> None:
    """Refuse a URL that is not https (or http on loopback) or has a query, fragment or user.

    Raises `ValueError`, which names the setting and not the URL's user part.
    """
    parts = urlsplit(url)
    plain_loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or plain_loopback):
        raise ValueError(f"{what} must be an https URL (http on loopback only)")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{what} must have no query, fragment or user")


@dataclass(frozen=True, slots=True)
class Resource:
    """This server as an OAuth resource: its RFC 8707 URI, its issuer, the scopes of its tools."""

    uri: str
    issuer: str
    name: str = ""

    def __post_init__(self) -> None:
        require_safe_url(self.uri, "resource")
        require_safe_url(self.issuer, "issuer")

    @property
    def path(self) -> str:
        """The path that MCP is served at."""
        return urlsplit(self.uri).path or "/"

    @property
    def authority(self) -> str:
        """Host and port, as in a Host header."""
        return urlsplit(self.uri).netloc

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def metadata_path(self) -> str:
        """RFC 9728 §3.1: the well-known part goes between the host and the resource's path."""
        return WELL_KNOWN + (self.path if self.path != "/" else "")

    @property
    def metadata_url(self) -> str:
        """What `resource_metadata` names in a challenge (RFC 9728 §5.1)."""
        return self.origin + self.metadata_path

    def metadata(self, scopes: tuple[str, ...], *, require_dpop: bool = False) -> bytes:
        """Write the document (RFC 9728 §2)."""
        document: dict[str, object] = {
            "resource": self.uri,
            "authorization_servers": [self.issuer],
            "scopes_supported": list(scopes),
            # RFC 6750 §2: the header alone; a token in a URL ends in logs.
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": list(ALGORITHMS),
        }
        if require_dpop:
            document["dpop_bound_access_tokens_required"] = True
        if self.name:
            document["resource_name"] = self.name
        return json.dumps(document, separators=(",", ":")).encode()
