"""Where documents and folders lie: one SQLite file, and nothing about who may see them."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcp.server.mcpserver.exceptions import ToolError

Tuple = tuple[str, str, str]

SCHEMA = """
CREATE TABLE IF NOT EXISTS folder (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, parent TEXT REFERENCES folder);
CREATE TABLE IF NOT EXISTS document (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, content TEXT NOT NULL,
    folder TEXT NOT NULL REFERENCES folder);
CREATE TABLE IF NOT EXISTS written (
    -- The tuples that we wrote for an object, so that they go when it goes.
    object TEXT NOT NULL, user TEXT NOT NULL, relation TEXT NOT NULL,
    PRIMARY KEY (object, user, relation));
"""


class Shelves:
    """Stored folders and documents. Whoever calls has been allowed to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.executescript(SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path)
        try:
            database.execute("PRAGMA foreign_keys = ON")
            with database:
                yield database
        finally:
            database.close()

    @staticmethod
    def new_id(kind: str) -> str:
        """Make an id that was never used, so that no old tuple fits a new object."""
        return f"{kind}_{os.urandom(10).hex()}"

    def add_folder(self, id: str, name: str, parent: str | None, tuples: list[Tuple]) -> None:
        with self._open() as database:
            database.execute("INSERT INTO folder VALUES (?, ?, ?)", (id, name, parent))
            _remember(database, tuples)

    def add_document(
        self, id: str, title: str, content: str, folder: str, tuples: list[Tuple]
    ) -> None:
        with self._open() as database:
            database.execute(
                "INSERT INTO document VALUES (?, ?, ?, ?)", (id, title, content, folder)
            )
            _remember(database, tuples)

    def content(self, document: str) -> str:
        return self._one("SELECT content FROM document WHERE id = ?", document)

    def folder_of(self, document: str) -> str:
        return self._one("SELECT folder FROM document WHERE id = ?", document)

    def listing(self, folder: str) -> dict[str, list[dict[str, str]]]:
        with self._open() as database:
            folders = database.execute(
                "SELECT id, name FROM folder WHERE parent = ? ORDER BY name, id", (folder,)
            ).fetchall()
            documents = database.execute(
                "SELECT id, title FROM document WHERE folder = ? ORDER BY title, id", (folder,)
            ).fetchall()
        return {
            "folders": [{"folder_id": key, "name": name} for key, name in folders],
            "documents": [{"document_id": key, "title": title} for key, title in documents],
        }

    def move(self, document: str, folder: str, new: Tuple, gone: Tuple) -> None:
        with self._open() as database:
            database.execute("UPDATE document SET folder = ? WHERE id = ?", (folder, document))
            _forget(database, gone)
            _remember(database, [new])

    def remember(self, tuples: list[Tuple]) -> None:
        """Keep in mind what was written for an object."""
        with self._open() as database:
            _remember(database, tuples)

    def delete_document(self, document: str) -> list[Tuple]:
        """Delete a document; return the tuples that were written for it."""
        item = f"document:{document}"
        with self._open() as database:
            database.execute("DELETE FROM document WHERE id = ?", (document,))
            rows = database.execute(
                "DELETE FROM written WHERE object = ? RETURNING user, relation, object", (item,)
            ).fetchall()
        return [(user, relation, item) for user, relation, _ in rows]

    def _one(self, statement: str, id: str) -> str:
        with self._open() as database:
            row = database.execute(statement, (id,)).fetchone()
        if row is None:
            # The words of the guard: what is gone and what is forbidden read alike.
            raise ToolError(
                "object_denied: there is no such object, or it is outside what was granted"
            )
        return str(row[0])


def _remember(database: sqlite3.Connection, tuples: list[Tuple]) -> None:
    rows = [(item, user, relation) for user, relation, item in tuples]
    database.executemany("INSERT OR IGNORE INTO written VALUES (?, ?, ?)", rows)


def _forget(database: sqlite3.Connection, gone: Tuple) -> None:
    user, relation, item = gone
    database.execute(
        "DELETE FROM written WHERE object = ? AND user = ? AND relation = ?",
        (item, user, relation),
    )
