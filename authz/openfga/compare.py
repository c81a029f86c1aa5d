"""What differs between our store and one of a remote OpenFGA server, both ways."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from authz.model.subject import RelationTuple, TupleKey
from authz.openfga.client import PAGE, OpenFga
from authz.openfga.failure import Fault, RemoteFailure
from authz.stores.protocol import NewTuple, StoredTuple
from authz.stores.whole import page_of_store
from authz.tx import Database, Tx

Texts: TypeAlias = tuple[str, str, str]
"""user, relation, object."""


@dataclass(frozen=True, slots=True)
class Differences:
    """`missing` are tuples of ours that are not there, `other` those with another condition.

    `extra` are theirs that we do not have, in no order.
    """

    missing: list[NewTuple] = field(default_factory=list)
    other: list[NewTuple] = field(default_factory=list)
    extra: list[RelationTuple] = field(default_factory=list)
    ours: int = 0
    theirs: int = 0

    @property
    def equal(self) -> bool:
        return not (self.missing or self.other or self.extra)


async def compare(
    database: Database,
    store: str,
    remote: OpenFga,
    told: Callable[[int], Awaitable[None]],
) -> Differences:
    """Read both stores whole; `told` hears now and then how many tuples are read.

    Theirs are held in memory meanwhile. Raises RemoteFailure, and what `told` raises.
    """
    found: dict[Texts, RelationTuple] = {}
    async for theirs in every_tuple(remote):
        found[theirs.user, theirs.relation, theirs.object] = theirs
        if len(found) % PAGE == 0:
            await told(len(found))
    there = len(found)
    missing: list[NewTuple] = []
    other: list[NewTuple] = []
    ours, after = 0, None
    while page := await database.read(_pages(store, after)):
        for own in page:
            new = NewTuple(own.key, own.condition, own.context)
            theirs_too = found.pop((own.key.user, own.key.relation, own.key.object), None)
            if theirs_too is None:
                missing.append(new)
            elif not same_condition(new, theirs_too):
                other.append(new)
        ours += len(page)
        await told(there + ours)
        after = page[-1].key
    return Differences(missing, other, list(found.values()), ours, there)


async def every_tuple(remote: OpenFga) -> AsyncIterator[RelationTuple]:
    """Yield every tuple of the remote store, in its own order. Raises RemoteFailure."""
    token = ""
    while True:
        page, token = await remote.read(token)
        for one in page:
            yield _read(one)
        if not token:
            return


def same_condition(ours: NewTuple, theirs: RelationTuple) -> bool:
    """Whether two tuples of one key count under the same condition; their numbers are doubles."""
    context = orjson.loads(ours.context) if ours.context else {}
    return ours.condition == theirs.condition and _doubles(context) == _doubles(
        theirs.context or {}
    )


def _pages(store: str, after: TupleKey | None) -> Callable[[Tx], list[StoredTuple]]:
    return lambda tx: page_of_store(tx, store, 1000, after)


def _read(shown: Mapping[str, Any]) -> RelationTuple:
    key = shown.get("key")
    if not isinstance(key, dict):
        raise RemoteFailure(Fault.MALFORMED)
    condition = key.get("condition") or {}
    texts = (key.get("user"), key.get("relation"), key.get("object"), condition.get("name", ""))
    context = condition.get("context")
    if not all(isinstance(text, str) for text in texts) or not isinstance(context, dict | None):
        raise RemoteFailure(Fault.MALFORMED)
    user, relation, object_, name = map(str, texts)
    return RelationTuple(user, relation, object_, name, context)


def _doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _doubles(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_doubles(part) for part in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
