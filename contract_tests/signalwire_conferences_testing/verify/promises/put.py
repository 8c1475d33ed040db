"""Promises on what a PUT means: it replaces, and what it resets depends on nothing."""

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences.values import instant

from ..trying import samples
from ..trying.bench import ASKED, SESSION, Bench, Conference, differences
from ..trying.claims import Claim, field
from ..trying.exchange import Exchange
from ..trying.findings import demand
from ..trying.instants import COARSEST_CLOCK
from ..trying.replacing import owned, replace, reset, stamp, survived
from ..trying.restoring import restored
from ..trying.samples import Sort, custom, optional
from .families import Turn, replaces
from .open_questions import refused
from .promise import Needs, promise

#: A value in every field.
_FULL = custom(UPDATE)
_TEXTS, _SWITCHES = (samples.names(UPDATE, kind) for kind in (Sort.TEXT, Sort.SWITCH))


def _custom(turn: int = 0) -> dict[str, Any]:
    """Other values each turn, switches included."""
    return {**custom(UPDATE, turn), **samples.switches(turn)}


def _but(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in names}


@replaces("put/bare", "A PUT of the display name alone resets every other field.", 3, fresh=True, read=True)
def bare(bench: Bench) -> Iterator[Turn]:
    for turn, name in itertools.product(range(2), (f"{bench.created.display_name} v2", bench.created.display_name)):
        yield _custom(turn), {"display_name": name}


@replaces(
    "put/each-field-alone", "Each optional field that a PUT leaves out is reset, all others given.", 11, fresh=True
)
def each_field_alone(_bench: Bench) -> Iterator[Turn]:
    for turn, name in itertools.product(range(2), optional(UPDATE)):
        yield _custom(turn), _but(_custom(turn), name)


@replaces("put/each-field-given-alone", "A field that a PUT gives is kept, and it keeps no other.", 30)
def each_field_given_alone(_bench: Bench) -> Iterator[Turn]:
    for name in optional(UPDATE):
        values = samples.valid(UPDATE, name)
        for value in values if samples.sort(UPDATE, name) is Sort.CHOICE else values[:3]:
            yield _FULL, {name: value}


@replaces("put/fields-in-groups", "Fields left out together are reset: pairs, themes, kinds, random groups.", 40)
def fields_in_groups(bench: Bench) -> Iterator[Turn]:
    names = optional(UPDATE)
    kinds = [set(names).intersection(samples.names(UPDATE, kind)) for kind in Sort]
    words = sorted({word for name in names for word in (name.split("_")[0], name.split("_")[-1])})
    pairs = list(itertools.combinations(names, 2))
    bench.rng.shuffle(pairs)
    for group in (
        *(group for kind in kinds if kind for group in (kind, set(names) - kind)),
        *({name for name in names if word in name.split("_")} for word in words),
        *pairs,
        *(bench.rng.sample(names, bench.rng.randint(1, len(names))) for _ in range(40)),
    ):
        yield _FULL, _but(_FULL, *group)


@replaces(
    "put/given-values", "Every field that a PUT gives has that value afterwards, and only that field.", 13, read=True
)
def given_values(bench: Bench) -> Iterator[Turn]:
    yield from ((None, custom(UPDATE, turn)) for turn in range(3))
    for only, on in itertools.product(_SWITCHES, (True, False)):
        yield None, {**_FULL, **{name: (name == only) is on for name in _SWITCHES}}
    for name, ending in itertools.product(_TEXTS, (" \u00e9", " \u00c9", " E\u0301", " E\u0301 ", " E")):
        # Each is close to the one before, and another text.
        yield None, {name: f"{bench.created.display_name}{ending}"}
    in_order = sorted(bench.update(**_FULL).items())  # which of the keys means nothing
    yield from ((None, dict(body)) for body in (in_order, reversed(in_order)))


@promise("put/server-fields", "A PUT resets, and leaves id, name, meta and created_at alone, whatever it names.", 15)
def server_fields(bench: Bench) -> None:
    """Whether it ignores them or is refused for them, the documents leave open."""
    other = bench.customised(_FULL)
    bodies: tuple[dict[str, Any], ...] = (
        {**{name: other[name] for name in owned()}, "meta": {"a": 1}, "created_at": "2001-01-01T00:00:00Z"},
        {"name": bench.created.name(), "meta": None, "id": bench.unknown_id(), "created_at": None},
        {stamp(): "2001-01-01T00:00:00Z", "active_session": {"id": "x", "status": "in-progress"}},
        *({"active_session": None, stamp(): "2999-01-01T00:00:00Z"}, {stamp(): other[stamp()]}),
        *({"id": other["id"]}, {"name": other["name"]}, {"meta": {}}, {"meta": {"key": "value"}}, {"unknown": 1}),
        *({name: other[name] for name in owned()}, {}),
    )
    for claims in bodies:
        before = bench.customised(_FULL)
        with bench.case():
            _claimed(bench, before, claims or dict(before))
        bench.unchanged(other, "a PUT to another")
    # A name that the server chose is no less a name.
    unnamed = bench.conference_of(bench.post(bench.update()))
    with bench.case():
        survived(bench, unnamed, bench.replaced(unnamed, {"description": "v2"}))


def _claimed(bench: Bench, before: Conference, claims: Mapping[str, Any]) -> None:
    put = bench.put(before["id"], {**claims, "display_name": bench.created.display_name})
    if refused(bench, "unknown-properties" if "unknown" in claims else "server-owned-properties", put):
        bench.equal(before, bench.read(before["id"], put), "a refused PUT changed the conference", put)
        return
    after = bench.conference_of(put, before.source)
    reset(bench, before, after, [name for name in optional(UPDATE) if name not in claims])
    said = claims.get(stamp())
    # A session that was taken from the body would show on request only.
    for told in (after, bench.read(before["id"], put, **ASKED)):
        survived(bench, before, told)
        session = claims.get(SESSION)
        own = not session or session == before[SESSION] or (told[SESSION] or {}).get("id") != session["id"]
        demand("a PUT took an active session from its body", told.part(SESSION), "is not", told[SESSION], put, so=own)
        other = said is None or said == before[stamp()] or instant(told[stamp()]) != instant(said)
        demand(f"a PUT set {stamp()} to what its body said", told.part(stamp()), "is not", said, put, so=other)


@promise("put/updated-at", "Each PUT that changes something raises updated_at.", 21)
def updated_at(bench: Bench) -> None:
    """Whether one that changes nothing raises it, the documents leave open."""
    before = bench.customised(_FULL)
    coarse = False
    for body in ({}, {}, _FULL, _FULL, {**_FULL, "description": "another"}, _custom(1)) * 2:
        with bench.case():
            after = bench.replaced(before, body)
            told = bench.read(before["id"], after.source)
            demand(f"GET tells another {stamp()} than the PUT", told.part(stamp()), "is", after.part(stamp()))
            if before[stamp()] == after[stamp()] and not coarse:
                # The clock of the server may be a coarse one: all that follows is tried at another second.
                coarse = True
            elif differences(before, after, but=(stamp(),)):
                new, old = (instant(one[stamp()]) or (0, "") for one in (after, before))
                message = f"a PUT did not raise {stamp()}: {before[stamp()]} before, {after[stamp()]} after"
                demand(message, after.part(stamp()), "is not", before.part(stamp()), before.source, so=new > old)
            else:
                how, reading = ("is not", "left") if before[stamp()] == after[stamp()] else ("is", "raised")
                claim = Claim(after.part(stamp()), how, before.part(stamp()))
                bench.reads("unchanged-put", "", f"updated_at is {reading}", after.source, claim)
        before = after
        time.sleep(COARSEST_CLOCK if coarse else 0)


@replaces("put/old-value", "What a field is reset to does not depend on the value that it had.", 31)
def old_value(bench: Bench) -> Iterator[Turn]:
    for name in optional(UPDATE):
        for value in samples.valid(UPDATE, name):
            yield {**_FULL, name: value}, _but(_FULL, name)
    longest = {name: "x" * (samples.limit(UPDATE, name) or 0) for name in _TEXTS}
    yield {**_FULL, **longest}, bench.update()
    yield _FULL, {"display_name": longest["display_name"]}


@promise("put/after-create", "A PUT resets what a create set, or chose by itself, in the same way.", 12)
def after_create(bench: Bench) -> None:
    replace(bench, bench.customised(_FULL), {})
    turns = [(fields, dict[str, Any]()) for turn in range(2) for fields in ({}, custom(CREATE, turn))]
    turns += [(custom(CREATE), _but(custom(CREATE), name)) for name in custom(CREATE)]
    for fields, body in turns:
        with bench.case():
            replace(bench, bench.new(**fields), body, read=not body)


@replaces("put/other-fields", "What a field is reset to does not depend on the other fields.", 41, fresh=True)
def other_fields(bench: Bench) -> Iterator[Turn]:
    names, rng = optional(UPDATE), bench.rng
    for _ in range(30):
        start, left_out = samples.full(UPDATE, rng), rng.sample(names, rng.randint(1, len(names)))
        given = _but(samples.full(UPDATE, rng), *left_out)
        yield start, {**given, "display_name": rng.choice(samples.valid(UPDATE, "display_name"))}


@promise("put/other-conferences", "What a field is reset to does not depend on other conferences.", 42)
def other_conferences(bench: Bench) -> None:
    """Each reset comes after another conference was given other values, or was reset, or deleted."""
    before, other = bench.customised(_FULL), bench.customised(_custom(1))
    replace(bench, before, {})
    again = bench.customised({**_FULL, **samples.switches(1)})
    for one in (other, again):
        replace(bench, one, {})
    last = bench.customised(_custom(1))
    bench.delete(other["id"])
    replace(bench, last, {})


@replaces("put/again-and-again", "The tenth PUT does what the first did, also one that is sent twice.", 20)
def again_and_again(_bench: Bench) -> Iterator[Turn]:
    yield _FULL, {}
    for turn in range(10):
        yield from ((None, body) for body in ({}, _custom(turn), _custom(turn), {}))


@replaces("put/partial-sequence", "A field that one PUT leaves out does not come back with a later one.", 44)
def partial_sequence(_bench: Bench) -> Iterator[Turn]:
    for name in optional(UPDATE):
        yield _FULL, _but(_FULL, name)
        yield None, {}
        yield None, _but(_FULL, name)


@promise("put/order-of-requests", "What a PUT resets does not depend on the requests before it.", 32)
def order_of_requests(bench: Bench) -> None:
    other, full = bench.new()["id"], bench.update(**_FULL)

    def sent(one: str) -> Iterator[Exchange]:
        yield bench.get(one)
        yield bench.get(one, **ASKED)
        yield bench.list(page_size="5")
        yield bench.put(one, full)
        yield bench.put(one, {**full, "display_name": None})
        yield bench.put(one, content=b"{")
        yield bench.post({**full, "name": "no name"})
        yield bench.get(other)
        yield bench.put(other, full)
        yield bench.put(bench.unknown_id(), full)

    before = bench.customised(full)
    for _ in sent(before["id"]):
        with bench.case():
            replace(bench, before, {})
        before = replace(bench, before, full)


@promise(
    "put/session-stays",
    "A PUT neither shows nor ends the active session, and keeps what the server owns.",
    12,
    Needs.CONFERENCE,
)
def session_stays(bench: Bench) -> None:
    with restored(bench) as conference_id:
        before = bench.read(conference_id, **ASKED)
        for body in (_FULL, {}, custom(UPDATE, 1)):
            sent = {"display_name": f"{before['display_name']}"[:150], **body}
            # A session that ended since the last look was not ended by this PUT.
            now = bench.read(conference_id, **ASKED)
            put = bench.put(conference_id, sent)
            after = bench.conference_of(put)
            demand("the answer to a PUT tells of the session", after.part(SESSION), "is", None)
            bench.kept(after, sent)
            told = bench.read(conference_id, **ASKED)
            for one in (after, told):
                survived(bench, before, one)
            if SESSION in now:
                demand("a PUT ended the active session", field(told.source), "has key", SESSION, now.source, put)
                for name in ("id", "room_id", "name", "start_time"):
                    shown, known = (field(one.source, SESSION, name) for one in (told, now))
                    demand(f"a PUT changed the {name} of the session", shown, "is", known, put)
