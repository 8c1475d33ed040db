"""Servers that let in whom they must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from signalwire_conferences_testing.mock import MockServer, Reply

from .making import BrokenServer, Make, authenticates, lets_in

__all__ = ["SERVERS"]


def _no_header(method: str) -> Callable[[Request, bytes], bool]:
    return lambda request, _content: request.method == method and "authorization" not in request.headers


def _no_json(request: Request, content: bytes) -> bool:
    if request.method not in ("PUT", "POST"):
        return False
    try:
        json.loads(content)
    except ValueError:
        return True
    return False


def _deletes_all_the_same(server: MockServer) -> None:
    inner = server.app._reply

    async def reply(request: Request, content: bytes, receive: Any) -> Reply:
        answer: Reply = await inner(request, content, receive)
        about = request.url.path.rpartition("/")[2]
        if answer.status == 401 and request.method == "DELETE" and about in server.store:
            server.store.delete(about)
        return answer

    server.app._reply = reply  # type: ignore[method-assign]  # broken on purpose


def _remembers() -> Make:
    """Who was right once needs no credentials for the next request."""
    right_before: list[bool] = [False]

    def right(_scheme: str, user: str, password: str, server: MockServer) -> bool:
        now = (user, password) == (server.project, server.token)
        allowed = now or (right_before[0] and not user)
        right_before[0] = now
        return allowed

    return authenticates(right)


SERVERS = [
    BrokenServer("list-open", ("auth/missing-read",), "a list needs no credentials", lets_in(_no_header("GET"))),
    BrokenServer("put-open", ("auth/missing-write",), "a PUT needs no credentials", lets_in(_no_header("PUT"))),
    BrokenServer(
        "delete-open", ("auth/missing-write",), "a DELETE needs no credentials", lets_in(_no_header("DELETE"))
    ),
    BrokenServer(
        "token-ignored",
        ("auth/wrong-read", "auth/wrong-write"),
        "only the project is looked at",
        authenticates(lambda _s, user, _p, server: user == server.project),
    ),
    BrokenServer(
        "token-prefix",
        ("auth/wrong-write",),
        "the beginning of the token is enough",
        authenticates(lambda _s, user, p, server: user == server.project and p != "" and server.token.startswith(p)),
    ),
    BrokenServer(
        "token-any-case",
        ("auth/wrong-read",),
        "the token's case is not looked at",
        authenticates(lambda _s, user, p, server: user == server.project and p.lower() == server.token.lower()),
    ),
    BrokenServer(
        "pair-stripped",
        ("auth/wrong-read", "auth/wrong-write"),
        "space around project and token is cut off",
        authenticates(lambda _s, user, p, server: (user.strip(), p.strip()) == (server.project, server.token)),
    ),
    BrokenServer(
        "scheme-ignored",
        ("auth/wrong-write",),
        "the scheme is not looked at",
        authenticates(lambda _s, user, p, server: (user, p) == (server.project, server.token)),
    ),
    BrokenServer(
        "body-first", ("auth/first",), "a body that is no JSON is found before the credentials", lets_in(_no_json)
    ),
    BrokenServer(
        "deletes-all-the-same", ("auth/writes-nothing",), "a DELETE answered 401 deletes", _deletes_all_the_same
    ),
    BrokenServer("remembers", ("auth/every-time",), "who was right once is let in without credentials", _remembers()),
]
