"""The safe update, written once: a generator of steps that knows no network, no clock, no lock.

Read; merge the asked changes onto what was read; refuse what would be lost; write; compare the
answer with what had to come of it. A PUT whose outcome is unknown is never blindly repeated: the
conference is read again, and the update is finished, or rebased and written, or ends in a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, assert_never

from attrs import define, field

from . import errors
from .changes import CLEAR, unknown_resets
from .comparison import Verdict, lost, survival, verify
from .errors import ApiError, ConferencesError, Conflict, NotFoundError, State
from .outcomes import REPETITION_STATUSES
from .plan import Change, ServerChoice, UpdatePlan, changed_fields, merge
from .results import UpdateReport
from .steps import (
    Acquire,
    Deferred,
    Done,
    NotSent,
    Outcome,
    Record,
    Refused,
    Release,
    Settle,
    Steps,
    Unknown,
    Wait,
    pause,
)
from .target import Target, put_of, read

_MOST_REBASES: Final = 16  # after a 412; each means that another writer got through
_MOST_REDOS: Final = 5  # of a change that `confirm` found overwritten


@define
class Intent:
    """What an update is to do. Once a PUT was carried out, it knows what the server made of it.

    Attributes:
        asked: field -> JSON value, or `CLEAR`.
        resets: fields that may be lost.
        base: the before-image that the changes were asked against; what is read first, if `None`.
        tried: whether a PUT of it may have been carried out.
        advice: what to do about a conflict.
    """

    asked: dict[str, Any]
    resets: frozenset[str] = frozenset()
    base: Mapping[str, Any] | None = None
    tried: bool = False
    advice: str = ""


Decide = Callable[[Mapping[str, Any]], Steps[Intent]]
"""From the conference as it is to what is to be done."""


@define
class SafeUpdate:
    """One update under way.

    Attributes:
        target: what, and how.
        intent: what it is to do, or what decides it once the conference was read.
    """

    target: Target
    intent: Intent | Decide
    _state: State = field(default=State.UNCHANGED, init=False)
    _failure: ConferencesError | None = field(default=None, init=False)
    _sent: UpdatePlan[Any] | None = field(default=None, init=False)
    _entry: int | None = field(default=None, init=False)
    _puts: int = field(default=0, init=False)
    _changed: set[str] = field(factory=set, init=False)
    _noticed: dict[str, Change] = field(factory=dict, init=False)

    def plan(self) -> Steps[UpdatePlan[Any]]:
        """Read once, and tell what the update would do."""
        now = yield from self._read()
        self._intent.advice = "Look at both values, then make a new plan with the one that is to stay."
        return self._merged(now.body)

    def steps(self) -> Steps[tuple[dict[str, Any], UpdateReport]]:
        """Carry the update out; gives the conference as the server has it now, and how it went.

        Raises:
            UnsafeUpdateError: before the PUT, something cannot be carried over.
            ConflictError: somebody else changed one of the asked fields.
            VerificationError: after the PUT, the server did not keep what it had to.
            InvalidResponseError: there is nothing to build on.
            ApiError, TransportError: the server refused, failed, or did not answer.
        """
        for _ in range(_MOST_REDOS + 1):
            if self.target.locked:
                yield from self.target.noting(Acquire(self.target.key), self._state.value)
            body = yield from self._settled()
            if self.target.locked:
                yield from self.target.noting(Release(), self._state.value)
            if self.target.confirm is None or not self._changed:
                return body, self._report(body)
            yield from Wait(self.target.confirm)
            body = (yield from self._read()).body
            rest = self._merged(body)
            self._refuse(rest.conflicts)
            if not rest.changes:
                return body, self._report(body)
        overwritten = [
            Conflict(name, change.before, change.before, change.after)
            for name, change in rest.changes.items()
        ]
        self._refuse(overwritten, "Somebody keeps writing the old value; find out who.")
        raise AssertionError("unreachable")

    def _settled(self) -> Steps[dict[str, Any]]:
        """Read and PUT, until it is known what the server made of it."""
        attempts = rebases = 0
        last: ConferencesError | None = None  # the failure after which there is no further PUT
        refused_etag: str | None = None
        while True:
            now = yield from self._read()
            body: dict[str, Any] = now.body
            plan = self._merged(body)
            yield from self._check_losses(body)
            self._refuse(plan.conflicts)
            if not plan.changes:
                yield from self._found_carried_out(body)
                return body
            yield from self._note_unchanged(plan, ends=last is not None)
            if last is not None:
                last.state = self._state.after_a_read.value
                raise last
            plan.refuse_losses(self._state.value)
            match (yield from self._put(plan, now.etag)):
                case Done(answer):
                    return (yield from self._verified(plan, answer))
                case Unknown(ApiError(status_code=status) as failed_match) if status in REPETITION_STATUSES:
                    self._leave_open(State.MATCH_FAILED, failed_match)
                    rebases += 1
                    if status != 412 or now.etag in (None, refused_etag) or rebases > _MOST_REBASES:
                        last = failed_match
                    refused_etag = now.etag
                    continue
                case failed:
                    error = yield from self._failed(failed)
            yield from pause(attempts, error, self.target.policy)
            attempts += 1
            if attempts > self.target.policy.retries:
                last = error

    def _read(self) -> Steps[Done]:
        """Read; where it fails, the error says what is known of the PUTs before it."""
        try:
            now = yield from read(self.target)
        except NotFoundError as error:
            error.state = self._state.value + (" The conference is gone." if self._puts else "")
            raise
        except ConferencesError as error:
            if self._failure is None:
                error.state = self._state.value
                raise
            known = State.UNKNOWN.after(self._state)
            self._failure.state = f"{known.value} Reading it again failed too: {error.message}"
            raise self._failure from error
        if not isinstance(self.intent, Intent):
            self.intent = yield from self.intent(now.body)
        if problems := unknown_resets(self.intent.resets, now.body):
            raise errors.InvalidChangeError(
                problems, conference_id=self.target.conference_id, sent="no PUT was sent"
            )
        self.intent.base = self.intent.base or now.body
        return now

    @property
    def _intent(self) -> Intent:
        if not isinstance(self.intent, Intent):
            raise TypeError("nothing was read yet")
        return self.intent

    def _merged(self, body: dict[str, Any]) -> UpdatePlan[Any]:
        it = self._intent
        return merge(self.target.conference_id, it.base or body, body, it.asked, it.resets, sent=it.tried)

    def _put(self, plan: UpdatePlan[Any], etag: str | None) -> Steps[Outcome]:
        try:
            request = put_of(self.target.conference_id, plan.body, etag)
            if self.target.journaled:
                after = {name: _assumed(change.after) for name, change in plan.changes.items()}
                self._entry = yield from Record(self.target.key, plan.before, after)
            outcome = yield from request
        except ConferencesError as error:
            # No before-image, or a client that was closed: it never left.
            error.state = f"{self._state.after_a_read.value} This PUT was not sent."
            raise
        self._sent = plan
        self._puts += 1
        return outcome

    def _failed(self, outcome: Refused | NotSent | Deferred | Unknown) -> Steps[ConferencesError]:
        """A PUT that was not answered with the conference: the error, after which one may go on."""
        error = outcome.error
        match outcome:
            case Refused() | NotSent():
                # Of a PUT before this one, nothing is known yet.
                if not self._state.is_open:
                    yield from self._settle(applied=False)
                error.state = self._state.value
                if isinstance(outcome, Refused):
                    raise error
            case Deferred():
                self._leave_open(State.DEFERRED, error)
            case Unknown(may_land=may_land):
                self._leave_open(State.MAY_LAND if may_land else State.UNKNOWN, error)
            case never:
                assert_never(never)
        return error

    def _leave_open(self, state: State, error: ConferencesError) -> None:
        """A PUT of unknown outcome."""
        self._state = state.after(self._state)
        self._failure = error
        self._intent.tried = True
        error.state = self._state.value
        if state is not State.DEFERRED:
            error.advice = "Read the conference before you call again."

    def _verified(self, plan: UpdatePlan[Any], answer: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Compare the answer to the PUT with what had to come of it, and look again before an alarm:
        what a PUT is answered with may be stale.
        """
        self._intent.tried = True
        verdict = verify(plan.before, plan.body, answer, self._intent.resets)
        now, state = answer, State.SEEN
        if verdict.differences:
            try:
                now = (yield from read(self.target)).body
            except ConferencesError:
                state = State.ANSWERED
            else:
                again = verify(plan.before, plan.body, now, self._intent.resets)
                verdict = _confirmed(verdict, again, answer)
        ours = _ours(plan, now, verdict)
        if ours or not verdict.differences:
            yield from self._settle(applied=True, after=ours)
        self._accept(plan, now, verdict, state)
        return now

    def _check_losses(self, now: dict[str, Any]) -> Steps[None]:
        """After a PUT of unknown outcome: what it cost, if it was carried out."""
        if self._sent is not None and self._state.is_open and self._state is not State.MATCH_FAILED:
            verdict = lost(self._sent.body, now, self._intent.asked.keys(), exclusive=False)
            if verdict.differences:
                yield from self._settle(applied=True, after=_ours(self._sent, now, verdict))
            self._alarm(self._sent, verdict, State.SEEN)

    def _note_unchanged(self, plan: UpdatePlan[Any], *, ends: bool) -> Steps[None]:
        """Read again since, the conference lacks the change. Only where nothing else has changed either
        is it sure that no PUT was carried out: somebody may have brought the old value back. And the
        last one may still land.
        """
        if self._sent is None or plan.before != self._sent.before or (ends and self._state is State.MAY_LAND):
            return
        yield from self._settle(applied=False)
        if self._state is State.MATCH_FAILED:
            self._state, self._failure = State.DONE if self._changed else State.UNCHANGED, None

    def _found_carried_out(self, now: dict[str, Any]) -> Steps[None]:
        """The conference is as asked. If a PUT went out, it was carried out."""
        if not self._state.is_open or self._sent is None:
            return
        kept = lost(self._sent.body, now, self._intent.asked.keys(), exclusive=self.target.locked)
        verdict = kept | survival(self._sent.before, now, self._intent.resets)
        if verdict.differences and self._state is State.MATCH_FAILED:
            return  # it was overtaken, as the server said, by somebody who made the same change
        yield from self._settle(applied=True, after=_ours(self._sent, now, verdict))
        self._accept(self._sent, now, verdict, State.SEEN)

    def _accept(self, plan: UpdatePlan[Any], now: dict[str, Any], verdict: Verdict, state: State) -> None:
        self._alarm(plan, verdict, state)
        self._state, self._failure = State.DONE, None
        self._noticed |= verdict.noticed
        self._changed |= plan.changes.keys()
        asked = self._intent.asked
        for name, value in asked.items():
            if value is CLEAR:
                # From here on it is the value that the server chose which has to stay.
                asked[name] = CLEAR if now[name] is None else now[name]

    def _alarm(self, plan: UpdatePlan[Any], verdict: Verdict, state: State) -> None:
        if differences := verdict.differences:
            name, before = self.target.conference_id, plan.before
            raise errors.VerificationError(name, differences, before, state=state.value)

    def _settle(self, *, applied: bool, after: Mapping[str, Any] | None = None) -> Steps[None]:
        if self._entry is not None:
            yield from Settle(self._entry, applied, after)
            self._entry = None

    def _refuse(self, conflicts: Sequence[Conflict], advice: str = "") -> None:
        if conflicts:
            name, state = self.target.conference_id, self._state.value
            raise errors.ConflictError(name, conflicts, state=state, advice=advice or self._intent.advice)

    def _report(self, body: dict[str, Any]) -> UpdateReport:
        base = self._intent.base or body
        moved = {name: Change(base[name], value) for name, value in changed_fields(base, body).items()}
        changes = {name: change for name, change in moved.items() if name in self._changed}
        others = {name: change for name, change in moved.items() if name not in changes}
        return UpdateReport(changes, bool(self._changed), self._puts, others, self._noticed)


def _confirmed(first: Verdict, second: Verdict, answer: Mapping[str, Any]) -> Verdict:
    """The verdict of a second look: an alarm only where both see it; else the answer was stale."""
    wrong = {one.field: one.expected for one in first.differences}
    still = tuple(one for one in second.differences if one.field in wrong)
    stale = wrong.keys() - {one.field for one in still}
    told = {name: Change(answer.get(name), wrong[name]) for name in wrong if name in stale}
    return Verdict(still, {**second.noticed, **told})


def _ours(plan: UpdatePlan[Any], now: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """What a PUT changed, lost fields included: field -> value now."""
    names = plan.changes.keys() | {difference.field for difference in verdict.differences}
    return {name: value for name, value in changed_fields(plan.before, now).items() if name in names}


def _assumed(after: Any) -> Any:
    return after.assumed if isinstance(after, ServerChoice) else after
