"""Promises on state: what was written is there, what was deleted is gone, reading changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE, Kind, Omission
from signalwire_conferences.values import same

from ..trying import samples
from ..trying.bench import Bench, Conference, as_sent, brief, conference_of, differences
from ..trying.exchange import Exchange
from ..trying.replacing import replace
from ..trying.windows import free_window
from .promises import Broken, ensure, promise
from .status_codes import expect


@promise("state/create-is-state", "A create answers what GET then tells.", order=6)
def create_is_state(bench: Bench) -> None:
    for fields in ({}, samples.custom(CREATE), samples.custom(CREATE, 1)):
        created, made = bench.new(**fields)
        read = bench.get(created["id"])
        changed = differences(created, conference_of(read, made))
        ensure(not changed, f"GET tells otherwise than the create: {brief(changed)}", made, read)


@promise("state/create-defaults", "A create gives what it leaves out the documented default.", order=8)
def create_defaults(bench: Bench) -> None:
    documented = {
        name: one.default
        for name, one in contract.fields(CREATE).items()
        if one.omission is Omission.DOCUMENTED_DEFAULT
    }
    custom = samples.custom(CREATE)
    for left_out in (set(documented), *({name} for name in documented)):
        created, made = bench.new(**{name: value for name, value in custom.items() if name not in left_out})
        for name in left_out:
            known = contract.fields(CREATE)[name]
            fine = same(known.kind, created[name], known.default)
            ensure(
                fine, f"{name} was left out and has to be {known.default!r}: it is {created[name]!r}", made
            )


@promise("state/get-changes-nothing", "Reading changes nothing, however often and in whatever way.", order=19)
def get_changes_nothing(bench: Bench) -> None:
    before, *made = bench.customised(samples.custom(UPDATE))
    first = bench.read(before["id"], *made)
    for query in ({}, {"include_active_session": "true"}, {"include_active_session": "false"}, {}):
        shown = bench.get(before["id"], **query)
        bench.unchanged(first, "a GET", *made, shown)
    for query in ({"page_size": "1"}, {"include_active_session": "true", "page_size": "5"}):
        bench.unchanged(first, "a list", *made, bench.list(**query))


@promise("state/unknown-creates-nothing", "A PUT to an unknown id creates nothing.", order=9)
def unknown_creates_nothing(bench: Bench) -> None:
    """Neither under that id nor under another, which a window of its own would show."""
    free = free_window(bench, 20)
    window, times = free.bounds, {"join_from": free.at(4), "join_until": free.at(5)}
    for body in ({"display_name": bench.own.display_name}, bench.body(**samples.custom(CREATE))):
        unknown = bench.unknown_id()
        put = bench.put(unknown, {**body, **times})
        expect(bench.get(unknown), 404, because="reading an id to which only a PUT was sent", before=(put,))
        _listed(bench, window, [], "after a PUT to an unknown id", put)
        name = body.get("name")
        if name:
            expect(
                bench.post(body),
                200,
                because="a create with a name that only a refused PUT had",
                before=(put,),
            )
    refused = bench.post({**bench.body(), **times, "quality": "none"})
    _listed(bench, window, [], "after a refused create", refused)


@promise("state/delete-is-final", "What was deleted is gone for good, and only that.", order=10)
def delete_is_final(bench: Bench) -> None:
    conferences = [bench.new(display_name=bench.own.display_name) for _ in range(4)]
    kept = [one for number, one in enumerate(conferences) if number != 1]
    target, made = conferences[1]
    deleted = bench.delete(target["id"])
    expect(deleted, 204, because="a delete", before=(made,))
    for again in range(2):
        expect(bench.get(target["id"]), 404, because="reading what was deleted", before=(made, deleted))
        if not again:
            bench.put(target["id"], {"display_name": bench.own.display_name})
            bench.delete(target["id"])
            bench.new()
    for conference, maker in kept:
        bench.unchanged(conference, "a delete of another conference", maker, made, deleted)
    anew = bench.post(bench.body(name=target["name"]))
    # Whether the name is free again is not documented.
    if anew.status == 200:
        new = conference_of(anew)["id"] != target["id"]
        ensure(new, "a create brought back what was deleted", made, deleted, anew)


@promise("state/unknown-deletes-nothing", "A DELETE of an unknown id deletes nothing.", order=20)
def unknown_deletes_nothing(bench: Bench) -> None:
    conferences = [bench.new() for _ in range(2)]
    for unknown in (bench.unknown_id(), bench.unknown_id()):
        answer = bench.delete(unknown)
        for conference, made in conferences:
            bench.unchanged(conference, "a DELETE of an unknown id", made, answer)


@promise(
    "state/list-shows-what-exists",
    "A list shows what was created, as it is now, and not what was deleted.",
    order=20,
)
def list_shows_what_exists(bench: Bench) -> None:
    """A far-off window finds our conferences among however many others there are."""
    free = free_window(bench, 20)
    window, times = free.bounds, {"join_from": free.at(4), "join_until": free.at(5)}
    made = [bench.new(**times, description=f"number {n}") for n in range(3)]
    ids = [conference["id"] for conference, _ in made]
    _listed(bench, window, ids, "after three creates", *(m for _, m in made))
    body = {**samples.custom(UPDATE), **times}
    put = bench.put(ids[0], {"display_name": bench.own.display_name, **body})
    conference_of(put, made[0][1])
    found = _listed(bench, window, ids, "after a PUT", made[0][1], put)
    for one in ids:
        told, listed = bench.read(one), next(c for c in found if c["id"] == one)
        changed = differences(told, listed)
        ensure(
            not changed, f"a list tells otherwise than GET: {brief(changed)}", made[ids.index(one)][1], put
        )
    deleted = bench.delete(ids[1])
    _listed(bench, window, [ids[0], ids[2]], "after a delete", made[1][1], deleted)
    bench.new()
    _listed(bench, window, [ids[0], ids[2]], "after a delete and a create", made[1][1], deleted)


def _listed(
    bench: Bench, window: Mapping[str, str], ids: list[str], when: str, *before: Exchange
) -> list[Conference]:
    exchange = bench.list(**window)
    expect(exchange, 200, because="a list", before=before)
    value = exchange.value
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list):
        raise Broken("a list without data", *before, exchange)
    found = [one.get("id") for one in data if isinstance(one, dict)]
    lost, extra = set(ids) - set(found), set(found) - set(ids)
    ensure(not lost, f"{when} the list lacks {len(lost)} of {len(ids)} conferences", *before, exchange)
    ensure(not extra, f"{when} the list shows {len(extra)} that should not be there", *before, exchange)
    ensure(len(found) == len(ids), f"{when} the list shows a conference twice", *before, exchange)
    return data


@promise("state/many", "State lasts: many conferences and many requests later it is still there.", order=46)
def many(bench: Bench) -> None:
    first, *made = bench.customised(samples.custom(UPDATE))
    conferences = [bench.new(description=f"number {number}") for number in range(40)]
    for conference, maker in conferences:
        bench.unchanged(conference, "creating and reading others", maker)
    bench.unchanged(first, "creating and reading others", *made)
    told = [conference["id"] for conference, _ in conferences]
    ensure(
        len(set(told)) == len(told), "two conferences got the same id", conferences[0][1], conferences[1][1]
    )


@promise(
    "state/random-walk",
    "Whatever is created, replaced, refused and deleted in whatever order: GET tells what was written.",
    order=47,
)
def random_walk(bench: Bench) -> None:
    there: dict[str, tuple[Conference, tuple[Exchange, ...]]] = {}
    gone: list[tuple[str, tuple[Exchange, ...]]] = []
    rng = bench.rng
    for _ in range(120):
        step = rng.random()
        if not there or (step < 0.2 and len(there) < 6):
            body = {n: v for n, v in samples.full(CREATE, rng).items() if rng.random() < 0.6}
            created, made = bench.new(**body)
            there[created["id"]] = (conference_of(made), (made,))
            continue
        one = rng.choice(sorted(there))
        before, history = there[one]
        if step < 0.6:
            body = {n: v for n, v in samples.full(UPDATE, rng).items() if rng.random() < 0.6}
            after, put = replace(bench, before, body, *history)
            there[one] = (after, (history[0], put))
        elif step < 0.7:
            expect(bench.delete(one), 204, because="a delete", before=history)
            gone.append((one, history))
            del there[one]
        elif step < 0.8:
            bench.put(one, {**samples.custom(UPDATE), "display_name": None})
        elif gone:
            old, made_by = rng.choice(gone)
            expect(bench.get(old), 404, because="reading what was deleted", before=made_by)
        other = rng.choice(sorted(there)) if there else None
        if other:
            bench.unchanged(
                there[other][0], "a request to another conference, or a refused one", *there[other][1]
            )


@promise("state/create-is-kept", "What a create gives is kept, field by field.", order=19)
def create_is_kept(bench: Bench) -> None:
    """One field at a time: each has to arrive, and no other to be touched by it."""
    plain, _ = bench.new()
    for name, value in samples.custom(CREATE).items():
        created, made = bench.new(**{name: value})
        wrong = as_sent(name, value, created[name])
        ensure(not wrong, f"a value of the create was not kept: {wrong}", made)
        changed: dict[str, Any] = {
            other: pair
            for other, pair in differences(plain, created).items()
            if other != name and other in contract.fields(UPDATE)
        }
        ensure(not changed, f"giving {name} changed others: {brief(changed)}", made)
        ensure(
            same(Kind.EXACT, created["display_name"], bench.own.display_name),
            "the display name changed",
            made,
        )
