"""How a server is to be verified, and what was found."""

import datetime
import enum
from collections.abc import Iterator, Mapping, Sequence

from attrs import Factory, define

from signalwire_conferences import __version__

from ..promises import Category, Promise
from ..promises.open_questions import OPEN_QUESTIONS, Question
from ..trying.exchange import Exchange
from ..trying.options import Options


class Outcome(enum.Enum):
    """What became of a promise."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_EXERCISED = "not exercised"


@define
class Finding:
    """One thing that is wrong."""

    message: str  # what was seen, and what the contract says
    sent: str = ""
    received: str = ""
    expected: str = ""
    where: str = ""  # where the contract says so
    commands: Sequence[str] = ()  # for a shell, one for each request that shows it
    script: str = ""  # for bash; its status is 1 where the fault is there
    seen_again: bool = False  # whether the run sent these requests a second time and saw the same
    exchanges: Sequence[Exchange] = ()

    @property
    def details(self) -> Mapping[str, str]:
        """What was sent and came, and what the contract says of it where."""
        return {"sent": self.sent, "received": self.received, "expected": self.expected, "says": self.where}


@define
class Result:
    """What became of a promise in a run."""

    promise: Promise
    outcome: Outcome
    message: str = ""  # what was seen, or why it was not exercised
    findings: list[Finding] = Factory(list)
    because: Sequence[str] = ()  # promises without which this one might be kept
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

    @property
    def script(self) -> str:
        """A script that shows the first finding."""
        return self.findings[0].script if self.findings else ""


@define
class Report:
    """What a verification found."""

    options: Options
    results: list[Result] = Factory(list)
    notes: list[str] = Factory(list)  # what is no failure and yet worth a word
    readings: Mapping[str, Mapping[str, str]] = Factory(dict)  # question -> case -> how the server reads it
    leftovers: list[str] = Factory(list)  # ids of conferences that an earlier run left behind
    stayed: list[str] = Factory(list)  # ids of conferences of this run that could not be removed
    seconds: float = 0.0
    requests: int = 0
    stopped: str = ""  # why it ended early
    failed: bool = False  # whether that is because the server did not answer any more
    interrupted: bool = False  # whether somebody ended it
    late: list[str] = Factory(list)  # ids of promises for which the budget was too small
    faults: list[str] = Factory(list)  # checks that a fault of their own, or an odd answer, kept from their end
    date: datetime.datetime = Factory(lambda: datetime.datetime.now(datetime.UTC))

    def having(self, outcome: Outcome) -> list[Result]:
        return [result for result in self.results if result.outcome is outcome]

    @property
    def counts(self) -> Mapping[str, int]:
        return {outcome.value: len(self.having(outcome)) for outcome in Outcome}

    @property
    def broken(self) -> list[Result]:
        return self.having(Outcome.BROKEN)

    @property
    def shown(self) -> list[Result]:
        """The results to tell of."""
        return self.broken if self.options.only_broken else self.results

    @property
    def by_category(self) -> Mapping[Category, list[Result]]:
        """The same, where there are some."""
        found = {category: [one for one in self.shown if one.promise.category is category] for category in Category}
        return {category: results for category, results in found.items() if results}

    @property
    def could_not_run(self) -> bool:
        """Whether something kept it from finding what there may be, such as a budget too small for half of it."""
        too_slow = self.late and 2 * len(self.late) >= len(self.results)
        return bool(self.failed or self.interrupted or self.faults or too_slow) or not (
            self.having(Outcome.KEPT) or self.broken
        )

    @property
    def remarks(self) -> Iterator[str]:
        """What people have to know besides the promises."""
        yield from (*self.notes, *self.faults)
        if self.leftovers:
            number = len(self.leftovers)
            yield f"{number} conferences of an earlier run are still there; --remove-leftovers removes them"
        yield from filter(None, (self.stayed_remark, self.stopped))

    @property
    def stayed_remark(self) -> str:
        """Names the conferences that could not be removed; empty where there are none."""
        said = "these conferences of this run could not be removed"
        return f"{said}: {', '.join(self.stayed)}" if self.stayed else ""

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
        found = []
        for name, question in OPEN_QUESTIONS.items():
            cases = self.readings.get(name, {})
            told = set(cases.values())
            reading = "; ".join(told if len(told) == 1 else (f"{case}: {one}" for case, one in cases.items()))
            found += [(question, reading)] if cases else []
        return found

    @property
    def about(self) -> Mapping[str, str]:
        """What every report tells of itself."""
        date, seed = self.date.isoformat(timespec="seconds"), str(self.options.seed)
        return {"url": self.options.url, "date": date, "version": __version__, "seed": seed}

    @property
    def how(self) -> str:
        """Who found it, where, when, and how to try the same again."""
        when = self.date.strftime("%Y-%m-%d %H:%M UTC")
        spent = f"{self.requests} requests in {self.seconds:.1f} s, seed {self.options.seed}"
        return f"{self.options.url}, {when}, signalwire-conferences {__version__}, {spent}"


def printable(said: str) -> str:
    """Without control characters, which a terminal would obey and XML has no place for."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in said)
