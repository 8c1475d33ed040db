"""One request and its answer without HTTP, for operations and faults."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from attrs import Factory, define, field

from signalwire_conferences.values import encode_json

from .checks import Entry

__all__ = ["Adjust", "Call", "Dropped", "Refused", "Reply", "invalid", "refused"]

#: Changes what a write stores: called with the fields before the write and those about to be
#: stored, and edits the latter.
Adjust = Callable[[Mapping[str, Any], dict[str, Any]], None]


@define
class Reply:
    """An answer.

    Attributes:
        status: HTTP status.
        content: body, in bytes.
        headers: header fields; the content length is added when the answer is sent.
        cut: bytes of the body after which the connection is closed, `None` to send it whole.
    """

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(factory=dict)
    cut: int | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """An answer with this JSON value as its body."""
        return cls(status, encode_json(value), {"content-type": "application/json", **(headers or {})})

    def value(self) -> Any:
        """The JSON value of the body, `None` if there is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


@define
class Call:
    """A request with valid credentials.

    Attributes:
        method: HTTP method.
        path: decoded path of the URL.
        conference_id: id in the path, `None` if the path has none.
        operation_id: operation of the contract, `None` if there is none for the path and method.
        query: query parameters in order.
        headers: header fields by lower-case name.
        content: body, in bytes.
        scheme: scheme that the client used.
        etag: whether the server answers with an `ETag` and honours `If-Match`.
        stale: whether a read answers with the state before the last write.
        adjust: changes to what a write stores.
        postponed: function that applies the request later, and after how many further requests;
            `None` for when a test says so.
        disconnected: returns when the client has disconnected.
        sleep: waits for a number of seconds.
        background: runs a coroutine function after this request, until the server stops.
    """

    method: str
    path: str
    conference_id: str | None
    operation_id: str | None
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    content: bytes
    scheme: str
    etag: bool
    disconnected: Callable[[], Awaitable[None]]
    sleep: Callable[[float], Awaitable[None]]
    background: Callable[[Awaitable[Any]], None]
    stale: bool = False
    adjust: list[Adjust] = Factory(list)
    postponed: list[tuple[int | None, Callable[[], Awaitable[Reply]]]] = Factory(list)

    @property
    def base_url(self) -> str:
        """Scheme and authority that the client used."""
        return f"{self.scheme}://{self.headers.get('host', '')}"

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client accepts gzip."""
        said = self.headers.get("accept-encoding", "").replace(" ", "")
        return any(re.fullmatch(r"gzip(;q=(?!0(\.0*)?$).*)?", coding) for coding in said.split(","))


class Dropped(Exception):  # noqa: N818 - it is an outcome, not an error of the mock
    """The connection is to be closed without an answer."""


class Refused(Exception):  # noqa: N818 - likewise
    """The request is refused; nothing was changed.

    Attributes:
        reply: the answer.
    """

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(reply.status)


def refused(status: int, headers: Mapping[str, str] | None = None) -> Refused:
    """A refusal with the error body of this status."""
    known = status in HTTPStatus.__members__.values()
    reason = HTTPStatus(status).phrase if known else "Unknown Error"
    return Refused(Reply.json({"error": reason}, status, headers))


def invalid(entries: Sequence[Entry]) -> Refused:
    """A 422 with an entry for each failed attribute."""
    return Refused(Reply.json({"errors": list(entries)}, 422))


def checked_header(value: object) -> str:
    """A valid value of a header.

    Raises:
        ValueError: it has characters that are not printable ASCII.
    """
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"{text!r} cannot be the value of a header")
    return text


def checked_status(code: int) -> int:
    """A valid status of an answer.

    Raises:
        ValueError: it is not one.
    """
    if not 200 <= code <= 599:
        raise ValueError(f"{code} is not the status of an answer")
    return code
