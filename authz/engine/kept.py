"""Checks that may have been answered before, at the same revision of the store."""

from collections.abc import Sequence

from authz.engine.check import check_many
from authz.engine.query import Query, Verdict
from authz.model.compiled import Model
from authz.stores.protocol import TupleReader
from authz.stores.verdicts import VerdictsAt


def check_many_kept(
    model: Model, store: TupleReader, queries: Sequence[Query], verdicts: VerdictsAt
) -> list[Verdict]:
    """Answer as `check_many`; what is new and has no context is kept in `verdicts`.

    `store` and `verdicts` stand at the same revision, in a transaction that cannot write.
    """
    answers: list[Verdict | None] = [
        None if query.context else verdicts.find(query.user, query.relation, query.object)
        for query in queries
    ]
    new = [place for place, answer in enumerate(answers) if answer is None]
    if new:
        found = check_many(model, store, [queries[place] for place in new])
        for place, answer in zip(new, found, strict=True):
            query = queries[place]
            answers[place] = answer
            if isinstance(answer, bool) and not query.context:
                verdicts.keep(query.user, query.relation, query.object, holds=answer)
    return [answer for answer in answers if answer is not None]
