"""What the store gives out: read-only JSON, since it would never see what is written to a copy."""

from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["Snapshot", "snapshot"]


def _refuse(_self: object, *_: Any, **__: Any) -> NoReturn:
    raise TypeError("this is a copy of what the mock holds; change the conference with store.patch(id, {...})")


class Snapshot(dict[str, Any]):
    """A conference as the mock holds it, read-only. `copy()` and `|` make dicts of your own."""

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        """An ordinary dict, and so is what is in it."""
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
    """A JSON value as read-only copy."""
    if isinstance(value, Mapping):
        return Snapshot({name: snapshot(each) for name, each in value.items()})
    return _List(snapshot(each) for each in value) if isinstance(value, list) else value


def _thawed(value: Any) -> Any:
    """A JSON value as a copy that is free to change."""
    if isinstance(value, Mapping):
        return {name: _thawed(each) for name, each in value.items()}
    return [_thawed(each) for each in value] if isinstance(value, list) else value
