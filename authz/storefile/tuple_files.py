"""Tuples out of files: YAML, JSON, JSON lines and CSV, as OpenFGA's command line reads them."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from authz.errors import ModelError, Problem
from authz.model.files import read_text
from authz.storefile.document import GivenTuple, NoTuple, StoreFileRefused, parse_tuples, tuple_of

MAX_BYTES = 8 * 1024 * 1024
_NEEDED = ("user_type", "user_id", "relation", "object_type", "object_id")
_COLUMNS = {*_NEEDED, "user_relation", "condition_name", "condition_context"}


def read_tuples(path: Path, within: Path) -> tuple[GivenTuple, ...]:
    """Read a tuple file inside a folder. Raises StoreFileRefused, OSError."""
    try:
        text = read_text(path, within, limit=MAX_BYTES)
    except ModelError as error:
        raise StoreFileRefused(*error.problems) from None
    match path.suffix:
        case ".yaml" | ".yml":
            found = parse_tuples(text, path.name)
        case ".json":
            found = _json(text, path.name)
        case ".jsonl":
            found = tuple(
                _tuple(_loaded(line, path.name, row), path.name, row)
                for row, line in enumerate(text.split("\n"))
                if line.strip()
            )
        case ".csv":
            found = tuple(_rows(text, path.name))
        case _:
            raise _refused("a tuple file is named .yaml, .json, .jsonl or .csv", path.name, 0)
    if not found:
        raise _refused("this file has no tuples", path.name, 0)
    return found


def _json(text: str, source: str) -> tuple[GivenTuple, ...]:
    value = _loaded(text, source, 0)
    if not isinstance(value, list):
        raise _refused("tuples are a list", source, 0)
    return tuple(
        _tuple(fields, f"{source}, tuple {number}", -1) for number, fields in enumerate(value, 1)
    )


def _rows(text: str, source: str) -> Iterator[GivenTuple]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if unknown := [name for name in names if name not in _COLUMNS]:
            raise _refused(f"the column '{unknown[0]}' is unknown", source, 0)
        if missing := [name for name in _NEEDED if name not in names]:
            raise _refused(f"the column '{missing[0]}' is missing", source, 0)
        if len(set(names)) != len(names):
            raise _refused("a column is there twice", source, 0)
        for row in reader:
            line = reader.line_num - 1
            if len(row) != len(names):
                raise _refused(f"{len(names)} columns are expected here", source, line)
            yield _tuple(_fields(dict(zip(names, row, strict=True)), source, line), source, line)
    except csv.Error as error:
        raise _refused(f"this is no CSV: {error}", source, max(reader.line_num - 1, 0)) from None


def _fields(row: Mapping[str, str], source: str, line: int) -> dict[str, object]:
    userset = f"#{row['user_relation']}" if row.get("user_relation") else ""
    fields: dict[str, object] = {
        "user": f"{row['user_type']}:{row['user_id']}{userset}",
        "relation": row["relation"],
        "object": f"{row['object_type']}:{row['object_id']}",
    }
    context = row.get("condition_context", "")
    if name := row.get("condition_name"):
        condition: dict[str, object] = {"name": name}
        if context:
            condition["context"] = _loaded(context, source, line)
        fields["condition"] = condition
    elif context:
        raise _refused("a context needs a condition", source, line)
    return fields


def _loaded(text: str, source: str, line: int) -> object:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refused(f"this is no JSON: {error.msg}", source, line + error.lineno - 1) from None
    return value


def _tuple(fields: object, source: str, line: int) -> GivenTuple:
    try:
        return GivenTuple(tuple_of(fields), source, line, 0)
    except NoTuple as error:
        raise _refused(str(error), source, line) from None


def _refused(message: str, source: str, line: int) -> StoreFileRefused:
    if line < 0:
        message = f"{source}: {message}"
    return StoreFileRefused(Problem("tuple", message, line, 0, source))
