"""What takes a change back: which entry of the journal is the last change, and its inverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .changes import CLEAR
from .contract import UPDATE, Omission, fields
from .errors import ConferencesError, UnsafeUpdateError
from .plan import Change, Entry
from .results import UpdateReport
from .steps import Recall, Steps
from .target import Target
from .update import Intent, SafeUpdate
from .values import equivalent, is_coarser

_CONFLICT = "Name the values that are to stay in an update; `history` has those from before."


def undo(target: Target) -> Steps[tuple[dict[str, Any], UpdateReport]]:
    """Take the last change of the journal back.

    Raises:
        ConferencesError: there is no journal, or it knows no change of this conference.
        UnsafeUpdateError, ConflictError, VerificationError, ApiError, ...: as a `SafeUpdate`.
    """
    target.require_journal()
    _candidates(target.conference_id, (yield from Recall(target.key, to_undo=True)))  # or no request is sent

    def decide(now: Mapping[str, Any]) -> Steps[Intent]:
        # Once more, under the lock: somebody else may have undone it meanwhile.
        return inverse(target.conference_id, (yield from Recall(target.key, to_undo=True)), now)

    return (yield from SafeUpdate(target, decide).steps())


def inverse(conference_id: str, entries: Sequence[Entry], now: Mapping[str, Any]) -> Intent:
    """The inverse of the last change, to be merged onto the conference as it is now; nothing, where
    no change was carried out as far as that can be seen.

    Args:
        conference_id: for messages.
        entries: the journal's, the latest first.
        now: the conference.

    Raises:
        ConferencesError: the journal knows no change of this conference.
        UnsafeUpdateError: a value from before cannot be sent.
    """
    entries = _candidates(conference_id, entries)
    last = next((entry for entry in entries if _was_carried_out(entry, now)), None)
    changes = {} if last is None else _known(last)
    lost = {
        name: "was null before, which a PUT cannot bring back"
        for name, change in changes.items()
        if change.before is None and fields(UPDATE)[name].omission is not Omission.NULL
    }
    masked = changes.keys() & (last.masked if last else ())
    lost |= dict.fromkeys(masked, "held the API token, which the journal does not keep")
    if lost:
        raise UnsafeUpdateError(conference_id, lost, advice="Name a value for it in an update.")
    asked = {name: CLEAR if change.before is None else change.before for name, change in changes.items()}
    before = now if last is None else last.before
    after = {name: change.after for name, change in changes.items()}
    return Intent(asked, base={**before, **after}, advice=_CONFLICT)


def _candidates(conference_id: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that may be a change."""
    found = [entry for entry in entries if entry.outcome != "not applied" and _known(entry)]
    if not found:
        raise ConferencesError(
            f"The journal knows no change of conference {conference_id!r} to undo.",
            conference_id=conference_id,
        )
    return found


def _known(entry: Entry) -> dict[str, Change]:
    """The changes of fields that the contract still has."""
    return {name: change for name, change in entry.changes.items() if name in fields(UPDATE)}


def _was_carried_out(entry: Entry, now: Mapping[str, Any]) -> bool:
    """Whether an entry is a change: one of unknown outcome is where a value of it is on the server."""
    return entry.outcome == "applied" or any(
        equivalent(fields(UPDATE)[name].kind, change.after, now[name]) or is_coarser(now[name], change.after)
        for name, change in _known(entry).items()
    )
