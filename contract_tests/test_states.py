"""What an error says of the conference is true, however the call ended."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from processes import Ours, Waits, each_connection, ours, read_only
from signalwire_conferences import (
    ConferencesError,
    InvalidResponseError,
    NotFoundError,
    RateLimitError,
    RestClient,
    TransportError,
    VerificationError,
)
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import Fault, MockServer

ID = "conference-id"
UNCHANGED = "The conference is unchanged by this call."


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(demo.conferences()) as running:
        yield running


def on_put(server: MockServer, act: Callable[[], object]) -> None:
    """Something that happens while the server has the first PUT, whatever becomes of that."""
    server.faults.add(Fault.foreign_write(lambda _store: act()), "PUT")


def failure(client: Ours, **changes: Any) -> ConferencesError:
    with pytest.raises(ConferencesError) as caught:
        client.update(ID, **changes)
    return caught.value


# --- never sent -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("journaled", [True, False])
def test_a_put_that_never_left_changed_nothing(style: str, journaled: bool, tmp_path: Path) -> None:
    with MockServer(demo.conferences()) as server:
        options: dict[str, Any] = {"journal": tmp_path / "j"} if journaled else {}
        with ours(style, server, **options) as client:
            plan = client.plan(ID, layout="5up")
            read = client.client._transport._send

            # The server is gone between the read and the PUT.
            def gone(request: Any) -> Any:
                if request.method == "PUT":
                    server.stop()
                return read(request)

            client.client._transport._send = gone
            with pytest.raises(TransportError) as caught:
                client.apply(plan)
            assert caught.value.state == UNCHANGED
            assert server.store[ID]["layout"] == "10x10"
            if journaled:
                [entry] = client.history(ID)
                assert entry.outcome == "not applied"


@contextlib.contextmanager
def deaf() -> Iterator[str]:
    """A port of this machine that takes no connection, and refuses none."""
    with contextlib.ExitStack() as held, socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.usefixtures("waits")
def test_a_create_that_got_no_connection_in_time_is_known_not_to_be_sent(
    style: str, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deaf() as address:
        monkeypatch.setattr(MockServer, "host", address)
        with (
            ours(style, server, timeout=0.3, retries=1) as client,
            pytest.raises(TransportError, match="ConnectTimeout") as caught,
        ):
            client.create(display_name="x")
    assert caught.value.state == "No conference was created."
    assert "Nothing was sent" in caught.value.advice


def test_an_address_too_long_for_a_request_is_an_error_of_ours(style: str, server: MockServer) -> None:
    with ours(style, server) as client:
        with pytest.raises(ConferencesError, match="cannot be sent"):
            client.get("a" * 70_000)
        with pytest.raises(ConferencesError, match="cannot be sent"):
            client.list(page_token="a" * 70_000)
        server.faults.add(Fault.body('{"data": [], "links": {"next": "/?\\u0001"}}'), "GET")
        with pytest.raises(ConferencesError, match="cannot be sent"):
            client.pages()


# --- after a first PUT of unknown outcome -----------------------------------------------------------------


@pytest.mark.usefixtures("waits")
def test_a_journal_that_fails_later_does_not_hide_that_a_put_went_out(
    style: str, server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ours(style, server, journal=tmp_path / "j") as client:
        on_put(server, lambda: each_connection(monkeypatch, read_only))
        server.faults.add(Fault.drop_before(), "PUT")
        error = failure(client, layout="5up")
    assert "journal" in error.message
    assert "the conference lacks the change" in error.state
    assert "may still land" in error.state
    assert "This PUT was not sent" in error.state


def test_closed_while_it_waits_an_update_still_says_that_a_put_went_out(
    style: str, server: MockServer, waits: Waits
) -> None:
    server.faults.add(Fault.drop_after(), "PUT")
    with ours(style, server) as client:
        transport = client.client._transport
        waits.during = lambda _seconds: setattr(transport, "_closed", True)
        error = failure(client, layout="5up")
        transport._closed = False
    assert isinstance(error, TransportError)
    assert "it is unknown whether it was carried out" in error.state
    assert "This client is closed" in error.state


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(("first", "known"), [(429, "most likely not carried out"), (503, "unknown")])
def test_put_off_in_the_end_the_error_says_what_came_of_the_put_before_too(
    style: str, server: MockServer, first: int, known: str
) -> None:
    server.faults.add(Fault.status(first), "PUT")
    server.faults.add(Fault.status(429, "9999"), "PUT", at=2)
    with ours(style, server) as client:
        error = failure(client, layout="5up")
    assert isinstance(error, RateLimitError)
    assert known in error.state


# --- closing ----------------------------------------------------------------------------------------------


def test_closed_just_before_a_request_it_raises_an_error_of_ours(
    style: str, server: MockServer, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another thread may do it, after it was looked whether the client is open."""
    with ours(style, server) as client:
        transport = client.client._transport

        def closing(*_arguments: Any) -> Any:
            transport._closed = True
            raise RuntimeError("what httpx makes of it")

        with monkeypatch.context() as patch:
            patch.setattr(httpx.HTTPTransport, "handle_request", closing)
            patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", closing)
            error = failure(client, layout="5up")
        transport._closed = False
    assert "This client is closed" in error.message
    assert error.state == UNCHANGED
    assert server.requests == []
    assert len(waits) == 1


def test_a_client_closed_by_another_thread_raises_errors_of_ours_alone(server: MockServer) -> None:
    ends: list[BaseException] = []

    def work(client: RestClient, number: int) -> None:
        try:
            while True:
                client.video.conferences.update(ID, description=str(number))
                number += 4
        except BaseException as error:  # noqa: BLE001 - any will do
            ends.append(error)

    for _ in range(5):
        client = RestClient(server.project, server.token, server.host, retries=1)
        threads = [threading.Thread(target=work, args=(client, number)) for number in range(4)]
        enough = len(server.requests) + 20
        for thread in threads:
            thread.start()
        while len(server.requests) < enough:
            time.sleep(0.001)
        client.close()
        for thread in threads:
            thread.join()
    assert len(ends) == 20
    assert [error for error in ends if not isinstance(error, ConferencesError)] == []


def test_a_request_under_way_when_its_client_is_closed_gets_its_answer(server: MockServer) -> None:
    client = RestClient(server.project, server.token, server.host)
    server.faults.add(Fault.latency(0.3), "GET")
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(client.video.conferences.get(ID)))
    thread.start()
    while not server.requests:
        time.sleep(0.001)
    client.close()
    thread.join()
    assert [answer["id"] for answer in answers] == [ID]


def test_a_closed_client_opens_nothing_again(
    style: str, server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ours(style, server, journal=tmp_path / "j") as client:
        client.update(ID, layout="5up")
        client.call(client.client.close)
        made = each_connection(monkeypatch, lambda _connection: None)
        for call in (client.history, client.undo, client.get):
            with pytest.raises(ConferencesError, match="closed"):
                call(ID)
        assert made == []


# --- locks ------------------------------------------------------------------------------------------------


class Refusing:
    """A lock for either client that refuses, or fails to be given back, at the given time."""

    def __init__(self, take: int = 0, give: int = 0, *, swallows: bool = False) -> None:
        self.take, self.give, self.swallows = take, give, swallows

    def __call__(self, _conference_id: str) -> Refusing:
        return self

    def __enter__(self) -> None:
        self.take -= 1
        if self.take == 0:
            raise BlockingIOError("somebody else has it")

    def __exit__(self, *_error: object) -> bool:
        self.give -= 1
        if self.give == 0:
            raise OSError("it ran out")
        return self.swallows

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, *error: object) -> bool:
        return self.__exit__(*error)


def notes(client: Ours, **changes: Any) -> list[str]:
    with pytest.raises(OSError, match=r"has it|ran out") as caught:
        client.update(ID, **changes)
    return list(caught.value.__notes__)


def test_the_error_of_a_lock_comes_with_what_is_known_of_the_conference(
    style: str, server: MockServer, waits: Waits
) -> None:
    with ours(style, server, lock=Refusing(take=1)) as client:
        assert notes(client, layout="5up") == [f"Conference {ID!r}: {UNCHANGED}"]
    waits.during = lambda _seconds: server.store.patch(ID, {"layout": "10x10"})
    for lock in (Refusing(give=1), Refusing(take=2)):
        server.store.patch(ID, {"layout": "10x10"})
        with ours(style, server, lock=lock, confirm=1) as client:
            [note] = notes(client, layout="5up")
        assert "was carried out and verified" in note


def test_a_lock_that_swallows_errors_swallows_none_of_ours(style: str, server: MockServer) -> None:
    server.faults.add(Fault.meta_wiped(), "PUT")
    server.store.patch(ID, {"meta": {"kept": True}})
    with ours(style, server, lock=Refusing(swallows=True)) as client, pytest.raises(VerificationError):
        client.update(ID, layout="5up")


def test_a_lock_that_cannot_be_given_back_hides_no_error_of_ours(style: str, server: MockServer) -> None:
    server.faults.add(Fault.meta_wiped(), "PUT")
    server.store.patch(ID, {"meta": {"kept": True}})
    with ours(style, server, lock=Refusing(give=1)) as client, pytest.raises(VerificationError) as caught:
        client.update(ID, layout="5up")
    assert "OSError('it ran out')" in caught.value.__notes__[0]


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_lock_that_cannot_be_given_back_hides_no_interruption(server: MockServer) -> None:
    def interrupt(*_arguments: Any) -> Any:
        raise KeyboardInterrupt

    with ours("sync", server, lock=Refusing(give=1)) as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.HTTPTransport, "handle_request", interrupt)
        with pytest.raises(KeyboardInterrupt):
            client.update(ID, layout="5up")


# --- the other operations ---------------------------------------------------------------------------------


def test_a_create_whose_answer_lacks_something_is_told_with_its_id(style: str, server: MockServer) -> None:
    server.faults.add(Fault.field_dropped("enable_chat"), "POST")
    with ours(style, server) as client, pytest.raises(InvalidResponseError) as caught:
        client.create(display_name="x")
    [made] = [one for one in server.store if one not in demo_ids()]
    assert caught.value.conference_id == made
    assert f"was created, with the id {made!r}" in caught.value.state


def demo_ids() -> list[str]:
    return [str(conference["id"]) for conference in demo.conferences()]


@pytest.mark.usefixtures("waits")
def test_a_delete_that_was_only_put_off_does_not_take_a_missing_conference_for_its_work(
    style: str, server: MockServer
) -> None:
    server.faults.add(Fault.status(429), "DELETE")
    with ours(style, server) as client, pytest.raises(NotFoundError):
        client.delete("mistyped")


def test_a_replace_whose_before_image_cannot_be_kept_says_that_nothing_was_sent(
    style: str, server: MockServer, tmp_path: Path
) -> None:
    server.faults.add(Fault.status(404), "GET")
    with ours(style, server, journal=tmp_path / "j") as client, pytest.raises(NotFoundError) as caught:
        client.replace(ID, {"display_name": "x"})
    assert "unchanged by this call" in caught.value.state
    assert "PUT" not in {request.method for request in server.requests}


def test_a_value_cleared_by_a_put_without_an_answer_is_not_written_again(
    style: str, server: MockServer, waits: Waits
) -> None:
    """What the server chose then is what has to stay, as after an answered one."""
    server.store.patch(ID, {"record_on_start": True})
    server.faults.add(Fault.drop_after(), "PUT")
    with ours(style, server, confirm=1) as client:
        assert client.update(ID, record_on_start=None).report.puts == 1
    assert [request.method for request in server.requests].count("PUT") == 1
    assert waits


def test_ids_that_are_no_uuids_are_told_apart_by_their_case(style: str, server: MockServer, tmp_path: Path) -> None:
    for name in ("Team", "team"):
        server.store.add({"id": name, "name": f"{name}-name", "layout": "2x2"})
    with ours(style, server, journal=tmp_path / "j") as client:
        client.update("Team", layout="5up")
        assert client.history("team") == []
        with pytest.raises(ConferencesError, match="no change"):
            client.undo("team")
        assert len(client.history("Team")) == 1
        server.faults.add(Fault.body(json.dumps(server.store["team"])), "GET")
        with pytest.raises(InvalidResponseError, match="of conference 'team'"):
            client.get("Team")


def test_the_case_of_a_uuid_does_not_matter(style: str, server: MockServer, tmp_path: Path) -> None:
    name = "a3f1c0de-0000-4000-8000-00000000c0fe"
    server.store.add({"id": name, "name": "one", "layout": "2x2"})
    with ours(style, server, journal=tmp_path / "j") as client:
        client.update(name.upper(), layout="5up")
        assert client.undo(name)["layout"] == "2x2"
