"""The loop that carries out many operations at once in tasks. Nothing is decided here."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from typing import Any, Final

import anyio

from .async_transport import AsyncTransport, Run
from .fleet import Fleet

_END: Final = object()


async def run(transport: AsyncTransport, fleet: Fleet[Any, Any], ids: AsyncIterable[object], concurrency: int) -> None:
    """Work on all, in tasks. A cancellation is raised once all in flight has ended and is told."""
    tasks = _Tasks(transport, fleet, concurrency)
    async with anyio.create_task_group() as group:
        try:
            async for given in ids:
                if fleet.stopped:
                    break
                if fleet.is_new(given):
                    tasks.start(group)
                    await tasks.put(given)
            await tasks.join()
        except Exception as error:  # noqa: BLE001 - the caller's, raised once all in flight has ended
            fleet.fail(error)
        except BaseException:
            fleet.stopped = True
            raise
        finally:
            tasks.end()
    fleet.finish()


class _Tasks:
    """At most so many, which work on the ids that are put in. Each costs an operation of its own, and a conference then
    little more than its steps.
    """

    def __init__(self, transport: AsyncTransport, fleet: Fleet[Any, Any], most: int) -> None:
        self._transport, self._fleet, self._most, self._started = transport, fleet, most, 0
        # As many again as are worked on, so that nobody waits while the next page is read.
        self._todo, self._more, self._room = deque[object](), anyio.Semaphore(0), anyio.Event()
        self._ended = anyio.Semaphore(0)

    def start(self, group: Any) -> None:
        """Start one more."""
        if self._started < self._most:
            self._started += 1
            group.start_soon(self._work)

    async def put(self, given: object) -> None:
        """Let one of them work on it, and wait where there is enough to do."""
        self._todo.append(given)
        self._more.release()
        if len(self._todo) >= self._most:
            self._room = anyio.Event()
            await self._room.wait()

    def end(self) -> None:
        """Let each end once there is nothing to do."""
        for _ in range(self._started):
            self._more.release()

    async def join(self) -> None:
        """Wait until all is done."""
        self.end()
        for _ in range(self._started):
            await self._ended.acquire()

    async def _next(self) -> object:
        if self._more.value:
            self._more.acquire_nowait()  # the other way lets all others run first
        else:
            await self._more.acquire()
        given = self._todo.popleft() if self._todo else _END
        if len(self._todo) <= self._most // 2:
            self._room.set()
        return given

    async def _work(self) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self._transport.run_several(self._work_on_several)
        finally:
            self._ended.release()

    async def _work_on_several(self, run: Run) -> None:
        fleet = self._fleet
        while (given := await self._next()) is not _END:
            try:
                became = await run(fleet.steps(given), fleet.operation)
            except Exception as error:  # noqa: BLE001 - one that fails stops no other
                became = error
            except BaseException as error:  # somebody cancels all tasks that there are
                fleet.told(fleet.ended(given, error))
                raise
            fleet.told(fleet.ended(given, became))


async def batches(ids: AsyncGenerator[object, None], size: int) -> AsyncGenerator[Sequence[object], None]:
    """The ids in lists of this length; the last may be shorter."""
    batch = list[object]()
    async with aclosing(ids):
        async for given in ids:
            batch.append(given)
            if len(batch) == size:
                yield batch
                batch = []
    if batch:
        yield batch
