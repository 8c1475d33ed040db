"""All commands, as one program."""

from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

import signalwire_conferences
from signalwire_conferences.contract import CREATE, UPDATE

from . import ELSEWHERE, changing, credentials, editing, files, reading, undoing
from .codes import EXIT_CODES
from .command import command
from .words import fields_help

NAME = "signalwire-conferences"
_HELP = """Change SignalWire video conferences without resetting the settings that you did not name.

\b
  list                                          the conferences and their ids
  update ID display_name="Team Meeting v2"      shows the plan, asks, changes
  update --where 'name~stand-*' layout=5up      many at once
  undo ID                                       takes the last change back
  export conferences.yaml                       all of them, for git
  restore conferences.yaml --dry-run            what is different now

Credentials come from SIGNALWIRE_PROJECT_ID, SIGNALWIRE_API_TOKEN and SIGNALWIRE_SPACE, or from `login`. Data goes to
the standard output, all talk to the standard error. COMMAND --help tells more of each.
"""
_EXIT = "\b\nExit codes:\n" + "\n".join(f"  {code:<4} {text}" for code, text in EXIT_CODES.items())

app = typer.Typer(
    name=NAME,
    help=_HELP,
    epilog=_EXIT,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"{NAME} {signalwire_conferences.__version__}")
        raise typer.Exit


@app.callback(help=_HELP)
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _elsewhere(summary: str) -> Callable[[], None]:
    def listed() -> None:
        raise AssertionError("`main` runs the commands of the testing package")

    listed.__doc__ = summary
    return listed


_CHANGES = {"writes": True, "shared": ("confirm",)}  # with the safe update, which may look again
for _name, _function, _options in (
    ("list", reading.list_, {}),
    ("get", reading.get, {}),
    ("create", changing.create, {"writes": True, "epilog": fields_help(CREATE)}),
    ("plan", changing.plan, {"epilog": fields_help(UPDATE)}),
    ("update", changing.update, {**_CHANGES, "epilog": fields_help(UPDATE)}),
    ("edit", editing.edit, _CHANGES),
    ("apply", changing.apply, _CHANGES),
    ("undo", undoing.undo, _CHANGES),
    ("history", undoing.history, {"shared": ("journal", "no_journal")}),
    ("export", files.export, {}),
    ("restore", files.restore, _CHANGES),
    ("delete", changing.delete, {"writes": True}),
    ("login", credentials.login, {}),
):
    command(app, _name, **_options)(_function)
for _name, (_, _summary) in ELSEWHERE.items():
    app.command(_name, add_help_option=False)(_elsewhere(_summary))


def run(arguments: list[str]) -> NoReturn:
    """Run a command; ends with `SystemExit`."""
    app(arguments, prog_name=NAME)
    raise AssertionError("it ends by itself")
