"""`AsyncRestClient` where it is not as the other: cancelled at any instant, and many at once.

That it does the same otherwise is tested together with `RestClient`, in test_recovery.py and others.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from attrs import define, evolve

from processes import BACKENDS, wait_for
from signalwire_conferences import AsyncRestClient, ConferencesError, TransportError, async_transport
from signalwire_conferences.async_transport import _CONNECTIONS, AsyncTransport, _here
from signalwire_conferences.steps import Acquire, Record, Release, Request, Settle, Step, Wait
from signalwire_conferences_testing.mock import Fault, MockServer

pytestmark = pytest.mark.anyio
ID = "conference-id"


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "2x2", "description": "kept"}]) as running:
        yield running


def connected(server: MockServer, **options: Any) -> AsyncRestClient:
    return AsyncRestClient(server.project, server.token, server.host, **options)


@define
class SlowLock:
    """A lock whose taking and giving back need the network, like that of Redis."""

    held: bool = False
    taken: int = 0

    @contextlib.asynccontextmanager
    async def __call__(self, _conference_id: str) -> AsyncIterator[None]:
        await anyio.lowlevel.checkpoint()
        assert not self.held
        self.held, self.taken = True, self.taken + 1
        try:
            yield
        finally:
            await anyio.sleep(0.001)
            self.held = False


def connections_in_use(client: AsyncRestClient) -> int:
    if client._transport._pools not in _here().pools:
        return 0
    return _CONNECTIONS - _here().pools[client._transport._pools][0].slots.value


def old_or_new(server: MockServer, before: dict[str, Any]) -> str:
    now = server.store[ID]
    changed = {name for name in now if now[name] != before[name]}
    assert changed <= {"layout", "updated_at"}, "a conference is half old and half new"
    assert now["layout"] in (before["layout"], "5up")
    return "new" if "layout" in changed else "old"


class Interrupted:
    """Cancels an update in the middle of its n-th step.

    Args:
        at: the step, from 0.
        early: whether to cancel before its work begins; else as soon as the work waits for the
            first time, or right after it.
    """

    def __init__(self, patch: pytest.MonkeyPatch, at: int, early: bool) -> None:
        self.steps: list[Step] = []
        self.scope = anyio.CancelScope()
        carry_out = AsyncTransport._carry_out

        async def counted(transport: AsyncTransport, step: Step, held: Any) -> Any:
            self.steps.append(step)
            if len(self.steps) - 1 != at:
                return await carry_out(transport, step, held)
            if early:
                self.scope.cancel()
                return await carry_out(transport, step, held)
            async with anyio.create_task_group() as group:
                group.start_soon(self._cancel)
                return await carry_out(transport, step, held)

        patch.setattr(AsyncTransport, "_carry_out", counted)

    async def _cancel(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.scope.cancel()


# With lock and journal, one PUT of unknown outcome, and a look after a while.
STEPS: list[type] = [
    *(Acquire, Request, Record, Request, Wait, Request, Settle, Record, Request, Settle, Release),
    *(Wait, Request),
]


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("at", range(len(STEPS)))
async def test_cancelled_in_any_step_the_conference_is_old_or_new_and_nothing_is_held(
    server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, early: bool
) -> None:
    lock = SlowLock()
    server.faults.add(Fault.drop_before(), "PUT")
    before = server.store[ID]
    async with connected(server, lock=lock, confirm=0.001, journal=tmp_path / "j") as client:
        with monkeypatch.context() as patch:
            interrupted = Interrupted(patch, at, early)
            with interrupted.scope:
                await client.video.conferences.update(ID, layout="5up")
        kinds = [type(step) for step in interrupted.steps]
        assert len(kinds) > at
        assert kinds == STEPS[: len(kinds)]
        assert interrupted.scope.cancelled_caught
        now = old_or_new(server, before)
        assert not lock.held
        assert connections_in_use(client) == 0
        entries = await client.video.conferences.history(ID)
        assert all(entry.before["layout"] == "2x2" for entry in entries)
        if now == "new":
            assert entries[0].outcome in ("applied", "unknown")
        # The client is as good as new.
        assert (await client.video.conferences.update(ID, layout="3x3"))["layout"] == "3x3"
        assert not lock.held
    gc.collect()  # what was not closed would be told now, and fail the test


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_cancelled_while_the_server_works_the_conference_is_old_or_new(server: MockServer, moment: str) -> None:
    """The PUT is on its way; whether it is carried out is up to the server."""
    lock, scope = SlowLock(), anyio.CancelScope()
    arrived = anyio.Event()
    token = anyio.lowlevel.current_token()

    def tell(_store: object) -> None:
        anyio.from_thread.run_sync(arrived.set, token=token)

    server.faults.add(Fault.foreign_write(tell), "PUT")
    server.faults.add(Fault.latency(0.5), "PUT")
    if moment == "before":
        server.faults.add(Fault.drop_before(), "PUT")
    before = server.store[ID]

    async def cancel() -> None:
        await arrived.wait()
        scope.cancel()

    async with connected(server, lock=lock) as client, anyio.create_task_group() as group:
        group.start_soon(cancel)
        with scope:
            await client.video.conferences.update(ID, layout="5up")
        assert scope.cancelled_caught
        assert not lock.held
        assert connections_in_use(client) == 0
        if moment == "after":
            await anyio.to_thread.run_sync(wait_for, lambda: old_or_new(server, before) == "new")
        else:
            await anyio.sleep(1)
            assert old_or_new(server, before) == "old"


async def test_a_time_limit_around_an_update_is_a_cancellation_like_any_other(server: MockServer) -> None:
    lock = SlowLock()
    server.faults.add(Fault.hang_after(), "PUT")
    before = server.store[ID]
    async with connected(server, lock=lock) as client:
        with pytest.raises(TimeoutError), anyio.fail_after(1):
            await client.video.conferences.update(ID, layout="5up")
        assert old_or_new(server, before) == "new"
        assert not lock.held
        assert connections_in_use(client) == 0


async def test_a_lock_that_cannot_be_had_in_time_is_given_up_without_a_request(server: MockServer) -> None:
    lock = anyio.Semaphore(1)
    async with connected(server, lock=lambda _id: lock) as client, lock:
        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await client.video.conferences.update(ID, layout="5up")
    assert server.requests == []
    assert lock.value == 1


async def test_an_error_closes_what_was_open(server: MockServer) -> None:
    lock = SlowLock()
    server.faults.add(Fault.truncated(), times=None)
    async with connected(server, lock=lock, retries=0) as client:
        with pytest.raises(ConferencesError):
            await client.video.conferences.update(ID, layout="5up")
        assert not lock.held
        assert connections_in_use(client) == 0


async def test_paginate_may_be_left_at_any_time(server: MockServer) -> None:
    server.store.load({"id": f"more-{number}", "name": f"more-{number}"} for number in range(5))
    async with connected(server) as client:
        pages = client.video.conferences.paginate(page_size=2)
        async with contextlib.aclosing(pages):
            async for conference in pages:
                assert conference["id"] == ID
                break
        assert connections_in_use(client) == 0
    assert len(server.requests) == 1


async def test_two_hundred_updates_of_different_conferences_at_once(server: MockServer) -> None:
    ids = [server.store.add({"id": f"conference-{number}", "name": str(number)}) for number in range(200)]
    before = {each: server.store[each] for each in ids}
    async with connected(server) as client, anyio.create_task_group() as group:

        async def update(conference_id: str) -> None:
            await client.video.conferences.update(conference_id, description=f"of {conference_id}")

        for each in ids:
            group.start_soon(update, each)
    for each in ids:
        now = server.store[each]
        assert now["description"] == f"of {each}"
        assert {name for name in now if now[name] != before[each][name]} == {"description", "updated_at"}
    assert len(server.requests) == 400


# To connect is sometimes cancelled in the middle, which asyncio leaves to the garbage collector.
@pytest.mark.long
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("ends", ["cancelled", "out of time"])
def test_requests_that_end_while_they_wait_cost_no_connection(server: MockServer, ends: str) -> None:
    timeout = 0.05 if ends == "out of time" else 30

    async def main() -> None:
        options: dict[str, Any] = {"retries": 0, "timeout": timeout}
        async with AsyncRestClient(server.project, server.token, server.host, **options) as client:
            get = client.video.conferences.get
            for round_ in range(12):
                calls = [asyncio.create_task(get(ID)) for _ in range(160)]
                await asyncio.sleep(round_ % 6 * 0.02)
                for call in calls:
                    if ends == "cancelled":
                        call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
            client._transport.settings = evolve(client._transport.settings, timeout=5)
            await get(ID)

    asyncio.run(main())


@pytest.mark.anyio
async def test_who_waits_too_long_for_a_connection_has_sent_nothing(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_transport, "_CONNECTIONS", 1)
    server.faults.add(Fault.latency(1), "GET")
    async with connected(server, retries=0) as client, anyio.create_task_group() as group:
        group.start_soon(client.video.conferences.get, ID)
        await anyio.to_thread.run_sync(wait_for, lambda: bool(server.requests))
        client._transport.settings = evolve(client._transport.settings, timeout=0.1)
        with pytest.raises(TransportError, match="no connection within") as caught:
            await client.video.conferences.create(display_name="x")
    assert caught.value.state == "No conference was created."
