"""What every use case stands on, handed over whole instead of piece by piece."""

from dataclasses import dataclass

from authz.clock import Clock
from authz.graph import Graph
from authz.relations import Relations
from server.domain.entropy import Entropy
from server.domain.marks import TokenMarks
from server.domain.policy import Policy
from server.domain.ports import Repositories
from server.domain.snapshot import Snapshot
from server.domain.unit import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Policy, time, chance, the database with its repositories and caches, and the graph.

    `relations` writes and shows tuples inside a transaction; `graph` answers what they mean.
    """

    policy: Policy
    clock: Clock
    entropy: Entropy
    store: Store
    rows: Repositories
    snapshot: Snapshot
    relations: Relations
    graph: Graph
    marks: TokenMarks
