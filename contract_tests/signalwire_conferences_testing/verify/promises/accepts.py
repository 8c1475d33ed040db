"""Promises on what has to be accepted, and kept character for character."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE

from ..trying import samples
from ..trying.bench import Bench, Conference
from ..trying.claims import Claim
from ..trying.exchange import Exchange
from ..trying.findings import ensure
from ..trying.samples import Sort, page_sizes
from .open_questions import refused
from .promise import Needs, promise

_SENTENCES = {
    Sort.SWITCH: "Both values of each boolean are accepted and kept.",
    Sort.CHOICE: "Every documented value of each enumeration is accepted and kept.",
    Sort.COLOR: "Every colour of six hexadecimal digits is accepted, and comes back in the same case.",
    Sort.TEXT: "Text comes back character for character, whatever script it is in.",
}


def _accepted(bench: Bench, exchange: Exchange, sent: Mapping[str, Any], *, read: bool = False) -> None:
    """Demands that a write was accepted, and answered with what was sent."""
    with bench.case():
        told = bench.conference_of(exchange)
        bench.kept(told, sent)
        if read:
            bench.kept(bench.read(told["id"], exchange), sent)


def _by_both(bench: Bench, fields: Mapping[str, Any], conference: Conference, *, read: bool = False) -> None:
    """A PUT and a create with these fields, each where the operation has them."""
    for schema in (UPDATE, CREATE):
        known = {name: value for name, value in fields.items() if name in contract.fields(schema)}
        if not known:
            continue
        sent = bench.update(**known) if schema == UPDATE else bench.body(**known)
        answer = bench.put(conference["id"], sent) if schema == UPDATE else bench.post(sent)
        _accepted(bench, answer, sent, read=read)


def _names(kind: Sort) -> list[str]:
    both = {**contract.fields(UPDATE), **contract.fields(CREATE)}
    schemas = {name: UPDATE if name in contract.fields(UPDATE) else CREATE for name in both}
    return [name for name, schema in schemas.items() if samples.sort(schema, name) is kind]


def _check(kind: Sort) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        conference = bench.new()
        for name in _names(kind):
            for value in samples.valid(UPDATE, name):
                _by_both(bench, {name: value}, conference, read=True)

    return check


for _kind, _sentence in _SENTENCES.items():
    promise(f"accepts/{_kind.name.lower()}", _sentence, 16)(_check(_kind))


def _open_values(
    bench: Bench, question: str, conference: Conference, fields: Mapping[str, Any], case: str = ""
) -> None:
    """Values that may be refused, always in the same way, and are kept where they are not."""
    for answer in (bench.put(conference["id"], bench.update(**fields)), bench.post(bench.body(**fields))):
        with bench.case():
            if not refused(bench, question, answer, case):
                bench.kept(bench.conference_of(answer), fields)


@promise("accepts/nul", "A text with the character NUL is kept as it is, or refused.", 29)
def nul(bench: Bench) -> None:
    conference = bench.new()
    for name in _names(Sort.TEXT):
        for text in ("before \u0000 after", "at the end \u0000", "\u0000 at the start"):
            _open_values(bench, "nul", conference, {name: text}, name)


@promise("accepts/blank", "A display name that is empty or blank is kept as it is, or refused.", 29)
def blank(bench: Bench) -> None:
    conference = bench.new()
    for _ in range(2):
        for text, case in (("", "empty"), (" ", "blank"), ("   ", "blank")):
            _open_values(bench, "blank-display-name", conference, {"display_name": text}, case)
    for text in ("", " "):
        _by_both(bench, {"description": text}, conference)


@promise("accepts/name", "A name may have every documented character and 100 of them.", 17)
def name(bench: Bench) -> None:
    most = samples.limit(CREATE, "name") or 0
    unique = f"-{bench.created.mark}"
    start = bench.created.name()
    names = [f"{start}_-AZaz09", "_" + unique, "-" + unique, f"0123456789{unique}", f"ABCxyz{unique}"]
    names += [start + "x" * (most - len(start)), start + "-" * (most - 1 - len(start))]
    names += ["abcdefghijklmnopqrstuvwxyz" + unique, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + unique]
    for one in names:
        sent = bench.body(name=one)
        _accepted(bench, bench.post(sent), sent, read=True)


@promise("accepts/longest", "A text of exactly the most characters is accepted, however many bytes they take.", 17)
def longest(bench: Bench) -> None:
    conference = bench.new()
    for field in _names(Sort.TEXT):
        most = samples.limit(UPDATE, field) or 0
        for text in (*(one * most for one in samples.LONG), "a" * (most - 1) + " ", "a" * (most - 1)):
            _by_both(bench, {field: text}, conference)


@promise("accepts/least", "The display name alone is enough for a create, which then has a name of its own.", 7)
def least(bench: Bench) -> None:
    names: dict[Any, Conference] = {}
    allowed = contract.fields(CREATE)["name"]
    for _ in range(3):
        sent = bench.update()
        told = bench.conference_of(bench.post(sent))
        bench.kept(told, sent)
        made_up = told["name"]
        wrong = Claim(told.part("name"), "is not", made_up)
        ensure(isinstance(made_up, str) and made_up, f"the name is {made_up!r}", wrong)
        ensure(allowed.accepts(made_up), f"the name {made_up!r} has other than the documented characters", wrong)
        if made_up in names:
            claim = Claim(told.part("name"), "is not", names[made_up].part("name"))
            ensure(False, f"two conferences got the name {made_up!r}", claim)
        names[made_up] = told


@promise("accepts/whole", "A create and a PUT with every property are accepted and kept.", 6)
def whole(bench: Bench) -> None:
    for turn in range(2):
        sent = bench.body(**samples.custom(CREATE, turn))
        created = bench.conference_of(bench.post(sent))
        with bench.case():
            bench.kept(created, sent)
        body = {"display_name": f"{bench.created.display_name} v2", **samples.custom(UPDATE, turn)}
        _accepted(bench, bench.put(created["id"], body), body, read=True)


@promise("accepts/examples", "The contract's own examples of requests are accepted.", 17)
def examples(bench: Bench) -> None:
    conference = bench.new()
    for operation_id in ("update_video_conference", "create_video_conference"):
        operation = contract.operation(operation_id)
        said = contract.document()["paths"][operation.path][operation.method.lower()]
        for example in said["requestBody"]["content"]["application/json"]["examples"].values():
            if operation.method == "PUT":
                _accepted(bench, bench.put(conference["id"], example["value"]), example["value"])
            else:
                sent = {**example["value"], "name": bench.created.name()}
                _accepted(bench, bench.post(sent), sent)


@promise("accepts/unknown", "Properties that a body does not have are ignored, or the body is refused.", 18)
def unknown(bench: Bench) -> None:
    conference = bench.new()
    extras: list[dict[str, Any]] = [
        {"unknown": 1},
        {"Display_Name": "x", "": None},
        {"nested": {"a": [1, {"b": None}]}, "é": "é"},
        dict.fromkeys(("__proto__", "constructor", "errors", "data", "links", "project_id"), "x"),
    ]
    owned = ({"meta": {"a": 1}}, {"id": bench.unknown_id()}, {"created_at": "2001-01-01T00:00:00Z"})
    for question, extra in (
        *(("unknown-properties", one) for one in extras),
        *(("server-owned-properties", one) for one in owned),
    ):
        for answer in (
            bench.put(conference["id"], bench.update(description="kept", **extra)),
            bench.post(bench.body(description="kept", **extra)),
        ):
            with bench.case():
                if not refused(bench, question, answer):
                    bench.kept(bench.conference_of(answer), {"description": "kept"})
    # A name is for creates alone, so that none is more right than another.
    for name in (bench.created.name(), "no name", "", "x" * 200, None, 1):
        put = bench.put(conference["id"], bench.update(description="kept", name=name))
        with bench.case():
            if not refused(bench, "server-owned-properties", put, "name"):
                bench.kept(bench.conference_of(put), {"description": "kept"})


@promise("accepts/charset", "JSON with a charset is JSON.", 18)
def charset(bench: Bench) -> None:
    conference = bench.new()
    sent = bench.update(description="Grüße, 東京")
    for media in ("application/json; charset=utf-8", "application/json;charset=UTF-8", "application/json"):
        headers = {"Content-Type": media}
        _accepted(bench, bench.put(conference["id"], sent, headers=headers), sent)
        _accepted(bench, bench.post({**sent, "name": bench.created.name()}, headers=headers), sent)


@promise("accepts/any-layout", "JSON may be written with escapes, space and line ends wherever JSON allows them.", 29)
def any_layout(bench: Bench) -> None:
    conference = bench.new()
    sent = bench.update(description='é 漢 🎥 " \\ / \n', enable_chat=True)
    escaped, plain = json.dumps(sent), json.dumps(sent, ensure_ascii=False)
    layouts = (escaped, plain, json.dumps(sent, indent=4), f"\r\n\t {plain} \n", escaped.replace("/", "\\/"))
    for text in layouts:
        _accepted(bench, bench.put(conference["id"], content=text.encode()), sent)
        _accepted(bench, bench.post(content=text.encode()), sent)


@promise(
    "accepts/any-order-of-times",
    "A window may be in the past or open at an end. One that ends before it starts is kept, or refused.",
    29,
)
def any_order_of_times(bench: Bench) -> None:
    conference = bench.new()
    for window in (
        {"join_from": "2001-01-01T00:00:00Z", "join_until": "2001-01-02T00:00:00Z"},
        {"join_until": "2001-01-01T00:00:00Z"},
        {"join_from": "2091-01-01T00:00:00Z"},
    ):
        _by_both(bench, window, conference)
    for start in ("2031-01-02T00:00:00Z", "2091-01-01T00:00:00Z", "2031-01-01T00:00:01Z"):
        window = {"join_from": start, "join_until": "2031-01-01T00:00:00Z"}
        _open_values(bench, "reversed-window", conference, window)
    same = dict.fromkeys(("join_from", "join_until"), "2031-01-01T00:00:00Z")
    _open_values(bench, "reversed-window", conference, same, "with equal times")


@promise("accepts/query", "Every documented query parameter is accepted at its bounds.", 8, Needs.READING)
def query(bench: Bench) -> None:
    low, high = page_sizes()
    queries = [{"page_size": str(n), "starts_after": "9000-01-01T00:00:00Z"} for n in (low, low + 1, high - 1, high)]
    queries += [{"page_number": "0", "page_size": "1"}]
    queries += [{"include_active_session": flag, "page_size": "1"} for flag in ("true", "false")]
    times = ("2022-01-01T00:00:00Z", "2022-01-01T00:00:00+02:00", "1640995200", "2022-01-01T00:00:00.5Z")
    queries += [{name_: time, "page_size": "1"} for name_ in ("starts_after", "ends_before") for time in times]
    for one in queries:
        with bench.case():
            bench.expect(bench.list(**one), 200, because=f"a list with {one}")
