"""Tuples that an operator writes by hand: who is in a group, has a role, may call a tool."""

from dataclasses import replace

from authz.clock import rfc3339
from authz.errors import AuthzError
from authz.model.subject import RelationTuple
from authz.stores.protocol import StoredTuple
from authz.tx import Tx
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import only_ours
from server.domain.unit import Unit
from server.services.why import subject

UNTIL = "mandate_until"
"""The condition of a tuple that ends (`authz/mandate.fga`)."""


class TupleRefusedError(Exception):
    """A tuple that cannot be written or deleted; the text says why."""


async def add_tuple(
    core: Core, user: str, relation: str, object: str, *, until: int | None = None, by: str
) -> RelationTuple:
    """Write a tuple that was not there, with its audit; `until` is when it ends (Unix ms).

    `user` is one of the graph, or a person's address or id. Raises `TupleRefusedError`.
    """

    def unit(tx: Unit) -> RelationTuple:
        written = RelationTuple(_subject(core, tx, user), relation, object)
        if until is not None:
            written = replace(written, condition=UNTIL, context={"until": rfc3339(until)})
        _apply(core, tx, written, by, write=True)
        return written

    return await core.store.write(unit)


async def remove_tuple(
    core: Core, user: str, relation: str, object: str, *, by: str
) -> RelationTuple:
    """Delete a tuple that is there, with its audit. Raises `TupleRefusedError`."""

    def unit(tx: Unit) -> RelationTuple:
        gone = RelationTuple(_subject(core, tx, user), relation, object)
        _apply(core, tx, gone, by, write=False)
        return gone

    return await core.store.write(unit)


async def find_tuples(
    core: Core, *, user: str, relation: str, object: str, limit: int
) -> list[StoredTuple]:
    """Return stored tuples of a user or an object; a type with a colon stands for all of it.

    Raises `TupleRefusedError` for what names neither.
    """

    def work(tx: Tx) -> list[StoredTuple]:
        subject = _subject(core, tx, user) if user else ""
        try:
            return core.relations.read(
                tx, user=subject, relation=relation, object=object, limit=limit
            )
        except AuthzError as error:
            raise TupleRefusedError(str(error)) from error

    return await core.store.read(work)


def _subject(core: Core, tx: Tx, user: str) -> str:
    found = subject(core, tx, user)
    if found is None:
        raise TupleRefusedError("there is nobody with this address or id")
    return found


def _apply(core: Core, tx: Unit, changed: RelationTuple, by: str, *, write: bool) -> None:
    if only_ours(changed.user, changed.relation):
        message = (
            "consents and ceilings are not written by hand:"
            " see `mandate delegation revoke` and `mandate agent ceiling`"
        )
        raise TupleRefusedError(message)
    try:
        if write:
            core.relations.write(tx, [changed])
        else:
            core.relations.write(tx, [], [changed])
    except AuthzError as error:
        raise TupleRefusedError(str(error)) from error
    named = f"{changed.user}|{changed.relation}|{changed.object}"
    until = str((changed.context or {}).get("until", ""))
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.RELATIONS,
            outcome=Outcome.DONE,
            at=core.clock.now(),
            object=changed.object,
            detail={
                "written": named if write else "",
                "deleted": "" if write else named,
                "until": until,
                "by": by,
            },
        ),
    )
