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
from typing import Any, Self, Unpack

import uvicorn

from .base import ConferencesMock, Options
from .store import Store

__all__ = ["HOST", "MockServer"]

HOST = "127.0.0.1"
# Where a client reaches a server that listens on all addresses.
_LOOPBACK = {"0.0.0.0": HOST, "::": "::1"}
_threads: set[int | None] = set()

for _name in ("uvicorn.error", "uvicorn.access"):  # an interrupted request is not an error here
    logging.getLogger(_name).addFilter(lambda record: record.thread not in _threads)


class _Listener(socket.socket):
    """A listening socket that can close the connections it accepted."""

    def __init__(self, address: str, port: int) -> None:
        # With protocol TCP, unlike `socket.create_server`: only then does asyncio switch off the
        # delay of small packets, which costs 40 ms per request.
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._accepted: weakref.WeakValueDictionary[Any, socket.socket] = weakref.WeakValueDictionary()
        try:
            if os.name == "posix":  # on Windows it lets two servers share a port
                self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind((address, port))
            self.listen(1024)
        except OSError:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self._accepted[address[:2]] = connection  # the part of an IPv6 address that ASGI passes on
        return connection, address

    def hang_up(self, address: tuple[str, int]) -> None:
        """Closes the connection of a client, after sending what was written."""
        with contextlib.suppress(KeyError, OSError):  # it is closed already
            self._accepted[tuple(address[:2])].shutdown(socket.SHUT_RDWR)

    def hang_up_all(self) -> bool:
        """Closes all connections; returns whether one is still open."""
        still_open = [a for a, connection in self._accepted.items() if connection.fileno() != -1]
        for address in still_open:
            self.hang_up(address)
        return bool(still_open)


class MockServer(ConferencesMock):
    """The mock on a local port, in a thread, while the context is open.

    Args:
        conferences: conferences to start with, as for `Store`, or a `Store`.
        address: address to listen on. If it is not a loopback address, everybody who reaches this
            machine can use and control the mock.
        port: port to listen on, 0 for a free one.
        options: those of `ConferencesMock`.

    Attributes:
        address: address that it listens on.
        port: the port, once started.

    Raises:
        ValueError: something is wrong with the conferences.
        OSError: on entry: the port is in use.
        RuntimeError: on entry: it was started already.
    """

    def __init__(
        self,
        conferences: Store | Iterable[Mapping[str, Any]] | None = None,
        *,
        address: str = HOST,
        port: int = 0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(conferences, **options)
        self.address = address
        self.port = port
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] = bool

    @property
    def host(self) -> str:
        """Address and port for a client on this machine.

        Raises:
            RuntimeError: the server was never started, so it has no port yet.
        """
        if not self.port:
            raise RuntimeError("this mock has no port yet: use it as a context manager, or call start()")
        address = _LOOPBACK.get(self.address, self.address)
        return f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"

    def __repr__(self) -> str:
        where = self.url if self.port else "not started"
        return f"<MockServer {where}, {len(self.store)} conferences>"

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
            OSError: the port is in use.
            RuntimeError: it was started already.
        """
        if self._thread is not None:
            raise RuntimeError(f"this mock is started already: {self.url}; stop() it first, or make another one")
        listener = _Listener(self.address, self.port)
        self.port = listener.getsockname()[1]
        self.app.hang_up = listener.hang_up
        config = uvicorn.Config(self.app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        try:
            config.load()
        except BaseException:
            listener.close()
            raise
        # The event loop that calls `_Listener.accept`, on every system.
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
    serving.cancel()  # a regular shutdown would wait for requests that hang
    # First stop accepting: a connection that is accepted while the loop ends would stay open.
    asyncio.get_running_loop().remove_reader(listener)
    listener.close()
    for _ in range(100):
        if not listener.hang_up_all():
            break
        await asyncio.sleep(0.001)
