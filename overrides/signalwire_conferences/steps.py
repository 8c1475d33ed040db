"""Steps: all that an operation asks of the world, and all that can come of it.

An operation is a generator of steps, which does no I/O: the clients carry each step out, with blocking calls or with
`await`, and send back its result (`yield from step`).
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import urlencode

from attrs import field, frozen

from .contract import Json
from .errors import ApiError, ConferencesError
from .history import ChangeSet, Entry, EntryOutcome

T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)
_FIRST_BACKOFF, _MOST_DOUBLINGS = 0.25, 5  # seconds, and so at most 8


@frozen
class Done:
    """Carried out, and answered with what the request expects: decoded JSON, and a strong ETag."""

    body: Any
    etag: str | None = None
    status: int = field(default=200, eq=False)
    request_id: str | None = field(default=None, eq=False)  # the server's


@frozen
class _Failed:
    error: ConferencesError


class Refused(_Failed):
    """Certainly not carried out, and a repetition would be refused too."""


class Deferred(_Failed):
    """429: put off, so most likely not carried out."""


class NotSent(_Failed):
    """Nothing of it reached the server."""


@frozen
class Unknown(_Failed):
    """It may have been carried out; `may_land`: or may still be, later."""

    may_land: bool


Outcome = Done | Refused | Deferred | NotSent | Unknown


class _Step(Generic[R_co]):
    def __iter__(self) -> "Generator[Step, Any, R_co]":
        result: R_co = yield self  # type: ignore[misc]  # every subclass is in the union
        return result


@frozen
class Request(_Step[Outcome]):
    method: str
    path: str
    expects: Literal["conference", "page", "nothing"]  # what a usable answer is
    query: Json = field(factory=dict)
    content: bytes | None = None
    headers: Mapping[str, str] = field(factory=dict)
    about: str | None = None  # the id of the conference, which an answer has to have

    @property
    def target(self) -> str:
        """Path and query, as they are sent."""
        query = {n: str(value).lower() if isinstance(value, bool) else value for n, value in self.query.items()}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@frozen
class Wait(_Step[None]):
    seconds: float


@frozen
class Acquire(_Step[None]):
    conference_id: str


@frozen
class Release(_Step[None]):
    """Gives the lock of the last `Acquire` back."""


@frozen
class Record(_Step[int]):
    """Step: put the before-image on disk, with what the PUT is to lead to; gives the entry's number. `outcome`:
    "unchanged" where there is no PUT; `undoes`: the change set that is taken back.
    """

    key: str
    before: Json
    after: Json
    change_set: ChangeSet = field(factory=ChangeSet, eq=False)
    outcome: EntryOutcome = "unknown"
    undoes: str | None = None


@frozen
class Settle(_Step[None]):
    """Step: note in the journal what came of a PUT; `after`: the fields that it changed."""

    entry: int
    applied: bool
    after: Json | None = None


@frozen
class Recall(_Step[Sequence[Entry]]):
    """Step: entries of the journal, the latest first: of a conference, of a change set, one by its number, or all;
    `to_undo`: complain of a damaged one that may be the change to undo.
    """

    key: str | None = None
    to_undo: bool = False
    change_set: str | None = None
    entry: int | None = None


@frozen
class Members(_Step[Sequence[str]]):
    """Step: the ids of the conferences of a change set, in its order."""

    change_set: str
    key: None = None  # of all conferences


Step = Request | Wait | Acquire | Release | Record | Settle | Recall | Members
Steps = Generator[Step, Any, T]


@frozen
class Policy:
    timeout: float  # seconds for one attempt, and the longest single wait
    retries: int  # repeats of one request
    jitter: Callable[[], float]  # a random number from 0 to 1


def repeated(request: Request, policy: Policy) -> Steps[Done]:
    """Send a request that is safe to repeat until it is answered, or raise the last failure."""
    attempt = 0
    while not isinstance(outcome := (yield from request), Done):
        if isinstance(outcome, Refused) or attempt >= policy.retries:
            raise outcome.error
        yield from pause(attempt, outcome.error, policy)
        attempt += 1
    return outcome


def sent_once(request: Request, policy: Policy) -> Steps[Outcome]:
    """Send, and repeat only what the server certainly did not carry out: 429, or never sent."""
    attempt = 0
    while isinstance(outcome := (yield from request), Deferred | NotSent) and attempt < policy.retries:
        yield from pause(attempt, outcome.error, policy)
        attempt += 1
    return outcome


def pause(attempt: int, error: ConferencesError, policy: Policy) -> Steps[None]:
    """Wait as `Retry-After` says (raise where that is too long), else exponential backoff with jitter."""
    asked = error.retry_after if isinstance(error, ApiError) else None
    if asked is None:
        longest = min(_FIRST_BACKOFF * 2 ** min(attempt, _MOST_DOUBLINGS), policy.timeout)
        asked = longest * (0.5 + 0.5 * policy.jitter())
    elif asked > policy.timeout:
        raise error
    yield from Wait(asked)
