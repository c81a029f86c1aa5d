"""The issuer's keys: cached as HTTP says, refreshed for a new key, never in a storm, never stale."""

from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from authz.clock import Clock
from mcp_tools.issuer_keys import IssuerKeys
from mcp_tools.testing.issuer import ThrowawayIssuer
from mcp_tools.testing.minting import Minter
from mcp_tools.unavailable import IssuerUnavailable
from tests.mcp_kit.archive import Archive, call, failed
from tests.requirements import requirement
from tests.support.clock import FrozenClock


@pytest.fixture
def issuer(clock: FrozenClock) -> ThrowawayIssuer:
    return ThrowawayIssuer(clock=clock)


def _keys(issuer: ThrowawayIssuer, clock: Clock) -> IssuerKeys:
    return IssuerKeys(issuer.url, issuer.http(), clock)


def _fetches(issuer: ThrowawayIssuer) -> int:
    return [kind for kind, _ in issuer.endpoints.asked].count("jwks")


async def test_keys_are_fetched_once_within_their_freshness(
    issuer: ThrowawayIssuer, clock: FrozenClock
) -> None:
    keys = _keys(issuer, clock)
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(keys.holding, "test-1")
    clock.advance(seconds=299)
    await keys.holding("test-1")
    assert _fetches(issuer) == 1
    clock.advance(seconds=1)
    await keys.holding("test-1")
    assert _fetches(issuer) == 2


async def test_the_age_of_an_answer_counts(issuer: ThrowawayIssuer, clock: FrozenClock) -> None:
    issuer.endpoints.jwks_headers = {"cache-control": "public, max-age=300", "age": "280"}
    keys = _keys(issuer, clock)
    await keys.holding("test-1")
    clock.advance(seconds=20)
    await keys.holding("test-1")
    assert _fetches(issuer) == 2


async def test_a_new_key_is_found_at_once(issuer: ThrowawayIssuer, clock: FrozenClock) -> None:
    keys = _keys(issuer, clock)
    await keys.holding("test-1")
    clock.advance(seconds=10)
    issuer.minter.kid = "test-2"
    assert (await keys.holding("test-2")).find("test-2") is not None


@requirement("jose:kid-unknown")
async def test_made_up_key_ids_cause_no_storm(issuer: ThrowawayIssuer, clock: FrozenClock) -> None:
    keys = _keys(issuer, clock)
    await keys.holding("test-1")
    for number in range(100):
        assert (await keys.holding(f"made-up-{number}")).find(f"made-up-{number}") is None
    assert _fetches(issuer) == 1
    clock.advance(seconds=10)
    for number in range(100):
        await keys.holding(f"made-up-{number}")
    assert _fetches(issuer) == 2


async def test_keys_past_their_freshness_are_not_used_when_the_issuer_is_lost(
    issuer: ThrowawayIssuer, clock: FrozenClock
) -> None:
    keys = _keys(issuer, clock)
    await keys.holding("test-1")
    issuer.rules.unavailable = True
    clock.advance(seconds=299)
    await keys.holding("test-1")
    clock.advance(seconds=1)
    for _ in range(10):
        with pytest.raises(IssuerUnavailable):
            await keys.holding("test-1")
    assert _fetches(issuer) == 2
    issuer.rules.unavailable = False
    clock.advance(seconds=10)
    await keys.holding("test-1")


@requirement("mcp:down:503")
async def test_an_unreachable_issuer_is_a_503_and_not_a_401(
    archive: Archive, clock: FrozenClock
) -> None:
    archive.issuer.rules.unavailable = True
    async with archive.open() as http:
        answer = await call(http, archive.token(), "whoami")
        assert answer.status_code == 503
        assert "www-authenticate" not in answer.headers
        archive.issuer.rules.unavailable = False
        clock.advance(seconds=10)
        assert not failed(await call(http, archive.token(), "whoami"))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, b""),
        (200, b"no json"),
        (200, b'{"keys":"x"}'),
        (200, b'{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"test-1"}]}'),
        (200, b" " * 300_000),
        (500, b"{}"),
    ],
)
async def test_a_key_set_that_cannot_be_trusted_gives_no_keys(
    issuer: ThrowawayIssuer, clock: FrozenClock, status: int, body: bytes
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/.well-known"):
            url = issuer.url
            document = {"issuer": url, "jwks_uri": f"{url}/jwks", "token_endpoint": f"{url}/token"}
            return httpx2.Response(200, json=document)
        return httpx2.Response(status, content=body, headers={"location": "https://evil.test"})

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    with pytest.raises(IssuerUnavailable):
        await IssuerKeys(issuer.url, http, clock).holding("test-1")


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.test"},
        {"issuer": "https://issuer.test/"},
        {"jwks_uri": "http://evil.test/jwks"},
        {"jwks_uri": None},
    ],
)
@requirement("rfc8414:3.3:issuer-identical")
async def test_metadata_of_another_issuer_is_not_believed(
    issuer: ThrowawayIssuer, clock: FrozenClock, change: dict[str, object]
) -> None:
    url = issuer.url

    def answer(request: httpx2.Request) -> httpx2.Response:
        document = {"issuer": url, "jwks_uri": f"{url}/jwks", "token_endpoint": f"{url}/token"}
        if request.url.path == "/jwks":
            return httpx2.Response(200, json=issuer.minter.jwks())
        return httpx2.Response(200, json={**document, **change})

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    with pytest.raises(IssuerUnavailable):
        await IssuerKeys(url, http, clock).holding("test-1")


async def test_an_answer_without_an_end_is_not_read_to_its_end(
    issuer: ThrowawayIssuer, clock: FrozenClock
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 50_000_000:
            read += 65_536
            yield b" " * 65_536

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=endless())

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    with pytest.raises(IssuerUnavailable, match="too large"):
        await IssuerKeys(issuer.url, http, clock).holding("test-1")
    assert read < 1_000_000


async def test_an_answer_of_not_modified_keeps_the_keys(
    issuer: ThrowawayIssuer, clock: FrozenClock
) -> None:
    seen = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        url = issuer.url
        if request.url.path.startswith("/.well-known"):
            document = {"issuer": url, "jwks_uri": f"{url}/jwks", "token_endpoint": f"{url}/token"}
            return httpx2.Response(200, json=document)
        seen.append(request.headers.get("if-none-match"))
        headers = {"etag": '"one"', "cache-control": "max-age=60"}
        if seen[-1] == '"one"':
            return httpx2.Response(304, headers=headers)
        return httpx2.Response(200, json=issuer.minter.jwks(), headers=headers)

    keys = IssuerKeys(issuer.url, httpx2.AsyncClient(transport=httpx2.MockTransport(answer)), clock)
    await keys.holding("test-1")
    clock.advance(seconds=60)
    assert (await keys.holding("test-1")).find("test-1") is not None
    assert seen == [None, '"one"']


async def test_a_withdrawn_key_stops_being_believed(archive: Archive, clock: FrozenClock) -> None:
    old = archive.token(expires_in=3600)
    async with archive.open() as http:
        assert not failed(await call(http, old, "whoami"))
        kept = archive.issuer.minter
        fresh = Minter(archive.issuer.url, clock, lambda: "new", kid="test-2")
        kept.key, kept.kid = fresh.key, fresh.kid
        clock.advance(seconds=300)
        assert (await call(http, old, "whoami")).status_code == 401
        assert not failed(await call(http, archive.token(), "whoami"))
