"""Promises on the status of an answer, and on what is found under an id."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.bench import Bench, Conference
from ..trying.claims import Claim, header, status
from ..trying.created import NotOurs
from ..trying.exchange import Exchange
from ..trying.findings import ensure
from ..trying.samples import page_sizes
from .open_questions import refused
from .promise import Needs, promise, watch
from .schema import documented, one_entry_each

#: Bodies that are not JSON.
NO_JSON_BODIES = (
    *(b"{", b'{"display_name": "x"', b'{"display_name": "x",}', b"{'display_name': 'x'}"),
    *(b'{display_name: "x"}', b'{"display_name": "x"} x', b'{"display_name": "x"}{"display_name": "y"}'),
    *(b'{"display_name": undefined}', b'"display_name": "x"', b"display_name=x", b"<conference/>"),
    *(b"not json", b'{"display_name": "x" /* a comment */}', b'{"display_name": "x"} // a comment'),
    *(b'{"display_name": "two\nlines"}', b'{"display_name": "x", "enable_chat": True}'),
)
#: Bodies that are JSON and not objects.
NO_OBJECTS = (
    *(b"[]", b'[{"display_name": "x"}]', b'"x"', b"1", b"0", b"true", b"false", b"null"),
    *(b'["display_name", "x"]', b'"{\\"display_name\\": \\"x\\"}"'),
)
#: What an id that is no UUID may be answered with.
_MALFORMED = (400, 404, 422)
_LONG = "x" * 100_000


@promise("status/read", "A list answers 200.", needs=Needs.READING, order=1)
def read(bench: Bench) -> None:
    for query in ({}, {"page_size": "1"}):
        bench.expect(bench.list(**query), 200, because="a list")


@promise("status/success", "Create, read and update answer 200, delete answers 204.", order=2)
def success(bench: Bench) -> None:
    created = bench.post(bench.body())
    with bench.case():
        bench.expect(created, 200, because="a valid create")
    conference = bench.conference_of(created)
    for exchange, wanted, because in (
        (bench.get(conference["id"]), 200, "reading what was created"),
        (bench.put(conference["id"], bench.update()), 200, "a valid PUT"),
        (bench.delete(conference["id"]), 204, "a delete"),
    ):
        with bench.case():
            bench.expect(exchange, wanted, because=because)


@promise("status/unknown-read", "Reading a conference that does not exist is a 404.", needs=Needs.READING, order=3)
def unknown_read(bench: Bench) -> None:
    for query in ({}, {"include_active_session": "true"}):
        bench.expect(bench.get(bench.unknown_id(), **query), 404, because="reading an unknown id")


@promise("status/unknown-write", "A PUT or DELETE of a conference that does not exist is a 404.", order=4)
def unknown_write(bench: Bench) -> None:
    for _ in range(2):
        with bench.case():
            bench.expect(bench.put(bench.unknown_id(), bench.update()), 404, because="a PUT to an unknown id")
        with bench.case():
            bench.expect(bench.delete(bench.unknown_id()), 404, because="a DELETE of an unknown id")


@promise("status/gone", "After a delete, reading, PUT and another DELETE are a 404.", order=5)
def gone(bench: Bench) -> None:
    one = bench.new()["id"]
    deleted = bench.delete(one)
    bench.expect(deleted, 204, because="a delete")
    for exchange, because in (
        (bench.get(one), "reading what was deleted"),
        (bench.delete(one), "deleting what was deleted"),
        (bench.put(one, bench.update()), "a PUT to what was deleted"),
        (bench.get(one), "reading what was deleted"),
    ):
        with bench.case():
            bench.expect(exchange, 404, because=because, before=[deleted])


@promise("status/malformed", "A body that is no JSON is a 400.", order=22)
def malformed(bench: Bench) -> None:
    _bodies(bench, NO_JSON_BODIES, "a body that is no JSON", 400)


@promise("status/no-object", "A body that is JSON and no object is a 400, or a 422.", order=22)
def no_object(bench: Bench) -> None:
    _bodies(bench, NO_OBJECTS, "a body that is no object", 400, 422, question="no-object")


@promise("status/empty", "An empty body is a 400, or a 422.", order=22)
def empty(bench: Bench) -> None:
    _bodies(bench, (b"", b" ", b"\n", b""), "an empty body", 400, 422, question="empty-body")


def _bodies(bench: Bench, bodies: Sequence[bytes], because: str, *statuses: int, question: str = "") -> None:
    conference = bench.new()
    marked = f'"{bench.created.display_name}"'.encode()
    for plain in bodies:
        # What is created all the same is recognised.
        content = plain.replace(b'"x"', marked)
        for answer in (bench.post(content=content), bench.put(conference["id"], content=content)):
            with bench.case():
                bench.expect(answer, *statuses, because=f"a {answer.method} with {because}")
                if question and content.strip() != b"[]":
                    refused(bench, question, answer, "" if content else "of no bytes")
    bench.unchanged(conference, f"a refused PUT with {because}")


@promise("status/media-type", "Another media type than JSON is a 400, whatever the body.", order=22)
def media_type(bench: Bench) -> None:
    conference = bench.new()
    types = (
        *("text/plain", "text/html", "text/json", "application/xml", "application/x-www-form-urlencoded"),
        *("multipart/form-data; boundary=x", "application/octet-stream", "application/jsonp"),
        *("text/plain; charset=utf-8", "application/javascript", "application/jsonlines"),
        "text/plain; was=application/json",
    )
    for media in types:
        headers = {"Content-Type": media}
        body = bench.body()
        created = bench.post(body, headers=headers)
        put = bench.put(conference["id"], bench.update(description="changed"), headers=headers)
        for answer in (created, put):
            with bench.case():
                bench.expect(answer, 400, because=f"a {answer.method} as {media}")
        if not created.succeeded:
            again = bench.post(body)
            message = f"a create refused as {media} took the name all the same"
            with bench.case():
                ensure(again.succeeded, message, Claim(status(again), "is", 200), created)
    bench.unchanged(conference, "a refused PUT of another media type")
    for media in ("application/merge-patch+json", "application/vnd.api+json") * 2:
        body = bench.update()
        with bench.case():
            refused(bench, "json-by-its-form", bench.put(conference["id"], body, headers={"Content-Type": media}))


@promise("status/invalid", "A well-formed body with an invalid value is a 422.", order=16)
def invalid(bench: Bench) -> None:
    conference = bench.new()
    bodies: tuple[dict[str, Any], ...] = (
        {"display_name": 1},
        {"display_name": "x" * 201},
        {"display_name": "x", "quality": "bad"},
        {"display_name": "x", "dark_primary": "red"},
        {"display_name": "x", "join_from": "tomorrow"},
        {"display_name": "x", "enable_chat": "yes"},
        {"display_name": "x", "description": None},
    )
    for body in bodies:
        for answer in (bench.put(conference["id"], body), bench.post({**body, "name": bench.created.name()})):
            with bench.case():
                bench.expect(answer, 422, because=f"an invalid {answer.method}")
    with bench.case():
        bench.expect(bench.post(bench.body(name="no name")), 422, because="a create with an invalid name")
    for answer in (bench.put(conference["id"], {}), bench.post({"description": "no display name"})):
        with bench.case():
            bench.expect(answer, 400, 422, because=f"a {answer.method} without a display name")
    bench.unchanged(conference, "a refused PUT")


@promise("status/name-taken", "A create with a name that is taken is a 422.", order=17)
def name_taken(bench: Bench) -> None:
    holder = bench.customised(samples.custom(UPDATE))
    bench.new()
    # A name that the server chose is taken too.
    unnamed = bench.conference_of(bench.post(bench.update()))
    for one in (holder, bench.new(), holder, unnamed):
        for fields in ({}, {"description": "another", "display_name": "another display name"}):
            again = bench.post(bench.body(**fields, name=one["name"]))
            with bench.case():
                because = "a create with a name that is taken"
                bench.expect(again, 422, because=because, before=[one.source])
                one_entry_each(again, {"name"})
                bench.unchanged(one, "a create refused for a name that is taken", again)


@promise("status/bad-query", "A query parameter that is not what it has to be is a 422.", needs=Needs.READING, order=18)
def bad_query(bench: Bench) -> None:
    least, most = page_sizes()
    sizes = (str(least - 1), "-1", str(most + 1), "100000", "abc", "1.5", "true", "10abc")
    queries = [{"page_size": value} for value in sizes]
    queries += [{"page_number": value} for value in ("-1", "abc", "1.5", "0abc")]
    queries += [{"page_size": "0", "page_number": "-1"}]
    for query in queries:
        with bench.case():
            answer = bench.list(**query)
            bench.expect(answer, 422, because=f"a list with {query}")
            one_entry_each(answer, set(query))
    for value in ("maybe", "yes please", "2"):
        with bench.case():
            answer = bench.list(include_active_session=value)
            bench.expect(answer, 422, because=f"a list with include_active_session={value}")


@promise(
    "status/bad-query-one", "include_active_session has to be a boolean, also when reading one conference.", order=19
)
def bad_query_one(bench: Bench) -> None:
    conference = bench.new()
    for value in ("maybe", "2"):
        answer = bench.get(conference["id"], include_active_session=value)
        bench.expect(answer, 422, because=f"include_active_session={value}")


@promise("status/bad-time", "A list filter that is no time and no timestamp is refused.", needs=Needs.READING, order=23)
def bad_time(bench: Bench) -> None:
    times = ("tomorrow", "2022-13-01T00:00:00Z", "2022-02-30T00:00:00Z", "12:00", "2022-01-01T25:00:00Z")
    for name in ("starts_after", "ends_before"):
        for value in times:
            with bench.case():
                bench.expect(bench.list(**{name: value}), 400, 422, because=f"{name}={value}")


@promise("status/page-without-token", "A page above 0 without a page_token is refused.", needs=Needs.READING, order=24)
def page_without_token(bench: Bench) -> None:
    for number in ("1", "2", "1000000"):
        because = f"page_number={number} without a page_token"
        bench.expect(bench.list(page_number=number), 400, 422, because=because)


@promise("status/method", "A method that a path has not is a 405 with Allow.", order=26)
def method(bench: Bench) -> None:
    conference = bench.customised(samples.custom(UPDATE))
    known = {None: {"GET", "POST"}, conference["id"]: {"GET", "PUT", "DELETE"}}
    # A DELETE of all of them is not risked, whatever it has to be answered with.
    for name, where in (("PUT", None), ("PATCH", None), ("PATCH", conference["id"]), ("POST", conference["id"])):
        answer = bench.api.send(name, bench.api.path(where), json=bench.update(description="changed"))
        said = header(answer, "allow")
        allowed = {part.strip().upper() for part in str(said.value or "").split(",")}
        with bench.case():
            bench.expect(answer, 405, because=f"{name} of {'one' if where else 'all'}")
            ensure(said.value is not None, "a 405 without Allow", Claim(said, "is not", None))
            missing = sorted(known[where] - allowed)
            for one in missing[:1]:
                message = f"Allow is {said.value!r} and does not name {', '.join(missing)}"
                ensure(False, message, Claim(said, "mentions", one.lower()))
            message = f"Allow is {said.value!r} and names {name}, which was just refused"
            ensure(name not in allowed, message, Claim(said, "is not", said.value))
    bench.unchanged(conference, "a request with another method")


# --- ids ----------------------------------------------------------------------------------------------


@promise(
    "status/malformed-id",
    "An id that is no UUID is refused, and nothing is found under it.",
    needs=Needs.READING,
    order=25,
)
def malformed_id(bench: Bench) -> None:
    for one in ("nonsense", "1", "00000000-0000-0000-0000-00000000000", "null", "0"):
        if one not in bench.around.ids:
            bench.expect(bench.get(one), *_MALFORMED, because=f"reading the id {one!r}")


@promise("status/name-is-no-id", "A conference is not found under its name.", order=25)
def name_is_no_id(bench: Bench) -> None:
    """One of the names looks like an id, and has to be unknown as such."""
    for name, statuses in ((bench.created.name(), _MALFORMED), (bench.unknown_id(), (404,))):
        conference = bench.new(name=name)
        claim = Claim(conference.part("name"), "is", name)
        ensure(conference["name"] == name, f"the name became {conference['name']!r}", claim)
        _under(bench, conference, name, statuses, "its name in the place of an id")


@promise("status/near-id", "An id that differs in one digit is another one.", order=25)
def near_id(bench: Bench) -> None:
    conference = bench.new()
    known = conference["id"]
    for place in (0, len(known) // 3, len(known) - 1):
        if known[place] in "0123456789abcdef":
            near = known[:place] + ("0" if known[place] != "0" else "1") + known[place + 1 :]
            found = bench.get(near)
            # Else it is somebody else's: there are servers that count.
            if found.status != 200 or bench.conference_of(found)["id"] != near:
                _under(bench, conference, near, (404,), "an id of which one digit differs")


def _under(bench: Bench, conference: Conference, other: str, statuses: Sequence[int], what: str) -> None:
    """Nothing is found under something that is not the id of a conference."""
    with contextlib.suppress(NotOurs):
        sends: tuple[Callable[[], Exchange], ...] = (
            lambda: bench.get(other),
            lambda: bench.put(other, bench.update(description="found by something else")),
            lambda: bench.delete(other),
        )
        for send in sends:
            with bench.case():
                answer = send()
                because = f"a {answer.method} with {what}"
                bench.expect(answer, *statuses, because=because, before=[conference.source])
    with bench.case():
        bench.unchanged(conference, f"a request with {what}")


# --- what nobody sends by intention ---------------------------------------------------------------------


def _answered(bench: Bench, exchange: Exchange) -> None:
    with bench.case():
        if exchange.status >= 500:
            message = f"the server failed with {exchange.status}"
            bench.deviates(("failure", exchange.method), message, Claim(status(exchange), "at most", 499))


@promise("status/no-failure-reading", "Whatever is asked for, the server does not fail.", needs=Needs.READING, order=27)
def no_failure_reading(bench: Bench) -> None:
    times = (
        *("", "0", "-1", "9" * 30, "1e400", "NaN", "inf", "2022-01-01", "2022-01-01T23:59:60Z", "\u0663"),
        *("\u0000", "-", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z", "1640995200.5"),
        *("253402300800", "-62135596801", "x" * 2000),
    )
    values = ("", " ", "9" * 30, "-" + "9" * 30, "1e5", "0x10", "null", "[]", "é", "\u0000", "%", "true", "x" * 2000)
    queries = [{name: value, "page_size": "1"} for name in ("starts_after", "ends_before") for value in times]
    names = ("page_size", "page_number", "page_token", "include_active_session")
    queries += [{name: value} for name in names for value in values]
    tokens = ("PAb3877c40da604998", "PA", "=", "////", "PA" + "A" * 100)
    queries += [{"page_token": token, "page_number": number} for token in tokens for number in "015"]
    with bench.api.unusual():
        for query in queries:
            _answered(bench, bench.list(**query))
        for one in ("%00", "é", "x" * 2000, "a b", "{id}", "\u0000", "$(id)", "1;2", "🎥"):
            _answered(bench, bench.get(one))
        _answered(bench, bench.get(bench.unknown_id(), unknown="x", include_active_session=""))


@promise("status/no-failure-writing", "Whatever is sent, the server does not fail.", order=28)
def no_failure_writing(bench: Bench) -> None:
    conference = bench.new()
    with bench.api.unusual():
        _no_failure_writing(bench, conference["id"])
    bench.read(conference["id"])


_ODD_BODIES = (
    *(b"\xff\xfe{}", b'{"display_name": "\xff"}', b'{"display_name": "\\ud800"}'),
    *(b'{"display_name": "\\udc00\\ud800"}', b'{"\\ud800": 1, "display_name": "x"}'),
    *(b'{"display_name": "x", "display_name": 1}', b"\xef\xbb\xbf" + b'{"display_name": "x"}'),
    *(b'{"display_name": NaN}', b'{"display_name": 1e400}', b'{"display_name": ' + b"9" * 5000 + b"}"),
    *(b'{"display_name": ' + b"[" * 2000 + b"]" * 2000 + b"}", b"[" * 5000 + b"]" * 5000),
    b'{"display_name": {"a": ' * 500 + b"1" + b"}}" * 500,
    b'{"display_name": "x", "description": "' + _LONG.encode() + b'"}',
    *(b'{"display_name": "x", "layout": ["grid-responsive"]}', b'{"display_name": "x", "quality": {}}'),
    *(b'{"display_name": "x", "join_from": 1e30}', b'{"display_name": "x", "dark_primary": []}'),
    b'{"display_name": "x", "join_from": -9223372036854775809}',
    b'{"display_name": "x", "join_from": "0000-01-01T00:00:00+23:59"}',
    b'{"display_name": "x", "join_until": "9999-12-31T23:59:59-23:59"}',
    b'{"display_name": "x", "join_until": "2022-01-01T12:00:60Z"}',
    b'{"display_name": [1], "name": {"a": 1}, "enable_chat": [], "size": false}',
    *('{"display_name": "x"}'.encode("utf-16"), '{"display_name": "x"}'.encode("utf-32-le"), b"\x00", b'"', b"-"),
)


def _no_failure_writing(bench: Bench, conference_id: str) -> None:
    marked = f'"display_name": "{bench.created.display_name}"'.encode()
    for plain in _ODD_BODIES:
        content = plain.replace(b'"display_name": "x"', marked)
        _answered(bench, bench.post(content=content))
        _answered(bench, bench.put(conference_id, content=content))
    for media in ("", "application", "application/", ";", "application/json; charset=nonsense", "*/*"):
        _answered(bench, bench.put(conference_id, bench.update(), headers={"Content-Type": media}))
    for one in ("nonsense", "x" * 2000, "é", "a b"):
        with contextlib.suppress(NotOurs):
            _answered(bench, bench.put(one, bench.update()))
            _answered(bench, bench.delete(one))
    _answered(bench, bench.delete(bench.unknown_id(), content=b"{"))
    _answered(bench, bench.post(bench.body(name="x" * 10_000)))


@watch("status/documented", "Every answer has a status that the contract gives to its operation.")
def _documented(exchange: Exchange) -> tuple[str, Claim] | str | None:
    if exchange.operation_id is None:
        return None
    said = documented(exchange.operation_id)
    if str(exchange.status) in said and exchange.status < 500:
        return ""
    # What a proxy or the HTTP layer itself refuses is no answer of the operation.
    if exchange.status in (408, 411, 413, 414, 431) and len(exchange.content or exchange.url) > 1000:
        return ""
    what = "a failure of the server" if exchange.status >= 500 else "not documented for it"
    known = [int(one) for one in said if one < "500"]
    return f"{exchange.status} is {what}", Claim(status(exchange), "in", known)
