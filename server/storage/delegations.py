"""Delegations in SQL: added, narrowed, closed as a tree; and what their calls left behind."""

from dataclasses import replace

from sqlalchemy import and_, bindparam, insert, or_, select, update

from authz.tx import Tx
from server.domain.delegation import Delegation, Effect
from server.domain.unit import Unit
from server.storage.delegation_rows import COLUMNS, delegation_value
from server.storage.delegation_search import DelegationSearch
from server.storage.rows import dump, names
from server.storage.tables.delegation import delegation as d
from server.storage.tables.delegation import delegation_effect as effect

_ALL = select(*COLUMNS)
_BY_ID = _ALL.where(d.c.id == bindparam("id"))
# Rows are locked in one order by everybody: what extends another is younger than it.
_OLDEST_FIRST = (d.c.created_at, d.c.id)
_LOCK = (
    select(d.c.id)
    .where(d.c.root_id == bindparam("root_id"))
    .order_by(*_OLDEST_FIRST)
    .with_for_update()
)
_OF_TREE = _ALL.where(d.c.root_id == bindparam("root_id")).order_by(*_OLDEST_FIRST)
_OF_PAIR = _ALL.where(
    d.c.user_id == bindparam("user_id"),
    d.c.agent_id == bindparam("agent_id"),
    d.c.revoked_at.is_(None),
    d.c.origin.is_(None),
).order_by(*_OLDEST_FIRST)
_VOUCHED = _ALL.where(
    d.c.user_id == bindparam("user_id"),
    d.c.agent_id == bindparam("agent_id"),
    d.c.origin.is_not(None),
    d.c.parent_id.is_(None),
).order_by(*_OLDEST_FIRST)
_OF_ORIGIN = _ALL.where(
    d.c.origin == bindparam("origin"), d.c.revoked_at.is_(None), d.c.parent_id.is_(None)
).order_by(*_OLDEST_FIRST)
_OF_USER = (
    _ALL.where(d.c.user_id == bindparam("user_id"))
    .order_by(d.c.created_at.desc(), d.c.id)
    .limit(bindparam("limit"))
)
_OF_AGENT = (
    _ALL.where(d.c.agent_id == bindparam("agent_id"))
    .order_by(d.c.created_at.desc(), d.c.id)
    .limit(bindparam("limit"))
)
_OF_SESSION = (
    select(d.c.id)
    .where(d.c.sid == bindparam("sid"), d.c.revoked_at.is_(None))
    .order_by(*_OLDEST_FIRST)
)
_SEARCH = (
    _ALL.where(
        or_(
            bindparam("text") == "",
            d.c.id == bindparam("text"),
            d.c.user_id == bindparam("text"),
            d.c.agent_id == bindparam("text"),
            d.c.client_id == bindparam("text"),
        ),
        or_(
            bindparam("live") == 0,
            and_(d.c.revoked_at.is_(None), d.c.expires_at > bindparam("now")),
        ),
    )
    .order_by(d.c.created_at.desc(), d.c.id)
    .limit(bindparam("limit"))
)
_ADD = insert(d)
_CLOSE = (
    update(d)
    .where(d.c.id == bindparam("key"), d.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"), revoked_reason=bindparam("reason"))
)
_NARROW = (
    update(d)
    .where(d.c.id == bindparam("key"), d.c.revoked_at.is_(None))
    .values(document=bindparam("document"), expires_at=bindparam("expires_at"))
)
_LIFT = (
    update(d)
    .where(d.c.id == bindparam("key"), d.c.origin.is_not(None))
    .values(document=bindparam("document"))
)


class Delegations(DelegationSearch):
    """The rows that say live; the graph's tuples say on which objects (X11)."""

    def get(self, tx: Tx, grant_id: str) -> Delegation | None:
        """Return a delegation, dead or alive, or none."""
        rows = tx.fetch(_BY_ID, {"id": grant_id})
        return delegation_value(rows[0]) if rows else None

    def tree(self, tx: Tx, root_id: str) -> list[Delegation]:
        """Return a root delegation and all below it, oldest first."""
        return [delegation_value(row) for row in tx.fetch(_OF_TREE, {"root_id": root_id})]

    def of_pair(self, tx: Tx, user_id: str, agent_id: str) -> list[Delegation]:
        """Return what a user consented to for an agent and did not take back; may have expired."""
        rows = tx.fetch(_OF_PAIR, {"user_id": user_id, "agent_id": agent_id})
        return [delegation_value(row) for row in rows]

    def vouched_for(self, tx: Tx, user_id: str, agent_id: str) -> list[Delegation]:
        """Return what trusted issuers allowed an agent for a user, dead ones too, oldest first."""
        rows = tx.fetch(_VOUCHED, {"user_id": user_id, "agent_id": agent_id})
        return [delegation_value(row) for row in rows]

    def of_origin(self, tx: Tx, origin: str) -> list[Delegation]:
        """Return what rests on a trusted issuer and was not revoked; may have expired."""
        return [delegation_value(row) for row in tx.fetch(_OF_ORIGIN, {"origin": origin})]

    def of_user(self, tx: Tx, user_id: str, limit: int) -> list[Delegation]:
        """Return the newest delegations of a user, dead ones too."""
        return [
            delegation_value(r) for r in tx.fetch(_OF_USER, {"user_id": user_id, "limit": limit})
        ]

    def of_agent(self, tx: Tx, agent_id: str, limit: int) -> list[Delegation]:
        """Return the newest delegations to an agent, dead ones too."""
        return [
            delegation_value(r) for r in tx.fetch(_OF_AGENT, {"agent_id": agent_id, "limit": limit})
        ]

    def of_session(self, tx: Tx, sid: str) -> list[str]:
        """Return the delegations that end with a session (X9)."""
        return [row[0] for row in tx.fetch(_OF_SESSION, {"sid": sid})]

    def search(self, tx: Tx, text: str, *, live: bool, now: int, limit: int) -> list[Delegation]:
        """Return delegations that `text` names by any of their ids (all, if it is empty)."""
        rows = tx.fetch(_SEARCH, {"text": text, "live": int(live), "now": now, "limit": limit})
        return [delegation_value(row) for row in rows]

    def add(self, tx: Unit, value: Delegation) -> None:
        """Store a new delegation."""
        tx.execute(
            _ADD,
            {
                "id": value.id,
                "user_id": value.user_id,
                "agent_id": value.agent_id,
                "client_id": value.client_id,
                "parent_id": value.parent_id,
                "root_id": value.path[0],
                "sid": value.sid,
                "purpose": value.purpose,
                "document": _document(value),
                "created_at": value.created_at,
                "expires_at": value.expires_at,
                "revoked_at": None,
                "revoked_reason": None,
                "origin": value.origin,
            },
        )

    def below(self, tx: Tx, value: Delegation) -> list[Delegation]:
        """Return a delegation and everything that descends from it; locks the tree."""
        tx.fetch(_LOCK, {"root_id": value.path[0]})
        return [row for row in self.tree(tx, value.path[0]) if value.id in row.path]

    def close(self, tx: Unit, grant_id: str, *, now: int, reason: str) -> bool:
        """Close one row for ever; tell whether this call did it."""
        closed = tx.execute(_CLOSE, {"key": grant_id, "now": now, "reason": reason}) == 1
        if closed:
            tx.changed("delegation", grant_id)
        return closed

    def narrow(self, tx: Unit, value: Delegation) -> bool:
        """Replace details and expiry by narrower ones; false if the row was closed before."""
        done = tx.execute(
            _NARROW,
            {
                "key": value.id,
                "document": _document(value),
                "expires_at": value.expires_at,
            },
        )
        tx.changed("delegation", value.id)
        return done == 1

    def lift(self, tx: Unit, value: Delegation) -> bool:
        """Let the issuer behind a row vouch again; false if there is none."""
        lifted = replace(value, lifted=True)
        done = tx.execute(_LIFT, {"key": value.id, "document": _document(lifted)}) == 1
        tx.changed("delegation", value.id)
        return done


def _document(value: Delegation) -> str:
    return dump(
        {
            "details": [
                {"resource": x.resource, "scopes": names(x.scopes), "objects": x.objects}
                for x in value.details
            ],
            "path": value.path,
            "allow_agents": value.allow_agents,
            "allow_edges": value.allow_edges,
            "max_depth": value.max_depth,
            "allow_sharing": value.allow_sharing,
            "via": value.via,
            "cut": value.cut,
            "extends": value.extends,
            "shortened": value.shortened,
            "lifted": value.lifted,
        }
    )


_EFFECT_ADD = insert(effect)
_EFFECTS = (
    select(
        effect.c.id,
        effect.c.grant_id,
        effect.c.resource_id,
        effect.c.subject,
        effect.c.relation,
        effect.c.object,
        effect.c.created_at,
        effect.c.undone_at,
    )
    .where(effect.c.grant_id == bindparam("grant_id"))
    .order_by(effect.c.created_at, effect.c.id)
)
_EFFECT_UNDO = (
    update(effect)
    .where(
        effect.c.id == bindparam("key"),
        effect.c.grant_id == bindparam("grant_id"),
        effect.c.undone_at.is_(None),
    )
    .values(undone_at=bindparam("now"))
    .returning(effect.c.subject, effect.c.relation, effect.c.object)
)


class Effects:
    """What delegated calls left behind, and its undoing."""

    def add(self, tx: Unit, values: list[Effect]) -> None:
        """Record tuples as the effect of a delegation."""
        tx.execute_many(
            _EFFECT_ADD,
            [
                {
                    "id": v.id,
                    "grant_id": v.grant_id,
                    "resource_id": v.resource_id,
                    "subject": v.subject,
                    "relation": v.relation,
                    "object": v.object,
                    "created_at": v.created_at,
                    "undone_at": None,
                }
                for v in values
            ],
        )

    def of(self, tx: Tx, grant_id: str) -> list[Effect]:
        """Return the effects of one delegation, oldest first."""
        return [
            Effect(
                id=r[0],
                grant_id=r[1],
                resource_id=r[2],
                subject=r[3],
                relation=r[4],
                object=r[5],
                created_at=r[6],
                undone_at=r[7],
            )
            for r in tx.fetch(_EFFECTS, {"grant_id": grant_id})
        ]

    def undo(
        self, tx: Unit, grant_id: str, effect_id: str, now: int
    ) -> tuple[str, str, str] | None:
        """Mark an effect undone and return its tuple, once only."""
        rows = tx.fetch(_EFFECT_UNDO, {"key": effect_id, "grant_id": grant_id, "now": now})
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None
