"""The mock as an ASGI application: credentials, routes, faults, the log of requests."""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableSequence
from typing import Any, Protocol

import httpx
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Router, compile_path
from starlette.types import Receive, Scope, Send

from signalwire_conferences_testing import schemas

from .control import PREFIX, Control
from .exchange import Call, Dropped, Reply, refused
from .faults import Faults
from .log import LoggedRequest, masked
from .operations import Operations
from .store import Store

__all__ = ["IN_PROCESS", "App", "create_app"]

#: ASGI extension with which a transport without a socket provides `InProcess`.
IN_PROCESS = "signalwire_conferences_testing.in_process"

_LIFESPAN = Router().lifespan
_log = logging.getLogger(__name__)


class InProcess(Protocol):
    """How a request without a socket waits, instead of an event loop."""

    async def sleep(self, seconds: float, /) -> None:
        """Waits."""

    def background(self, work: Awaitable[Any], /) -> None:
        """Runs work after this request."""


def create_app(
    store: Store | None = None,
    *,
    project: str,
    token: str,
    faults: Faults | None = None,
    requests: MutableSequence[LoggedRequest] | None = None,
    etag: bool = False,
    absolute_links: bool = False,
) -> App:
    """The mock as an ASGI application, for any server or for `httpx.ASGITransport`.

    Without a socket to close, a fault that drops the connection raises the error that httpx raises
    in that case.

    Args:
        store: the conferences; by default the example of the contract.
        project: user name that is accepted.
        token: password that is accepted.
        faults: rules for faults.
        requests: list to which every request is appended, `None` to keep none.
        etag: whether to answer with an `ETag` and honour `If-Match`.
        absolute_links: whether links to pages have the host, or only the path.
    """
    operations = Operations(Store() if store is None else store, absolute_links=absolute_links)
    return App(
        operations,
        credentials=(project, token),
        faults=faults or Faults(operations.store),
        requests=requests,
        etag=etag,
    )


class App:
    """The ASGI application; `create_app` makes one.

    Attributes:
        operations: answers the requests.
        faults: rules for faults.
        etag: whether to answer with an `ETag` and honour `If-Match`.
        control: the control API, for tests in another process.
        hang_up: closes the connection of a client, given its address, after sending what was
            written. ASGI has no way to do so.
    """

    def __init__(
        self,
        operations: Operations,
        *,
        credentials: tuple[str, str],
        faults: Faults,
        requests: MutableSequence[LoggedRequest] | None = None,
        etag: bool = False,
    ) -> None:
        self.operations = operations
        self.faults = faults
        self.etag = etag
        self.hang_up: Callable[[tuple[str, int]], None] | None = None
        self.control = Control(operations.store, faults, requests)
        self._requests = requests
        pair = ":".join(credentials)
        # RFC 7617 does not fix the encoding; clients use either.
        encodings = (pair.encode(), pair.encode("latin-1", "replace"))
        self._accepted = {base64.b64encode(encoded).decode() for encoded in encodings}
        self._tasks: set[asyncio.Future[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or the lifespan protocol."""
        if scope["type"] == "lifespan":
            await _LIFESPAN(scope, receive, send)
        elif scope["type"] == "http":
            serve = self._serve_control if scope["path"].startswith(f"{PREFIX}/") else self._serve
            await serve(scope, receive, send)

    async def _serve_control(self, scope: Scope, receive: Receive, send: Send) -> None:
        content = await _content(receive)
        if content is not None:
            await self._send(self.control.answer(scope["method"], scope["path"], content), scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        content = await _content(receive)
        if content is None:
            return
        query, headers = scope["query_string"].decode("latin-1"), masked(tuple(map(tuple, scope["headers"])))
        entry = LoggedRequest(request.method, scope["path"], query, headers, content, str(uuid.uuid4()))
        if self._requests is not None:
            self._requests.append(entry)
        try:
            reply = await self._reply(request, content, receive)
        except Dropped:
            await self._close(scope, receive, "Server disconnected without sending a response.")
            return
        except Exception:  # noqa: BLE001 - a server always answers
            _log.exception("the mock failed")
            reply = refused(500).reply
        reply.headers["x-request-id"] = entry.request_id
        entry.status = reply.status
        await self._send(reply, scope, receive, send)

    async def _reply(self, request: Request, content: bytes, receive: Receive) -> Reply:
        if not self._authenticated(request.headers):
            return refused(401, {"www-authenticate": 'Basic realm="SignalWire"'}).reply
        path: str = request.scope["path"]
        conference_id, methods = _route(path)
        # HEAD is a GET whose body is not sent.
        method = "GET" if request.method == "HEAD" else request.method
        in_process: InProcess | None = request.scope.get("extensions", {}).get(IN_PROCESS)
        call = Call(
            method=method,
            path=path,
            conference_id=conference_id,
            operation_id=methods.get(method),
            query=request.query_params.multi_items() if request.scope["query_string"] else [],
            headers=request.headers,
            content=content,
            scheme=request.scope["scheme"],
            etag=self.etag,
            disconnected=functools.partial(_disconnected, receive),
            sleep=in_process.sleep if in_process else asyncio.sleep,
            background=in_process.background if in_process else self._run,
        )

        def perform() -> Reply:
            if not methods:
                return refused(404).reply
            if call.operation_id is None:
                allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
                return refused(405, {"allow": ", ".join(allowed)}).reply
            return self.operations.perform(call)

        return await self.faults.run(call, perform)

    async def _send(self, reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(reply.headers)
        if reply.status != 204:
            headers["content-length"] = str(len(reply.content))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        content = b"" if scope["method"] == "HEAD" else reply.content[: reply.cut]
        cut = reply.cut is not None
        await send({"type": "http.response.body", "body": content, "more_body": cut})
        if cut:
            await self._close(scope, receive, "peer closed connection without sending complete message body")

    async def _close(self, scope: Scope, receive: Receive, message: str) -> None:
        if self.hang_up is None or IN_PROCESS in scope.get("extensions", {}):
            raise httpx.RemoteProtocolError(message)
        self.hang_up(scope["client"])
        await _disconnected(receive)

    def _authenticated(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        scheme, _, pair = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        return scheme.lower() == "basic" and pair.strip(" ") in self._accepted

    def _run(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@functools.cache
def _routes() -> list[tuple[re.Pattern[str], Mapping[str, str]]]:
    """Path pattern -> method -> operation id, from the contract."""
    return [
        (
            compile_path(path)[0],
            {method.upper(): said["operationId"] for method, said in item.items() if "operationId" in said},
        )
        for path, item in schemas.document()["paths"].items()
    ]


def _route(path: str) -> tuple[str | None, Mapping[str, str]]:
    """The id in a path, and the operation of each method; none if the path is unknown."""
    for pattern, methods in _routes():
        # Starlette's `Route` accepts a newline at the end.
        if match := pattern.fullmatch(path):
            return match.groupdict().get("id"), methods
    return None, {}


async def _content(receive: Receive) -> bytes | None:
    """The body of a request; `None` if the client disconnected before its end."""
    content, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return content


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
