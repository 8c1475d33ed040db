"""One verification of a server: every promise in order, and what became of it."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlsplit

from .promises.catalogue import promises
from .promises.generic import GENERIC, examine
from .promises.promises import Broken, Category, Needs, NotExercised, Outcome, Promise, Result, SetupFailed
from .promises.watches import WATCHED, WATCHES
from .telling.report import CannotRun, Options, Report
from .trying.api import SPENT, Api, NoAnswer, OutOfTime, basic
from .trying.bench import Bench
from .trying.credentials import wrong_credentials
from .trying.exchange import Exchange, same_id
from .trying.masking import Mask
from .trying.own import NAME_PREFIX, Own, remove_all
from .trying.resets import Resets
from .trying.surroundings import Surroundings, look_around, of_run, reach

__all__ = ["Progress", "verify"]

_SETUP = "status/success"
#: Where only promises on all answers were asked for, these make some.
_TRAFFIC = (
    *("status/success", "status/gone", "status/malformed", "status/invalid"),
    *("auth/missing-write", "list/again"),
)
_FATAL_SILENCE = 3  # promises in a row to which no answer came
_SCHEMATHESIS = 0.16  # its share of the budget
_UNSEEN = "conferences of this run may still be there that were created without an answer"
_CLEANING_TIME = 2.0  # seconds of the budget that are kept for the end

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
    run = _Run(options)
    report = Report(options)
    try:
        reach(run.api)
        chosen = [one for one in promises() if _is_chosen(one, options.only)]
        try:
            _look(run, report, chosen, consent)
            _try_all(run, report, [one for one in chosen if one.check is not None], progress)
            _generic(run, report, [one for one in chosen if one in GENERIC.values()], progress)
        except (NoAnswer, OutOfTime) as silence:
            report.stopped, report.failed = str(silence), True
        except BaseException as error:
            run.lost_answers = True
            for remark in _clean(run, report):
                error.add_note(remark)
            if report.stayed:
                error.add_note(report.stayed_remark)
            run.mask.error(error)
            raise
        report.notes += _clean(run, report)
        report.faults = run.faults
        report.results += [run.watched(one) for one in chosen if one.id in WATCHED]
        _blame_setup(report)
        late = [one for one in report.having(Outcome.NOT_EXERCISED) if one.message == SPENT]
        if late:
            report.notes.append(
                f"the budget was spent before {len(late)} promises; a larger --budget tries more"
            )
        report.notes += [note for result in report.results for note in result.notes]
        if not any(one.promise.category is Category.PUT for one in report.broken):
            # Otherwise what it was reset to may have been no reset at all.
            report.notes += run.resets.notes()
        run.mask.report(report)
    except CannotRun as error:
        raise CannotRun(run.mask(str(error))) from None
    finally:
        report.seconds, report.requests = time.monotonic() - run.started, run.api.sent
        run.api.close()
    return report


def _look(
    run: _Run, report: Report, chosen: Sequence[Promise], consent: Callable[[Sequence[str]], bool]
) -> None:
    run.around = look_around(run.api)
    if report.options.only and any(one.id in WATCHED for one in chosen):
        for one in promises():
            if one.id in _TRAFFIC:
                run.attempt(one)
    report.leftovers = run.around.leftovers
    if report.leftovers and consent(report.leftovers):
        report.leftovers = remove_all(run.api, report.leftovers)


def _clean(run: _Run, report: Report) -> list[str]:
    """Removes the conferences of this run. What is worth a word of that is returned."""
    try:
        report.stayed = run.own.remove(run.api)
        whole = True
        if run.lost_answers:
            # A create may have been carried out all the same. The name tells.
            found, whole = of_run(run.api, run.own.run)
            report.stayed += remove_all(run.api, [one for one in found if one not in report.stayed])
    except KeyboardInterrupt as impatience:
        report.stayed = [run.mask(one) for one in run.own.there]
        impatience.add_note(
            report.stayed_remark if report.stayed else f"{_UNSEEN}: {NAME_PREFIX}{run.own.run}"
        )
        raise
    return [] if whole else [f"{_UNSEEN}: their names begin with {NAME_PREFIX}{run.own.run}"]


def _is_chosen(promise: Promise, only: Sequence[str]) -> bool:
    return not only or any(promise.id.startswith(start) for start in only)


def _try_all(run: _Run, report: Report, chosen: Sequence[Promise], progress: Progress) -> None:
    for promise in chosen:
        progress(promise, None)
        result = run.attempt(promise)
        report.results.append(result)
        progress(promise, run.mask.result(result))
        if run.silent >= _FATAL_SILENCE:
            report.stopped, report.failed = "the server stopped answering", True
            return
        if run.options.fail_fast and (result.outcome is Outcome.BROKEN or run.saw_broken):
            report.stopped = "stopped at the first broken promise (--fail-fast)"
            return


def _generic(run: _Run, report: Report, chosen: Sequence[Promise], progress: Progress) -> None:
    """What Schemathesis finds, if anything of it is wanted."""
    if not chosen:
        return
    progress(chosen[0], None)
    if not run.options.writes or report.stopped:
        why = report.stopped or f"it needs {Needs.WRITING.value}"
        found = [Result(one, Outcome.NOT_EXERCISED, why) for one in chosen]
    else:
        credentials = {
            "SIGNALWIRE_PROJECT_ID": run.options.project,
            "SIGNALWIRE_API_TOKEN": run.options.token,
        }
        share = run.options.budget * _SCHEMATHESIS
        run.lost_answers = True  # what it created just before its end, it may not have told
        found = examine(run.api, run.own, run.options.seed, share, credentials, run.saw)
    for result in found:
        report.results.append(result)
        progress(result.promise, run.mask.result(result))


def _blame_setup(report: Report) -> None:
    """Where plain requests failed and no promise was found to be broken by that, one is."""
    failed = [one for one in report.having(Outcome.NOT_EXERCISED) if one.evidence]
    if not failed or report.broken:
        return
    known = next((one for one in report.results if one.promise.id == _SETUP), None)
    if known is None:
        known = Result(next(one for one in promises() if one.id == _SETUP), Outcome.BROKEN)
        report.results.append(known)
    known.outcome, known.message, known.evidence = Outcome.BROKEN, failed[0].message, failed[0].evidence


class _Run:
    """The state of a verification.

    Attributes:
        silent: promises in a row to which no answer came.
        saw_broken: whether a promise on all answers was seen broken.
        lost_answers: whether a create may have been carried out of which we do not know the id.
        faults: checks that did not come to an end.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.own = Own()
        self.resets = Resets()
        self.around = Surroundings()
        self.silent = 0
        self.saw_broken = False
        self.lost_answers = False
        self.faults: list[str] = []
        self.started = time.monotonic()
        right = basic(f"{options.project}:{options.token}", "Basic <the right pair>", right=True)
        self.mask = Mask(options.project, options.token, right)
        self.api = Api(
            options.url,
            right,
            timeout=options.timeout,
            deadline=self.started + max(options.budget - _CLEANING_TIME, options.budget / 2),
            seen=self.saw,
            allows=self._allows,
        )
        self._seen: dict[str, Result] = {}
        self._wrong = wrong_credentials(options.project, options.token)

    def attempt(self, promise: Promise) -> Result:
        """Tries one promise, and removes what it made."""
        started, sent = time.monotonic(), self.api.sent
        bench = Bench(
            self.api,
            self.own,
            random.Random(f"{self.options.seed} {promise.id}"),
            self._wrong,
            self.resets,
            self.around,
            self.options.conference_id,
            self.options.writes,
        )
        result = self._outcome(promise, bench)
        self.own.tidy(self.api)
        result.notes = bench.notes
        result.seconds, result.requests = time.monotonic() - started, self.api.sent - sent
        return result

    def watched(self, promise: Promise) -> Result:
        """What was seen of a promise on all answers."""
        why = "no answer that it is about came up"
        return self._seen.get(promise.id, Result(promise, Outcome.NOT_EXERCISED, why))

    def _outcome(self, promise: Promise, bench: Bench) -> Result:
        silent, self.silent = self.silent, 0
        try:
            self._check(promise, bench)
        except SetupFailed as failed:
            return Result(promise, Outcome.NOT_EXERCISED, failed.message, failed.evidence)
        except Broken as broken:
            return Result(promise, Outcome.BROKEN, broken.message, broken.evidence)
        except NotExercised as not_exercised:
            return Result(promise, Outcome.NOT_EXERCISED, str(not_exercised))
        except NoAnswer as silence:
            self.silent = silent + 1
            self.lost_answers |= silence.exchange.method == "POST"
            message = f"{silence.exchange.method}: {silence.why}"
            return Result(promise, Outcome.BROKEN, message, (silence.exchange,))
        except OutOfTime as late:
            return Result(promise, Outcome.NOT_EXERCISED, str(late))
        except Exception as error:  # noqa: BLE001 - one check must not end the others, whatever is wrong with it
            # An answer that a promise on all answers found wrong, or a fault of the check.
            where = traceback.extract_tb(error.__traceback__)[-1]
            message = f"the check did not come to its end ({error!r} at {where.name}:{where.lineno})"
            self.faults.append(f"{promise.id}: {message}")
            return Result(promise, Outcome.NOT_EXERCISED, message)
        return Result(promise, Outcome.KEPT)

    def _check(self, promise: Promise, bench: Bench) -> None:
        lacking = (promise.needs is Needs.WRITING and not self.options.writes) or (
            promise.needs is Needs.CONFERENCE and self.options.conference_id is None
        )
        if lacking:
            raise NotExercised(f"it needs {promise.needs.value}")
        if promise.check is not None:
            promise.check(bench)

    def _allows(self, method: str, path: str) -> bool:
        """Whether a request may be sent in this run. Only what a run made, or was told to, is deleted."""
        if method in ("GET", "DELETE") or self.options.writes:
            return True
        named = self.options.conference_id
        return method == "PUT" and named is not None and same_id(unquote(path.rpartition("/")[2]), named)

    def saw(self, exchange: Exchange) -> None:
        """Looks at an exchange for the promises on all answers."""
        self.own.saw(exchange)
        if exchange.status == 429 or not exchange.usual:
            return
        for watch in WATCHES:
            wrong = watch.wrong(exchange)
            if wrong is None:
                continue
            result = self._seen.setdefault(watch.promise.id, Result(watch.promise, Outcome.KEPT))
            if wrong and result.outcome is Outcome.KEPT:
                result.outcome, self.saw_broken = Outcome.BROKEN, True
                result.message = f"{wrong} ({exchange})"
                result.evidence = (*self._maker_of(exchange), exchange)

    def _maker_of(self, exchange: Exchange) -> tuple[Exchange, ...]:
        maker = self.own.maker(urlsplit(exchange.url).path.rpartition("/")[2])
        return (maker,) if maker is not None and maker is not exchange else ()
