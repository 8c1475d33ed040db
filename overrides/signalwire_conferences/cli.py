"""The command line: `signalwire-conferences COMMAND ...`.

The commands themselves are in the test kit and need an extra each; this module needs the standard
library only, so that help and a clear message are to be had without any.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

__all__ = ["main"]


@frozen
class _Command:
    """A subcommand.

    Attributes:
        module: where its `main` is.
        extra: what has to be installed for it.
        summary: what it does, in a line.
    """

    module: str
    extra: str
    summary: str


_COMMANDS: Mapping[str, _Command] = {
    "mock": _Command(
        "signalwire_conferences_testing.mock.command",
        "mock",
        "serve a stateful mock of the conference resource on this machine",
    ),
    "verify": _Command(
        "signalwire_conferences_testing.verify.command",
        "contract",
        "verify that a server keeps the contract of the conference resource",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns:
        The exit code: the command's own, or 2 where there is none.
    """
    parser = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What follows the command is its own affair, `--help` included.
    parsed = parser.parse_args(given[:1])
    if parsed.command is None:
        parser.print_help()
        return 2
    command = _COMMANDS[parsed.command]
    try:
        run: Callable[[Sequence[str]], int] = importlib.import_module(command.module).main
    except ImportError as error:
        if error.name is not None and error.name.startswith("signalwire_conferences."):
            raise
        print(
            f"signalwire-conferences {parsed.command} needs an extra: "
            f"pip install 'signalwire-conferences[{command.extra}]' ({error})",
            file=sys.stderr,
        )
        return 2
    return run(given[1:])


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, _COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{width}}{command.summary}" for name, command in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="signalwire-conferences",
        usage="%(prog)s [-h] COMMAND ...",
        description=f"commands:\n{commands}\n\n`%(prog)s COMMAND --help` tells more of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=_COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
