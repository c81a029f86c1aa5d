"""Questions to a scene: a batch of checks, each with tuples of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from authz.calls.scene import Scene
from authz.engine.contextual import check_many_over
from authz.engine.limits import MAX_BATCH_TUPLES
from authz.engine.query import Query
from authz.errors import AuthzError
from authz.model.subject import RelationTuple
from authz.stores.metered import Metered

Answer: TypeAlias = bool | AuthzError


@dataclass(frozen=True, slots=True)
class Item:
    """One check of a batch, with the tuples that count for it."""

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
    for places in groups.values():
        queries = [items[place].query for place in places]
        own = items[places[0]].contextual
        verdicts = check_many_over(scene.model, store, queries, own)
        answers.update(zip(places, verdicts, strict=True))
    return [answers[place] for place in range(len(items))]
