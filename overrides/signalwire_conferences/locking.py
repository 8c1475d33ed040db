"""What a cancellation must not cut short: giving a lock back, writing the journal, tidying up.

A cancel scope of anyio shields from other scopes, and not from asyncio's own `Task.cancel()`, which
`asyncio.timeout` and `asyncio.TaskGroup` use. On asyncio such work therefore gets a task of its own,
which is out of reach, and is waited for to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Any, TypeVar

import anyio

__all__ = ["finished", "held"]

T = TypeVar("T")


async def finished(function: Callable[..., Coroutine[Any, Any, T]], *args: Any, cancels: bool = False) -> T:
    """Await a function to its end, whatever cancellations arrive; the first is raised afterwards.

    With `cancels` it is passed on, once, so that what the function does then is not cut short.
    """
    if not _is_asyncio():
        with anyio.CancelScope(shield=not cancels):
            return await function(*args)
    task = asyncio.create_task(function(*args))
    await _first_of(task, cancel=task.cancel if cancels else None)
    return task.result()


def held(lock: AbstractAsyncContextManager[Any]) -> AbstractAsyncContextManager[None]:
    """A lock that is given back whatever cancellations arrive, and hides no error."""
    return _OwnTask(lock) if _is_asyncio() else _Shielded(lock)


class _OwnTask(AbstractAsyncContextManager[None]):
    """Takes a lock and gives it back in one and the same task, as many locks want it."""

    def __init__(self, lock: AbstractAsyncContextManager[Any]) -> None:
        loop = asyncio.get_running_loop()
        self._lock = lock
        self._taken: asyncio.Future[None] = loop.create_future()
        self._end: asyncio.Future[BaseException | None] = loop.create_future()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._hold())
        await _first_of(self._task, self._taken, cancel=self._cancel)
        if self._task.done():
            self._task.result()

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if not self._end.done():
            self._end.set_result(error)
        await _first_of(self._task)
        try:
            self._task.result()
        except BaseException as failure:
            if not _yields_to(error, failure):
                raise

    async def _hold(self) -> None:
        error = None
        try:
            async with self._lock:
                self._taken.set_result(None)
                error = await self._end
                if error is not None:
                    raise error  # noqa: TRY301 - the lock is to see it
        except BaseException as seen:
            if seen is not error:
                raise

    def _cancel(self) -> None:
        self._task.cancel()
        if not self._end.done():  # a lock may take no notice of a cancellation
            self._end.set_result(None)


class _Shielded(AbstractAsyncContextManager[None]):
    """The same where a cancel scope shields from everything."""

    def __init__(self, lock: AbstractAsyncContextManager[Any]) -> None:
        self._lock = lock

    async def __aenter__(self) -> None:
        await self._lock.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            try:
                await self._lock.__aexit__(kind, error, trace)
            except BaseException as failure:
                if failure is not error and not _yields_to(error, failure):
                    raise


def _yields_to(error: BaseException | None, failure: BaseException) -> bool:
    """Whether the failure of a lock yields to what ended the work under it: to a cancellation, whose
    context it becomes.
    """
    if error is None or isinstance(error, Exception):
        return False
    if isinstance(failure, Exception):
        if failure.__context__ is error:  # no circle
            failure.__context__ = None
        error.__context__ = failure
    return True


def _is_asyncio() -> bool:
    return anyio.get_cancelled_exc_class() is asyncio.CancelledError


async def _first_of(
    task: asyncio.Task[Any], *others: asyncio.Future[None], cancel: Callable[[], object] | None = None
) -> None:
    """Wait for the end of a task or of one of the others; where this is cancelled, that of the task.

    `cancel` is called first in that case.
    """
    try:
        await asyncio.wait([task, *others], return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError as cancelled:
        if cancel is not None:
            cancel()
        with anyio.CancelScope(shield=True):  # from the scopes of anyio, which cancel again and again
            while not task.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([task])
        if not task.cancelled() and (failure := task.exception()) is not None:
            cancelled.__context__ = failure
        raise
