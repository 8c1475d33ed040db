"""What a promise is: a sentence of the contract, and a function that tries to see it broken."""

import enum
from collections.abc import Callable, Iterator

from attrs import frozen

from ..trying.bench import Bench
from ..trying.claims import Claim
from ..trying.exchange import Exchange

__all__ = ["Category", "Check", "Needs", "Promise", "Seen", "Watch", "promise", "promises", "watch"]


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


#: Tries to see a promise broken; raises `Broken` where it is.
Check = Callable[[Bench], None]
#: What is wrong with an answer, and what has to be; an empty text for nothing, `None` where the promise
#: is not about it.
Seen = tuple[str, Claim] | str | None
Watch = Callable[[Exchange], Seen]


@frozen
class Promise:
    """A promise of the contract.

    Attributes:
        id: its name, `category/what`.
        sentence: what is promised.
        check: tries to see it broken.
        watch: looks at every answer of the run.
        needs: what it has to be allowed to do.
        order: the cheap and likely ones have low numbers.
    """

    id: str
    sentence: str
    check: Check | None = None
    watch: Watch | None = None
    needs: Needs = Needs.WRITING
    order: int = 50

    @property
    def category(self) -> Category:
        """The kind of fault that breaks it."""
        return Category[self.id.partition("/")[0].upper()]


_known: dict[str, Promise] = {}


def _add(one: Promise) -> Promise:
    if _known.setdefault(one.id, one) is not one:
        raise ValueError(f"two promises are called {one.id}")
    return one


def promise(name: str, sentence: str, order: int, needs: Needs = Needs.WRITING) -> Callable[[Check], Promise]:
    """Makes a function the check of a promise."""
    return lambda check: _add(Promise(name, sentence, check, None, needs, order))


def watch(name: str, sentence: str) -> Callable[[Watch], Promise]:
    """Makes a function a look at every answer. Answers come up in any run."""
    return lambda look: _add(Promise(name, sentence, None, look, Needs.READING, 1000))


def promises() -> Iterator[Promise]:
    """Every promise: those with a check, cheap and likely ones first, then watches."""
    return iter(sorted(_known.values(), key=lambda one: one.order))
