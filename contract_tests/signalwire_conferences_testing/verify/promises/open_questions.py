"""What the documents leave open, as the file beside this module lists it, and which reading a server follows."""

from collections.abc import Sequence
from importlib import resources

import yaml
from attrs import frozen

from ..trying.bench import Bench
from ..trying.exchange import Exchange

__all__ = ["OPEN_QUESTIONS", "Question", "refused"]


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
    readings: Sequence[str] = ("accepted", "refused with 400", "refused with 422")


_known = yaml.safe_load(resources.files(__package__ or "").joinpath("open_questions.yaml").read_text("utf-8"))
OPEN_QUESTIONS = {name: Question(name, **said) for name, said in _known.items()}


def refused(bench: Bench, question: str, exchange: Exchange, case: str = "") -> bool:
    """Whether a request was refused that may be, so that there is nothing more to look at."""
    reading = f"refused with {exchange.status}" if exchange.status in (400, 422) else "accepted"
    if reading in OPEN_QUESTIONS[question].readings:
        bench.reads(question, case, reading, exchange)
    return exchange.status in (400, 422)
