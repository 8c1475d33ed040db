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
from .history import Entry, EntryOutcome
from .hosts import canonical_host
from .journal_file import JournalFile
from .plan import Change
from .settings import Settings
from .steps import Members, Recall, Record, Settle

_log = logging.getLogger(__name__)
_KEPT_DAYS = 90
_KEPT_CHANGE_SETS = 10_000
_COLUMNS = "entry, conference_id, recorded_at, before, after, outcome, masked, change_set, label, undoes"
_STEADY = 60.0  # seconds that the clocks of a machine may drift apart


class Journal(JournalFile):
    """The journal of one host in a SQLite file that others may share.

    With each new entry, those of the host that are beyond the last 10,000 change sets are pruned, and those older than
    90 days. A clock that jumped prunes nothing: entries from before a gap of more than 90 days, in either direction,
    are kept whatever their age, and all where the clock was set under this process.

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

    def carry_out(self, step: Record | Settle | Recall | Members, stop: threading.Event | None = None) -> Any:
        """What `yield from` the step gives. Once `stop` is set, a busy file is waited for no longer."""
        match step:
            case Record():
                return self._transact(lambda connection: self._record(step, connection), step.key, stop=stop)
            case Settle():
                return self._settle(step, stop)
            case Recall(key, to_undo, change_set, entry):
                return self.history(key, change_set=change_set, entry=entry, to_undo=to_undo, stop=stop)
            case Members(change_set):
                found = reversed(self._rows("conference_id", stop, change_set=change_set))
                return list(dict.fromkeys(name.decode(errors="replace") for (name,) in found))

    def history(
        self,
        key: str | None = None,
        *,
        change_set: str | None = None,
        entry: int | None = None,
        to_undo: bool = False,
        stop: threading.Event | None = None,
    ) -> list[Entry]:
        """Entries, the latest first: of a conference, of a change set, one by its number, or all of the host. Damaged
        ones are left out, with a warning; `to_undo`: where one may be the change to undo, a `ConferencesError` is
        raised, and else, of a conference, what is older is left out too.
        """
        entries = list[Entry]()
        found = self._rows(_COLUMNS, stop, conference_id=key, change_set=change_set, entry=entry)
        for number, about, *texts in found:
            try:
                entries.append(_entry(number, about, *texts))
            except ValueError as error:
                named = about.decode(errors="replace")
                told = f"The journal {str(self._path)!r} has a damaged entry {number} of conference {named!r}"
                last = all(entry.outcome == "not applied" or entry.undoes for entry in entries)
                if to_undo and (last or change_set or entry):
                    said = f"{told}, which may be the change to undo: {error}."
                    advice = "Name the values from before in an update; `history` has the other entries."
                    raise ConferencesError(said, conference_id=named, advice=advice) from error
                _log.warning("%s, which is left out: %s", told, error)
                if to_undo:
                    break
        return entries

    def _rows(self, columns: str, stop: threading.Event | None, **wanted: Any) -> list[Any]:
        """The rows of the host in which these columns have these values, if one is given; the latest first."""
        key = wanted.get("conference_id")
        values = {"host": self._host, **wanted, "conference_id": key and self._mask(key)}
        values = {column: value for column, value in values.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in values)
        query = f"SELECT {columns} FROM entries WHERE {where} ORDER BY entry DESC"  # noqa: S608 - both are ours
        return self._transact(lambda file: file.execute(query, [*values.values()]).fetchall(), key, "DEFERRED", stop)

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
        made, label = step.change_set, step.change_set.label and self._mask(step.change_set.label)
        row = (self._host, self._mask(step.key), moment, before, after, step.outcome, epoch, self._writer, masked)
        added = connection.execute(
            "INSERT INTO entries (host, conference_id, recorded_at, before, after, outcome, epoch, writer, masked,"
            " change_set, label, undoes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, made.id, label, step.undoes),
        )
        connection.execute(
            # No `?1`: Python 3.12 warned of it at first.
            "DELETE FROM entries WHERE host = ? AND ordinal <= (SELECT max(ordinal) FROM entries WHERE host = ?) - ?",
            (self._host, self._host, _KEPT_CHANGE_SETS),
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
    return None if path is None else Journal(path, settings.address.space, settings.timeout, settings.masked)


def _entry(number: int, about: bytes, *row: Any) -> Entry:
    """Raises `ValueError` where it is damaged."""
    recorded_at, image, later, masked = _instant(row[0]), _decoded(row[1]), _decoded(row[2]), frozenset(_names(row[4]))
    outcome, *made = (each and each.decode() for each in (row[3], *row[5:]))
    if {type(image), type(later)} != {dict}:
        raise ValueError("an image that is no JSON object")
    if outcome not in get_args(EntryOutcome):
        raise ValueError(f"an outcome {outcome!r}")
    changes = {name: Change(image.get(name), value) for name, value in later.items()}
    return Entry(number, about.decode(), recorded_at, changes, outcome, image, masked, *made)


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
