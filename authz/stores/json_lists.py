"""Lists as one JSON parameter: a statement for any number of values, on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import JSON, Select, bindparam, cast, func, literal_column, select
from sqlalchemy.sql.elements import ColumnElement

from authz.stores.selection import KEY_COLUMNS


def texts(dialect: str, name: str) -> Select[Any]:
    """Return a subquery with the texts of the JSON array in parameter `name`."""
    if dialect == "sqlite":
        element = func.json_each(bindparam(name)).table_valued("value")
    else:
        array = cast(bindparam(name), JSON)
        element = func.json_array_elements_text(array).table_valued("value")
    return select(element.c.value)


def keys(dialect: str, name: str) -> Select[Any]:
    """Return a subquery with tuple keys from a JSON array of arrays in parameter `name`."""
    if dialect == "sqlite":
        element = func.json_each(bindparam(name)).table_valued("value")
    else:
        element = func.json_array_elements(cast(bindparam(name), JSON)).table_valued("value")
    columns = [
        _item(dialect, element.c.value, position).label(column)
        for position, column in enumerate(KEY_COLUMNS)
    ]
    return select(*columns)


def _item(dialect: str, array: ColumnElement[Any], position: int) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return func.json_extract(array, literal_column(f"'$[{position}]'"))
    return array.op("->>")(literal_column(str(position)))
