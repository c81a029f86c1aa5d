"""What somebody with the database but without the signing key can do to the audit trail.

`python forge.py ROW edit=COPY rehash=COPY cut=COPY` forges copies, with the server's own code, as
such a person would, and prints for each the row at which `mandate audit verify` must stop.
"""

import json
import sqlite3
import sys

from server.domain.audit_trail import Head, TrailRow
from server.signals.audit_chain import FIRST, body, next_seal
from server.storage.audit_seal import SqlAuditTrail
from server.storage.sqlite_file import SqliteTx

MOST = 100_000


def edit(copy: sqlite3.Connection, row: int) -> int:
    """Turn a refusal into a success."""
    copy.execute("UPDATE audit SET outcome = 'done', reason = NULL WHERE seal_seq = ?", (row,))
    return row


def rehash(copy: sqlite3.Connection, row: int) -> int:
    """Edit, then make every seal again: the chain fits, the signed heads do not."""
    edit(copy, row)
    rows, _ = _read(copy)
    seal = FIRST
    for each in rows:
        seq = each.seal_seq or 0
        seal = next_seal(seal, body(each, seq))
        copy.execute("UPDATE audit SET seal = ? WHERE seal_seq = ?", (seal, seq))
    return row


def cut(copy: sqlite3.Connection, row: int) -> int:
    """Remove the batch of a row and all after it, with their heads."""
    _, heads = _read(copy)
    last = max((head.seal_seq for head in heads if head.seal_seq < row), default=0)
    copy.execute("DELETE FROM audit WHERE seal_seq > ? OR seal_seq IS NULL", (last,))
    copy.execute("DELETE FROM audit_head WHERE seal_seq > ?", (last,))
    return last + 1


def _read(copy: sqlite3.Connection) -> tuple[list[TrailRow], list[Head]]:
    return SqlAuditTrail().page(SqliteTx(copy), 0, MOST)


DEEDS = {"edit": edit, "rehash": rehash, "cut": cut}


def main() -> None:
    """Forge each copy that is named."""
    row, *given = sys.argv[1:]
    bad = {}
    for each in given:
        deed, _, path = each.partition("=")
        with sqlite3.connect(path) as copy:
            bad[deed] = DEEDS[deed](copy, int(row))
        copy.close()
    print(json.dumps(bad))


if __name__ == "__main__":
    main()
