"""`edit`: a conference in the editor of the user."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signalwire_conferences import Conflict, ConflictError, Problem, contract, states
from signalwire_conferences.changes import checked_changes
from signalwire_conferences.errors import printable
from signalwire_conferences.state_file import FileProblem
from signalwire_conferences.values import equivalent

from . import handling
from .changing import AllowReset, Id, carry_out
from .codes import CommandError
from .command import Run
from .several import Tally, report
from .words import Words, checked_word

_NOTHING = "Nothing was changed. An editor that returns at once needs its option to wait, as in EDITOR='code --wait'."
_MARK = "#! "  # begins a line of ours, which is taken out again


def edit(run: Run, id_: Id, allow_reset: AllowReset = None) -> int:
    """Edit a conference in $VISUAL or $EDITOR, in the format of `export`; then shows the plan and asks.

    A file that does not check is opened again with the problems in it. What was typed stays in a file until it is
    applied.
    """
    run.may_write()
    resets = allow_reset or []
    Words().checked(lambda: checked_word(id_), lambda: checked_changes({}, resets, "id"))
    before = run.conferences.get(id_).to_dict()
    folder = Path(tempfile.mkdtemp(prefix="signalwire-conferences-"))
    file = folder / "conference.yaml"
    file.write_text("\n".join(states.as_yaml([before], run.space)) + "\n", "utf-8")
    shown = file.read_bytes()
    (folder / states.SCHEMA).write_text(states.schema(), "utf-8")
    try:
        changes = _edited(file, before)
        if changes:
            code = _apply(run, id_, before, changes, resets)
        else:
            run.terminal.say(_NOTHING)
            code = report(run, Tally(unchanged=[id_]))
    except BaseException:
        if file.read_bytes() == shown:
            shutil.rmtree(folder)
        else:
            run.terminal.say(f"What you typed is in {file}")
        raise
    if run.dry_run and changes:
        run.terminal.say(f"What you typed is in {file}")
    else:
        shutil.rmtree(folder)
    return code


def _edited(file: Path, before: dict[str, Any]) -> dict[str, Any]:
    """The changes that a person typed, once they check."""
    wrong: Sequence[Problem] = ()
    while True:
        shown = file.read_bytes()
        _open(file)
        text = file.read_bytes()
        if wrong and text == shown:  # opened again and left alone: given up
            states.refuse(wrong, "nothing was sent")
        try:
            lines = text.decode("utf-8-sig").splitlines(keepends=True)
        except ValueError:
            raise CommandError("The file is not UTF-8 any more; nothing was sent.") from None
        typed = "".join(line for line in lines if not line.startswith(_MARK))
        changes, places = _changes(typed, before)
        if not places:
            return changes
        # Our lines are comments: the same is wrong, at the lines of the file as it is opened now.
        wrong = _changes(_marked(typed, places, places), before)[1]
        file.write_text(_marked(typed, places, wrong), "utf-8", newline="")


def _open(file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    # A Ctrl-C is the editor's. It inherits no handler, but would inherit that it is ignored.
    try:
        with handling(signal.SIGINT, lambda *_: None):
            done = subprocess.run([*shlex.split(editor), str(file)], check=False)  # noqa: S603  # the user's own choice
    except (OSError, ValueError) as error:
        raise CommandError(f"The editor {editor!r} cannot be started: {error}. Set VISUAL or EDITOR.") from None
    if done.returncode:
        raise CommandError(f"The editor {editor!r} ended with {done.returncode}; nothing was sent.")


def _changes(typed: str, before: dict[str, Any]) -> tuple[dict[str, Any], Sequence[Problem]]:
    """The fields that the text has otherwise, and all that is wrong with it."""
    said, found = states.try_states(typed)
    problems: list[Problem] = [*found]
    ours = [state for state in said if state.id == before["id"] and state.name in (None, before.get("name"))]
    if (len(ours) != 1 or len(said) != 1) and (said or not found):
        rule = f"must be {before['id']!r} alone; its id and name cannot change"
        problems.append(FileProblem("id", None, rule, said[0].lines.get("id") if said else None))
    changes = ours[0].changes(before) if ours else {}
    problems += [each for state in ours for each in state.wrong(changes)]
    return changes, problems


def _marked(typed: str, places: Sequence[Problem], problems: Sequence[Problem]) -> str:
    """The text, with each problem in a comment above the line of its place; of the file as a whole, at its top."""
    lines = typed.splitlines(keepends=True)
    marks = [(getattr(place, "line", None) or 1, problem) for place, problem in zip(places, problems, strict=False)]
    marks = [(1 if problem.field == "the file" else line, problem) for line, problem in marks]
    for line, problem in sorted(marks, key=lambda each: each[0], reverse=True):
        told = str(problem) if problem.field == "the file" else f"{problem.field}: {problem.rule}"
        lines.insert(line - 1, f"{_MARK}{printable(told)}\n")
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
