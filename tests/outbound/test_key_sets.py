"""`jwks_uri`: keys of clients, fetched as seldom as honest rotation allows."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from authz.jose import InvalidKey, to_jwk
from server.outbound.errors import FetchRefused
from server.outbound.key_sets import RemoteKeySets
from tests.outbound.fixtures import authority, deadlines, fetcher, names, trust
from tests.outbound.origin import reply, serve

__all__ = ["authority", "deadlines", "fetcher", "names", "trust"]

PUBLIC = to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())


def keys(*kids: str, **headers: str):
    body = json.dumps({"keys": [{**PUBLIC, "kid": kid} for kid in kids]}).encode()
    return reply(body, **{"cache_control": "max-age=600", **headers})


@pytest.fixture
def sets(fetcher, clock) -> RemoteKeySets:
    return RemoteKeySets(fetcher, clock)


async def test_a_known_key_costs_one_fetch(authority, sets):
    async with serve(authority, keys("a", content_type="application/jwk-set+json")) as origin:
        for kid in ("a", None, "a"):
            assert (await sets.keys(origin.url(), kid)).find("a") is not None
        assert len(origin.requests) == 1


async def test_a_rotated_key_is_found_without_waiting_for_the_cache(authority, sets, clock):
    async with serve(authority, keys("a")) as origin:
        await sets.keys(origin.url(), "a")
        origin.answer = keys("b")
        clock.advance(seconds=60)
        found = await sets.keys(origin.url(), "b")
        assert found.find("b") is not None
        assert found.find("a") is None


async def test_invented_key_ids_do_not_make_us_ask_again_and_again(authority, sets, clock):
    async with serve(authority, keys("a")) as origin:
        for n in range(50):
            await sets.keys(origin.url(), f"invented-{n}")
        assert len(origin.requests) == 1
        clock.advance(seconds=60)
        for n in range(50):
            await sets.keys(origin.url(), f"invented-{n}")
        assert len(origin.requests) == 2


async def test_a_failing_look_for_an_unknown_key_keeps_the_good_ones_and_is_not_repeated(
    authority, sets, clock
):
    async with serve(authority, keys("a")) as origin:
        await sets.keys(origin.url(), "a")
        clock.advance(seconds=60)
        origin.answer = reply(b"", "500 Oops")
        for _ in range(20):
            found = await sets.keys(origin.url(), "invented")
            assert found.find("a") is not None
        assert len(origin.requests) == 2


async def test_a_removed_key_is_gone_when_the_copy_is_no_longer_fresh(authority, sets, clock):
    async with serve(authority, keys("a")) as origin:
        await sets.keys(origin.url(), "a")
        origin.answer = keys("b")
        clock.advance(seconds=601)
        assert (await sets.keys(origin.url(), "a")).find("a") is None


async def test_an_origin_cannot_keep_a_key_alive_for_longer_than_an_hour(authority, sets, clock):
    async with serve(authority, keys("a", cache_control="max-age=31536000")) as origin:
        await sets.keys(origin.url(), "a")
        origin.answer = keys("b")
        clock.advance(hours=1)
        assert (await sets.keys(origin.url(), "a")).find("a") is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', b'{"keys":1}']
)
async def test_a_set_that_is_none_or_holds_secrets_is_refused(authority, sets, body):
    async with serve(authority, reply(body)) as origin:
        with pytest.raises(InvalidKey):
            await sets.keys(origin.url(), "a")


async def test_an_unreachable_set_is_refused(sets):
    with pytest.raises(FetchRefused, match="unresolvable"):
        await sets.keys("https://nowhere.test/jwks", "a")
