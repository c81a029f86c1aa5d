"""RFC 7515 §4.1.3: a JWS that carries its own key. It proves who holds the key, nothing else.

Good for proofs of possession alone (RFC 9449): for whom the key stands is a matter of what is bound
to its thumbprint. Everything else goes by `verify`, which refuses such a header.
"""

from collections.abc import Collection
from typing import Final

from authz.jose import algorithms as signatures
from authz.jose.compact import UnverifiedJws
from authz.jose.errors import Fault, InvalidKey, InvalidToken
from authz.jose.jwk import VerificationKey, from_jwk
from authz.jose.strict_json import parse_object
from authz.jose.verify import VerifiedPayload

# As in `verify`, without `jwk`; and a `kid` beside the key could only contradict it, so it is
# ignored, as RFC 7515 §4.1.4 calls it a hint.
_REFUSED: Final = ("crit", "b64", "jku", "x5u", "x5c", "zip", "enc")


def verify_embedded(
    jws: UnverifiedJws, *, typ: str, algorithms: Collection[str]
) -> tuple[VerifiedPayload, VerificationKey]:
    """Verify with the public key of the header and return claims and key; raises `InvalidToken`.

    `typ` must be written exactly so. A private, symmetric, weak or foreign key is refused before
    it is used.
    """
    header = jws.header
    for name in _REFUSED:
        if name in header:
            raise InvalidToken(Fault.HEADER_REFUSED, name)
    if header.get("typ") != typ:
        raise InvalidToken(Fault.TYPE_REFUSED, "typ")
    alg, jwk = header.get("alg"), header.get("jwk")
    if type(alg) is not str or alg not in algorithms:
        raise InvalidToken(Fault.ALGORITHM_REFUSED, "alg")
    if type(jwk) is not dict:
        raise InvalidToken(Fault.HEADER_REFUSED, "jwk")
    try:
        key = from_jwk(jwk, alg=alg)
    except InvalidKey:
        raise InvalidToken(Fault.HEADER_REFUSED, "jwk") from None
    # RFC 8725 §3.1: the key says which algorithm, its own `alg` included.
    if key.alg != alg:
        raise InvalidToken(Fault.ALGORITHM_REFUSED, "alg")
    if not signatures.verify(key.alg, key.public_key, jws.signing_input, jws.signature):
        raise InvalidToken(Fault.SIGNATURE_WRONG)
    return VerifiedPayload(parse_object(jws.payload)), key
