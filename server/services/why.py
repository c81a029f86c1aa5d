"""Why the graph answers as it does. It tells what exists: for administrators and operators only."""

from dataclasses import dataclass

from authz.engine.conditions import Context
from authz.relations import CheckError, Explanation, Query
from authz.tx import Tx
from server.domain.core import Core
from server.identity.addresses import email_key


@dataclass(frozen=True, slots=True)
class Unasked:
    """The question does not fit the model, or names nobody; `why` says it in a sentence."""

    why: str


async def why(
    core: Core, user: str, relation: str, object: str, context: Context | None = None
) -> Explanation | Unasked:
    """Explain the answer as the graph stands now.

    `user` is one of the graph (`user:usr_…`, `agent:agt_…`), or a person's address or id.
    """

    def work(tx: Tx) -> Explanation | Unasked:
        asked = subject(core, tx, user)
        if asked is None:
            return Unasked("there is nobody with this address or id")
        try:
            return core.relations.explain(tx, Query(asked, relation, object, context))
        except CheckError as error:
            return Unasked(str(error))

    return await core.store.read(work)


def subject(core: Core, tx: Tx, who: str) -> str | None:
    """Name a user of the graph: one already (`group:1#member`), or a person's address or id."""
    if ":" in who:
        return who
    users = core.rows.users
    found = users.get(tx, who) or users.by_email(tx, email_key(who))
    return None if found is None else f"user:{found.id}"
