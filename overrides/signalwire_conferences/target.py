"""What an update is about: the conference and how to treat it, its snapshot, and its PUT."""

from typing import Any, Self

from attrs import field, frozen

from .changes import checked_id, path_of
from .comparison import flaws_to_build_on
from .contract import Json
from .errors import InvalidResponseError
from .history import ChangeSet
from .settings import Settings
from .steps import Acquire, Done, Policy, Release, Request, Steps, repeated
from .values import encode_json, one_spelling


@frozen
class Target:
    conference_id: str
    policy: Policy
    locked: bool = False  # whether there is a lock to hold from read to verification
    confirm: float | None = None  # seconds after which to look again
    journaled: bool = False  # whether before-images are kept
    change_set: ChangeSet = field(factory=ChangeSet, eq=False)  # what this belongs to in the journal

    @classmethod
    def of(cls, conference_id: object, settings: Settings[Any], change_set: ChangeSet | None = None) -> Self:
        locked, journaled, made = settings.lock is not None, settings.journal is not None, change_set or ChangeSet()
        return cls(checked_id(conference_id), settings.policy, locked, settings.confirm, journaled, made)

    @property
    def key(self) -> str:
        """The id as lock and journal get it: the same for every spelling of one UUID."""
        return one_spelling(self.conference_id)

    def acquire(self, state: str) -> Steps[None]:
        """Take the lock, if there is one. Its error is the caller's own; a note on it says what is known."""
        if self.locked:
            yield from self._locking(Acquire(self.key), state)

    def release(self, state: str) -> Steps[None]:
        if self.locked:
            yield from self._locking(Release(), state)

    def _locking(self, step: Acquire | Release, state: str) -> Steps[None]:
        try:
            yield from step
        except Exception as error:
            error.add_note(f"Conference {self.conference_id!r}: {state}")
            raise


def read(target: Target) -> Steps[Done]:
    request = get_of(target.conference_id)
    done = yield from repeated(request, target.policy)
    if wrong := flaws_to_build_on(done.body):
        said = f"The answer to {request} cannot be built on: {'; '.join(wrong)}."
        raise InvalidResponseError(said, conference_id=target.conference_id, body=done.body)
    return done


def get_of(conference_id: str, query: Json | None = None) -> Request:
    path = path_of("get_video_conference", conference_id)
    return Request("GET", path, "conference", query or {}, about=conference_id)


def put_of(conference_id: str, body: Json, etag: str | None = None) -> Request:
    path = path_of("update_video_conference", conference_id)
    headers = {} if etag is None else {"If-Match": etag}
    return Request("PUT", path, "conference", content=encode_json(body), headers=headers, about=conference_id)
