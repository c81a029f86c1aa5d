"""Enterprise-managed authorization as the resource's server: what one assertion gives, and whom."""

from dataclasses import replace
from typing import Any

import pytest

from server.domain.audit import AuditTag
from server.domain.delegation import EVERYTHING, Delegation
from server.domain.issuers import IssuerPurpose
from server.domain.people import OPERATOR, UserStatus
from server.domain.registry import ClientAuth, GrantType, Status
from server.services.trusted_issuers import (
    add_issuer,
    link_identity,
    remove_issuer,
    unlink_identity,
)
from server.services.withdraw import By, Keep, NotYours, allow_again, narrow, revoke
from tests.protocol.test_token_exchange import claims, refused
from tests.requirements import requirement
from tests.support.enterprise_house import House, set_house
from tests.support.idp import IDP, SUBJECT, allowance
from tests.support.world import DOCS, ID, NOTES, World


@pytest.fixture
async def house(w: World) -> House:
    return await set_house(w)


async def rows(house: House) -> list[Delegation]:
    """Return what was vouched for, oldest first."""
    core = house.w.core
    agent = house.assistant.agent.id
    return await core.store.read(
        lambda tx: core.rows.delegations.vouched_for(tx, house.ada.id, agent)
    )


@requirement(
    "ema:accepted",
    "ema:audience-is-resource",
    "ema:no-refresh-token",
    "enterprise:a-delegation",
    "x4:act-from-rows",
)
async def test_an_assertion_gives_a_delegated_token_that_names_person_and_agent(house: House):
    body = await house.token()
    assert body["scope"] == "docs:read docs:write"
    assert "refresh_token" not in body
    assert body["token_type"] == "Bearer"
    token = claims(body["access_token"])
    assert token["sub"] == house.ada.id
    assert token["act"] == {"sub": house.assistant.agent.id}
    assert (token["aud"], token["client_id"]) == (DOCS, house.assistant.client.id)
    assert token["grant_id"] == body["grant_id"]
    assert body["authorization_details"][0]["objects"] == ["folder:tax"]
    [row] = await house.w.audited(AuditTag.ASSERTION_TOKEN)
    assert (row[0], row[2], row[4]) == ("done", house.ada.id, body["grant_id"])
    assert house.assistant.agent.id in row[3]
    [made] = await house.w.audited(AuditTag.DELEGATION_CREATED)
    assert made[4] == body["grant_id"]
    # The next assertion rests on the same delegation.
    assert (await house.token())["grant_id"] == body["grant_id"]
    assert len(await rows(house)) == 1


@requirement("enterprise:ones-own-rights", "enterprise:nothing-named")
async def test_it_reaches_what_the_policy_names_and_the_person_may(house: House):
    w = house.w
    token = (await house.token())["access_token"]
    assert await house.may(token, "document:t1")
    assert not await house.may(token, "document:h1")
    await w.unrelate((f"user:{house.ada.id}", "owner", "folder:tax"))
    assert not await house.may(token, "document:t1")
    await w.relate((f"user:{house.ada.id}", "owner", "folder:tax"))
    for objects, reached in (((EVERYTHING,), True), ((), False)):
        value = house.idp.trusted(
            IssuerPurpose.ID_JAG, allowances=(allowance(house.assistant, objects=objects),)
        )
        await add_issuer(w.core, value, by="test", in_place=True)
        token = (await house.token())["access_token"]
        assert await house.may(token, "document:t1") is reached
        assert await house.may(token, "document:h1") is reached
        # Of other people it reaches nothing, whatever the policy says.
        assert not await house.may(token, "document:of-bob")
    # An agent's ceiling bounds everything as well.
    await w.set_agent(house.assistant, status=Status.SUSPENDED)
    assert not await house.active(token)


@requirement("ema:scope-intersection")
@pytest.mark.parametrize(
    ("asserted", "requested", "got"),
    [
        ("docs:read docs:write", None, "docs:read docs:write"),
        ("docs:read docs:write", "docs:read", "docs:read"),
        ("docs:read", "docs:read docs:write", "docs:read"),
        ("docs:read docs:delete", None, "docs:read"),  # not in the policy
        (None, None, "docs:read"),  # the resource's default
        (None, "docs:read docs:write", "docs:read"),
        ("docs:read", "docs:write", None),
        ("docs:delete", None, None),
        (None, "docs:write", None),
    ],
)
async def test_the_scope_is_never_more_than_any_of_those_who_decide(
    house: House, asserted: str | None, requested: str | None, got: str | None
):
    form: dict[str, Any] = {} if requested is None else {"scope": requested}
    jag = house.idp.jag(house.assistant, scope=asserted)
    answer = await house.ask(jag, **form)
    if got is None:
        refused(answer, "invalid_scope", "nothing_left")
        assert await rows(house) == []
    else:
        assert answer.json()["scope"] == got
        assert claims(answer.json()["access_token"])["scope"] == got


async def test_the_clients_own_scopes_and_the_agents_ceiling_bound_it(house: House):
    w = house.w
    narrow_client = await w.client(
        "narrow", agent=house.assistant.agent, scopes=frozenset({"docs:read"})
    )
    value = house.idp.trusted(
        IssuerPurpose.ID_JAG,
        allowances=(allowance(house.assistant), allowance(narrow_client)),
    )
    await add_issuer(w.core, value, by="test", in_place=True)
    answer = await house.ask(house.idp.jag(narrow_client), by=narrow_client)
    assert answer.json()["scope"] == "docs:read"
    ceiling = replace(house.assistant.agent.ceiling, scopes=frozenset({"docs:write"}))
    await w.set_agent(house.assistant, ceiling=ceiling)
    assert (await house.token())["scope"] == "docs:write"


async def test_a_scope_brings_what_it_includes_and_no_more(house: House):
    w = house.w
    resource = await w.core.snapshot.resource(DOCS)
    assert resource is not None
    writes = replace(resource.scopes["docs:write"], includes=frozenset({"docs:read"}))
    changed = replace(resource, scopes={**resource.scopes, "docs:write": writes})
    await w.core.store.write(lambda tx: w.core.rows.resources.update(tx, changed))
    assert (await house.token(scope="docs:write"))["scope"] == "docs:read docs:write"
    answer = await house.ask(house.idp.jag(house.assistant, scope="docs:read"), scope="docs:write")
    assert answer.json()["scope"] == "docs:read"


@requirement("ema:resource")
async def test_it_names_one_registered_resource_and_the_request_no_other(house: House):
    jag = house.idp.jag
    bad = await house.ask(jag(house.assistant, resource="https://unknown.example"))
    refused(bad, "invalid_grant", "assertion_resource")
    slash = await house.ask(jag(house.assistant, resource=f"{DOCS}/"))
    refused(slash, "invalid_grant", "assertion_resource")
    other = await house.ask(jag(house.assistant), resource=NOTES)
    refused(other, "invalid_target", "target_not_granted")
    mute = await house.ask(jag(house.assistant, resource=NOTES, scope="notes:read"))
    refused(mute, "invalid_grant", "not_allowed_by_policy")
    assert (await house.ask(jag(house.assistant), resource=DOCS)).status_code == 200


@requirement("ema:client", "ema:client-authenticated")
async def test_it_is_good_for_the_client_that_it_names_alone(house: House):
    w = house.w
    other = await w.client("other", agent=house.assistant.agent, scopes=frozenset({"docs:read"}))
    refused(
        await house.ask(house.idp.jag(house.assistant), by=other),
        "invalid_grant",
        "assertion_of_other_client",
    )
    app = await w.client("app")
    refused(await house.ask(house.idp.jag(app), by=app), "unauthorized_client", "no_agent")
    mute = await w.client(
        "mute", agent=house.assistant.agent, grant_types=frozenset({GrantType.TOKEN_EXCHANGE})
    )
    refused(
        await house.ask(house.idp.jag(mute), by=mute), "unauthorized_client", "grant_not_allowed"
    )
    # Nobody at all: an identity assertion is no workload.
    alone = await w.post(
        "/token", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                   "assertion": house.idp.jag(house.assistant)},
    )  # fmt: skip
    refused(alone, "invalid_grant", "assertion_refused")
    named = await w.post(
        "/token", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                   "client_id": house.assistant.client.id,
                   "assertion": house.idp.jag(house.assistant)},
    )  # fmt: skip
    assert (named.status_code, named.json()["error"]) == (401, "invalid_client")
    public = await w.client(
        "public", agent=house.assistant.agent, auth=ClientAuth.NONE, grant_types=frozenset()
    )
    answer = await w.post(
        "/token", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                   "client_id": public.client.id, "assertion": house.idp.jag(public)},
    )  # fmt: skip
    refused(answer, "unauthorized_client", "grant_not_allowed")
    # Not even if it came by the grant in another way.
    forced = replace(public.client, grant_types=frozenset({GrantType.JWT_BEARER}))
    await w.core.store.write(lambda tx: w.core.rows.clients.update(tx, forced))
    answer = await w.post(
        "/token", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                   "client_id": public.client.id, "assertion": house.idp.jag(public)},
    )  # fmt: skip
    refused(answer, "unauthorized_client", "public_client")


@requirement("enterprise:revoked-stays")
@pytest.mark.parametrize("as_admin", [False, True])
async def test_what_was_revoked_is_not_made_again_until_it_is_lifted(house: House, as_admin: bool):
    core = house.w.core
    who = OPERATOR if as_admin else house.ada
    first = await house.token()
    await revoke(core, first["grant_id"], By(user=who, as_admin=as_admin))
    assert not await house.active(first["access_token"])
    for _ in range(2):
        answer = await house.ask(house.idp.jag(house.assistant))
        refused(answer, "invalid_grant", "delegation_revoked")
    # Nor by another client of the same agent, nor by another issuer.
    other = await house.w.client("o", agent=house.assistant.agent, scopes=frozenset({"docs:read"}))
    value = house.idp.trusted(
        IssuerPurpose.ID_JAG, allowances=(allowance(house.assistant), allowance(other))
    )
    await add_issuer(core, value, by="test", in_place=True)
    refused(await house.ask(house.idp.jag(other), by=other), "invalid_grant", "delegation_revoked")
    bob = await house.w.user("bob")
    assert isinstance(await allow_again(core, first["grant_id"], By(user=bob)), NotYours)
    if as_admin:
        # What an administrator stopped, the person cannot start.
        assert await allow_again(core, first["grant_id"], By(user=house.ada)) is False
        refused(
            await house.ask(house.idp.jag(house.assistant)), "invalid_grant", "delegation_revoked"
        )
    assert await allow_again(core, first["grant_id"], By(user=who, as_admin=as_admin)) is True
    assert await allow_again(core, first["grant_id"], By(user=who, as_admin=as_admin)) is False
    again = await house.token()
    assert again["grant_id"] != first["grant_id"]
    assert not await house.active(first["access_token"])
    [lifted] = await house.w.audited(AuditTag.DELEGATION_LIFTED)
    assert lifted[2] == house.ada.id


@requirement("enterprise:narrowed-stays", "x9:narrowing-permanent")
async def test_what_the_person_took_away_stays_away(house: House):
    core = house.w.core
    first = await house.token()
    keep = Keep(
        scopes={"docs:read"}, objects={"folder:tax"}, hand_over=(), downstream=(), sharing=False
    )
    assert await narrow(core, first["grant_id"], keep, By(user=house.ada)) is True
    assert (await house.token())["scope"] == "docs:read"
    # An administrator says the policy anew: the row is another, the bound is the same.
    value = house.idp.trusted(
        IssuerPurpose.ID_JAG,
        allowances=(
            allowance(
                house.assistant, scopes=frozenset({"docs:read", "docs:write", "docs:delete"})
            ),
        ),
    )
    await add_issuer(core, value, by="test", in_place=True)
    anew = await house.token(scope="docs:read docs:write docs:delete")
    assert anew["grant_id"] != first["grant_id"]
    assert anew["scope"] == "docs:read"
    # And when its time is over.
    house.w.clock.advance(days=91)
    later = await house.token()
    assert later["grant_id"] != anew["grant_id"]
    assert later["scope"] == "docs:read"


@requirement("enterprise:narrowed-stays")
async def test_an_end_that_the_person_set_is_an_end(house: House):
    core = house.w.core
    first = await house.token()
    keep = Keep(
        scopes={"docs:read", "docs:write"},
        objects={"folder:tax"},
        hand_over=(),
        downstream=(),
        sharing=False,
        expires_at=house.w.clock.now() + 3_600_000,
    )
    assert await narrow(core, first["grant_id"], keep, By(user=house.ada)) is True
    # A policy that is said anew does not give it more time.
    value = house.idp.trusted(
        IssuerPurpose.ID_JAG,
        allowances=(allowance(house.assistant, scopes=frozenset({"docs:read"})),),
    )
    await add_issuer(core, value, by="test", in_place=True)
    second = await house.token()
    [row] = [each for each in await rows(house) if each.id == second["grant_id"]]
    assert row.expires_at == keep.expires_at
    house.w.clock.advance(seconds=3601)
    refused(await house.ask(house.idp.jag(house.assistant)), "invalid_grant", "delegation_revoked")
    assert await allow_again(core, second["grant_id"], By(user=house.ada)) is True
    assert (await house.token())["scope"] == "docs:read"


@requirement("enterprise:issuer-removed")
async def test_an_issuer_that_is_not_trusted_any_more_ends_what_rests_on_it(house: House):
    core = house.w.core
    held = await house.token()
    ended = await remove_issuer(core, IDP, by="test")
    assert ended.delegations == 1
    assert not await house.active(held["access_token"])
    refused(await house.ask(house.idp.jag(house.assistant)), "invalid_grant", "assertion_refused")
    # Trusted anew, with a link anew: no tombstone, since no person revoked it.
    value = house.idp.trusted(IssuerPurpose.ID_JAG, allowances=(allowance(house.assistant),))
    await add_issuer(core, value, by="test")
    refused(await house.ask(house.idp.jag(house.assistant)), "invalid_grant", "subject_unknown")
    await link_identity(core, IDP, SUBJECT, house.ada.id, by="test")
    assert (await house.token())["grant_id"] != held["grant_id"]


async def test_a_policy_that_allows_less_ends_what_it_allowed(house: House):
    core = house.w.core
    held = await house.token()
    same = house.idp.trusted(IssuerPurpose.ID_JAG, allowances=(allowance(house.assistant),))
    _, ended = await add_issuer(core, same, by="test", in_place=True)
    assert ended.delegations == 0
    assert await house.active(held["access_token"])
    less = replace(same, allowances=(allowance(house.assistant, scopes=frozenset({"docs:read"})),))
    _, ended = await add_issuer(core, less, by="test", in_place=True)
    assert ended.delegations == 1
    assert not await house.active(held["access_token"])
    assert (await house.token())["scope"] == "docs:read"


async def test_a_subject_that_is_unlinked_is_nobody(house: House):
    held = await house.token()
    await unlink_identity(house.w.core, IDP, SUBJECT, by="test")
    assert not await house.active(held["access_token"])
    refused(await house.ask(house.idp.jag(house.assistant)), "invalid_grant", "subject_unknown")


async def test_a_disabled_person_or_client_gets_nothing(house: House):
    held = await house.token()
    await house.w.set_user(house.ada, status=UserStatus.DISABLED)
    assert not await house.active(held["access_token"])
    refused(await house.ask(house.idp.jag(house.assistant)), "invalid_grant", "user_disabled")
    await house.w.set_user(house.ada)
    await house.w.set_agent(house.assistant, status=Status.SUSPENDED)
    refused(
        await house.ask(house.idp.jag(house.assistant)), "unauthorized_client", "agent_suspended"
    )


@requirement("enterprise:only-by-assertion")
async def test_the_delegation_stands_behind_no_other_token(house: House):
    w = house.w
    await house.token()
    session = await w.session(house.ada)
    plain = await w.code(house.assistant, house.ada, scope="openid", session=session)
    # A sign-in at the agent's client rests on a consent of its own; here there is none.
    assert (await w.redeem(house.assistant, plain)).status_code == 400
    own = await w.delegation(house.ada, house.assistant, (), sid=session.id)
    code = await w.code(house.assistant, house.ada, grant=own, scope="openid", session=session)
    id_token = (await w.redeem(house.assistant, code)).json()["id_token"]
    answer = await w.exchange(
        house.assistant, id_token, subject_token_type=ID, resource=DOCS, scope="docs:read"
    )
    refused(answer, "invalid_request", "consent_required")


async def test_its_token_goes_on_downstream_only_by_its_own_delegation(house: House):
    held = await house.token()
    answer = await house.w.exchange(house.assistant, held["access_token"], scope="docs:read")
    assert answer.status_code == 200, answer.text
    assert claims(answer.json()["access_token"])["grant_id"] == held["grant_id"]
    other = await house.w.exchange(house.assistant, held["access_token"], resource=NOTES)
    refused(other, "invalid_target", "target_not_consented")


@requirement("ema:profile-advertised", "wif:grant-advertised", "rfc8414:2:truthful")
async def test_the_metadata_tells_it(w: World):
    document: dict[str, Any] = (await w.http.get("/.well-known/oauth-authorization-server")).json()
    profile = "urn:ietf:params:oauth:grant-profile:id-jag"
    assert document["authorization_grant_profiles_supported"] == [profile]
    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" in document["grant_types_supported"]
    assert "workload_identity" not in document["token_endpoint_auth_methods_supported"]
