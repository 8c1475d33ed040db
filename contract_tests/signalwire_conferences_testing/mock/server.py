"""The mock as a real server in a thread."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import os
import socket
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .app import CLOSE, LoggedRequest, create_app
from .faults import Faults
from .store import Store

__all__ = ["HOST", "MockServer"]

HOST = "127.0.0.1"

_silent = logging.getLogger(f"{__name__}.http")
_silent.setLevel(logging.CRITICAL + 1)  # a request that was cut off is no error here


class _Protocol(H11Protocol):
    """uvicorn's protocol; the application can close the connection, and nothing is logged."""

    def connection_made(  # type: ignore[override]  # as in uvicorn
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.logger, self.access_log = _silent, False
        app = self.config.loaded_app

        async def closing(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = {**scope.get("extensions", {}), CLOSE: transport.close}
            await app({**scope, "extensions": extensions}, receive, send)

        self.app = closing


class MockServer:
    """The mock on 127.0.0.1, in a thread of its own, for as long as the context lasts.

    Args:
        conferences: conferences to start with, as for `Store`, or a `Store`.
        project: user name that is accepted.
        token: password that is accepted.
        etag: whether to answer with an `ETag` and heed `If-Match`.
        absolute_links: whether links to pages name the host or the path alone.
        port: port to listen on, 0 for a free one.
        keep_requests: whether to keep the log of requests; a server that runs for days needs none.

    Attributes:
        project: user name that is accepted.
        token: password that is accepted.
        store: the conferences.
        faults: what is to go wrong.
        requests: every request in the order of arrival.
        app: the ASGI application.
        port: the port, once started.

    Raises:
        ValueError: something is wrong with the conferences.
        OSError: on entry: the port is taken.
    """

    def __init__(
        self,
        conferences: Store | Iterable[Mapping[str, Any]] | None = None,
        *,
        project: str = "mock-project",
        token: str = "mock-token",
        etag: bool = False,
        absolute_links: bool = False,
        port: int = 0,
        keep_requests: bool = True,
    ) -> None:
        self.project = project
        self.token = token
        self.port = port
        self.store = conferences if isinstance(conferences, Store) else Store(conferences)
        self.faults = Faults(self.store)
        self.requests: list[LoggedRequest] = []
        self.app = create_app(
            self.store,
            project=project,
            token=token,
            faults=self.faults,
            requests=self.requests if keep_requests else None,
            etag=etag,
            absolute_links=absolute_links,
        )
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    @property
    def host(self) -> str:
        """Address and port, as a client takes them."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://{self.host}"

    def __repr__(self) -> str:
        return f"<MockServer {self.url}, {len(self.store)} conferences>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listens, and serves from a thread.

        Raises:
            OSError: the port is taken.
        """
        listener = _listener(self.port)
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        failed: list[BaseException] = []

        def serve() -> None:
            try:
                asyncio.run(self._serve(listener, ready))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                failed.append(error)
            finally:
                ready.set()

        self._thread = threading.Thread(target=serve, name=f"mock-{self.port}", daemon=True)
        self._thread.start()
        ready.wait()
        if failed:
            listener.close()
            self._thread = self._loop = None
            raise failed[0]

    def stop(self) -> None:
        """Closes every connection and ends the thread. Requests that hang end too."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = self._loop = None

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        config = uvicorn.Config(
            self.app, interface="asgi3", ws="none", lifespan="off", log_config=None, proxy_headers=False
        )
        config.load()
        state = ServerState()
        server = await loop.create_server(
            lambda: _Protocol(config=config, server_state=state, app_state={}), sock=listener
        )
        ready.set()
        while not self._stopping.is_set():
            date = email.utils.formatdate(usegmt=True).encode()
            state.default_headers = [(b"date", date), (b"server", b"mock")]
            try:
                await asyncio.wait_for(self._stopping.wait(), 1)
            except TimeoutError:
                continue
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        # `asyncio.run` cancels what still hangs.


def _listener(port: int) -> socket.socket:
    # Named as TCP, unlike those of `socket.create_server`: only then does asyncio switch off the
    # delay of small packets, which costs 40 ms for each request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it lets two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener
