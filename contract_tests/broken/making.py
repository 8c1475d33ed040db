"""What broken servers are made of: the mock, with one thing changed."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from starlette.datastructures import Headers
from starlette.requests import Request

from signalwire_conferences.values import decode_json, encode_json
from signalwire_conferences_testing.mock import Call, Fault, MockServer, Reply, Rule, Store
from signalwire_conferences_testing.mock import checks as mock_checks
from signalwire_conferences_testing.mock.exchange import invalid
from signalwire_conferences_testing.mock.steps import Run, Step

__all__ = [
    "BrokenServer",
    "Make",
    "Write",
    "answers",
    "asks",
    "authenticates",
    "body_of",
    "every_second",
    "lets_in",
    "listed",
    "refuses",
    "rule",
    "stores",
    "takes",
    "tells",
    "together",
]

#: Breaks a mock that is not yet started.
Make = Callable[[MockServer], None]


@frozen
class BrokenServer:
    """The mock with one deviation from the contract.

    Attributes:
        name: what it is called.
        breaks: ids of the promises that find it; the first is the one that is meant for it.
        description: what it does wrong.
        make: makes a mock so.
    """

    name: str
    breaks: tuple[str, ...]
    description: str
    make: Make


@frozen
class Write:
    """A write that is about to be stored.

    Attributes:
        before: the conference before it, empty for a create.
        after: what will be stored; to be edited.
        body: what was sent.
        store: all conferences.
        conference_id: id in the path.
    """

    before: Mapping[str, Any]
    after: dict[str, Any]
    body: Mapping[str, Any]
    store: Store
    conference_id: str | None


def body_of(call: Call) -> dict[str, Any]:
    """The object in a request's body; empty where it is none."""
    try:
        value = decode_json(call.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def rule(run: Run, method: str | None) -> Make:
    """All requests of a method go wrong."""

    def make(server: MockServer) -> None:
        server.faults.put(Rule(Fault("broken", run), method, times=None))

    return make


def together(*makes: Make) -> Make:
    """Several changes at once."""

    def make(server: MockServer) -> None:
        for one in makes:
            one(server)

    return make


def stores(change: Callable[[Write], object], method: str = "PUT") -> Make:
    """What a write stores is changed."""

    async def run(step: Step) -> Reply:
        given = body_of(step.call)

        def adjust(before: Mapping[str, Any], after: Any) -> None:
            change(Write(before, after, given, step.store, step.call.conference_id))

        step.call.adjust.append(adjust)
        return await step.proceed()

    return rule(run, method)


def tells(change: Callable[[dict[str, Any]], object], method: str | None = None) -> Make:
    """Every conference in a successful answer is changed; what is stored is right."""

    def rewrite(reply: Reply, _call: Call) -> None:
        value = reply.value()
        if reply.status == 200 and isinstance(value, dict):
            for conference in value["data"] if "links" in value else [value]:
                change(conference)
            reply.content = encode_json(value)

    return answers(rewrite, method)


def listed(change: Callable[[dict[str, Any], Call], object]) -> Make:
    """Every page of a list is changed."""

    def rewrite(reply: Reply, call: Call) -> None:
        value = reply.value()
        if reply.status == 200 and isinstance(value, dict) and "links" in value:
            change(value, call)
            reply.content = encode_json(value)

    return answers(rewrite, "GET")


def answers(change: Callable[[Reply, Call], object], method: str | None = None) -> Make:
    """The answer is changed."""

    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        change(reply, step.call)
        return reply

    return rule(run, method)


def asks(change: Callable[[Call, Store], object], method: str | None = None) -> Make:
    """The request is changed before it is looked at."""

    async def run(step: Step) -> Reply:
        change(step.call, step.store)
        return await step.proceed()

    return rule(run, method)


def takes(field: str, reading: Callable[[Any], Any], method: str = "PUT") -> Make:
    """A value of a field is read as another one, which may make a wrong one right."""

    def change(call: Call, _store: Store) -> None:
        given = body_of(call)
        if field in given:
            value = reading(given[field])
            given = {name: old for name, old in given.items() if name != field}
            call.content = encode_json(given if value is ... else {**given, field: value})

    return asks(change, method)


def refuses(when: Callable[[Mapping[str, Any]], str | None], method: str = "PUT") -> Make:
    """A body is refused where `when` names an attribute."""

    async def run(step: Step) -> Reply:
        wrong = when(body_of(step.call))
        if wrong:
            return invalid([mock_checks.entry(wrong, "is not liked here")]).reply
        return await step.proceed()

    return rule(run, method)


def every_second(when: Callable[[Mapping[str, Any]], str | None]) -> Callable[[Mapping[str, Any]], str | None]:
    """What may be refused or not, and is refused every second time: no reading of anything."""
    count = [0]

    def wrong(body: Mapping[str, Any]) -> str | None:
        found = when(body)
        count[0] += bool(found)
        return found if count[0] % 2 else None

    return wrong


def authenticates(right: Callable[[str, str, str, MockServer], bool]) -> Make:
    """Whether credentials are right is decided otherwise.

    Args:
        right: is given scheme, user and password, all empty where they cannot be read.
    """

    def make(server: MockServer) -> None:
        def authenticated(headers: Headers) -> bool:
            scheme, user, password = _read(headers.get("authorization", ""))
            return right(scheme, user, password, server)

        server.app._authenticated = authenticated  # type: ignore[method-assign]  # broken on purpose

    return make


def _read(header: str) -> tuple[str, str, str]:
    scheme, _, encoded = header.partition(" ")
    request = re.fullmatch(r"[A-Za-z0-9+/]*=*", encoded)
    if not request:
        return scheme, "", ""
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return scheme, "", ""
    return scheme, user, password


def lets_in(when: Callable[[Request, bytes], bool]) -> Make:
    """Some requests are carried out whatever their credentials are."""

    def make(server: MockServer) -> None:
        inner, usual, open_to_all = server.app._reply, server.app._authenticated, [False]

        def authenticated(headers: Headers) -> bool:
            return open_to_all[0] or usual(headers)

        async def reply(request: Request, content: bytes, receive: Any) -> Reply:
            open_to_all[0] = when(request, content)
            return await inner(request, content, receive)

        server.app._reply = reply  # type: ignore[method-assign]  # broken on purpose
        server.app._authenticated = authenticated  # type: ignore[method-assign]  # broken on purpose

    return make
