"""The safe update: a generator of steps, without network, clock or lock.

Read; merge the asked changes onto what was read; refuse if something would be lost; write; compare the answer with the
expected values. A PUT whose outcome is unknown is never blindly repeated: the conference is read again, and the update
is finished, or rebased and written, or ends in a conflict.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, assert_never

from attrs import define, evolve, field

from . import errors
from .changes import CLEAR, unknown_resets
from .comparison import Verdict, lost, survival, verify
from .contract import Json
from .edit import built_on
from .errors import ApiError, ConferencesError, Conflict, NotFoundError, State
from .history import EntryOutcome
from .outcomes import REPETITION_STATUSES
from .plan import LOOK, Change, Intent, ServerChoice, UpdatePlan, changed_fields, merge
from .results import UpdateReport
from .steps import Deferred, Done, NotSent, Outcome, Record, Refused, Settle, Steps, Unknown, Wait, pause
from .target import Target, put_of, read

_MOST_REBASES: Final = 16  # after a 412; each means that another writer was faster
_MOST_REDOS: Final = 5  # of a change that `confirm` found overwritten


Decide = Callable[[Json], Steps[Intent]]


@define
class SafeUpdate:
    target: Target
    intent: Intent | Decide  # or a function that decides it from the conference as read
    anew: Decide | None = None  # decides it again if nothing of it is left on the server
    _state: State = field(default=State.UNCHANGED, init=False)
    _failure: ConferencesError | None = field(default=None, init=False)
    _sent: UpdatePlan[Any] | None = field(default=None, init=False)
    _entry: int | None = field(default=None, init=False)
    _puts: int = field(default=0, init=False)
    _request_id: str | None = field(default=None, init=False)  # the server's, of the last PUT, else of the read
    _changed: set[str] = field(factory=set, init=False)
    _noticed: dict[str, Change] = field(factory=dict, init=False)

    def plan(self) -> Steps[UpdatePlan[Any]]:
        """Read once, and return what the update would do."""
        now = yield from self._read()
        self._intent.advice = LOOK
        return evolve(self._merged(now.body), intent=self._intent)

    def steps(self) -> Steps[tuple[dict[str, Any], UpdateReport]]:
        """Carry out the update. Returns the conference as it is on the server now, and the report."""
        for _ in range(_MOST_REDOS + 1):
            yield from self.target.acquire(self._state.value)
            body = yield from self._settled()
            yield from self.target.release(self._state.value)
            if self.target.confirm is None or not self._changed:
                return body, self._report(body)
            yield from Wait(self.target.confirm)
            body = (yield from self._read()).body
            rest = self._left(body) or self._merged(body)
            if not rest.changes:
                return body, self._report(body)
        overwritten = [Conflict(name, old, old, new) for name, (old, new) in rest.changes.items()]
        raise self._conflict(overwritten, "Somebody keeps writing the old value; find out who.")

    def _settled(self) -> Steps[dict[str, Any]]:
        attempts = rebases = 0
        last: ConferencesError | None = None  # the failure after which there is no further PUT
        refused_etag: str | None = None
        while True:
            now = yield from self._read()
            body: dict[str, Any] = now.body
            yield from self._check_losses(body)
            plan = self._left(body) or (yield from self._decided_anew(body))
            if not plan.changes:
                yield from self._found_carried_out(body)
                if not self._changed:
                    yield from self._record(plan, {}, "unchanged")
                return body
            yield from self._note_unchanged(plan, ends=last is not None)
            if last is not None:
                last.state = self._state.after_a_read.value
                raise last
            plan.refuse_losses(self._state.value)
            match (yield from self._put(plan, now.etag)):
                case Done(answer):
                    return (yield from self._verified(plan, answer))
                case Unknown(ApiError(status_code=status) as error) if status in REPETITION_STATUSES:
                    self._leave_open(State.MATCH_FAILED, error)
                    rebases += 1
                    if status != 412 or now.etag in (None, refused_etag) or rebases > _MOST_REBASES:
                        last = error
                    refused_etag = now.etag
                case failed:
                    yield from self._failed(failed)
                    yield from pause(attempts, failed.error, self.target.policy)
                    attempts += 1
                    if attempts > self.target.policy.retries:
                        last = failed.error

    def _read(self) -> Steps[Done]:
        """Read. If that fails, the error says what is known about the PUTs before it."""
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
        if not self._puts:
            self._request_id = now.request_id
        if not isinstance(self.intent, Intent):
            self.intent = yield from self.intent(now.body)
        if problems := unknown_resets(self.intent.resets, now.body):
            raise errors.InvalidChangeError(problems, conference_id=self.target.conference_id, sent="no PUT was sent")
        self.intent.base = now.body if self.intent.base is None else {**now.body, **self.intent.base}
        return now

    @property
    def _intent(self) -> Intent:
        if not isinstance(self.intent, Intent):
            raise TypeError("nothing was read yet")
        return self.intent

    def _merged(self, body: dict[str, Any], *, refuse: bool = False) -> UpdatePlan[Any]:
        it = self._intent
        plan = merge(self.target.conference_id, it.base or body, body, it.asked, it.resets, sent=it.tried)
        if refuse and plan.conflicts:
            raise self._conflict(plan.conflicts, it.advice)
        return plan

    def _left(self, body: dict[str, Any]) -> UpdatePlan[Any] | None:
        """What is left to do; `None` if the change must be decided again, because no part of it is on the server."""
        if self.anew is not None and self._sent is not None:
            if isinstance(self._failure, ApiError) and self._failure.status_code == 412:
                return None
            plan, asked = self._merged(body), self._intent.asked
            theirs = {conflict.field: built_on(conflict) for conflict in plan.conflicts}
            if "ours" in theirs.values():  # from here on, this is an ordinary update
                asked = {name: value for name, value in asked.items() if theirs.get(name) != "ours"}
                self._intent.asked, self.anew = asked, None
            elif asked.keys() <= plan.changes.keys() and "nothing known" not in theirs.values():
                return None
        return self._merged(body, refuse=True)

    def _decided_anew(self, body: dict[str, Any]) -> Steps[UpdatePlan[Any]]:
        if self.anew is not None:
            yield from self._note_unchanged(self._merged(body), ends=False)
            try:
                self.intent, self._sent, self._entry = (yield from self.anew(body)), None, None
            except Exception as error:
                error.add_note(f"Conference {self.target.conference_id!r}: {self._state.value}")
                raise
        return self._merged(body)

    def _put(self, plan: UpdatePlan[Any], etag: str | None) -> Steps[Outcome]:
        try:
            request = put_of(self.target.conference_id, plan.body, etag)
            news = {name: change.after for name, change in plan.changes.items()}
            after = {name: new.assumed if isinstance(new, ServerChoice) else new for name, new in news.items()}
            self._entry = yield from self._record(plan, after)
            outcome = yield from request
        except ConferencesError as error:
            # The before-image could not be written, or the client was closed: the PUT was not sent.
            error.state = f"{self._state.after_a_read.value} This PUT was not sent."
            raise
        answer = outcome if isinstance(outcome, Done) else outcome.error
        self._sent, self._request_id = plan, answer.request_id or self._request_id
        self._puts += 1
        return outcome

    def _record(self, plan: UpdatePlan[Any], after: Json, outcome: EntryOutcome = "unknown") -> Steps[int | None]:
        if not self.target.journaled:
            return None
        try:
            made = self.target.change_set
            return (yield from Record(self.target.key, plan.before, after, made, outcome, self._intent.undoes))
        except ConferencesError as error:
            error.state = self._state.after_a_read.value
            raise

    def _failed(self, outcome: Refused | NotSent | Deferred | Unknown) -> Steps[None]:
        """After a PUT that was not answered with the conference: raise if the update must not go on."""
        match outcome:
            case Deferred(error):
                self._leave_open(State.DEFERRED, error)
            case Unknown(error, may_land):
                self._leave_open(State.MAY_LAND if may_land else State.UNKNOWN, error)
            case Refused(error) | NotSent(error):
                if not self._state.is_open:  # else an earlier PUT may have been carried out
                    yield from self._settle(None)
                error.state = self._state.value
                if isinstance(outcome, Refused):
                    raise error
            case never:
                assert_never(never)

    def _leave_open(self, state: State, error: ConferencesError) -> None:
        self._state = state.after(self._state)
        self._failure = error
        self._intent.tried = True
        error.state = self._state.value
        if state is not State.DEFERRED:
            error.advice = "Read the conference before you call again."

    def _verified(self, plan: UpdatePlan[Any], answer: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Compare the answer to the PUT with the expected values. It may be stale, so read again before an alarm."""
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
        if self._entry is not None and ((ours := _ours(plan, now, verdict)) or not verdict.differences):
            yield from self._settle(ours)
        self._accept(plan, now, verdict, state)
        return now

    def _check_losses(self, now: dict[str, Any]) -> Steps[None]:
        """After a PUT of unknown outcome: raise if it was carried out and lost something."""
        if self._sent is not None and self._state.is_open and self._state is not State.MATCH_FAILED:
            verdict = lost(self._sent.body, now, self._intent.asked.keys(), exclusive=False)
            if verdict.differences:
                yield from self._settle(_ours(self._sent, now, verdict))
            _alarm(self._sent, verdict, State.SEEN)

    def _note_unchanged(self, plan: UpdatePlan[Any], *, ends: bool) -> Steps[None]:
        """The conference lacks the change. It is only certain that no PUT was carried out if nothing else changed
        either: somebody may have restored the old value, and the last PUT may still land.
        """
        if self._sent is None or plan.before != self._sent.before or (ends and self._state is State.MAY_LAND):
            return
        yield from self._settle(None)
        if self._state is State.MATCH_FAILED:
            self._state, self._failure = State.DONE if self._changed else State.UNCHANGED, None

    def _found_carried_out(self, now: dict[str, Any]) -> Steps[None]:
        """The conference has the change. If a PUT was sent, it was carried out."""
        if not self._state.is_open or self._sent is None:
            return
        kept = lost(self._sent.body, now, self._intent.asked.keys(), exclusive=self.target.locked)
        verdict = kept | survival(self._sent.before, now, self._intent.resets)
        if verdict.differences and self._state is State.MATCH_FAILED:
            return  # the 412 was true: somebody else made the same change first
        yield from self._settle(_ours(self._sent, now, verdict))
        self._accept(self._sent, now, verdict, State.SEEN)

    def _accept(self, plan: UpdatePlan[Any], now: dict[str, Any], verdict: Verdict, state: State) -> None:
        _alarm(plan, verdict, state)
        self._state, self._failure = State.DONE, None
        self._noticed |= verdict.noticed
        self._changed |= plan.changes.keys()
        asked = self._intent.asked
        # From here on, the value that the server chose must stay.
        asked |= {name: now[name] for name, value in asked.items() if value is CLEAR and now[name] is not None}

    def _settle(self, after: Json | None) -> Steps[None]:
        """Write to the journal what the PUT changed; `None` if it was not carried out."""
        if self._entry is not None:
            yield from Settle(self._entry, after is not None, after)
            self._entry = None

    def _conflict(self, conflicts: Sequence[Conflict], advice: str) -> errors.ConflictError:
        return errors.ConflictError(self.target.conference_id, conflicts, state=self._state.value, advice=advice)

    def _report(self, body: dict[str, Any]) -> UpdateReport:
        base = self._intent.base or body
        others = {name: Change(base[name], value) for name, value in changed_fields(base, body).items()}
        ours = {name: others.pop(name) for name in list(others) if name in self._changed}
        made = self.target.change_set.id if self.target.journaled else None
        undo = self._intent.undoes, self._intent.undone_by
        return UpdateReport(ours, bool(self._changed), self._puts, others, self._noticed, made, *undo, self._request_id)


def _alarm(plan: UpdatePlan[Any], verdict: Verdict, state: State) -> None:
    if found := verdict.differences:
        raise errors.VerificationError(plan.conference_id, found, plan.before, state=state.value)


def _confirmed(first: Verdict, second: Verdict, answer: Json) -> Verdict:
    """The verdict after a second read: only differences in both count; in the others the answer was stale."""
    stale = {one.field: Change(answer.get(one.field), one.expected) for one in first.differences}
    still = tuple(one for one in second.differences if stale.pop(one.field, None))
    return Verdict(still, {**second.noticed, **stale})


def _ours(plan: UpdatePlan[Any], now: Json, verdict: Verdict) -> dict[str, Any]:
    """The fields that a PUT changed, lost ones included: field -> value now."""
    names = plan.changes.keys() | {difference.field for difference in verdict.differences}
    return {name: value for name, value in changed_fields(plan.before, now).items() if name in names}
