"""The mock as a real server in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import uvicorn

from .app import LoggedRequest, create_app
from .faults import Faults
from .store import Store

__all__ = ["HOST", "MockServer"]

HOST = "127.0.0.1"
_threads: set[int | None] = set()

for _name in ("uvicorn.error", "uvicorn.access"):  # a request that was cut off is no error here
    logging.getLogger(_name).addFilter(lambda record: record.thread not in _threads)


class _Listener(socket.socket):
    """A socket that listens, and can close the connections that came through it."""

    def __init__(self, port: int) -> None:
        # Named as TCP, unlike those of `socket.create_server`: only then does asyncio switch off
        # the delay of small packets, which costs 40 ms for each request.
        super().__init__(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._accepted: weakref.WeakValueDictionary[Any, socket.socket] = weakref.WeakValueDictionary()
        try:
            if os.name == "posix":  # elsewhere it lets two servers share a port
                self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind((HOST, port))
            self.listen(1024)
        except OSError:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self._accepted[address] = connection
        return connection, address

    def hang_up(self, address: tuple[str, int]) -> None:
        """Closes the connection of a client; what was sent goes out first."""
        with contextlib.suppress(KeyError, OSError):  # it has gone already
            self._accepted[tuple(address)].shutdown(socket.SHUT_RDWR)

    def hang_up_all(self) -> bool:
        """Closes all connections; whether one is open still."""
        still_open = [a for a, connection in self._accepted.items() if connection.fileno() != -1]
        for address in still_open:
            self.hang_up(address)
        return bool(still_open)


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
        self._stop: Callable[[], object] = bool

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
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listens, and serves from a thread.

        Raises:
            OSError: the port is taken.
        """
        listener = _Listener(self.port)
        self.port = listener.getsockname()[1]
        self.app.hang_up = listener.hang_up
        config = uvicorn.Config(self.app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        try:
            config.load()
        except BaseException:
            listener.close()
            raise
        # The loop of which `_Listener.accept` is a part, on every system.
        runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
        stopping = asyncio.Event()
        self._stop = functools.partial(runner.get_loop().call_soon_threadsafe, stopping.set)

        def serve() -> None:
            _threads.add(threading.get_ident())
            with listener, runner:
                runner.run(_serve(uvicorn.Server(config), listener, stopping))
            _threads.discard(threading.get_ident())

        self._thread = threading.Thread(target=serve, name=f"mock-{self.port}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes every connection and ends the thread. Requests that hang end too."""
        if self._thread is None:
            return
        self._stop()
        self._thread.join()
        self._thread = None


async def _serve(server: uvicorn.Server, listener: _Listener, stopping: asyncio.Event) -> None:
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    await stopping.wait()
    serving.cancel()  # its own end would wait for requests that hang
    # First, nobody gets in any more: what is accepted while the loop ends would stay open.
    asyncio.get_running_loop().remove_reader(listener)
    listener.close()
    for _ in range(100):
        if not listener.hang_up_all():
            break
        await asyncio.sleep(0.001)
