"""How a server is to be verified, and what was found."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import Factory, define, field, frozen

from ..promises.promises import Outcome, Result

__all__ = ["CannotRun", "Options", "Report"]


class CannotRun(Exception):  # noqa: N818 - it is an outcome
    """The server cannot be verified; the text says why and what to do."""


@frozen
class Options:
    """How a server is verified.

    Attributes:
        url: base URL, without `/api/video`.
        project: project id.
        token: API token.
        writes: whether conferences may be created.
        conference_id: an existing conference that may be written to.
        seed: of the random choices.
        budget: seconds for all of it.
        timeout: seconds for one request.
        fail_fast: whether the first broken promise ends the run.
        only: beginnings of the ids of the promises to try; none for all.
    """

    url: str
    project: str
    token: str = field(repr=False)
    writes: bool = True
    conference_id: str | None = None
    seed: int = 0
    budget: float = 50.0
    timeout: float = 10.0
    fail_fast: bool = False
    only: tuple[str, ...] = ()


@define
class Report:
    """What a verification found.

    Attributes:
        options: how it was done.
        results: what became of each promise.
        notes: what is no failure and yet worth a word.
        leftovers: ids of conferences that an earlier run left behind.
        stayed: ids of conferences of this run that could not be removed.
        seconds: how long it took.
        requests: how many requests it took.
        stopped: why it ended early; empty where it did not.
        failed: whether it ended because the server did not answer any more.
        faults: checks that did not come to an end, by a fault of their own or an answer that they did
            not expect.
    """

    options: Options
    results: list[Result] = Factory(list)
    notes: list[str] = Factory(list)
    leftovers: list[str] = Factory(list)
    stayed: list[str] = Factory(list)
    seconds: float = 0.0
    requests: int = 0
    stopped: str = ""
    failed: bool = False
    faults: list[str] = Factory(list)

    def having(self, outcome: Outcome) -> list[Result]:
        """The results with this outcome."""
        return [result for result in self.results if result.outcome is outcome]

    @property
    def could_not_run(self) -> bool:
        """Whether something kept it from finding what there may be."""
        return self.failed or bool(self.faults) or not (self.having(Outcome.KEPT) or self.broken)

    @property
    def remarks(self) -> Iterator[str]:
        """What people have to know besides the promises."""
        yield from self.notes
        yield from self.faults
        if self.leftovers:
            yield (
                f"{len(self.leftovers)} conferences of an earlier run are still there;"
                " --remove-leftovers removes them"
            )
        if self.stayed:
            yield self.stayed_remark
        if self.stopped:
            yield self.stopped

    @property
    def stayed_remark(self) -> str:
        """Names the conferences that could not be removed."""
        return f"these conferences of this run could not be removed: {', '.join(self.stayed)}"

    @property
    def broken(self) -> list[Result]:
        """The broken promises."""
        return self.having(Outcome.BROKEN)
