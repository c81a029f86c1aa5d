"""Read a token that somebody presents: signature, type, and the record that we keep of it (X1)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from authz.decision import Denied, Reason
from authz.jose import (
    Fault,
    InvalidToken,
    KeySource,
    VerifiedPayload,
    split,
    verify_split,
)
from server.domain.core import Core
from server.domain.tokens import ACCESS_TOKEN_TYP, ID_TOKEN_TYP, TokenKind, TokenRecord

_ALGORITHMS = ("ES256", "EdDSA", "RS256")
REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Presented:
    """A token of ours: its verified claims and its stored provenance."""

    claims: VerifiedPayload
    record: TokenRecord


class TokenReader:
    """Verifies tokens that we signed and finds their records.

    Signatures of whole tokens are remembered by their SHA-256, bounded, and believed only as long
    as the keys are the very ones that verified them; everything that can change is checked at each
    use (facts/performance §7.3).
    """

    def __init__(self, core: Core, keys: Callable[[], KeySource]) -> None:
        """Verify with the published keys that `keys` returns now."""
        self._core = core
        self._keys = keys
        self._seen: OrderedDict[bytes, tuple[str, VerifiedPayload]] = OrderedDict()
        self._seen_by: KeySource | None = None

    async def read(self, token: str) -> Presented | Denied:
        """Return a token of ours whatever its kind, dead or alive; expiry is for the caller."""
        try:
            typ, claims = self._verify(token)
        except InvalidToken as error:
            return Denied(Reason.TOKEN_INVALID, str(error))
        jti = claims.get("jti")
        record = await self._core.snapshot.token(jti) if isinstance(jti, str) else None
        if record is None or claims.get("iss") != self._core.policy.issuer:
            return Denied(Reason.TOKEN_INVALID, "no record")
        # X1: what the token says of itself must be what we wrote down; one kind never passes
        # as another.
        if (typ == ID_TOKEN_TYP) != (record.kind is TokenKind.ID):
            return Denied(Reason.WRONG_KIND, "typ")
        stated = (claims.get("sub"), claims.get("aud"), claims.get("grant_id"))
        if stated != (record.sub, record.audience, record.grant_id):
            return Denied(Reason.TOKEN_INVALID, "record differs")
        # X1: a binding that we cannot check is refused, never ignored.
        if "cnf" in claims:
            return Denied(Reason.TOKEN_INVALID, "cnf")
        return Presented(claims, record)

    def _verify(self, token: str) -> tuple[str, VerifiedPayload]:
        keys = self._keys()
        if keys is not self._seen_by:
            # Told of a change, a listener would come before the reload: a request in between
            # would remember what the old keys verified.
            self._seen.clear()
            self._seen_by = keys
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._seen.get(digest)
        if known is not None:
            self._seen.move_to_end(digest)
            return known
        jws = split(token)
        typ = jws.header.get("typ")
        wanted = ID_TOKEN_TYP if typ == ID_TOKEN_TYP else ACCESS_TOKEN_TYP
        if typ != wanted:
            raise InvalidToken(Fault.TYPE_REFUSED, "typ")
        claims = verify_split(jws, keys, typ=wanted, algorithms=_ALGORITHMS)
        self._seen[digest] = (wanted, claims)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return wanted, claims


def stated_chain(claims: VerifiedPayload) -> tuple[str, ...]:
    """Return the actor chain that a token states, current actor first (RFC 8693 §4.1)."""
    chain = []
    act = claims.get("act")
    while isinstance(act, dict):
        chain.append(str(act.get("sub")))
        act = act.get("act")
    return tuple(chain)
