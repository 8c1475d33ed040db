"""Requests as they are sent, and answers read as far as they may cost: whatever connection they take."""

import base64
import functools
import os
import re
import time
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import frozen

from .errors import ConferencesError, ConfigurationError
from .hosts import canonical_host, is_loopback
from .masking import without_frames
from .outcomes import Answer, NoAnswer
from .settings import Settings
from .steps import Request

if TYPE_CHECKING:
    import ssl

_MIB = 2**20  # bytes
_CONFERENCE, _PAGE, _FAILURE = 8 * _MIB, 16 * _MIB, _MIB
_LONGEST_URL = 65536  # characters
_PLAIN, _CONTROL = re.compile(r"[!-~]*"), re.compile(r"[\x00-\x1f\x7f]")  # what a URL may hold, and not even encoded


class ProtocolError(Exception):
    """An answer that is not HTTP, or not whole; before the request was sent, the one of a proxy."""


@frozen(repr=False)
class Message:
    """A request as it is sent."""

    step: Request
    url: str
    headers: Mapping[str, str]
    content: bytes


class Wire:
    """How requests of one client look, and what they are sent with."""

    def __init__(self, settings: Settings[Any]) -> None:
        self._settings, self._base, self.host = settings, settings.address.url, settings.address.host
        pair = without_frames(lambda: base64.b64encode(f"{settings.project}:{settings.token.value}".encode()))
        self._headers = {
            "Host": canonical_host(self.host, settings.address.scheme),
            "Accept": "application/json",
            # A compressed answer may have an ETag of its own, which no `If-Match` meets.
            "Accept-Encoding": "identity",
            "User-Agent": f"signalwire-conferences/{version()}",
            "Authorization": _Hidden(f"Basic {pair.value.decode()}"),
        }
        # Certificates, which a loopback host does not need, take longer to load than an update.
        self.options: dict[str, Any] = {"trust_env": False, "verify": False}
        if settings.address.scheme == "https" and settings.http_client is None:
            self.options["verify"] = tls = tls_context()
            if not is_loopback(self.host):
                from .proxies import proxy_of  # noqa: PLC0415 - and so does httpx, which a proxy is told to

                self.options["proxy"] = proxy_of(self.host, tls)
        self.http_client = settings.http_client
        self.fast = self.http_client is None and self._is_fast()

    def _is_fast(self) -> bool:
        """Whether connections are those of `transport="fast"`."""
        asked, proxy = self._settings.transport, self.options.get("proxy")
        if asked == "httpx" or proxy is None or proxy.url.scheme == "http":
            return asked != "httpx"
        if asked is None:
            return False
        said = f"transport='fast' takes no {proxy.url.scheme} proxy; leave it out, and httpx is used"
        raise ConfigurationError(f"The client cannot be built: {said}.")

    def message(self, step: Request) -> Message:
        """The request of a step. Raises `ConferencesError` where it has no address that can be sent."""
        url = self._base + step.target
        wrong = f"is longer than {_LONGEST_URL} characters" if len(url) > _LONGEST_URL else ""
        if not _PLAIN.fullmatch(url):  # a link of a server
            wrong = wrong or ("holds control characters" if _CONTROL.search(url) else "")
            url = quote(url, safe="!#$%&'()*+,/:;=?@[]~")
        if wrong:
            raise ConferencesError(f"This {step.method} cannot be sent: its address {wrong}.", conference_id=step.about)
        headers = {**self._headers, **step.headers}
        if step.content is None:
            return Message(step, url, headers, b"")
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(step.content))}
        return Message(step, url, headers, step.content)

    def failed(self, error: BaseException, left: "TimeLeft", *, closed: bool) -> NoAnswer:
        """What a request came to that raised this; what nobody expects is raised again. The error is made anew: its
        traceback has the headers in local variables, and it may quote the request.
        """
        if not isinstance(error, Exception):
            raise error.with_traceback(None)
        import httpx  # noqa: PLC0415 - its errors say what went wrong, also where something else was used

        again: httpx.RequestError
        reason: BaseException | None = error
        while reason is not None and not str(reason):  # as those of trio, which wrap what happened
            reason = reason.__cause__ or reason.__context__
        said, sent = self._settings.masked(str(reason or error)), left.writing
        match error:
            case TimeoutError() if sent:
                again = httpx.ReadTimeout(f"the answer took longer than {left.seconds:g} s")
            case TimeoutError():
                again = httpx.ConnectTimeout(f"no connection within {left.seconds:g} s")
            case httpx.RequestError():
                again = type(error)(said)
                sent = not isinstance(
                    again, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
                )
            case ProtocolError():
                again = httpx.RemoteProtocolError(said) if sent else httpx.ProxyError(said)
            case OSError():
                again = httpx.ReadError(said) if sent else httpx.ConnectError(said)
            case _ if closed:  # by another thread: the library may raise anything
                again, sent = httpx.ReadError(said), True
            case _:
                raise error.with_traceback(None)
        if not sent and self._hint:
            again = type(again)(f"{again}; {self._hint}")
        return NoAnswer(again, sent=sent)

    @property
    def _hint(self) -> str:
        """What may be wrong where no connection was made: the proxy, or a host that is only the name of a space."""
        host = self._settings.address.host
        if proxy := self.options.get("proxy"):
            return f"through {proxy.url.host}, the proxy of HTTPS_PROXY or ALL_PROXY"
        is_short = not is_loopback(host) and not {".", ":"} & {*host}
        return f"a space is named in full, as in {host}.signalwire.com" if is_short else ""


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of an answer: names in lower case, values of one name after the other."""
    found = dict[str, str]()
    for name, value in pairs:
        key, text = name.lower().decode("latin-1"), decoded(value)
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def decoded(text: bytes) -> str:
    """What stands in a head, which some servers write in Latin-1."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


class _Hidden(str):
    """A header that no traceback with local variables shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class TimeLeft:
    """The timeouts of a request as httpcore asks for them: each phase gets what is left of the whole."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._end = seconds, time.monotonic() + seconds
        self.writing = False  # so that the server may have the request

    def check(self) -> None:
        """Raises `TimeoutError` where nothing is left."""
        if time.monotonic() > self._end:
            raise TimeoutError

    def get(self, phase: str, _default: object = None) -> float:
        """Seconds left, more than none. Raises `TimeoutError` where nothing is left to send a request in."""
        if phase == "write":
            self.check()  # resolving a name has no timeout, and httpcore gives each of its addresses all of it
            self.writing = True
        return max(self._end - time.monotonic(), 0.001)


class Body:
    """The body of an answer as it comes, decoded, and no more of it than it may cost."""

    def __init__(self, request: Request, status: int, headers: Mapping[str, str]) -> None:
        self._status, self._headers = status, headers
        self._success = 200 <= status < 300
        most = _PAGE if request.expects == "page" else _CONFERENCE
        self.most = most if self._success else _FAILURE  # bytes
        self._content = bytearray()
        self._taken = 0  # bytes, as they came
        self._coding = headers.get("content-encoding", "").strip().lower().removeprefix("x-")
        self._inflate: Any = None
        self.flaw = ""  # why it is not read on

    def add(self, chunk: bytes) -> bool:
        """Takes what came, and tells whether to read on."""
        self._taken += len(chunk)
        try:
            if self._coding not in ("", "identity"):
                self._inflate = self._inflate or _decompressor(self._coding, chunk)
                chunk = self._inflate.decompress(chunk, self.most - len(self._content) + 1)
            self._content += chunk
        except zlib.error as error:
            self.flaw = f"encoded as {self._coding!r}, and broken ({error})"
        if max(self._taken, len(self._content)) > self.most:
            self.flaw = f"longer than {self.most // _MIB} MiB"
        return not self.flaw

    def answer(self) -> Answer:
        """The answer that has this body."""
        if self._inflate is not None and not self._inflate.eof:
            self.flaw = self.flaw or f"encoded as {self._coding!r}, and not whole"
        flaw = self.flaw if self._success else ""  # of others the status counts
        content = b"" if flaw else bytes(self._content[: self.most])
        return Answer(self._status, self._headers, content, time.time(), flaw)


def _decompressor(coding: str, start: bytes) -> object:
    if coding not in ("gzip", "deflate"):
        raise zlib.error("which was not asked for")
    # Some servers leave out the header of deflate, which tells itself by its first byte (RFC 1950, 2.2).
    bare = coding == "deflate" and start[0] & 15 != 8
    return zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)


def tls_context() -> "ssl.SSLContext":
    """A TLS context with the certificates of the environment, if it names any."""
    import ssl  # noqa: PLC0415 - for https alone
    from pathlib import Path  # noqa: PLC0415 - likewise

    import certifi  # noqa: PLC0415 - likewise

    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        # OpenSSL itself passes over folders that do not exist, and then trusts nobody.
        if folders and not any(Path(each).is_dir() for each in folders.split(os.pathsep)):
            raise ConfigurationError("The client cannot be built: SSL_CERT_DIR names no folder.")
        own = file or folders
        tls = ssl.create_default_context(cafile=(file or None) if own else certifi.where(), capath=folders or None)
    except OSError as error:
        which = "SSL_CERT_FILE" if file else "certifi"
        said = f"The client cannot be built: the certificates of {which} cannot be read ({error})."
        raise ConfigurationError(said) from error
    tls.set_alpn_protocols(["http/1.1"])
    return tls


@functools.cache
def version() -> str:
    from importlib import metadata  # noqa: PLC0415 - a tenth of the time that the whole package takes

    try:
        return metadata.version("signalwire-conferences")
    except metadata.PackageNotFoundError:  # a copy of the sources, or an application made one file
        return "unknown"
