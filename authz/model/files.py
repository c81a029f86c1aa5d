"""A model out of a file, in any of its forms: DSL, JSON, fga.mod, or a resource server's module.

A file that begins with `module` is a module of a resource server. Alone it means little, so it is
read as `mandate resource add` reads it: joined with Mandate's own types.
"""

import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from authz.engine.limits import MAX_MODEL_BYTES
from authz.errors import ModelError, Problem
from authz.model.compiled import Model
from authz.model.compose import compose_named, core_model_text
from authz.model.manifest import parse_manifest
from authz.model.modules import join_modules

CORE = "authz/mandate.fga"
_MODULE = re.compile(r"(?:[ \t\f]*(?:#[^\n]*)?\r?\n)*[ \t\f]*module[ \t\f]")
_MAX_JSON_BYTES = 8 * MAX_MODEL_BYTES


class Form(Enum):
    """How a model was written."""

    DSL = "dsl"
    JSON = "json"
    MODULES = "modules"
    MODULE = "module"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A valid model, the form of its file, and how many files it was read from."""

    model: Model
    form: Form
    files: int = 1


def load_model(path: Path, *, within: Path | None = None) -> LoadedModel:
    """Read and check a model. Raises ModelError with every problem, OSError.

    With `within`, neither the file nor a module of it may lie outside that folder.
    """
    if path.suffix == ".mod":
        return _modules(path, within)
    if path.suffix == ".json":
        text = read_text(path, within, limit=_MAX_JSON_BYTES)
        return LoadedModel(Model.from_json(_json(text, path.name)), Form.JSON)
    return load_text(read_text(path, within), path.name)


def load_text(text: str, source: str) -> LoadedModel:
    """Read a model or a module in the DSL. Raises ModelError with every problem."""
    if _MODULE.match(text):
        model = compose_named((CORE, core_model_text()), (source, text))
        return LoadedModel(model, Form.MODULE, files=2)
    return LoadedModel(Model.from_dsl(text, source=source), Form.DSL)


def read_text(path: Path, within: Path | None, *, limit: int = MAX_MODEL_BYTES) -> str:
    """Read a file of a bounded size. Raises ModelError, OSError."""
    real = path.resolve()
    if within is not None and not real.is_relative_to(within.resolve()):
        message = f"{path} lies outside the folder of the file that names it"
        raise ModelError((Problem("file", message, -1, -1),))
    with real.open("rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ModelError((Problem("too-large", f"larger than {limit} bytes", 0, 0, path.name),))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start)
        column = error.start - raw.rfind(b"\n", 0, error.start) - 1
        raise ModelError(
            (Problem("syntax", "this is not UTF-8", line, column, path.name),)
        ) from None


def _modules(path: Path, within: Path | None) -> LoadedModel:
    manifest = parse_manifest(read_text(path, within), source=path.name)
    folder = path.parent
    texts = [(name, _module(folder, name)) for name in manifest.contents]
    return LoadedModel(Model(join_modules(texts)), Form.MODULES, files=len(texts))


def _module(folder: Path, name: str) -> str:
    try:
        return read_text(folder / name, folder)
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror}"
        raise ModelError((Problem("file", message, -1, -1),)) from None


def _json(text: str, source: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        problem = Problem("syntax", error.msg, error.lineno - 1, error.colno - 1, source)
        raise ModelError((problem,)) from None
    except (RecursionError, ValueError) as error:
        message = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ModelError((Problem("syntax", message, 0, 0, source),)) from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return found
