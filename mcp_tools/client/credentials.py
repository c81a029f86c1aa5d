"""How a confidential client proves itself at the token endpoint."""

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote_plus

from authz.clock import Clock, SystemClock
from authz.jose.algorithms import PrivateKey, allowed_algorithms, sign
from authz.jose.compact import encode_segment
from mcp_tools.nonce import Nonce, random_nonce

ASSERTION_TTL: Final = 60
"""Seconds that a client assertion is good for; it is used once, at once."""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Credentials(Protocol):
    """What identifies the agent's client."""

    @property
    def client_id(self) -> str:
        """The client's id."""
        ...

    def apply(self, issuer: str, form: dict[str, str], headers: dict[str, str]) -> None:
        """Add the proof to one token request."""
        ...


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """`client_secret_basic` (RFC 6749 §2.3.1)."""

    client_id: str
    secret: str = field(repr=False)

    def apply(self, issuer: str, form: dict[str, str], headers: dict[str, str]) -> None:
        """Add the Basic header; both parts are form-encoded first."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class PrivateKeyJwt:
    """`private_key_jwt` (RFC 7523 §2.2): a signed assertion for the issuer, new each time."""

    client_id: str
    key: PrivateKey = field(repr=False)
    kid: str
    clock: Clock = field(default_factory=SystemClock)
    nonce: Nonce = random_nonce

    def apply(self, issuer: str, form: dict[str, str], headers: dict[str, str]) -> None:
        """Add a fresh assertion."""
        alg = allowed_algorithms(self.key.public_key())[0]
        now = self.clock.now() // 1000
        header = {"alg": alg, "kid": self.kid, "typ": "JWT"}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            # The issuer, not the endpoint: an assertion is for one server (facts: aud = issuer).
            "aud": issuer,
            "iat": now,
            "exp": now + ASSERTION_TTL,
            "jti": self.nonce(),
        }
        form["client_id"] = self.client_id
        form["client_assertion_type"] = ASSERTION_TYPE
        form["client_assertion"] = compact(alg, self.key, header, claims)


def compact(alg: str, key: PrivateKey, header: object, claims: object) -> str:
    """Sign a compact JWS (RFC 7515 §7.1)."""
    parts = [encode_segment(json.dumps(part).encode()) for part in (header, claims)]
    message = b".".join(parts)
    return (message + b"." + encode_segment(sign(alg, key, message))).decode("ascii")
