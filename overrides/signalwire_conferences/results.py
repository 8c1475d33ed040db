"""Results: dicts of JSON as the server sent it, with typed attributes.

Reading never raises because the server is newer than the contract: a value that a generated type cannot hold (a new
layout, a leap second, an id that is not a UUID) is given as it came.
"""

import datetime
import enum
import functools
import typing
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Never, NoReturn, TypeVar, cast
from uuid import UUID

import attrs
from attrs import field, frozen

from .plan import Change

V = TypeVar("V", bound="JsonView")

_READ_ONLY = "a result is read-only; change a conference with update()"

if TYPE_CHECKING:
    import signalwire_conferences_api.models as api
    from signalwire_conferences_api.types import Unset

    class _Object(Mapping[str, Any]):  # a type checker is to refuse what would write
        def __setitem__(self, key: Never, value: Never) -> None: ...
        def __delitem__(self, key: Never) -> None: ...
        def __getitem__(self, key: str) -> Any: ...
        def __iter__(self) -> Iterator[str]: ...
        def __len__(self) -> int: ...
        def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]: ...
        def copy(self) -> dict[str, Any]: ...
else:
    import types

    class _Object(dict):
        def _refuse(self, *_: Any, **__: Any) -> NoReturn:
            raise TypeError(_READ_ONLY)

        __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    # The generated models lend their types alone: no dict can have their slots.
    api = types.SimpleNamespace(ActiveSession=object, Conference=object, PageLinks=object, ConferencePage=object)


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
        change_set: the id of what this call did, in the journal if there is one.
        undoes: of an undo, the change set that it is about.
        undone_by: the change set that had undone it before, so that this one wrote nothing.
        request_id: the server's id of the last PUT that was answered, else of the read; `None` where it sends none.
    """

    changes: Mapping[str, Change]
    written: bool
    puts: int
    changed_by_others: Mapping[str, Change] = field(factory=dict)
    noticed: Mapping[str, Change] = field(factory=dict)
    change_set: str | None = None
    undoes: str | None = None
    undone_by: str | None = None
    request_id: str | None = None


class JsonView(_Object):
    """A dict of JSON as the server sent it, with its values as typed attributes too. Read-only.

    Attributes:
        report: how the update went that gave it, `None` for any other call.
        request_id: the server's id of the request that gave it, of an update that of its last PUT; `None` where the
            server sends none.
    """

    report: UpdateReport | None = None
    request_id: str | None = None

    if not TYPE_CHECKING:  # else every name would pass for one

        def __getattr__(self, name: str) -> Any:
            # Typed when it is asked for: most never are.
            from signalwire_conferences_api.types import UNSET  # noqa: PLC0415 - which takes HTTP with it

            known = _attributes(type(self))
            if name == "additional_properties":
                names = {key for key, _ in known.values()}
                value: Any = {key: each for key, each in self.items() if key not in names}
            elif name in known:
                key, targets = known[name]
                value = _typed(targets, self[key]) if key in self else UNSET
            else:
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}", name=name, obj=self)
            vars(self)[name] = value
            return value

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(_READ_ONLY)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_attributes(type(self)), "additional_properties"]

    def __repr__(self) -> str:
        named = [f"{name}={self[name]!r}" for name in ("id", "display_name") if name in self]
        return f"{type(self).__name__}({', '.join(named) or ', '.join(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return view, (type(self), self.to_dict(), self.report, self.request_id)

    def to_dict(self) -> dict[str, Any]:
        """A copy of the JSON as the server sent it, for the caller to change."""
        return {name: _plain(value) for name, value in self.items()}


class ActiveSession(JsonView, api.ActiveSession):  # type: ignore[misc]  # read-only, unlike the model
    """The session of a conference."""


class Conference(JsonView, api.Conference):  # type: ignore[misc]  # read-only, unlike the model
    """A conference."""

    active_session: "ActiveSession | Unset"
    meta: dict[str, Any] | None  # type: ignore[assignment]  # JSON as it came, as all data of users


class UpdatedConference(Conference):
    """A conference as an update left it; `report` is always there."""

    report: UpdateReport


class PageLinks(JsonView, api.PageLinks):  # type: ignore[misc]  # read-only, unlike the model
    """Links to pages."""


class ConferencePage(JsonView, api.ConferencePage):  # type: ignore[misc]  # read-only, unlike the model
    """A page of conferences."""

    data: list[Conference]  # type: ignore[assignment]  # narrower, as `view` makes it
    links: PageLinks


# What has attributes of its own, alone or in a list.
_VIEWS: Mapping[type, Mapping[str, type[JsonView]]] = {
    Conference: {"active_session": ActiveSession},
    UpdatedConference: {"active_session": ActiveSession},
    ConferencePage: {"data": Conference, "links": PageLinks},
}


def view(kind: type[V], body: Any, report: UpdateReport | None = None, request_id: str | None = None) -> V:
    """The view of an object of JSON (else `TypeError`), with a report where an update gave it."""
    if not isinstance(body, dict):
        raise TypeError(f"a {type(body).__name__} is not a JSON object")
    made: Any = kind()
    dict.update(made, body)
    for name, inner in _VIEWS.get(kind, {}).items():
        if name in body:
            dict.__setitem__(made, name, _viewed(inner, body[name]))
    if report is not None:
        vars(made)["report"] = report
    if request_id is not None:
        vars(made)["request_id"] = request_id
    return cast(V, made)


def _viewed(kind: type[JsonView], value: Any) -> Any:
    if isinstance(value, list):
        return [_viewed(kind, item) for item in value]
    return view(kind, value) if isinstance(value, dict) else value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {name: _plain(each) for name, each in value.items()} if isinstance(value, dict) else value


@functools.cache
def _attributes(kind: type[JsonView]) -> dict[str, tuple[str, tuple[type[Any], ...]]]:
    """Attribute -> name in JSON, and the types that its value may be converted to."""
    from signalwire_conferences_api import models  # noqa: PLC0415 - they take long to import, and few ask for them

    made = next(getattr(models, each.__name__) for each in kind.__mro__ if each.__name__ in models.__all__)
    hints = typing.get_type_hints(made, localns={name: getattr(models, name) for name in models.__all__})
    # The generator keeps off Python's own names with an underscore, as in `self_`.
    names = [each.name for each in attrs.fields(made) if each.init]
    return {name: (name.rstrip("_"), _targets(hints[name])) for name in names}


def _targets(hint: Any) -> tuple[type[Any], ...]:
    types = [each for each in typing.get_args(hint) or (hint,) if isinstance(each, type)]
    return tuple(each for each in types if issubclass(each, datetime.datetime | enum.Enum | UUID))


def _typed(targets: tuple[type[Any], ...], value: Any) -> Any:
    for target in targets:
        try:
            if issubclass(target, datetime.datetime):
                made = target.fromisoformat(value)
                return made if made.tzinfo else value  # without a time zone it is not an instant
            return target(value)
        except (ValueError, TypeError, AttributeError):
            continue
    return value
