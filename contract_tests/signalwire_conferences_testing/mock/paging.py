"""Pages of a list and their tokens.

Following the links from the first page lists each conference that existed at the start exactly
once, whatever is created or deleted meanwhile: a page is a range of creation numbers, and its token
has that range and the end of the list.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Protocol, TypeVar

from attrs import astuple, frozen

__all__ = ["Cursor", "Tokens", "page"]


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


_Item = TypeVar("_Item", bound=_Numbered)


@frozen
class Cursor:
    """The position of a page.

    Attributes:
        number: number of the page, from 0.
        start: creation number that it starts at.
        stop: creation number that it ends before.
        end: creation number that the whole list ends before.
        filters: the filters of the list; a token is not valid for another list.
    """

    number: int
    start: int
    stop: int
    end: int
    filters: str


def page(items: Sequence[_Item], size: int, at: Cursor) -> tuple[list[_Item], Cursor | None, Cursor | None]:
    """The items of a page, and the positions of the next and the previous one.

    Args:
        items: everything that matches the filters, in order of creation.
        size: maximum number of items.
        at: the requested page.
    """
    walk = [item for item in items if item.number < at.end]
    found = [item for item in walk if at.start <= item.number < at.stop][:size]
    stop = found[-1].number + 1 if len(found) == size else at.stop
    before = [item for item in walk if item.number < at.start][-size:]
    following = previous = None
    if any(item.number >= stop for item in walk):
        following = Cursor(at.number + 1, stop, at.end, at.end, at.filters)
    if before:
        number = max(at.number - 1, 0)
        previous = Cursor(number, before[0].number, at.start, at.end, at.filters)
    return found, following, previous


class Tokens:
    """Cursors as opaque text. A token is valid for the server that issued it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def issue(self, cursor: Cursor) -> str:
        """The token of a cursor."""
        said = json.dumps(astuple(cursor)).encode()
        return "PA" + base64.urlsafe_b64encode(self._seal(said) + said).decode().rstrip("=")

    def read(self, token: str) -> Cursor | None:
        """The cursor of a token, `None` if this server did not issue it."""
        try:
            text = token.removeprefix("PA").encode()
            content = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except ValueError:
            return None
        seal, said = content[:8], content[8:]
        cursor = Cursor(*json.loads(said)) if hmac.compare_digest(seal, self._seal(said)) else None
        # Base64 has several spellings of the same bytes; only ours is valid.
        return cursor if cursor and self.issue(cursor) == token else None

    def _seal(self, said: bytes) -> bytes:
        return hashlib.blake2b(said, key=self._key, digest_size=8).digest()
