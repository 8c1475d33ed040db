"""What a client tells of its work while it works: events for a function of the caller's, and the lines of its log.

Nothing of this is imported, and no event is made, where nobody listens.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from attrs import frozen

from .errors import ConferencesError, printable
from .results import JsonView, UpdateReport
from .steps import Acquire, Deferred, Done, NotSent, Refused, Request, Step, Steps, Unknown, Wait
from .transport import LOGGER

T = TypeVar("T")
Mask = Callable[[str], str]

_log = logging.getLogger(LOGGER)
_OUTCOMES = {Done: "done", Refused: "refused", Deferred: "deferred", NotSent: "not sent", Unknown: "unknown"}


@frozen(eq=False)
class CallBegan:
    """A call of a method began; of `update_many` and `plan_many`, the work on one conference.

    Attributes:
        operation: the method, as in "update" or "get".
    """

    operation: str


@frozen(eq=False)
class RequestBegan:
    """A request is about to be sent.

    Attributes:
        call: the call that it belongs to.
        method: "GET", "PUT", "POST" or "DELETE".
        conference_id: the conference; `None` of a list, and of a conference that is to be created.
        rereads: whether it reads what a PUT of this call may have changed.
    """

    call: CallBegan
    method: str
    conference_id: str | None
    rereads: bool


@frozen(eq=False)
class RequestEnded:
    """A request was answered, or ended without an answer.

    Attributes:
        began: the event of its beginning.
        outcome: "done"; "refused"; "deferred", by a 429; "not sent"; "unknown", so that it may have been carried out;
            "interrupted", by Ctrl-C or a cancellation.
        seconds: how long it took.
        status: HTTP status; `None` where no usable answer came.
        request_id: the server's id of the request, where it sent one.
        error: the name of the class of its error; `None` where it is done.
    """

    began: RequestBegan
    outcome: Literal["done", "refused", "deferred", "not sent", "unknown", "interrupted"]
    seconds: float
    status: int | None = None
    request_id: str | None = None
    error: str | None = None


@frozen(eq=False)
class Waiting:
    """A wait begins: before a repetition, for the rate limit, or for `confirm`.

    Attributes:
        call: the call that waits.
        conference_id: the conference, as far as it is known yet.
        seconds: how long it will wait.
    """

    call: CallBegan
    conference_id: str | None
    seconds: float


@frozen(eq=False)
class CallEnded:
    """A call ended.

    Attributes:
        began: the event of its beginning.
        outcome: "changed" or "unchanged" of an update, an edit or an undo; of all others "done"; "failed";
            "interrupted", by Ctrl-C or a cancellation.
        seconds: how long it took, with all waits.
        conference_id: the conference; `None` where it is about none.
        requests: how many were sent.
        changed: the fields that were changed.
        request_id: the server's id of the request that gave the result or the error, where it sent one.
        error: the name of the class of its error, if it failed.
    """

    began: CallBegan
    outcome: Literal["changed", "unchanged", "done", "failed", "interrupted"]
    seconds: float
    conference_id: str | None = None
    requests: int = 0
    changed: tuple[str, ...] = ()
    request_id: str | None = None
    error: str | None = None


Event = CallBegan | RequestBegan | RequestEnded | Waiting | CallEnded


class Hook:
    """A function of the caller's: where it fails, all goes on, and the log says so once."""

    def __init__(self, function: Callable[[Event], object]) -> None:
        self._function, self._failed = function, False

    def __call__(self, event: Event) -> None:
        try:
            self._function(event)
        except Exception:  # noqa: BLE001 - it is the caller's
            if not self._failed:
                self._failed = True
                _log.exception("on_event failed at a %s; this is said once", type(event).__name__)


def watched(steps: Steps[T], operation: str, hook: Callable[[Event], object] | None, mask: Mask) -> Steps[T]:
    """The same steps, told as they are carried out; `mask` takes secrets out of a text."""
    # Nothing is told while an exception is handled: it would stand in the traceback of a hook that fails.
    watch, result = _Watch(operation, hook, mask), None
    failed: Exception | None = None
    try:
        try:
            step = next(steps)
            while True:
                watch.began(step)
                try:
                    outcome, failed = (yield step), None
                except Exception as error:  # noqa: BLE001 - the steps say what it means
                    outcome, failed = None, error
                watch.ended(outcome if failed is None else failed)
                step = steps.send(outcome) if failed is None else steps.throw(failed)
        except StopIteration as end:
            result, failed = end.value, None
        except Exception as error:  # noqa: BLE001 - it is raised again
            failed = error
        watch.over(result if failed is None else failed)
        if failed is not None:
            raise failed
        return cast(T, result)
    finally:
        del failed  # which leads back here
        watch.interrupted()
        steps.close()


class _Watch:
    """One call, as it is told."""

    def __init__(self, operation: str, hook: Callable[[Event], object] | None, mask: Mask) -> None:
        self._hook, self._mask = hook, mask
        self._call: CallBegan | None = CallBegan(operation)  # None: it is over
        self._began_at = self._sent_at = time.perf_counter()
        self._request: RequestBegan | None = None  # that is under way
        self._about: str | None = None
        self._requests, self._wrote = 0, False
        self._tell(self._call)

    def began(self, step: Step) -> None:
        """A step is about to be carried out."""
        match step:
            case Request(about=str(about)) | Acquire(str(about)):
                self._about = self._masked(about)
        match step:
            case Request(method):
                rereads, self._wrote = self._wrote and method == "GET", self._wrote or method == "PUT"
                self._request = RequestBegan(cast(CallBegan, self._call), method, self._about, rereads)
                self._requests += 1
                self._tell(self._request)
                self._sent_at = time.perf_counter()
            case Wait(seconds):
                self._tell(Waiting(cast(CallBegan, self._call), self._about, seconds))

    def ended(self, outcome: Any) -> None:
        """A step was carried out, or failed; `None`: it was interrupted."""
        began, self._request = self._request, None
        if began is None:
            return
        said: dict[str, Any] = {"outcome": "interrupted"}
        if isinstance(outcome, Done):
            said = {"outcome": "done", "status": outcome.status, "request_id": self._masked(outcome.request_id)}
        elif outcome is not None:
            error = getattr(outcome, "error", outcome)
            # What is raised, and no outcome, is of a client that is closed, or of nobody.
            raised = "not sent" if isinstance(error, ConferencesError) else "unknown"
            status = getattr(error, "status_code", None)
            said = {"outcome": _OUTCOMES.get(type(outcome), raised), "status": status, **self._failure(error)}
        self._tell(RequestEnded(began, seconds=time.perf_counter() - self._sent_at, **said))

    def over(self, result: object) -> None:
        """The call gave a result, or an error."""
        said: dict[str, Any] = {"outcome": "done"}
        report = result[-1] if isinstance(result, tuple) and result else None  # of an update among many
        if isinstance(result, JsonView):
            report, said["request_id"] = result.report, self._masked(result.request_id)
            self._about = self._about or self._masked(result.get("id"))
        if isinstance(report, UpdateReport):
            outcome = "changed" if report.written else "unchanged"
            said = {"outcome": outcome, "changed": (*report.changes,), "request_id": self._masked(report.request_id)}
        if isinstance(result, BaseException):
            said = {"outcome": "failed", **self._failure(result)}
        self._end(**said)

    def interrupted(self) -> None:
        """Nothing more comes: where the call is not over, it was interrupted."""
        if self._call is not None:
            self.ended(None)
            self._end("interrupted")

    def _end(self, outcome: Any, **said: Any) -> None:
        began, self._call = cast(CallBegan, self._call), None
        seconds = time.perf_counter() - self._began_at
        self._tell(CallEnded(began, outcome, seconds, self._about, self._requests, **said))

    def _failure(self, error: BaseException) -> dict[str, Any]:
        return {"error": type(error).__name__, "request_id": self._masked(getattr(error, "request_id", None))}

    def _masked(self, text: object) -> str | None:
        return None if text is None else self._mask(str(text))

    def _tell(self, event: Event) -> None:
        level = logging.INFO if isinstance(event, CallEnded) else logging.DEBUG
        if _log.isEnabledFor(level) and (line := _line(event)):
            _log.log(level, "%s", printable(line))
        if self._hook is not None:
            self._hook(event)


def _line(event: Event) -> str:
    """What the log says of an event, if anything."""
    match event:
        case Waiting(call, about, seconds):
            return f"{call.operation} {about or '-'}: waiting {seconds:.3f} s"
        case RequestEnded(began):
            what = f"{began.method} {began.conference_id or '-'}{' again' if began.rereads else ''}"
            said = [str(event.status or "no answer"), *filter(None, [event.error]), event.outcome]
        case CallEnded(began):
            what = f"{began.operation} {event.conference_id or '-'}"
            fields = f" {', '.join(event.changed)}" if event.changed else ""
            said = [
                f"{event.outcome}{fields}",
                *filter(None, [event.error]),
                f"{event.requests} request{'s' * (event.requests != 1)}",
            ]
        case _:
            return ""
    said += [f"{event.seconds:.3f} s", *([f"request id {event.request_id}"] if event.request_id else [])]
    return f"{what}: {', '.join(said)}"
