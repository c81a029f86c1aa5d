"""The usual parties on a world: Ada, agents A and B, two resource servers, one delegation."""

from dataclasses import dataclass
from typing import Any

from server.domain.delegation import Delegation, Detail
from server.domain.people import User
from server.domain.registry import Edge
from tests.support.world import DOCS, NOTES, Party, World


@dataclass
class Stage:
    """Ada, agents A and B, the documents server, and Ada's delegation to A."""

    world: World
    ada: User
    a: Party
    b: Party
    docs: Party
    notes: Party
    grant: Delegation
    subject: str
    """A's own `delegated` token, audience A itself: a subject token (X6)."""


EDGE = Edge(scope="docs:read", to_resource=NOTES, to_scope="notes:read")
ALL = {"docs:read", "docs:write", "docs:delete", "notes:read"}


async def set_stage(w: World, **kw: Any) -> Stage:
    """Make the usual parties; Ada owns folder:tax and folder:home and consents to folder:tax."""
    docs = await w.resource(DOCS, "docs", edges=(EDGE,))
    notes = await w.resource(NOTES, "notes")
    a = await w.agent("alpha", ALL, {DOCS, NOTES})
    b = await w.agent("beta", ALL, {DOCS, NOTES})
    ada = await w.user("ada")
    await w.relate(
        (f"user:{ada.id}", "owner", "folder:tax"),
        (f"user:{ada.id}", "owner", "folder:home"),
        ("folder:tax", "parent", "document:t1"),
        ("folder:home", "parent", "document:h1"),
    )
    assert b.agent is not None
    session = await w.session(ada)
    grant = await w.delegation(
        ada,
        a,
        (
            Detail(
                resource=DOCS,
                scopes=frozenset({"docs:read", "docs:write"}),
                objects=("folder:tax",),
            ),
        ),
        **{"allow_agents": (b.agent.id,), "max_depth": 1, "sid": session.id, **kw},
    )
    code = await w.code(a, ada, grant=grant, scope="docs:read docs:write", session=session)
    answer = await w.redeem(a, code)
    assert answer.status_code == 200, answer.text
    return Stage(w, ada, a, b, docs, notes, grant, answer.json()["access_token"])
