"""The fields of a request: JSON read as OpenFGA's server reads it, strictly where it is.

An unknown field is ignored, null stands for absent, a wrong type is refused. What a request may
not contain at all (two members of one name, NUL, lone surrogates) is refused by the parser.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request

from authz.errors import AuthzError
from authz.jose import InvalidToken
from authz.jose.strict_json import parse_object

MAX_BODY: Final = 640 * 1024
"""Bytes of a request; a model may have 256 KiB, a batch fifty checks with tuples of their own."""
MAX_DEPTH: Final = 64
MAX_PAGE: Final = 100
_PAGE: Final = 50
_IDENTIFIER: Final = re.compile(r"[ABCDEFGHJKMNPQRSTVWXYZ0-9]{26}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,10}")

Json = Mapping[str, Any]


class InvalidField(AuthzError):
    """A request that does not have the shape of its call; OpenFGA has codes for some fields."""

    code = "validation_error"
    number = 2000

    def __init__(self, message: str, code: str = "validation_error") -> None:
        super().__init__(message)
        self.finer_code = code


class BodyTooLarge(AuthzError):
    """A body that nobody would send in earnest; it is not read to its end."""

    code = "exceeded_entity_limit"
    number = 2053


async def read_body(request: Request, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Return the JSON object of a request, empty without a body.

    Raises InvalidField and BodyTooLarge.
    """
    raw = bytearray()
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > MAX_BODY:
                raise BodyTooLarge(f"The number of bytes exceeds the allowed limit of {MAX_BODY}")
    except ClientDisconnect as error:
        raise InvalidField("the request ended early") from error
    if not raw:
        return {}
    try:
        body = parse_object(bytes(raw), max_depth=max_depth)
        # What cannot be written again (an integer of more than 64 bits) could not be kept.
        orjson.dumps(body)
    except (InvalidToken, TypeError) as error:
        raise InvalidField(f"the body is no JSON object that is accepted: {error}") from error
    return body


def text(body: Json, name: str) -> str:
    """Return a text, empty if it is absent."""
    value = body.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise InvalidField(f"invalid value for string field {name}")
    return value


def matching(
    body: Json, name: str, pattern: re.Pattern[str], code: str = "validation_error"
) -> str:
    """Return a text that has a form; an absent one is empty, and must fit as well."""
    value = text(body, name)
    if not pattern.fullmatch(value):
        message = f"invalid {name}: value does not match regex pattern {pattern.pattern!r}"
        raise InvalidField(message, code)
    return value


def flag(body: Json, name: str) -> bool:
    """Return a bool, false if it is absent."""
    value = body.get(name)
    if value is not None and type(value) is not bool:
        raise InvalidField(f"invalid value for bool field {name}")
    return bool(value)


def inner(body: Json, name: str) -> dict[str, Any] | None:
    """Return an object, none if it is absent."""
    value = body.get(name)
    if value is not None and type(value) is not dict:
        raise InvalidField(f"invalid value for field {name}: an object is expected")
    return value


def needed(body: Json, name: str, code: str = "validation_error") -> dict[str, Any]:
    """Return an object that must be there."""
    value = inner(body, name)
    if value is None:
        raise InvalidField(f"invalid {name}: value is required", code)
    return value


def listed(body: Json, name: str) -> list[dict[str, Any]]:
    """Return a list of objects, empty if it is absent."""
    value = body.get(name)
    if value is None:
        return []
    if type(value) is not list or any(type(item) is not dict for item in value):
        raise InvalidField(f"invalid value for field {name}: a list of objects is expected")
    return value


def at_most(items: Sequence[object], most: int, name: str, code: str = "validation_error") -> None:
    """Refuse a list that is too long."""
    if len(items) > most:
        message = f"invalid {name}: value must contain no more than {most} item(s)"
        raise InvalidField(message, code)


def identifier(value: str, name: str) -> str:
    """Return the id of a store or a model."""
    if not _IDENTIFIER.fullmatch(value):
        message = f"invalid {name}: value does not match regex pattern {_IDENTIFIER.pattern!r}"
        raise InvalidField(message)
    return value


def model_id(body: Json) -> str:
    """Return the model that a request names, empty for the one in force."""
    value = text(body, "authorization_model_id")
    return identifier(value, "authorization_model_id") if value else ""


def consistency(body: Json) -> None:
    """Look at the wanted consistency: both of OpenFGA's values are exact here."""
    value = body.get("consistency")
    if value is not None and type(value) not in {str, int}:
        raise InvalidField("invalid value for enum field consistency")


def page_size(value: object, most: int = MAX_PAGE) -> int:
    """Return the wanted size of a page, 50 if it is absent."""
    if value is None:
        return _PAGE
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is str and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        raise InvalidField("invalid value for int32 field page_size")
    if not 1 <= value <= most:
        message = f"invalid page_size: value must be inside range [1, {most}]"
        raise InvalidField(message, "page_size_invalid")
    return value


def parameter(request: Request, name: str) -> str | None:
    """Return a parameter of the query, which is there once at most."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise InvalidField(f"too many values for field {name}")
    if values and not values[0].isprintable():
        raise InvalidField(f"invalid {name}")
    return values[0] if values else None
