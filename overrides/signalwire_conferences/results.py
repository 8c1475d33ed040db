"""Results: the generated models as a typed view of the JSON that the server sent.

Reading never raises because the server is newer than the contract: a value that a generated type
cannot hold (a new layout, a leap second, an id that is no UUID) is given as it came.
"""

from __future__ import annotations

import copy
import datetime
import enum
import functools
import types
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from attrs import field, fields_dict, frozen

import signalwire_conferences_api.models as api
from signalwire_conferences_api.types import UNSET, Unset

from .plan import Change

__all__ = [
    "ActiveSession",
    "Conference",
    "ConferencePage",
    "PageLinks",
    "UpdateReport",
    "updated_view",
    "view",
]

V = typing.TypeVar("V", bound="JsonView")


@frozen
class UpdateReport:
    """How an update went.

    Attributes:
        changes: field -> value before and after; empty where nothing had to change.
        written: whether a PUT was carried out.
        puts: how many PUTs were sent.
        changed_by_others: writable fields that somebody else changed between our first read and
            our last: field -> change. They are kept.
        noticed: fields that the contract does not know and that the PUT changed.
    """

    changes: Mapping[str, Change]
    written: bool
    puts: int
    changed_by_others: Mapping[str, Change] = field(factory=dict)
    noticed: Mapping[str, Change] = field(factory=dict)


class JsonView(Mapping[str, Any]):
    """Typed attributes over an object of JSON; `result["name"]` is the value as the server sent it.

    Read-only: to change a conference, call `update`.
    """

    _json: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self._json[key]

    def __contains__(self, key: object) -> bool:
        return key in self._json

    def __iter__(self) -> Iterator[str]:
        return iter(self._json)

    def __len__(self) -> int:
        return len(self._json)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError("a result is read-only; change a conference with update()")

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        raise TypeError("a result is read-only; change a conference with update()")

    def __delitem__(self, key: str) -> NoReturn:
        raise TypeError("a result is read-only; change a conference with update()")

    def __reduce__(self) -> tuple[Any, ...]:
        # What generated models do for copies and pickles knows nothing of the JSON.
        return view, (type(self), self._json)

    def to_dict(self) -> dict[str, Any]:
        """A copy of the JSON as the server sent it."""
        return copy.deepcopy(self._json)


class ActiveSession(JsonView, api.ActiveSession):
    """The session of a conference."""


class Conference(JsonView, api.Conference):
    """A conference.

    Attributes:
        report: how the update that gave this result went; `None` for any other call.
    """

    active_session: ActiveSession | Unset
    meta: dict[str, Any] | None  # type: ignore[assignment]  # JSON as it came, as all data of users
    report: UpdateReport | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.report is None:
            return super().__reduce__()
        return updated_view, (self._json, self.report)


class PageLinks(JsonView, api.PageLinks):
    """Links to pages."""


class ConferencePage(JsonView, api.ConferencePage):
    """A page of conferences."""

    data: list[Conference]  # type: ignore[assignment]  # narrower, as `view` makes it
    links: PageLinks


_VIEWS: Mapping[Any, type[JsonView]] = {
    api.ActiveSession: ActiveSession,
    api.Conference: Conference,
    api.PageLinks: PageLinks,
    api.ConferencePage: ConferencePage,
}
_MODELS: Mapping[Any, Any] = {view: model for model, view in _VIEWS.items()}


def view(kind: type[V], body: dict[str, Any]) -> V:
    """The typed view of an object of JSON."""
    made = kind.__new__(kind)
    known = _attributes(_MODELS[kind])
    values: dict[str, Any] = {
        attribute: convert(body[name]) if name in body else UNSET
        for name, (attribute, convert) in known.items()
    }
    values["additional_properties"] = {name: v for name, v in body.items() if name not in known}
    values["_json"] = body
    for attribute, value in values.items():
        object.__setattr__(made, attribute, value)
    return made


def updated_view(body: dict[str, Any], report: UpdateReport) -> Conference:
    """The result of an update."""
    conference = view(Conference, body)
    object.__setattr__(conference, "report", report)
    return conference


@functools.cache
def _attributes(model: Any) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """JSON name -> attribute of a generated model, and what makes its value."""
    # The generated modules name their neighbours under TYPE_CHECKING only.
    hints = typing.get_type_hints(model, localns=vars(api))
    names = [name for name in fields_dict(model) if name != "additional_properties"]
    # The generator keeps off Python's own names with an underscore, as in `self_`.
    return {
        name.rstrip("_"): (name, functools.partial(_convert, tuple(_members(hints[name])))) for name in names
    }


def _members(hint: Any) -> Iterator[Any]:
    """The types of a hint that a JSON value may have to be converted to."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        for member in typing.get_args(hint):
            yield from _members(member)
    elif origin is list:
        yield [*_members(typing.get_args(hint)[0])]
    elif hint in (datetime.datetime, uuid.UUID) or hint in _VIEWS or _is_enum(hint):
        yield hint


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Enum)


def _convert(members: tuple[Any, ...], value: Any) -> Any:
    for member in members:
        if isinstance(member, list):
            if isinstance(value, list):
                return [_convert(tuple(member), item) for item in value]
        elif member in _VIEWS:
            if isinstance(value, dict):
                return view(_VIEWS[member], value)
        else:
            try:
                return _aware(value) if member is datetime.datetime else member(value)
            except (ValueError, TypeError, AttributeError):
                continue
    return value


def _aware(text: str) -> datetime.datetime:
    made = datetime.datetime.fromisoformat(text)
    if made.tzinfo is None:
        raise ValueError("no time zone, so it is no instant")
    return made
