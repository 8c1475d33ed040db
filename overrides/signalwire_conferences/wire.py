"""Requests as httpx sends them, and answers read as far as they may cost: shared by both transports."""

import base64
import functools
import os
import ssl
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from .errors import ConferencesError, ConfigurationError
from .masking import without_frames
from .outcomes import Answer, NoAnswer
from .proxies import proxy_of
from .settings import Settings
from .steps import Request

_MIB = 2**20  # bytes
_CONFERENCE, _PAGE, _FAILURE = 8 * _MIB, 16 * _MIB, _MIB
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

_url = functools.lru_cache(64)(httpx.URL)


class Wire:
    """How requests of one client look, and what they are sent with."""

    def __init__(self, settings: Settings[Any]) -> None:
        self._settings, self._base = settings, settings.base_url
        pair = without_frames(lambda: base64.b64encode(f"{settings.project}:{settings.token.value}".encode()))
        self._headers = {
            "Host": httpx.URL(self._base).netloc.decode(),
            "Accept": "application/json",
            # A compressed answer may have an ETag of its own, which no `If-Match` meets.
            "Accept-Encoding": "identity",
            "User-Agent": f"signalwire-conferences/{_version()}",
            "Authorization": _Hidden(f"Basic {pair.value.decode()}"),
        }
        # For the transports of httpx. Certificates, which a loopback host does not need, take longer than an update.
        self.options: dict[str, Any] = {"trust_env": False, "verify": False}
        if self._base.startswith("https"):
            self.options["verify"] = tls = _tls()
            self.options["proxy"] = proxy_of(settings.host, tls)

    def request(self, step: Request, left: "TimeLeft") -> httpx.Request:
        """The request of a step. Raises `ConferencesError` where its address is too long, or is none."""
        headers = {**self._headers, **step.headers}
        if step.content is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(step.content))}
        try:
            url = _url(self._base + step.path)
            if step.query:
                url = url.copy_with(params=step.query)
        except httpx.InvalidURL as error:
            raise ConferencesError(f"This {step.method} cannot be sent: {error}.", conference_id=step.about) from None
        encoded, stream = httpx.Headers(headers, encoding="utf-8"), _Content(filter(None, [step.content]))
        return httpx.Request(step.method, url, headers=encoded, stream=stream, extensions={"timeout": left})

    def failed(self, error: BaseException, left: "TimeLeft", *, closed: bool) -> NoAnswer:
        """What a request came to that raised this; what nobody expects is raised again. The error is made anew: its
        traceback has the headers in local variables, and it may quote the request.
        """
        again: httpx.RequestError
        match error:
            case TimeoutError() if left.writing:
                again = httpx.ReadTimeout(f"the answer took longer than {self._settings.timeout:g} s")
            case TimeoutError():
                again = httpx.ConnectTimeout(f"no connection within {self._settings.timeout:g} s")
            case httpx.RequestError():
                again = type(error)(self._settings.masked(str(error)))
            case Exception() if closed:  # by another thread: the library may raise anything
                again = httpx.ReadError(self._settings.masked(str(error)))
            case _:
                raise error.with_traceback(None)
        sent, proxy = not isinstance(again, _NEVER_SENT), self.options.get("proxy")
        if proxy and not sent:
            again = type(again)(f"{again}; through {proxy.url.host}, the proxy of HTTPS_PROXY or ALL_PROXY")
        return NoAnswer(again, sent=sent)


class _Hidden(str):
    """A header that no traceback with local variables shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class TimeLeft:
    """The timeouts of a request as httpcore asks for them: each phase gets what is left of the whole."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.writing = False  # so that the server may have the request

    def check(self) -> None:
        """Raises `TimeoutError` where nothing is left."""
        if time.monotonic() > self._end:
            raise TimeoutError

    def get(self, phase: str, _default: object = None) -> float:
        """Seconds left, more than none."""
        self.writing |= phase == "write"
        return max(self._end - time.monotonic(), 0.001)


class _Content(list[bytes], httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request. That of httpx is a generator, and trio warns of each that a cancellation leaves behind."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self:
            raise StopAsyncIteration
        return self.pop()


class Body:
    """The body of an answer as it comes, decoded, and no more of it than it may cost."""

    def __init__(self, request: Request, response: httpx.Response) -> None:
        self._response = response
        self._success = 200 <= response.status_code < 300
        most = _PAGE if request.expects == "page" else _CONFERENCE
        self._most = most if self._success else _FAILURE
        self._content = bytearray()
        self._taken = 0  # bytes, as they came
        self._coding = response.headers.get("content-encoding", "").strip().lower().removeprefix("x-")
        self._inflate: Any = None
        self.flaw = ""  # why it is not read on

    def add(self, chunk: bytes) -> bool:
        """Takes what came, and tells whether to read on."""
        self._taken += len(chunk)
        try:
            if self._coding not in ("", "identity"):
                self._inflate = self._inflate or _decompressor(self._coding, chunk)
                chunk = self._inflate.decompress(chunk, self._most - len(self._content) + 1)
            self._content += chunk
        except zlib.error as error:
            self.flaw = f"encoded as {self._coding!r}, and broken ({error})"
        if max(self._taken, len(self._content)) > self._most:
            self.flaw = f"longer than {self._most // _MIB} MiB"
        return not self.flaw

    def answer(self) -> Answer:
        """The answer that has this body."""
        if self._inflate is not None and not self._inflate.eof:
            self.flaw = self.flaw or f"encoded as {self._coding!r}, and not whole"
        flaw = self.flaw if self._success else ""  # of others the status counts
        content = b"" if flaw else bytes(self._content[: self._most])
        return Answer(self._response.status_code, dict(self._response.headers), content, time.time(), flaw)


def _decompressor(coding: str, start: bytes) -> object:
    if coding not in ("gzip", "deflate"):
        raise zlib.error("which was not asked for")
    # Some servers leave out the header of deflate, which tells itself by its first byte (RFC 1950, 2.2).
    bare = coding == "deflate" and start[0] & 15 != 8
    return zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)


def _tls() -> ssl.SSLContext:
    """A TLS context with the certificates of the environment, if it names any."""
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if not file and not folders:
            return httpx.create_ssl_context()
        # OpenSSL itself passes over folders that do not exist, and then trusts nobody.
        if folders and not any(Path(each).is_dir() for each in folders.split(os.pathsep)):
            raise ConfigurationError("The client cannot be built: SSL_CERT_DIR names no folder.")
        return ssl.create_default_context(cafile=file or None, capath=folders or None)
    except OSError as error:
        which = "SSL_CERT_FILE" if file else "certifi"
        said = f"The client cannot be built: the certificates of {which} cannot be read ({error})."
        raise ConfigurationError(said) from error


@functools.cache
def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - a tenth of the time that the whole package takes

    try:
        return metadata.version("signalwire-conferences")
    except metadata.PackageNotFoundError:  # a copy of the sources, or an application made one file
        return "unknown"
