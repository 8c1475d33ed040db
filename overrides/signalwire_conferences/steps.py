"""Steps: all that an operation asks of the world, and all that can come of it.

An operation of this package is a generator. It yields a step, is sent back what came of it, and
returns its result; it does no I/O and never sleeps. The clients are short loops that carry the
steps out, with blocking calls or with `await`. `result = yield from step` is how to take one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from attrs import field, frozen

from .errors import ApiError, ConferencesError, RateLimitError, TransportError
from .plan import Entry

T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)

_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.25, 8.0  # seconds
_MOST_DOUBLINGS = 16  # to stay within the range of a float


@frozen
class Done:
    """Carried out, and answered with what the request expects: decoded JSON, and a strong ETag if any."""

    body: Any
    etag: str | None = None


@frozen
class Refused:
    """Certainly not carried out, and a repetition would be refused too."""

    error: ConferencesError


@frozen
class Deferred:
    """429: put off, so most likely not carried out."""

    error: RateLimitError


@frozen
class NotSent:
    """Nothing of it reached the server."""

    error: TransportError


@frozen
class Unknown:
    """It may have been carried out; `may_land`: or may still be, later."""

    error: ConferencesError
    may_land: bool


Outcome = Done | Refused | Deferred | NotSent | Unknown


class _Step(Generic[R_co]):
    """What `yield from` a step gives: the loops send back what the step says."""

    def __iter__(self) -> Generator[Step, Any, R_co]:
        result: R_co = yield self  # type: ignore[misc]  # every subclass is in the union
        return result


@frozen
class Request(_Step[Outcome]):
    """Step: send this request, once.

    Attributes:
        expects: what a usable answer is: a conference (of the id `about`, if that is given), a
            page, or nothing.
        about: the id of the conference.
    """

    method: str
    path: str
    expects: Literal["conference", "page", "nothing"]
    query: Mapping[str, Any] = field(factory=dict)
    content: bytes | None = None
    headers: Mapping[str, str] = field(factory=dict)
    about: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@frozen
class Wait(_Step[None]):
    """Step: wait this many seconds."""

    seconds: float


@frozen
class Acquire(_Step[None]):
    """Step: take the caller's lock of this conference."""

    conference_id: str


@frozen
class Release(_Step[None]):
    """Step: give the lock back."""


@frozen
class Record(_Step[int]):
    """Step: put the before-image on disk, with what the PUT is to lead to; gives the entry's number."""

    key: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@frozen
class Settle(_Step[None]):
    """Step: note in the journal what came of a PUT; `after`: the fields that it changed."""

    entry: int
    applied: bool
    after: Mapping[str, Any] | None = None


@frozen
class Recall(_Step[Sequence[Entry]]):
    """Step: the journal's entries of a conference, the latest first; `to_undo`: none that is older than a
    damaged one, which may be the change to undo.
    """

    key: str
    to_undo: bool = False


Step = Request | Wait | Acquire | Release | Record | Settle | Recall
Steps = Generator[Step, Any, T]


@frozen
class Policy:
    """How often and how long.

    Attributes:
        timeout: seconds for one attempt, and the longest single wait.
        retries: repeats of one request.
        jitter: a random number from 0 to 1.
    """

    timeout: float
    retries: int
    jitter: Callable[[], float]


def repeated(request: Request, policy: Policy) -> Steps[Done]:
    """Send a request that is safe to repeat until it is answered, or raise the last failure."""
    for attempt in itertools.count():
        match (yield from request):
            case Done() as done:
                return done
            case Refused(error):
                raise error
            case Deferred(error) | NotSent(error) | Unknown(error):
                if attempt >= policy.retries:
                    raise error
                yield from pause(attempt, error, policy)
    raise AssertionError("unreachable")


def pause(attempt: int, error: ConferencesError, policy: Policy) -> Steps[None]:
    """Wait before the next attempt: what `Retry-After` says, else exponential backoff with jitter.

    Raises:
        ConferencesError: the given error, where the server asks for a longer wait than allowed.
    """
    asked = error.retry_after if isinstance(error, ApiError) else None
    if asked is None:
        longest = min(_FIRST_BACKOFF * 2 ** min(attempt, _MOST_DOUBLINGS), _LONGEST_BACKOFF, policy.timeout)
        asked = longest * (0.5 + 0.5 * policy.jitter())
    elif asked > policy.timeout:
        raise error
    yield from Wait(asked)
