"""The picture of a client: fetched before a person sees it, served by us, never what could run."""

import re
from dataclasses import replace

import pytest

from server.protocol.registration.logos import LONGEST_MS, OF_HOST, SHORTEST_MS
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
    # Before somebody is signed in there is no page to show it on, and nobody makes us fetch it.
    await w.http.get("/authorize", params=request(url), follow_redirects=True)
    assert publisher.asked("/logo") == 0
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
    w.clock.advance(ms=SHORTEST_MS)
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


async def test_a_picture_stays_while_its_origin_is_away_and_goes_with_its_address(
    w: World, publisher: Publisher
) -> None:
    url = publisher.put(logo_uri=publisher.url("/logo"))
    publisher.documents["/logo"] = reply(PNG, content_type="image/png", cache_control="no-store")
    await seat(w, await w.user())
    first = await shown(w, url)
    publisher.documents["/logo"] = reply(b"", "500 Internal Server Error")
    w.clock.advance(ms=SHORTEST_MS)
    assert await shown(w, url) == first
    assert publisher.asked("/logo") == 2
    # Of something else in its place we know that it is no picture.
    publisher.documents["/logo"] = reply(SVG, content_type="image/png")
    w.clock.advance(ms=SHORTEST_MS)
    assert await shown(w, url) is None
    # A new address is a new picture: of the old one nothing is shown, not even until it is there.
    publisher.put(logo_uri=publisher.url("/new"))
    publisher.documents["/new"] = reply(b"", "500 Internal Server Error")
    w.clock.advance(ms=SHORTEST_MS)
    assert await shown(w, url) is None
    publisher.documents["/new"] = reply(
        JPEG, content_type="image/jpeg", cache_control="max-age=9999999"
    )
    w.clock.advance(ms=SHORTEST_MS)
    second = await shown(w, url)
    assert second not in {first, None}
    # However long its origin says: a day.
    publisher.documents["/new"] = reply(PNG, content_type="image/png")
    w.clock.advance(ms=LONGEST_MS - 1)
    await seat(w, await w.user("again"))
    assert await shown(w, url) == second
    w.clock.advance(ms=1)
    assert await shown(w, url) == first
    publisher.put()
    w.clock.advance(ms=SHORTEST_MS)
    assert await shown(w, url) is None


async def test_one_host_is_not_asked_for_pictures_without_end(
    small: World, publisher: Publisher
) -> None:
    w, services = small, small.server.services
    clients = []
    for number in range(OF_HOST + 1):
        url = publisher.put(f"/{number}.json", logo_uri=publisher.url("/logo"))
        if number % 15 == 0:
            w.clock.advance(seconds=61)
        assert await services.arrivals.begin(url, source=str(number)) is None
        clients.append(url)
    publisher.documents["/logo"] = reply(PNG, content_type="image/png")
    await seat(w, await w.user())
    assert await shown(w, clients[0]) is not None
    for url in clients[1:]:
        await services.logos.look(url)
    assert publisher.asked("/logo") == OF_HOST
    # What the document names now is not looked at yet, and what it named before is not shown.
    client = await w.core.snapshot.client(clients[0])
    assert client is not None
    assert client.by_itself is not None
    named = replace(client.by_itself, logo_uri=publisher.url("/other"))
    await w.core.store.write(
        lambda tx: w.core.rows.clients.update(tx, replace(client, by_itself=named))
    )
    assert await shown(w, clients[0]) is None
    assert publisher.asked("/other") == 0


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
