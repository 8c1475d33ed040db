"""Promises on authentication: it comes first, on every operation, and nothing is written without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.bench import Bench, Conference
from ..trying.exchange import Credentials, Exchange
from .promises import Broken, Needs, ensure, promise

Send = Callable[[Credentials], Exchange]


def _refused(exchange: Exchange, what: str, *before: Exchange) -> None:
    how = (
        f"with {exchange.credentials.shown}"
        if exchange.credentials.header is not None
        else "without credentials"
    )
    message = f"{what} {how}: expected 401, got {exchange.status}"
    ensure(exchange.status == 401, message, *before, exchange)


def _reads(bench: Bench) -> Iterator[tuple[str, Send]]:
    api = bench.api
    unknown = bench.unknown_id()
    yield "a list", lambda wrong: api.send("GET", api.path(), query={"page_size": "1"}, credentials=wrong)
    yield "reading a conference", lambda wrong: api.send("GET", api.path(unknown), credentials=wrong)


def _writes(bench: Bench, conference: Conference) -> Iterator[tuple[str, Send]]:
    api, path = bench.api, bench.api.path(conference["id"])
    body = {"display_name": "changed without the right credentials", **samples.custom(UPDATE)}
    yield "reading a conference", lambda wrong: api.send("GET", path, credentials=wrong)
    yield "a PUT", lambda wrong: api.send("PUT", path, json=body, credentials=wrong)
    yield "a DELETE", lambda wrong: api.send("DELETE", path, credentials=wrong)
    yield "a create", lambda wrong: api.send("POST", api.path(), json=bench.body(), credentials=wrong)


@promise("auth/missing-read", "Without credentials nothing can be read.", needs=Needs.READING, order=3)
def missing_read(bench: Bench) -> None:
    for what, send in _reads(bench):
        _refused(send(bench.wrong[0]), what)


@promise(
    "auth/missing-write", "Without credentials nothing can be read, created, changed or deleted.", order=4
)
def missing_write(bench: Bench) -> None:
    conference, made = bench.new()
    for what, send in _writes(bench, conference):
        _refused(send(bench.wrong[0]), what, made)


@promise(
    "auth/wrong-read",
    "With wrong or malformed credentials nothing can be read.",
    needs=Needs.READING,
    order=4,
)
def wrong_read(bench: Bench) -> None:
    for (what, send), wrong in ((pair, one) for pair in _reads(bench) for one in bench.wrong[1:]):
        _refused(send(wrong), what)


@promise(
    "auth/wrong-write",
    "With wrong or malformed credentials nothing can be read, created, changed or deleted.",
    order=9,
)
def wrong_write(bench: Bench) -> None:
    conference, made = bench.new()
    for (what, send), wrong in (
        (pair, one) for pair in _writes(bench, conference) for one in bench.wrong[1:]
    ):
        _refused(send(wrong), what, made)


@promise(
    "auth/first", "Wrong credentials are found before anything else that is wrong with a request.", order=9
)
def first(bench: Bench) -> None:
    conference, made = bench.new()
    api = bench.api
    paths = (("a conference", api.path(conference["id"])), ("an unknown id", api.path(bench.unknown_id())))
    bodies: tuple[tuple[str, dict[str, Any]], ...] = (
        ("an invalid body", {"json": {"display_name": None}}),
        ("an empty object", {"json": {}}),
        ("no object", {"content": b"[]"}),
        ("no JSON", {"content": b"{"}),
        ("an empty body", {"content": b""}),
        ("another media type", {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
        ("a valid body", {"json": {"display_name": "changed without the right credentials"}}),
    )
    for wrong in bench.wrong[:2]:
        for (how, body), (where, path) in ((body, path) for body in bodies for path in paths):
            answer = api.send("PUT", path, credentials=wrong, **body)
            _refused(answer, f"a PUT to {where} with {how}", made)
        for how, body in bodies:
            _refused(api.send("POST", api.path(), credentials=wrong, **body), f"a create with {how}")
        for method in ("GET", "DELETE"):
            answer = api.send(method, api.path(bench.unknown_id()), credentials=wrong)
            _refused(answer, f"{method} of an unknown id")
            answer = api.send(method, api.path("nonsense"), credentials=wrong)
            _refused(answer, f"{method} of an id that is no UUID")
        for query in ({"page_size": "0"}, {"page_number": "1"}, {"starts_after": "x"}):
            _refused(api.send("GET", api.path(), query=query, credentials=wrong), f"a list with {query}")
        for query in ({"include_active_session": "true"}, {"include_active_session": "maybe"}):
            answer = api.send("GET", api.path(conference["id"]), query=query, credentials=wrong)
            _refused(answer, f"reading with {query}", made)
    taken = api.send("POST", api.path(), json=bench.body(name=conference["name"]), credentials=bench.wrong[1])
    _refused(taken, "a create with a name that is taken", made)


@promise("auth/writes-nothing", "A request that is answered 401 has changed nothing.", order=9)
def writes_nothing(bench: Bench) -> None:
    """That nothing was created shows in the name: it can still be had."""
    for wrong in (bench.wrong[0], bench.wrong[1], bench.wrong[-1]):
        conference, made = bench.new()
        sends = dict(_writes(bench, conference))
        for what in ("a PUT", "a DELETE"):
            answer = sends[what](wrong)
            bench.unchanged(conference, f"{what} that was answered {answer.status}", made, answer)
        body = bench.body()
        refused = bench.api.send("POST", bench.api.path(), json=body, credentials=wrong)
        again = bench.post(body)
        if again.status != 200:
            message = f"a create that was answered {refused.status} took the name all the same"
            raise Broken(message, refused, again)


@promise(
    "auth/every-time", "Right credentials do not make the wrong ones of the next request right.", order=25
)
def every_time(bench: Bench) -> None:
    conference, made = bench.new()
    for wrong in (bench.wrong[0], bench.wrong[1]):
        for what, send in _writes(bench, conference):
            bench.read(conference["id"], made)
            _refused(send(wrong), what, made)
        bench.read(conference["id"], made)
