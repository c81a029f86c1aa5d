"""RFC 7523 §3: assertions of trusted issuers, checked: for us, in force, what they claim to be.

Whose keys decide is looked up by the issuer that it names; what it may be used for is decided by
the registration of that issuer and by `typ`, never by which parameters came along with it.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from authz.decision import Advice
from authz.jose import (
    Audience,
    CheckedClaims,
    Fault,
    InvalidToken,
    KeySource,
    check_claims,
    numeric_date,
    split,
    verify_split,
)
from server.domain.core import Core
from server.domain.issuers import IssuerPurpose, TrustedIssuer
from server.domain.refusal import Refused, invalid_request
from server.domain.tokens import ID_JAG_TYP
from server.domain.unit import StaleSnapshotError, Unit
from server.protocol.client_assertion import LEEWAY, MAX_JTI

_TYPES: Final = {
    IssuerPurpose.ID_JAG: (ID_JAG_TYP,),
    # RFC 7519 §5.1; SPIFFE JWT-SVID §2.1 also knows JOSE; Kubernetes sends none.
    IssuerPurpose.WORKLOAD: ("jwt", "jose", ""),
}
_REQUIRED: Final = {
    IssuerPurpose.ID_JAG: {"sub": str, "jti": str, "client_id": str, "resource": str},
    IssuerPurpose.WORKLOAD: {"sub": str},
}


class TrustedKeys(Protocol):
    """Public keys of trusted issuers."""

    async def keys_of(self, issuer: TrustedIssuer, *, kid: str | None) -> KeySource | None:
        """Return its keys, fetched anew if `kid` is not among them; none if not to be had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asserted:
    """A good assertion. `expires_at` (Unix ms) includes the leeway, as its `jti` must last."""

    issuer: TrustedIssuer
    claims: CheckedClaims
    subject: str
    jti: str | None
    expires_at: int

    def use(self, core: Core, tx: Unit) -> Refused | None:
        """Use it up in this unit; the refusal of whoever comes second, at any worker.

        Raises `StaleSnapshotError` if the issuer is not trusted any more as it was.
        """
        if core.rows.issuers.kept(tx, self.issuer.id) != self.issuer:
            raise StaleSnapshotError
        if self.jti is None or self.issuer.reusable:
            return None
        # In the table of client assertions, in a namespace that no client id can have.
        used_by = f"issuer {self.issuer.id}"
        if core.rows.assertions.use(tx, used_by, self.jti, self.expires_at):
            return None
        return bad_assertion("assertion_replayed")


def bad_assertion(reason: str, *, detail: str = "", help_by: Advice = Advice.STOP) -> Refused:
    """Refuse an assertion with the same words for every cause (RFC 7523 §3.1)."""
    return Refused(
        error="invalid_grant",
        reason=reason,
        description="The assertion is not acceptable.",
        detail=detail,
        advice=help_by,
    )


async def read_assertion(
    core: Core, keys: TrustedKeys, assertion: str | None, purpose: IssuerPurpose
) -> Asserted | Refused:
    """Verify an assertion of an issuer that is trusted for `purpose`."""
    if not assertion:
        return invalid_request("assertion_missing", "Send the assertion.")
    now = core.clock.now()
    try:
        jws = split(assertion)
        stated = jws.unverified_payload().get("iss")
        kid = jws.header.get("kid")
        issuer = await core.snapshot.issuer(stated) if type(stated) is str else None
        if issuer is None or issuer.purpose is not purpose or issuer.id == core.policy.issuer:
            return bad_assertion("assertion_refused", detail="issuer not trusted for this")
        source = await keys.keys_of(issuer, kid=kid if type(kid) is str else None)
        if source is None:
            return bad_assertion("assertion_refused", detail="no keys", help_by=Advice.RETRY)
        payload = verify_split(
            jws, source, typ=_TYPES[purpose], algorithms=issuer.algorithms, kid_required=False
        )
        claims = check_claims(
            payload,
            issuer=issuer.id,
            audience=_audience(core, issuer, payload.get("aud")),
            # Sole: whoever else it is for could use it here in the subject's name.
            audience_form=Audience.SOLE,
            required=_REQUIRED[purpose],
            optional={"jti": str, "scope": str},
            now=now,
            leeway=LEEWAY,
            longest=issuer.max_lifetime,
        )
        return _asserted(issuer, claims)
    except InvalidToken as error:
        if error.reason is Fault.EXPIRED:
            return bad_assertion("assertion_expired", help_by=Advice.RETRY)
        return bad_assertion("assertion_refused", detail=str(error))


def _audience(core: Core, issuer: TrustedIssuer, stated: object) -> str:
    endpoint = core.policy.token_endpoint
    if issuer.token_endpoint_audience and stated in (endpoint, [endpoint]):
        return endpoint
    return core.policy.issuer


def _asserted(issuer: TrustedIssuer, claims: CheckedClaims) -> Asserted | Refused:
    issued, expires = numeric_date(claims, "iat"), numeric_date(claims, "exp") or 0
    if issued is None:
        raise InvalidToken(Fault.CLAIM_MISSING, "iat")
    # Made long ago for long: a stolen supply of assertions.
    if not 0 <= expires - issued <= issuer.max_lifetime + LEEWAY:
        raise InvalidToken(Fault.LIFETIME_TOO_LONG, "iat")
    if "cnf" in claims:
        # X1: a binding that we cannot check is refused, never ignored.
        raise InvalidToken(Fault.CLAIM_TYPE, "cnf")
    jti = claims.get("jti")
    if jti is None and not issuer.reusable:
        raise InvalidToken(Fault.CLAIM_MISSING, "jti")
    if jti is not None and not 0 < len(jti) <= MAX_JTI:
        raise InvalidToken(Fault.CLAIM_TYPE, "jti")
    if not all(rule.fits(claims) for rule in issuer.rules):
        return bad_assertion("assertion_refused", detail="a rule of the issuer does not fit")
    return Asserted(
        issuer=issuer,
        claims=claims,
        subject=claims["sub"],
        jti=jti,
        expires_at=int((expires + LEEWAY) * 1000),
    )
