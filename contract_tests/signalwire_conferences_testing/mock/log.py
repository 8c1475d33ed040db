"""The log of requests."""

import functools
import json
import re
from typing import Any

from attrs import define
from starlette.datastructures import Headers

from .exchange import Reply

__all__ = ["LoggedRequest", "masked"]

_SECRET = re.compile(rb"authorization|cookie|token|secret|passw|api-?key", re.IGNORECASE)
_SCHEMES = (b"basic", b"bearer", b"digest")
_LONGEST = 200  # characters of a body in one line


@define
class LoggedRequest:
    """A request that the mock received. Credentials are not kept.

    Attributes:
        method: HTTP method.
        path: decoded path of the URL.
        query: query string as sent.
        headers: header fields, a case-insensitive mapping; `***` instead of credentials.
        content: body, in bytes.
        request_id: the `X-Request-Id` of the answer.
        status: HTTP status of the answer, `None` if there is none (yet).
    """

    method: str
    path: str
    query: str
    headers: Headers
    content: bytes
    request_id: str
    status: int | None = None

    @property
    def body(self) -> Any:
        """The JSON value of the body, `None` if it has none."""
        return Reply(content=self.content).value()

    def to_json(self) -> dict[str, Any]:
        """The request as a JSON object; `content` is the body as text."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": dict(self.headers),
            "content": self.content.decode(errors="replace"),
            "body": self.body,
            "request_id": self.request_id,
            "status": self.status,
        }

    def __str__(self) -> str:
        """The request and the status of its answer in one line."""
        target = f"{self.path}?{self.query}" if self.query else self.path
        body = self.content[: _LONGEST + 1].decode(errors="replace")
        body = f"{body[:_LONGEST]}…" if len(body) > _LONGEST else body
        # Escaped as JSON, so that line breaks and control characters in a body stay on the line.
        sent = "" if not body else f" {body}" if body.isprintable() else f" {json.dumps(body)}"
        return f"{self.method} {target}{sent} -> {self.status or 'no answer'}"


@functools.lru_cache(256)
def masked(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    """Header fields without the credentials in them; the scheme is kept, as in `Basic ***`.

    Cached, since most requests of a client have the same.
    """
    return Headers(raw=[(name, _masked(value) if _SECRET.search(name) else value) for name, value in raw])


def _masked(value: bytes) -> bytes:
    scheme, space, _ = value.partition(b" ")
    return scheme + b" ***" if space and scheme.lower() in _SCHEMES else b"***"
