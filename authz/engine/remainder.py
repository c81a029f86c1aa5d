"""What is left to check of an object that a listing found to hold the base of a `but not`.

The search of a listing proves a base that is made of unions alone. Then only the subtracted
relation is asked, and not the whole again.
"""

from collections.abc import Iterator

from authz.engine.plans import MAX_PLANS
from authz.model.compiled import Model
from authz.model.reach import UserKey
from authz.model.schema import Computed, Direct, Exclusion, TupleToUserset, leaves


def subtracted(model: Model, object_type: str, relation: str) -> str:
    """Return the relation that must not be held beside a base that is proved, or an empty text.

    Empty too where tuples could run in a circle below it: a circle below `but not` denies, and
    only a check of the whole minds that. (So the relation itself, which its own userset always
    holds, is not below what is subtracted.)
    """
    key = ("subtracted", object_type, relation)
    found: str | None = model.plans.get(key)
    if found is None:
        if len(model.plans) >= MAX_PLANS:
            model.plans.clear()
        found = model.plans[key] = _subtracted(model, object_type, relation)
    return found


def _subtracted(model: Model, object_type: str, relation: str) -> str:
    match model.types[object_type][relation].rewrite:
        case Exclusion(Computed(base), Computed(name)) if model.types[object_type][base].pure:
            return "" if _circles(model, (object_type, name), set(), set()) else name
    return ""


def _circles(model: Model, key: UserKey, path: set[UserKey], done: set[UserKey]) -> bool:
    """Whether what leads to a relation can lead back to itself."""
    if key in path or key in done:
        return key in path
    path.add(key)
    found = any(_circles(model, below, path, done) for below in _below(model, key))
    path.discard(key)
    done.add(key)
    return found


def _below(model: Model, key: UserKey) -> Iterator[UserKey]:
    relations = model.types[key[0]]
    relation = relations[key[1]]
    for leaf in leaves(relation.rewrite):
        if isinstance(leaf, Computed):
            yield (key[0], leaf.relation)
        elif isinstance(leaf, Direct):
            yield from ((r.type, r.relation) for r in relation.restrictions if r.relation)
        elif isinstance(leaf, TupleToUserset):
            for restriction in relations[leaf.tupleset].restrictions:
                if leaf.computed in model.types[restriction.type]:
                    yield (restriction.type, leaf.computed)
