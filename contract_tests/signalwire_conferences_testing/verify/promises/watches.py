"""Promises that hold for every answer: watched in all exchanges of a run, whatever they are for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from signalwire_conferences import contract
from signalwire_conferences.contract import Kind

from ..trying import instants
from ..trying.bench import kinds
from ..trying.exchange import NO_JSON, Exchange
from .promises import Needs, Promise

__all__ = ["WATCHED", "WATCHES", "Watch"]

_SESSION = "active_session"
_OPERATIONS = {
    "create_video_conference": "create",
    "list_video_conferences": "list",
    "get_video_conference": "read",
    "update_video_conference": "put",
    "delete_video_conference": "delete",
}


@frozen
class Watch:
    """A promise on every answer.

    Attributes:
        promise: the promise.
        wrong: what is wrong with an answer; an empty text for nothing, `None` where the promise
            is not about it.
    """

    promise: Promise
    wrong: Callable[[Exchange], str | None]


def _watch(name: str, sentence: str) -> Callable[[Callable[[Exchange], str | None]], None]:
    def register(wrong: Callable[[Exchange], str | None]) -> None:
        WATCHED.add(name)
        WATCHES.append(Watch(Promise(name, sentence, None, Needs.READING), wrong))

    return register


WATCHES: list[Watch] = []
#: Ids of the promises on all answers.
WATCHED: set[str] = set()


def _said(operation_id: str) -> Mapping[str, Any]:
    where = contract.operation(operation_id)
    said: Mapping[str, Any] = contract.document()["paths"][where.path][where.method.lower()]["responses"]
    return said


@functools.cache
def _validator(operation_id: str, status: int) -> Any:
    """The validator of an answer's body, `None` where the contract gives it none."""
    response = _said(operation_id).get(str(status))
    content = contract.resolve(response).get("content") if response else None
    return contract.validator(content["application/json"]["schema"]) if content else None


def _schema_errors(exchange: Exchange) -> str:
    validator = _validator(str(exchange.operation_id), exchange.status)
    if validator is None:
        return ""
    if exchange.value is NO_JSON:
        return "the body is no JSON"
    try:
        for error in validator.iter_errors(exchange.value):
            path = ".".join(str(part) for part in error.instance_path)
            return f"{path or 'the body'}: {error.message[:300]}"
    except UnicodeEncodeError:
        return ""  # a lone surrogate, which the documents leave open
    return ""


def _answers(operation: str) -> Callable[[Exchange], str | None]:
    def wrong(exchange: Exchange) -> str | None:
        if exchange.operation_id is None or _OPERATIONS[exchange.operation_id] != operation:
            return None
        return _schema_errors(exchange) if exchange.status == 200 else None

    return wrong


for _name in ("create", "list", "read", "put"):
    _watch(f"schema/{_name}", f"The answer to a {_name} has the documented properties and types.")(
        _answers(_name)
    )


def _errors(status: int) -> Callable[[Exchange], str | None]:
    def wrong(exchange: Exchange) -> str | None:
        if exchange.operation_id is None or exchange.status != status:
            return None
        return _schema_errors(exchange)

    return wrong


for _status in (400, 401, 404, 422):
    _watch(f"schema/error-{_status}", f"The body of a {_status} is as documented.")(_errors(_status))


@_watch("status/documented", "Every answer has a status that the contract gives to its operation.")
def _documented(exchange: Exchange) -> str | None:
    if exchange.operation_id is None:
        return None
    if str(exchange.status) in _said(exchange.operation_id) and exchange.status < 500:
        return ""
    # What a proxy or the HTTP layer itself refuses is no answer of the operation.
    if exchange.status in (408, 411, 413, 414, 431) and len(exchange.content or exchange.url) > 1000:
        return ""
    what = "a failure of the server" if exchange.status >= 500 else "not documented for it"
    return f"{exchange.status} is {what}"


@_watch("headers/json", "An answer with a body is application/json.")
def _json(exchange: Exchange) -> str | None:
    documented = exchange.operation_id is not None and str(exchange.status) in _said(exchange.operation_id)
    if not documented or exchange.status == 204 or exchange.status == 429 or exchange.status >= 500:
        return None
    said = exchange.answer_headers.get("content-type", "")
    media, _, parameters = said.partition(";")
    if media.strip().lower() != "application/json":
        return f"the content type of a {exchange.status} is {said!r}"
    charset = parameters.lower().partition("charset=")[2].split(";")[0].strip(' "')
    return f"the content type is {said!r}, and JSON is UTF-8" if charset not in ("", "utf-8", "utf8") else ""


@_watch("headers/challenge", "A 401 has a WWW-Authenticate that names Basic.")
def _challenge(exchange: Exchange) -> str | None:
    if exchange.operation_id is None or exchange.status != 401:
        return None
    said = exchange.answer_headers.get("www-authenticate")
    if said is None:
        return "a 401 without WWW-Authenticate"
    return "" if "basic" in said.lower() else f"WWW-Authenticate is {said!r} and does not name Basic"


@_watch("headers/no-content", "A 204 has no body.")
def _no_content(exchange: Exchange) -> str | None:
    if exchange.status != 204:
        return None
    length = exchange.answer_headers.get("content-length", "0")
    return "a 204 with a body" if exchange.answer or length != "0" else ""


def _conferences(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    """The conferences of a successful answer."""
    value = exchange.value if exchange.operation_id and exchange.status == 200 else None
    found = value.get("data", [value]) if isinstance(value, dict) else []
    return (one for one in found if isinstance(one, dict)) if isinstance(found, list) else iter(())


@_watch("dates/told-in-utc", "Every time of an answer is RFC 3339 in UTC.")
def _in_utc(exchange: Exchange) -> str | None:
    conferences = list(_conferences(exchange))
    if not conferences:
        return None
    times = [name for name, kind in kinds().items() if kind is Kind.INSTANT]
    for one in conferences:
        for name in times:
            wrong = instants.no_utc(one[name]) if one.get(name) is not None else None
            if wrong:
                return f"{name}: {wrong}"
    return ""


@_watch("state/session-only-on-request", "No answer tells of an active session without having been asked to.")
def _unasked(exchange: Exchange) -> str | None:
    conferences = list(_conferences(exchange))
    if not conferences or exchange.query.get("include_active_session") == "true":
        return None
    if exchange.operation_id == "list_video_conferences" and "page_token" in exchange.query:
        return None  # the token may carry that the first page was asked
    return "active_session is there" if any(_SESSION in one for one in conferences) else ""


@_watch("state/right-conference", "An answer is about the conference that was asked for.")
def _right(exchange: Exchange) -> str | None:
    if exchange.operation_id not in ("get_video_conference", "update_video_conference"):
        return None
    told = next(_conferences(exchange), None)
    if told is None:
        return None
    asked = exchange.url.partition("?")[0].rpartition("/")[2]
    return (
        "" if str(told.get("id")).lower() == asked.lower() else f"the id of the answer is {told.get('id')!r}"
    )
