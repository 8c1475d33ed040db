"""One request and its answer."""

import itertools
import json
from collections.abc import Mapping
from typing import Any, TypeGuard
from urllib.parse import unquote, urlsplit

import httpx
from attrs import define, field

from signalwire_conferences.values import decode_json

#: What the body of an answer is where it is not JSON.
NO_JSON = object()

_numbers = itertools.count(1)


@define(frozen=True)
class Credentials:
    """An Authorization header."""

    header: str | None = field(repr=False)  # its value, `None` to send none
    shown: str  # what it is, in words; never holds the token or a part of it
    curl: str = ""  # how curl sends it, made from the two variables
    right: bool = False  # whether the server has to accept it


@define(eq=False)
class Exchange:
    """A request and its answer."""

    operation_id: str | None  # `None` where the contract knows none
    method: str
    url: str
    headers: Mapping[str, str]  # that were sent besides the credentials
    content: bytes | None
    credentials: Credentials
    link: "tuple[Exchange, str] | None" = None  # the answer that the URL was taken from, and the name of the link
    status: int = 0  # 0 where no answer came
    answer_headers: httpx.Headers = field(factory=httpx.Headers)
    answer: bytes = b""
    usual: bool = True  # whether it is one that a proxy in front of the server lets through
    number: int = field(factory=lambda: next(_numbers))  # its place in the order of all requests
    _decoded: Any = field(default=None, init=False)

    @property
    def value(self) -> Any:
        """The JSON value of the answer, `NO_JSON` where it is none."""
        if self._decoded is None:
            self._decoded = (_json(self.answer),)
        return self._decoded[0]

    @property
    def sent(self) -> Any:
        return _json(self.content or b"")

    @property
    def query(self) -> Mapping[str, str]:
        return dict(httpx.URL(self.url).params)

    @property
    def about(self) -> str:
        """The id in the path, as it was before it was encoded."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2])

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300

    @property
    def creates(self) -> str | None:
        """The id of the conference that a create was answered with."""
        value = self.value if self.operation_id == "create_video_conference" and self.succeeded else None
        found = value.get("id") if isinstance(value, dict) else None
        return found if stays_in_path(found) else None

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return f"{self.method} {target} -> {self.status or 'no answer'}"


def stays_in_path(conference_id: object) -> TypeGuard[str]:
    """Whether a URL with this id is about one conference, and not about all of them, whatever a server makes of it."""
    return isinstance(conference_id, str) and bool(conference_id.strip(" .")) and "/" not in conference_id


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
