"""Change sets, and their entries in the journal."""

import datetime
import uuid
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from .contract import Json
from .plan import Change

EntryOutcome = Literal["applied", "not applied", "unchanged", "unknown"]


def _new_id() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:10]}"


@frozen
class ChangeSet:
    """What one call does: one update, or those of many conferences.

    Attributes:
        id: unique; ids sort by time.
        label: the caller's name for it.
    """

    id: str = field(factory=_new_id)
    label: str | None = None


@frozen
class Entry:
    """An update in the journal.

    Attributes:
        id: the number of the entry; a later one has a higher number.
        conference_id: the conference; the id in lower case if it is a UUID.
        recorded_at: when the before-image was written to disk, UTC.
        changes: field -> value before and after, JSON.
        outcome: "applied", "not applied", "unchanged" (there was nothing to change) or "unknown" (it may or may not
            have been carried out).
        before: the whole conference as it was, JSON as the server sent it.
        masked: the fields whose value, before or after, contained the token, which is not stored.
        change_set: the id of the change set; all entries of one call have the same.
        label: the caller's name for that change set.
        undoes: for an undo, the id of the change set that it undid.
    """

    id: int
    conference_id: str
    recorded_at: datetime.datetime
    changes: Mapping[str, Change]
    outcome: EntryOutcome
    before: Json
    masked: frozenset[str] = frozenset()
    change_set: str = field(factory=_new_id)
    label: str | None = None
    undoes: str | None = None
