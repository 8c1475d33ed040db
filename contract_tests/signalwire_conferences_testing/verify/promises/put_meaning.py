"""Promises on what a PUT means: it replaces."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE
from signalwire_conferences.values import instant

from ..trying import samples
from ..trying.bench import Bench, brief, conference_of, differences
from ..trying.replacing import owned, replace, stamp
from ..trying.samples import Sort, optional
from .promises import ensure, promise

_COARSEST_CLOCK = 1.1  # seconds; the vendor's own examples show times in whole seconds


@promise("put/bare", "A PUT of the display name alone resets every other field.", order=10)
def bare(bench: Bench) -> None:
    for turn in range(2):
        before, *made = bench.customised(samples.custom(UPDATE, turn))
        replace(bench, before, {"display_name": f"{bench.own.display_name} v2"}, *made, read=True)
        before, *made = bench.customised(samples.custom(UPDATE, turn))
        replace(bench, before, {}, *made, read=True)


@promise(
    "put/each-field-alone", "Each optional field that a PUT leaves out is reset, all others given.", order=11
)
def each_field_alone(bench: Bench) -> None:
    for turn, name in itertools.product(range(2), optional(UPDATE)):
        body = {**samples.custom(UPDATE, turn), **samples.switches(turn)}
        before, *made = bench.customised(body)
        rest = {key: value for key, value in body.items() if key != name}
        replace(bench, before, rest, *made)


@promise("put/each-field-given-alone", "A field that a PUT gives is kept, and it keeps no other.", order=30)
def each_field_given_alone(bench: Bench) -> None:
    custom = samples.custom(UPDATE)
    before, made, last = bench.customised(custom)
    for name in optional(UPDATE):
        values = samples.valid(UPDATE, name)
        for value in values if samples.sort(UPDATE, name) is Sort.CHOICE else values[:3]:
            replace(bench, before, {name: value}, made, last)
            before, last = replace(bench, before, custom, made)


@promise(
    "put/fields-in-groups",
    "Fields left out together are reset: pairs, themes, kinds, random groups.",
    order=40,
)
def fields_in_groups(bench: Bench) -> None:
    names = optional(UPDATE)
    custom = samples.custom(UPDATE)
    before, made, last = bench.customised(custom)
    for group in _groups(bench, names):
        rest = {name: value for name, value in custom.items() if name not in group}
        replace(bench, before, rest, made, last)
        before, last = replace(bench, before, custom, made)


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


@promise(
    "put/given-values",
    "Every field that a PUT gives has that value afterwards, and only that field.",
    order=13,
)
def given_values(bench: Bench) -> None:
    before, made, _ = bench.customised({})
    for turn in range(3):
        before, _ = replace(bench, before, samples.custom(UPDATE, turn), made, read=True)
    switches = [name for name in optional(UPDATE) if samples.sort(UPDATE, name) is Sort.SWITCH]
    for only, on in itertools.product(switches, (True, False)):
        body = {name: (name == only) is on for name in switches}
        before, _ = replace(bench, before, {**samples.custom(UPDATE), **body}, made)
    texts = [name for name in contract.fields(UPDATE) if samples.sort(UPDATE, name) is Sort.TEXT]
    for name, ending in itertools.product(texts, (" \u00e9", " \u00c9", " E\u0301", " E\u0301 ", " E")):
        # Each is close to the one before, and another text.
        before, _ = replace(bench, before, {name: f"{bench.own.display_name}{ending}"}, made, read=True)


@promise("put/order-of-keys", "The order of the keys of a body means nothing.", order=60)
def order_of_keys(bench: Bench) -> None:
    custom = list({**samples.custom(UPDATE), "display_name": bench.own.display_name}.items())
    before, made, _ = bench.customised({})
    for order in (sorted(custom), sorted(custom, reverse=True)):
        before, _ = replace(bench, before, dict(order), made)


@promise("put/answer-is-state", "A PUT answers what GET then tells.", order=14)
def answer_is_state(bench: Bench) -> None:
    before, made, _ = bench.customised({})
    bodies: list[Mapping[str, Any]] = [samples.custom(UPDATE), {}, samples.full(UPDATE, bench.rng)]
    for body in bodies:
        exchange = bench.put(before["id"], {"display_name": f"{bench.own.display_name} v2", **body})
        told = conference_of(exchange, made)
        for query in ({}, {"include_active_session": "true"}, {"include_active_session": "false"}, {}):
            again = bench.get(before["id"], **query)
            differing = differences(told, conference_of(again, made, exchange))
            message = f"GET tells otherwise than the PUT's answer: {brief(differing)}"
            ensure(not differing, message, made, exchange, again)


@promise("put/twice", "A PUT sent twice is that PUT once, but for the time of the change.", order=20)
def twice(bench: Bench) -> None:
    partial = dict(list(samples.custom(UPDATE).items())[::2])
    for body in (samples.custom(UPDATE), {}, partial):
        full = {"display_name": bench.own.display_name, **body}
        before, *made = bench.customised(samples.custom(UPDATE, 1))
        first = bench.put(before["id"], full)
        second = bench.put(before["id"], full)
        one, two = conference_of(first, *made), conference_of(second, *made, first)
        differing = differences(one, two, but=(stamp(),))
        ensure(not differing, f"the second PUT changed {brief(differing)}", *made, first, second)


@promise(
    "put/server-fields",
    "A PUT leaves id, name, meta and created_at alone, even if its body names them.",
    order=15,
)
def server_fields(bench: Bench) -> None:
    other, _ = bench.new()
    created, made_it = bench.new()
    before, put = replace(bench, created, samples.custom(UPDATE), made_it, read=True)
    made = (made_it, put)
    for claims in (
        {**{name: other[name] for name in owned()}, "meta": {"a": 1}, "created_at": "2001-01-01T00:00:00Z"},
        {"name": bench.own.name(), "meta": None, "id": bench.unknown_id(), "created_at": None},
        {"meta": {"key": "value"}},
        {stamp(): "2001-01-01T00:00:00Z", "active_session": {"id": "x", "status": "in-progress"}},
        {"active_session": None, stamp(): "2999-01-01T00:00:00Z"},
        dict(before),
    ):
        body = {**samples.custom(UPDATE), **claims, "display_name": bench.own.display_name}
        exchange = bench.put(before["id"], body)
        after = conference_of(exchange, *made)
        # A session that was taken from the body would show on request only.
        bench_read = bench.get(before["id"], include_active_session="true")
        for told in (after, conference_of(bench_read, *made, exchange)):
            changed = {name: pair for name, pair in differences(before, told).items() if name in owned()}
            ensure(not changed, f"a PUT changed {brief(changed)}", *made, exchange, bench_read)
            ensure(
                "active_session" not in told, "a PUT made up an active session", *made, exchange, bench_read
            )
            claimed = claims.get(stamp())
            ensure(
                claimed is None
                or claimed == before.get(stamp())
                or instant(told[stamp()]) != instant(claimed),
                f"a PUT set {stamp()} to what its body said",
                *made,
                exchange,
            )
        bench.unchanged(other, "a PUT to another conference", *made, exchange)
    # A name that the server chose is no less a name.
    nameless = bench.post({"display_name": bench.own.display_name})
    unnamed = conference_of(nameless)
    replace(bench, unnamed, {"display_name": f"{bench.own.display_name} v2"}, nameless, read=True)


@promise("put/updated-at", "Each PUT raises updated_at.", order=21)
def updated_at(bench: Bench) -> None:
    before, *made = bench.customised(samples.custom(UPDATE))
    bodies: tuple[dict[str, Any], ...] = ({}, {}, samples.custom(UPDATE), samples.custom(UPDATE))
    for number, body in enumerate(bodies):
        after, exchange = replace(bench, before, body, *made)
        if instant(after[stamp()]) == instant(before[stamp()]):
            # The clock of the server may be a coarse one.
            time.sleep(_COARSEST_CLOCK)
            after, exchange = replace(bench, before, body, *made)
        new, old = instant(after[stamp()]), instant(before[stamp()])
        same_body = " (with the same body as the one before)" if number % 2 else ""
        ensure(
            new is not None and old is not None and new > old,
            f"a PUT{same_body} did not raise {stamp()}: {before[stamp()]} before, {after[stamp()]} after",
            *made,
            exchange,
        )
        told = bench.read(before["id"])
        ensure(instant(told[stamp()]) == new, f"GET tells another {stamp()} than the PUT", *made, exchange)
        before = after
