"""The small builder of the OpenAPI document: shapes that repeat, as functions over plain data."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Json = dict[str, Any]

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
HTML: Final = "text/html"

METHOD_NOT_ALLOWED: Final = {"$ref": "#/components/responses/MethodNotAllowed"}


def ref(name: str) -> Json:
    """Refer to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str = "", **keywords: Any) -> Json:
    """Describe a string."""
    told = {"description": description} if description else {}
    return {"type": "string", **told, **keywords}


def words(values: Sequence[str], description: str = "") -> Json:
    """Describe a string out of a closed list."""
    return text(description, enum=list(values))


def array(items: Json, **keywords: Any) -> Json:
    """Describe an array."""
    return {"type": "array", "items": items, **keywords}


def integer(description: str, **keywords: Any) -> Json:
    """Describe a whole number."""
    return {"type": "integer", "description": description, **keywords}


def record(
    required: Mapping[str, Json], optional: Mapping[str, Json] | None = None, **keywords: Any
) -> Json:
    """Describe an object that has these members and no others, unless `keywords` say so."""
    found: Json = {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
        **keywords,
    }
    if not required:
        del found["required"]
    return found


def form(required: Mapping[str, Json], optional: Mapping[str, Json]) -> Json:
    """Describe the parameters of a request; unknown ones are ignored (RFC 6749 §3.2)."""
    return record(required, optional, additionalProperties=True)


def form_body(schema: Json) -> Json:
    """Require a form as body; none of its parameters may come twice, but for arrays."""
    return {"required": True, "content": {FORM: {"schema": schema}}}


def json_body(schema: Json) -> Json:
    """Require a JSON document as body."""
    return {"required": True, "content": {JSON: {"schema": schema}}}


def answer(
    description: str, schema: Json | None = None, *headers: str, media_type: str = JSON
) -> Json:
    """Describe an answer; `headers` name shared header components that it always has."""
    found: Json = {"description": description}
    if schema is not None:
        found["content"] = {media_type: {"schema": schema}}
    if headers:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return found


def shared(*names: str) -> Json:
    """Refer to shared answers by status: `shared("400 OAuthError", "503 Unavailable")`."""
    return {
        status: {"$ref": f"#/components/responses/{name}"}
        for status, _, name in (each.partition(" ") for each in names)
    }


def query(name: str, schema: Json, *, required: bool = False) -> Json:
    """Describe a parameter of the query."""
    description = schema.get("description", "")
    return {
        "name": name, "in": "query", "required": required, "schema": schema,
        **({"description": description} if description else {}),
    }  # fmt: skip


def operation(
    operation_id: str,
    summary: str,
    responses: Json,
    *,
    tag: str,
    security: Sequence[str] | None = None,
    **keywords: Any,
) -> Json:
    """Describe an operation; `security` are alternatives, and `none` is "without"."""
    return {
        "operationId": operation_id,
        "summary": summary,
        "tags": [tag],
        "security": [{} if name == "none" else {name: []} for name in security or ("none",)],
        **keywords,
        "responses": responses,
    }
