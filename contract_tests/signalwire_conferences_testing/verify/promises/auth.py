"""Promises on authentication: it comes first, on every operation, and nothing is written without it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.bench import Bench
from ..trying.claims import Claim, status
from ..trying.exchange import Credentials, Exchange
from ..trying.findings import Broken
from .promise import Needs, promise

Send = Callable[[Credentials], Exchange]
_CHANGED = {"display_name": "changed without the right credentials"}


def refused(bench: Bench, answer: Exchange, what: str, *before: Exchange) -> None:
    with bench.case():
        if answer.status != 401:
            shown = answer.credentials.shown
            message = f"{what} {f'with {shown}' if shown else 'without credentials'}: expected 401, got {answer.status}"
            raise Broken(message, Claim(status(answer), "is", 401), *before, causes=[("let in", answer.method, shown)])


def _reads(bench: Bench) -> Iterator[tuple[str, Send]]:
    api, unknown = bench.api, bench.unknown_id()
    yield "a list", lambda wrong: api.send("GET", api.path(), query={"page_size": "1"}, credentials=wrong)
    yield "reading a conference", lambda wrong: api.send("GET", api.path(unknown), credentials=wrong)


def _writes(bench: Bench, conference_id: str) -> Iterator[tuple[str, Send]]:
    api, path = bench.api, bench.api.path(conference_id)
    body = {**_CHANGED, **samples.custom(UPDATE)}
    yield "reading a conference", lambda wrong: api.send("GET", path, credentials=wrong)
    yield "a PUT", lambda wrong: api.send("PUT", path, json=body, credentials=wrong)
    yield "a DELETE", lambda wrong: api.send("DELETE", path, credentials=wrong)
    yield "a create", lambda wrong: api.send("POST", api.path(), json=bench.body(), credentials=wrong)


def _check(which: slice, needs: Needs) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        for what, send in _reads(bench) if needs is Needs.READING else _writes(bench, bench.new()["id"]):
            for wrong in bench.wrong[which]:
                refused(bench, send(wrong), what)

    return check


for _how, _which, _credentials, _orders in (
    ("missing", slice(1), "Without credentials", (4, 4)),
    ("wrong", slice(1, None), "With wrong or malformed credentials", (9, 9)),
):
    for _what, _done, _needs, _order in (
        ("read", "read", Needs.READING, _orders[0]),
        ("write", "read, created, changed or deleted", Needs.WRITING, _orders[1]),
    ):
        _sentence = f"{_credentials} nothing can be {_done}."
        promise(f"auth/{_how}-{_what}", _sentence, _order, _needs)(_check(_which, _needs))


@promise("auth/first", "Wrong credentials are found before anything else that is wrong with a request.", 9)
def first(bench: Bench) -> None:
    conference, api = bench.new(), bench.api
    one, unknown, nonsense = (api.path(known) for known in (conference["id"], bench.unknown_id(), "nonsense"))
    bodies: Mapping[str, dict[str, Any]] = {
        "an invalid body": {"json": {"display_name": None}},
        "an empty object": {"json": {}},
        "no object": {"content": b"[]"},
        "no JSON": {"content": b"{"},
        "an empty body": {"content": b""},
        "another media type": {"content": b"x", "headers": {"Content-Type": "text/plain"}},
        "a valid body": {"json": _CHANGED},
    }
    requests: list[tuple[str, str, str, dict[str, Any]]] = []
    for how, body in bodies.items():
        requests += [("PUT", one, f"a PUT to a conference with {how}", body)]
        requests += [("PUT", unknown, f"a PUT to an unknown id with {how}", body)]
        requests += [("POST", api.path(), f"a create with {how}", body)]
    for method in ("GET", "DELETE"):
        requests += [(method, unknown, f"{method} of an unknown id", {})]
        requests += [(method, nonsense, f"{method} of an id that is no UUID", {})]
    for name, value in (("page_size", "0"), ("page_number", "1"), ("starts_after", "x")):
        requests += [("GET", api.path(), f"a list with {name}={value}", {"query": {name: value}})]
    for flag in ("true", "maybe"):
        query = {"include_active_session": flag}
        requests += [("GET", one, f"reading with include_active_session={flag}", {"query": query})]
    for wrong in bench.wrong[:2]:
        for method, path, what, options in requests:
            refused(bench, api.send(method, path, credentials=wrong, **options), what)
    taken = api.send("POST", api.path(), json=bench.body(name=conference["name"]), credentials=bench.wrong[1])
    refused(bench, taken, "a create with a name that is taken")


@promise("auth/writes-nothing", "A request that is answered 401 has changed nothing.", 9)
def writes_nothing(bench: Bench) -> None:
    """That nothing was created shows in the name: it can still be had."""
    for wrong in (bench.wrong[0], bench.wrong[1], bench.wrong[-1]):
        conference = bench.new()
        sends = dict(_writes(bench, conference["id"]))
        for what in ("a PUT", "a DELETE"):
            answer = sends[what](wrong)
            bench.unchanged(conference, f"{what} that was answered {answer.status}", answer)
        body = bench.body()
        answer = bench.api.send("POST", bench.api.path(), json=body, credentials=wrong)
        bench.name_is_free(body, f"a create that was answered {answer.status} took the name all the same", answer)


@promise("auth/every-time", "Right credentials do not make the wrong ones of the next request right.", 25)
def every_time(bench: Bench) -> None:
    one = bench.new()["id"]
    for wrong in bench.wrong[:2]:
        for what, send in _writes(bench, one):
            right = bench.read(one).source
            refused(bench, send(wrong), f"right after one with the right credentials, {what}", right)
        bench.read(one)
