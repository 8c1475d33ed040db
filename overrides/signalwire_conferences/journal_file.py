"""The SQLite file of a journal: shared with other processes and threads, forks, and whoever moves it.

Nothing here opens a file that is there beside SQLite: to close any descriptor of it gives up all locks that the
process has on it, those of another connection in the middle of a transaction too.
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
_UPGRADES = (  # from version 0, which is no table or that of 0.1.0, to 1, and so on
    (
        """
        CREATE TABLE IF NOT EXISTS entries (
            entry INTEGER PRIMARY KEY AUTOINCREMENT,
            host TEXT NOT NULL, conference_id TEXT NOT NULL, recorded_at TEXT NOT NULL,
            before TEXT NOT NULL, after TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT 'unknown'
        )
        """,
        "ALTER TABLE entries ADD COLUMN epoch INTEGER",  # where that of the entry before begins
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
        # For all writers, those of 0.1.0 too, whose entries are change sets of their own.
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

# One for all journals of the process. Whoever is inside SQLite holds it, never while waiting; a fork takes it first,
# so that no child inherits a connection, or a lock that nobody gives back.
_lock = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _lock.acquire(),  # noqa: PLW0108 - the one of that moment
        after_in_parent=lambda: _lock.release(),  # noqa: PLW0108 - likewise
        # The old one may have waiters that the child does not have.
        after_in_child=lambda: globals().update(_lock=threading.RLock()),
    )

# By the name of an error, of SQLite or of the system.
_ADVICE = {
    **dict.fromkeys(("SQLITE_FULL", "ENOSPC", "EDQUOT"), "Make room on its disk, and call again."),
    **dict.fromkeys(
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "EACCES", "EPERM", "EROFS"),
        "It has to belong to this user, in a folder that this user may write in.",
    ),
    "SQLITE_IOERR": "See to its disk, and call again.",
    "busy": "Somebody else is writing to it: wait, and call again.",
    "newer": "Use a newer version of this package, or another path.",
}


@frozen(eq=False)
class _Work(Generic[T]):
    """What a thread waits to do, and in the end what came of it."""

    work: Work[T]
    result: list[T] = field(factory=list)


class JournalFile:
    """A SQLite file, made where there is none. Each transaction opens it anew: no connection is inherited by a fork, or
    to a file that was moved or replaced.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._closed = False
        self._process, self._queued = os.getpid(), list[_Work[Any]]()
        try:
            # Whole, so that no later folder changes its meaning, nor SQLite sees one in `:memory:`.
            self._path = path.absolute()
            with _lock, suppress(BlockingIOError):  # an event loop may wait for this
                self._attempt(lambda _connection: None, "IMMEDIATE")
        except (sqlite3.Error, OSError, ValueError) as error:  # the last of a path that no file can have
            raise self._unusable(error, None) from error

    def close(self) -> None:
        """Let the file go for good. Waits for no other process."""
        with _lock:
            self._closed = True

    def _transact(
        self, work: Work[T], key: str | None, mode: str = "IMMEDIATE", stop: threading.Event | None = None
    ) -> T:
        """Do the work in a transaction, maybe more than once, as soon as the file is free. `JournalError` where it
        cannot be used, or `stop` was set while it was busy.
        """
        mine = _Work(work)
        if mode == "DEFERRED":
            return self._done(mine, key, mode, stop)
        if self._process != os.getpid():  # those of the parent's threads are its own
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
                    if not mine.result:  # else another thread did it with its own
                        if self._closed:
                            raise closed_client(key)
                        self._do(mine, mode)
                    return mine.result[0]
            except (sqlite3.Error, OSError) as error:
                if not isinstance(error, BlockingIOError) or time.monotonic() > end:
                    raise self._unusable(error, key) from error
            # SQLite's own waiting would do so with the lock held, and overflow with long timeouts.
            if stop.wait(random.uniform(pause / 2, pause)):  # noqa: S311 - no secret
                raise self._unusable(BlockingIOError("it was busy when the call was cancelled"), key)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _do(self, mine: "_Work[Any]", mode: str) -> None:
        """Do this work, and in the same transaction what other threads wait to do: each costs a disk as much as all."""
        queued = [] if mode == "DEFERRED" else [each for each in self._queued if each is not mine and not each.result]
        batch = [mine, *queued]
        try:
            results = self._attempt(lambda connection: [each.work(connection) for each in batch], mode)
        except BlockingIOError:
            raise
        except Exception:  # of whom, shows alone
            if not queued:
                raise
            batch, results = [mine], [self._attempt(mine.work, mode)]
        for each, result in zip(batch, results, strict=True):
            each.result.append(result)

    def _attempt(self, work: Work[T], mode: str) -> T:
        """Do the work, or raise a `BlockingIOError` where the next attempt may succeed."""
        if not self._path.exists():
            with suppress(FileExistsError):
                # SQLite would make it readable for all; its side files take the mode of this one.
                # Nobody can have locks on it yet that closing it would take.
                os.close(os.open(os.path.realpath(self._path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        file = self._path.stat()
        if not stat.S_ISREG(file.st_mode):
            raise OSError("it is no regular file")
        uri = f"{self._path.as_uri()}?mode=rw"  # made by us or not at all
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
                connection.text_factory = bytes  # or damaged text of one entry would hide all
                connection.execute("PRAGMA synchronous = EXTRA")
                with connection:  # unlike `closing`, rolls back without a moment for a signal before
                    connection.execute(f"BEGIN {mode}")
                    in_wal_mode = _prepare(connection)
                    if file.st_mode & 0o077:
                        self._path.chmod(0o600)
                    result = work(connection)
                    connection.execute("COMMIT")
                if in_wal_mode:  # by somebody else; who moved or copied the file would lose a part of it
                    with suppress(sqlite3.OperationalError):  # others have it open: the next time then
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
        usual = "It has to be a file that this package made, or none in a folder that exists."
        said = f"The journal {str(self._path)!r} cannot be used: {error}."
        return JournalError(said, conference_id=key, advice=_ADVICE.get(_name(error), usual))


def _name(error: Exception) -> str:
    if isinstance(error, OSError):
        return "busy" if isinstance(error, BlockingIOError) else errno.errorcode.get(error.errno or 0, "")
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])  # without its details


def _prepare(connection: sqlite3.Connection) -> bool:
    """Make the tables, or bring those of an earlier version up to date. Tells whether the file is in WAL mode."""
    pragmas = ("application_id", "user_version", "schema_version", "journal_mode")
    mark, version, tables, kept_in = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas)
    if mark != _APPLICATION_ID and (mark or version or tables):
        raise sqlite3.DatabaseError("it is the database of something else")
    known = len(_UPGRADES)
    if version > known:
        newer = sqlite3.DatabaseError(f"it is of version {version}, and this package knows up to version {known}")
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
