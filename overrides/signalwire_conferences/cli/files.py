"""`export` and `restore`: all conferences as one file."""

import functools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from signalwire_conferences import (
    AuthenticationError,
    ConferencesError,
    JournalError,
    PermissionDeniedError,
    Problem,
    contract,
    states,
)
from signalwire_conferences.changes import checked_create
from signalwire_conferences.contract import Json
from signalwire_conferences.state_file import State
from signalwire_conferences.states import Drift

from .changing import AllowReset, Concurrency, Label
from .codes import NOT_DONE, CommandError
from .command import Run
from .several import LOOKED_AT, Tally, Work, not_changed, report, selected, until_interrupted
from .terminal import json_text, shown
from .words import opened

Jobs = list[tuple[str, Callable[[], None]]]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A file as `export` writes it; - is standard input.")]


def export(
    run: Run,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The file; standard output if missing.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Write the JSON Schema of such a file instead.")] = False,
) -> None:
    """Write every writable field of all conferences into one YAML file, in a stable order.

    Keep it in git, review its changes, `restore` it. conferences.schema.json is written beside FILE; editors use it to
    complete and check the file. --json writes JSON, which `restore` reads too.
    """
    count = 0

    def counted() -> Iterator[Json]:
        nonlocal count
        for conference in selected(run, lambda _: True):
            count += 1
            yield conference

    parts: Iterable[str]
    if schema:
        parts = [states.schema().rstrip()]
    else:
        if run.as_json:
            listed = states.in_order(map(states.as_json, counted()))
            parts = [json_text(states.as_document(listed, run.space), indent=1)]
        else:
            parts = states.as_yaml(counted(), run.space)
    if file is None or str(file) == "-":
        for part in parts:
            run.terminal.stdout.write(f"{part}\n")
        return
    write(file, parts)
    if not schema and file.is_file():
        write(file.with_name(states.SCHEMA), [states.schema().rstrip()])
        run.terminal.say(f"{count} conferences are in {file}; its schema is {states.SCHEMA} beside it.")


def restore(
    run: Run,
    file: File,
    create: Annotated[bool, typer.Option("--create", help="Create those that only the file has.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete those that are not in the file.")] = False,
    allow_reset: AllowReset = None,
    concurrency: Concurrency = None,
    label: Label = None,
) -> int:
    """Change conferences to what a file says. Shows what is different, then asks.

    A field that the file leaves out keeps its value. --dry-run reports drift, and exits with 1 if there is any.
    """
    resets = allow_reset or []
    run.may_write(piped=str(file) == "-")
    with opened(file) as stream:
        said = states.read_states(stream, run.space if prune else None, resets)
    found = states.drift(said, selected(run, lambda _: True))
    del said  # frees memory; `found` has the differences
    made, gone = (found.missing if create else []), (found.extra if prune else [])
    states.refuse(_wrong(found, made), "nothing was written")
    work = Work(found.changes, resets, concurrency, label)
    outlook = work.planned(run, functools.partial(run.terminal.plan, as_talk=run.as_json))
    outlook.unchanged += found.same
    refused = dict(found.refused)
    for state in [] if create else found.missing:
        refused[state.id or state.name or ""] = "There is no such conference in this space. --create creates it."
    outlook.failed |= {each: CommandError(why, NOT_DONE) for each, why in refused.items()}
    _show(run, found, outlook, made, gone)
    if run.dry_run:
        report(run, outlook)
        return NOT_DONE if outlook.changes or outlook.failed or found.missing or gone else outlook.code
    parts = (f"change {len(outlook.changes)}", f"create {len(made)}", f"delete {len(gone)}")
    asked = ", ".join(each for each in parts if not each.endswith(" 0"))
    if not asked or not run.agreed(f"{asked.capitalize()}?"):
        return report(run, outlook)
    done = work.written(run, outlook.changes)
    done.unchanged += outlook.unchanged
    done.failed |= outlook.failed
    jobs: Jobs = [(state.name or state.id or "", functools.partial(_create, run, done, state)) for state in made]
    jobs += [(each["id"], functools.partial(_delete, run, done, each["id"])) for each in gone]
    if not done.is_interrupted:
        until_interrupted(done, functools.partial(_each, done, jobs))
    if done.created and any(state.id is not None for state in made):
        run.terminal.say(
            f"Created conferences have other ids than in {file}; they are known by name until you export again."
        )
    return report(run, done, LOOKED_AT)


def _wrong(found: Drift, made: list[State]) -> Iterator[Problem]:
    """The problems of values that would be written."""
    for each, state in found.states.items():
        yield from state.wrong(found.changes[each])
    for state in made:
        body, rest = _body(state)
        yield from state.refused(functools.partial(checked_create, body))
        yield from state.wrong(rest)


def _show(run: Run, found: Drift, outlook: Tally, made: list[State], gone: list[Any]) -> None:
    tell = run.terminal.say if run.as_json else run.terminal.data
    for state in made:
        tell(f"create {shown(state.name or state.id)}: {shown(state.fields.get('display_name'))}")
    for each in gone:
        tell(f"delete {shown(each['id'])}: {shown(each.get('display_name'))}")
    kept = len(found.extra) - len(gone)
    tell(
        f"{len(outlook.changes)} differ, {len(outlook.unchanged)} are as the file says, {len(made)} to create,"
        f" {len(gone)} to delete{f', {kept} are not in the file' if kept else ''}."
    )
    if run.dry_run:
        not_changed(run, outlook)


def _body(state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """The body of the create, and the changes that an update must add."""
    given = {"name": state.name, **{name: value for name, value in state.fields.items() if value is not None}}
    known = contract.fields(contract.CREATE)
    return (
        {name: value for name, value in given.items() if name in known},
        {name: value for name, value in given.items() if name not in known},
    )


def _create(run: Run, done: Tally, state: State) -> None:
    body, _ = _body(state)
    conference = run.conferences.create(**body)
    done.created.append(conference["id"])
    run.terminal.say(f"Created {shown(state.name or state.id)} as {shown(conference['id'])}.")
    if rest := state.changes(conference):
        run.conferences.update(conference["id"], **rest)


def _delete(run: Run, done: Tally, each: str) -> None:
    run.conferences.delete(each)
    done.deleted.append(each)


def _each(done: Tally, jobs: Jobs) -> None:
    """Do all jobs, one after the other, until the whole space refuses."""
    refusal: ConferencesError | None = None
    for name, job in jobs:
        try:
            if refusal is not None:
                raise refusal
            job()
        except ConferencesError as error:
            done.failed[name] = error
            if isinstance(error, AuthenticationError | PermissionDeniedError | JournalError):
                refusal = error


def write(file: Path, parts: Iterable[str]) -> None:
    """Replace the content of a file, all or nothing. A link stays a link; a device or pipe is written to."""
    try:
        if file.exists() and not file.is_file():
            with file.open("w", encoding="utf-8", newline="\n") as opened_:
                opened_.writelines(f"{part}\n" for part in parts)
            return
        file = file.resolve()
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as opened_:  # noqa: PTH123  # of a descriptor
                opened_.writelines(f"{part}\n" for part in parts)
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~mask)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(f"{str(file)!r} cannot be written: {error.strerror}.") from None
