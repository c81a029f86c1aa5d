"""Store files: what is read, what is refused and where, and what a test of them says."""

from pathlib import Path

import pytest

from authz.errors import ModelError
from authz.storefile.document import StoreFileRefused
from authz.storefile.run import Report, run_store_file

MODEL = """\
model: |
  model
    schema 1.1
  type user
  type group
    relations
      define member: [user, group#member]
  type doc
    relations
      define owner: [user]
      define viewer: [user, user:*, group#member, user with in_time] or owner
  condition in_time(now: timestamp, until: timestamp) {
    now < until
  }
"""


def _run(folder: Path, text: str) -> Report:
    path = folder / "store.fga.yaml"
    path.write_text(text)
    return run_store_file(path)


def _checks(user: str, relation: str, *, expected: str = "true", tuples: str = "") -> str:
    return f"""{MODEL}{tuples}tests:
  - check:
      - user: {user}
        object: doc:1
        assertions:
          {relation}: {expected}
"""


def test_every_pair_of_users_and_objects_is_checked(tmp_path: Path):
    report = _run(
        tmp_path,
        MODEL
        + """name: pairs
tuples:
  - {user: "user:anne", relation: owner, object: "doc:1"}
  - {user: "user:anne", relation: owner, object: "doc:2"}
tests:
  - name: one
    check:
      - users: [user:anne, user:bob]
        objects: [doc:1, doc:2]
        assertions: {owner: true, viewer: true}
""",
    )
    assert report.name == "pairs"
    assert [(o.user, o.target, o.relation, o.ok) for o in report.outcomes] == [
        (user, doc, relation, user == "user:anne")
        for user in ("user:anne", "user:bob")
        for doc in ("doc:1", "doc:2")
        for relation in ("owner", "viewer")
    ]
    assert report.failed == 4


def test_tuples_of_a_test_are_its_own(tmp_path: Path):
    report = _run(
        tmp_path,
        MODEL
        + """tests:
  - name: with
    tuples: [{user: "user:anne", relation: owner, object: "doc:1"}]
    check: [{user: "user:anne", object: "doc:1", assertions: {owner: true}}]
  - check: [{user: "user:anne", object: "doc:1", assertions: {owner: false}}]
""",
    )
    assert report.failed == 0
    assert [o.test for o in report.outcomes] == ["with", "test 2"]


@pytest.mark.parametrize(
    ("now", "expected", "why"),
    [
        ("2026-01-01T00:00:00Z", "true", ""),
        ("2026-03-01T00:00:00Z", "true", "no tuples lead to it, or their conditions"),
        ("2026-03-01T00:00:00Z", "false", ""),
        ("soon", "true", "could not be answered: condition 'in_time', 'now'"),
        ("soon", "false", "could not be answered"),
    ],
)
def test_conditions_are_asked_with_the_context_of_the_check(
    tmp_path: Path, now: str, expected: str, why: str
):
    (outcome,) = _run(
        tmp_path,
        MODEL
        + f"""tuples:
  - user: user:anne
    relation: viewer
    object: doc:1
    condition:
      name: in_time
      context:
        until: 2026-02-01T00:00:00Z
tests:
  - check:
      - user: user:anne
        object: doc:1
        context:
          now: {now}
        assertions:
          viewer: {expected}
""",
    ).outcomes
    assert why in outcome.why
    assert outcome.ok == (why == "")
    assert (outcome.got is None) == (now == "soon")


@pytest.mark.parametrize(
    ("text", "got", "why"),
    [
        (_checks("group:a", "viewer"), False, "lets no 'group' hold 'viewer' of a 'doc'"),
        (_checks("user:anne", "viewer"), False, "no tuples lead to it"),
        (_checks("user:anne", "owned"), None, "relation 'doc#owned' not found"),
        (_checks("robot:1", "owner"), None, "type 'robot' not found"),
        (_checks("anne", "owner"), None, "is not a user"),
        (
            _checks(
                "user:anne", "viewer", expected="false",
                tuples='tuples: [{user: "user:*", relation: viewer, object: "doc:1"}]\n',
            ),
            True, "tuples of this test",
        ),
    ],
)  # fmt: skip
def test_a_failure_says_why(tmp_path: Path, text: str, got: bool | None, why: str):
    (outcome,) = _run(tmp_path, text).outcomes
    assert outcome.got is got
    assert why in outcome.why


def test_lists_are_compared_as_sets(tmp_path: Path):
    listing = """tests:
  - list_objects:
      - user: user:anne
        type: doc
        assertions:
          viewer: [doc:2, doc:1]
          owner: [doc:1, doc:3]
      - {user: "user:anne", type: nothing, assertions: {viewer: []}}
"""
    tuples = "tuples:\n" + "".join(
        f'  - {{user: "user:anne", relation: owner, object: "doc:{n}"}}\n' for n in (1, 2)
    )
    whole, wrong, unknown = _run(tmp_path, MODEL + tuples + listing).outcomes
    assert whole.ok
    assert (wrong.why, wrong.got) == ("missing: doc:3; not expected: doc:2", ("doc:1", "doc:2"))
    assert unknown.got is None
    assert "not found" in unknown.why


def test_lists_of_users_are_compared_as_sets(tmp_path: Path):
    text = """tuples:
  - {user: "user:anne", relation: owner, object: "doc:1"}
  - {user: "group:a#member", relation: viewer, object: "doc:1"}
  - {user: "user:bob", relation: member, object: "group:a"}
  - {user: "user:*", relation: viewer, object: "doc:1"}
tests:
  - list_users:
      - object: doc:1
        user_filter: [{type: user}]
        assertions:
          viewer: {users: ["user:*", "user:bob", "user:anne"]}
          owner: {users: [user:bob]}
      - object: doc:1
        user_filter: [{type: group, relation: member}, {type: user}]
        assertions: {viewer: {users: ["group:a#member", "user:*", "user:anne", "user:bob"]}}
      - {object: "doc:1", user_filter: [{type: robot}], assertions: {viewer: {users: []}}}
"""
    whole, wrong, both, unknown = _run(tmp_path, MODEL + text).outcomes
    assert (whole.ok, whole.user, whole.target, whole.kind) == (True, "user", "doc:1", "list_users")
    assert wrong.why == "missing: user:bob; not expected: user:anne"
    assert (both.ok, both.user) == (True, "group#member, user")
    assert "robot" in unknown.why


CSV = "user_type,user_id,user_relation,relation,object_type,object_id,condition_name,condition_context\n"
FILES = {
    "t.yaml": '- {user: "user:anne", relation: owner, object: "doc:1"}\n',
    "t.json": '[{"user": "user:anne", "relation": "owner", "object": "doc:1"}]',
    "t.jsonl": '{"user": "user:anne", "relation": "owner", "object": "doc:1"}\n\n',
    "t.csv": CSV + "user,anne,,owner,doc,1,,\n"
    'user,bob,,viewer,doc,1,in_time,"{""until"": ""2026-02-01T00:00:00Z""}"\n'
    "group,a,member,viewer,doc,1,,\n",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", ["tuple_file", "tuple_files", "test"])
def test_tuples_are_read_from_files_of_four_kinds(tmp_path: Path, name: str, where: str):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text(FILES[name])
    named = {
        "tuple_file": f"tuple_file: ./data/{name}\n",
        "tuple_files": f"tuple_files: [data/{name}]\n",
    }
    text = MODEL + named.get(where, "") + "tests:\n  - name: one\n"
    if where == "test":
        text += f"    tuple_file: data/{name}\n"
    text += "    check: [{user: 'user:anne', object: 'doc:1', assertions: {owner: true}}]\n"
    assert _run(tmp_path, text).failed == 0


@pytest.mark.parametrize(
    ("name", "content", "line", "hint"),
    [
        ("t.yaml", "- {user: a, relation: b}\n", 0, "user, relation and object"),
        ("t.yaml", '- {user: "user:a", relation: x, object: "doc:1"}\n', 0, "doc#x"),
        ("t.yaml", "[]", 0, "no tuples"),
        ("t.yaml", "a: b\n", 0, "a list"),
        ("t.json", "[\n1,\n}", 2, "no JSON"),
        ("t.json", '{"user": 1}', 0, "a list"),
        ("t.json", '[{"user": "user:a"}]', -1, "t.json, tuple 1"),
        ("t.jsonl", '\n{"user": 1', 1, "no JSON"),
        ("t.txt", "", 0, "named .yaml"),
        ("t.csv", "user_type,who\n", 0, "'who' is unknown"),
        ("t.csv", "user_type\n", 0, "'user_id' is missing"),
        ("t.csv", CSV.replace("user_relation", "user_id"), 0, "twice"),
        ("t.csv", CSV + "user,anne\n", 1, "8 columns"),
        ("t.csv", CSV + "user,anne,,owner,doc,1,,{}\n", 1, "needs a condition"),
        ("t.csv", CSV + "user,anne,,owner,doc,1,in_time,soon\n", 1, "no JSON"),
        ("t.csv", CSV + "user,anne,,owner,doc,1,late,\n", 1, "'late' is not allowed here"),
        ("t.csv", CSV + 'user,"anne\n', 1, "no CSV"),
        ("t.csv", "", 0, "missing"),
    ],
)
def test_a_tuple_file_is_refused_where_it_is_wrong(
    tmp_path: Path, name: str, content: str, line: int, hint: str
):
    (tmp_path / name).write_text(content)
    text = _checks("user:anne", "owner", tuples=f"tuple_file: {name}\n")
    with pytest.raises(StoreFileRefused, match=hint) as refused:
        _run(tmp_path, text)
    assert refused.value.problems[0].line == line


BODY = "tests:\n  - check: [{user: 'user:a', object: 'doc:1', assertions: {owner: true}}]\n"


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("", 0, "object is expected"),
        (BODY, 0, "give the model"),
        (f"model_file: a.fga\nmodel: x\n{BODY}", 0, "give the model"),
        ("model: x\n", 0, "no 'tests'"),
        ("model: x\ntests: 5\n", 1, "is a list"),
        ("model: x\ntests:\n  - name: a\n", 2, "neither 'check'"),
        ("model: x\ntests:\n  - checks: []\n", 2, "'checks' is unknown"),
        ("model: x\ntests:\n  - check:\n      - user: a\n", 3, "give 'object'"),
        (f"model: x\n{BODY}".replace("{user", "{users: [b], user"), 2, "give 'user', or a list"),
        (f"model: x\n{BODY}".replace("true", "yes"), 2, "true or false"),
        (f"model: x\n{BODY}".replace("assertions: {owner: true}", "assertion: {}"), 2, "unknown"),
        (f"model: x\n{BODY}".replace("{owner: true}", "{}"), 2, "give 'assertions'"),
        (f"model: x\n{BODY}".replace("true}}", "true}, context: 5}"), 2, "context is an object"),
        (f"model: x\n{BODY}    list_users: [{{object: a}}]\n", 3, "give 'user_filter'"),
        (f"model: x\n{BODY}    list_users: [{{user_filter: [{{}}]}}]\n", 3, "give a 'type'"),
        (
            f"model: x\n{BODY}    list_users: [{{assertions: {{a: [b]}}}}]\n",
            3,
            "an object is expected",
        ),
        (f"model: x\n{BODY}    list_objects: [{{user: a}}]\n", 3, "'user' and a 'type'"),
        (f"model: x\ntuples: [1]\n{BODY}", 1, "user, relation and object"),
        (f"model: x\ntuples: [{{user: a, relation: b, object: c, when: d}}]\n{BODY}", 1, "'when'"),
        (
            f"model: x\ntuples: [{{user: a, relation: b, object: c, condition: d}}]\n{BODY}",
            1,
            "a condition",
        ),
        (f"model: x\n{BODY}name: a\nname: b\n", 4, "twice"),
        (f"a: &a [*a]\n{BODY}", 0, "too deeply"),
    ],
)
def test_a_store_file_is_refused_where_it_is_wrong(tmp_path: Path, text: str, line: int, hint: str):
    with pytest.raises(StoreFileRefused, match=hint) as refused:
        _run(tmp_path, text)
    assert line in {problem.line for problem in refused.value.problems}


def test_every_wrong_tuple_is_named(tmp_path: Path):
    tuples = 'tuples:\n  - {user: "user:a", relation: x, object: "doc:1"}\n' * 1 + (
        '  - {user: "doc:1", relation: owner, object: "doc:1"}\n'
        '  - {user: "user:a", relation: viewer, object: "doc:1"}\n'
        '  - {user: "user:a", relation: viewer, object: "doc:1", condition: {name: in_time}}\n'
    )
    with pytest.raises(StoreFileRefused) as refused:
        _run(tmp_path, MODEL + tuples + BODY)
    first = MODEL.count("\n") + 1
    assert [p.line for p in refused.value.problems] == [first, first + 1, first + 3]


def test_a_model_that_does_not_fit_is_told_in_its_own_lines(tmp_path: Path):
    with pytest.raises(ModelError, match=r"store.fga.yaml \(model\), line 3, column 6"):
        _run(tmp_path, f"model: |\n  model\n    schema 1.1\n  type 1\n{BODY}")


@pytest.mark.parametrize("field", ["model_file", "tuple_file"])
@pytest.mark.parametrize("way", ["up", "absolute", "link"])
def test_a_store_file_reads_nothing_outside_its_folder(tmp_path: Path, field: str, way: str):
    inside = tmp_path / "inside"
    inside.mkdir()
    secret = tmp_path / "secret.csv"
    secret.write_text("user_type,user_id,relation,object_type,object_id\nuser,hidden,owner,doc,1\n")
    (inside / "link.csv").symlink_to(secret)
    named = {"up": "../secret.csv", "absolute": str(secret), "link": "link.csv"}[way]
    model = "" if field == "model_file" else MODEL
    with pytest.raises((ModelError, StoreFileRefused), match="outside the folder") as refused:
        _run(inside, f"{model}{field}: {named}\n{BODY}")
    assert "hidden" not in str(refused.value)


def test_assertions_are_bounded(tmp_path: Path):
    users = ", ".join(f"user:{n}" for n in range(400))
    docs = ", ".join(f"doc:{n}" for n in range(400))
    check = f"{{users: &u [{users}], objects: [{docs}], assertions: {{owner: false}}}}"
    with pytest.raises(StoreFileRefused, match="more than 100000 assertions"):
        _run(tmp_path, f"{MODEL}tests:\n  - check: [{check}]\n")


def test_tuples_are_bounded(tmp_path: Path):
    header, row = CSV.split("\n", maxsplit=1)[0], "user,a,,owner,doc,1,,"
    (tmp_path / "t.csv").write_text("\n".join([header, *[row] * 100_001]))
    with pytest.raises(StoreFileRefused, match="more than 100000 tuples"):
        _run(tmp_path, _checks("user:a", "owner", tuples="tuple_file: t.csv\n"))
