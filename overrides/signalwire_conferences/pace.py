"""The pace at which one client works on many conferences: below the rate limit of its space, and slower after a 429.

pyrate-limiter counts the requests, without waiting, so that the same code fits threads, asyncio and trio.
"""

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, TypeVar

from .errors import RateLimitError
from .steps import Deferred, NotSent, Request, Steps, Wait

T = TypeVar("T")
WRITES_PER_SECOND: Final = 1380.0  # the vendor's limit of a space: 13,800 in any 10 seconds
_WINDOW: Final = 10  # seconds
_CROWDED: Final = 0.1  # seconds after which to check whether fewer are running


class Pace:
    """Shared by all calls of one client that work on many conferences. Safe to use from several threads.

    After a 429, nothing is sent for as long as it says, and from then on half as many conferences run at once. Each
    success raises that number a little.

    Args:
        writes_per_second: how many conferences may be started, on average over 10 seconds.
        clock: seconds, monotonic.
    """

    def __init__(self, writes_per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = writes_per_second, clock
        self._lock = threading.Lock()
        self._held_until = float("-inf")
        self._underway, self._most = 0, float("inf")

    @cached_property
    def _window(self) -> Any:
        from pyrate_limiter import InMemoryBucket, Rate  # noqa: PLC0415 - only imported if it is needed

        writes = max(1, int(self._rate * _WINDOW))
        return InMemoryBucket([Rate(writes, max(1, round(writes / self._rate * 1000)))])

    @property
    def held(self) -> float:
        """Seconds for which nothing may be sent."""
        return max(0.0, self._held_until - self._clock())

    def hold(self, seconds: float) -> None:
        """The server refused a request because of the rate limit."""
        with self._lock:
            if not self.held:  # else it was already sent when the first was refused
                self._most = max(1.0, min(self._most, self._underway) / 2)
            self._held_until = max(self._held_until, self._clock() + seconds)

    def begin(self, *, write: bool) -> float:
        """Try to start one more conference. Returns 0 if it is started, else seconds to wait before the next try."""
        with self._lock:
            wait = self.held or (_CROWDED if self._underway + 1 > self._most else 0.0)
            if not wait and write:
                wait = self._full()
            self._underway += not wait
            return wait

    def end(self, *, well: bool) -> None:
        """The work on one conference has ended."""
        with self._lock:
            self._underway -= 1
            if well:
                self._most += 1 / self._most

    def _full(self) -> float:
        from pyrate_limiter import RateItem  # noqa: PLC0415 - see above

        item = RateItem("write", int(self._clock() * 1000))
        self._window.leak(item.timestamp)
        return 0.0 if self._window.put(item) else max(1, self._window.waiting(item)) / 1000


def paced(steps: Steps[T], pace: Pace) -> Steps[T]:
    """The same steps at the shared pace: if one request is refused by the rate limit, all wait."""
    refused, outcome = False, None
    try:
        step = next(steps)
        while True:
            if refused and isinstance(step, Wait):
                pace.hold(step.seconds)
                refused = False
            held = pace.held if isinstance(step, Request) else 0.0
            if held and isinstance(step, Request) and step.method == "PUT":
                # The PUT is based on a read from before the wait, so it is not sent: the update reads again.
                outcome = NotSent(_held_back(step, held))
            else:
                try:
                    if held:
                        yield Wait(held)
                    outcome = yield step
                except Exception as error:  # noqa: BLE001 - the steps decide what it means
                    step = steps.throw(error)
                    continue
            refused = refused or isinstance(outcome, Deferred)
            step = steps.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


def _held_back(request: Request, seconds: float) -> RateLimitError:
    said = f"{request} was held back: the rate limit of the space is used up."
    return RateLimitError(
        said, status_code=429, retry_after=seconds, conference_id=request.about, advice="Call again later."
    )
