"""The command line: `signalwire-conferences COMMAND ...`.

The commands are in the test kit and need an extra each; this module needs the standard library only.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

# Command -> the extra that it needs, and what it does.
_COMMANDS = {
    "mock": ("mock", "serve a stateful mock of the conference resource on this machine"),
    "verify": ("contract", "verify that a server keeps the contract of the conference resource"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives its exit code, or 2 where there is none."""
    width = max(map(len, _COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{width}}{summary}" for name, (_, summary) in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="signalwire-conferences",
        usage="%(prog)s [-h] COMMAND ...",
        description=f"commands:\n{commands}\n\n`%(prog)s COMMAND --help` tells more of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=_COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What follows the command is its own affair, `--help` included.
    name = parser.parse_args(given[:1]).command
    if name is None:
        parser.print_help()
        return 2
    try:
        command: Any = importlib.import_module(f"signalwire_conferences_testing.{name}.command")
    except ImportError as error:
        if error.name is not None and error.name.startswith("signalwire_conferences."):
            raise
        extra = f"pip install 'signalwire-conferences[{_COMMANDS[name][0]}]'"
        print(f"signalwire-conferences {name} needs an extra: {extra} ({error})", file=sys.stderr)
        return 2
    return int(command.main(given[1:]))


if __name__ == "__main__":
    sys.exit(main())
