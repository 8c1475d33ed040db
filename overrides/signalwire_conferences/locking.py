"""What a cancellation must not cut short: giving a lock back, writing the journal, tidying up.

A cancel scope of anyio shields from other scopes, and not from asyncio's own `Task.cancel()`, which
`asyncio.timeout` and `asyncio.TaskGroup` use. On asyncio an operation therefore has a task of its own,
which is out of reach; whoever waits for it hands the first cancellation on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Any, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

T = TypeVar("T")
Function = Callable[..., Coroutine[Any, Any, T]]


class Locks(ExitStack):
    """Locks that are held; none of them hides an error."""

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[arg-type]  # passed on as they came


class AsyncLocks(AsyncExitStack):
    """The same, given back in the task that took them, and of the operation that runs in it."""

    def __init__(self) -> None:
        super().__init__()
        self._uncut, self._cancelled = True, False

    async def __aexit__(self, *error: object) -> None:
        await self.uncut(super().__aexit__, *error)

    async def run(self, function: Function[T], *args: Any) -> T:
        """Await the operation. A cancellation reaches it once, and is raised when it has ended."""
        if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
            return await function(*args)
        task = asyncio.create_task(function(*args))
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as cancelled:
            self._cancelled = True
            if not (self._uncut or task.cancelling()):
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
        self._uncut = True
        with anyio.CancelScope(shield=True):
            result = await function(*args)
        return result  # noqa: RET504 - to mypy, a scope may swallow what is raised

    async def go_on(self) -> None:
        """End the operation if it was cancelled in such a part; what follows may be cut short."""
        self._uncut = False
        if self._cancelled:
            await self.aclose()
            raise asyncio.CancelledError
        await checkpoint_if_cancelled()
