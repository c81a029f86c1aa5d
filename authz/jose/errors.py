"""Why a signed object was refused: a closed list, safe to log and to count."""

from enum import StrEnum


class Fault(StrEnum):
    """The reason inside `InvalidToken`. None of them repeats a byte of the token."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    DUPLICATE_MEMBER = "duplicate_member"
    HEADER_REFUSED = "header_refused"
    ALGORITHM_REFUSED = "algorithm_refused"
    TYPE_REFUSED = "type_refused"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_WRONG = "signature_wrong"
    CLAIM_MISSING = "claim_missing"
    CLAIM_TYPE = "claim_type"
    ISSUER_WRONG = "issuer_wrong"
    AUDIENCE_WRONG = "audience_wrong"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    LIFETIME_TOO_LONG = "lifetime_too_long"


class InvalidToken(Exception):
    """A signed object that must not be believed.

    `reason` is for programs; `member` names the claim or header concerned, never its value.
    """

    def __init__(self, reason: Fault, member: str = "") -> None:
        """Keep the reason and the name of the member, nothing that the sender wrote."""
        super().__init__(f"{reason.value}:{member}" if member else reason.value)
        self.reason = reason
        self.member = member


class InvalidKey(ValueError):
    """A JWK or a JWK set that must not be used. The text never contains key material."""
