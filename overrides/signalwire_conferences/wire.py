"""Requests as httpx sends them, and answers read as far as they may cost: shared by both transports."""

from __future__ import annotations

import base64
import functools
import os
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx

from .errors import ConferencesError, ConfigurationError
from .outcomes import Answer, NoAnswer
from .proxies import proxy_of
from .settings import Settings
from .steps import Request

__all__ = ["Body", "TimeLeft", "Wire"]

_MIB = 2**20  # bytes
_CONFERENCE, _PAGE, _FAILURE = 8 * _MIB, 32 * _MIB, _MIB
_KEPT_URLS = 64
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class Wire:
    """How requests of one client look, and what they are sent with.

    Attributes:
        options: for the transports of httpx.
    """

    def __init__(self, settings: Settings[Any]) -> None:
        self._base = settings.base_url
        self._masked = settings.masked
        self._timeout = settings.timeout
        self._headers = [
            (b"Host", httpx.URL(self._base).netloc),
            (b"Accept", b"application/json"),
            # A compressed answer may have an ETag of its own, which no `If-Match` meets.
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", f"signalwire-conferences/{_version()}".encode()),
            (b"Authorization", _authorization(settings)),
        ]
        self._url = functools.lru_cache(_KEPT_URLS)(self._parsed)
        self.options: dict[str, Any] = {"trust_env": False}
        if settings.is_loopback:
            # To load the certificates that it does not need takes longer than an update.
            self.options["verify"] = False
        else:
            self.options["verify"] = tls = _tls()
            self.options["proxy"] = proxy_of(settings.host, tls)

    def request(self, step: Request, **extensions: Any) -> httpx.Request:
        """The request of a step.

        Raises:
            ConferencesError: its address is too long, or is none.
        """
        headers = [*self._headers, *((name.encode(), text.encode()) for name, text in step.headers.items())]
        if step.content is not None:
            headers += [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(step.content))]
        try:
            url = httpx.URL(self._base + step.path, params=step.query) if step.query else self._url(step.path)
        except httpx.InvalidURL as error:
            raise ConferencesError(f"This {step.method} cannot be sent: {error}.", conference_id=step.about) from None
        stream = _Content(step.content)
        return httpx.Request(step.method, url, headers=headers, stream=stream, extensions=extensions)

    def failed(self, error: Exception) -> NoAnswer:
        """What a request came to that raised this.

        The error is made anew: its own traceback has the headers in local variables, and what a
        broken answer quotes of the request ends in messages and logs.
        """
        said = self._masked(str(error))
        if isinstance(error, httpx.RequestError):
            return NoAnswer(type(error)(said), sent=not isinstance(error, _NEVER_SENT))
        return NoAnswer(httpx.ReadError(said), sent=True)

    def timed_out(self, *, sent: bool = True) -> NoAnswer:
        """What a request came to that took too long."""
        if sent:
            return NoAnswer(httpx.ReadTimeout(f"the answer took longer than {self._timeout:g} s"), sent)
        return NoAnswer(httpx.ConnectTimeout(f"no connection within {self._timeout:g} s"), sent)

    def _parsed(self, path: str) -> httpx.URL:
        return httpx.URL(self._base + path)


class TimeLeft(dict[str, float]):
    """The timeouts of a request as httpcore asks for them: each phase gets what is left of the whole."""

    def __init__(self, seconds: float) -> None:
        super().__init__(dict.fromkeys(("connect", "read", "write", "pool"), seconds))
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() > self._end

    def get(self, _phase: str, _default: object = None) -> float:
        """Seconds left, more than none."""
        return max(self._end - time.monotonic(), 0.001)


class _Content(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request. That of httpx is an asynchronous generator, and trio warns of each that
    a cancellation leaves behind.
    """

    def __init__(self, content: bytes | None) -> None:
        self._left = [content] if content else []

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._left)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


class Body:
    """The body of an answer as it comes, decoded, and no more of it than it may cost.

    Attributes:
        flaw: why it is not read on; "" where it is.
    """

    def __init__(self, request: Request, response: httpx.Response) -> None:
        self._response = response
        self._success = 200 <= response.status_code < 300
        size = _PAGE if request.method == "GET" and request.about is None else _CONFERENCE
        self._most = size if self._success else _FAILURE
        self._content = bytearray()
        self._taken = 0  # bytes, as they came
        self.flaw = ""
        coding = response.headers.get("content-encoding", "").strip().lower()
        self._coding = coding.removeprefix("x-")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if self._coding == "gzip" else None

    def add(self, chunk: bytes) -> bool:
        """Takes what came, and tells whether to read on."""
        self._taken += len(chunk)
        try:
            self._content += self._decoded(chunk, self._most - len(self._content) + 1)
        except zlib.error as error:
            self.flaw = f"encoded as {self._coding!r}, and broken ({error})"
        if max(self._taken, len(self._content)) > self._most:
            self.flaw = f"longer than {self._most // _MIB} MiB"
        return not self.flaw

    def _decoded(self, chunk: bytes, most: int) -> bytes:
        if self._coding in ("", "identity"):
            return chunk
        if self._coding == "deflate" and self._inflate is None:
            # Some servers leave out the header, which tells itself by its first byte (RFC 1950, 2.2).
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if chunk[0] & 15 == 8 else -zlib.MAX_WBITS)
        if self._inflate is None:
            raise zlib.error("which was not asked for")
        return self._inflate.decompress(chunk, most)

    def answer(self) -> Answer:
        """The answer that has this body."""
        content, flaw = bytes(self._content), self.flaw
        if self._inflate is not None and not self._inflate.eof and not flaw:
            flaw = f"encoded as {self._coding!r}, and not whole"
        if not self._success:
            content, flaw = content[: self._most], ""  # its status counts
        elif flaw:
            content = b""
        headers = dict(self._response.headers)
        return Answer(self._response.status_code, headers, content, time.time(), flaw)


def _authorization(settings: Settings[Any]) -> bytes:
    return b"Basic " + base64.b64encode(f"{settings.project}:{settings.token.value}".encode())


def _tls() -> ssl.SSLContext:
    """A TLS context with the certificates of the environment, if it names any.

    Raises:
        ConfigurationError: they cannot be read.
    """
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if not file and not folders:
            return httpx.create_ssl_context()
        # OpenSSL itself passes over folders that do not exist, and then trusts nobody.
        if folders and not any(Path(each).is_dir() for each in folders.split(os.pathsep)):
            raise ConfigurationError("The client cannot be built: SSL_CERT_DIR names no folder.")
        return ssl.create_default_context(cafile=file or None, capath=folders or None)
    except OSError as error:
        raise ConfigurationError(
            f"The client cannot be built: the certificates of {'SSL_CERT_FILE' if file else 'certifi'}"
            f" cannot be read ({error})."
        ) from error


@functools.cache
def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - a tenth of the time that the whole package takes

    return metadata.version("signalwire-conferences")
