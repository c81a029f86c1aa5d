"""Check a sealed trail: every seal again, every head's signature, and that nothing is missing.

What each attack leaves: an edited row does not fit its seal; an edited and re-hashed trail does
not fit the next signed head, whose leaves name the row; rows that were moved, inserted or removed
break the numbers or the seals; a cut tail is missed by the newest head, or, if heads were cut as
well, by a head that was kept outside. Erased personal facts leave their commitment and verify.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NoReturn

from authz.jose import Fault, InvalidToken, KeySet, KeySource, from_jwk, verify_jws
from authz.tx import Tx
from server.domain.audit_trail import AuditTrail, Head, TrailRow
from server.domain.commitment import personal_commitment
from server.domain.unit import Store
from server.keys.signing_keys import SIGNING_ALGORITHMS, KeyStatus, SigningKey
from server.signals.audit_chain import (
    FIRST,
    HEAD_TYPE,
    LEAF_TEXT,
    body,
    count_of,
    leaf,
    leaves_hash,
    next_seal,
)

PAGE: Final = 500


class Wrong(StrEnum):
    """What is wrong with the first bad row."""

    ALTERED = "the row is not what was sealed"
    PERSONAL = "the personal facts are not what was sealed"
    MISSING = "a row is missing here, or rows were reordered"
    REWRITTEN = "the row was changed and its seals were made again: the signed head disagrees"
    UNSIGNED = "the row is sealed but no signed head covers it"
    HEAD = "the head that ends this batch is not one that we signed"
    HEAD_MISSING = "the head that ends the batch of this row is missing"
    HEAD_KEY = "the newest head is signed with a key that is unknown or was revoked"
    TRUNCATED = "the trail ends before this row, which a signed head covers"
    OUTSIDE = "the trail is not the one of the head that was kept outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome. `sealed` counts the rows found good; `head` is the newest good signed head."""

    ok: bool
    sealed: int
    unsealed: int
    first_bad_seq: int | None = None
    what: str = ""
    head: str | None = None


class BadRow(Exception):
    """The first fault: the row (0: before the first), and what is wrong with it."""

    def __init__(self, seq: int, wrong: Wrong) -> None:
        """Name row `seq`."""
        super().__init__(wrong.value)
        self.seq = seq
        self.wrong = wrong


@dataclass(slots=True)
class TrailCheck:
    """Takes rows and heads in their order; the first fault ends it. Memory: one batch."""

    keys: KeySource
    revoked: Collection[str] = ()
    """Key ids whose heads are believed only if a later head with a good key covers them."""
    kept_outside: str | None = None
    """A head (compact JWS) that the operator stored elsewhere."""
    _seq: int = 0
    _seal: str = FIRST
    _proven: int = 0
    """The last row that a head with a good key covers."""
    _batch_from: int = 1
    _leaves: list[str] = field(default_factory=list)
    _suspect: BadRow | None = None
    """A row that does not fit its seal; the leaves of its batch may accuse one before it."""
    _newest: str | None = None
    _outside: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        """Read the head that was kept outside; raises `InvalidToken` if we never signed it."""
        if self.kept_outside is not None:
            claims = self._claims(self.kept_outside)
            self._outside = claims["seal_seq"], claims["seal"]

    def take(self, items: Iterable[TrailRow | Head]) -> None:
        """Take rows, each batch followed by its head; raises `BadRow`."""
        for item in items:
            try:
                if isinstance(item, Head):
                    self._head(item)
                else:
                    self._row(item)
            except BadRow as bad:
                self._accuse(bad)

    def end(self) -> None:
        """Say that nothing follows; raises `BadRow`."""
        if self._suspect is not None:
            raise self._suspect
        if self._leaves:
            raise BadRow(self._batch_from, Wrong.UNSIGNED)
        if self._proven < self._seq:
            raise BadRow(self._proven + 1, Wrong.HEAD_KEY)
        if self._outside is not None and self._outside[0] > self._seq:
            raise BadRow(self._seq + 1, Wrong.TRUNCATED)

    def report(self, unsealed: int, bad: BadRow | None = None) -> Report:
        """Say how it ended."""
        return Report(
            ok=bad is None,
            sealed=self._seq if bad is None else max(bad.seq - 1, 0),
            unsealed=unsealed,
            first_bad_seq=None if bad is None else bad.seq,
            what="" if bad is None else bad.wrong.value,
            head=self._newest,
        )

    def cut_short(self) -> BadRow:
        """Return the fault of a file that ends without saying so."""
        return BadRow(self._seq + 1, Wrong.TRUNCATED)

    def _accuse(self, bad: BadRow) -> NoReturn:
        if self._suspect is not None and self._suspect.seq <= bad.seq:
            raise self._suspect
        raise bad

    def _row(self, row: TrailRow) -> None:
        seq = self._seq + 1
        if row.seal_seq != seq:
            raise BadRow(seq, Wrong.MISSING)
        try:
            sealed = body(row, seq)
        except (TypeError, ValueError):
            raise BadRow(seq, Wrong.ALTERED) from None
        self._seq, self._seal = seq, next_seal(self._seal, sealed)
        self._leaves.append(leaf(sealed))
        if row.seal != self._seal and self._suspect is None:
            self._suspect = BadRow(seq, Wrong.ALTERED)
        held = row.personal
        if held is not None and (
            personal_commitment(held.salt, held.document) != row.personal_commitment
        ):
            raise BadRow(seq, Wrong.PERSONAL)
        if self._outside is not None and self._outside[0] == seq:
            self._compare_outside(seq)

    def _compare_outside(self, seq: int) -> None:
        if self._suspect is None and self._outside != (seq, self._seal):
            raise BadRow(seq, Wrong.OUTSIDE)

    def _head(self, head: Head) -> None:
        if head.seal_seq > self._seq:
            raise BadRow(self._seq + 1, Wrong.TRUNCATED)
        if head.seal_seq != self._seq or count_of(head) > len(self._leaves):
            raise BadRow(self._batch_from, Wrong.HEAD)
        if count_of(head) < len(self._leaves):
            raise BadRow(self._batch_from, Wrong.HEAD_MISSING)
        known = self.keys.find(head.kid) is not None and head.kid not in self.revoked
        claims = self._signed(head) if known else None
        for number, ours in enumerate(self._leaves):
            if head.leaves[number * LEAF_TEXT : (number + 1) * LEAF_TEXT] != ours:
                raise BadRow(self._batch_from + number, Wrong.REWRITTEN)
        if self._suspect is not None:
            raise self._suspect
        if claims is not None and claims["seal"] != self._seal:
            # Every leaf fits and the seal does not: an earlier batch, whose head's key we do not
            # know, was changed.
            raise BadRow(self._proven + 1, Wrong.REWRITTEN)
        if head.seal != self._seal:
            raise BadRow(self._batch_from, Wrong.HEAD)
        if claims is not None:
            self._proven, self._newest = self._seq, head.signature
        self._batch_from = self._seq + 1
        self._leaves.clear()

    def _signed(self, head: Head) -> dict[str, Any]:
        try:
            claims = self._claims(head.signature)
        except InvalidToken:
            raise BadRow(self._batch_from, Wrong.HEAD) from None
        if claims["seal_seq"] != head.seal_seq or claims["leaves"] != leaves_hash(head.leaves):
            raise BadRow(self._batch_from, Wrong.HEAD)
        return claims

    def _claims(self, signature: str) -> dict[str, Any]:
        signed = verify_jws(signature, self.keys, typ=HEAD_TYPE, algorithms=SIGNING_ALGORITHMS)
        claims = dict(signed)
        texts = (claims.get("seal"), claims.get("leaves"))
        if type(claims.get("seal_seq")) is not int or not all(type(t) is str for t in texts):
            raise InvalidToken(Fault.MALFORMED)
        return claims


def in_order(rows: Iterable[TrailRow], heads: Iterable[Head]) -> Iterator[TrailRow | Head]:
    """Merge a page: each head after its last row, what belongs to no row at the end."""
    waiting = iter(heads)
    head = next(waiting, None)
    for row in rows:
        yield row
        while head is not None and head.seal_seq <= (row.seal_seq or 0):
            yield head
            head = next(waiting, None)
    if head is not None:
        yield head
    yield from waiting


def trail_keys(keys: Iterable[SigningKey]) -> tuple[KeySet, frozenset[str]]:
    """Return all keys that ever signed heads, and the ids of those that were revoked."""
    held = tuple(keys)
    public = KeySet(
        from_jwk({**key.public_jwk, "kid": key.kid, "alg": key.alg, "use": "sig"}) for key in held
    )
    return public, frozenset(key.kid for key in held if key.status is KeyStatus.REVOKED)


async def verify(
    store: Store,
    trail: AuditTrail,
    keys: KeySource,
    *,
    revoked: Collection[str] = (),
    kept_outside: str | None = None,
) -> Report:
    """Check the whole trail of a database, page by page.

    Raises `InvalidToken` if `kept_outside` is not a head signed with one of `keys`.
    """
    check = TrailCheck(keys, revoked, kept_outside)
    try:
        async for page in pages(store, trail):
            check.take(page)
        check.end()
    except BadRow as bad:
        return check.report((await store.read(trail.count))[1], bad)
    return check.report((await store.read(trail.count))[1])


async def pages(store: Store, trail: AuditTrail) -> AsyncIterator[Iterator[TrailRow | Head]]:
    """Read the sealed trail in pages; what is sealed meanwhile comes in the last ones."""
    after = 0
    while True:

        def page(tx: Tx, after: int = after) -> tuple[list[TrailRow], list[Head]]:
            return trail.page(tx, after, PAGE)

        rows, heads = await store.read(page)
        yield in_order(rows, heads)
        if not rows:
            return
        after = rows[-1].seal_seq or 0
