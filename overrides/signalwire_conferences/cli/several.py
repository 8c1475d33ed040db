"""Many conferences: what would become of each, the work with its progress, and what was not changed."""

import collections
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field

from signalwire_conferences import Change, ConferencesError, ConflictError, ServerChoice, UpdatePlan
from signalwire_conferences.errors import printable

from .codes import DONE, NOT_DONE, error_json, in_shell
from .command import Run
from .terminal import json_text

_MOST_GROUPS = 12
UNCHANGED = "No PUT was sent; the conference is unchanged."
Changes = Mapping[str, Change]


@define
class Tally:
    """What became of conferences, or would: by id."""

    changes: dict[str, Changes] = field(factory=dict)
    unchanged: list[str] = field(factory=list)
    failed: dict[str, BaseException] = field(factory=dict)
    change_set: Any = None
    created: list[str] = field(factory=list)
    deleted: list[str] = field(factory=list)
    plans: list[UpdatePlan[Any]] = field(factory=list)

    @classmethod
    def of(cls, plans: Iterable[UpdatePlan[Any]]) -> "Tally":
        """What plans would do."""
        tally = cls()
        for plan in plans:
            try:
                refuse(plan)
            except ConferencesError as error:
                tally.failed[plan.conference_id] = error
            else:
                if plan.changes:
                    tally.changes[plan.conference_id] = plan.changes
                else:
                    tally.unchanged.append(plan.conference_id)
        return tally

    @property
    def code(self) -> int:
        """The exit code that says it."""
        return NOT_DONE if self.failed else DONE

    def as_json(self, *, dry_run: bool) -> dict[str, Any]:
        """The same, for programs."""
        return {
            "dry_run": dry_run,
            "change_set": self.change_set,
            "changed": list(self.changes),
            "unchanged": self.unchanged,
            "failed": {each: error_json(error) for each, error in self.failed.items()},
            **{name: ids for name, ids in (("created", self.created), ("deleted", self.deleted)) if ids},
            "changes": {each: changes_json(changes) for each, changes in self.changes.items()},
        }


def refuse(plan: UpdatePlan[Any]) -> None:
    """Raises what `plan.apply()` would raise before it writes, as far as that can be seen."""
    if plan.conflicts:
        raise ConflictError(plan.conference_id, plan.conflicts, state=UNCHANGED)
    if plan.changes:
        plan.refuse_losses(UNCHANGED)


def changes_json(changes: Changes) -> dict[str, Any]:
    """Changes of one conference, for programs; of what the server chooses, what it is assumed to choose."""
    return {name: {"before": old, "after": _plain(new)} for name, (old, new) in changes.items()}


def summary(run: Run, tally: Tally) -> None:
    """What would change, before anybody is asked."""
    tell = run.terminal.say if run.as_json else run.terminal.data
    groups = collections.Counter(
        f"{name}: {_shown(old)} -> {_shown(new)}"
        for changes in tally.changes.values()
        for name, (old, new) in changes.items()
    )
    for text, count in groups.most_common(_MOST_GROUPS):
        tell(f"{count:>7}  {text}")
    if len(groups) > _MOST_GROUPS:
        tell(f"         and {len(groups) - _MOST_GROUPS} other changes; --json has them all")
    tell(
        f"{_conferences(len(tally.changes))} would change, {len(tally.unchanged)} match already,"
        f" {len(tally.failed)} are refused."
    )
    if not run.yes:
        not_changed(run, tally)


def report(run: Run, tally: Tally) -> int:
    """What became of them; gives the exit code."""
    if run.as_json:
        run.terminal.json(tally.as_json(dry_run=run.dry_run))
    if not run.dry_run:
        run.terminal.say(
            f"{_conferences(len(tally.changes))} changed, {len(tally.unchanged)} matched already,"
            f" {len(tally.failed)} not changed."
        )
        not_changed(run, tally)
        if tally.change_set is not None and tally.changes:
            run.terminal.say(f"signalwire-conferences undo --change-set {tally.change_set} takes it back.", "dim")
    return tally.code


def not_changed(run: Run, tally: Tally) -> None:
    """A table of what was not changed, and why."""
    if tally.failed:
        rows = [(each, type(error).__name__, _reason(error)) for each, error in tally.failed.items()]
        run.terminal.rows(run.terminal.err, ("conference", "", "not changed, because"), rows)


@contextlib.contextmanager
def progress(run: Run, title: str, total: int | None) -> Iterator[Callable[[str], None]]:
    """A bar with the time left and a live tally, where somebody looks; gives what is called with each outcome."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    tally: collections.Counter[str] = collections.Counter()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[tally]}"),
    )  # fmt: skip
    is_shown = run.terminal.stderr.isatty() and not run.terminal.err.is_dumb_terminal and total != 1
    with Progress(*columns, console=run.terminal.err, transient=True, disable=not is_shown) as bar:
        task = bar.add_task(title, total=total, tally="")

        def step(outcome: str) -> None:
            tally[outcome] += 1
            bar.update(task, advance=1, tally=", ".join(f"{count} {name}" for name, count in tally.items()))

        yield step


def selected(run: Run, holds: Callable[[Any], bool]) -> Iterable[Any]:
    """All conferences for which it holds, with a count while they are read."""
    with progress(run, "reading", None) as step:
        for conference in run.conferences.paginate(page_size=1000):
            step("read")
            if holds(conference):
                yield conference


def _plain(value: Any) -> Any:
    return value.assumed if isinstance(value, ServerChoice) else value


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, ServerChoice) else json_text(value)


def _reason(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "message", error)).split())
    advice = getattr(error, "advice", "") if isinstance(error, ConferencesError) else ""
    return printable(in_shell(f"{text} {advice}".strip()))


def _conferences(number: int) -> str:
    return f"{number} conference{'' if number == 1 else 's'}"
