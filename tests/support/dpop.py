"""DPoP proofs made with joserfc, which has no part in what checks them."""

import base64
import hashlib
import itertools
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.support.clock import NEW_YEAR_2026

_COUNT = itertools.count()


def ath(token: str) -> str:
    """Hash a token as RFC 9449 §4.2 says."""
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Holder:
    """Who holds a key. Every claim and header of its proofs is at the tester's will."""

    key: ECKey | OKPKey | RSAKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    alg: str = "ES256"

    @property
    def jkt(self) -> str:
        """Return the thumbprint (RFC 7638)."""
        return str(self.key.thumbprint())

    def proof(
        self,
        method: str,
        url: str,
        *,
        now: int = NEW_YEAR_2026,
        token: str | None = None,
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Make a proof; `now` in Unix ms. A claim or header that is None is left out."""
        head = {
            "typ": "dpop+jwt",
            "alg": self.alg,
            "jwk": self.key.as_dict(private=False),
            **(header or {}),
        }
        body = {
            "jti": f"jti-{next(_COUNT)}",
            "htm": method,
            "htu": url,
            "iat": now // 1000,
            "ath": None if token is None else ath(token),
            **claims,
        }
        return jwt.encode(
            {name: value for name, value in head.items() if value is not None},
            {name: value for name, value in body.items() if value is not None},
            self.key,
            algorithms=[self.alg],
        )
