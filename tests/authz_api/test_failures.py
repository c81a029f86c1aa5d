"""When something breaks: 503 or 500 in the standard form, nothing of the cause, never a yes."""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from authz.api import list_routes
from authz.api.application import make_application
from authz.api.calls import Api
from authz.api.gate import OpenGate
from authz.calls.scene import Setting
from authz.engine.listing import Listing
from server.domain.unit import UnavailableError
from tests.authz_api.sdk_journey import UNKNOWN
from tests.requirements import requirement

SECRET = "password=hunter2"
QUESTION = {"tuple_key": {"user": "user:anne", "relation": "viewer", "object": "document:1"}}


class _Broken:
    """A database that raises whatever it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def read(self, work: Callable[[Any], Any]) -> Any:
        raise self._error

    async def write(self, work: Callable[[Any], Any]) -> Any:
        raise self._error


async def _nothing() -> None:
    pass


def client(clock: Any, error: Exception) -> httpx2.AsyncClient:
    api = Api(_Broken(error), Setting(clock, bytes), OpenGate(), (UnavailableError,))
    transport = httpx2.ASGITransport(app=make_application(api, _nothing))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnavailableError(SECRET), 503, "unavailable"),
        (RuntimeError(SECRET), 500, "internal_error"),
        (RecursionError(SECRET), 500, "internal_error"),
    ],
)
async def test_a_broken_database_is_a_refusal_without_its_words(clock, caplog, error, status, code):
    caplog.set_level(logging.CRITICAL)
    async with client(clock, error) as http:
        for path, body in (
            ("check", QUESTION),
            ("write", {"deletes": {"tuple_keys": [QUESTION["tuple_key"]]}}),
            ("read", {}),
        ):
            answer = await http.post(f"/stores/{UNKNOWN}/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert SECRET not in answer.text
            assert "allowed" not in answer.text
        asked = {"type": "document", "relation": "viewer", "user": "user:anne"}
        streamed = await http.post(f"/stores/{UNKNOWN}/streamed-list-objects", json=asked)
        assert streamed.status_code == status
        assert set(streamed.json()) == {"error"}
        assert SECRET not in streamed.text


async def test_a_page_of_a_browser_changes_nothing_where_no_key_is_asked_for(clock):
    # The database is broken, so whatever gets as far as it is 500.
    async with client(clock, RuntimeError()) as http:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            answer = await http.post(
                "/stores",
                content=b'{"name":"stolen"}',
                headers={"Content-Type": "text/plain", **headers},
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@requirement("mandate:api:incomplete-is-told")
async def test_a_stream_that_ends_at_its_bound_says_so_on_its_last_line(clock, monkeypatch):
    page = Listing(("document:1",), truncated=True)
    monkeypatch.setattr(list_routes, "MAX_PAGES", 3)
    monkeypatch.setattr(list_routes._Wanted, "page", _always(page))
    asked = {"type": "document", "relation": "viewer", "user": "user:anne"}
    async with client(clock, RuntimeError(SECRET)) as http:
        answer = await http.post(f"/stores/{UNKNOWN}/streamed-list-objects", json=asked)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [set(line) for line in lines] == [{"result"}] * 3 + [{"error"}]
        monkeypatch.setattr(list_routes._Wanted, "page", _always(Listing((), truncated=True)))
        answer = await http.post(f"/stores/{UNKNOWN}/streamed-list-objects", json=asked)
        assert set(json.loads(answer.text)) == {"error"}


@requirement("mandate:api:incomplete-is-told")
async def test_a_stream_whose_database_goes_away_says_so_on_its_last_line(clock, monkeypatch):
    pages = [Listing(("document:1",), truncated=True)]

    async def page(*_: Any) -> tuple[Listing, int]:
        if not pages:
            raise UnavailableError(SECRET)
        return pages.pop(), 1

    monkeypatch.setattr(list_routes._Wanted, "page", page)
    asked = {"type": "document", "relation": "viewer", "user": "user:anne"}
    async with client(clock, RuntimeError(SECRET)) as http:
        answer = await http.post(f"/stores/{UNKNOWN}/streamed-list-objects", json=asked)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [set(line) for line in lines] == [{"result"}, {"error"}]
    assert SECRET not in answer.text


def _always(page: Listing) -> Callable[..., Any]:
    async def answered(*_: Any) -> tuple[Listing, int]:
        return page, 1

    return answered
