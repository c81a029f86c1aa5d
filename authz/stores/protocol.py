"""What the engine asks of a store of relation tuples; every store passes one contract suite."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

from authz.model.subject import Subject, TupleKey

EdgeRow: TypeAlias = tuple[str, str, str, str, str, str, str]
"""object id, relation, user type, user id, user relation, condition name, condition context.

A plain tuple, since a check reads many. The last three are empty texts when absent; the context
is a JSON text.
"""

HolderRow: TypeAlias = tuple[str, str, str, str, str]
"""object type, object id, relation, condition name, condition context."""


Held: TypeAlias = tuple[str, HolderRow]
"""The id of the user, and what the tuple says."""


class HeldPage(NamedTuple):
    """Tuples of a page of objects, in any order.

    Of the objects behind the one asked from, up to `last` (in the order of code points), all
    tuples are there; without `last`, of all objects.
    """

    rows: list[Held]
    last: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Which tuples of an object a step of a check needs. Built once a model, kept by identity.

    `direct`: relations that the user of the query may hold by a tuple of their own (or by their
    type's wildcard); `usersets`: relations whose usersets matter; `tuplesets`: relations whose
    plain objects matter (`… from parent`).
    """

    object_type: str
    direct: tuple[str, ...]
    usersets: tuple[str, ...]
    tuplesets: tuple[str, ...]
    prepared: dict[str, Any] = field(default_factory=dict)
    """What a store derived from this value, under the store's own key."""


class StoredTuple(NamedTuple):
    """A tuple as `read` returns it."""

    key: TupleKey
    condition: str
    context: str
    inserted_at: int


class NewTuple(NamedTuple):
    """A validated tuple to store; `context` is JSON text, empty without a condition's context."""

    key: TupleKey
    condition: str = ""
    context: str = ""


class Change(NamedTuple):
    """One entry of the changelog: which tuple appeared or went with which revision."""

    revision: int
    deleted: bool
    key: TupleKey
    condition: str
    context: str
    changed_at: int


class Filter(NamedTuple):
    """What `read` and `delete_matching` select; an empty text matches anything.

    A store can search from the object's side or from the user's side, so at least
    `object_type` or `user_type` is given.
    """

    object_type: str = ""
    object_id: str = ""
    relation: str = ""
    user_type: str = ""
    user_id: str = ""
    user_relation: str = ""


class TupleReader(Protocol):
    """The reading half, all that a check, a listing and an expansion need."""

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples of the objects `ids`, in one statement, in any order."""
        ...

    def held(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_types: Sequence[str],
        relations: Sequence[str],
    ) -> list[Held]:
        """Return, with the user's id, what the users `ids` hold by one of `relations`."""
        ...

    def held_behind(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_type: str,
        relations: Sequence[str],
        after: str,
        limit: int,
    ) -> HeldPage:
        """Return the same of one type of object, a page of it behind `after`.

        A page has about `limit` tuples at most, or more where one object alone has more.
        """
        ...

    def holders(
        self,
        object_type: str,
        ids: Sequence[str],
        relations: Sequence[str],
        user_type: str,
        after: str,
        limit: int,
    ) -> list[EdgeRow]:
        """Return the tuples that name plain users (or `*`) of a type, in any order.

        Of the objects `ids` and `relations` together, those of the first `limit` user ids behind
        `after`, in the order of code points, and all of these.
        """
        ...


class TupleStore(TupleReader, Protocol):
    """The tuples of one store, seen through one transaction: its own writes are visible."""

    def revision(self) -> int:
        """Return the number of the last write; 0 before the first."""
        ...

    def write(
        self,
        writes: Sequence[NewTuple],
        deletes: Sequence[TupleKey],
        now: int,
        *,
        ignore_duplicates: bool = False,
        replace_duplicates: bool = False,
        ignore_missing: bool = False,
    ) -> int:
        """Apply deletions, then additions, all or nothing; return the new revision.

        `replace_duplicates`: a tuple that is there with another condition or context is deleted
        and written anew, and the changelog has both steps.

        Raises WriteConflict or ConditionConflict before anything is changed.
        """
        ...

    def delete_matching(self, matching: Filter, now: int) -> int:
        """Delete every tuple that matches; return how many there were."""
        ...

    def read(
        self, matching: Filter, limit: int, after: TupleKey | None = None
    ) -> list[StoredTuple]:
        """Return matching tuples in key order, from behind `after`."""
        ...

    def changes(self, after: int, limit: int) -> list[Change]:
        """Return changes of revisions behind `after`, oldest first, at most `limit`.

        As many as `limit` may end inside a revision: who goes on by revision would miss the rest.
        """
        ...
