"""Every error of the package, one base to catch.

    ConferencesError
    ├── ConfigurationError        the client cannot be built as asked
    ├── InvalidChangeError        before any request: an input is wrong
    ├── UnsafeUpdateError         before the PUT: something cannot be carried over
    ├── ConflictError             somebody else changed the same field
    ├── VerificationError         after the PUT: the server did not keep what it had to keep
    ├── InvalidResponseError      an answer that nothing safe can be built on
    ├── JournalError              the journal cannot be read or written: nothing more is sent
    ├── ApiError                  the server refused or failed
    │   ├── AuthenticationError   401
    │   ├── PermissionDeniedError 403
    │   ├── NotFoundError         404
    │   ├── ValidationError       422
    │   ├── RateLimitError        429
    │   └── ServerError           5xx
    └── TransportError            no answer came

A message says what happened, to which conference, what state it is in as far as that is known, and what to do.
"""

import copyreg
import enum
import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, cast

from attrs import frozen

from .contract import Json

_LONGEST_SHOWN, _LONGEST_QUOTED = 80, 1000  # characters
_NO_PUT = "No PUT was sent; the conference is unchanged."
_COME_BACK = "`before` of this error is what it was: name what is to come back in an update, or `undo` with a journal."


def short_repr(value: object) -> str:
    """A value as a message shows it: its repr, shortened where it is long."""
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return f"{value[:_LONGEST_SHOWN]!r}… ({len(value)} characters)"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # a message must not fail on the value that it complains of
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def excerpts(*values: object) -> list[str]:
    """Values side by side as a message shows them: long texts from shortly before they differ."""
    texts = [value for value in values if isinstance(value, str) and len(value) > _LONGEST_SHOWN]
    common = sum(1 for _ in itertools.takewhile(lambda marks: len(set(marks)) == 1, zip(*texts, strict=False)))
    start = common - _LONGEST_SHOWN // 4 if len(texts) == len(values) else 0
    if start <= _LONGEST_SHOWN // 2:
        return [short_repr(value) for value in values]
    return [f"…{text[start : start + _LONGEST_SHOWN]!r}… ({len(text)} characters)" for text in texts]


def printable(text: str) -> str:
    """Text of a server, safe for a terminal and in one line: control characters and direction marks escaped."""
    return "".join(
        mark if mark.isprintable() or unicodedata.category(mark) == "Zs" else mark.encode("unicode_escape").decode()
        for mark in text
    )


def quoted(text: str) -> str:
    """What a server says, as a message quotes it: printable, and shortened where it is long."""
    text = printable(text)
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}…"


def _bullets(lines: Iterable[object]) -> str:
    return "".join(f"\n  - {line}" for line in lines)


class State(enum.Enum):
    """What is known of a conference when a call fails, as the sentence that the error says."""

    UNCHANGED = "The conference is unchanged by this call."
    DONE = "The change was carried out and verified before."
    DEFERRED = "The server put the PUT off, so it was most likely not carried out."
    MATCH_FAILED = "The server refused the PUT; it is unknown only whether a proxy repeated one that was carried out."
    UNKNOWN = "A PUT was sent, and it is unknown whether it was carried out."
    MAY_LAND = f"{UNKNOWN} It may still land."
    LACKING = "Read again since, the conference lacks the change."
    LACKING_MAY_LAND = f"{LACKING} The PUT whose outcome is unknown may still land."
    SEEN = "The PUT was carried out; read again since, this is how the conference is now."
    ANSWERED = "This is what the PUT was answered with; the conference could not be read again since."

    @property
    def is_open(self) -> bool:
        """Whether a PUT may have been carried out of which nothing is known yet."""
        return self in (State.DEFERRED, State.MATCH_FAILED, State.UNKNOWN, State.MAY_LAND)

    @property
    def after_a_read(self) -> "State":
        """What it is once the conference was read again and lacks the change."""
        lacking = State.LACKING_MAY_LAND if self is State.MAY_LAND else State.LACKING
        return lacking if self.is_open else self

    def after(self, other: "State") -> "State":
        """What is known after a PUT whose own outcome is this one, and `other` was known before."""
        return max(self, other, key=list(State).index)


@dataclass(eq=False, repr=False)
class ConferencesError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: what happened, and to which conference.
        conference_id: the conference that the call was about, `None` where it was about none.
        state: what is known of the conference now; empty where there is nothing to say.
        advice: what to do next; may be empty.
        status_code: HTTP status of an `ApiError`; `None` for every other.
        body: the body of the answer, decoded where it is JSON; `None` where there is none.
        request_id: the server's id of the request, where it sent one.
        method: "GET", "PUT", "POST" or "DELETE" of the request that failed; `None` where no request did.
        url: its whole URL, with the query; `None` likewise.
        headers: those of its answer, names in lower case; `None` where no answer came.
    """

    message: str
    _: KW_ONLY
    conference_id: str | None = None
    state: str = ""
    advice: str = ""
    status_code: int | None = None
    body: Any = None
    request_id: str | None = None
    method: str | None = None
    url: str | None = None
    headers: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        self.args = (self.message,)

    def __str__(self) -> str:
        between = "\n" if "\n" in self.message else " "
        return between.join(filter(None, (self.message, " ".join(filter(None, (self.state, self.advice))))))

    def __reduce__(self) -> tuple[Any, ...]:
        # Past `__init__`, whose keyword-only parameters defeat pickling: what cannot be unpickled hangs a process pool.
        return cast(Any, copyreg).__newobj__, (type(self), *self.args), vars(self)


def closed_client(conference_id: str | None = None) -> ConferencesError:
    return ConferencesError("This client is closed.", conference_id=conference_id, advice="Make a new one.")


class ConfigurationError(ConferencesError, ValueError):
    """The client cannot be built as asked; the message names everything that is wrong."""


@frozen
class Problem:
    """One thing wrong with an input: the field or parameter, what was given, and what that breaks."""

    field: str
    value: Any
    rule: str

    def __str__(self) -> str:
        return f"{self.field}={short_repr(self.value)}: {self.rule}"


class InvalidChangeError(ConferencesError, ValueError):
    """An input is wrong. Raised before any request, with all problems at once.

    Attributes:
        problems: every problem found.
    """

    def __init__(
        self, problems: Sequence[Problem], *, conference_id: str | None = None, sent: str = "no request was sent"
    ) -> None:
        self.problems = tuple(problems)
        about = f" for conference {conference_id!r}" if conference_id is not None else ""
        super().__init__(f"Invalid input{about}; {sent}:{_bullets(problems)}", conference_id=conference_id)


class UnsafeUpdateError(ConferencesError):
    """The PUT would lose something that was not named in the call, so it was not sent.

    Attributes:
        at_risk: field name -> what would become of it, in words.
    """

    def __init__(self, conference_id: str, at_risk: Mapping[str, str], *, state: str = _NO_PUT, advice: str) -> None:
        self.at_risk = dict(at_risk)
        lines = _bullets(map(": ".join, at_risk.items()))
        message = f"Conference {conference_id!r} cannot be updated without a loss:{lines}"
        super().__init__(message, conference_id=conference_id, state=state, advice=advice)


@frozen
class Conflict:
    """A field that somebody else changed: its value when we read it, theirs on the server now, ours as asked for."""

    field: str
    before: Any
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        ours, before, theirs = (f"\n      {value}\n    " for value in excerpts(self.ours, self.before, self.theirs))
        return f"{self.field}\n    <<<<<<< ours{ours}||||||| before{before}======={theirs}>>>>>>> theirs"


class ConflictError(ConferencesError):
    """Somebody else changed a field that this call changes too.

    Attributes:
        conflicts: each such field with the value before, theirs and ours.
        field: name of the first of them.
        before: its value when we read it.
        theirs: its value on the server now.
        ours: the value that was asked for.
    """

    def __init__(self, conference_id: str, conflicts: Sequence[Conflict], *, state: str, advice: str = "") -> None:
        self.conflicts, first = tuple(conflicts), conflicts[0]
        self.field, self.before, self.theirs, self.ours = first.field, first.before, first.theirs, first.ours
        message = f"Conference {conference_id!r} was changed by somebody else:{_bullets(conflicts)}"
        advice = advice or "Look at both values, then call again with the one that is to stay."
        super().__init__(message, conference_id=conference_id, state=state, advice=advice)


@frozen
class Difference:
    """A field whose value after the PUT is not what it had to be, with what the server answered."""

    field: str
    expected: Any
    actual: Any

    def __str__(self) -> str:
        expected, actual = excerpts(self.expected, self.actual)
        return f"{self.field}: expected {expected}, the server has {actual}"


class VerificationError(ConferencesError):
    """The PUT was carried out, and the server did not keep what it had to keep.

    Attributes:
        differences: each field with what was expected and what came.
        before: the whole conference as it was read before the PUT, JSON as the server sent it.
    """

    def __init__(self, conference_id: str, differences: Sequence[Difference], before: Json, *, state: str) -> None:
        self.differences, self.before = tuple(differences), dict(before)
        message = f"The server did not keep conference {conference_id!r} as it had to:{_bullets(differences)}"
        super().__init__(message, conference_id=conference_id, state=state, advice=_COME_BACK)


class InvalidResponseError(ConferencesError):
    """A successful answer that nothing safe can be built on: not JSON, of another conference, incomplete, too long."""


class JournalError(ConferencesError):
    """The journal cannot be read or written, so no PUT can be sent safely. Ends an `update_many`."""


@dataclass(eq=False, repr=False)
class ApiError(ConferencesError):
    """The server answered with an error status.

    Attributes:
        errors: the entries of a 422 body, or an empty list; JSON as the server sent it.
        reason: the text of `{"error": ...}`, or `None`.
        retry_after: seconds that the server asks to wait, or `None`.
    """

    _: KW_ONLY
    status_code: int
    errors: list[Any] = field(default_factory=list)
    reason: str | None = None
    retry_after: float | None = None


class AuthenticationError(ApiError):
    """401: the credentials are missing or wrong."""


class PermissionDeniedError(ApiError):
    """403: the token lacks the scope Video."""


class NotFoundError(ApiError):
    """404: there is no such conference in this space."""


class ValidationError(ApiError):
    """422: the server refused the values; `errors` has an entry for each."""


class RateLimitError(ApiError):
    """429: the rate limit of the space is used up."""


class ServerError(ApiError):
    """5xx: the server failed."""


class TransportError(ConferencesError):
    """No answer came: connection refused or dropped, or a time-out."""


# What programs written for the vendor's SDK catch.
SignalWireRestError = ConferencesError
SignalWireRestTransportError = TransportError
