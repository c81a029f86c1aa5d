"""YAML as plain data, each part with its place: bounded, without tags, and as YAML 1.2 reads it.

A stranger's file cannot use up memory: its size, its depth and its number of parts (those behind
aliases counted each time they are named) are bounded. `yes` and dates stay texts, and a key that
is there twice is refused.
"""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import yaml

from authz.errors import Problem

MAX_BYTES = 1024 * 1024
MAX_PARTS = 100_000
MAX_DEPTH = 32

Path: TypeAlias = tuple[str | int, ...]

_MAP, _SEQ, _STR = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


class YamlRefused(Exception):
    """A text that is no YAML of this kind; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class Document:
    """Plain data, and where each part of it stands."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.value: Any = None
        self._places: dict[Path, tuple[int, int]] = {(): (0, 0)}
        self._parts = 0

    def place(self, path: Path) -> tuple[int, int]:
        """Return line and column (from 0) of a part, or of the nearest one that is there."""
        while path not in self._places:
            path = path[:-1]
        return self._places[path]

    def problem(self, message: str, path: Path = ()) -> Problem:
        """Say what is wrong with a part."""
        return Problem("document", message, *self.place(path), self.source)

    def take(self, node: yaml.Node | None) -> None:
        """Fill the document from YAML's own tree. Raises YamlRefused."""
        self.value = None if node is None else self._plain(node, ())

    def _plain(self, node: yaml.Node, path: Path) -> Any:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _refused(f"more than {MAX_PARTS} parts", node, self.source)
        if len(path) > MAX_DEPTH:
            raise _refused("nested too deeply", node, self.source)
        self._places[path] = (node.start_mark.line, node.start_mark.column)
        if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQ:
            return [self._plain(item, (*path, n)) for n, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return _SCALARS[node.tag](node.value)
        raise _refused("tags are not taken", node, self.source)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            # As in YAML 1.2 of JSON's kind, a key is a text, however it looks.
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _SCALARS:
                raise _refused("a key must be a text", key, self.source)
            if key.value in found:
                raise _refused("this key is there twice", key, self.source)
            found[key.value] = self._plain(value, (*path, key.value))
        return found


def load(text: str, source: str) -> Document:
    """Read one document. Raises YamlRefused."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise YamlRefused(Problem("document", f"larger than {MAX_BYTES} bytes", 0, 0, source))
    document = Document(source)
    try:
        document.take(_Loader(text).get_single_node())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        message = f"this is no YAML: {error.problem or error.context}"
        raise YamlRefused(Problem("document", message, line, column, source)) from None
    except yaml.YAMLError as error:
        message = f"this is no YAML: {str(error).splitlines()[0]}"
        raise YamlRefused(Problem("document", message, 0, 0, source)) from None
    return document


class _Loader(yaml.SafeLoader):
    """Composes a tree of bounded depth; nothing is constructed by it."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (yaml's own form)
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH + 1:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in (
    (_BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (_NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (_INT, r"[-+]?[0-9]{1,40}", "-+0123456789"),
    (_FLOAT, r"[-+]?(?:\.\d{1,40}|\d{1,40}(?:\.\d{0,40})?)(?:[eE][-+]?\d{1,3})?", "-+.0123456789"),
):  # fmt: skip
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})\\Z", re.ASCII), list(_first))

_SCALARS: dict[str, Callable[[str], Any]] = {
    _STR: str,
    _NULL: lambda _: None,
    _BOOL: lambda text: text.lower() == "true",
    _INT: int,
    _FLOAT: float,
}


def _refused(message: str, node: yaml.Node, source: str) -> YamlRefused:
    mark = node.start_mark
    return YamlRefused(Problem("document", message, mark.line, mark.column, source))
