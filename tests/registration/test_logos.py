"""The picture of a client: fetched before a person sees it, served by us, never what could run."""

import asyncio
import re
from asyncio import StreamWriter
from typing import Any

import pytest

from server.domain.self_registration import Trust
from server.protocol.registration.arrivals import LONGEST_MS
from server.protocol.registration.logos import (
    AGAIN_MS,
    AT_ONCE,
    AWAY_MS,
    GRACE_MS,
    NONE_MS,
    OF_HOST,
    read_picture,
)
from server.services.client_trust import set_trust
from server.services.client_upkeep import forget_idle_clients
from tests.outbound.origin import reply
from tests.registration.publisher import HOST, Publisher, request
from tests.requirements import requirement
from tests.support.pictures import png
from tests.support.seat import seat
from tests.support.world import World

PNG = png()
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 40
WEBP = b"RIFF\x20\0\0\0WEBPVP8 " + b"\0" * 20
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
_IMAGE = re.compile(r'<img class="logo" src="([^"]+)"')


async def shown(w: World, client_id: str) -> str | None:
    """Open the consent page of a client; return the address of its picture, or none."""
    page = await w.http.get("/authorize", params=request(client_id), follow_redirects=True)
    assert page.status_code == 200, page.text
    assert "It comes from" in page.text
    found = _IMAGE.search(page.text)
    return found[1] if found else None


@pytest.mark.parametrize(
    ("body", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]
)
@requirement("cimd:7.8:logo")
async def test_a_picture_is_fetched_once_and_served_by_us(
    w: World, publisher: Publisher, body: bytes, media_type: str
) -> None:
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(body, content_type=media_type)
    # Whoever asks, and before anybody is signed in: its origin does not learn who looks at it.
    await w.http.get("/authorize", params=request(url), follow_redirects=True)
    assert publisher.asked("/logo") == 1
    await seat(w, await w.user())
    address = await shown(w, url)
    assert address is not None
    assert address.startswith("/client-logo/")
    answer = await w.http.get(address)
    assert (answer.status_code, answer.content) == (200, body)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "private" in answer.headers["cache-control"]
    assert await shown(w, url) == address
    assert publisher.asked("/logo") == 1


async def test_a_picture_is_for_people_who_are_signed_in(w: World, publisher: Publisher) -> None:
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    cookie = await seat(w, await w.user())
    address = await shown(w, url)
    assert address is not None
    for other in ("0" * 64, address.rpartition("/")[2].upper(), "x", "..%2f..%2fjwks"):
        assert (await w.http.get(f"/client-logo/{other}")).status_code == 404
    w.http.cookies.delete(cookie)
    assert (await w.http.get(address)).status_code == 404


@pytest.mark.parametrize(
    "answer",
    [
        reply(SVG, content_type="image/svg+xml"),
        reply(SVG, content_type="image/png"),
        reply(b"<html><script>alert(1)</script>", content_type="image/jpeg"),
        reply(PNG, content_type="text/html"),
        reply(PNG + b"\0" * 64 * 1024, content_type="image/png"),
        reply(b"", "302 Found", location="https://elsewhere.example/logo.png"),
        reply(b"", content_type="image/png"),
    ],
)
@requirement("cimd:7.8:logo")
async def test_what_is_no_picture_is_not_shown_and_not_asked_for_again_and_again(
    small: World, publisher: Publisher, answer: object
) -> None:
    w = small
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = answer  # type: ignore[assignment]
    await seat(w, await w.user())
    assert await shown(w, url) is None
    assert await shown(w, url) is None
    assert publisher.asked("/logo") == 1
    w.clock.advance(ms=NONE_MS)
    assert await shown(w, url) is None
    assert publisher.asked("/logo") == 2


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/logo.png", "https://10.0.0.1/logo.png", "https://169.254.169.254/latest",
        "data:image/png;base64,iVBORw0KGgo=", "javascript:alert(1)", "https://", "", 7, None,
        "https://h.example/" + "x" * 2000,
    ],
)  # fmt: skip
async def test_an_address_that_we_do_not_fetch_from_refuses_nobody(
    small: World, publisher: Publisher, address: object
) -> None:
    w = small
    url = publisher.put(logo_uri=address)
    await seat(w, await w.user())
    assert await shown(w, url) is None


async def test_nothing_is_fetched_from_a_host_that_is_not_the_documents(
    small: World, publisher: Publisher
) -> None:
    # The same origin under another name, as it would be at somebody else's.
    url = publisher.put(logo_uri=publisher.url("/logo").replace(HOST, "localhost"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    await seat(small, await small.user())
    assert await shown(small, url) is None
    assert publisher.asked("/logo") == 0


async def hang_up(_: object, writer: StreamWriter) -> None:
    """Answer nothing."""
    writer.close()


@pytest.mark.parametrize(
    "silence",
    [
        hang_up, reply(b"", "503 Service Unavailable"), reply(b"", "429 Too Many Requests"),
        reply(b"", "302 Found", location="/x"),
    ],
)  # fmt: skip
async def test_a_picture_stays_while_nobody_answers_and_not_for_ever(
    small: World, publisher: Publisher, silence: Any
) -> None:
    w = small
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    ada = await w.user()
    await seat(w, ada)
    first = await shown(w, url)
    assert first is not None
    publisher.documents["/logo"] = silence
    w.clock.advance(ms=AGAIN_MS)
    await seat(w, ada)
    assert await shown(w, url) == first
    assert publisher.asked("/logo") == 2
    w.clock.advance(ms=AWAY_MS - 1)
    assert await shown(w, url) == first
    assert publisher.asked("/logo") == 2
    w.clock.advance(ms=1)
    assert await shown(w, url) == first
    assert publisher.asked("/logo") == 3
    w.clock.advance(ms=GRACE_MS)
    await seat(w, ada)
    assert await shown(w, url) is None


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"", "404 Not Found"), reply(b"", "410 Gone"),
        reply(SVG, content_type="image/svg+xml"), reply(SVG, content_type="image/png"),
        reply(PNG + b"\0" * 64 * 1024, content_type="image/png"),
    ],
)  # fmt: skip
async def test_a_picture_that_its_origin_takes_down_is_gone(
    small: World, publisher: Publisher, answer: Any
) -> None:
    w = small
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    ada = await w.user()
    await seat(w, ada)
    first = await shown(w, url)
    assert first is not None
    publisher.documents["/logo"] = answer
    w.clock.advance(ms=AGAIN_MS)
    await seat(w, ada)
    assert await shown(w, url) is None
    assert (await w.http.get(first)).status_code == 404


async def test_a_new_address_is_a_new_picture(w: World, publisher: Publisher) -> None:
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    await seat(w, await w.user())
    first = await shown(w, url)
    assert first is not None
    # Of the old one nothing is shown, not even until the new one is there.
    publisher.put(logo_uri=publisher.url("/new"))
    publisher.documents["/new"] = hang_up
    w.clock.advance(ms=LONGEST_MS)
    assert await shown(w, url) is None
    assert (await w.http.get(first)).status_code == 404
    publisher.documents["/new"] = reply(JPEG, content_type="image/jpeg")
    w.clock.advance(ms=AWAY_MS)
    second = await shown(w, url)
    assert second not in {first, None}
    publisher.put()
    w.clock.advance(ms=LONGEST_MS)
    assert await shown(w, url) is None
    assert (await w.http.get(str(second))).status_code == 404


async def test_who_looked_in_vain_forgets_nothing_that_another_found(
    small: World, publisher: Publisher
) -> None:
    w, logos = small, small.server.services.logos
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(b"", "404 Not Found")
    await seat(w, await w.user())
    assert await shown(w, url) is None
    w.clock.advance(ms=NONE_MS)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(req: Any, writer: StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        await reply(b"", "404 Not Found")(req, writer)

    publisher.documents["/logo"] = slow
    late = asyncio.create_task(logos.look(url))
    await asked.wait()
    client = await w.core.snapshot.client(url)
    assert client is not None
    uri, picture = publisher.url("/logo"), read_picture(PNG)
    w.clock.advance(ms=1)
    now = w.clock.now()
    await w.core.store.write(
        lambda tx: w.core.rows.logos.put(
            tx, url, uri, picture, found_at=now, look_at=now + AGAIN_MS
        )
    )
    go_on.set()
    await late
    assert await shown(w, url) is not None


async def test_slow_pictures_hold_up_no_more_than_a_few_looks(
    small: World, publisher: Publisher
) -> None:
    services = small.server.services
    go_on, waiting = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(req: Any, writer: StreamWriter) -> None:
        waiting.release()
        await go_on.wait()
        await reply(PNG, content_type="image/png")(req, writer)

    publisher.documents |= {f"/logo{number}": slow for number in range(AT_ONCE + 1)}
    urls = [
        publisher.put(f"/{number}.json", logo_uri=publisher.url(f"/logo{number}"))
        for number in range(AT_ONCE + 1)
    ]
    begun = [
        asyncio.create_task(services.arrivals.begin(url, source=str(number)))
        for number, url in enumerate(urls[:AT_ONCE])
    ]
    for _ in begun:
        await waiting.acquire()
    # Whoever else comes for one of these takes no place of its own, and waits for nothing.
    await services.logos.look(urls[0])
    # The next one goes on without.
    assert await services.arrivals.begin(urls[AT_ONCE], source="last") is None
    assert publisher.asked(f"/logo{AT_ONCE}") == 0
    go_on.set()
    assert await asyncio.gather(*begun) == [None] * AT_ONCE
    # It was not taken for one that has none.
    await services.logos.look(urls[AT_ONCE])
    assert publisher.asked(f"/logo{AT_ONCE}") == 1


async def test_a_stopped_clients_picture_is_served_to_nobody(
    w: World, publisher: Publisher
) -> None:
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    admin = await w.user()
    await seat(w, admin)
    address = await shown(w, url)
    assert address is not None
    assert (await w.http.get(address)).status_code == 200
    await set_trust(w.core, HOST, Trust.DENY, by=admin.id)
    assert (await w.http.get(address)).status_code == 404


async def test_one_host_is_not_asked_for_pictures_without_end(
    small: World, publisher: Publisher
) -> None:
    w, services = small, small.server.services
    clients = [
        publisher.put(f"/{number}.json", logo_uri=publisher.url("/logo"))
        for number in range(OF_HOST + 1)
    ]
    for number, url in enumerate(clients):
        # The documents have a pace of their own.
        if number % 15 == 0:
            w.clock.advance(seconds=61)
        assert await services.arrivals.begin(url, source=str(number)) is None
    w.clock.advance(ms=NONE_MS + 61_000)
    before = publisher.asked("/logo")
    for url in clients:
        await services.logos.look(url)
    assert publisher.asked("/logo") == before + OF_HOST


@requirement("cimd:7.8:logo")
async def test_a_picture_is_forgotten_with_its_client(w: World, publisher: Publisher) -> None:
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    await seat(w, await w.user())
    address = await shown(w, url)
    assert address is not None
    w.clock.advance(hours=25)
    assert await forget_idle_clients(w.core) == {"unused": 1, "idle": 0}
    await seat(w, await w.user("again"))
    assert (await w.http.get(address)).status_code == 404
