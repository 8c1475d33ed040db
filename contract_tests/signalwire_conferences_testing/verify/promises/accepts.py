"""Promises on what has to be accepted, and kept character for character."""

import json
from collections.abc import Callable
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences_testing import schemas

from ..trying import samples
from ..trying.bench import Bench, Conference
from ..trying.findings import demand
from ..trying.samples import Sort, page_sizes
from .families import kept_by_both, lists_answer
from .open_questions import refused
from .promise import promise


def _check(kind: Sort) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        conference = bench.new()
        for name in samples.names(UPDATE, kind):
            for value in samples.valid(UPDATE, name):
                kept_by_both(bench, conference, {name: value}, read=True)

    return check


for _kind, _sentence in {
    Sort.SWITCH: "Both values of each boolean are accepted and kept.",
    Sort.CHOICE: "Every documented value of each enumeration is accepted and kept.",
    Sort.COLOR: "Every colour of six hexadecimal digits is accepted, and comes back in the same case.",
    Sort.TEXT: "Text comes back character for character, whatever script it is in.",
}.items():
    promise(f"accepts/{_kind.name.lower()}", _sentence, 16)(_check(_kind))


@promise("accepts/nul", "A text with the character NUL is kept as it is, or refused.", 29)
def nul(bench: Bench) -> None:
    conference = bench.new()
    for name in samples.names(UPDATE, Sort.TEXT):
        for text in ("before \u0000 after", "at the end \u0000", "\u0000 at the start"):
            kept_by_both(bench, conference, {name: text}, "nul", name)


@promise("accepts/blank", "A display name that is empty or blank is kept as it is, or refused.", 29)
def blank(bench: Bench) -> None:
    conference = bench.new()
    for text, case in (("", "empty"), (" ", "blank"), ("   ", "blank")) * 2:
        kept_by_both(bench, conference, {"display_name": text}, "blank-display-name", case)
    for text in ("", " "):
        kept_by_both(bench, conference, {"description": text})


@promise("accepts/name", "A name may have every documented character and 100 of them.", 17)
def name(bench: Bench) -> None:
    most = samples.limit(CREATE, "name") or 0
    unique, start = f"-{bench.created.mark}", bench.created.name()
    for one in (
        *(f"{start}_-AZaz09", f"_{unique}", f"-{unique}", f"0123456789{unique}", f"ABCxyz{unique}"),
        *(start + "x" * (most - len(start)), start + "-" * (most - 1 - len(start))),
        *("abcdefghijklmnopqrstuvwxyz" + unique, f"ABCDEFGHIJKLMNOPQRSTUVWXYZ{unique}-"),
    ):
        with bench.case():
            bench.accepted(bench.post(sent := bench.body(name=one)), sent, read=True)


@promise("accepts/longest", "A text of exactly the most characters is accepted, however many bytes they take.", 17)
def longest(bench: Bench) -> None:
    conference = bench.new()
    for field in samples.names(UPDATE, Sort.TEXT):
        most = samples.limit(UPDATE, field) or 0
        for text in (*(one * most for one in samples.LONG), "a" * (most - 1) + " ", "a" * (most - 1)):
            kept_by_both(bench, conference, {field: text})


@promise("accepts/least", "The display name alone is enough for a create, which then has a name of its own.", 7)
def least(bench: Bench) -> None:
    names: dict[Any, Conference] = {}
    for _ in range(3):
        told = bench.accepted(bench.post(bench.update()), bench.update())
        made_up, part = told["name"], told.part("name")
        if not contract.fields(CREATE)["name"].accepts(made_up):
            demand(f"the name {made_up!r} has other than the documented characters", part, "is not", made_up)
        if made_up in names:
            demand(f"two conferences got the name {made_up!r}", part, "is not", names[made_up].part("name"))
        names[made_up] = told


@promise("accepts/examples", "The contract's own examples of requests are accepted.", 17)
def examples(bench: Bench) -> None:
    conference = bench.new()
    for operation_id in ("update_video_conference", "create_video_conference"):
        operation = contract.operation(operation_id)
        said = schemas.document()["paths"][operation.path][operation.method.lower()]
        for example in said["requestBody"]["content"]["application/json"]["examples"].values():
            update = operation.method == "PUT"
            sent = example["value"] if update else {**example["value"], "name": bench.created.name()}
            with bench.case():
                bench.accepted(bench.put(conference["id"], sent) if update else bench.post(sent), sent)


@promise("accepts/unknown", "Properties that a body does not have are ignored, or the body is refused.", 18)
def unknown(bench: Bench) -> None:
    conference, kept = bench.new(), {"description": "kept"}
    for extra in (
        *({"unknown": 1}, {"Display_Name": "x", "": None}, {"nested": {"a": [1, {"b": None}]}, "é": "é"}),
        dict.fromkeys(("__proto__", "constructor", "errors", "data", "links", "project_id"), "x"),
    ):
        kept_by_both(bench, conference, kept, "unknown-properties", beside=extra)
    for claim in ({"meta": {"a": 1}}, {"id": bench.unknown_id()}, {"created_at": "2001-01-01T00:00:00Z"}):
        kept_by_both(bench, conference, kept, "server-owned-properties", beside=claim)
    # A name is for creates alone, so that none is more right than another.
    for name in (bench.created.name(), "no name", "", "x" * 200, None, 1):
        put = bench.put(conference["id"], bench.update(**kept, name=name))
        with bench.case():
            if not refused(bench, "server-owned-properties", put, "name"):
                bench.accepted(put, kept)


@promise(
    "accepts/any-layout", "JSON may have a charset, and escapes, space and line ends wherever JSON allows them.", 18
)
def any_layout(bench: Bench) -> None:
    conference = bench.new()
    sent = bench.update(description='é 漢 🎥 " \\ / \n', enable_chat=True)
    escaped, plain = json.dumps(sent), json.dumps(sent, ensure_ascii=False)
    layouts = (escaped, plain, json.dumps(sent, indent=4), f"\r\n\t {plain} \n", escaped.replace("/", "\\/"))
    tried = [(text, "application/json") for text in layouts]
    tried += [(plain, f"application/json{charset}") for charset in ("; charset=utf-8", ";charset=UTF-8")]
    for text, media in tried:
        options: Any = {"content": text.encode(), "headers": {"Content-Type": media}}
        for answer in (bench.put(conference["id"], **options), bench.post(**options)):
            with bench.case():
                bench.accepted(answer, sent)


@promise(
    "accepts/any-order-of-times",
    "A window may be in the past or open at an end. One that ends before it starts is kept, or refused.",
    29,
)
def any_order_of_times(bench: Bench) -> None:
    conference, end = bench.new(), "2031-01-01T00:00:00Z"
    for start, until in (("2001-01-01", "2001-01-02"), (None, "2001-01-01"), ("2091-01-01", None)):
        window = {"join_from": start, "join_until": until}
        kept_by_both(bench, conference, {name: f"{day}T00:00:00Z" for name, day in window.items() if day})
    for start in ("2031-01-02T00:00:00Z", "2091-01-01T00:00:00Z", "2031-01-01T00:00:01Z"):
        kept_by_both(bench, conference, {"join_from": start, "join_until": end}, "reversed-window")
    kept_by_both(bench, conference, {"join_from": end, "join_until": end}, "reversed-window", "with equal times")


_LEAST, _MOST = page_sizes()
_TIMES = ("2022-01-01T00:00:00Z", "2022-01-01T00:00:00+02:00", "1640995200", "2022-01-01T00:00:00.5Z")
lists_answer(
    *("accepts/query", "Every documented query parameter is accepted at its bounds.", 8, [200]),
    [
        *(
            {"page_size": str(n), "starts_after": "9000-01-01T00:00:00Z"}
            for n in (_LEAST, _LEAST + 1, _MOST - 1, _MOST)
        ),
        {"page_number": "0", "page_size": "1"},
        *({"include_active_session": flag, "page_size": "1"} for flag in ("true", "false")),
        *({name: time, "page_size": "1"} for name in ("starts_after", "ends_before") for time in _TIMES),
    ],
)
