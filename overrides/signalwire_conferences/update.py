"""The safe update: a generator of steps that knows no network, no clock, no lock.

Read; merge the asked changes onto what was read; refuse what would be lost; write; compare the answer with what had to
come of it. A PUT whose outcome is unknown is never blindly repeated: the conference is read again, and the update is
finished, or rebased and written, or ends in a conflict.
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

_MOST_REBASES: Final = 16  # after a 412; each means that another writer got through
_MOST_REDOS: Final = 5  # of a change that `confirm` found overwritten


Decide = Callable[[Json], Steps[Intent]]


@define
class SafeUpdate:
    target: Target
    intent: Intent | Decide  # or what decides it from the conference as read
    anew: Decide | None = None  # what decides it again, where nothing of it is there any more
    _state: State = field(default=State.UNCHANGED, init=False)
    _failure: ConferencesError | None = field(default=None, init=False)
    _sent: UpdatePlan[Any] | None = field(default=None, init=False)
    _entry: int | None = field(default=None, init=False)
    _puts: int = field(default=0, init=False)
    _request_id: str | None = field(default=None, init=False)  # the server's, of the last PUT, else of the read
    _changed: set[str] = field(factory=set, init=False)
    _noticed: dict[str, Change] = field(factory=dict, init=False)

    def plan(self) -> Steps[UpdatePlan[Any]]:
        """Read once, and tell what the update would do."""
        now = yield from self._read()
        self._intent.advice = LOOK
        return evolve(self._merged(now.body), intent=self._intent)

    def steps(self) -> Steps[tuple[dict[str, Any], UpdateReport]]:
        """Carry the update out; gives the conference as the server has it now, and how it went."""
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
        """What is left to do; `None`: it has to be decided anew. Where part of it is there, it has not."""
        if self.anew is not None and self._sent is not None:
            if isinstance(self._failure, ApiError) and self._failure.status_code == 412:
                return None
            plan, asked = self._merged(body), self._intent.asked
            theirs = {conflict.field: built_on(conflict) for conflict in plan.conflicts}
            if "ours" in theirs.values():  # from here on it is an update as any other
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
            # No before-image, or a client that was closed: it never left.
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
        """A PUT that was not answered with the conference: raise where one must not go on."""
        match outcome:
            case Deferred(error):
                self._leave_open(State.DEFERRED, error)
            case Unknown(error, may_land):
                self._leave_open(State.MAY_LAND if may_land else State.UNKNOWN, error)
            case Refused(error) | NotSent(error):
                if not self._state.is_open:  # else a PUT before this one may have been carried out
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
        """Compare the answer to the PUT with what had to come of it; it may be stale: before an alarm, look again."""
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
        """After a PUT of unknown outcome: what it cost, if it was carried out."""
        if self._sent is not None and self._state.is_open and self._state is not State.MATCH_FAILED:
            verdict = lost(self._sent.body, now, self._intent.asked.keys(), exclusive=False)
            if verdict.differences:
                yield from self._settle(_ours(self._sent, now, verdict))
            _alarm(self._sent, verdict, State.SEEN)

    def _note_unchanged(self, plan: UpdatePlan[Any], *, ends: bool) -> Steps[None]:
        """The conference lacks the change. Only where nothing else changed either is it sure that no PUT was carried
        out, for somebody may have brought the old value back; and the last one may still land.
        """
        if self._sent is None or plan.before != self._sent.before or (ends and self._state is State.MAY_LAND):
            return
        yield from self._settle(None)
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
        yield from self._settle(_ours(self._sent, now, verdict))
        self._accept(self._sent, now, verdict, State.SEEN)

    def _accept(self, plan: UpdatePlan[Any], now: dict[str, Any], verdict: Verdict, state: State) -> None:
        _alarm(plan, verdict, state)
        self._state, self._failure = State.DONE, None
        self._noticed |= verdict.noticed
        self._changed |= plan.changes.keys()
        asked = self._intent.asked
        # From here on it is the value that the server chose which has to stay.
        asked |= {name: now[name] for name, value in asked.items() if value is CLEAR and now[name] is not None}

    def _settle(self, after: Json | None) -> Steps[None]:
        """Note what the PUT changed; `None`: it was not carried out."""
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
    """The verdict of a second look: an alarm only where both see it; else the answer was stale."""
    stale = {one.field: Change(answer.get(one.field), one.expected) for one in first.differences}
    still = tuple(one for one in second.differences if stale.pop(one.field, None))
    return Verdict(still, {**second.noticed, **stale})


def _ours(plan: UpdatePlan[Any], now: Json, verdict: Verdict) -> dict[str, Any]:
    """What a PUT changed, lost fields included: field -> value now."""
    names = plan.changes.keys() | {difference.field for difference in verdict.differences}
    return {name: value for name, value in changed_fields(plan.before, now).items() if name in names}
