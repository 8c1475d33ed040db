"""A fleet that ends early, in every way that there is, and one under load: nothing is lost, forgotten or half done."""

import asyncio
import contextlib
import gc
import random
import signal
import sqlite3
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import anyio
import anyio.lowlevel
import pytest

from conftest import LONG
from processes import finished, spawned
from signalwire_conferences import (
    AsyncRestClient,
    ChangeSetResult,
    ConferenceResult,
    JournalError,
    RestClient,
    ServerError,
)
from signalwire_conferences.journal import Journal
from signalwire_conferences_testing.mock import Fault, MockServer
from test_fleet import NEW, assert_only_changed, conferences, fleet, plans, states

ALL = 120
INTERRUPTED: list[float] = []
"""When it was."""


class Ending:
    """What is known of a fleet that ended early.

    Attributes:
        told: what `on_progress` was called with.
        due: called by it at the 20th conference.
        begun: when the read of a conference came to the server, once a server is watched.
    """

    def __init__(self, server: MockServer | None = None) -> None:
        self.told: list[ConferenceResult] = []
        self.due: Callable[[], object] = bool
        self.begun: list[float] = []
        if server is not None:
            server.faults.add(Fault.latency(0.0), "GET", where=self._note)

    def _note(self, call: Any) -> bool:
        if call.conference_id is not None:
            self.begun.append(time.monotonic())
        return False

    def on_progress(self, result: ConferenceResult) -> None:
        self.told.append(result)
        if len(self.told) == 20:
            INTERRUPTED.append(time.monotonic())
            self.due()


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(conferences(ALL)) as running:
        running.faults.add(Fault.latency(0.1), times=None)
        yield running


def assert_ended_well(server: MockServer, before: dict[str, Any], ending: Ending, result: ChangeSetResult) -> None:
    """That what was in flight has ended, that all of it was told, and that nothing was begun later."""
    requests = len(server.requests)
    assert_only_changed(server, before, result.changed)
    assert 20 <= len(result.changed) < 60
    assert result.failed == {}
    assert max(ending.begun) < INTERRUPTED[-1] + 0.15
    assert [each.id for each in ending.told] == result.changed
    puts = [each for each in server.requests if each.method == "PUT"]
    assert [each.status for each in puts] == [200] * len(result.changed)
    time.sleep(0.3)
    assert len(server.requests) == requests
    server.faults.clear()
    # The same call again does the rest.
    with RestClient(server.project, server.token, server.host) as client:
        again = client.video.conferences.update_many(changes=NEW)
    assert sorted(again.unchanged) == sorted(result.changed)
    assert_only_changed(server, before, list(before))


def interrupt() -> None:
    """Ctrl-C, from whatever thread."""
    INTERRUPTED.append(time.monotonic())
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_ctrl_c_lets_end_what_is_in_flight_and_begins_nothing(server: MockServer) -> None:
    before, ending = states(server), Ending(server)
    # While the caller's thread waits, and not from its own code.
    ending.due = threading.Timer(0.02, interrupt).start
    with RestClient(server.project, server.token, server.host) as client, pytest.raises(KeyboardInterrupt) as caught:
        client.video.conferences.update_many(changes=NEW, concurrency=8, on_progress=ending.on_progress)
    result = vars(caught.value)["result"]
    (note,) = caught.value.__notes__
    assert note.startswith(f"Until then: {len(result.changed)} changed, 0 unchanged, 0 failed")
    assert result.change_set in note
    assert_ended_well(server, before, ending, result)


def test_ctrl_c_within_on_progress_does_the_same(server: MockServer) -> None:
    before, ending = states(server), Ending(server)
    ending.due = interrupt
    with RestClient(server.project, server.token, server.host) as client, pytest.raises(KeyboardInterrupt) as caught:
        client.video.conferences.update_many(changes=NEW, concurrency=8, on_progress=ending.on_progress)
    assert_ended_well(server, before, ending, vars(caught.value)["result"])


def test_a_second_ctrl_c_waits_for_nothing(server: MockServer) -> None:
    server.faults.add(Fault.hang_before(), "PUT", at=10, times=None)
    timers = [threading.Timer(seconds, interrupt) for seconds in (1.0, 1.5)]
    client = RestClient(server.project, server.token, server.host)
    for timer in timers:
        timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        client.video.conferences.update_many(changes=NEW, concurrency=4)
    assert time.monotonic() - begin < 5
    assert len(vars(caught.value)["result"].changed) == 9
    server.faults.clear()
    server.stop()  # what hangs ends


@pytest.mark.parametrize(
    ("backend", "how"),
    [("asyncio", "task"), ("asyncio", "timeout"), ("asyncio", "Ctrl-C"), *((b, "scope") for b in ("asyncio", "trio"))],
)
def test_a_cancellation_lets_end_what_is_in_flight_and_begins_nothing(
    server: MockServer, backend: str, how: str
) -> None:
    before, ending = states(server), Ending(server)
    found: list[Any] = []

    async def update() -> None:
        async with AsyncRestClient(server.project, server.token, server.host) as client:
            try:
                await client.video.conferences.update_many(changes=NEW, concurrency=8, on_progress=ending.on_progress)
            except BaseException as error:
                found.append(error)
                raise

    async def main() -> None:
        if how == "task":
            task = asyncio.create_task(update())
            ending.due = task.cancel
            with pytest.raises(asyncio.CancelledError):
                await task
        elif how == "timeout":
            timeout = asyncio.timeout(None)
            ending.due = lambda: timeout.reschedule(0)
            with contextlib.suppress(TimeoutError):
                async with timeout:
                    await update()
            assert timeout.expired()
        elif how == "Ctrl-C":
            ending.due = interrupt
            await update()
        else:
            with anyio.CancelScope() as scope:
                ending.due = scope.cancel
                await update()
            assert scope.cancelled_caught

    if how == "Ctrl-C":
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main())
    else:
        anyio.run(main, backend=backend)
    assert len(found) == 1
    assert_ended_well(server, before, ending, vars(found[0])["result"])


def test_where_all_tasks_are_cancelled_each_conference_is_told_old_or_new_and_the_call_ends(server: MockServer) -> None:
    before, ending = states(server), Ending()

    async def main() -> ChangeSetResult:
        async with AsyncRestClient(server.project, server.token, server.host) as client:
            enough = asyncio.Event()
            ending.due = enough.set
            many = client.video.conferences.update_many(changes=NEW, concurrency=8, on_progress=ending.on_progress)
            running = asyncio.create_task(many)
            await enough.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await asyncio.wait_for(running, 10)
            result: ChangeSetResult = vars(caught.value)["result"]
            return result

    result = asyncio.run(main())
    assert 20 <= len(result.changed) < 60
    assert 1 <= len(result.failed) <= 16
    assert all(isinstance(error, asyncio.CancelledError) for error in result.failed.values())
    assert sorted(each.id for each in ending.told) == sorted([*result.changed, *result.failed])
    time.sleep(0.3)
    # Of one whose PUT was under way nobody knows; each is old or new, and no other was begun.
    after = states(server)
    assert {name for name in before if after[name] != before[name]} <= {*result.changed, *result.failed}


@pytest.mark.parametrize("backend", ["sync", "asyncio", "trio"])
def test_ended_while_all_wait_for_a_429_only_what_was_begun_goes_on(backend: str) -> None:
    reads: list[tuple[float, str]] = []

    def note(call: Any) -> bool:
        if call.method == "GET" and call.conference_id is not None:
            reads.append((time.monotonic(), call.conference_id))
        return False

    with MockServer(conferences(ALL)) as server:
        before = states(server)
        server.faults.add(Fault.latency(0.0), where=note)
        server.faults.add(Fault.status(429, retry_after=2), "PUT", at=10)
        credentials = (server.project, server.token, server.host)

        async def update() -> None:
            async with AsyncRestClient(*credentials) as client:
                with anyio.move_on_after(1) as scope:
                    await client.video.conferences.update_many(changes=NEW, concurrency=5)
                assert scope.cancelled_caught

        begin = time.monotonic()
        if backend == "sync":
            timer = threading.Timer(1, interrupt)
            timer.start()
            with RestClient(*credentials) as client, pytest.raises(KeyboardInterrupt):
                client.video.conferences.update_many(changes=NEW, concurrency=5)
        else:
            anyio.run(update, backend=backend)
        assert 2 < time.monotonic() - begin < 4
        earlier, later = ({name for when, name in reads if (when - begin < 1) is is_so} for is_so in (True, False))
        assert later <= earlier
        # Nine were done and five under way; four of these may end, and make room for another, before the fifth is told.
        assert 9 <= len(earlier) <= 9 + 5 + 4
        assert_only_changed(server, before, [name for name in before if server.store[name] != before[name]])


def test_an_error_of_the_callers_own_code_lets_end_what_is_in_flight(style: str) -> None:
    def broken() -> Iterator[str]:
        for number in range(40):
            yield f"conference-{number}"
        raise LookupError("the caller's")

    taken = [0]

    def counted(ids: Any) -> Iterator[str]:
        for each in ids:
            taken[0] += 1
            yield each

    for kind in ("on_progress", "ids"):
        with fleet(style, ALL) as (server, client):
            before, ending = states(server), Ending()

            def due() -> None:
                raise LookupError("the caller's")

            ending.due = due if kind == "on_progress" else bool
            ids = broken() if kind == "ids" else counted(before)
            with pytest.raises(LookupError, match="the caller's") as caught:
                client.update_many(ids, changes=NEW, concurrency=5, on_progress=ending.on_progress)
            result = vars(caught.value)["result"]
            assert_only_changed(server, before, result.changed)
            assert 20 <= len(result.changed) <= 40
            assert taken[0] <= 40
            # What failed once is not called again.
            assert len(ending.told) == (20 if kind == "on_progress" else len(result.changed))


def test_a_list_that_breaks_off_lets_end_what_is_in_flight(style: str) -> None:
    with fleet(style, 250, retries=0) as (server, client):
        before = states(server)
        server.faults.add(Fault.status(500), where=lambda call: call.conference_id is None, at=3)
        with pytest.raises(ServerError) as caught:
            client.update_many(changes=NEW)
        result = vars(caught.value)["result"]
        assert 150 < len(result.changed) <= 200
        assert_only_changed(server, before, result.changed)
        server.faults.clear()
        assert len(plans(client, changes=NEW)) == 250


# --- with what the caller has ---------------------------------------------------------------------------------


def test_it_works_inside_of_a_running_event_loop() -> None:
    async def main() -> int:
        with fleet("sync", 20) as (_server, client):
            assert len(plans(client, changes=NEW)) == 20
            return len(client.update_many(changes=NEW).changed)

    assert asyncio.run(main()) == 20


def test_several_threads_share_one_client() -> None:
    with fleet("sync", 60) as (server, client):
        results: list[ChangeSetResult] = []
        ids = [f"conference-{number}" for number in range(60)]
        work = lambda part: results.append(client.update_many(part, changes=NEW, concurrency=4))  # noqa: E731 - one line says it
        threads = [threading.Thread(target=work, args=(ids[start::3],)) for start in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(name for each in results for name in each.changed) == sorted(ids)
        assert {state["display_name"] for state in states(server).values()} == {"New"}


def test_on_progress_is_called_in_the_callers_thread_and_never_beside_itself() -> None:
    inside, threads = [0], set()

    def on_progress(_: ConferenceResult) -> None:
        inside[0] += 1
        threads.add(threading.get_ident())
        time.sleep(0.001)
        assert inside[0] == 1
        inside[0] -= 1

    with fleet("sync", 40) as (_server, client):
        client.update_many(changes=NEW, concurrency=10, on_progress=on_progress)
    assert threads == {threading.get_ident()}


def test_no_more_than_asked_are_worked_on_at_once(style: str) -> None:
    lock, now, most = threading.Lock(), set[str](), [0]

    def note(call: Any) -> bool:
        with lock:
            (now.add if call.method == "GET" else now.discard)(call.conference_id)
            most[0] = max(most[0], len(now))
        return False

    with fleet(style, 60) as (server, client):
        server.faults.add(Fault.latency(0.005), times=None)
        server.faults.add(Fault.latency(0.0), where=note)
        client.update_many([*server.store], changes=NEW, concurrency=6)
    assert 3 <= most[0] <= 6


def test_each_is_locked_from_read_to_verification_and_all_are_in_the_journal(style: str, tmp_path: Path) -> None:
    held: dict[str, int] = {}
    most = [0]

    @contextlib.contextmanager
    def lock(name: str) -> Iterator[None]:
        assert name not in held
        held[name] = threading.get_ident()
        most[0] = max(most[0], len(held))
        yield
        assert held.pop(name) == threading.get_ident()

    @contextlib.asynccontextmanager
    async def lock_awaited(name: str) -> Any:
        with lock(name):
            yield

    def unlocked(call: Any) -> bool:
        return call.conference_id is not None and call.conference_id not in held

    options: dict[str, Any] = {"lock": lock if style == "sync" else lock_awaited, "journal": tmp_path / "journal"}
    with fleet(style, 30, **options) as (server, client):
        server.faults.add(Fault.latency(0.01), times=None)
        without = server.faults.add(Fault.status(500), where=unlocked, times=None)
        result = client.update_many(changes=NEW, concurrency=4, label="rebrand 2027")
        assert len(result.changed) == 30
        assert without.fired == 0
        server.faults.clear()
        entries = client.history(change_set=result.change_set)
        assert {entry.conference_id for entry in entries} == set(result.changed)
        for number in range(30):
            (entry,) = client.history(f"conference-{number}")
            assert (entry.outcome, entry.label, entry.change_set) == ("applied", "rebrand 2027", result.change_set)
            assert entry.before["display_name"] == f"Old {number}"
    assert held == {}
    assert 2 <= most[0] <= 4


def test_a_journal_that_is_full_ends_it_at_once_and_names_the_rest(
    style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[ConferenceResult] = []
    with fleet(style, 300, journal=tmp_path / "journal") as (server, client):
        ids = list(server.store)
        client.update_many(ids[:5], changes=NEW)
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorname = "SQLITE_FULL"
        monkeypatch.setattr(Journal, "_record", Mock(side_effect=full))
        requests = len(server.requests)
        result = client.update_many(ids, changes=NEW, concurrency=5, on_progress=told.append)
        assert 0 < len(server.requests) - requests < 50
        assert {each.method for each in server.requests[requests:]} == {"GET"}
        assert sorted(result.failed) == sorted(ids)
        assert {(type(error), str(error).split(" The conf")[0]) for error in result.failed.values()} == {
            (JournalError, f"The journal '{tmp_path / 'journal'}' cannot be used: database or disk is full.")
        }
        last = result.failed[ids[-1]]
        assert "unchanged by this call" in str(last)
        assert "Make room on its disk" in str(last)
        assert len(told) == 300
        monkeypatch.undo()
        assert len(client.update_many(ids, changes=NEW).changed) == 295


def test_a_lock_that_fails_fails_one_conference(style: str) -> None:
    def lock(name: str) -> AbstractContextManager[None]:
        if name == "conference-3":
            raise TimeoutError("the lock is busy")
        return contextlib.nullcontext()  # of both kinds

    with fleet(style, 10, lock=lock) as (server, client):
        result = client.update_many(changes=NEW)
        assert len(result.changed) == 9
        assert server.store["conference-3"]["display_name"] == "Old 3"
    (error,) = result.failed.values()
    assert str(error) == "the lock is busy"


# --- under load -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server_apart() -> Iterator[tuple[str, str, str]]:
    """Credentials of a mock in a process of its own, with many conferences: what it holds is not ours."""
    code = """
import sys
from signalwire_conferences_testing.mock import MockServer
with MockServer([{"name": f"name-{n}"} for n in range(int(sys.argv[1]))], keep_requests=False) as server:
    print(server.project, server.token, server.host, flush=True)
    sys.stdin.read()
"""
    process = spawned(code, 5000 if LONG else 1500, stdin=subprocess.PIPE)
    assert process.stdout is not None
    project, token, host = process.stdout.readline().split()
    yield project, token, host
    process.communicate("")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["changed", "failed", "failed by a lock", "planned"])
def test_memory_is_flat(server_apart: tuple[str, str, str], kind: str) -> None:
    size, seen = 5000 if LONG else 1500, [0]
    sizes: dict[int, int] = {}

    def note(_: object) -> None:
        seen[0] += 1
        if seen[0] in (size // 3, size):
            gc.collect()
            sizes[seen[0]] = tracemalloc.get_traced_memory()[0]

    def lock(_name: str) -> AbstractContextManager[None]:
        local = bytes(10_000)
        raise TimeoutError(f"{len(local)}")

    with RestClient(*server_apart, lock=lock if "lock" in kind else None) as client:
        every = client.video.conferences
        tracemalloc.start()
        try:
            if kind == "planned":
                for planned in every.plan_many(changes=NEW, concurrency=8):
                    note(planned)
            else:
                ids = None if kind != "failed" else (f"gone-{number}" for number in range(size))
                result = every.update_many(ids, changes=NEW, concurrency=8, on_progress=note)
                assert len(result.changed if kind == "changed" else result.failed) == size
        finally:
            tracemalloc.stop()
    assert len(sizes) == 2
    each = (sizes[size] - sizes[size // 3]) / (size - size // 3)
    # An id and its places; an error besides, and where it came from, but none of what the code held there.
    assert each < {"failed": 4000, "failed by a lock": 6000}.get(kind, 500), each


FLEET = """
import sys
from signalwire_conferences import RestClient
project, token, host, journal, count = sys.argv[1:]
with RestClient(project, token, host, journal=journal, timeout=0.5) as client:
    result = client.video.conferences.update_many(
        (f"conference-{number}" for number in range(int(count))),
        changes={"display_name": "New", "dark_primary": "#112233"},
        concurrency=16,
        on_progress=lambda result: print(result.id, result.outcome, flush=True),
    )
print("end", *result.failed)
"""

# All that a server may do and that leaves the conference as it is or as asked.
FAULTS = [
    *(Fault.latency(0.1), Fault.drop_before(), Fault.drop_after(), Fault.hang_before(), Fault.hang_after()),
    *(Fault.late_apply(1.0), Fault.lands_later(504, 5), Fault.lands_later(202, 5), Fault.repeated()),
    *(Fault.status(code) for code in (401, 403, 404, 408, 409, 412, 422, 429, 500, 502, 503)),
    *(Fault.status(429, retry_after=0), Fault.status(503, retry_after=0), Fault.failed_after(500)),
    *(Fault.failed_after(502), Fault.login_page(), Fault.redirect("/elsewhere"), Fault.truncated(10)),
    *(Fault.truncated_json(), Fault.html(), Fault.empty(), Fault.non_object(), Fault.byte_order_mark()),
    *(Fault.compressed("gzip"), Fault.cookie(), Fault.stale_read(), Fault.etag(True)),
]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_killed_and_under_faults_the_same_command_again_sets_every_conference_right(seed: int, tmp_path: Path) -> None:
    count, chance = 2000 if LONG else 300, random.Random(seed)
    with MockServer(conferences(count)) as server:
        before = states(server)
        for fault in FAULTS:
            server.faults.add(fault, where=lambda _: chance.random() < 0.05 / len(FAULTS), times=None)
        command = (FLEET, server.project, server.token, server.host, tmp_path / "journal", count)
        for _ in range(3):
            with spawned(*command) as process:
                killed_at = chance.randrange(count // 2)
                for number, _ in enumerate(process.stdout or ()):
                    if number == killed_at:
                        process.kill()
            assert process.returncode == -signal.SIGKILL
        for _ in range(2 if LONG else 1):
            (printed,) = finished([spawned(*command)])
            *told, (_, *failed) = [line.split() for line in printed.splitlines()]
            assert {name for name, outcome in told if outcome == "failed"} == set(failed)
            assert sorted(name for name, _ in told) == sorted(before)
            assert_only_changed(server, before, [name for name in before if server.store[name] != before[name]])
            assert {name for name in before if server.store[name] == before[name]} <= set(failed)
        assert len(server.faults.fired) > count // 20
        server.faults.clear()
        assert finished([spawned(*command)])[0].endswith("\nend\n")
        assert_only_changed(server, before, list(before))
        # And all that was done is undone, the latest first; undone again, it stays so.
        with RestClient(server.project, server.token, server.host, journal=tmp_path / "journal") as client:
            every = client.video.conferences
            made = dict.fromkeys(entry.change_set for entry in every.history())
            for change_set in made:
                assert every.undo(change_set=change_set).failed == {}
            assert_only_changed(server, before, [])
            server.requests.clear()
            for change_set in made if LONG else list(made)[-2:]:
                assert every.undo(change_set=change_set).failed == {}
            assert not any(request.method == "PUT" for request in server.requests)
