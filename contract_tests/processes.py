"""Clients at work, blocking or awaited, in this process and in others; and the servers they lock with.

A test that takes an `Ours` tries both clients by the same calls: those of `AsyncRestClient` run in
an event loop in a thread of its own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from signalwire_conferences import (
    AsyncRestClient,
    RestClient,
    async_transport,
    fast,
    fast_asyncio,
    over_httpx,
    own_client,
    settings,
    transport,
)
from signalwire_conferences.wire import Body, Message, Wire
from signalwire_conferences_testing.mock import ConferencesMock

BACKENDS = [
    "asyncio",
    pytest.param(
        "trio", marks=pytest.mark.skipif(importlib.util.find_spec("trio") is None, reason="trio is not installed")
    ),
]
STYLES = ["sync", *BACKENDS]


class Ours:
    """A client of a mock, blocking or awaited: each call returns when it is done.

    Attributes:
        client: the `RestClient` or `AsyncRestClient`.
    """

    def __init__(self, client: Any, call: Callable[..., Any]) -> None:
        self.client = client
        self.call = call

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client.video.conferences, name)

        def run(*args: Any, **options: Any) -> Any:
            async def awaited() -> Any:
                return await method(*args, **options)

            return method(*args, **options) if self.call is blocking else self.call(awaited)

        return run

    def apply(self, plan: Any) -> Any:
        """Applies a plan."""
        return self.call(plan.apply)

    def pages(self, **query: Any) -> list[str]:
        """The ids of all conferences."""
        conferences = self.client.video.conferences.paginate(**query)

        async def awaited() -> list[str]:
            return [each["id"] async for each in conferences]

        return [each["id"] for each in conferences] if self.call is blocking else self.call(awaited)


def blocking(function: Callable[[], Any]) -> Any:
    """Calls a function, as a portal does a coroutine function."""
    return function()


@contextlib.contextmanager
def ours(style: str, server: ConferencesMock, **options: Any) -> Iterator[Ours]:
    """A client of this style."""
    credentials = (server.project, server.token, server.host)
    if style == "sync":
        with RestClient(*credentials, **options) as client:
            yield Ours(client, blocking)
    else:
        with start_blocking_portal(style) as portal:
            made = portal.call(lambda: AsyncRestClient(*credentials, **options))
            with portal.wrap_async_context_manager(made) as awaited:
                yield Ours(awaited, portal.call)


class Waits(list[float]):
    """The waits of the clients, none of them waited for.

    Attributes:
        during: called with the seconds, in place of the waiting.
    """

    during: Callable[[float], object] = staticmethod(lambda _seconds: None)


def without_waiting(patch: pytest.MonkeyPatch) -> Waits:
    """Both transports note their waits instead of waiting."""
    waits = Waits()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        waits.during(seconds)

    async def sleep_awaited(seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        sleep(seconds)

    patch.setattr(transport, "time", _but_for_sleep(time, sleep))
    patch.setattr(async_transport, "anyio", _but_for_sleep(anyio, sleep_awaited))
    return waits


def _but_for_sleep(module: ModuleType, sleep: Callable[[float], Any]) -> object:
    """A module with another `sleep`; whoever else imports it keeps its own."""

    class Other:
        def __getattr__(self, name: str) -> Any:
            return getattr(module, name)

    other = Other()
    vars(other)["sleep"] = sleep
    return other


class Own(own_client.OwnClient):
    """A client of httpx for each connection, as if the caller had made it."""

    def __init__(self, wire: Wire) -> None:
        self._client = httpx.Client(**wire.options)

    def close(self) -> None:
        self._client.close()


class AsyncOwn(own_client.AsyncOwnClient):
    """The same, awaited."""

    def __init__(self, wire: Wire) -> None:
        self._client = httpx.AsyncClient(**wire.options)

    async def aclose(self) -> None:
        await self._client.aclose()


BLOCKING = (over_httpx.Connection, fast.Connection, Own)
AWAITED = (over_httpx.AsyncConnection, fast_asyncio.AsyncConnection, AsyncOwn)


def exchanging(patch: pytest.MonkeyPatch, exchange: Callable[[Message], Body]) -> None:
    """Every connection gives what this gives, and sends nothing."""

    async def awaited(_connection: object, message: Message, _left: object) -> Body:
        return exchange(message)

    for kind in BLOCKING:
        patch.setattr(kind, "exchange", lambda _connection, message, _left: exchange(message))
    for other in AWAITED:
        patch.setattr(other, "exchange", awaited)


def each_connection(patch: pytest.MonkeyPatch, use: Callable[[sqlite3.Connection], object]) -> list[sqlite3.Connection]:
    """Those to any SQLite file, from now on: each is used so as soon as it is made."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        made.append(connect(*args, **options))
        use(made[-1])
        return made[-1]

    patch.setattr(sqlite3, "connect", connected)
    return made


def read_only(connection: sqlite3.Connection) -> None:
    """Lets nothing be written through it."""
    connection.execute("PRAGMA query_only = ON")


def methods(server: ConferencesMock) -> list[str]:
    """The methods of the requests so far."""
    return [request.method for request in server.requests]


def letters(server: ConferencesMock) -> str:
    """The requests so far, by the first letters of their methods."""
    return "".join(method[0] for method in methods(server))


# --- other processes ----------------------------------------------------------------------------------


def spawned(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Another Python with this code, the arguments in its `sys.argv`, and its output to be read."""
    if not settings.has_fast():  # as a test may say
        code = f"from signalwire_conferences import settings\nsettings.has_fast = lambda: False\n{code}"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def finished(processes: list[subprocess.Popen[str]], timeout: float = 120) -> list[str]:
    """What they printed, when all have ended well."""
    try:
        printed = [process.communicate(timeout=timeout)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * len(processes)
    return printed


# --- servers to lock with -----------------------------------------------------------------------------


@contextlib.contextmanager
def redis_url() -> Iterator[str]:
    """The URL of a Redis: the one of the environment, else one of our own."""
    given = os.environ.get("SIGNALWIRE_CONFERENCES_REDIS_URL")
    if given:
        yield given
        return
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no Redis: set SIGNALWIRE_CONFERENCES_REDIS_URL or install redis-server")
    # Short: the path of a socket may have hardly more than a hundred characters.
    with tempfile.TemporaryDirectory(prefix="redis") as folder:
        socket = Path(folder, "socket")
        command = [binary, "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", ""]
        with stopped(subprocess.Popen(command, stdout=subprocess.DEVNULL)):
            wait_for(socket.is_socket)
            yield f"unix://{socket}"


@contextlib.contextmanager
def postgres() -> Iterator[Mapping[str, str]]:
    """The environment that leads libpq to a PostgreSQL of our own."""
    folders = [*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ.get("PATH", "")]
    initdb, binary = (shutil.which(each, path=os.pathsep.join(folders)) for each in ("initdb", "postgres"))
    if initdb is None or binary is None:
        pytest.skip("no PostgreSQL: initdb and postgres are not installed")
    # PostgreSQL refuses to run as root.
    user = {"user": "nobody", "extra_groups": []} if os.name == "posix" and os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        if user:
            shutil.chown(folder, "nobody")
        options: Any = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **user}
        data = f"{folder}/data"
        command = [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-N", "--no-locale"]
        made = subprocess.run(command, check=False, **options)
        if made.returncode:
            pytest.skip("no PostgreSQL: initdb does not work here")
        command = [binary, "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"]
        with stopped(subprocess.Popen(command, **options)):
            # Its socket is there before it takes anybody in.
            state = Path(data, "postmaster.pid")
            wait_for(lambda: state.exists() and state.read_text("utf-8").rstrip().endswith("ready"))
            yield {"PGHOST": folder, "PGUSER": "postgres", "PGDATABASE": "postgres", "PGPORT": "5432"}


@contextlib.contextmanager
def stopped(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Ends a server of ours in the end."""
    try:
        yield
    finally:
        # To PostgreSQL this means: now, without waiting for its clients.
        process.send_signal(2)
        process.wait(30)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Waits until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)
