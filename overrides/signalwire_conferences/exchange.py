"""Requests and answers as steps, and the rules of repeating a request that is safe to repeat.

An operation of this package is a generator. It yields a step, is sent back what came of it, and
returns its result; it does no I/O and never sleeps. The clients are short loops that carry the
steps out, with blocking calls or with `await`.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from attrs import field, frozen

from .errors import (
    ApiError,
    AuthenticationError,
    ConferencesError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TransportError,
    ValidationError,
    cut,
)
from .values import decode_json

__all__ = [
    "Acquire",
    "Answer",
    "NoAnswer",
    "Policy",
    "Release",
    "Request",
    "Step",
    "Steps",
    "Wait",
    "api_error",
    "decoded",
    "is_unsettled",
    "may_have_been_carried_out",
    "no_object",
    "pause",
    "repeated",
    "retry_after",
]

T = TypeVar("T")

_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.25, 8.0  # seconds
_MOST_DOUBLINGS = 16  # to stay within the range of a float
_REQUEST_ID_HEADERS = ("x-request-id", "x-signalwire-request-id", "request-id")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_STATUS_ERRORS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    422: ValidationError,
    429: RateLimitError,
}
_ADVICE: Mapping[int, str] = {
    401: "Check the project id and the API token.",
    403: "Give the token the scope Video.",
    404: "Check the id and the space; `list` shows what exists.",
    429: "Wait and call again, or slow down.",
}


@frozen
class Request:
    """Step: send this request once and answer with an `Answer` or a `NoAnswer`.

    Attributes:
        about: the conference, for messages.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(factory=dict)
    content: bytes | None = None
    headers: Mapping[str, str] = field(factory=dict)
    about: str | None = None


@frozen
class Wait:
    """Step: wait this many seconds."""

    seconds: float


@frozen
class Acquire:
    """Step: take the caller's lock of this conference."""

    conference_id: str


@frozen
class Release:
    """Step: give the lock back."""


@frozen
class Answer:
    """An answer that came whole.

    Attributes:
        headers: names in lower case.
        received_at: when it came, seconds since the epoch.
        flaw: why the body could not be read and `content` is empty; "" where it was.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    received_at: float
    flaw: str = ""


@frozen
class NoAnswer:
    """No answer, or not a whole one.

    Attributes:
        error: what the transport raised.
        sent: whether any of the request may have reached the server.
    """

    error: Exception
    sent: bool


Step = Any  # the union of the steps; a generator that sends too cannot tell which answers which
Steps = Generator[Step, Any, T]


@frozen
class Policy:
    """How often and how long.

    Attributes:
        timeout: seconds for one attempt, and the longest single wait.
        retries: repeats of one request.
        jitter: a random number from 0 to 1.
    """

    timeout: float
    retries: int
    jitter: Callable[[], float]


def repeated(request: Request, policy: Policy) -> Steps[Any]:
    """Send a request that is safe to repeat until it is answered with JSON.

    Returns:
        The decoded body, and the answer.

    Raises:
        ApiError, TransportError, InvalidResponseError: the last failure.
    """
    for attempt in range(policy.retries + 1):
        outcome = yield request
        body = decoded(outcome, request)
        if not isinstance(body, ConferencesError):
            return body, outcome
        if attempt == policy.retries or not is_unsettled(outcome):
            raise body
        yield pause(attempt, outcome, policy, body)
    raise AssertionError("unreachable")


def is_unsettled(outcome: Answer | NoAnswer) -> bool:
    """Whether the outcome is unknown or of the moment: no answer, 408, 429, 5xx, or a success
    whose body is no JSON.
    """
    if isinstance(outcome, NoAnswer):
        return True
    return outcome.status in (408, 429) or outcome.status >= 500 or 200 <= outcome.status < 300


def pause(attempt: int, outcome: Answer | NoAnswer, policy: Policy, error: ConferencesError) -> Wait:
    """The wait before the next attempt: what `Retry-After` says, else exponential backoff with
    jitter.

    Raises:
        ConferencesError: the given error, where the server asks for a longer wait than allowed.
    """
    asked = retry_after(outcome) if isinstance(outcome, Answer) else None
    if asked is not None:
        if asked > policy.timeout:
            raise error
        return Wait(asked)
    longest = min(_FIRST_BACKOFF * 2 ** min(attempt, _MOST_DOUBLINGS), _LONGEST_BACKOFF, policy.timeout)
    return Wait(longest * (0.5 + 0.5 * policy.jitter()))


def retry_after(answer: Answer) -> float | None:
    """Seconds that the answer asks to wait, from `Retry-After` as seconds or as an HTTP date.

    A date is taken against the answer's own `Date`, so that a clock that is off does not matter.
    """
    said = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(said):
        return float(said)
    until = _http_date(said)
    if until is None:
        return None
    return max(0.0, until - (_http_date(answer.headers.get("date", "")) or answer.received_at))


def _http_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def decoded(outcome: Answer | NoAnswer, request: Request) -> Any:
    """The JSON of a success, or the error to raise: no JSON value is a `ConferencesError`."""
    what = f"{request.method} {request.path}"
    if isinstance(outcome, NoAnswer):
        kind = type(outcome.error).__name__
        error = TransportError(
            f"{what} got no whole answer ({kind}: {outcome.error}).",
            conference_id=request.about,
            advice="" if outcome.sent else "Nothing was sent; check the host and the network.",
        )
        error.__cause__ = outcome.error
        return error
    if not 200 <= outcome.status < 300:
        return api_error(outcome, request)
    try:
        return decode_json(outcome.content)
    except ValueError as reason:
        return InvalidResponseError(
            f"{what} was answered with {outcome.status} and a body that is no JSON ({reason}).",
            conference_id=request.about,
        )


def may_have_been_carried_out(outcome: Answer | NoAnswer) -> bool:
    """Whether a write with this outcome may have been carried out: unsettled, or answered with a
    redirection to a result, as some servers do after a write.
    """
    if isinstance(outcome, NoAnswer):
        return outcome.sent
    return is_unsettled(outcome) or outcome.status in (301, 302, 303)


def no_object(request: Request) -> InvalidResponseError:
    """The error of a success whose body is JSON and no object."""
    return InvalidResponseError(
        f"{request.method} {request.path} was answered with JSON that is no object.",
        conference_id=request.about,
    )


def api_error(answer: Answer, request: Request) -> ApiError:
    """The error of a status that is no success."""
    try:
        body = decode_json(answer.content)
    except ValueError:
        body = answer.content.decode(errors="replace")
    entries = body.get("errors") if isinstance(body, dict) else None
    entries = entries if isinstance(entries, list) else []
    reason = body.get("error") if isinstance(body, dict) else None
    request_id = next((answer.headers[name] for name in _REQUEST_ID_HEADERS if name in answer.headers), None)
    wait = retry_after(answer)
    message = f"{request.method} {request.path} was answered with {answer.status}"
    message += f" ({cut(reason)})." if isinstance(reason, str) else "."
    if wait is not None:
        message += f" The server asks to wait {wait:.0f} s."
    if request_id is not None:
        message += f" Request id: {cut(request_id)}."
    message += "".join(f"\n  - {cut(_entry(entry))}" for entry in entries)
    kind = _STATUS_ERRORS.get(answer.status, ServerError if answer.status >= 500 else ApiError)
    return kind(
        message,
        status_code=answer.status,
        errors=entries,
        reason=reason if isinstance(reason, str) else None,
        request_id=request_id,
        retry_after=wait,
        body=body,
        conference_id=request.about,
        advice=_ADVICE.get(answer.status, ""),
    )


def _entry(entry: Any) -> str:
    if not isinstance(entry, dict):
        return repr(entry)
    return f"{entry.get('attribute') or 'request'}: {entry.get('message')}"
