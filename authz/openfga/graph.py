"""Questions to a remote OpenFGA server, so that nothing that was taken away still counts.

The rule (docs/decisions/0014-remote-openfga.md): our own tuples say what was acknowledged. A yes
from there counts alone only if, before it was asked, every change of ours was applied there, and
until it is used no other change was acknowledged. Otherwise our own engine must say yes as well.
"""

from collections.abc import Callable, Sequence

from authz.engine.limits import MAX_CHECKS_PER_BATCH, MAX_LISTED
from authz.engine.listing import Listing
from authz.engine.query import Query
from authz.errors import CheckError
from authz.openfga.client import OpenFga
from authz.openfga.failure import Fault, RemoteFailure
from authz.relations import Relations
from authz.stores.applied import AppliedChanges, Standing
from authz.tx import Database, Tx


class RemoteGraph:
    """Asks the remote server. `behind` is told when changes wait, `failed` why there is no answer.

    Every method raises RemoteFailure, which is a GraphUnavailable.
    """

    def __init__(
        self,
        database: Database,
        relations: Relations,
        applied: AppliedChanges,
        remote: OpenFga,
        *,
        behind: Callable[[], None],
        failed: Callable[[Fault], None],
    ) -> None:
        self._database = database
        self._relations = relations
        self._applied = applied
        self._remote = remote
        self._behind = behind
        self._failed = failed

    async def check_many(self, queries: Sequence[Query]) -> list[bool | CheckError]:
        """Answer queries in their order; an error stands for its own query and is a denial."""
        if not queries:
            return []
        if len(queries) > MAX_CHECKS_PER_BATCH:
            raise CheckError(f"more than {MAX_CHECKS_PER_BATCH} queries at once")
        before, timed = await self._before(queries)
        try:
            answers = await self._remote.check_many(before.remote_model, timed)
        except RemoteFailure as failure:
            self._failed(failure.fault)
            raise
        yes = [number for number, answer in enumerate(answers) if answer is True]
        own = await self._own(before, [queries[number] for number in yes])
        if own is not None:
            for number, answer in zip(yes, own, strict=True):
                answers[number] = answer
        return answers

    async def list_objects(self, user: str, relation: str, type: str) -> Listing:
        """List the objects of a type; truncated when there are as many as one listing holds."""
        before, (timed,) = await self._before([Query(user, relation, type)])
        try:
            found = await self._remote.list_objects(
                before.remote_model, user, relation, type, timed.context
            )
        except RemoteFailure as failure:
            self._failed(failure.fault)
            raise
        names = sorted(set(found))[:MAX_LISTED]
        kept: list[str] = []
        for start in range(0, len(names), MAX_CHECKS_PER_BATCH):
            part = names[start : start + MAX_CHECKS_PER_BATCH]
            own = await self._own(before, [Query(user, relation, name) for name in part])
            kept += (
                part if own is None else [n for n, y in zip(part, own, strict=True) if y is True]
            )
        return Listing(tuple(kept), truncated=len(found) >= MAX_LISTED)

    async def _before(self, queries: Sequence[Query]) -> tuple[Standing, list[Query]]:
        """Return where both stand, and the queries with the time: theirs has no clock of ours.

        Without it a condition would fail, and they pass over such a tuple where another counts.
        """

        def work(tx: Tx) -> tuple[Standing, list[Query]]:
            standing = self._applied.standing(tx)
            timed = self._relations.with_time(tx, queries) if standing.remote_model else []
            return standing, timed

        standing, timed = await self._database.read(work)
        if not standing.current:
            self._behind()
        if not standing.remote_model:
            self._failed(Fault.NOT_PUSHED)
            raise RemoteFailure(Fault.NOT_PUSHED)
        return standing, timed

    async def _own(
        self, before: Standing, queries: Sequence[Query]
    ) -> list[bool | CheckError] | None:
        """Return what our engine says where a yes from there does not count alone; else none."""
        if not queries:
            return None

        def work(tx: Tx) -> list[bool | CheckError] | None:
            # Read after the answer came: what was taken away meanwhile counts as well.
            head = self._applied.standing(tx).head
            if before.current and head == before.head:
                return None
            return self._relations.check_many(tx, queries)

        return await self._database.read(work)
