"""Pushed authorization requests (RFC 9126), by HTTP."""

import asyncio
import json
from dataclasses import replace

import httpx2
import pytest

from server.domain.registry import Client, ClientAuth
from tests.requirements import requirement
from tests.support.flow_site import Flow, details, told
from tests.support.people_site import words


async def push(
    flow: Flow, secret: str | None = None, client: Client | None = None, **changes: object
) -> httpx2.Response:
    chosen = client or flow.client
    http = flow.site.browser().http
    return await http.post(
        f"{flow.issuer}/par", data=flow.request(chosen, **changes),
        auth=(chosen.id, flow.secret if secret is None else secret),
    )  # fmt: skip


async def by_front_door(flow: Flow, request_uri: str, client: Client | None = None, **more):
    parameters = {"client_id": (client or flow.client).id, "request_uri": request_uri, **more}
    return await flow.site.browser().get("/authorize", params=parameters)


@requirement("rfc9126:2.2:201")
async def test_a_pushed_request_is_used_through_its_request_uri(flow):
    pushed = await push(flow, state="pushed")
    assert pushed.status_code == 201
    assert pushed.headers["cache-control"] == "no-store"
    body = pushed.json()
    assert body.keys() == {"request_uri", "expires_in"}
    assert body["expires_in"] == 60
    assert body["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    browser = await flow.person()
    page = await flow.follow(
        browser,
        await browser.get(
            "/authorize",
            params={"client_id": flow.client.id, "request_uri": body["request_uri"]},
        ),
    )
    assert "Read your documents" in words(page.text)
    answer = told(await flow.decide(browser, page, scope=["docs:read"]))
    assert answer["state"] == "pushed"
    assert "code" in answer


async def test_only_what_was_pushed_counts(flow):
    uri = (await push(flow, state="pushed")).json()["request_uri"]
    answer = await by_front_door(flow, uri, scope="docs:delete", state="url", prompt="none")
    assert answer.headers["location"].startswith("/interaction/")
    rows = await flow.site.rows("SELECT document FROM interaction")
    (document,) = [json.loads(row[0]) for row in rows]
    assert (document["state"], document["prompt"]) == ("pushed", [])
    assert "docs:delete" not in str(document)


@requirement("rfc9126:2.1:client-authenticated")
async def test_pushing_needs_the_clients_credentials(flow):
    answer = await push(flow, secret="wrong")
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    bare = await flow.site.browser().post("/par", flow.request())
    assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")


@requirement("rfc9126:2.1:validated")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://evil.example"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "no:such"}, "invalid_scope"),
        ({"resource": "https://nowhere.example"}, "invalid_target"),
        ({"authorization_details": details({"a": 1})}, "invalid_authorization_details"),
        ({"request": "e30.e30."}, "request_not_supported"),
    ],
)
async def test_a_pushed_request_is_examined_as_any_other(flow, changes, error):
    answer = await push(flow, **changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert await flow.site.rows("SELECT hash FROM pushed_request") == []


@requirement("rfc9126:2.1:no-request-uri")
async def test_a_request_uri_cannot_be_pushed(flow):
    uri = (await push(flow)).json()["request_uri"]
    answer = await push(flow, request_uri=uri)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_client_cannot_push_in_the_name_of_another(flow):
    answer = await push(flow, client_id=flow.chat.id)
    assert answer.status_code == 401


async def test_a_repeated_parameter_is_refused(flow):
    pairs = [*flow.request().items(), ("scope", "docs:read")]
    body = "&".join(f"{name}={value}" for name, value in pairs).replace(" ", "+")
    answer = await flow.site.browser().http.post(
        f"{flow.issuer}/par", content=body, auth=(flow.client.id, flow.secret),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@requirement("rfc9126:4:bound-once")
async def test_a_request_uri_is_used_once_by_its_client_and_soon(flow_anywhere):
    flow = flow_anywhere
    uri = (await push(flow)).json()["request_uri"]
    assert (await by_front_door(flow, uri, flow.chat)).status_code == 400
    assert (await by_front_door(flow, uri + "x")).status_code == 400
    first = await by_front_door(flow, uri)
    assert first.status_code == 303
    again = await by_front_door(flow, uri)
    assert again.status_code == 400
    assert "invalid_request_uri" in again.text
    assert "location" not in again.headers
    late = (await push(flow)).json()["request_uri"]
    flow.site.clock.advance(seconds=60)
    assert (await by_front_door(flow, late)).status_code == 400


async def test_of_many_browsers_at_once_one_uses_a_request_uri(flow_anywhere):
    flow = flow_anywhere
    uri = (await push(flow)).json()["request_uri"]
    answers = await asyncio.gather(*(by_front_door(flow, uri) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 7


async def test_a_client_that_must_push_may(flow):
    core = flow.site.core
    must = replace(flow.client, require_par=True)
    await core.store.write(lambda tx: core.rows.clients.update(tx, must))
    uri = (await push(flow)).json()["request_uri"]
    assert (await by_front_door(flow, uri)).status_code == 303


@requirement("mandate:log:no-secret")
async def test_credentials_are_not_kept_with_a_pushed_request(flow):
    core = flow.site.core
    by_post = replace(flow.client, auth=ClientAuth.POST)
    await core.store.write(lambda tx: core.rows.clients.update(tx, by_post))
    sent = {**flow.request(), "client_secret": flow.secret}
    answer = await flow.site.browser().post("/par", sent)
    assert answer.status_code == 201
    rows = str(await flow.site.rows("SELECT hash, client_id, document FROM pushed_request"))
    assert "docs:read" in rows
    assert flow.secret not in rows
    assert answer.json()["request_uri"].rpartition(":")[2] not in rows
