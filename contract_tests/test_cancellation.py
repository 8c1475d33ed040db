"""Cancelled at each await point, in each way that there is: nothing is held, swallowed or half done.

A point is the end of a step of any task that the update starts, so that the waiting inside of locks,
of the journal and of httpx counts too.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from attrs import define, field

from processes import BACKENDS, wait_for
from signalwire_conferences import AsyncRestClient, ConferencesError, NotFoundError, locking
from signalwire_conferences.async_transport import _here
from signalwire_conferences_testing.mock import Fault, MockServer


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer([]) as running:
        yield running


@define
class Lock:
    """A lock that needs the network both ways, and may only be given back by the task that took it."""

    held: object = None
    given: list[BaseException | None] = field(factory=list)

    @contextlib.asynccontextmanager
    async def __call__(self, _conference_id: str) -> AsyncIterator[None]:
        await anyio.lowlevel.checkpoint()
        assert self.held is None
        self.held = anyio.get_current_task().id
        error = None
        try:
            yield
        except BaseException as seen:
            error = seen
            raise
        finally:
            assert self.held == anyio.get_current_task().id
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            self.held = None
            self.given.append(error)


@define
class Points:
    """Counts steps, and acts after some of them.

    Attributes:
        due: after which steps, from 0.
        act: what to do then.
        passed: how many there were so far.
    """

    due: range
    act: Callable[[], object] = bool
    passed: int = 0

    @property
    def acted(self) -> bool:
        return self.passed > self.due.start

    def step(self) -> None:
        self.passed += 1
        if self.passed - 1 in self.due:
            self.act()


class Watched(Coroutine[Any, Any, Any]):
    """A coroutine that tells of each of its steps but the last."""

    def __init__(self, inner: Any, points: Points) -> None:
        self._inner, self._points = inner, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __await__(self) -> Any:
        raise AssertionError("only a task runs it")

    def send(self, value: Any) -> Any:
        found = self._inner.send(value)
        self._points.step()
        return found

    def throw(self, *error: Any) -> Any:
        found = self._inner.throw(*error)
        self._points.step()
        return found

    def close(self) -> None:
        self._inner.close()


Update = Callable[[], Coroutine[Any, Any, None]]


async def timed_out(update: Update, points: Points) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as limit:
            points.act = lambda: limit.reschedule(0)
            await update()
        assert not limit.expired(), "the cancellation was swallowed"


async def in_a_task_group(update: Update, points: Points) -> None:
    failed = asyncio.Event()
    points.act = failed.set

    async def fail() -> None:
        await failed.wait()
        raise ZeroDivisionError

    with contextlib.suppress(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            failing = group.create_task(fail())
            await group.create_task(update())
            assert not failed.is_set(), "the cancellation was swallowed"
            failing.cancel()


async def cancelled(update: Update, points: Points) -> None:
    running = asyncio.create_task(update())
    points.act = running.cancel
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert running.cancelled() == points.acted, "the cancellation was swallowed"


async def cancelled_twice(update: Update, points: Points) -> None:
    points.due = range(points.due.start, points.due.start + 2)
    await cancelled(update, points)


async def cancelled_often(update: Update, points: Points) -> None:
    points.due = range(points.due.start, 1_000_000)
    await cancelled(update, points)


async def in_a_scope(update: Update, points: Points) -> None:
    done = False
    with anyio.CancelScope() as scope:
        points.act = scope.cancel
        await update()
        done = True
    assert done != scope.cancelled_caught


async def with_all_tasks(update: Update, points: Points) -> None:
    """As programs do it that end."""
    ending = asyncio.Event()
    points.act = ending.set
    running = asyncio.create_task(update())
    running.add_done_callback(lambda _: ending.set())
    await ending.wait()
    for _ in range(3):
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
    with contextlib.suppress(asyncio.CancelledError):
        await running


WAYS: list[Callable[[Update, Points], Awaitable[None]]] = [
    *(timed_out, in_a_task_group, cancelled, cancelled_twice, cancelled_often, in_a_scope, with_all_tasks)
]


def on_asyncio(run: Callable[[Points], Coroutine[Any, Any, None]], points: Points) -> None:
    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Watched(coroutine, points), loop=loop, **options)

    class Counted(locking._Task[Any]):
        def __init__(self, coroutine: Any) -> None:
            super().__init__(Watched(coroutine, points))

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await run(points)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locking, "_Task", Counted)
        asyncio.run(main())


def on_trio(run: Callable[[Points], Coroutine[Any, Any, None]], points: Points) -> None:
    trio = pytest.importorskip("trio")

    class Steps(trio.abc.Instrument):  # type: ignore[misc,name-defined]  # trio may be missing
        def after_task_step(self, task: Any) -> None:
            if task.name.endswith("on_trio.<locals>.main"):
                points.step()

    async def main() -> None:
        await run(points)

    trio.run(main, instruments=[Steps()])


@pytest.mark.parametrize(
    ("start", "way"), [*((on_asyncio, way) for way in WAYS), (on_trio, in_a_scope)], ids=lambda value: value.__name__
)
def test_cancelled_at_any_point_nothing_is_held_swallowed_or_half_done(
    server: MockServer, tmp_path: Path, start: Any, way: Any, connections: str
) -> None:
    outcomes = set()
    for at in itertools.count():
        conference = server.store.add(
            {"name": f"{connections}-{start.__name__}-{way.__name__}-{at}", "layout": "2x2", "description": "kept"}
        )
        before, lock, points = server.store[conference], Lock(), Points(range(at, at + 1))

        async def run(points: Points, conference: str = conference, before: Any = before, lock: Lock = lock) -> None:
            client = AsyncRestClient(server.project, server.token, server.host, lock=lock, journal=tmp_path / "journal")
            async with client:

                async def update() -> None:
                    await client.video.conferences.update(conference, layout="5up")

                await way(update, points)
                acted, points.act = points.acted, bool
                assert lock.held is None
                now = server.store[conference]
                assert {name for name in now if now[name] != before[name]} <= {"layout", "updated_at"}
                entries = await client.video.conferences.history(conference)
                assert len(entries) <= 1
                told = entries[0].outcome if entries else "nothing"
                assert (now["layout"], told) in {
                    *(("2x2", each) for each in ("nothing", "unknown")),
                    *(("5up", each) for each in ("applied", "unknown")),
                }
                outcomes.add((acted, now["layout"], told))
                # The lock heard of nothing else; and whoever comes after is not cancelled.
                assert not any(isinstance(each, Exception) for each in lock.given)
                await client.video.conferences.get(conference)

        start(run, points)
        if not points.acted:
            break
    gc.collect()  # what was not closed would be told now, and fail the test
    assert at > (20 if connections == "httpx" else 15)  # sockets wait less often
    assert (True, "2x2", "nothing") in outcomes
    assert (False, "5up", "applied") in outcomes


# --- locks of many kinds --------------------------------------------------------------------------


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def connected(server: MockServer, **options: Any) -> AsyncRestClient:
    return AsyncRestClient(server.project, server.token, server.host, retries=0, **options)


@pytest.fixture
def conference(server: MockServer) -> str:
    return server.store.add({"layout": "2x2"})


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["Lock", "Semaphore", "CapacityLimiter", "Condition"])
async def test_a_lock_that_only_its_own_task_may_give_back_works(
    server: MockServer, conference: str, kind: str
) -> None:
    lock: Any = getattr(anyio, kind)(*([1] if kind in ("Semaphore", "CapacityLimiter") else []))
    async with connected(server, lock=lambda _id: lock) as client:
        async with anyio.create_task_group() as group:
            for name in ("5up", "3x3", "8x8"):
                group.start_soon(partial(client.video.conferences.update, conference, layout=name))
        async with lock:  # it is free
            pass


@pytest.mark.parametrize("kind", ["Lock", "Semaphore", "Condition"])
def test_one_of_asyncio_works_too(server: MockServer, conference: str, kind: str) -> None:
    async def main() -> None:
        lock = getattr(asyncio, kind)()
        async with connected(server, lock=lambda _id: lock) as client:
            calls = [client.video.conferences.update(conference, layout=name) for name in ("5up", "3x3")]
            await asyncio.gather(*calls)
            assert not lock.locked()

    asyncio.run(main())


@pytest.mark.anyio
async def test_a_lock_sees_the_context_variables_of_the_caller(server: MockServer, conference: str) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    @contextlib.asynccontextmanager
    async def lock(_id: str) -> AsyncIterator[None]:
        seen.append(variable.get())
        yield
        seen.append(variable.get())

    variable.set("ours")
    async with connected(server, lock=lock) as client:
        await client.video.conferences.update(conference, layout="5up")
    assert seen == ["ours", "ours"]


@pytest.mark.anyio
async def test_a_lock_sees_the_error_and_cannot_hide_it(server: MockServer) -> None:
    seen: list[object] = []

    class Hiding(contextlib.AbstractAsyncContextManager[None]):
        async def __aexit__(self, *error: object) -> bool:
            seen.append(error[1])
            return True

    async with connected(server, lock=lambda _id: Hiding()) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.video.conferences.update("nowhere", layout="5up")
    assert seen == [caught.value]


@pytest.mark.anyio
async def test_where_giving_it_back_fails_the_cancellation_is_what_counts(server: MockServer, conference: str) -> None:
    scope = anyio.CancelScope()

    class Failing(contextlib.AbstractAsyncContextManager[None]):
        async def __aenter__(self) -> None:
            scope.cancel()

        async def __aexit__(self, *_error: object) -> None:
            raise ZeroDivisionError

    async with connected(server, lock=lambda _id: Failing()) as client:
        with scope:
            with pytest.raises(anyio.get_cancelled_exc_class()) as caught:
                await client.video.conferences.update(conference, layout="5up")
            assert isinstance(caught.value.__context__, ZeroDivisionError)
            raise caught.value
    assert scope.cancelled_caught


def test_so_it_is_where_the_cancellation_comes_while_it_is_given_back(server: MockServer, conference: str) -> None:
    updating: asyncio.Future[Any] | None = None

    class Failing(contextlib.AbstractAsyncContextManager[None]):
        async def __aexit__(self, *_error: object) -> None:
            assert updating is not None
            updating.cancel()
            await asyncio.sleep(0)
            raise ZeroDivisionError

    async def main() -> None:
        nonlocal updating
        async with connected(server, lock=lambda _id: Failing()) as client:
            updating = asyncio.ensure_future(client.video.conferences.update(conference, layout="5up"))
            with pytest.raises(asyncio.CancelledError) as caught:
                await updating
        context = caught.value.__context__
        assert isinstance(context, ZeroDivisionError) or isinstance(context.__context__, ZeroDivisionError)  # type: ignore[union-attr]  # the first part says that there is one

    asyncio.run(main())


def test_a_lock_that_takes_no_notice_of_a_cancellation_is_given_back_all_the_same(
    server: MockServer, conference: str
) -> None:
    held = False

    @contextlib.asynccontextmanager
    async def stubborn(_id: str) -> AsyncIterator[None]:
        nonlocal held
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        held = True
        yield
        held = False

    async def main() -> None:
        async with connected(server, lock=stubborn) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.video.conferences.update(conference, layout="5up")
        assert not held

    asyncio.run(main())


@pytest.mark.parametrize("ends", [False, True])
def test_the_end_of_a_loop_lets_a_lock_be_given_back(server: MockServer, conference: str, ends: bool) -> None:
    """Both where `asyncio.run` ends and where a program cancels all tasks itself."""
    given = []

    async def main() -> None:
        releasing = asyncio.Event()

        @contextlib.asynccontextmanager
        async def lock(_id: str) -> AsyncIterator[None]:
            yield
            releasing.set()
            async with asyncio.timeout(5):
                await asyncio.sleep(0.05)
            given.append("back")

        client = connected(server, lock=lock)
        running = asyncio.create_task(client.video.conferences.update(conference, layout="5up"))
        await releasing.wait()
        if not ends:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.wait([running])
            assert given == ["back"]
            assert running.cancelled()

    asyncio.run(main())
    assert given == ["back"]


@pytest.mark.parametrize("limit", [asyncio.timeout, anyio.fail_after, anyio.move_on_after])
def test_to_give_a_lock_back_may_have_a_limit_of_its_own(server: MockServer, conference: str, limit: Any) -> None:
    @contextlib.asynccontextmanager
    async def lock(_id: str) -> AsyncIterator[None]:
        yield
        with contextlib.suppress(TimeoutError):
            async with contextlib.AsyncExitStack() as stack:
                if limit is asyncio.timeout:
                    await stack.enter_async_context(limit(0.05))
                else:
                    stack.enter_context(limit(0.05))
                await asyncio.sleep(30)

    async def main() -> None:
        async with connected(server, lock=lock) as client:
            async with asyncio.timeout(10):
                await client.video.conferences.update(conference, layout="5up")

    asyncio.run(main())


@contextlib.asynccontextmanager
async def lease_of_anyio() -> AsyncIterator[None]:
    with anyio.fail_after(0.1):
        yield


@contextlib.asynccontextmanager
async def lease_that_ends_quietly() -> AsyncIterator[None]:
    with anyio.move_on_after(0.1):
        yield


@contextlib.asynccontextmanager
async def lease_that_is_renewed() -> AsyncIterator[None]:
    async def renew() -> None:
        await anyio.sleep(0.1)
        raise TimeoutError("somebody else has it")

    async with anyio.create_task_group() as group:
        group.start_soon(renew)
        yield
        group.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def lease_of_asyncio() -> AsyncIterator[None]:
    async with asyncio.timeout(0.1):
        yield


@pytest.mark.anyio
@pytest.mark.parametrize("lease", [lease_of_anyio, lease_that_ends_quietly, lease_that_is_renewed, lease_of_asyncio])
async def test_a_lock_that_ends_by_itself_ends_the_update(
    conference: str, server: MockServer, lease: Any, anyio_backend: str
) -> None:
    if lease is lease_of_asyncio and anyio_backend != "asyncio":
        return
    server.faults.add(Fault.latency(0.3), "GET")
    before = len(server.requests)
    async with connected(server, lock=lambda _id: lease()) as client:
        with pytest.raises((TimeoutError, ExceptionGroup)) as caught:
            await client.video.conferences.update(conference, layout="5up")
        await anyio.sleep(0.3)
        if isinstance(caught.value, ExceptionGroup):
            assert caught.group_contains(TimeoutError)
        assert "PUT" not in {request.method for request in server.requests[before:]}
        # In time it is as any other, and what comes after is not cancelled.
        await client.video.conferences.update(conference, layout="3x3")


@pytest.mark.parametrize("times", [0, 1, 9])
def test_a_lock_whose_taking_is_cancelled_may_tidy_up_in_peace(server: MockServer, conference: str, times: int) -> None:
    told: list[str] = []

    class Slow(contextlib.AbstractAsyncContextManager[None]):
        async def __aenter__(self) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                for _ in range(5):
                    await asyncio.sleep(0)
                told.append("tidy")

        async def __aexit__(self, *_error: object) -> None:
            told.append("given back")

    async def main() -> None:
        client = connected(server, lock=lambda _id: Slow())
        updating = asyncio.ensure_future(client.video.conferences.update(conference, layout="5up"))
        await asyncio.sleep(0.05)
        for _ in range(times):
            updating.cancel()
            await asyncio.sleep(0)
        if times:
            with pytest.raises(asyncio.CancelledError):
                await updating
        await client.close()

    asyncio.run(main())  # which cancels every task that is left
    assert told == ["tidy"]


def test_an_update_that_the_end_of_its_event_loop_cuts_short_gives_its_lock_back_whole(
    server: MockServer, conference: str
) -> None:
    lock = Lock()
    server.faults.add(Fault.hang_after(), "PUT")

    async def main() -> None:
        client = connected(server, lock=lock)
        updating = asyncio.ensure_future(client.video.conferences.update(conference, layout="5up"))
        await anyio.to_thread.run_sync(wait_for, lambda: server.store[conference]["layout"] == "5up")
        assert lock.held
        assert not updating.done()

    asyncio.run(main())  # which cancels every task that is left, ours among them
    assert lock.held is None
    assert len(lock.given) == 1
    gc.collect()


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["scope", "task"])
async def test_a_client_that_is_closed_by_a_cancellation_is_closed_whole(
    server: MockServer, conference: str, way: str, anyio_backend: str
) -> None:
    if way == "task" and anyio_backend != "asyncio":
        return
    client = connected(server)
    await client.video.conferences.get(conference)
    http, _ = _here().pools[client._transport._pools]

    async def work() -> None:
        with anyio.CancelScope() as scope:
            async with client:
                if way == "scope":
                    scope.cancel()
                elif task := asyncio.current_task():
                    task.cancel()

    if way == "scope":
        await work()
    else:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(work())
    assert http.idle == []
    with pytest.raises(ConferencesError, match="closed"):
        await client.video.conferences.get(conference)


@pytest.mark.anyio
async def test_locks_that_wait_in_threads_do_not_starve_the_journal(
    server: MockServer, conference: str, tmp_path: Path
) -> None:
    shared = threading.Lock()

    @contextlib.asynccontextmanager
    async def lock(_id: str) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(shared.acquire, True, 60)  # a thread that waits cannot be cancelled
        yield
        shared.release()

    finished: list[int] = []

    async def update(number: int) -> None:
        await client.video.conferences.update(conference, description=str(number))
        await client.video.conferences.history(conference)
        finished.append(number)

    async with connected(server, lock=lock, journal=tmp_path / "journal") as client:
        with anyio.move_on_after(45):
            async with anyio.create_task_group() as group:
                for number in range(45):
                    group.start_soon(update, number)
    assert len(finished) == 45
