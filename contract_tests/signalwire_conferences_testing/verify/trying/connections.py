"""Connections to the server under test: a request is bounded as a whole, in time and in bytes."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

__all__ = ["Connections", "Dropped", "NotReached", "TooLate", "TooMuch"]

_MOST_BYTES = 32 * 2**20


class NotReached(Exception):  # noqa: N818 - what happens to a request is no error of ours
    """There was no connection."""


class TooLate(Exception):  # noqa: N818 - likewise
    """The answer was not there in time.

    Attributes:
        begun: whether some of it was.
    """

    def __init__(self, *, begun: bool) -> None:
        super().__init__("too late")
        self.begun = begun


class TooMuch(Exception):  # noqa: N818 - likewise
    """The answer is longer than any that this API gives."""

    def __init__(self) -> None:
        super().__init__(f"more than {_MOST_BYTES // 2**20} MiB")


class Dropped(Exception):  # noqa: N818 - likewise
    """The connection was closed before the answer was whole.

    Attributes:
        stale: whether it was an older connection, and no byte of an answer had come: it may have been
            closed before the request arrived.
    """

    def __init__(self, why: str, *, stale: bool) -> None:
        super().__init__(why)
        self.stale = stale


class Connections:
    """Sends one request at a time."""

    def __init__(self, url: str) -> None:
        context = httpx.create_ssl_context(trust_env=False) if url.startswith("https:") else None
        self._limits = _Limits()
        backend = _Backend(self._limits)
        self._kept = httpcore.ConnectionPool(ssl_context=context, network_backend=backend)
        self._fresh = httpcore.ConnectionPool(
            ssl_context=context, network_backend=backend, max_keepalive_connections=0
        )

    def close(self) -> None:
        """Closes them all."""
        self._kept.close()
        self._fresh.close()

    def ask(self, request: httpx.Request, seconds: float, *, fresh: bool) -> httpx.Response:
        """Sends a request and reads the whole answer.

        Args:
            request: the request.
            seconds: the longest that all of it may take.
            fresh: whether it has a connection of its own, which no server can have closed before.

        Raises:
            NotReached: there is no connection.
            TooLate: it took longer.
            TooMuch: the answer is too long.
            Dropped: the connection was closed.
        """
        limits = self._limits
        limits.start(seconds)
        pool = self._fresh if fresh else self._kept
        try:
            answer = pool.request(
                request.method,
                _url(request.url),
                headers=request.headers.raw,
                content=request.content or None,
            )
        except httpcore.TimeoutException:
            raise TooLate(begun=limits.received > 0) from None
        except httpcore.ConnectError as error:
            raise NotReached(str(error)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Dropped(str(error), stale=not limits.connected and not limits.received) from None
        try:
            return httpx.Response(answer.status, headers=answer.headers, content=answer.content)
        except httpx.DecodingError:
            # Compressed, as it says, and it is not: the body is looked at as it is.
            plain = [(name, value) for name, value in answer.headers if name.lower() != b"content-encoding"]
            return httpx.Response(answer.status, headers=plain, content=answer.content)


def _url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


class _Limits:
    """What a request may still take, and what is known of it.

    Attributes:
        connected: whether a connection was opened for it.
        received: how many bytes of its answer came.
    """

    def __init__(self) -> None:
        self.start(0)

    def start(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.connected, self.received = False, 0

    def left(self, late: type[httpcore.TimeoutException]) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise late
        return left

    def took(self, data: bytes) -> bytes:
        self.received += len(data)
        if self.received > _MOST_BYTES:
            raise TooMuch
        return data


class _Backend(httpcore.NetworkBackend):
    """Opens connections on which each step has what is left of the request's time, not time of its own."""

    def __init__(self, limits: _Limits) -> None:
        self._limits = limits
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the limits know better
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._limits.left(httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        self._limits.connected = True
        return _Stream(stream, self._limits)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, limits: _Limits) -> None:
        self._inner = inner
        self._limits = limits

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - as above
        return self._limits.took(self._inner.read(max_bytes, self._limits.left(httpcore.ReadTimeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        self._inner.write(buffer, self._limits.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        left = self._limits.left(httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._limits)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
