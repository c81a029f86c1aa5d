"""Mandate's own types cannot widen a consent: groups, roles, tools, rights that end."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from authz.clock import rfc3339
from authz.errors import WriteError
from authz.relations import RelationTuple
from authz.resources import resource_object, tool_object
from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Detail
from server.domain.registry import Pickable, Resource, Scope
from server.identity.consent_objects import Held, held_objects, may_pick
from server.identity.consent_offer import Section
from server.services.resources import add_resource
from tests.attacks.test_review_relations import one, write
from tests.protocol.test_decision import question
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import DOCS, NOTES, Party

GROUP = "mandate/group:acme.eng"
ROLE = "mandate/role:acme.auditor"
READ = tool_object(DOCS, "read_document")
DELETE = tool_object(DOCS, "delete_document")


async def at_docs(stage: Stage) -> str:
    answer = await stage.world.exchange(
        stage.a, stage.subject, resource=DOCS, scope="docs:read docs:write"
    )
    return str(answer.json()["access_token"])


async def said(stage: Stage, token: str, name: str, relation: str = "viewer") -> str:
    """Ask as the documents server; return `allowed` or the reason."""
    kind, _, rest = name.partition(":")
    asked = {**question(token, relation=relation), "resources": [{"type": kind, "id": rest}]}
    answer = await stage.world.ask(stage.docs, asked)
    return "allowed" if answer["decision"] else str(answer["context"]["reason"])


@pytest.mark.parametrize(
    "refused",
    [
        ("agent:agt_1", "member", GROUP),
        ("agent:agt_1", "assignee", ROLE),
        ("agent:agt_1", "member", "mandate/organization:acme"),
        ("user:*", "member", GROUP),
        ("user:*", "assignee", ROLE),
        ("user:*", "admin", "mandate/organization:acme"),
        ("consent:dlg_1.0", "member", GROUP),
        ("consent:dlg_1.0", "assignee", ROLE),
        ("consent:dlg_1.0", "caller", READ),
        ("consent:*", "consented", READ),
        ("consent:dlg_1.0#consented", "consented", READ),
        ("user:usr_1", "consented", READ),
        ("agent:*", "ceiling", READ),
        ("agent:*", "caller", READ),
        (f"{GROUP}#member", "ceiling", READ),
        (f"{READ}#caller", "caller", READ),
        (f"{GROUP}#admin", "member", GROUP),
    ],
    ids="|".join,
)
async def test_the_graph_takes_no_tuple_that_mixes_who_with_what_was_agreed(
    stage: Stage, refused: tuple[str, str, str]
) -> None:
    with pytest.raises(WriteError):
        await stage.world.relate(refused)


@requirement("mandate:model:groups-are-people")
async def test_a_group_gives_the_person_a_right_and_the_agent_nothing_without_consent(
    stage: Stage,
) -> None:
    w = stage.world
    token = await at_docs(stage)
    await w.relate((f"{GROUP}#member", "editor", "folder:shared"))
    await w.relate(("folder:shared", "parent", "document:s1"))
    consent = (f"consent:{stage.grant.id}.0", "consented", "folder:shared")
    # The consent alone, then the person's right through the group alone, then both.
    await w.relate(consent)
    assert await said(stage, token, "document:s1") == "user_relation"
    await w.relate((f"user:{stage.ada.id}", "member", GROUP))
    assert await said(stage, token, "document:s1") == "allowed"
    await w.unrelate(consent)
    assert await said(stage, token, "document:s1") == "consent_object"
    # Leaving the group ends it at once.
    await w.relate(consent)
    await w.unrelate((f"user:{stage.ada.id}", "member", GROUP))
    assert await said(stage, token, "document:s1") == "user_relation"


TEAMS = """module teams
type team
  relations
    define member: [user, agent]
type plan
  relations
    define viewer: [user, agent, team#member]
    define consented: [consent]
    define ceiling: [agent]
"""


async def test_an_agent_in_a_team_of_a_module_brings_its_own_right_into_no_delegation(
    stage: Stage,
) -> None:
    w = stage.world
    uri = "https://plans.example/mcp"
    scope = Scope(name="plans:read", description="Read", default=True)
    await add_resource(
        w.core,
        Resource(
            id=uri, name="Plans", scopes={"plans:read": scope}, types=frozenset({"plan"}),
            model=TEAMS,
        ),
        by="test",
    )  # fmt: skip
    plans = await w.client("plans-server", resource_id=uri, grant_types=frozenset())
    agent = await w.agent("planner", {"plans:read"}, {uri})
    session = await w.session(stage.ada)
    grant = await w.delegation(
        stage.ada,
        agent,
        (Detail(resource=uri, scopes=frozenset({"plans:read"}), objects=("plan:1",)),),
        sid=session.id,
    )
    code = await w.code(agent, stage.ada, grant=grant, scope="plans:read", session=session)
    subject = (await w.redeem(agent, code)).json()["access_token"]
    token = (await w.exchange(agent, subject, resource=uri)).json()["access_token"]
    await w.relate(
        (f"agent:{agent.agent.id}", "member", "team:1"), ("team:1#member", "viewer", "plan:1")
    )
    asked = question(token, scope="plans:read", on=["plan:1"])
    assert (await w.ask(plans, asked))["context"]["reason"] == "user_relation"
    await w.relate((f"user:{stage.ada.id}", "member", "team:1"))
    assert (await w.ask(plans, asked))["decision"] is True


@requirement("mandate:model:ends-by-our-clock")
async def test_a_right_that_ends_counts_by_our_clock_alone(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    end = w.clock.now() + 60_000
    viewer = RelationTuple(
        f"user:{stage.ada.id}", "viewer", "document:lent", "mandate_until",
        {"until": rfc3339(end)},
    )  # fmt: skip
    consent = RelationTuple(f"consent:{stage.grant.id}.0", "consented", "document:lent")
    await w.core.store.write(lambda tx: w.core.relations.write(tx, [viewer, consent]))
    assert await said(stage, token, "document:lent") == "allowed"
    w.clock.advance(minutes=1)
    assert await said(stage, token, "document:lent") == "user_relation"
    # Whoever asks cannot turn the clock back, nor bring an end of their own.
    forged = {"current_time": "2000-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z"}
    asked = {**question(token, on=["document:lent"]), "context": forged}
    answer = await w.ask(stage.docs, asked)
    assert answer["decision"] is False


async def _tools(stage: Stage, *tools: str) -> None:
    """Ada consents to these tools of the documents server as well."""
    w, old = stage.world, stage.grant
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    await w.core.store.write(
        lambda tx: close_delegation(w.core, tx, old, reason="revoked", audit=record)
    )
    session = await w.session(stage.ada)
    details = (replace(old.details[0], objects=(*old.details[0].objects, *tools)),)
    stage.grant = await w.delegation(stage.ada, stage.a, details, sid=session.id)
    code = await w.code(
        stage.a, stage.ada, grant=stage.grant, scope="docs:read docs:write", session=session
    )
    stage.subject = (await w.redeem(stage.a, code)).json()["access_token"]


@requirement("mandate:model:tools-are-objects")
async def test_each_leg_alone_decides_about_a_tool(stage: Stage) -> None:
    w = stage.world
    await _tools(stage, READ)
    token = await at_docs(stage)
    own = resource_object(DOCS)
    assert await said(stage, token, READ, "caller") == "user_relation"
    await w.relate((own, "resource", READ), (own, "resource", DELETE))
    await w.relate((f"user:{stage.ada.id}", "caller", own))
    assert await said(stage, token, READ, "caller") == "allowed"
    # Ada may call this one as well, and did not agree to it.
    assert await said(stage, token, DELETE, "caller") == "consent_object"
    # The agent's own right to a tool is no right of Ada's.
    await w.unrelate((f"user:{stage.ada.id}", "caller", own))
    await w.relate((f"agent:{stage.a.agent.id}", "caller", READ))
    assert await said(stage, token, READ, "caller") == "user_relation"
    # Everybody may call it: with a consent, and within the agent's ceiling.
    await w.relate(("user:*", "caller", READ), ("user:*", "caller", DELETE))
    assert await said(stage, token, READ, "caller") == "allowed"
    assert await said(stage, token, DELETE, "caller") == "consent_object"
    rooted = replace(stage.a.agent.ceiling, object_roots=("folder:tax",))
    await w.set_agent(stage.a, ceiling=rooted)
    assert await said(stage, token, READ, "caller") == "ceiling_object"


@requirement("mandate:model:tools-are-objects")
async def test_a_server_speaks_for_its_own_tools_alone(stage: Stage) -> None:
    w = stage.world
    foreign = [
        tool_object(NOTES, "read_document"),
        resource_object(NOTES),
        tool_object(f"{DOCS}/x", "read"),
        tool_object(DOCS, ""),
        "mandate/tool:https%3A//docs.example/mcp",
        "mandate/tool:docs.example/mcp/read_document",
        GROUP,
        ROLE,
    ]
    await _tools(stage)
    token = await at_docs(stage)
    for name in foreign:
        assert await said(stage, token, name, "caller") == "user_relation"
        answer = await write(stage, stage.docs, writes=[one("user:usr_eve", "caller", name)])
        assert (answer.status_code, answer.json()["reason"]) == (403, "foreign_type")
        answer = await write(stage, stage.docs, labels={name: "Harmless"})
        assert answer.status_code == 403
    own = await write(stage, stage.docs, writes=[one("user:usr_eve", "caller", READ)])
    assert own.status_code == 200, own.text
    # In a delegated call that is sharing, which Ada did not allow.
    shared = await write(stage, stage.docs, writes=[one("user:*", "caller", READ)], token=token)
    assert shared.json()["error"] == "sharing_not_consented"
    rows = await w.audited(AuditTag.RELATIONS)
    assert {row[1] for row in rows if row[0] == "refused"} == {
        "foreign_type", "sharing_not_consented",
    }  # fmt: skip


@requirement("mandate:model:tools-are-objects")
async def test_only_the_servers_own_tools_are_offered_at_consent(stage: Stage) -> None:
    w = stage.world
    theirs = tool_object(NOTES, "read_note")
    ada = f"user:{stage.ada.id}"
    await w.relate((ada, "caller", READ), (ada, "caller", theirs))
    pickable = (Pickable(type="mandate/tool", relation="caller", label="Tools"),)
    docs = await w.core.store.read(lambda tx: w.core.rows.resources.get(tx, DOCS))
    assert docs is not None
    section = Section(
        number=0, resource=replace(docs, pickable=pickable), scopes=(), objects=(),
        plain=frozenset({"mandate/tool"}),
    )  # fmt: skip
    assert section.object_of(READ) == READ
    offer: Any = SimpleNamespace(delegates=True, agent=None, sections=(section,))
    offered = await held_objects(w.core.graph, offer, stage.ada.id)
    assert offered == {0: Held((READ,))}
    picked = await may_pick(w.core.graph, offer, stage.ada.id, (READ, theirs, DELETE))
    assert picked == {0: Held((READ,))}


@requirement("mandate:model:tools-are-objects")
async def test_a_person_reads_the_name_of_a_tool_and_not_its_address(stage: Stage) -> None:
    w = stage.world
    odd = f"mandate/tool:{READ.partition(':')[2]}%E2%80%AEx"
    names = [READ, odd, "folder:home", "mandate/tool:x"]
    labels = await w.core.store.read(lambda tx: w.core.rows.resources.labels(tx, names))
    assert labels[READ] == "read_document"
    # Characters that turn the direction of a text are not read by anybody.
    assert odd not in labels


FORGED = """module forged
type page
  relations
    define viewer: [user, consent]
    define consented: [consent] or viewer
    define ceiling: [agent]
"""


async def test_no_server_writes_a_consent_under_another_name(stage: Stage) -> None:
    """A module may let a consent hold a right; nobody can write such a tuple."""
    w = stage.world
    uri = "https://pages.example/mcp"
    await add_resource(
        w.core,
        Resource(id=uri, name="Pages", types=frozenset({"page"}), model=FORGED),
        by="test",
    )
    pages: Party = await w.client("pages-server", resource_id=uri, grant_types=frozenset())
    forged = one(f"consent:{stage.grant.id}.0", "viewer", "page:1")
    answer = await write(stage, pages, writes=[forged])
    assert (answer.status_code, answer.json()["reason"]) == (403, "reserved_relation")


@pytest.mark.parametrize("user", [f"{GROUP}#member", f"{ROLE}#assignee"])
async def test_sharing_with_a_group_needs_a_consent_to_share(stage: Stage, user: str) -> None:
    shared = [one(user, "viewer", "document:t1")]
    token = await at_docs(stage)
    answer = await write(stage, stage.docs, writes=shared, token=token)
    assert answer.json()["error"] == "sharing_not_consented"
