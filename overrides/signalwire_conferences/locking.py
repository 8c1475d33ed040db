"""What a cancellation must not cut short: giving a lock back, writing the journal, tidying up.

A cancel scope of anyio shields from other scopes, and not from asyncio's own `Task.cancel()`, which `asyncio.timeout`
and `asyncio.TaskGroup` use. On asyncio an operation therefore has a task of its own, which is out of reach; whoever
waits for it hands the first cancellation on.
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
    """Whether it runs on asyncio, and not on trio."""
    return anyio.get_cancelled_exc_class() is asyncio.CancelledError


class _Task(asyncio.Task[T]):
    """The task of an operation, which others cancel once (whoever cancels all tasks of a loop meets it, too), and not
    where it must not be cut short. A scope of anyio, or a callback of the loop, does it for a time-out or task group
    inside of a lock, which gets it.
    """

    uncut, cancelled_by_others = True, False  # nobody else is to cancel it now; somebody did, or tried to

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
    return result  # noqa: RET504 - a scope may swallow a cancellation, for all that mypy knows


class AsyncLocks(AsyncExitStack):
    """Locks that are held, and the operation that holds them, or one after the other: what must not be cut short is
    not.
    """

    def __init__(self) -> None:
        super().__init__()
        self._scope = anyio.CancelScope()
        self._task: _Task[Any] | None = None
        self._may_be_in_a_scope = True  # of a lock, or of the caller; to ask takes longer than most steps

    @functools.cached_property
    def stop(self) -> threading.Event:
        """Set once the operation is cancelled, for a thread that waits."""
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
            with anyio.CancelScope(shield=True):  # from the scopes of anyio, which cancel again and again
                while not task.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([task])
            if not task.cancelled() and (failure := task.exception()) is not None:
                cancelled.__context__ = failure
            raise
        return task.result()

    async def uncut(self, function: Function[T], *args: Any) -> T:
        """Await a part of the operation that no cancellation cuts short."""
        self._put_off(True)
        return await _within(anyio.CancelScope(shield=True), function, *args)

    async def go_on(self) -> None:
        """End the operation if it was cancelled in such a part; what follows may be cut short."""
        self._put_off(False)
        if self._task is not None and self._task.cancelled_by_others:
            raise asyncio.CancelledError
        if self._may_be_in_a_scope:
            await checkpoint_if_cancelled()

    def _put_off(self, uncut: bool) -> None:
        if self._task is not None:
            self._task.uncut = uncut

    async def hold(self, lock: AbstractAsyncContextManager[Any]) -> None:
        """Take a lock, in the task that will give it back."""
        self._may_be_in_a_scope = True

        async def give_back(kind: Any, error: BaseException | None, trace: Any) -> None:
            self._put_off(True)
            # Not by a scope around it: the lock may have opened one, which it closes before ours.
            self._scope.shield = True
            ended = isinstance(error, anyio.get_cancelled_exc_class())
            try:
                swallowed = await lock.__aexit__(kind, error, trace)
            except Exception as failure:  # noqa: BLE001 - locks raise what they like
                lock_failed(None if ended else error, failure)
            else:
                if ended and swallowed:  # a lease that was cancelled, and not the operation
                    raise TimeoutError("the lock ended by itself")
            finally:
                self._scope.shield = False

        if not hasattr(lock, "__aenter__"):
            raise no_lock(lock, "an async context manager")
        await lock.__aenter__()
        self.push_async_exit(give_back)
        if self._task is not None and self._task.cancelled_by_others:  # and the lock took no notice
            await self.aclose()
