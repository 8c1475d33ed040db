"""The awaited loop that carries steps out, on asyncio or trio. Nothing is decided here."""

import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

from .errors import closed_client
from .locking import AsyncLocks, on_asyncio
from .masking import without_secrets
from .outcomes import Answer, NoAnswer, outcome_of
from .settings import AsyncLock, Settings
from .steps import Acquire, Release, Request, Step, Steps, Wait
from .transport import Common
from .wire import Body, Message, TimeLeft, Wire

T = TypeVar("T")

_JOURNAL_THREADS = 8
_CONNECTIONS = 100  # of a client in one event loop


class AsyncTransport(Common[AsyncLock]):
    """Carries steps out with `await`, on asyncio or trio, in one event loop or several. A request has a connection to
    itself, which ends by itself where not all went well.
    """

    def __init__(self, settings: Settings[AsyncLock]) -> None:
        super().__init__(settings)
        self._pools = _Pools(self._wire)

    async def close(self) -> None:
        """Close the connections of this event loop, and the journal."""
        if not self._owner:
            return
        self._pools.closed = True
        self._close_journal()
        _, pool = _here().pools.pop(self._pools, (None, None))
        if pool is not None:
            locks = AsyncLocks()
            await locks.run(locks.uncut, pool.aclose)

    async def run(self, steps: Steps[T], operation: str) -> T:
        """Carry out the steps of an operation. Cancelled at any time, it gives the lock back."""
        locks = _Locks()
        return await locks.run(self._run, steps, operation, locks)

    async def run_several(self, work: Callable[["Run"], Coroutine[Any, Any, None]]) -> None:
        """Await work that is given `run`, for operations one after the other: they share what one costs besides."""
        locks = _Locks()
        await locks.run(work, lambda steps, operation: self._run(steps, operation, locks))

    async def _run(self, steps: Steps[T], operation: str, locks: "_Locks") -> T:
        handled, steps = sys.exc_info()[1], self._watched(steps, operation)
        try:
            async with locks:
                return await self._result(steps, locks)
        except Exception as error:
            without_secrets(error, self.settings.masked, handled)
            await checkpoint_if_cancelled()  # which counts more than an error
            raise
        finally:
            steps.close()  # whoever watches is told of a cancellation at once

    async def _result(self, steps: Steps[T], locks: "_Locks") -> T:
        try:
            step = steps.send(None)
            while True:
                try:
                    outcome = await self._carry_out(step, locks)
                except Exception as error:  # noqa: BLE001 - the steps say what it means
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            return cast(T, end.value)

    async def _carry_out(self, step: Step, locks: "_Locks") -> Any:
        await locks.go_on()
        match step:
            case Request():
                if locks.pool is None or self._pools.closed:
                    locks.pool = await self._pools.here()
                return outcome_of(step, await self._send(step, locks.pool), self.settings.address.url)
            case Wait(seconds):
                return await anyio.sleep(seconds)
            case Acquire(conference_id):
                return await locks.hold(self._lock(conference_id))
            case Release():
                return await locks.aclose()
            case _:
                in_thread = partial(anyio.to_thread.run_sync, limiter=_here().threads)
                return await locks.uncut(in_thread, self.journal.carry_out, step, locks.stop)

    async def _send(self, step: Request, pool: "_Pool") -> Answer | NoAnswer:
        message, left = self._wire.message(step), TimeLeft(self.settings.timeout)
        try:
            connection = await pool.take(left)
            try:
                body = await connection.exchange(message, left)
            finally:
                pool.give_back(connection)
        except BaseException as error:  # noqa: BLE001 - what is not expected is raised again
            return self._wire.failed(error, left, closed=self._pools.closed)
        finally:
            if self._pools.closed:
                await pool.aclose()
        return body.answer()


class _Connection(Protocol):
    """A connection: takes one request at a time, and sends it once."""

    async def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request and read its answer."""

    async def aclose(self) -> None:
        """Close it."""


class _Pool:
    """The connections of a client in one event loop."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._connection = wire, _connections(wire)
        self.idle: list[_Connection] = []
        self.slots = anyio.Semaphore(_CONNECTIONS)

    async def take(self, left: TimeLeft) -> _Connection:
        """One that is idle, or another, for the request that has this time left."""
        if self.slots.value:
            self.slots.acquire_nowait()  # the other way lets all others run first
        else:
            with anyio.fail_after(left.get("pool")):
                await self.slots.acquire()
        return self.idle.pop() if self.idle else self._connection(self._wire)

    def give_back(self, connection: _Connection) -> None:
        """Let others have it."""
        self.idle.append(connection)
        self.slots.release()

    async def aclose(self) -> None:
        """Close those that are idle."""
        while self.idle:
            await self.idle.pop().aclose()


class _Pools:
    """The connections of a client, in each event loop."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self.closed = wire, False

    async def here(self) -> _Pool:
        if self.closed:
            raise closed_client()
        pools = _here().pools
        if self not in pools:
            opened = _opened(self._wire)
            pools[self] = await anext(opened), opened
        return pools[self][0]


class _Locks(AsyncLocks):
    """The locks of an operation, or of several; `pool`: the connections of its event loop."""

    pool: _Pool | None = None


Run = Callable[[Steps[Any], str], Coroutine[Any, Any, Any]]


class _Loop(NamedTuple):
    """What belongs to one event loop: the connections of each client, open until their generator is closed."""

    pools: WeakKeyDictionary[_Pools, tuple[_Pool, AsyncGenerator[_Pool, None]]]
    threads: anyio.CapacityLimiter  # for journals: locks that wait may hold every thread that anyio has for all


_LOOP: RunVar[_Loop] = RunVar("signalwire_conferences")


def _here() -> _Loop:
    loop = _LOOP.get(None)
    if loop is None:
        _LOOP.set(loop := _Loop(WeakKeyDictionary(), anyio.CapacityLimiter(_JOURNAL_THREADS)))
    return loop


async def _opened(wire: Wire) -> AsyncGenerator[_Pool, None]:
    # An event loop closes its generators before it ends.
    pool = _Pool(wire)
    try:
        yield pool
    finally:
        await pool.aclose()


def _connections(wire: Wire) -> Callable[[Wire], _Connection]:
    if wire.fast and on_asyncio():
        from .fast_asyncio import AsyncConnection as Fast  # noqa: PLC0415 - an extra

        return Fast
    if wire.http_client is not None:
        from .own_client import AsyncOwnClient  # noqa: PLC0415 - few have one

        return AsyncOwnClient
    from .over_httpx import AsyncConnection as OverHttpx  # noqa: PLC0415 - not imported where it is not used

    return OverHttpx
