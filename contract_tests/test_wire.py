"""What is sent, byte for byte, and how much of an answer is read; connections and event loops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import json
import re
import socket
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from processes import Ours, ours
from signalwire_conferences import (
    AsyncRestClient,
    ConferencesError,
    InvalidResponseError,
    NotFoundError,
    RestClient,
    ServerError,
    TransportError,
    over_httpx,
    transport,
    wire,
)
from signalwire_conferences.async_transport import _here
from signalwire_conferences_testing.mock import Fault, MockServer

ID = "conference-id"
MIB = 2**20


class Canned:
    """A server that answers with given bytes, and ends each connection that it cannot go on with.

    Attributes:
        requests: the head of each request.
        sent: how many bytes of answers were taken.
    """

    project, token = "project", "PTsecret-token"

    def __init__(self, *answers: Iterator[bytes] | bytes) -> None:
        self.requests: list[bytes] = []
        self.sent = 0
        self._answers = iter(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._listener:
            for answer in self._answers:
                connection = self._listener.accept()[0]
                with connection, contextlib.suppress(OSError):
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(65536)
                    self.requests.append(head)
                    for part in [answer] if isinstance(answer, bytes) else answer:
                        connection.sendall(part)
                        self.sent += len(part)
                    # The request is read to its end, lest closing resets what was sent.
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass


def answered(body: bytes, *, status: int = 200, coding: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"Content-Encoding: {coding}"] if coding else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def endless(part: bytes, *, status: int = 200, coding: str = "") -> Iterator[bytes]:
    yield answered(b"", status=status, coding=coding).replace(b"Content-Length: 0\r\n", b"")
    while True:
        yield part


@contextlib.contextmanager
def asking(style: str, *answers: Any, **options: Any) -> Iterator[tuple[Ours, Canned]]:
    server: Any = Canned(*answers)
    with ours(style, server, **{"retries": 0, **options}) as client:
        yield client, server


def deflated(body: bytes) -> bytes:
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return bare.compress(body) + bare.flush()


@pytest.fixture
def whole(mock: MockServer) -> bytes:
    """A conference as the mock has it."""
    return json.dumps(mock.store[next(iter(mock.store))]).encode()


def test_what_is_sent_says_all_that_is_needed_and_nothing_else(style: str, connections: str) -> None:
    with asking(style, answered(b"{}")) as (client, server), contextlib.suppress(ConferencesError):
        client.get(ID)
    first, *lines = server.requests[0].decode().split("\r\n")[:-2]
    assert first == f"GET /api/video/conferences/{ID} HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines)
    if connections == "own":  # httpx adds it to all that a client sends
        headers = {name.title(): value for name, value in headers.items() if name.lower() != "connection"}
    assert headers.pop("Authorization").startswith("Basic ")
    assert headers.pop("User-Agent").startswith("signalwire-conferences/")
    assert headers == {"Host": server.host, "Accept": "application/json", "Accept-Encoding": "identity"}


def test_a_host_that_is_a_space_alone_and_is_not_found_is_told_with_the_whole_name(
    style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    hint = "; a space is named in full, as in my-space.signalwire.com"
    for host, hinted in (("my-space", True), ("my-space.signalwire.com", False), ("my-space:8080", False)):
        server: Any = SimpleNamespace(project="project", token="PTsecret-token", host=host)
        with ours(style, server, retries=0) as client, pytest.raises(TransportError) as caught:
            client.get("id")
        assert (hint in caught.value.message) == hinted


def test_no_cookie_is_kept(style: str) -> None:
    cookie = answered(b"{}").replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n")
    with asking(style, cookie, answered(b"{}")) as (client, server):
        for _ in range(2):
            with contextlib.suppress(ConferencesError):
                client.get(ID)
    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        *(("gzip", gzip.compress), ("X-Gzip", gzip.compress), ("deflate", zlib.compress)),
        *(("deflate", deflated), ("identity", bytes), ("", bytes)),
    ],
)
def test_what_comes_encoded_all_the_same_is_read(style: str, whole: bytes, coding: str, encode: Any) -> None:
    with asking(style, answered(encode(whole), coding=coding)) as (client, _):
        assert client.get(json.loads(whole)["id"]).to_dict() == json.loads(whole)


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        *(("br", bytes), ("zstd", bytes), ("gzip, gzip", lambda body: gzip.compress(gzip.compress(body)))),
        *(("gzip", bytes), ("gzip", lambda body: gzip.compress(body)[:-20]), ("deflate", bytes)),
    ],
)
def test_what_cannot_be_decoded_is_nothing_to_build_on(style: str, whole: bytes, coding: str, encode: Any) -> None:
    with asking(style, answered(encode(whole), coding=coding)) as (client, _), pytest.raises(InvalidResponseError):
        client.get(ID)


COMPRESSOR = zlib.compressobj(wbits=31)
BOMB = COMPRESSOR.compress(b"[" * 8 * MIB) + COMPRESSOR.flush(zlib.Z_SYNC_FLUSH)


CALLS: dict[str, tuple[Any, ...]] = {"get": (ID,), "list": (), "create": (), "replace": (ID, {"display_name": "x"})}


@pytest.mark.parametrize("call", ["get", *(pytest.param(one, marks=pytest.mark.long) for one in CALLS if one != "get")])
@pytest.mark.parametrize(("coding", "part"), [("gzip", BOMB), ("", b" " * 65536), ("", b"1" * 100), ("gzip", b"\0")])
def test_no_answer_costs_more_than_its_bound(style: str, call: str, coding: str, part: bytes) -> None:
    fields = {"display_name": "x"} if call == "create" else {}
    with asking(style, endless(part, coding=coding), timeout=60) as (client, server):
        tracemalloc.start()
        try:
            with pytest.raises(InvalidResponseError):
                getattr(client, call)(*CALLS[call], **fields)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < (140 if call == "list" else 50) * MIB
    assert server.sent < 70 * MIB


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_of_an_answer_that_is_no_success_the_status_counts_however_long_it_is(style: str, coding: str) -> None:
    part = BOMB if coding else b" " * 65536
    with (
        asking(style, endless(part, status=503, coding=coding), timeout=60) as (client, server),
        pytest.raises(ServerError) as caught,
    ):
        client.get(ID)
    assert caught.value.status_code == 503
    assert len(str(caught.value.body)) <= MIB
    assert server.sent < 20 * MIB


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_or_however_it_is_encoded(style: str, coding: str) -> None:
    with asking(style, answered(b"nonsense", status=404, coding=coding)) as (client, _), pytest.raises(NotFoundError):
        client.get(ID)


def test_a_body_that_comes_by_drips_ends_at_the_timeout(style: str) -> None:
    def drips() -> Iterator[bytes]:
        for part in endless(b" "):
            yield part
            time.sleep(0.02)

    start = time.monotonic()
    with asking(style, drips(), timeout=0.4) as (client, _), pytest.raises(ConferencesError, match="took"):
        client.get(ID)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    "before",
    [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n"],
)
@pytest.mark.parametrize(
    "ending", [b"Content-Length: %d\r\n", b"Connection: close\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_an_answer_may_have_words_before_it_and_ends_in_many_ways(
    style: str, whole: bytes, before: bytes, ending: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + (ending % len(whole) if b"%" in ending else ending)
    body = b"%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(whole), whole) if b"chunked" in ending else whole
    with asking(style, before + head + b"\r\n" + body) as (client, _):
        assert client.get(json.loads(whole)["id"]).to_dict() == json.loads(whole)


def flood(part: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield part


@pytest.mark.parametrize(
    "answer",
    [
        *(b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n"),
        *(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        ),
        *(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b""),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}",
    ],
)
def test_what_is_not_a_whole_answer_is_none(style: str, answer: bytes) -> None:
    with asking(style, answer) as (client, _), pytest.raises(TransportError) as caught:
        client.replace(ID, {"display_name": "x"})
    assert "unknown" in caught.value.state


@pytest.mark.parametrize("part", [b"X-%d: y\r\n" % 7 * 1000, b"x" * 65536])
def test_a_head_without_end_is_not_read_on(style: str, part: bytes) -> None:
    with asking(style, flood(part), timeout=60) as (client, server), pytest.raises(TransportError):
        client.get(ID)
    assert server.sent < 20 * MIB


# --- kept connections -------------------------------------------------------------------------------


# How much of a second answer comes in one piece with the first.
UNASKED = {"speaks unasked": None, "begins to speak unasked": 1}


class Kept:
    """A server that answers a GET and keeps the connection, and does what it is told with what comes then.

    Attributes:
        puts: how often a PUT came, or the beginning of one.
        connections: how many were made.
        put_on: the number of the connection that the last PUT came on.
    """

    project, token = "project", "PTsecret-token"

    def __init__(self, conference: bytes, then: str) -> None:
        self.puts, self.connections, self.put_on = 0, 0, 0
        self._answer = answered(conference).replace(b"Connection: close\r\n", b"")
        self._then = then
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            while head := self._head(connection):
                if head.startswith(b"GET"):
                    connection.sendall(self._answer + self._answer[: UNASKED.get(self._then, 0)])
                    if self._then == "closes while it is idle":
                        return
                    continue
                self.puts, self.put_on = self.puts + 1, number
                if self._then == "resets":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif self._then == "answers in part":
                    connection.sendall(self._answer[:-1])
                elif self._then in ("closes while it is idle", *UNASKED):
                    content = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
                    have = len(head.partition(b"\r\n\r\n")[2])
                    while have < content:
                        have += len(connection.recv(content - have))
                    connection.sendall(self._answer)
                    continue
                return

    def _head(self, connection: socket.socket) -> bytes:
        head = connection.recv(1 if self._then == "closes at the first byte" and self.puts == 0 else 65536)
        if self._then == "closes at the first byte" and head == b"P":
            self.puts += 1
            raise OSError
        while head and b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        return head


@pytest.mark.parametrize("then", ["closes", "resets", "answers in part", "closes at the first byte"])
def test_a_put_on_a_kept_connection_that_breaks_is_never_sent_again(style: str, whole: bytes, then: str) -> None:
    server: Any = Kept(whole, then)
    conference = json.loads(whole)["id"]
    with ours(style, server, retries=3) as client:
        for puts in (1, 2, 3):
            client.get(conference)
            with pytest.raises(TransportError) as caught:
                client.replace(conference, {"display_name": "x"})
            assert "unknown" in caught.value.state
            assert server.puts == puts


@pytest.mark.parametrize("then", ["closes while it is idle", *UNASKED])
def test_a_kept_connection_that_was_closed_or_spoke_unasked_is_not_used(
    style: str, whole: bytes, then: str, connections: str
) -> None:
    if connections == "own" and then in UNASKED:
        pytest.skip("whether the connections of a caller's client are used again is decided by httpx")
    server: Any = Kept(whole, then)
    conference = json.loads(whole)["id"]
    with ours(style, server, retries=0) as client:
        client.get(conference)
        time.sleep(0.1)
        client.replace(conference, {"display_name": "x"})
        assert (server.puts, server.put_on) == (1, 2)


def test_no_connection_of_httpx_is_kept_where_it_does_not_tell_what_it_read() -> None:
    """As with another release of httpcore."""
    assert over_httpx._has_more(SimpleNamespace(connections=[object()]))
    assert not over_httpx._has_more(SimpleNamespace(connections=[]))


# --- event loops ------------------------------------------------------------------------------------


def connected(server: MockServer, **options: Any) -> AsyncRestClient:
    return AsyncRestClient(server.project, server.token, server.host, **options)


def run(style: str, function: Any, *args: Any) -> Any:
    return anyio.run(function, *args, backend=style)


BOTH = pytest.mark.parametrize("backends", [["asyncio"] * 3, ["trio"] * 3, ["asyncio", "trio", "asyncio"]])


@BOTH
@pytest.mark.parametrize("closing", ["within", "later", "never"])
def test_one_client_serves_one_event_loop_after_another(
    mock: MockServer, tmp_path: Path, backends: list[str], closing: str
) -> None:
    pytest.importorskip("trio")
    conference = next(iter(mock.store))
    client = connected(mock, journal=tmp_path / "journal")

    async def update(layout: Any) -> None:
        result = await client.video.conferences.update(conference, layout=layout)
        assert result["layout"] == layout

    async def work(layout: str) -> None:
        await update(layout)
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(client.video.conferences.get, conference)

    for style, layout in zip(backends, ("2x2", "3x3", "5up"), strict=True):
        run(style, work, layout)
    gc.collect()  # what an event loop left open would be told now, and fail the test
    if closing == "within":
        run(backends[0], client.close)
    elif closing == "later":
        run(backends[0], update, "8x8")
        run(backends[1], client.close)
        run(backends[1], client.close)
        with pytest.raises(ConferencesError, match="closed"):
            run(backends[0], update, "2x2")
    else:
        client._transport._close_journal()  # the journal alone
    gc.collect()


def test_it_serves_two_at_once(mock: MockServer) -> None:
    conference = next(iter(mock.store))
    client = connected(mock)
    layouts: list[object] = []

    async def work() -> None:
        layouts.extend([(await client.video.conferences.get(conference))["layout"] for _ in range(20)])

    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(client.close())
    assert len(layouts) == 40


def test_connections_are_kept_within_one(mock: MockServer) -> None:
    conference = next(iter(mock.store))

    async def work() -> None:
        async with connected(mock) as client:
            for _ in range(3):
                await client.video.conferences.get(conference)
            [(http, _)] = _here().pools.values()
            assert len(http.idle) == 1

    asyncio.run(work())


def test_a_copy_of_the_sources_that_was_never_installed_works(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    wire.version.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "version", missing)
        with RestClient(mock.project, mock.token, mock.host) as client:
            client.video.conferences.list()
    wire.version.cache_clear()


def test_threads_have_connections_of_their_own_and_few_are_kept(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_IDLE_CONNECTIONS", 2)
    conference = next(iter(mock.store))
    mock.faults.add(Fault.latency(0.2), "GET", times=None)
    with RestClient(mock.project, mock.token, mock.host) as client:
        get = client.video.conferences.get
        threads = [threading.Thread(target=get, args=(conference,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(client._transport._pool.idle) == 2
    assert client._transport._pool.idle == []
