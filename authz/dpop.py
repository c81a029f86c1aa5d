"""RFC 9449 §4.3: what must hold before a DPoP proof is believed. Pure: time is an argument.

A proof shows that whoever sent a request holds a key, now, for this request. That the proof has
not been used before is for the caller to find out (`Proof.use`), last, in its own store.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from authz.jose import Fault, InvalidToken, numeric_date, split
from authz.jose.compact import encode_segment
from authz.jose.embedded import verify_embedded
from authz.uri import normal_address

ALGORITHMS: Final = ("ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256")
"""What a proof may be signed with: asymmetric, never `none` (RFC 9449 §4.2)."""
TYP: Final = "dpop+jwt"
MAX_PROOF: Final = 4096
"""Characters. One with a key of 4096 bits and a long address has about 2500."""
MAX_JTI: Final = 256
MAX_NONCE: Final = 256
MAX_AGE: Final = 300
"""Seconds that a proof is good for after its `iat`; its use is remembered for as long."""
AHEAD: Final = 30
"""Seconds that the clock of the sender may run ahead of ours."""

_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""RFC 7638 with SHA-256: base64url of 32 bytes; the last character carries four bits."""


class ProofFault(StrEnum):
    """Why a proof was refused: a closed list that repeats nothing of the proof."""

    MISSING = "proof_missing"
    SEVERAL = "proof_several"
    MALFORMED = "proof_malformed"
    TYPE = "proof_typ"
    ALGORITHM = "proof_alg"
    KEY = "proof_jwk"
    SIGNATURE = "proof_signature"
    CLAIM = "proof_claim"
    METHOD = "proof_htm"
    ADDRESS = "proof_htu"
    TIME = "proof_iat"
    TOKEN = "proof_ath"
    OTHER_KEY = "proof_key"
    REPLAYED = "proof_replayed"


class InvalidProof(Exception):
    """A proof that shows nothing."""

    def __init__(self, fault: ProofFault) -> None:
        """Keep the fault alone."""
        super().__init__(fault.value)
        self.fault = fault


class NonceWanted(Exception):
    """A good proof without a nonce of ours that is in force (RFC 9449 §8)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The holder of the key `jkt` (RFC 7638) sent this request."""

    jkt: str
    use: str
    """Names this proof among all (SHA-256, hex): two requests with one `use` are a replay."""
    expires_at: int
    """Unix ms until which `use` must be remembered: then the proof is too old anyway."""


_FAULTS: Final = {
    Fault.TYPE_REFUSED: ProofFault.TYPE,
    Fault.ALGORITHM_REFUSED: ProofFault.ALGORITHM,
    Fault.HEADER_REFUSED: ProofFault.KEY,
    Fault.SIGNATURE_WRONG: ProofFault.SIGNATURE,
}


def verify_proof(
    sent: Sequence[str],
    *,
    method: str,
    address: str,
    now: int,
    access_token: str | None = None,
    nonce_fits: Callable[[str], bool] | None = None,
) -> Proof:
    """Check the DPoP headers of a request by the list of RFC 9449 §4.3.

    `sent`: every DPoP header of the request. `address`: the URI of the request as the receiver
    itself knows it, never as a Host header says. `access_token`: the token that came with it, at
    a protected resource. `nonce_fits`: given where a nonce of ours is demanded. `now` is in Unix
    ms. Raises `InvalidProof` and, once all else holds, `NonceWanted`.
    """
    if len(sent) != 1:  # 1
        raise InvalidProof(ProofFault.SEVERAL if sent else ProofFault.MISSING)
    try:
        jws = split(sent[0], max_bytes=MAX_PROOF)  # 2
        claims, key = verify_embedded(jws, typ=TYP, algorithms=ALGORITHMS)  # 4 to 7
        issued = numeric_date(claims, "iat")
    except InvalidToken as error:
        raise InvalidProof(_FAULTS.get(error.reason, ProofFault.MALFORMED)) from None
    jti, htm, htu = claims.get("jti"), claims.get("htm"), claims.get("htu")  # 3
    if type(jti) is not str or not 0 < len(jti) <= MAX_JTI or issued is None:
        raise InvalidProof(ProofFault.CLAIM)
    if type(htm) is not str or htm != method:  # 8
        raise InvalidProof(ProofFault.METHOD)
    here = normal_address(address)
    if type(htu) is not str or here is None or normal_address(htu) != here:  # 9
        raise InvalidProof(ProofFault.ADDRESS)
    if access_token is not None and not _is_hash_of(claims.get("ath"), access_token):  # 12
        raise InvalidProof(ProofFault.TOKEN)
    if not -MAX_AGE * 1000 < issued * 1000 - now <= AHEAD * 1000:  # 11
        raise InvalidProof(ProofFault.TIME)
    if nonce_fits is not None:  # 10
        nonce = claims.get("nonce")
        if type(nonce) is not str or len(nonce) > MAX_NONCE or not nonce_fits(nonce):
            raise NonceWanted
    use = hashlib.sha256(f"{key.thumbprint}.{jti}".encode()).hexdigest()
    return Proof(key.thumbprint, use, int((issued + MAX_AGE) * 1000))


def is_thumbprint(text: str) -> bool:
    """Tell whether a text can be a `jkt` (RFC 9449 §6.1, §10)."""
    return _THUMBPRINT.fullmatch(text) is not None


def token_hash(access_token: str) -> str:
    """Return the `ath` of a token: base64url of its SHA-256 (RFC 9449 §4.2)."""
    digest = hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()
    return encode_segment(digest).decode("ascii")


def _is_hash_of(found: object, access_token: str) -> bool:
    expected = token_hash(access_token).encode()
    return type(found) is str and hmac.compare_digest(
        found.encode("utf-8", "surrogatepass"), expected
    )


def bound_key(claims: Mapping[str, Any]) -> str | None:
    """Return the `jkt` that a token is bound to (§6.1), None for a token without `cnf`.

    Raises `InvalidProof` for any other binding (RFC 7800): one that cannot be checked is refused,
    never ignored (EXCHANGE X1).
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if type(confirmation) is not dict or confirmation.keys() != {"jkt"}:
        raise InvalidProof(ProofFault.KEY)
    jkt = confirmation["jkt"]
    if type(jkt) is not str or not is_thumbprint(jkt):
        raise InvalidProof(ProofFault.KEY)
    return jkt
