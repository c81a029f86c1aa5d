"""Modular models: module files and fga.mod, as OpenFGA's tool reads them."""

from pathlib import Path
from typing import Any

import pytest

from authz.errors import ModelError
from authz.model.compiled import Model
from authz.model.compose import compose, core_model_text
from authz.model.files import Form, load_model, load_text
from authz.model.json_reader import from_json
from authz.model.manifest import parse_manifest
from authz.model.modules import join_modules
from tests.model.modular import BROKEN, DOCS, USERS, VALID, Files
from tests.model.oracle import Oracle


def _asked(files: Files) -> dict[str, Any]:
    listed = [{"name": name, "contents": text} for name, text in files]
    return {"files": listed, "version": "1.2"}


@pytest.mark.node
def test_modules_are_the_same_model_to_both(oracle: Oracle):
    answers = oracle([_asked(files) for files in VALID.values()])
    for (name, files), answer in zip(VALID.items(), answers, strict=True):
        model = Model(join_modules(files))
        assert {"conditions": {}, **model.to_json()} == answer["json"], name
        assert model.to_dsl() == answer["dsl"], name
        assert from_json(answer["json"]) == model.schema, name


@pytest.mark.node
def test_broken_modules_are_refused_by_both_in_the_same_file_at_the_same_line(oracle: Oracle):
    answers = oracle([_asked(broken.files) for broken in BROKEN.values()])
    for (name, broken), answer in zip(BROKEN.items(), answers, strict=True):
        with pytest.raises(ModelError) as refused:
            Model(join_modules(broken.files))
        first = refused.value.problems[0]
        theirs = answer["errors"][0]
        assert (first.source, first.line) == (broken.file, broken.at), name
        assert (theirs["file"], theirs["line"]) == (broken.file, broken.at), name


def test_every_file_with_a_fault_is_named():
    with pytest.raises(ModelError) as refused:
        join_modules((("a.fga", "module a\ntype\n"), ("b.fga", "type b\n"), USERS))
    assert [(p.source, p.line) for p in refused.value.problems] == [("a.fga", 1), ("b.fga", 0)]


def test_two_files_cannot_add_the_same_relation():
    one = "module x\nextend type user\n  relations\n    define boss: [user]\n"
    with pytest.raises(ModelError, match="the relation 'boss' is already on 'user'") as refused:
        join_modules((USERS, ("a.fga", one), ("b.fga", one.replace("[user]", "[group]"))))
    (problem,) = refused.value.problems
    assert (problem.source, problem.line, problem.column) == ("b.fga", 3, 11)


def test_an_extension_that_adds_nothing_changes_nothing():
    alone = join_modules((USERS, ("x.fga", "module x\ntype x\n")))
    assert join_modules((USERS, ("x.fga", "module x\nextend type user\ntype x\n"))) == alone


def test_a_module_of_a_resource_server_cannot_extend_the_types_of_others():
    core = "model\n  schema 1.1\ntype user\ntype agent\n"
    takeover = "module evil\n\nextend type user\n  relations\n    define owner: [agent]\n"
    with pytest.raises(ModelError, match=r"only in a module that fga\.mod lists"):
        compose(core, takeover)
    with pytest.raises(ModelError, match="extended only in a module"):
        load_text(takeover, "evil.fga")


def test_modules_are_bounded_together():
    big = f"module a\n{'# a' * 50_000}\n"
    with pytest.raises(ModelError, match="larger than"):
        join_modules((("a.fga", big), ("b.fga", big)))
    many = "module m\n" + "".join(f"type t{n}\n" for n in range(60))
    with pytest.raises(ModelError, match="more than 100 types"):
        join_modules((("a.fga", many), ("b.fga", many.replace("type t", "type u"))))


MANIFEST = "schema: '1.2'\ncontents:\n  - core.fga\n  - more/wiki.fga\n"
BAD_MANIFESTS: dict[str, tuple[str, int, str]] = {
    "nothing": ("", 0, "schema"),
    "no schema": ("contents:\n  - core.fga\n", 0, "schema"),
    "a number": ("contents:\n  - core.fga\nschema: 1.2\n", 2, "quotes"),
    "an older schema": ("contents:\n  - core.fga\nschema: '1.1'\n", 2, "1.2"),
    "no contents": ("schema: '1.2'\n", 0, "contents"),
    "contents of a text": ("schema: '1.2'\ncontents: core.fga\n", 1, "list"),
    "a number as a file": ("schema: '1.2'\ncontents:\n  - a.fga\n  - 1\n", 3, "text"),
    "another kind of file": ("schema: '1.2'\ncontents:\n  - a.fga\n  - b.json\n", 3, ".fga"),
    "a way out": ("schema: '1.2'\ncontents:\n  - ../a.fga\n", 2, "beside"),
    "a way out and in": ("schema: '1.2'\ncontents:\n  - a/../../b.fga\n", 2, "beside"),
    "a way out in other slashes": ("schema: '1.2'\ncontents:\n  - ..\\a.fga\n", 2, "beside"),
    "an escaped way out": ("schema: '1.2'\ncontents:\n  - '%2E%2e%2Fa.fga'\n", 2, "beside"),
    "from the root": ("schema: '1.2'\ncontents:\n  - /etc/a.fga\n", 2, "beside"),
    "from the escaped root": ("schema: '1.2'\ncontents:\n  - '%2fetc/a.fga'\n", 2, "beside"),
}  # fmt: skip


@pytest.mark.node
def test_a_manifest_is_the_same_to_both(oracle: Oracle):
    good, *bad = oracle(
        [{"mod": MANIFEST}, *({"mod": text} for text, *_ in BAD_MANIFESTS.values())]
    )
    read = parse_manifest(MANIFEST)
    assert good["json"]["schema"]["value"] == read.version
    assert [item["value"] for item in good["json"]["contents"]["value"]] == list(read.contents)
    for (name, (_, line, _)), answer in zip(BAD_MANIFESTS.items(), bad, strict=True):
        assert answer["errors"][0]["line"] == line, name


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_a_bad_manifest_is_refused_where_it_is_wrong(name: str):
    text, line, hint = BAD_MANIFESTS[name]
    with pytest.raises(ModelError, match=hint) as refused:
        parse_manifest(text)
    assert refused.value.problems[0].line == line


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("schema: '1.2'\ncontents: [a.fga\n", 2, "no YAML"),
        ("schema: '1.2'\ncontents:\n  - a.fga\nschema: '1.2'\n", 3, "twice"),
        ("schema: '1.2'\ncontents:\n  - a.fga\n  - a.fga\n", 3, "twice"),
        ("schema: '1.2'\ncontents:\n  - a.fga\nextra: 1\n", 3, "unknown"),
        ("schema: '1.2'\ncontents:\n  - C:\\a.fga\n", 2, "beside"),
        ("schema: !!python/name:os.system ''\ncontents: []\n", 0, "no YAML|tags"),
        ("schema: '1.2'\ncontents:\n" + "  - a.fga\n" * 101, 2, "at most 100"),
    ],
)
def test_what_only_we_refuse_in_a_manifest(text: str, line: int, hint: str):
    with pytest.raises(ModelError, match=hint) as refused:
        parse_manifest(text)
    assert refused.value.problems[0].line == line


def _written(folder: Path, files: Files) -> Path:
    for name, text in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    manifest = folder / "fga.mod"
    manifest.write_text("schema: '1.2'\ncontents:\n" + "".join(f"  - {n}\n" for n, _ in files))
    return manifest


def test_a_model_is_read_from_its_manifest(tmp_path: Path):
    loaded = load_model(_written(tmp_path, (USERS, DOCS)))
    assert (loaded.form, loaded.files) == (Form.MODULES, 2)
    assert list(loaded.model.types) == ["user", "group", "doc"]


def test_a_link_does_not_lead_a_manifest_out_of_its_folder(tmp_path: Path):
    secret = tmp_path / "secret.fga"
    secret.write_text("module secret\ntype secret\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    manifest = _written(inside, (USERS,))
    (inside / "users.fga").unlink()
    (inside / "users.fga").symlink_to(secret)
    with pytest.raises(ModelError, match="outside"):
        load_model(manifest)


def test_a_file_that_is_missing_is_named(tmp_path: Path):
    manifest = _written(tmp_path, (USERS,))
    (tmp_path / "users.fga").unlink()
    with pytest.raises(ModelError, match=r"users.fga cannot be read: No such file"):
        load_model(manifest)


def test_a_module_alone_is_read_with_mandates_own_types(tmp_path: Path):
    path = tmp_path / "notes.fga"
    path.write_text(
        "# notes\nmodule notes\n\ntype note\n  relations\n    define owner: [user, agent]\n"
    )
    loaded = load_model(path)
    assert loaded.form is Form.MODULE
    assert list(loaded.model.types) == [*compose(core_model_text()).types, "note"]


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("a.fga", b"model\n  schema 1.1\ntype \xff\n", "line 3, column 6: this is not UTF-8"),
        ("a.fga", b"#" * 300_000, "larger"),
        ("a.json", b"{\n  1}", "line 2, column 3"),
        ("a.json", b" " * (2 * 1024 * 1024 + 1), "larger"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b'{"schema_version": "1.1", "schema_version": "1.2"}', "twice"),
        ("a.json", b'{"schema_version": "1.1", "type_definitions": 5}', "must be a list"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, name: str, content: bytes, hint: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=hint):
        load_model(tmp_path / name)
