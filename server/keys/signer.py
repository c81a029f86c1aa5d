"""RFC 7515 §5.1: signing what we issue, in the calling thread, with the header made once."""

from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from authz.jose import algorithms
from authz.jose.compact import encode_segment
from server.keys.envelope import Envelope
from server.keys.pairs import open_private
from server.keys.signing_keys import SIGNING_ALGORITHMS, KeyStatus, SigningKey

DEFAULT_ALGORITHM: Final = SIGNING_ALGORITHMS[0]
_MAX_HEADERS: Final = 32


class NoSigningKey(Exception):
    """No active key for the algorithm: run `mandate keys rotate`. The answer outside is 503."""


class Signer:
    """The active private keys of this process, one an algorithm. Replaced, never changed."""

    __slots__ = ("_headers", "_keys")

    def __init__(self, keys: Iterable[SigningKey], envelope: Envelope) -> None:
        """Unseal the active keys; raises `SealBroken`."""
        self._keys = {
            key.alg: (key.kid, open_private(key, envelope))
            for key in keys
            if key.status is KeyStatus.ACTIVE
        }
        self._headers: dict[tuple[str, str], bytes] = {}

    def __repr__(self) -> str:
        """Show the ids of the keys, which are public."""
        return f"Signer({ {alg: kid for alg, (kid, _) in self._keys.items()} })"

    @property
    def algorithms(self) -> tuple[str, ...]:
        """List what this signer can sign with, the default first."""
        return tuple(alg for alg in SIGNING_ALGORITHMS if alg in self._keys)

    def sign(self, claims: Mapping[str, object], *, typ: str, alg: str | None = None) -> str:
        """Return the compact JWS of `claims`; raises `NoSigningKey`.

        `typ` is always explicit (RFC 8725 §3.11); `alg` None means the default.
        """
        chosen = DEFAULT_ALGORITHM if alg is None else alg
        held = self._keys.get(chosen)
        if held is None:
            raise NoSigningKey(f"no active {chosen} key")
        kid, private = held
        header = self._headers.get((chosen, typ)) or self._header(chosen, typ, kid)
        message = header + encode_segment(orjson.dumps(claims))
        signature = algorithms.sign(chosen, private, message)
        return (message + b"." + encode_segment(signature)).decode("ascii")

    def _header(self, alg: str, typ: str, kid: str) -> bytes:
        header = encode_segment(orjson.dumps({"alg": alg, "kid": kid, "typ": typ})) + b"."
        # Types are words of our code, so there are few; the bound is for the day that changes.
        if len(self._headers) < _MAX_HEADERS:
            self._headers[alg, typ] = header
        return header
