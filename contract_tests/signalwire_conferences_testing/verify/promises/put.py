"""Promises on what a PUT means: it replaces, and what it resets depends on nothing."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences.values import instant

from ..trying import samples
from ..trying.bench import Bench, Conference, differences
from ..trying.claims import Claim, field
from ..trying.exchange import Exchange
from ..trying.findings import ensure
from ..trying.replacing import owned, replace, reset, stamp, survived
from ..trying.restoring import restored
from ..trying.samples import Sort, optional
from .open_questions import refused
from .promise import Needs, promise

_COARSEST_CLOCK = 1.1  # seconds; the vendor's own examples show times in whole seconds
_SESSION = "active_session"
_ASKED = {"include_active_session": "true"}


def _custom(turn: int = 0) -> dict[str, Any]:
    """A value in every field, and others the next turn, switches included."""
    return {**samples.custom(UPDATE, turn), **samples.switches(turn)}


def _but(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in names}


@promise("put/bare", "A PUT of the display name alone resets every other field.", 10)
def bare(bench: Bench) -> None:
    for turn in range(2):
        for name in (f"{bench.created.display_name} v2", bench.created.display_name):
            before = bench.customised(_custom(turn))
            with bench.case():
                replace(bench, before, {"display_name": name}, read=True)


@promise("put/each-field-alone", "Each optional field that a PUT leaves out is reset, all others given.", 11)
def each_field_alone(bench: Bench) -> None:
    for turn, name in itertools.product(range(2), optional(UPDATE)):
        before = bench.customised(_custom(turn))
        with bench.case():
            replace(bench, before, _but(_custom(turn), name))


@promise("put/each-field-given-alone", "A field that a PUT gives is kept, and it keeps no other.", 30)
def each_field_given_alone(bench: Bench) -> None:
    custom = samples.custom(UPDATE)
    before = bench.customised(custom)
    for name in optional(UPDATE):
        values = samples.valid(UPDATE, name)
        for value in values if samples.sort(UPDATE, name) is Sort.CHOICE else values[:3]:
            with bench.case():
                replace(bench, before, {name: value})
            before = replace(bench, before, custom)


@promise("put/fields-in-groups", "Fields left out together are reset: pairs, themes, kinds, random groups.", 40)
def fields_in_groups(bench: Bench) -> None:
    custom = samples.custom(UPDATE)
    before = bench.customised(custom)
    for group in _groups(bench, optional(UPDATE)):
        with bench.case():
            replace(bench, before, _but(custom, *group))
        before = replace(bench, before, custom)


def _groups(bench: Bench, names: list[str]) -> Iterator[set[str]]:
    for kind in Sort:
        same_kind = {name for name in names if samples.sort(UPDATE, name) is kind}
        if same_kind:
            yield same_kind
            yield set(names) - same_kind
    for word in sorted({name.split("_")[0] for name in names} | {name.split("_")[-1] for name in names}):
        yield {name for name in names if word in name.split("_")}
    pairs = list(itertools.combinations(names, 2))
    bench.rng.shuffle(pairs)
    yield from (set(pair) for pair in pairs)
    for _ in range(40):
        yield set(bench.rng.sample(names, bench.rng.randint(1, len(names))))


@promise("put/given-values", "Every field that a PUT gives has that value afterwards, and only that field.", 13)
def given_values(bench: Bench) -> None:
    before = bench.customised({})
    for turn in range(3):
        before = replace(bench, before, samples.custom(UPDATE, turn), read=True)
    switches = [name for name in optional(UPDATE) if samples.sort(UPDATE, name) is Sort.SWITCH]
    for only, on in itertools.product(switches, (True, False)):
        with bench.case():
            body = {name: (name == only) is on for name in switches}
            before = replace(bench, before, {**samples.custom(UPDATE), **body})
    texts = [name for name in contract.fields(UPDATE) if samples.sort(UPDATE, name) is Sort.TEXT]
    for name, ending in itertools.product(texts, (" \u00e9", " \u00c9", " E\u0301", " E\u0301 ", " E")):
        # Each is close to the one before, and another text.
        with bench.case():
            before = replace(bench, before, {name: f"{bench.created.display_name}{ending}"}, read=True)


@promise("put/order-of-keys", "The order of the keys of a body means nothing.", 60)
def order_of_keys(bench: Bench) -> None:
    custom = list(bench.update(**samples.custom(UPDATE)).items())
    before = bench.customised({})
    for order in (sorted(custom), sorted(custom, reverse=True)):
        before = replace(bench, before, dict(order))


@promise("put/answer-is-state", "A PUT answers what GET then tells.", 14)
def answer_is_state(bench: Bench) -> None:
    before = bench.customised({})
    bodies: list[Mapping[str, Any]] = [samples.custom(UPDATE), {}, samples.full(UPDATE, bench.rng)]
    for body in bodies:
        sent = {"display_name": f"{bench.created.display_name} v2", **body}
        told = bench.conference_of(bench.put(before["id"], sent))
        for query in ({}, {"include_active_session": "true"}, {"include_active_session": "false"}, {}):
            with bench.case():
                again = bench.read(before["id"], **query)
                bench.equal(told, again, "GET tells otherwise than the PUT's answer")


@promise("put/twice", "A PUT sent twice is that PUT once, but for the time of the change.", 20)
def twice(bench: Bench) -> None:
    partial = dict(list(samples.custom(UPDATE).items())[::2])
    for body in (samples.custom(UPDATE), {}, partial):
        before = bench.customised(samples.custom(UPDATE, 1))
        with bench.case():
            one, two = (bench.conference_of(bench.put(before["id"], bench.update(**body))) for _ in range(2))
            bench.equal(one, two, "the second of two equal PUTs changed something", but=(stamp(),))


@promise("put/server-fields", "A PUT leaves id, name, meta and created_at alone, even if its body names them.", 15)
def server_fields(bench: Bench) -> None:
    """Whether it ignores them or is refused for them, the documents leave open."""
    other, created = bench.new(), bench.new()
    before = replace(bench, created, samples.custom(UPDATE), read=True)
    for claims in (
        {**{name: other[name] for name in owned()}, "meta": {"a": 1}, "created_at": "2001-01-01T00:00:00Z"},
        {"name": bench.created.name(), "meta": None, "id": bench.unknown_id(), "created_at": None},
        {"meta": {"key": "value"}},
        {stamp(): "2001-01-01T00:00:00Z", "active_session": {"id": "x", "status": "in-progress"}},
        {"active_session": None, stamp(): "2999-01-01T00:00:00Z"},
        dict(before),
    ):
        with bench.case():
            _claimed(bench, before, claims)
            bench.unchanged(other, "a PUT to another")
    # A name that the server chose is no less a name.
    unnamed = bench.conference_of(bench.post(bench.update()))
    with bench.case():
        survived(bench, unnamed, bench.conference_of(bench.put(unnamed["id"], bench.update(description="v2"))))


def _claimed(bench: Bench, before: Conference, claims: Mapping[str, Any]) -> None:
    put = bench.put(before["id"], {**samples.custom(UPDATE), **claims, "display_name": bench.created.display_name})
    if refused(bench, "server-owned-properties", put):
        return bench.equal(before, bench.read(before["id"], put), "a refused PUT changed the conference", put)
    after = bench.conference_of(put, before.source)
    # A session that was taken from the body would show on request only.
    for told in (after, bench.read(before["id"], put, **_ASKED)):
        survived(bench, before, told)
        claim = Claim(told.part(_SESSION), "is", None)
        ensure(_SESSION not in told, "a PUT made up an active session", claim, put)
        said = claims.get(stamp())
        taken = said is not None and said != before[stamp()] and instant(told[stamp()]) == instant(said)
        claim = Claim(told.part(stamp()), "is not", said)
        ensure(not taken, f"a PUT set {stamp()} to what its body said", claim, put)
    return None


@promise("put/updated-at", "Each PUT that changes something raises updated_at.", 21)
def updated_at(bench: Bench) -> None:
    """Whether one that changes nothing raises it, the documents leave open."""
    before = bench.customised(samples.custom(UPDATE))
    custom = samples.custom(UPDATE)
    bodies: tuple[dict[str, Any], ...] = ({}, {}, custom, custom, {**custom, "description": "another"}, _custom(1))
    coarse = False
    for body in (*bodies, *bodies):
        with bench.case():
            after = bench.conference_of(bench.put(before["id"], bench.update(**body)), before.source)
            told = bench.read(before["id"], after.source)
            claim = Claim(told.part(stamp()), "is", after.part(stamp()))
            ensure(told[stamp()] == after[stamp()], f"GET tells another {stamp()} than the PUT", claim)
            if before[stamp()] == after[stamp()] and not coarse:
                # The clock of the server may be a coarse one: all that follows is tried at another second.
                coarse = True
            elif differences(before, after, but=(stamp(),)):
                _raised(before, after)
            else:
                _unchanged(bench, before, after)
        before = after
        time.sleep(_COARSEST_CLOCK if coarse else 0)


def _raised(before: Conference, after: Conference) -> None:
    new, old = instant(after[stamp()]), instant(before[stamp()])
    message = f"a PUT did not raise {stamp()}: {before[stamp()]} before, {after[stamp()]} after"
    claim = Claim(after.part(stamp()), "is not", before.part(stamp()))
    ensure(new is not None and old is not None and new > old, message, claim, before.source)


def _unchanged(bench: Bench, before: Conference, after: Conference) -> None:
    reading = "updated_at is " + ("left" if before[stamp()] == after[stamp()] else "raised")
    claim = Claim(after.part(stamp()), "is not" if reading.endswith("left") else "is", before.part(stamp()))
    bench.reads("unchanged-put", "PUT", reading, after.source, claim)


@promise("put/old-value", "What a field is reset to does not depend on the value that it had.", 31)
def old_value(bench: Bench) -> None:
    custom = samples.custom(UPDATE)
    before = bench.customised(custom)
    for name in optional(UPDATE):
        for value in samples.valid(UPDATE, name):
            with bench.case():
                before = replace(bench, before, {**custom, name: value})
                before = replace(bench, before, _but(custom, name))
    limits = {name: samples.limit(UPDATE, name) for name in contract.fields(UPDATE)}
    longest = {name: "x" * most for name, most in limits.items() if most is not None}
    before = replace(bench, before, {**custom, **longest})
    with bench.case():
        before = replace(bench, before, bench.update())
    before = replace(bench, before, custom)
    with bench.case():
        replace(bench, before, {"display_name": longest["display_name"]})


@promise("put/after-create", "A PUT resets what a create set, or chose by itself, in the same way.", 12)
def after_create(bench: Bench) -> None:
    replace(bench, bench.customised(samples.custom(UPDATE)), {})
    for turn, given in itertools.product(range(2), (False, True)):
        with bench.case():
            replace(bench, bench.new(**(samples.custom(CREATE, turn) if given else {})), {}, read=True)
    body = samples.custom(CREATE)
    for name in body:
        with bench.case():
            replace(bench, bench.new(**body), _but(body, name))


@promise("put/other-fields", "What a field is reset to does not depend on the other fields.", 41)
def other_fields(bench: Bench) -> None:
    names = optional(UPDATE)
    for _ in range(30):
        before = bench.customised(samples.full(UPDATE, bench.rng))
        left_out = bench.rng.sample(names, bench.rng.randint(1, len(names)))
        given = _but(samples.full(UPDATE, bench.rng), *left_out)
        shown_name = bench.rng.choice(samples.valid(UPDATE, "display_name"))
        with bench.case():
            replace(bench, before, {**given, "display_name": shown_name})


@promise("put/other-conferences", "What a field is reset to does not depend on other conferences.", 42)
def other_conferences(bench: Bench) -> None:
    """Each reset comes after another conference was given other values, or was reset, or deleted."""
    before, other = bench.customised(samples.custom(UPDATE)), bench.customised(_custom(1))
    replace(bench, before, {})
    again = bench.customised({**samples.custom(UPDATE), **samples.switches(1)})
    replace(bench, other, {})
    replace(bench, again, {})
    last = bench.customised(_custom(1))
    bench.delete(other["id"])
    replace(bench, last, {})


@promise("put/again-and-again", "The tenth PUT resets as the first did, also right after a reset.", 43)
def again_and_again(bench: Bench) -> None:
    before = bench.customised(samples.custom(UPDATE))
    for turn in range(10):
        for body in ({}, {}, _custom(turn)):
            before = replace(bench, before, body)


@promise("put/partial-sequence", "A field that one PUT leaves out does not come back with a later one.", 44)
def partial_sequence(bench: Bench) -> None:
    custom = samples.custom(UPDATE)
    before = bench.customised(custom)
    for name in optional(UPDATE):
        with bench.case():
            middle = replace(bench, before, _but(custom, name))
            bare_one = replace(bench, middle, bench.update())
            put = bench.put(before["id"], bench.update(**_but(custom, name)))
            reset(bench, bare_one, bench.conference_of(put, middle.source), [name])
        before = replace(bench, before, custom)


@promise("put/order-of-requests", "What a PUT resets does not depend on the requests before it.", 32)
def order_of_requests(bench: Bench) -> None:
    other = bench.new()
    about: tuple[Callable[[str, dict[str, Any]], Exchange], ...] = (
        lambda one, _body: bench.get(one),
        lambda one, _body: bench.get(one, include_active_session="true"),
        lambda _one, _body: bench.list(page_size="5"),
        bench.put,
        lambda one, body: bench.put(one, {**body, "display_name": None}),
        lambda one, _body: bench.put(one, content=b"{"),
        lambda _one, body: bench.post({**body, "name": "no name"}),
        lambda _one, _body: bench.get(other["id"]),
        lambda _one, body: bench.put(other["id"], body),
        lambda _one, body: bench.put(bench.unknown_id(), body),
    )
    full = bench.update(**samples.custom(UPDATE))
    for send in about:
        before = bench.customised(full)
        send(before["id"], full)
        with bench.case():
            replace(bench, before, {})


@promise("put/unknown-beside", "A PUT resets too where its body names what it cannot write.", 33)
def unknown_beside(bench: Bench) -> None:
    first = bench.customised(samples.custom(UPDATE))
    extras: tuple[dict[str, Any], ...] = (
        {"unknown": 1},
        {"id": first["id"]},
        {"name": first["name"]},
        {"meta": {}},
        {stamp(): first[stamp()]},
        {name: first[name] for name in owned()},
    )
    for extra in extras:
        before = bench.customised(samples.custom(UPDATE))
        question = "unknown-properties" if "unknown" in extra else "server-owned-properties"
        with bench.case():
            put = bench.put(before["id"], bench.update(**extra))
            if not refused(bench, question, put):
                reset(bench, before, bench.conference_of(put, before.source), optional(UPDATE))


@promise(
    "put/session-stays",
    "A PUT neither shows nor ends the active session, and keeps what the server owns.",
    12,
    Needs.CONFERENCE,
)
def session_stays(bench: Bench) -> None:
    with restored(bench) as conference_id:
        before = bench.read(conference_id, **_ASKED)
        bodies: tuple[dict[str, Any], ...] = (samples.custom(UPDATE), {}, samples.custom(UPDATE, 1))
        for body in bodies:
            sent = {"display_name": f"{before['display_name']}"[:150], **body}
            # A session that ended since the last look was not ended by this PUT.
            now = bench.read(conference_id, **_ASKED)
            put = bench.put(conference_id, sent)
            after = bench.conference_of(put)
            claim = Claim(after.part(_SESSION), "is", None)
            ensure(_SESSION not in after, "the answer to a PUT tells of the session", claim)
            bench.kept(after, sent)
            told = bench.read(conference_id, **_ASKED)
            for answer in (after, told):
                survived(bench, before, answer)
            claim = Claim(field(told.source), "has key", _SESSION)
            gone = _SESSION in now and _SESSION not in told
            ensure(not gone, "a PUT ended the active session", claim, now.source, put)
            if _SESSION in now and _SESSION in told:
                _same_session(now, told, put)


def _same_session(now: Conference, told: Conference, put: Exchange) -> None:
    names = contract.resolve({"$ref": "#/components/schemas/ActiveSession"})["properties"]
    for name in (n for n in ("id", "room_id", "name", "start_time") if n in names):
        same = now[_SESSION].get(name) == told[_SESSION].get(name)
        claim = Claim(field(told.source, _SESSION, name), "is", field(now.source, _SESSION, name))
        ensure(same, f"a PUT changed the {name} of the session", claim, put)
