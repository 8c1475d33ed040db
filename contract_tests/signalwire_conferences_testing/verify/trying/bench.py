"""What a check works with: requests, conferences of its own, and answers read with care."""

import contextlib
import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import Factory, define

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE, Kind
from signalwire_conferences.values import equivalent

from . import instants
from .api import UNSET, Api
from .claims import Claim, Part, attributes, field, listed, status
from .created import CreatedConferences
from .exchange import NO_JSON, Credentials, Exchange, stays_in_path
from .findings import Broken, SetupFailed, demand
from .options import Options
from .surroundings import Surroundings

SESSION = "active_session"
#: The query that asks for it, and the one that does not.
ASKED = {"include_active_session": "true"}
UNASKED = {"include_active_session": "false"}
_MOST_FINDINGS = 40
#: What the findings of a run are due to -> the promise that found it first.
Causes = dict[tuple[Any, ...], str]
#: How the server reads what the documents leave open: question -> case -> reading, and the first request that showed
#: it. A case is what may be read in its own way.
Readings = dict[str, dict[str, tuple[str, Exchange]]]


class Conference(dict[str, Any]):
    """A conference as an answer tells it, that of a list too. A field that the answer lacks reads `None`."""

    def __init__(self, value: Mapping[str, Any], source: Exchange, *, on_page: bool = False) -> None:
        super().__init__(value)
        self.source, self.on_page = source, on_page

    def __missing__(self, name: str) -> None:
        return None

    def part(self, name: str) -> Part:
        return listed(self.source, self["id"], name) if self.on_page else field(self.source, name)


class Enough(Exception):  # noqa: N818 - nothing is wrong
    """There are more findings than anybody reads."""


@define
class Bench:
    """The workplace of one check."""

    api: Api
    created: CreatedConferences
    options: Options
    wrong: list[Credentials]  # for those who need some
    rng: random.Random = Factory(random.Random)  # depends on the seed and the promise only
    resets: dict[str, Conference] = Factory(
        dict
    )  # where it was first seen what a field is reset to that has no default
    log: list[Exchange] = Factory(list)  # the requests of this promise
    readings: Readings = Factory(dict)
    around: Surroundings = Factory(Surroundings)
    causes: Causes = Factory(dict)
    found: list[Broken] = Factory(list)
    because: list[tuple[str, Broken]] = Factory(list)  # broken promises without which this one might be kept, and how
    blamed: list[tuple[str, Broken]] = Factory(list)  # findings that are those of other promises

    # --- requests ---------------------------------------------------------------------------------

    def get(self, conference_id: str, **query: str) -> Exchange:
        return self.api.send("GET", self.api.path(conference_id), query=query)

    def put(self, conference_id: str, body: Any = UNSET, **options: Any) -> Exchange:
        return self.api.send("PUT", self.api.path(conference_id), json=body, **options)

    def post(self, body: Any = UNSET, **options: Any) -> Exchange:
        return self.api.send("POST", self.api.path(), json=body, **options)

    def delete(self, conference_id: str, **options: Any) -> Exchange:
        return self.api.send("DELETE", self.api.path(conference_id), **options)

    def list(self, **query: str) -> Exchange:
        return self.api.send("GET", self.api.path(), query=query)

    def both(self, conference: Conference, fields: Mapping[str, Any], **options: Any) -> Iterator[Exchange]:
        """A PUT of a conference and then a create, with these fields, unless they are for a PUT alone."""
        yield self.put(conference["id"], self.update(**fields), **options)
        if not fields or fields.keys() - (contract.fields(UPDATE).keys() - contract.fields(CREATE).keys()):
            yield self.post(self.body(**fields), **options)

    # --- findings ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def case(self) -> Iterator[None]:
        """One of several things that a check tries: what is found in it does not end the others."""
        try:
            yield
        except SetupFailed:
            raise
        except Broken as broken:
            self.take(broken)
            if self.options.fail_fast or len(self.found) >= _MOST_FINDINGS:
                raise Enough from None

    def take(self, broken: Broken) -> None:
        """Keeps a finding, unless it is due to what was found before."""
        known = [self.causes[one] for one in broken.causes if one in self.causes]
        if known and len(known) == len(broken.causes):
            self.because += [(one, broken) for one in known]
        elif not any(broken.message == one.message or set(broken.causes) & set(one.causes) for one in self.found):
            self.found.append(broken)

    def deviates(self, cause: tuple[Any, ...], message: str, claim: Claim, *evidence: Exchange) -> None:
        """Raises `Broken`, unless the same was found before, so that the check may go on beyond it."""
        broken = Broken(message, claim, *evidence, causes=[cause])
        if cause in self.causes:
            self.because.append((self.causes[cause], broken))
        elif not any(cause in one.causes for one in self.found):
            raise broken

    def expect(self, exchange: Exchange, *statuses: int, because: str, before: Sequence[Exchange] = ()) -> Exchange:
        if exchange.status not in statuses:
            cause = ("status", exchange.operation_id or exchange.method, statuses, exchange.status)
            message = f"{because}: expected {' or '.join(map(str, statuses))}, got {exchange.status}"
            self.deviates(cause, message, Claim(status(exchange), "in", list(statuses)), *before)
        return exchange

    def judge(self, exchange: Exchange, *statuses: int, because: str, before: Sequence[Exchange] = ()) -> Exchange:
        """`expect`, as a case of its own."""
        with self.case():
            self.expect(exchange, *statuses, because=because, before=before)
        return exchange

    def reads(self, question: str, case: str, reading: str, exchange: Exchange, claim: Claim | None = None) -> None:
        """Notes how the server reads what the documents leave open. In one run it has to be one way, whatever
        the operation; what may be read in another way is another case.
        """
        case = case or "in general"
        known, earlier = self.readings.setdefault(question, {}).setdefault(case, (reading, exchange))
        if known != reading:
            before, now = f"{known} by a {earlier.method} before", f"{reading} by a {exchange.method} now"
            message = f"{question} ({case}): {before}, and {now}; either may be, not both"
            claim = claim or Claim(status(exchange), "is", status(earlier))
            raise Broken(message, claim, earlier, causes=[("reading", question)])

    # --- what is to go well before a promise can be tried --------------------------------------------

    def body(self, **fields: Any) -> dict[str, Any]:
        """A create body with a name of this run; the fields may override everything."""
        return {"name": self.created.name(), "display_name": self.created.display_name, **fields}

    def update(self, **fields: Any) -> dict[str, Any]:
        """A PUT body with a display name; the fields may override it."""
        return {"display_name": self.created.display_name, **fields}

    def new(self, **fields: Any) -> Conference:
        """A conference of this run; `SetupFailed` where it could not be created."""
        return self._made(self.post(self.body(**fields)), "a plain create")

    def customised(self, fields: Mapping[str, Any], **create: Any) -> Conference:
        """A conference of this run with these fields by PUT; `SetupFailed` where it could not be made."""
        return self._made(self.put(self.new(**create)["id"], self.update(**fields)), "a valid PUT")

    def _made(self, exchange: Exchange, what: str) -> Conference:
        try:
            return self.conference_of(exchange)
        except Broken as broken:
            raise SetupFailed(f"{what} failed: {broken.message}", broken.claim, causes=broken.causes) from None

    def read(self, conference_id: str, *before: Exchange, **query: str) -> Conference:
        return self.conference_of(self.get(conference_id, **query), *before)

    def replaced(self, before: Conference, fields: Mapping[str, Any]) -> Conference:
        """A conference after a PUT with these fields, which has to succeed."""
        return self.conference_of(self.put(before["id"], self.update(**fields)), before.source)

    def unknown_id(self) -> str:
        made_up = str(uuid.UUID(int=self.created.rng.getrandbits(128), version=4))
        self.created.unknown.append(made_up)
        return made_up

    # --- answers ----------------------------------------------------------------------------------

    def conference_of(self, exchange: Exchange, *before: Exchange) -> Conference:
        """The conference of a successful answer; another 2xx than 200 is a finding of its own. `Broken` where it is no
        success, or not a conference that could be looked at.
        """
        what = exchange.operation_id
        right = Claim(status(exchange), "is", 200)
        if not exchange.succeeded:
            named = tuple(attributes(exchange).value or ())
            message = f"{exchange.method}: expected 200, got {exchange.status}{_reason(exchange)}"
            raise Broken(message, right, *before, causes=[("fails", what, exchange.status, named)])
        if exchange.status != 200:
            message = f"a valid {exchange.method}: expected 200, got {exchange.status}"
            cause = ("status", what, (200,), exchange.status)
            self.blamed.append(("status/success", Broken(message, right, causes=[cause])))
        value = exchange.value
        if not isinstance(value, dict):
            message = f"the answer to a {exchange.method} is not a JSON object"
            raise Broken(message, Claim(field(exchange), "has key", "id"), *before, causes=[("no object", what)])
        if not stays_in_path(value.get("id")):
            claim = Claim(field(exchange, "id"), "is not", value.get("id"))
            message = f"the id is {value.get('id')!r}, which names no conference in a path"
            raise Broken(message, claim, *before, causes=[("lacks", what, "id")])
        return Conference(value, exchange)

    def kept(self, told: Conference, sent: Mapping[str, Any], *before: Exchange) -> None:
        """Demands that an answer has the values that were sent."""
        what = told.source.operation_id
        for name, value in sent.items():
            wrong = as_sent(name, value, told[name])
            if wrong and name not in told:
                claim = Claim(field(told.source), "has key", name)
                self.deviates(("lacks", what, name), f"the answer lacks {name}", claim, *before)
            elif wrong:
                message, claim = f"a valid value was not kept: {wrong}", _as_sent_claim(told, name, value)
                raise Broken(message, claim, *before, causes=[("kept", name, json.dumps(value))])

    def accepted(self, exchange: Exchange, sent: Mapping[str, Any], *, read: bool = False) -> Conference:
        """The conference of a write, which has to be accepted, and to have the values that were sent."""
        told = self.conference_of(exchange)
        self.kept(told, sent)
        if read:
            self.kept(self.read(told["id"], exchange), sent)
        return told

    def name_is_free(self, body: Mapping[str, Any], message: str, refused: Exchange) -> None:
        """Demands that a name can be had, which only a refused request had."""
        again = self.post(body)
        # Else the server fails, or lets nobody in any more, which others tell.
        free = again.succeeded or again.status in (401, 403, 429) or again.status >= 500
        with self.case():
            demand(message, status(again), "is", 200, refused, so=free)

    def unchanged(self, before: Conference, why: str, *evidence: Exchange) -> None:
        """Demands, as a case of its own, that a conference is what it was."""
        with self.case():
            now = self.read(before["id"], before.source, *evidence)
            self.equal(before, now, f"{why} changed the conference", *evidence)

    def equal(
        self,
        one: Conference,
        other: Conference,
        message: str,
        *evidence: Exchange,
        but: Sequence[str] = (),
        creates: bool = False,
    ) -> None:
        """Demands, as a case of its own, that two answers tell the same; of two creates what can be written."""
        changed = differences(one, other, but=but)
        if creates:
            changed = {name: pair for name, pair in changed.items() if name in contract.fields(UPDATE)}
            evidence = (one.source, *evidence)
        for name in list(changed)[:1]:
            # A create that is sent again may take over from another one too.
            want = one[name] if creates else one.part(name)
            with self.case():
                raise Broken(f"{message}: {brief(changed)}", Claim(other.part(name), "is", want), *evidence)


def _reason(exchange: Exchange) -> str:
    text = exchange.answer[:300].decode("utf-8", "replace")
    return f": {text}" if text and exchange.value is not NO_JSON else ""


def differences(
    one: Mapping[str, Any], other: Mapping[str, Any], *, but: Sequence[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """The fields of the contract in which two answers differ, an active session aside."""
    return {
        name: (one.get(name), other.get(name))
        for name, kind in contract.KINDS.items()
        if name not in (*but, SESSION) and not equivalent(kind, one.get(name), other.get(name))
    }


def brief(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} from {_short(old)} to {_short(new)}" for name, (old, new) in changed.items())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_sent(name: str, sent: Any, told: Any) -> str | None:
    """Why a field does not come back as it was sent; `None` where it does."""
    if contract.KINDS[name] is Kind.INSTANT:
        wrong = instants.misread(sent, told)
        return f"{name}: {wrong}" if wrong else None
    # Colours too: returned as sent, in the case they were sent in.
    if equivalent(Kind.EXACT, sent, told):
        return None
    return f"{name}: {_short(sent)} was sent and {_short(told)} came back"


def _as_sent_claim(told: Conference, name: str, sent: Any) -> Claim:
    if contract.KINDS[name] is Kind.INSTANT:
        return Claim(told.part(name), "starts", instants.answers(sent))
    return Claim(told.part(name), "is", sent)
