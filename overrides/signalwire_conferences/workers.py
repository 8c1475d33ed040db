"""The two loops that carry out many operations at once: threads, which measure better than tasks behind a blocking
call, and tasks. Nothing is decided here.
"""

import contextvars
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from .fleet import Fleet

if TYPE_CHECKING:
    from .async_transport import AsyncTransport, Run
    from .transport import Transport

_END: Final = object()


def run(transport: "Transport", fleet: Fleet[Any, Any], ids: Iterable[object], concurrency: int) -> None:
    """Work on all, in threads. The ids are taken, and the results told, in the caller's own.

    Whatever ends this early, a `KeyboardInterrupt` too, is raised once all in flight has ended and is told.
    """

    def work(given: object) -> Any:
        try:
            became = transport.run(fleet.steps(given))
        except BaseException as error:  # noqa: BLE001 - one that fails stops no other
            became = error
        return fleet.ended(given, became)

    threads, new, underway = _Threads(work, concurrency), fleet.new(ids), 0
    try:
        while True:
            # Twice as many as are worked on, so that nobody waits while the next page is read.
            while underway < 2 * concurrency and (given := next(new, _END)) is not _END:
                threads.todo.put(given)
                underway += 1
                threads.start()
            if not underway:
                break
            fleet.told(threads.done.get())
            underway -= 1
    except BaseException:
        fleet.stopped = True
        raise
    finally:
        threads.join()
        while not threads.done.empty():
            fleet.told(threads.done.get())
    fleet.finish()


class _Threads:
    """At most so many, which call a function with each of `todo`, and put what it returns into `done`."""

    def __init__(self, function: Callable[[object], Any], most: int) -> None:
        self.todo, self.done = queue.SimpleQueue[object](), queue.SimpleQueue[Any]()
        self._function, self._most = function, most
        self._threads = list[threading.Thread]()

    def start(self) -> None:
        """Start one more."""
        if len(self._threads) < self._most:
            # A daemon: after a second Ctrl-C, nothing is waited for.
            thread = threading.Thread(target=contextvars.copy_context().run, args=(self._work,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def join(self) -> None:
        """Wait until all is done."""
        for _ in self._threads:
            self.todo.put(_END)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        for given in iter(self.todo.get, _END):
            self.done.put(self._function(given))


async def run_async(
    transport: "AsyncTransport", fleet: Fleet[Any, Any], ids: AsyncIterable[object], concurrency: int
) -> None:
    """Work on all, in tasks. A cancellation is raised once all in flight has ended and is told."""
    import anyio  # noqa: PLC0415 - not loaded by a blocking client

    # Twice as many as are worked on, so that nobody waits while the next page is read.
    todo, taken = anyio.create_memory_object_stream[object](concurrency)
    ended = anyio.Semaphore(0)

    async def work_on_several(run: "Run") -> None:
        async for given in taken:
            try:
                became = await run(fleet.steps(given))
            except Exception as error:  # noqa: BLE001 - one that fails stops no other
                became = error
            except BaseException as error:  # somebody cancels all tasks that there are
                fleet.told(fleet.ended(given, error))
                raise
            fleet.told(fleet.ended(given, became))

    async def work() -> None:
        try:
            with anyio.CancelScope(shield=True):
                await transport.run_several(work_on_several)
        finally:
            ended.release()

    async with taken, anyio.create_task_group() as group, todo:
        try:
            tasks = 0
            async for given in ids:
                if fleet.stopped:
                    break
                if fleet.is_new(given):
                    if tasks < concurrency:
                        tasks += 1
                        group.start_soon(work)
                    await todo.send(given)
            todo.close()
            for _ in range(tasks):
                await ended.acquire()
        except Exception as error:  # noqa: BLE001 - the caller's, raised once all in flight has ended
            fleet.fail(error)
        except BaseException:
            fleet.stopped = True
            raise
    fleet.finish()


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
