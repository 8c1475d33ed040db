"""What a promise is: a sentence of the contract, and a function that tries to see it broken."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import Factory, define, frozen

from ..trying.exchange import Exchange

if TYPE_CHECKING:
    from ..trying.bench import Bench

__all__ = [
    "Broken",
    "Category",
    "Needs",
    "NotExercised",
    "Outcome",
    "Promise",
    "Result",
    "SetupFailed",
    "ensure",
    "promise",
    "registered",
]


class Category(enum.Enum):
    """What kind of fault breaks a promise. The names of the members begin the ids of promises."""

    PUT = "meaning of PUT"
    STATUS = "status codes"
    REFUSES = "accepts what it must refuse"
    ACCEPTS = "refuses what it must accept"
    AUTH = "authentication"
    STATE = "state"
    ISOLATION = "isolation between conferences"
    SCHEMA = "response schemas"
    HEADERS = "headers and content types"
    DATES = "dates"
    LIST = "paging and list filters"
    GENERIC = "generic findings of Schemathesis"


class Needs(enum.Enum):
    """What a promise has to be allowed to do."""

    READING = "reading"
    WRITING = "its own conferences, which it may create here only with --write"
    CONFERENCE = "a conference that it may write to, named with --conference"


class Outcome(enum.Enum):
    """What became of a promise."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_EXERCISED = "not exercised"


class Broken(Exception):  # noqa: N818 - it is a finding, not an error
    """The promise is broken.

    Attributes:
        message: what was seen, and what the contract says.
        evidence: the requests that show it, in order.
    """

    def __init__(self, message: str, *evidence: Exchange) -> None:
        super().__init__(message)
        self.message = message
        self.evidence = evidence


class SetupFailed(Broken):
    """The server failed before the promise was tried: a plain valid request did not do its work."""


class NotExercised(Exception):  # noqa: N818 - likewise
    """The promise could not be tried; the text says why."""


@frozen
class Promise:
    """A promise of the contract.

    Attributes:
        id: its name, `category/what`.
        sentence: what is promised.
        check: tries to see it broken; `None` where it is watched in all exchanges of the run.
        needs: what it has to be allowed to do.
        order: the cheap and likely ones have low numbers.
    """

    id: str
    sentence: str
    check: Callable[[Bench], None] | None
    needs: Needs = Needs.WRITING
    order: int = 50

    @property
    def category(self) -> Category:
        """The kind of fault that breaks it."""
        return Category[self.id.partition("/")[0].upper()]


@define
class Result:
    """What became of a promise in a run.

    Attributes:
        promise: the promise.
        outcome: kept, broken or not exercised.
        message: what was seen, or why it was not exercised.
        evidence: the requests that show it.
        commands: what repeats them, where the promise is broken.
        notes: what is no failure and yet worth a word.
        seconds: how long it took.
        requests: how many requests it took.
    """

    promise: Promise
    outcome: Outcome
    message: str = ""
    evidence: Sequence[Exchange] = ()
    commands: Sequence[str] = ()
    notes: list[str] = Factory(list)
    seconds: float = 0.0
    requests: int = 0


_registered: dict[str, Promise] = {}


def promise(
    name: str, sentence: str, *, needs: Needs = Needs.WRITING, order: int = 50
) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Registers a function as the check of a promise."""

    def register(check: Callable[[Bench], None]) -> Callable[[Bench], None]:
        if name in _registered:
            raise ValueError(f"two promises are called {name}")
        _registered[name] = Promise(name, sentence, check, needs, order)
        return check

    return register


def registered() -> Iterator[Promise]:
    """The promises registered so far, cheap and likely ones first."""
    return iter(sorted(_registered.values(), key=lambda one: one.order))


def ensure(condition: object, message: str, *evidence: Exchange) -> None:
    """Raises `Broken` unless the condition holds."""
    if not condition:
        raise Broken(message, *evidence)
