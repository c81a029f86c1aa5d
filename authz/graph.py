"""Who answers questions about the graph: the engine on our own database, or a server elsewhere.

Questions are asked outside any transaction, since an answer may need the network. Writes are not
here: they commit with the rest of what happens (`authz.relations`), whoever answers.
"""

from collections.abc import Sequence
from typing import Protocol

from authz.engine.limits import MAX_CHECKS_PER_BATCH, MAX_LISTED
from authz.engine.listing import Listing
from authz.engine.query import Query
from authz.errors import CheckError
from authz.relations import Relations
from authz.tx import Database


class GraphUnavailable(Exception):
    """Nobody can answer now. A decision made from it is a denial; the same call may help later."""


class Graph(Protocol):
    """What the product asks of the relationship graph."""

    async def check_many(self, queries: Sequence[Query]) -> list[bool | CheckError]:
        """Answer queries in their order; an error stands for its own query and is a denial.

        At most `MAX_CHECKS_PER_BATCH`. Raises CheckError for all of them, and GraphUnavailable.
        """
        ...

    async def list_objects(self, user: str, relation: str, type: str) -> Listing:
        """List the objects of a type that a user holds; says when it is truncated.

        Raises CheckError and GraphUnavailable.
        """
        ...


class EmbeddedGraph:
    """The engine on the product's own database: one read for each call."""

    def __init__(self, database: Database, relations: Relations) -> None:
        self._database = database
        self._relations = relations

    async def check_many(self, queries: Sequence[Query]) -> list[bool | CheckError]:
        return await self._database.read(lambda tx: self._relations.check_many(tx, queries))

    async def list_objects(self, user: str, relation: str, type: str) -> Listing:
        return await self._database.read(
            lambda tx: self._relations.list_objects(tx, user, relation, type, MAX_LISTED)
        )


async def holding(graph: Graph, queries: Sequence[Query]) -> frozenset[Query]:
    """Return the queries that say yes; an error is no yes. Raises GraphUnavailable."""
    found: set[Query] = set()
    for start in range(0, len(queries), MAX_CHECKS_PER_BATCH):
        part = queries[start : start + MAX_CHECKS_PER_BATCH]
        try:
            answers = await graph.check_many(part)
        except CheckError:
            return frozenset()
        found |= {query for query, yes in zip(part, answers, strict=True) if yes is True}
    return frozenset(found)
