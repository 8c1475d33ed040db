"""The mock without a socket does to the clients of httpx what it does over a connection."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from mock_support import COLLECTION, ID, WHOLE, item
from processes import BACKENDS, wait_for
from signalwire_conferences_testing.mock import ConferencesMock, Fault, MockServer

PATH = item(ID)
Send = Callable[..., httpx.Response]


@pytest.fixture
def mock() -> ConferencesMock:
    return ConferencesMock([WHOLE, {"id": "other"}])


@pytest.fixture(params=["sync", *BACKENDS])
def send(request: pytest.FixtureRequest, mock: ConferencesMock, monkeypatch: pytest.MonkeyPatch) -> Send:
    """Sends a request by the blocking client, or by the awaited one on an event loop."""
    options: dict[str, Any] = {"transport": mock.transport(), "base_url": mock.url, "auth": mock.auth}

    def blocking(*arguments: Any, timeout: float | None = 5, **more: Any) -> httpx.Response:
        with httpx.Client(**options, timeout=timeout) as client, monkeypatch.context() as patch:
            patch.setattr(socket, "socket", None)
            return client.request(*arguments, **more)

    def awaited(*arguments: Any, timeout: float | None = 5, **more: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            async with httpx.AsyncClient(**options, timeout=timeout) as client:
                return await client.request(*arguments, **more)

        return anyio.run(run, backend=request.param)

    return blocking if request.param == "sync" else awaited


def rename(send: Send, **options: Any) -> httpx.Response:
    return send("PUT", PATH, json={"display_name": "new"}, **options)


def test_requests_are_answered_as_over_a_connection(send: Send, mock: ConferencesMock) -> None:
    with MockServer(mock.store) as server:
        for arguments in (("GET", PATH), ("HEAD", PATH), ("GET", f"{COLLECTION}?page_size=0"), ("PATCH", PATH)):
            ours = send(*arguments)
            theirs = httpx.request(arguments[0], server.url + arguments[1], auth=server.auth)
            assert (ours.status_code, ours.text) == (theirs.status_code, theirs.text)
            assert theirs.headers.keys() - ours.headers.keys() == {"date", "server"}
    assert rename(send).json()["display_name"] == "new"
    assert send("GET", f"{COLLECTION}/%6fther").json()["id"] == "other"
    send("PUT", PATH, json={"display_name": "ü"})
    assert mock.requests[-1].body == {"display_name": "ü"}
    assert send("GET", PATH, auth=("mock-project", "wrong")).status_code == 401


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        (Fault.drop_before(), httpx.RemoteProtocolError, False),
        (Fault.drop_after(), httpx.RemoteProtocolError, True),
        (Fault.truncated(), httpx.RemoteProtocolError, True),
        (Fault.hang_before(), httpx.ReadTimeout, False),
        (Fault.hang_after(), httpx.ReadTimeout, True),
    ],
)
def test_faults_that_leave_no_answer(
    send: Send, mock: ConferencesMock, fault: Fault, error: type[Exception], applied: bool
) -> None:
    mock.faults.add(fault, "PUT")
    with pytest.raises(error):
        rename(send, timeout=0.05)
    assert (mock.store[ID]["display_name"] == "new") is applied
    assert mock.requests[-1].status is None or fault.name == "truncated"
    assert rename(send).status_code == 200


def test_an_answer_that_is_late_comes_within_the_patience_of_the_client(send: Send, mock: ConferencesMock) -> None:
    mock.faults.add(Fault.latency(0.05), "PUT")
    began = time.monotonic()
    assert rename(send).status_code == 200
    assert time.monotonic() - began >= 0.05


def test_a_request_whose_client_has_gone_is_applied_all_the_same(send: Send, mock: ConferencesMock) -> None:
    mock.faults.add(Fault.latency(0.1), "PUT", times=2)
    mock.faults.add(Fault.latency(0.1), "PUT", times=2)
    with pytest.raises(httpx.ReadTimeout):
        rename(send, timeout=0.01)
    assert mock.store[ID]["display_name"] == "Whole"
    wait_for(lambda: bool(mock.store[ID]["display_name"] == "new"))
    with pytest.raises(httpx.ReadTimeout):  # two waits, each of them short enough
        rename(send, timeout=0.15)


def test_a_request_may_be_applied_later(send: Send, mock: ConferencesMock) -> None:
    mock.faults.add(Fault.late_apply(0.5), "PUT")
    with pytest.raises(httpx.ReadTimeout):
        rename(send, timeout=0.01)
    assert mock.store[ID]["display_name"] == "Whole"
    wait_for(lambda: bool(mock.store[ID]["display_name"] == "new"))


def test_a_request_that_hangs_behind_the_scenes_is_given_up(send: Send, mock: ConferencesMock) -> None:
    mock.faults.add(Fault.late_apply(0.01), "PUT")
    mock.faults.add(Fault.hang_after(), "PUT")
    with pytest.raises(httpx.ReadTimeout):
        rename(send, timeout=0.01)
    wait_for(lambda: bool(mock.store[ID]["display_name"] == "new"))
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "conferences-mock-later"])


def test_a_request_that_hangs_ends_even_where_the_client_has_no_timeout(send: Send, mock: ConferencesMock) -> None:
    mock.faults.add(Fault.hang_before())
    with pytest.raises(httpx.ReadTimeout, match="no timeout"):
        send("GET", PATH, timeout=None)


def test_what_is_compressed_is_read(send: Send, mock: ConferencesMock) -> None:
    mock.faults.add(Fault.compressed())
    assert send("GET", PATH).json()["id"] == ID


def test_other_faults_do_what_they_say(send: Send, mock: ConferencesMock) -> None:
    mock.faults.add(Fault.status(503, "0"))
    assert send("GET", PATH).status_code == 503
    mock.faults.add(Fault.lands_later(), "PUT")
    assert rename(send).status_code == 504
    assert mock.faults.land() == 1
    assert mock.store[ID]["display_name"] == "new"


def test_a_blocking_client_works_within_an_event_loop() -> None:
    mock = ConferencesMock([WHOLE])
    mock.faults.add(Fault.latency(0.01))

    async def run() -> int:
        with httpx.Client(transport=mock.transport(), base_url=mock.url, auth=mock.auth) as client:
            return client.get(PATH).status_code  # noqa: ASYNC212 - that is what is tried

    assert asyncio.run(run()) == 200


def test_a_request_that_is_cancelled_leaves_the_mock_usable(mock: ConferencesMock) -> None:
    mock.faults.add(Fault.hang_before())
    mock.faults.add(Fault.latency(60), at=2)

    async def run() -> int:
        async with httpx.AsyncClient(
            transport=mock.transport(), base_url=mock.url, auth=mock.auth, timeout=90
        ) as client:
            for _ in range(2):
                with anyio.move_on_after(0.05):
                    await client.get(PATH)
            return (await client.get(PATH)).status_code

    assert anyio.run(run) == 200


def test_a_server_answers_in_process_too() -> None:
    with MockServer([WHOLE]) as server:
        server.faults.add(Fault.drop_after(), "PUT")
        with httpx.Client(transport=server.transport(), base_url=server.url, auth=server.auth) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                client.put(PATH, json={"display_name": "new"})
            assert httpx.get(server.url + PATH, auth=server.auth).json() == client.get(PATH).json()
    assert server.store[ID]["display_name"] == "new"
