"""The SQLite file of a journal, which is safe with several processes and threads, forks, and a file that is moved.

Nothing here opens an existing file except through SQLite: closing any descriptor of a file drops all locks that the
process has on it, also those of another connection in the middle of a transaction.
"""

import errno
import os
import random
import sqlite3
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import chain, count
from pathlib import Path
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from .errors import JournalError, closed_client
from .hosts import canonical_host

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.03  # seconds between two looks at a busy file
_APPLICATION_ID = 0x53574346  # marks the file as ours
_UPGRADES = (  # from version 0 (no table, or that of 0.1.0) to 1, and so on
    (
        """
        CREATE TABLE IF NOT EXISTS entries (
            entry INTEGER PRIMARY KEY AUTOINCREMENT,
            host TEXT NOT NULL, conference_id TEXT NOT NULL, recorded_at TEXT NOT NULL,
            before TEXT NOT NULL, after TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT 'unknown'
        )
        """,
        "ALTER TABLE entries ADD COLUMN epoch INTEGER",  # start of the epoch of the previous entry
        "ALTER TABLE entries ADD COLUMN writer TEXT NOT NULL DEFAULT ''",  # the journal that wrote it
        "ALTER TABLE entries ADD COLUMN masked TEXT NOT NULL DEFAULT '[]'",
        "UPDATE entries SET host = canonical_host(host), epoch = 0",
        "DROP INDEX IF EXISTS by_age",
        "CREATE INDEX by_age ON entries (host, recorded_at)",
        "CREATE INDEX by_host ON entries (host, entry)",
        "CREATE INDEX IF NOT EXISTS by_conference ON entries (host, conference_id, entry)",
    ),
    (
        "ALTER TABLE entries ADD COLUMN change_set TEXT",
        "ALTER TABLE entries ADD COLUMN label TEXT",
        "ALTER TABLE entries ADD COLUMN undoes TEXT",  # a change set
        "ALTER TABLE entries ADD COLUMN ordinal INTEGER",  # of the change set, among those of the host
        "UPDATE entries SET change_set = 'entry-' || entry, ordinal = next_ordinal(host)",
        "CREATE INDEX of_change_set ON entries (host, change_set, ordinal)",
        "CREATE INDEX of_ordinal ON entries (host, ordinal)",
        # For all writers, including 0.1.0, of which each entry is its own change set.
        """
        CREATE TRIGGER numbered AFTER INSERT ON entries BEGIN
            UPDATE entries SET change_set = coalesce(change_set, 'entry-' || entry), ordinal = coalesce(
                (SELECT max(ordinal) FROM entries WHERE host = NEW.host AND change_set = NEW.change_set),
                (SELECT max(ordinal) + 1 FROM entries WHERE host = NEW.host), 1
            ) WHERE entry = NEW.entry;
        END
        """,
    ),
)

# One for all journals of the process, held inside SQLite but never while waiting. A fork takes it first, so that no
# child inherits a connection, or a lock that is never released.
_lock = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _lock.acquire(),  # noqa: PLW0108 - the current one
        after_in_parent=lambda: _lock.release(),  # noqa: PLW0108 - likewise
        # Threads that do not exist in the child may wait for the old one.
        after_in_child=lambda: globals().update(_lock=threading.RLock()),
    )

# By the name of the error, of SQLite or of the system.
_ADVICE = {
    **dict.fromkeys(("SQLITE_FULL", "ENOSPC", "EDQUOT"), "Free space on its disk, and call again."),
    **dict.fromkeys(
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "EACCES", "EPERM", "EROFS"),
        "It must belong to this user, in a folder that this user may write to.",
    ),
    "SQLITE_IOERR": "Check its disk, and call again.",
    "busy": "Another process is writing to it: wait, and call again.",
    "newer": "Use a newer version of this package, or another path.",
}


@frozen(eq=False)
class _Work(Generic[T]):
    """The work that a thread waits to do, and its result once it is done."""

    work: Work[T]
    result: list[T] = field(factory=list)


class JournalFile:
    """A SQLite file, created if it is missing. Each transaction opens it again, so that no connection is inherited by a
    fork or belongs to a file that was moved or replaced.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._closed = False
        self._process, self._queued = os.getpid(), list[_Work[Any]]()
        try:
            # Absolute, so that a later `chdir` does not matter, and `:memory:` is a file as well.
            self._path = path.absolute()
            with _lock, suppress(BlockingIOError):  # an event loop may wait for this
                self._attempt(lambda _connection: None, "IMMEDIATE")
        except (sqlite3.Error, OSError, ValueError) as error:  # ValueError: an impossible path
            raise self._unusable(error, None) from error

    def close(self) -> None:
        """Stop using the file. Does not wait for other processes."""
        with _lock:
            self._closed = True

    def _transact(
        self, work: Work[T], key: str | None, mode: str = "IMMEDIATE", stop: threading.Event | None = None
    ) -> T:
        """Do the work in a transaction, maybe more than once, as soon as the file is free. Raises `JournalError` if it
        cannot be used, or if `stop` was set while it was busy.
        """
        mine = _Work(work)
        if mode == "DEFERRED":
            return self._done(mine, key, mode, stop)
        if self._process != os.getpid():  # after a fork: the queue is that of the parent's threads
            self._process, self._queued = os.getpid(), []
        self._queued.append(mine)
        try:
            return self._done(mine, key, mode, stop)
        finally:
            with suppress(ValueError):
                self._queued.remove(mine)

    def _done(self, mine: "_Work[T]", key: str | None, mode: str, stop: threading.Event | None) -> T:
        end, pause = time.monotonic() + self._timeout, _SHORTEST_PAUSE
        stop = stop or threading.Event()
        while True:
            try:
                with _lock:
                    if not mine.result:  # else another thread did it in its transaction
                        if self._closed:
                            raise closed_client(key)
                        self._do(mine, mode)
                    return mine.result[0]
            except (sqlite3.Error, OSError) as error:
                if not isinstance(error, BlockingIOError) or time.monotonic() > end:
                    raise self._unusable(error, key) from error
            # SQLite itself would wait with the lock held, and overflow with long timeouts.
            if stop.wait(random.uniform(pause / 2, pause)):  # noqa: S311 - no secret
                raise self._unusable(BlockingIOError("it was busy when the call was cancelled"), key)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _do(self, mine: "_Work[Any]", mode: str) -> None:
        """Do this work, and the work of waiting threads in the same transaction: one costs the disk as much as all."""
        queued = [] if mode == "DEFERRED" else [each for each in self._queued if each is not mine and not each.result]
        batch = [mine, *queued]
        try:
            results = self._attempt(lambda connection: [each.work(connection) for each in batch], mode)
        except BlockingIOError:
            raise
        except Exception:  # do only ours, which shows whether it was the cause
            if not queued:
                raise
            batch, results = [mine], [self._attempt(mine.work, mode)]
        for each, result in zip(batch, results, strict=True):
            each.result.append(result)

    def _attempt(self, work: Work[T], mode: str) -> T:
        """Do the work, or raise `BlockingIOError` if the next attempt may succeed."""
        if not self._path.exists():
            with suppress(FileExistsError):
                # SQLite would make it readable for everybody; its side files get the mode of this one.
                # The file is new, so closing it cannot drop a lock.
                os.close(os.open(os.path.realpath(self._path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        file = self._path.stat()
        if not stat.S_ISREG(file.st_mode):
            raise OSError("it is not a regular file")
        uri = f"{self._path.as_uri()}?mode=rw"  # SQLite must not create it
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
                connection.text_factory = bytes  # else damaged text in one entry would hide all entries
                connection.execute("PRAGMA synchronous = EXTRA")
                with connection:  # unlike `closing`, leaves no moment for a signal before the rollback
                    connection.execute(f"BEGIN {mode}")
                    in_wal_mode = _prepare(connection)
                    if file.st_mode & 0o077:
                        self._path.chmod(0o600)
                    result = work(connection)
                    connection.execute("COMMIT")
                if in_wal_mode:  # set by somebody else; moving or copying the file alone would lose a part of it
                    with suppress(sqlite3.OperationalError):  # others have it open: try again next time
                        connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            if _name(error) not in ("SQLITE_BUSY", "SQLITE_LOCKED") and self._is_at_path(file):
                raise
            raise BlockingIOError(str(error)) from error
        if not self._is_at_path(file):
            raise BlockingIOError("it was replaced")
        return result

    def _is_at_path(self, file: os.stat_result) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(file, self._path.stat())
        return False

    def _unusable(self, error: Exception, key: str | None) -> JournalError:
        usual = "It must be a file that this package made, or a new one in a folder that exists."
        said = f"The journal {str(self._path)!r} cannot be used: {error}."
        return JournalError(said, conference_id=key, advice=_ADVICE.get(_name(error), usual))


def _name(error: Exception) -> str:
    if isinstance(error, OSError):
        return "busy" if isinstance(error, BlockingIOError) else errno.errorcode.get(error.errno or 0, "")
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])  # the name without its details


def _prepare(connection: sqlite3.Connection) -> bool:
    """Create or upgrade the tables. Returns whether the file is in WAL mode."""
    pragmas = ("application_id", "user_version", "schema_version", "journal_mode")
    mark, version, tables, kept_in = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas)
    if mark != _APPLICATION_ID and (mark or version or tables):
        raise sqlite3.DatabaseError("it is the database of another program")
    known = len(_UPGRADES)
    if version > known:
        newer = sqlite3.DatabaseError(f"it has version {version}, and this package supports up to version {known}")
        newer.sqlite_errorname = "newer"
        raise newer
    if version < known:
        ordinals = defaultdict[str, Iterator[int]](lambda: count(1))
        connection.create_function("canonical_host", 1, canonical_host)
        connection.create_function("next_ordinal", 1, lambda host: next(ordinals[host]))
        for statement in chain(*_UPGRADES[version:]):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {known}")
    return bool(kept_in == b"wal")
