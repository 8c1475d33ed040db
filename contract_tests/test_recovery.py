"""Whatever becomes of a request, over real HTTP: the change is there, nothing else is lost, or an
error says truly what is known.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from attrs import frozen

from processes import STYLES, Ours, Waits, exchanging, letters, ours
from signalwire_conferences import (
    ApiError,
    AuthenticationError,
    ConferencesError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    RateLimitError,
    ServerError,
    TransportError,
    ValidationError,
)
from signalwire_conferences.wire import Body, Message
from signalwire_conferences_testing.mock import Call, Fault, MockServer, Reply

ID = "c22d24f6-5a47-4597-9a23-c7d01e696b92"
HANG = 0.7  # seconds of a time-out that a test waits for
PATIENT = 30.0


@frozen
class Outcome:
    """What a fault of a PUT leads to.

    Attributes:
        fault: what goes wrong.
        applied: whether the PUT is carried out all the same.
        error: what a client raises that gives up.
        hangs: whether the client has to wait for its time-out.
    """

    fault: Fault
    applied: bool
    error: type[ConferencesError]
    hangs: bool = False


OUTCOMES = [
    Outcome(Fault.drop_before(), False, TransportError),
    Outcome(Fault.drop_after(), True, TransportError),
    Outcome(Fault.hang_before(), False, TransportError, hangs=True),
    Outcome(Fault.hang_after(), True, TransportError, hangs=True),
    Outcome(Fault.truncated(), True, TransportError),
    Outcome(Fault.truncated(0), True, TransportError),
    Outcome(Fault.truncated_json(), True, InvalidResponseError),
    Outcome(Fault.html(), True, InvalidResponseError),
    Outcome(Fault.empty(), True, InvalidResponseError),
    Outcome(Fault.non_object(), True, InvalidResponseError),
    Outcome(Fault.body("NaN"), True, InvalidResponseError),
    Outcome(Fault.status(429), False, RateLimitError),
    Outcome(Fault.status(408), False, ApiError),
    *(Outcome(Fault.status(code), False, ServerError) for code in (500, 502, 503)),
    *(Outcome(Fault.failed_after(code), True, ServerError) for code in (500, 502, 503)),
]
QUICK = [outcome for outcome in OUTCOMES if not outcome.hangs]
READ_FAULTS = [
    Fault.drop_before(),
    Fault.truncated(),
    Fault.html(),
    Fault.empty(),
    Fault.status(429),
    Fault.status(503),
]


def outcomes(*hanging: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Tries every outcome; those that hang, which takes its time, with these marks."""
    marked = [(one, hanging if one.hangs else ()) for one in OUTCOMES]
    params = [pytest.param(one, marks=marks, id=str(one.fault)) for one, marks in marked]
    return pytest.mark.parametrize("outcome", params)


each = outcomes(pytest.mark.long)


@pytest.fixture(scope="module")
def kept_mock() -> Iterator[MockServer]:
    with MockServer() as server:
        yield server


@pytest.fixture
def server(kept_mock: MockServer) -> MockServer:
    """A mock with one conference, as if it were new."""
    fresh(kept_mock)
    return kept_mock


BEFORE: dict[str, Any] = {name: value for name, value in MockServer().store[ID].items() if name != "active_session"}


def fresh(server: MockServer) -> None:
    server.faults.clear()
    for conference_id in list(server.store):
        server.store.delete(conference_id)
    server.store.add(BEFORE)
    server.requests.clear()


def client(style: str, server: MockServer, hangs: bool = False, **options: Any) -> Any:
    return ours(style, server, **{"timeout": HANG if hangs else PATIENT, **options})


def changed(server: MockServer) -> dict[str, Any]:
    """What is different from how it was."""
    now = server.store[ID]
    assert now.keys() == BEFORE.keys()
    return {name: now[name] for name in now if now[name] != BEFORE[name] and name != "updated_at"}


def never_repeated_blindly(server: MockServer) -> None:
    assert "PP" not in letters(server), letters(server)


def recovers(server: MockServer, client: Ours) -> None:
    """An update ends well: with its change on the server and nothing else lost."""
    result = client.update(ID, layout="5up", description="new")
    assert changed(server) == {"layout": "5up", "description": "new"}
    assert result.to_dict() == server.store[ID]
    never_repeated_blindly(server)


# --- unknown outcomes -----------------------------------------------------------------------------------


@outcomes()
def test_an_update_survives_any_fault_of_its_put(
    style: str, server: MockServer, waits: Waits, outcome: Outcome
) -> None:
    server.faults.add(outcome.fault, "PUT")
    with client(style, server, outcome.hangs) as ours:
        recovers(server, ours)
    assert len(waits) >= 1
    if not outcome.hangs:
        assert letters(server) == ("GPG" if outcome.applied else "GPGP")


@pytest.mark.parametrize("first", QUICK, ids=lambda outcome: str(outcome.fault))
def test_an_update_survives_any_two_faults_of_its_puts(
    style: str, server: MockServer, waits: Waits, first: Outcome
) -> None:
    with client(style, server) as ours:
        for second in QUICK:
            fresh(server)
            server.faults.add(first.fault, "PUT")
            server.faults.add(second.fault, "PUT", at=2)
            recovers(server, ours)
            reached = "" if first.applied else "PG" if second.applied else "PGP"
            assert letters(server) == "GPG" + reached, second.fault
    assert waits


@pytest.mark.parametrize("first", QUICK, ids=lambda outcome: str(outcome.fault))
def test_an_update_survives_a_fault_of_its_put_and_one_of_the_read_after_it(
    style: str, server: MockServer, waits: Waits, first: Outcome
) -> None:
    with client(style, server) as ours:
        for second in READ_FAULTS:
            fresh(server)
            server.faults.add(first.fault, "PUT")
            server.faults.add(second, "GET", at=2)
            recovers(server, ours)
            assert letters(server) == "GPGG" + ("" if first.applied else "P"), second
    assert waits


@pytest.mark.long
@pytest.mark.parametrize("first", OUTCOMES, ids=lambda outcome: str(outcome.fault))
def test_an_update_survives_two_faults_that_hang(style: str, server: MockServer, waits: Waits, first: Outcome) -> None:
    with client(style, server, hangs=True, retries=6) as ours:
        for second in OUTCOMES:
            fresh(server)
            server.faults.add(first.fault, "PUT")
            server.faults.add(second.fault, "PUT", at=2)
            recovers(server, ours)
    assert waits


@pytest.mark.parametrize("retries", [0, 2])
@each
def test_the_last_error_is_true_to_what_the_server_has(
    style: str, server: MockServer, waits: Waits, outcome: Outcome, retries: int
) -> None:
    """Where the fault stays, and the conference can be read: either it was carried out, which is no
    error, or it says that the change is not there.
    """
    server.faults.add(outcome.fault, "PUT", times=None)
    with client(style, server, outcome.hangs, retries=retries) as ours:
        if outcome.applied:
            recovers(server, ours)
            return
        with pytest.raises(outcome.error) as caught:
            ours.update(ID, layout="5up")
    assert type(caught.value) is outcome.error
    assert changed(server) == {}
    assert "and lacks the change" in caught.value.state
    assert caught.value.advice
    assert caught.value.conference_id == ID
    never_repeated_blindly(server)
    assert letters(server).count("P") == len(waits) == retries + 1
    assert letters(server).endswith("G")


@each
def test_where_nothing_can_be_read_any_more_the_error_says_that_it_is_unknown(
    style: str, server: MockServer, waits: Waits, outcome: Outcome
) -> None:
    server.faults.add(outcome.fault, "PUT")
    server.faults.add(Fault.status(503), "GET", at=2, times=None)
    with client(style, server, outcome.hangs, retries=1) as ours, pytest.raises(outcome.error) as caught:
        ours.update(ID, layout="5up")
    assert changed(server) == ({"layout": "5up"} if outcome.applied else {})
    assert "it is unknown whether it was carried out" in caught.value.state
    assert "Reading it again failed too" in caught.value.state
    assert caught.value.advice
    assert letters(server).count("P") == 1
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.status(401), AuthenticationError),
        (Fault.status(404), NotFoundError),
        (Fault.status(422), ValidationError),
        (Fault.redirect("http://127.0.0.1:9/"), ApiError),
    ],
    ids=str,
)
def test_a_refused_put_is_not_repeated_and_left_the_conference_as_it_was(
    style: str, server: MockServer, waits: Waits, fault: Fault, error: type[ApiError]
) -> None:
    server.faults.add(fault, "PUT", times=None)
    with client(style, server) as ours, pytest.raises(error) as caught:
        ours.update(ID, layout="5up")
    assert letters(server) == "GP"
    assert waits == []
    assert changed(server) == {}
    assert "unchanged by this call" in caught.value.state


def test_a_refusal_after_an_unknown_outcome_does_not_claim_that_nothing_happened(style: str, waits: Waits) -> None:
    """The PUT that timed out may land any time."""
    with MockServer([BEFORE]) as server:
        server.faults.add(Fault.late_apply(PATIENT), "PUT")
        server.faults.add(Fault.status(401), "PUT", at=2)
        with client(style, server, hangs=True) as ours, pytest.raises(AuthenticationError) as caught:
            ours.update(ID, layout="5up")
        assert letters(server) == "GPGP"
    assert "unknown" in caught.value.state
    assert waits


def test_a_conference_that_is_gone_after_an_unknown_outcome_is_reported_as_gone(
    style: str, server: MockServer, waits: Waits
) -> None:
    server.faults.add(Fault.drop_after(), "PUT")
    server.faults.add(Fault.foreign_write(lambda store: store.delete(ID), "after"), "PUT")
    with client(style, server) as ours, pytest.raises(NotFoundError, match="gone"):
        ours.update(ID, layout="5up")
    assert letters(server) == "GPG"
    assert len(waits) == 1


@each
def test_after_an_unknown_outcome_what_others_wrote_to_other_fields_is_kept(
    style: str, server: MockServer, waits: Waits, outcome: Outcome
) -> None:
    """Somebody writes after the PUT that went wrong, before the conference is read again."""
    server.faults.add(Fault.foreign_write({"size": "small"}, "before"), "GET", at=2)
    server.faults.add(outcome.fault, "PUT")
    with client(style, server, outcome.hangs) as ours:
        result = ours.update(ID, layout="5up")
    assert changed(server) == {"layout": "5up", "size": "small"}
    assert result.report.changed_by_others["size"].after == "small"
    never_repeated_blindly(server)
    assert waits


@each
def test_after_an_unknown_outcome_the_same_field_written_by_others_is_a_conflict(
    style: str, server: MockServer, waits: Waits, outcome: Outcome
) -> None:
    server.faults.add(Fault.foreign_write({"layout": "3x3"}, "before"), "GET", at=2)
    server.faults.add(outcome.fault, "PUT")
    with client(style, server, outcome.hangs) as ours, pytest.raises(ConflictError) as caught:
        ours.update(ID, layout="5up")
    [conflict] = caught.value.conflicts
    told = (conflict.field, conflict.before, conflict.theirs, conflict.ours)
    assert told == ("layout", BEFORE["layout"], "3x3", "5up")
    assert changed(server) == {"layout": "3x3"}
    assert letters(server).count("P") == 1
    assert waits


# --- waits ------------------------------------------------------------------------------------------------


def http_date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


Sent = Callable[[Ours], Any]
REPEATED: Mapping[str, tuple[str, Sent]] = {
    "update": ("PUT", lambda ours: ours.update(ID, layout="5up")),
    "get": ("GET", lambda ours: ours.get(ID)),
    "list": ("GET", lambda ours: ours.list()),
    "paginate": ("GET", lambda ours: ours.pages()),
    "create": ("POST", lambda ours: ours.create(name="new", display_name="New")),
    "delete": ("DELETE", lambda ours: ours.delete(ID)),
    "replace": ("PUT", lambda ours: ours.replace(ID, {"display_name": "New"})),
}
every_call = pytest.mark.parametrize(("method", "send"), REPEATED.values(), ids=REPEATED)


@every_call
def test_retry_after_in_seconds_is_waited(
    style: str, server: MockServer, waits: Waits, method: str, send: Sent
) -> None:
    for said, seconds in {"7": 7.0, "0": 0.0, "1.5": 1.5, "30": 30.0}.items():
        fresh(server)
        waits.clear()
        server.faults.add(Fault.status(429, said), method)
        with client(style, server) as ours:
            send(ours)
        assert waits == [seconds]


@every_call
def test_retry_after_as_a_date_is_waited(style: str, server: MockServer, waits: Waits, method: str, send: Sent) -> None:
    server.faults.add(Fault.status(429, http_date(20)), method)
    server.faults.add(Fault.status(429, http_date(-3600)), method, at=2)
    with client(style, server) as ours:
        send(ours)
    long, past = waits
    assert 15 < long <= 21  # a date has whole seconds, and the server tells its own
    assert past == 0


@pytest.mark.parametrize("said", ["30.1", "86400", "a date"])
@every_call
def test_a_longer_wait_than_allowed_raises_at_once(
    style: str, server: MockServer, waits: Waits, method: str, send: Sent, said: str
) -> None:
    server.faults.add(Fault.status(429, http_date(60) if said == "a date" else said), method, times=None)
    with client(style, server) as ours, pytest.raises(RateLimitError) as caught:
        send(ours)
    assert waits == []
    assert letters(server).count(method[0]) == 1
    assert changed(server) == {}
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > PATIENT
    assert caught.value.advice


@pytest.mark.parametrize("said", [None, "soon", "-5", "1e3", "", "Mon, 31 Feb 2022 00:00:00 GMT"])
def test_without_a_retry_after_that_makes_sense_waits_back_off_with_jitter(
    style: str, server: MockServer, waits: Waits, said: str | None
) -> None:
    server.faults.add(Fault.status(503, said), "GET", times=None)
    with client(style, server, retries=8, timeout=6.0) as ours, pytest.raises(ServerError):
        ours.get(ID)
    longest = [0.25, 0.5, 1, 2, 4, 6, 6, 6]
    assert len(waits) == len(longest)
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
    assert len(set(waits)) == len(waits)


def test_the_transports_really_wait(style: str, server: MockServer) -> None:
    server.faults.add(Fault.status(429, "0.3"), "GET")
    start = time.monotonic()
    with client(style, server) as ours:
        ours.get(ID)
    assert time.monotonic() - start >= 0.3


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """The address of a server whose answers take far longer than the time-out, a byte at a time."""

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            for _ in range(150):
                connection.sendall(b" ")
                time.sleep(HANG / 10)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_a_slow_drip_is_timed_out_too(style: str, waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx limits the time of each read alone; the attempt as a whole has its limit too."""
    with dripping() as address, MockServer() as server:
        monkeypatch.setattr(MockServer, "host", address)
        start = time.monotonic()
        with client(style, server, hangs=True, retries=1) as ours, pytest.raises(TransportError):
            ours.get(ID)
    assert len(waits) == 1
    assert time.monotonic() - start < 150 * HANG / 10  # one answer alone would take as long


# --- the other operations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*READ_FAULTS, Fault.drop_after(), Fault.failed_after()], ids=str)
@pytest.mark.parametrize("call", ["get", "list", "paginate"])
def test_reads_are_repeated_as_often_as_allowed_and_no_more(
    style: str, server: MockServer, waits: Waits, fault: Fault, call: str
) -> None:
    _, send = REPEATED[call]
    server.faults.add(fault, "GET", times=3)
    with client(style, server, retries=3) as ours:
        send(ours)
        assert letters(server) == "GGGG"
        server.faults.add(fault, "GET", times=None)
        with pytest.raises((ApiError, TransportError, InvalidResponseError)):
            send(ours)
    assert letters(server) == "G" * 8
    assert len(waits) == 6


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refused_read_is_not_repeated(style: str, server: MockServer, waits: Waits, status: int) -> None:
    server.faults.add(Fault.status(status), "GET", times=None)
    with client(style, server) as ours, pytest.raises(ApiError) as caught:
        ours.update(ID, layout="5up")
    assert letters(server) == "G"
    assert caught.value.status_code == status
    assert "unchanged by this call" in caught.value.state
    assert waits == []


@each
def test_a_create_is_repeated_only_where_it_was_certainly_not_carried_out(
    style: str, server: MockServer, waits: Waits, outcome: Outcome
) -> None:
    server.faults.add(outcome.fault, "POST")
    put_off = outcome.error is RateLimitError
    with client(style, server, outcome.hangs) as ours, contextlib.ExitStack() as expected:
        caught = None if put_off else expected.enter_context(pytest.raises(outcome.error))
        ours.create(name="new", display_name="New")
    assert letters(server) == ("PP" if put_off else "P")
    assert server.store.has_name("new") is (put_off or outcome.applied)
    if caught is not None:
        assert "unknown whether the conference was created" in caught.value.state
        assert "list" in caught.value.advice
    assert len(waits) == put_off


@each
def test_a_replace_is_repeated_only_where_it_was_certainly_not_carried_out(
    style: str, server: MockServer, waits: Waits, outcome: Outcome
) -> None:
    server.faults.add(outcome.fault, "PUT")
    put_off = outcome.error is RateLimitError
    with client(style, server, outcome.hangs) as ours, contextlib.ExitStack() as expected:
        caught = None if put_off else expected.enter_context(pytest.raises(outcome.error))
        ours.replace(ID, {"display_name": "New"})
    assert letters(server) == ("PP" if put_off else "P")
    assert (server.store[ID]["display_name"] == "New") is (put_off or outcome.applied)
    if caught is not None:
        assert "unknown whether the PUT was carried out" in caught.value.state
        assert caught.value.advice
    assert len(waits) == put_off


@each
def test_a_repeated_delete_that_finds_it_gone_has_succeeded(
    style: str, server: MockServer, waits: Waits, outcome: Outcome
) -> None:
    # What a 204 says is in no body, so a page of HTML or nothing at all takes nothing from it.
    server.faults.add(outcome.fault, "DELETE")
    with client(style, server, outcome.hangs) as ours:
        ours.delete(ID)
    assert ID not in server.store
    before = len(waits)
    with client(style, server) as another, pytest.raises(NotFoundError):
        another.delete(ID)
    assert len(waits) == before


def test_a_client_that_cannot_connect_says_that_nothing_was_sent(style: str, waits: Waits) -> None:
    with MockServer() as server:
        pass
    sends = [send for name, (_, send) in REPEATED.items() if name != "paginate"]
    with client(style, server, retries=2) as ours:
        for send in sends:
            with pytest.raises(TransportError, match="Nothing was sent") as caught:
                send(ours)
            assert "unknown" not in str(caught.value)
    assert len(waits) == 2 * len(sends)


# --- links --------------------------------------------------------------------------------------------------


def linking(link: Callable[[Call], object]) -> Fault:
    """Every page leads to this link."""

    async def run(step: Any) -> Reply:
        reply: Reply = await step.proceed()
        page = reply.value()
        page.setdefault("links", {})["next"] = link(step.call)
        reply.content = json.dumps(page).encode()
        return reply

    return Fault("link", run)


@pytest.mark.parametrize("absolute", [True, False])
def test_paginate_follows_absolute_links_and_those_of_a_path_alone(style: str, absolute: bool) -> None:
    conferences = [{"id": f"conference-{number}", "name": str(number)} for number in range(7)]
    with MockServer(conferences, absolute_links=absolute) as server, client(style, server) as ours:
        assert ours.pages(page_size=2) == [each["id"] for each in conferences]
        assert letters(server) == "GGGG"


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/api/video/conferences?page_token=PA1",
        "//elsewhere.example/api/video/conferences",
        "http://127.0.0.1:9/api/video/conferences",
        "https://{host}@elsewhere.example/api/video/conferences",
        "https://user:password@{host}/api/video/conferences",
        17,
        ["/api/video/conferences"],
    ],
)
def test_paginate_follows_no_link_to_another_host(style: str, server: MockServer, link: Any) -> None:
    said = link.format(host=server.host) if isinstance(link, str) else link
    server.faults.add(linking(lambda _call: said), "GET", times=None)
    with client(style, server) as ours, pytest.raises(InvalidResponseError):
        ours.pages()
    assert letters(server) == "G"


@pytest.mark.parametrize("length", [1, 2, 5])
def test_paginate_does_not_go_round_in_circles(style: str, server: MockServer, length: int) -> None:
    circle = [f"/api/video/conferences?page_size={number + 1}" for number in range(length)]
    links = iter(circle * 5)  # and no further, lest whoever does not notice goes on for ever
    server.faults.add(linking(lambda _call: next(links, None)), "GET", times=None)
    with client(style, server) as ours, pytest.raises(InvalidResponseError, match="circle"):
        ours.pages()
    assert letters(server) == "G" * (length + 1)


@pytest.mark.parametrize("style", STYLES)
def test_a_link_never_leads_from_https_to_http(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(message: Message) -> Body:
        asked.append(message.url)
        here = message.url.replace("https:", "http:") + "?page=2"
        body = Body(message.step, 200, {})
        body.add(json.dumps({"data": [], "links": {"next": here} if len(asked) == 1 else {}}).encode())
        return body

    exchanging(monkeypatch, answer)
    with MockServer() as server:
        pass
    monkeypatch.setattr(MockServer, "host", "your-space.signalwire.com")
    with client(style, server) as ours:
        assert ours.pages() == []
    assert [url.partition(":")[0] for url in asked] == ["https", "https"]


# --- ETag ---------------------------------------------------------------------------------------------------


def sent_matches(server: MockServer) -> list[str | None]:
    """The `If-Match` of each PUT, from here on."""
    matches: list[str | None] = []

    def look(call: Call) -> bool:
        matches.append(call.headers.get("if-match"))
        return False

    server.faults.add(Fault.latency(0), "PUT", where=look)
    return matches


@pytest.fixture
def tagging() -> Iterator[MockServer]:
    with MockServer([BEFORE], etag=True) as server:
        yield server


def test_with_an_etag_the_put_is_conditional_on_what_was_read(style: str, tagging: MockServer) -> None:
    matches = sent_matches(tagging)
    with client(style, tagging) as ours:
        ours.update(ID, layout="5up")
        ours.update(ID, layout="2x2")
    assert len(set(matches)) == 2
    assert all(match is not None and match.startswith('"') for match in matches)


def test_without_one_it_is_not(style: str, server: MockServer) -> None:
    matches = sent_matches(server)
    with client(style, server) as ours:
        ours.update(ID, layout="5up")
    assert matches == [None]


def test_a_weak_etag_is_not_sent_as_it_never_matches(style: str, tagging: MockServer) -> None:
    async def weaken(step: Any) -> Reply:
        reply: Reply = await step.proceed()
        reply.headers["etag"] = f"W/{reply.headers['etag']}"
        return reply

    tagging.faults.add(Fault("weak", weaken), "GET")
    matches = sent_matches(tagging)
    with client(style, tagging) as ours:
        ours.update(ID, layout="5up")
    assert matches == [None]


def test_a_put_that_somebody_overtook_is_rebased_and_sent_again(style: str, tagging: MockServer, waits: Waits) -> None:
    tagging.faults.add(Fault.foreign_write({"size": "small"}), "PUT", times=2)
    with client(style, tagging, retries=0) as ours:
        result = ours.update(ID, layout="5up")
    assert changed(tagging) == {"layout": "5up", "size": "small"}
    assert letters(tagging) == "GPGPGP"
    assert result.report.puts == 3
    assert waits == []


def test_a_put_that_somebody_overtook_on_the_same_field_is_a_conflict(style: str, tagging: MockServer) -> None:
    tagging.faults.add(Fault.foreign_write({"layout": "3x3"}), "PUT")
    with client(style, tagging) as ours, pytest.raises(ConflictError) as caught:
        ours.update(ID, layout="5up")
    assert changed(tagging) == {"layout": "3x3"}
    assert [conflict.theirs for conflict in caught.value.conflicts] == ["3x3"]
    # Something between may have repeated a PUT that was carried out: nobody can tell from here.
    assert "unchanged by this call" not in caught.value.state


def test_a_put_that_is_overtaken_again_and_again_ends(style: str, tagging: MockServer) -> None:
    tagging.faults.add(Fault.foreign_write({"size": "small"}), "PUT", times=None)
    with client(style, tagging) as ours, pytest.raises(ApiError) as caught:
        ours.update(ID, layout="5up")
    assert caught.value.status_code == 412
    assert changed(tagging) == {"size": "small"}
    assert "lacks the change" in caught.value.state


@each
def test_with_an_etag_any_fault_of_the_put_and_a_foreign_writer_lose_nothing(
    style: str, tagging: MockServer, waits: Waits, outcome: Outcome
) -> None:
    """Also the write between our read and our PUT, which nothing else protects."""
    tagging.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
    tagging.faults.add(Fault.foreign_write({"description": "theirs"}), "PUT", at=2)
    tagging.faults.add(outcome.fault, "PUT", at=2)
    with client(style, tagging, outcome.hangs) as ours:
        ours.update(ID, layout="5up")
    assert changed(tagging) == {"layout": "5up", "size": "small", "description": "theirs"}
    never_repeated_blindly(tagging)
    assert len(waits) < 3
