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
_LONGEST = 200  # characters of a body in a line


@define
class LoggedRequest:
    """A request as the mock saw it, in the order of arrival. Credentials are not kept.

    Attributes:
        method: HTTP method.
        path: path as decoded from the URL.
        query: query string as sent.
        headers: header fields, a mapping by names in any case; `***` in place of credentials.
        content: body, in bytes.
        request_id: the answer's `X-Request-Id`.
        status: HTTP status of the answer, `None` as long as or where there is none.
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
        """The JSON value of the body, `None` where it has none."""
        return Reply(content=self.content).value()

    def to_json(self) -> dict[str, Any]:
        """All of it as an object of JSON; `content` is the body as text."""
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
        # As JSON writes text: a body of several lines, or of control characters, stays in the line.
        sent = "" if not body else f" {body}" if body.isprintable() else f" {json.dumps(body)}"
        return f"{self.method} {target}{sent} -> {self.status or 'no answer'}"


@functools.lru_cache(256)
def masked(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    """Header fields without the credentials in them; how these were given, as in `Basic ***`, is kept.

    Cached, and so shared: most requests of a client have the same.
    """
    return Headers(raw=[(name, _masked(value) if _SECRET.search(name) else value) for name, value in raw])


def _masked(value: bytes) -> bytes:
    scheme, space, _ = value.partition(b" ")
    return scheme + b" ***" if space and scheme.lower() in _SCHEMES else b"***"
