"""Faults in the answer only: the request is applied and stored correctly."""

from __future__ import annotations

import base64
import functools
import uuid
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from .exchange import Reply
from .steps import Step, told

#: Content coding -> zlib's number of its format.
_FORMATS = {"gzip": 31, "deflate": 15}
_MAINTENANCE = "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"

# --- an unusable answer: each function gets the answer ----------------------------------------------


def truncated(reply: Reply, size: int | None = None) -> None:
    """The connection closes after SIZE bytes of the body, or half."""
    reply.cut = len(reply.content) // 2 if size is None else size


def truncated_json(reply: Reply) -> None:
    """The answer is the first half of its JSON, sent as if it were whole."""
    reply.content = reply.content[: len(reply.content) // 2]


def body(reply: Reply, content: str | bytes, content_type: str = "application/json", code: int | None = None) -> None:
    """The body of the answer is CONTENT, its status CODE if given."""
    reply.status = code or reply.status
    reply.content = content.encode() if isinstance(content, str) else content
    reply.headers["content-type"] = content_type


def html(reply: Reply) -> None:
    """The body of the answer is an HTML page."""
    body(reply, _MAINTENANCE, "text/html; charset=utf-8")


def empty(reply: Reply) -> None:
    """The body of the answer is empty."""
    body(reply, "")


def non_object(reply: Reply) -> None:
    """The body of the answer is a JSON list."""
    body(reply, "[]")


# --- an answer that is hard to read -----------------------------------------------------------------


def byte_order_mark(reply: Reply) -> None:
    """The body of the answer begins with a byte order mark."""
    reply.content = b"\xef\xbb\xbf" + reply.content


def compressed(reply: Reply, encoding: str = "gzip", size: int = 0) -> None:
    """The answer is compressed, whatever the client accepts.

    ENCODING is gzip, deflate, or several with commas; with any other, only the header is set. SIZE
    spaces are appended to the JSON before it is compressed, which does not change its value.
    """
    reply.content = _encoded(reply.content, size, encoding)
    reply.headers["content-encoding"] = encoding


async def compressed_etag(step: Step) -> Reply:
    """If the client accepts gzip, the answer is compressed, with an `ETag` that never matches."""
    reply = await step.proceed()
    if step.call.accepts_gzip:
        compressed(reply)
        reply.headers["vary"] = "accept-encoding"
        if "etag" in reply.headers:
            reply.headers["etag"] = reply.headers["etag"][:-1] + '-gzip"'
    return reply


@functools.lru_cache(4)
def _encoded(content: bytes, spaces: int, encoding: str) -> bytes:
    # In parts: the expanded body may not fit into memory.
    parts: Iterable[bytes] = [content, *[b" " * 65536] * (spaces // 65536), b" " * (spaces % 65536)]
    for name in encoding.replace(" ", "").split(","):
        if name in _FORMATS:
            parts = _deflated(parts, _FORMATS[name])
    return b"".join(parts)


def _deflated(parts: Iterable[bytes], wbits: int) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=wbits)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()


def cookie(reply: Reply) -> None:
    """The answer sets a cookie with a new name."""
    reply.headers["set-cookie"] = f"session-{uuid.uuid4()}=1; Path=/; Max-Age=86400"


async def empty_page(step: Step) -> Reply:
    """The page is empty, and links to the same page again, by a different URL."""
    reply = await step.proceed()
    page = reply.value()
    if reply.status == 200 and step.call.operation_id == "list_video_conferences":
        page["data"] = []
        page["links"]["next"] = f"{page['links']['self']}&again={uuid.uuid4()}"
        reply.content = Reply.json(page).content
    return reply


# --- a wrong answer: some functions get a conference in it ------------------------------------------


async def stale_read(step: Step) -> Reply:
    """The answer has the state before the last write; the answer to a PUT, before this one."""
    step.call.stale = True
    return await step.proceed()


async def other_conference(step: Step, other: str | None = None) -> Reply:
    """The answer has another conference: OTHER, or any."""
    reply = await step.proceed()
    found = other or next((key for key in step.store if key != step.call.conference_id), None)
    if reply.status == 200 and found is not None:
        state = step.store[found].copy()
        state.pop("active_session", None)
        reply.content = Reply.json(state).content
    return reply


def field_dropped(conference: dict[str, Any], name: str) -> None:
    """The answer lacks the field NAME."""
    conference.pop(name, None)


def field_told(conference: dict[str, Any], name: str, value: Any) -> None:
    """The answer has VALUE in the field NAME."""
    conference[name] = value


async def credentials_told(step: Step, name: str = "description") -> Reply:
    """The answer has the credentials of the request in the field NAME."""
    header = step.call.headers["authorization"]
    pair = base64.b64decode(header.split()[-1]).decode(errors="replace")
    return await told(lambda conference: field_told(conference, name, f"{header} ({pair})"))(step)
