"""What an update is about: the conference and how to treat it, its before-image, and its PUT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from .changes import checked_id, path_of
from .exchange import Policy, Request, Steps, repeated
from .settings import Settings
from .values import encode_json, one_spelling
from .verify import checked_conference

__all__ = ["Image", "Record", "Settle", "Target", "put_of", "read"]

_GET: Final = "get_video_conference"
_PUT: Final = "update_video_conference"


@frozen
class Target:
    """What an update is about, and how it is to go.

    Attributes:
        conference_id: the conference.
        policy: repeats and waits.
        locked: whether there is a lock to hold from read to verification.
        confirm: seconds after which to look again, or `None`.
        journaled: whether before-images are kept.
    """

    conference_id: str
    policy: Policy
    locked: bool = False
    confirm: float | None = None
    journaled: bool = False

    @property
    def key(self) -> str:
        """The id as lock and journal get it: the same for every spelling of one UUID."""
        return one_spelling(self.conference_id)

    @classmethod
    def of(cls, conference_id: object, settings: Settings[Any]) -> Target:
        """The target that a client with these settings means.

        Raises:
            InvalidChangeError: the id could lead to another path.
        """
        return cls(
            checked_id(conference_id),
            settings.policy,
            locked=settings.lock is not None,
            confirm=settings.confirm,
            journaled=settings.journal is not None,
        )


@frozen
class Record:
    """Step: put the before-image on disk, and answer with the entry's number.

    Attributes:
        key: the conference, as `Target.key`.
    """

    key: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@frozen
class Settle:
    """Step: note in the journal what came of a PUT; `after`: the fields that it changed."""

    entry: int
    applied: bool
    after: Mapping[str, Any] | None = None


@frozen
class Image:
    """A conference as read, and its ETag where the server sent a strong one."""

    body: dict[str, Any]
    etag: str | None


def read(target: Target) -> Steps[Image]:
    """Read the conference.

    Raises:
        ApiError, TransportError, InvalidResponseError: it could not be read.
    """
    request = Request("GET", path_of(_GET, target.conference_id), about=target.conference_id)
    body, answer = yield from repeated(request, target.policy)
    image = checked_conference(body, target.conference_id, f"GET {request.path}", to_build_on=True)
    etag = answer.headers.get("etag", "")
    # `If-Match` compares strongly (RFC 9110, 13.1.1): a weak one never matches.
    return Image(image, etag if etag.startswith('"') and etag.isascii() else None)


def put_of(conference_id: str, body: Mapping[str, Any], etag: str | None = None) -> Request:
    """The PUT of a body."""
    return Request(
        "PUT",
        path_of(_PUT, conference_id),
        content=encode_json(body),
        headers={"If-Match": etag} if etag is not None else {},
        about=conference_id,
    )
