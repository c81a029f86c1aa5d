"""RFC 7517 and RFC 7638: public keys as JWK, read strictly, written in one way."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from authz.jose.algorithms import PublicKey, allowed_algorithms
from authz.jose.compact import decode_segment, encode_segment
from authz.jose.errors import InvalidKey, InvalidToken

SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_THUMBPRINT: Final = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"),
                      "RSA": ("e", "kty", "n")}  # fmt: skip
_READERS: Final = {"EC": ECAlgorithm, "OKP": OKPAlgorithm, "RSA": RSAAlgorithm}
MAX_KID: Final = 256


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key prepared once, pinned to one algorithm (RFC 8725 §3.1)."""

    kid: str
    alg: str
    public_key: PublicKey
    thumbprint: str

    def __post_init__(self) -> None:
        """Refuse an algorithm that does not fit the key."""
        if self.alg not in allowed_algorithms(self.public_key):
            raise InvalidKey("algorithm does not fit the key")


def from_jwk(jwk: Mapping[str, Any], *, alg: str | None = None) -> VerificationKey:
    """Read one public signature key; raises `InvalidKey`.

    The algorithm is the JWK's `alg`, else the argument, else the usual one of the key. Without a
    `kid` the thumbprint names the key. Private members are refused, not skipped: whoever publishes
    them has lost the key.
    """
    if not SECRET_MEMBERS.isdisjoint(jwk):
        raise InvalidKey("a public JWK must not contain private members")
    public_key = _read(jwk)
    _refuse_other_uses(jwk)
    declared = jwk.get("alg", alg)
    fitting = allowed_algorithms(public_key)
    chosen = fitting[0] if declared is None else declared
    if not isinstance(chosen, str) or chosen not in fitting:
        raise InvalidKey("algorithm does not fit the key")
    digest = thumbprint(to_jwk(public_key))
    kid = jwk.get("kid", digest)
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise InvalidKey("kid must be a short text")
    return VerificationKey(kid=kid, alg=chosen, public_key=public_key, thumbprint=digest)


def to_jwk(key: PublicKey) -> dict[str, str]:
    """Write the required members of a public key, nothing else."""
    for reader in _READERS.values():
        try:
            members = cast("dict[str, Any]", cast("Any", reader).to_jwk(key, as_dict=True))
        except (InvalidKeyError, AttributeError):
            continue
        return {name: members[name] for name in _THUMBPRINT[members["kty"]]}
    raise InvalidKey("key type is not EC, OKP or RSA")


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Compute the RFC 7638 §3 SHA-256 thumbprint; raises `InvalidKey` for an incomplete JWK."""
    names = _THUMBPRINT.get(jwk.get("kty", ""))
    if names is None or any(type(jwk.get(name)) is not str for name in names):
        raise InvalidKey("JWK lacks a required member")
    # RFC 7638 §3.2: lexicographic order, no white space.
    canonical = orjson.dumps({name: jwk[name] for name in names}, option=orjson.OPT_SORT_KEYS)
    return encode_segment(hashlib.sha256(canonical).digest()).decode()


def _read(jwk: Mapping[str, Any]) -> PublicKey:
    kind = jwk.get("kty")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise InvalidKey("key type is not EC, OKP or RSA")
    members = {name: jwk.get(name) for name in _THUMBPRINT[cast("str", kind)]}
    try:
        for name in members.keys() - {"kty", "crv"}:
            # Canonical base64url, so that one key has one thumbprint.
            decode_segment(cast("str", members[name]).encode("ascii"))
        # A point that is not on its curve is refused here, by cryptography.
        key = cast("Any", reader).from_jwk(members)
    except (InvalidKeyError, InvalidToken, ValueError, TypeError, AttributeError):
        raise InvalidKey("JWK members do not make a key") from None
    return cast("PublicKey", key)


def _refuse_other_uses(jwk: Mapping[str, Any]) -> None:
    # RFC 7517 §4.2, §4.3: what the owner declared for another use is not a signature key.
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list):
        raise InvalidKey("key is not meant for signatures")
    if "verify" not in operations:
        raise InvalidKey("key is not meant for signatures")
