"""What a check works with: requests, conferences of its own, and answers read with care."""

from __future__ import annotations

import functools
import random
import uuid
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from signalwire_conferences import contract
from signalwire_conferences.contract import Kind
from signalwire_conferences.values import same

from . import instants
from .api import UNSET, Api
from .exchange import NO_JSON, Credentials, Exchange
from .own import Own
from .promises import Broken, SetupFailed, ensure
from .resets import Resets
from .surroundings import Surroundings

__all__ = ["Bench", "Conference", "as_sent", "brief", "conference_of", "differences", "kinds"]

#: A conference as an answer tells it.
Conference = Mapping[str, Any]

_SESSION = "active_session"


@define
class Bench:
    """The workplace of one check.

    Attributes:
        api: sends requests.
        own: the conferences of this run.
        rng: random numbers that depend on the seed and the promise only.
        wrong: wrong credentials, for those who need some.
        resets: what fields were reset to so far.
        around: what was there before the run.
        conference_id: an existing conference that may be written to.
        writes: whether conferences may be created.
        notes: what is no failure and yet worth a word.
    """

    api: Api
    own: Own
    rng: random.Random
    wrong: list[Credentials]
    resets: Resets
    around: Surroundings
    conference_id: str | None = None
    writes: bool = True
    notes: list[str] = field(factory=list)

    # --- requests ---------------------------------------------------------------------------------

    def get(self, conference_id: str, **query: str) -> Exchange:
        """Reads a conference."""
        return self.api.send("GET", self.api.path(conference_id), query=query)

    def put(self, conference_id: str, body: Any = UNSET, **options: Any) -> Exchange:
        """Replaces a conference."""
        return self.api.send("PUT", self.api.path(conference_id), json=body, **options)

    def post(self, body: Any = UNSET, **options: Any) -> Exchange:
        """Creates a conference."""
        return self.api.send("POST", self.api.path(), json=body, **options)

    def delete(self, conference_id: str, **options: Any) -> Exchange:
        """Deletes a conference."""
        return self.api.send("DELETE", self.api.path(conference_id), **options)

    def list(self, **query: str) -> Exchange:
        """A page of conferences."""
        return self.api.send("GET", self.api.path(), query=query)

    # --- what is to go well before a promise can be tried --------------------------------------------

    def body(self, **fields: Any) -> dict[str, Any]:
        """A create body with a name of this run; the fields may override everything."""
        return {"name": self.own.name(), "display_name": self.own.display_name, **fields}

    def new(self, **fields: Any) -> tuple[Conference, Exchange]:
        """A conference of this run, and the request that made it.

        Raises:
            SetupFailed: it could not be created.
        """
        exchange = self.post(self.body(**fields))
        try:
            return conference_of(exchange), exchange
        except Broken as broken:
            raise SetupFailed(f"a plain create failed: {broken.message}", *broken.evidence) from None

    def customised(self, fields: Mapping[str, Any], **create: Any) -> tuple[Conference, Exchange, Exchange]:
        """A conference of this run with these fields by PUT, and the two requests that made it.

        Raises:
            SetupFailed: it could not be made.
        """
        created, made = self.new(**create)
        exchange = self.put(created["id"], {"display_name": self.own.display_name, **fields})
        try:
            return conference_of(exchange), made, exchange
        except Broken as broken:
            raise SetupFailed(f"a valid PUT failed: {broken.message}", made, *broken.evidence) from None

    def read(self, conference_id: str, *before: Exchange) -> Conference:
        """A conference as GET tells it now."""
        return conference_of(self.get(conference_id), *before)

    def unknown_id(self) -> str:
        """An id that no conference has."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    # --- answers ----------------------------------------------------------------------------------

    def unchanged(self, before: Conference, why: str, *evidence: Exchange) -> None:
        """Reads a conference again and demands that nothing of it changed."""
        exchange = self.get(before["id"])
        after = conference_of(exchange, *evidence)
        changed = differences(before, after)
        ensure(not changed, f"{why} changed the conference: {brief(changed)}", *evidence, exchange)


def conference_of(exchange: Exchange, *before: Exchange) -> Conference:
    """The conference of a successful answer.

    Raises:
        Broken: it is no success, or no conference that could be looked at.
    """
    shown = (*before, exchange)
    if exchange.status != 200:
        raise Broken(f"expected 200, got {exchange.status}{_reason(exchange)}", *shown)
    value = exchange.value
    if not isinstance(value, dict):
        raise Broken("the answer is no JSON object", *shown)
    missing = [name for name in (*contract.fields(contract.UPDATE), "id", "name") if name not in value]
    if missing:
        raise Broken(f"the answer lacks {', '.join(missing)}", *shown)
    if not isinstance(value["id"], str):
        raise Broken("the answer's id is no string", *shown)
    return value


def _reason(exchange: Exchange) -> str:
    text = exchange.answer[:300].decode("utf-8", "replace")
    return f": {text}" if text and exchange.value is not NO_JSON else ""


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """How the fields of an answer are compared."""
    return contract.KINDS


def differences(
    one: Conference, other: Conference, *, but: tuple[str, ...] = ()
) -> dict[str, tuple[Any, Any]]:
    """The fields of the contract in which two answers differ, an active session aside."""
    return {
        name: (one.get(name), other.get(name))
        for name, kind in kinds().items()
        if name not in (*but, _SESSION) and not same(kind, one.get(name), other.get(name))
    }


def brief(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Differences in words."""
    return ", ".join(f"{name} from {_short(old)} to {_short(new)}" for name, (old, new) in changed.items())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_sent(name: str, sent: Any, told: Any) -> str | None:
    """Why a field does not come back as it was sent; `None` where it does."""
    if kinds()[name] is Kind.INSTANT:
        wrong = instants.misread(sent, told)
        return f"{name}: {wrong}" if wrong else None
    # Colours too: returned as sent, in the case they were sent in.
    if same(Kind.EXACT, sent, told):
        return None
    return f"{name}: {_short(sent)} was sent and {_short(told)} came back"
