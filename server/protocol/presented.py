"""Read a token that somebody presents: type, mark, and the record that we keep of it (X1)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from authz.decision import Denied, Reason
from authz.dpop import InvalidProof, bound_key
from authz.jose import (
    Fault,
    InvalidToken,
    KeySource,
    UnverifiedJws,
    VerifiedPayload,
    split,
    verify_split,
)
from server.domain.core import Core
from server.domain.entropy import same
from server.domain.tokens import ACCESS_TOKEN_TYP, ID_TOKEN_TYP, TokenKind, TokenRecord

_ALGORITHMS = ("ES256", "EdDSA", "RS256")
REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Presented:
    """A token of ours: its verified claims and its stored provenance."""

    claims: VerifiedPayload
    record: TokenRecord


class TokenReader:
    """Knows tokens that we minted and finds their records.

    A token is ours if the mark of its record fits its very bytes and its key is still one of ours;
    the record of an older version has no mark, then the signature is verified. What was found good
    is remembered by the token's SHA-256, bounded, and believed only as long as the keys are the
    very ones of then; everything that can change is checked at each use.
    """

    def __init__(self, core: Core, keys: Callable[[], KeySource]) -> None:
        """Verify with the published keys that `keys` returns now."""
        self._core = core
        self._keys = keys
        self._seen: OrderedDict[bytes, tuple[str, VerifiedPayload]] = OrderedDict()
        self._seen_by: KeySource | None = None

    async def read(self, token: str, jkt: str | None = None) -> Presented | Denied:
        """Return a token of ours whatever its kind, dead or alive; expiry is for the caller.

        `jkt` is the key that its sender has proven; a token that is bound to another one, or to
        any while none was proven, is refused (RFC 9449 §7.2). An unbound one is not.
        """
        found = await self.read_unproven(token)
        if isinstance(found, Denied) or proven(found.record, jkt):
            return found
        return Denied(Reason.PROOF_REQUIRED)

    async def read_unproven(self, token: str) -> Presented | Denied:
        """Return a token as `read`, of whomever has its bytes: not for what it allows."""
        keys, digest = self._keys(), sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._remembered(digest, keys)
        try:
            if known is not None:
                typ, claims = known
                record = await self._core.snapshot.token(str(claims.get("jti")))
            else:
                jws = split(token)
                claims = VerifiedPayload(jws.unverified_payload())  # once `_proven` agrees
                stated = claims.get("jti")
                # Looked up before anything is proven: a read by key, cheaper than a signature.
                record = await self._core.snapshot.token(stated) if type(stated) is str else None
                if record is None:
                    return Denied(Reason.TOKEN_INVALID, "no record")
                typ = self._proven(token, jws, record, keys)
                self._remember(digest, keys, typ, claims)
        except InvalidToken as error:
            return Denied(Reason.TOKEN_INVALID, str(error))
        if record is None or claims.get("iss") != self._core.policy.issuer:
            return Denied(Reason.TOKEN_INVALID, "no record")
        # X1: what the token says of itself must be what we wrote down; one kind never passes
        # as another.
        if (typ == ID_TOKEN_TYP) != (record.kind is TokenKind.ID):
            return Denied(Reason.WRONG_KIND, "typ")
        says = (claims.get("sub"), claims.get("aud"), claims.get("grant_id"))
        if says != (record.sub, record.audience, record.grant_id):
            return Denied(Reason.TOKEN_INVALID, "record differs")
        # X1: a binding that we cannot check, or did not make, is refused, never ignored.
        try:
            if bound_key(claims) != record.jkt:
                return Denied(Reason.TOKEN_INVALID, "record differs")
        except InvalidProof:
            return Denied(Reason.TOKEN_INVALID, "cnf")
        return Presented(claims, record)

    def _proven(self, token: str, jws: UnverifiedJws, record: TokenRecord, keys: KeySource) -> str:
        """Return the type of a token that is ours; raises `InvalidToken`."""
        typ = jws.header.get("typ")
        wanted = ID_TOKEN_TYP if typ == ID_TOKEN_TYP else ACCESS_TOKEN_TYP
        if typ != wanted:
            raise InvalidToken(Fault.TYPE_REFUSED, "typ")
        if record.mark is None:
            verify_split(jws, keys, typ=wanted, algorithms=_ALGORITHMS)
            return wanted
        if not self._core.marks.fits(token, record.mark):
            raise InvalidToken(Fault.SIGNATURE_WRONG)
        # A key that was revoked takes its tokens with it, also those that it signed for us.
        if keys.find(str(jws.header.get("kid"))) is None:
            raise InvalidToken(Fault.KEY_UNKNOWN, "kid")
        return wanted

    def _remembered(self, digest: bytes, keys: KeySource) -> tuple[str, VerifiedPayload] | None:
        if keys is not self._seen_by:
            # Told of a change, a listener would come before the reload: a request in between
            # would remember what the old keys verified.
            self._seen.clear()
            self._seen_by = keys
        known = self._seen.get(digest)
        if known is not None:
            self._seen.move_to_end(digest)
        return known

    def _remember(self, digest: bytes, keys: KeySource, typ: str, claims: VerifiedPayload) -> None:
        # The read of the record gave way to others: the keys may have changed meanwhile.
        if keys is self._seen_by and keys is self._keys():
            self._seen[digest] = (typ, claims)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def proven(record: TokenRecord, jkt: str | None) -> bool:
    """Tell whether who has proven the key `jkt` (or none) may use the token of `record`."""
    return record.jkt is None or (jkt is not None and same(record.jkt, jkt))


def stated_chain(claims: VerifiedPayload) -> tuple[str, ...]:
    """Return the actor chain that a token states, current actor first (RFC 8693 §4.1)."""
    chain = []
    act = claims.get("act")
    while isinstance(act, dict):
        chain.append(str(act.get("sub")))
        act = act.get("act")
    return tuple(chain)
