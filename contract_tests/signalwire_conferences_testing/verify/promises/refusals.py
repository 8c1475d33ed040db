"""Promises on what has to be refused: near misses, one at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE, Omission

from ..trying import samples
from ..trying.bench import Bench
from ..trying.entries import one_entry_each
from ..trying.exchange import Exchange
from ..trying.samples import Sort
from ..trying.windows import free_window
from .pages import page_of
from .promises import Broken, ensure, promise
from .status_codes import expect

__all__: list[str] = []

_SENTENCES = {
    Sort.SWITCH: "A boolean takes true and false, nothing that looks like them.",
    Sort.CHOICE: "An enumeration takes its values exactly, no other case, no neighbour.",
    Sort.COLOR: "A colour is # and six hexadecimal digits, exactly.",
    Sort.TIME: "A time is RFC 3339, or a date; nothing else is guessed at.",
    Sort.NAME: "A name has only the characters A-Za-z0-9_- and at most 100 of them.",
    Sort.TEXT: "A text has at most as many characters as the contract says, and is a string.",
}


def _check(kind: Sort, schema: str) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        names = [name for name in contract.fields(schema) if samples.sort(schema, name) is kind]
        for name in names:
            _refuses(
                bench,
                schema,
                name,
                [value for value in samples.near_misses(schema, name) if value is not None],
            )

    return check


for _kind, _sentence in _SENTENCES.items():
    for _schema, _how in ((UPDATE, "put"), (CREATE, "create")):
        if any(samples.sort(_schema, _name) is _kind for _name in contract.fields(_schema)):
            promise(f"refuses/{_kind.name.lower()}-{_how}", f"{_sentence} ({_how})", order=27)(
                _check(_kind, _schema)
            )


@promise("refuses/null", "No property of a body may be null.", order=18)
def null(bench: Bench) -> None:
    for schema in (UPDATE, CREATE):
        for name in contract.fields(schema):
            _refuses(bench, schema, name, [None])


def _refuses(bench: Bench, schema: str, name: str, values: Iterable[Any]) -> None:
    """Demands that each value is refused, and at the end that nothing was changed by them."""
    if schema == CREATE:
        for value in values:
            body = bench.body(**{name: value})
            _refused(bench.post(body), name, value)
        return
    conference, made = bench.new()
    for value in values:
        body = {"display_name": bench.own.display_name, name: value}
        _refused(bench.put(conference["id"], body), name, value, made)
    bench.unchanged(conference, f"a refused PUT of {name}", made)


def _refused(exchange: Exchange, name: str, value: Any, *before: Exchange) -> None:
    shown = repr(value) if len(repr(value)) < 80 else f"{len(value)} characters {value[:1]!r}"
    if exchange.status == 200:
        told = exchange.value.get(name) if isinstance(exchange.value, dict) else None
        raise Broken(f"{name}: {shown} was accepted, it reads {told!r} then", *before, exchange)
    expect(exchange, 422, because=f"{name}: {shown}", before=before)


@promise("refuses/missing", "A body without its required property is refused.", order=18)
def missing(bench: Bench) -> None:
    conference, made = bench.new()
    for schema in (UPDATE, CREATE):
        required = [f.name for f in contract.fields(schema).values() if f.omission is Omission.REQUIRED]
        for name in required:
            for rest in ({}, samples.custom(schema)):
                body = {**rest} if schema == UPDATE else {**rest, "name": bench.own.name()}
                answer = bench.put(conference["id"], body) if schema == UPDATE else bench.post(body)
                because = f"a body without {name}"
                ensure(
                    answer.status != 200,
                    f"{because} was accepted",
                    *((made,) if schema == UPDATE else ()),
                    answer,
                )
                expect(answer, 422, because=because)
    bench.unchanged(conference, "a refused PUT", made)


@promise("refuses/each-attribute", "A 422 has one entry for each attribute that failed.", order=19)
def each_attribute(bench: Bench) -> None:
    conference, made = bench.new()
    for schema in (UPDATE, CREATE):
        for wrong in _wrong_sets(bench, schema):
            body = {**bench.body(), **wrong} if schema == CREATE else {"display_name": "x", **wrong}
            body = {name: value for name, value in body.items() if value is not ...}
            answer = bench.post(body) if schema == CREATE else bench.put(conference["id"], body)
            before = (made,) if schema == UPDATE else ()
            expect(answer, 422, because="several invalid values", before=before)
            one_entry_each(answer, set(wrong), before)
    bench.unchanged(conference, "a refused PUT", made)


def _wrong_sets(bench: Bench, schema: str) -> Iterator[dict[str, Any]]:
    """Invalid values by field, each of which breaks one rule; `...` leaves a field out."""
    fine = {
        Sort.SWITCH: "yes",
        Sort.CHOICE: "nonsense",
        Sort.COLOR: "#12345g",
        Sort.TIME: "tomorrow",
        Sort.NAME: "a b",
    }
    every = {
        name: fine.get(samples.sort(schema, name)) or "x" * ((samples.limit(schema, name) or 0) + 1)
        for name in contract.fields(schema)
    }
    names = list(every)
    yield from ({name: every[name]} for name in names)
    yield from ({one: every[one], other: every[other]} for one, other in itertools.pairwise(names))
    yield every
    yield {**every, "display_name": ...}
    for _ in range(5):
        yield {name: every[name] for name in bench.rng.sample(names, bench.rng.randint(2, len(names)))}


@promise("refuses/nothing-in-part", "A refused body changes nothing, whatever else it holds.", order=28)
def nothing_in_part(bench: Bench) -> None:
    before, *made = bench.customised(samples.custom(UPDATE))
    fresh = {**samples.custom(UPDATE, 1), "display_name": f"{bench.own.display_name} changed"}
    for name in contract.fields(UPDATE):
        answer = bench.put(before["id"], {**fresh, name: samples.near_misses(UPDATE, name)[-1]})
        expect(answer, 422, because=f"an invalid {name}", before=tuple(made))
        bench.unchanged(before, f"a PUT refused for its {name}", *made, answer)


@promise("refuses/creates-nothing", "A refused create creates nothing.", order=29)
def creates_nothing(bench: Bench) -> None:
    """A name is unique: if the same name can be had afterwards, nothing was created under it."""
    for name in contract.fields(CREATE):
        if name == "name":
            continue
        body = bench.body()
        refused = bench.post({**body, **samples.custom(CREATE), name: samples.near_misses(CREATE, name)[-1]})
        expect(refused, 422, because=f"an invalid {name}")
        again = bench.post(body)
        message = f"a create that was refused for its {name} took the name all the same"
        ensure(again.status == 200, message, refused, again)
    _refused_for_its_name(bench)


def _refused_for_its_name(bench: Bench) -> None:
    """A far-off window shows what was created under a name that the server chose instead."""
    window = free_window(bench, 9)
    times = {"join_from": window.on(4), "join_until": window.on(5)}
    taken, made = bench.new()
    for name in ("no name", taken["name"]):
        refused = bench.post({**bench.body(name=name), **times})
        expect(refused, 422, because=f"the name {name!r}", before=(made,))
        listed = bench.list(**window.bounds)
        data, _ = page_of(listed)
        ensure(not data, "a create that was refused for its name created all the same", made, refused, listed)
