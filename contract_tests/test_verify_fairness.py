"""The verification finds no fault where there is none: odd servers that keep every promise."""

from __future__ import annotations

import datetime
import itertools
import random
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from broken.making import Write, answers, asks, body_of, listed, refuses, rule, stores
from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences.values import instant
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Call, Fault, MockServer, Reply, Store, checks, store
from signalwire_conferences_testing.mock.exchange import invalid, refused
from signalwire_conferences_testing.mock.steps import Step
from signalwire_conferences_testing.verify import Options, Outcome, Report, verify
from signalwire_conferences_testing.verify.promises import lists, promises
from signalwire_conferences_testing.verify.telling import as_json, templated
from signalwire_conferences_testing.verify.trying import samples
from signalwire_conferences_testing.verify.trying.pages import free_window

SESSION = {"id": "f6a1", "status": "in-progress"}


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([], token="PTsecret-token-0aZ9") as mock:
        yield mock


def verified(server: MockServer, *only: str, **more: Any) -> Report:
    return verify(Options(server.url, server.project, server.token, only=only, **more))


def outcomes(report: Report) -> dict[str, tuple[Outcome, str]]:
    return {one.promise.id: (one.outcome, one.message) for one in report.results}


def all_kept(report: Report) -> bool:
    return {outcome for outcome, _ in outcomes(report).values()} == {Outcome.KEPT} and not report.failed


BEYOND_ASCII = ["tökén-of-some-length", "PT-ключ-東京"]


@pytest.mark.parametrize("token", BEYOND_ASCII)
def test_a_token_beyond_ascii_costs_no_promise(token: str) -> None:
    with MockServer([], token=token) as mock:
        report = verified(mock, "auth/", "status/read")
    assert all_kept(report), outcomes(report)


@pytest.mark.long
@pytest.mark.parametrize("token", BEYOND_ASCII)
def test_schemathesis_too_is_let_in_with_a_token_beyond_ascii(token: str) -> None:
    with MockServer([], token=token) as mock:
        # A fault hits only what was let in.
        mock.faults.add(Fault.latency(0), "PUT", times=None)
        verified(mock, "generic/negative", budget=120)
        assert mock.faults.fired


WINDOWS = ("list/pages", "list/default-size", "state/list-shows-what-exists", "state/unknown-creates")


@pytest.mark.long
def test_what_an_earlier_run_with_the_same_seed_left_behind_is_not_in_the_way(server: MockServer) -> None:
    server.faults.add(Fault.status(500), "DELETE", times=None)
    first = verified(server, *WINDOWS)
    assert first.stayed
    server.faults.clear()
    second = verified(server, *WINDOWS)
    assert all_kept(second), outcomes(second)


def test_a_window_in_which_there_is_something_is_not_taken() -> None:
    pages = [{"data": ["theirs"]}, {"data": ["theirs"]}, {"data": []}]
    asked: list[str] = []

    def listed(**query: str) -> Any:
        asked.append(query["starts_after"])
        return SimpleNamespace(value=pages[len(asked) - 1])

    bench: Any = SimpleNamespace(created=SimpleNamespace(rng=random.Random(1)), list=listed)
    window = free_window(bench, 20)
    assert len(set(asked)) == 3
    assert window.bounds["starts_after"] == asked[2]


def with_session(server: MockServer) -> str:
    named: str = server.store.add({"display_name": "All hands", "active_session": SESSION})
    return named


def end_session(server: MockServer, named: str) -> None:
    with server.store.lock:
        state = {k: v for k, v in server.store[named].items() if k != "active_session"}
        server.store.write(named, state)


@pytest.mark.parametrize("reads", range(2, 8))
def test_a_session_that_ends_between_two_looks_is_no_finding(server: MockServer, reads: int) -> None:
    named = with_session(server)
    count = 0

    def end(_reply: Reply, _call: Call) -> None:
        nonlocal count
        count += 1
        if count == reads:
            end_session(server, named)

    answers(end, "GET")(server)
    report = verified(server, "state/session-on-request", "state/session-not-unasked", writes=False)
    assert report.broken == [], outcomes(report)
    assert count > reads


def test_a_session_that_comes_and_goes_is_one(server: MockServer) -> None:
    named = with_session(server)
    count = 0

    def flicker(_reply: Reply, call: Call) -> None:
        nonlocal count
        if call.conference_id == named:
            count += 1
            if count % 2:
                end_session(server, named)
            else:
                server.store.patch(named, {"active_session": SESSION})

    answers(flicker, "GET")(server)
    report = verified(server, "state/session-on-request", writes=False)
    assert "comes and goes" in outcomes(report)["state/session-on-request"][1]


def test_a_session_that_ends_between_a_put_and_the_next_is_not_ended_by_it(server: MockServer) -> None:
    named = server.store.add({**samples.custom(UPDATE), "display_name": "x", "active_session": SESSION})
    puts, reads_since = 0, 0

    def end(_reply: Reply, call: Call) -> None:
        nonlocal puts, reads_since
        puts, reads_since = (puts + 1, 0) if call.method == "PUT" else (puts, reads_since + 1)
        if puts == 1 and reads_since == 1:
            end_session(server, named)

    answers(end)(server)
    report = verified(server, "put/session-stays", conference_id=named)
    assert all_kept(report), outcomes(report)
    assert "active_session" not in server.store[named]


@pytest.mark.long
def test_a_rate_limit_is_no_finding_of_what_schemathesis_makes_up(server: MockServer) -> None:
    for at in range(5, 60, 7):
        server.faults.add(Fault.status(429, "0.01"), at=at)
    report = verified(server, "generic/not-a-server-error")
    assert all_kept(report), outcomes(report)
    assert len(server.faults.fired) > 4


def test_a_server_that_knows_no_timestamps_before_1970_is_clean(server: MockServer) -> None:
    def refuse(call: Call, _store: Store) -> None:
        call.query = [(name, "no time" if value.startswith("-") else value) for name, value in call.query]

    asks(refuse, "GET")(server)
    report = verified(server, "list/ends-before", "list/starts-after")
    assert all_kept(report), outcomes(report)
    asked = [request.query for request in server.requests]
    assert any("ends_before=" in one and one.partition("ends_before=")[2][:8].isdigit() for one in asked)


def test_a_list_that_is_too_long_to_read_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "_MOST_UNFILTERED", 2)
    strangers = [{"display_name": "Stranger"} for _ in range(2500)]
    with MockServer(strangers, token="PTsecret-token-0aZ9") as mock:
        report = verified(mock, "list/without-times")
    [(outcome, message)] = outcomes(report).values()
    assert outcome is Outcome.NOT_EXERCISED
    assert "too many" in message


def test_a_server_that_counts_its_ids_is_clean_and_its_neighbours_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that differs in one digit may be that of somebody else's conference."""
    theirs = [uuid.UUID(int=16 * number) for number in range(200)]
    ours = (uuid.UUID(int=number) for number in itertools.count() if number % 16)
    with MockServer({"id": str(one), "name": f"theirs-{one}"} for one in theirs) as server:
        monkeypatch.setattr(store, "uuid", SimpleNamespace(uuid4=lambda: next(ours), UUID=uuid.UUID))
        report = verified(server, "status/near-id", "status/name-is-no-id", "status/gone", "isolation/")
        assert all_kept(report), outcomes(report)
        assert list(server.store) == [str(one) for one in theirs]


def test_a_server_that_reads_what_is_json_by_its_form_is_clean(server: MockServer) -> None:
    def as_json(call: Call, _store: Store) -> None:
        if call.headers.get("content-type", "").partition(";")[0].endswith("+json"):
            call.headers = {**call.headers, "content-type": "application/json"}

    asks(as_json)(server)
    report = verified(server, "status/media-type", "accepts/any-layout")
    assert all_kept(report), outcomes(report)


# --- what the documents leave open ---------------------------------------------------------------------


def refused_for(call: Call) -> str | None:
    """What a server may refuse: unknown and server-owned properties, NUL, a blank name, a reversed window."""
    given = body_of(call)
    known = contract.fields(CREATE if call.method == "POST" else UPDATE)
    for name, value in given.items():
        if name not in known or (isinstance(value, str) and "\0" in value):
            return name
    if isinstance(given.get("display_name"), str) and not given["display_name"].strip():
        return "display_name"
    start, end = instant(given.get("join_from")), instant(given.get("join_until"))
    return "join_until" if start and end and end <= start else None


def strict(server: MockServer) -> None:
    """Refuses all that may be refused, has the other status where two are named, keeps whole seconds,
    and leaves updated_at where a PUT changes nothing.
    """

    async def run(step: Step) -> Reply:
        given, content = body_of(step.call), step.call.content.strip()
        wrong = refused_for(step.call)
        reply = await step.proceed() if wrong is None else None
        if step.call.method in ("POST", "PUT") and "json" in step.call.headers.get("content-type", ""):
            if not content and (reply is None or reply.status == 400):
                return invalid([checks.entry("body", "is empty")]).reply
            if content[:1] == b"{" and given.get("display_name") is None and (reply is None or reply.status == 422):
                return refused(400).reply
        return reply or invalid([checks.entry(str(wrong), "is not liked here")]).reply

    def whole_seconds(write: Write) -> None:
        for name in ("join_from", "join_until"):
            at = write.after[name]
            if isinstance(at, str) and "." in at and ":60" not in at and at.startswith(("1", "2")):
                moment = datetime.datetime.fromisoformat(at) + datetime.timedelta(seconds=0.5)
                write.after[name] = moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        if all(write.before.get(name) == write.after[name] for name in contract.fields(UPDATE)):
            write.after["updated_at"] = write.before["updated_at"]

    rule(run, None)(server)
    stores(whole_seconds)(server)
    stores(whole_seconds, "POST")(server)


@pytest.mark.long
def test_a_server_that_reads_what_is_open_the_other_way_is_clean_and_its_readings_are_told() -> None:
    own = [one.id for one in promises() if not one.id.startswith("generic/")]
    with MockServer([{"display_name": "Stranger"}], token="PTsecret-token-0aZ9") as mock:
        strict(mock)
        report = verified(mock, *own, budget=240.0)
    assert {one.promise.id: one.message for one in report.broken} == {}
    told = {question.id: reading for question, reading in report.open_questions}
    assert told["nul"] == told["unknown-properties"] == told["server-owned-properties"] == "refused with 422"
    assert told["reversed-window"] == "refused with 422"
    assert told["missing-display-name"] == "refused with 400"
    assert told["empty-body"] == "refused with 422"
    assert told["unchanged-put"] == "updated_at is left"
    assert told["fraction-of-a-second"] == "cut or rounded"
    value = as_json.value(report)
    assert {one["id"] for one in value["open_questions"]} >= {"nul", "unchanged-put"}
    assert 'name="open/nul"' in templated.junit(report)
    assert "May a text hold the character NUL?" in templated.html(report)


@pytest.mark.parametrize("methods", [["PUT"], ["POST"], ["PUT", "POST"], []])
def test_an_open_question_is_to_be_answered_alike_by_every_operation(server: MockServer, methods: list[str]) -> None:
    known = {**contract.fields(CREATE), **contract.fields(UPDATE), **schemas.answer_fields()}
    for method in methods:
        refuses(lambda body: next((name for name in body if name not in known), None), method)(server)
    report = verified(server, "accepts/unknown", "put/server-fields")
    if len(methods) == 1:
        [told] = report.broken[0].findings
        assert "by a PUT" in told.message
        assert "by a POST" in told.message
        assert told.seen_again
    else:
        assert all_kept(report), outcomes(report)


@pytest.mark.long
@pytest.mark.parametrize("shown", [True, False])
def test_schemathesis_touches_no_conference_of_others_however_ids_are_chosen(
    shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids that count, as somebody might make them up, and that the list may hide."""
    theirs = [str(uuid.UUID(int=number, version=4)) for number in range(1, 400)]
    ours = (uuid.UUID(int=number, version=4) for number in itertools.count(400))
    with MockServer({"id": one, "name": f"theirs-{one}"} for one in theirs) as server:
        monkeypatch.setattr(store, "uuid", SimpleNamespace(uuid4=lambda: next(ours), UUID=uuid.UUID))
        if not shown:
            listed(lambda page, _call: page["data"].clear())(server)
        before = {one: server.store[one] for one in server.store}
        report = verified(server, "generic/", budget=60.0)
        assert {one: server.store[one] for one in server.store} == before
        assert {request.method for request in server.requests} >= {"POST", "PUT", "DELETE"}
    assert report.broken == []
