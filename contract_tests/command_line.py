"""The command line at work: in this process, in one of its own, and at a terminal."""

import io
import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from signalwire_conferences import cli
from signalwire_conferences.settings import VARIABLES
from signalwire_conferences_testing.mock import MockServer

COMMAND = [sys.executable, "-P", "-m", "signalwire_conferences.cli"]


@frozen
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Runs commands against a mock, which the environment names."""

    def __init__(self, server: MockServer, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.server = server
        self._patch, self._capture = patch, capture
        credentials = (server.project, server.token, server.host)
        self.environment = dict(zip(VARIABLES.values(), credentials, strict=True))
        for name, value in self.environment.items():
            patch.setenv(name, value)

    def __call__(self, *arguments: str | Path, input: str | bytes = "", expect: int | None = 0) -> Done:  # noqa: A002 - as in subprocess
        """Runs a command in this process, with no terminal."""
        given = input.encode() if isinstance(input, str) else input
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(each) for each in arguments])
        done = Done(int(ended.value.code or 0), *self._capture.readouterr())
        assert expect is None or done.code == expect, done
        return done

    def process(self, *arguments: str, input: str = "", env: dict[str, str] | None = None, **options: Any) -> Done:  # noqa: A002 - as in subprocess
        """Runs a command in a process of its own."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=input,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def at_terminal(
        self, *arguments: str, typed: str = "", env: dict[str, str] | None = None, wait_for: str = "[y/N] "
    ) -> Done:
        """Runs a command at a terminal of 200 columns, and types when it asks. `out` is all that is on the screen."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 200))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        seen = b""
        while True:
            try:
                new = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not new:
                break
            seen += new
            if (typed and seen.endswith(wait_for.encode())) or (typed and f"{wait_for}\x1b[0m".encode() in seen[-40:]):
                os.write(ours, typed.encode())
                typed = ""
        os.close(ours)
        return Done(process.wait(60), seen.decode().replace("\r\n", "\n"))


MakeCommandLine = Callable[[MockServer], CommandLine]
