"""The calls of the OpenFGA API inside a transaction, on both databases: stores keep apart."""

import base64
import itertools
import json

import pytest

from authz.calls import stores, tuples
from authz.calls.queries import Item, check_batch
from authz.calls.refusals import (
    BehindToken,
    ContinuationOfAnotherType,
    InvalidContinuation,
    NothingToWrite,
    StoreNotFound,
    TooMuch,
)
from authz.calls.scene import Setting, Where, enter
from authz.calls.tuples import Asked, Selection, Write
from authz.engine.query import Query
from authz.errors import (
    AuthzError,
    CheckError,
    InvalidTuple,
    ModelNotFound,
    UnknownModel,
    WriteError,
)
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.relations import Relations
from tests.engine.world import HEADER

MODEL = """type user
type group
  relations
    define member: [user]
type folder
  relations
    define viewer: [user, group#member]
type document
  relations
    define parent: [folder]
    define viewer: [user, user:*] or viewer from parent
"""
BODY = json.dumps(Model.from_dsl(HEADER + MODEL).to_json())
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def setting(clock):
    numbers = itertools.count(1)
    return Setting(clock, lambda size: next(numbers).to_bytes(size))


@pytest.fixture
def place(tx, setting):
    return new_store(tx, setting)


def new_store(tx, setting) -> Where:
    where = Where(stores.create_store(tx, setting, "a store").id)
    stores.write_model(tx, setting, where, BODY)
    return where


def tuple_of(text: str) -> RelationTuple:
    left, user = text.split("@")
    object_, relation = left.split("#")
    return RelationTuple(user, relation, object_)


def put(tx, setting, where, *texts: str) -> int:
    return tuples.write(tx, setting, where, Write(tuple(map(tuple_of, texts))))


def keys(page) -> list[str]:
    return [str(stored.key) for stored in page.tuples]


def test_a_store_is_made_found_listed_and_gone(tx, setting, clock):
    made = []
    for name in ("one", "two", "one"):
        clock.advance(seconds=1)
        made.append(stores.create_store(tx, setting, name))
    assert len({store.id for store in made}) == 3
    assert all(len(store.id) == 26 for store in made)
    assert stores.get_store(tx, made[0].id) == made[0]
    assert stores.list_stores(tx, Asked(10)).stores == made
    assert stores.list_stores(tx, Asked(10), "one").stores == [made[0], made[2]]
    first = stores.list_stores(tx, Asked(2))
    rest = stores.list_stores(tx, Asked(2, first.token))
    assert (first.stores, rest.stores, rest.token) == (made[:2], made[2:], "")
    stores.delete_store(tx, setting, made[0].id)
    stores.delete_store(tx, setting, made[0].id)
    assert stores.list_stores(tx, Asked(10)).stores == made[1:]


def test_a_deleted_store_answers_no_call(tx, setting, place):
    put(tx, setting, place, "document:1#viewer@user:anne")
    stores.delete_store(tx, setting, place.store)
    for call in every_call(tx, setting, place):
        with pytest.raises(StoreNotFound):
            call()


def test_a_store_that_the_api_did_not_make_is_not_there(tx, setting, clock):
    # The product's own relations live in the same tables.
    for name in ("mandate", UNKNOWN):
        own = Relations(name, clock)
        own.put_model(tx, Model.from_dsl(HEADER + MODEL))
        own.write(tx, [tuple_of("document:1#viewer@user:anne")])
        for call in every_call(tx, setting, Where(name)):
            with pytest.raises(StoreNotFound):
                call()
    assert stores.list_stores(tx, Asked(10)).stores == []


def every_call(tx, setting, where):
    grant = Write((tuple_of("document:9#viewer@user:mallory"),))
    named = Where(where.store, UNKNOWN)
    return (
        lambda: stores.get_store(tx, where.store),
        lambda: stores.write_model(tx, setting, where, BODY),
        lambda: stores.read_model(tx, named),
        lambda: stores.list_models(tx, where, Asked(10)),
        lambda: stores.get_assertions(tx, setting, named),
        lambda: stores.put_assertions(tx, setting, named, [], "[]"),
        lambda: tuples.write(tx, setting, where, grant),
        lambda: tuples.read(tx, where, None, Asked(10)),
        lambda: tuples.changes(tx, where, Asked(10)),
        lambda: enter(tx, setting, where),
    )


def test_models_are_listed_newest_first_also_when_the_clock_goes_back(tx, setting, clock):
    where = Where(stores.create_store(tx, setting, "models").id)
    with pytest.raises(ModelNotFound):
        enter(tx, setting, where)
    made = []
    for step in (0, 0, -3600, 0, 1):
        clock.advance(seconds=step)
        made.append(stores.write_model(tx, setting, where, BODY)[0])
    assert made == sorted(set(made))
    listed = stores.list_models(tx, where, Asked(10))
    assert [model_id for model_id, _ in listed.models] == made[::-1]
    assert enter(tx, setting, where).model_id == made[-1]
    first = stores.list_models(tx, where, Asked(3))
    rest = stores.list_models(tx, where, Asked(3, first.token))
    assert [i for i, _ in first.models + rest.models] == made[::-1]
    assert rest.token == ""


def test_a_call_may_name_an_older_model_and_no_unknown_one(tx, setting, place):
    older = enter(tx, setting, place).model_id
    smaller = Model.from_dsl(HEADER + "type user\n")
    stores.write_model(tx, setting, place, json.dumps(smaller.to_json()))
    assert "document" not in enter(tx, setting, place).model.types
    assert "document" in enter(tx, setting, Where(place.store, older)).model.types
    for wrong in (UNKNOWN, enter(tx, setting, new_store(tx, setting)).model_id):
        with pytest.raises(UnknownModel):
            enter(tx, setting, Where(place.store, wrong))


def test_a_write_is_the_model_s_and_all_or_nothing(tx, setting, place):
    before = put(tx, setting, place, "document:1#viewer@user:anne")
    with pytest.raises(NothingToWrite):
        tuples.write(tx, setting, place, Write())
    with pytest.raises(WriteError) as refused:
        put(tx, setting, place, "document:2#viewer@user:anne", "document:2#fly@user:anne")
    # OpenFGA says 2000 here, and 2027 of a contextual tuple.
    assert refused.value.number == 2000
    with pytest.raises(WriteError):
        put(tx, setting, place, "document:1#viewer@user:anne")
    again = Write((tuple_of("document:1#viewer@user:anne"),), on_duplicate="ignore")
    assert tuples.write(tx, setting, place, again) > before
    assert keys(tuples.read(tx, place, None, Asked(10))) == ["document:1#viewer@user:anne"]


def test_a_whole_store_is_read_in_pages_and_no_other_with_it(tx, setting, place):
    other = new_store(tx, setting)
    texts = [
        *(f"document:{n}#viewer@user:anne" for n in range(4)),
        *(f"folder:{n}#viewer@group:g#member" for n in range(3)),
        "group:g#member@user:bob",
    ]
    put(tx, setting, place, *texts)
    put(tx, setting, other, "document:secret#viewer@user:anne", "group:z#member@user:eve")
    for size in (1, 3, 4, 5, 8, 50):
        found: list[str] = []
        page = tuples.read(tx, place, None, Asked(size))
        found += keys(page)
        while page.token:
            assert len(page.tuples) == size
            page = tuples.read(tx, place, None, Asked(size, page.token))
            found += keys(page)
        assert found == texts


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(object="document:1"), 2),
        (Selection(object="document:1", relation="viewer"), 1),
        (Selection(object="document:1", relation="fly"), 0),
        (Selection(object="nothing:1"), 0),
        (Selection(object="document:", user="user:anne"), 2),
        (Selection(user="user:anne"), 2),
        (Selection(user="user:anne", relation="parent"), 0),
        (Selection(object="document:1", user="user:anne", relation="viewer"), 1),
    ],
)
def test_a_selection_is_read(tx, setting, place, selection, found):
    put(
        tx,
        setting,
        place,
        "document:1#viewer@user:anne",
        "document:1#parent@folder:f",
        "document:2#viewer@user:anne",
    )
    assert len(tuples.read(tx, place, selection, Asked(10)).tuples) == found


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(relation="viewer"),
        Selection(user="user:"),
        Selection(object="document"),
        Selection(object="document:"),
        Selection(object=":1"),
        Selection(object="document:1", user="anne"),
    ],
)
def test_a_selection_names_a_user_or_an_object(tx, place, selection):
    with pytest.raises(CheckError) as refused:
        tuples.read(tx, place, selection, Asked(10))
    assert refused.value.number == 2000


def test_a_token_is_good_for_its_own_store_call_and_selection(tx, setting, place):
    other = new_store(tx, setting)
    texts = [f"document:{n}#viewer@user:anne" for n in range(3)]
    put(tx, setting, place, *texts)
    put(tx, setting, other, *texts)
    whole = tuples.read(tx, place, None, Asked(1)).token
    mine = Selection(object="document:", user="user:anne")
    selected = tuples.read(tx, place, mine, Asked(1)).token
    followed = tuples.changes(tx, place, Asked(1)).token
    assert len({whole, selected, followed}) == 3
    for call in (
        lambda: tuples.read(tx, other, None, Asked(1, whole)),
        lambda: tuples.read(tx, place, mine, Asked(1, whole)),
        lambda: tuples.read(tx, place, None, Asked(1, selected)),
        lambda: tuples.read(tx, place, None, Asked(1, followed)),
        lambda: tuples.changes(tx, place, Asked(1, whole)),
        lambda: tuples.changes(tx, other, Asked(1, followed)),
        lambda: stores.list_models(tx, place, Asked(1, whole)),
        lambda: stores.list_stores(tx, Asked(1, whole)),
    ):
        with pytest.raises(InvalidContinuation):
            call()


def _like(token: str, *place: object) -> str:
    digest = json.loads(base64.urlsafe_b64decode(token))[0]
    return base64.urlsafe_b64encode(json.dumps([digest, *place]).encode()).decode()


def test_a_made_up_token_is_refused_and_never_an_error_of_the_database(tx, setting, place):
    put(tx, setting, place, *(f"document:{n}#viewer@user:anne" for n in range(3)))
    followed = tuples.changes(tx, place, Asked(1)).token
    whole = tuples.read(tx, place, None, Asked(1)).token
    for forged in (
        "x",
        "é",
        "\0",
        "AAAA",
        "A" * 6000,
        followed[:-4],
        followed + "AAAA",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b"[" * 3000).decode(),
        _like(followed, "", 1),
        _like(followed, "", True, 1),
        _like(followed, "", "1", 1),
        _like(followed, "", 2**63, 1),
        _like(followed, "", -5, 1),
        _like(followed, "", 1.5, 1),
        _like(followed, None, 1, 1),
    ):
        with pytest.raises(InvalidContinuation):
            tuples.changes(tx, place, Asked(1, forged))
    for forged in (
        _like(whole, *"abcde"),
        _like(whole, *"abcde", "\0"),
        _like(whole, *"abcde", 5),
        _like(whole, *"abcde", "\ud800"),
    ):
        with pytest.raises(InvalidContinuation):
            tuples.read(tx, place, None, Asked(1, forged))


def test_changes_are_followed_entry_by_entry(tx, setting, place, clock):
    put(tx, setting, place, *(f"document:{n}#viewer@user:anne" for n in range(5)))
    clock.advance(seconds=10)
    later = clock.now()
    put(tx, setting, place, "group:g#member@user:anne")
    gone = Write(deletes=(tuple_of("document:1#viewer@user:anne"),))
    tuples.write(tx, setting, place, gone)
    put(tx, setting, new_store(tx, setting), "document:secret#viewer@user:anne")
    seen: list[str] = []
    page = tuples.changes(tx, place, Asked(2))
    while page.changes:
        seen += [("-" if change.deleted else "+") + str(change.key) for change in page.changes]
        last = page.token
        page = tuples.changes(tx, place, Asked(2, last))
    # At the end the token stays good for what comes.
    assert page.token == last
    assert seen == [
        *(f"+document:{n}#viewer@user:anne" for n in range(5)),
        "+group:g#member@user:anne",
        "-document:1#viewer@user:anne",
    ]
    assert len(tuples.changes(tx, place, Asked(50), since=later).changes) == 2
    groups = tuples.changes(tx, place, Asked(50), object_type="group")
    assert [change.key.object_type for change in groups.changes] == ["group"]
    with pytest.raises(ContinuationOfAnotherType):
        tuples.changes(tx, place, Asked(50, groups.token), object_type="document")
    assert tuples.changes(tx, place, Asked(50), object_type="nothing").token == ""


def test_a_database_that_is_behind_what_was_seen_answers_nothing(tx, setting, place):
    revision = put(tx, setting, place, "document:1#viewer@user:anne")
    assert enter(tx, setting, Where(place.store, at_least=revision)).revision == revision
    for call in (
        lambda where: enter(tx, setting, where),
        lambda where: tuples.read(tx, where, None, Asked(1)),
        lambda where: put(tx, setting, where, "document:2#viewer@user:anne"),
    ):
        with pytest.raises(BehindToken):
            call(Where(place.store, at_least=revision + 1))


def test_tuples_of_a_request_count_for_it_alone(tx, setting, place):
    own = (tuple_of("document:1#viewer@user:anne"),)
    question = Query("user:anne", "viewer", "document:1")
    scene = enter(tx, setting, place)
    answers = check_batch(
        scene,
        [
            Item(question),
            Item(question, own),
            Item(Query("user:anne", "fly", "document:1")),
            Item(question, (tuple_of("document:1#fly@user:anne"),)),
            Item(question),
        ],
    )
    assert answers[0] is False
    assert answers[1] is True
    assert [a.number for a in answers[2:4] if isinstance(a, AuthzError)] == [2000, 2027]
    assert answers[4] is False
    with pytest.raises(InvalidTuple):
        enter(tx, setting, place, (tuple_of("document:1#fly@user:anne"),))


def test_assertions_belong_to_a_model_that_could_answer_them(tx, setting, place):
    where = Where(place.store, enter(tx, setting, place).model_id)
    item = Item(Query("user:anne", "viewer", "document:1"))
    assert stores.get_assertions(tx, setting, where)[0] == "[]"
    stores.put_assertions(tx, setting, where, [item], '["a"]')
    stores.put_assertions(tx, setting, where, [item], '["b"]')
    assert stores.get_assertions(tx, setting, where)[0] == '["b"]'
    wrong = Item(Query("user:anne", "fly", "document:1"))
    with pytest.raises(CheckError):
        stores.put_assertions(tx, setting, where, [wrong], "[]")
    odd = Item(item.query, (tuple_of("document:1#fly@user:anne"),))
    with pytest.raises(WriteError) as refused:
        stores.put_assertions(tx, setting, where, [odd], "[]")
    assert refused.value.number == 2000
    with pytest.raises(TooMuch):
        stores.put_assertions(tx, setting, where, [item], "x" * 64_001)
    with pytest.raises(UnknownModel):
        stores.get_assertions(tx, setting, Where(place.store, UNKNOWN))
    assert stores.get_assertions(tx, setting, where)[0] == '["b"]'
