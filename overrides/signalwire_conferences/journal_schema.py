"""The tables of the journal, and how those of earlier versions become them."""

from __future__ import annotations

import sqlite3
from collections import Counter

from .hosts import canonical_host

__all__ = ["NewerError", "is_current", "prepare"]

_APPLICATION_ID = 0x53574346  # marks the file as ours
_FIRST_SCHEMA = (  # as 0.1.0 made them
    """
    CREATE TABLE IF NOT EXISTS entries (
        entry INTEGER PRIMARY KEY AUTOINCREMENT,
        host TEXT NOT NULL,
        conference_id TEXT NOT NULL,
        recorded_at TEXT NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        outcome TEXT NOT NULL DEFAULT 'unknown'
    )
    """,
    "CREATE INDEX IF NOT EXISTS by_age ON entries (recorded_at)",
    "CREATE INDEX IF NOT EXISTS by_conference ON entries (host, conference_id, entry)",
)


class NewerError(sqlite3.DatabaseError):
    """The file was made by a later version of this package."""


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an earlier version up to date, in the transaction under way.

    Raises:
        NewerError: the file is of a later version.
        sqlite3.DatabaseError: it is of something else.
    """
    [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    mark, version = _marks(connection)
    if mark != _APPLICATION_ID and (tables or mark or version):
        raise sqlite3.DatabaseError("it is the database of something else")
    if version > len(_UPGRADES):
        raise NewerError(f"it is of version {version}, and this package knows up to version {len(_UPGRADES)}")
    if is_current(connection):
        return
    for statement in _FIRST_SCHEMA:
        connection.execute(statement)
    for upgrade in _UPGRADES[version:]:
        upgrade(connection)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(_UPGRADES)}")


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the tables are those of this version."""
    return _marks(connection) == (_APPLICATION_ID, len(_UPGRADES))


def _marks(connection: sqlite3.Connection) -> tuple[int, int]:
    [mark] = connection.execute("PRAGMA application_id").fetchone()
    [version] = connection.execute("PRAGMA user_version").fetchone()
    return mark, version


def _number_entries(connection: sqlite3.Connection) -> None:
    """What it takes to prune each host by itself, and one spelling of each."""
    for statement in (
        "ALTER TABLE entries ADD COLUMN number INTEGER",  # counts the entries of a host
        "ALTER TABLE entries ADD COLUMN jumped INTEGER NOT NULL DEFAULT 0",  # as in `_LAST_JUMP`
        "ALTER TABLE entries ADD COLUMN opening TEXT NOT NULL DEFAULT ''",  # whose connection wrote it
        "ALTER TABLE entries ADD COLUMN masked TEXT NOT NULL DEFAULT '[]'",
        "DROP INDEX by_age",
    ):
        connection.execute(statement)
    numbers = Counter[str]()
    for entry, host in connection.execute("SELECT entry, host FROM entries ORDER BY entry").fetchall():
        name = canonical_host(host)
        numbers[name] += 1
        connection.execute("UPDATE entries SET host = ?, number = ? WHERE entry = ?", (name, numbers[name], entry))
    for statement in (
        "CREATE INDEX by_age ON entries (host, recorded_at, number)",
        "CREATE INDEX by_number ON entries (host, number)",
        "CREATE INDEX by_jump ON entries (host, number) WHERE jumped",
    ):
        connection.execute(statement)


_UPGRADES = (_number_entries,)  # from version 0, which is 0.1.0, to 1, and so on
