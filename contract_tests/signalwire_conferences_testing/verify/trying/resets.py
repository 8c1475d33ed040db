"""What a PUT resets a field to that it leaves out: by the contract one constant, whatever was before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE, Omission
from signalwire_conferences.values import same

from .exchange import Exchange

__all__ = ["Resets"]


@frozen
class _Seen:
    value: Any
    exchange: Exchange


class Resets:
    """The values that fields were reset to in this run."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def wrong(self, name: str, old: Any, new: Any, exchange: Exchange) -> tuple[str, Exchange | None] | None:
        """Why a reset is wrong, and an earlier request that shows it; `None` where it may be right.

        Args:
            name: a field that the PUT left out.
            old: its value before.
            new: its value after.
            exchange: the PUT.
        """
        known = contract.fields(UPDATE)[name]
        kept = "it kept its old value" if same(known.kind, old, new) else f"it became {new!r}"
        if known.omission is Omission.DOCUMENTED_DEFAULT:
            if same(known.kind, new, known.default):
                return None
            return f"{name} was left out and has to become {known.default!r}: {kept}", None
        if name not in self._seen:
            self._seen[name] = _Seen(new, exchange)
            return None
        first = self._seen[name]
        if same(known.kind, first.value, new):
            return None
        message = (
            f"{name} was left out: {kept}, was {old!r} before; in an earlier PUT that left it out it"
            f" became {first.value!r}. A reset has to give the same value whatever was there before"
        )
        return message, first.exchange

    def gives_null(self, name: str) -> bool | None:
        """Whether leaving a field out makes it null; `None` where no PUT has shown it yet."""
        return self._seen[name].value is None if name in self._seen else None

    def notes(self) -> Iterator[str]:
        """Where the constant is documented nowhere, and not the one that this project assumes."""
        for name, seen in self._seen.items():
            known = contract.fields(UPDATE)[name]
            if not same(known.kind, known.default, seen.value):
                yield (
                    f"{name}, left out of a PUT, becomes {json.dumps(seen.value)}; this project's reading"
                    f" is {json.dumps(known.default)}, and the vendor documents none"
                )
