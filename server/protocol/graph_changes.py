"""What changes in the graph over the OpenFGA API: within Mandate's rules, guarded and audited."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from authz.calls.refusals import Forbidden
from authz.relations import RelationTuple
from authz.timed import brings_time
from authz.tx import Tx
from server.delegation.standing import Standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import only_ours
from server.domain.unit import StaleSnapshotError, Unit

T = TypeVar("T")
Named = tuple[str, str, str, str]
"""User, relation, object, and the condition with its context, if there is one."""

MAX_CHANGES: Final = 10_000
"""Tuples that one call may change: the audit looks at each."""
MAX_TOLD: Final = 100
"""Tuples that a row of the audit names; it counts all of them."""


def only_of_resources(writes: Sequence[RelationTuple], deletes: Sequence[RelationTuple]) -> None:
    """Refuse tuples that only Mandate writes, also to delete them. Raises Forbidden (X10).

    Those are consents and ceilings, and whatever a consent would hold. Groups, roles and the like
    are written by whom the operator trusts with the graph, but nobody writes the time into them.
    """
    for each in (*writes, *deletes):
        _refuse(each.user, each.relation)
    if any(brings_time(each.context) for each in writes):
        raise Forbidden("the time of a decision is the server's: a tuple cannot bring it")


def _refuse(user: str, relation: str) -> None:
    if only_ours(user, relation):
        raise Forbidden("consents and ceilings are written by Mandate alone")


class GraphDatabase:
    """The database as one caller of the API may use it: every write is guarded and audited."""

    def __init__(
        self, core: Core, alive: Standing, snapshot: int, still: Callable[[], Awaitable[bool]]
    ) -> None:
        """`alive` is the caller, believed since `snapshot`; `still` asks whether it is let in."""
        self._core = core
        self._alive = alive
        self._snapshot = snapshot
        self._still = still
        self._believed = alive.depends | {("resource", core.policy.graph_resource)}

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent view of the data.

        Raises `StaleSnapshotError` when the caller is no longer let in, and `UnavailableError`.
        """
        await self._look_again()
        return await self._core.store.read(work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` and write down what it changed, as one unit.

        Raises Forbidden, which is written down too, `StaleSnapshotError` when the caller has
        changed meanwhile, `UnavailableError`, and whatever `work` raises.
        """
        await self._look_again()
        relations = self._core.relations

        def unit(tx: Unit) -> T:
            tx.guard(self._snapshot, self._believed)
            # Others wait from here on: what is behind this revision is this call's doing.
            before = relations.take_turn(tx)
            result = work(tx)
            changes = relations.changes(tx, before, MAX_CHANGES + 1)
            if len(changes) > MAX_CHANGES:
                raise Forbidden(f"a call changes at most {MAX_CHANGES} tuples")
            written, deleted = list[Named](), list[Named]()
            for change in changes:
                under = f"{change.condition} {change.context}".strip()
                named = (change.key.user, change.key.relation, change.key.object, under)
                # What really changed, however the call put it.
                _refuse(change.key.user, change.key.relation)
                (deleted if change.deleted else written).append(named)
            self._core.rows.audit.record(tx, self._event(written, deleted, None))
            return result

        try:
            return await self._core.store.write(unit)
        except Forbidden as error:
            event = self._event((), (), str(error))
            await self._core.store.write(lambda tx: self._core.rows.audit.record(tx, event))
            raise

    async def _look_again(self) -> None:
        # The body came after the gate, as slowly as its sender wished: whoever is shut out while
        # it is on its way is out.
        if not await self._still():
            raise StaleSnapshotError

    def _event(
        self, written: Sequence[Named], deleted: Sequence[Named], refused: str | None
    ) -> AuditRecord:
        core, record = self._core, self._alive.record
        touched = sorted({name for _, _, name, _ in (*written, *deleted)})
        return AuditRecord(
            tag=AuditTag.RELATIONS,
            outcome=Outcome.DONE if refused is None else Outcome.REFUSED,
            reason=None if refused is None else "reserved_relation",
            at=core.clock.now(),
            agents=self._alive.chain,
            client_id=record.client_id,
            resource=core.policy.graph_resource,
            object=" ".join(touched[:MAX_TOLD]) or None,
            detail={
                "written": _told(written),
                "deleted": _told(deleted),
                "count": str(len(written) + len(deleted)),
                "jti": record.jti,
                "detail": refused or "",
            },
        )


def _told(tuples: Iterable[Named]) -> str:
    return " ".join("|".join(filter(None, each)) for each in list(tuples)[:MAX_TOLD])
