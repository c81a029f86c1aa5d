"""The signature algorithms that exist for us: asymmetric ones, each tied to one kind of key.

PyJWT's algorithm objects do the work; its `decode` is not used, since it costs as much again as an
ES256 verification and reads the wall clock. `none` and HS* are absent, so no option can allow them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

from authz.jose.errors import InvalidKey

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

MIN_RSA_BITS: Final = 2048
"""RFC 7518 §3.3: a key of size 2048 bits or larger MUST be used."""
MAX_RSA_BITS: Final = 4096
"""A larger key of a stranger only makes each verification dearer for us."""
MIN_RSA_EXPONENT: Final = 65537
MAX_RSA_EXPONENT: Final = 2**32

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {
        "ES256": ECAlgorithm(ECAlgorithm.SHA256, ec.SECP256R1),
        "ES384": ECAlgorithm(ECAlgorithm.SHA384, ec.SECP384R1),
        "EdDSA": OKPAlgorithm(),
        "Ed25519": OKPAlgorithm(),  # RFC 9864 §2.2: the fully specified name
        "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
        "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    }
)
_SHA256: Final = ec.ECDSA(hashes.SHA256())


def allowed_algorithms(key: object) -> tuple[str, ...]:
    """Return the algorithms that fit a key, the usual one first; raises `InvalidKey` if none."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, ec.SECP256R1):
            return ("ES256",)
        if isinstance(key.curve, ec.SECP384R1):
            return ("ES384",)
        raise InvalidKey("curve is not P-256 or P-384")
    if isinstance(key, ed25519.Ed25519PublicKey):
        return ("EdDSA", "Ed25519")
    if isinstance(key, rsa.RSAPublicKey):
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            raise InvalidKey(f"RSA key must have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
        exponent = key.public_numbers().e
        if not (MIN_RSA_EXPONENT <= exponent < MAX_RSA_EXPONENT and exponent % 2):
            raise InvalidKey("RSA exponent is out of range")
        return ("RS256", "PS256")
    raise InvalidKey("key type is not EC, OKP or RSA")


def verify(alg: str, key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Check a signature; `alg` and `key` belong together already (`VerificationKey`)."""
    if alg == "ES256" and isinstance(key, ec.EllipticCurvePublicKey):
        return _verify_es256(key, message, signature)
    checker: Any = ALGORITHMS[alg]
    return bool(checker.verify(message, key, signature))


def _verify_es256(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    if len(signature) != 64:  # RFC 7518 §3.4: r and s, 32 octets each
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, _SHA256)
    except InvalidSignature:
        return False
    return True


def sign(alg: str, key: PrivateKey, message: bytes) -> bytes:
    """Make a signature in the form of RFC 7518 §3 (raw r||s for ECDSA)."""
    if alg == "ES256" and isinstance(key, ec.EllipticCurvePrivateKey):
        # Every token of ours: PyJWT goes from DER to r||s and back through hexadecimal text.
        r, s = decode_dss_signature(key.sign(message, _SHA256))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    signer: Any = ALGORITHMS[alg]
    return bytes(signer.sign(message, key))
