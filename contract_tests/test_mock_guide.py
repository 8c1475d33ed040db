"""What MOCK.md says is true: each block runs, and shows what it says."""

import asyncio
import inspect
import os
import re
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from mock_support import COLLECTION
from pages import Page, bash
from signalwire_conferences_testing import plugin
from signalwire_conferences_testing.mock import MockServer
from signalwire_conferences_testing.mock.control import PREFIX, _routes
from signalwire_conferences_testing.mock.kinds import kinds

pytest_plugins = ["pytester"]

GUIDE = Page.read("contract_tests/MOCK.md")
QUIET = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_each_test_suite_runs_and_fails_only_as_it_says(pytester: pytest.Pytester) -> None:
    suites = GUIDE.of("python")
    (ini,) = GUIDE.of("ini")
    diff = GUIDE.of("text")[0]
    for number, code in enumerate(suites):
        pytester.makepyfile(**{f"test_{number}": code})
    pytester.makeini(ini)
    # The first is the one that the guide says fails.
    result = pytester.runpytest_subprocess(*QUIET, "-W", "error", "test_0.py")
    result.assert_outcomes(failed=1)
    shown = "\n".join(line.removeprefix("E").strip() for line in result.outlines if line.startswith("E "))
    assert "\n".join(line.strip() for line in diff.splitlines()) in shown
    result = pytester.runpytest_subprocess(*QUIET, "-W", "error", "--deselect", "test_0.py")
    tests = re.findall(r"^(?:async )?def test_", "\n".join(suites), re.MULTILINE)
    # Those that are awaited run on asyncio and on trio.
    result.assert_outcomes(passed=len(tests) - 1 + tests.count("async def test_"), deselected=1)


def test_the_commands_run_and_show_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = [code for code in GUIDE.of("sh") if not code.startswith("pip ")]
    text = GUIDE.of("text")[-1]
    port = str(free_port())
    start, *others = (code.replace("8080", port) for code in scripts)
    wait = f"until curl -sS -o answer.json http://127.0.0.1:{port}{PREFIX}/; do sleep 0.1; done 2>errors"
    monkeypatch.chdir(tmp_path)
    try:
        assert bash("\n".join([start, "echo $! > pid", wait, *others])).endswith(f"true\ntrue\n{text}")
    finally:
        os.kill(int(tmp_path.joinpath("pid").read_text()), signal.SIGTERM)


def test_the_table_of_the_control_api_is_that_of_the_code() -> None:
    named = re.findall(r"^\| `(\w+) (/\S+)` \|", GUIDE.text, re.MULTILINE)
    assert sorted(named) == sorted((method, f"{PREFIX}/{name}") for method, name in _routes())


def test_every_kind_of_fault_is_in_it_with_its_arguments() -> None:
    told = re.findall(r"^\| `Fault\.(\w+)\((.*?)\)` \| \S", GUIDE.text, re.MULTILINE)
    there = [(name.replace("-", "_"), ", ".join(inspect.signature(make).parameters)) for name, make in kinds().items()]
    assert told == there


def test_aiohttp_takes_what_the_page_gives_it() -> None:
    assert re.search(r"^\| aiohttp, .* `conferences_mock.headers`", GUIDE.text, re.MULTILINE)

    async def status(server: MockServer) -> int:
        async with (
            aiohttp.ClientSession(server.url, headers=server.headers) as session,
            session.get(COLLECTION) as answer,
        ):
            return answer.status

    with MockServer() as server:
        assert asyncio.run(status(server)) == 200


def test_every_fixture_is_in_it() -> None:
    fixtures = {name for name, value in vars(plugin).items() if "FixtureFunctionDefinition" in type(value).__name__}
    assert len(fixtures) == 6
    assert all(f"`{name}`" in GUIDE.text for name in fixtures)
