"""What a cancellation must not cut short: giving a lock back, writing the journal, tidying up.

A cancel scope of anyio shields from other scopes, and not from asyncio's own `Task.cancel()`, which
`asyncio.timeout` and `asyncio.TaskGroup` use. On asyncio an operation therefore has a task of its own,
which is out of reach; whoever waits for it hands the first cancellation on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    suppress,
)
from typing import Any, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

T = TypeVar("T")
Function = Callable[..., Coroutine[Any, Any, T]]


def hold(locks: ExitStack, lock: AbstractContextManager[Any]) -> None:
    """Take a lock, which is then given back with the others and hides no error."""

    def give_back(*error: Any) -> None:
        lock.__exit__(*error)

    lock.__enter__()
    locks.push(give_back)


class Operation:
    """Runs to its end what a cancellation reaches once, and not everywhere.

    Attributes:
        locks: what is held.
    """

    def __init__(self) -> None:
        self.locks = AsyncExitStack()
        self._uncut, self._cancelled = True, False

    async def run(self, function: Function[T], *args: Any) -> T:
        """Await the function. A cancellation is raised when it has ended, whatever came of it."""
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
        """Await a part of it that no cancellation cuts short."""
        self._uncut = True
        with anyio.CancelScope(shield=True):
            return await function(*args)

    async def go_on(self) -> None:
        """End it here where it was cancelled in such a part; else what follows may be cut short."""
        self._uncut = False
        if self._cancelled:
            raise asyncio.CancelledError
        await checkpoint_if_cancelled()

    async def hold(self, lock: AbstractAsyncContextManager[Any]) -> None:
        """Take a lock, in the task that will give it back."""

        async def give_back(*error: Any) -> None:
            await self.uncut(lock.__aexit__, *error)

        await lock.__aenter__()
        self.locks.push_async_exit(give_back)
        if self._cancelled:  # and the lock took no notice
            await self.locks.aclose()
