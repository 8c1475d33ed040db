"""Promises on authentication: it comes first, on every operation, and nothing is written without it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.bench import Bench, Conference
from ..trying.claims import Claim, status
from ..trying.exchange import Credentials, Exchange
from ..trying.findings import Broken
from .promise import Needs, promise

Send = Callable[[Credentials], Exchange]
_CHANGED = {"display_name": "changed without the right credentials"}


def _refused(bench: Bench, exchange: Exchange, what: str) -> None:
    with bench.case():
        if exchange.status != 401:
            how = f"with {exchange.credentials.shown}" if exchange.credentials.shown else "without credentials"
            cause = ("let in", exchange.method, exchange.credentials.shown)
            claim = Claim(status(exchange), "is", 401)
            raise Broken(f"{what} {how}: expected 401, got {exchange.status}", claim, causes=[cause])


def _reads(bench: Bench) -> Iterator[tuple[str, Send]]:
    api, unknown = bench.api, bench.unknown_id()
    yield "a list", lambda wrong: api.send("GET", api.path(), query={"page_size": "1"}, credentials=wrong)
    yield "reading a conference", lambda wrong: api.send("GET", api.path(unknown), credentials=wrong)


def _writes(bench: Bench, conference: Conference) -> Iterator[tuple[str, Send]]:
    api, path = bench.api, bench.api.path(conference["id"])
    body = {**_CHANGED, **samples.custom(UPDATE)}
    yield "reading a conference", lambda wrong: api.send("GET", path, credentials=wrong)
    yield "a PUT", lambda wrong: api.send("PUT", path, json=body, credentials=wrong)
    yield "a DELETE", lambda wrong: api.send("DELETE", path, credentials=wrong)
    yield "a create", lambda wrong: api.send("POST", api.path(), json=bench.body(), credentials=wrong)


@promise("auth/missing-read", "Without credentials nothing can be read.", 3, Needs.READING)
def missing_read(bench: Bench) -> None:
    for what, send in _reads(bench):
        _refused(bench, send(bench.wrong[0]), what)


@promise("auth/missing-write", "Without credentials nothing can be read, created, changed or deleted.", 4)
def missing_write(bench: Bench) -> None:
    for what, send in _writes(bench, bench.new()):
        _refused(bench, send(bench.wrong[0]), what)


@promise("auth/wrong-read", "With wrong or malformed credentials nothing can be read.", 4, Needs.READING)
def wrong_read(bench: Bench) -> None:
    for what, send in _reads(bench):
        for wrong in bench.wrong[1:]:
            _refused(bench, send(wrong), what)


@promise("auth/wrong-write", "With wrong or malformed credentials nothing can be read, created, changed or deleted.", 9)
def wrong_write(bench: Bench) -> None:
    for what, send in _writes(bench, bench.new()):
        for wrong in bench.wrong[1:]:
            _refused(bench, send(wrong), what)


@promise("auth/first", "Wrong credentials are found before anything else that is wrong with a request.", 9)
def first(bench: Bench) -> None:
    conference, api = bench.new(), bench.api
    paths = {"a conference": api.path(conference["id"]), "an unknown id": api.path(bench.unknown_id())}
    bodies: Mapping[str, dict[str, Any]] = {
        "an invalid body": {"json": {"display_name": None}},
        "an empty object": {"json": {}},
        "no object": {"content": b"[]"},
        "no JSON": {"content": b"{"},
        "an empty body": {"content": b""},
        "another media type": {"content": b"x", "headers": {"Content-Type": "text/plain"}},
        "a valid body": {"json": _CHANGED},
    }
    for wrong in bench.wrong[:2]:
        for how, body in bodies.items():
            for where, path in paths.items():
                answer = api.send("PUT", path, credentials=wrong, **body)
                _refused(bench, answer, f"a PUT to {where} with {how}")
            _refused(bench, api.send("POST", api.path(), credentials=wrong, **body), f"a create with {how}")
        for method in ("GET", "DELETE"):
            for where, one in (("an unknown id", bench.unknown_id()), ("an id that is no UUID", "nonsense")):
                _refused(bench, api.send(method, api.path(one), credentials=wrong), f"{method} of {where}")
        for query in ({"page_size": "0"}, {"page_number": "1"}, {"starts_after": "x"}):
            answer = api.send("GET", api.path(), query=query, credentials=wrong)
            _refused(bench, answer, f"a list with {query}")
        for flag in ("true", "maybe"):
            query = {"include_active_session": flag}
            answer = api.send("GET", api.path(conference["id"]), query=query, credentials=wrong)
            _refused(bench, answer, f"reading with {query}")
    taken = api.send("POST", api.path(), json=bench.body(name=conference["name"]), credentials=bench.wrong[1])
    _refused(bench, taken, "a create with a name that is taken")


@promise("auth/writes-nothing", "A request that is answered 401 has changed nothing.", 9)
def writes_nothing(bench: Bench) -> None:
    """That nothing was created shows in the name: it can still be had."""
    for wrong in (bench.wrong[0], bench.wrong[1], bench.wrong[-1]):
        conference = bench.new()
        sends = dict(_writes(bench, conference))
        for what in ("a PUT", "a DELETE"):
            answer = sends[what](wrong)
            with bench.case():
                bench.unchanged(conference, f"{what} that was answered {answer.status}", answer)
        body = bench.body()
        refused = bench.api.send("POST", bench.api.path(), json=body, credentials=wrong)
        again = bench.post(body)
        if not again.succeeded:
            message = f"a create that was answered {refused.status} took the name all the same"
            raise Broken(message, Claim(status(again), "is", 200), refused)


@promise("auth/every-time", "Right credentials do not make the wrong ones of the next request right.", 25)
def every_time(bench: Bench) -> None:
    conference = bench.new()
    for wrong in bench.wrong[:2]:
        for what, send in _writes(bench, conference):
            right = bench.read(conference["id"])
            answer = send(wrong)
            with bench.case():
                if answer.status != 401:
                    after = f"{what} right after one with the right credentials"
                    message = f"{after}: expected 401, got {answer.status}"
                    cause = ("let in", answer.method, answer.credentials.shown)
                    raise Broken(message, Claim(status(answer), "is", 401), right.source, causes=[cause])
        bench.read(conference["id"])
