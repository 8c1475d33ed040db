"""Before-images in SQLite: one file, several processes, written before the PUT leaves."""

import datetime
import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from .errors import ConferencesError
from .hosts import canonical_host
from .journal_file import JournalFile
from .plan import Change, Entry, EntryOutcome
from .settings import Settings
from .steps import Recall, Record, Settle

_log = logging.getLogger(__name__)
_KEPT_DAYS = 90
_KEPT_ENTRIES = 10_000
_STEADY = 60.0  # seconds that the clocks of a machine may drift apart


class Journal(JournalFile):
    """The journal of one host in a SQLite file that others may share.

    With each new entry, those of the host that are beyond the last 10,000 are pruned, and those older than 90 days. A
    clock that jumped prunes nothing: entries from before a gap of more than 90 days, in either direction, are kept
    whatever their age, and all where the clock was set under this process.

    Args:
        path: the file; made where there is none, and kept for its owner alone.
        host: the space; entries of other hosts are left alone.
        timeout: seconds to wait for other processes that write; a busy file is opened later.
        mask: takes secrets out of a text.
    """

    def __init__(self, path: Path, host: str, timeout: float = 30, mask: Callable[[str], str] = str) -> None:
        super().__init__(path, timeout)
        self._host = canonical_host(host)
        self._mask = mask
        self._writer = secrets.token_hex(8)
        self._clock = time.time() - time.monotonic()

    def carry_out(self, step: Record | Settle | Recall, stop: threading.Event | None = None) -> Any:
        """What `yield from` the step gives. Once `stop` is set, a busy file is waited for no longer."""
        match step:
            case Record():
                return self._transact(lambda connection: self._record(step, connection), step.key, stop=stop)
            case Settle():
                return self._settle(step, stop)
            case Recall(key, to_undo):
                return self.history(key, to_undo=to_undo, stop=stop)

    def history(self, key: str, *, to_undo: bool = False, stop: threading.Event | None = None) -> list[Entry]:
        """The entries of a conference, the latest first. Damaged ones are left out, with a warning; `to_undo`: so is
        what is older, and where the damaged one may be the last change, a `ConferencesError` is raised.
        """
        columns = "entry, recorded_at, before, after, outcome, masked"
        query = f"SELECT {columns} FROM entries WHERE host = ? AND conference_id = ? ORDER BY entry DESC"  # noqa: S608
        about, entries = self._mask(key), list[Entry]()
        rows = self._transact(lambda file: file.execute(query, (self._host, about)).fetchall(), key, "DEFERRED", stop)
        for row in rows:
            try:
                entries.append(_entry(about, *row))
            except ValueError as error:
                told = f"The journal {str(self._path)!r} has a damaged entry {row[0]} of conference {key!r}"
                if to_undo and all(entry.outcome == "not applied" for entry in entries):
                    said = f"{told}, which may be the change to undo: {error}."
                    advice = "Name the values from before in an update; `history` has the other entries."
                    raise ConferencesError(said, conference_id=key, advice=advice) from error
                _log.warning("%s, which is left out: %s", told, error)
                if to_undo:
                    break
        return entries

    def _record(self, step: Record, connection: sqlite3.Connection) -> int:
        now = datetime.datetime.now(datetime.UTC)
        moment, limit = now.isoformat(), (now - datetime.timedelta(days=_KEPT_DAYS)).isoformat()
        latest = "SELECT entry, recorded_at, epoch FROM entries WHERE host = ? ORDER BY entry DESC LIMIT 2"
        rows = [*connection.execute(latest, (self._host,)), *[(0, moment.encode(), 0)] * 2]
        (last, recorded_at, epoch), (_, earlier, _) = rows[:2]
        # Where the epoch of the last entry begins: each begins after a jump of the clock.
        if epoch is None or _is_jump(earlier, recorded_at):
            epoch = last
        (before, hidden), (after, hidden_too) = map(self._as_text, (step.before, step.after))
        masked = json.dumps(sorted(hidden | hidden_too))
        added = connection.execute(
            "INSERT INTO entries (host, conference_id, recorded_at, before, after, epoch, writer, masked)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self._host, self._mask(step.key), moment, before, after, epoch, self._writer, masked),
        )
        connection.execute(
            "DELETE FROM entries WHERE host = ?1 AND entry <="
            " (SELECT entry FROM entries WHERE host = ?1 ORDER BY entry DESC LIMIT 1 OFFSET ?2)",
            (self._host, _KEPT_ENTRIES),
        )
        set_here = abs(time.time() - time.monotonic() - self._clock) > _STEADY
        if not set_here and not _is_jump(recorded_at, moment.encode()):
            # The `+` keeps SQLite from looking through all that has such a number.
            old = "DELETE FROM entries WHERE host = ? AND recorded_at < ? AND +entry >= ?"
            connection.execute(old, (self._host, limit, epoch))
        return added.lastrowid or 0

    def _settle(self, step: Settle, stop: threading.Event | None) -> None:
        outcome: EntryOutcome = "applied" if step.applied else "not applied"
        after, hidden = (None, set[str]()) if step.after is None else self._as_text(step.after)

        def note(connection: sqlite3.Connection) -> None:
            # Numbers begin anew in another file, where this one may be of somebody else.
            known = "SELECT masked FROM entries WHERE entry = ? AND writer = ?"
            if not (found := connection.execute(known, (step.entry, self._writer)).fetchone()):
                raise ConferencesError(f"it is not in {str(self._path)!r} any more.")
            masked = json.dumps(sorted(hidden.union(_names(found[0]))))
            connection.execute(
                "UPDATE entries SET outcome = ?, after = coalesce(?, after), masked = ? WHERE entry = ?",
                (outcome, after, masked, step.entry),
            )

        try:
            self._transact(note, None, stop=stop)
        except (ConferencesError, ValueError) as error:
            # Undo asks the server where the outcome is unknown; the caller has more use of the result than of this.
            _log.warning("The journal keeps entry %d as of unknown outcome: %s", step.entry, error)

    def _as_text(self, values: Mapping[str, Any]) -> tuple[str, set[str]]:
        """The values as JSON without secrets, and the names of those that held one."""
        text = json.dumps(values)
        if self._mask(text) == text:
            return text, set()
        safe, hidden = {}, set()
        for name, value in values.items():
            safe_name, whole = self._mask(name), json.dumps(value)
            masked = self._mask(whole)
            if (safe_name, masked) != (name, whole):
                hidden.add(safe_name)
            try:
                safe[safe_name] = json.loads(masked)
            except ValueError:  # it was in a number
                safe[safe_name] = masked
        return json.dumps(safe), hidden


def opened(settings: Settings[Any]) -> Journal | None:
    """The journal of a client, if it is to have one."""
    path = settings.journal
    return None if path is None else Journal(path, settings.host, settings.timeout, settings.masked)


def _entry(about: str, number: int, *row: bytes) -> Entry:
    """Raises `ValueError` where it is damaged."""
    recorded_at, image, later, said = _instant(row[0]), _decoded(row[1]), _decoded(row[2]), row[3]
    if {type(image), type(later)} != {dict}:
        raise ValueError("an image that is no JSON object")
    outcome: Any = said.decode()
    if outcome not in get_args(EntryOutcome):
        raise ValueError(f"an outcome {outcome!r}")
    changes = {name: Change(image.get(name), value) for name, value in later.items()}
    return Entry(number, about, recorded_at, changes, outcome, image, frozenset(_names(row[4])))


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _names(text: bytes) -> list[str]:
    names = _decoded(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("names of masked fields that are no list of texts")
    return names


def _instant(text: bytes) -> datetime.datetime:
    instant = datetime.datetime.fromisoformat(text.decode())
    if instant.tzinfo is None:
        raise ValueError("a time without its zone")
    return instant


def _is_jump(earlier: bytes, later: bytes) -> bool:
    try:
        return abs(_instant(later) - _instant(earlier)) > datetime.timedelta(days=_KEPT_DAYS)
    except ValueError:  # it was damaged, and nobody knows when it was
        return True
