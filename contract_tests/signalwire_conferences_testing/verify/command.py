"""The command line of the verification."""

import argparse
import contextlib
import math
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast
from urllib.parse import urlsplit

import httpx
from attrs import fields_dict
from rich.console import Console

from signalwire_conferences import contract
from signalwire_conferences.cli.codes import CommandError
from signalwire_conferences.cli.streams import standard_streams
from signalwire_conferences.cli.terminal import Terminal
from signalwire_conferences.hosts import host_of

from .promises import promises
from .run import TIME_TO_CLEAN, verify
from .telling import as_json, as_table, templated
from .telling.progress import Progress
from .telling.report import Report
from .trying.http import is_loopback, route
from .trying.options import Options
from .trying.surroundings import CannotRun

__all__ = ["base_url", "is_loopback", "main"]

_PROJECT, _TOKEN = "SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN"
_KEPT, _BROKEN, _COULD_NOT_RUN, _INTERRUPTED = 0, 1, 2, 130
_MOST_SECONDS = 1e9
#: What ends a run as Ctrl-C does: that somebody stops it, and that the terminal is closed.
_ENDS = [getattr(signal, one) for one in ("SIGTERM", "SIGHUP") if hasattr(signal, one)]
_EPILOG = f"""\
exit codes: {_KEPT} no promise broken, {_BROKEN} a promise broken, {_COULD_NOT_RUN} could not run, or had \
no time for half of the promises: give it a larger `--budget`, \
{_INTERRUPTED} interrupted; the report shows what was found until then.

Credentials are taken from {_PROJECT} and {_TOKEN}, the authorities to trust
from SSL_CERT_FILE and SSL_CERT_DIR where they are set.

A host that is not loopback is only read, unless --write is given. What is created has a mark of the
run in its name, signalwire-conferences-verify-..., or in its display name. It is removed at the end,
also on Ctrl-C, which may take {TIME_TO_CLEAN:g} seconds beyond the budget. No other conference is touched, but
for the one that --conference names."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Verifies a server.

    Returns:
        The exit code, as the help tells.
    """
    output, talk = (cast(TextIO, stream) for stream in standard_streams())
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(talk):
        try:
            code = _run(_parser().parse_args(arguments))
            output.flush()
        except CommandError as unwritable:
            print(unwritable, file=sys.stderr)
            return _COULD_NOT_RUN
        finally:
            talk.flush()
    return code


def _run(given: argparse.Namespace) -> int:
    if given.list_promises:
        print("\n".join(f"{one.id:<38} {one.sentence}" for one in promises()))
        return _KEPT
    before = {one: signal.signal(one, _interrupt) for one in _ENDS if signal.getsignal(one) is not signal.SIG_IGN}
    try:
        report = _verified(_options(given), given)
        if report.interrupted:
            before = dict.fromkeys(before, signal.SIG_IGN)
            removed = "What this run is known to have created is removed."
            print("Interrupted.", report.stayed_remark or removed, file=sys.stderr)
        return _written(report, given)
    except CannotRun as error:
        return _failed(str(error), given)
    except KeyboardInterrupt:
        before = dict.fromkeys(before, signal.SIG_IGN)
        print("Interrupted.", file=sys.stderr)
        _written("interrupted", given)
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - an error of ours is not a promise broken
        traceback.print_exc()
        notes = getattr(error, "__notes__", [])
        return _failed("; ".join([f"an error of the verification itself, {error!r}", *notes]), given)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _failed(why: str, given: argparse.Namespace) -> int:
    print(f"Cannot verify: {why}", file=sys.stderr)
    return _written(why, given)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="signalwire-conferences verify",
        description="Verifies that a server keeps the contract of the conference resource.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add: Callable[..., Any] = parser.add_argument
    add("url", metavar="URL", nargs="?", help="where the server is, such as http://127.0.0.1:8080")
    add("--conference", metavar="ID", dest="conference_id", help="an existing one that is written to and put back")
    add("--write", action="store_true", help="create conferences also on a host that is not loopback")
    add("--seed", type=int, help="of the random choices; the same seed tries the same (%(default)s)")
    add("--budget", type=float, metavar="SECONDS", help="the longest that it may take (%(default)g)")
    add("--timeout", type=float, metavar="SECONDS", help="the longest for one answer (%(default)g)")
    add("--fail-fast", action="store_true", help="stop at the first broken promise")
    add("--promise", action="append", default=[], metavar="ID", dest="only", help="only promises whose id begins so")
    add("--list-promises", action="store_true", help="list the promises, verify nothing")
    add("--only-broken", action="store_true", help="report the broken promises alone")
    add("--remove-leftovers", action="store_true", help="remove what a killed run left behind, without asking")
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--junit", type=Path, metavar="FILE", help="write JUnit XML too")
    add("--html", type=Path, metavar="FILE", help="write a page for people too")
    known = fields_dict(Options)
    parser.set_defaults(**{name: known[name].default for name in ("seed", "budget", "timeout")})
    return parser


def _options(given: argparse.Namespace) -> Options:
    """The options; a `CannotRun` names everything that is wrong."""
    problems: list[str] = []
    url = ""
    try:
        url = base_url(given.url or "")
        route(url)
    except ValueError as error:
        problems.append(str(error))
    missing = [name for name in (_PROJECT, _TOKEN) if not os.environ.get(name)]
    if missing:
        problems.append(f"{' and '.join(missing)} must be set in the environment")
    for option in ("budget", "timeout"):
        seconds = getattr(given, option)
        if not (math.isfinite(seconds) and 0 < seconds <= _MOST_SECONDS):
            problems.append(f"--{option} is {seconds:g}, and has to be above 0 and at most 1e9 seconds")
    unknown = [start for start in given.only if not any(one.id.startswith(start) for one in promises())]
    if unknown:
        problems.append(f"no promise begins with {', '.join(unknown)}; --list-promises lists them")
    problems += [*_unwritable(given.junit), *_unwritable(given.html)]
    if given.junit and given.html and given.junit.resolve() == given.html.resolve():
        problems.append(f"--junit and --html name one file, {given.html}")
    if problems:
        raise CannotRun("; ".join(problems))
    given.url, given.only, given.timeout = url, tuple(given.only), min(given.timeout, given.budget)
    chosen = {name: value for name, value in vars(given).items() if name in fields_dict(Options)}
    writes = given.write or is_loopback(url)
    return Options(project=os.environ[_PROJECT], token=os.environ[_TOKEN], writes=writes, **chosen)


def _unwritable(path: Path | None, content: bytes | None = None) -> list[str]:
    """Writes a file, or only tries whether it can be written; says where it cannot."""
    if path is None:
        return []
    there = path.exists()
    try:
        with path.open("ab" if content is None else "wb") as file:
            file.write(content or b"")
        if content is None and not there:
            path.unlink()
    except (OSError, ValueError) as error:
        return [f"{path} cannot be written: {getattr(error, 'strerror', None) or error}"]
    return []


def base_url(text: str) -> str:
    """A URL as people give it, as scheme, authority and the path before `/api/video`.

    Raises:
        ValueError: it is none; the text says why.
    """
    if not text:
        raise ValueError("give the URL of the server, such as http://127.0.0.1:8080")
    # What stands before an @ may be a password, and so may a query: neither is shown.
    shown = re.split("[?#]", text.rpartition("@")[2])[0]
    try:
        if "://" not in text:
            text = f"{'http' if is_loopback(f'//{text}') else 'https'}://{text}"
        parts = urlsplit(text)
        if "@" not in parts.netloc:
            host_of(httpx.URL(text).netloc.decode())
    except (ValueError, httpx.InvalidURL):
        raise ValueError(f"{shown} is no URL") from None
    if "@" in parts.netloc:
        raise ValueError(f"credentials belong into {_PROJECT} and {_TOKEN}, not into the URL")
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{shown} is no http or https URL")
    if parts.query or parts.fragment:
        raise ValueError(f"the URL {shown} has a query or a fragment, and has to end before them")
    path = parts.path.rstrip("/")
    for known in (contract.operation("list_video_conferences").path, "/api/video", "/api"):
        path = path.removesuffix(known)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _verified(options: Options, given: argparse.Namespace) -> Report:
    with Progress(options) as progress:
        return verify(options, progress.tell, progress.paused(lambda ids: given.remove_leftovers or _asked(ids)))


def _asked(ids: Sequence[str]) -> bool:
    """Whether somebody who is there wants the leftovers removed."""
    terminal = Terminal()
    there = f"{len(ids)} conferences of an earlier verification, or of one that is still running, are there."
    return terminal.is_interactive and terminal.ask(f"{there}\nRemove them?")


def _written(told: Report | str, given: argparse.Namespace) -> int:
    """Shows a report, or writes why there is none, so that no file of an earlier run is taken for one of this.
    What cannot be written keeps nothing from being shown. Gives the exit code.
    """
    failed = []
    for path, form in ((given.junit, templated.junit), (given.html, templated.html)):
        failed += _unwritable(path, form(told).encode("utf-8", "replace")) if path else []
    try:
        if given.json:
            print(as_json.text(told))
        elif isinstance(told, Report):
            as_table.show(told, Console(width=None if sys.stdout.isatty() else 120, highlight=False, soft_wrap=False))
        sys.stdout.flush()
    except CommandError as unwritable:
        failed.append(str(unwritable))
    if isinstance(told, str):  # which may be that a file cannot be written
        return _COULD_NOT_RUN
    for line in failed:
        print(line, file=sys.stderr)
    if told.interrupted:
        return _INTERRUPTED
    if told.broken:
        return _BROKEN
    return _COULD_NOT_RUN if told.could_not_run or failed else _KEPT
