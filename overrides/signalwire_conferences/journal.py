"""Before-images in SQLite: one file, several processes, written before the PUT leaves."""

from __future__ import annotations

import datetime
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import ConferencesError
from .hosts import canonical_host
from .journal_file import JournalFile
from .plan import Change, Entry, EntryOutcome
from .settings import Settings
from .steps import Recall, Record, Settle

_log = logging.getLogger(__name__)

__all__ = ["Journal", "opened"]

_KEPT_DAYS = 90
_KEPT_ENTRIES = 10_000
_STEADY = 60.0  # seconds that the clocks of a machine may drift apart
# The last entry of a host that was recorded more than 90 days away from the one before it. That one
# is looked at again, as it may be gone.
_LAST_JUMP = """
    SELECT coalesce(max(number), 0) FROM entries AS one WHERE host = ? AND jumped AND 90 < abs(
        julianday(recorded_at) - julianday((
            SELECT recorded_at FROM entries WHERE host = one.host AND number < one.number
            ORDER BY number DESC LIMIT 1
        ))
    )
"""


class Journal(JournalFile):
    """The journal of one host in a SQLite file that others may share.

    With each new entry, those of the host that are beyond the last 10,000 are pruned, and those older
    than 90 days. A clock that jumped prunes nothing: entries from before a gap of more than 90 days, in
    either direction, are kept whatever their age, and all where the clock was set under this process.

    A file that was moved, deleted or replaced meanwhile is opened or made anew.

    Args:
        path: the file; made where there is none, and kept for its owner alone.
        host: the space; entries of other hosts are left alone.
        timeout: seconds to wait for other processes that write.
        mask: takes secrets out of a text.

    Raises:
        ConferencesError: the file cannot be opened, or is something else. A file that is busy is
            opened later.
    """

    def __init__(self, path: Path, host: str, timeout: float = 30.0, mask: Callable[[str], str] = str) -> None:
        super().__init__(path, timeout)
        self._host = canonical_host(host)
        self._mask = mask
        self._clock = time.time() - time.monotonic()

    def carry_out(self, step: Record | Settle | Recall) -> Any:
        """Put a before-image on disk and return its number, note what came of one, or read them."""
        match step:
            case Record():
                return self._transact(lambda connection: self._record(step, connection), step.key)
            case Settle():
                return self._settle(step)
            case Recall(key):
                return self.history(key)

    def history(self, key: str) -> list[Entry]:
        """The entries of a conference, the latest first."""

        def read(connection: sqlite3.Connection) -> list[Entry]:
            rows = connection.execute(
                "SELECT entry, conference_id, recorded_at, before, after, outcome, masked FROM entries"
                " WHERE host = ? AND conference_id = ? ORDER BY entry DESC",
                (self._host, self._mask(key)),
            )
            return [_entry(*row) for row in rows]

        return self._transact(read, key, "DEFERRED")

    def _record(self, step: Record, connection: sqlite3.Connection) -> int:
        now, kept = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=_KEPT_DAYS)
        before, hidden = self._as_text(step.before)
        after, hidden_too = self._as_text(step.after)
        last = connection.execute(
            "SELECT number, recorded_at FROM entries WHERE host = ? ORDER BY number DESC LIMIT 1", (self._host,)
        ).fetchone()
        number, recorded_at = last or (0, now.isoformat())
        number = (number or 0) + 1  # a client of 0.1.0 gives none
        row = {
            "host": self._host,
            "conference_id": self._mask(step.key),
            "recorded_at": now.isoformat(),
            "before": before,
            "after": after,
            "number": number,
            "jumped": abs(now - datetime.datetime.fromisoformat(recorded_at)) > kept,
            "opening": self._opening,
            "masked": json.dumps(sorted(hidden | hidden_too)),
        }
        added = connection.execute(
            f"INSERT INTO entries ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            tuple(row.values()),
        )
        connection.execute("DELETE FROM entries WHERE host = ? AND number <= ?", (self._host, number - _KEPT_ENTRIES))
        if abs(time.time() - time.monotonic() - self._clock) < _STEADY:
            [jump] = connection.execute(_LAST_JUMP, (self._host,)).fetchone()
            connection.execute(
                # The `+` keeps SQLite from looking through all that has such a number.
                "DELETE FROM entries WHERE host = ? AND recorded_at < ? AND +number >= ?",
                (self._host, (now - kept).isoformat(), jump),
            )
        return added.lastrowid or 0

    def _settle(self, step: Settle) -> None:
        outcome: EntryOutcome = "applied" if step.applied else "not applied"
        after, hidden = (None, set[str]()) if step.after is None else self._as_text(step.after)

        def note(connection: sqlite3.Connection) -> bool:
            # Numbers begin anew in another file, where this one may be of somebody else.
            here = (step.entry, self._opening)
            found = connection.execute("SELECT masked FROM entries WHERE entry = ? AND opening = ?", here)
            masked = {name for (names,) in found for name in json.loads(names)}
            changed = connection.execute(
                "UPDATE entries SET outcome = ?, after = coalesce(?, after), masked = ?"
                " WHERE entry = ? AND opening = ?",
                (outcome, after, json.dumps(sorted(masked | hidden)), *here),
            )
            return changed.rowcount == 1

        why: object = f"it is not in {str(self._path)!r} any more."
        try:
            if self._transact(note, None):
                return
        except ConferencesError as error:
            why = error
        # The before-image is on disk, and undo asks the server where the outcome is unknown; the
        # caller has more use of the result than of this.
        _log.warning("The journal keeps entry %d as of unknown outcome: %s", step.entry, why)

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
    if settings.journal is None:
        return None
    return Journal(settings.journal, settings.host, settings.timeout, settings.masked)


def _entry(
    entry: int, key: str, recorded_at: str, before: str, after: str, outcome: EntryOutcome, masked: str
) -> Entry:
    image = json.loads(before)
    changes = {name: Change(image.get(name), value) for name, value in json.loads(after).items()}
    when = datetime.datetime.fromisoformat(recorded_at)
    return Entry(entry, key, when, changes, outcome, image, frozenset(json.loads(masked)))
