"""docs/reference/cli.md tells every command, option and JSON name, and none that is not there."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from server.cli import authz_model, authz_tuples, documents
from server.cli.program import app
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^## `mandate ([a-z ]+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
)
_TABLE = re.compile(r"^\| (`.+?) \|", re.MULTILINE)


def _commands(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


COMMANDS = dict(_commands(get_command(app)))


def test_each_command_has_its_section_and_no_other_has_one():
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_is_told_with_its_help(name: str):
    told = SECTIONS[name]
    options = [p for p in COMMANDS[name].params if p.param_type_name == "option"]
    names = {option for p in options for option in p.opts} - {"--help"}
    rows = "".join(_TABLE.findall(told))
    assert set(re.findall(r"`(--[a-z-]+)`", rows)) == names
    for parameter in COMMANDS[name].params:
        if parameter.name != "help":
            assert parameter.help, f"{name} {parameter.name} has no help"
            assert parameter.help.replace("|", "\\|") in told


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_does_and_takes_json(name: str):
    assert inspect.cleandoc(COMMANDS[name].help) in SECTIONS[name]
    assert any("--json" in parameter.opts for parameter in COMMANDS[name].params)


_SECRET = {"client_id", "client_secret"}


@pytest.mark.parametrize(
    ("made_by", "command", "more"),
    [
        (documents.user_document, "user add", {"password"}),
        (documents.user_document, "user list", {"users"}),
        (documents.client_document, "client add", {"client_secret"}),
        (documents.client_document, "client list", {"clients"}),
        (documents.agent_document, "agent add", set()),
        (documents.agent_document, "agent ceiling", set()),
        (documents.agent_document, "agent resume", {"changed"}),
        (
            documents.agent_document,
            "agent list",
            {"agents", "owner_name", "live_delegations", "last_use_at"},
        ),
        (documents.resource_document, "resource add", _SECRET),
        (documents.resource_document, "resource list", {"resources"}),
        (
            documents.issuer_document,
            "issuer add",
            {"delegations_closed", "tokens_revoked"},
        ),
        (documents.issuer_document, "issuer list", {"issuers"}),
        (documents.issuer_document, "issuer show", {"links"}),
        (documents.link_document, "issuer link", set()),
        (documents.id_jag_document, "idjag allow", set()),
        (documents.id_jag_document, "idjag list", {"policies"}),
        (documents.resource_document, "resource show", set()),
        (documents.resource_document, "resource update", {"changes"}),
        (documents.key_document, "keys list", {"keys"}),
        (documents.key_document, "keys rotate", {"changed"}),
        (documents.key_document, "keys revoke", {"changed"}),
        (documents.delegation_document, "delegation list", {"delegations"}),
        (documents.event_document, "audit tail", {"events"}),
        (documents.report_document, "audit verify", set()),
        (authz_tuples._stored_document, "authz tuples list", {"tuples"}),
        (
            authz_model._valid_document,
            "authz model validate",
            {"kind", "message", "file", "line", "column"},
        ),
        (
            authz_model._problem_document,
            "authz model validate",
            {
                "valid",
                "form",
                "schema_version",
                "files",
                "types",
                "relations",
                "conditions",
                "problems",
            },
        ),
        (
            authz_model._outcome_document,
            "authz model test",
            {"name", "passed", "failed", "results"},
        ),
    ],
)
def test_each_name_in_a_document_is_told(made_by: Any, command: str, more: set[str]):
    names = set(re.findall(r'^ {8}"([a-z_]+)":', inspect.getsource(made_by), re.MULTILINE))
    told = SECTIONS[command].partition("\nJSON: ")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", told)) == names | more


def test_the_codes_of_the_process_are_told():
    assert "0 done, 1 could not be\ndone, 2 wrong usage" in PAGE
