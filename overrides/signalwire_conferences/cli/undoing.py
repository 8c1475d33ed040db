"""`history` and `undo`."""

from typing import Annotated, Any

import typer

from signalwire_conferences import Conference, ConferenceResult, UpdatePlan

from .changing import carry_out
from .codes import CommandError
from .command import Run
from .several import Tally, changes_json, progress, report, summary, until_interrupted
from .terminal import json_text
from .words import checked_word

Id = Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of the conference.")]
ChangeSet = Annotated[str | None, typer.Option("--change-set", metavar="ID", help="What one call did, as a whole.")]


def history(run: Run, id_: Id = None, change_set: ChangeSet = None) -> None:
    """Show what the journal knows, the latest first: of the space, of a conference, or of a change set."""
    checked_word(id_)
    entries = run.conferences.history(*([] if id_ is None else [id_]), change_set=change_set)
    terminal = run.terminal
    if run.as_json:
        terminal.json([_entry(each) for each in entries])
    else:
        titles = ("entry", "when", "change set", "label", "conference", "outcome", "changes")
        terminal.rows(terminal.out, titles, map(_cells, entries))


def undo(
    run: Run,
    id_: Id = None,
    change_set: ChangeSet = None,
    entry: Annotated[int | None, typer.Option("--entry", metavar="N", help="One entry of the history.")] = None,
) -> int:
    """Take a change back: the last one of a conference, a whole change set, or one entry. Shows the plan, then asks.

    What others changed since stays. Done twice, the second one finds all as it should be.
    """
    checked_word(id_)
    run.may_write()
    if id_ is None and change_set is None and entry is None:
        raise CommandError("Which change? Give the id of a conference, --change-set or --entry; `history` shows them.")
    if change_set is not None and id_ is None and entry is None:
        return _change_set(run, change_set)
    ids = [] if id_ is None else [id_]
    which: dict[str, Any] = {"change_set": change_set} if entry is None else {"change_set": change_set, "entry": entry}
    plan: UpdatePlan[Conference] = run.conferences.plan_undo(*ids, **which)
    return carry_out(run, plan, lambda: run.conferences.undo(*ids, **which))


def _change_set(run: Run, change_set: str) -> int:
    conferences = run.conferences
    ids = sorted({each.conference_id for each in conferences.history(change_set=change_set)})
    outlook, done = Tally(), Tally()

    def planned(pair: tuple[str, UpdatePlan[Conference] | Exception]) -> None:
        outlook.add(*pair)
        if isinstance(pair[1], UpdatePlan):
            run.terminal.plan(pair[1], as_talk=run.as_json)

    if run.dry_run or not run.yes:
        conferences.plan_undo(change_set=change_set, on_progress=planned)
        summary(run, outlook)
        if not outlook.changes or not run.agreed(f"Take back {len(outlook.changes)}?"):
            return report(run, outlook)
    with progress(run, "writing", len(ids)) as step:

        def told(result: ConferenceResult) -> None:
            step(done.add(result.id, result.error or result.report))

        result = until_interrupted(done, lambda: conferences.undo(change_set=change_set, on_progress=told))
    done.change_set = None if result is None else result.change_set
    done.sort(ids)
    return report(run, done)


def _cells(entry: Any) -> tuple[Any, ...]:
    changes = ", ".join(f"{name}: {json_text(old)} -> {json_text(new)}" for name, (old, new) in entry.changes.items())
    when = f"{entry.recorded_at:%Y-%m-%d %H:%M:%S}Z"
    return (entry.id, when, entry.change_set, entry.label or "", entry.conference_id, entry.outcome, changes)


def _entry(entry: Any) -> dict[str, Any]:
    names = ("id", "conference_id", "change_set", "label", "outcome", "undoes")
    told = {name: getattr(entry, name) for name in names}
    return told | {"recorded_at": entry.recorded_at.isoformat(), "changes": changes_json(entry.changes)}
