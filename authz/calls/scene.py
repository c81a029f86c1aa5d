"""What one call asks of: a store that exists, a model of it, and the tuples that count now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from authz.calls.refusals import BehindToken, StoreNotFound
from authz.clock import Clock
from authz.engine.contextual import over
from authz.errors import ModelNotFound
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.stores.cached import AnswersOfStores, CachedTuples
from authz.stores.models import CompiledModels, StoredModels
from authz.stores.named import Standing, standing, standing_unnamed
from authz.stores.protocol import TupleReader
from authz.stores.sql import SqlTuples
from authz.stores.verdicts import VerdictsAt
from authz.tx import Tx

MAX_COMPILED = 64
"""Models of all stores that a process keeps ready."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What calls take from outside: time, randomness, and what is ready from calls before."""

    clock: Clock
    random_bytes: Callable[[int], bytes]
    models: CompiledModels = field(default_factory=lambda: CompiledModels(MAX_COMPILED))
    answers: AnswersOfStores = field(default_factory=AnswersOfStores)


@dataclass(frozen=True, slots=True)
class Where:
    """Which store a call is about, and how fresh its answer must be.

    Without `model` it is the model in force; `at_least` is a revision that the caller has seen.
    A store that is not `named` was not made by `create_store`: it belongs to who calls.
    """

    store: str
    model: str = ""
    at_least: int = 0
    named: bool = True


@dataclass(frozen=True, slots=True)
class Scene:
    """A store, a model and the tuples to ask, the request's own included."""

    store: str
    model: Model
    model_id: str
    revision: int
    tuples: TupleReader
    verdicts: VerdictsAt | None = None
    """Checks answered at this revision; none where a tuple of the request or of a write counts."""


def stand(tx: Tx, where: Where) -> Standing:
    """Return where a store stands. Raises StoreNotFound and BehindToken."""
    find = standing if where.named else standing_unnamed
    found = find(tx, where.store)
    if found is None:
        raise StoreNotFound("Store ID not found")
    # On one database every read is fresh; a token from the future is of a database that is gone.
    if found.revision < where.at_least:
        raise BehindToken("this database is behind the consistency token: was it restored?")
    return found


def enter(
    tx: Tx, setting: Setting, where: Where, contextual: Sequence[RelationTuple] = ()
) -> Scene:
    """Return what a call works on.

    Raises StoreNotFound, BehindToken, UnknownModel (2001), ModelNotFound (2020), and InvalidTuple
    (2027) for a contextual tuple that could not be written.
    """
    found = stand(tx, where)
    model_id = where.model or found.model_id
    if not model_id:
        raise ModelNotFound(f"No authorization models found for store '{where.store}'")
    model = StoredModels(where.store, setting.models).get(tx, model_id)
    source = SqlTuples(tx, where.store)
    if not tx.read_only:
        tuples = over(model, source, contextual)
        return Scene(where.store, model, model_id, found.revision, tuples)
    answers = setting.answers.of(where.store)
    tuples = over(model, CachedTuples(source, answers, found.revision), contextual)
    verdicts = None if contextual else answers.verdicts.under(found.revision, model_id)
    return Scene(where.store, model, model_id, found.revision, tuples, verdicts)
