"""What takes a change back: which entry of the journal is the last change, and its inverse."""

from collections.abc import Sequence
from typing import Any

from .changes import CLEAR
from .contract import UPDATE, Json, Omission, fields
from .errors import ConferencesError, UnsafeUpdateError
from .plan import Change, Entry
from .results import UpdateReport
from .steps import Steps
from .target import Target
from .update import Intent, SafeUpdate
from .values import equivalent, is_coarser

_CONFLICT = "Name the values that are to stay in an update; `history` has those from before."


def undo(target: Target) -> Steps[tuple[dict[str, Any], UpdateReport]]:
    _candidates(target.conference_id, (yield from target.history(to_undo=True)))  # or no request is sent

    def decide(now: Json) -> Steps[Intent]:
        # Once more, under the lock: somebody else may have undone it meanwhile.
        return inverse(target.conference_id, (yield from target.history(to_undo=True)), now)

    return (yield from SafeUpdate(target, decide).steps())


def inverse(conference_id: str, entries: Sequence[Entry], now: Json) -> Intent:
    """The inverse of the last change of these entries (the latest first), to be merged onto the conference as it is
    `now`; nothing, where no change was carried out as far as that can be seen.
    """
    last = next((entry for entry in _candidates(conference_id, entries) if _was_carried_out(entry, now)), None)
    if last is None:
        return Intent({}, base=now)
    changes = _known(last)
    nulls = [n for n, (old, _) in changes.items() if old is None and fields(UPDATE)[n].omission is not Omission.NULL]
    lost = dict.fromkeys(nulls, "was null before, which a PUT cannot bring back")
    lost |= dict.fromkeys(changes.keys() & last.masked, "held the API token, which the journal does not keep")
    if lost:
        raise UnsafeUpdateError(conference_id, lost, advice="Name a value for it in an update.")
    asked = {name: CLEAR if old is None else old for name, (old, _) in changes.items()}
    after = {name: new for name, (_, new) in changes.items()}
    return Intent(asked, base={**last.before, **after}, advice=_CONFLICT)


def _candidates(conference_id: str, entries: Sequence[Entry]) -> list[Entry]:
    found = [entry for entry in entries if entry.outcome != "not applied" and _known(entry)]
    if not found:
        said = f"The journal knows no change of conference {conference_id!r} to undo."
        raise ConferencesError(said, conference_id=conference_id)
    return found


def _known(entry: Entry) -> dict[str, Change]:
    """The changes of fields that the contract still has."""
    return {name: change for name, change in entry.changes.items() if name in fields(UPDATE)}


def _was_carried_out(entry: Entry, now: Json) -> bool:
    """Whether an entry is a change: one of unknown outcome is where a value of it is on the server."""
    return entry.outcome == "applied" or any(
        equivalent(fields(UPDATE)[name].kind, change.after, now[name]) or is_coarser(now[name], change.after)
        for name, change in _known(entry).items()
    )
