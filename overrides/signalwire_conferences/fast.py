"""Connections of `transport="fast"`: a socket, and llhttp, the parser of Node.js, which reads what comes.

A connection takes one request at a time and sends it once; it follows no redirection, keeps no cookie, decodes nothing.
One that was kept is looked at first: where the server closed it, or said something unasked, a new one is made. Where it
closes later the request fails, and the steps decide what that means.
"""

import base64
import select
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import httptools

from .hosts import host_of
from .masking import Secret
from .steps import Request
from .wire import Body, Message, ProtocolError, TimeLeft, Wire, decoded, headers_of

if TYPE_CHECKING:
    import ssl

CHUNK = 65536  # bytes
_LONGEST_HEAD = 102_400  # bytes
_KEPT = 5.0  # seconds


class Route(NamedTuple):
    """Where connections lead: an address, of the server or of a proxy."""

    address: tuple[str, int]
    name: str  # of the server
    tls: "ssl.SSLContext | None"
    tunnel: Secret | None  # what asks the proxy to lead on to the server

    @classmethod
    def of(cls, wire: Wire) -> "Route":
        """The route of a client's connections."""
        tls, proxy = wire.options["verify"] or None, wire.options.get("proxy")
        name, port, _ = host_of(wire.host)
        port = port or (443 if tls else 80)
        if proxy is None:
            return cls((name, port), name, tls, None)
        target = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if proxy.raw_auth:
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(b':'.join(proxy.raw_auth)).decode()}")
        asked = Secret("\r\n".join([*lines, "", ""]).encode())
        return cls((proxy.url.host, proxy.url.port or 80), name, tls, asked)


class Reading:
    """An answer, as far as it came; without a request, that of a proxy which is asked to lead on.

    Attributes:
        reusable: whether the connection can take another request.
    """

    def __init__(self, request: Request | None) -> None:
        self._request = request
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers = list[tuple[bytes, bytes]]()
        self._status, self._reason = 0, ""
        self._taken = 0  # bytes
        self._body: Body | None = None
        self._complete = self.reusable = False

    @property
    def body(self) -> Body:
        """The body of the answer, of which the head has come."""
        return cast(Body, self._body)

    def take(self, data: bytes) -> bool:
        """Takes what came, b"" where it ends there; whether the answer is complete, or too long to be read on."""
        self._taken += len(data)
        try:
            if data:
                self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                raise ProtocolError(f"illegal answer: {error}") from None
        if self._complete or (self._body is not None and (self._body.flaw or (not data and self._is_open_ended()))):
            self._parser = None  # which leads back here: what has no circle is freed at once
            return True
        if not data:
            raise ProtocolError("the server closed the connection without a whole answer")
        if self._taken > _LONGEST_HEAD + (2 * self._body.most if self._body is not None else 0):
            raise ProtocolError("the head of the answer has no end")
        return False

    def led_on(self) -> None:
        """Raises where a proxy does not lead on."""
        if not 200 <= self._status < 300:
            raise ProtocolError(f"{self._status} {self._reason}")

    def _is_open_ended(self) -> bool:
        return not {"content-length", "transfer-encoding"} & headers_of(self._headers).keys()

    # What the parser calls. A second answer, which nobody asked for, spoils the connection and nothing else.

    def on_message_begin(self) -> None:
        self.reusable = False

    def on_status(self, reason: bytes) -> None:
        self._reason = decoded(reason)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._body is None:  # else it stands after the body
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._status = status = self._parser.get_status_code()
        if status < 200:  # a word before the answer
            self._headers.clear()
        elif self._request is None:  # and what follows is the server's
            self._complete = True
        elif self._body is None:
            self._body = Body(self._request, status, headers_of(self._headers))

    def on_body(self, data: bytes) -> None:
        if not self._complete and not self.body.flaw:
            self.body.add(data)

    def on_message_complete(self) -> None:
        if self._body is not None and not self._complete:
            self._complete, self.reusable = True, self._parser.should_keep_alive()


class Connection:
    """A blocking connection."""

    def __init__(self, wire: Wire) -> None:
        self._route = Route.of(wire)
        self._socket: socket.socket | None = None
        self._is_idle: Callable[[float], bool] = bool
        self._used_at = 0.0

    def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        reading, reusable = Reading(message.step), False
        try:
            if self._socket is None or not self._is_idle(self._used_at):
                self.close()
                self._connect(left)
            self._ask(as_sent(message), reading, left, "write")
            reusable = reading.reusable
        finally:
            self._used_at = time.monotonic()
            if not reusable:
                self.close()
        return reading.body

    def close(self) -> None:
        """Close it. The next request makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self, left: TimeLeft) -> None:
        address, name, tls, tunnel = self._route
        self._socket = _connected(address, left)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._is_idle = idle_check(self._socket)
        if tunnel is not None:
            proxied = Reading(None)
            self._ask(tunnel, proxied, left, "connect")
            proxied.led_on()
        if tls is not None:
            self._socket.settimeout(left.get("connect"))
            self._socket = tls.wrap_socket(self._socket, server_hostname=name)

    def _ask(self, request: Secret, reading: Reading, left: TimeLeft, phase: str) -> None:
        stream = cast(socket.socket, self._socket)
        stream.settimeout(left.get(phase))
        with suppress(ConnectionError):  # the answer may have come before
            stream.sendall(request.value)
        complete = False
        while not complete:
            left.check()
            stream.settimeout(left.get("read"))
            complete = reading.take(stream.recv(CHUNK))


def _connected(address: tuple[str, int], left: TimeLeft) -> socket.socket:
    """A socket to the first address of a name that answers: each has an equal share of the time left."""
    places = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    for behind, (family, kind, protocol, _, place) in zip(range(len(places), 0, -1), places, strict=True):
        stream = None
        try:
            stream = socket.socket(family, kind, protocol)
            stream.settimeout(left.get("connect") / behind)
            stream.connect(place)
        except BaseException as error:
            if stream is not None:
                stream.close()
            if behind == 1 or not isinstance(error, OSError):
                raise
        else:
            return stream
    raise OSError("the name has no address")


def as_sent(message: Message) -> Secret:
    """A request as bytes."""
    target = "/" + message.url.split("/", 3)[3]
    lines = map("%s: %s\r\n".__mod__, message.headers.items())
    return Secret("".join([f"{message.step.method} {target} HTTP/1.1\r\n", *lines, "\r\n"]).encode() + message.content)


def idle_check(stream: Any) -> Callable[[float], bool]:
    """What tells of a connection whether it was used lately, at this time, and nothing came on it since: no end of it,
    and no answer unasked.
    """
    if sys.platform == "win32":
        return lambda since: time.monotonic() <= since + _KEPT and not select.select([stream], [], [], 0)[0]
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return lambda since: time.monotonic() <= since + _KEPT and not poll.poll(0)
