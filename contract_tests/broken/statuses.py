"""Servers that answer with wrong statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from signalwire_conferences import contract
from signalwire_conferences.values import encode_json
from signalwire_conferences_testing.mock import Call, MockServer, Reply, Store
from signalwire_conferences_testing.mock.exchange import invalid, refused
from signalwire_conferences_testing.mock.steps import Run, Step

from .making import BrokenServer, Make, answers, asks, body_of, rule

__all__ = ["SERVERS"]


def _status(old: int, new: int, method: str | None = None) -> Make:
    """One status in the place of another, with a body to match."""

    def change(reply: Reply, _call: Call) -> None:
        if reply.status == old:
            fresh = invalid([]).reply if new == 422 else refused(new).reply
            reply.status = new
            if old >= 400:
                reply.content = b"" if new == 204 else fresh.content

    return answers(change, method)


def _only_for(make_status: Make, when: Callable[[Call], bool]) -> Make:
    """A change of answers for some requests only."""

    def make(server: MockServer) -> None:
        make_status(server)
        rules = server.faults._rules
        rules[-1].where = when

    return make


def _every_second(when: Callable[[Call], bool]) -> Callable[[Call], bool]:
    count = [0]

    def due(call: Call) -> bool:
        count[0] += when(call)
        return when(call) and count[0] % 2 == 1

    return due


def _first_of_query(reply: Reply, call: Call) -> None:
    if reply.status == 422 and call.method == "GET":
        reply.content = encode_json({"errors": json.loads(reply.content)["errors"][:1]})


def _forgiving_query(name: str, value: str) -> Make:
    """A wrong value of a parameter is read as another."""

    def change(call: Call, _store: Store) -> None:
        known = contract.fields(str(call.operation_id))
        kept = [(key, text) for key, text in call.query if key != name]
        wrong = [text for key, text in call.query if key == name and not _fits(known[name], text)]
        if wrong and name in known:
            call.query = [*kept, (name, value)] if value else kept

    def _fits(known: Any, text: str) -> bool:
        if name.startswith(("starts", "ends")):
            return text[:4].isdigit() and "13" not in text and "30" not in text and "25" not in text
        readings = [text] if not text.lstrip("-").isdigit() else [text, int(text)]
        return any(known.accepts(one) for one in [*readings, *([text == "true"] if text in ("true", "false") else [])])

    return _only_for(asks(change, "GET"), lambda call: call.operation_id is not None)


def _method(server: MockServer) -> None:
    """PATCH is taken for PUT."""
    inner = server.app._reply

    async def reply(request: Request, content: bytes, receive: Any) -> Reply:
        if request.method == "PATCH" and request.url.path.count("/") > 3:
            request.scope["method"] = "PUT"
        return await inner(request, content, receive)

    server.app._reply = reply  # type: ignore[method-assign]  # broken on purpose


def _no_allow(server: MockServer) -> None:
    inner = server.app._reply

    async def reply(request: Request, content: bytes, receive: Any) -> Reply:
        answer: Reply = await inner(request, content, receive)
        if answer.status == 405:
            answer.headers.pop("allow", None)
        return answer

    server.app._reply = reply  # type: ignore[method-assign]  # broken on purpose


def _fails(when: Callable[[Call], bool]) -> Run:
    async def run(step: Step) -> Reply:
        return refused(500).reply if when(step.call) else await step.proceed()

    return run


SERVERS = [
    BrokenServer(
        "list-206",
        ("status/read", "status/documented"),
        "a list answers 206",
        _only_for(_status(200, 206, "GET"), lambda call: call.conference_id is None),
    ),
    BrokenServer("create-201", ("status/success",), "a create answers 201", _status(200, 201, "POST")),
    BrokenServer("delete-200", ("status/success",), "a delete answers 200", _status(204, 200, "DELETE")),
    BrokenServer(
        "unknown-read-400", ("status/unknown-read",), "reading an unknown id is a 400", _status(404, 400, "GET")
    ),
    BrokenServer(
        "unknown-delete-204",
        ("status/unknown-write", "status/gone"),
        "deleting an unknown id is a 204",
        _status(404, 204, "DELETE"),
    ),
    BrokenServer(
        "malformed-422",
        ("status/malformed",),
        "a body that is no JSON is a 422",
        _only_for(_status(400, 422, "PUT"), lambda call: call.content[:1] == b"{"),
    ),
    BrokenServer(
        "empty-415",
        ("status/empty",),
        "an empty body is a 415",
        _only_for(_status(400, 415), lambda call: not call.content.strip()),
    ),
    BrokenServer(
        "empty-now-and-then-422",
        ("status/empty",),
        "an empty body is a 400, every second time a 422",
        _only_for(_status(400, 422), _every_second(lambda call: not call.content.strip())),
    ),
    BrokenServer(
        "empty-422-by-create",
        ("status/empty",),
        "an empty body is a 400 for a PUT and a 422 for a create",
        _only_for(_status(400, 422, "POST"), lambda call: not call.content.strip()),
    ),
    BrokenServer(
        "missing-400-by-create",
        ("refuses/missing",),
        "a body without a display name is a 422 for a PUT and a 400 for a create",
        _only_for(_status(422, 400, "POST"), lambda call: "display_name" not in body_of(call)),
    ),
    BrokenServer("invalid-400", ("refuses/each-attribute",), "an invalid body is a 400", _status(422, 400, "PUT")),
    BrokenServer(
        "name-shared",
        ("status/name-taken",),
        "a name may be had twice",
        lambda server: setattr(server.store, "has_name", lambda _name: False),
    ),
    BrokenServer(
        "page-size-clamped",
        ("status/bad-query",),
        "a page_size that is too large is made smaller",
        _forgiving_query("page_size", "1000"),
    ),
    BrokenServer(
        "session-flag-any",
        ("status/bad-query-one", "status/bad-query"),
        "include_active_session=maybe is taken for false",
        _forgiving_query("include_active_session", "false"),
    ),
    BrokenServer(
        "bad-time-ignored",
        ("status/bad-time",),
        "a filter that is no time is ignored",
        _forgiving_query("starts_after", ""),
    ),
    BrokenServer(
        "query-first-error-only",
        ("status/bad-query",),
        "of two wrong parameters of a list one is named",
        answers(_first_of_query, "GET"),
    ),
    BrokenServer("patch-is-put", ("status/method",), "PATCH is taken for PUT", _method),
    BrokenServer("405-without-allow", ("status/method",), "a 405 has no Allow", _no_allow),
    BrokenServer(
        "bad-token-500",
        ("status/no-failure-reading",),
        "an unknown page_token is a 500",
        rule(_fails(lambda c: any(n == "page_token" and not v.startswith("PAW") for n, v in c.query)), "GET"),
    ),
    BrokenServer(
        "long-body-500",
        ("status/no-failure-writing",),
        "a long body is a 500",
        rule(_fails(lambda c: len(c.content) > 20_000), "PUT"),
    ),
]
