"""What every store of tuples promises: memory, SQLite and PostgreSQL alike."""

import pytest

from authz.errors import ConditionConflict, WriteConflict
from authz.model.subject import Subject, TupleKey, parse_key
from authz.stores.overlay import Overlay
from authz.stores.protocol import Filter, NewTuple, Wanted

BOTH = ("doc", "folder")
ANNE = Subject("user", "anne")


def key(text: str) -> TupleKey:
    left, _, user = text.partition("@")
    name, _, relation = left.partition("#")
    return parse_key(user, relation, name)


def new(text: str, condition: str = "", context: str = "") -> NewTuple:
    return NewTuple(key(text), condition, context)


def wanted(direct="", usersets="", tuplesets="") -> Wanted:
    return Wanted("doc", tuple(direct.split()), tuple(usersets.split()), tuple(tuplesets.split()))


@pytest.fixture
def filled(store):
    store.write(
        [
            new("doc:1#viewer@user:anne"),
            new("doc:1#viewer@user:bob"),
            new("doc:1#viewer@user:*"),
            new("doc:1#viewer@group:eng#member", "c", '{"x":1}'),
            new("doc:1#parent@folder:a"),
            new("doc:2#viewer@user:anne"),
            new("doc:2#owner@user:anne"),
            new("doc:3#parent@folder:a"),
            new("folder:a#viewer@user:anne"),
        ],
        [],
        1000,
    )
    return store


def test_a_step_reads_the_users_own_tuples_and_the_wildcard_and_no_others(filled):
    rows = filled.related(wanted(direct="viewer owner"), ["1"], ANNE)
    assert sorted(rows) == [
        ("1", "viewer", "user", "*", "", "", ""),
        ("1", "viewer", "user", "anne", "", "", ""),
    ]


def test_a_step_reads_usersets_with_their_condition(filled):
    rows = filled.related(wanted(usersets="viewer"), ["1", "2"], ANNE)
    assert rows == [("1", "viewer", "group", "eng", "member", "c", '{"x":1}')]


def test_a_step_reads_parents_of_many_objects_at_once(filled):
    rows = filled.related(wanted(direct="viewer", tuplesets="parent"), ["1", "2", "3"], ANNE)
    assert sorted(row[:2] + row[3:4] for row in rows) == [
        ("1", "parent", "a"),
        ("1", "viewer", "*"),
        ("1", "viewer", "anne"),
        ("2", "viewer", "anne"),
        ("3", "parent", "a"),
    ]


def test_a_userset_as_user_is_no_wildcards_business(filled):
    holder = Subject("group", "eng", "member")
    rows = filled.related(wanted(direct="viewer"), ["1"], holder)
    assert [row[2:5] for row in rows] == [("group", "eng", "member")]
    assert filled.related(wanted(direct="viewer"), ["1"], Subject("group", "eng")) == []


def test_a_step_that_wants_nothing_reads_nothing(filled):
    assert filled.related(wanted(), ["1"], ANNE) == []


def test_a_search_by_user_returns_what_each_of_them_holds(filled):
    rows = filled.held("user", "", ["anne", "*", "nobody"], BOTH, ["viewer", "parent"])
    assert sorted(rows) == [
        ("*", ("doc", "1", "viewer", "", "")),
        ("anne", ("doc", "1", "viewer", "", "")),
        ("anne", ("doc", "2", "viewer", "", "")),
        ("anne", ("folder", "a", "viewer", "", "")),
    ]
    assert filled.held("group", "member", ["eng"], BOTH, ["viewer"]) == [
        ("eng", ("doc", "1", "viewer", "c", '{"x":1}'))
    ]


def test_the_holders_of_relations_are_plain_users_of_the_type(filled):
    rows = filled.holders("doc", ["1", "2", "3"], ["viewer", "owner", "parent"], "user", "", 10)
    assert sorted(rows) == [
        ("1", "viewer", "user", "*", "", "", ""),
        ("1", "viewer", "user", "anne", "", "", ""),
        ("1", "viewer", "user", "bob", "", "", ""),
        ("2", "owner", "user", "anne", "", "", ""),
        ("2", "viewer", "user", "anne", "", "", ""),
    ]
    assert filled.holders("doc", ["1"], ["parent"], "folder", "", 10) == [
        ("1", "parent", "folder", "a", "", "", "")
    ]
    assert filled.holders("doc", ["1"], ["viewer"], "group", "", 10) == []
    assert filled.holders("doc", ["9"], ["viewer"], "user", "", 10) == []


# In the order of code points: capitals, then letters, then what lies behind the BMP.
ORDERED = ["!", "*", "B", "a", "a_b", "b", "é", "\uffee", "😀"]
PAGES = [ORDERED[:2], ORDERED[2:4], ORDERED[4:6], ORDERED[6:8], ORDERED[8:]]


@pytest.mark.parametrize("ids", [["1"], ["1", "2"]])
@pytest.mark.parametrize("relations", [["viewer"], ["viewer", "owner"]])
def test_holders_come_by_name_and_each_with_all_its_tuples(store, ids, relations):
    store.write(
        [
            NewTuple(TupleKey("doc", i, relation, "user", name, ""), "c", "{}")
            for i in ("1", "2")
            for relation in ("viewer", "owner", "other")
            for name in ORDERED
        ],
        [],
        1,
    )
    read, after = [], ""
    while rows := store.holders("doc", ids, relations, "user", after, 2):
        page = sorted({row[3] for row in rows})
        assert len(rows) == len(page) * len(relations) * len(ids)
        assert {row[5:] for row in rows} == {("c", "{}")}
        read.append(page)
        after = page[-1]
    assert read == PAGES
    assert store.holders("doc", ids, relations, "user", "", 0) == []


@pytest.mark.parametrize("ids", [["eve"], ["eve", "*"]])
@pytest.mark.parametrize("relations", [["viewer"], ["viewer", "owner"]])
def test_what_users_hold_comes_by_name_and_each_with_all_its_tuples(store, ids, relations):
    store.write(
        [
            NewTuple(TupleKey(kind, name, relation, "user", user, ""), "c", "{}")
            for kind in ("doc", "folder")
            for user in ("eve", "*", "other")
            for relation in ("viewer", "owner")
            for name in ORDERED
        ],
        [],
        1,
    )
    an_object = len(relations) * len(ids)
    for limit, at_once in ((2 * an_object, 2), (1, 1), (3 * an_object - 1, 2)):
        read: list[str] = []
        after: str | None = ""
        while after is not None:
            rows, last = store.held_behind("user", "", ids, "doc", relations, after, limit)
            page = sorted({row[1] for _, row in rows})
            assert len(rows) == len(page) * an_object
            assert last is None or (last == page[-1] and len(page) == at_once)
            assert {user for user, _ in rows} <= set(ids)
            assert {(row[0], *row[3:]) for _, row in rows} <= {("doc", "c", "{}")}
            read += page
            after = last
        assert read == ORDERED


def test_pages_of_two_stores_together_lack_no_tuple_and_no_name(stores):
    over, under = stores
    for number, name in enumerate(ORDERED):
        keys = [TupleKey("doc", i, "viewer", "user", name, "") for i in (name, "1")]
        for key in keys:
            if number % 3 != 1:
                under.write([NewTuple(key, "old", "")], [], 1)
            if number % 3 != 2:
                over.write([NewTuple(key, "new", "")], [], 1)
    both = Overlay(under, over)
    for limit in (1, 2, 3, 20):
        named, after = [], ""
        while rows := both.holders("doc", ["1"], ["viewer"], "user", after, limit):
            assert len(rows) <= limit
            named += sorted(row[3] for row in rows)
            after = named[-1]
        assert named == ORDERED
        objects: list[str] = []
        behind: str | None = ""
        while behind is not None:
            held = both.held_behind("user", "", ORDERED, "doc", ["viewer"], behind, limit)
            objects += sorted({row[1] for _, row in held.rows})
            behind = held.last
        assert objects == sorted([*ORDERED, "1"])
    conditions = {row[3]: row[5] for row in both.holders("doc", ["1"], ["viewer"], "user", "", 20)}
    assert [conditions[name] for name in ORDERED[:3]] == ["new", "new", "old"]


def test_what_a_userset_holds_is_paged_too(filled):
    assert filled.held_behind("group", "member", ["eng"], "doc", ["viewer"], "", 5) == (
        [("eng", ("doc", "1", "viewer", "c", '{"x":1}'))],
        None,
    )
    assert filled.held_behind("group", "", ["eng"], "doc", ["viewer"], "", 5) == ([], None)
    assert filled.held_behind("group", "member", ["eng"], "folder", ["viewer"], "", 5) == ([], None)


def test_a_search_by_user_is_of_the_types_asked_for(filled):
    rows = filled.held("user", "", ["anne"], ["folder"], ["viewer", "owner"])
    assert rows == [("anne", ("folder", "a", "viewer", "", ""))]


def test_every_write_has_the_next_revision(store):
    assert store.revision() == 0
    assert store.write([new("doc:1#viewer@user:anne")], [], 1) == 1
    assert store.write([], [key("doc:1#viewer@user:anne")], 2) == 2
    assert store.revision() == 2


def test_a_tuple_that_is_there_cannot_be_written_again(filled):
    with pytest.raises(WriteConflict) as refused:
        filled.write([new("doc:9#viewer@user:anne"), new("doc:1#viewer@user:anne")], [], 2000)
    assert refused.value.number == 2017
    assert filled.read(Filter("doc", "9"), 10) == []


def test_a_tuple_that_is_not_there_cannot_be_deleted(filled):
    with pytest.raises(WriteConflict):
        filled.write([], [key("doc:1#viewer@user:anne"), key("doc:1#viewer@user:carl")], 2000)
    assert filled.related(wanted(direct="viewer"), ["1"], ANNE) != []


def test_duplicates_and_missing_tuples_can_be_ignored(filled):
    filled.write(
        [new("doc:1#viewer@user:anne"), new("doc:9#viewer@user:anne")],
        [key("doc:1#viewer@user:carl"), key("doc:1#viewer@user:bob")],
        2000,
        ignore_duplicates=True,
        ignore_missing=True,
    )
    changed = [(c.deleted, str(c.key)) for c in filled.changes(1, 100)]
    assert changed == [(True, "doc:1#viewer@user:bob"), (False, "doc:9#viewer@user:anne")]


def test_ignoring_a_duplicate_does_not_hide_another_condition(filled):
    with pytest.raises(ConditionConflict):
        filled.write([new("doc:1#viewer@user:anne", "c")], [], 2000, ignore_duplicates=True)


def test_a_duplicate_is_replaced_by_a_deletion_and_a_write(filled):
    changing, same = new("doc:1#viewer@user:anne", "c", '{"x":1}'), new("doc:1#viewer@user:bob")
    revision = filled.write([changing, same], [], 2000, replace_duplicates=True)
    stored = filled.read(Filter("doc", "1", "viewer", "user", "anne"), 10)
    assert [(s.condition, s.context, s.inserted_at) for s in stored] == [("c", '{"x":1}', 2000)]
    logged = [(c.revision, c.deleted, str(c.key), c.condition) for c in filled.changes(1, 100)]
    assert logged == [
        (revision, True, "doc:1#viewer@user:anne", ""),
        (revision, False, "doc:1#viewer@user:anne", "c"),
    ]


def test_a_deletion_by_filter_takes_what_matches_and_logs_it(filled):
    assert filled.delete_matching(Filter(user_type="user", user_id="anne"), 3000) == 4
    assert filled.held("user", "", ["anne"], BOTH, ["viewer", "owner"]) == []
    assert len(filled.held("user", "", ["bob"], BOTH, ["viewer"])) == 1
    logged = filled.changes(1, 100)
    assert {change.deleted for change in logged} == {True}
    assert {change.changed_at for change in logged} == {3000}
    assert {change.revision for change in logged} == {2}
    assert len(logged) == 4


def test_a_deletion_by_filter_that_finds_nothing_changes_nothing(filled):
    assert filled.delete_matching(Filter(user_type="consent", user_id="none"), 3000) == 0
    assert filled.changes(1, 100) == []


def test_a_filter_names_a_side(filled):
    with pytest.raises(ValueError, match="filter"):
        filled.read(Filter(relation="viewer"), 10)
    with pytest.raises(ValueError, match="filter"):
        filled.delete_matching(Filter(), 1)


@pytest.mark.parametrize(
    ("matching", "expected"),
    [
        (Filter("doc", "1"), 5),
        (Filter("doc"), 8),
        (Filter("doc", "1", "viewer"), 4),
        (Filter(user_type="user", user_id="anne"), 4),
        (Filter("doc", user_type="user", user_id="anne"), 3),
        (Filter(relation="viewer", user_type="user"), 5),
        (Filter("doc", "1", user_type="group", user_id="eng", user_relation="member"), 1),
    ],
)
def test_pages_put_together_are_the_whole_once(filled, matching, expected):
    whole = filled.read(matching, 100)
    assert len(whole) == expected
    paged, after = [], None
    while page := filled.read(matching, 2, after):
        paged += page
        after = page[-1].key
    assert paged == whole
    assert {stored.inserted_at for stored in whole} == {1000}


def test_stores_do_not_see_each_other(stores):
    one, two = stores
    one.write([new("doc:1#viewer@user:anne")], [], 1)
    assert two.revision() == 0
    assert two.related(wanted(direct="viewer"), ["1"], ANNE) == []
    assert two.held("user", "", ["anne"], BOTH, ["viewer"]) == []
    assert two.holders("doc", ["1"], ["viewer"], "user", "", 10) == []
    assert two.held_behind("user", "", ["anne"], "doc", ["viewer"], "", 10) == ([], None)
    assert two.read(Filter("doc"), 10) == []
    two.write([new("doc:1#viewer@user:anne")], [], 1)
    assert two.delete_matching(Filter("doc"), 2) == 1
    assert len(one.read(Filter("doc"), 10)) == 1


STRANGE = ["'; DROP TABLE authz_tuple; --", 'a"b', "100%", "%(x)s", ":x", "ключ", "😀", "[1]", "\\"]


@pytest.mark.parametrize("name", [s.replace(" ", "_").replace(":", ";") for s in STRANGE])
def test_ids_are_data(store, name):
    stored = NewTuple(TupleKey("doc", name, "viewer", "user", name, ""), "", "")
    store.write([stored], [], 1)
    for ids in ([name], [name, "other"]):
        assert len(store.related(wanted(direct="viewer"), ids, Subject("user", name))) == 1
        assert len(store.holders("doc", ids, ["viewer"], "user", "", 5)) == 1
    assert store.held("user", "", [name], BOTH, ["viewer"]) == [
        (name, ("doc", name, "viewer", "", ""))
    ]
    store.write([], [stored.key], 2)
    assert store.read(Filter("doc"), 10) == []
