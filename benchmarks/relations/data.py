"""A house of documents: folders four deep, groups of groups, owners, and people who are blocked.

Beside it are teams that lead to each other both ways: members of a team, and of the team above.
"""

import random
from collections.abc import Iterator

from authz.model.compiled import Model
from authz.model.subject import parse_key
from authz.relations import Query
from authz.stores.protocol import NewTuple
from authz.stores.sql import SqlTuples
from server.storage.store import OpenStore

MODEL = Model.from_dsl("""model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type team
  relations
    define parent: [team]
    define member: [user, team#member] or member from parent
type document
  relations
    define parent: [folder]
    define owner: [user]
    define blocked: [user]
    define viewer: [user, group#member] or owner or viewer from parent
    define can_read: viewer but not blocked
""")
Tuple = tuple[str, str, str]
_AT_ONCE = 5_000


class House:
    """`documents` documents and what belongs to them: about two tuples for each."""

    def __init__(self, documents: int) -> None:
        self.documents = documents
        self.users = max(20, documents // 25)
        self.folders = max(4, documents // 10)
        self.teams = max(12, documents // 25)

    def tuples(self) -> list[Tuple]:
        """Return each tuple once."""
        return list(dict.fromkeys(self._tuples()))

    def _tuples(self) -> Iterator[Tuple]:
        top, upper, lower = (max(2, self.folders // n) for n in (500, 50, 5))
        for n in range(upper):
            yield f"folder:a{n % top}", "parent", f"folder:b{n}"
        for n in range(lower):
            yield f"folder:b{n % upper}", "parent", f"folder:c{n}"
        for n in range(self.folders):
            yield f"folder:c{n % lower}", "parent", f"folder:d{n}"
        for n in range(self.documents):
            yield f"folder:d{n % self.folders}", "parent", f"document:{n}"
        teams = max(4, self.users // 10)
        for n in range(teams):
            yield f"group:t{n}#member", "member", f"group:d{n % 40}"
        for n in range(40):
            yield f"group:d{n}#member", "member", f"group:v{n % 4}"
        for n in range(self.users):
            yield f"user:{n}", "member", f"group:t{n % teams}"
            yield f"user:{n}", "member", f"group:t{(n * 7 + 3) % teams}"
        for n in range(top):
            yield f"group:{'v' if n < 2 else 'd'}{n % 4}#member", "viewer", f"folder:a{n}"
        for n in range(lower):
            yield f"group:t{n % teams}#member", "viewer", f"folder:c{n}"
        for n in range(self.documents * 6 // 10):
            yield f"user:{n * 13 % self.users}", "owner", f"document:{n}"
        for n in range(self.documents // 10):
            yield f"user:{n * 17 % self.users}", "blocked", f"document:{n * 10}"

        yield from self._teams()

    def _teams(self) -> Iterator[Tuple]:
        """Twelve below each; the members of every third are members of one beside it."""
        for n in range(self.teams):
            if n:
                yield f"team:{(n - 1) // 12}", "parent", f"team:{n}"
            if n % 3 == 0:
                yield f"team:{n}#member", "member", f"team:{(n + 1) % self.teams}"
            yield f"user:{n * 11 % self.users}", "member", f"team:{n}"

    def questions(self, relation: str, count: int, seed: int) -> list[Query]:
        """Return questions of which some are answered by yes and most by no."""
        rnd = random.Random(seed)
        kind, many = ("team", self.teams) if relation == "member" else ("document", self.documents)
        return [
            Query(f"user:{rnd.randrange(self.users)}", relation, f"{kind}:{rnd.randrange(many)}")
            for _ in range(count)
        ]


async def fill(store: OpenStore, name: str, tuples: list[Tuple]) -> None:
    """Write tuples in large units, past the API's limit of a hundred."""
    for start in range(0, len(tuples), _AT_ONCE):
        new = [NewTuple(parse_key(*each)) for each in tuples[start : start + _AT_ONCE]]
        await store.write(lambda tx, new=new: SqlTuples(tx, name).write(new, [], 1))  # type: ignore[misc]
