"""What takes a change back: which entries of the journal are the change, and their inverse."""

from collections.abc import Sequence
from typing import Any

from .changes import CLEAR
from .contract import UPDATE, Json, Omission, fields
from .errors import ConferencesError, UnsafeUpdateError
from .history import Entry
from .plan import Change, Intent
from .results import UpdateReport
from .steps import Members, Recall, Steps
from .target import Target
from .update import SafeUpdate
from .values import equivalent, is_coarser

_CONFLICT = "Name the values that are to stay in an update; `history` has those from before."
NO_JOURNAL = "Build it with journal='conferences.sqlite' to have history and undo."


def recalled(step: Recall | Members, journaled: bool) -> Steps[Sequence[Any]]:
    """What the journal holds; `ConferencesError` where there is none."""
    if not journaled:
        raise ConferencesError("This client has no journal.", conference_id=step.key, advice=NO_JOURNAL)
    found: Sequence[Any] = yield from step
    return found


def members(change_set: str, journaled: bool) -> Steps[Sequence[str]]:
    """The ids of the conferences of a change set."""
    found = yield from recalled(Members(change_set), journaled)
    if not found:
        raise ConferencesError(f"The journal knows no change set {change_set!r}.")
    return found


def member(entry: int, journaled: bool) -> Steps[str]:
    """The id of the conference of an entry."""
    found: Sequence[Entry] = yield from recalled(Recall(entry=entry, to_undo=True), journaled)
    if not found:
        raise ConferencesError(f"The journal knows no entry {entry}.")
    return found[0].conference_id


def undo(
    target: Target, change_set: str | None = None, entry: int | None = None
) -> Steps[tuple[dict[str, Any], UpdateReport]]:
    """Take a change of this conference back: that of a change set, of one entry, or the last one."""
    return (yield from (yield from undoing(target, change_set, entry)).steps())


def undoing(target: Target, change_set: str | None = None, entry: int | None = None) -> Steps[SafeUpdate]:
    """The safe update that does so; `ConferencesError` where there is nothing to undo."""
    named = None if change_set is None and entry is None else Recall(target.key, True, change_set, entry)

    def recall() -> Steps[tuple[Sequence[Entry], Sequence[Entry] | None]]:
        known = yield from recalled(Recall(target.key, to_undo=named is None), target.journaled)
        return known, None if named is None else (yield from named)

    def decide(now: Json) -> Steps[Intent]:
        # Once more, under the lock: somebody else may have undone it meanwhile.
        known, picked = yield from recall()
        return inverse(target.conference_id, known, now, picked)

    known, picked = yield from recall()
    _candidates(target.conference_id, known, picked)  # or no request is sent
    return SafeUpdate(target, decide)


def inverse(conference_id: str, entries: Sequence[Entry], now: Json, named: Sequence[Entry] | None = None) -> Intent:
    """The inverse of a change, to be merged onto the conference as it is `now`: of the `named` entries, else of the
    last change among `entries`, which are those of the conference, that is no undo. Nothing, where that had nothing to
    change, was not carried out as far as that can be seen, or was undone before.
    """
    had_been = {one.undoes for one in entries if one.changes}  # so whoever undid it found

    def was_carried_out(entry: Entry) -> bool:
        known = entry.outcome == "unknown" and (entry.change_set in had_been or _is_there(entry, now))
        return entry.outcome == "applied" or known

    candidates = _candidates(conference_id, entries, named)
    last = next((one for one in candidates if one.outcome == "unchanged" or was_carried_out(one)), candidates[0])
    about = last.change_set
    picked = [one for one in entries if one.change_set == about] if named is None else named
    picked = [one for one in picked if was_carried_out(one)]
    nothing = Intent({}, base=now, undoes=about, undone_by=_undone(entries).get(about))
    if nothing.undone_by or not picked:
        return nothing
    changes = dict[str, Change]()
    for entry in reversed(picked):  # from the values before the first to those after the last
        changes |= {name: Change(changes.get(name, one).before, one.after) for name, one in _known(entry).items()}
    changes = {n: one for n, one in changes.items() if not equivalent(fields(UPDATE)[n].kind, *one)}
    masked = {name for entry in picked for name in entry.masked}
    nulls = [n for n, (old, _) in changes.items() if old is None and fields(UPDATE)[n].omission is not Omission.NULL]
    lost = dict.fromkeys(nulls, "was null before, which a PUT cannot bring back")
    lost |= dict.fromkeys(changes.keys() & masked, "held the API token, which the journal does not keep")
    if lost:
        raise UnsafeUpdateError(conference_id, lost, advice="Name a value for it in an update.")
    asked = {name: CLEAR if old is None else old for name, (old, _) in changes.items()}
    after = {name: new for name, (_, new) in changes.items()}
    return Intent(asked, base={**picked[0].before, **after}, advice=_CONFLICT, undoes=about)


def _candidates(conference_id: str, entries: Sequence[Entry], named: Sequence[Entry] | None) -> Sequence[Entry]:
    """The entries that may be the change to undo, the latest first."""
    found = named
    if named is None:
        found = [one for one in entries if not one.undoes and one.outcome != "not applied"]
        found = [one for one in found if one.outcome == "unchanged" or _known(one)]
    if not found:
        said = f"The journal knows no change of conference {conference_id!r} to undo."
        raise ConferencesError(said, conference_id=conference_id)
    return found


def _undone(entries: Sequence[Entry]) -> dict[str, str]:
    """What was undone and is so still: change set -> the change set that undid it. The latest comes first, so that
    an undo that was undone is known to be.
    """
    undone = dict[str, str]()
    for entry in entries:
        if entry.undoes and entry.outcome == "applied" and entry.change_set not in undone:
            undone.setdefault(entry.undoes, entry.change_set)
    return undone


def _known(entry: Entry) -> dict[str, Change]:
    """The changes of fields that the contract still has."""
    return {name: change for name, change in entry.changes.items() if name in fields(UPDATE)}


def _is_there(entry: Entry, now: Json) -> bool:
    """Whether a value of an entry is on the server."""
    return any(
        equivalent(fields(UPDATE)[name].kind, change.after, now[name]) or is_coarser(now[name], change.after)
        for name, change in _known(entry).items()
    )
