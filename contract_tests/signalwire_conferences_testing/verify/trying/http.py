"""One HTTP request at a time, bounded as a whole: in time, in bytes, and in what they expand to."""

import contextlib
import datetime
import socket
import ssl
import threading
import zlib
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from signalwire_conferences import hosts
from signalwire_conferences.errors import ConfigurationError
from signalwire_conferences.outcomes import http_date
from signalwire_conferences.proxies import proxy_of
from signalwire_conferences.wire import tls_context


class Limits(NamedTuple):
    """The most of an answer: bytes, and commas, since each part of a JSON value takes many bytes here."""

    bytes: int
    parts: int


#: Of an answer about one conference.
ONE = Limits(2**19, 20_000)


def page_limits(size: int) -> Limits:
    """Those of a page: a description may have 3,000 characters of four bytes each."""
    return Limits(ONE.bytes + size * 12_500, ONE.parts + size * 500)


class NoResponse(Exception):  # noqa: N818 - what happens to a request is no error of ours
    """No whole answer came; the text says what happened instead."""

    def __init__(self, why: str, *, late: bool = False, stale: bool = False) -> None:
        super().__init__(why)
        self.late = late
        # It was an older connection and no answer had begun: the server may have closed it before the request arrived.
        self.stale = stale


class Http:
    """Sends requests as the client of this project does: to a loopback host directly, to others through the proxies of
    the environment. Raises `ValueError` where its certificates or proxies cannot be used.
    """

    def __init__(self, url: str) -> None:
        tls, proxy = route(url)
        options: Any = {"verify": tls or False, "proxy": proxy, "trust_env": tls is None and not is_loopback(url)}
        options["event_hooks"] = {"response": [_hide_headers]}
        try:
            self._kept = httpx.Client(**options)
            self._fresh = httpx.Client(**options, limits=httpx.Limits(max_keepalive_connections=0))
        except (httpx.InvalidURL, ImportError) as error:
            raise ValueError(f"HTTP_PROXY, ALL_PROXY or NO_PROXY cannot be used: {error}") from None
        self._via = f" through the proxy {proxy.url.host}:{proxy.url.port}" if proxy else ""
        self._sockets: dict[bool, socket.socket] = {}

    def close(self) -> None:
        self._kept.close()
        self._fresh.close()

    def ask(self, request: httpx.Request, seconds: float, *, fresh: bool, limits: Limits = ONE) -> httpx.Response:
        """Sends a request and reads the whole answer, all of it within so many seconds.

        Args:
            request: the request.
            seconds: the longest that all of it may take.
            fresh: whether it has a connection of its own, which no server can have closed before.
            limits: how large it may be.

        Raises:
            NoResponse: no whole answer came.
        """
        seen: set[str] = set()
        expired = threading.Event()

        def trace(event: str, about: Any) -> None:
            seen.add(event.partition(".")[2])
            if event.endswith("connect_tcp.complete"):
                self._sockets[fresh] = about["return_value"].get_extra_info("socket")

        def expire() -> None:
            expired.set()
            with contextlib.suppress(OSError, KeyError):
                # Of an SSL socket too: its own method would say goodbye first, and wait.
                socket.socket.shutdown(self._sockets[fresh], socket.SHUT_RDWR)

        request.extensions = {**request.extensions, "trace": trace, "timeout": httpx.Timeout(seconds).as_dict()}
        # httpx limits each read alone, which a slow drip never reaches.
        timer = threading.Timer(seconds + 0.3, expire)
        timer.daemon = True
        timer.start()
        try:
            return _whole((self._fresh if fresh else self._kept).send(request, stream=True), limits)
        except (httpx.TransportError, RuntimeError, OSError) as error:
            begun = "receive_response_headers.complete" in seen
            if expired.is_set() or isinstance(error, httpx.TimeoutException):
                what = "no whole answer" if begun or expired.is_set() else "no answer"
                raise NoResponse(what, late=True) from None
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                hint = "SSL_CERT_FILE or SSL_CERT_DIR can name an authority of yours"
                raise NoResponse(f"its certificate is not trusted ({error}); {hint}") from None
            if isinstance(error, httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol):
                raise NoResponse(f"no connection{self._via} ({error})") from None
            why = f"the connection was closed without a whole answer ({error})"
            raise NoResponse(why, stale=not begun and "connect_tcp.started" not in seen) from None
        finally:
            timer.cancel()


def _hide_headers(response: httpx.Response) -> None:
    """So that httpx does not look at where a redirect leads, which may be nowhere."""
    response.extensions["headers"], response.headers = response.headers, httpx.Headers()


def _whole(response: httpx.Response, limits: Limits) -> httpx.Response:
    content, headers = bytearray(), response.extensions["headers"]
    with contextlib.closing(response):
        for chunk in response.iter_raw():
            content += chunk
            if len(content) > limits.bytes:
                raise NoResponse(f"the answer has more than {limits.bytes // 2**10} KiB")
    plain = bounded(bytes(content), headers.pop("content-encoding", ""), limits)
    return httpx.Response(response.status_code, headers=headers.raw, content=plain)


def bounded(content: bytes, encoding: str, limits: Limits = ONE) -> bytes:
    """A compressed body in plain bytes. What is compressed otherwise than it says, or in a way that nobody asked for,
    stays as it is. Raises `NoResponse` where it is too large.
    """
    most, parts = limits
    if encoding.strip().lower() in ("gzip", "x-gzip", "deflate"):
        with contextlib.suppress(zlib.error):
            content = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(content, most + 1)
    if len(content) > most:
        raise NoResponse(f"the answer expands to more than {most // 2**10} KiB")
    if content.count(b",") > parts:
        raise NoResponse(f"the answer has more than {parts} parts")
    return content


def route(url: str) -> tuple[ssl.SSLContext | None, httpx.Proxy | None]:
    """Whom the client of this project believes for an https URL, and the proxy that it takes.

    Raises:
        ValueError: the environment names what cannot be used; the text names the variable.
    """
    if not url.startswith("https:"):
        return None, None
    try:
        tls = tls_context()
        return tls, None if is_loopback(url) else proxy_of(urlsplit(url).netloc, tls)
    except ConfigurationError as error:
        raise ValueError(str(error).removeprefix("The client cannot be built: ")) from None


def is_loopback(url: str) -> bool:
    return hosts.is_loopback(urlsplit(url).netloc)


def http_time(text: str | None) -> datetime.datetime | None:
    """The time of an HTTP header, `None` where it is none."""
    found = http_date(text or "")
    return None if found is None else datetime.datetime.fromtimestamp(found, datetime.UTC)
