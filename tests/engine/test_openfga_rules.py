"""What a real OpenFGA server taught (tests/openfga compares with one): rules that are easily missed."""

import pytest

from authz.engine.check import check
from authz.engine.contextual import check_over, list_objects_over
from authz.engine.listing import list_objects
from authz.engine.query import Query
from authz.engine.tuples import admit_to_store
from authz.errors import AuthzError, InvalidTuple, RefusedTuple
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from tests.engine.world import World, model, tuple_of

SMALL = """
condition small(n: int) {
  n < 10
}
"""
EVERYONE_IF = (
    """
type user
type document
  relations
    define viewer: [user, user:* with small]
"""
    + SMALL
)
PARENTS = (
    """
type user
type note
type folder
  relations
    define viewer: [user]
type document
  relations
    define parent: [folder, note with small]
    define inherited: viewer from parent
    define open: [user:*]
    define viewer: inherited and open
"""
    + SMALL
)
ASKED = Query("user:anne", "viewer", "document:1")


def number_of(*steps) -> int:
    """Return the number of the error that a call raises, or 0."""
    call, *arguments = steps
    try:
        call(*arguments)
    except AuthzError as error:
        return error.number
    return 0


def test_a_condition_of_everyone_admits_no_tuple_of_one_user():
    built = model(EVERYONE_IF)
    for_one = tuple_of("document:1#viewer@user:anne", "small", n=1)
    with pytest.raises(InvalidTuple, match="is not allowed here"):
        admit_to_store(built, for_one)
    with pytest.raises(InvalidTuple, match="is missing"):
        admit_to_store(built, tuple_of("document:1#viewer@user:*"))
    admit_to_store(built, tuple_of("document:1#viewer@user:*", "small", n=1))
    admit_to_store(built, tuple_of("document:1#viewer@user:anne"))


def test_a_stored_tuple_with_a_condition_of_another_kind_of_user_does_not_count():
    admitted = model(EVERYONE_IF.replace("[user,", "[user, user with small,"))
    stored = admit_to_store(admitted, tuple_of("document:1#viewer@user:anne", "small", n=1))
    assert check(admitted, MemoryTuples([stored]), ASKED)
    assert not check(model(EVERYONE_IF), MemoryTuples([stored]), ASKED)


def test_a_refused_tuple_has_one_number_when_it_is_written_and_others_in_a_request():
    built, store = model(EVERYONE_IF), MemoryTuples()
    unknown = RelationTuple("ghost:a", "viewer", "document:1")
    conditioned = tuple_of("document:1#viewer@user:anne", "small")
    malformed = RelationTuple("user:anne", "viewer#", "document:1")
    long = RelationTuple("user:" + "é" * 254, "viewer", "document:1")
    listing = ("user:anne", "viewer", "document")
    for given, in_check, in_listing in (
        (unknown, 2027, 2027),
        (conditioned, 2027, 2000),
        (malformed, 2000, 2000),
        (long, 2000, 2000),
    ):
        with pytest.raises(RefusedTuple) as refused:
            admit_to_store(built, given)
        assert (refused.value.code, refused.value.number) == ("validation_error", 2000)
        assert number_of(check_over, built, store, ASKED, [given]) == in_check
        assert number_of(list_objects_over, built, store, *listing, [given]) == in_listing


def test_what_is_wrong_with_a_check_is_said_before_what_is_wrong_with_its_tuples():
    built, ghost = model(EVERYONE_IF), [RelationTuple("ghost:a", "viewer", "document:1")]
    assert number_of(check_over, built, MemoryTuples(), ASKED, ghost) == 2027
    wrong = Query("user:anne", "ghost", "document:1")
    assert number_of(check_over, built, MemoryTuples(), wrong, ghost) == 2000
    listing = ("user:anne", "ghost", "document")
    assert number_of(list_objects_over, built, MemoryTuples(), *listing, ghost) == 2027


def test_a_tuple_that_holds_anyway_may_come_with_a_request_but_is_not_stored():
    built = model("type user\ntype group\n  relations\n    define member: [user, group#member]")
    implicit = tuple_of("group:a#member@group:a#member")
    with pytest.raises(RefusedTuple, match="implicit"):
        admit_to_store(built, implicit)
    asked = Query("user:anne", "member", "group:a")
    assert not check_over(built, MemoryTuples(), asked, [implicit])


@pytest.mark.parametrize("control", ["\x00", "\x07", "\n", "\x1b", "\x7f", "\x80", "\x9f"])
@pytest.mark.parametrize("form", ["{}", "\\{}", "\\\\{}", 'é"{}"'])
def test_a_context_holds_no_control_character(control, form):
    built = model(EVERYONE_IF)
    store = MemoryTuples([admit_to_store(built, tuple_of("document:1#viewer@user:anne"))])
    text = form.format(control)
    for context in ({"n": text}, {text: 1}, {"n": {"m": [text]}}):
        asked = Query("user:anne", "viewer", "document:1", context)
        assert number_of(check, built, store, asked) == 2000
    stored = RelationTuple("user:*", "viewer", "document:1", "small", {"n": text})
    assert number_of(admit_to_store, built, stored) == 2000


@pytest.mark.parametrize("text", ["\\n", "\\u0007", "\\\\", "é", "\xa0", "\\x7f", "☺", '"'])
def test_what_only_looks_like_a_control_character_is_none(text):
    built = model(EVERYONE_IF)
    store = MemoryTuples([admit_to_store(built, tuple_of("document:1#viewer@user:anne"))])
    assert check(built, store, Query("user:anne", "viewer", "document:1", {text: text}))


def test_a_tuple_that_leads_nowhere_is_not_asked_for_its_condition():
    world = World(
        PARENTS,
        tuple_of("document:1#parent@note:1", "small"),
        "document:1#parent@folder:1",
        "folder:1#viewer@user:anne",
        "document:1#open@user:*",
    )
    # Alone or with company, by paths alone or by a formula: a note has no viewers.
    for relation in ("inherited", "viewer"):
        assert world.check(f"document:1#{relation}@user:anne") is True
        assert world.check(f"document:1#{relation}@user:bob") is False


def test_a_userset_holds_no_star():
    built = model("type user\ntype group\n  relations\n    define member: [user, group#member]")
    for text in ("group:*#member", "group:a*#member", "group:**#member"):
        asked = Query(text, "member", "group:a")
        assert number_of(check, built, MemoryTuples(), asked) == 2000
    assert number_of(check, built, MemoryTuples(), Query("user:a*", "member", "group:a")) == 0


@pytest.mark.parametrize(
    ("kind", "relation", "user", "number"),
    [
        ("", "viewer", "user:anne", 2047),
        ("a b", "viewer", "user:anne", 2047),
        ("t" * 255, "viewer", "user:anne", 2047),
        ("ghost", "viewer", "user:anne", 2021),
        ("document", "view er", "user:anne", 2000),
        ("document", "ghost", "user:anne", 2022),
        ("document", "gho\x1bst", "user:anne", 2022),
        ("document", "viewer", "anne", 2000),
        ("ghost", "viewer", "user:" + "é" * 254, 2000),
        ("ghost", "viewer", "anne", 2021),
    ],
)
def test_a_listing_tells_a_name_that_is_none_from_one_that_is_unknown(kind, relation, user, number):
    with pytest.raises(AuthzError) as refused:
        list_objects(model(EVERYONE_IF), MemoryTuples(), user, relation, kind)
    assert refused.value.number == number
    assert str(refused.value).isprintable()


def test_a_listing_reaches_as_deep_as_a_check():
    chain = [f"group:{n}#member@group:{n + 1}#member" for n in range(24)]
    text = "type user\ntype group\n  relations\n    define member: [user, group#member]"
    world = World(text, *chain, "group:24#member@user:anne")
    assert world.check("group:0#member@user:anne") is True
    listed = world.listed("user:anne", "member", "group")
    assert isinstance(listed, list)
    assert len(listed) == 25
    deeper = World(text, *chain, "group:24#member@group:25#member", "group:25#member@user:anne")
    assert deeper.check("group:0#member@user:anne") == 2002
    assert deeper.listed("user:anne", "member", "group") == 2002


def test_json_may_repeat_what_the_dsl_may_not():
    user = {"type": "user"}
    relations = {
        "viewer": {"union": {"child": [{"this": {}}, {"this": {}}]}},
        "reader": {
            "union": {
                "child": [
                    {"computedUserset": {"relation": "viewer"}},
                    {"computed_userset": {"relation": "viewer"}},
                ]
            }
        },
    }
    metadata = {"relations": {"viewer": {"directly_related_user_types": [user, user]}}}
    document = {"type": "document", "relations": relations, "metadata": metadata}
    built = Model.from_json({"schema_version": "1.1", "type_definitions": [user, document]})
    store = MemoryTuples([admit_to_store(built, tuple_of("document:1#viewer@user:anne"))])
    assert check(built, store, Query("user:anne", "reader", "document:1"))
