"""Credentials: from the environment, or from the keyring of the system, where `login` puts them."""

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signalwire_conferences import ConferencesError, RestClient
from signalwire_conferences.settings import VARIABLES

from .codes import CommandError

if TYPE_CHECKING:
    from .command import Run

_SERVICE, _DEFAULT = "signalwire-conferences", "default"


def found() -> dict[str, Any]:
    """Credentials for a client: nothing where the environment has them all, else those of the keyring."""
    named = {name: os.environ[variable] for name, variable in VARIABLES.items() if os.environ.get(variable)}
    if len(named) == len(VARIABLES):
        return {}
    stored = _stored(named.get("host"))
    # A token belongs to its project and its space.
    fits = all(stored.get(name) == value for name, value in named.items() if name != "token")
    return {**stored, **named} if fits else {}


def _stored(host: str | None) -> dict[str, str]:
    try:
        import keyring  # noqa: PLC0415  # of an extra, and slow to import

        host = host or keyring.get_password(_SERVICE, _DEFAULT)
        text = keyring.get_password(_SERVICE, host) if host else None
        stored = json.loads(text) if text else {}
        return {name: str(stored[name]) for name in VARIABLES if name in stored}
    except Exception:  # noqa: BLE001 - locked, or none on this machine; back ends raise errors of their own too
        return {}


def login(
    run: "Run",
    space: Annotated[
        str | None, typer.Option(metavar="HOST", help="your-space.signalwire.com; asked for if missing.")
    ] = None,
    project: Annotated[str | None, typer.Option(metavar="ID", help="Project id; asked for if missing.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the credentials of the space out again.")] = False,
) -> None:
    """Keep credentials in the keyring of the system, once they were tried.

    The API token is asked for without showing it, or read from the standard input. Variables of the environment
    (SIGNALWIRE_PROJECT_ID, SIGNALWIRE_API_TOKEN, SIGNALWIRE_SPACE) come before the keyring. The space that was logged
    in to last is used where SIGNALWIRE_SPACE names none. Needs the extra `keyring`.
    """
    try:
        import keyring  # noqa: PLC0415 - an extra
    except ImportError:
        raise CommandError("login needs an extra: pip install 'signalwire-conferences[keyring]'") from None
    try:
        host = _asked(run, "Space", space or os.environ.get(VARIABLES["host"])).lower()
        if remove:
            keyring.delete_password(_SERVICE, host)
            run.terminal.say(f"The credentials of {host} are out of the keyring.")
            return
        project = _asked(run, "Project id", project or os.environ.get(VARIABLES["project"]))
        token = _token(run)
        with RestClient(project, token, host) as client:
            client.video.conferences.list(page_size=1)
        keyring.set_password(_SERVICE, host, json.dumps({"project": project, "token": token, "host": host}))
        keyring.set_password(_SERVICE, _DEFAULT, host)
    except (CommandError, ConferencesError):
        raise
    except Exception as error:  # noqa: BLE001 - back ends raise errors of their own too
        variables, told = ", ".join(VARIABLES.values()), str(error).strip() or type(error).__name__
        raise CommandError(f"The keyring cannot be used: {told}. Set {variables} in place of it.") from None
    run.terminal.say(f"Logged in to {host}; the credentials are in the keyring.")


def _asked(run: "Run", what: str, given: str | None) -> str:
    if given:
        return given
    if run.terminal.is_interactive:
        run.terminal.err.print(f"{what}: ", end="")
        given = sys.stdin.readline().strip()
    if not given:
        raise CommandError(f"{what} is missing; give --space and --project.")
    return given


def _token(run: "Run") -> str:
    import getpass  # noqa: PLC0415 - for login alone

    token = getpass.getpass("API token (not shown): ") if run.terminal.is_interactive else sys.stdin.readline()
    if not token.strip():
        raise CommandError("The API token is missing: type it, or give it on the standard input.")
    return token.strip()
