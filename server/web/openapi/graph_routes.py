"""The OpenFGA API inside the server: each call that the engine's API lists, and who may make it."""

import re
from typing import Final

from authz.api.application import CALLS
from authz.api.calls import Call
from authz.api.gate import Permission
from authz.api.jwt_gate import SCOPES
from server.web.openapi.build import Json, answer, json_body, operation, record, text

_ERROR: Final = record({"code": text(), "message": text()}, additionalProperties=True)
_ANY: Final[Json] = {"type": "object", "description": "As OpenFGA has it.",
                     "additionalProperties": True}  # fmt: skip
_REFUSALS: Final = {
    "400": "What the model or the shape of the call does not allow.",
    "401": "No token of this server for this API.",
    "403": "The token lacks the scope, or only Mandate changes that.",
    "404": "No such store or model.",
    "409": "The database is behind the consistency token, or another write was first.",
    "413": "The body is too large.",
    "503": "The database cannot be used now.",
}


def graph_paths() -> Json:
    """Describe every call below /authz."""
    paths: Json = {}
    for call in CALLS:
        paths.setdefault(f"/authz{call.path}", {})[call.method.lower()] = _described(call)
    return paths


def _described(call: Call) -> Json:
    names = [part.strip("{}") for part in call.path.split("/")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": text()}
        for name, part in zip(names, call.path.split("/"), strict=True)
        if name != part
    ]
    told = f"OpenFGA's {call.method} {call.path}; it needs {SCOPES[call.permission]}."
    responses = {status: answer(why, _ERROR) for status, why in _REFUSALS.items()}
    if call.permission is Permission.ADMIN and call.method != "GET":
        told += " Always refused: only Mandate changes that."
    else:
        responses["200"] = answer("As OpenFGA answers.", _ANY)
    body = {} if call.method in ("GET", "DELETE") else {"requestBody": json_body(_ANY)}
    path = "".join(word.title() for name in names for word in re.split("[-_]", name))
    return operation(
        f"graph{call.method.title()}{path}",
        told,
        responses,
        tag="relationships",
        security=["graph_token"],
        **({"parameters": parameters} if parameters else {}),
        **body,
    )
