"""Questions to a scene: one check, a batch with tuples of its own for each check, an assertion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from authz.calls.scene import Scene
from authz.engine.check import check_many
from authz.engine.contextual import check_over
from authz.engine.query import Query
from authz.errors import AuthzError
from authz.model.subject import RelationTuple

Answer: TypeAlias = bool | AuthzError


@dataclass(frozen=True, slots=True)
class Item:
    """One check of a batch, with the tuples that count for it alone."""

    query: Query
    contextual: tuple[RelationTuple, ...] = ()


def check_batch(scene: Scene, items: Sequence[Item]) -> list[Answer]:
    """Answer each item in its place; an error is its own item's answer alone."""
    answers: dict[int, Answer] = {}
    plain = [place for place, item in enumerate(items) if not item.contextual]
    # What has no tuples of its own is read together.
    verdicts = check_many(scene.model, scene.tuples, [items[place].query for place in plain])
    answers.update(zip(plain, verdicts, strict=True))
    for place, item in enumerate(items):
        if item.contextual:
            answers[place] = _alone(scene, item)
    return [answers[place] for place in range(len(items))]


def _alone(scene: Scene, item: Item) -> Answer:
    try:
        return check_over(scene.model, scene.tuples, item.query, item.contextual)
    except AuthzError as error:
        return error
