"""Signed objects: the one home of signature verification (DESIGN 3.1, RFC 8725)."""

from authz.jose.claims import Audience, CheckedClaims, check_claims, numeric_date
from authz.jose.compact import UnverifiedJws, UnverifiedPayload, split
from authz.jose.errors import Fault, InvalidKey, InvalidToken
from authz.jose.jwk import VerificationKey, from_jwk, thumbprint, to_jwk
from authz.jose.keys import KeySet, KeySource, key_set, parse_key_set
from authz.jose.verify import VerifiedPayload, verify_jws, verify_split

__all__ = [
    "Audience",
    "CheckedClaims",
    "Fault",
    "InvalidKey",
    "InvalidToken",
    "KeySet",
    "KeySource",
    "UnverifiedJws",
    "UnverifiedPayload",
    "VerificationKey",
    "VerifiedPayload",
    "check_claims",
    "from_jwk",
    "key_set",
    "numeric_date",
    "parse_key_set",
    "split",
    "thumbprint",
    "to_jwk",
    "verify_jws",
    "verify_split",
]
