"""Faults in what a write stores. Each function gets the fields before it, and those about to be stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from signalwire_conferences import contract

from . import times

_Before = Mapping[str, Any]
_After = dict[str, Any]


def field_lost(_before: _Before, after: _After, name: str) -> None:
    """The field NAME is reset, as if it had been left out; an unknown field is removed."""
    known = contract.fields(contract.UPDATE).get(name)
    after.pop(name, None)
    if known is not None:
        after[name] = known.default


def field_ignored(before: _Before, after: _After, name: str) -> None:
    """The field NAME keeps its value, whatever is written."""
    if name in before:
        after[name] = before[name]


def field_changed(_before: _Before, after: _After, name: str, value: Any) -> None:
    """VALUE is stored in the field NAME, known or unknown, whatever is written."""
    after[name] = value


def field_nulled(_before: _Before, after: _After, name: str) -> None:
    """Null is stored in the field NAME, known or unknown."""
    after[name] = None


def field_emptied(_before: _Before, after: _After, name: str) -> None:
    """The field NAME, known or unknown, becomes the empty value of its type: false, 0, "", [] or {}."""
    if name in after:
        after[name] = type(after[name])()


def field_counted(before: _Before, after: _After, name: str) -> None:
    """The field NAME counts the writes: one more than before, from 0 if it is not a number."""
    number = before.get(name)
    after[name] = (number if isinstance(number, (int, float)) else 0) + 1


def times_kept(_before: _Before, after: _After, digits: int = 0, how: Literal["cut", "rounded"] = "cut") -> None:
    """Times are stored with DIGITS of a fraction of a second; the rest is cut or rounded (HOW)."""
    for name, known in contract.fields(contract.UPDATE).items():
        if known.kind is contract.Kind.INSTANT and isinstance(after.get(name), str):
            after[name] = times.shortened(after[name], digits, rounded=how == "rounded")


def meta_wiped(_before: _Before, after: _After) -> None:
    """The write empties `meta`."""
    after["meta"] = {}
