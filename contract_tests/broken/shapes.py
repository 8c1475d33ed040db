"""Servers whose answers have the wrong shape, headers or content type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from signalwire_conferences import contract
from signalwire_conferences.values import encode_json
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Call, MockServer, Reply
from signalwire_conferences_testing.mock.exchange import refused

from .making import BrokenServer, Make, answers, lets_in, listed, tells

__all__ = ["SERVERS"]


def _every_reply(change: Callable[[Reply], object]) -> Make:
    """Every answer is changed, those to wrong credentials too."""

    def make(server: MockServer) -> None:
        inner = server.app._reply

        async def reply(request: Request, content: bytes, receive: Any) -> Reply:
            answer: Reply = await inner(request, content, receive)
            change(answer)
            return answer

        server.app._reply = reply  # type: ignore[method-assign]  # broken on purpose

    return make


def _body(status: int, value: Any) -> Make:
    def change(reply: Reply) -> None:
        if reply.status == status:
            reply.content = encode_json(value)

    return _every_reply(change)


def _header(status: int, name: str, value: str | None) -> Make:
    def change(reply: Reply) -> None:
        if reply.status == status:
            reply.headers.pop(name, None)
            if value is not None:
                reply.headers[name] = value

    return _every_reply(change)


def _entries_without_url(reply: Reply) -> None:
    if reply.status == 422:
        entries = json.loads(reply.content)["errors"]
        for one in entries:
            del one["url"]
        reply.content = encode_json({"errors": entries})


def _without_self(page: dict[str, Any], _call: Call) -> None:
    del page["links"]["self"]


def _name_taken_409(reply: Reply, _call: Call) -> None:
    if reply.status == 422 and b"taken" in reply.content:
        reply.status, reply.content = 409, refused(409).reply.content


def _other(server: MockServer) -> None:
    """Reading answers with the oldest conference, whichever was asked for."""

    def change(conference: dict[str, Any]) -> None:
        conference["id"] = next(iter(server.store))

    def rewrite(reply: Reply, call: Call) -> None:
        if reply.status == 200 and call.conference_id:
            value = json.loads(reply.content)
            change(value)
            reply.content = encode_json(value)

    answers(rewrite, "GET")(server)


def _pretend(reply: Reply) -> None:
    """A refusal looks like success."""
    if reply.status in (400, 422):
        reply.status, reply.content = 200, encode_json(_example())


def _example() -> dict[str, Any]:
    conference = schemas.resolve({"$ref": f"#/components/schemas/{contract.CONFERENCE}"})["examples"][0]
    return {name: value for name, value in conference.items() if name != "active_session"}


_B = BrokenServer
SERVERS = [
    _B(
        "create-without-meta",
        ("schema/create",),
        "a create's answer lacks meta",
        tells(lambda c: c.pop("meta"), "POST"),
    ),
    _B("list-without-self", ("schema/list",), "a list has no link self", listed(_without_self)),
    _B(
        "read-number-for-boolean",
        ("schema/read",),
        "record_on_start is told as 0 or 1",
        tells(lambda c: c.update(record_on_start=int(c["record_on_start"])), "GET"),
    ),
    _B(
        "put-null-for-boolean",
        ("schema/put",),
        "enable_chat is told as null",
        tells(lambda c: c.update(enable_chat=c["enable_chat"] or None), "PUT"),
    ),
    _B(
        "400-message",
        ("schema/error-400",),
        "a 400 has a message instead of an error",
        _body(400, {"message": "Bad Request"}),
    ),
    _B("401-other-reason", ("schema/error-401",), "a 401 has another reason", _body(401, {"error": "unauthorized"})),
    _B("404-list", ("schema/error-404",), "a 404 has a list of errors", _body(404, {"errors": ["Not Found"]})),
    _B("422-without-url", ("schema/error-422",), "an entry of a 422 has no url", _every_reply(_entries_without_url)),
    _B(
        "taken-409",
        ("status/documented", "status/name-taken"),
        "a name that is taken is a 409",
        answers(_name_taken_409, "POST"),
    ),
    _B("errors-as-text", ("headers/json",), "a 404 is sent as text/plain", _header(404, "content-type", "text/plain")),
    _B(
        "problem-json",
        ("headers/json",),
        "a 422 is sent as problem+json",
        _header(422, "content-type", "application/problem+json"),
    ),
    _B("no-challenge", ("headers/challenge",), "a 401 has no WWW-Authenticate", _header(401, "www-authenticate", None)),
    _B(
        "bearer-challenge",
        ("headers/challenge",),
        "a 401 asks for a bearer token",
        _header(401, "www-authenticate", "Bearer"),
    ),
    _B("204-with-length", ("headers/no-content",), "a 204 announces a body", _header(204, "content-length", "2")),
    _B("other-conference", ("state/right-conference",), "reading answers with another id", _other),
    # What Schemathesis finds by itself, and what it would find, were it not seen in every answer.
    _B(
        "generic-500",
        ("generic/not-a-server-error",),
        "every valid PUT is a 500",
        answers(lambda r, _c: setattr(r, "status", 500 if r.status == 404 else r.status), "PUT"),
    ),
    _B(
        "generic-418",
        ("status/documented",),
        "an unknown id is a 418",
        answers(lambda r, _c: setattr(r, "status", 418 if r.status == 404 else r.status)),
    ),
    _B(
        "generic-text",
        ("headers/json",),
        "a list is sent as text",
        answers(
            lambda r, c: r.headers.update({"content-type": "text/plain"}) if c.conference_id is None else None, "GET"
        ),
    ),
    _B("generic-no-links", ("schema/list",), "a list has no links", listed(lambda page, _call: page.pop("links"))),
    _B(
        "generic-no-challenge",
        ("headers/challenge",),
        "a 401 has no WWW-Authenticate",
        _header(401, "www-authenticate", None),
    ),
    _B(
        "generic-accepts",
        ("generic/negative-data-rejection",),
        "an invalid create is answered as if it were valid",
        answers(lambda r, _c: _pretend(r), "POST"),
    ),
    _B(
        "generic-open", ("generic/ignored-auth",), "nothing needs credentials", lets_in(lambda _request, _content: True)
    ),
]
