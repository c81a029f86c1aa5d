"""A resource as an operator writes it: a JSON or TOML file, or options of a command."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.cli.failure import MISUSED, Failure
from server.domain.registry import Edge, Pickable, Resource, Scope, Tool
from server.keys.signing_keys import SIGNING_ALGORITHMS

Word = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$", max_length=200)]
"""A scope token (RFC 6749 §3.3)."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
Picked = Annotated[str, Field(pattern=r"^(mandate/)?[a-z][a-z0-9_]*$", max_length=50)]
"""A type of the resource's own, or Mandate's `mandate/tool` and `mandate/resource`."""
Text = Annotated[str, Field(min_length=1, max_length=500)]
_MARKS: Final = ("agent_own", "default", "destructive", "person_only")
"""What an option of its own says of scopes that `--scope` names."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Scope(_Strict):
    name: Word
    description: Text
    agent_own: bool = False
    default: bool = False
    destructive: bool = False
    person_only: bool = False
    includes: list[Word] = []


class _Tool(_Strict):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./-]+$", max_length=128)]
    title: Text
    scopes: Annotated[list[Word], Field(min_length=1)]


class _Pickable(_Strict):
    type: Picked
    relation: Name
    label: Text
    contains: bool = False


class _Edge(_Strict):
    scope: Word
    to_resource: Text
    to_scope: Word


class _Resource(_Strict):
    id: Text
    name: Text
    scopes: list[_Scope] = []
    types: list[Name] = []
    pickable: list[_Pickable] = []
    edges: list[_Edge] = []
    tools: list[_Tool] = []
    token_ttl: int = Field(default=300, ge=30, le=900)
    alg: str = SIGNING_ALGORITHMS[0]
    model: str = ""
    model_file: str | None = None


def from_file(path: Path) -> Resource:
    """Read a resource; a `model_file` is relative to the file. Raises `Failure`, `OSError`."""
    raw = path.read_bytes()
    try:
        document = tomllib.loads(raw.decode()) if path.suffix == ".toml" else orjson.loads(raw)
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise Failure(f"{path} is no {kind}: {error}", code=MISUSED) from None
    if not isinstance(document, dict):
        raise Failure(f"{path} must hold one object", code=MISUSED)
    # `resource list --json` prints these as well, and `resource add` reads what it printed.
    for printed in ("created_at", "client_id", "client_secret"):
        document.pop(printed, None)
    return _checked(document, str(path), path.parent)


def from_flags(given: Mapping[str, Any]) -> Resource:
    """Read a resource from the options of `resource add`; raises `Failure`, `OSError`."""
    flags = dict(given)
    marks = {mark: flags.pop(mark, []) for mark in _MARKS}
    scopes: list[dict[str, object]] = []
    for text in flags.pop("scopes", []):
        name, _, words = text.partition("=")
        scopes.append(
            {"name": name, "description": words or name}
            | {mark: name in names for mark, names in marks.items()}
        )
    known = {scope["name"] for scope in scopes}
    for mark, names in marks.items():
        for name in names:
            if name not in known:
                option = mark.replace("_", "-")
                raise Failure(f"--{option} {name}: give the scope with --scope too", code=MISUSED)
    for text in flags.pop("includes", []):
        name, _, others = text.partition("=")
        for each in scopes:
            if each["name"] == name:
                each["includes"] = others.split()
        if name not in known:
            raise Failure(f"--includes {text}: give the scope with --scope too", code=MISUSED)
    model = flags.pop("model", None)
    document = flags | {
        "scopes": scopes,
        "pickable": [_pickable(text) for text in flags.get("pickable", [])],
        "edges": [_edge(text) for text in flags.get("edges", [])],
        "tools": [_tool(text) for text in flags.get("tools", [])],
    }
    if model is not None:
        document["model_file"] = str(model)
    return _checked(document, "the options", Path())


def _checked(document: Mapping[str, Any], where: str, folder: Path) -> Resource:
    try:
        read = _Resource.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Failure(f"{where}: {place}: {first['msg']}", code=MISUSED) from None
    if read.alg not in SIGNING_ALGORITHMS:
        raise Failure(f"{where}: alg is one of {', '.join(SIGNING_ALGORITHMS)}", code=MISUSED)
    if read.model and read.model_file:
        raise Failure(f"{where}: give model or model_file, not both", code=MISUSED)
    for what, names in (
        ("scope", [scope.name for scope in read.scopes]),
        ("tool", [tool.name for tool in read.tools]),
    ):
        if len(set(names)) < len(names):
            raise Failure(f"{where}: a {what} is named twice", code=MISUSED)
    resource = Resource(
        id=read.id,
        name=read.name,
        scopes={
            s.name: Scope(**s.model_dump(exclude={"includes"}), includes=frozenset(s.includes))
            for s in read.scopes
        },
        types=frozenset(read.types),
        pickable=tuple(Pickable(**p.model_dump()) for p in read.pickable),
        edges=tuple(Edge(**e.model_dump()) for e in read.edges),
        tools=tuple(
            Tool(name=t.name, title=t.title, scopes=frozenset(t.scopes)) for t in read.tools
        ),
        token_ttl=read.token_ttl,
        alg=read.alg,
        model=read.model,
    )
    if read.model_file is None:
        return resource
    return replace(resource, model=(folder / read.model_file).read_text(encoding="utf-8"))


def _pickable(text: str) -> dict[str, object]:
    contains = text.endswith(":contains")
    parts = text.removesuffix(":contains").split(":", 2)
    if len(parts) != 3:
        raise Failure(f"--pickable {text}: write TYPE:RELATION:WORDS", code=MISUSED)
    return {"type": parts[0], "relation": parts[1], "label": parts[2], "contains": contains}


def _edge(text: str) -> dict[str, object]:
    parts = text.split()
    if len(parts) != 3:
        raise Failure(f"--edge {text}: write SCOPE URI SCOPE in quotes", code=MISUSED)
    return {"scope": parts[0], "to_resource": parts[1], "to_scope": parts[2]}


def _tool(text: str) -> dict[str, object]:
    parts = text.split(None, 2)
    if len(parts) != 3:
        raise Failure(f'--tool "{text}": write NAME SCOPE,SCOPE WORDS in quotes', code=MISUSED)
    return {"name": parts[0], "scopes": parts[1].split(","), "title": parts[2]}
