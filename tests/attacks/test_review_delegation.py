"""Attacks of the review: authority that outlives what the person took back, or was never given."""

from dataclasses import replace

import httpx2
from sqlalchemy import func, select

from server.delegation.lifecycle import open_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Delegation, Detail
from server.domain.people import User
from server.domain.registry import ClientAuth, GrantType
from server.domain.unit import Unit
from server.protocol.grants.children import MAX_HELPERS
from server.services.withdraw import By, Keep, narrow, revoke
from server.storage.tables.audit import audit
from tests.protocol.test_token_exchange import refused
from tests.support.stage import Stage
from tests.support.world import CHALLENGE, DOCS, NOTES, Party

EDGE = (DOCS, "docs:read", NOTES, "notes:read")


def kept(value: Delegation, **changes: object) -> Keep:
    """Keep all of a delegation but what is said."""
    whole: dict[str, object] = {
        "scopes": [s for d in value.details for s in d.scopes],
        "objects": [o for d in value.details for o in d.objects],
        "hand_over": value.allow_agents,
        "downstream": [" ".join(edge) for edge in value.allow_edges],
        "sharing": value.allow_sharing,
    }
    return Keep(**{**whole, **changes})  # type: ignore[arg-type]


async def handed(stage: Stage, **extra: str) -> httpx2.Response:
    """Let A hand work to B."""
    w = stage.world
    return await w.exchange(stage.a, stage.subject, resource=w.uri(stage.b), **extra)


async def stored(stage: Stage, grant_id: str) -> Delegation:
    """Read a delegation."""
    core = stage.world.core
    found = await core.store.read(lambda tx: core.rows.delegations.get(tx, grant_id))
    assert found is not None
    return found


async def question(stage: Stage, token: str, scope: str = "docs:write") -> dict[str, object]:
    """Ask as the documents server about a document of Ada's."""
    body = {
        "subject": {"type": "access_token", "id": token},
        "action": {"name": scope, "properties": {"relation": "viewer", "tool": "t"}},
        "resource": {"type": "document", "id": "t1"},
    }
    return await stage.world.ask(stage.docs, body)


async def the_way_on(stage: Stage) -> tuple[Party, Delegation, str, str]:
    """Let another person consent to the edge docs -> notes; return hub, row and tokens."""
    w = stage.world
    hub = await w.agent("docs-hub", {"notes:read"}, {NOTES}, resource_id=DOCS)
    eve: User = await w.user("eve")
    session = await w.session(eve)
    grant = await w.delegation(
        eve,
        stage.a,
        (Detail(resource=DOCS, scopes=frozenset({"docs:read", "docs:write"})),),
        allow_edges=(EDGE,),
        sid=session.id,
    )
    code = await w.code(stage.a, eve, grant=grant, scope="docs:read docs:write", session=session)
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    at_docs = (
        await w.exchange(stage.a, subject, resource=DOCS, scope="docs:read docs:write")
    ).json()["access_token"]
    answer = await w.exchange(hub, at_docs, resource=NOTES, scope="notes:read")
    assert answer.status_code == 200, answer.text
    return hub, grant, at_docs, answer.json()["access_token"]


async def test_a_scope_that_was_taken_back_leads_nowhere_downstream(stage: Stage) -> None:
    w = stage.world
    hub, grant, at_docs, at_notes = await the_way_on(stage)
    body = {"subject": {"type": "access_token", "id": at_notes}, "action": {"name": "notes:read"}}
    assert (await w.ask(stage.notes, body))["decision"] is True
    by = By(user=await w.core.snapshot.user(grant.user_id))  # type: ignore[arg-type]
    # Eve takes `docs:read` back, and with it the only reason to read her notes.
    assert await narrow(w.core, grant.id, kept(grant, scopes=["docs:write"]), by) is True
    assert (await w.ask(stage.notes, body))["decision"] is False
    answer = await w.exchange(hub, at_docs, resource=NOTES, scope="notes:read")
    refused(answer, "invalid_target", "no_edge")


async def test_what_was_taken_from_a_helper_does_not_come_back_by_handing_on_again(
    stage: Stage,
) -> None:
    w = stage.world
    child = await stored(stage, (await handed(stage)).json()["grant_id"])
    by = By(user=stage.ada)
    assert await narrow(w.core, child.id, kept(child, scopes=["docs:read"]), by) is True
    again = await handed(stage)
    assert again.status_code == 200, again.text
    assert again.json()["scope"] == "docs:read"
    ticket = again.json()["access_token"]
    answer = await w.exchange(stage.b, ticket, resource=DOCS, scope="docs:read docs:write")
    assert answer.json()["scope"] == "docs:read"
    refused(await handed(stage, scope="docs:write"), "invalid_scope", "nothing_left")


async def test_a_helper_whose_objects_were_cut_does_not_get_them_back(stage: Stage) -> None:
    w = stage.world
    child = await stored(stage, (await handed(stage)).json()["grant_id"])
    assert await narrow(w.core, child.id, kept(child, objects=[]), By(user=stage.ada)) is True
    ticket = (await handed(stage)).json()["access_token"]
    token = (await w.exchange(stage.b, ticket, resource=DOCS)).json()["access_token"]
    assert (await question(stage, token, "docs:read"))["decision"] is False


async def test_a_helper_that_was_revoked_is_not_handed_work_again(stage: Stage) -> None:
    w = stage.world
    child = (await handed(stage)).json()["grant_id"]
    await revoke(w.core, child, By(user=stage.ada))
    refused(await handed(stage), "invalid_target", "handover_not_consented")
    refused(await handed(stage, scope="docs:read"), "invalid_target", "handover_not_consented")
    # The first agent itself goes on.
    assert (await w.exchange(stage.a, stage.subject, resource=DOCS)).status_code == 200


async def test_an_agent_cannot_fill_the_tree_of_a_delegation(stage: Stage) -> None:
    w, now = stage.world, stage.world.clock.now()
    record = AuditRecord(tag=AuditTag.DELEGATION_CREATED, outcome=Outcome.DONE, at=now)
    assert stage.b.agent is not None

    def fill(tx: Unit) -> None:
        for n in range(MAX_HELPERS):
            row = replace(
                stage.grant, id=f"dlg_{n}", path=(stage.grant.id, f"dlg_{n}"), created_at=now,
                agent_id=stage.b.agent.id, expires_at=now + 1000 * (n + 1),
            )  # fmt: skip
            open_delegation(w.core, tx, row, audit=record)

    await w.core.store.write(fill)
    refused(await handed(stage), "invalid_target", "too_many_helpers")
    # What has ended does not count.
    w.clock.advance(seconds=2)
    assert (await handed(stage)).status_code == 200


async def test_details_that_an_exchange_does_not_heed_are_refused(stage: Stage) -> None:
    w = stage.world
    details = (
        f'[{{"type":"mandate","resource":"{DOCS}","scopes":["docs:read"],'
        '"objects":["document:t1"]}]'
    )
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, authorization_details=details)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_authorization_details"


async def test_a_ticket_for_an_agent_is_no_subject_of_an_impersonation(stage: Stage) -> None:
    w = stage.world
    app = await w.client("app", scopes=frozenset({"docs:read"}), may_impersonate=True)
    session = await w.session(stage.ada)
    grant = await w.delegation(
        stage.ada, stage.a, stage.grant.details, client_id=app.client.id, sid=session.id
    )
    code = await w.code(
        app, stage.ada, grant=grant, scope="docs:read docs:write", session=session,
        resources=(w.uri(stage.a),),
    )  # fmt: skip
    subject = (await w.redeem(app, code)).json()["access_token"]
    # Ada allowed the agent one folder; as she herself the application would see them all.
    refused(
        await w.exchange(app, subject, actor=None, resource=DOCS, scope="docs:read"),
        "invalid_request",
        "subject_for_agent",
    )


async def test_a_grant_that_a_client_may_not_use_is_written_down(stage: Stage) -> None:
    w = stage.world
    answer = await w.post("/token", {"grant_type": "client_credentials"}, by=stage.docs)
    refused(answer, "unauthorized_client", "grant_not_allowed")
    rows = await w.audited(AuditTag.CLIENT_TOKEN)
    assert ("refused", "grant_not_allowed") in {(row[0], row[1]) for row in rows}


async def test_a_helper_does_not_keep_by_an_edge_what_was_taken_back(stage: Stage) -> None:
    w = stage.world
    both = (
        Detail(resource=DOCS, scopes=frozenset({"docs:read"})),
        Detail(resource=NOTES, scopes=frozenset({"notes:read"})),
    )
    session = await w.session(stage.ada)
    assert stage.b.agent is not None
    grant = await w.delegation(
        stage.ada, stage.a, both, allow_agents=(stage.b.agent.id,), max_depth=1,
        allow_edges=(EDGE,), sid=session.id,
    )  # fmt: skip
    code = await w.code(
        stage.a, stage.ada, grant=grant, scope="docs:read notes:read", session=session
    )
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    answer = await w.exchange(stage.a, subject, resource=w.uri(stage.b))
    ticket = answer.json()["access_token"]
    token = (await w.exchange(stage.b, ticket, resource=NOTES)).json()["access_token"]
    body = {"subject": {"type": "access_token", "id": token}, "action": {"name": "notes:read"}}
    assert (await w.ask(stage.notes, body))["decision"] is True
    # The edge is the documents server's way to the notes, not the second agent's.
    await narrow(w.core, grant.id, kept(grant, scopes=["docs:read"]), By(user=stage.ada))
    assert (await w.ask(stage.notes, body))["decision"] is False


async def test_strangers_cannot_fill_the_audit_in_the_name_of_a_public_client(
    stage: Stage,
) -> None:
    w = stage.world
    public = await w.client(
        "public", auth=ClientAuth.NONE,
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}),
    )  # fmt: skip
    before = await rows_of_audit(stage)
    for form in (
        {"grant_type": "refresh_token", "refresh_token": "guess"},
        {"grant_type": "refresh_token"},
        {"grant_type": "authorization_code", "code": "guess"},
        {"grant_type": "authorization_code"},
        {"grant_type": "client_credentials"},
    ):
        answer = await w.post("/token", {**form, "client_id": public.client.id})
        assert answer.status_code == 400
    assert await rows_of_audit(stage) == before
    # A code that exists is another matter: somebody has stolen it.
    code = await w.code(public, stage.ada)
    answer = await w.post(
        "/token",
        {
            "grant_type": "authorization_code", "code": code, "client_id": public.client.id,
            "redirect_uri": "https://app.example/cb", "code_verifier": "x" * 43,
        },
    )  # fmt: skip
    refused(answer, "invalid_grant", "verifier_mismatch")
    assert await rows_of_audit(stage) == before + 1


async def test_strangers_cannot_fill_the_audit_by_asking_without_a_page(stage: Stage) -> None:
    w = stage.world
    app = await w.client("app")
    before = await rows_of_audit(stage)
    answer = await w.http.get(
        "/authorize",
        params={
            "client_id": app.client.id, "redirect_uri": "https://app.example/cb",
            "response_type": "code", "scope": "openid", "prompt": "none",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        },
    )  # fmt: skip
    assert answer.status_code == 303
    answer = await w.http.get(answer.headers["location"])
    assert "error=login_required" in answer.headers["location"]
    assert await rows_of_audit(stage) == before


async def rows_of_audit(stage: Stage) -> int:
    """Count what the audit holds."""
    query = select(func.count()).select_from(audit)
    return int((await stage.world.core.store.read(lambda tx: tx.fetch(query)))[0][0])
