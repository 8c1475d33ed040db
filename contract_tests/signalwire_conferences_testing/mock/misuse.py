"""Mistakes in the use of the mock, reported at once and by name."""

import difflib
from collections.abc import Iterable

from signalwire_conferences_testing import schemas

__all__ = ["Misuse", "checked_names", "near_miss"]

# Similarity of two names, from 0 to 1, from which on one is taken for a typing error.
_NEAR = 0.8


class Misuse(ValueError):  # noqa: N818 - named after what it is
    """An input of the mock is wrong.

    Attributes:
        problems: a sentence for each problem.
    """

    def __init__(self, what: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{what}:" + "".join(f"\n  - {problem}" for problem in self.problems))


def near_miss(name: str) -> str | None:
    """The field of the contract that was probably meant by this unknown name."""
    known = schemas.answer_fields()
    close = () if name in known else difflib.get_close_matches(name, known, 1, _NEAR)
    return close[0] if close else None


def checked_names(names: str | Iterable[str]) -> None:
    """Accepts names that the contract does not know, as fields of a newer server, unless they look like typing errors.

    Raises:
        Misuse: a name looks like a typing error.
    """
    given = [names] if isinstance(names, str) else list(names)
    wrong = [f"{name!r}: did you mean {meant!r}?" for name in given if (meant := near_miss(name))]
    if wrong:
        raise Misuse("there is no such field", wrong)
