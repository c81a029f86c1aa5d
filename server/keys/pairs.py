"""Key pairs: made, sealed and opened again.

`cryptography` draws a key's randomness from OpenSSL itself and takes no source from outside, so
the injected `Entropy` cannot decide it; only the envelope's nonces and data keys come from there.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from authz.jose import thumbprint, to_jwk
from authz.jose.algorithms import PrivateKey, allowed_algorithms
from server.keys.envelope import Envelope, SealBroken
from server.keys.signing_keys import SIGNING_ALGORITHMS, Change, KeyStatus, SigningKey

SEAL_KIND: Final = "signing_key"
_RSA_BITS: Final = 2048
"""RFC 7518 §3.3. 3072 bits would hold the loop for 0.7 ms a signature; whoever wants more security
at less cost has ES256."""
_RSA_EXPONENT: Final = 65537


def generate(alg: str, envelope: Envelope, now: int) -> SigningKey:
    """Make a key pair in status `next`, named by its thumbprint (RFC 7638), private half sealed."""
    while True:
        private = _new(alg)
        public_jwk = to_jwk(private.public_key())
        kid = thumbprint(public_jwk)
        # `mandate keys revoke -s…`: a name of this form reads as an option on a command line.
        if not kid.startswith("-"):
            break
    secret = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return SigningKey(
        kid=kid,
        alg=alg,
        status=KeyStatus.NEXT,
        public_jwk=public_jwk,
        sealed_private=envelope.seal(SEAL_KIND, kid, secret),
        created_at=now,
    )


def open_private(key: SigningKey, envelope: Envelope) -> PrivateKey:
    """Unseal the private half; raises `SealBroken`, also if it is not the half of this key."""
    secret = envelope.open(SEAL_KIND, key.kid, key.sealed_private)
    # The seal proves that we made this key. Proving once more that the factors of an RSA key are
    # primes would hold the loop for some 40 ms, at each change of a key.
    private = cast(
        "PrivateKey",
        serialization.load_der_private_key(
            secret, password=None, unsafe_skip_rsa_key_validation=True
        ),
    )
    public = private.public_key()
    if key.alg not in allowed_algorithms(public) or thumbprint(to_jwk(public)) != key.kid:
        raise SealBroken(f"{SEAL_KIND} {key.kid}: not the private half of this key")
    return private


def reseal(keys: Iterable[SigningKey], envelope: Envelope) -> tuple[Change, ...]:
    """Return the steps that bring every private half under the current key-encryption key.

    Raises `SealBroken`; then nothing was changed.
    """
    return tuple(
        Change(key, replace(key, sealed_private=sealed))
        for key in keys
        if key.sealed_private
        and (sealed := envelope.reencrypt(SEAL_KIND, key.kid, key.sealed_private))
        != key.sealed_private
    )


def _new(alg: str) -> PrivateKey:
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if alg == "RS256":
        return rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
    raise ValueError(f"we sign with {', '.join(SIGNING_ALGORITHMS)}")
