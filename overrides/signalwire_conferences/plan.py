"""What an update will do: three-way merge, plan, and the diff that people read."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Literal, NamedTuple, NoReturn, TypeVar

from attrs import field, frozen

from . import contract
from .changes import CLEAR
from .contract import Field, Kind, Omission
from .errors import Conflict, UnsafeUpdateError, printable
from .values import equivalent, is_coarser

R = TypeVar("R")


@frozen
class ServerChoice:
    """The value of a field that is left out and has no documented default.

    Attributes:
        assumed: what we expect the server to choose.
    """

    assumed: Any

    def __str__(self) -> str:
        return f"whatever the server chooses (we assume {json.dumps(self.assumed)})"


class Change(NamedTuple):
    """A field's value before and after, JSON; `after` may be a `ServerChoice`."""

    before: Any
    after: Any


EntryOutcome = Literal["applied", "not applied", "unknown"]


@frozen
class Entry:
    """An update that the journal knows.

    Attributes:
        id: the number of the entry; a later one has a higher number.
        conference_id: the conference; the id in lower case if it is a UUID.
        recorded_at: when the before-image was put on disk, UTC.
        changes: field -> value before and after, JSON.
        outcome: "applied", "not applied", or "unknown": nobody could tell whether it was carried out.
        before: the whole conference as it was, JSON as the server sent it.
        masked: the fields whose value, before or after, is kept without the token that was in it.
    """

    id: int
    conference_id: str
    recorded_at: datetime.datetime
    changes: Mapping[str, Change]
    outcome: EntryOutcome
    before: Mapping[str, Any]
    masked: frozenset[str] = frozenset()


def _without_client() -> NoReturn:
    raise TypeError("this plan was made without a client")


class Line(NamedTuple):
    """A line of a diff, and what it says: so that a terminal can colour it."""

    kind: Literal["head", "before", "after", "kept", "risk"]
    text: str
    value: Any = None


@frozen(eq=False)
class UpdatePlan(Generic[R]):
    """What an update will change, what it keeps, and what it cannot carry.

    `str(plan)` is the diff.

    Attributes:
        conference_id: the conference.
        before: the whole conference as read, JSON as the server sent it.
        changes: field -> value before and after.
        body: what will be PUT; empty where nothing changes.
        at_risk: field -> what would become of it. A PUT cannot carry these, and `apply` refuses
            as long as they are neither named in the call nor in its `allow_reset`.
        conflicts: fields that somebody else changed since the before-image.
    """

    conference_id: str
    before: Mapping[str, Any]
    changes: Mapping[str, Change]
    body: Mapping[str, Any]
    at_risk: Mapping[str, str]
    conflicts: tuple[Conflict, ...] = ()
    _apply: Callable[[], R] = field(default=_without_client, repr=False)

    def apply(self) -> R:
        """Carry the plan out, any time later: other fields changed meanwhile are kept.

        Raises:
            ConflictError: somebody changed the same field to something else.
            UnsafeUpdateError: something is at risk.
            VerificationError, InvalidResponseError, ApiError, TransportError: as `update`.
        """
        return self._apply()

    @property
    def kept(self) -> tuple[str, ...]:
        """The writable fields that keep their values."""
        touched = {*self.changes, *self.at_risk}
        return tuple(name for name in contract.fields(contract.UPDATE) if name not in touched)

    def refuse_losses(self, state: str) -> None:
        """Raises `UnsafeUpdateError` where something is at risk; `state`: of the conference."""
        if self.at_risk:
            raise UnsafeUpdateError(self.conference_id, self.at_risk, state=state, advice=self._ways_out)

    @property
    def _ways_out(self) -> str:
        known = contract.fields(contract.UPDATE)
        omissible = [name for name in self.at_risk if known[name].omission is not Omission.REQUIRED]
        reset = f", or pass allow_reset={omissible!r} to let it be reset" if omissible else ""
        return f"Name a value for each in the call{reset}."

    def lines(self) -> Iterator[Line]:
        """The diff, line by line."""
        yield Line("head", f"conference {self.conference_id}")
        for name, (before, after) in self.changes.items():
            yield Line("before", f"- {name}: {_shown(before)}", before)
            yield Line("after", f"+ {name}: {_shown(after)}", after)
        for name, what in self.at_risk.items():
            yield Line("risk", f"! {name}: {what}")
        if self.at_risk:
            yield Line("risk", f"  will be refused. {self._ways_out}")
        kept = len(self.kept)
        if not self.changes:
            yield Line("kept", "  nothing to change; no PUT is needed")
        yield Line("kept", f"  {kept} {'field keeps its' if kept == 1 else 'fields keep their'} value")

    def __str__(self) -> str:
        return "\n".join(line.text for line in self.lines())


def merge(
    conference_id: str,
    base: Mapping[str, Any],
    present: Mapping[str, Any],
    asked: Mapping[str, Any],
    resets: frozenset[str],
    *,
    sent: bool,
) -> UpdatePlan[Any]:
    """Three-way merge: the asked changes, made against `base`, onto the present conference.

    Args:
        conference_id: for messages.
        base: the before-image that the changes were asked against.
        present: the conference as it is now.
        asked: field -> JSON value, or `CLEAR`.
        resets: fields that may be lost.
        sent: whether a PUT of these changes may have been carried out already.

    Returns:
        A plan without `apply`. Its `changes` are what is still to do; its `conflicts` what
        somebody else changed to something else.
    """
    changes: dict[str, Change] = {}
    at_risk: dict[str, str] = {}
    conflicts: list[Conflict] = []
    body: dict[str, Any] = {}
    for name, about in contract.fields(contract.UPDATE).items():
        now = value = present[name]
        # An image from before the contract had the field says nothing of it.
        before = base.get(name, now)
        if name in asked and not _satisfied(about, asked[name], before, now, sent):
            after = _result(about) if asked[name] is CLEAR else asked[name]
            reset = isinstance(after, ServerChoice) and equivalent(about.kind, after.assumed, now)
            if not reset and not equivalent(about.kind, before, now):
                conflicts.append(Conflict(name, before, now, after))
            changes[name] = Change(now, after)
            value = asked[name]
        elif now is None and about.omission is not Omission.NULL:
            if name in resets and about.omission is not Omission.REQUIRED:
                changes[name] = Change(now, _result(about))
            else:
                at_risk[name] = _risk(about)
        if value is not None and value is not CLEAR:
            body[name] = value
    if not changes.keys() & asked.keys():
        changes, body, at_risk = {}, {}, {}  # without a PUT, nothing is lost
    return UpdatePlan(conference_id, present, changes, body, at_risk, tuple(conflicts))


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The writable fields that differ: field -> value after."""
    return {
        name: after[name]
        for name, about in contract.fields(contract.UPDATE).items()
        if name in after and not equivalent(about.kind, before.get(name, after[name]), after[name])
    }


def expected_after(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a PUT of this body has to lead to, by field; no entry where the server may choose."""
    return {
        name: body.get(name, omitted_value(about))
        for name, about in contract.fields(contract.UPDATE).items()
        if name in body or about.omission in (Omission.NULL, Omission.DOCUMENTED_DEFAULT)
    }


def assumed_after(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with what the server is assumed to choose."""
    known = contract.fields(contract.UPDATE).items()
    return {name: body.get(name, omitted_value(about)) for name, about in known}


def omitted_value(about: Field) -> Any:
    """The value of a field that a PUT leaves out: documented, or assumed."""
    return None if about.omission is Omission.NULL else about.default


def _satisfied(about: Field, value: Any, before: Any, now: Any, sent: bool) -> bool:
    """Whether the field already is what was asked."""
    if value is not CLEAR:
        if equivalent(about.kind, value, now):
            return True
        # A server that keeps times less exactly keeps what it was sent in its own way.
        moved = sent or not equivalent(about.kind, before, now)
        return moved and about.kind is Kind.INSTANT and is_coarser(now, value)
    if about.omission is Omission.SERVER_CHOICE:
        # Nobody can tell what "reset" looks like; but after a PUT, a value that moved has moved.
        return sent and (
            equivalent(about.kind, about.default, now) or not equivalent(about.kind, before, now)
        )
    return equivalent(about.kind, _result(about), now)


def _result(about: Field) -> Any:
    """What leaving the field out leads to."""
    value = omitted_value(about)
    return ServerChoice(value) if about.omission is Omission.SERVER_CHOICE else value


def _risk(about: Field) -> str:
    if about.omission is Omission.REQUIRED:
        return "is null, which a PUT cannot send and requires"
    return f"is null, which a PUT cannot send; left out it becomes {_shown(_result(about))}"


def _shown(value: Any) -> str:
    if isinstance(value, ServerChoice):
        return str(value)
    return printable(json.dumps(value, ensure_ascii=False))
