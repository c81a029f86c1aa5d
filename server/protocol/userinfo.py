"""OIDC Core §5.3: claims about the signed-in person, for a plain `user` token only."""

from collections.abc import Mapping

from server.domain.core import Core
from server.domain.people import User
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.protocol.bearer import SentToken, own_token
from server.protocol.dpop import Proofs
from server.protocol.presented import TokenReader
from server.protocol.scopes import words


async def userinfo(
    core: Core, reader: TokenReader, proofs: Proofs, sent: SentToken
) -> Mapping[str, object] | Refused:
    """Return the claims that the token's scope covers; never `act` (X10)."""
    alive = await own_token(core, reader, proofs, sent, TokenKind.USER)
    if isinstance(alive, Refused):
        return alive
    scope = words(alive.record.scope)
    if "openid" not in scope or alive.user is None:
        return Refused(
            error="insufficient_scope",
            reason="insufficient_scope",
            description="The openid scope is needed.",
            status=403,
        )
    return {"sub": alive.user.id, **person_claims(alive.user, scope)}


def person_claims(user: User, scope: frozenset[str]) -> dict[str, object]:
    """Return the standard claims of the scopes `profile` and `email` (OIDC Core §5.4)."""
    claims: dict[str, object] = {}
    if "profile" in scope:
        claims["name"] = user.name
    if "email" in scope:
        # No address is verified before the issue that brings mail.
        claims["email"] = user.email
        claims["email_verified"] = False
    return claims
