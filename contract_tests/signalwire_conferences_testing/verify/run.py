"""One verification of a server: every promise in order, and what became of it."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from signalwire_conferences.values import one_spelling

from .promises import Needs, Promise, promises
from .promises.generic import GENERIC, examine
from .telling.masking import Mask
from .telling.report import Finding, Options, Outcome, Report, Result
from .trying.api import SPENT, Api, BadLink, NoAnswer, OutOfTime
from .trying.bench import Bench, Causes, Enough
from .trying.claims import Claim, field, status
from .trying.created import NAME_PREFIX, CreatedConferences, NotOurs, is_leftover
from .trying.credentials import basic, wrong_credentials
from .trying.exchange import Exchange, encoded
from .trying.findings import Broken, NotExercised, SetupFailed
from .trying.readings import Readings
from .trying.resets import Resets
from .trying.story import Story, stories
from .trying.surroundings import CannotRun, Surroundings, look_around, of_run, reach

__all__ = ["Progress", "verify"]

_SETUP = "status/success"
_NEW_ID = "isolation/new-id"
#: Where only promises on all answers were asked for, these make some.
_TRAFFIC = (
    *("status/success", "status/gone", "status/malformed", "status/invalid"),
    *("auth/missing-write", "list/again"),
)
_FATAL_SILENCE = 3  # promises in a row to which no answer came
_SCHEMATHESIS = 0.16  # its share of the budget
_UNSEEN = "conferences of this run may still be there that were created without an answer"
_CLEANING_TIME = 2.0  # seconds of the budget that are kept for the end
_TIME_TO_CLEAN = 15.0  # seconds, whatever the budget was
_MOST_REPEATED = 5  # findings of a promise
_MOST_KEPT = 100_000  # bytes of an answer that is remembered
_MOST_LOGGED = 2**21  # bytes of all that are remembered while a promise is tried
_TIME_TO_REPEAT = 0.3  # of the budget: the most that findings are tried again

#: What Schemathesis finds by a check, and what was seen of it in every answer.
_SAME = {
    "status_code_conformance": "status/documented",
    "content_type_conformance": "headers/json",
    "response_headers_conformance": "headers/challenge",
    "response_schema_conformance": "schema/",
}

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
        reach(run.api)
        chosen = [one for one in promises() if not options.only or one.id.startswith(options.only)]
        try:
            run.look(chosen, consent)
            run.try_all([one for one in chosen if one.check is not None])
            run.generic([one for one in chosen if one in GENERIC.values()])
            run.tell_watched()
        except (NoAnswer, OutOfTime) as silence:
            report.stopped, report.failed = str(silence), True
        except BaseException as error:
            run.lost_answers = True
            for remark in run.clean():
                error.add_note(remark)
            if report.stayed:
                error.add_note(_stayed(report))
            run.mask.error(error)
            raise
        report.notes += run.clean()
        run.conclude(chosen)
    except CannotRun as error:
        raise CannotRun(run.mask(str(error))) from None
    finally:
        report.seconds, report.requests = time.monotonic() - run.started, run.api.sent
        run.api.close()
    return report


class _Run:
    """The state of a verification.

    Attributes:
        silent: promises in a row to which no answer came.
        saw_broken: whether a promise on all answers was seen broken.
        lost_answers: whether a create may have been carried out of which we do not know the id.
    """

    def __init__(self, options: Options, report: Report, progress: Progress) -> None:
        self.options = options
        self.report = report
        self.created = CreatedConferences(self._read)
        self.resets = Resets()
        self.readings = Readings()
        self.around = Surroundings()
        self.causes: Causes = {}
        self.silent = 0
        self.saw_broken = self.lost_answers = False
        self.started = time.monotonic()
        right = basic(f"{options.project}:{options.token}", "Basic <the right pair>", right=True)
        self.mask = Mask(options.project, options.token, right)
        self.api = Api(
            options.url,
            right,
            timeout=options.timeout,
            deadline=self.started + max(options.budget - _CLEANING_TIME, options.budget / 2),
            seen=self._saw,
            guard=self._guard,
        )
        self._progress = progress
        self._log: list[Exchange] = []
        self._logged = 0
        self._quiet = False
        self._repeating = 0.0
        self._seen: dict[str, Result] = {}
        self._watched_broken: list[tuple[Result, Broken, list[Exchange]]] = []
        self._blamed: dict[str, list[Finding]] = {}
        self._wrong = wrong_credentials(options.project, options.token)

    # --- trying -----------------------------------------------------------------------------------

    def look(self, chosen: Sequence[Promise], consent: Callable[[Sequence[str]], bool]) -> None:
        """Looks at what is there, and removes leftovers where that is wanted."""
        self.around = look_around(self.api)
        self.created.before = {one_spelling(one) for one in self.around.ids}
        leftovers = self.report.leftovers = self.around.leftovers
        if leftovers and consent(leftovers):
            self.report.leftovers = [one for one in leftovers if not self._remove_leftover(one)]
        if self.options.only and any(one.watch for one in chosen):
            for one in promises():
                if one.id in _TRAFFIC:
                    self.attempt(one)

    def try_all(self, chosen: Sequence[Promise]) -> None:
        """Tries promises."""
        for promise in chosen:
            self._progress(promise, None)
            result = self.attempt(promise)
            self._add(result)
            if self.silent >= _FATAL_SILENCE:
                self.report.stopped, self.report.failed = "the server stopped answering", True
                return
            if self.options.fail_fast and (result.outcome is Outcome.BROKEN or self.saw_broken):
                self.report.stopped = "stopped at the first broken promise (--fail-fast)"
                return

    def _add(self, result: Result) -> None:
        self.report.results.append(result)
        self._progress(result.promise, self.mask.result(result))

    def attempt(self, promise: Promise) -> Result:
        """Tries one promise, and removes what it made."""
        started, sent = time.monotonic(), self.api.sent
        self._log, self._logged = [], 0
        bench = Bench(
            self.api,
            self.created,
            random.Random(f"{self.options.seed} {promise.id}"),
            self._wrong,
            self.resets,
            self.readings,
            self.around,
            self.causes,
            self.options.conference_id,
            self.options.writes,
            self.options.fail_fast,
        )
        result = self._outcome(promise, bench)
        self.created.remove(self._delete, stuck_too=False)
        result.seconds, result.requests = time.monotonic() - started, self.api.sent - sent
        return result

    def _outcome(self, promise: Promise, bench: Bench) -> Result:
        log = self._log
        why = self._tried(promise, bench)
        if bench.found:
            causes = {cause: promise.id for one in bench.found for cause in one.causes}
            self.causes = bench.causes = {**causes, **self.causes}
        for blamed, finding in bench.blamed:
            self._blame(blamed, [finding], log)
        if bench.found:
            return self._broken(promise, bench.found, log)
        because = [one for one in bench.because if one[0] != promise.id]
        if because:
            roots = list(dict.fromkeys(root for root, _ in because))
            shown = self._finding(promise, because[0][1], list(log), again=True)
            return Result(promise, Outcome.BROKEN, f"as {', '.join(roots)}", [shown], roots)
        return Result(promise, Outcome.NOT_EXERCISED, why) if why else Result(promise, Outcome.KEPT)

    def _tried(self, promise: Promise, bench: Bench) -> str:
        """Why a check did not come to its end; empty where it did. What it found, the bench has."""
        silent, self.silent = self.silent, 0
        try:
            self._check(promise, bench)
        except SetupFailed as failed:
            bench.blamed.append((_SETUP, failed))
            return failed.message
        except Broken as broken:
            bench.take(broken)
        except Enough:
            pass
        except (NotExercised, NotOurs, BadLink, OutOfTime) as obstacle:
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

    def _check(self, promise: Promise, bench: Bench) -> None:
        lacking = (promise.needs is Needs.WRITING and not self.options.writes) or (
            promise.needs is Needs.CONFERENCE and self.options.conference_id is None
        )
        if lacking:
            raise NotExercised(f"it needs {promise.needs.value}")
        if promise.check is not None:
            promise.check(bench)

    def generic(self, chosen: Sequence[Promise]) -> None:
        """What Schemathesis finds, if anything of it is wanted."""
        if not chosen:
            return
        self._progress(chosen[0], None)
        self._log, self._logged = [], 0
        found: Mapping[str, Sequence[Broken]] = {}
        why = self.report.stopped or ("" if self.options.writes else f"it needs {Needs.WRITING.value}")
        if not why:
            share = self.options.budget * _SCHEMATHESIS
            pair = (self.options.project, self.options.token)
            self.lost_answers = True  # what it created just before its end, it may not have told
            try:
                found = examine(self.api, self.created.mark, self.options.seed, share, pair, self._saw)
            except NotExercised as not_exercised:
                why = str(not_exercised)
        log = list(self._log)
        for check, promise in GENERIC.items():
            if promise in chosen:
                # The shortest is the easiest to read.
                shortest = sorted(
                    found.get(check, ()), key=lambda one: len(f"{one.focus[0].url}{one.focus[0].content!r}")
                )
                if shortest:
                    result = self._broken(promise, shortest[:1], log)
                    result.because = [
                        one.promise.id
                        for one in self._seen.values()
                        if one.outcome is Outcome.BROKEN
                        and one.promise.id.startswith(_SAME.get(check, "nothing"))
                        and (not self.options.only or one.promise.id.startswith(self.options.only))
                    ]
                    self._add(result)
                else:
                    self._add(Result(promise, Outcome.NOT_EXERCISED if why else Outcome.KEPT, why))

    # --- findings ---------------------------------------------------------------------------------

    def _broken(self, promise: Promise, found: Sequence[Broken], log: Sequence[Exchange]) -> Result:
        log = list(log)
        self.created.remove(self._delete, stuck_too=False)
        findings = [self._finding(promise, one, log, again=number < _MOST_REPEATED) for number, one in enumerate(found)]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return Result(promise, Outcome.BROKEN, f"{found[0].message}{more}", findings)

    def _finding(self, promise: Promise, broken: Broken, log: Sequence[Exchange], *, again: bool) -> Finding:
        story = self._story(broken, log, again=again)
        claim, about = broken.claim, broken.claim.part.exchange
        sent = f"{about.method} {about.url}" + (f" {about.content[:300]!r}" if about.content else "")
        where = f"{about.operation_id or about.method} in openapi/conferences.yaml"
        return Finding(
            broken.message,
            sent,
            f"{about.status or 'no answer'}, {claim.received}",
            claim.expected,
            where,
            story.commands(),
            story.script(f"{promise.id}: {promise.sentence}\n{self.mask(broken.message)}"),
            story.seen_again,
            story.exchanges,
        )

    def _story(self, broken: Broken, log: Sequence[Exchange], *, again: bool) -> Story:
        """The shortest story that shows the finding when its requests are sent again."""
        shown: Story | None = None
        for story in stories(broken.claim, broken.evidence, log, self.created.marks, self.created.unknown):
            shown = shown or story
            if not again or not self.options.writes or self._repeating > self.options.budget * _TIME_TO_REPEAT:
                break
            begun, self._quiet = time.monotonic(), True
            try:
                story.seen_again = story.shows(self.api, self.created)
            except OutOfTime:
                break
            finally:
                self._quiet = False
                self.created.remove(self._delete, stuck_too=False)
                self._repeating += time.monotonic() - begun
            if story.seen_again:
                return story
        return shown or Story(broken.focus, broken.claim, self.created.marks, self.created.unknown)

    def tell_watched(self, *, again: bool = True) -> None:
        """The stories of what was seen in passing."""
        for result, broken, log in self._watched_broken:
            about = broken.claim.part.exchange
            root = self.causes.get(("status", about.operation_id, (200,), about.status))
            if root is not None and result.promise.id == "status/documented":
                result.because, result.message = [root], f"as {root}"
            if not result.findings:
                result.findings = [self._finding(result.promise, broken, log, again=again)]

    def _blame(self, promise_id: str, found: Iterable[Broken], log: Sequence[Exchange]) -> None:
        """Findings that are those of another promise, which may not have been tried."""
        for broken in found:
            if not broken.causes or any(cause in self.causes for cause in broken.causes):
                continue
            self.causes |= dict.fromkeys(broken.causes, promise_id)
            promise = next(one for one in promises() if one.id == promise_id)
            self._blamed.setdefault(promise_id, []).append(self._finding(promise, broken, list(log), again=True))

    def conclude(self, chosen: Sequence[Promise]) -> None:
        """What is known at the end only."""
        report = self.report
        self.tell_watched(again=False)
        for one in (one for one in chosen if one.watch is not None):
            unseen = Result(one, Outcome.NOT_EXERCISED, "no answer that it is about came up")
            report.results.append(self._seen.get(one.id, unseen))
        if _NEW_ID in self._seen and not any(
            one.promise.id == _NEW_ID and one.outcome is Outcome.BROKEN for one in report.results
        ):
            report.results = [one for one in report.results if one.promise.id != _NEW_ID]
            report.results.append(self._seen[_NEW_ID])
        for blamed, findings in self._blamed.items():
            result = next((one for one in report.results if one.promise.id == blamed), None)
            if result is None:
                result = Result(next(one for one in promises() if one.id == blamed), Outcome.KEPT)
                report.results.append(result)
            known = {one.message for one in result.findings}
            result.findings += [one for one in findings if one.message not in known]
            if result.outcome is not Outcome.BROKEN:
                result.outcome, result.message = Outcome.BROKEN, findings[0].message
        late = [one for one in report.having(Outcome.NOT_EXERCISED) if one.message == SPENT]
        if late:
            report.notes.append(f"the budget was spent before {len(late)} promises; a larger --budget tries more")
        report.readings = {name: self.readings.of(name) for name in self.readings.noted}
        if self.resets.reading() and not any(cause[0] == "reset" for cause in self.causes):
            # Otherwise what it was reset to may have been no reset at all.
            report.notes.append(f"left out of a PUT, {self.resets.reading()}; the vendor documents none of it")
        self.mask.report(report)

    def _saw(self, exchange: Exchange) -> None:
        """Looks at an exchange for the promises on all answers."""
        if exchange.creates:
            self._look_at_id(exchange)
        self.created.record(exchange)
        if self._quiet:
            return
        self._log.append(self._small(exchange))
        if exchange.status == 429 or not exchange.usual:
            return
        for promise in _watches():
            wrong = promise.watch(exchange) if promise.watch is not None else None
            if wrong is not None:
                self._watched(promise, exchange, wrong)

    def _small(self, exchange: Exchange) -> Exchange:
        """An exchange as it is remembered: where its answer is large, with what later requests need of it."""
        self._logged += len(exchange.answer)
        if len(exchange.answer) <= _MOST_KEPT and self._logged <= _MOST_LOGGED:
            return exchange
        small = self.api.exchange(
            exchange.method, exchange.url, exchange.headers, exchange.content, exchange.credentials
        )
        small.number, small.link, small.status = exchange.number, exchange.link, exchange.status
        if exchange.creates:
            small.answer = encoded({name: exchange.value.get(name) for name in ("id", "name")})
        return small

    def _watched(self, promise: Promise, exchange: Exchange, wrong: tuple[str, Claim] | str) -> None:
        result = self._seen.setdefault(promise.id, Result(promise, Outcome.KEPT))
        if isinstance(wrong, str) or result.outcome is Outcome.BROKEN:
            return
        message, claim = wrong
        self.saw_broken = True
        result.outcome, result.message = Outcome.BROKEN, f"{message} ({exchange})"
        self._watched_broken.append((result, Broken(result.message, claim), list(self._log)))

    def _look_at_id(self, exchange: Exchange) -> None:
        if self.created.answered_existing(exchange):
            promise = next(one for one in promises() if one.id == _NEW_ID)
            claim = Claim(field(exchange, "id"), "is not", exchange.creates)
            self._log.append(exchange)
            wrong = (f"a create was answered with the id {exchange.creates}, which a conference had already", claim)
            self._watched(promise, exchange, wrong)

    # --- what is written, and removed ---------------------------------------------------------------

    def _guard(self, method: str, conference_id: str | None) -> None:
        """Raises where a request might change a conference that this run did not create."""
        named = self.options.conference_id
        if named is not None and conference_id is not None and one_spelling(conference_id) == one_spelling(named):
            if method == "PUT":
                return
            raise NotOurs(f"{method} of the conference that --conference names")
        if method != "DELETE" and not self.options.writes:
            raise PermissionError(f"{method} {conference_id or ''} is not allowed in this run")
        if conference_id is not None and not self.created.prove(conference_id):
            raise NotOurs(f"{method} {conference_id} was not sent: the conference is not known to be this run's own")

    def _read(self, conference_id: str) -> Mapping[str, Any] | None:
        """The conference with an id, `None` where there is none."""
        quiet, self._quiet = self._quiet, True
        try:
            exchange = self.api.send("GET", self.api.path(conference_id))
        except (NoAnswer, OutOfTime) as silence:
            raise NotOurs(f"{conference_id} could not be read: {silence}") from None
        finally:
            self._quiet = quiet
        if exchange.status in (400, 404, 410, 422):
            return None
        if exchange.status != 200 or not isinstance(exchange.value, dict):
            raise NotOurs(f"{conference_id} could not be read: the answer was {exchange.status}")
        return exchange.value

    def _delete(self, conference_id: str) -> bool:
        try:
            return self.api.send("DELETE", self.api.path(conference_id)).status in (204, 404, 200)
        except (NoAnswer, OutOfTime, NotOurs):
            return False

    def _remove_leftover(self, conference_id: str) -> bool:
        """Deletes a conference that an earlier run left behind, if it is one when it is read."""
        found = self._read(conference_id)
        if found is None:
            return True
        if not is_leftover(found):
            return False
        self.created.allow(conference_id)
        return self._delete(conference_id)

    def clean(self) -> list[str]:
        """Removes the conferences of this run. What is worth a word of that is returned."""
        self.api.deadline = max(self.api.deadline, time.monotonic() + _TIME_TO_CLEAN)
        report, whole = self.report, True
        try:
            report.stayed = self.created.remove(self._delete)
            if self.lost_answers or self.saw_broken or report.broken:
                # A create may have been carried out all the same. The name tells.
                found, whole = of_run(self.api, self.created.marks)
                self.created.adopt(found)
                report.stayed = self.created.remove(self._delete)
        except KeyboardInterrupt as impatience:
            report.stayed = [self.mask(one) for one in self.created.there]
            left = f"{_UNSEEN}: {NAME_PREFIX}{self.created.mark}"
            impatience.add_note(_stayed(report) if report.stayed else left)
            raise
        remarks = [] if whole else [f"{_UNSEEN}: their names begin with {NAME_PREFIX}{self.created.mark}"]
        if self.created.unproven:
            ids = ", ".join(self.created.unproven)
            remarks.append(f"not removed, because they are not known to be this run's own: {ids}")
        return remarks


def _stayed(report: Report) -> str:
    return f"these conferences of this run could not be removed: {', '.join(report.stayed)}"


def _watches() -> list[Promise]:
    return _WATCHES


_WATCHES = [one for one in promises() if one.watch is not None]
