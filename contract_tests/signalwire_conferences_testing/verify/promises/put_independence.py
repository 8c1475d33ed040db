"""Promises on what a reset by a PUT must not depend on: anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE

from ..trying import samples
from ..trying.bench import Bench, conference_of
from ..trying.exchange import Exchange
from ..trying.replacing import owned, replace, shown_resets, stamp
from ..trying.samples import optional
from .promises import Broken, promise


@promise("put/old-value", "What a field is reset to does not depend on the value that it had.", order=31)
def old_value(bench: Bench) -> None:
    custom = samples.custom(UPDATE)
    before, made, _ = bench.customised(custom)
    for name in optional(UPDATE):
        for value in samples.valid(UPDATE, name):
            before, last = replace(bench, before, {**custom, name: value}, made)
            rest = {key: kept for key, kept in custom.items() if key != name}
            before, _ = replace(bench, before, rest, made, last)
    longest = {
        name: "x" * most
        for name in contract.fields(UPDATE)
        if (most := samples.limit(UPDATE, name)) is not None
    }
    before, last = replace(bench, before, {**custom, **longest}, made)
    before, last = replace(bench, before, {"display_name": bench.own.display_name}, made, last)
    before, last = replace(bench, before, custom, made)
    replace(bench, before, {"display_name": longest["display_name"]}, made, last)


@promise("put/after-create", "A PUT resets what a create set, or chose by itself, in the same way.", order=12)
def after_create(bench: Bench) -> None:
    reset, *history = bench.customised(samples.custom(UPDATE))
    replace(bench, reset, {}, *history)
    for turn in range(2):
        body = samples.custom(CREATE, turn)
        for given in ({}, body):
            before, made = bench.new(**given)
            replace(bench, before, {}, made, read=True)
    body = samples.custom(CREATE)
    for name in body:
        before, made = bench.new(**body)
        rest = {key: value for key, value in body.items() if key != name}
        replace(bench, before, rest, made)


@promise("put/other-fields", "What a field is reset to does not depend on the other fields.", order=41)
def other_fields(bench: Bench) -> None:
    names = optional(UPDATE)
    for _ in range(30):
        before, *made = bench.customised(samples.full(UPDATE, bench.rng))
        given = samples.full(UPDATE, bench.rng)
        for name in bench.rng.sample(names, bench.rng.randint(1, len(names))):
            del given[name]
        shown_name = bench.rng.choice(samples.valid(UPDATE, "display_name"))
        replace(bench, before, {**given, "display_name": shown_name}, *made)


@promise("put/other-conferences", "What a field is reset to does not depend on other conferences.", order=42)
def other_conferences(bench: Bench) -> None:
    """Each reset comes after another conference was given other values, or was reset, or deleted."""
    body = {**samples.custom(UPDATE, 1), **samples.switches(1)}
    before, *made = bench.customised(samples.custom(UPDATE))
    other, *_ = bench.customised(body)
    replace(bench, before, {}, *made)
    again, *made = bench.customised({**samples.custom(UPDATE), **samples.switches(1)})
    replace(bench, other, {}, *made)
    replace(bench, again, {}, *made)
    last, *made = bench.customised(body)
    bench.delete(other["id"])
    replace(bench, last, {}, *made)


@promise("put/again-and-again", "The tenth PUT resets as the first did, also right after a reset.", order=43)
def again_and_again(bench: Bench) -> None:
    before, made, last = bench.customised(samples.custom(UPDATE))
    for turn in range(10):
        before, bare_one = replace(bench, before, {}, made, last)
        before, _ = replace(bench, before, {}, made, bare_one)
        body = {**samples.custom(UPDATE, turn), **samples.switches(turn)}
        before, last = replace(bench, before, body, made)


@promise(
    "put/partial-sequence", "A field that one PUT leaves out does not come back with a later one.", order=44
)
def partial_sequence(bench: Bench) -> None:
    names = optional(UPDATE)
    custom = samples.custom(UPDATE)
    before, made, last = bench.customised(custom)
    for name in names:
        rest = {key: value for key, value in custom.items() if key != name}
        middle, first = replace(bench, before, rest, made, last)
        after, second = replace(bench, middle, {"display_name": bench.own.display_name}, made, first)
        third = bench.put(before["id"], {**rest, "display_name": bench.own.display_name})
        told = conference_of(third, made, first, second)
        wrong = bench.resets.wrong(name, before[name], told[name], third)
        if wrong:
            raise Broken(wrong[0], *shown_resets(bench, wrong[1]), made, last, first, second, third)
        before, last = replace(bench, after, custom, made)


@promise("put/order-of-requests", "What a PUT resets does not depend on the requests before it.", order=32)
def order_of_requests(bench: Bench) -> None:
    other, _ = bench.new()
    about: dict[str, Callable[[str, dict[str, Any]], Exchange]] = {
        "reading it": lambda one, _body: bench.get(one),
        "reading it with its session": lambda one, _body: bench.get(one, include_active_session="true"),
        "a list": lambda _one, _body: bench.list(page_size="5"),
        "the same PUT again": bench.put,
        "a refused PUT": lambda one, body: bench.put(one, {**body, "display_name": None}),
        "a PUT of no JSON": lambda one, _body: bench.put(one, content=b"{"),
        "a refused create": lambda _one, body: bench.post({**body, "name": "no name"}),
        "reading another": lambda _one, _body: bench.get(other["id"]),
        "a PUT to another": lambda _one, body: bench.put(other["id"], body),
        "a PUT to an unknown id": lambda _one, body: bench.put(bench.unknown_id(), body),
    }
    full = {"display_name": bench.own.display_name, **samples.custom(UPDATE)}
    for send in about.values():
        before, *made = bench.customised(full)
        between = send(before["id"], full)
        replace(bench, before, {}, *made, between)


@promise(
    "put/unknown-beside",
    "A PUT resets too where its body names what it cannot write.",
    order=33,
)
def unknown_beside(bench: Bench) -> None:
    before, *made = bench.customised(samples.custom(UPDATE))
    extras: tuple[dict[str, Any], ...] = (
        {"unknown": 1},
        {"id": before["id"]},
        {"name": before["name"]},
        {"meta": {}},
        {stamp(): before[stamp()]},
        {name: before[name] for name in owned()},
    )
    for extra in extras:
        before, *made = bench.customised(samples.custom(UPDATE))
        sent = {"display_name": bench.own.display_name, **extra}
        exchange = bench.put(before["id"], sent)
        after = conference_of(exchange, *made)
        for name in optional(UPDATE):
            wrong = bench.resets.wrong(name, before[name], after[name], exchange)
            if wrong:
                raise Broken(wrong[0], *shown_resets(bench, wrong[1]), *made, exchange)
