"""Many conferences: the outlook, the work with its progress, and the report."""

import collections
import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from signalwire_conferences import (
    Change,
    ChangeSetResult,
    ConferenceResult,
    ConferencesError,
    ConflictError,
    ServerChoice,
    UpdatePlan,
    UpdateReport,
)
from signalwire_conferences.errors import printable

from .codes import DONE, INTERRUPTED, NOT_DONE, CommandError, error_json, exit_code, in_json, in_shell
from .command import Run
from .terminal import json_text

_MOST_GROUPS, _MOST_NAMED = 12, 3
LOOKED_AT = "matched when looked at"  # others may have changed them since
UNCHANGED = "No PUT was sent; the conference is unchanged."
Changes = Mapping[str, Change]


@define
class Tally:
    """The results of conferences, or the expected ones, by id."""

    changes: dict[str, Changes] = field(factory=dict)
    unchanged: list[str] = field(factory=list)
    failed: dict[str, BaseException] = field(factory=dict)
    change_set: str | None = None
    created: list[str] = field(factory=list)
    deleted: list[str] = field(factory=list)
    is_interrupted: bool = False
    is_abandoned: bool = False

    def add(self, conference_id: str, became: "UpdatePlan[Any] | UpdateReport | BaseException | None") -> str:
        """Record the result of one, or the expected one; returns it as a word."""
        try:
            if isinstance(became, BaseException):
                raise became  # noqa: TRY301 - like a plan that is refused
            if isinstance(became, UpdatePlan):
                refuse(became)
        except Exception as error:  # noqa: BLE001 - it is reported
            self.failed[conference_id] = error
            return "refused" if isinstance(became, UpdatePlan) else "failed"
        if isinstance(became, UpdateReport):
            self.change_set = became.change_set
        if became is not None and became.changes:
            self.changes[conference_id] = became.changes
            return "to change" if isinstance(became, UpdatePlan) else "changed"
        self.unchanged.append(conference_id)
        return "unchanged"

    def sort(self, ids: Iterable[str]) -> None:
        """Put them in the order of these ids; until now they are in the order in which they ended."""
        place = {each: number for number, each in enumerate(ids)}

        def key(each: str) -> int:
            return place.get(each, len(place))

        self.changes = {each: self.changes[each] for each in sorted(self.changes, key=key)}
        self.failed = {each: self.failed[each] for each in sorted(self.failed, key=key)}
        self.unchanged.sort(key=key)

    @property
    def code(self) -> int:
        """The exit code."""
        if self.is_interrupted or not self.failed:
            return INTERRUPTED if self.is_interrupted else DONE
        done = self.changes or self.unchanged or self.created or self.deleted
        codes = {*map(exit_code, self.failed.values())}
        return codes.pop() if not done and len(codes) == 1 else NOT_DONE  # as for a single one

    def as_json(self, *, dry_run: bool) -> dict[str, Any]:
        """The results as JSON."""
        return {
            "dry_run": dry_run,
            "change_set": self.change_set,
            "changed": list(self.changes),
            "unchanged": self.unchanged,
            "failed": {each: error_json(error) for each, error in self.failed.items()},
            **{name: ids for name, ids in (("created", self.created), ("deleted", self.deleted)) if ids},
            "changes": {each: changes_json(changes) for each, changes in self.changes.items()},
        }


def until_interrupted(tally: Tally, call: Callable[[], ChangeSetResult | None]) -> ChangeSetResult | None:
    """The result of a call; if Ctrl-C ended it early, the result so far."""
    try:
        return call()
    except KeyboardInterrupt as error:
        tally.is_interrupted = True
        result: ChangeSetResult | None = getattr(error, "result", None)
        # A second one waits for nothing, and what is done one after the other ends at the first.
        tally.is_abandoned = result is None or isinstance(error.__context__, KeyboardInterrupt)
        return result


@frozen
class Work:
    """Changes of many conferences.

    Attributes:
        jobs: id -> changes, as an update takes them.
        resets: fields that may be reset.
        concurrency: how many at once; `None` is the default of the library.
        label: name of the change set.
        seen: id -> the values of these fields that were shown; a field that has neither this value now nor the new one
            is a conflict.
    """

    jobs: Mapping[str, Mapping[str, Any]]
    resets: Sequence[str] = ()
    concurrency: int | None = None
    label: str | None = None
    seen: dict[str, dict[str, Any]] = field(factory=dict)

    def planned(self, run: Run, look: Callable[[UpdatePlan[Any]], object] | None = None) -> Tally:
        """Plan all; `look` is called with each plan, instead of a progress bar."""
        tally, base = Tally(), dict(self.seen).__getitem__ if self.seen else None
        with progress(run, "planning", len(self.jobs), hidden=look is not None) as step:
            for each, plan in run.conferences.plan_many(list(self.jobs), base=base, **self._options()):
                step(tally.add(each, plan))
                if isinstance(plan, UpdatePlan):
                    self.seen[each] = {name: plan.before[name] for name in self.jobs[each] if name in plan.before}
                    if look is not None:
                        look(plan)
        return tally

    def written(self, run: Run, ids: Iterable[str]) -> Tally:
        """Carry out the changes of these ids; one failure does not stop the others."""
        tally, chosen = Tally(), list(ids)

        def told(result: ConferenceResult) -> None:
            step(tally.add(result.id, result.error or result.report))

        with progress(run, "writing", len(chosen)) as step:
            base = self.seen.__getitem__ if self.seen else None
            many = run.conferences.update_many
            update = functools.partial(many, chosen, label=self.label, on_progress=told, base=base)
            made = until_interrupted(tally, functools.partial(update, **self._options()))
        tally.sort(chosen)
        tally.change_set = None if made is None else made.change_set
        return tally

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"changes": self.jobs.__getitem__, "allow_reset": self.resets}
        return options if self.concurrency is None else {**options, "concurrency": self.concurrency}


def refuse(plan: UpdatePlan[Any]) -> None:
    """Raise what `plan.apply()` would raise before it writes, as far as that is known."""
    if plan.conflicts:
        raise ConflictError(plan.conference_id, plan.conflicts, state=UNCHANGED)
    if plan.changes:
        plan.refuse_losses(UNCHANGED)


def changes_json(changes: Changes) -> dict[str, Any]:
    """Changes of one conference as JSON, with the assumed value where the server chooses."""
    return {name: {"before": old, "after": in_json(new)} for name, (old, new) in changes.items()}


def summary(run: Run, tally: Tally) -> None:
    """Print what would change."""
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
    not_changed(run, tally)


def report(run: Run, tally: Tally, matched: str = "matched already") -> int:
    """Print the results; returns the exit code."""
    if not run.dry_run:
        run.terminal.say(
            f"{_conferences(len(tally.changes))} changed, {len(tally.unchanged)} {matched},"
            f" {len(tally.failed)} not changed."
        )
        if tally.is_interrupted:
            told = "may have been carried out or not, and is not counted" if tally.is_abandoned else "is finished"
            run.terminal.say(
                f"Interrupted. What was running {told}; run the same command again to do the rest.", "bold red"
            )
        not_changed(run, tally)
        if tally.change_set is not None and tally.changes and not run.no_journal:
            run.terminal.say(f"signalwire-conferences undo --change-set {tally.change_set} takes it back.", "dim")
    if run.as_json:  # last: the messages must come even if the output is full
        run.terminal.json(tally.as_json(dry_run=run.dry_run))
    return tally.code


def not_changed(run: Run, tally: Tally) -> None:
    """Print which were not changed and why, one row for each reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each, error in tally.failed.items():
        kind = "refused" if isinstance(error, CommandError) else type(error).__name__
        groups.setdefault((kind, _reason(error)), []).append(each)
    if groups:
        rows = [(some(ids), *why) for why, ids in groups.items()]
        run.terminal.rows(run.terminal.err, ("conference", "", "not changed, because"), rows)


@contextlib.contextmanager
def progress(run: Run, title: str, total: int | None, *, hidden: bool = False) -> Iterator[Callable[[str], None]]:
    """A progress bar with the time left and a tally, on a terminal only; yields a function for the outcomes."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - only for many

    tally: collections.Counter[str] = collections.Counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[tally]}"),
    )
    is_shown = run.terminal.stderr.isatty() and not run.terminal.err.is_dumb_terminal and total != 1 and not hidden
    with Progress(*columns, console=run.terminal.err, transient=True, disable=not is_shown) as bar:
        task = bar.add_task(title, total=total, tally="")

        def step(outcome: str) -> None:
            tally[outcome] += 1
            bar.update(task, advance=1, tally=", ".join(f"{count} {name}" for name, count in tally.items()))

        yield step


def selected(run: Run, holds: Callable[[Any], bool]) -> Iterable[Any]:
    """All conferences for which `holds` is true, with a count while they are read."""
    with progress(run, "reading", None) as step:
        for conference in run.conferences.paginate(page_size=1000):
            step("read")
            if holds(conference):
                yield conference


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, ServerChoice) else json_text(value)


def _reason(error: BaseException) -> str:
    advice = getattr(error, "advice", "") if isinstance(error, ConferencesError) else ""
    text = in_shell(f"{getattr(error, 'message', error)} {advice}", error)
    return printable(" ".join(text.split()))


def some(ids: Sequence[str]) -> str:
    """The first of many ids, and how many others."""
    more = len(ids) - _MOST_NAMED
    return ", ".join(ids) if more <= 1 else f"{', '.join(ids[:_MOST_NAMED])} and {more} others; --json names them"


def _conferences(number: int) -> str:
    return f"{number} conference{'' if number == 1 else 's'}"
