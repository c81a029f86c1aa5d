"""A store file as values: the model, the tuples, and what the tests expect of them.

Every field is known or refused, and every refusal says where: a test whose assertion is spelled
wrong must not pass for being empty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from authz.errors import Problem
from authz.model.subject import RelationTuple
from authz.plain_yaml import Document, Path, YamlRefused, load

_FILE = {"name", "model", "model_file", "tuples", "tuple_file", "tuple_files", "tests"}
_TEST = {"name", "description", "tuples", "tuple_file", "check", "list_objects", "list_users"}
_CHECK = {"user", "users", "object", "objects", "context", "assertions"}
_LISTING = {"user", "type", "context", "assertions"}
_USERS = {"object", "user_filter", "context", "assertions"}
_TUPLE = {"user", "relation", "object", "condition"}
_T = TypeVar("_T")


class StoreFileRefused(Exception):
    """A store file or tuple file that is not of its format; `problems` says every reason."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems[:5])))


class NoTuple(Exception):
    """Something that does not spell a tuple; the text says why."""


@dataclass(frozen=True, slots=True)
class GivenTuple:
    """A tuple as written, and where."""

    tuple: RelationTuple
    source: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        """Say what is wrong with it."""
        return Problem("tuple", message, self.line, self.column, self.source)


@dataclass(frozen=True, slots=True)
class CheckTest:
    """Each user on each object must hold, or not hold, each relation."""

    users: tuple[str, ...]
    objects: tuple[str, ...]
    assertions: Mapping[str, bool]
    context: Mapping[str, Any] | None
    line: int


@dataclass(frozen=True, slots=True)
class ListObjectsTest:
    """The objects of a type that a user holds by each relation."""

    user: str
    type: str
    assertions: Mapping[str, tuple[str, ...]]
    context: Mapping[str, Any] | None
    line: int


@dataclass(frozen=True, slots=True)
class ListUsersTest:
    """The users of the given kinds (type, relation) that hold each relation on an object."""

    object: str
    kinds: tuple[tuple[str, str], ...]
    assertions: Mapping[str, tuple[str, ...]]
    context: Mapping[str, Any] | None
    line: int


@dataclass(frozen=True, slots=True)
class StoreTest:
    """Assertions over the file's tuples and some of its own."""

    name: str
    tuples: tuple[GivenTuple, ...]
    tuple_file: str
    checks: tuple[CheckTest, ...]
    listings: tuple[ListObjectsTest, ...]
    holders: tuple[ListUsersTest, ...]


@dataclass(frozen=True, slots=True)
class StoreFile:
    """A whole file; of model and model file one is given."""

    name: str
    model: str
    model_file: str
    tuples: tuple[GivenTuple, ...]
    tuple_files: tuple[str, ...]
    tests: tuple[StoreTest, ...]


def parse_store_file(text: str, source: str) -> StoreFile:
    """Read a store file. Raises StoreFileRefused with every problem."""
    reader = _Reader(_yaml(text, source))
    found = reader.store_file()
    if reader.problems:
        raise StoreFileRefused(*reader.problems)
    return found


def parse_tuples(text: str, source: str) -> tuple[GivenTuple, ...]:
    """Read a YAML list of tuples. Raises StoreFileRefused."""
    reader = _Reader(_yaml(text, source))
    found = reader.tuples(reader.document.value, ())
    if reader.problems:
        raise StoreFileRefused(*reader.problems)
    return found


def tuple_of(fields: object) -> RelationTuple:
    """Return the tuple that a JSON object spells. Raises NoTuple, which says what is wrong."""
    if not isinstance(fields, Mapping):
        raise NoTuple("a tuple is an object with user, relation and object")
    if unknown := set(fields) - _TUPLE:
        raise NoTuple(f"a tuple has no field '{min(map(str, unknown))}'")
    texts = [fields.get(name) for name in ("user", "relation", "object")]
    user, relation, object_ = texts
    if not (isinstance(user, str) and isinstance(relation, str) and isinstance(object_, str)):
        raise NoTuple("a tuple has the texts user, relation and object")
    condition = fields.get("condition")
    if condition is None:
        return RelationTuple(user, relation, object_)
    name = condition.get("name") if isinstance(condition, Mapping) else None
    context = condition.get("context") if isinstance(condition, Mapping) else None
    if not isinstance(name, str) or not name or set(condition) - {"name", "context"}:
        raise NoTuple("a condition has a name, and a context if it needs one")
    if context is not None and not isinstance(context, Mapping):
        raise NoTuple("a condition's context is an object")
    return RelationTuple(user, relation, object_, name, dict(context) if context else None)


def _yaml(text: str, source: str) -> Document:
    try:
        return load(text, source)
    except YamlRefused as error:
        raise StoreFileRefused(error.problem) from None


class _Reader:
    """Reads a document part by part; what is wrong is noted and reading goes on."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def store_file(self) -> StoreFile:
        body = self._fields(self.document.value, (), _FILE)
        model, model_file = self._text(body, (), "model"), self._text(body, (), "model_file")
        if bool(model) == bool(model_file):
            self._wrong((), "give the model as 'model', or its file as 'model_file'")
        tuple_file = self._text(body, (), "tuple_file")
        more = self._texts(body, (), "tuple_files")
        tests = self._each(body, (), "tests", self._test)
        if not tests:
            self._wrong((), "there are no 'tests'")
        return StoreFile(
            self._text(body, (), "name"),
            model,
            model_file,
            self.tuples(body.get("tuples"), ("tuples",)),
            (*((tuple_file,) if tuple_file else ()), *more),
            tests,
        )

    def tuples(self, value: object, path: Path) -> tuple[GivenTuple, ...]:
        found: list[GivenTuple] = []
        if value is None:
            value = []
        if not isinstance(value, list):
            self._wrong(path, "tuples are a list")
            return ()
        for number, fields in enumerate(value):
            place = self.document.place((*path, number))
            try:
                found.append(GivenTuple(tuple_of(fields), self.document.source, *place))
            except NoTuple as error:
                self._wrong((*path, number), str(error))
        return tuple(found)

    def _test(self, value: object, path: Path) -> StoreTest:
        body = self._fields(value, path, _TEST)
        checks = self._each(body, path, "check", self._check)
        listings = self._each(body, path, "list_objects", self._listing)
        holders = self._each(body, path, "list_users", self._holders)
        if not checks and not listings and not holders:
            self._wrong(path, "this test has neither 'check' nor 'list_objects' nor 'list_users'")
        return StoreTest(
            self._text(body, path, "name") or f"test {int(path[-1]) + 1}",
            self.tuples(body.get("tuples"), (*path, "tuples")),
            self._text(body, path, "tuple_file"),
            checks,
            listings,
            holders,
        )

    def _check(self, value: object, path: Path) -> CheckTest:
        body = self._fields(value, path, _CHECK)
        assertions = self._assertions(body, path)
        for relation, expected in assertions.items():
            if not isinstance(expected, bool):
                self._wrong((*path, "assertions", relation), "write true or false")
        return CheckTest(
            self._one_or_many(body, path, "user"),
            self._one_or_many(body, path, "object"),
            assertions,
            self._context(body, path),
            self.document.place(path)[0],
        )

    def _listing(self, value: object, path: Path) -> ListObjectsTest:
        body = self._fields(value, path, _LISTING)
        user, kind = self._text(body, path, "user"), self._text(body, path, "type")
        if not user or not kind:
            self._wrong(path, "give a 'user' and a 'type'")
        assertions = self._assertions(body, path)
        inside = (*path, "assertions")
        expected = {name: self._texts(assertions, inside, name) for name in assertions}
        line = self.document.place(path)[0]
        return ListObjectsTest(user, kind, expected, self._context(body, path), line)

    def _holders(self, value: object, path: Path) -> ListUsersTest:
        body = self._fields(value, path, _USERS)
        if not (object_ := self._text(body, path, "object")):
            self._wrong(path, "give an 'object'")
        kinds = self._each(body, path, "user_filter", self._kind)
        if not kinds:
            self._wrong(path, "give 'user_filter': a list of types, with relations if need be")
        expected: dict[str, tuple[str, ...]] = {}
        for relation, told in self._assertions(body, path).items():
            inside = (*path, "assertions", relation)
            expected[relation] = self._texts(self._fields(told, inside, {"users"}), inside, "users")
        line = self.document.place(path)[0]
        return ListUsersTest(object_, kinds, expected, self._context(body, path), line)

    def _kind(self, value: object, path: Path) -> tuple[str, str]:
        body = self._fields(value, path, {"type", "relation"})
        if not (kind := self._text(body, path, "type")):
            self._wrong(path, "give a 'type'")
        return kind, self._text(body, path, "relation")

    def _one_or_many(self, body: Mapping[str, Any], path: Path, name: str) -> tuple[str, ...]:
        one, many = self._text(body, path, name), self._texts(body, path, f"{name}s")
        if bool(one) == bool(many):
            self._wrong(path, f"give '{name}', or a list of them as '{name}s'")
        return (one,) if one else many

    def _assertions(self, body: Mapping[str, Any], path: Path) -> dict[str, Any]:
        value = body.get("assertions")
        if not isinstance(value, dict) or not value:
            self._wrong((*path, "assertions"), "give 'assertions': what is expected by relation")
            return {}
        return value

    def _context(self, body: Mapping[str, Any], path: Path) -> Mapping[str, Any] | None:
        value = body.get("context")
        if value is not None and not isinstance(value, dict):
            self._wrong((*path, "context"), "a context is an object")
            return None
        return value

    def _each(
        self, body: Mapping[str, Any], path: Path, name: str, read: Callable[[object, Path], _T]
    ) -> tuple[_T, ...]:
        value = body.get(name)
        if value is None:
            value = []
        if not isinstance(value, list):
            self._wrong((*path, name), f"'{name}' is a list")
            return ()
        return tuple(read(item, (*path, name, number)) for number, item in enumerate(value))

    def _fields(self, value: object, path: Path, known: set[str]) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self._wrong(path, "an object is expected here")
            return {}
        for name in value:
            if name not in known:
                self._wrong((*path, name), f"the field '{name}' is unknown")
        return value

    def _text(self, body: Mapping[str, Any], path: Path, name: str) -> str:
        value = body.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong((*path, name), f"'{name}' is a text")
            return ""
        return value

    def _texts(self, body: Mapping[str, Any], path: Path, name: str) -> tuple[str, ...]:
        value = body.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong((*path, name), f"'{name}' is a list of texts")
            return ()
        return tuple(value)

    def _wrong(self, path: Path, message: str) -> None:
        self.problems.append(self.document.problem(message, path))
