"""Every error says what happened, keeps secrets, survives pickling, and stands in the tree."""

from __future__ import annotations

import base64
import copy
import inspect
import json
import logging
import pickle
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest

import signalwire_conferences
from conftest import TOKEN, Connect
from signalwire_conferences import (
    ApiError,
    AuthenticationError,
    ConferencesError,
    ConfigurationError,
    Conflict,
    ConflictError,
    Difference,
    InvalidChangeError,
    InvalidResponseError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    RestClient,
    ServerError,
    TransportError,
    UnsafeUpdateError,
    ValidationError,
    VerificationError,
    errors,
)
from signalwire_conferences.comparison import MISSING
from signalwire_conferences.outcomes import Answer, NoAnswer, outcome_of
from signalwire_conferences.steps import Done, NotSent, Request, Unknown
from signalwire_conferences_testing.mock import Fault, MockServer
from test_update import ID

PUBLIC = [getattr(signalwire_conferences, name) for name in signalwire_conferences.__all__]
CLASSES = [each for each in PUBLIC if isinstance(each, type) and issubclass(each, Exception)]

STATUSES: dict[int, type[ApiError]] = {
    400: ApiError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: ApiError,
    409: ApiError,
    412: ApiError,
    422: ValidationError,
    429: RateLimitError,
    500: ServerError,
    502: ServerError,
    503: ServerError,
    599: ServerError,
    301: ApiError,
    304: ApiError,
}


# --- the tree -------------------------------------------------------------------------------------


def drawn() -> Iterator[tuple[str, str]]:
    """Each error of the tree at the top of the module, with its base."""
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4
            branch[depth:] = [match[2]]
            yield match[2], branch[depth - 1] if depth else "Exception"


def test_every_exported_error_stands_in_the_tree_at_its_place() -> None:
    assert dict(drawn()) == {each.__name__: each.__bases__[0].__name__ for each in CLASSES}


def test_every_error_is_exported_and_explained() -> None:
    found = {each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)}
    assert found == set(CLASSES)
    assert all(each.__doc__ for each in found)


def test_there_is_one_base_to_catch() -> None:
    assert all(issubclass(each, ConferencesError) for each in CLASSES)


# --- statuses -------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[RestClient], object]] = {
    "get": lambda client: client.video.conferences.get(ID),
    "list": lambda client: client.video.conferences.list(),
    "paginate": lambda client: list(client.video.conferences.paginate()),
    "create": lambda client: client.video.conferences.create(display_name="x"),
    "replace": lambda client: client.video.conferences.replace(ID, {"display_name": "x"}),
    "delete": lambda client: client.video.conferences.delete(ID),
    "plan": lambda client: client.video.conferences.plan(ID, display_name="x"),
    "update": lambda client: client.video.conferences.update(ID, display_name="x"),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_status_has_its_error(mock: MockServer, client: RestClient, call: str) -> None:
    for status, kind in STATUSES.items():
        mock.faults.clear()
        mock.faults.add(Fault.status(status))
        with pytest.raises(ApiError) as caught:
            CALLS[call](client)
        assert type(caught.value) is kind
        assert caught.value.status_code == status
        assert caught.value.request_id == mock.requests[-1].request_id
        assert mock.requests[-1].request_id in str(caught.value)
        assert f"answered with {status}" in str(caught.value)
        assert caught.value.errors == []


@pytest.mark.parametrize("status", STATUSES)
def test_the_put_of_an_update_fails_with_the_error_of_its_status_too(
    mock: MockServer, client: RestClient, status: int
) -> None:
    mock.faults.add(Fault.status(status), "PUT")
    if status in (301, 429, 500, 502, 503, 599):
        # The outcome is unknown, and the conference read again lacks the change.
        with pytest.raises(STATUSES[status], match="lacks the change"):
            client.video.conferences.update(ID, display_name="x")
    else:
        with pytest.raises(STATUSES[status]) as caught:
            client.video.conferences.update(ID, display_name="x")
        assert caught.value.conference_id == ID
        # These may answer a repetition, by a proxy, of a PUT that was carried out.
        again = ["GET"] if status in (409, 412) else []
        assert [request.method for request in mock.requests] == ["GET", "PUT", *again]
        assert "unchanged by this call" in str(caught.value)
    assert mock.store[ID]["display_name"] != "x"


def answered(status: int, content: bytes, **headers: str) -> ApiError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    outcome = outcome_of(Request("PUT", "/x", "conference", about=ID), Answer(status, named, content, 0.0))
    assert not isinstance(outcome, Done)
    assert isinstance(outcome.error, ApiError)
    return outcome.error


def test_the_entries_of_a_422_are_told_and_kept_as_they_came() -> None:
    entries = [
        {"type": "validation_error", "code": "x", "message": "is too long", "attribute": "name", "url": "u"},
        {"message": "is odd", "attribute": None},
        "not even an object",
    ]
    error = answered(422, json.dumps({"errors": entries}).encode())
    assert error.errors == entries
    assert "name: is too long" in str(error)
    assert "request: is odd" in str(error)
    assert "not even an object" in str(error)


@pytest.mark.parametrize(
    "content",
    [b"", b"<h1>Bad gateway</h1>", b"\xff\xfe", b"null", b"[]", b"5", b'{"error": 5}', b'{"errors": {}}', b"[" * 10**5],
)
def test_any_body_of_an_error_is_taken(content: bytes) -> None:
    for status in STATUSES:
        error = answered(status, content)
        assert (error.status_code, error.errors) == (status, [])
        assert error.reason is None


@pytest.mark.parametrize("name", ["x_request_id", "request_id", "x_signalwire_request_id"])
def test_the_id_of_the_request_is_found(name: str) -> None:
    assert answered(500, b"", **{name: "abc"}).request_id == "abc"


@pytest.mark.parametrize(
    ("said", "date", "seconds"),
    [
        ("2", "", 2.0),
        ("0", "", 0.0),
        ("1.5", "", 1.5),
        ("Thu, 01 Jan 1970 00:00:10 GMT", "", 10.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", "Thu, 01 Jan 1970 00:00:07 GMT", 3.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:07 GMT", 0.0),
        ("-1", "", None),
        ("soon", "", None),
        ("nan", "", None),
        ("", "", None),
    ],
)
def test_the_wait_that_is_asked_for_is_read_as_seconds_or_as_a_date(
    said: str, date: str, seconds: float | None
) -> None:
    error = answered(429, b"{}", retry_after=said, date=date)
    assert error.retry_after == seconds


def test_an_error_without_an_answer_says_whether_anything_was_sent() -> None:
    request = Request("GET", "/x", "conference", about=ID)
    unsent = outcome_of(request, NoAnswer(OSError("refused"), sent=False))
    assert isinstance(unsent, NotSent)
    assert "Nothing was sent" in str(unsent.error)
    assert isinstance(unsent.error.__cause__, OSError)
    sent = outcome_of(request, NoAnswer(OSError("reset"), sent=True))
    assert isinstance(sent, Unknown)
    assert isinstance(sent.error, TransportError)
    assert "Nothing was sent" not in str(sent.error)
    assert sent.error.conference_id == ID


# --- secrets --------------------------------------------------------------------------------------


def secrets(project: str) -> list[str]:
    """The token, and the forms that it is sent in."""
    pair = base64.b64encode(f"{project}:{TOKEN}".encode()).decode()
    return [TOKEN, pair, pair.rstrip("=")]


FAILURES: dict[str, Fault | None] = {
    "dropped": Fault.drop_before(),
    "cut": Fault.truncated(),
    "html": Fault.html(),
    "lacking": Fault.field_dropped("size"),
    "refused": Fault.status(422),
    "unauthorized": Fault.status(401),
    "failed": Fault.status(500),
    "none": None,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_message_repr_traceback_or_log_shows_the_token(
    mock: MockServer, client: RestClient, caplog: pytest.LogCaptureFixture, failure: str, connections: str
) -> None:
    caplog.set_level(logging.DEBUG)
    fault = FAILURES[failure]
    parts = [client, client.video, client.video.conferences, client._transport, client._transport.settings]
    shown = [repr(part) for part in parts]
    for call in CALLS.values():
        mock.faults.clear()
        if fault is not None:
            mock.faults.add(fault, times=None)
        try:
            shown.append(repr(call(client)))
        except ConferencesError as error:
            chain = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown += [str(error), repr(error), repr(vars(error)), "".join(chain.format())]
    shown += [record.getMessage() + repr(record.args) for record in caplog.records]
    assert any(record.name.startswith("httpcore") for record in caplog.records) == (connections == "httpx")
    for secret in secrets(mock.project):
        assert secret not in "\n".join(shown)


@pytest.mark.parametrize("token", ['PT"quoted\\secret', "PTsécrét-tökén"])
def test_nor_does_an_answer_that_spells_it_in_another_way(token: str) -> None:
    with MockServer(project="p", token=token) as mock, RestClient("p", token, mock.host, retries=0) as client:
        for said in (json.dumps({"error": token}), json.dumps({"error": token}, ensure_ascii=False)):
            mock.faults.add(Fault.body(said), "GET")
            mock.faults.add(Fault.status(500), "GET")
            with pytest.raises(ServerError) as caught:
                client.video.conferences.get(ID)
            assert caught.value.reason == "***"


def test_nor_does_an_answer_that_breaks_the_protocol_with_it(connections: str) -> None:
    def answer(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            pair = connection.recv(65536).split(b"Authorization: ", 1)[-1].split(b"\r\n")[0]
            assert pair.startswith(b"Basic ")
            connection.sendall(b"HTTP/1.1 200 OK\r\nechoed " + pair + b"\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        with RestClient("p", TOKEN, host, retries=0) as client, pytest.raises(TransportError) as caught:
            client.video.conferences.get(ID)
    text = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert {"httpx": "illegal header", "fast": "illegal answer"}[connections] in text
    for secret in secrets("p"):
        assert secret not in text


def test_nor_does_an_unreachable_host(caplog: pytest.LogCaptureFixture, connect: Connect) -> None:
    caplog.set_level(logging.DEBUG)
    client = connect(host="127.0.0.1:9", timeout=2)
    with pytest.raises(TransportError) as caught:
        client.video.conferences.update(ID, display_name="x")
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    for secret in secrets("mock-project"):
        assert secret not in text + caplog.text


def test_nor_does_the_error_of_a_client_that_cannot_be_built() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RestClient("a:b", TOKEN, "no host", timeout=-1)
    assert TOKEN not in f"{caught.value!r} {caught.value} {vars(caught.value)}"


# --- pickling -------------------------------------------------------------------------------------

INSTANCES: list[ConferencesError] = [
    ConferencesError("message", conference_id=ID, state="state", advice="advice"),
    ConfigurationError("message"),
    InvalidChangeError([Problem("size", "huge", "must be small")], conference_id=ID),
    UnsafeUpdateError(ID, {"size": "is null"}, advice="Name it."),
    ConflictError(ID, [Conflict("size", "small", "medium", "large")], state="unchanged"),
    VerificationError(ID, [Difference("meta", {}, MISSING)], {"meta": {}}, state="so"),
    InvalidResponseError("message", conference_id=ID),
    JournalError("message", advice="advice"),
    TransportError("message", advice="advice"),
    *(answered(status, b'{"error": "reason"}', x_request_id="abc", retry_after="2") for status in STATUSES),
]


def test_every_kind_of_error_is_tried_below() -> None:
    assert {type(error) for error in INSTANCES} == set(CLASSES)


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_and_copying(error: ConferencesError) -> None:
    error.add_note("a note")
    copies = [pickle.loads(pickle.dumps(error, version)) for version in range(pickle.HIGHEST_PROTOCOL + 1)]
    for found in [*copies, copy.copy(error), copy.deepcopy(error)]:
        assert type(found) is type(error)
        assert str(found) == str(error)
        assert repr(vars(found)) == repr(vars(error))
        assert found.args == error.args


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: type(error).__name__)
def test_a_message_has_what_happened_the_state_and_the_advice(error: ConferencesError) -> None:
    error.state, error.advice = "It is so.", "Do that."
    assert str(error).startswith(error.message)
    assert "It is so. Do that." in str(error)


def test_what_a_server_says_at_length_is_cut_in_a_message_and_whole_in_the_error() -> None:
    for body in ({"error": "a" * 50_000}, {"errors": [{"attribute": "size", "message": "a" * 50_000}]}):
        error = answered(422, json.dumps(body).encode())
        assert len(str(error)) < 3000
        assert error.body == body


def test_a_long_value_is_cut_in_a_message_and_whole_in_the_error() -> None:
    problem = Problem("description", "a" * 5000, "too long")
    assert len(str(problem)) < 200
    assert "5000 characters" in str(problem)
    assert problem.value == "a" * 5000


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: type(error).__name__)
def test_every_attribute_of_an_error_is_explained(error: ConferencesError) -> None:
    said = "\n".join(each.__doc__ or "" for each in type(error).__mro__ if issubclass(each, ConferencesError))
    for name in vars(error).keys() - {"__notes__"}:
        assert f"    {name}: " in said
