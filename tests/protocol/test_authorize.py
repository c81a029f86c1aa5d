"""The authorization endpoint: RFC 6749 §4.1, 7636, 8707, 9207, 9396 and OIDC Core §3.1.2, by HTTP."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from server.domain.registry import Client, GrantType, Status
from server.protocol.redirect_uri import is_registered
from tests.requirements import requirement
from tests.support.flow_site import CALLBACK, DOCS, SEARCH, Flow, details, open_flow, told
from tests.support.people_site import words


async def ask(flow: Flow, client: Client | None = None, **changes: object) -> httpx2.Response:
    return await flow.site.browser().get("/authorize", params=flow.request(client, **changes))


async def change_client(flow: Flow, client: Client, **changes: Any) -> Client:
    changed = replace(client, **changes)
    core = flow.site.core
    await core.store.write(lambda tx: core.rows.clients.update(tx, changed))
    return changed


def assert_page_only(answer: httpx2.Response) -> None:
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")


# -- the client and its redirect URI come first, and never redirect


@requirement("rfc6749:3.1.2.4:no-redirect", "rfc9700:2.1:no-open-redirect")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "cli_unknown"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "https://agent.example/callback/"},
        {"redirect_uri": "https://agent.example/callback?x=1"},
        {"redirect_uri": "https://agent.example/Callback"},
        {"redirect_uri": "https://agent.example:443/callback"},
        {"redirect_uri": "https://agent.example@evil.example/callback"},
        {"redirect_uri": "https://agent.example/a/..;/callback"},
        {"redirect_uri": "JaVaScRiPt:alert(1)"},
        {"redirect_uri": "https://evil.example/callback", "response_type": "token"},
    ],
)
async def test_a_bad_client_or_redirect_uri_is_shown_and_never_redirected(flow, changes):
    assert_page_only(await ask(flow, **changes))


async def test_a_suspended_client_is_as_unknown_as_one_that_never_was(flow):
    client = await change_client(flow, flow.client, status=Status.SUSPENDED)
    suspended, unknown = await ask(flow, client), await ask(flow, client_id="cli_unknown")
    assert_page_only(suspended)
    assert suspended.text == unknown.text


@requirement("rfc9700:2.1:exact-redirect")
@pytest.mark.parametrize(
    ("sent", "good"),
    [
        ("http://127.0.0.1:51004/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://[::1]:51004/callback", True),
        ("http://localhost:51004/callback", False),
        ("http://127.0.0.1:51004/other", False),
        ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:99999/callback", False),
        ("http://127.0.0.1:80@evil.example/callback", False),
        ("http://127.0.0.1.evil.example/callback", False),
        ("https://127.0.0.1:51004/callback", False),
        ("http://127.0.0.1:51004/callback#x", False),
        ("https://agent.example:8443/callback", False),
    ],
)
def test_only_the_port_of_a_loopback_address_may_vary(sent, good):
    registered = (
        "http://127.0.0.1/callback", "http://[::1]:8000/callback", "http://localhost/callback",
        "https://agent.example/callback",
    )  # fmt: skip
    assert is_registered(sent, registered) is good


async def test_redirect_uri_may_be_left_out_where_there_is_no_choice_and_no_openid(flow):
    browser = await flow.person()
    page = await flow.authorize(browser, redirect_uri=None, scope="docs:read")
    answer = await flow.decide(browser, page, scope=["docs:read"])
    assert "code" in told(answer)
    assert answer.headers["location"].startswith(CALLBACK)
    code = await flow.code(told(answer)["code"])
    assert code.redirect_uri_sent is False


# -- everything else is told to the client, with iss and state


@requirement(
    "rfc9207:2:iss", "rfc6749:4.1.2:state-returned", "rfc6749:4.1.1:response-type",
    "rfc7636:4.3:s256-only", "rfc7636:4.4.1:required", "rfc9700:2.1.1:pkce-required",
    "rfc9700:2.1.2:no-implicit", "oidc:3.1.2.1:prompt-none-alone", "rfc6749:3.3:scope-grammar",
)  # fmt: skip
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"code_challenge": "A" * 44}, "invalid_request"),
        ({"code_challenge": "A" * 42 + "B"}, "invalid_request"),
        ({"code_challenge": "A" * 42 + "="}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "9" * 12}, "invalid_request"),
        ({"acr_values": " ".join("abcdefghijk")}, "invalid_request"),
        ({"nonce": "n" * 2049}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://agent.example/request.jwt"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"scope": "docs:read docs:\u00e9"}, "invalid_scope"),
        ({"scope": "docs:read  docs:write"}, "invalid_scope"),
        ({"scope": "docs:read admin:everything"}, "invalid_scope"),
        ({"scope": "search:query"}, "invalid_scope"),
    ],
)
async def test_a_bad_request_is_answered_to_the_client_with_iss_and_state(flow, changes, error):
    answer = await ask(flow, **changes)
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    said = told(answer)
    assert said["error"] == error
    assert said["iss"] == flow.issuer
    assert said["state"] == "st4te"
    assert "code" not in said


async def test_a_state_that_is_too_long_is_refused_and_not_sent_back(flow):
    said = told(await ask(flow, state="s" * 2049))
    assert said["error"] == "invalid_request"
    assert "state" not in said


async def test_errors_go_by_form_post_when_that_was_asked(flow):
    answer = await ask(flow, response_mode="form_post", scope="no:such")
    assert answer.status_code == 200
    assert 'name="error" value="invalid_scope"' in answer.text
    assert f'action="{CALLBACK}"' in answer.text


@requirement("rfc6749:3.1:no-duplicates")
@pytest.mark.parametrize("name", ["client_id", "state", "redirect_uri", "scope", "code_challenge"])
async def test_a_repeated_parameter_is_refused_on_a_page(flow, name):
    pairs = [*flow.request().items(), (name, flow.request()[name])]
    assert_page_only(await flow.site.browser().get("/authorize", params=pairs))


async def test_a_client_without_the_code_grant_is_unauthorized(flow):
    await change_client(flow, flow.client, grant_types=frozenset({GrantType.REFRESH_TOKEN}))
    assert told(await ask(flow))["error"] == "unauthorized_client"


async def test_a_client_whose_agent_is_suspended_is_unauthorized(flow):
    core = flow.site.core
    gone = replace(flow.agent, status=Status.SUSPENDED)
    await core.store.write(lambda tx: core.rows.agents.update(tx, gone))
    assert told(await ask(flow))["error"] == "unauthorized_client"


async def test_a_client_that_must_push_may_not_come_by_the_front_door(flow):
    await change_client(flow, flow.client, require_par=True)
    assert told(await ask(flow))["error"] == "invalid_request"


# -- for whom and where (RFC 8707, X6)


@requirement("defect:i-unknown-is-error")
@pytest.mark.parametrize(
    "resource",
    [
        ["https://nowhere.example"],
        [DOCS, "https://nowhere.example"],
        [DOCS + "/"],
        ["http://127.0.0.1:9000/agents/agt_nobody"],
        ["http://127.0.0.1:9000/agents/"],
        ["http://127.0.0.1:9000"],
    ],
)
async def test_an_unknown_resource_is_invalid_target(flow, resource):
    assert told(await ask(flow, resource=resource))["error"] == "invalid_target"


async def test_an_agents_client_cannot_name_another_agent(flow):
    other = flow.agent_uri(flow.helper)
    assert told(await ask(flow, resource=other))["error"] == "invalid_target"


async def test_an_agents_client_may_name_its_own_agent(flow):
    answer = await ask(flow, resource=flow.agent_uri())
    assert answer.headers["location"].startswith("/interaction/")


async def test_a_plain_client_names_an_agent_alone(flow):
    said = told(await ask(flow, flow.chat, resource=[flow.agent_uri(), DOCS]))
    assert said["error"] == "invalid_target"


async def test_what_an_agent_may_never_hold_is_not_asked_for(flow):
    asked = details({"resource": SEARCH, "scopes": ["search:query"]})
    said = told(
        await ask(
            flow, flow.chat, resource=flow.agent_uri(), scope="openid",
            authorization_details=asked,
        )
    )  # fmt: skip
    assert said["error"] == "invalid_target"


async def test_a_scope_beyond_the_registration_of_the_client_is_refused(flow):
    await change_client(flow, flow.client, scopes=frozenset({"docs:read"}))
    assert told(await ask(flow, scope="docs:write"))["error"] == "invalid_scope"


async def test_a_request_that_asks_for_nothing_is_refused(flow):
    said = told(await ask(flow, flow.chat, resource=flow.agent_uri(), scope="openid"))
    assert said["error"] == "invalid_scope"


async def test_an_omitted_scope_is_the_default_of_the_resource(flow):
    browser = await flow.person()
    page = await flow.authorize(browser, scope=None)
    assert "Read your documents" in words(page.text)
    assert "Change your documents" not in words(page.text)


@requirement("rfc9396:2:array", "rfc9396:5:unknown-type", "rfc9396:5:unknown-field")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "[1]",
        "[{}]",
        '[{"type":"mandate"}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"]}],"b":[]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"]}]' + " " * 17_000,
        '[{"type":"payment","resource":"R","scopes":["docs:read"]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"amount":1}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"type":"mandate"}]',
        '[{"type":"mandate","resource":"R","scopes":[]}]',
        '[{"type":"mandate","resource":"R","scopes":"docs:read"}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:fly"]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read","docs:read"]}]',
        '[{"type":"mandate","resource":"https://nowhere.example","scopes":["docs:read"]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"objects":[]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"objects":["user:usr_1"]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"objects":["folder:*"]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"objects":["folder:a#viewer"]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"agents":["agt_nobody"]}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"max_depth":1}]',
        '[{"type":"mandate","resource":"R","scopes":["docs:read"],"max_depth":true}]',
        "[" * 100 + "]" * 100,
        '[{"type":"mandate","resource":"R","scopes":["\\ud800"]}]',
        '[{"type":"mandate","resource":"R","scopes":["' + "a" * 17000 + '"]}]',
    ],
)
async def test_authorization_details_that_are_not_exactly_understood_are_refused(flow, text):
    text = text.replace('"R"', f'"{DOCS}"')
    said = told(await ask(flow, scope="openid docs:write", authorization_details=text or " "))
    assert said["error"] == "invalid_authorization_details"


async def test_details_stay_within_the_resources_that_are_named(flow):
    asked = details({"resource": SEARCH, "scopes": ["search:query"]})
    said = told(await ask(flow, authorization_details=asked))
    assert said["error"] == "invalid_authorization_details"


async def test_the_answer_carries_no_permission_for_scripts_of_other_sites(flow):
    answer = await flow.site.browser().get(
        "/authorize", params=flow.request(), headers={"Origin": "https://agent.example"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_asking_for_the_headers_starts_nothing(flow):
    browser = flow.site.browser()
    answer = await browser.http.head(browser.url("/authorize"), params=flow.request())
    assert answer.status_code == 405
    assert await flow.site.rows("SELECT id FROM interaction") == []


async def test_a_request_may_be_posted(flow):
    browser = flow.site.browser()
    answer = await browser.post("/authorize", flow.request())
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/interaction/")


async def test_an_issuer_with_a_path_keeps_it_everywhere(small_url):
    flow = await open_flow(small_url, issuer="http://127.0.0.1:9000/t/acme")
    try:
        browser = await flow.person()
        page = await flow.authorize(browser)
        assert page.url.path.startswith("/t/acme/interaction/")
        answer = await flow.decide(browser, page, scope=["docs:read"])
        assert told(answer)["iss"] == "http://127.0.0.1:9000/t/acme"
    finally:
        await flow.close()
