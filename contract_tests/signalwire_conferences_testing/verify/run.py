"""One verification of a server: every promise in order, and what became of it."""

import random
import time
import traceback
from collections.abc import Callable, Sequence

from attrs import evolve

from signalwire_conferences.values import one_spelling

from .promises import Needs, Promise, promises
from .telling.finding import Teller
from .telling.masking import Mask
from .telling.report import Outcome, Report, Result
from .trying.api import Api, BadLink, NoAnswer, OutOfTime
from .trying.bench import Bench, Enough
from .trying.claims import Claim, status
from .trying.created import NAME_PREFIX, CreatedConferences, NotOurs
from .trying.credentials import basic, wrong_credentials
from .trying.exchange import Exchange
from .trying.findings import Broken, NotExercised, SetupFailed
from .trying.options import Options
from .trying.replacing import reset_values
from .trying.surroundings import CannotRun, look_around, of_run, reach
from .watching import Passing, Watching

__all__ = ["TIME_TO_CLEAN", "Progress", "verify"]

_SETUP, _DOCUMENTED = "status/success", "status/documented"
#: Where only promises on all answers were asked for, these make some.
_TRAFFIC = (
    "status/success",
    "status/gone",
    "status/malformed",
    "refuses/each-attribute",
    "auth/missing-write",
    "list/way-back",
)
_FATAL_SILENCE = 3  # promises in a row to which no answer came
_UNSEEN = "conferences of this run may still be there that were created without an answer"
_CLEANING_TIME = 2.0  # seconds of the budget that are kept for the end
TIME_TO_CLEAN = 15.0  # seconds, whatever the budget was
_MOST_REPEATED = 5  # findings of a promise

#: Called before a promise is tried (`None`) and when its result is there.
Progress = Callable[[Promise, Result | None], None]


def verify(
    options: Options,
    progress: Progress = lambda _promise, _result: None,
    consent: Callable[[Sequence[str]], bool] = lambda _ids: False,
) -> Report:
    """Verifies a server.

    Args:
        options: how.
        progress: called before a promise is tried, and when its result is there.
        consent: whether these conferences, which an earlier run left behind, are to be removed.

    Raises:
        CannotRun: there is nothing that could be verified.
    """
    report = Report(options)
    try:
        run = _Run(options, report, progress)
    except (OSError, ValueError) as error:
        raise CannotRun(f"{error}") from None
    try:
        reach(run.api, options.conference_id)
        try:
            run.carry_out(consent)
        except (NoAnswer, OutOfTime) as silence:
            report.stopped, report.failed = str(silence), True
        except KeyboardInterrupt as interruption:
            report.stopped, report.interrupted = "interrupted", True
            report.notes += getattr(interruption, "__notes__", ())
            run.lost_answers = True
        except BaseException as error:
            run.lost_answers = True
            notes = [*getattr(error, "__notes__", ()), *run.clean(), report.stayed_remark]
            error.__notes__ = [run.mask(one) for one in notes if one]
            raise
        report.notes += run.clean()
        run.conclude()
    except CannotRun as error:
        raise CannotRun(run.mask(str(error))) from None
    finally:
        report.seconds, report.requests = time.monotonic() - run.started, run.api.sent
        run.api.close()
    return report


class _Run:
    def __init__(self, options: Options, report: Report, progress: Progress) -> None:
        self.options, self.report, self.progress = options, report, progress
        self.started = time.monotonic()
        self.chosen = [one for one in promises() if options.wants(one.id)]
        right = basic(f"{options.project}:{options.token}", "Basic <the right pair>", right=True)
        deadline = self.started + max(options.budget - _CLEANING_TIME, options.budget / 2)
        self.api = Api(options.url, right, timeout=options.timeout, deadline=deadline)
        self.created = CreatedConferences(self.api, writes=options.writes, named=options.conference_id)
        self.watching = Watching(self.api, self.created)
        self.mask = Mask(options.project, options.token, right)
        self.teller = Teller(options, self.api, self.created, self.mask)
        wrong = wrong_credentials(options.project, options.token)
        self.bench = Bench(self.api, self.created, options, wrong)
        self.silent = 0  # promises in a row to which no answer came
        self.lost_answers = False  # whether a create may have been carried out of which we do not know the id
        self.passed: dict[str, Result] = {}  # what was found in passing, by promise

    # --- trying -----------------------------------------------------------------------------------

    def carry_out(self, consent: Callable[[Sequence[str]], bool]) -> None:
        around = self.bench.around = look_around(self.api)
        self.created.before = {one_spelling(one) for one in around.ids}
        leftovers = self.report.leftovers = around.leftovers
        if leftovers and consent(leftovers):
            self.report.leftovers = [one for one in leftovers if not self.created.remove_leftover(one)]
        if self.options.only and any(one.watch for one in self.chosen):
            for one in promises():
                if one.id.startswith(_TRAFFIC) and one not in self.chosen:
                    self._attempt(one)
            self.bench.causes.clear()  # what they found nobody is told
        for promise in self.chosen:
            if promise.check is not None and not self.report.stopped:
                self.progress(promise, None)
                self._add(self._attempt(promise))
                self._stop()

    def _add(self, result: Result) -> None:
        self.report.results.append(result)
        self.progress(result.promise, self.mask.result(result))

    def _stop(self) -> None:
        """Ends the run where there is a reason after the promise that was tried last."""
        if self.silent >= _FATAL_SILENCE:
            self.report.stopped, self.report.failed = "the server stopped answering", True
        elif self.options.fail_fast and (self.report.results[-1].outcome is Outcome.BROKEN or self.watching.broken):
            self.report.stopped = "stopped at the first broken promise (--fail-fast)"

    def _attempt(self, promise: Promise) -> Result:
        """Tries one promise, and removes what it made."""
        started, sent = time.monotonic(), self.api.sent
        log = self.watching.begin()
        rng = random.Random(f"{self.options.seed} {promise.id}")
        bench = evolve(self.bench, rng=rng, log=log, found=[], because=[], blamed=[])
        result = self._outcome(promise, bench, log)
        self._tell_passing()
        self.created.remove()
        result.seconds, result.requests = time.monotonic() - started, self.api.sent - sent
        return result

    def _outcome(self, promise: Promise, bench: Bench, log: list[Exchange]) -> Result:
        why = self._tried(promise, bench)
        for cause in (cause for one in bench.found for cause in one.causes):
            bench.causes.setdefault(cause, promise.id)
        for blamed, broken in bench.blamed:
            # Findings that are those of another promise, which may not have been tried.
            if broken.causes and not any(cause in bench.causes for cause in broken.causes):
                bench.causes |= dict.fromkeys(broken.causes, blamed)
                self.watching.passing.append(Passing(blamed, broken, log))
        if bench.found:
            return self._broken(promise, bench.found, log)
        because = [one for one in bench.because if one[0] != promise.id]
        if because:
            roots = list(dict.fromkeys(root for root, _ in because))
            shown = self.teller.finding(promise, because[0][1], log)
            return Result(promise, Outcome.BROKEN, f"as {', '.join(roots)}", [shown], roots)
        return Result(promise, Outcome.NOT_EXERCISED if why else Outcome.KEPT, why)

    def _tried(self, promise: Promise, bench: Bench) -> str:
        """Why a check did not come to its end; empty where it did. What it found, the bench has."""
        silent, self.silent = self.silent, 0
        unwritable = promise.needs is Needs.WRITING and not self.options.writes
        if unwritable or (promise.needs is Needs.CONFERENCE and self.options.conference_id is None):
            return f"it needs {promise.needs.value}"
        try:
            if promise.check is not None:
                promise.check(bench)
        except SetupFailed as failed:
            bench.blamed.append((_SETUP, failed))
            return failed.message
        except Broken as broken:
            bench.take(broken)
        except Enough:
            pass
        except OutOfTime as late:
            self.report.late.append(promise.id)
            return str(late)
        except (NotExercised, NotOurs, BadLink) as obstacle:
            return str(obstacle)
        except NoAnswer as silence:
            self.silent = silent + 1
            self.lost_answers |= silence.exchange.method == "POST"
            message = f"{silence.exchange.method}: {silence.why}"
            bench.take(Broken(message, Claim(status(silence.exchange), "at least", 100)))
        except Exception as error:  # noqa: BLE001 - one check must not end the others, whatever is wrong with it
            # An answer that a promise on all answers found wrong, or a fault of the check.
            where = traceback.extract_tb(error.__traceback__)[-1]
            why = f"the check did not come to its end ({error!r} at {where.name}:{where.lineno})"
            self.report.faults.append(f"{promise.id}: {why}")
            return why
        return ""

    def _broken(self, promise: Promise, found: Sequence[Broken], log: Sequence[Exchange]) -> Result:
        self.created.remove()
        findings = [self.teller.finding(promise, one, log, again=n < _MOST_REPEATED) for n, one in enumerate(found)]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return Result(promise, Outcome.BROKEN, f"{found[0].message}{more}", findings)

    # --- what was seen in passing, and at the end ---------------------------------------------------

    def _tell_passing(self, *, again: bool = True) -> None:
        passing, self.watching.passing = self.watching.passing, []
        for one in passing:
            promise = next(known for known in promises() if known.id == one.promise_id)
            if promise.watch is not None and not self.options.wants(promise.id):
                continue
            result = self.passed.setdefault(promise.id, Result(promise, Outcome.BROKEN, one.broken.message))
            result.findings.append(self.teller.finding(promise, one.broken, one.log, again=again))

    def conclude(self) -> None:
        """What is known at the end only."""
        report, causes = self.report, self.bench.causes
        self._tell_passing(again=False)
        tried = [one.promise for one in report.results]
        for one in (one for one in self.chosen if one.watch is None and one not in tried):
            report.results.append(Result(one, Outcome.NOT_EXERCISED, report.stopped))
        for one in (one for one in self.chosen if one.watch is not None):
            unseen = Result(one, Outcome.NOT_EXERCISED, "no answer that it is about came up")
            report.results.append(Result(one, Outcome.KEPT) if one.id in self.watching.seen else unseen)
        for passed in self.passed.values():
            result = next((one for one in report.results if one.promise is passed.promise), None)
            if result is None:
                report.results.append(passed)
                continue
            known = {one.message for one in result.findings}
            result.findings += [one for one in passed.findings if one.message not in known]
            if result.outcome is not Outcome.BROKEN:
                result.outcome, result.message = Outcome.BROKEN, passed.message
        for result in report.broken:
            if result.promise.id == _DOCUMENTED:
                about = self.watching.broken[_DOCUMENTED].claim.part.exchange
                if root := causes.get(("status", about.operation_id, (200,), about.status)):
                    result.because, result.message = [root], f"as {root}"
        self._note()
        self.mask.report(report)

    def _note(self) -> None:
        """What is worth a word besides the promises."""
        report = self.report
        if report.late:
            seconds = f"{self.options.budget:g} seconds were too little for {len(report.late)} promises"
            report.notes.append(f"{seconds}; a larger --budget, such as {4 * self.options.budget:g}, gives them more")
        report.readings = {
            question: {case: reading for case, (reading, _) in cases.items()}
            for question, cases in self.bench.readings.items()
        }
        reset = reset_values(self.bench.resets)
        if reset and not any(cause[0] == "reset" for cause in self.bench.causes):
            # Otherwise what it was reset to may have been no reset at all.
            report.notes.append(f"left out of a PUT, {reset}; the vendor documents none of it")

    def clean(self) -> list[str]:
        """Removes the conferences of this run. What is worth a word of that is returned."""
        self.api.extend(TIME_TO_CLEAN)
        report, created, whole = self.report, self.created, True
        unseen = f"{_UNSEEN}: their names begin with {NAME_PREFIX}{created.mark}"
        try:
            report.stayed = created.remove(stuck_too=True)
            if self.lost_answers or self.watching.broken or report.broken:
                # A create may have been carried out all the same. The name tells.
                found, whole = of_run(self.api, created.marks)
                created.adopt(found)
                report.stayed = created.remove(stuck_too=True) if whole or found else report.stayed
        except KeyboardInterrupt:
            report.stayed, report.interrupted, whole = created.there, True, False
        remarks = [] if whole else [unseen]
        if created.unproven:
            ids = ", ".join(one[:80] for one in created.unproven)
            remarks.append(f"not removed, because they are not known to be this run's own: {ids}")
        return remarks
