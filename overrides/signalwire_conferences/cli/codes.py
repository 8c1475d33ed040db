"""Exit codes, and which error leads to which."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from signalwire_conferences import (
    ApiError,
    ConferencesError,
    Conflict,
    ConflictError,
    InvalidChangeError,
    InvalidResponseError,
    ServerChoice,
    TransportError,
    UnsafeUpdateError,
    VerificationError,
)
from signalwire_conferences.errors import excerpts
from signalwire_conferences.undo import NO_JOURNAL

_UNDO = re.compile("`undo` (with|and) a journal")
_LONGEST = 80  # characters of a value
_NAME = re.compile(r"\w+")
# Advice for callers in Python -> the same for the command line.
_IN_SHELL: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = (
    (
        re.compile(r"allow_reset=\[([^]]*)\]"),
        lambda found: " ".join(f"--allow-reset {name}" for name in _NAME.findall(found[1])),
    ),
    (
        re.compile(r"(^  - |[:;] )(allow_reset|change_set|confirm|entry|journal)=", re.MULTILINE),
        lambda found: f"{found[1]}--{found[2].replace('_', '-')} ",
    ),
    (re.compile(r"(^  - \w+=)None:", re.MULTILINE), lambda found: f"{found[1]}null:"),
    (re.compile(r"pass \w+= or set "), lambda _: "set "),
    (re.compile(re.escape(NO_JOURNAL)), lambda _: "Leave out --no-journal, or give --journal PATH."),
    (re.compile("`before` of this error has the old values"), lambda _: "--json shows the old values"),
)
DONE, NOT_DONE, USAGE, SERVER, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = {
    DONE: "done, or nothing to do",
    NOT_DONE: "refused, a conflict, or not all changed; in a dry run: some refused, or any drift of `restore`",
    USAGE: "usage or bad input: nothing was written",
    SERVER: "the server refused or failed, the network failed, or standard output is full",
    INTERRUPTED: "interrupted, by Ctrl-C or SIGTERM",
}


class CommandError(Exception):
    """Ends the command with a message.

    Args:
        reason: the message.
        code: the exit code.
    """

    def __init__(self, reason: str, code: int = USAGE) -> None:
        super().__init__(reason)
        self.code = code


def exit_code(error: BaseException) -> int:
    """The exit code for an error."""
    match error:
        case CommandError():
            return error.code
        case UnsafeUpdateError() | ConflictError() | VerificationError():
            return NOT_DONE
        case ApiError() | TransportError() | InvalidResponseError():
            return SERVER
        case ConferencesError():
            return USAGE
    return NOT_DONE


def in_shell(text: str, error: BaseException | None = None) -> str:
    """Text of the library, of an `error` if one is given, with its Python advice translated to command-line options."""
    for conflict in error.conflicts if isinstance(error, ConflictError) else ():
        text = text.replace(str(conflict), _conflict(conflict))
    if isinstance(error, VerificationError):
        text = _UNDO.sub(lambda _: f"`undo {error.conference_id}`, which needs the journal", text)
    for pattern, ours in _IN_SHELL:
        text = pattern.sub(ours, text)
    return text


def _conflict(conflict: Conflict) -> str:
    values = (conflict.before, conflict.theirs, conflict.ours)
    texts = [str(each) if isinstance(each, ServerChoice) else json.dumps(each, ensure_ascii=False) for each in values]
    before, theirs, ours = texts if max(map(len, texts)) <= _LONGEST else excerpts(*values)
    return f"{conflict.field}: it was {before}, is now {theirs}, and {ours} was asked for"


def error_json(error: BaseException) -> dict[str, Any]:
    """An error as JSON."""
    told: dict[str, Any] = {"type": type(error).__name__, "message": getattr(error, "message", str(error))}
    told |= {name: getattr(error, name) for name in ("conference_id", "state", "advice") if getattr(error, name, None)}
    told = {name: in_shell(value, error) if isinstance(value, str) else value for name, value in told.items()}
    if isinstance(error, VerificationError):
        told["before"] = error.before
    if isinstance(error, ConflictError):
        names = ("field", "before", "theirs", "ours")
        told["conflicts"] = [{name: in_json(getattr(each, name)) for name in names} for each in error.conflicts]
    if isinstance(error, InvalidChangeError):
        told["problems"] = [{"field": each.field, "rule": each.rule} for each in error.problems]
    return told


def in_json(value: Any) -> Any:
    """A value of a change, for programs; where the server chooses, what it is assumed to choose."""
    return value.assumed if isinstance(value, ServerChoice) else value
