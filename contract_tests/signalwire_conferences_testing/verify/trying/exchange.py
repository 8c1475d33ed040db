"""One request and its answer, and the curl command that repeats it."""

from __future__ import annotations

import contextlib
import functools
import json
import shlex
import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from attrs import define, field

from signalwire_conferences.values import decode_json

__all__ = ["NO_JSON", "Credentials", "Exchange", "curl", "encoded", "same_id"]

#: What the body of an answer is where it is no JSON.
NO_JSON = object()

_PROJECT, _TOKEN = "$SIGNALWIRE_PROJECT_ID", "$SIGNALWIRE_API_TOKEN"
_LONGEST_ARGUMENT = 4000


@define(frozen=True)
class Credentials:
    """An Authorization header.

    Attributes:
        header: its value, `None` to send none.
        shown: how it is shown; never holds the token or a part of it.
        right: whether the server has to accept it.
    """

    header: str | None = field(repr=False)
    shown: str
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
        status: HTTP status of the answer.
        answer_headers: header fields of the answer.
        answer: body of the answer, in bytes.
        creates: the conference that it created, where it did.
        usual: whether it is one that a proxy in front of the server lets through.
    """

    operation_id: str | None
    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    credentials: Credentials
    status: int = 0
    answer_headers: httpx.Headers = field(factory=httpx.Headers)
    answer: bytes = b""
    creates: str | None = None
    usual: bool = True
    _decoded: Any = field(default=None, init=False)

    @property
    def value(self) -> Any:
        """The JSON value of the answer, `NO_JSON` where it is none."""
        if self._decoded is None:
            try:
                self._decoded = (decode_json(self.answer),)
            except ValueError:
                self._decoded = (NO_JSON,)
        return self._decoded[0]

    @property
    def sent(self) -> Any:
        """The JSON value of the request's body, `NO_JSON` where it is none."""
        try:
            return decode_json(self.content or b"")
        except ValueError:
            return NO_JSON

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters of the request."""
        return dict(httpx.URL(self.url).params)

    def note_creation(self) -> None:
        """Takes the id of the conference from the answer, where one was created."""
        value = self.value if self.operation_id == "create_video_conference" else None
        if 200 <= self.status < 300 and isinstance(value, dict) and isinstance(value.get("id"), str):
            self.creates = value["id"]

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return f"{self.method} {target} -> {self.status or 'no answer'}"


def curl(evidence: Iterable[Exchange]) -> list[str]:
    """Commands that repeat the requests. Credentials come from the environment; an id that one
    request made is taken from its answer.
    """
    commands: list[str] = []
    made: dict[str, str] = {}
    exchanges = list(evidence)
    later = [exchange.url for exchange in exchanges]
    for number, exchange in enumerate(exchanges):
        command = functools.reduce(lambda text, pair: text.replace(*pair), made.items(), _command(exchange))
        used = exchange.creates and any(exchange.creates in url for url in later[number + 1 :])
        if used and exchange.creates:
            variable = f"ID{len(made) + 1}" if made else "ID"
            made[exchange.creates] = f'"${variable}"'
            command = f"{variable}=$({command} | jq -r .id)"
        commands.append(command)
    return commands


def _command(exchange: Exchange) -> str:
    words = ["curl", "-sS" if exchange.creates else "-isS"]
    if exchange.method != "GET":
        words += ["-X", exchange.method]
    if exchange.credentials.right:
        words += ["-u", f'"{_PROJECT}:{_TOKEN}"']
    elif exchange.credentials.header is not None:
        words += ["-H", shlex.quote(f"Authorization: {exchange.credentials.shown}")]
    for name, value in exchange.headers.items():
        words += ["-H", shlex.quote(f"{name}: {value}")]
    if exchange.content is not None:
        words += ["--data-binary", _body(exchange.content)]
    words.append(shlex.quote(exchange.url))
    return " ".join(words)


def _body(content: bytes) -> str:
    """The body as a word of a shell, in printable characters only."""
    text = content.decode("utf-8", "replace")
    if len(text) > _LONGEST_ARGUMENT:
        printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:200])
        return shlex.quote(printable) + f"... # cut, {len(content)} bytes"
    if text.isprintable() and text.encode() == content:
        return shlex.quote(text)
    try:
        value = decode_json(content)
        if encoded(value) == content:
            # DEL is the one character of ASCII that is not printable and that JSON does not escape.
            return shlex.quote(json.dumps(value).replace("\x7f", "\\u007f"))
    except ValueError:
        pass
    # Its layout matters, or it is no JSON.
    return "$'" + "".join(_ansi_c(byte) for byte in content) + "'"


def _ansi_c(byte: int) -> str:
    """A byte between the quotes that bash and zsh know."""
    if chr(byte) in "'\\":
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def encoded(value: Any) -> bytes:
    """A JSON value as a body: as clients send it, and in ASCII only where it holds what UTF-8 has not."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode()


def same_id(one: str, other: str) -> bool:
    """UUIDs are the same in any case; what else an id may be is not known."""
    with contextlib.suppress(ValueError):
        return str(uuid.UUID(other)) == other.lower() == one.lower()
    return one == other
