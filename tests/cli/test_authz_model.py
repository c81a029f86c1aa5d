"""`mandate authz model`: validate, transform and test, without settings or a database."""

import json
from pathlib import Path

import pytest

from authz.model.json_reader import from_json
from authz.model.parser import parse
from tests.cli.conftest import Mandate
from tests.support.tree import ROOT

MODEL = """model
  schema 1.1

type user

type doc
  relations
    define owner: [user]
    define viewer: [user] or owner
"""
BROKEN = MODEL + "    define editor: [robot] or nothing\n"
DOCUMENTS = ROOT / "examples" / "documents"
OWN = ROOT / "authz"


def test_a_valid_model_is_told_with_its_size(bare: Mandate):
    Path("a.fga").write_text(MODEL)
    done = bare("authz", "model", "validate", "a.fga")
    assert (done.code, done.complaint) == (0, "")
    assert done.out == "a.fga is valid: schema 1.1, 2 types, 2 relations, 0 conditions.\n"
    told = bare("authz", "model", "validate", "a.fga", "--json").document
    assert told == {
        "valid": True, "form": "dsl", "schema_version": "1.1", "files": 1, "types": 2,
        "relations": 2, "conditions": 0, "problems": [],
    }  # fmt: skip


def test_every_problem_is_told_as_editors_follow_it(bare: Mandate):
    Path("a.fga").write_text(BROKEN)
    done = bare("authz", "model", "validate", "a.fga")
    assert (done.code, done.out) == (1, "")
    assert done.complaint == (
        "a.fga:10:21: 'robot' is not a valid type (invalid-type)\n"
        "a.fga:10:31: the relation 'nothing' does not exist (missing-definition)\n"
    )
    done = bare("authz", "model", "validate", "a.fga", "--json")
    assert (done.code, done.complaint) == (1, "")
    told = json.loads(done.out)
    assert told["valid"] is False
    assert told["problems"][1] == {
        "kind": "missing-definition", "message": "the relation 'nothing' does not exist",
        "file": "a.fga", "line": 10, "column": 31,
    }  # fmt: skip


def test_a_strangers_text_cannot_move_the_cursor(bare: Mandate):
    Path("a.fga").write_text(f"{MODEL}type \x1b[2Jdoc\n")
    assert "\x1b" not in bare("authz", "model", "validate", "a.fga").complaint
    Path("a.fga").write_text(MODEL)
    Path("a.fga.yaml").write_text(
        'model_file: a.fga\ntests:\n  - name: "\\e[2J"\n'
        "    check: [{user: 'user:a', object: 'doc:1', assertions: {owner: true}}]\n"
    )
    done = bare("authz", "model", "test", "a.fga.yaml")
    assert done.code == 1
    assert "\x1b" not in done.out


def test_modules_are_read_through_their_manifest(bare: Mandate):
    Path("fga.mod").write_text("schema: '1.2'\ncontents:\n  - a.fga\n  - b.fga\n")
    Path("a.fga").write_text("module a\ntype user\n")
    Path("b.fga").write_text("module b\nextend type user\n  relations\n    define boss: [user]\n")
    told = bare("authz", "model", "validate", "fga.mod", "--json").document
    assert (told["form"], told["schema_version"], told["files"]) == ("modules", "1.2", 2)
    done = bare("authz", "model", "transform", "fga.mod")
    body = json.loads(done.out)["type_definitions"][0]
    assert body["metadata"]["relations"]["boss"]["source_info"] == {"file": "b.fga"}
    assert (
        "define boss: [user]" in bare("authz", "model", "transform", "fga.mod", "--to", "dsl").out
    )
    Path("b.fga").write_text("module b\nextend type ghost\n")
    done = bare("authz", "model", "validate", "fga.mod")
    assert done.complaint == (
        "b.fga:2:13: the extended type 'ghost' is not defined anywhere (syntax)\n"
    )


def test_a_model_is_turned_into_its_other_form_and_back(bare: Mandate):
    Path("a.fga").write_text(MODEL)
    done = bare("authz", "model", "transform", "a.fga")
    assert from_json(json.loads(done.out)) == parse(MODEL)
    Path("a.json").write_text(done.out)
    assert bare("authz", "model", "transform", "a.json").out == MODEL
    assert bare("authz", "model", "transform", "a.json", "--to", "json").out == done.out
    assert bare("authz", "model", "transform", "a.json", "--json").document == {"dsl": MODEL}
    told = bare("authz", "model", "transform", "a.fga", "--json").document
    assert told == {"model": json.loads(done.out)}


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        ("validate missing.fga", 1, "No such file"),
        ("validate", 2, "--help"),
        ("validate a.fga.yaml", 2, "mandate authz model test"),
        ("transform a.fga --to xml", 2, "--to is dsl or json"),
        ("transform broken.fga", 1, "broken.fga:10:21"),
        ("transform only.json", 1, "DSL cannot write"),
        ("test missing.fga.yaml", 1, "No such file"),
        ("test a.fga", 2, "no YAML"),
        ("test a.fga.yaml", 1, "broken.fga:10:21"),
        ("test b.fga.yaml", 2, "b.fga.yaml:2:3: this test has neither"),
        ("validate folder.fga", 1, "directory"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_to_do(
    bare: Mandate, arguments: str, code: int, hint: str
):
    Path("folder.fga").mkdir()
    Path("a.fga").write_text(MODEL)
    Path("broken.fga").write_text(BROKEN)
    Path("only.json").write_text(
        json.dumps({
            "schema_version": "1.1",
            "type_definitions": [{
                "type": "t",
                "relations": {"a": {"this": {}}, "x": {"difference": {
                    "base": {"computedUserset": {"relation": "a"}}, "subtract": {"this": {}}}}},
                "metadata": {"relations": {
                    name: {"directly_related_user_types": [{"type": "t"}]} for name in "ax"}},
            }],
        })
    )  # fmt: skip
    body = "tests:\n  - check: [{user: 'user:a', object: 'doc:1', assertions: {owner: true}}]\n"
    Path("a.fga.yaml").write_text(f"model_file: broken.fga\n{body}")
    Path("b.fga.yaml").write_text("tests:\n- name: x\nmodel_file: a.fga\n")
    done = bare("authz", "model", *arguments.split())
    assert (done.code, done.out) == (code, ""), done
    assert hint in done.complaint
    assert "Traceback" not in done.complaint


def test_a_failed_test_tells_expected_got_and_why(bare: Mandate):
    Path("a.fga").write_text(MODEL)
    Path("a.fga.yaml").write_text(
        "name: Mine\nmodel_file: a.fga\ntests:\n  - name: owners\n    check:\n"
        "      - {user: 'user:[bold]a', object: 'doc:1', assertions: {owner: true, viewer: false}}\n"
        "    list_objects:\n"
        "      - {user: 'user:a', type: doc, assertions: {owner: ['doc:1']}}\n"
    )
    done = bare("authz", "model", "test", "a.fga.yaml")
    assert (done.code, done.complaint) == (1, "")
    assert done.out == (
        "FAILED owners, line 6: user:[bold]a owner doc:1\n"
        "  expected: true\n"
        "  got:      false\n"
        "  why:      no tuples lead to it, or their conditions do not hold in this context\n"
        "FAILED owners, line 8: user:a owner doc\n"
        "  expected: doc:1\n"
        "  got:      nothing\n"
        "  why:      missing: doc:1\n"
        "Mine: 1 passed, 2 failed.\n"
    )
    done = bare("authz", "model", "test", "a.fga.yaml", "--json")
    assert done.code == 1
    told = json.loads(done.out)
    assert (told["name"], told["passed"], told["failed"]) == ("Mine", 1, 2)
    assert told["results"][2] == {
        "test": "owners", "kind": "list_objects", "line": 8, "user": "user:a", "relation": "owner",
        "target": "doc", "expected": ["doc:1"], "got": [], "ok": False, "why": "missing: doc:1",
    }  # fmt: skip


def test_mandates_own_model_with_the_documents_servers_module_passes_its_tests(bare: Mandate):
    told = bare("authz", "model", "test", str(DOCUMENTS / "documents.fga.yaml"), "--json").document
    assert (told["failed"], told["passed"] > 60) == (0, True)
    tried = {(r["relation"], r["expected"]) for r in told["results"] if r["kind"] == "check"}
    relations = ("owner", "editor", "viewer", "consented", "ceiling")
    assert tried == {(name, expected) for name in relations for expected in (True, False)}
    told = bare("authz", "model", "validate", str(DOCUMENTS / "documents.fga"), "--json").document
    assert (told["form"], told["files"]) == ("module", 2)


def test_mandates_own_types_pass_their_tests(bare: Mandate):
    told = bare("authz", "model", "test", str(OWN / "mandate.fga.yaml"), "--json").document
    assert (told["failed"], told["passed"] > 50) == (0, True)
    tried = {(r["relation"], r["expected"]) for r in told["results"] if r["kind"] == "check"}
    relations = ("admin", "member", "assignee", "caller", "consented", "ceiling")
    assert tried == {(name, expected) for name in relations for expected in (True, False)}


@pytest.mark.parametrize(
    ("ours", "leaking"),
    [
        ("or caller from resource", "or consented or caller from resource"),
        ("define member: [user, user with mandate_until] or admin", "define member: [user]"),
        ("or consented from resource", "or caller"),
        ("current_time < until", "current_time <= until"),
        (
            "mandate/group#member, mandate/organization#member]\n",
            "mandate/group#member, mandate/organization#member] or admin\n",
        ),
    ],
)
def test_a_leak_in_mandates_own_types_is_caught(bare: Mandate, ours: str, leaking: str):
    text = (OWN / "mandate.fga").read_text()
    assert ours in text
    Path("mandate.fga").write_text(text.replace(ours, leaking, 1))
    Path("mandate.fga.yaml").write_text((OWN / "mandate.fga.yaml").read_text())
    assert bare("authz", "model", "test", "mandate.fga.yaml").code == 1


def test_a_right_that_leaks_is_caught_by_the_documents_tests(bare: Mandate):
    """The tests of the example are worth something: a consent that reads fails them."""
    leaking = (
        (DOCUMENTS / "documents.fga")
        .read_text()
        .replace(
            "define viewer: [user, user with mandate_until, agent, mandate/group#member] or editor",
            "define viewer: [user, user with mandate_until, agent, mandate/group#member]"
            " or consented or editor",
        )
    )
    Path("documents.fga").write_text(leaking)
    Path("documents.fga.yaml").write_text((DOCUMENTS / "documents.fga.yaml").read_text())
    done = bare("authz", "model", "test", "documents.fga.yaml")
    assert done.code == 1
    assert "consent:dlg_1.0 viewer document:q1\n  expected: false\n  got:      true" in done.out
