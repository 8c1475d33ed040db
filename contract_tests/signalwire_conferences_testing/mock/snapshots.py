"""Read-only copies of conferences, since writing to a copy would not change the store."""

from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["Snapshot", "snapshot"]


def _refuse(_self: object, *_: Any, **__: Any) -> NoReturn:
    raise TypeError("this is a read-only copy; change the conference with store.patch(id, {...})")


class Snapshot(dict[str, Any]):
    """A read-only copy of a conference. `copy()` and `|` return ordinary dicts."""

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        """An ordinary dict of ordinary values."""
        return {name: _thawed(value) for name, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (_thawed(self),)


class _List(list[Any]):
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __deepcopy__(self, memo: object) -> list[Any]:
        return [_thawed(value) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (_thawed(self),)


def snapshot(value: Any) -> Any:
    """A read-only copy of a JSON value."""
    if isinstance(value, Mapping):
        return Snapshot({name: snapshot(each) for name, each in value.items()})
    return _List(snapshot(each) for each in value) if isinstance(value, list) else value


def _thawed(value: Any) -> Any:
    """An ordinary copy of a JSON value."""
    if isinstance(value, Mapping):
        return {name: _thawed(each) for name, each in value.items()}
    return [_thawed(each) for each in value] if isinstance(value, list) else value
