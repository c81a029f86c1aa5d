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
