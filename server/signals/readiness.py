"""Whether this process can do its work now: asked by load balancers, told in one word."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from enum import StrEnum

from authz.tx import Tx
from server.domain.unit import Store, UnavailableError, Unit


class State(StrEnum):
    """The answer; all but `READY` and `GRAPH` are a reason to send requests elsewhere.

    `GRAPH`: the remote engine does not answer, so that decisions deny. Sign-in and above all
    revoking go on, and another worker would be no better off.
    """

    READY = "ready"
    DATABASE = "database"
    SCHEMA = "schema"
    KEY = "key"
    WRITER = "writer"
    GRAPH = "graph"

    @property
    def serves(self) -> bool:
        """Whether requests should come here."""
        return self in (State.READY, State.GRAPH)


class Readiness:
    """Asks the database, the schema, the keys and the writer. Concurrent askers share an answer."""

    def __init__(
        self,
        store: Store,
        *,
        applied: Callable[[Tx], Collection[str]],
        wanted: Collection[str],
        can_sign: Callable[[], bool],
        graph_answers: Callable[[], Awaitable[bool]],
    ) -> None:
        """Compare the `applied` migrations with those `wanted`; `can_sign`: an active key is."""
        self._store = store
        self._applied = applied
        self._wanted = frozenset(wanted)
        self._can_sign = can_sign
        self._graph_answers = graph_answers
        self._asking: asyncio.Task[State] | None = None

    async def check(self) -> State:
        """Return the state of this moment; never raises."""
        if self._asking is None:
            # One probe at a time: whoever floods this costs one unit, not one each.
            self._asking = asyncio.ensure_future(self._check())
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def _asked(self, _: object) -> None:
        self._asking = None

    async def _check(self) -> State:
        try:
            applied = await self._store.read(self._applied)
            await self._store.revision()
        except Exception:  # noqa: BLE001 - whatever it is, the database does not serve us
            return State.DATABASE
        if frozenset(applied) != self._wanted:
            return State.SCHEMA
        try:
            if not self._can_sign():
                return State.KEY
        except UnavailableError:
            return State.KEY
        try:
            await self._store.write(_nothing)
        except UnavailableError:
            return State.WRITER
        return State.READY if await self._graph_answers() else State.GRAPH


def _nothing(tx: Unit) -> None:
    """Take the writer and its lock, and change nothing: no page is written."""
