"""What a client tells while it works: events, lines of a log, and the server's ids of its requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pages import Page, run
from processes import Ours, ours
from signalwire_conferences import (
    AsyncRestClient,
    CallBegan,
    CallEnded,
    ConferencesError,
    ConfigurationError,
    ConflictError,
    Event,
    InvalidResponseError,
    NotFoundError,
    RequestBegan,
    RequestEnded,
    RestClient,
    Waiting,
)
from signalwire_conferences_testing.mock import ConferencesMock, Fault, MockServer
from test_options import Transport, http_of

ID = "conference-id"
TOKEN = "PTsecret-token-that-nobody-may-see"


class Told(list[Event]):
    """What was told so far; called with each event."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    @property
    def lines(self) -> list[str]:
        """Each in short, without what differs from run to run."""
        return [short(event) for event in self]


def short(event: Event) -> str:
    match event:
        case CallBegan(operation):
            return f"({operation}"
        case RequestBegan():
            return f"{event.method} {event.conference_id}{' again' if event.rereads else ''}"
        case RequestEnded():
            return " ".join(str(each) for each in (event.status, event.outcome, event.error) if each)
        case Waiting():
            return f"waits for {event.conference_id}"
        case CallEnded():
            said = (event.outcome, *event.changed, event.error, event.conference_id, event.requests)
            return " ".join(str(each) for each in said if each) + ")"


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "2x2"}]) as running:
        yield running


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def client(style: str, server: MockServer, told: Told) -> Iterator[Ours]:
    with ours(style, server, on_event=told, retries=1) as made:
        yield made


# --- events -------------------------------------------------------------------------------------------------


def test_an_update_tells_its_requests_and_what_it_changed(client: Ours, told: Told) -> None:
    client.update(ID, layout="5up", size="small")
    assert told.lines == ["(update", f"GET {ID}", "200 done", f"PUT {ID}", "200 done", f"changed layout size {ID} 2)"]


def test_events_that_belong_together_refer_to_one_another_and_tell_how_long_it_took(client: Ours, told: Told) -> None:
    client.update(ID, layout="5up")
    call, get, got, put, was_put, ended = told
    assert isinstance(get, RequestBegan)
    assert isinstance(got, RequestEnded)
    assert isinstance(put, RequestBegan)
    assert isinstance(was_put, RequestEnded)
    assert isinstance(ended, CallEnded)
    assert (get.call, got.began, put.call, was_put.began, ended.began) == (call, get, call, put, call)
    assert get != put
    assert 0 < got.seconds + was_put.seconds <= ended.seconds < 5
    assert len({got.request_id, was_put.request_id}) == 2
    assert ended.request_id == was_put.request_id


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(
    ("fault", "lines"),
    [
        (Fault.status(503, "0"), ["503 unknown ServerError", f"waits for {ID}", f"GET {ID} again", "200 done"]),
        (Fault.status(429, "0"), ["429 deferred RateLimitError", f"waits for {ID}", f"GET {ID} again", "200 done"]),
        (Fault.drop_after(), ["unknown TransportError", f"waits for {ID}", f"GET {ID} again", "200 done"]),
        (Fault.status(422), ["422 refused ValidationError"]),
    ],
    ids=str,
)
def test_a_put_that_fails_is_told_with_the_wait_and_the_reading_again(
    client: Ours, server: MockServer, told: Told, fault: Fault, lines: list[str]
) -> None:
    server.faults.add(fault, "PUT")
    try:
        client.update(ID, layout="5up")
    except ConferencesError:
        assert told.lines[-1] == f"failed ValidationError {ID} 2)"
    else:
        assert told.lines[-1].startswith("changed layout")
    assert told.lines[3 : 4 + len(lines)] == [f"PUT {ID}", *lines]


def test_every_call_is_told_by_the_name_of_its_method(client: Ours, told: Told, server: MockServer) -> None:
    client.get(ID)
    client.list()
    client.pages()
    made = client.create(display_name="x")
    client.replace(made["id"], {"display_name": "y"})
    client.edit(made["id"], lambda fields: fields.update(layout="5up"))
    client.apply(client.plan(made["id"], layout="3x3"))
    client.update(made["id"], layout="3x3")
    client.delete(made["id"])
    client.update_many([ID], changes={"layout": "5up"})
    server.faults.add(Fault.status(404), "GET")
    with pytest.raises(NotFoundError):
        client.get("nobody")
    began = [line for line in told.lines if line.startswith("(")]
    named = "get list list create replace edit plan apply update delete update_many get"
    assert began == [f"({name}" for name in named.split()]
    outcomes = [(event.outcome, event.conference_id) for event in told if isinstance(event, CallEnded)]
    new = made["id"]
    assert outcomes == [
        *(("done", ID), ("done", None), ("done", None), ("done", new), ("done", new)),
        *(("changed", new), ("done", new), ("changed", new), ("unchanged", new), ("done", new)),
        *(("changed", ID), ("failed", "nobody")),
    ]


def test_an_undo_and_a_history_are_told(style: str, server: MockServer, told: Told, tmp_path: Path) -> None:
    with ours(style, server, on_event=told, journal=tmp_path / "journal.sqlite") as client:
        client.update(ID, layout="5up")
        told.clear()
        client.history(ID)
        client.undo(ID)
    assert told.lines == [
        "(history",
        "done)",
        "(undo",
        f"GET {ID}",
        "200 done",
        f"PUT {ID}",
        "200 done",
        f"changed layout {ID} 2)",
    ]


def test_a_conflict_is_told(client: Ours, server: MockServer, told: Told) -> None:
    plan = client.plan(ID, layout="5up")
    server.store.patch(ID, {"layout": "3x3"})
    with pytest.raises(ConflictError):
        client.apply(plan)
    assert told.lines[-1] == f"failed ConflictError {ID} 1)"


def test_what_a_closed_client_did_not_send_is_told(client: Ours, told: Told) -> None:
    client.call(client.client.close)
    with pytest.raises(ConferencesError):
        client.get(ID)
    assert told.lines == ["(get", f"GET {ID}", "not sent ConferencesError", f"failed ConferencesError {ID} 1)"]


def test_a_cancellation_and_an_interruption_are_told_at_once(server: MockServer, told: Told) -> None:
    async def main() -> None:
        async with AsyncRestClient(*server.auth, server.host, on_event=told) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.video.conferences.get(ID)
            assert told.lines == lines

    lines = ["(get", f"GET {ID}", "interrupted", f"interrupted {ID} 1)"]
    server.faults.add(Fault.hang_before(), "GET", times=None)
    asyncio.run(main())
    told.clear()

    def interrupt(_request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    http = httpx.Client(transport=Transport(interrupt))
    with RestClient(*server.auth, server.host, on_event=told, http_client=http) as client:
        with pytest.raises(KeyboardInterrupt):
            client.video.conferences.get(ID)
        assert told.lines == lines


def test_a_fleet_tells_each_of_its_conferences(style: str, server: MockServer, told: Told) -> None:
    server.seed({"id": f"c{number}"} for number in range(5))
    with ours(style, server, on_event=told) as client:
        client.update_many(changes={"layout": "5up"}, concurrency=3)
    ended = [event for event in told if isinstance(event, CallEnded)]
    assert sorted(str(event.conference_id) for event in ended if event.began.operation == "update_many") == [
        f"c{number}" for number in range(5)
    ]
    for event in told:
        if isinstance(event, RequestEnded):
            assert event.began in told
            assert event.began.call in told


def test_a_hook_that_fails_breaks_nothing_and_is_told_once(
    style: str, server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: Event) -> None:
        raise RuntimeError("of the caller")

    with ours(style, server, on_event=fail) as client:
        assert client.update(ID, layout="5up").report.puts == 1
        client.client.with_options(retries=0)
        client.get(ID)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("signalwire_conferences", "ERROR")
    assert record.getMessage() == "on_event failed at a CallBegan; this is said once"
    assert record.exc_info


@pytest.mark.parametrize("failing", [RequestEnded, CallEnded])
def test_what_is_said_of_a_hook_that_fails_holds_no_answer(
    style: str, caplog: pytest.LogCaptureFixture, failing: type
) -> None:
    mock = ConferencesMock([{"id": ID, "description": TOKEN}], token=TOKEN)

    def answer(request: httpx.Request) -> httpx.Response:
        refused = httpx.Response(422, json={"errors": [{"attribute": "x", "message": TOKEN}]})
        return refused if request.method == "DELETE" else mock.transport().handle_request(request)

    def fail(event: Event) -> None:
        if type(event) is failing:
            raise RuntimeError("of the caller")

    for call in ("get", "delete"):
        http = http_of(style, transport=Transport(answer))
        with ours(style, mock, on_event=fail, http_client=http) as client, contextlib.suppress(ConferencesError):
            getattr(client, call)(ID)
    assert caplog.text.count("RuntimeError: of the caller") == 2
    assert "StopIteration" not in caplog.text
    assert "ValidationError" not in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("kind", [RestClient, AsyncRestClient])
def test_a_hook_that_would_have_to_be_awaited_is_refused(kind: Any) -> None:
    async def hook(_event: Event) -> None: ...

    for wrong in (hook, 5, "print"):
        with pytest.raises(ConfigurationError, match=r"on_event=.*must be a function that is not awaited"):
            kind("p", "PTsecret", "space.signalwire.com", on_event=wrong)


def test_another_hook_for_a_few_calls_or_none(server: MockServer, told: Told) -> None:
    others = Told()
    with RestClient(*server.auth, server.host, on_event=told) as client:
        client.with_options(on_event=others).video.conferences.get(ID)
        client.with_options(on_event=None).video.conferences.get(ID)
        client.with_options(retries=1).video.conferences.get(ID)
    assert (len(others), len(told)) == (4, 4)


# --- the log ------------------------------------------------------------------------------------------------


def masked(line: str) -> str:
    """A line without what differs from run to run."""
    return " ".join("TIME" if _is_number(word) else word for word in line.partition(", request id")[0].split(" "))


def _is_number(word: str) -> bool:
    return word.replace(".", "").isdigit() and "." in word


@pytest.mark.usefixtures("waits")
def test_the_log_tells_each_in_one_line(style: str, server: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "signalwire_conferences")
    server.faults.add(Fault.status(503, "0"), "PUT")
    with ours(style, server) as client:
        client.update(ID, layout="5up")
        with pytest.raises(NotFoundError):
            client.get("nobody")
        client.list()
    ours_alone = [record for record in caplog.records if record.name == "signalwire_conferences"]
    assert [f"{record.levelname} {masked(record.getMessage())}" for record in ours_alone] == [
        f"DEBUG GET {ID}: 200, done, TIME s",
        f"DEBUG PUT {ID}: 503, ServerError, unknown, TIME s",
        f"DEBUG update {ID}: waiting TIME s",
        f"DEBUG GET {ID} again: 200, done, TIME s",
        f"DEBUG PUT {ID}: 200, done, TIME s",
        f"INFO update {ID}: changed layout, 4 requests, TIME s",
        "DEBUG GET nobody: 404, NotFoundError, refused, TIME s",
        "INFO get nobody: failed, NotFoundError, 1 request, TIME s",
        "DEBUG GET -: 200, done, TIME s",
        "INFO list -: done, 1 request, TIME s",
    ]
    assert all(", request id " in record.getMessage() for record in ours_alone if "waiting" not in record.getMessage())


def test_nobody_who_does_not_listen_pays() -> None:
    code = """
import logging, sys
from signalwire_conferences import RestClient
from signalwire_conferences_testing.mock import MockServer
logging.basicConfig(level=logging.WARNING)
with MockServer([{"id": "x"}]) as server, RestClient(*server.auth, server.host) as client:
    client.video.conferences.update("x", layout="5up")
    print("signalwire_conferences.events" in sys.modules)
    logging.getLogger("signalwire_conferences").setLevel("INFO")
    client.video.conferences.update("x", layout="2x2")
    print("signalwire_conferences.events" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    assert "update x: changed layout, 2 requests" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_secret_is_told_whatever_an_answer_echoes(style: str, caplog: pytest.LogCaptureFixture, told: Told) -> None:
    caplog.set_level(logging.DEBUG)
    mock = ConferencesMock([{"id": ID, "description": TOKEN}], token=TOKEN)

    def answer(request: httpx.Request) -> httpx.Response:
        answered = mock.transport().handle_request(request)
        answered.headers["x-request-id"] = f"id-{TOKEN}\x85"
        return answered

    with ours(style, mock, on_event=told, retries=0, http_client=http_of(style, transport=Transport(answer))) as client:
        client.update(ID, layout="5up")
        with contextlib.suppress(ConferencesError):
            client.get(f"x{TOKEN}")
    texts = [repr(attrs.asdict(event)) for event in told] + [
        record.getMessage() for record in caplog.records if record.name == "signalwire_conferences"
    ]
    assert not [text for text in texts if TOKEN in text]
    assert any("request id id-***\\x85" in text for text in texts)
    assert all(text.isprintable() for text in texts)


# --- the server's ids of requests --------------------------------------------------------------------------


def test_a_result_has_the_id_of_the_request_that_gave_it_and_stays_the_same_dict(
    client: Ours, server: MockServer
) -> None:
    def last() -> str:
        return server.requests[-1].request_id

    conf = client.get(ID)
    assert conf.request_id == last()
    assert "request_id" not in json.loads(json.dumps(conf))
    assert conf == dict(conf) == client.get(ID)
    page = client.list()
    assert page.request_id == last()
    assert page.data[0].request_id is None
    made = client.create(display_name="x")
    assert made.request_id == last()
    assert client.replace(made["id"], {"display_name": "y"}).request_id == last()
    changed = client.update(ID, layout="5up")
    assert changed.request_id == changed.report.request_id == last()
    assert client.update(ID, layout="5up").request_id == last()
    again = pickle.loads(pickle.dumps(changed))
    assert (again, again.request_id, again.report) == (changed, changed.request_id, changed.report)


@pytest.mark.usefixtures("waits")
def test_of_an_update_it_is_that_of_its_put_also_where_it_had_to_be_read_again(
    client: Ours, server: MockServer
) -> None:
    server.faults.add(Fault.failed_after(), "PUT")
    conf = client.update(ID, layout="5up")
    [put] = [request for request in server.requests if request.method == "PUT"]
    assert conf.request_id == put.request_id
    server.faults.add(Fault.drop_after(), "PUT")
    conf = client.update(ID, layout="2x2")
    assert conf.request_id == server.requests[-3].request_id  # of the read: the PUT was not answered


def test_an_answer_that_is_none_has_its_id_in_the_error(client: Ours, server: MockServer) -> None:
    server.faults.add(Fault.body("[]"), "GET")
    with pytest.raises(InvalidResponseError) as caught:
        client.get(ID)
    assert caught.value.request_id == server.requests[-1].request_id


# --- recipes ------------------------------------------------------------------------------------------------


def run_recipe(title: str, server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    [code] = [block.code for block in Page.read("overrides/RECIPES.md").blocks if block.section == title]
    run(code, {}, title)


def test_the_recipe_for_spans_makes_one_of_each_call_and_below_it_one_of_each_request(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    server.faults.add(Fault.status(503, "0"), "PUT")
    run_recipe("Trace with OpenTelemetry", server, monkeypatch)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert [span.name for span in exporter.get_finished_spans()] == ["GET", "PUT", "GET", "PUT", "conferences.update"]
    call = spans.pop("conferences.update")
    assert call.attributes == {
        "signalwire.conference_id": ID,
        "signalwire.outcome": "changed",
        "signalwire.request_id": server.requests[-1].request_id,
    }
    assert [event.name for event in call.events] == ["waiting"]
    for span in spans.values():
        assert span.parent is not None
        assert span.parent.span_id == call.context.span_id
    failed = exporter.get_finished_spans()[1]
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert failed.attributes
    assert (failed.attributes["http.response.status_code"], failed.attributes["error.type"]) == (503, "ServerError")


def test_the_recipe_for_metrics_measures_requests_and_calls(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.store.patch(ID, {"layout": "3x3"})
    reader = InMemoryMetricReader()
    monkeypatch.setattr(metrics, "get_meter", MeterProvider([reader]).get_meter)
    run_recipe("Measure with metrics", server, monkeypatch)
    data: Any = reader.get_metrics_data()
    [scope] = data.resource_metrics[0].scope_metrics
    counted = {
        metric.name: [(point.attributes, point.count) for point in metric.data.data_points] for metric in scope.metrics
    }
    assert counted == {
        "http.client.request.duration": [
            ({"http.request.method": "GET", "http.response.status_code": 200}, 1),
            ({"http.request.method": "PUT", "http.response.status_code": 200}, 1),
        ],
        "signalwire.conferences.call.duration": [({"operation": "update", "outcome": "changed"}, 1)],
    }
