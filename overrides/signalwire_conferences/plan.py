"""What an update will do: three-way merge, plan, and the diff that people read."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from . import contract
from .changes import CLEAR, checked_plan
from .contract import Field, Json, Kind, Omission
from .errors import Conflict, InvalidChangeError, Problem, UnsafeUpdateError, printable
from .values import equivalent, is_coarser

if TYPE_CHECKING:
    # That of `typing` takes a default from Python 3.13 on. Type checkers know this one even if it is not installed.
    from typing_extensions import TypeVar as TypeVarWithDefault

    from .results import UpdatedConference

    R_co = TypeVarWithDefault("R_co", covariant=True, default=UpdatedConference)
else:
    R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")

LOOK: Final = "Look at both values, then make a new plan with the one that is to stay."
_VERSION: Final = 1  # of the format of plans


@frozen
class ServerChoice:
    """The value of a field that is left out and has no documented default; `assumed`: what we expect it to be."""

    assumed: Any

    def __str__(self) -> str:
        return f"whatever the server chooses (we assume {json.dumps(self.assumed)})"


class Change(NamedTuple):
    """A field's value before and after, JSON; `after` may be a `ServerChoice`."""

    before: Any
    after: Any


class Line(NamedTuple):
    kind: Literal["head", "before", "after", "kept", "risk"]
    text: str
    value: Any = None


@define
class Intent:
    """What an update is to do. Once a PUT was carried out, it knows what the server made of it."""

    asked: dict[str, Any]  # field -> JSON value, or `CLEAR`
    resets: frozenset[str] = frozenset()  # fields that may be lost
    base: Json | None = None  # what the changes were asked against, or a part of it; else what is read first
    tried: bool = False  # whether a PUT of it may have been carried out
    advice: str = ""  # what to do about a conflict
    undoes: str | None = None  # the change set that it takes back
    undone_by: str | None = None  # the change set that did so before


class Reader(Protocol[R_co]):
    """A client, as plans know it."""

    def _read_plan(self, text: str) -> "UpdatePlan[R_co]": ...


@frozen(eq=False)
class UpdatePlan(Generic[R_co]):
    """What an update will change, what it keeps, and what it cannot carry. `str(plan)` is the diff.

    Attributes:
        conference_id: the conference.
        before: the whole conference as read, JSON as the server sent it.
        changes: field -> value before and after.
        body: what will be PUT; empty where nothing changes.
        at_risk: field -> what would become of it. A PUT cannot carry these; `apply` refuses unless they are named in
            the call or in its `allow_reset`.
        conflicts: fields that somebody else changed since the before-image.
        host: the space.
        intent: what was asked for.
    """

    conference_id: str
    before: Json
    changes: Mapping[str, Change]
    body: Json
    at_risk: Mapping[str, str]
    conflicts: tuple[Conflict, ...] = ()
    _apply: Callable[[], R_co] | None = field(default=None, repr=False)
    intent: Intent = field(factory=lambda: Intent({}), repr=False)
    host: str = field(default="", repr=False)

    def __reduce__(self) -> Any:  # without the client
        names = ("conference_id", "before", "changes", "body", "at_risk", "conflicts", "intent", "host")
        return partial(UpdatePlan, **{name: getattr(self, name) for name in names}), ()

    def apply(self) -> R_co:
        """Carry the plan out, any time later: other fields changed meanwhile are kept.

        Raises:
            ConflictError: somebody changed the same field to something else.
            UnsafeUpdateError: something is at risk.
            VerificationError, InvalidResponseError, ApiError, TransportError: as `update`.
        """
        if self._apply is None:
            raise TypeError("a plan without a client; UpdatePlan.from_json(client, plan.to_json()) is one that has it")
        return self._apply()

    def to_json(self) -> str:
        """The plan as text, to be reviewed, kept, and applied by any process: see `from_json`. It holds the conference
        as it was.
        """
        it = self.intent
        asked = {name: None if value is CLEAR else value for name, value in it.asked.items()}
        plan = {"plan": _VERSION, "host": self.host, "conference_id": self.conference_id, "changes": asked}
        plan |= {"allow_reset": sorted(it.resets), "undoes": it.undoes, "before": self.before}
        return json.dumps(plan if it.base in (None, self.before) else {**plan, "base": it.base}, indent=2) + "\n"

    @staticmethod
    def from_json(client: "Reader[S]", text: str) -> "UpdatePlan[S]":
        """The plan that `to_json` wrote. To apply it is a three-way merge against the conference as it was then.

        Args:
            client: a client of the same space; `apply` of an `AsyncRestClient`'s plan is awaited.
            text: what `to_json` gave.

        Raises:
            InvalidChangeError: it is no such plan, or one of another space: all that is wrong with it.
        """
        if not hasattr(client, "_read_plan"):
            rule = "must be a RestClient or an AsyncRestClient: from_json(client, text)"
            raise InvalidChangeError([Problem("client", client, rule)])
        return client._read_plan(text)  # noqa: SLF001 - no method for callers

    @property
    def kept(self) -> tuple[str, ...]:
        """The writable fields that keep their values."""
        return tuple(name for name in contract.fields(contract.UPDATE) if name not in {*self.changes, *self.at_risk})

    def refuse_losses(self, state: str) -> None:
        """Raises `UnsafeUpdateError` where something is at risk; `state`: of the conference."""
        if self.at_risk:
            raise UnsafeUpdateError(self.conference_id, self.at_risk, state=state, advice=self._ways_out)

    @property
    def _ways_out(self) -> str:
        fields = contract.fields(contract.UPDATE)
        omissible = [name for name in self.at_risk if fields[name].omission is not Omission.REQUIRED]
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
        if not self.changes:
            yield Line("kept", "  nothing to change; no PUT is needed")
        keep = "field keeps its" if len(self.kept) == 1 else "fields keep their"
        yield Line("kept", f"  {len(self.kept)} {keep} value")

    def __str__(self) -> str:
        return "\n".join(line.text for line in self.lines())


def merge(
    conference_id: str, base: Json, present: Json, asked: Json, resets: frozenset[str], *, sent: bool
) -> UpdatePlan[Any]:
    """Three-way merge: the `asked` changes (field -> JSON value, or `CLEAR`), made against the before-image `base`,
    onto the present conference, of which `resets` may be lost. Gives a plan without `apply`, whose changes are what
    is still to do; `sent`: a PUT of them may have been carried out already.
    """
    changes, at_risk, body, conflicts = dict[str, Change](), dict[str, str](), dict[str, Any](), list[Conflict]()
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
        elif now is None and about.omission is Omission.REQUIRED:
            at_risk[name] = "is null, which a PUT cannot send and requires"
        elif now is None and about.omission is not Omission.NULL and name in resets:
            changes[name] = Change(now, _result(about))
        elif now is None and about.omission is not Omission.NULL:
            at_risk[name] = f"is null, which a PUT cannot send; left out it becomes {_shown(_result(about))}"
        if value is not None and value is not CLEAR:
            body[name] = value
    if not changes.keys() & asked.keys():
        changes, body, at_risk = {}, {}, {}  # without a PUT, nothing is lost
    return UpdatePlan(conference_id, present, changes, body, at_risk, tuple(conflicts))


def read_plan(text: str, host: str) -> UpdatePlan[Any]:
    """The plan that `to_json` wrote, without a client; `InvalidChangeError` where it is none of this host."""
    said, asked, resets = checked_plan(text, host, _VERSION)
    intent = Intent(asked, resets, said.get("base", said["before"]), advice=LOOK, undoes=said.get("undoes"))
    plan = merge(said["conference_id"], intent.base or {}, said["before"], asked, resets, sent=False)
    return evolve(plan, intent=intent, host=host)


def changed_fields(before: Json, after: Json) -> dict[str, Any]:
    """The writable fields that differ: field -> value after."""
    return {
        name: after[name]
        for name, about in contract.fields(contract.UPDATE).items()
        if name in after and not equivalent(about.kind, before.get(name, after[name]), after[name])
    }


def expected_after(body: Json) -> dict[str, Any]:
    """What a PUT of this body has to lead to, by field; no entry where the server may choose."""
    return {
        name: body.get(name, about.default)
        for name, about in contract.fields(contract.UPDATE).items()
        if name in body or about.omission in (Omission.NULL, Omission.DOCUMENTED_DEFAULT)
    }


def assumed_after(body: Json) -> dict[str, Any]:
    """The same, with what the server is assumed to choose."""
    return {name: body.get(name, about.default) for name, about in contract.fields(contract.UPDATE).items()}


def _satisfied(about: Field, value: Any, before: Any, now: Any, sent: bool) -> bool:
    moved = not equivalent(about.kind, before, now)
    if value is CLEAR and about.omission is Omission.SERVER_CHOICE:
        # Nobody can tell what "reset" looks like; but after a PUT, a value that moved has moved.
        return sent and (moved or equivalent(about.kind, about.default, now))
    if equivalent(about.kind, _result(about) if value is CLEAR else value, now):
        return True
    # A server that keeps times less exactly keeps what it was sent in its own way.
    return (sent or moved) and about.kind is Kind.INSTANT and is_coarser(now, value)


def _result(about: Field) -> Any:
    return ServerChoice(about.default) if about.omission is Omission.SERVER_CHOICE else about.default


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, ServerChoice) else printable(json.dumps(value, ensure_ascii=False))
