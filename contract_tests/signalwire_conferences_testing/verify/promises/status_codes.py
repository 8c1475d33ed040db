"""Promises on the status of an answer, where no other room is about it."""

from __future__ import annotations

from typing import Any

from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.bench import Bench, conference_of
from ..trying.entries import one_entry_each
from ..trying.exchange import Exchange
from ..trying.samples import page_sizes
from .promises import Needs, ensure, promise

__all__ = ["NO_JSON_BODIES", "NO_OBJECTS", "expect"]

#: Bodies that are no JSON.
NO_JSON_BODIES = (
    b"{",
    b'{"display_name": "x"',
    b'{"display_name": "x",}',
    b"{'display_name': 'x'}",
    b'{display_name: "x"}',
    b'{"display_name": "x"} x',
    b'{"display_name": "x"}{"display_name": "y"}',
    b'{"display_name": undefined}',
    b'"display_name": "x"',
    b"display_name=x",
    b"<conference/>",
    b"not json",
    b'{"display_name": "x" /* a comment */}',
    b'{"display_name": "x"} // a comment',
    b'{"display_name": "two\nlines"}',
    b'{"display_name": "x", "enable_chat": True}',
)
#: Bodies that are JSON and no object.
NO_OBJECTS = (
    b"[]",
    b'[{"display_name": "x"}]',
    b'"x"',
    b"1",
    b"0",
    b"true",
    b"false",
    b"null",
    b'["display_name", "x"]',
    b'"{\\"display_name\\": \\"x\\"}"',
)


def expect(exchange: Exchange, *statuses: int, because: str, before: tuple[Exchange, ...] = ()) -> None:
    """Demands one of these statuses."""
    wanted = " or ".join(map(str, statuses))
    ensure(
        exchange.status in statuses, f"{because}: expected {wanted}, got {exchange.status}", *before, exchange
    )


@promise("status/read", "A list answers 200.", needs=Needs.READING, order=1)
def read(bench: Bench) -> None:
    expect(bench.list(), 200, because="a list")
    expect(bench.list(page_size="1"), 200, because="a list of one")


@promise("status/success", "Create, read and update answer 200, delete answers 204.", order=2)
def success(bench: Bench) -> None:
    created = bench.post(bench.body())
    expect(created, 200, because="a valid create")
    conference = conference_of(created)
    expect(bench.get(conference["id"]), 200, because="reading what was created", before=(created,))
    put = bench.put(conference["id"], {"display_name": bench.own.display_name})
    expect(put, 200, because="a valid PUT", before=(created,))
    expect(bench.delete(conference["id"]), 204, because="a delete", before=(created,))


@promise(
    "status/unknown-read", "Reading a conference that does not exist is a 404.", needs=Needs.READING, order=3
)
def unknown_read(bench: Bench) -> None:
    expect(bench.get(bench.unknown_id()), 404, because="reading an unknown id")
    query = {"include_active_session": "true"}
    expect(bench.get(bench.unknown_id(), **query), 404, because="reading an unknown id")


@promise("status/unknown-write", "A PUT or DELETE of a conference that does not exist is a 404.", order=4)
def unknown_write(bench: Bench) -> None:
    body = {"display_name": bench.own.display_name}
    for _ in range(2):
        expect(bench.put(bench.unknown_id(), body), 404, because="a PUT to an unknown id")
        expect(bench.delete(bench.unknown_id()), 404, because="a DELETE of an unknown id")


@promise("status/gone", "After a delete, reading, PUT and another DELETE are a 404.", order=5)
def gone(bench: Bench) -> None:
    conference, made = bench.new()
    deleted = bench.delete(conference["id"])
    before = (made, deleted)
    expect(deleted, 204, because="a delete", before=(made,))
    expect(bench.get(conference["id"]), 404, because="reading what was deleted", before=before)
    expect(bench.delete(conference["id"]), 404, because="deleting what was deleted", before=before)
    put = bench.put(conference["id"], {"display_name": bench.own.display_name})
    expect(put, 404, because="a PUT to what was deleted", before=before)
    expect(bench.get(conference["id"]), 404, because="reading what was deleted", before=(*before, put))


@promise("status/malformed", "A body that is no JSON is a 400.", order=22)
def malformed(bench: Bench) -> None:
    _bodies(bench, NO_JSON_BODIES, "a body that is no JSON", 400)


@promise("status/no-object", "A body that is JSON and no object is a 400, or a 422.", order=22)
def no_object(bench: Bench) -> None:
    # The vendor does not say which of the two.
    _bodies(bench, NO_OBJECTS, "a body that is no object", 400, 422)


@promise("status/empty", "An empty body is a 400.", order=22)
def empty(bench: Bench) -> None:
    _bodies(bench, (b"", b" ", b"\n"), "an empty body", 400)


def _bodies(bench: Bench, bodies: tuple[bytes, ...], because: str, *statuses: int) -> None:
    conference, made = bench.new()
    for content in bodies:
        expect(bench.post(content=content), *statuses, because=f"a create with {because}")
        put = bench.put(conference["id"], content=content)
        expect(put, *statuses, because=f"a PUT with {because}", before=(made,))
    bench.unchanged(conference, f"a refused PUT with {because}", made)


@promise("status/media-type", "Another media type than JSON is a 400, whatever the body.", order=22)
def media_type(bench: Bench) -> None:
    conference, made = bench.new()
    types = [
        *("text/plain", "text/html", "text/json", "application/xml", "application/x-www-form-urlencoded"),
        *("multipart/form-data; boundary=x", "application/octet-stream", "application/jsonp"),
        *("text/plain; charset=utf-8", "application/javascript", "application/jsonlines"),
        # `application/*+json` is JSON by its form; whether it is another type, the documents leave open.
        "text/plain; was=application/json",
    ]
    for media in types:
        headers = {"Content-Type": media}
        body = bench.body()
        created = bench.post(body, headers=headers)
        expect(created, 400, because=f"a create as {media}")
        again = bench.post(body)
        ensure(again.status == 200, f"a create refused as {media} took the name all the same", created, again)
        put = bench.put(conference["id"], {"display_name": "changed"}, headers=headers)
        expect(put, 400, because=f"a PUT as {media}", before=(made,))
    bench.unchanged(conference, "a refused PUT of another media type", made)


@promise("status/invalid", "A well-formed body with an invalid value is a 422.", order=16)
def invalid(bench: Bench) -> None:
    conference, made = bench.new()
    bodies: tuple[dict[str, Any], ...] = (
        {},
        {"description": "no display name"},
        {"display_name": None},
        {"display_name": 1},
        {"display_name": "x" * 201},
        {"display_name": "x", "quality": "bad"},
        {"display_name": "x", "dark_primary": "red"},
        {"display_name": "x", "join_from": "tomorrow"},
        {"display_name": "x", "enable_chat": "yes"},
    )
    for body in bodies:
        expect(bench.post(body), 422, because="an invalid create")
        expect(bench.put(conference["id"], body), 422, because="an invalid PUT", before=(made,))
    expect(bench.post(bench.body(name="no name")), 422, because="a create with an invalid name")
    bench.unchanged(conference, "a refused PUT", made)


@promise("status/name-taken", "A create with a name that is taken is a 422.", order=17)
def name_taken(bench: Bench) -> None:
    conference, made, put = bench.customised(samples.custom(UPDATE))
    bench.new()
    newest, made_newest = bench.new()
    # A name that the server chose is taken too.
    made_unnamed = bench.post({"display_name": bench.own.display_name})
    unnamed = conference_of(made_unnamed)
    for holder, history in (
        (conference, (made, put)),
        (newest, (made_newest,)),
        (conference, (made, put)),
        (unnamed, (made_unnamed,)),
    ):
        for fields in ({}, {"description": "another", "display_name": "another display name"}):
            again = bench.post(bench.body(**fields, name=holder["name"]))
            expect(again, 422, because="a create with a name that is taken", before=history)
            one_entry_each(again, {"name"}, history)
            bench.unchanged(holder, "a create refused for a name that is taken", *history, again)


@promise(
    "status/bad-query",
    "A query parameter that is not what it has to be is a 422.",
    needs=Needs.READING,
    order=18,
)
def bad_query(bench: Bench) -> None:
    least, most = page_sizes()
    for value in (str(least - 1), "-1", str(most + 1), "100000", "abc", "1.5", "true", "10abc"):
        answer = bench.list(page_size=value)
        expect(answer, 422, because=f"page_size={value}")
        one_entry_each(answer, {"page_size"})
    for value in ("-1", "abc", "1.5", "0abc"):
        answer = bench.list(page_number=value)
        expect(answer, 422, because=f"page_number={value}")
        one_entry_each(answer, {"page_number"})
    both = bench.list(page_size="0", page_number="-1")
    expect(both, 422, because="page_size=0 and page_number=-1")
    one_entry_each(both, {"page_size", "page_number"})
    for value in ("maybe", "yes please", "2"):
        expect(
            bench.list(include_active_session=value),
            422,
            because=f"a list with include_active_session={value}",
        )


@promise(
    "status/bad-query-one",
    "include_active_session has to be a boolean, also when reading one conference.",
    order=19,
)
def bad_query_one(bench: Bench) -> None:
    conference, made = bench.new()
    for value in ("maybe", "2"):
        answer = bench.get(conference["id"], include_active_session=value)
        expect(answer, 422, because=f"include_active_session={value}", before=(made,))


@promise(
    "status/bad-time",
    "A list filter that is no time and no timestamp is refused.",
    needs=Needs.READING,
    order=23,
)
def bad_time(bench: Bench) -> None:
    for name in ("starts_after", "ends_before"):
        for value in (
            "tomorrow",
            "2022-13-01T00:00:00Z",
            "2022-02-30T00:00:00Z",
            "12:00",
            "2022-01-01T25:00:00Z",
        ):
            expect(bench.list(**{name: value}), 400, 422, because=f"{name}={value}")


@promise(
    "status/page-without-token",
    "A page above 0 without a page_token is refused.",
    needs=Needs.READING,
    order=24,
)
def page_without_token(bench: Bench) -> None:
    for number in ("1", "2", "1000000"):
        expect(bench.list(page_number=number), 400, 422, because=f"page_number={number} without a page_token")


@promise("status/method", "A method that a path has not is a 405 with Allow.", order=26)
def method(bench: Bench) -> None:
    conference, made, put = bench.customised(samples.custom(UPDATE))
    cases = [
        ("PUT", None),
        ("PATCH", None),
        ("DELETE", None),
        ("PATCH", conference["id"]),
        ("POST", conference["id"]),
    ]
    known = {None: {"GET", "POST"}, conference["id"]: {"GET", "PUT", "DELETE"}}
    for name, where in cases:
        body = {"display_name": "changed"} if name != "DELETE" else {}
        options: dict[str, Any] = {"json": body} if body else {}
        answer = bench.api.send(name, bench.api.path(where), **options)
        shown = (made, answer) if where else (answer,)
        ensure(
            answer.status == 405,
            f"{name} of {'one' if where else 'all'}: expected 405, got {answer.status}",
            *shown,
        )
        allow = answer.answer_headers.get("allow")
        ensure(allow is not None, "a 405 without Allow", *shown)
        allowed = {part.strip().upper() for part in (allow or "").split(",")}
        missing = known[where] - allowed
        ensure(not missing, f"Allow is {allow!r} and does not name {', '.join(sorted(missing))}", *shown)
        ensure(name not in allowed, f"Allow is {allow!r} and names {name}, which was just refused", *shown)
    bench.unchanged(conference, "a request with another method", made, put)
