"""Before-images in SQLite: one file, several processes, written before the PUT leaves."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from .errors import ConferencesError, closed_client
from .plan import Change, Entry
from .settings import Settings
from .steps import Recall, Record, Settle

_log = logging.getLogger(__name__)

__all__ = ["Journal", "opened"]

_KEPT_DAYS = 90
_KEPT_ENTRIES = 10_000
_APPLICATION_ID = 0x53574346  # marks the file as ours
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    conference_id TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'unknown'
);
CREATE INDEX IF NOT EXISTS by_age ON entries (recorded_at);
CREATE INDEX IF NOT EXISTS by_conference ON entries (host, conference_id, entry);
"""

Outcome = Literal["applied", "not applied", "unknown"]


class Journal:
    """The journal of one host in a SQLite file that others may share.

    Entries older than 90 days, or beyond the last 10,000, are pruned with each new one.

    Args:
        path: the file; made where there is none, and kept for its owner alone.
        host: the space; entries of other hosts are left alone.
        timeout: seconds to wait for another process that writes.

    Raises:
        ConferencesError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: Path, host: str, timeout: float = 30.0) -> None:
        # Whole, so that no later folder changes its meaning, nor SQLite sees one in `:memory:`.
        self._path = path.absolute()
        self._host = host
        self._timeout = timeout
        self._locks: dict[int, threading.Lock] = {}
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        with self._connected(None):
            pass

    @staticmethod
    def required(journal: Journal | None) -> Journal:
        """The journal, if there is one.

        Raises:
            ConferencesError: there is none.
        """
        if journal is None:
            raise ConferencesError(
                "This client has no journal.",
                advice="Build it with journal='conferences.sqlite' to have history and undo.",
            )
        return journal

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    @property
    def _lock(self) -> threading.Lock:
        # One for each process: a fork may copy one that a thread holds which the child does not have.
        return self._locks.setdefault(os.getpid(), threading.Lock())

    def carry_out(self, step: Record | Settle | Recall) -> Any:
        """Put a before-image on disk and return its number, note what came of one, or read."""
        if isinstance(step, Recall):
            return self.history(step.key)
        if isinstance(step, Settle):
            self._settle(step)
            return None
        now = datetime.datetime.now(datetime.UTC)
        oldest = now - datetime.timedelta(days=_KEPT_DAYS)
        with self._connected(step.key) as connection, connection:
            added = connection.execute(
                "INSERT INTO entries (host, conference_id, recorded_at, before, after)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    self._host,
                    step.key,
                    now.isoformat(),
                    json.dumps(step.before),
                    json.dumps(step.after),
                ),
            )
            number = added.lastrowid or 0
            connection.execute("DELETE FROM entries WHERE recorded_at < ?", (oldest.isoformat(),))
            connection.execute("DELETE FROM entries WHERE entry <= ?", (number - _KEPT_ENTRIES,))
        return number

    def history(self, key: str) -> list[Entry]:
        """The entries of a conference, the latest first."""
        with self._connected(key) as connection:
            rows = connection.execute(
                "SELECT recorded_at, before, after, outcome FROM entries"
                " WHERE host = ? AND conference_id = ? ORDER BY entry DESC",
                (self._host, key),
            )
            return [_entry(*row) for row in rows]

    def _settle(self, step: Settle) -> None:
        outcome: Outcome = "applied" if step.applied else "not applied"
        after = None if step.after is None else json.dumps(step.after)
        try:
            with self._connected(None) as connection, connection:
                connection.execute(
                    "UPDATE entries SET outcome = ?, after = coalesce(?, after) WHERE entry = ?",
                    (outcome, after, step.entry),
                )
        except ConferencesError as error:
            # The before-image is on disk, and undo asks the server where the outcome is unknown;
            # the caller has more use of the result than of this.
            _log.warning("The journal keeps entry %d as of unknown outcome: %s", step.entry, error)

    @contextmanager
    def _connected(self, conference_id: str | None) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise closed_client(conference_id)
            try:
                # A connection must not be used in a forked process.
                if self._connection is None or self._process != os.getpid():
                    self._connection, self._process = self._opened(), os.getpid()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise ConferencesError(
                    f"The journal {str(self._path)!r} cannot be used: {error}.",
                    conference_id=conference_id,
                    advice="It has to be a file that this package made, or none in a folder that exists.",
                ) from error

    def _opened(self) -> sqlite3.Connection:
        # SQLite would make it readable for all; its side files take the mode of this one.
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("it is no regular file")
        finally:
            os.close(descriptor)
        connection = sqlite3.connect(
            self._path, timeout=self._timeout, check_same_thread=False, isolation_level="IMMEDIATE"
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # In this order: whoever makes a journal at the same time marks it before it has tables.
        [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        [mark] = connection.execute("PRAGMA application_id").fetchone()
        if mark != _APPLICATION_ID and tables:
            raise sqlite3.DatabaseError("it is the database of something else")
        if self._path.stat().st_mode & 0o077:
            self._path.chmod(0o600)
        connection.execute("PRAGMA synchronous = EXTRA")
        if mark != _APPLICATION_ID:
            # The mark comes first: whoever finds tables finds it too.
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.executescript(_SCHEMA)


def opened(settings: Settings[Any]) -> Journal | None:
    """The journal of a client, if it is to have one."""
    if settings.journal is None:
        return None
    return Journal(settings.journal, settings.host, settings.timeout)


def _entry(recorded_at: str, before: str, after: str, outcome: Outcome) -> Entry:
    image = json.loads(before)
    changes = {name: Change(image.get(name), value) for name, value in json.loads(after).items()}
    return Entry(datetime.datetime.fromisoformat(recorded_at), changes, outcome, image)
