"""The SQLite file of a journal: shared with other processes and threads, forks, and whoever moves it.

Nothing here opens a file that is there beside SQLite: to close any descriptor of it gives up all locks
that the process has on it, those of another connection in the middle of a transaction too.
"""

from __future__ import annotations

import os
import random
import secrets
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from . import journal_schema
from .errors import ConferencesError, closed_client

__all__ = ["JournalFile"]

T = TypeVar("T")

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.03  # seconds between two looks at a busy file
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

# One for all journals of the process. Whoever is inside SQLite holds it, never while waiting; a fork
# takes it first, so that no child inherits half a transaction, or a lock that nobody gives back.
_lock = threading.RLock()
_inherited: list[sqlite3.Connection] = []  # from the parent process: to be neither used nor closed


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - the old one may have waiters that the child does not have
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _lock.acquire(),  # noqa: PLW0108 - the one of that moment
        after_in_parent=lambda: _lock.release(),  # noqa: PLW0108 - likewise
        after_in_child=_renew_lock,
    )


class _ReplacedError(OSError):
    """Another file is at the path now, or another content in it."""


class JournalFile:
    """A SQLite file that is opened or made when it is needed, and anew where it is another one meanwhile.

    Args:
        path: the file; made where there is none, and kept for its owner alone.
        timeout: seconds to wait for other processes.

    Raises:
        ConferencesError: the file cannot be opened, or is something else. One that is busy is opened
            later: an event loop may wait for this.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        # Whole, so that no later folder changes its meaning, nor SQLite sees one in `:memory:`.
        self._path = path.absolute()
        self._timeout = timeout
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._file: tuple[int, int] | None = None
        self._opening = ""  # different each time that a connection is made
        try:
            with _lock:
                self._attempt(lambda _connection: None, "DEFERRED")
        except (sqlite3.Error, OSError) as error:
            if not _may_pass(error):
                raise self._unusable(error, None) from error

    def close(self) -> None:
        """Close the file. Waits for no other process."""
        self._closed = True
        with _lock:
            self._drop()

    def _transact(self, work: Callable[[sqlite3.Connection], T], key: str | None, mode: str = "IMMEDIATE") -> T:
        """Do the work in a transaction, as soon as the file is free. It may be done more than once."""
        end = time.monotonic() + self._timeout
        pause = _SHORTEST_PAUSE
        while True:
            try:
                with _lock:
                    if self._closed:
                        raise closed_client(key)
                    return self._attempt(work, mode)
            except (sqlite3.Error, OSError) as error:
                if not _may_pass(error) or time.monotonic() > end:
                    raise self._unusable(error, key) from error
            # SQLite's own waiting would do so with the lock held, and overflow with long timeouts.
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _attempt(self, work: Callable[[sqlite3.Connection], T], mode: str) -> T:
        try:
            connection = self._opened()
            with _transaction(connection, mode):
                if not journal_schema.is_current(connection):
                    self._drop()
                    raise _ReplacedError("it was overwritten")
                result = work(connection)
        except sqlite3.Error as error:
            if self._identity() != self._file:
                raise _ReplacedError("it was replaced") from error
            raise
        if self._identity() != self._file:
            raise _ReplacedError("it was replaced")
        return result

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that is at the path now."""
        inherited = self._process != os.getpid()
        if self._connection is not None and not inherited and self._identity() == self._file:
            return self._connection
        self._drop()
        with suppress(FileExistsError):
            # SQLite would make it readable for all; its side files take the mode of this one. Nobody
            # can have locks on it yet that closing it would take.
            os.close(os.open(os.path.realpath(self._path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if not stat.S_ISREG(self._path.stat().st_mode):
            raise OSError("it is no regular file")
        self._file = self._identity()
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",  # made by us or not at all
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            # Of a file that was overwritten in place, cached pages would be wrong. (0 means the default.)
            for pragma in ("synchronous = EXTRA", "cache_size = 1", "cache_spill = OFF"):
                connection.execute(f"PRAGMA {pragma}")
            with _transaction(connection, "IMMEDIATE"):
                journal_schema.prepare(connection)
                if self._path.stat().st_mode & 0o077:
                    self._path.chmod(0o600)
        except BaseException:
            connection.close()
            raise
        self._connection, self._opening = connection, secrets.token_hex(8)
        return connection

    def _identity(self) -> tuple[int, int] | None:
        """Which file is at the path."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _drop(self) -> None:
        """Have no connection."""
        if self._connection is not None:
            if self._process == os.getpid():
                self._connection.close()
            else:
                _inherited.append(self._connection)
        self._connection, self._process = None, os.getpid()

    def _unusable(self, error: Exception, key: str | None) -> ConferencesError:
        advice = "It has to be a file that this package made, or none in a folder that exists."
        if isinstance(error, journal_schema.NewerError):
            advice = "Use a newer version of this package, or another path."
        return ConferencesError(
            f"The journal {str(self._path)!r} cannot be used: {error}.", conference_id=key, advice=advice
        )


@contextmanager
def _transaction(connection: sqlite3.Connection, mode: str) -> Iterator[None]:
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # the first error says more
            connection.rollback()
        raise


def _may_pass(error: Exception) -> bool:
    """Whether the next attempt may succeed."""
    # The lowest byte; the others say more than is needed.
    return isinstance(error, _ReplacedError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY
