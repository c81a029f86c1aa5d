"""Each difference that docs/openfga-differences.md tells, on both sides, so that it stays true."""

import itertools
from typing import Any

import pytest

from authz.errors import CheckError
from authz.model.compiled import Model
from authz.model.subject import RelationTuple, parse_key
from tests.engine.world import HEADER, tuple_of
from tests.openfga.ours import OurWorld, open_ours
from tests.openfga.questions import Answer, Check, ListObjects, Question
from tests.openfga.theirs import TheirServer, TheirWorld
from tests.support.tree import ROOT

pytestmark = pytest.mark.openfga

PAGE = (ROOT / "docs" / "openfga-differences.md").read_text(encoding="utf-8")

CONDITIONED = """
type user
type folder
  relations
    define viewer: [user]
type document
  relations
    define parent: [folder, folder with small]
    define banned: viewer from parent
    define open: [user:*]
    define viewer: open but not banned
condition small(n: int) {
  n < 10
}
"""


def worlds(theirs: TheirServer, text: str) -> tuple[OurWorld, TheirWorld]:
    body = Model.from_dsl(HEADER + text).to_json()
    one, other = open_ours(body), theirs.open(body)
    assert isinstance(one, OurWorld)
    assert isinstance(other, TheirWorld)
    return one, other


def ask(
    both: tuple[OurWorld, TheirWorld], question: Question, *tuples: RelationTuple
) -> tuple[Answer, Answer]:
    """Write the tuples to both, and return our answer and theirs."""
    for world in both:
        assert not tuples or world.write(tuples) == ""
    return both[0].ask([question])[0], both[1].ask([question])[0]


def check(text: str, **context: Any) -> Check:
    asked = tuple_of(text)
    return Check(asked.user, asked.relation, asked.object, context or None)


def codes(theirs: TheirServer, body: dict[str, Any]) -> tuple[str, str]:
    """Return with which codes a model is refused, ours and theirs; empty texts if it is not."""
    ours = open_ours(body)
    return ours if isinstance(ours, str) else "", str(theirs.refusal(body)["code"])


def one_type(**parts: Any) -> dict[str, Any]:
    return {"schema_version": "1.1", "type_definitions": [{"type": "user"}], **parts}


def with_condition(**parts: Any) -> dict[str, Any]:
    made = {"name": "c", "expression": "true", "parameters": {}, **parts}
    return one_type(conditions={"c": made})


def test_a_condition_that_fails_below_but_not_is_an_error_here_and_forgotten_there(
    theirs: TheirServer,
):
    assert "### Conditions that fail" in PAGE
    answers = ask(
        worlds(theirs, CONDITIONED),
        check("document:1#viewer@user:anne", n="no number"),
        tuple_of("document:1#open@user:*"),
        tuple_of("folder:secret#viewer@user:anne"),
        tuple_of("document:1#parent@folder:secret", "small"),
        tuple_of("document:1#parent@folder:other"),
    )
    # With what the failed tuple might say left out, they allow.
    assert answers == ("validation_error", True)


def test_a_condition_of_a_tuple_that_leads_nowhere_is_not_asked_here(theirs: TheirServer):
    text = """
type user
type folder
  relations
    define parent: [folder with small, document]
    define everyone: [user:*]
    define viewer: [user:*] and owner from parent
    define reader: viewer from parent
type document
  relations
    define owner: [document]
condition small(n: int) {
  n < 10
}
"""
    answers = ask(
        worlds(theirs, text),
        check("folder:1#reader@user:anne", n="no number"),
        tuple_of("folder:1#parent@folder:2", "small"),
    )
    # Nobody is of both kinds, user and document.
    assert answers == (False, "validation_error")


def test_a_tuple_of_the_request_stands_over_a_stored_userset_only_here(theirs: TheirServer):
    assert "### Tuples of a request over stored ones" in PAGE
    text = """
type user
type group
  relations
    define member: [user, user with small, group#member, group#member with small]
condition small(n: int) {
  n < 10
}
"""
    both = worlds(theirs, text)
    stored = [tuple_of(f"group:a#member@{one}") for one in ("user:bob", "group:b#member")]
    stored.append(tuple_of("group:b#member@user:anne"))
    for user, name, wanted in (
        ("user:bob", "user:bob", (False, False)),
        ("user:anne", "group:b#member", (False, True)),
    ):
        own = tuple_of(f"group:a#member@{name}", "small", n=99)
        asked = Check(user, "member", "group:a", None, (own,))
        assert ask(both, asked, *stored) == wanted
        stored = []


def test_a_listing_refuses_control_characters_in_the_context_only_here(theirs: TheirServer):
    assert "### Control characters in the context of a listing" in PAGE
    both = worlds(theirs, CONDITIONED)
    tuples = (tuple_of("folder:1#viewer@user:anne"),)
    listing = ListObjects("user:anne", "viewer", "folder", {"n": "\x07"})
    assert ask(both, listing, *tuples) == ("validation_error", frozenset({"folder:1"}))
    asked = check("folder:1#viewer@user:anne", n="\x07")
    assert ask(both, asked) == ("validation_error", "validation_error")


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (2**53 + 1, (True, False)),
        (2**63 - 1, (False, False)),
        (10**30, ("validation_error", False)),
        ("1e30", ("validation_error", False)),
    ],
)
def test_an_integer_is_exact_here_and_a_double_there(
    theirs: TheirServer, number: object, wanted: tuple[Answer, Answer]
):
    assert "### Numbers that a double cannot hold" in PAGE
    text = """
type user
type document
  relations
    define viewer: [user with exact]
condition exact(n: int) {
  n == 9007199254740993
}
"""
    answers = ask(
        worlds(theirs, text),
        check("document:1#viewer@user:anne", n=number),
        tuple_of("document:1#viewer@user:anne", "exact"),
    )
    assert answers == wanted


@pytest.mark.parametrize("text", ["Inf", "1p3"])
def test_a_text_is_a_finite_decimal_number_only_here(theirs: TheirServer, text: str):
    model = """
type user
type document
  relations
    define viewer: [user with large]
condition large(x: double) {
  x > 1.0
}
"""
    given = tuple_of("document:1#viewer@user:anne", "large")
    asked = check("document:1#viewer@user:anne", x=text)
    assert ask(worlds(theirs, model), asked, given) == ("validation_error", True)


def test_a_condition_of_one_letter_is_of_no_use_there(theirs: TheirServer):
    model = """
type user
type document
  relations
    define viewer: [user with c]
condition c(x: int) {
  x > 1
}
"""
    both = worlds(theirs, model)
    given = [tuple_of("document:1#viewer@user:anne", "c")]
    assert [world.write(given) for world in both] == ["", "validation_error"]


def test_a_time_is_cut_to_the_microsecond_only_here(theirs: TheirServer):
    assert "### Times finer than a microsecond" in PAGE
    text = """
type user
type document
  relations
    define viewer: [user with at_once]
condition at_once(t: timestamp, d: duration) {
  t == timestamp('2026-01-01T00:00:00Z') && d == duration('1s')
}
"""
    given = tuple_of("document:1#viewer@user:anne", "at_once")
    both = worlds(theirs, text)
    exact = check("document:1#viewer@user:anne", t="2026-01-01T00:00:00Z", d="1s")
    assert ask(both, exact, given) == (True, True)
    late = check("document:1#viewer@user:anne", t="2026-01-01T00:00:00.0000009Z", d="1s")
    assert ask(both, late) == (True, False)
    long = check("document:1#viewer@user:anne", t="2026-01-01T00:00:00Z", d="1s9ns")
    assert ask(both, long) == (True, False)


def test_a_condition_over_many_elements_is_answered_here_and_too_dear_there(theirs: TheirServer):
    assert "### The cost of a condition" in PAGE
    text = """
type user
type document
  relations
    define viewer: [user with all_small]
condition all_small(n: list<int>) {
  n.all(x, x < 10)
}
"""
    both = worlds(theirs, text)
    given = tuple_of("document:1#viewer@user:anne", "all_small")
    few = check("document:1#viewer@user:anne", n=[1, 2, 3])
    many = check("document:1#viewer@user:anne", n=[1] * 100)
    assert ask(both, few, given) == (True, True)
    assert ask(both, many) == (True, "validation_error")


@pytest.mark.parametrize(
    ("hops", "wanted"),
    [
        (24, (True, True)),
        (25, ("authorization_model_resolution_too_complex", True)),
        (26, ("authorization_model_resolution_too_complex",) * 2),
    ],
)
def test_a_relation_that_leads_back_to_itself_is_followed_one_hop_further_there(
    theirs: TheirServer, hops: int, wanted: tuple[Answer, Answer]
):
    assert "### Depth" in PAGE
    text = "type user\ntype group\n  relations\n    define member: [user, group#member]\n"
    chain = [tuple_of(f"group:{n}#member@group:{n + 1}#member") for n in range(hops)]
    end = tuple_of(f"group:{hops}#member@user:anne")
    both = worlds(theirs, text)
    assert ask(both, check("group:0#member@user:anne"), *chain, end) == wanted
    listed = frozenset(f"group:{n}" for n in range(hops + 1))
    too_deep = "authorization_model_resolution_too_complex"
    answers = ask(both, ListObjects("user:anne", "member", "group"))
    assert answers == (listed if hops == 24 else too_deep, listed)


@pytest.mark.parametrize(("hops", "wanted"), [(24, True), (25, "too complex")])
def test_a_relation_that_leads_through_another_is_bounded_alike(
    theirs: TheirServer, hops: int, wanted: Answer
):
    text = """
type user
type group
  relations
    define member: [user, team#member]
type team
  relations
    define member: [user, group#member]
"""
    names = [f"{('group', 'team')[n % 2]}:{n}" for n in range(hops + 1)]
    chain = [tuple_of(f"{one}#member@{other}#member") for one, other in itertools.pairwise(names)]
    end = tuple_of(f"{names[-1]}#member@user:anne")
    answers = ask(worlds(theirs, text), check("group:0#member@user:anne"), *chain, end)
    if wanted == "too complex":
        wanted = "authorization_model_resolution_too_complex"
    assert answers == (wanted, wanted)


def test_a_model_in_which_they_find_no_way_in_is_taken_here(theirs: TheirServer):
    assert "### Entry points of a model" in PAGE
    # As JSON only: direct types stand last.
    user, everyone = {"type": "user"}, {"type": "user", "wildcard": {}}
    inherited = {
        "tupleToUserset": {
            "tupleset": {"relation": "parent"},
            "computedUserset": {"relation": "listed"},
        }
    }
    document = {
        "type": "document",
        "relations": {
            "parent": {"this": {}},
            "barred": {"difference": {"base": inherited, "subtract": {"this": {}}}},
            "listed": {"this": {}},
            "shown": {"computedUserset": {"relation": "barred"}},
        },
        "metadata": {
            "relations": {
                "parent": {"directly_related_user_types": [{"type": "document"}]},
                "barred": {
                    "directly_related_user_types": [{"type": "document", "relation": "listed"}]
                },
                "listed": {"directly_related_user_types": [everyone]},
            }
        },
    }
    body = one_type(type_definitions=[user, document])
    assert codes(theirs, body) == ("", "invalid_authorization_model")


@pytest.mark.parametrize(
    ("what", "body", "wanted"),
    [
        (
            "a star",
            one_type(type_definitions=[{"type": "a*"}]),
            ("invalid_authorization_model", ""),
        ),
        (
            "a control",
            one_type(type_definitions=[{"type": "\x01"}]),
            ("invalid_authorization_model", ""),
        ),
        (
            "a blank",
            one_type(type_definitions=[{"type": "a\xa0"}]),
            ("invalid_authorization_model", ""),
        ),
        ("an expression", with_condition(expression="true" + " " * 600), ("", "validation_error")),
        (
            "many parameters",
            with_condition(parameters={f"p{n}": {"type_name": "TYPE_NAME_INT"} for n in range(26)}),
            ("", "validation_error"),
        ),
        (
            "a list of lists",
            with_condition(
                parameters={
                    "p": {
                        "type_name": "TYPE_NAME_LIST",
                        "generic_types": [
                            {
                                "type_name": "TYPE_NAME_LIST",
                                "generic_types": [{"type_name": "TYPE_NAME_INT"}],
                            }
                        ],
                    }
                }
            ),
            ("invalid_authorization_model", ""),
        ),
        (
            "a number for a type",
            with_condition(parameters={"p": {"type_name": 4}}),
            ("validation_error", ""),
        ),
    ],
)
def test_limits_and_names_of_models(
    theirs: TheirServer, what: str, body: dict[str, Any], wanted: tuple[str, str]
):
    assert "### Limits and names" in PAGE
    assert codes(theirs, body) == wanted


def test_an_id_holds_no_blank_of_unicode_only_here(theirs: TheirServer):
    both = worlds(theirs, CONDITIONED)
    given = [tuple_of("folder:a\u3000b#viewer@user:anne")]
    assert both[0].write(given) == "validation_error"
    assert both[1].write(given) == ""


def test_a_deletion_of_what_is_no_tuple_is_malformed_here_and_missing_there(theirs: TheirServer):
    assert "### Deletions of what is no tuple" in PAGE
    given = tuple_of("folder:1#viewer@anne")
    _, world = worlds(theirs, CONDITIONED)
    refusal = world.post("write", {"deletes": {"tuple_keys": world.keys([given])}})
    assert refusal["code"] == "write_failed_due_to_invalid_input"
    with pytest.raises(CheckError) as refused:
        parse_key(given.user, given.relation, given.object)
    assert refused.value.code == "validation_error"
