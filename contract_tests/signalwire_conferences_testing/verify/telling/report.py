"""How a server is to be verified, and what was found."""

from __future__ import annotations

import datetime
import enum
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence

from attrs import Factory, define, field, frozen

from ..promises.open_questions import OPEN_QUESTIONS, Question
from ..promises.promise import Promise
from ..trying.exchange import Exchange

__all__ = ["Finding", "Options", "Outcome", "Report", "Result", "about", "version"]


class Outcome(enum.Enum):
    """What became of a promise."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_EXERCISED = "not exercised"


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
class Finding:
    """One thing that is wrong.

    Attributes:
        message: what was seen, and what the contract says.
        sent: the request that was answered so.
        received: what came.
        expected: what the contract says of it.
        where: where it says so.
        commands: a shell command for each request that shows it.
        script: a script for bash that shows it.
        seen_again: whether the run sent these requests a second time and saw the same.
        exchanges: the requests.
    """

    message: str
    sent: str = ""
    received: str = ""
    expected: str = ""
    where: str = ""
    commands: Sequence[str] = ()
    script: str = ""
    seen_again: bool = False
    exchanges: Sequence[Exchange] = ()


@define
class Result:
    """What became of a promise in a run.

    Attributes:
        promise: the promise.
        outcome: kept, broken or not exercised.
        message: what was seen, or why it was not exercised.
        findings: all that was seen, where it is broken by itself.
        because: the promises that it is broken because of, where it is not broken by itself.
        seconds: how long it took.
        requests: how many requests it took.
    """

    promise: Promise
    outcome: Outcome
    message: str = ""
    findings: list[Finding] = Factory(list)
    because: Sequence[str] = ()
    seconds: float = 0.0
    requests: int = 0

    @property
    def evidence(self) -> Sequence[Exchange]:
        """The requests that show the first finding."""
        return self.findings[0].exchanges if self.findings else ()

    @property
    def commands(self) -> Sequence[str]:
        """A shell command for each of them."""
        return self.findings[0].commands if self.findings else ()


@define
class Report:
    """What a verification found.

    Attributes:
        options: how it was done.
        results: what became of each promise.
        notes: what is no failure and yet worth a word.
        readings: how the server reads what the documents leave open: question -> case -> reading.
        leftovers: ids of conferences that an earlier run left behind.
        stayed: ids of conferences of this run that could not be removed.
        seconds: how long it took.
        requests: how many requests it took.
        stopped: why it ended early; empty where it did not.
        failed: whether it ended because the server did not answer any more.
        faults: checks that did not come to an end, by a fault of their own or an answer that they did
            not expect.
        date: when it was.
    """

    options: Options
    results: list[Result] = Factory(list)
    notes: list[str] = Factory(list)
    readings: Mapping[str, Mapping[str, str]] = Factory(dict)
    leftovers: list[str] = Factory(list)
    stayed: list[str] = Factory(list)
    seconds: float = 0.0
    requests: int = 0
    stopped: str = ""
    failed: bool = False
    faults: list[str] = Factory(list)
    date: datetime.datetime = Factory(lambda: datetime.datetime.now(datetime.UTC))

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
                f"{len(self.leftovers)} conferences of an earlier run are still there; --remove-leftovers removes them"
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

    @property
    def roots(self) -> list[tuple[Result, list[str]]]:
        """The promises that are broken by themselves, each with those that are broken because of it."""
        found = {one.promise.id: [one.promise.id] for one in self.broken if not one.because}
        for due in found.values():
            for one in self.broken * 2:
                if set(one.because) & set(due) and one.promise.id not in due:
                    due.append(one.promise.id)
        return [(one, found[one.promise.id][1:]) for one in self.broken if one.promise.id in found]

    @property
    def open_questions(self) -> list[tuple[Question, str]]:
        """What the documents leave open, each with the reading of this server."""
        return [
            (OPEN_QUESTIONS[name], _reading(self.readings[name])) for name in OPEN_QUESTIONS if self.readings.get(name)
        ]

    @property
    def how(self) -> str:
        """Who found it, where, when, and how to try the same again."""
        when = self.date.strftime("%Y-%m-%d %H:%M UTC")
        spent = f"{self.requests} requests in {self.seconds:.1f} s, seed {self.options.seed}"
        return f"{self.options.url}, {when}, signalwire-conferences {version()}, {spent}"


def _reading(cases: Mapping[str, str]) -> str:
    """One reading, where it is the same in all cases."""
    if len(set(cases.values())) == 1:
        return next(iter(cases.values()))
    return "; ".join(f"{case}: {reading}" for case, reading in cases.items())


def about(report: Report) -> dict[str, str]:
    """What every report tells of itself."""
    options = report.options
    return {
        "url": options.url,
        "date": report.date.isoformat(timespec="seconds"),
        "version": version(),
        "seed": str(options.seed),
    }


def version() -> str:
    """The version of this project."""
    return importlib.metadata.version("signalwire-conferences")
