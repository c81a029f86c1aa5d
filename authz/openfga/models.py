"""Our model in force at a remote server: found among theirs, written there, or pinned."""

from collections.abc import Mapping
from typing import Any

from authz.errors import ModelError
from authz.model.compiled import Model
from authz.openfga.client import OpenFga
from authz.openfga.failure import Fault, RemoteFailure

MAX_PAGES = 20
"""Pages of models that are looked through for ours; then it is written once more."""


async def model_there(remote: OpenFga, ours: Model) -> str:
    """Return the id of the same model there; it is written if there is none.

    A pinned one is never written: RemoteFailure MODEL if it is another model or is not there.
    """
    pinned = remote.place.model
    if pinned:
        if not same(await remote.model(pinned), ours):
            raise RemoteFailure(Fault.MODEL)
        return pinned
    found = await find_model(remote, ours)
    return found or await remote.add_model(ours.to_json())


async def find_model(remote: OpenFga, ours: Model) -> str:
    """Return the id of the newest model there that is ours, or an empty text."""
    token = ""
    for _ in range(MAX_PAGES):
        page, token = await remote.models(token)
        for theirs in page:
            if same(theirs, ours):
                return str(theirs.get("id", ""))
        if not token:
            break
    return ""


def same(theirs: Mapping[str, Any], ours: Model) -> bool:
    """Whether a model of theirs says what ours does, however it is written."""
    try:
        return read(theirs).to_json() == ours.to_json()
    except ModelError:
        return False


def read(theirs: Mapping[str, Any]) -> Model:
    """Return a model of theirs, by our own parser. Raises ModelError."""
    return Model.from_json({name: part for name, part in theirs.items() if name != "id"})


async def model_asked(remote: OpenFga, remembered: str) -> Mapping[str, Any] | None:
    """Return the model there that is, or would be, asked: pinned, remembered, or the newest."""
    named = remote.place.model or remembered
    if named:
        return await remote.model(named)
    page, _ = await remote.models()
    return page[0] if page else None


def differences(ours: Model, theirs: Model) -> list[str]:
    """Say in one line each which type, relation or condition is on one side, or is otherwise."""
    mine, other = _parts(ours.to_json()), _parts(theirs.to_json())
    found = [f"{name}: only in Mandate" for name in mine.keys() - other.keys()]
    found += [f"{name}: only in OpenFGA" for name in other.keys() - mine.keys()]
    found += [f"{name}: not the same" for name in mine.keys() & other.keys()
              if mine[name] != other[name]]  # fmt: skip
    return sorted(found)


def _parts(body: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {"schema": body.get("schema_version")}
    for kind in body.get("type_definitions", ()):
        name, metadata = kind["type"], (kind.get("metadata") or {}).get("relations") or {}
        found[f"type {name}"] = True
        for relation, rewrite in (kind.get("relations") or {}).items():
            found[f"{name}#{relation}"] = (rewrite, metadata.get(relation))
    found |= {f"condition {n}": c for n, c in (body.get("conditions") or {}).items()}
    return found
