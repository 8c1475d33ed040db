"""What the documents leave open: the readings that are allowed, and which of them a server follows."""

from attrs import frozen

from ..trying.bench import Bench
from ..trying.exchange import Exchange

__all__ = ["OPEN_QUESTIONS", "Question", "refused"]

_PAGE, _CODES, _FILE = "the page of the API", "the vendor's error codes", "the vendor's OpenAPI file"
_BOTH_NAMED = f"{_PAGE} names 400 and 422"
_SEALED = f"{_PAGE} says nothing of it, {_FILE} seals its objects"
_EITHER_STATUS = ("refused with 400", "refused with 422")


@frozen
class Question:
    """Something that the documents leave open.

    Attributes:
        id: its name.
        question: what is open.
        documents: which documents leave it open, and how.
        readings: what a server may do. It has to do one of them throughout a run, in every operation.
    """

    id: str
    question: str
    documents: str
    readings: tuple[str, ...] = ("accepted", *_EITHER_STATUS)


_QUESTIONS = (
    Question(
        "missing-display-name",
        "Which status does a body without the required display_name get?",
        f"{_PAGE} names 400 and 422, and says of neither that it is the one",
        _EITHER_STATUS,
    ),
    Question("empty-body", "Which status does an empty body get?", _BOTH_NAMED, _EITHER_STATUS),
    Question("no-object", "Which status does JSON get that is not an object?", _BOTH_NAMED, _EITHER_STATUS),
    Question(
        "blank-display-name",
        "May a display_name be empty or blank?",
        f"{_PAGE} gives no least length, {_CODES} list blank or empty as an error",
    ),
    Question(
        "reversed-window",
        "May a window end before it starts?",
        f"{_PAGE} says nothing of it, {_CODES} list invalid_join_until_date",
    ),
    Question("unknown-properties", "What becomes of a property that no document knows?", _SEALED),
    Question("server-owned-properties", "What becomes of a property in a body that only the server sets?", _SEALED),
    Question("nul", "May a text hold the character NUL?", f"{_PAGE} says nothing of it"),
    Question(
        "fraction-of-a-second",
        "What becomes of the fraction of a second?",
        f"{_PAGE} shows whole seconds, RFC 3339 allows any number of digits",
        ("kept", "cut or rounded"),
    ),
    Question(
        "unchanged-put",
        "Does a PUT that changes nothing raise updated_at?",
        f"{_PAGE} calls it the time of the last update, and says nothing of one that changes nothing",
        ("updated_at is raised", "updated_at is left"),
    ),
    Question(
        "open-times",
        "Are times taken that RFC 3339 allows at its edges: leap seconds that there were not, the year 0?",
        f"{_PAGE} says RFC 3339, which leaves it to who reads them",
    ),
    Question(
        "json-by-its-form",
        "Is application/*+json JSON?",
        f"{_PAGE} says application/json, RFC 6839 that the others are JSON too",
    ),
    Question(
        "name-of-the-deleted",
        "May a create have the name of a conference that was deleted?",
        f"{_PAGE} says that names are unique, not for how long",
    ),
)
OPEN_QUESTIONS = {one.id: one for one in _QUESTIONS}


def refused(bench: Bench, question: str, exchange: Exchange, case: str = "") -> bool:
    """Whether a request was refused that may be, so that there is nothing more to look at."""
    reading = f"refused with {exchange.status}" if exchange.status in (400, 422) else "accepted"
    if reading in OPEN_QUESTIONS[question].readings:
        bench.reads(question, case, reading, exchange)
    return exchange.status in (400, 422)
