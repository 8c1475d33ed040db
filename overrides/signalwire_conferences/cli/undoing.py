"""`history` and `undo`."""

import itertools
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from signalwire_conferences import Conference, ConferenceResult, Entry, UpdatePlan

from .changing import carry_out
from .codes import CommandError
from .command import Run
from .several import Tally, changes_json, progress, report, some, summary, until_interrupted
from .terminal import Terminal, json_text, shown
from .words import checked_word

Id = Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of the conference.")]
ChangeSet = Annotated[str | None, typer.Option("--change-set", metavar="ID", help="The changes of one call.")]


def history(
    run: Run,
    id_: Id = None,
    change_set: ChangeSet = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the latest N.")] = None,
) -> None:
    """Show the journal, latest first: of the space, a conference, or a change set."""
    checked_word(id_)
    _check_journal(run)
    entries = run.conferences.history(*([] if id_ is None else [id_]), change_set=change_set)[:limit]
    of = "in this space" if id_ is None else f"of conference {id_!r}"
    if not entries and change_set is not None:
        raise CommandError(f"The journal has no change set {change_set!r} {of}.")
    terminal = run.terminal
    if run.as_json:
        terminal.json([_entry(each) for each in entries])
    elif not entries:
        terminal.say(f"The journal has no change {of}.")
    elif terminal.stdout.isatty():
        for _, group in itertools.groupby(entries, lambda each: each.change_set):
            _tell(terminal, list(group))
    else:
        terminal.rows(terminal.out, (), map(_cells, entries))


def undo(
    run: Run,
    id_: Id = None,
    change_set: ChangeSet = None,
    entry: Annotated[int | None, typer.Option("--entry", metavar="N", help="One entry of the history.")] = None,
) -> int:
    """Undo a change: the last one of a conference, a whole change set, or one entry. Shows the plan, then asks.

    What others changed since is kept. A second run changes nothing.
    """
    checked_word(id_)
    _check_journal(run)
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
        if not outlook.changes or not run.agreed(f"Undo {len(outlook.changes)}?"):
            return report(run, outlook)
    with progress(run, "writing", len(ids)) as step:

        def told(result: ConferenceResult) -> None:
            step(done.add(result.id, result.error or result.report))

        result = until_interrupted(done, lambda: conferences.undo(change_set=change_set, on_progress=told))
    done.change_set = None if result is None else result.change_set
    done.sort(ids)
    return report(run, done)


def _check_journal(run: Run) -> None:
    """A path that is mistyped would be made as an empty journal."""
    if run.journal is not None and not run.journal.exists():
        raise CommandError(f"There is no journal {str(run.journal)!r}.")


def _tell(terminal: Terminal, entries: Sequence[Entry]) -> None:
    """A change set in lines, and not in a table, which would break ids where it is narrow."""
    terminal.data(
        Text(
            "  ".join(map(shown, filter(None, (entries[0].change_set, _when(entries[-1]), _label(entries[0]))))), "bold"
        )
    )
    same = [each for each in entries if each.outcome == "unchanged"]
    for each in entries:
        if each.outcome != "unchanged":
            terminal.data(
                "  ".join(map(shown, ("", each.conference_id, each.outcome, f"entry {each.id}", _changes(each))))
            )
    if same:
        terminal.data(f"  unchanged: {shown(some([each.conference_id for each in same]))}")


def _cells(entry: Entry) -> tuple[Any, ...]:
    """A line for programs that cut at tabs."""
    made = (entry.id, _when(entry), entry.change_set, _label(entry))
    return (*made, entry.conference_id, entry.outcome, _changes(entry))


def _when(entry: Entry) -> str:
    return f"{entry.recorded_at:%Y-%m-%d %H:%M:%S}Z"


def _label(entry: Entry) -> str:
    return entry.label or (f"undo of {entry.undoes}" if entry.undoes else "")


def _changes(entry: Entry) -> str:
    return ", ".join(f"{name}: {json_text(old)} -> {json_text(new)}" for name, (old, new) in entry.changes.items())


def _entry(entry: Entry) -> dict[str, Any]:
    names = ("id", "conference_id", "change_set", "label", "outcome", "undoes")
    told = {name: getattr(entry, name) for name in names}
    return told | {"recorded_at": entry.recorded_at.isoformat(), "changes": changes_json(entry.changes)}
