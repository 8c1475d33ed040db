"""Common to all commands: options, client, exit code."""

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from attrs import define, field

from signalwire_conferences import ConferencesError, ConfigurationError, RestClient
from signalwire_conferences.client import Conferences
from signalwire_conferences.errors import printable
from signalwire_conferences.settings import VARIABLES

from . import credentials
from .codes import DONE, INTERRUPTED, NOT_DONE, CommandError, error_json, exit_code, in_shell
from .terminal import Terminal

_SHARED = {
    "as_json": Annotated[bool, typer.Option("--json", help="Print JSON for programs.", rich_help_panel="Common")],
    "yes": Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel="Common")],
    "dry_run": Annotated[bool, typer.Option("--dry-run", help="Show, but write nothing.", rich_help_panel="Common")],
    "journal": Annotated[
        Path | None,
        typer.Option(
            "--journal",
            metavar="PATH",
            help="Journal for undo and history, instead of the one in your state folder.",
            rich_help_panel="Common",
        ),
    ],
    "no_journal": Annotated[
        bool, typer.Option("--no-journal", help="Keep no journal; undo is not possible.", rich_help_panel="Common")
    ],
    "confirm": Annotated[
        float | None,
        typer.Option(
            "--confirm",
            metavar="SECONDS",
            min=0,
            help="Check again after this time, and write again what somebody set back to the old value.",
            rich_help_panel="Common",
        ),
    ],
}
_READS, _WRITES = ("as_json",), ("as_json", "yes", "dry_run", "journal", "no_journal")


@define
class Run:
    """One run of a command, with its common options."""

    as_json: bool = False
    yes: bool = False
    dry_run: bool = False
    journal: Path | None = None
    no_journal: bool = False
    confirm: float | None = None
    terminal: Terminal = field(factory=Terminal)
    _client: RestClient | None = None

    @property
    def client(self) -> RestClient:
        """The client, made on first use."""
        if self._client is None:
            try:
                found = credentials.found()
                self._client = RestClient(**found, journal=self._journal_path(), confirm=self.confirm)
            except ConfigurationError as error:
                if "is missing" in error.message:
                    error.advice = "`signalwire-conferences login` stores credentials in the keyring."
                raise
        return self._client

    @property
    def conferences(self) -> Conferences:
        """The conferences of the space."""
        return self.client.video.conferences

    @property
    def space(self) -> str:
        """The host of the space. Raises `ConfigurationError` if none is known."""
        self.client  # noqa: B018 - it finds the host
        return str(credentials.found().get("host") or os.environ[VARIABLES["host"]])

    def may_write(self, *, piped: bool = False) -> None:
        """Raise before anything is sent if nobody can be asked. `piped`: standard input is in use."""
        if not (self.yes or self.dry_run or (self.terminal.is_interactive and not piped)):
            raise CommandError("There is no terminal to ask. Give --yes to go ahead, or --dry-run to look.")

    def agreed(self, question: str) -> bool:
        """Ask whether to go on; in a dry run the answer is no."""
        if self.dry_run:
            return False
        if self.yes or self.terminal.ask(question):
            return True
        raise CommandError("Nothing was written.", NOT_DONE)

    def close(self) -> None:
        """Close the client, if there is one."""
        if self._client is not None:
            self._client.close()

    def _journal_path(self) -> Path | None:
        if self.journal is not None and self.no_journal:
            raise CommandError("Give --journal or --no-journal, not both.")
        if self.no_journal:
            return None
        if self.journal is not None:
            return self.journal
        import platformdirs  # noqa: PLC0415  # imported late: the start of a command should be fast

        folder = platformdirs.user_state_path("signalwire-conferences", appauthor=False)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"The journal cannot be kept in {str(folder)!r}: {error.strerror}. Give --journal PATH or --no-journal."
            ) from None
        return folder / "journal.sqlite"


def command(
    app: typer.Typer, name: str, *, writes: bool = False, shared: Sequence[str] = (), **options: Any
) -> Callable[[Any], Any]:
    """Adds `function(run, ...)` as a command, with the common options and those in `shared`. The function returns the
    exit code, or None for 0.
    """
    shared = (*(_WRITES if writes else _READS), *shared)

    def add(function: Callable[..., int | None]) -> Callable[..., int | None]:
        own = list(inspect.signature(function).parameters.values())[1:]
        common = [
            inspect.Parameter(
                each,
                inspect.Parameter.KEYWORD_ONLY,
                default=None if each in ("journal", "confirm") else False,
                annotation=_SHARED[each],
            )
            for each in shared
        ]

        @functools.wraps(function)
        def invoke(**given: Any) -> None:
            run = Run(**{"no_journal": "journal" not in shared, **{each: given.pop(each) for each in shared}})
            raise typer.Exit(outcome(run, lambda: function(run, **given)))

        invoke.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]  # what Typer reads
        invoke.__annotations__ = {each.name: each.annotation for each in (*own, *common)}
        del invoke.__wrapped__  # it has another signature
        invoke.__doc__ = (function.__doc__ or "").replace(r"\b", "\b")  # Typer wants the character itself
        app.command(name, **options)(invoke)
        return function

    return add


def outcome(run: Run, function: Callable[[], int | None]) -> int:
    """Run a command, print its error, and return the exit code."""
    code = _ended(run, function)
    try:
        run.terminal.stdout.flush()
    except CommandError as error:
        code = error.code
        tell(run, error, code)
    return code


def _ended(run: Run, function: Callable[[], int | None]) -> int:
    try:
        return function() or DONE
    except (ConferencesError, CommandError) as error:
        return _told(run, error, exit_code(error))
    except KeyboardInterrupt as error:
        return _told(run, CommandError(" ".join(["Interrupted.", *getattr(error, "__notes__", [])])), INTERRUPTED)
    finally:
        run.close()


def _told(run: Run, error: BaseException, code: int) -> int:
    tell(run, error, code)
    return code


def tell(run: Run, error: BaseException, code: int) -> None:
    """Print an error, with --json for programs too."""
    text = lines_of(error)
    run.terminal.say(text, "" if isinstance(error, CommandError) and code == NOT_DONE else "bold red")
    if run.as_json:
        run.terminal.json({"error": error_json(error), "exit_code": code})


def lines_of(error: BaseException) -> str:
    """The message of an error, each line safe for a terminal."""
    return "\n".join(printable(line) for line in in_shell(str(error), error).splitlines())
