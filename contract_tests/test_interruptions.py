"""A signal may end a call at any point, and a process may fork: the next call works as if nothing was."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from processes import finished, spawned
from signalwire_conferences import RestClient
from signalwire_conferences.wire import Wire
from signalwire_conferences_testing.mock import Fault, MockServer

ID = "conference-id"
STRIDE = 11  # lines; a prime, so that points in loops are all met in the end


class Interrupt:
    """Raises before one of the lines that this package, httpx or httpcore run.

    Attributes:
        due: before which, from 0.
    """

    def __init__(self, due: int) -> None:
        self.due = due

    def __call__(self, frame: FrameType, event: str, _value: Any) -> Interrupt | None:
        if not frame.f_globals.get("__name__", "").startswith(("signalwire_conferences.", "http")):
            return None
        if event == "line":
            self.due -= 1
            if self.due < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


# What is interrupted leaves its connection to the garbage collector: to close it may take its locks.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("start", [0, *(pytest.param(one, marks=pytest.mark.long) for one in (1, 2))])
@pytest.mark.parametrize("kept", [True, False])
def test_interrupted_at_any_point_the_next_call_works(kept: bool, start: int) -> None:
    tracing = sys.gettrace()
    with MockServer([{"id": ID}]) as server, RestClient(server.project, server.token, server.host) as client:
        get = client.video.conferences.get
        for due in itertools.count(start, STRIDE):
            if not kept:
                client._transport._pool.idle.clear()
            interrupt = Interrupt(due)
            try:
                sys.settrace(interrupt)
                get(ID)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(tracing)
            assert get(ID)["id"] == ID
            if interrupt.due >= 0:
                break
        assert due > 200
    gc.collect()


CALLS: dict[str, Callable[[Any], Any]] = {
    "PUT": lambda conferences: conferences.update(ID, layout="5up"),
    "POST": lambda conferences: conferences.create(display_name="x"),
    "DELETE": lambda conferences: conferences.delete(ID),
    "GET": lambda conferences: conferences.get(ID),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("when", ["sending", "waiting"])
def test_an_interrupt_says_whether_a_write_may_have_been_carried_out(
    method: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    send = Wire.message
    with MockServer([{"id": ID}]) as server, RestClient(server.project, server.token, server.host) as client:
        if when == "sending":
            monkeypatch.setattr(Wire, "message", lambda *a: interrupted() if a[1].method == method else send(*a))
        else:
            server.faults.add(Fault.status(429), method)
            monkeypatch.setattr("time.sleep", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            CALLS[method](client.video.conferences)
    notes = [note for note in getattr(caught.value, "__notes__", []) if "may have been carried out" in note]
    about = "the list" if method == "POST" else f"conference '{ID}'"
    assert [f" Look at {about} before you call again" in note for note in notes] == [True] * (method != "GET")


def test_a_forked_process_closes_its_client_whatever_threads_of_its_parent_did() -> None:
    code = """
import os, sys, threading, time
from signalwire_conferences import RestClient
project, token, host, conference = sys.argv[1:]
client = RestClient(project, token, host)
def work():
    while True:
        client.video.conferences.get(conference)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
hanging = 0
for _ in range(60):
    child = os.fork()
    if not child:
        client.close()
        os._exit(0)
    end = time.monotonic() + 5
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > end:
            hanging += 1
            os.kill(child, 9)
            os.waitpid(child, 0)
            break
        time.sleep(0.002)
print(hanging, flush=True)
os._exit(0)
"""
    with MockServer([{"id": ID}]) as server:
        [printed] = finished([spawned(code, server.project, server.token, server.host, ID)])
    assert printed.strip() == "0"


def test_the_connections_of_a_process_are_not_those_of_its_child() -> None:
    code = """
import os, sys
from signalwire_conferences import RestClient
project, token, host, conference = sys.argv[1:]
with RestClient(project, token, host) as client:
    get = client.video.conferences.get
    get(conference)
    child = os.fork()
    get(conference)
    if not child:
        client.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print(get(conference).id)
"""
    with MockServer([{"id": ID}]) as server:
        [printed] = finished([spawned(code, server.project, server.token, server.host, ID)])
    assert printed.strip() == ID
