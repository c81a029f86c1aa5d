"""RFC 6750 for our own APIs: each needs its own audience, and refuses a token with `act` (X10)."""

from authz.decision import Denied
from server.delegation.standing import Standing, standing
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.protocol.presented import TokenReader


def bad_token(reason: str) -> Refused:
    """Refuse a bearer token (RFC 6750 §3.1)."""
    return Refused(
        error="invalid_token",
        reason=reason,
        description="The access token is not acceptable here.",
        status=401,
    )


async def own_bearer(
    core: Core, reader: TokenReader, authorization: str | None, kind: TokenKind
) -> Standing | Refused:
    """Return the live token of exactly this kind whose audience is the issuer itself."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return bad_token("token_missing")
    await core.snapshot.refresh()
    presented = await reader.read(token.strip())
    if isinstance(presented, Denied):
        return bad_token(presented.reason.value)
    record = presented.record
    if record.kind is not kind or record.audience != core.policy.issuer:
        return bad_token("wrong_audience")
    if "act" in presented.claims or "may_act" in presented.claims:
        return bad_token("delegated")
    alive = await standing(core, record, core.clock.now())
    return bad_token(alive.reason.value) if isinstance(alive, Denied) else alive
