"""What MOCK.md says is true: each block runs, and shows what it says."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from signalwire_conferences_testing import plugin
from signalwire_conferences_testing.mock.control import PREFIX, _routes

pytest_plugins = ["pytester"]

GUIDE = Path(__file__).with_name("MOCK.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
QUIET = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_each_test_suite_runs_and_fails_only_as_it_says(pytester: pytest.Pytester) -> None:
    suites = [code for language, code in BLOCKS if language == "python"]
    (ini,) = (code for language, code in BLOCKS if language == "ini")
    diff = next(code for language, code in BLOCKS if language == "text")
    for number, code in enumerate(suites):
        pytester.makepyfile(**{f"test_{number}": code})
    pytester.makeini(ini)
    # The first is the one that the guide says fails.
    result = pytester.runpytest_subprocess(*QUIET, "-W", "error", "test_0.py")
    result.assert_outcomes(failed=1)
    shown = "\n".join(line.removeprefix("E").strip() for line in result.outlines if line.startswith("E "))
    assert "\n".join(line.strip() for line in diff.splitlines()) in shown
    result = pytester.runpytest_subprocess(*QUIET, "-W", "error", "--deselect", "test_0.py")
    tests = sum(len(re.findall(r"^(?:async )?def test_", code, re.MULTILINE)) for code in suites)
    # The awaited one runs on asyncio and on trio.
    result.assert_outcomes(passed=tests, deselected=1)


def test_the_commands_run_and_show_what_they_say(tmp_path: Path) -> None:
    scripts = [code for language, code in BLOCKS if language == "sh" and not code.startswith("pip ")]
    text = [code for language, code in BLOCKS if language == "text"][-1]
    port = str(free_port())
    start, *others = (code.replace("8080", port) for code in scripts)
    wait = 'until curl -sS -o answer.json "$1"; do sleep 0.1; done 2>errors'
    script = "\n".join(["set -euo pipefail", start, "echo $! > pid", wait, *others])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-c", script, "bash", f"http://127.0.0.1:{port}{PREFIX}/"]
    try:
        with tmp_path.joinpath("out").open("w") as out:
            code = subprocess.call(command, cwd=tmp_path, env={**os.environ, "PATH": path}, stdout=out)
        printed = tmp_path.joinpath("out").read_text("utf-8")
        assert code == 0, printed
        assert printed.endswith(f"true\ntrue\n{text}")
    finally:
        os.kill(int(tmp_path.joinpath("pid").read_text()), signal.SIGTERM)


def test_the_table_of_the_control_api_is_that_of_the_code() -> None:
    named = re.findall(r"^\| `(\w+) (/\S+)` \|", GUIDE, re.MULTILINE)
    assert sorted(named) == sorted((method, f"{PREFIX}/{name}") for method, name in _routes())


def test_every_fixture_is_in_it() -> None:
    fixtures = {name for name, value in vars(plugin).items() if "FixtureFunctionDefinition" in type(value).__name__}
    assert len(fixtures) == 5
    assert all(f"`{name}`" in GUIDE for name in fixtures)
