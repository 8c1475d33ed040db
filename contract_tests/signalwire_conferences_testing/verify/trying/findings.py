"""What a check can come to besides its end: a broken promise, with what shows it, or nothing to try."""

from collections.abc import Sequence
from typing import Any

from .claims import Claim, Part
from .exchange import Exchange


class Broken(Exception):  # noqa: N818 - it is a finding, not an error
    """The promise is broken."""

    def __init__(self, message: str, claim: Claim, *evidence: Exchange, causes: Sequence[tuple[Any, ...]] = ()) -> None:
        super().__init__(message)
        self.message = message  # what was seen, and what the contract says
        self.claim = claim  # what is not so
        self.evidence: Sequence[Exchange] = evidence  # further requests that belong to the story
        self.causes = tuple(causes)  # what other promises may find too; findings with one cause are told once

    @property
    def focus(self) -> list[Exchange]:
        return sorted({*self.claim.exchanges, *self.evidence}, key=lambda one: one.number)


class SetupFailed(Broken):
    """The server failed before the promise was tried: a plain valid request did not do its work."""


class NotExercised(Exception):  # noqa: N818 - likewise
    """The promise could not be tried; the text says why."""


def demand(message: str, part: Part, how: str, want: Any = None, *evidence: Exchange, so: object | None = None) -> None:
    """Raises `Broken` unless a part of an answer is what it has to be; `how` and `want` as in `Claim`.

    `so`: whether it is, where the claim, which a script has to understand, does not say all that is meant.
    """
    claim = Claim(part, how, want)
    if not (claim.is_so if so is None else so):
        raise Broken(message, claim, *evidence)
