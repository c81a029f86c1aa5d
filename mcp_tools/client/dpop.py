"""DPoP for a client (RFC 9449): a key, proofs of it, and the nonces that servers ask for.

key = DPoPKey.generate()  # or DPoPKey.from_pem(stored), so that tokens outlive a restart
auth = TokenExchangeAuth(..., dpop=key)
"""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authz.clock import Clock, SystemClock
from authz.dpop import TYP, token_hash
from authz.jose import thumbprint, to_jwk
from authz.jose.algorithms import PrivateKey, allowed_algorithms
from mcp_tools.client.credentials import compact
from mcp_tools.nonce import Nonce, random_nonce

MAX_NONCE: Final = 1024
"""Characters of a server's nonce that are sent back to it."""
_ORIGINS: Final = 32
"""Servers whose nonce is remembered: a client talks to an issuer and a resource or two."""


@dataclass(frozen=True, slots=True)
class DPoPKey:
    """A private key that tokens are bound to. Whoever has it is who the tokens were made for."""

    private: PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> "DPoPKey":
        """Make a new key for ES256. Tokens that are bound to it end with it."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> "DPoPKey":
        """Read a key (PKCS #8); raises `ValueError`, also for a kind that proves nothing here."""
        try:
            read = serialization.load_pem_private_key(pem, password)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise ValueError("no private key that this password opens") from None
        private = cast("PrivateKey", read)
        allowed_algorithms(private.public_key())  # InvalidKey is a ValueError
        return cls(private)

    def to_pem(self, password: bytes) -> bytes:
        """Write the key (PKCS #8), encrypted: at rest nobody else may have it."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )

    @property
    def alg(self) -> str:
        """The algorithm of its proofs."""
        return allowed_algorithms(self.private.public_key())[0]

    @property
    def jkt(self) -> str:
        """The thumbprint (RFC 7638) by which tokens name the key: `dpop_jkt` at authorization."""
        return thumbprint(to_jwk(self.private.public_key()))


class Prover:
    """Makes the proof of each request, with the nonce that its server gave last."""

    def __init__(
        self, key: DPoPKey, *, clock: Clock | None = None, jti: Nonce = random_nonce
    ) -> None:
        self._key = key
        self._clock = clock or SystemClock()
        self._jti = jti
        self._nonces: dict[tuple[str, str, int | None], str] = {}

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """Make a proof for one request, to be sent once (RFC 9449 §4.2)."""
        where = httpx2.URL(url)
        claims: dict[str, Any] = {
            "jti": self._jti(),
            "htm": method,
            "htu": str(where.copy_with(query=None, fragment=None)),
            "iat": self._clock.now() // 1000,
        }
        if access_token is not None:
            claims["ath"] = token_hash(access_token)
        nonce = self._nonces.get(_origin(where))
        if nonce is not None:
            claims["nonce"] = nonce
        private = self._key.private
        header = {"typ": TYP, "alg": self._key.alg, "jwk": to_jwk(private.public_key())}
        return compact(self._key.alg, private, header, claims)

    def authorize(self, request: httpx2.Request, access_token: str) -> None:
        """Put a bound token and its proof into a request (RFC 9449 §7.1)."""
        request.headers["Authorization"] = f"DPoP {access_token}"
        request.headers["DPoP"] = self.proof(request.method, str(request.url), access_token)

    def learn(self, url: str, headers: httpx2.Headers) -> bool:
        """Remember the nonce of an answer (§8.2); true if it is another one than before."""
        nonce, origin = headers.get("dpop-nonce"), _origin(httpx2.URL(url))
        if nonce is None or not 0 < len(nonce) <= MAX_NONCE or nonce == self._nonces.get(origin):
            return False
        self._nonces.pop(origin, None)
        self._nonces[origin] = nonce
        if len(self._nonces) > _ORIGINS:
            del self._nonces[next(iter(self._nonces))]
        return True

    def wants_nonce(self, request: httpx2.Request, response: httpx2.Response) -> bool:
        """Learn from a resource's answer; true if the request is to be sent again (§9).

        A server that asks again for the nonce that it got is not followed.
        """
        fresh = self.learn(str(request.url), response.headers)
        challenge = response.headers.get("www-authenticate", "")
        return fresh and response.status_code == 401 and 'error="use_dpop_nonce"' in challenge


class DPoPAuth(httpx2.Auth):
    """Sends one bound token, which was had elsewhere, with a proof for each request."""

    def __init__(self, key: DPoPKey, access_token: str, *, clock: Clock | None = None) -> None:
        self._prover = Prover(key, clock=clock)
        self._access_token = access_token

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send the request; once more if the server wants its nonce in the proof."""
        self._prover.authorize(request, self._access_token)
        response = yield request
        if self._prover.wants_nonce(request, response):
            self._prover.authorize(request, self._access_token)
            yield request

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request, as `sync_auth_flow`."""
        self._prover.authorize(request, self._access_token)
        response = yield request
        if self._prover.wants_nonce(request, response):
            self._prover.authorize(request, self._access_token)
            yield request


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
