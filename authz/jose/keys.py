"""Where a verifier finds keys: a `KeySource`, and the fixed set that most sources hand out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from authz.jose.errors import InvalidKey, InvalidToken
from authz.jose.jwk import SECRET_MEMBERS, VerificationKey, from_jwk
from authz.jose.strict_json import parse_object

MAX_SET: Final = 64 * 1024
"""Bytes of a JWK set document."""
MAX_KEYS: Final = 32


class KeySource(Protocol):
    """Keys that may have signed. Whoever asks has not verified anything yet."""

    def find(self, kid: str) -> VerificationKey | None:
        """Return the key with this id, or None."""
        ...

    def only(self, alg: str) -> VerificationKey | None:
        """Return the key for a token without `kid`: the one key of `alg`, None if 0 or more."""
        ...


class KeySet:
    """An immutable set of prepared keys."""

    __slots__ = ("_by_kid",)

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        """Index the keys; raises `InvalidKey` if two share a `kid`."""
        held = tuple(keys)
        self._by_kid = {key.kid: key for key in held}
        if len(self._by_kid) != len(held):
            raise InvalidKey("two keys share one kid")

    def find(self, kid: str) -> VerificationKey | None:
        """Return the key with this id, or None."""
        return self._by_kid.get(kid)

    def only(self, alg: str) -> VerificationKey | None:
        """Return the one key of `alg`, or None if there are none or several."""
        fitting = [key for key in self._by_kid.values() if key.alg == alg]
        return fitting[0] if len(fitting) == 1 else None

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._by_kid)

    def __iter__(self) -> Iterator[VerificationKey]:
        """Iterate over the keys."""
        return iter(self._by_kid.values())


def parse_key_set(raw: bytes, *, alg: str | None = None) -> KeySet:
    """Read a JWK set (RFC 7517 §5); raises `InvalidKey`.

    `alg` pins keys that declare none. Keys of other types, uses or algorithms are skipped, as §5
    asks; a private or symmetric key spoils the whole set.
    """
    if len(raw) > MAX_SET:
        raise InvalidKey("JWK set is too large")
    try:
        document = parse_object(raw)
    except InvalidToken as error:
        raise InvalidKey(f"JWK set is not JSON that we accept: {error.reason.value}") from None
    return key_set(document, alg=alg)


def key_set(document: Mapping[str, Any], *, alg: str | None = None) -> KeySet:
    """Read a parsed JWK set, as `parse_key_set`."""
    members = document.get("keys")
    if not isinstance(members, list) or not all(isinstance(jwk, dict) for jwk in members):
        raise InvalidKey("a JWK set needs an array of keys")
    if len(members) > MAX_KEYS:
        raise InvalidKey(f"a JWK set may have {MAX_KEYS} keys")
    keys = []
    for jwk in members:
        if not SECRET_MEMBERS.isdisjoint(jwk) or jwk.get("kty") == "oct":
            raise InvalidKey("a public JWK set must not contain private or symmetric keys")
        try:
            keys.append(from_jwk(jwk, alg=alg))
        except InvalidKey:
            continue
    return KeySet(keys)
