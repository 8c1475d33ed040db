"""Promises on what has to be refused: near misses, one at a time."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE, Omission

from ..trying import samples
from ..trying.bench import Bench
from ..trying.claims import Claim, ids, status
from ..trying.exchange import Exchange
from ..trying.findings import Broken, demand
from ..trying.pages import free_window
from ..trying.samples import Sort
from .open_questions import refused
from .promise import promise
from .schema import one_entry_each

_SENTENCES = {
    Sort.SWITCH: "A boolean takes true and false, nothing that looks like them.",
    Sort.CHOICE: "An enumeration takes its values exactly, no other case, no neighbour.",
    Sort.COLOR: "A colour is # and six hexadecimal digits, exactly.",
    Sort.TIME: "A time is RFC 3339, or a date; nothing else is guessed at.",
    Sort.NAME: "A name has only the characters A-Za-z0-9_- and at most 100 of them.",
    Sort.TEXT: "A text has at most as many characters as the contract says, and is a string.",
}


def _check(schema: str, names: Iterable[str]) -> Callable[[Bench], None]:
    """Demands that each near miss is refused, and that nothing was changed by them."""

    def check(bench: Bench) -> None:
        conference = bench.new()
        for name in names:
            for value in samples.near_misses(schema, name):
                with bench.case():
                    body = bench.update() if schema == UPDATE else bench.body()
                    _refused(bench, _send(bench, schema, conference["id"], {**body, name: value}), name, value)
        if not bench.found:
            bench.unchanged(conference, f"a refused PUT of {', '.join(names)}")

    return check


def _refused(bench: Bench, exchange: Exchange, name: str, value: Any) -> None:
    shown = repr(value) if len(repr(value)) < 80 else f"{len(value)} characters {value[:1]!r}"
    if exchange.succeeded:
        told = exchange.value.get(name) if isinstance(exchange.value, dict) else None
        raise Broken(f"{name}: {shown} was accepted, it reads {told!r} then", Claim(status(exchange), "is", 422))
    # A display name that is null may count as one that is missing.
    also = (400,) if name == "display_name" and value is None else ()
    bench.expect(exchange, *also, 422, because=f"{name}: {shown}")


def _send(bench: Bench, schema: str, conference_id: str, body: dict[str, Any]) -> Exchange:
    return bench.put(conference_id, body) if schema == UPDATE else bench.post(body)


for _kind, _sentence in _SENTENCES.items():
    for _schema, _how in ((UPDATE, "put"), (CREATE, "create")):
        if _names := samples.names(_schema, _kind):
            promise(f"refuses/{_kind.name.lower()}-{_how}", f"{_sentence} ({_how})", 27)(_check(_schema, _names))


@promise("refuses/missing", "A body without its required property is refused, with a 400 or a 422.", 16)
def missing(bench: Bench) -> None:
    conference = bench.new()
    for schema in (UPDATE, CREATE):
        required = [f.name for f in contract.fields(schema).values() if f.omission is Omission.REQUIRED]
        for name, rest in itertools.product(required, ({}, {"description": "alone"}, samples.custom(schema))):
            body = rest if schema == UPDATE else {**rest, "name": bench.created.name()}
            answer = _send(bench, schema, conference["id"], body)
            with bench.case():
                bench.expect(answer, 400, 422, because=f"a body without {name}")
                refused(bench, "missing-display-name", answer)
    bench.unchanged(conference, "a refused PUT")


@promise("refuses/each-attribute", "Invalid values are a 422 with one entry for each attribute that failed.", 16)
def each_attribute(bench: Bench) -> None:
    conference = bench.new()
    for schema in (UPDATE, CREATE):
        for wrong in _wrong_sets(bench, schema):
            body = {**(bench.body() if schema == CREATE else {"display_name": "x"}), **wrong}
            body = {name: value for name, value in body.items() if value is not ...}
            answer = _send(bench, schema, conference["id"], body)
            with bench.case():
                # Where the display name is missing, that may be a 400.
                bench.expect(answer, *((400,) if ... in wrong.values() else ()), 422, because="several invalid values")
                one_entry_each(answer, set(wrong))
    bench.unchanged(conference, "a refused PUT")


def _wrong_sets(bench: Bench, schema: str) -> Iterator[dict[str, Any]]:
    """Invalid values by field, each of which breaks one rule; `...` leaves a field out. Texts hold the mark of the run:
    what is created all the same is recognised.
    """
    fine = {Sort.SWITCH: "yes", Sort.CHOICE: "nonsense", Sort.COLOR: "#12345g", Sort.TIME: "tomorrow"}
    fine[Sort.NAME] = f"{bench.created.name()} b"
    every = {
        name: fine.get(samples.sort(schema, name))
        or f"{bench.created.display_name} ".ljust((samples.limit(schema, name) or 0) + 1, "x")
        for name in contract.fields(schema)
    }
    yield from ({name: value} for name, value in every.items())
    yield from (dict(pair) for pair in itertools.pairwise(every.items()))
    yield every
    yield {**every, "display_name": ...}
    for _ in range(5):
        yield {name: every[name] for name in bench.rng.sample(list(every), bench.rng.randint(2, len(every)))}


@promise("refuses/nothing-in-part", "A refused body changes nothing, whatever else it holds.", 28)
def nothing_in_part(bench: Bench) -> None:
    before = bench.customised(samples.custom(UPDATE))
    fresh = {**samples.custom(UPDATE, 1), "display_name": f"{bench.created.display_name} changed"}
    for name in contract.fields(UPDATE):
        answer = bench.put(before["id"], {**fresh, name: samples.near_misses(UPDATE, name)[-1]})
        bench.judge(answer, 422, because=f"an invalid {name}")
        if not answer.succeeded:
            bench.unchanged(before, f"a PUT refused for its {name}", answer)


@promise("refuses/creates-nothing", "A refused create creates nothing.", 29)
def creates_nothing(bench: Bench) -> None:
    """A name is unique: if the same name can be had afterwards, nothing was created under it. A far-off
    window shows what was created under a name that the server chose instead.
    """
    for name in (name for name in contract.fields(CREATE) if name != "name"):
        body = bench.body()
        answer = bench.post({**body, **samples.custom(CREATE), name: samples.near_misses(CREATE, name)[-1]})
        bench.judge(answer, 422, because=f"an invalid {name}")
        if not answer.succeeded:
            bench.name_is_free(body, f"a create that was refused for its {name} took the name all the same", answer)
    window = free_window(bench, 9)
    taken = bench.new()
    for name in ("no name", taken["name"]):
        answer = bench.post({**bench.body(name=name), **window.inside})
        listed = ids(bench.list(**window.bounds))
        if not answer.succeeded:
            message = "a create that was refused for its name created all the same"
            demand(message, listed, "is", [], taken.source, answer, so=not listed.value)
