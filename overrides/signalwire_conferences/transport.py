"""The two loops that carry steps out: requests with httpx, once each, and nothing decided here."""

import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, closing, nullcontext, suppress
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread
import httpx
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

from .errors import closed_client
from .journal import Journal, opened
from .locking import AsyncLocks, hold
from .masking import without_secrets
from .outcomes import Answer, NoAnswer, outcome_of
from .settings import AsyncLock, Lock, Settings
from .steps import Acquire, Release, Request, Step, Steps, Wait
from .wire import Body, TimeLeft, Wire

T = TypeVar("T")
L = TypeVar("L")

_JOURNAL_THREADS = 8
_CONNECTIONS = 100  # of an asynchronous client in one event loop; a thread of a blocking one has its own
_IDLE_CONNECTIONS = 20


class _Common(Generic[L]):
    def __init__(self, settings: Settings[L]) -> None:
        self.settings, self._wire, self._closed = settings, Wire(settings), False
        # None where there is none, and then no step asks for it.
        self._lock: L = settings.lock  # type: ignore[assignment]  # see above
        self.journal: Journal = opened(settings)  # type: ignore[assignment]  # see above

    def _close(self) -> None:
        self._closed = True
        if self.journal is not None:
            self.journal.close()


class Transport(_Common[Lock]):
    """Carries steps out with blocking calls. Safe to use from several threads, processes that fork, and where a signal
    may end a call at any point: a request has a connection to itself, which is kept only where all went well.
    """

    def __init__(self, settings: Settings[Lock]) -> None:
        super().__init__(settings)
        self._process, self._idle = os.getpid(), list[httpx.HTTPTransport]()

    def _take(self) -> httpx.HTTPTransport:
        if self._closed:
            raise closed_client()
        if self._process != os.getpid():
            # Parent and child on one connection would read each other's answers.
            self._idle, self._process = [], os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            http = httpx.HTTPTransport(**self._wire.options)
            # A signal that ended the call inside would leave the lock locked, and nobody shares it.
            vars(http._pool)["_optional_thread_lock"] = nullcontext()  # noqa: SLF001 - nothing public does it
            return http

    def _keep(self, http: httpx.HTTPTransport) -> None:
        self._idle.append(http)
        self._drop()

    def _drop(self) -> None:
        with suppress(IndexError):  # others may do the same
            while self._closed or len(self._idle) > _IDLE_CONNECTIONS:
                self._idle.pop(0).close()

    def close(self) -> None:
        """Close the journal and the connections, those in use when their requests have ended."""
        self._close()
        if self._process == os.getpid():
            self._drop()

    def run(self, steps: Steps[T]) -> T:
        """Carry out the steps of an operation."""
        handled = sys.exc_info()[1]
        try:
            with ExitStack() as locks:
                return self._result(steps, locks)
        except Exception as error:
            without_secrets(error, self.settings.masked, handled)
            raise

    def _result(self, steps: Steps[T], locks: ExitStack) -> T:
        try:
            step = steps.send(None)
            while True:
                try:
                    outcome = self._carry_out(step, locks)
                except Exception as error:  # noqa: BLE001 - the steps say what it means
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            return cast(T, end.value)

    def _carry_out(self, step: Step, locks: ExitStack) -> Any:
        match step:
            case Request():
                return outcome_of(step, self._send(step))
            case Wait(seconds):
                return time.sleep(seconds)
            case Acquire(conference_id):
                return hold(locks, self._lock(conference_id))
            case Release():
                return locks.close()
            case _:
                return self.journal.carry_out(step)

    def _send(self, step: Request) -> Answer | NoAnswer:
        left = TimeLeft(self.settings.timeout)
        request, http = self._wire.request(step, left), self._take()
        try:
            response = http.handle_request(request)
            with closing(response):
                body = Body(step, response)
                stream: Any = response.stream
                for chunk in stream:
                    left.check()  # httpx limits each read alone, which a slow drip never reaches
                    if not body.add(chunk):
                        break
        except BaseException as error:  # noqa: BLE001 - what is not expected is raised again
            return self._wire.failed(error, left, closed=self._closed)
        self._keep(http)
        return body.answer()


class AsyncTransport(_Common[AsyncLock]):
    """Carries steps out with `await`, on asyncio or trio, in one event loop or several."""

    async def close(self) -> None:
        """Close the connections of this event loop, and the journal."""
        self._close()
        _, connections = _here().transports.pop(self, (None, None))
        if connections is not None:
            locks = AsyncLocks()
            await locks.run(locks.uncut, connections.aclose)

    async def run(self, steps: Steps[T]) -> T:
        """Carry out the steps of an operation. Cancelled at any time, it gives the lock back."""
        locks = AsyncLocks()
        return await locks.run(self._run, steps, locks)

    async def _run(self, steps: Steps[T], locks: AsyncLocks) -> T:
        handled = sys.exc_info()[1]
        try:
            async with locks:
                return await self._result(steps, locks)
        except Exception as error:
            without_secrets(error, self.settings.masked, handled)
            await checkpoint_if_cancelled()  # which counts more than an error
            raise

    async def _result(self, steps: Steps[T], locks: AsyncLocks) -> T:
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

    async def _carry_out(self, step: Step, locks: AsyncLocks) -> Any:
        await locks.go_on()
        match step:
            case Request():
                return outcome_of(step, await self._send(step))
            case Wait(seconds):
                return await anyio.sleep(seconds)
            case Acquire(conference_id):
                return await locks.hold(self._lock(conference_id))
            case Release():
                return await locks.aclose()
            case _:
                in_thread = partial(anyio.to_thread.run_sync, limiter=_here().threads)
                return await locks.uncut(in_thread, self.journal.carry_out, step, locks.stop)

    async def _send(self, step: Request) -> Answer | NoAnswer:
        http, left = await self._http(), TimeLeft(self.settings.timeout)
        try:
            with anyio.fail_after(self.settings.timeout):
                async with http.slots:
                    return await self._answer(step, http, left)
        except BaseException as error:  # noqa: BLE001 - what is not expected is raised again
            return self._wire.failed(error, left, closed=self._closed)
        finally:
            if self._closed:
                await http.aclose()

    async def _answer(self, step: Request, http: "_Connections", left: TimeLeft) -> Answer:
        response = await http.handle_async_request(self._wire.request(step, left))
        body = Body(step, response)
        stream: Any = response.stream
        try:
            async for chunk in stream:
                if not body.add(chunk):
                    # The next read then fails, which ends the generators of httpx in order.
                    await response.aclose()
        except httpx.RequestError:
            if not body.flaw:
                raise
        finally:
            await response.aclose()
        return body.answer()

    async def _http(self) -> "_Connections":
        if self._closed:
            raise closed_client()
        transports = _here().transports
        if self not in transports:
            connections = _connections(self._wire.options)
            transports[self] = await anext(connections), connections
        return transports[self][0]


class _Connections(httpx.AsyncHTTPTransport):
    """The connections of a client in one event loop."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limits=httpx.Limits(keepalive_expiry=5.0), **options)
        # A request that is cancelled while it waits in the pool may leave a connection there that is never made.
        self.slots = anyio.CapacityLimiter(_CONNECTIONS)


class _Loop(NamedTuple):
    """What belongs to one event loop: the connections of each client, open until their generator is closed."""

    transports: WeakKeyDictionary[AsyncTransport, tuple[_Connections, AsyncGenerator[_Connections, None]]]
    threads: anyio.CapacityLimiter  # for journals: locks that wait may hold every thread that anyio has for all


_LOOP: RunVar[_Loop] = RunVar("signalwire_conferences")


def _here() -> _Loop:
    loop = _LOOP.get(None)
    if loop is None:
        _LOOP.set(loop := _Loop(WeakKeyDictionary(), anyio.CapacityLimiter(_JOURNAL_THREADS)))
    return loop


async def _connections(options: dict[str, Any]) -> AsyncGenerator[_Connections, None]:
    # An event loop closes its generators before it ends.
    async with _Connections(**options) as http:
        yield http
