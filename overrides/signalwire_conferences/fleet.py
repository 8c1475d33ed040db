"""Many conferences at once: their order and pace, and the result of each. `workers` carries it out."""

import copy
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Generic, Literal, TypeVar
from uuid import UUID

from attrs import define, field, frozen

from .errors import (
    AuthenticationError,
    ConferencesError,
    JournalError,
    PermissionDeniedError,
    RateLimitError,
    State,
    short_repr,
)
from .pace import Pace, paced
from .plan import UpdatePlan
from .results import UpdateReport
from .steps import Policy, Steps, Wait, pause
from .values import one_spelling

T = TypeVar("T")
R = TypeVar("R")
CONCURRENCY: Final = 20  # conferences at once; a blocking client keeps as many connections
PLANNED_AHEAD: Final = 4  # times the concurrency: how many conferences are read before their plans are returned
LARGE_PAGES: Final = {"page_size": 100}  # conferences; no more than a page is held at once
_IN_A_ROW: Final = 3  # conferences refused for a reason of the whole space, after which no more are tried
_REFUSED: Final = f"This conference was not tried, after {_IN_A_ROW} in a row were refused: "
_MOST_DEFERRALS: Final = 10  # of one conference, each after its own retries
_TICK: Final = 0.5  # seconds after which a wait notices that no more are to be started


@frozen
class ConferenceResult:
    """The result for one conference among many.

    Attributes:
        id: the conference.
        outcome: "changed", "unchanged" (it had the values already) or "failed".
        error: why it failed, else `None`.
        report: what the update did; `None` if it failed.
    """

    id: str
    outcome: Literal["changed", "unchanged", "failed"]
    error: BaseException | None = None
    report: UpdateReport | None = None


@frozen
class ChangeSetResult:
    """The results for the conferences of a change set.

    Attributes:
        change_set: its id.
        changed: the ids of those that were changed.
        unchanged: the ids of those that had the values already.
        failed: id -> error of the others.
    """

    change_set: str
    changed: list[str] = field(factory=list)
    unchanged: list[str] = field(factory=list)
    failed: dict[str, BaseException] = field(factory=dict)

    def __str__(self) -> str:
        return f"{len(self.changed)} changed, {len(self.unchanged)} unchanged, {len(self.failed)} failed"

    def record(self, conference_id: str, became: tuple[Any, UpdateReport] | BaseException) -> ConferenceResult:
        """Add a conference with the result of its update, or the error."""
        if isinstance(became, BaseException):
            self.failed[conference_id] = became
            return ConferenceResult(conference_id, "failed", became)
        _, report = became
        (self.changed if report.written else self.unchanged).append(conference_id)
        return ConferenceResult(conference_id, "changed" if report.written else "unchanged", None, report)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Adds the result so far to an exception that ends the call early: as `result`, and as a note."""
        try:
            yield
        except BaseException as error:
            error.add_note(f"Until then: {self} (change set {self.change_set}). Call again to do the rest.")
            vars(error)["result"] = self
            raise


class UndoPlans(list[UpdatePlan[T]]):
    """The plans of the undo of a change set.

    Attributes:
        failed: id -> error of the conferences that have no plan.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failed = dict[str, Exception]()

    def record(self, conference_id: str, plan: "UpdatePlan[T] | Exception") -> None:
        """Add the plan of a conference, or the error."""
        if isinstance(plan, Exception):
            self.failed[conference_id] = plan
        else:
            self.append(plan)


@define(eq=False)
class Fleet(Generic[T, R]):
    """Many conferences to work on. Safe to use from several threads.

    Attributes:
        work: function from an id to the steps for it.
        record: function from an id, and what the steps returned or raised, to the result that is reported.
        tell: called with each result; if it raises, no more conferences are started.
        pace: shared by all calls of one client that work on many conferences.
        policy: how often requests are repeated, and their timeout.
        writes: whether the work may write.
        stopped: whether no more conferences are to be started.
    """

    operation: str
    work: Callable[[Any], Steps[T]]
    record: Callable[[str, T | BaseException], R]
    tell: Callable[[R], object]
    pace: Pace
    policy: Policy
    writes: bool = True
    stopped: bool = False
    _failure: Exception | None = field(default=None, init=False)  # of the caller's own code
    _refusal: ConferencesError | None = field(default=None, init=False)  # why no more are tried
    _refused: int = field(default=0, init=False)  # in a row
    _met: set[str] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def is_new(self, given: object) -> bool:
        """Whether an id is new, in any spelling."""
        known, key = len(self._met), one_spelling(name_of(given))
        self._met.add(key)
        return len(self._met) > known

    def new(self, ids: Iterable[object]) -> Iterator[object]:
        """The new ids, until no more are to be started."""
        try:
            for given in ids:
                if self.stopped:
                    return
                if self.is_new(given):
                    yield given
        except Exception as error:  # noqa: BLE001 - the caller's, raised once all in flight has ended
            self.fail(error)

    def steps(self, given: object) -> Steps[T | ConferencesError | None]:
        """The work on one conference, once it is its turn. Returns an error if the whole space refuses or the journal
        cannot be written, and `None` if no more are to be started.
        """
        deferred: RateLimitError | None = None
        for attempt in range(_MOST_DEFERRALS):
            if not (yield from self._turn()):
                break
            well = False
            try:
                became = yield from paced(self._attempt(given, attempt), self.pace)
                well = not isinstance(became, RateLimitError)
            finally:
                self.pace.end(well=well)
            if not isinstance(became, RateLimitError):
                return became
            deferred = became
        if deferred is not None:
            raise deferred
        return self._refusal

    def _turn(self) -> Steps[bool]:
        """Wait for the turn; returns whether it came."""
        while not self.stopped and not self._refusal:
            if not (wait := self.pace.begin(write=self.writes)):
                return True
            yield from Wait(min(wait, _TICK))
        return False

    def _attempt(self, given: object, attempt: int) -> Steps[T | RateLimitError]:
        """The work; or, after the wait, the error if the rate limit refused it. The next attempt reads first."""
        try:
            return (yield from self.work(given))
        except RateLimitError as error:
            yield from pause(attempt, error, self.policy)
            return error

    def ended(self, given: object, became: T | BaseException | None) -> R | None:
        """Record the result of one conference."""
        if became is None:
            return None
        with self._lock:
            if isinstance(became, BaseException):
                traceback.clear_frames(became.__traceback__)  # they hold conferences
            if isinstance(became, JournalError):  # nothing can be written safely
                self._refusal = self._refusal or _not_tried(became)
            elif isinstance(became, AuthenticationError | PermissionDeniedError | RateLimitError):
                self._refused += 1
                if self._refused >= _IN_A_ROW:
                    self._refusal = self._refusal or _not_tried(became, _REFUSED)
            else:
                self._refused = 0
            return self.record(name_of(given), became)

    def told(self, result: R | None) -> None:
        """Report to the caller, until that fails."""
        try:
            if result is not None:
                self.tell(result)
        except Exception as error:  # noqa: BLE001 - as above
            self.tell = bool
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Start no more, and raise this error at the end."""
        self._failure, self.stopped = self._failure or error, True

    def finish(self) -> None:
        """Raise the error that ended the work early, if there is one."""
        if self._failure is not None:
            raise self._failure


def name_of(given: object) -> str:
    """An id as it is in results. A conference given as an id is refused, and has this name in the error."""
    given = given.get("id", given) if isinstance(given, Mapping) else given
    return str(given) if isinstance(given, str | UUID) else short_repr(given)


def _not_tried(error: ConferencesError, said: str = "") -> ConferencesError:
    """The error of all conferences that are not tried: the same object for all, to save memory."""
    why = copy.copy(error)
    why.__cause__ = why.__context__ = why.__traceback__ = None
    why.message = said + error.message
    why.args = (why.message,)
    why.conference_id, why.state = None, State.UNCHANGED.value
    return why
