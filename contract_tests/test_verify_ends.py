"""How a verification ends: too late, interrupted, or on a server with one fault that looks like many."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from broken.making import Make, answers, asks, listed, rule, stores, tells
from signalwire_conferences.values import encode_json
from signalwire_conferences_testing.mock import Call, Fault, MockServer, Reply, Store
from signalwire_conferences_testing.mock.steps import Step
from signalwire_conferences_testing.verify import Options, Outcome, Report, verify
from signalwire_conferences_testing.verify.command import main
from signalwire_conferences_testing.verify.promises import promises
from signalwire_conferences_testing.verify.telling.report import Result
from signalwire_conferences_testing.verify.trying.claims import Claim, field
from signalwire_conferences_testing.verify.trying.exchange import Credentials, Exchange
from test_verify import in_bash

COLLECTION = "/api/video/conferences"


def verified(server: MockServer, *only: str, **more: Any) -> Report:
    return verify(Options(server.url, server.project, server.token, only=only, **more))


def told(report: Report) -> dict[str, str]:
    return {one.promise.id: one.message for one in report.broken if not one.because}


# --- time -----------------------------------------------------------------------------------------------


def test_a_budget_that_is_too_small_is_2_and_says_so_beside_what_was_found(
    server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults.add(Fault.latency(0.2), times=None)
    assert main([server.url, "--promise", "status/read", "--promise", "status/success", "--budget", "2"]) == 2
    said = capsys.readouterr().out
    assert "1 kept" in said
    assert "a larger --budget" in said


def test_a_budget_that_is_enough_for_most_is_0_and_says_what_was_not_tried() -> None:
    report = Report(Options("http://127.0.0.1:1", "p", "t"))
    report.results += [Result(one, Outcome.KEPT) for one in [*promises()][:3]]
    report.late = ["put/bare"]
    assert not report.could_not_run
    report.late *= 2
    assert report.could_not_run


def test_the_core_promises_come_first() -> None:
    assert [one.id for one in promises()][:3] == ["status/read", "status/success", "put/bare"]


def test_a_server_that_answers_no_more_does_not_make_the_run_overrun_its_budget(server: MockServer) -> None:
    server.faults.add(Fault.hang_before(), at=60, times=None)
    begun = time.monotonic()
    report = verified(server, "isolation/", "state/many", budget=4, timeout=1)
    assert time.monotonic() - begun < 10
    assert report.late


def test_a_list_without_an_end_does_not_make_the_run_overrun_its_budget(server: MockServer) -> None:
    count = 0

    def endless(page: dict[str, Any], _call: Call) -> None:
        nonlocal count
        count += 1
        page["links"]["next"] = f"{COLLECTION}?page_size=3&n={count}"

    def forgets(call: Call, _store: Store) -> None:
        call.query = [(name, value) for name, value in call.query if name != "n"]

    asks(forgets, "GET")(server)
    listed(endless)(server)
    begun = time.monotonic()
    report = verified(server, "list/pages", "list/way-back", budget=5)
    assert list(told(report)) == ["list/pages"]
    assert time.monotonic() - begun < 10


def test_a_run_that_stops_early_tells_of_every_promise(server: MockServer) -> None:
    stores(lambda write: write.after.update(description=write.before["description"]))(server)
    report = verified(server, fail_fast=True)
    assert report.broken
    assert sorted(one.promise.id for one in report.results) == sorted(one.id for one in promises())


# --- what must not be written to ------------------------------------------------------------------------


@pytest.mark.parametrize("answered", ["", ".", "..", " ", "x/../y", "/"])
def test_an_id_that_leaves_its_place_in_the_path_is_never_used(answered: str, server: MockServer) -> None:
    tells(lambda one: one.update(id=answered), "POST")(server)
    report = verified(server, "status/success", "put/bare")
    assert "status/success" in told(report)
    assert {(one.method, one.path) for one in server.requests if one.method != "GET"} <= {
        ("POST", COLLECTION),
        # What was created all the same is found by its name, and removed.
        *(("DELETE", one.path) for one in server.requests if one.path.count("-") == 4),
    }
    assert len(server.store) == 1


def test_what_a_put_created_is_removed_too(server: MockServer) -> None:
    async def upsert(step: Step) -> Reply:
        reply = await step.proceed()
        if reply.status == 404 and step.call.method == "PUT":
            step.store.load([{"id": step.call.conference_id, **json.loads(step.call.content)}])
            reply.status, reply.content = 200, encode_json(step.store[str(step.call.conference_id)].copy())
        return reply

    rule(upsert, "PUT")(server)
    report = verified(server, "status/unknown-write", "status/near-id", "status/no-failure-writing", "state/unknown")
    assert "status/unknown-write" in told(report)
    assert len(server.store) == 1, report.notes


def test_what_a_list_shows_with_the_mark_and_nobody_can_read_is_named(server: MockServer) -> None:
    shown: list[str] = []
    asks(lambda call, _store: shown.append(json.loads(call.content)["display_name"]), "POST")(server)
    server.faults.add(Fault.status(500), "PUT")

    def ghost(page: dict[str, Any], _call: Call) -> None:
        page["data"] += [{**page["data"][0], "id": "nonsense", "name": "x", "display_name": one} for one in shown[:1]]

    listed(ghost)(server)
    assert "nonsense" in " ".join(verified(server, "status/success").notes)


@pytest.mark.parametrize("given", ["", "nonsense", "5f1f5b6b-0000-4000-8000-0000000000ff"])
def test_a_named_conference_that_is_not_there_is_2_before_anything_is_written(
    given: str, server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([server.url, "--conference", given, "--promise", "status/success"]) == 2
    assert f"has no conference {given!r}" in capsys.readouterr().err
    assert {one.method for one in server.requests} == {"GET"}


# --- one fault --------------------------------------------------------------------------------------------


def forgets_filters(call: Call, _store: Store) -> None:
    call.query = [(name, value) for name, value in call.query if name not in ("starts_after", "ends_before")]


def test_a_list_that_does_not_filter_is_told_by_the_promises_on_filters_alone(server: MockServer) -> None:
    asks(forgets_filters, "GET")(server)
    report = verified(server, "list/pages", "list/way-back", "list/links-keep-query", "list/both", "state/unknown")
    assert list(told(report)) == ["list/both-filters"]
    assert report.broken[0].findings[0].seen_again


def shows_own_sessions(reply: Reply, call: Call) -> None:
    value = reply.value()
    if isinstance(value, dict) and "id" in value and ("include_active_session", "true") in call.query:
        value["active_session"] = {"id": value["id"], "status": "in-progress"}
        reply.content = encode_json(value)


def test_a_session_of_the_servers_own_is_not_one_that_was_taken_from_a_body(server: MockServer) -> None:
    answers(shows_own_sessions, "GET")(server)
    assert told(verified(server, "state/create-server-fields", "put/server-fields")) == {}


@pytest.mark.parametrize("status", [401, 503])
def test_a_server_that_fails_is_not_accused_of_having_taken_a_name(status: int, server: MockServer) -> None:
    server.faults.add(Fault.status(status), "POST", at=2, times=None)
    report = verified(server, "refuses/creates-nothing")
    findings = [one.message for result in report.broken for one in result.findings]
    assert findings
    assert not [one for one in findings if "took the name" in one]


def overlong(call: Call, _store: Store) -> None:
    call.query = [(n, str(int(v) + 1) if n == "page_size" and v == "3" else v) for n, v in call.query]


def leaks(write: Any) -> None:
    write.after["light_negative"] = write.body.get("light_negative", write.before["light_negative"])


MENDED: dict[str, tuple[Make, tuple[str, ...]]] = {
    "keeps a colour": (stores(leaks), ("put/bare",)),
    "pages of one more": (asks(overlong, "GET"), ("list/way-back",)),
    "a value in a list": (listed(lambda page, _: [one.update(quality="x") for one in page["data"]]), ("schema/list",)),
}


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=[] if at == 0 else [pytest.mark.long]) for at, one in enumerate(MENDED)]
)
def test_a_script_ends_well_once_the_server_is_mended(fault: str, server: MockServer) -> None:
    make, only = MENDED[fault]
    make(server)
    report = verified(server, *only)
    scripts = [one.script for result in report.broken for one in result.findings[:2] if not result.because]
    assert scripts
    assert {in_bash(one, server).returncode for one in scripts} == {1}
    server.faults.clear()
    for one in scripts:
        done = in_bash(one, server)
        assert (done.returncode, done.stderr) == (0, ""), (one, done)


def test_what_is_said_of_a_success_is_not_said_of_a_refusal() -> None:
    created, refused = (
        Exchange(None, "POST", "http://x", {}, None, Credentials(None, ""), status=s) for s in (200, 422)
    )
    claim = Claim(field(created, "name"), "is not", None, status=200)
    assert not claim.is_so
    assert claim.holds({created: refused}, lambda value: value)
    assert ".status != 200 or" in claim.jq(lambda _: "$a1", json.dumps)


# --- the command -------------------------------------------------------------------------------------------


def test_one_file_for_two_reports_is_2_before_any_request(
    server: MockServer, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([server.url, "--junit", f"{tmp_path}/r", "--html", f"{tmp_path}/x/../r"]) == 2
    assert "name one file" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.usefixtures("server")
def test_a_proxy_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert main(["https://space.example"]) == 2
    said = capsys.readouterr().err
    assert "through the proxy 127.0.0.1:1" in said
    assert "secret" not in said
    assert "running there" not in said
