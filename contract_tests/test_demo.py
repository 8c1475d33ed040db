"""The demo shows what happened, and fails where that is not what it says."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from typing import Any

import pytest

from signalwire_conferences import contract
from signalwire_conferences.values import equivalent
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import Fault, MockServer

FIELDS = contract.fields(contract.UPDATE)
OPTIONAL = [name for name in FIELDS if name != "display_name"]
MODULE = "signalwire_conferences_testing.demo"


def started(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The demo in a process of its own, after some code."""
    script = f"import runpy, sys; {code}; runpy.run_module({MODULE!r}, run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def in_terminal(**environment: str) -> tuple[str, int | None]:
    """What the demo writes to a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
    process = subprocess.Popen([sys.executable, "-m", MODULE], stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # how Linux tells that the other side is closed
        pass
    os.close(ours)
    return written.decode().replace("\r\n", "\n"), process.wait(60)


def test_the_conferences_are_customised_throughout() -> None:
    conference, copy = demo.conferences()
    for name in OPTIONAL:
        assert FIELDS[name].accepts(conference[name])
        assert not equivalent(FIELDS[name].kind, conference[name], FIELDS[name].default), name
        assert copy[name] == conference[name]
    assert len(OPTIONAL) == 22


def test_it_names_every_setting_that_the_bare_put_resets(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[-1] for line in shown.splitlines() if line.strip()}
    assert [lines[name] for name in OPTIONAL] == ["kept"] * 22
    assert "22 of 22 settings reset" in shown
    assert " 0 of 22 settings lost" in shown
    assert "\033" not in shown
    assert shown.isascii()


def test_a_script_gets_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["bare"] == {"requests": ["PUT"], "reset": OPTIONAL}
    assert told["ours"] == {"requests": ["GET", "PUT"], "lost": []}
    assert told["problems"] == []
    assert told["fields"].keys() == FIELDS.keys()
    for name in OPTIONAL:
        assert told["fields"][name]["bare"] != told["fields"][name]["before"] == told["fields"][name]["ours"]


def test_a_terminal_gets_colours_and_swatches() -> None:
    shown, code = in_terminal()
    assert code == 0, shown
    assert "\033[" in shown
    assert shown.count("\u2588\u2588") == sum(field.kind is contract.Kind.COLOR for field in FIELDS.values())


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_without_colours_gets_none(environment: dict[str, str]) -> None:
    shown, code = in_terminal(**environment)
    assert code == 0, shown
    assert "\033" not in shown


def test_it_works_without_rich() -> None:
    done = started("sys.modules['rich'] = None; sys.stdout.isatty = lambda: True")
    assert done.returncode == 0, done.stderr
    assert " 0 of 22 settings lost" in done.stdout


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_it_names_the_extra_that_is_missing(package: str) -> None:
    done = started(f"sys.modules[{package!r}] = None")
    assert done.returncode == 1
    assert done.stderr.count("pip install 'signalwire-conferences[mock]'") == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("conference_id", "fault", "why"),
    [
        (demo.COPY_ID, Fault.field_ignored("layout"), "the bare PUT did not reset layout"),
        (demo.CONFERENCE_ID, Fault.field_lost("layout"), "expected '10x10'"),
        (demo.CONFERENCE_ID, Fault.foreign_write({"size": "small"}, "after"), "our update lost size"),
    ],
    ids=str,
)
def test_what_is_not_as_it_says_fails_it(
    conference_id: str, fault: Fault, why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    perform = demo.perform

    def faulty(server: MockServer) -> demo.Outcome:
        server.faults.add(fault, "PUT", conference_id=conference_id)
        return perform(server)

    monkeypatch.setattr(demo, "perform", faulty)
    assert demo.main([]) == 1
    told = capsys.readouterr().err
    assert told.startswith("The demo failed: ")
    assert why in told


def test_a_request_too_many_fails_it() -> None:
    with MockServer(demo.conferences()) as server:
        server.faults.add(Fault.status(500), "GET", conference_id=demo.CONFERENCE_ID, at=2)
        assert demo.perform(server).problems == ["our update sent GET + GET + PUT"]


def test_interrupted_it_stops_what_it_started(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(server: MockServer) -> demo.Outcome:
        assert f"mock-{server.port}" in {thread.name for thread in threading.enumerate()}
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "perform", interrupted)
    assert demo.main([]) == 130
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mock-")]
    assert capsys.readouterr().out == ""
