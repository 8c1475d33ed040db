"""The command line of the verification."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import httpx
from attrs import fields_dict
from rich.console import Console

from signalwire_conferences import contract

from .promises import promises
from .run import verify
from .telling import as_html, as_json, as_junit, as_table
from .telling.progress import Progress
from .telling.report import Options, Report
from .trying.http import is_loopback, trust
from .trying.surroundings import CannotRun

__all__ = ["base_url", "is_loopback", "main"]

_PROJECT, _TOKEN = "SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN"
_KEPT, _BROKEN, _COULD_NOT_RUN, _INTERRUPTED = 0, 1, 2, 130
_MOST_SECONDS = 1e9
_EPILOG = f"""\
exit codes: {_KEPT} all promises kept, {_BROKEN} a promise broken, {_COULD_NOT_RUN} could not run, \
{_INTERRUPTED} interrupted.

Credentials are taken from {_PROJECT} and {_TOKEN}, the authorities to trust
from SSL_CERT_FILE and SSL_CERT_DIR where they are set.

A host that is not loopback is only read, unless --write is given. What is created has a name that
begins with signalwire-conferences-verify- and is removed at the end, also on Ctrl-C; no other
conference is touched, but for the one that --conference names."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Verifies a server.

    Returns:
        The exit code, as the help tells.
    """
    _usable_output()
    code = _COULD_NOT_RUN
    try:
        code = _run(_parser().parse_args(arguments))
        sys.stdout.flush()
    except OSError as error:
        code = max(code, _unread(error)) if code != _BROKEN else code
    return code


def _unread(error: OSError) -> int:
    """What it comes to that nothing can be printed any more: whoever read it may have read enough."""
    with contextlib.suppress(OSError, ValueError):
        # Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return _KEPT
    print(f"standard output cannot be written: {error.strerror}", file=sys.stderr)
    return _COULD_NOT_RUN


def _usable_output() -> None:
    """Something to print to, whatever it can hold."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _run(given: argparse.Namespace) -> int:
    if given.list_promises:
        try:
            _print("".join(f"{one.id:<38} {one.sentence}\n" for one in promises()))
        except OSError as error:
            return _unread(error)
        return _KEPT
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        options = _options(given)
        report = _verified(options, given)
        code = _exit_code(report)
        return max(code, _written(report, given)) if code != _BROKEN else (_written(report, given), code)[1]
    except CannotRun as error:
        return _failed(str(error), given)
    except KeyboardInterrupt as interruption:
        left = getattr(interruption, "__notes__", ["What this run had created is removed."])
        print("Interrupted.", *left, file=sys.stderr)
        _write_failure("interrupted", given)
        return _INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - an error of ours is not a promise broken
        traceback.print_exc()
        notes = getattr(error, "__notes__", [])
        return _failed("; ".join([f"an error of the verification itself, {error!r}", *notes]), given)
    finally:
        signal.signal(signal.SIGTERM, before)


def _failed(why: str, given: argparse.Namespace) -> int:
    print(f"Cannot verify: {why}", file=sys.stderr)
    _write_failure(why, given)
    return _COULD_NOT_RUN


def _exit_code(report: Report) -> int:
    if report.broken:
        return _BROKEN
    return _COULD_NOT_RUN if report.could_not_run else _KEPT


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
    add("--conference", metavar="ID", help="an existing conference that is written to and put back")
    add("--write", action="store_true", help="create conferences also on a host that is not loopback")
    add("--seed", type=int, help="of the random choices; the same seed tries the same (%(default)s)")
    add("--budget", type=float, metavar="SECONDS", help="the longest that it may take (%(default)g)")
    add("--timeout", type=float, metavar="SECONDS", help="the longest for one answer (%(default)g)")
    add("--fail-fast", action="store_true", help="stop at the first broken promise")
    add("--promise", action="append", default=[], metavar="ID", help="only promises whose id begins so")
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
        if url.startswith("https:"):
            trust()
    except (ValueError, OSError) as error:
        problems.append(str(error))
    missing = [name for name in (_PROJECT, _TOKEN) if not os.environ.get(name)]
    if missing:
        problems.append(f"{' and '.join(missing)} must be set in the environment")
    for option in ("budget", "timeout"):
        seconds = getattr(given, option)
        if not (math.isfinite(seconds) and 0 < seconds <= _MOST_SECONDS):
            problems.append(f"--{option} is {seconds:g}, and has to be above 0 and at most 1e9 seconds")
    unknown = [start for start in given.promise if not any(one.id.startswith(start) for one in promises())]
    if unknown:
        problems.append(f"no promise begins with {', '.join(unknown)}; --list-promises lists them")
    problems += [wrong for path in (given.junit, given.html) if path is not None and (wrong := _unwritable(path))]
    if problems:
        raise CannotRun("; ".join(problems))
    return Options(
        url,
        os.environ[_PROJECT],
        os.environ[_TOKEN],
        writes=given.write or is_loopback(url),
        conference_id=given.conference,
        seed=given.seed,
        budget=given.budget,
        timeout=min(given.timeout, given.budget),
        fail_fast=given.fail_fast,
        only=tuple(given.promise),
    )


def _unwritable(path: Path) -> str:
    """Why a file cannot be written; empty where it can."""
    there = path.exists()
    try:
        with path.open("ab"):
            pass
        if not there:
            path.unlink()
    except (OSError, ValueError) as error:
        return f"{path} cannot be written: {getattr(error, 'strerror', None) or error}"
    return ""


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
            text = f"{'http' if is_loopback(f'http://{text}') else 'https'}://{text}"
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        if host and "@" not in text:
            httpx.URL(text).raw_host.decode("ascii").encode("idna")
    except (ValueError, httpx.InvalidURL) as error:
        why = "" if "@" in text else f": {error}"
        raise ValueError(f"{shown} is no URL{why}") from None
    if parts.username or parts.password:
        raise ValueError(f"credentials belong into {_PROJECT} and {_TOKEN}, not into the URL")
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{shown} is no http or https URL")
    if parts.query or parts.fragment:
        raise ValueError(f"the URL {shown} has a query or a fragment, and has to end before them")
    path = parts.path.rstrip("/")
    for known in (contract.operation("list_video_conferences").path, "/api/video", "/api"):
        path = path.removesuffix(known)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _verified(options: Options, given: argparse.Namespace) -> Report:
    def consent(ids: Sequence[str]) -> bool:
        return given.remove_leftovers or _asked(ids)

    with Progress(options) as progress:
        return verify(options, progress.tell, progress.paused(consent))


def _asked(ids: Sequence[str]) -> bool:
    """Whether somebody who is there wants the leftovers removed."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(
        f"{len(ids)} conferences of an earlier verification, or of one that is still running, are there.",
        file=sys.stderr,
    )
    print("Remove them? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _written(report: Report, given: argparse.Namespace) -> int:
    """Shows a report. What cannot be written keeps nothing of it from being shown."""
    only_broken = given.only_broken
    failed = _files(
        given,
        {
            "junit": as_junit.text(report, only_broken=only_broken),
            "html": as_html.text(report, only_broken=only_broken),
        },
    )
    code = _KEPT
    try:
        if given.json:
            _print(f"{as_json.text(report, only_broken=only_broken)}\n")
        else:
            wide = None if sys.stdout.isatty() else 120
            as_table.show(report, Console(width=wide, highlight=False, soft_wrap=False), only_broken=only_broken)
            sys.stdout.flush()
    except OSError as error:
        code = _unread(error)
    for one in failed:
        print(f"{one.filename} cannot be written: {one.strerror}", file=sys.stderr)
    return _COULD_NOT_RUN if failed else code


def _files(given: argparse.Namespace, texts: Mapping[str, str]) -> list[OSError]:
    failed = []
    for name, text in texts.items():
        path = getattr(given, name)
        try:
            if path:
                path.write_text(text, "utf-8", errors="replace")
        except OSError as error:
            failed.append(error)
    return failed


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _write_failure(why: str, given: argparse.Namespace) -> None:
    """So that no file of an earlier run is taken for the result of this one. Where one cannot be written,
    that may be what the text says.
    """
    _files(given, {"junit": as_junit.failure(why), "html": as_html.failure(why)})
    if given.json:
        with contextlib.suppress(OSError):
            _print(f"{as_json.failure(why)}\n")
