"""The command line of the mock."""

from __future__ import annotations

import argparse
import inspect
import os
import secrets
import shlex
import signal
import sys
import textwrap
import threading
from collections.abc import Sequence
from typing import Any

from signalwire_conferences.values import decode_json

from . import preload
from .control import PREFIX
from .faults import Rule
from .kinds import kinds
from .misuse import problems_of
from .server import HOST, MockServer
from .store import Store

__all__ = ["main"]

_PROJECT, _TOKEN = "SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN"
_KEPT_REQUESTS = 1000  # the latest; a server may run for days


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the mock until interrupted or terminated.

    Returns:
        The exit code: 0, or 2 if it cannot be started.
    """
    given = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = _server(given)
        server.start()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot listen on {given.host}:{given.port}: {error.strerror}", file=sys.stderr)
        return 2
    _announce(server)
    stop.wait()
    server.stop()
    for rule in server.faults.pending:
        print(f"This fault did not happen as often as asked: {rule}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="signalwire-conferences mock",
        description="Serves a stateful mock of the conference resource.\n\n"
        f"It accepts the credentials in {_PROJECT} and {_TOKEN};\n"
        "what is unset there is generated and printed. Tests in any language control it over\n"
        f"HTTP, see GET {PREFIX}/.",
        epilog=_faults_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host",
        default=HOST,
        help=f"address to listen on ({HOST}); with others, other machines can use and control the mock",
    )
    parser.add_argument("--port", default="0", help="port to listen on (a free one)")
    parser.add_argument(
        "--load",
        metavar="FILE",
        help="JSON file with a list of conferences; fields may be left out (the example of the contract)",
    )
    parser.add_argument(
        "--allow-unknown",
        action="store_true",
        help="allow fields and values that the contract does not know, as of a newer server",
    )
    parser.add_argument(
        "--fault", metavar="JSON", action="append", default=[], help="a fault, see below; may be repeated"
    )
    parser.add_argument("--etag", action="store_true", help="answer with ETag and honour If-Match")
    return parser


def _server(given: argparse.Namespace) -> MockServer:
    """The server with these options. Raises `ValueError` with every problem."""
    problems: list[str] = []
    rules: list[Rule] = []
    store = None
    for text in given.fault:
        try:
            rules.append(Rule.from_json(_object(text)))
        except ValueError as error:
            problems += [f"--fault {text}: {problem}" for problem in problems_of(error)]
    try:
        conferences = preload.read_file(given.load) if given.load is not None else None
        store = Store(conferences, allow_unknown=given.allow_unknown)
    except ValueError as error:
        problems.append(f"--load: {error}")
    if not given.port.isascii() or not given.port.isdigit() or int(given.port) > 65535:
        problems.append(f"--port {given.port}: is not a port from 0 to 65535")
    if problems or store is None:
        raise ValueError("\n".join(problems))
    server = MockServer(
        store,
        project=os.environ.get(_PROJECT) or "mock-project",
        token=os.environ.get(_TOKEN) or secrets.token_hex(16),
        etag=given.etag,
        address=given.host,
        port=int(given.port),
        keep_requests=_KEPT_REQUESTS,
    )
    for rule in rules:
        server.faults.put(rule)
    return server


def _object(text: str) -> dict[str, Any]:
    try:
        value = decode_json(text.encode(errors="replace"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError('is not a JSON object, such as {"fault": "drop-after"}')  # noqa: TRY004 - it is wrong text
    return value


def _faults_help() -> str:
    lines = [
        'A fault is a JSON object: its kind as "fault", and the arguments of the kind. "method"',
        'and "conference_id" select the requests that it is for (all), "at" the first of them to go',
        'wrong, from 1 (1), and "times" how many do, null for all (1). The request is applied unless',
        "the kind says otherwise. Examples:",
        "",
        """  --fault '{"fault": "drop-after", "method": "PUT"}'""",
        """  --fault '{"fault": "status", "code": 429, "retry_after": 2, "at": 2, "times": 3}'""",
        """  --fault '{"fault": "foreign-write", "changes": {"layout": "2x2"}, "when": "after"}'""",
        "",
        "Kinds:",
    ]
    for name, make in kinds().items():
        said = inspect.signature(make).parameters.values()
        words = [p.name if p.default is p.empty else f"[{p.name}]" for p in said]
        lines.append(f"  {' '.join([name, *words])}")
        lines.append(textwrap.indent(inspect.getdoc(make) or "", " " * 6))
    return "\n".join(lines)


def _announce(server: MockServer) -> None:
    print(f"Mock of the conference resource: {server.url}")
    if server.address not in (HOST, "::1", "localhost"):
        print(f"  listens on {server.address}: everybody who reaches it can use and control it")
    for conference_id in server.store:
        print(f"  conference {conference_id}")
    said = {_PROJECT: server.project, _TOKEN: server.token}
    # Credentials from the environment are known and are not printed.
    made = {name: value for name, value in said.items() if not os.environ.get(name)}
    line = {**made, "SIGNALWIRE_SPACE": server.host}
    print("  export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in line.items()))
    print(f"  control it: see GET {server.url}{PREFIX}/")
    print("Stop it with Ctrl-C.", flush=True)
