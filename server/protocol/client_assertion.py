"""RFC 7523 §3: `private_key_jwt`, a client that proves itself with a signed assertion.

Pure: the caller finds the client and its keys, and stores the `jti` (single use) in its own unit.
"""

from dataclasses import dataclass
from typing import Final

from authz.jose import (
    Audience,
    Fault,
    InvalidToken,
    KeySource,
    check_claims,
    numeric_date,
    split,
    verify_jws,
)

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS: Final = ("ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256")
LONGEST: Final = 5 * 60
"""Seconds that an assertion may be good for: its `jti` is remembered for as long."""
LEEWAY: Final = 30
"""Seconds that a client's clock may differ from ours."""
MAX_JTI: Final = 256
# RFC 7523bis §3: the explicit type; older clients send `JWT` or nothing.
_TYPES: Final = ("client-authentication+jwt", "jwt", "")


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """A proof that holds now, to be used once: `jti` must not be accepted before `expires_at`.

    `expires_at` (Unix milliseconds) includes the leeway, so that no replay slips in behind it.
    """

    client_id: str
    jti: str
    expires_at: int


def unverified_issuer(assertion: str) -> str:
    """Return whom an assertion claims to come from; raises `InvalidToken`.

    RFC 7521 §4.2: `client_id` is optional beside an assertion. Good for looking up a client whose
    keys then decide, for nothing else.
    """
    payload = split(assertion).unverified_payload()
    issuer = payload.get("iss")
    if type(issuer) is not str or not 0 < len(issuer) <= MAX_JTI:
        raise InvalidToken(Fault.CLAIM_TYPE, "iss")
    return issuer


def unverified_kid(assertion: str) -> str | None:
    """Return the key that an assertion names, None if it names none; raises `InvalidToken`.

    Good for asking a `jwks_uri` once more when the key is not known yet.
    """
    kid = split(assertion).header.get("kid")
    if kid is not None and type(kid) is not str:
        raise InvalidToken(Fault.HEADER_REFUSED, "kid")
    return kid


def verify_client_assertion(
    assertion: str, *, client_id: str, keys: KeySource, audience: str, now: int
) -> ClientAssertion:
    """Check an assertion of the client `client_id` against its registered `keys`.

    `audience` is our issuer, or another value only by this client's explicit policy
    (RFC 7523bis §3: one audience, so that an assertion made for another server is worthless here).
    `now` is in Unix milliseconds. Raises `InvalidToken`.
    """
    payload = verify_jws(
        assertion, keys, typ=_TYPES, algorithms=ASSERTION_ALGORITHMS, kid_required=False
    )
    claims = check_claims(
        payload,
        issuer=client_id,  # §3, 1: the client itself
        audience=audience,  # §3, 3
        audience_form=Audience.SOLE,
        required={"sub": str, "jti": str},
        now=now,
        leeway=LEEWAY,
        longest=LONGEST,
    )
    # §3, 2.B: for client authentication the subject is the client.
    if claims["sub"] != client_id:
        raise InvalidToken(Fault.ISSUER_WRONG, "sub")
    jti = claims["jti"]
    if len(jti) > MAX_JTI:
        raise InvalidToken(Fault.CLAIM_TYPE, "jti")
    expires = numeric_date(claims, "exp") or 0
    for name in ("iat", "nbf"):
        since = numeric_date(claims, name)
        # §3, 6: made long ago for long (a stolen supply of assertions), or never valid at all.
        if since is not None and not 0 <= expires - since <= LONGEST + LEEWAY:
            raise InvalidToken(Fault.LIFETIME_TOO_LONG, name)
    return ClientAssertion(client_id, jti, int((expires + LEEWAY) * 1000))
