"""Mistakes in how the mock is used, told at once and by name."""

import difflib
from collections.abc import Iterable

from signalwire_conferences_testing import schemas

__all__ = ["Misuse", "checked_names", "near_miss"]

# How alike two names are, from 0 to 1, for one to be taken for a slip of the pen.
_NEAR = 0.8


class Misuse(ValueError):  # noqa: N818 - named after what it is
    """Something that was given to the mock is wrong.

    Attributes:
        problems: a sentence for each thing that is.
    """

    def __init__(self, what: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{what}:" + "".join(f"\n  - {problem}" for problem in self.problems))


def near_miss(name: str) -> str | None:
    """The field of the contract that this name, which it does not have, was probably meant to be."""
    known = schemas.answer_fields()
    close = () if name in known else difflib.get_close_matches(name, known, 1, _NEAR)
    return close[0] if close else None


def checked_names(names: str | Iterable[str]) -> None:
    """A field that the contract does not know is one of a newer server, unless it looks like a slip of the pen.

    Raises:
        Misuse: it does.
    """
    given = [names] if isinstance(names, str) else list(names)
    wrong = [f"{name!r}: did you mean {meant!r}?" for name in given if (meant := near_miss(name))]
    if wrong:
        raise Misuse("there is no such field", wrong)
