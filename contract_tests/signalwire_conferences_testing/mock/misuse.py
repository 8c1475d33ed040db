"""Mistakes in the use of the mock, reported at once and by name."""

import difflib
from collections.abc import Iterable

from signalwire_conferences_testing import schemas

__all__ = ["Misuse", "checked_names", "did_you_mean", "near_miss", "no_such_field", "problems_of"]

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


def no_such_field(name: str) -> str:
    """The sentence that says so."""
    meant = near_miss(name)
    return f"there is no field {name!r}{f'; did you mean {meant!r}?' if meant else ''}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known: the one that was probably meant, or all that are."""
    names = list(known)
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names) or 'none'}"


def problems_of(error: Exception) -> tuple[str, ...]:
    """Every problem that an error tells of."""
    return error.problems if isinstance(error, Misuse) else (str(error),)


def checked_names(names: str | Iterable[str]) -> None:
    """Accepts names that the contract does not know, as fields of a newer server, unless they look like typing errors.

    Raises:
        Misuse: a name looks like a typing error.
    """
    given = [names] if isinstance(names, str) else list(names)
    wrong = [no_such_field(name) for name in given if near_miss(name)]
    if wrong:
        raise Misuse("there is no such field", wrong)
