"""The guides hold what they show: models and tests run, commands exist, limits are the code's."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from authz import dpop, errors
from authz.engine import limits
from authz.storefile.run import run_store_file
from server.cli.program import app
from server.delegation import approvals
from server.outbound import fetcher
from server.protocol.registration import adopt, arrivals, ask, claims, logos, trust
from server.settings import Settings
from tests.support.tree import ROOT, project_files

DOCS = ROOT / "docs"
GUIDES = ("modelling.md", "migrating-from-openfga.md", "semantics-and-limits.md")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced texts of a page in one language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [body for kind, body in _FENCE.findall(text) if kind == language]


@pytest.mark.parametrize("page", ["modelling.md", "migrating-from-openfga.md"])
def test_the_models_of_a_guide_pass_its_tests(page: str, tmp_path: Path):
    modules = blocks(page, "fga")
    for text in modules:
        name = re.match(r"module (\w+)\n", text)
        assert name is not None, text
        (tmp_path / f"{name[1]}.fga").write_text(text)
    ran = 0
    for number, text in enumerate(t for t in blocks(page, "yaml") if "model_file:" in t):
        path = tmp_path / f"{number}.fga.yaml"
        path.write_text(text)
        report = run_store_file(path)
        assert [o for o in report.outcomes if not o.ok] == []
        ran += len(report.outcomes)
    assert modules
    assert ran > 3


@pytest.mark.parametrize("page", GUIDES)
def test_the_programs_of_a_guide_run(page: str):
    for text in blocks(page, "python"):
        exec(compile(text, page, "exec"), {})


def _commands(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*above, name))
        else:
            yield (*above, name), command


COMMANDS = dict(_commands(get_command(app)))


_ANY_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^ *(?:\$ )?(?:\S*/)?mandate (.+)$", re.MULTILINE)
PAGES = [path for path in project_files() if path.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_commands_of_a_page_exist_with_their_options(page: Path):
    for language, text in _ANY_FENCE.findall((ROOT / page).read_text(encoding="utf-8")):
        if language not in ("", "sh", "console"):
            continue
        for line in _COMMAND.findall(re.sub(r"\\\n\s*", "", text)):
            words = tuple(shlex.split(re.sub(r"\s#.*|[|>].*", "", line)))
            name = next(words[:n] for n in (3, 2, 1) if words[:n] in COMMANDS)
            known = {option for p in COMMANDS[name].params for option in p.opts}
            used = {word for word in words[len(name) :] if word.startswith("--")}
            assert used <= known, line
            needed = [p for p in COMMANDS[name].params if p.param_type_name == "argument"]
            given = [word for word in words[len(name) :] if not word.startswith("--")]
            assert len(given) >= sum(p.required for p in needed), line


PAGE = (DOCS / "semantics-and-limits.md").read_text(encoding="utf-8")
_LIMIT = re.compile(
    r"^\| [^|]+ \| ([0-9][^|]*) \| `([a-z_.]+)\.([A-Z_]+)(?:\.([a-z_]+))?` \|$", re.MULTILINE
)
_SETTING = re.compile(r"^\| [^|]+ \| ([0-9][^|]*) \| `MANDATE_([A-Z_]+)` \|$", re.MULTILINE)
_CODE = re.compile(r"^\| `(\w+)` \| (\d+) \|", re.MULTILINE)


_UNITS = {
    "": 1, "KiB": 1024, "MiB": 1024 * 1024,
    "s": 1, "minute": 60, "hour": 3600, "day": 86_400,
}  # fmt: skip


def _number(text: str, name: str) -> int:
    """Read a value in the unit that its name says: milliseconds, days, or bytes and seconds."""
    value, _, unit = text.replace(",", "").partition(" ")
    number = int(value) * _UNITS[unit if unit in _UNITS else unit.removesuffix("s")]
    if name.endswith("_DAYS"):
        return number // 86_400
    return number * 1000 if name.endswith("_MS") else number


def _held(module: str, name: str, member: str) -> object:
    value = getattr(importlib.import_module(module), name)
    return getattr(value, member) if member else value


def test_each_limit_that_is_told_is_the_codes():
    wrong = [
        (module, name, member, value)
        for value, module, name, member in _LIMIT.findall(PAGE)
        if _held(module, name, member) != _number(value, name)
    ]
    assert wrong == []


def test_each_setting_that_is_told_is_the_default():
    told = _SETTING.findall(PAGE)
    fields = Settings.model_fields
    assert told
    assert [
        (name, value)
        for value, name in told
        if fields[name.lower()].default != _number(value, name)
    ] == []


def test_each_row_of_a_table_of_limits_is_compared():
    tables = re.findall(
        r"^\| what \| value \| in the code \|\n.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE
    )
    rows = sum(table.count("\n") for table in tables)
    assert (len(tables), rows) == (5, len(_LIMIT.findall(PAGE)) + len(_SETTING.findall(PAGE)))


@pytest.mark.parametrize(
    "module",
    [
        limits, approvals, dpop, fetcher,
        arrivals, adopt, ask, claims, logos, trust,
    ],
)  # fmt: skip
def test_each_limit_of_a_module_is_told(module: ModuleType):
    told = {name for _, owner, name, _ in _LIMIT.findall(PAGE) if owner == module.__name__}
    numbers = {
        name
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and type(value) is int
    }
    assert numbers - told == set()


def _kinds(kind: type[errors.AuthzError]) -> Iterator[type[errors.AuthzError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _kinds(below)


def test_each_error_of_the_engine_is_told_with_its_number():
    ours = {(kind.code, kind.number) for kind in _kinds(errors.AuthzError)}
    told = {(code, int(number)) for code, number in _CODE.findall(PAGE)}
    assert told == ours
