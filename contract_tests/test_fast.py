"""Which connections a client takes; what those of `transport="fast"` promise beyond httpx; TLS and proxies of both."""

import asyncio
import builtins
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from processes import finished, ours, spawned
from signalwire_conferences import AsyncRestClient, ConfigurationError, RestClient, TransportError, operations, settings
from signalwire_conferences.fast_asyncio import AsyncConnection
from signalwire_conferences.hosts import Address
from signalwire_conferences.masking import Secret
from signalwire_conferences.steps import Policy
from signalwire_conferences.wire import TimeLeft
from signalwire_conferences_testing.mock import MockServer
from tls_support import Authority, proxy

ID = "conference-id"
SPACE = "space.example"
KINDS: list[Any] = [RestClient, AsyncRestClient]
PROXIES = ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def is_fast(kind: Any, host: str = SPACE, **options: Any) -> bool:
    return bool(kind("project", "PTsecret-token", host, **options)._transport._wire.fast)


@pytest.mark.parametrize("kind", KINDS)
def test_fast_is_taken_where_it_is_installed_or_asked_for(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_fast(kind)
    assert is_fast(kind, transport="fast")
    assert not is_fast(kind, transport="httpx")
    monkeypatch.setattr(settings, "has_fast", lambda: False)
    assert not is_fast(kind)
    assert not is_fast(kind, transport="httpx")
    with pytest.raises(ConfigurationError, match=r"signalwire-conferences\[fast\]"):
        is_fast(kind, transport="fast")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", ["aiohttp", "", 1, ["fast"]])
def test_no_other_name_is_taken(kind: Any, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be 'httpx', 'fast' or None"):
        is_fast(kind, transport=wrong)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["https", "socks5"])
def test_what_fast_cannot_do_httpx_does_or_it_is_refused(
    kind: Any, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalwire_conferences.proxies.find_spec", lambda _name: True)
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://proxy.example")
    assert not is_fast(kind)
    with pytest.raises(ConfigurationError, match=f"takes no {scheme} proxy"):
        is_fast(kind, transport="fast")
    assert is_fast(kind, "localhost", transport="fast")


def test_without_the_extra_neither_is_imported() -> None:
    code = """
import sys
sys.modules["httptools"] = None
from signalwire_conferences import RestClient
client = RestClient("project", "token", "localhost")
print(client._transport._wire.fast, "signalwire_conferences.fast" in sys.modules)
"""
    [printed] = finished([spawned(code)])
    assert printed.split() == ["False", "False"]


def test_the_first_import_brings_what_every_client_needs_and_no_more() -> None:
    code = """
import sys
import signalwire_conferences as package
assert "attrs" not in sys.modules
package.RestClient
late = {"anyio", "asyncio", "httpx", "httptools", "jsonschema_rs", "sqlite3", "ssl", "difflib", "http", "pathlib"}
late |= {f"signalwire_conferences_api.{name}" for name in ("fields", "models", "types")}
print(*sorted(late & sys.modules.keys()), "and", package.AsyncRestClient.__name__)
from signalwire_conferences import *
print(AsyncRestClient is package.AsyncRestClient, "AsyncRestClient" in dir(package))
"""
    [printed] = finished([spawned(code)])
    assert printed.split("\n")[:2] == ["and AsyncRestClient", "True True"]


# --- time and signals -----------------------------------------------------------------------------------


@contextlib.contextmanager
def dripping() -> Iterator[Any]:
    """A server whose head comes by drips, and has no end."""

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X: y\r\n")
                time.sleep(0.02)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()

        class Server:
            project, token, host = "project", "PTsecret-token", f"127.0.0.1:{listener.getsockname()[1]}"

        yield Server
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("style", ["sync", "asyncio"])
def test_a_head_that_comes_by_drips_ends_at_the_timeout(style: str) -> None:
    with dripping() as server, ours(style, server, timeout=0.4, retries=0, transport="fast") as client:
        start = time.monotonic()
        with pytest.raises(TransportError, match="took longer than"):
            client.get(ID)
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("transport", ["httpx", "fast"])
def test_a_signal_ends_a_blocking_call_at_once(transport: str) -> None:
    code = """
import signal, sys, time
from signalwire_conferences import RestClient
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
host, transport = sys.argv[1:]
with RestClient("project", "token", host, transport=transport, timeout=30) as client:
    start = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        client.video.conferences.get("a")
    except KeyboardInterrupt:
        print(time.monotonic() - start)
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        [printed] = finished([spawned(code, host, transport)])
    assert float(printed) < 5


# --- TLS and proxies ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with MockServer([{"id": ID, "display_name": "x"}]) as mock:
        yield mock


@pytest.fixture(params=["httpx", "fast"])
def transport(request: pytest.FixtureRequest) -> Any:
    return request.param


class At:
    """A mock, reached by another name."""

    def __init__(self, server: MockServer, host: str) -> None:
        self.project, self.token, self.host = server.project, server.token, host


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **options: look_up("127.0.0.1", *rest, **options))


@pytest.mark.long
@pytest.mark.usefixtures("resolved")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_authorities_of_the_environment_are_trusted_and_no_others(
    style: str, transport: str, variable: str, server: MockServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.before(server) as url:
        port = url.rpartition(":")[2]
        there: Any = At(server, f"{SPACE}:{port}")
        with ours(style, there, transport=transport, retries=0) as client, pytest.raises(TransportError) as caught:
            client.update(ID, display_name="y")
        assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
        assert "Nothing was sent" in caught.value.advice
        monkeypatch.setenv(variable, str(authority.file if variable == "SSL_CERT_FILE" else authority.folder))
        with ours(style, there, transport=transport) as client:
            for name in ("y", "z"):
                assert client.update(ID, display_name=name).display_name == name
        other: Any = At(server, f"other.example:{port}")
        with ours(style, other, transport=transport, retries=0) as client, pytest.raises(TransportError, match="other"):
            client.get(ID)


def test_a_proxy_leads_to_the_server_and_sees_nothing_of_it(
    style: str, transport: str, server: MockServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[str] = []
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with authority.before(server) as url, proxy(url.partition("//")[2], heads) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@{address}")
        there: Any = At(server, SPACE)
        with ours(style, there, transport=transport) as client:
            for name in ("y", "z"):
                assert client.update(ID, display_name=name).display_name == name
    [head] = heads  # and its connection is kept
    assert head.startswith(f"CONNECT {SPACE}:443 HTTP/1.1\r\n")
    assert "proxy-authorization: basic dXNlcjpwQHNz".lower() in head.lower()
    assert "\r\nauthorization" not in head.lower()


@pytest.mark.parametrize("ends", ["cancelled", "timed out"])
def test_what_is_cancelled_while_a_proxy_leads_on_is_never_sent(
    transport: Any, ends: str, server: MockServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PUT that landed after its lock was given back would overwrite what others wrote since."""
    heads: list[str] = []
    going = threading.Event()
    create = socket.create_connection

    def later(*args: Any, **options: Any) -> socket.socket:
        going.wait(10)
        return create(*args, **options)

    async def main(host: str) -> None:
        monkeypatch.setattr("tls_support.socket.create_connection", later)
        async with AsyncRestClient("p", server.token, host, transport=transport, timeout=0.3, retries=0) as client:
            replace = client.video.conferences.replace(ID, {"display_name": "late"})
            task = asyncio.create_task(replace)
            await asyncio.sleep(0.1)
            if ends == "cancelled":
                task.cancel()
            await asyncio.wait([task])
            assert isinstance(task.cancelled() or task.exception(), builtins.bool | TransportError)
            going.set()
            await asyncio.sleep(0.3)

    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with authority.before(server) as url, proxy(url.partition("//")[2], heads) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        asyncio.run(main(SPACE))
    assert server.requests == []


def test_a_link_without_a_path_leads_to_the_root() -> None:
    pages = operations.Pages({}, Address("https", SPACE), Policy(1, 0, lambda: 0.0))
    assert pages._following(f"https://{SPACE}?page=2") == "/?page=2"


def test_a_connection_that_ended_with_the_handshake_was_asked_nothing() -> None:
    """As TLS 1.2 has it: what the server says may come with the end of the handshake, before anything is asked."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            wire = AsyncRestClient("p", "PTsecret-token", f"127.0.0.1:{listener.getsockname()[1]}")._transport._wire
            left = TimeLeft(1)
            with pytest.raises(ConnectionResetError):
                await AsyncConnection(wire)._ask(Secret(b"PUT"), Any, left, "write")  # type: ignore[arg-type]  # never read: nothing is sent
            assert not left.writing

    asyncio.run(main())


# --- addresses --------------------------------------------------------------------------------------------


@pytest.fixture
def hanging(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Gives the name of the mock this many addresses before its own that never answer."""
    with contextlib.ExitStack() as stack:

        def full() -> tuple[str, int]:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(4):  # then nobody else comes through
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            place: tuple[str, int] = listener.getsockname()
            return place

        def before(count: int) -> Any:
            places = [*(full() for _ in range(count)), ("127.0.0.1", server.port)]
            family = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(*family, place) for place in places])
            return At(server, f"localhost:{server.port}")

        yield before


@pytest.mark.parametrize(("style", "seconds", "count"), [("sync", 2, 1), ("sync", 2, 3), ("asyncio", 1, 1)])
def test_an_address_that_hangs_leaves_time_for_the_next(style: str, seconds: float, count: int, hanging: Any) -> None:
    start = time.monotonic()
    with ours(style, hanging(count), transport="fast", timeout=2, retries=0) as client:
        assert client.replace(ID, {"display_name": "y"}).display_name == "y"
    assert time.monotonic() - start < seconds


def test_the_last_of_the_addresses_tells_why_there_is_no_connection(server: MockServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    there: Any = At(server, f"localhost:{port}")
    with (
        ours("sync", there, transport="fast", retries=0) as client,
        pytest.raises(TransportError, match="refused") as caught,
    ):
        client.replace(ID, {"display_name": "y"})
    assert "Nothing was sent" in caught.value.advice


def test_nothing_is_sent_once_the_time_has_passed(
    style: str, transport: str, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def late(*args: Any, **options: Any) -> Any:
        time.sleep(0.4)
        return look_up("127.0.0.1", *args[1:], **options)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    there: Any = At(server, f"localhost:{server.port}")
    with ours(style, there, transport=transport, timeout=0.3, retries=0) as client:
        with pytest.raises(TransportError, match="no connection within") as caught:
            client.replace(ID, {"display_name": "y"})
        time.sleep(0.2)
    assert "Nothing was sent" in caught.value.advice
    assert server.requests == []


@pytest.mark.parametrize(
    ("version", "enough"), [("0.5.0", False), ("0.6.4", False), ("0.7.1", True), ("0.10.0", True), ("1.0", True)]
)
def test_an_older_parser_which_misreads_answers_without_a_body_is_not_taken(
    version: str, enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("httptools.__version__", version)
    assert is_fast(RestClient) is enough
