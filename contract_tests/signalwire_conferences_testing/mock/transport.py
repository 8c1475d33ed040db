"""The mock without a socket: a transport for synchronous and asynchronous clients of httpx, on any event loop."""

import contextlib
import math
import threading
import time
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from typing import Any, cast

import anyio
import httpx

from .app import IN_PROCESS, App
from .exchange import Dropped

__all__ = ["InProcessTransport"]


class InProcessTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For `httpx.Client(transport=...)` and `httpx.AsyncClient`: the mock answers for every host.

    Faults have the same effect as over a connection: a dropped connection is an `httpx.RemoteProtocolError`, and an
    answer after the client's timeout is an `httpx.ReadTimeout`.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request of `httpx.Client` to the mock."""
        exchange = _Exchange(self._app, request, request.read())
        for seconds in exchange.waits():
            time.sleep(seconds)
        return exchange.response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request of `httpx.AsyncClient` to the mock."""
        exchange = _Exchange(self._app, request, await request.aread())
        with contextlib.closing(exchange.waits()) as waits:
            for seconds in waits:
                await anyio.sleep(seconds)
        return exchange.response


class _Pause:
    """A wait of the application. Its caller decides how to wait, so no event loop is needed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self) -> Generator["_Pause", None, None]:
        yield self


class _Exchange:
    """One request to the application."""

    def __init__(self, app: App, request: httpx.Request, content: bytes) -> None:
        url = request.url
        self._scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("in-process", 0),
            "server": (url.host, url.port),
            "extensions": {IN_PROCESS: self},
        }
        self._app = app
        self._content: bytes | None = content
        self._messages: list[Any] = []
        timeout = request.extensions.get("timeout", {}).get("read")
        self._patience = math.inf if timeout is None else float(timeout)

    def waits(self) -> Generator[float, None, None]:
        """Processes the request; yields the seconds to wait in between.

        Raises:
            httpx.ReadTimeout: the answer would come after the client's timeout.
            httpx.RemoteProtocolError: the connection would be closed.
        """
        work = self._app(self._scope, self._receive, self._send)
        for pause in _steps(work):
            if pause < self._patience:
                self._patience -= pause
                yield pause
                continue
            if self._patience == math.inf:
                raise httpx.ReadTimeout("there will never be an answer, and the client has no timeout")
            yield self._patience
            if pause < math.inf:  # the client disconnects, and the server goes on
                _later(work, pause - self._patience)
            raise httpx.ReadTimeout("the answer would come after the client's timeout")

    @property
    def response(self) -> httpx.Response:
        """The answer, once all waits are over."""
        start, *parts = self._messages
        content = b"".join(part.get("body", b"") for part in parts)
        return httpx.Response(start["status"], headers=start["headers"], stream=httpx.ByteStream(content))

    async def sleep(self, seconds: float) -> None:
        """As `InProcess` has it."""
        await _Pause(seconds)

    def background(self, work: Awaitable[Any]) -> None:
        """As `InProcess` has it."""
        _later(cast(Coroutine[Any, Any, Any], work), 0)

    async def _receive(self) -> Any:
        if self._content is None:
            await _Pause(math.inf)
        content, self._content = self._content, None
        return {"type": "http.request", "body": content, "more_body": False}

    async def _send(self, message: Any) -> None:
        self._messages.append(message)


def _steps(work: Coroutine[Any, Any, Any]) -> Iterator[float]:
    """Steps through the application; yields the seconds that it wants to wait."""
    while True:
        try:
            pause = work.send(None)
        except StopIteration:
            return
        yield pause.seconds


def _later(work: Coroutine[Any, Any, Any], seconds: float) -> None:
    """Continues work in a thread, as a server does with a request whose client disconnected."""

    def run() -> None:
        time.sleep(seconds)
        with contextlib.suppress(Dropped, httpx.RemoteProtocolError):
            for pause in _steps(work):
                if pause == math.inf:
                    return
                time.sleep(pause)

    threading.Thread(target=run, name="conferences-mock-later", daemon=True).start()
