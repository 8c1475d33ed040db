"""Every error of the package, one base to catch.

    ConferencesError
    ├── ConfigurationError        the client cannot be built as asked
    ├── InvalidChangeError        before any request: an input is wrong
    ├── UnsafeUpdateError         before the PUT: something cannot be carried over
    ├── ConflictError             somebody else changed the same field
    ├── VerificationError         after the PUT: the server lost or changed something
    ├── InvalidResponseError      a successful answer that cannot be used safely
    ├── JournalError              the journal cannot be read or written: nothing more is sent
    ├── ApiError                  the server refused or failed
    │   ├── AuthenticationError   401
    │   ├── PermissionDeniedError 403
    │   ├── NotFoundError         404
    │   ├── ValidationError       422
    │   ├── RateLimitError        429
    │   └── ServerError           5xx
    └── TransportError            no answer arrived

A message says what happened, to which conference, what is known about its state, and what to do next.
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
_RESTORE = "`before` of this error has the old values: restore them with an update, or with `undo` and a journal."


def short_repr(value: object) -> str:
    """The repr of a value, truncated if it is long."""
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return f"{value[:_LONGEST_SHOWN]!r}… ({len(value)} characters)"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # the message must not fail because of the value
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def excerpts(*values: object) -> list[str]:
    """Short forms of values to be compared. Long texts start shortly before the first difference."""
    texts = [value for value in values if isinstance(value, str) and len(value) > _LONGEST_SHOWN]
    common = sum(1 for _ in itertools.takewhile(lambda marks: len(set(marks)) == 1, zip(*texts, strict=False)))
    start = common - _LONGEST_SHOWN // 4 if len(texts) == len(values) else 0
    if start <= _LONGEST_SHOWN // 2:
        return [short_repr(value) for value in values]
    return [f"…{text[start : start + _LONGEST_SHOWN]!r}… ({len(text)} characters)" for text in texts]


def printable(text: str) -> str:
    """Text from a server on one line, safe for a terminal: control characters and direction marks are escaped."""
    return "".join(
        mark if mark.isprintable() or unicodedata.category(mark) == "Zs" else mark.encode("unicode_escape").decode()
        for mark in text
    )


def quoted(text: str) -> str:
    """Text from a server for use in a message: printable, and truncated if it is long."""
    text = printable(text)
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}…"


def _bullets(lines: Iterable[object]) -> str:
    return "".join(f"\n  - {line}" for line in lines)


class State(enum.Enum):
    """What is known about a conference when a call fails. The value is the sentence in the error."""

    UNCHANGED = "The conference is unchanged by this call."
    DONE = "The change was made and verified earlier in this call."
    DEFERRED = "The server asked to retry the PUT later, so it was most likely not carried out."
    MATCH_FAILED = "The server refused the PUT; it is unknown whether a proxy repeated one that was carried out."
    UNKNOWN = "A PUT was sent, and it is unknown whether it was carried out."
    MAY_LAND = f"{UNKNOWN} It may still land."
    LACKING = "The conference was read again and lacks the change."
    LACKING_MAY_LAND = f"{LACKING} The PUT whose outcome is unknown may still land."
    SEEN = "The PUT was carried out; the values shown were read after it."
    ANSWERED = "The values shown are from the answer to the PUT; reading the conference again failed."

    @property
    def is_open(self) -> bool:
        """Whether the outcome of a PUT is still unknown."""
        return self in (State.DEFERRED, State.MATCH_FAILED, State.UNKNOWN, State.MAY_LAND)

    @property
    def after_a_read(self) -> "State":
        """The state once the conference was read again and does not have the change."""
        lacking = State.LACKING_MAY_LAND if self is State.MAY_LAND else State.LACKING
        return lacking if self.is_open else self

    def after(self, other: "State") -> "State":
        """The state after a PUT that ended in this one, if `other` was the state before it."""
        return max(self, other, key=list(State).index)


@dataclass(eq=False, repr=False)
class ConferencesError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: what happened, and to which conference.
        conference_id: the conference, or `None` if the call was not about a single one.
        state: what is known about the conference now; may be empty.
        advice: what to do next; may be empty.
        status_code: HTTP status of an `ApiError`, else `None`.
        body: the body of the answer, decoded if it is JSON; `None` if there is none.
        request_id: the server's id of the request, if it sent one.
        method: "GET", "PUT", "POST" or "DELETE" of the failed request; `None` if no request failed.
        url: the whole URL of that request, with the query; else `None`.
        headers: the headers of its answer, names in lower case; `None` if there was no answer.
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
        # `__init__` has keyword-only parameters, which pickle cannot pass. An error that cannot be unpickled hangs a
        # process pool.
        return cast(Any, copyreg).__newobj__, (type(self), *self.args), vars(self)


def closed_client(conference_id: str | None = None) -> ConferencesError:
    return ConferencesError("This client is closed.", conference_id=conference_id, advice="Make a new one.")


class ConfigurationError(ConferencesError, ValueError):
    """The client cannot be built as asked. The message names every problem."""


@frozen
class Problem:
    """One problem of an input: the field or parameter, the value, and the rule that it breaks."""

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
    """The PUT would lose a value that the call does not name, so it was not sent.

    Attributes:
        at_risk: field name -> what would happen to it, in words.
    """

    def __init__(self, conference_id: str, at_risk: Mapping[str, str], *, state: str = _NO_PUT, advice: str) -> None:
        self.at_risk = dict(at_risk)
        lines = _bullets(map(": ".join, at_risk.items()))
        message = f"Conference {conference_id!r} cannot be updated without losing values:{lines}"
        super().__init__(message, conference_id=conference_id, state=state, advice=advice)


@frozen
class Conflict:
    """A field that somebody else changed: the value that we read, theirs (on the server now), and ours (asked for)."""

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
        conflicts: each such field, with the value before, theirs and ours.
        field: name of the first of them.
        before: the value that we read.
        theirs: the value on the server now.
        ours: the value that was asked for.
    """

    def __init__(self, conference_id: str, conflicts: Sequence[Conflict], *, state: str, advice: str = "") -> None:
        self.conflicts, first = tuple(conflicts), conflicts[0]
        self.field, self.before, self.theirs, self.ours = first.field, first.before, first.theirs, first.ours
        message = f"Conference {conference_id!r} was changed by somebody else:{_bullets(conflicts)}"
        advice = advice or "Compare the two values, then call again with the one to keep."
        super().__init__(message, conference_id=conference_id, state=state, advice=advice)


@frozen
class Difference:
    """A field whose value after the PUT is not the expected one."""

    field: str
    expected: Any
    actual: Any

    def __str__(self) -> str:
        expected, actual = excerpts(self.expected, self.actual)
        return f"{self.field}: expected {expected}, the server has {actual}"


class VerificationError(ConferencesError):
    """The PUT was carried out, but the conference is not as it should be.

    Attributes:
        differences: each wrong field, with the expected and the actual value.
        before: the whole conference as it was read before the PUT, JSON as the server sent it.
    """

    def __init__(self, conference_id: str, differences: Sequence[Difference], before: Json, *, state: str) -> None:
        self.differences, self.before = tuple(differences), dict(before)
        message = f"After the PUT, conference {conference_id!r} is not as it should be:{_bullets(differences)}"
        super().__init__(message, conference_id=conference_id, state=state, advice=_RESTORE)


class InvalidResponseError(ConferencesError):
    """A successful answer that cannot be used safely: not JSON, another conference, incomplete, too long."""


class JournalError(ConferencesError):
    """The journal cannot be read or written, so no PUT can be sent safely. It ends an `update_many`."""


@dataclass(eq=False, repr=False)
class ApiError(ConferencesError):
    """The server answered with an error status.

    Attributes:
        errors: the entries of a 422 body, JSON as the server sent it; else an empty list.
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
    """No answer arrived: the connection was refused or dropped, or timed out."""


# What programs written for the vendor's SDK catch.
SignalWireRestError = ConferencesError
SignalWireRestTransportError = TransportError
