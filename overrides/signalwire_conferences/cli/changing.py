"""`create`, `plan`, `update`, `apply` and `delete`."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from signalwire_conferences import Conference, UpdatePlan, contract
from signalwire_conferences.changes import CLEAR, checked_changes, checked_create
from signalwire_conferences.plan import merge

from .codes import DONE, NOT_DONE, CommandError
from .command import Run
from .reading import Where
from .several import LOOKED_AT, Tally, Work, refuse, report, selected, summary
from .terminal import value_text
from .words import Words, checked_word, conditions, ids_from, opened, words_of

_MISSING = "Give at least one field=value."

AllowReset = Annotated[
    list[str] | None,
    typer.Option("--allow-reset", metavar="FIELD", help="A field that may be reset if a PUT cannot carry its value."),
]
Every = Annotated[bool, typer.Option("--all", help="All conferences of the space.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", min=1, max=200, help="How many at once.")]
Label = Annotated[str | None, typer.Option("--label", help='Name of this change in the history: "rebrand 2027".')]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the conference.")]


def create(
    run: Run, words: Annotated[list[str] | None, words_of(contract.CREATE, "FIELD=VALUE...", "See below.")] = None
) -> None:
    r"""Create a conference, and print its id.

    \b
      create name=stand-up display_name="Stand-up" layout=5up
    """
    found = Words.read(words or [], contract.CREATE)
    if found.ids:
        raise CommandError(f"{found.ids[0]!r} is not field=value.")
    found.checked(lambda: checked_create(found.values))
    if run.dry_run:
        body = checked_create(found.values)
        if run.as_json:
            run.terminal.json(body)
        for name, value in [] if run.as_json else body.items():
            run.terminal.data(f"+ {name}: " + value_text(name, value).plain)
        return
    conference = run.conferences.create(**found.values)
    if run.as_json:
        run.terminal.json(conference.to_dict())
    else:
        run.terminal.data(value_text(None, conference["id"]))


def plan(
    run: Run,
    words: Annotated[
        list[str] | None,
        words_of(
            contract.UPDATE,
            "[ID]... FIELD=VALUE...",
            "Conferences (- reads ids from standard input) and new values, see below.",
        ),
    ] = None,
    every: Every = False,
    where: Where = None,
    allow_reset: AllowReset = None,
    concurrency: Concurrency = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Save the plan for `apply`.")] = None,
) -> int:
    r"""Show what an update would do, and write nothing. With --out FILE or --json > FILE, `apply FILE` does it later.

    \b
      plan ID display_name="Team Meeting v2" --out plan.json
      plan --where 'name~stand-*' layout=5up --out plans.json
    """
    resets = allow_reset or []
    found, piped = _read(words, every, where, resets)
    ids = _selected(run, found, piped, every, where, resets)
    if len(ids) == 1 and not (every or where):
        made = run.conferences.plan(ids[0], allow_reset=resets, **found.values)
        _keep(run, made.to_json(), out)
        if not run.as_json:
            run.terminal.plan(made)
        return NOT_DONE if made.at_risk or made.conflicts else DONE
    plans = list[UpdatePlan[Any]]()
    outlook = Work(dict.fromkeys(ids, found.values), resets, concurrency).planned(run, plans.append)
    texts = (each.to_json().rstrip() for each in plans if each.conference_id in outlook.changes)
    _keep(run, f"[{', '.join(texts)}]\n", out)
    summary(run, outlook)
    return outlook.code


def _keep(run: Run, text: str, out: Path | None) -> None:
    if out is not None:
        try:
            out.write_text(text, "utf-8")
        except OSError as error:
            raise CommandError(f"{str(out)!r} cannot be written: {error.strerror}.") from None
    if run.as_json:
        run.terminal.stdout.write(text)


def update(
    run: Run,
    words: Annotated[
        list[str] | None,
        words_of(
            contract.UPDATE,
            "[ID]... FIELD=VALUE...",
            "Conferences (- reads ids from standard input) and new values, see below.",
        ),
    ] = None,
    every: Every = False,
    where: Where = None,
    allow_reset: AllowReset = None,
    concurrency: Concurrency = None,
    label: Label = None,
) -> int:
    r"""Change fields of one or many conferences, and keep all other fields. Shows the plan, then asks.

    \b
      update ID display_name="Team Meeting v2" dark_primary=#112233
      update --where 'name~stand-*' layout=5up
      list --where size=large | signalwire-conferences update - quality=1080p --yes
    """
    resets = allow_reset or []
    found, piped = _read(words, every, where, resets)
    run.may_write(piped=piped)
    ids = _selected(run, found, piped, every, where, resets)
    if len(ids) == 1 and not (every or where) and label is None:
        made = run.conferences.plan(ids[0], allow_reset=resets, **found.values)
        return carry_out(run, made)
    return change_all(run, Work(dict.fromkeys(ids, found.values), resets, concurrency, label))


def _read(words: list[str] | None, every: bool, where: list[str] | None, resets: list[str]) -> tuple[Words, bool]:
    """The words of an update, checked, and whether there are ids on the standard input."""
    found = Words.read(words or [], contract.UPDATE)
    if piped := "-" in found.ids:
        found.ids.remove("-")
    _check(found, resets, lambda: conditions(where or ()))
    if (found.ids or piped) and (every or where):
        raise CommandError(f"Give either ids or {'--all' if every else '--where'}, not both.")
    if not (found.ids or piped or every or where):
        raise CommandError("Which conferences? Give ids, - to read ids from standard input, --all, or --where.")
    return found, piped


def _selected(
    run: Run, found: Words, piped: bool, every: bool, where: list[str] | None, resets: list[str]
) -> list[str]:
    """The ids that were given, or those of the conferences that meet the conditions."""
    if piped:
        with opened(Path("-")) as stream:
            found.ids.extend(ids_from(stream))
        _check(found, resets)
    if every or where:
        terms = conditions(where or ())
        return [each["id"] for each in selected(run, lambda each: all(term.holds(each) for term in terms))]
    return list(dict.fromkeys(found.ids))


def apply(
    run: Run,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Saved by `plan`; - is standard input.")],
    concurrency: Concurrency = None,
    label: Label = None,
) -> int:
    """Carry out saved plans. What others changed since is kept; a conflict is refused."""
    run.may_write(piped=str(file) == "-")
    try:
        with opened(file) as stream:
            text = stream.read()
    except UnicodeError:
        raise CommandError(f"{str(file)!r} cannot be read: it is not UTF-8 text.") from None
    if text.lstrip().startswith("["):
        return change_all(run, _work(run, text, concurrency, label))
    made: UpdatePlan[Any] = UpdatePlan.from_json(run.client, text)
    it, now = made.intent, run.conferences.plan(made.conference_id).before
    merged = merge(made.conference_id, it.base or made.before, now, it.asked, it.resets, sent=False)
    return carry_out(run, merged, made.apply)


def _work(run: Run, text: str, concurrency: int | None, label: str | None) -> Work:
    """The plans of several conferences, as one `plan` kept them."""
    try:
        said = [json.dumps(each) for each in json.loads(text)]
    except (ValueError, RecursionError):
        raise CommandError("The plans are not JSON.") from None
    Words().checked(*(functools.partial(UpdatePlan.from_json, run.client, each) for each in said))
    plans = {made.conference_id: made for made in (UpdatePlan.from_json(run.client, each) for each in said)}
    ways = {made.intent.resets for made in plans.values()}
    if len(plans) < len(said) or len(ways) > 1 or any(made.intent.undoes for made in plans.values()):
        raise CommandError("These plans are not of one `plan`; apply each alone, from a file of its own.")
    jobs = {
        each: {name: None if value is CLEAR else value for name, value in made.intent.asked.items()}
        for each, made in plans.items()
    }
    seen = {each: {name: made.before[name] for name in jobs[each]} for each, made in plans.items()}
    return Work(jobs, sorted(*ways) if ways else (), concurrency, label, seen)


def delete(run: Run, ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of conferences.")]) -> int:
    """Delete conferences for good. Asks first; `export` saves their settings."""
    Words().checked(*(functools.partial(checked_word, each) for each in ids))
    run.may_write()
    for conference in [run.conferences.get(each) for each in dict.fromkeys(ids)]:
        line = f"- {conference['id']}  " + value_text(None, conference["display_name"]).plain
        (run.terminal.say if run.as_json else run.terminal.data)(line)
    deleted = []
    if run.agreed(f"Delete {'it' if len(ids) == 1 else f'these {len(ids)}'} for good?"):
        for each in dict.fromkeys(ids):
            run.conferences.delete(each)
            deleted.append(each)
            run.terminal.say(f"Deleted {each}.")
    if run.as_json:
        run.terminal.json({"dry_run": run.dry_run, "deleted": deleted})
    return DONE


def carry_out(run: Run, made: UpdatePlan[Any], apply: Callable[[], Conference] | None = None) -> int:
    """Show a plan of one conference, ask, and apply it."""
    if not made.conflicts:
        run.terminal.plan(made, as_talk=run.as_json)
    refuse(made)
    tally = Tally()
    tally.add(made.conference_id, made)
    if tally.changes and run.agreed("Apply this plan?"):
        tally = Tally()
        tally.add(made.conference_id, (apply or made.apply)().report)
    return report(run, tally)


def change_all(run: Run, work: Work) -> int:
    """Plan changes of many conferences, ask, and carry them out. With --yes, there is no plan first."""
    if not work.jobs:
        run.terminal.say("No conference is selected.")
    if run.yes and not run.dry_run:
        return report(run, work.written(run, work.jobs))
    outlook = work.planned(run)
    if work.jobs and not (run.as_json and run.dry_run):
        summary(run, outlook)
    if not outlook.changes or not run.agreed(f"Change {len(outlook.changes)}?"):
        return report(run, outlook)
    done = work.written(run, outlook.changes)
    done.unchanged += outlook.unchanged
    done.failed |= outlook.failed
    return report(run, done, LOOKED_AT)


def _check(found: Words, resets: Any, *others: Any) -> None:
    if not found.values and not found.problems:
        raise CommandError(_MISSING)
    ids = (functools.partial(checked_word, each) for each in found.ids)
    found.checked(lambda: checked_changes(found.values, resets, "id"), *ids, *others)
