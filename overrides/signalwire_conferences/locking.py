"""Protects what a cancellation must not interrupt: releasing a lock, writing the journal, cleaning up.

A cancel scope of anyio shields from other scopes, but not from asyncio's `Task.cancel()`, which `asyncio.timeout` and
`asyncio.TaskGroup` use. On asyncio, an operation therefore runs in a separate task that callers cannot reach; the task
that waits for it passes on the first cancellation.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from .transport import lock_failed, no_lock

T = TypeVar("T")
Function = Callable[..., Coroutine[Any, Any, T]]


def on_asyncio() -> bool:
    """Whether the current event loop is asyncio's, not trio's."""
    return anyio.get_cancelled_exc_class() is asyncio.CancelledError


class _Task(asyncio.Task[T]):
    """The task of an operation. Others can cancel it once (code that cancels all tasks of a loop reaches it too), but
    not while it is uninterruptible. A cancellation by a scope of anyio or a callback of the loop is for a timeout or a
    task group inside a lock, and gets through.
    """

    uncut, cancelled_by_others = True, False  # others must not cancel it now; others did, or tried to

    def cancel(self, msg: Any = None) -> bool:
        loop = self.get_loop()
        callback = loop.is_running() and asyncio.current_task(loop) in (None, self)
        if callback or "cancel scope" in str(msg):
            return super().cancel(msg)
        again, self.cancelled_by_others = self.cancelled_by_others, True
        return not self.done() if again or self.uncut else super().cancel(msg)


async def _within(scope: anyio.CancelScope, function: Function[T], *args: Any) -> T:
    with scope:
        result = await function(*args)
    return result  # noqa: RET504 - mypy thinks that a scope may swallow a cancellation


class AsyncLocks(AsyncExitStack):
    """The held locks and the operation that holds them (or several operations, one after the other)."""

    def __init__(self) -> None:
        super().__init__()
        self._scope = anyio.CancelScope()
        self._task: _Task[Any] | None = None
        self._may_be_in_a_scope = True  # of a lock or of the caller; asking takes longer than most steps

    @functools.cached_property
    def stop(self) -> threading.Event:
        """Set once the operation is cancelled; for a waiting thread."""
        return threading.Event()

    async def run(self, function: Function[T], *args: Any) -> T:
        """Await the operation. A cancellation reaches it once, and is raised when the operation has ended."""
        if not on_asyncio():
            return await _within(self._scope, function, *args)
        self._task = task = _Task(_within(self._scope, function, *args))
        self._may_be_in_a_scope = False
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as cancelled:
            self.stop.set()
            task.cancel()
            with anyio.CancelScope(shield=True):  # from scopes of anyio, which cancel repeatedly
                while not task.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([task])
            if not task.cancelled() and (failure := task.exception()) is not None:
                cancelled.__context__ = failure
            raise
        return task.result()

    async def uncut(self, function: Function[T], *args: Any) -> T:
        """Await a part of the operation that no cancellation interrupts."""
        self._put_off(True)
        return await _within(anyio.CancelScope(shield=True), function, *args)

    async def go_on(self) -> None:
        """End the operation if it was cancelled in such a part; what follows may be interrupted."""
        self._put_off(False)
        if self._task is not None and self._task.cancelled_by_others:
            raise asyncio.CancelledError
        if self._may_be_in_a_scope:
            await checkpoint_if_cancelled()

    def _put_off(self, uncut: bool) -> None:
        if self._task is not None:
            self._task.uncut = uncut

    async def hold(self, lock: AbstractAsyncContextManager[Any]) -> None:
        """Take a lock, in the task that will release it."""
        self._may_be_in_a_scope = True

        async def give_back(kind: Any, error: BaseException | None, trace: Any) -> None:
            self._put_off(True)
            # Not with a scope around it: the lock may have opened one, which must be closed before ours.
            self._scope.shield = True
            ended = isinstance(error, anyio.get_cancelled_exc_class())
            try:
                swallowed = await lock.__aexit__(kind, error, trace)
            except Exception as failure:  # noqa: BLE001 - locks may raise anything
                lock_failed(None if ended else error, failure)
            else:
                if ended and swallowed:  # the lease was cancelled, not the operation
                    raise TimeoutError("the lock ended early")
            finally:
                self._scope.shield = False

        if not hasattr(lock, "__aenter__"):
            raise no_lock(lock, "an async context manager")
        await lock.__aenter__()
        self.push_async_exit(give_back)
        if self._task is not None and self._task.cancelled_by_others:  # and the lock ignored it
            await self.aclose()
