"""What was done: change sets, and their entries in the journal."""

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
    """What one call does: one update, or all those of a fleet.

    Attributes:
        id: unique, and in the order of time.
        label: what the caller calls it.
    """

    id: str = field(factory=_new_id)
    label: str | None = None


@frozen
class Entry:
    """An update that the journal knows.

    Attributes:
        id: the number of the entry; a later one has a higher number.
        conference_id: the conference; the id in lower case if it is a UUID.
        recorded_at: when the before-image was put on disk, UTC.
        changes: field -> value before and after, JSON.
        outcome: "applied", "not applied", "unchanged": there was nothing to change, or "unknown": nobody could tell
            whether it was carried out.
        before: the whole conference as it was, JSON as the server sent it.
        masked: the fields whose value, before or after, is kept without the token that was in it.
        change_set: the id of the change set; what one call did has the same.
        label: what the caller called that change set.
        undoes: the id of the change set that this one took back, where it is an undo.
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
