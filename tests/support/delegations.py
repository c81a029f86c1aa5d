"""Agents, resources and delegations for the tests of the people's pages."""

from authz.relations import RelationTuple
from server.delegation.lifecycle import open_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Delegation, Detail, Effect
from server.domain.people import User
from server.domain.registry import Agent, Ceiling, Client, ClientAuth, Resource, Scope
from server.domain.tokens import TokenKind, TokenRecord
from tests.support.people_site import Site, use_model

DOCS = "https://docs.example/mcp"
MODEL = """
model
  schema 1.1
type user
type agent
type consent
type folder
  relations
    define owner: [user]
    define viewer: [user] or owner
    define consented: [consent]
    define ceiling: [agent]
"""


async def furnish(site: Site, owner: User | None = None) -> None:
    """Register a resource and the agents A and B; A belongs to `owner`."""
    await use_model(site, MODEL)
    resource = Resource(
        id=DOCS, name="Documents", types=frozenset({"folder"}),
        scopes={
            "docs:read": Scope(name="docs:read", description="Read your documents"),
            "docs:share": Scope(name="docs:share", description="Share your documents"),
        },
    )  # fmt: skip
    ceiling = Ceiling(scopes=frozenset(resource.scopes), resources=frozenset({DOCS}))

    def work(tx):
        rows = site.core.rows
        rows.resources.add(tx, resource)
        rows.resources.label(tx, DOCS, {"folder:1": "Taxes", "folder:2": "Letters"})
        for letter in "ab":
            rows.agents.add(
                tx,
                Agent(
                    id=f"agt_{letter}", name=f"Helper {letter.upper()}", ceiling=ceiling,
                    owner_id=owner.id if owner and letter == "a" else None,
                    purpose="Sorts things", created_at=site.clock.now(),
                ),
            )  # fmt: skip
            rows.clients.add(
                tx,
                Client(
                    id=f"cli_{letter}", name=f"Client {letter}", auth=ClientAuth.BASIC,
                    agent_id=f"agt_{letter}",
                ),
            )  # fmt: skip

    await site.core.store.write(work)


async def allow(
    site: Site, user: User, grant_id: str, *, agent: str = "agt_a", parent: Delegation | None = None,
    sid: str | None = None, hand_over: tuple[str, ...] = ("agt_b",), days: int = 30,
    origin: str | None = None, objects: tuple[str, ...] = ("folder:1", "folder:2"),
) -> Delegation:  # fmt: skip
    """Open a delegation over two folders."""
    value = Delegation(
        id=grant_id, user_id=user.id, agent_id=agent, client_id=f"cli_{agent[-1]}",
        details=(
            Detail(
                resource=DOCS, scopes=frozenset({"docs:read", "docs:share"}),
                objects=objects,
            ),
        ),
        path=(*(parent.path if parent else ()), grant_id), purpose="Tidy up",
        allow_agents=hand_over if parent is None else (), max_depth=1, allow_sharing=True, sid=sid,
        origin=origin,
        created_at=site.clock.now(), expires_at=site.clock.now() + days * 86_400_000,
    )  # fmt: skip
    audit = AuditRecord(
        tag=AuditTag.DELEGATION_CREATED, outcome=Outcome.DONE, at=site.clock.now(),
        user_id=user.id, agents=(agent,),
    )  # fmt: skip
    await site.core.store.write(lambda tx: open_delegation(site.core, tx, value, audit=audit))
    return value


async def leave_behind(site: Site, value: Delegation, effect_id: str = "eff_1") -> Effect:
    """Record that a call under this delegation shared a folder with Ben."""
    effect = Effect(
        id=effect_id, grant_id=value.id, resource_id=DOCS, subject="user:usr_ben",
        relation="viewer", object="folder:1", created_at=site.clock.now(),
    )  # fmt: skip

    def work(tx):
        site.core.relations.write(tx, [RelationTuple("user:usr_ben", "viewer", "folder:1")])
        site.core.rows.effects.add(tx, [effect])

    await site.core.store.write(work)
    return effect


async def mint(site: Site, value: Delegation, jti: str) -> None:
    """Record a live token of a delegation, as if it had been minted."""
    record = TokenRecord(
        jti=jti, kind=TokenKind.DELEGATED, client_id=value.client_id, sub=value.user_id,
        audience=DOCS, scope="docs:read", grant_id=value.id, issued_at=site.clock.now(),
        expires_at=site.clock.now() + 300_000,
    )  # fmt: skip
    await site.core.store.write(lambda tx: site.core.rows.tokens.add(tx, record))


async def used(site: Site, value: Delegation, *, tag: AuditTag = AuditTag.DECISION) -> None:
    """Record that a delegation was used now."""
    record = AuditRecord(
        tag=tag, outcome=Outcome.DONE, at=site.clock.now(), user_id=value.user_id,
        agents=(value.agent_id,), grant_id=value.id, object="folder:1",
    )  # fmt: skip
    await site.core.store.write(lambda tx: site.core.rows.audit.record(tx, record))


async def stored(site: Site, grant_id: str) -> Delegation:
    found = await site.core.store.read(lambda tx: site.core.rows.delegations.get(tx, grant_id))
    assert found is not None
    return found


async def holds(site: Site, user: str, relation: str, thing: str) -> bool:
    """Tell whether the graph has this very tuple."""
    return await site.core.store.read(
        lambda tx: any(
            one.key.relation == relation
            for one in site.core.relations.read(tx, user=user, object=thing)
        )
    )
