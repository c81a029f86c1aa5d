"""The fga command line against ours and against OpenFGA's own server: the same outputs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.authz_api.conftest import KEY
from tests.support.fga import find_fga, run_fga
from tests.support.missing import missing
from tests.support.processes import ServerProcess

pytestmark = pytest.mark.openfga

MODEL = """model
  schema 1.1

type user

type group
  relations
    define member: [user, group#member]

type folder
  relations
    define owner: [user]
    define viewer: [user, user:*, group#member] or owner

type document
  relations
    define blocked: [user]
    define can_read: viewer but not blocked
    define parent: [folder]
    define viewer: [user, user with early] or viewer from parent

condition early(now: timestamp, until: timestamp) {
  now < until
}
"""
EARLY = {"name": "early", "context": {"until": "2030-01-01T00:00:00Z"}}
TUPLES: list[dict[str, Any]] = [
    {"user": "user:anne", "relation": "owner", "object": "folder:a"},
    {"user": "group:g#member", "relation": "viewer", "object": "folder:a"},
    {"user": "folder:a", "relation": "parent", "object": "document:1"},
    {"user": "user:bob", "relation": "viewer", "object": "document:1", "condition": EARLY},
]
CSV = """user_type,user_id,user_relation,relation,object_type,object_id,condition_name,condition_context
user,carl,,member,group,g,,
group,h,member,member,group,g,,
user,dora,,viewer,document,2,early,"{""until"":""2030-01-01T00:00:00Z""}"
"""
YAML = """- user: user:eve
  relation: member
  object: group:h
- user: user:eve
  relation: blocked
  object: document:1
"""
STORE = f"""name: imported
model: |
{"".join(f"  {line}{chr(10)}" for line in MODEL.splitlines())}
tuples:
  - user: user:anne
    relation: viewer
    object: document:1
  - user: user:bob
    relation: viewer
    object: document:1
    condition:
      name: early
      context:
        until: "2030-01-01T00:00:00Z"
tests:
  - name: both
    check:
      - user: user:bob
        object: document:1
        context:
          now: "2029-01-01T00:00:00Z"
        assertions:
          viewer: true
          blocked: false
    list_objects:
      - user: user:anne
        type: document
        assertions:
          viewer:
            - document:1
"""
BEFORE = '{"now":"2029-01-01T00:00:00Z"}'
AFTER = '{"now":"2031-01-01T00:00:00Z"}'
_IDENTIFIER = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")

# Each by what fga is told; {store} and {model} are those that it made first.
COMMANDS: tuple[str, ...] = (
    "store get",
    "model list",
    "model get",
    "model get --format json",
    "model write --file model.json",
    "model list --max-pages 1",
    "tuple write --file tuples.json --max-tuples-per-write 10",
    "tuple write --file tuples.csv --max-parallel-requests 1",
    "tuple write --file tuples.yaml --max-tuples-per-write 2",
    "tuple write user:fay viewer document:3",
    "tuple write user:fay viewer document:3",
    "tuple write user:fay viewer document:4 --condition-name early --condition-context {until}",
    "tuple write user:fay flies document:3",
    "tuple write anne viewer document:3",
    "tuple read",
    "tuple read --output-format csv",
    "tuple read --output-format simple-json",
    "tuple read --user user:fay --object document:",
    "tuple read --object document:1 --relation parent",
    "tuple changes",
    "tuple changes --type group",
    "query check user:anne can_read document:1",
    "query check user:eve can_read document:1",
    "query check user:bob viewer document:1 --context {before}",
    "query check user:bob viewer document:1 --context {after}",
    "query check user:bob viewer document:1",
    "query check user:gus viewer document:1 --contextual-tuple {contextual}",
    "query check user:gus flies document:1",
    "query check user:gus viewer nothing:1",
    "query list-objects user:anne can_read document",
    "query list-objects user:gus viewer document --contextual-tuple {contextual}",
    "query list-objects user:anne flies document",
    "query list-relations user:anne document:1",
    "query list-relations user:anne document:1 --relation viewer --relation blocked",
    "query list-users --object document:1 --relation can_read --user-filter user --context {before}",
    "query list-users --object group:g --relation member --user-filter group#member",
    "query expand viewer document:1",
    "query expand can_read document:1",
    "query expand member group:g",
    "tuple delete user:fay viewer document:3",
    "tuple delete user:fay viewer document:3",
    "tuple delete --file tuples.yaml",
    "tuple read",
    "store export",
    "model test --tests remote.fga.yaml",
    "store delete --force",
)  # fmt: skip
_VALUES = {
    "{before}": BEFORE,
    "{after}": AFTER,
    "{until}": '{"until":"2030-01-01T00:00:00Z"}',
    "{contextual}": "user:gus viewer folder:a",
}


@pytest.fixture
def fga() -> Path:
    program = find_fga()
    if program is None:
        missing("the fga command line", ".ci/fga builds it")
    return program


@pytest.fixture
def files(tmp_path: Path, fga: Path) -> Path:
    """Write what the commands read."""
    (tmp_path / "model.fga").write_text(MODEL)
    (tmp_path / "tuples.json").write_text(json.dumps(TUPLES))
    (tmp_path / "tuples.csv").write_text(CSV)
    (tmp_path / "tuples.yaml").write_text(YAML)
    (tmp_path / "store.fga.yaml").write_text(STORE)
    (tmp_path / "remote.fga.yaml").write_text("tests:" + STORE.partition("tests:")[2])
    transformed = run_fga(fga, tmp_path, "model", "transform", "--file", "model.fga")
    assert transformed.returncode == 0, transformed.stderr
    (tmp_path / "model.json").write_text(transformed.stdout)
    return tmp_path


def shown(text: str) -> Any:
    """Return an output without ids, times and texts of errors, which are each server's own."""
    plain = _TIME.sub("<time>", _IDENTIFIER.sub("<id>", text))
    try:
        return _plain(json.loads(plain))
    except ValueError:
        # A table or a document: the order of tuples is each server's own.
        return sorted(line.rstrip() for line in plain.splitlines())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        own = {"continuation_token", "reason", "error", "time_spent"}
        return {name: _plain(part) for name, part in value.items() if name not in own}
    if isinstance(value, list):
        return sorted((_plain(part) for part in value), key=repr)
    return value


def story(fga: Path, files: Path, url: str) -> list[tuple[str, int, Any]]:
    """Run every command and return its exit code and output."""
    told: list[tuple[str, int, Any]] = []

    def run(line: str, *more: str) -> str:
        words = [_VALUES.get(word, word) for word in line.split()]
        done = run_fga(fga, files, *words, *more, url=url, key=KEY)
        code = re.search(r"code: (\w+)|error code (\w+)", done.stderr)
        told.append((line, done.returncode, shown(done.stdout)))
        told.append((f"{line}: stderr", done.returncode, code and code.groups()))
        return done.stdout

    made = json.loads(run("store create --name fga --model model.fga"))
    of_store = ("--store-id", made["store"]["id"])
    for line in COMMANDS:
        run(line, *of_store)
    imported = json.loads(run("store import --file store.fga.yaml --max-tuples-per-write 5"))
    of_store = ("--store-id", imported["store"]["id"])
    run("store export", *of_store)
    run("tuple read", *of_store)
    run("model test --tests store.fga.yaml")
    run("store delete --force", *of_store)
    return told


def test_fga_prints_the_same_of_ours_and_of_openfga(
    fga: Path, files: Path, served: ServerProcess, theirs: str
) -> None:
    ours = story(fga, files, served.url)
    their = story(fga, files, theirs)
    assert [one for one in ours if one not in their] == []
    assert ours == their
    failed = [line for line, code, _ in ours if code and not line.endswith("stderr")]
    assert failed == [line for line in failed if line in _REFUSED]
    assert set(failed) == set(_REFUSED)


_REFUSED: tuple[str, ...] = (
    "tuple write user:fay viewer document:3",
    "tuple write user:fay flies document:3",
    "tuple write anne viewer document:3",
    "query check user:bob viewer document:1",
    "query check user:gus flies document:1",
    "query check user:gus viewer nothing:1",
    "query list-objects user:anne flies document",
    "tuple delete user:fay viewer document:3",
)  # fmt: skip


def test_fga_lists_the_stores_of_ours(fga: Path, files: Path, served: ServerProcess) -> None:
    made = run_fga(fga, files, "store", "create", "--name", "listed", url=served.url, key=KEY)
    listed = run_fga(fga, files, "store", "list", url=served.url, key=KEY)
    stores = {one["id"]: one["name"] for one in json.loads(listed.stdout)["stores"]}
    assert stores[json.loads(made.stdout)["store"]["id"]] == "listed"
    refused = run_fga(fga, files, "store", "list", url=served.url, key="another key of nobody")
    assert refused.returncode != 0


def test_fga_validates_what_mandate_validates(fga: Path, files: Path) -> None:
    valid = run_fga(fga, files, "model", "validate", "--file", "model.fga")
    assert json.loads(valid.stdout)["is_valid"] is True
