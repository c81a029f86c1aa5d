"""Whoever begins authorizations and never ends them fills a small room, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from server.domain.registry import Client
from server.settings import Settings
from tests.support.flow_site import CALLBACK, Flow, open_flow, told
from tests.support.people_site import words
from tests.support.world import settings_for

SOURCE, CLIENT, ALL = 3, 5, 7
BOUNDS = {"waiting_per_source": SOURCE, "waiting_per_client": CLIENT, "waiting_overall": ALL}


@pytest.fixture
async def flow(tables_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(tables_url, **BOUNDS)
    yield opened
    await opened.close()


@pytest.fixture
async def small_flow(small_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(small_url, **BOUNDS)
    yield opened
    await opened.close()


async def begin(
    flow: Flow, address: str = "203.0.113.9", client: Client | None = None, **changes: object
) -> httpx2.Response:
    """Ask as anybody can; 303 leads to the page that waits, never back with an error."""
    parameters = flow.request(client, **{"scope": "openid", "resource": None, **changes})
    answer = await flow.site.browser(address).get("/authorize", params=parameters)
    if answer.status_code == 303:
        assert answer.headers["location"].startswith("/interaction/")
    return answer


async def codes(
    flow: Flow,
    count: int,
    address: str = "203.0.113.9",
    client: Client | None = None,
    **changes: object,
) -> list[int]:
    return [(await begin(flow, address, client, **changes)).status_code for _ in range(count)]


async def push(flow: Flow, client: Client, address: str = "203.0.113.9") -> httpx2.Response:
    form = flow.request(client, resource=None, scope="openid")
    if client.confidential:
        basic = httpx2.BasicAuth(client.id, flow.secret)
        return await flow.site.browser(address).http.post(
            f"{flow.issuer}/par", data=form, auth=basic
        )
    return await flow.site.browser(address).http.post(f"{flow.issuer}/par", data=form)


async def stored(flow: Flow, table: str = "interaction") -> int:
    rows = await flow.site.rows(f"SELECT count(*) FROM {table}")
    return int(str(rows[0][0]))


# ---------------------------------------------------------------------------- one source


async def test_a_source_has_only_so_much_waiting_and_others_go_on(flow: Flow):
    assert await codes(flow, SOURCE + 2) == [303] * SOURCE + [429] * 2
    assert await stored(flow) == SOURCE
    assert await codes(flow, 1, "203.0.113.10") == [303]


async def test_it_is_told_when_to_come_back_and_nothing_else(flow: Flow):
    await codes(flow, SOURCE)
    answer = await begin(flow)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "Try again in 1 minute" in words(answer.text)
    assert "location" not in answer.headers
    for inside in (CALLBACK, "st4te", "203.0.113", flow.client.name, "int_"):
        assert inside not in answer.text


async def test_posted_requests_count_alike(small_flow: Flow):
    await codes(small_flow, SOURCE)
    browser = small_flow.site.browser("203.0.113.9")
    answer = await browser.post("/authorize", small_flow.request())
    assert answer.status_code == 429


async def test_requests_at_the_same_time_do_not_slip_in_together(flow: Flow):
    answers = await asyncio.gather(*(begin(flow) for _ in range(12)))
    assert sorted(a.status_code for a in answers) == [303] * SOURCE + [429] * (12 - SOURCE)
    assert await stored(flow) == SOURCE


async def test_what_has_expired_counts_no_more(flow: Flow):
    await codes(flow, SOURCE)
    flow.site.clock.advance(seconds=flow.site.core.policy.interaction_ttl)
    assert await codes(flow, SOURCE + 1) == [303] * SOURCE + [429]


async def test_an_ipv6_network_is_one_source(small_flow: Flow):
    found = [await codes(small_flow, 1, f"2001:db8:1:2::{n}") for n in range(1, SOURCE + 2)]
    assert found == [[303]] * SOURCE + [[429]]
    assert await codes(small_flow, 1, "2001:db8:1:3::1") == [303]


async def test_no_address_is_in_the_database_and_the_mark_goes_when_a_person_ends_it(flow: Flow):
    browser = await flow.site.browser("203.0.113.9").signed_in("ana@example.org")
    page = await flow.follow(browser, await browser.get("/authorize", params=flow.request()))
    rows = await flow.site.rows("SELECT * FROM interaction")
    assert "203.0.113.9" not in str(rows)
    [(mark,)] = await flow.site.rows("SELECT source FROM interaction")
    assert len(str(mark)) == 64
    assert "code" in told(await flow.decide(browser, page, scope=["docs:read"]))
    assert await flow.site.rows("SELECT source FROM interaction") == [(None,)]


async def test_what_a_person_has_ended_makes_room_at_once(flow: Flow):
    browser = await flow.site.browser("203.0.113.9").signed_in("ana@example.org")
    for _ in range(SOURCE + 2):
        page = await flow.authorize(browser, prompt="consent")
        told(await flow.decide(browser, page, decision="deny"))
    assert await stored(flow) == SOURCE + 2


async def test_what_nobody_signed_in_to_makes_no_room_by_ending(flow: Flow):
    browser = flow.site.browser("203.0.113.9")
    for _ in range(SOURCE):
        answer = await flow.authorize(browser, prompt="none")
        assert told(answer)["error"] == "login_required"
    assert await codes(flow, 1, prompt="none") == [429]
    assert await stored(flow) == SOURCE


async def test_a_full_room_uses_no_pushed_request_up(flow: Flow):
    uri = (await push(flow, flow.client)).json()["request_uri"]
    sent = {"client_id": flow.client.id, "request_uri": uri}
    await codes(flow, SOURCE)
    refused = await flow.site.browser("203.0.113.9").get("/authorize", params=sent)
    assert refused.status_code == 429
    assert (
        await flow.site.browser("203.0.113.10").get("/authorize", params=sent)
    ).status_code == 303


# ------------------------------------------------------------------ one client, and all


async def test_a_client_has_only_so_much_waiting_and_other_clients_go_on(flow: Flow):
    found = [await codes(flow, 1, f"203.0.113.{n}") for n in range(CLIENT + 1)]
    assert found == [[303]] * CLIENT + [[429]]
    assert await codes(flow, 1, "203.0.113.99", flow.chat) == [303]


async def test_all_together_have_only_so_much_waiting(flow: Flow):
    clients = [flow.client, flow.chat]
    found = [await codes(flow, 1, f"203.0.113.{n}", clients[n % 2]) for n in range(ALL + 1)]
    assert found == [[303]] * ALL + [[429]]
    flow.site.clock.advance(seconds=flow.site.core.policy.interaction_ttl)
    assert await codes(flow, 1) == [303]


async def test_whichever_bound_is_met_the_answer_is_the_same(small_flow: Flow):
    await codes(small_flow, SOURCE, "203.0.113.1")
    by_source = await begin(small_flow, "203.0.113.1")
    await codes(small_flow, CLIENT - SOURCE, "203.0.113.2")
    by_client = await begin(small_flow, "203.0.113.3")
    await codes(small_flow, ALL - CLIENT, "203.0.113.5", small_flow.chat)
    by_all = await begin(small_flow, "203.0.113.4", small_flow.chat)
    answers = [(a.status_code, a.headers["retry-after"]) for a in (by_source, by_client, by_all)]
    assert answers == [(429, "60")] * 3
    assert by_source.content == by_client.content == by_all.content


# ------------------------------------------------------------------------ pushed requests


async def test_a_source_pushes_only_so_much_for_a_public_client(flow: Flow):
    found = [await push(flow, flow.plain) for _ in range(SOURCE + 1)]
    assert [a.status_code for a in found] == [201] * SOURCE + [429]
    refused = found[-1]
    assert refused.headers["retry-after"] == "60"
    assert refused.headers["cache-control"] == "no-store"
    assert refused.json() == {
        "error": "temporarily_unavailable",
        "error_description": "Too many requests wait to be finished.",
        "reason": "too_many_waiting",
        "action": "retry",
    }
    assert await stored(flow, "pushed_request") == SOURCE
    assert (await push(flow, flow.plain, "203.0.113.10")).status_code == 201
    flow.site.clock.advance(seconds=flow.site.core.policy.pushed_request_ttl)
    assert (await push(flow, flow.plain)).status_code == 201


async def test_pushes_at_the_same_time_do_not_slip_in_together(flow: Flow):
    answers = await asyncio.gather(*(push(flow, flow.plain) for _ in range(12)))
    assert sorted(a.status_code for a in answers) == [201] * SOURCE + [429] * (12 - SOURCE)


async def test_a_used_push_makes_room(flow: Flow):
    uris = [(await push(flow, flow.plain)).json()["request_uri"] for _ in range(SOURCE)]
    sent = {"client_id": flow.plain.id, "request_uri": uris[0]}
    assert (
        await flow.site.browser("203.0.113.10").get("/authorize", params=sent)
    ).status_code == 303
    assert (await push(flow, flow.plain)).status_code == 201
    assert (await push(flow, flow.plain)).status_code == 429


async def test_a_client_that_proves_who_it_is_pushes_for_everybody_from_one_address(
    small_flow: Flow,
):
    found = [(await push(small_flow, small_flow.client)).status_code for _ in range(ALL + 2)]
    assert found == [201] * (ALL + 2)


# ------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    "bounds", [(600, 5_000, 20_000), (100, 20_001, 20_000), (0, 10, 10)], ids=str
)
def test_bounds_with_which_a_few_could_lock_out_all_do_not_start(bounds: tuple[int, int, int]):
    with pytest.raises(ValueError, match=r"MANDATE_WAITING|greater than or equal to 1"):
        bounded(*bounds)
    assert bounded(500, 5_000, 5_000).policy().waiting_per_source == 500


def bounded(source: int, client: int, overall: int) -> Settings:
    return settings_for(
        "sqlite:///x.db", waiting_per_source=source, waiting_per_client=client,
        waiting_overall=overall,
    )  # fmt: skip
