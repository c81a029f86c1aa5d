"""The outbound fetcher as a good client of a good origin: caching, sharing, limits."""

import asyncio

import pytest

from server.outbound.addresses import AddressPolicy
from server.outbound.download import tls_context
from server.outbound.errors import FetchFault, FetchRefused
from server.outbound.fetcher import MAX_ENTRIES, MAX_FLIGHTS, Fetcher
from server.outbound.freshness import freshness
from server.outbound.resolver import SystemResolver
from tests.outbound.fixtures import RULES, authority, deadlines, fetcher, names, trust
from tests.outbound.origin import reply, serve

__all__ = ["authority", "deadlines", "fetcher", "names", "trust"]


async def test_a_document_is_fetched_with_name_and_certificate_of_its_host(authority, fetcher):
    async with serve(authority, reply(b"{}")) as origin:
        document = await fetcher.fetch(origin.url("/a/b?c=d"), RULES)
        assert document.body == b"{}"
        (request,) = origin.requests
        assert request.line == "GET /a/b?c=d HTTP/1.1"
        assert request.headers["host"] == f"origin.test:{origin.port}"
        assert request.headers["accept-encoding"] == "identity"
        assert request.server_name == "origin.test"
        assert "cookie" not in request.headers
        assert "authorization" not in request.headers


async def test_the_names_of_the_machine_are_asked_and_each_address_is_tried(authority, clock):
    resolver = SystemResolver()
    local = Fetcher(
        policy=AddressPolicy.for_issuer("http://localhost:9000"),
        resolver=resolver,
        tls=tls_context(authority.ca_file),
        clock=clock,
    )
    # Where localhost has an IPv6 address as well, nothing listens there.
    async with serve(authority, reply(b"{}")) as origin:
        assert (await local.fetch(origin.url(host="localhost"), RULES)).body == b"{}"
    resolver.close()


async def test_an_address_as_host_is_checked_against_the_certificate(authority, fetcher, names):
    async with serve(authority, reply(b"{}")) as origin:
        assert (await fetcher.fetch(origin.url(host="127.0.0.1"), RULES)).body == b"{}"
        assert names.asked == []


async def test_a_fresh_copy_is_used_again_until_max_age(authority, fetcher, clock):
    async with serve(authority, reply(cache_control="max-age=60")) as origin:
        await fetcher.fetch(origin.url(), RULES)
        clock.advance(seconds=59)
        await fetcher.fetch(origin.url(), RULES)
        assert len(origin.requests) == 1
        clock.advance(seconds=1)
        await fetcher.fetch(origin.url(), RULES)
        assert len(origin.requests) == 2


async def test_a_stale_copy_is_confirmed_by_its_etag(authority, fetcher, clock):
    async with serve(authority, reply(b"[1]", cache_control="max-age=60", etag='"one"')) as origin:
        await fetcher.fetch(origin.url(), RULES)
        origin.answer = reply(
            b"", "304 Not Modified", content_type="", content_length="",
            cache_control="max-age=30",
        )  # fmt: skip
        now = clock.advance(seconds=61)
        document = await fetcher.fetch(origin.url(), RULES)
        assert (document.body, document.fetched_at) == (b"[1]", now)
        assert origin.requests[1].headers["if-none-match"] == '"one"'
        clock.advance(seconds=29)
        await fetcher.fetch(origin.url(), RULES)
        assert len(origin.requests) == 2


async def test_a_304_that_nobody_asked_for_is_no_document(authority, fetcher):
    async with serve(authority, reply(b"", "304 Not Modified", etag='"x"')) as origin:
        with pytest.raises(FetchRefused, match="status"):
            await fetcher.fetch(origin.url(), RULES)


@pytest.mark.parametrize("control", ["no-store", "max-age=60, no-store", "No-Store"])
async def test_what_must_not_be_stored_is_fetched_each_time(authority, fetcher, control):
    async with serve(authority, reply(cache_control=control, etag='"x"')) as origin:
        await fetcher.fetch(origin.url(), RULES)
        await fetcher.fetch(origin.url(), RULES)
        assert "if-none-match" not in origin.requests[1].headers


async def test_a_failure_is_never_cached_and_a_fresh_copy_outlives_it(authority, fetcher):
    async with serve(authority, reply(b"", "500 Oops", cache_control="max-age=60")) as origin:
        with pytest.raises(FetchRefused):
            await fetcher.fetch(origin.url(), RULES)
        origin.answer = reply(b"{}", cache_control="max-age=60")
        assert (await fetcher.fetch(origin.url(), RULES)).body == b"{}"
        origin.answer = reply(b"", "500 Oops")
        with pytest.raises(FetchRefused):
            await fetcher.fetch(origin.url(), RULES, anew=True)
        assert (await fetcher.fetch(origin.url(), RULES)).body == b"{}"
        assert len(origin.requests) == 3


async def test_a_stale_copy_does_not_stand_in_for_a_failing_origin(authority, fetcher, clock):
    async with serve(authority, reply(cache_control="max-age=60")) as origin:
        await fetcher.fetch(origin.url(), RULES)
        origin.answer = reply(b"", "503 Down")
        clock.advance(seconds=61)
        with pytest.raises(FetchRefused, match="status"):
            await fetcher.fetch(origin.url(), RULES)


async def test_those_who_ask_together_share_one_request(authority, fetcher):
    async with serve(authority, reply(b"{}")) as origin:
        asked = [fetcher.fetch(origin.url(), RULES) for _ in range(20)]
        assert {document.body for document in await asyncio.gather(*asked)} == {b"{}"}
        assert len(origin.requests) == 1


async def test_one_who_gives_up_does_not_end_the_request_of_the_others(authority, fetcher):
    arrived, go = asyncio.Event(), asyncio.Event()

    async def wait(request, writer):
        arrived.set()
        await go.wait()
        await reply(b"{}")(request, writer)

    async with serve(authority, wait) as origin:
        first = asyncio.create_task(fetcher.fetch(origin.url(), RULES))
        await arrived.wait()
        second = asyncio.create_task(fetcher.fetch(origin.url(), RULES))
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        assert (await second).body == b"{}"
        assert len(origin.requests) == 1


async def test_flights_are_bounded_in_number(authority, fetcher):
    go = asyncio.Event()

    async def wait(request, writer):
        await go.wait()
        await reply(b"{}")(request, writer)

    async with serve(authority, wait) as origin:
        flying = [
            asyncio.create_task(fetcher.fetch(origin.url(f"/{n}"), RULES))
            for n in range(MAX_FLIGHTS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(FetchRefused) as refused:
            await fetcher.fetch(origin.url("/one-more"), RULES)
        assert refused.value.reason is FetchFault.BUSY
        go.set()
        await asyncio.gather(*flying)
        assert await fetcher.fetch(origin.url("/one-more"), RULES)


async def test_the_cache_is_bounded_and_forgets_the_least_used(authority, fetcher):
    async with serve(authority, reply(b"{}", cache_control="max-age=60")) as origin:
        for n in range(MAX_ENTRIES):
            await fetcher.fetch(origin.url(f"/{n}"), RULES)
        await fetcher.fetch(origin.url("/0"), RULES)
        await fetcher.fetch(origin.url("/one-more"), RULES)
        asked = len(origin.requests)
        await fetcher.fetch(origin.url("/0"), RULES)
        assert len(origin.requests) == asked
        await fetcher.fetch(origin.url("/1"), RULES)
        assert len(origin.requests) == asked + 1


@pytest.mark.parametrize(
    ("headers", "seconds", "store"),
    [
        ({}, 300, True),
        ({"cache-control": "max-age=60"}, 60, True),
        ({"cache-control": 'public, max-age="60"'}, 60, True),
        ({"cache-control": "max-age=60", "age": "20"}, 40, True),
        ({"cache-control": "max-age=60", "age": "99"}, 0, True),
        ({"cache-control": "max-age=99999999"}, 3600, True),
        ({"cache-control": "max-age=" + "9" * 400}, 0, True),
        ({"cache-control": "max-age=-5"}, 0, True),
        ({"cache-control": "max-age=1e9"}, 0, True),
        ({"cache-control": "max-age=\u0664\u0662"}, 0, True),
        ({"cache-control": "max-age=60, max-age=3600"}, 60, True),
        ({"cache-control": "no-cache, max-age=60"}, 0, True),
        ({"expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, 0, True),
        ({"cache-control": "max-age=60", "vary": "*"}, 0, False),
        ({"cache-control": "no-store"}, 0, False),
    ],
)
def test_cache_headers_are_read_strictly_and_bounded(headers, seconds, store):
    found = freshness(headers, longest=3600)
    assert (found.seconds, found.store) == (seconds, store)


@pytest.mark.parametrize("etag", ['"' + "x" * 300 + '"', "bare", '"a b"', '"\u00e9"', "W/x", ""])
def test_an_etag_that_is_long_or_malformed_is_not_sent_back(etag):
    assert freshness({"etag": etag}, longest=60).etag is None


async def test_what_was_not_fetched_is_told_to_the_operator_without_path_or_query(
    authority, fetcher, caplog
):
    async with serve(authority, reply(b"secret", "404 Not Found")) as origin:
        with pytest.raises(FetchRefused):
            await fetcher.fetch(origin.url("/key-of-somebody?token=secret"), RULES)
    (record,) = [each for each in caplog.records if each.name == "mandate.outbound"]
    assert (record.levelname, record.getMessage()) == ("WARNING", "document not fetched")
    assert vars(record)["fields"] == {"reason": "gone", "host": "origin.test"}
