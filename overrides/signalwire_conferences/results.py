"""Results: the generated models as a typed view of the JSON that the server sent.

Reading never raises because the server is newer than the contract: a value that a generated type cannot hold (a new
layout, a leap second, an id that is no UUID) is given as it came.
"""

import copy
import datetime
import enum
import functools
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from uuid import UUID

import attrs
from attrs import field, frozen

import signalwire_conferences_api.models as api
from signalwire_conferences_api.types import UNSET, Unset

from .plan import Change

V = typing.TypeVar("V", bound="JsonView")

_READ_ONLY = "a result is read-only; change a conference with update()"


@frozen
class UpdateReport:
    """How an update went.

    Attributes:
        changes: field -> value before and after; empty where nothing had to change.
        written: whether a PUT was carried out.
        puts: how many PUTs were sent.
        changed_by_others: field -> change that somebody else made between our first read and our last; it is kept.
        noticed: what is no loss and yet worth knowing, field -> change: fields that the contract does not know, times
            that the server keeps less exactly, values of a stale answer to the PUT.
    """

    changes: Mapping[str, Change]
    written: bool
    puts: int
    changed_by_others: Mapping[str, Change] = field(factory=dict)
    noticed: Mapping[str, Change] = field(factory=dict)


class JsonView(Mapping[str, Any]):
    """Typed attributes over an object of JSON; `result["name"]` is the value as the server sent it. Read-only."""

    _json: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self._json[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._json)

    def __len__(self) -> int:
        return len(self._json)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(_READ_ONLY)

    def __setitem__(self, *_: Any) -> NoReturn:
        raise TypeError(_READ_ONLY)

    __delitem__ = __setitem__

    def __reduce__(self) -> tuple[Any, ...]:
        # What generated models do for copies and pickles knows nothing of the JSON.
        return view, (type(self), self._json, vars(self).get("report"))

    def to_dict(self) -> dict[str, Any]:
        """A copy of the JSON as the server sent it."""
        return copy.deepcopy(self._json)


class ActiveSession(JsonView, api.ActiveSession):
    """The session of a conference."""


class Conference(JsonView, api.Conference):
    """A conference; `report`: how the update that gave it went, `None` for any other call."""

    active_session: ActiveSession | Unset
    meta: dict[str, Any] | None  # type: ignore[assignment]  # JSON as it came, as all data of users
    report: UpdateReport | None = None


class PageLinks(JsonView, api.PageLinks):
    """Links to pages."""


class ConferencePage(JsonView, api.ConferencePage):
    """A page of conferences."""

    data: list[Conference]  # type: ignore[assignment]  # narrower, as `view` makes it
    links: PageLinks


def view(kind: type[V], body: Any, report: UpdateReport | None = None) -> V:
    """The typed view of an object of JSON (else `TypeError`), with a report where an update gave it."""
    if not isinstance(body, dict):
        raise TypeError(f"a {type(body).__name__} is no object of JSON")
    made, known = kind.__new__(kind), _attributes(kind)
    values = {to: _typed(targets, body[name]) if name in body else UNSET for name, (to, targets) in known.items()}
    values |= {"additional_properties": {name: v for name, v in body.items() if name not in known}, "_json": body}
    values |= {} if report is None else {"report": report}
    for attribute, value in values.items():
        object.__setattr__(made, attribute, value)
    return made


@functools.cache
def _attributes(kind: type[Any]) -> dict[str, tuple[str, Any]]:
    # The generated modules name their neighbours under TYPE_CHECKING only; ours stand in for theirs.
    hints = typing.get_type_hints(kind, localns={**vars(api), **globals()})
    names = [each.name for each in attrs.fields(kind) if each.init]
    # The generator keeps off Python's own names with an underscore, as in `self_`.
    return {name.rstrip("_"): (name, _targets(hints[name])) for name in names}


def _targets(hint: Any) -> Any:
    """The types that a JSON value may be converted to; in a list, those of the items of a list."""
    if typing.get_origin(hint) is list:
        return [_targets(*typing.get_args(hint))]
    types = [each for each in typing.get_args(hint) or (hint,) if isinstance(each, type)]
    return tuple(each for each in types if issubclass(each, JsonView | datetime.datetime | enum.Enum | UUID))


def _typed(targets: Any, value: Any) -> Any:
    if isinstance(targets, list):
        return [_typed(targets[0], item) for item in value] if isinstance(value, list) else value
    for target in targets:
        try:
            if issubclass(target, datetime.datetime):
                made = target.fromisoformat(value)
                return made if made.tzinfo else value  # without a time zone it is no instant
            return view(target, value) if issubclass(target, JsonView) else target(value)
        except (ValueError, TypeError, AttributeError):
            continue
    return value
