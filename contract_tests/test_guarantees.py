"""What the page of guarantees promises holds, and each gap that it admits is there."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pages import Page
from processes import methods
from signalwire_conferences import (
    AuthenticationError,
    ConflictError,
    InvalidChangeError,
    RateLimitError,
    RestClient,
    UnsafeUpdateError,
    VerificationError,
    journal,
)
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import Fault, MockServer

ID = demo.CONFERENCE_ID


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(demo.conferences()) as running:
        yield running


def client(server: MockServer, **options: Any) -> RestClient:
    return RestClient(server.project, server.token, server.host, **options)


# --- the promises -----------------------------------------------------------------------------------


def promise_1(server: MockServer) -> None:
    before = server.store[ID]
    with client(server) as ours:
        ours.video.conferences.update(ID, layout="5up")
        assert methods(server) == ["GET", "PUT"]
        ours.video.conferences.update(ID, layout="5up")
    assert methods(server) == ["GET", "PUT", "GET"]
    after = server.store[ID]
    assert {name for name in before if before[name] != after[name]} == {"layout", "updated_at"}


def promise_2(server: MockServer) -> None:
    with client(server) as ours:
        conferences = ours.video.conferences
        assert conferences.update(ID, layout=None)["layout"] == "grid-responsive"
        assert conferences.update(ID, dark_primary=None)["dark_primary"] is None
        plan = conferences.plan(ID, record_on_start=None)
        assert "whatever the server chooses" in str(plan)
        assert "record_on_start" not in plan.body
        with pytest.raises(InvalidChangeError, match="cannot be cleared"):
            conferences.update(ID, display_name=None)  # type: ignore[arg-type]  # it is refused


def promise_3(server: MockServer) -> None:
    server.store.patch(ID, {"size": None, "display_name": None})
    with client(server) as ours, pytest.raises(UnsafeUpdateError) as caught:
        ours.video.conferences.update(ID, layout="5up")
    assert caught.value.at_risk.keys() == {"size", "display_name"}
    assert methods(server) == ["GET"]


def promise_4(server: MockServer) -> None:
    for fault in (
        *(Fault.field_changed(name, "other") for name in ("name", "layout")),
        Fault.field_changed("created_at", "2020-01-01T00:00:00Z"),
        Fault.field_changed("meta", {"seen": True}),
        Fault.field_lost("unheard_of"),
        Fault.field_nulled("unheard_of"),
        Fault.field_ignored("quality"),
    ):
        server.faults.clear()
        server.faults.add(fault, "PUT")
        server.store.patch(ID, {**demo.conferences()[0], "meta": {}, "unheard_of": 7})
        before = server.store[ID]
        with client(server) as ours, pytest.raises(VerificationError) as caught:
            ours.video.conferences.update(ID, quality="720p")
        assert caught.value.before == before, fault


def promise_5(server: MockServer) -> None:
    for fault, expected in {
        Fault.drop_after(): ["GET", "PUT", "GET"],
        Fault.truncated(): ["GET", "PUT", "GET"],
        Fault.failed_after(): ["GET", "PUT", "GET"],
        Fault.drop_before(): ["GET", "PUT", "GET", "PUT"],
        Fault.status(429, "0"): ["GET", "PUT", "GET", "PUT"],
        Fault.status(503, "0"): ["GET", "PUT", "GET", "PUT"],
    }.items():
        server.requests.clear()
        server.faults.clear()
        server.faults.add(fault, "PUT")
        server.store.patch(ID, {"layout": "2x2"})
        with client(server) as ours:
            assert ours.video.conferences.update(ID, layout="5up")["layout"] == "5up"
        assert methods(server) == expected, fault
    server.faults.clear()
    server.faults.add(Fault.foreign_write({"layout": "3x3"}), "PUT")
    server.faults.add(Fault.drop_before(), "PUT")
    with client(server) as ours, pytest.raises(ConflictError):
        ours.video.conferences.update(ID, layout="2x2")


def promise_6(server: MockServer) -> None:
    with client(server) as ours:
        plan = ours.video.conferences.plan(ID, layout="5up")
        server.store.patch(ID, {"size": "small"})
        assert plan.apply()["size"] == "small"
        plan = ours.video.conferences.plan(ID, layout="2x2")
        server.store.patch(ID, {"layout": "3x3"})
        with pytest.raises(ConflictError):
            plan.apply()


def promise_7(server: MockServer) -> None:
    lock = threading.Lock()
    changes: dict[str, Any] = {"layout": "5up", "size": "small", "quality": "720p", "enable_chat": False}
    server.faults.add(Fault.latency(0.02), "PUT", times=None)
    with client(server, lock=lambda _id: lock) as ours:
        update: Callable[..., Any] = ours.video.conferences.update
        threads = [threading.Thread(target=update, args=(ID,), kwargs={k: v}) for k, v in changes.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {name: server.store[ID][name] for name in changes} == changes


def promise_8(server: MockServer, folder: Path) -> None:
    before = server.store[ID]
    path = folder / "journal.sqlite"
    on_disk: list[Mapping[str, Any]] = []

    def look(_store: object) -> None:
        with contextlib.closing(journal.Journal(path, server.host)) as other:
            on_disk.append(other.history(ID)[0].before)

    server.faults.add(Fault.foreign_write(look), "PUT")
    with client(server, journal=path) as ours:
        ours.video.conferences.update(ID, layout="5up")
    assert on_disk == [before]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", range(1, 9))
def test_what_you_can_rely_on(number: int, server: MockServer, tmp_path: Path) -> None:
    promise = globals()[f"promise_{number}"]
    promise(server, tmp_path) if number == 8 else promise(server)


def test_each_promise_has_its_test() -> None:
    section = Page.read("overrides/GUARANTEES.md").section("What you can rely on")
    assert re.findall(r"^(\d)\. ", section, re.MULTILINE) == [str(number) for number in range(1, 9)]


def test_wrong_input_is_refused_before_any_request_and_in_one_error(server: MockServer) -> None:
    wrong: dict[str, Any] = {"layout": "round", "dark_primary": "red", "id": "x", "unheard_of": 1}
    with client(server) as ours, pytest.raises(InvalidChangeError) as caught:
        ours.video.conferences.update(ID, **wrong)
    assert {problem.field for problem in caught.value.problems} == wrong.keys()
    assert server.requests == []


def test_the_token_is_nowhere(server: MockServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    path, secret = tmp_path / "journal.sqlite", server.token
    with client(server, journal=path) as ours:
        ours.video.conferences.update(ID, layout="5up")
        said = f"{ours!r} {ours.__dict__!r} {vars(ours.video.conferences)!r}"
    with RestClient("other", secret, server.host) as ours, pytest.raises(AuthenticationError) as caught:
        ours.video.conferences.get(ID)
    assert secret not in said + repr(caught.value) + str(caught.value) + caplog.text
    assert secret.encode() not in path.read_bytes()


def test_a_longer_retry_after_raises_at_once(server: MockServer) -> None:
    server.faults.add(Fault.status(429, "31"), "PUT")
    start = time.monotonic()
    with client(server) as ours, pytest.raises(RateLimitError):
        ours.video.conferences.update(ID, layout="5up")
    assert time.monotonic() - start < 5


def test_several_processes_share_a_journal(server: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    code = """
import sys
from signalwire_conferences import RestClient
project, token, host, path, conference_id = sys.argv[1:]
with RestClient(project, token, host, journal=path) as client:
    for number in range(20):
        client.video.conferences.update(conference_id, description=str(number))
"""
    ids = [ID, demo.COPY_ID]
    command = [sys.executable, "-c", code, server.project, server.token, server.host, str(path)]
    processes = [subprocess.Popen([*command, conference_id]) for conference_id in ids]
    assert [process.wait(60) for process in processes] == [0, 0]
    with client(server, journal=path) as ours:
        for conference_id in ids:
            entries = ours.video.conferences.history(conference_id)
            assert [entry.changes["description"].after for entry in entries] == [
                str(number) for number in reversed(range(20))
            ]


# --- other writers ----------------------------------------------------------------------------------


def test_with_nothing_a_write_between_ours_is_overwritten(server: MockServer) -> None:
    server.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
    with client(server) as ours:
        ours.video.conferences.update(ID, layout="5up")
    assert server.store[ID]["size"] == "large"


def test_with_an_etag_it_is_not() -> None:
    with MockServer(demo.conferences(), etag=True) as server:
        server.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
        with client(server) as ours:
            ours.video.conferences.update(ID, layout="5up")
        assert (server.store[ID]["size"], server.store[ID]["layout"]) == ("small", "5up")


def test_confirm_writes_again_what_was_overwritten_with_the_value_from_before(server: MockServer) -> None:
    before = server.store[ID]["layout"]
    with client(server, confirm=0.01) as ours:
        server.faults.add(Fault.foreign_write({"layout": before}, "after"), "PUT")
        ours.video.conferences.update(ID, layout="5up")
        assert server.store[ID]["layout"] == "5up"
        server.faults.add(Fault.foreign_write({"layout": "3x3"}, "after"), "PUT")
        with pytest.raises(ConflictError):
            ours.video.conferences.update(ID, layout="2x2")


def test_confirm_brings_nothing_of_others_back(server: MockServer) -> None:
    server.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
    with client(server, confirm=0.01) as ours:
        ours.video.conferences.update(ID, layout="5up")
    assert server.store[ID]["size"] == "large"


@pytest.mark.parametrize(("etag", "left"), [pytest.param(False, "large", marks=pytest.mark.long), (True, "small")])
def test_a_put_that_lands_late_overwrites_unless_there_is_an_etag(etag: bool, left: str) -> None:
    with MockServer(demo.conferences(), etag=etag) as server:
        server.faults.add(Fault.late_apply(4), "PUT")
        with client(server, timeout=0.4) as ours:
            ours.video.conferences.update(ID, layout="5up")
        server.store.patch(ID, {"size": "small"})
        time.sleep(4)
        assert server.store[ID]["size"] == left


@pytest.mark.parametrize(("etag", "left"), [(False, "large"), (True, "small")])
def test_a_stale_read_is_written_back_unless_there_is_an_etag(etag: bool, left: str) -> None:
    with MockServer(demo.conferences(), etag=etag) as server:
        server.store.patch(ID, {"size": "small"})
        server.faults.add(Fault.stale_read(), "GET")
        with client(server) as ours:
            ours.video.conferences.update(ID, layout="5up")
        assert server.store[ID]["size"] == left
