"""What somebody with the database but without the signing key can do to the audit trail.

Works on copies: `python forge.py edit|rehash|cut COPY ROW`. Runs beside the server's code, as such
a person would.
"""

import sqlite3
import sys

from server.domain.audit_trail import Head, TrailRow
from server.signals.audit_chain import FIRST, body, next_seal
from server.storage.sqlite_file import SqliteTx
from server.storage.audit_seal import SqlAuditTrail

MOST = 100_000


def edit(copy: sqlite3.Connection, row: int) -> None:
    """Turn a refusal into a success."""
    copy.execute("UPDATE audit SET outcome = 'done', reason = NULL WHERE seal_seq = ?", (row,))


def rehash(copy: sqlite3.Connection, row: int) -> None:
    """Edit, then make every seal from there on again: the chain fits, the signed heads do not."""
    edit(copy, row)
    rows, _ = _read(copy)
    seal = FIRST
    for each in rows:
        seq = each.seal_seq or 0
        seal = next_seal(seal, body(each, seq))
        copy.execute("UPDATE audit SET seal = ? WHERE seal_seq = ?", (seal, seq))


def cut(copy: sqlite3.Connection, row: int) -> None:
    """Remove a row and all after it, up to the batch that ends before it, and their heads."""
    _, heads = _read(copy)
    last = max((head.seal_seq for head in heads if head.seal_seq < row), default=0)
    copy.execute("DELETE FROM audit WHERE seal_seq > ? OR seal_seq IS NULL", (last,))
    copy.execute("DELETE FROM audit_head WHERE seal_seq > ?", (last,))
    print(last + 1)


def _read(copy: sqlite3.Connection) -> tuple[list[TrailRow], list[Head]]:
    return SqlAuditTrail().page(SqliteTx(copy), 0, MOST)


def main() -> None:
    """Do one of them."""
    deed, path, row = sys.argv[1:]
    with sqlite3.connect(path) as copy:
        {"edit": edit, "rehash": rehash, "cut": cut}[deed](copy, int(row))


if __name__ == "__main__":
    main()
