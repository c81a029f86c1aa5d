"""OpenFGA's command line, `fga`, prints the same of our server as of OpenFGA's own."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.authz_api.conftest import KEY
from tests.support.fga import find_fga, run_fga
from tests.support.missing import missing
from tests.support.processes import ServerProcess

pytestmark = [pytest.mark.openfga, pytest.mark.nightly, pytest.mark.timeout(600)]

MODEL = """model
  schema 1.1

type user

type group
  relations
    define member: [user, group#member]

type document
  relations
    define blocked: [user]
    define owner: [user]
    define viewer: [user, user:*, group#member, user with before] or owner
    define reader: viewer but not blocked

condition before(now: timestamp, end: timestamp) {
  now < end
}
"""
STORE_FILE = """name: imported
model: |
%s
tuples:
  - {user: "user:anne", relation: owner, object: "document:1"}
  - user: user:beth
    relation: viewer
    object: document:1
    condition: {name: before, context: {end: "2026-12-31T00:00:00Z"}}
tests:
  - name: owners read
    check:
      - user: user:anne
        object: document:1
        assertions: {reader: true, blocked: false}
    list_objects:
      - user: user:anne
        type: document
        assertions: {reader: ["document:1"]}
"""
FILES = {
    "model.fga": MODEL,
    "store.fga.yaml": STORE_FILE % re.sub(r"(?m)^", "  ", MODEL),
    "tuples.json": '[{"user":"user:carl","relation":"member","object":"group:eng"}]',
    "tuples.yaml": (
        "- {user: user:dora, relation: member, object: group:eng}\n"
        "- {user: 'group:eng#member', relation: viewer, object: document:2}\n"
    ),
    "tuples.csv": (
        "user_type,user_id,user_relation,relation,object_type,object_id\n"
        "user,eve,,viewer,document,3\n"
        "group,eng,member,viewer,document,3\n"
    ),
    "gone.yaml": "- {user: user:eve, relation: viewer, object: document:3}\n",
    "wrong.fga": "model\n  schema 1.1\ntype document\n  relations\n    define a: b\n",
}
NOW = '{"now":"2026-06-01T00:00:00Z"}'
LATE = '{"now":"2027-06-01T00:00:00Z"}'
COMMANDS: list[str] = [
    "store list",
    "store get --store-id {store}",
    "model list --store-id {store}",
    "model validate --file model.fga",
    "model validate --file wrong.fga",
    "model write --store-id {store} --file wrong.fga",
    "model write --store-id {store} --file model.fga",
    "model get --store-id {store}",
    "model get --store-id {store} --format json",
    "model get --store-id {store} --model-id 01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "tuple write --store-id {store} user:anne owner document:1",
    "tuple write --store-id {store} user:anne owner document:1",
    "tuple write --store-id {store} user:anne flies document:1",
    (
        "tuple write --store-id {store} user:beth viewer document:1 --condition-name before"
        ' --condition-context {"end":"2026-12-31T00:00:00Z"}'
    ),
    "tuple write --store-id {store} user:beth blocked document:2",
    "tuple write --store-id {store} --file tuples.json",
    "tuple write --store-id {store} --file tuples.yaml",
    "tuple write --store-id {store} --file tuples.csv --max-tuples-per-write 2",
    "tuple write --store-id {store} --file tuples.csv",
    "tuple read --store-id {store}",
    "tuple read --store-id {store} --object document:1 --output-format simple-json",
    "tuple read --store-id {store} --user user:anne --object document: --output-format csv",
    "tuple changes --store-id {store}",
    "tuple changes --store-id {store} --type group",
    "query check --store-id {store} user:anne reader document:1",
    "query check --store-id {store} user:zoe reader document:1",
    f"query check --store-id {{store}} user:beth reader document:1 --context {NOW}",
    f"query check --store-id {{store}} user:beth reader document:1 --context {LATE}",
    "query check --store-id {store} user:beth reader document:1",
    "query check --store-id {store} user:beth flies document:1",
    (
        "query check --store-id {store} user:zoe reader document:2 --contextual-tuple"
        " user:zoe|member|group:eng"
    ),
    "query list-objects --store-id {store} user:carl reader document",
    "query list-objects --store-id {store} user:carl flies document",
    "query list-relations --store-id {store} user:anne document:1",
    "query list-users --store-id {store} --object document:3 --relation reader --user-filter user",
    (
        "query list-users --store-id {store} --object document:3 --relation reader"
        " --user-filter group#member"
    ),
    "query expand --store-id {store} reader document:1",
    "model test --store-id {store} --tests store.fga.yaml",
    "tuple delete --store-id {store} user:anne owner document:1",
    "tuple delete --store-id {store} user:anne owner document:1",
    "tuple delete --store-id {store} --file gone.yaml",
    "tuple changes --store-id {store}",
    "store import --file store.fga.yaml",
    "store export --store-id {store}",
    "store delete --store-id {store} --force",
    "store get --store-id {store}",
]
OWN = {"continuation_token", "time_spent", "reason"}
"""What each server words in its own way, and how long it took."""
_CODE = re.compile(r"error code (\w+)")
_ID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z\b")
_URL = re.compile(r"http://127\.0\.0\.1:\d+")


@pytest.fixture
def program() -> Path:
    found = find_fga()
    if found is None:
        missing("OpenFGA's command line", ".ci/fga builds it")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def told(program: Path, url: str, folder: Path) -> list[tuple[str, Any]]:
    """Run every command, and return what each printed without what differs each time."""
    made = run_fga(program, ["store", "create", "--name", "fga"], url=url, token=KEY, folder=folder)
    store = json.loads(made.stdout)["store"]["id"]
    found = []
    for command in COMMANDS:
        arguments = [part.replace("{store}", store) for part in command.split(" ")]
        if "--contextual-tuple" in arguments:
            arguments[-1] = arguments[-1].replace("|", " ")
        done = run_fga(program, arguments, url=url, token=KEY, folder=folder)
        # Ours words its messages otherwise; the codes are the same.
        codes = sorted(set(_CODE.findall(done.stderr)))
        found.append((command, (done.returncode, _alike(done.stdout), codes)))
    return found


def _alike(printed: str) -> Any:
    text = _URL.sub("URL", _TIME.sub("TIME", _ID.sub("ID", printed)))
    try:
        return _in_order(json.loads(text))
    except ValueError:
        return sorted(text.splitlines())


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _in_order(v) for k, v in value.items() if k not in OWN}
    if isinstance(value, list):
        return sorted((_in_order(one) for one in value), key=json.dumps)
    return value


def test_every_command_prints_the_same(
    served: ServerProcess, theirs: str, program: Path, folder: Path
) -> None:
    ours, real = told(program, served.url, folder), told(program, theirs, folder)
    different = [
        f"{command}\n  ours   {mine}\n  theirs {other}"
        for (command, mine), (_, other) in zip(ours, real, strict=True)
        if mine != other
    ]
    assert not different, "\n".join(different)
    allowed = [said for command, (_, said, _) in ours if command.startswith("query check")]
    assert [one.get("allowed") if isinstance(one, dict) else None for one in allowed] == [
        True, False, True, False, None, None, True,
    ]  # fmt: skip
