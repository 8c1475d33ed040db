"""How a command ends: its exit codes, and which error leads to which."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from signalwire_conferences import (
    ApiError,
    ConferencesError,
    ConflictError,
    InvalidChangeError,
    InvalidResponseError,
    TransportError,
    UnsafeUpdateError,
    VerificationError,
)
from signalwire_conferences.undo import NO_JOURNAL

_NAME = re.compile(r"\w+")
# What the library says to those who call it from Python -> what it is here.
_IN_SHELL: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = (
    (
        re.compile(r"allow_reset=\[([^]]*)\]"),
        lambda found: " ".join(f"--allow-reset {name}" for name in _NAME.findall(found[1])),
    ),
    (
        re.compile(r"(^  - |[:;] )(allow_reset|change_set|confirm|entry|journal)=", re.MULTILINE),
        lambda found: f"{found[1]}--{found[2].replace('_', '-')} ",
    ),
    (re.compile(r"pass \w+= or set "), lambda _: "set "),
    (re.compile(re.escape(NO_JOURNAL)), lambda _: "Leave --no-journal out, or give --journal PATH."),
    (re.compile("`before` of this error is what it was"), lambda _: "--json shows it as it was"),
)
DONE, NOT_DONE, USAGE, SERVER, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = {
    DONE: "done, or nothing to do",
    NOT_DONE: "refused, a conflict, or not all changed; with `--dry-run`: some would be refused, or `restore` finds any difference",
    USAGE: "usage or bad input: nothing was written",
    SERVER: "the server refused or failed, or the network did, or the standard output is full",
    INTERRUPTED: "interrupted, by Ctrl-C or SIGTERM",
}


class CommandError(Exception):
    """The command ends, for a reason of its own.

    Args:
        reason: for people.
        code: the exit code.
    """

    def __init__(self, reason: str, code: int = USAGE) -> None:
        super().__init__(reason)
        self.code = code


def exit_code(error: BaseException) -> int:
    """What an error ends a command with."""
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


def in_shell(text: str) -> str:
    """What the library advises to its callers, as this command line has it."""
    for pattern, ours in _IN_SHELL:
        text = pattern.sub(ours, text)
    return text


def error_json(error: BaseException) -> dict[str, Any]:
    """An error, for programs."""
    told: dict[str, Any] = {"type": type(error).__name__, "message": getattr(error, "message", str(error))}
    told |= {name: getattr(error, name) for name in ("conference_id", "state", "advice") if getattr(error, name, None)}
    told = {name: in_shell(value) if isinstance(value, str) else value for name, value in told.items()}
    if isinstance(error, VerificationError):
        told["before"] = error.before
    if isinstance(error, InvalidChangeError):
        told["problems"] = [{"field": each.field, "rule": each.rule} for each in error.problems]
    return told
