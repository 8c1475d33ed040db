"""What came of a request: decided here, once, from the answer as it came off the wire."""

import codecs
import datetime
import re
from collections.abc import Mapping

from attrs import frozen

from . import errors
from .comparison import flaws
from .errors import ApiError, InvalidResponseError, TransportError, quoted, short_repr
from .steps import Deferred, Done, NotSent, Outcome, Refused, Request, Unknown
from .values import decode_json

_REQUEST_ID_HEADERS = ("x-request-id", "x-signalwire-request-id", "request-id")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_STRONG_ETAG = re.compile(r'"[!#-~]*"')  # of ASCII alone (RFC 9110, 8.8.3); a list of several is none
# The three forms of RFC 9110, 5.6.7; the last, of asctime, names no zone and means UTC.
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} (GMT|UTC|[+-][0-9]{4})"
    r"|[A-Z][a-z]{5,8}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9:]{8} (GMT|UTC)"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}"
)
# Of a status, else of its hundred: the class of its error, and what to do.
_STATUSES: Mapping[int, tuple[type[ApiError], str]] = {
    3: (ApiError, "Check the host: redirections are not followed."),
    5: (errors.ServerError, "Call again later."),
    401: (errors.AuthenticationError, "Check the project id and the API token."),
    403: (errors.PermissionDeniedError, "Give the token the scope Video."),
    404: (errors.NotFoundError, "Check the id and the space; `list` shows what exists."),
    422: (errors.ValidationError, "Correct the values that the server names."),
    429: (errors.RateLimitError, "Wait and call again, or slow down."),
}
_SLOW = "Call again; `timeout=` is what one attempt may take."
_ODD = "Check the host: something else may have answered, such as a login page."
REPETITION_STATUSES = (409, 412, 423, 425)


@frozen
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    content: bytes
    received_at: float  # seconds since the epoch
    flaw: str = ""  # why its body was not read, in words


@frozen
class NoAnswer:
    error: Exception  # what the transport raised
    sent: bool  # whether any of the request may have reached the server


def outcome_of(request: Request, answer: Answer | NoAnswer, base_url: str = "") -> Outcome:
    """What came of a request to this server."""
    outcome = _outcome(request, answer)
    if not isinstance(outcome, Done):
        outcome.error.method, outcome.error.url = request.method, base_url + request.target
        outcome.error.headers = answer.headers if isinstance(answer, Answer) else None
    return outcome


def _outcome(request: Request, answer: Answer | NoAnswer) -> Outcome:
    if isinstance(answer, NoAnswer):
        what = f"{type(answer.error).__name__}: {quoted(str(answer.error))}"
        advice = _SLOW if answer.sent else "Nothing was sent; check the host and the network."
        error = TransportError(f"{request} got no whole answer ({what}).", conference_id=request.about, advice=advice)
        error.__cause__ = answer.error
        return Unknown(error, may_land=True) if answer.sent else NotSent(error)
    if 200 <= (status := answer.status) < 300:
        return _success(request, answer)
    failure = _api_error(request, answer)
    if status == 429:
        return Deferred(failure)
    if status >= 500:
        return Unknown(failure, may_land=True)
    # Some servers answer a write with a redirection; the others may answer a proxy's repetition of it.
    if status == 408 or (request.method != "GET" and status in (301, 302, 303, *REPETITION_STATUSES)):
        return Unknown(failure, may_land=False)
    return Refused(failure)


def retry_after(headers: Mapping[str, str], received_at: float) -> float | None:
    """Seconds to wait, from `Retry-After` as seconds or as an HTTP date; `None` where it is neither. A date counts
    from the answer's own `Date`, so that a clock that is off does not matter.
    """
    said = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(said):
        return float(said)
    until, now = http_date(said), http_date(headers.get("date", "").strip())
    return None if until is None else max(0.0, until - (received_at if now is None else now))


def http_date(text: str) -> float | None:
    if not _HTTP_DATE.fullmatch(text):
        return None
    import email.utils  # noqa: PLC0415 - few answers hold a date that matters

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
            return Done(None, None, answer.status, _request_id(answer))
        wrong = ["it does not say that it was done"]
    else:
        try:
            # Some servers write a byte order mark, which RFC 8259 lets a reader ignore.
            body = decode_json(answer.content.removeprefix(codecs.BOM_UTF8))
            decoded = True
            wrong = flaws(body, request.expects, request.about, whole=request.method != "PUT")
        except ValueError as reason:
            wrong = [f"its body is {answer.flaw or f'not JSON ({reason})'}"]
    if not wrong and not accepted:
        etag = answer.headers.get("etag", "")
        # `If-Match` compares strongly (RFC 9110, 13.1.1): a weak one never matches.
        strong = etag if _STRONG_ETAG.fullmatch(etag) else None
        return Done(body, strong, answer.status, _request_id(answer))
    why = "; ".join(wrong) or "accepted is not done"
    said = f"The answer to {request}, a {answer.status}, is not usable: {why}."
    error = InvalidResponseError(said, conference_id=request.about, body=body, advice=_ODD)
    error.request_id = _request_id(answer)
    return Refused(error) if request.method == "GET" and decoded else Unknown(error, may_land=accepted)


def _request_id(answer: Answer) -> str | None:
    return next((answer.headers[name] for name in _REQUEST_ID_HEADERS if name in answer.headers), None)


def _api_error(request: Request, answer: Answer) -> ApiError:
    try:
        body = decode_json(answer.content)
    except ValueError:
        body = answer.content.decode(errors="replace")
    said = body if isinstance(body, dict) else {}
    entries = found if isinstance(found := said.get("errors"), list) else []
    reason = found if isinstance(found := said.get("error"), str) else None
    request_id = _request_id(answer)
    wait = retry_after(answer.headers, answer.received_at)
    location = answer.headers.get("location") if answer.status // 100 == 3 else None
    message = f"{request} was answered with {answer.status}" + ("." if reason is None else f" ({quoted(reason)}).")
    message += "" if location is None else f" It redirects to {short_repr(location)}."
    message += "" if wait is None else f" The server asks to wait {wait:.0f} s."
    message += "" if request_id is None else f" Request id: {quoted(request_id)}."
    for entry in entries:
        about = isinstance(entry, dict) and f"{entry.get('attribute') or 'request'}: {entry.get('message')}"
        message += f"\n  - {quoted(about or repr(entry))}"
    by_hundred = _STATUSES.get(min(answer.status // 100, 5), (ApiError, ""))
    kind, advice = _STATUSES.get(answer.status, by_hundred)
    error = kind(message, status_code=answer.status, body=body, conference_id=request.about, advice=advice)
    error.errors, error.reason, error.request_id, error.retry_after = entries, reason, request_id, wait
    return error
