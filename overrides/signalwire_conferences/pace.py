"""How fast one client works on many conferences: below the rate limit of its space, and all at the pace of the slowest.

The window of the limit is pyrate-limiter's, asked without waiting: it then fits threads, asyncio and trio alike.
"""

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, TypeVar

from .errors import RateLimitError
from .steps import Deferred, NotSent, Policy, Request, Steps, Wait, pause

T = TypeVar("T")
WRITES_PER_SECOND: Final = 1380.0  # the vendor's limit of a space: 13,800 in any 10 seconds
_WINDOW: Final = 10  # seconds
_MOST_DEFERRALS: Final = 5  # of one conference, each after its own retries


class Pace:
    """Shared by all that one client does to many conferences. Safe to use from several threads.

    Args:
        writes_per_second: how many conferences may be begun, on average over 10 seconds.
        clock: seconds, monotonic.
    """

    def __init__(self, writes_per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.writes_per_second, self._clock = writes_per_second, clock
        self._lock = threading.Lock()
        self._held_until = float("-inf")

    @cached_property
    def _window(self) -> Any:
        from pyrate_limiter import InMemoryBucket, Rate  # noqa: PLC0415 - not loaded where nobody needs it

        writes = max(1, int(self.writes_per_second * _WINDOW))
        return InMemoryBucket([Rate(writes, max(1, round(writes / self.writes_per_second * 1000)))])

    def hold(self, seconds: float) -> None:
        """Hold all requests back: the server refused one for the rate limit."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)

    @property
    def held(self) -> float:
        """Seconds for which requests are held back yet."""
        return max(0.0, self._held_until - self._clock())

    def turn(self, *, write: bool) -> float:
        """Seconds to wait, and to ask again then, before one more conference may be begun; 0: it is counted."""
        with self._lock:
            if not write or self.held:
                return self.held
            from pyrate_limiter import RateItem  # noqa: PLC0415 - see above

            item = RateItem("write", int(self._clock() * 1000))
            self._window.leak(item.timestamp)
            return 0.0 if self._window.put(item) else max(1, self._window.waiting(item)) / 1000


def patient(work: Callable[[], Steps[T]], policy: Policy) -> Steps[T]:
    """The work on one conference, begun anew where the rate limit refused it: it then reads first."""
    for attempt in range(_MOST_DEFERRALS):
        try:
            return (yield from work())
        except RateLimitError as error:
            yield from pause(attempt, error, policy)
    return (yield from work())


def paced(steps: Steps[T], pace: Pace) -> Steps[T]:
    """The same steps at the pace of all. Where one request met the rate limit, its wait is everybody's."""
    refused, outcome = False, None
    try:
        step = next(steps)
        while True:
            if refused and isinstance(step, Wait):
                pace.hold(step.seconds)
                refused = False
            held = pace.held if isinstance(step, Request) else 0.0
            if held and isinstance(step, Request) and step.method == "PUT":
                # What it is built on was read before the wait, so it is not sent late: the update reads again.
                outcome = NotSent(_held_back(step, held))
            else:
                try:
                    if held:
                        yield Wait(held)
                    outcome = yield step
                except Exception as error:  # noqa: BLE001 - the steps say what it means
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
