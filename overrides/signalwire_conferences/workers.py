"""The loop that carries out many operations at once in threads, which measure better than tasks behind a blocking call.
Nothing is decided here.
"""

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from .fleet import Fleet

if TYPE_CHECKING:
    from .transport import Transport

_END: Final = object()


def run(transport: "Transport", fleet: Fleet[Any, Any], ids: Iterable[object], concurrency: int) -> None:
    """Work on all, in threads. The ids are taken, and the results told, in the caller's own.

    Whatever ends this early, a `KeyboardInterrupt` too, is raised once all in flight has ended and is told.
    """

    def work(given: object) -> Any:
        try:
            became = transport.run(fleet.steps(given), fleet.operation)
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
