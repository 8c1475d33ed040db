"""The command line: `signalwire-conferences COMMAND ...`.

This module needs the standard library only. The commands need the extra `cli`. `mock` and `verify` are in the testing
package, parse their own arguments, and need other extras.
"""

import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# Command of the testing package -> the extra that it needs, and its summary.
ELSEWHERE = {
    "mock": ("mock", "Serve a stateful mock of the conference resource on this machine."),
    "verify": ("contract", "Verify that a server keeps the contract of the conference resource."),
}
_COMPLETION = "_SIGNALWIRE_CONFERENCES_COMPLETE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from .codes import CommandError  # noqa: PLC0415 - so that Ctrl-C during an import is caught
        from .streams import writable  # noqa: PLC0415 - likewise

        is_elsewhere = bool(given) and given[0] in ELSEWHERE
        try:
            # The commands of the testing package print their reports themselves.
            with writable() if not is_elsewhere or {"-h", "--help"} & {*given} else contextlib.nullcontext():
                return _elsewhere(given[0], given[1:]) if is_elsewhere else _here(given)
        except CommandError as error:
            print(error, file=sys.stderr)
            return error.code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _here(given: list[str]) -> int:
    try:
        from . import app  # noqa: PLC0415  # of an extra
    except ImportError as error:
        return _without_extra(given, error)
    try:
        with handling(signal.SIGTERM, _interrupt):  # like Ctrl-C, so that the running work is finished
            app.run(given if given or _COMPLETION in os.environ else ["--help"])
    except SystemExit:
        if given or _COMPLETION in os.environ:
            raise
    return 2


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def handling(number: signal.Signals, handler: Callable[..., None]) -> Iterator[None]:
    """Sets a signal handler for a while; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _elsewhere(name: str, arguments: list[str]) -> int:
    try:
        command: Any = importlib.import_module(f"signalwire_conferences_testing.{name}.command")
    except ImportError as error:
        return _missing(name, ELSEWHERE[name][0], error)
    return int(command.main(arguments))


def _without_extra(given: list[str], error: ImportError) -> int:
    """Without the extra `cli`: prints the help, or which extra a command needs."""
    if given and given[0] not in ("-h", "--help"):
        return _missing(given[0], "cli", error)
    print("usage: signalwire-conferences COMMAND ...\n\ncommands:")
    for name, (_, summary) in ELSEWHERE.items():
        print(f"  {name:<8}{summary}")
    print("\nAll others, such as list, get, update and undo, need an extra: pip install 'signalwire-conferences[cli]'")
    return 0 if given else 2


def _missing(name: str, extra: str, error: ImportError) -> int:
    if error.name is not None and error.name.startswith("signalwire_conferences."):
        raise error
    told = f"pip install 'signalwire-conferences[{extra}]'"
    why = f"{error.name} is not installed" if error.name else error  # the mock's own text has the advice, too
    print(f"signalwire-conferences {name} needs an extra: {told} ({why})", file=sys.stderr)
    return 2
