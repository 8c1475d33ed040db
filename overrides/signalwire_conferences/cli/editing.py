"""`edit`: a conference in the editor of the user."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from signalwire_conferences import Conflict, ConflictError, InvalidChangeError, Problem, contract, states
from signalwire_conferences.changes import checked_changes
from signalwire_conferences.errors import printable
from signalwire_conferences.values import equivalent

from .changing import AllowReset, Id, carry_out
from .codes import CommandError
from .command import Run
from .several import Tally, report

_MARK = "#! "  # begins a line of ours, which is taken out again


def edit(run: Run, id_: Id, allow_reset: AllowReset = None) -> int:
    """Edit a conference in $VISUAL or $EDITOR, in the format of `export`; then shows the plan and asks.

    A file that does not check is opened again with the problems in it. What was typed stays in a file until it is
    applied.
    """
    run.may_write()
    resets = allow_reset or []
    before = run.conferences.get(id_).to_dict()
    folder = Path(tempfile.mkdtemp(prefix="signalwire-conferences-"))
    file = folder / "conference.yaml"
    file.write_text("\n".join(states.as_yaml([before], run.space)) + "\n", "utf-8")
    (folder / states.SCHEMA).write_text(states.schema(), "utf-8")
    try:
        changes = _edited(file, before, resets)
        code = _apply(run, id_, before, changes, resets) if changes else report(run, Tally(unchanged=[id_]))
    except BaseException:
        run.terminal.say(f"What you typed is in {file}")
        raise
    if run.dry_run and changes:
        run.terminal.say(f"What you typed is in {file}")
    else:
        shutil.rmtree(folder)
    return code


def _edited(file: Path, before: dict[str, Any], resets: list[str]) -> dict[str, Any]:
    """The changes that a person typed, once they check."""
    wrong: InvalidChangeError | None = None
    while True:
        shown = file.read_bytes()
        _open(file)
        text = file.read_bytes()
        if wrong is not None and text == shown:
            raise wrong  # opened again and left alone: given up
        typed = "".join(line for line in text.decode(errors="replace").splitlines(True) if not line.startswith(_MARK))
        try:
            return _changes(typed, before, resets)
        except InvalidChangeError as error:
            wrong = error
            file.write_text(_with_problems(typed, error), "utf-8")


def _open(file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    try:
        done = subprocess.run([*shlex.split(editor), str(file)], check=False)  # noqa: S603  # the user's own choice
    except (OSError, ValueError) as error:
        raise CommandError(f"The editor {editor!r} cannot be started: {error}. Set VISUAL or EDITOR.") from None
    if done.returncode:
        raise CommandError(f"The editor {editor!r} ended with {done.returncode}; nothing was sent.")


def _changes(typed: str, before: dict[str, Any], resets: list[str]) -> dict[str, Any]:
    """The fields that the text has otherwise; raises `InvalidChangeError` for what is wrong with it."""
    said = states.read_states(typed)
    if len(said) != 1 or said[0].id != before["id"] or said[0].name not in (None, before.get("name")):
        raise InvalidChangeError(
            [Problem("id", None, f"must be {before['id']!r} alone; its id and name cannot change")]
        )
    changes = said[0].changes(before)
    try:
        checked_changes(changes, resets, before["id"])
    except InvalidChangeError as error:
        raise InvalidChangeError([said[0].at_line(each) for each in error.problems]) from None
    return changes


def _with_problems(typed: str, error: InvalidChangeError) -> str:
    """The text, with each problem in a comment above its line."""
    lines = typed.splitlines(keepends=True)
    for problem in sorted(error.problems, key=lambda each: getattr(each, "line", None) or 0, reverse=True):
        lines.insert((getattr(problem, "line", None) or 1) - 1, f"{_MARK}{problem.field}: {printable(problem.rule)}\n")
    lines.insert(0, f"{_MARK}Nothing was sent yet. Mend what is said below, or close the file as it is to give up.\n")
    return "".join(lines)


def _apply(run: Run, id_: str, before: dict[str, Any], changes: dict[str, Any], resets: list[str]) -> int:
    made = run.conferences.plan(id_, allow_reset=resets, **changes)
    known = contract.fields(contract.UPDATE)
    conflicts = [
        Conflict(name, before[name], change.before, change.after)
        for name, change in made.changes.items()
        if name in before and not equivalent(known[name].kind, before[name], change.before)
    ]
    if conflicts:
        raise ConflictError(id_, conflicts, state="No PUT was sent; the conference is unchanged by this call.")
    return carry_out(run, made)
