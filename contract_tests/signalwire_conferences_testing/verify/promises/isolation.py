"""Promises on isolation: no request touches a conference that it is not about."""

from __future__ import annotations

import itertools
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE

from ..trying import samples
from ..trying.bench import Bench, brief, conference_of, differences
from ..trying.replacing import owned
from .promises import ensure, promise
from .status_codes import expect


@promise("isolation/put", "A PUT touches no other conference, older or newer.", order=16)
def put(bench: Bench) -> None:
    made = [bench.customised(samples.custom(UPDATE, turn)) for turn in range(3)]
    bodies: tuple[dict[str, Any], ...] = (samples.custom(UPDATE, 4), {})
    for (number, (target, *_)), body in itertools.product(list(enumerate(made)), bodies):
        sent = bench.put(target["id"], {"display_name": f"{bench.own.display_name} changed", **body})
        conference_of(sent)
        for other_number, (other, maker, last) in enumerate(made):
            if other_number != number:
                bench.unchanged(other, "a PUT to another conference", maker, last, sent)
        made[number] = (conference_of(sent), made[number][1], sent)


@promise("isolation/same-display-name", "Two conferences with the same display name stay apart.", order=16)
def same_display_name(bench: Bench) -> None:
    one, made_one = bench.new(description="the first")
    two, made_two = bench.new(description="the second")
    ensure(one["id"] != two["id"], "two conferences with one display name got one id", made_one, made_two)
    ensure(
        one["name"] != two["name"], "two conferences with one display name got one name", made_one, made_two
    )
    bench.unchanged(one, "a create with the same display name", made_one, made_two)
    sent = bench.put(two["id"], {"display_name": two["display_name"], "description": "changed"})
    bench.unchanged(one, "a PUT to one with the same display name", made_one, made_two, sent)
    sent = bench.put(one["id"], {"display_name": two["display_name"], "description": "changed too"})
    told = bench.read(two["id"])
    ensure(
        told["description"] == "changed",
        "a PUT changed another with the same display name",
        made_one,
        made_two,
        sent,
    )
    deleted = bench.delete(one["id"])
    expect(
        bench.get(two["id"]),
        200,
        because="another with the same display name was deleted",
        before=(made_two, deleted),
    )


@promise("isolation/same-body", "Two conferences that were sent the same body stay apart.", order=17)
def same_body(bench: Bench) -> None:
    body = {"display_name": bench.own.display_name, **samples.custom(CREATE)}
    first, second = bench.post(body), bench.post(body)
    one, two = conference_of(first), conference_of(second, first)
    ensure(one["id"] != two["id"], "two creates with the same body gave one conference", first, second)
    ensure(one["name"] != two["name"], "two creates with the same body gave one name", first, second)
    changed = {n: pair for n, pair in differences(one, two).items() if n in contract.fields(UPDATE)}
    ensure(not changed, f"the same body gave different conferences: {brief(changed)}", first, second)
    put_body = {"display_name": bench.own.display_name, **samples.custom(UPDATE)}
    sent = [bench.put(conference["id"], put_body) for conference in (one, two)]
    before = conference_of(sent[1], second)
    third = bench.put(one["id"], {"display_name": bench.own.display_name})
    conference_of(third, first)
    bench.unchanged(before, "a PUT to one that had been sent the same body", first, second, *sent, third)
    conference_of(bench.put(one["id"], put_body), first)
    deleted = bench.delete(one["id"])
    bench.unchanged(before, "a delete of one that had been sent the same body", second, sent[1], deleted)


@promise(
    "isolation/create", "A create touches no other conference, and takes nothing over from one.", order=17
)
def create(bench: Bench) -> None:
    first, made = bench.new()
    changed_one, _, sent = bench.customised(samples.custom(UPDATE))
    second, made_second = bench.new()
    taken_over = {
        name: pair for name, pair in differences(first, second).items() if name in contract.fields(UPDATE)
    }
    ensure(
        not taken_over,
        f"two creates that say nothing of it gave {brief(taken_over)}; a PUT to another lay between",
        made,
        sent,
        made_second,
    )
    bench.new(**samples.custom(CREATE, 1))
    bench.unchanged(first, "a create", made)
    bench.unchanged(changed_one, "a create", sent)
    third, made_third = bench.new()
    taken_over = {n: p for n, p in differences(first, third).items() if n in contract.fields(UPDATE)}
    ensure(not taken_over, f"a create took over {brief(taken_over)} from the one before", made, made_third)


@promise(
    "isolation/named-in-body",
    "A PUT is about the id in its path, whatever id or name its body says.",
    order=18,
)
def named_in_body(bench: Bench) -> None:
    other, made_other = bench.new(description="another")
    target, made = bench.new(description="the target")
    body = {"display_name": bench.own.display_name, "description": "changed"}
    sent = bench.put(target["id"], {**body, **{name: other[name] for name in owned()}})
    told = conference_of(sent, made_other, made)
    ensure(told["id"] == target["id"], "the answer is about another conference", made_other, made, sent)
    bench.unchanged(other, "a PUT to another that named it in its body", made_other, made, sent)
    read = bench.read(target["id"])
    ensure(read["description"] == "changed", "the PUT did not change its conference", made_other, made, sent)
