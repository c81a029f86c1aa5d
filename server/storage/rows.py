"""Documents in rows: JSON text made and read with orjson, sets written in a stable order."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Column, and_, bindparam, or_
from sqlalchemy.sql.elements import ColumnElement

from server.domain.audit import Cursor

END_OF_TIME: Cursor = (2**62, "")
"""The place before the first row of a list that runs from new to old."""


def before(at: Column[Any], id: Column[Any]) -> ColumnElement[bool]:
    """Compare with a place in such a list: the parameters `at` and `last_id`."""
    return and_(at <= bindparam("at"), or_(at < bindparam("at"), id < bindparam("last_id")))


def dump(document: object) -> str:
    """Write a JSON document."""
    return orjson.dumps(document).decode()


def load(text: str) -> Any:
    """Read a JSON document that we wrote."""
    return orjson.loads(text)


def names(values: Iterable[str]) -> list[str]:
    """List a set of names in a stable order."""
    return sorted(values)
