"""`fga.mod`: the files of a modular model.

    schema: '1.2'
    contents:
      - core.fga
      - billing/invoices.fga

A file's name cannot lead out of the manifest's folder.
"""

import re
from dataclasses import dataclass

from authz.errors import ModelError, Problem
from authz.plain_yaml import Document, YamlRefused, load

VERSION = "1.2"
MAX_FILES = 100
_ESCAPED = re.compile("%2e|%2f|%5c", re.IGNORECASE)
_ESCAPES = {"%2e": ".", "%2f": "/", "%5c": "\\"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """Schema version, and the names of the module files in their order."""

    version: str
    contents: tuple[str, ...]


def parse_manifest(text: str, *, source: str = "fga.mod") -> Manifest:
    """Read an fga.mod. Raises ModelError with every problem."""
    try:
        document = load(text, source)
    except YamlRefused as error:
        raise ModelError((error.problem,)) from None
    value = document.value
    if not isinstance(value, dict):
        value = {}
    problems: list[Problem] = []
    version = value.get("schema")
    if version is None:
        problems.append(document.problem("the field 'schema' is missing: write schema: '1.2'"))
    elif not isinstance(version, str):
        problems.append(
            document.problem(
                "the schema version must be a text: write '1.2' in quotes", ("schema",)
            )
        )
    elif version != VERSION:
        problems.append(document.problem("a modular model is of schema version '1.2'", ("schema",)))
    problems += [
        document.problem(f"the field '{name}' is unknown", (name,))
        for name in value
        if name not in {"schema", "contents"}
    ]
    contents = value.get("contents")
    if contents is None:
        problems.append(document.problem("the field 'contents' is missing: list the .fga files"))
    elif not isinstance(contents, list) or len(contents) > MAX_FILES:
        message = f"'contents' must be a list of at most {MAX_FILES} file names"
        problems.append(document.problem(message, ("contents",)))
    else:
        names = [_name(document, n, item, problems) for n, item in enumerate(contents)]
        problems += [
            document.problem(f"{name} is there twice", ("contents", n))
            for n, name in enumerate(names)
            if name and name in names[:n]
        ]
        if not problems:
            return Manifest(VERSION, tuple(names))
    raise ModelError(tuple(problems))


def _name(document: Document, number: int, item: object, problems: list[Problem]) -> str:
    place = ("contents", number)
    if not isinstance(item, str):
        problems.append(document.problem("a file's name must be a text", place))
        return ""
    name = _ESCAPED.sub(lambda found: _ESCAPES[found[0].lower()], item)
    parts = re.split(r"[/\\]", name)
    if ".." in parts or not parts[0] or ":" in parts[0] or not name.isprintable():
        problems.append(document.problem("a file lies beside fga.mod or below it", place))
    elif not name.endswith(".fga"):
        problems.append(document.problem("a file of a model is named .fga", place))
    return name
