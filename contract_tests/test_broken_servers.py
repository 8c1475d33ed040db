"""The verification against broken servers: each is found by the promise that is meant to find it."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from typing import Any

import pytest

from broken import SERVERS, BrokenServer
from broken.making import listed
from conftest import FIGURE
from signalwire_conferences_testing.mock import Call, MockServer
from signalwire_conferences_testing.verify import Category, Options, Outcome, Report, verify
from signalwire_conferences_testing.verify.promises import promises

SESSION = {"id": "f6a1", "status": "in-progress", "quality": "720p", "fps": 20}


def mock_with_strangers() -> MockServer:
    """A mock with conferences of others, one of which has a session."""
    conferences: list[dict[str, Any]] = [
        {"name": "with-session", "display_name": "All hands", "description": "ours", "active_session": SESSION},
        {"name": "plain", "display_name": "Stand-up"},
        {"name": "window", "display_name": "Board", "join_from": "2022-01-01T00:00:00Z"},
        {"name": "large", "display_name": "Large", "size": "large", "quality": "1080p"},
    ]
    return MockServer(conferences, token="PTsecret-Token-0aZ9", keep_requests=True)


def verified(server: MockServer, *only: str, seed: int = 0, budget: float = 240.0) -> Report:
    named = next(iter(server.store))
    chosen = Options(server.url, server.project, server.token, conference_id=named, seed=seed, only=only, budget=budget)
    return verify(chosen)


def findings(report: Report) -> dict[str, str]:
    return {result.promise.id: result.message for result in report.broken}


#: What these do to conferences that no request was about, or to the named one whose PUTs they get wrong.
HARMFUL = ("few", "spills", "delete-resets-others", "deletes-namesake", "deletes-newest", "by-display-name")


#: These take ten seconds and more each.
SLOW = (
    "capped-at-100",
    "default-size-25",
    "few",
    "never-updated",
    "unchanged-updated-now-and-then",
    "updated-with-quality",
)


def within_the_default_budget(number: int, broken: BrokenServer) -> bool:
    """Every seventieth; all are tried with the long budget."""
    return number % 70 == 0 and broken.name not in SLOW and not broken.breaks[0].startswith("generic/")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(one, id=one.name, marks=[] if within_the_default_budget(number, one) else [pytest.mark.long])
        for number, one in enumerate(SERVERS)
    ],
)
def test_each_broken_server_is_found_by_the_promises_that_are_meant_to_find_it(broken: BrokenServer) -> None:
    with mock_with_strangers() as server:
        broken.make(server)
        strangers = {one: server.store[one] for one in server.store}
        named = next(iter(strangers))
        # Exactly these: an id may be the beginning of another.
        report = verified(server, *broken.breaks, budget=300.0)
        after = {one: server.store[one].copy() for one in server.store}
        found = findings(report)
        assert set(broken.breaks) <= set(found), {r.promise.id: (r.outcome, r.message) for r in report.results}
        for result in report.broken:
            assert result.evidence, f"{result.promise.id} shows no request"
        assert not wrong_writes(server, set(strangers), named)
        if broken.name not in HARMFUL:
            assert {one: after.get(one) for one in strangers if one != named} == {
                one: state for one, state in strangers.items() if one != named
            }
        # What is shown shows it, twice in a row.
        first = report.broken[0].findings[0]
        shows = [in_bash(first.script, server) for _ in range(2)]
        assert not any(done.stderr for done in shows), (first.script, shows)
        expected = {0, 1} if broken.name in NOW_AND_THEN else {1}
        assert {1} <= {done.returncode for done in shows} <= expected, (first.script, shows)
        assert first.seen_again, first.message
        if broken.name not in REFUSED and not any(one in first.script for one in strangers):
            with mock_with_strangers() as correct:
                mended = in_bash(first.script.replace(server.url, correct.url), correct)
                assert (mended.returncode, mended.stderr) == (0, ""), (first.script, mended)
        assert not wrong_writes(server, set(strangers), named)


#: The script sends what a mended server may refuse.
REFUSED = ("leap-second-elsewhere", "by-display-name")
#: These are wrong every second time, or so.
NOW_AND_THEN = ("unchanged-updated-now-and-then",)


def in_bash(script: str, server: MockServer) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SIGNALWIRE_PROJECT_ID": server.project, "SIGNALWIRE_API_TOKEN": server.token}
    return subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, check=False)


def wrong_writes(server: MockServer, strangers: set[str], named: str) -> list[str]:
    """Requests that would change a conference that the run did not create."""
    return [
        f"{one.method} {one.path}"
        for one in server.requests
        if one.method not in ("GET", "HEAD")
        and one.path.rpartition("/")[2].lower() in strangers
        and (one.method, one.path.rpartition("/")[2]) != ("PUT", named)
    ]


def test_no_promise_is_without_a_broken_server() -> None:
    unproven = {one.id for one in promises()} - {found for server in SERVERS for found in server.breaks}
    assert not unproven


def test_every_broken_server_breaks_promises_that_there_are() -> None:
    assert not {found for server in SERVERS for found in server.breaks} - {one.id for one in promises()}


def test_there_are_broken_servers_of_every_category_and_no_two_of_the_same_name() -> None:
    known = {one.id: one.category for one in promises()}
    assert {known[server.breaks[0]] for server in SERVERS} == set(Category)
    assert len(SERVERS) >= 60
    assert [name for name, count in Counter(server.name for server in SERVERS).items() if count > 1] == []


def forgets_filters(page: dict[str, Any], _call: Call) -> None:
    page["links"] = {name: re.sub("&?(starts_after|ends_before)=[^&]*", "", to) for name, to in page["links"].items()}


@pytest.mark.long
def test_several_mistakes_at_once_are_each_told_in_one_run_and_every_script_shows_its_own() -> None:
    names = ("patches", "create-201", "delete-200")  # one for each method
    with mock_with_strangers() as server:
        for one in SERVERS:
            if one.name in names:
                one.make(server)
        listed(forgets_filters)(server)
        own = [one.id for one in promises() if not one.id.startswith("generic/")]
        report = verified(server, *own)
        roots = {result.promise.id for result, _ in report.roots}
        assert {"put/bare", "status/success", "list/links-keep-query"} <= roots
        assert len(roots) <= 12, sorted(roots)
        for result, _ in report.roots:
            for finding in result.findings[:2]:
                for _ in range(2):
                    done = in_bash(finding.script, server)
                    assert (done.returncode, done.stderr) == (1, ""), (finding.script, done)


@pytest.mark.parametrize(
    ("seed", "every"), [(1, 3), *(pytest.param(seed, 1, marks=pytest.mark.long) for seed in range(20))]
)
def test_the_correct_mock_is_clean_and_left_as_it_was(seed: int, every: int) -> None:
    own = [one.id for one in promises() if not one.id.startswith("generic/")][::every]
    with mock_with_strangers() as server:
        before = {one: server.store[one] for one in server.store}
        # One tries all that Schemathesis does, which takes most of a minute.
        report = verified(server, *(own if seed else ()), seed=seed, budget=240.0)
        after = {one: server.store[one].copy() for one in server.store}
    assert findings(report) == {}
    what = ("all" if every == 1 else "a third of") + (" its own promises" if seed else " promises")
    print(f"{FIGURE}verification of the mock, seed {seed:2}, {what}: {report.seconds:.0f} s")
    not_tried = [one.promise.id for one in report.having(Outcome.NOT_EXERCISED)]
    # Schemathesis may get no time on a busy machine.
    assert [one for one in not_tried if not one.startswith("generic/")] == []
    assert report.notes == []
    named = next(iter(before))
    after[named]["updated_at"] = before[named]["updated_at"]
    assert after == before
