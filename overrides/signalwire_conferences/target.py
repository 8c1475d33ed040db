"""What an update is about: the conference and how to treat it, its snapshot, and its PUT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .changes import checked_id, path_of
from .comparison import flaws_to_build_on
from .errors import ConferencesError, InvalidResponseError
from .settings import Settings
from .steps import Acquire, Done, Policy, Release, Request, Steps, repeated
from .values import encode_json, one_spelling


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

    def require_journal(self) -> None:
        """Raises `ConferencesError` where there is no journal."""
        if not self.journaled:
            raise ConferencesError(
                "This client has no journal.",
                conference_id=self.conference_id,
                advice="Build it with journal='conferences.sqlite' to have history and undo.",
            )

    def noting(self, step: Acquire | Release, state: str) -> Steps[None]:
        """A step of the lock, whose error is the caller's own; a note on it says what is known."""
        try:
            yield from step
        except Exception as error:
            error.add_note(f"Conference {self.conference_id!r}: {state}")
            raise

    @classmethod
    def of(cls, conference_id: object, settings: Settings[Any]) -> Target:
        """The target that a client with these settings means."""
        return cls(
            checked_id(conference_id),
            settings.policy,
            locked=settings.lock is not None,
            confirm=settings.confirm,
            journaled=settings.journal is not None,
        )


def read(target: Target) -> Steps[Done]:
    """Read the conference, as a PUT is to be built on it."""
    request = get_of(target.conference_id)
    done = yield from repeated(request, target.policy)
    if wrong := flaws_to_build_on(done.body):
        raise InvalidResponseError(
            f"The answer to {request} is no conference to build on: {'; '.join(wrong)}.",
            conference_id=target.conference_id,
            body=done.body,
        )
    return done


def get_of(conference_id: str, query: Mapping[str, Any] | None = None) -> Request:
    """The GET of a conference."""
    path = path_of("get_video_conference", conference_id)
    return Request("GET", path, "conference", query=query or {}, about=conference_id)


def put_of(conference_id: str, body: Mapping[str, Any], etag: str | None = None) -> Request:
    """The PUT of a body."""
    path = path_of("update_video_conference", conference_id)
    headers = {"If-Match": etag} if etag is not None else {}
    content = encode_json(body)
    return Request("PUT", path, "conference", content=content, headers=headers, about=conference_id)
