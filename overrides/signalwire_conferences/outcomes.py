"""What came of a request: decided here, once, from the answer as it came off the wire."""

from __future__ import annotations

import codecs
import datetime
import email.utils
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from . import errors
from .comparison import flaws
from .errors import ApiError, InvalidResponseError, TransportError, printable, short_repr, truncate
from .steps import Deferred, Done, NotSent, Outcome, Refused, Request, Unknown
from .values import decode_json

_REQUEST_ID_HEADERS = ("x-request-id", "x-signalwire-request-id", "request-id")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
# The three forms of RFC 9110, 5.6.7; the last, of asctime, names no zone and means UTC.
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} (GMT|UTC|[+-][0-9]{4})"
    r"|[A-Z][a-z]{5,8}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9:]{8} (GMT|UTC)"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}"
)
_STATUS_ERRORS: Mapping[int, type[ApiError]] = {
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    422: errors.ValidationError,
    429: errors.RateLimitError,
}
_ADVICE: Mapping[int, str] = {
    401: "Check the project id and the API token.",
    403: "Give the token the scope Video.",
    404: "Check the id and the space; `list` shows what exists.",
    422: "Correct the values that the server names.",
    429: "Wait and call again, or slow down.",
}


_SLOW = "Call again; `timeout=` is what one attempt may take."
_ODD = "Check the host: something else may have answered, such as a login page."
_ADVICE_OF_CLASS: Mapping[int, str] = {
    3: "Check the host: redirections are not followed.",
    5: "Call again later.",
}


REPETITION_STATUSES = (409, 412, 423, 425)


@frozen
class Answer:
    """An answer that came whole.

    Attributes:
        headers: names in lower case.
        received_at: when it came, seconds since the epoch.
        flaw: why its body was not read, in words; empty where it was.
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


def outcome_of(request: Request, answer: Answer | NoAnswer) -> Outcome:
    """What came of a request."""
    if isinstance(answer, NoAnswer):
        error = _no_answer(request, answer)
        return Unknown(error, may_land=True) if answer.sent else NotSent(error)
    status, writes = answer.status, request.method != "GET"
    if 200 <= status < 300:
        return _success(request, answer)
    failure = _api_error(request, answer)
    if isinstance(failure, errors.RateLimitError):
        return Deferred(failure)
    if status >= 500:
        return Unknown(failure, may_land=True)
    # A redirection to a result is how some servers answer a write; and the others may be the answer to a
    # repetition, by a proxy, of a PUT that was carried out or still is.
    if status == 408 or (writes and status in (301, 302, 303, *REPETITION_STATUSES)):
        return Unknown(failure, may_land=False)
    return Refused(failure)


def retry_after(headers: Mapping[str, str], received_at: float) -> float | None:
    """Seconds that an answer asks to wait, from `Retry-After` as seconds or as an HTTP date.

    A date is taken against the answer's own `Date`, so that a clock that is off does not matter.

    Args:
        headers: names in lower case.
        received_at: seconds since the epoch.

    Returns:
        0 for a date that is past; `None` where the header is missing or is neither.
    """
    said = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(said):
        return float(said)
    until = _http_date(said)
    if until is None:
        return None
    now = _http_date(headers.get("date", "").strip())
    return max(0.0, until - (received_at if now is None else now))


def _http_date(text: str) -> float | None:
    if not _HTTP_DATE.fullmatch(text):
        return None
    try:
        when = email.utils.parsedate_to_datetime(text)
        # Without a zone, and with `-0000`, it is naive: UTC all the same.
        return (when if when.tzinfo else when.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _success(request: Request, answer: Answer) -> Outcome:
    body, decoded, accepted = None, False, answer.status == 202 and request.method != "GET"
    if request.expects == "nothing":
        if answer.status == 204 or (answer.status == 200 and not answer.content and not answer.flaw):
            return Done(None)
        wrong = ["it does not say that it was done"]
    else:
        try:
            # Some servers write a byte order mark, which RFC 8259 lets a reader ignore.
            body = decode_json(answer.content.removeprefix(codecs.BOM_UTF8))
            decoded = True
            wrong = flaws(body, request.expects, request.about, whole=request.method != "PUT")
        except ValueError as reason:
            wrong = [f"its body is {answer.flaw or f'no JSON ({reason})'}"]
    if not wrong and not accepted:
        etag = answer.headers.get("etag", "")
        # `If-Match` compares strongly (RFC 9110, 13.1.1): a weak one never matches.
        return Done(body, etag if etag.startswith('"') and etag.isascii() else None)
    why = "; ".join(wrong) or "accepted is not done"
    error = InvalidResponseError(
        f"The answer to {request}, a {answer.status}, is not usable: {why}.",
        conference_id=request.about,
        body=body,
        advice=_ODD,
    )
    return Refused(error) if request.method == "GET" and decoded else Unknown(error, may_land=accepted)


def _no_answer(request: Request, answer: NoAnswer) -> TransportError:
    kind, said = type(answer.error).__name__, truncate(printable(str(answer.error)))
    error = TransportError(
        f"{request} got no whole answer ({kind}: {said}).",
        conference_id=request.about,
        advice=_SLOW if answer.sent else "Nothing was sent; check the host and the network.",
    )
    error.__cause__ = answer.error
    return error


def _api_error(request: Request, answer: Answer) -> ApiError:
    """The error of a status that is no success."""
    try:
        body = decode_json(answer.content)
    except ValueError:
        body = answer.content.decode(errors="replace")
    said = body if isinstance(body, dict) else {}
    entries = found if isinstance(found := said.get("errors"), list) else []
    reason = found if isinstance(found := said.get("error"), str) else None
    request_id = next((answer.headers[name] for name in _REQUEST_ID_HEADERS if name in answer.headers), None)
    wait = retry_after(answer.headers, answer.received_at)
    message = f"{request} was answered with {answer.status}"
    message += "." if reason is None else f" ({truncate(printable(reason))})."
    location = answer.headers.get("location") if answer.status // 100 == 3 else None
    message += "" if location is None else f" It redirects to {short_repr(location)}."
    message += "" if wait is None else f" The server asks to wait {wait:.0f} s."
    message += "" if request_id is None else f" Request id: {truncate(printable(request_id))}."
    message += "".join(f"\n  - {truncate(_entry(entry))}" for entry in entries)
    kind = _STATUS_ERRORS.get(answer.status, errors.ServerError if answer.status >= 500 else ApiError)
    return kind(
        message,
        status_code=answer.status,
        errors=entries,
        reason=reason,
        request_id=request_id,
        retry_after=wait,
        body=body,
        conference_id=request.about,
        advice=_ADVICE.get(answer.status, _ADVICE_OF_CLASS.get(answer.status // 100, "")),
    )


def _entry(entry: Any) -> str:
    """An entry of a 422, in one line: a line break of the server must not look like a next entry."""
    if not isinstance(entry, dict):
        return repr(entry)
    return printable(f"{entry.get('attribute') or 'request'}: {entry.get('message')}")
