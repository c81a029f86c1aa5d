"""Routes that list: the objects that a user holds, also as a stream, and the users of an object."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from authz.api.answers import REVISION, TRUNCATED, answer, error_answer, refusal
from authz.api.calls import Api, Call, where
from authz.api.fields import (
    InvalidField,
    Json,
    consistency,
    inner,
    listed,
    matching,
    model_id,
    needed,
    page_size,
    read_body,
    text,
)
from authz.api.gate import Permission
from authz.api.tuple_json import MAX_CONTEXTUAL, bare_contextual_tuples, contextual_tuples
from authz.calls.continuation import give, take
from authz.calls.scene import Where, enter
from authz.engine.contextual import list_objects_over
from authz.engine.limits import MAX_CANDIDATES, MAX_LISTED
from authz.engine.listing import Listing
from authz.engine.users import UserFilter, UserListing, list_users
from authz.errors import AuthzError, ResolutionTooComplex
from authz.model.subject import RelationTuple, Subject
from authz.tx import Tx

MAX_PAGES: Final = MAX_CANDIDATES // MAX_LISTED
"""Listings that one stream is made of at most."""
_TYPE: Final = re.compile(r"[^:#@\s]{1,254}")
_ID: Final = re.compile(r"[^#:\s]{1,256}")
_RELATION: Final = re.compile(r"[^:#@\s]{1,50}")
_RELATION_OR_NONE: Final = re.compile(r"[^:#@\s]{0,50}")


class _Pages(NamedTuple):
    """Which page of a list is asked for; without either field it is OpenFGA's one answer."""

    call: str
    scope: tuple[str, ...]
    asked: bool
    size: int
    after: str

    def end(self, last: str, *, truncated: bool) -> dict[str, Any]:
        """Return what an answer says of the pages behind it, if they were asked for."""
        if not self.asked:
            return {}
        token = give(self.call, self.scope, [last]) if truncated and last else ""
        return {"continuation_token": token, "truncated": truncated}


def _pages(body: Json, call: str, scope: tuple[str, ...]) -> _Pages:
    given, token = body.get("page_size"), text(body, "continuation_token")
    size = MAX_LISTED if given is None else page_size(given, MAX_LISTED)
    after = str(take(call, scope, token, (str,))[0]) if token else ""
    return _Pages(call, scope, given is not None or bool(token), size, after)


class _Wanted(NamedTuple):
    """What a listing of objects is asked for."""

    place: Where
    type: str
    relation: str
    user: str
    context: Json | None
    contextual: tuple[RelationTuple, ...]

    def scope(self) -> tuple[str, ...]:
        """Return what a continuation token of this question is bound to."""
        own = repr(self.contextual), repr(self.context)
        return self.place.store, self.place.model, self.type, self.relation, self.user, *own

    async def page(self, api: Api, after: str = "", limit: int = MAX_LISTED) -> tuple[Listing, int]:
        """Return the objects behind `after`, and the store's revision."""

        def work(tx: Tx) -> tuple[Listing, int]:
            scene = enter(tx, api.setting, self.place)
            listing = list_objects_over(
                scene.model, scene.tuples, self.user, self.relation, self.type, self.contextual,
                context=self.context, after=after, limit=limit,
            )  # fmt: skip
            return listing, scene.revision

        return await api.database.read(work)


def _wanted(request: Request, body: Json) -> _Wanted:
    place = where(request, model_id(body))
    kind = matching(body, "type", _TYPE, "type_invalid_pattern")
    relation = matching(body, "relation", _RELATION)
    user = text(body, "user")
    if not 1 <= len(user.encode()) <= 512:
        raise InvalidField("invalid user: value length must be between 1 and 512 bytes, inclusive")
    consistency(body)
    return _Wanted(place, kind, relation, user, inner(body, "context"), contextual_tuples(body))


async def _list_objects(api: Api, request: Request) -> Response:
    body = await read_body(request)
    wanted = _wanted(request, body)
    pages = _pages(body, "list-objects", wanted.scope())
    listing, revision = await wanted.page(api, pages.after, pages.size)
    shown: dict[str, Any] = {"objects": list(listing.objects)}
    shown |= pages.end("".join(listing.objects[-1:]), truncated=listing.truncated)
    return answer(shown, store=wanted.place.store, revision=revision, headers=_cut(listing))


async def _stream_objects(api: Api, request: Request) -> Response:
    wanted = _wanted(request, await read_body(request))
    # The first page before the status: what is wrong with the request is wrong with it.
    first, revision = await wanted.page(api)
    headers = {REVISION: f"{wanted.place.store}.{revision}"}
    lines = _lines(api, wanted, first)
    return StreamingResponse(lines, headers=headers, media_type="application/json")


async def _lines(api: Api, wanted: _Wanted, page: Listing) -> AsyncIterator[bytes]:
    """Write a JSON document a line; each page is read when the one before has been taken.

    A list that ends at a limit has an error as its last line: it must not look complete.
    """
    for number in range(1, MAX_PAGES + 1):
        if page.objects:
            yield b"".join(
                orjson.dumps({"result": {"object": one}}) + b"\n" for one in page.objects
            )
        if not page.truncated:
            return
        if not page.objects or number == MAX_PAGES:
            break
        try:
            page, _ = await wanted.page(api, page.objects[-1])
        except AuthzError as error:
            yield bytes(error_answer(error, streamed=True).body) + b"\n"
            return
        except api.unavailable:
            gone = refusal(503, "unavailable", "the list cannot be continued now", streamed=True)
            yield bytes(gone.body) + b"\n"
            return
    cut = ResolutionTooComplex("the list is longer than the limit and ends here, incomplete")
    yield bytes(error_answer(cut, streamed=True).body) + b"\n"


async def _list_users(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    target = needed(body, "object")
    object_ = f"{matching(target, 'type', _TYPE)}:{matching(target, 'id', _ID)}"
    relation = matching(body, "relation", _RELATION)
    filters = [_filter(entry) for entry in listed(body, "user_filters")]
    if len(filters) != 1:
        raise InvalidField("invalid user_filters: value must contain exactly 1 item(s)")
    # This call alone has no object around its contextual tuples.
    contextual = bare_contextual_tuples(body, MAX_CONTEXTUAL)
    context = inner(body, "context")
    consistency(body)
    own = repr(filters), repr(contextual), repr(context)
    pages = _pages(body, "list-users", (place.store, place.model, object_, relation, *own))

    def work(tx: Tx) -> tuple[UserListing, int]:
        scene = enter(tx, api.setting, place, contextual)
        listing = list_users(
            scene.model, scene.tuples, object_, relation, filters,
            context=context, limit=pages.size, after=pages.after,
        )  # fmt: skip
        return listing, scene.revision

    listing, revision = await api.database.read(work)
    shown: dict[str, Any] = {"users": [_shown(user) for user in listing.users]}
    shown |= pages.end("".join(map(str, listing.users[-1:])), truncated=listing.truncated)
    return answer(shown, store=place.store, revision=revision, headers=_cut(listing))


def _filter(entry: Json) -> UserFilter:
    return UserFilter(
        matching(entry, "type", _TYPE), matching(entry, "relation", _RELATION_OR_NONE)
    )


def _shown(user: Subject) -> dict[str, Any]:
    if user.relation:
        return {"userset": {"type": user.type, "id": user.id, "relation": user.relation}}
    if user.id == "*":
        return {"wildcard": {"type": user.type}}
    return {"object": {"type": user.type, "id": user.id}}


def _cut(listing: Listing | UserListing) -> dict[str, str] | None:
    return {TRUNCATED: "true"} if listing.truncated else None


CALLS: Final = (
    Call("POST", "/stores/{store_id}/list-objects", Permission.READ, _list_objects),
    Call(
        "POST",
        "/stores/{store_id}/streamed-list-objects",
        Permission.READ,
        _stream_objects,
        streamed=True,
    ),
    Call("POST", "/stores/{store_id}/list-users", Permission.READ, _list_users),
)
