"""Many conferences at once: which ones, at what pace, and what became of each. `workers` carries it out."""

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
PLANNED_AHEAD: Final = 4  # times as many conferences are read before their plans are given
LARGE_PAGES: Final = {"page_size": 100}  # conferences; a page is the most that is held of them
_IN_A_ROW: Final = 3  # conferences refused for a reason of the whole space, after which no more are tried
_REFUSED: Final = f"This conference was not tried, after {_IN_A_ROW} in a row were refused: "
_MOST_DEFERRALS: Final = 10  # of one conference, each after its own retries
_TICK: Final = 0.5  # seconds after which a wait notices that nothing more is to be begun


@frozen
class ConferenceResult:
    """What became of one conference among many.

    Attributes:
        id: the conference.
        outcome: "changed", "unchanged" (it was as asked before) or "failed".
        error: why it failed, else `None`.
        report: how the update went, `None` where it failed.
    """

    id: str
    outcome: Literal["changed", "unchanged", "failed"]
    error: BaseException | None = None
    report: UpdateReport | None = None


@frozen
class ChangeSetResult:
    """What became of the conferences of a change set.

    Attributes:
        change_set: its id.
        changed: the ids of those that were changed.
        unchanged: the ids of those where nothing had to change.
        failed: id -> error of the others.
    """

    change_set: str
    changed: list[str] = field(factory=list)
    unchanged: list[str] = field(factory=list)
    failed: dict[str, BaseException] = field(factory=dict)

    def __str__(self) -> str:
        return f"{len(self.changed)} changed, {len(self.unchanged)} unchanged, {len(self.failed)} failed"

    def record(self, conference_id: str, became: tuple[Any, UpdateReport] | BaseException) -> ConferenceResult:
        """Add what became of a conference: what an update gives, or its error."""
        if isinstance(became, BaseException):
            self.failed[conference_id] = became
            return ConferenceResult(conference_id, "failed", became)
        _, report = became
        (self.changed if report.written else self.unchanged).append(conference_id)
        return ConferenceResult(conference_id, "changed" if report.written else "unchanged", None, report)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever ends the call early has what was done until then as its `result`, and says so."""
        try:
            yield
        except BaseException as error:
            error.add_note(f"Until then: {self} (change set {self.change_set}). The same call again does the rest.")
            vars(error)["result"] = self
            raise


class UndoPlans(list[UpdatePlan[T]]):
    """The plans of the undo of a change set.

    Attributes:
        failed: id -> error of the conferences of which there is no plan.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failed = dict[str, Exception]()

    def record(self, conference_id: str, plan: "UpdatePlan[T] | Exception") -> None:
        """Add what became of a conference."""
        if isinstance(plan, Exception):
            self.failed[conference_id] = plan
        else:
            self.append(plan)


@define(eq=False)
class Fleet(Generic[T, R]):
    """Many conferences to work on. Safe to use from several threads.

    Attributes:
        work: from an id to the steps for it.
        record: from an id, and what they gave or raised, to the result that is told.
        tell: is called with each result; nothing more is begun where it fails.
        pace: shared by all that one client does to many.
        policy: how often and how long.
        writes: whether the work may write.
        stopped: nothing more is to be begun.
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
        """Whether an id was not met before, in any spelling."""
        known, key = len(self._met), one_spelling(name_of(given))
        self._met.add(key)
        return len(self._met) > known

    def new(self, ids: Iterable[object]) -> Iterator[object]:
        """The ids that were not met before, as long as more are to be begun."""
        try:
            for given in ids:
                if self.stopped:
                    return
                if self.is_new(given):
                    yield given
        except Exception as error:  # noqa: BLE001 - the caller's, raised once all in flight has ended
            self.fail(error)

    def steps(self, given: object) -> Steps[T | ConferencesError | None]:
        """The work on one conference, once it is its turn. Gives an error where the whole space refuses or nothing can
        be recorded, and `None` where nothing more is to be begun.
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
        """Wait for it; whether it comes."""
        while not self.stopped and not self._refusal:
            if not (wait := self.pace.begin(write=self.writes)):
                return True
            yield from Wait(min(wait, _TICK))
        return False

    def _attempt(self, given: object, attempt: int) -> Steps[T | RateLimitError]:
        """The work; where the rate limit refused it, its error, after the wait. Begun anew, it reads first."""
        try:
            return (yield from self.work(given))
        except RateLimitError as error:
            yield from pause(attempt, error, self.policy)
            return error

    def ended(self, given: object, became: T | BaseException | None) -> R | None:
        """Take note of what became of one."""
        if became is None:
            return None
        with self._lock:
            if isinstance(became, BaseException):
                traceback.clear_frames(became.__traceback__)  # which hold conferences, and results are to stay small
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
        """Tell the caller, as long as that works."""
        try:
            if result is not None:
                self.tell(result)
        except Exception as error:  # noqa: BLE001 - as above
            self.tell = bool
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Begin nothing more, and raise this in the end."""
        self._failure, self.stopped = self._failure or error, True

    def finish(self) -> None:
        """Raise what ended it early, if anything did."""
        if self._failure is not None:
            raise self._failure


def name_of(given: object) -> str:
    """An id as results have it. A conference in its place is refused, and has this name in the error."""
    given = given.get("id", given) if isinstance(given, Mapping) else given
    return str(given) if isinstance(given, str | UUID) else short_repr(given)


def _not_tried(error: ConferencesError, said: str = "") -> ConferencesError:
    """The error of all that are not tried: one for all, so that they cost nothing."""
    why = copy.copy(error)
    why.__cause__ = why.__context__ = why.__traceback__ = None
    why.message = said + error.message
    why.args = (why.message,)
    why.conference_id, why.state = None, State.UNCHANGED.value
    return why
