"""Checks of a scene, each with tuples of its own: one, or a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from authz.calls.scene import Scene
from authz.engine.check import check_many
from authz.engine.contextual import check_many_over, check_over
from authz.engine.kept import check_many_kept
from authz.engine.limits import MAX_BATCH_TUPLES
from authz.engine.query import Query
from authz.errors import AuthzError
from authz.model.subject import RelationTuple
from authz.stores.metered import Metered
from authz.stores.protocol import TupleReader

Answer: TypeAlias = bool | AuthzError


@dataclass(frozen=True, slots=True)
class Item:
    """One check, with the tuples that count for it."""

    query: Query
    contextual: tuple[RelationTuple, ...] = ()


def check_batch(scene: Scene, items: Sequence[Item]) -> list[Answer]:
    """Answer each item in its place; an error is its own item's answer alone.

    Items with the same tuples of their own are read together. All of them share one budget of
    reads: what a batch cannot afford is refused (2002), so that it costs what a few checks may.
    """
    answers: dict[int, Answer] = {}
    groups: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        groups.setdefault(repr(item.contextual), []).append(place)
    store = Metered(scene.tuples, MAX_BATCH_TUPLES)
    plain = groups.pop("()", [])
    found = _plain(scene, store, [items[place].query for place in plain])
    answers.update(zip(plain, found, strict=True))
    for places in groups.values():
        queries = [items[place].query for place in places]
        own = items[places[0]].contextual
        verdicts = check_many_over(scene.model, store, queries, own)
        answers.update(zip(places, verdicts, strict=True))
    return [answers[place] for place in range(len(items))]


def check_one(scene: Scene, item: Item) -> bool:
    """Answer one item. Raises CheckError, and InvalidTuple (2027) for a tuple of its own."""
    if item.contextual:
        return check_over(scene.model, scene.tuples, item.query, item.contextual)
    (answer,) = _plain(scene, scene.tuples, [item.query])
    if isinstance(answer, AuthzError):
        raise answer
    return answer


def _plain(scene: Scene, store: TupleReader, queries: Sequence[Query]) -> Sequence[Answer]:
    if scene.verdicts is None:
        return check_many(scene.model, store, queries)
    return check_many_kept(scene.model, store, queries, scene.verdicts)
