"""Key material for tests: an envelope, signing keys, and tokens of any shape an attacker likes."""

import base64
import functools
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from server.domain.entropy import Entropy
from server.keys.envelope import Envelope
from server.keys.kek import KeyEncryptionKey
from server.keys.pairs import generate
from server.keys.signing_keys import SigningKey, first_keys

NOW = 1_767_225_600_000


def envelope(entropy: Entropy, fill: bytes = b"\x07") -> Envelope:
    return Envelope((KeyEncryptionKey(fill * 32),), entropy)


def pair_of_keys(alg: str, sealed_by: Envelope, now: int = NOW) -> tuple[SigningKey, ...]:
    """Return an active and an announced key."""
    return first_keys(generate(alg, sealed_by, now), generate(alg, sealed_by, now), now)


@functools.cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Make an RSA key once a session: they are slow to find."""
    return rsa.generate_private_key(65537, bits)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def segment(value: Any) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())
