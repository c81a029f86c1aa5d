"""Routes that write, read and follow tuples."""

import re
from datetime import UTC, datetime
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import Response

from authz.api.answers import answer
from authz.api.calls import Api, Call, where
from authz.api.fields import (
    InvalidField,
    Json,
    consistency,
    flag,
    inner,
    listed,
    matching,
    model_id,
    needed,
    page_size,
    parameter,
    read_body,
    text,
)
from authz.api.gate import Permission
from authz.api.tuple_json import change_json, relation_tuple, stored_json
from authz.calls import tuples
from authz.calls.tuples import Asked, OnDuplicate, OnMissing, Selection
from authz.model.subject import RelationTuple
from authz.tx import Tx

_USER: Final = re.compile(r"(?:[^\s]{1,511}:[^\s]{1,511})?")
_RELATION: Final = re.compile(r"[^:#@\s]{0,50}")
_OBJECT: Final = re.compile(r"[^\s]{0,256}")
_TYPE: Final = re.compile(r"[^:#@\s]{0,254}")


async def _write(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    writes, on_duplicate = _side(body, "writes", "on_duplicate", {"error", "ignore", "replace"})
    deletes, on_missing = _side(body, "deletes", "on_missing", {"error", "ignore"})
    asked = tuples.Write(
        writes, deletes, cast("OnDuplicate", on_duplicate), cast("OnMissing", on_missing)
    )

    def work(tx: Tx) -> int:
        # Inside the transaction, so that a refusal is seen by who writes down what happened.
        api.rule(writes, deletes)
        return tuples.write(tx, api.setting, place, asked)

    revision = await api.database.write(work)
    return answer({}, store=place.store, revision=revision)


def _side(
    body: Json, name: str, option: str, options: set[str]
) -> tuple[tuple[RelationTuple, ...], str]:
    given = inner(body, name)
    if given is None:
        return (), "error"
    items = listed(given, "tuple_keys")
    if not items:
        raise InvalidField(f"invalid {name}: value must contain at least 1 item(s)")
    chosen = text(given, option) or "error"
    if chosen not in options:
        raise InvalidField(f"invalid {option} option")
    return tuple(relation_tuple(item) for item in items), chosen


async def _read(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request)
    consistency(body)
    asked = Asked(page_size(body.get("page_size")), text(body, "continuation_token"))
    key = inner(body, "tuple_key")
    selection = None if key is None else _selection(key)
    page = await api.database.read(lambda tx: tuples.read(tx, place, selection, asked))
    shown = {
        "tuples": [stored_json(stored) for stored in page.tuples],
        "continuation_token": page.token,
    }
    return answer(shown, store=place.store, revision=page.revision)


def _selection(key: Json) -> Selection:
    return Selection(
        matching(key, "user", _USER),
        matching(key, "relation", _RELATION),
        matching(key, "object", _OBJECT),
    )


async def _delete_matching(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request)
    selection = _selection(needed(body, "tuple_key"))
    dry_run = flag(body, "dry_run")
    run = api.database.read if dry_run else api.database.write
    done = await run(
        lambda tx: tuples.delete_matching(tx, api.setting, place, selection, dry_run=dry_run)
    )
    shown = {"matched": done.matched, "deleted": done.deleted, "truncated": done.truncated}
    return answer(shown, store=place.store, revision=done.revision)


async def _changes(api: Api, request: Request) -> Response:
    place = where(request)
    size = page_size(parameter(request, "page_size"))
    asked = Asked(size, parameter(request, "continuation_token") or "")
    kind = parameter(request, "type") or ""
    if not _TYPE.fullmatch(kind):
        raise InvalidField("invalid type: value does not match its pattern", "type_invalid_pattern")
    since = _since(parameter(request, "start_time"), api.setting.clock.now())
    page = await api.database.read(
        lambda tx: tuples.changes(tx, place, asked, object_type=kind, since=since)
    )
    shown = {
        "changes": [change_json(change) for change in page.changes],
        "continuation_token": page.token,
    }
    return answer(shown, store=place.store, revision=page.revision)


def _since(given: str | None, now: int) -> int:
    if given is None:
        return 0
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None or "T" not in given:
            raise InvalidField("invalid start_time: an RFC 3339 time is expected")
        at = int(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise InvalidField("invalid start_time: an RFC 3339 time is expected") from error
    if at >= now:
        raise InvalidField("invalid start_time: value must be less than now")
    return max(0, at)


CALLS: Final = (
    Call("POST", "/stores/{store_id}/write", Permission.WRITE, _write),
    Call("POST", "/stores/{store_id}/delete-matching", Permission.WRITE, _delete_matching),
    Call("POST", "/stores/{store_id}/read", Permission.READ, _read),
    Call("GET", "/stores/{store_id}/changes", Permission.READ, _changes),
)
