"""The safe update, written once: a generator of steps that knows no network, no clock, no lock.

Read; merge the asked changes onto what was read; refuse what would be lost; write; compare the
answer with what had to come of it. A PUT whose outcome is unknown is never blindly repeated: the
conference is read again, and the update is finished, or rebased and written, or ends in a conflict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from .changes import CLEAR
from .errors import (
    ConferencesError,
    Conflict,
    ConflictError,
    Difference,
    NotFoundError,
    RateLimitError,
    TransportError,
    VerificationError,
)
from .exchange import (
    Acquire,
    Answer,
    NoAnswer,
    Release,
    Request,
    Steps,
    Wait,
    decoded,
    is_unsettled,
    may_have_been_carried_out,
    no_object,
    pause,
)
from .plan import Change, ServerChoice, UpdatePlan, changed_fields, merge
from .results import UpdateReport
from .target import Image, Record, Settle, Target, put_of, read
from .verify import MISSING, Verdict, is_same_id, survival, verify

__all__ = ["SafeUpdate"]

_MOST_REBASES: Final = 16  # after a 412; each means that another writer got through
_MOST_REDOS: Final = 5  # of a change that `confirm` found overwritten

_UNCHANGED: Final = "The conference is unchanged by this call."
_UNKNOWN: Final = "A PUT was sent, and it is unknown whether it was carried out."
_PUT_OFF: Final = "The server put the PUT off, so it was most likely not carried out."
_LACKING: Final = "Read again since, the conference lacks the change."
_MAY_LAND: Final = " The PUT that got no answer may still land."
_ANSWERED: Final = "The PUT was answered with success, so this is how the conference is now."
_READ_AGAIN: Final = "The PUT got no proper answer; read again since, this is how the conference is."
_CARRIED_OUT: Final = "The change was carried out and verified before."
_NOT_SENT: Final = " This PUT was not sent."


@define
class SafeUpdate:
    """One update under way.

    Attributes:
        target: what, and how.
        asked: field -> JSON value, or `CLEAR`.
        resets: fields that may be lost.
        base: the before-image that the changes were asked against; what is read first, if `None`.
    """

    target: Target
    asked: dict[str, Any]
    resets: frozenset[str] = frozenset()
    base: Mapping[str, Any] | None = None
    _puts: int = field(default=0, init=False)
    _sent: UpdatePlan[Any] | None = field(default=None, init=False)
    _unsettled: ConferencesError | None = field(default=None, init=False)
    _may_land: bool = field(default=False, init=False)
    _entry: int | None = field(default=None, init=False)
    _changed: set[str] = field(factory=set, init=False)
    _written: bool = field(default=False, init=False)
    _noticed: Mapping[str, Change] = field(factory=dict, init=False)

    def again(self, base: Mapping[str, Any]) -> SafeUpdate:
        """The same update from its start, asked against this before-image."""
        return SafeUpdate(self.target, dict(self.asked), self.resets, base)

    def plan(self) -> Steps[UpdatePlan[Any]]:
        """Read once, and tell what the update would do."""
        image = yield from self._read()
        return self._merged(image)

    def steps(self) -> Steps[tuple[dict[str, Any], UpdateReport]]:
        """Carry the update out.

        Returns:
            The conference as the server has it now, and how it went.

        Raises:
            UnsafeUpdateError: before the PUT, something cannot be carried over.
            ConflictError: somebody else changed one of the asked fields.
            VerificationError: after the PUT, the server did not keep what it had to.
            InvalidResponseError: there is nothing to build on.
            ApiError, TransportError: the server refused, failed, or did not answer.
        """
        for _ in range(_MOST_REDOS + 1):
            if self.target.locked:
                yield from self._told(Acquire(self.target.key))
            body = yield from self._settled()
            if self.target.locked:
                yield from self._told(Release())
            if self.target.confirm is None or not self._written:
                return body, self._report(body)
            yield Wait(self.target.confirm)
            image = yield from self._read()
            rest = self._merged(image)
            self._refuse(rest.conflicts)
            if not rest.changes:
                return image.body, self._report(image.body)
        overwritten = [
            Conflict(name, change.before, change.before, change.after)
            for name, change in rest.changes.items()
        ]
        raise self._conflict(overwritten, "Somebody keeps writing the old value; find out who.")

    def _settled(self) -> Steps[dict[str, Any]]:
        """Read and PUT, until it is known what the server made of it."""
        attempt = rebases = 0
        failed: ConferencesError | None = None
        refused_etag = None
        while True:
            image = yield from self._read()
            plan = self._merged(image)
            self._refuse(plan.conflicts)
            if not plan.changes:
                yield from self._found_carried_out(image)
                return image.body
            if failed is not None and attempt > self.target.policy.retries:
                failed.state = self._lacking
                raise failed
            plan.refuse_losses(self._state)
            request = put_of(self.target.conference_id, plan.body, image.etag)
            outcome = yield from self._put(plan, request)
            answer = decoded(outcome, request)
            if isinstance(answer, dict):
                return (yield from self._verified(plan, answer))
            error = answer if isinstance(answer, ConferencesError) else no_object(request)
            if may_have_been_carried_out(outcome):
                self._unsettled = self._unknown(error)
            elif self._unsettled is None:
                yield from self._settle(applied=False)
            if is_unsettled(outcome) or self._unsettled is error:
                error.state = error.state or self._lacking
                failed = error
                yield pause(attempt, outcome, self.target.policy, error)
                attempt += 1
                continue
            rebases += 1
            moved_on = image.etag not in (None, refused_etag) and _is_refused_match(outcome)
            if not moved_on or rebases > _MOST_REBASES:
                error.state = self._state
                raise error
            refused_etag = image.etag

    def _read(self) -> Steps[Image]:
        """Read; where it fails, the error says what is known of the PUTs before it."""
        try:
            image = yield from read(self.target)
        except NotFoundError as error:
            error.state = f"{self._state} The conference is gone." if self._puts else _UNCHANGED
            raise
        except ConferencesError as error:
            if self._unsettled is None:
                error.state = self._state
                raise
            self._unsettled.state = f"{_UNKNOWN} Reading it again failed too: {error.message}"
            raise self._unsettled from error
        if self.base is None:
            self.base = image.body
        return image

    def _merged(self, image: Image) -> UpdatePlan[Any]:
        return merge(
            self.target.conference_id,
            self.base or image.body,
            image.body,
            self.asked,
            self.resets,
            sent=self._written or self._unsettled is not None,
        )

    def _put(self, plan: UpdatePlan[Any], request: Request) -> Steps[Answer | NoAnswer]:
        if self.target.journaled:
            # Read again since, the conference lacks the change. Only where nothing else has changed either
            # is it sure that no PUT was carried out: somebody may have brought the old value back.
            if self._sent is not None and plan.before == self._sent.before:
                yield from self._settle(applied=False)
            after = {name: _assumed(change.after) for name, change in plan.changes.items()}
        try:
            if self.target.journaled:
                self._entry = yield Record(self.target.key, plan.before, after)
            outcome: Answer | NoAnswer = yield request
        except ConferencesError as error:
            # No before-image, or a client that was closed: it never left.
            error.state = self._lacking + _NOT_SENT
            raise
        self._sent = plan
        self._puts += 1
        return outcome

    def _verified(self, plan: UpdatePlan[Any], answer: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Compare the answer to the PUT with what had to come of it."""
        told = answer.get("id", MISSING)
        if not is_same_id(plan.before["id"], told):
            # Of something else, so it tells nothing of this conference.
            other = Difference("id", plan.before["id"], told)
            raise VerificationError(self.target.conference_id, [other], plan.before, state=_UNKNOWN)
        yield from self._settle(applied=True, after=changed_fields(plan.before, answer))
        self._accept(plan, answer, verify(plan.before, plan.body, answer), _ANSWERED)
        return answer

    def _found_carried_out(self, image: Image) -> Steps[None]:
        """The conference is as asked. If a PUT went out, it was carried out."""
        if self._unsettled is None or self._sent is None:
            return
        yield from self._settle(applied=True)
        self._accept(self._sent, image.body, survival(self._sent.before, image.body), _READ_AGAIN)

    def _accept(self, plan: UpdatePlan[Any], now: dict[str, Any], verdict: Verdict, state: str) -> None:
        if verdict.differences:
            raise VerificationError(self.target.conference_id, verdict.differences, plan.before, state=state)
        self._unsettled, self._noticed, self._written = None, verdict.noticed, True
        self._changed |= plan.changes.keys()
        for name, value in self.asked.items():
            if value is CLEAR:
                # From here on it is the value that the server chose which has to stay.
                self.asked[name] = CLEAR if now[name] is None else now[name]

    def _told(self, step: Acquire | Release) -> Steps[None]:
        """A step of the lock, whose error is the caller's own; it learns what state things are in."""
        try:
            yield step
        except Exception as error:
            error.add_note(f"Conference {self.target.conference_id!r}: {self._state}")
            raise

    def _settle(self, *, applied: bool, after: Mapping[str, Any] | None = None) -> Steps[None]:
        if self._entry is not None:
            yield Settle(self._entry, applied, after)
            self._entry = None

    @property
    def _state(self) -> str:
        if self._written:
            return _CARRIED_OUT
        return _UNCHANGED if self._unsettled is None else _UNKNOWN

    @property
    def _lacking(self) -> str:
        """What is known after the conference was read again, and lacked the change."""
        if self._unsettled is None:
            return self._state
        return _LACKING + (_MAY_LAND if self._may_land else "")

    def _unknown(self, error: ConferencesError) -> ConferencesError:
        """The error of a PUT of unknown outcome, with what it means for the conference."""
        before = self._unsettled
        put_off = isinstance(error, RateLimitError) and (before is None or before.state == _PUT_OFF)
        self._may_land = self._may_land or isinstance(error, TransportError)
        error.state = _PUT_OFF if put_off else _UNKNOWN
        error.advice = error.advice or "Read the conference before you call again."
        return error

    def _refuse(self, conflicts: Sequence[Conflict]) -> None:
        if conflicts:
            raise self._conflict(conflicts)

    def _conflict(self, conflicts: Sequence[Conflict], advice: str = "") -> ConflictError:
        return ConflictError(self.target.conference_id, conflicts, state=self._state, advice=advice)

    def _report(self, body: dict[str, Any]) -> UpdateReport:
        base = self.base or body
        moved = changed_fields(base, body).items()
        changes = {name: Change(base[name], value) for name, value in moved if name in self._changed}
        others = {name: Change(base[name], value) for name, value in moved if name not in changes}
        return UpdateReport(changes, self._written, self._puts, others, self._noticed)


def _is_refused_match(outcome: Answer | NoAnswer) -> bool:
    return isinstance(outcome, Answer) and outcome.status == 412


def _assumed(after: Any) -> Any:
    return after.assumed if isinstance(after, ServerChoice) else after
