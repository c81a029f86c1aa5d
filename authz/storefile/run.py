"""Run the tests of a store file: each on a store in memory, by the engine that also decides."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from authz.engine.check import check
from authz.engine.limits import MAX_LISTED
from authz.engine.listing import list_objects
from authz.engine.query import Query
from authz.engine.tuples import admit
from authz.engine.users import UserFilter, list_users
from authz.errors import CheckError, InvalidTuple, Problem
from authz.model.compiled import Model
from authz.model.files import load_model, load_text, read_text
from authz.model.subject import TupleKey, parse_user
from authz.plain_yaml import MAX_BYTES
from authz.storefile.document import (
    CheckTest,
    GivenTuple,
    ListObjectsTest,
    ListUsersTest,
    StoreFile,
    StoreFileRefused,
    StoreTest,
    parse_store_file,
)
from authz.storefile.tuple_files import read_tuples
from authz.stores.memory import MemoryTuples
from authz.stores.protocol import NewTuple

MAX_TUPLES = 100_000
MAX_ASSERTIONS = 100_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One assertion: what was asked and expected, what came, and why if that is not the same."""

    test: str
    kind: Literal["check", "list_objects", "list_users"]
    line: int
    user: str
    """Who was asked about; the kinds of users that a listing of users asks for."""
    relation: str
    target: str
    """The object of a check or a listing of users, the type of a listing of objects."""
    expected: bool | tuple[str, ...]
    got: bool | tuple[str, ...] | None
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether it came as expected."""
        return not self.why


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes of a file, in its order."""

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> int:
        """How many assertions did not come as expected."""
        return sum(not outcome.ok for outcome in self.outcomes)


def run_store_file(path: Path) -> Report:
    """Run every test of a file. What it names must lie in its folder or below.

    Raises StoreFileRefused for a file or tuple that is not of the format, ModelError for its model,
    OSError.
    """
    folder = path.parent
    text = read_text(path, None, limit=MAX_BYTES)
    given = parse_store_file(text, path.name)
    model = _model(given, path)
    shared = [*given.tuples]
    for name in given.tuple_files:
        shared += read_tuples(folder / name, folder)
    outcomes: list[Outcome] = []
    for test in given.tests:
        own = [*test.tuples]
        if test.tuple_file:
            own += read_tuples(folder / test.tuple_file, folder)
        store = MemoryTuples(_admitted(model, [*shared, *own]))
        for outcome in _outcomes(model, store, test):
            outcomes.append(outcome)
            if len(outcomes) > MAX_ASSERTIONS:
                raise _too_many(f"more than {MAX_ASSERTIONS} assertions", path.name)
    return Report(given.name or path.name, tuple(outcomes))


def _model(given: StoreFile, path: Path) -> Model:
    if given.model:
        return load_text(given.model, f"{path.name} (model)").model
    return load_model(path.parent / given.model_file, within=path.parent).model


def _admitted(model: Model, tuples: list[GivenTuple]) -> Iterable[NewTuple]:
    """Check tuples as a write does; one that is there twice counts once."""
    if len(tuples) > MAX_TUPLES:
        raise _too_many(f"more than {MAX_TUPLES} tuples", tuples[0].source)
    found: dict[TupleKey, NewTuple] = {}
    problems: list[Problem] = []
    for given in tuples:
        try:
            new = admit(model, given.tuple)
        except InvalidTuple as error:
            problems.append(given.problem(str(error)))
            continue
        if found.setdefault(new.key, new) != new:
            problems.append(given.problem(f"{new.key} is there twice, with another condition"))
    if problems:
        raise StoreFileRefused(*problems)
    return found.values()


def _outcomes(model: Model, store: MemoryTuples, test: StoreTest) -> Iterator[Outcome]:
    for asked in test.checks:
        for user in asked.users:
            for object_ in asked.objects:
                for relation, expected in asked.assertions.items():
                    query = Query(user, relation, object_, asked.context)
                    yield _checked(model, store, test.name, asked, query, expected=expected)
    for listing in test.listings:
        for relation, names in listing.assertions.items():
            yield _listed(model, store, test.name, listing, relation, names)

    for holders in test.holders:
        for relation, names in holders.assertions.items():
            yield _held(model, store, test.name, holders, relation, names)


def _checked(
    model: Model, store: MemoryTuples, test: str, asked: CheckTest, query: Query, *, expected: bool
) -> Outcome:
    got: bool | None = None
    try:
        got = check(model, store, query)
        why = "" if got is expected else _why(model, query, held=got)
    except CheckError as error:
        why = f"it could not be answered: {error}"
    return Outcome(
        test, "check", asked.line, query.user, query.relation, query.object, expected, got, why
    )


def _why(model: Model, query: Query, *, held: bool) -> str:
    user, object_type = parse_user(query.user), query.object.partition(":")[0]
    if held:
        return "tuples of this test, or of the file, lead to it"
    if (user.type, user.relation) not in model.relation(object_type, query.relation).reach:
        kind = f"{user.type}#{user.relation}" if user.relation else user.type
        return f"the model lets no '{kind}' hold '{query.relation}' of a '{object_type}'"
    return "no tuples lead to it, or their conditions do not hold in this context"


def _listed(
    model: Model,
    store: MemoryTuples,
    test: str,
    asked: ListObjectsTest,
    relation: str,
    expected: tuple[str, ...],
) -> Outcome:
    got: tuple[str, ...] | None = None
    context: Mapping[str, Any] | None = asked.context
    try:
        listing = list_objects(model, store, asked.user, relation, asked.type, context=context)
        got, why = listing.objects, _difference(expected, listing.objects)
        if listing.truncated:
            why = f"there are more than {MAX_LISTED} objects: the list is not whole"
    except CheckError as error:
        why = f"it could not be answered: {error}"
    return Outcome(
        test, "list_objects", asked.line, asked.user, relation, asked.type, expected, got, why
    )


def _held(
    model: Model,
    store: MemoryTuples,
    test: str,
    asked: ListUsersTest,
    relation: str,
    expected: tuple[str, ...],
) -> Outcome:
    got: tuple[str, ...] | None = None
    kinds = ", ".join(f"{kind}#{name}" if name else kind for kind, name in asked.kinds)
    filters = [UserFilter(kind, name) for kind, name in asked.kinds]
    try:
        found = list_users(model, store, asked.object, relation, filters, context=asked.context)
        got = tuple(map(str, found.users))
        why = _difference(expected, got)
        if found.truncated:
            why = f"there are more than {MAX_LISTED} users: the list is not whole"
    except CheckError as error:
        why = f"it could not be answered: {error}"
    return Outcome(
        test, "list_users", asked.line, kinds, relation, asked.object, expected, got, why
    )


def _difference(expected: tuple[str, ...], got: tuple[str, ...]) -> str:
    missing, more = sorted({*expected} - {*got}), sorted({*got} - {*expected})
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"not expected: {', '.join(more)}"] if more else []
    return "; ".join(parts)


def _too_many(message: str, source: str) -> StoreFileRefused:
    return StoreFileRefused(Problem("too-large", message, 0, 0, source))
