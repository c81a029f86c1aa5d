"""RFC 7517 §5: the published key set as bytes, and the same keys for our own verification."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from authz.jose import KeySet, from_jwk
from server.keys.signing_keys import KeyStatus, SigningKey

CACHED_FOR = 300
"""Seconds that verifiers may cache the published set; a new key is announced for longer."""


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """The key set as it is served until `changes_at` (Unix milliseconds; None: no end in sight)."""

    body: bytes
    etag: str
    keys: KeySet
    changes_at: int | None

    def is_good(self, now: int) -> bool:
        """Tell whether the set may still be served: no retired key's time has come."""
        return self.changes_at is None or now < self.changes_at


def publish(keys: Iterable[SigningKey], now: int) -> PublishedKeys:
    """Build the key set of this moment: oldest key first, so that the bytes are stable."""
    shown = sorted(
        (key for key in keys if key.is_published(now)), key=lambda key: (key.created_at, key.kid)
    )
    public = [{**key.public_jwk, "kid": key.kid, "alg": key.alg, "use": "sig"} for key in shown]
    body = orjson.dumps({"keys": public}, option=orjson.OPT_SORT_KEYS)
    leaving = [
        key.retire_at
        for key in shown
        if key.status is KeyStatus.RETIRED and key.retire_at is not None
    ]
    return PublishedKeys(
        body=body,
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        keys=KeySet(from_jwk(jwk) for jwk in public),
        changes_at=min(leaving, default=None),
    )
