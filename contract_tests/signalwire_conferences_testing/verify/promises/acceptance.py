"""Promises on what has to be accepted, and kept character for character."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE

from ..trying import samples
from ..trying.bench import Bench, as_sent, conference_of
from ..trying.exchange import Exchange
from ..trying.samples import Sort, page_sizes
from .promises import Needs, ensure, promise
from .status_codes import expect

__all__ = ["accepted"]

_SENTENCES = {
    Sort.SWITCH: "Both values of each boolean are accepted and kept.",
    Sort.CHOICE: "Every documented value of each enumeration is accepted and kept.",
    Sort.COLOR: "Every colour of six hexadecimal digits is accepted, and comes back in the same case.",
    Sort.TEXT: "Text comes back character for character, whatever script it is in, also empty.",
}


def accepted(exchange: Exchange, sent: Mapping[str, Any], *before: Exchange) -> None:
    """Demands that a write was accepted and answered with what was sent."""
    told = conference_of(exchange, *before)
    for name, value in sent.items():
        wrong = as_sent(name, value, told.get(name))
        ensure(not wrong, f"a valid value was not kept: {wrong}", *before, exchange)


def _check(kind: Sort) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        conference, made = bench.new()
        for name in (n for n in contract.fields(UPDATE) if samples.sort(UPDATE, n) is kind):
            for value in samples.valid(UPDATE, name):
                sent = {"display_name": bench.own.display_name, name: value}
                put = bench.put(conference["id"], sent)
                accepted(put, sent, made)
                accepted(bench.get(conference["id"]), sent, made, put)
        for name in (n for n in contract.fields(CREATE) if samples.sort(CREATE, n) is kind):
            for value in samples.valid(CREATE, name):
                sent = bench.body(**{name: value})
                created = bench.post(sent)
                accepted(created, sent)
                accepted(bench.get(created.value["id"]), sent, created)

    return check


for _kind, _sentence in _SENTENCES.items():
    promise(f"accepts/{_kind.name.lower()}", _sentence, order=16)(_check(_kind))


@promise("accepts/nul", "A text may hold the character NUL, as JSON and the contract let it.", order=29)
def nul(bench: Bench) -> None:
    for schema in (UPDATE, CREATE):
        for field in (n for n in contract.fields(schema) if samples.sort(schema, n) is Sort.TEXT):
            _text(bench, schema, field, "before \u0000 after")


@promise("accepts/name", "A name may have every documented character and 100 of them.", order=17)
def name(bench: Bench) -> None:
    most = samples.limit(CREATE, "name") or 0
    unique = f"-{bench.own.run}"
    start = bench.own.name()
    names = [f"{start}_-AZaz09", "_" + unique, "-" + unique, f"0123456789{unique}", f"ABCxyz{unique}"]
    names += [start + "x" * (most - len(start)), start + "-" * (most - 1 - len(start))]
    names += ["abcdefghijklmnopqrstuvwxyz" + unique, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + unique]
    for one in names:
        sent = bench.body(name=one)
        created = bench.post(sent)
        accepted(created, sent)
        accepted(bench.get(created.value["id"]), sent, created)


@promise(
    "accepts/longest",
    "A text of exactly the most characters is accepted, however many bytes they take.",
    order=17,
)
def longest(bench: Bench) -> None:
    for schema in (UPDATE, CREATE):
        for field in (n for n in contract.fields(schema) if samples.sort(schema, n) is Sort.TEXT):
            most = samples.limit(schema, field) or 0
            for character in samples.LONG:
                _text(bench, schema, field, character * most)
            _text(bench, schema, field, "a" * (most - 1) + " ")
            _text(bench, schema, field, "a" * (most - 1))


def _text(bench: Bench, schema: str, name: str, text: str) -> None:
    sent: dict[str, Any] = {"display_name": bench.own.display_name, name: text}
    if schema == CREATE:
        accepted(bench.post({**sent, "name": bench.own.name()}), sent)
        return
    conference, made = bench.new()
    accepted(bench.put(conference["id"], sent), sent, made)


@promise(
    "accepts/least",
    "The display name alone is enough for a create, which then has a name of its own.",
    order=7,
)
def least(bench: Bench) -> None:
    names = set()
    for _ in range(3):
        sent = {"display_name": bench.own.display_name}
        created = bench.post(sent)
        accepted(created, sent)
        made_up = created.value["name"]
        ensure(isinstance(made_up, str) and made_up, f"the name is {made_up!r}", created)
        allowed = contract.fields(CREATE)["name"]
        ensure(
            allowed.accepts(made_up),
            f"the name {made_up!r} has other than the documented characters",
            created,
        )
        ensure(made_up not in names, f"two conferences got the name {made_up!r}", created)
        names.add(made_up)


@promise("accepts/whole", "A create and a PUT with every property are accepted and kept.", order=6)
def whole(bench: Bench) -> None:
    for turn in range(2):
        sent = bench.body(**samples.custom(CREATE, turn))
        created = bench.post(sent)
        accepted(created, sent)
        body = {"display_name": f"{bench.own.display_name} v2", **samples.custom(UPDATE, turn)}
        put = bench.put(created.value["id"], body)
        accepted(put, body, created)
        accepted(bench.get(created.value["id"]), body, created, put)


@promise("accepts/examples", "The contract's own examples of requests are accepted.", order=17)
def examples(bench: Bench) -> None:
    conference, made = bench.new()
    for schema in (UPDATE, CREATE):
        operation = contract.operation(
            "update_video_conference" if schema == UPDATE else "create_video_conference"
        )
        said = contract.document()["paths"][operation.path][operation.method.lower()]
        for example in said["requestBody"]["content"]["application/json"]["examples"].values():
            if schema == UPDATE:
                accepted(bench.put(conference["id"], example["value"]), example["value"], made)
            else:
                sent = {**example["value"], "name": bench.own.name()}
                accepted(bench.post(sent), sent)


@promise("accepts/unknown", "Properties that the contract does not know do no harm.", order=18)
def unknown(bench: Bench) -> None:
    conference, made = bench.new()
    extras: list[dict[str, Any]] = [
        {"unknown": 1},
        {"Display_Name": "x", "": None},
        {"nested": {"a": [1, {"b": None}]}, "é": "é"},
        dict.fromkeys(("__proto__", "constructor", "errors", "data", "links", "project_id"), "x"),
    ]
    for extra in extras:
        sent = {"display_name": bench.own.display_name, "description": "kept"}
        accepted(bench.put(conference["id"], {**sent, **extra}), sent, made)
        created = bench.post(bench.body(**extra, description="kept"))
        accepted(created, sent)
    # What no body of the operation has is unknown to it, also where an answer has it.
    for claims in ({"meta": {"a": 1}}, {"id": bench.unknown_id()}, {"created_at": "2001-01-01T00:00:00Z"}):
        accepted(bench.post(bench.body(**claims)), {"display_name": bench.own.display_name})
    sent = {"display_name": bench.own.display_name, "description": "kept"}
    for invalid in ("no name", "", "x" * 200, None, 1):
        accepted(bench.put(conference["id"], {**sent, "name": invalid}), sent, made)


@promise("accepts/charset", "JSON with a charset is JSON.", order=18)
def charset(bench: Bench) -> None:
    conference, made = bench.new()
    for media in ("application/json; charset=utf-8", "application/json;charset=UTF-8", "application/json"):
        headers = {"Content-Type": media}
        sent = {"display_name": bench.own.display_name, "description": "Grüße, 東京"}
        accepted(bench.put(conference["id"], sent, headers=headers), sent, made)
        accepted(bench.post({**sent, "name": bench.own.name()}, headers=headers), sent)


@promise(
    "accepts/any-layout",
    "JSON may be written with escapes, space and line ends wherever JSON allows them.",
    order=29,
)
def any_layout(bench: Bench) -> None:
    conference, made = bench.new()
    sent = {"display_name": bench.own.display_name, "description": 'é 漢 🎥 " \\ / \n', "enable_chat": True}
    escaped, plain = json.dumps(sent), json.dumps(sent, ensure_ascii=False)
    layouts = (escaped, plain, json.dumps(sent, indent=4), f"\r\n\t {plain} \n", escaped.replace("/", "\\/"))
    for text in layouts:
        put = bench.put(conference["id"], content=text.encode())
        accepted(put, sent, made)
        created = bench.post(content=text.encode())
        accepted(created, sent)


@promise(
    "accepts/any-order-of-times", "A window may be in the past, empty, or end before it starts.", order=29
)
def any_order_of_times(bench: Bench) -> None:
    conference, made = bench.new()
    windows = (
        {"join_from": "2001-01-01T00:00:00Z", "join_until": "2001-01-02T00:00:00Z"},
        {"join_from": "2031-01-01T00:00:00Z", "join_until": "2031-01-01T00:00:00Z"},
        {"join_from": "2031-01-02T00:00:00Z", "join_until": "2031-01-01T00:00:00Z"},
        {"join_until": "2001-01-01T00:00:00Z"},
        {"join_from": "2091-01-01T00:00:00Z"},
    )
    for window in windows:
        sent = {"display_name": bench.own.display_name, **window}
        accepted(bench.put(conference["id"], sent), sent, made)
        accepted(bench.post({**sent, "name": bench.own.name()}), sent)


@promise(
    "accepts/query",
    "Every documented query parameter is accepted at its bounds.",
    needs=Needs.READING,
    order=8,
)
def query(bench: Bench) -> None:
    low, high = page_sizes()
    for size in (low, low + 1, high - 1, high):
        expect(
            bench.list(page_size=str(size), starts_after="9000-01-01T00:00:00Z"),
            200,
            because=f"page_size={size}",
        )
    expect(bench.list(page_number="0", page_size="1"), 200, because="page_number=0")
    for flag in ("true", "false"):
        expect(
            bench.list(include_active_session=flag, page_size="1"),
            200,
            because=f"include_active_session={flag}",
        )
    for name_ in ("starts_after", "ends_before"):
        for time in (
            "2022-01-01T00:00:00Z",
            "2022-01-01T00:00:00+02:00",
            "1640995200",
            "2022-01-01T00:00:00.5Z",
        ):
            expect(bench.list(**{name_: time}, page_size="1"), 200, because=f"{name_}={time}")
