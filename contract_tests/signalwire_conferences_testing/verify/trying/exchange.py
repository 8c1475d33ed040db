"""One request and its answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
from attrs import define, field

from signalwire_conferences.values import decode_json

__all__ = ["NO_JSON", "Credentials", "Exchange", "encoded"]

#: What the body of an answer is where it is not JSON.
NO_JSON = object()

_numbers = itertools.count(1)


@define(frozen=True)
class Credentials:
    """An Authorization header.

    Attributes:
        header: its value, `None` to send none.
        shown: what it is, in words; never holds the token or a part of it.
        curl: how curl sends it, made from the two variables.
        right: whether the server has to accept it.
    """

    header: str | None = field(repr=False)
    shown: str
    curl: str = ""
    right: bool = False


@define(eq=False)
class Exchange:
    """A request and its answer.

    Attributes:
        operation_id: operation of the contract, `None` where it is none.
        method: HTTP method.
        url: whole URL.
        headers: header fields that were sent besides the credentials.
        content: body that was sent, `None` for none.
        credentials: what was sent to authenticate.
        link: the answer that the URL was taken from, and the name of the link.
        status: HTTP status of the answer, 0 where none came.
        answer_headers: header fields of the answer.
        answer: body of the answer, in bytes.
        usual: whether it is one that a proxy in front of the server lets through.
        number: its place in the order of all requests.
    """

    operation_id: str | None
    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    credentials: Credentials
    link: tuple[Exchange, str] | None = None
    status: int = 0
    answer_headers: httpx.Headers = field(factory=httpx.Headers)
    answer: bytes = b""
    usual: bool = True
    number: int = field(factory=lambda: next(_numbers))
    _decoded: Any = field(default=None, init=False)

    @property
    def value(self) -> Any:
        """The JSON value of the answer, `NO_JSON` where it is none."""
        if self._decoded is None:
            self._decoded = (_json(self.answer),)
        return self._decoded[0]

    @property
    def sent(self) -> Any:
        """The JSON value of the request's body, `NO_JSON` where it is none."""
        return _json(self.content or b"")

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters of the request."""
        return dict(httpx.URL(self.url).params)

    @property
    def about(self) -> str:
        """The id in the path, as it was before it was encoded."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2])

    @property
    def succeeded(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def creates(self) -> str | None:
        """The id of the conference that a create was answered with."""
        value = self.value if self.operation_id == "create_video_conference" and self.succeeded else None
        found = value.get("id") if isinstance(value, dict) else None
        return found if isinstance(found, str) and found else None

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return f"{self.method} {target} -> {self.status or 'no answer'}"


def _json(content: bytes) -> Any:
    try:
        return decode_json(content)
    except ValueError:
        return NO_JSON


def encoded(value: Any) -> bytes:
    """A JSON value as a body: as clients send it, and in ASCII only where it holds what UTF-8 has not."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode()
