"""A delegation as a row: its columns and its value."""

from typing import Any

from authz.tx import Row
from server.domain.delegation import Delegation, Detail
from server.storage.rows import load
from server.storage.tables.delegation import delegation as d

COLUMNS = (
    d.c.id,
    d.c.user_id,
    d.c.agent_id,
    d.c.client_id,
    d.c.sid,
    d.c.purpose,
    d.c.document,
    d.c.created_at,
    d.c.expires_at,
    d.c.revoked_at,
    d.c.revoked_reason,
    d.c.origin,
)


def delegation_value(row: Row) -> Delegation:
    """Read a row of `COLUMNS`."""
    (
        grant_id,
        user_id,
        agent_id,
        client_id,
        sid,
        purpose,
        document,
        created_at,
        expires_at,
        revoked_at,
        revoked_reason,
        origin,
    ) = row
    x: dict[str, Any] = load(document)
    return Delegation(
        id=grant_id,
        user_id=user_id,
        agent_id=agent_id,
        client_id=client_id,
        sid=sid,
        purpose=purpose,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        revoked_reason=revoked_reason,
        path=tuple(x["path"]),
        details=tuple(
            Detail(
                resource=e["resource"],
                scopes=frozenset(e["scopes"]),
                objects=tuple(e["objects"]),
            )
            for e in x["details"]
        ),
        allow_agents=tuple(x["allow_agents"]),
        allow_edges=tuple((e[0], e[1], e[2], e[3]) for e in x["allow_edges"]),
        max_depth=x["max_depth"],
        allow_sharing=x["allow_sharing"],
        via=x.get("via"),
        cut=x.get("cut", False),
        origin=origin,
        shortened=x.get("shortened", False),
        lifted=x.get("lifted", False),
    )
