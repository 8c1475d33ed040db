"""The values that a PUT resets fields to, as this run learns them of the server."""

import json
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE, Omission
from signalwire_conferences.values import equivalent

from .claims import Claim, field
from .exchange import Exchange


class Resets:
    """The values that fields were reset to in this run: name -> value."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def wrong(self, name: str, old: Any, new: Any, exchange: Exchange) -> tuple[str, Claim] | None:
        """Why the new value of a field that a PUT left out is wrong, and what has to be; `None` where it may be right.
        By the contract it is one constant, whatever the old one was.
        """
        known = contract.fields(UPDATE)[name]
        kept = f"kept its old value {old!r}" if equivalent(known.kind, old, new) else f"became {new!r}"
        told = field(exchange, name)
        if known.omission is Omission.DOCUMENTED_DEFAULT:
            if equivalent(known.kind, new, known.default):
                return None
            return f"{name} {kept} and has to become {known.default!r}", Claim(told, "is", known.default)
        first = self.seen.setdefault(name, new)
        if equivalent(known.kind, first, new):
            return None
        message = f"{name} {kept}, was {old!r} before, and became {first!r} in an earlier PUT that left it out"
        return message, Claim(told, "is", first)

    def gives_null(self, name: str) -> bool | None:
        """Whether leaving a field out makes it null; `None` where no PUT has shown it yet."""
        return self.seen[name] is None if name in self.seen else None

    def reading(self) -> str:
        """What fields without a documented default become, where it is not what this project assumes."""
        known = contract.fields(UPDATE)
        told = {n: json.dumps(v) for n, v in self.seen.items() if not equivalent(known[n].kind, known[n].default, v)}
        return ", ".join(f"{name} becomes {value}" for name, value in told.items())
