"""Requests through a client of httpx that the caller made: its connections, with our bounds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from .errors import ConferencesError
from .wire import Body, Message, TimeLeft, Wire

_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class OwnClient:
    """An `httpx.Client` in the place of a connection. The caller closes it."""

    def __init__(self, wire: Wire) -> None:
        self._client: httpx.Client = wire.http_client

    def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        with _failing_in_terms_of_httpx(message, left):
            request = _request(self._client, message, left)
            try:
                response = self._client.send(request, stream=True, auth=None, follow_redirects=False)
            except httpx.HTTPStatusError as error:  # of a hook that raises where the status is none of success
                response = error.response
            try:
                body, read = _begun(message, response, left)
                for chunk in () if read else response.iter_raw():
                    left.check()  # httpx limits each read alone, which a slow drip never reaches
                    if not body.add(chunk):
                        break
            finally:
                response.close()
        return body

    def close(self) -> None:
        """Leave it to the caller."""


class AsyncOwnClient:
    """An `httpx.AsyncClient` in the place of a connection. The caller closes it."""

    def __init__(self, wire: Wire) -> None:
        self._client: httpx.AsyncClient = wire.http_client

    async def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        import anyio  # noqa: PLC0415 - not for blocking clients

        with _failing_in_terms_of_httpx(message, left), anyio.fail_after(left.get("all")):
            request = _request(self._client, message, left)
            try:
                response = await self._client.send(request, stream=True, auth=None, follow_redirects=False)
            except httpx.HTTPStatusError as error:  # as above
                response = error.response
            try:
                return await self._read(message, response, left)
            finally:
                await response.aclose()

    async def _read(self, message: Message, response: httpx.Response, left: TimeLeft) -> Body:
        body, read = _begun(message, response, left)
        try:
            if not read:
                async for chunk in response.aiter_raw():
                    if body.flaw:
                        break
                    if not body.add(chunk):
                        # The next read then fails, which ends the generators of httpx in order.
                        await response.aclose()
        except httpx.RequestError:
            if not body.flaw:
                raise
        return body

    async def aclose(self) -> None:
        """Leave it to the caller."""


class _Timeouts(dict[str, float]):
    """What is left of the time, in whichever way a transport asks for it."""

    def __init__(self, left: TimeLeft) -> None:
        super().__init__(dict.fromkeys(("connect", "read", "write", "pool"), left.get("all")))
        self._left = left

    def get(self, phase: str, _default: object = None) -> float:
        return self._left.get(phase)

    __getitem__ = get


class _Request(httpx.Request):
    """A request of which hooks may read the content, and transports too, as if it had been given as bytes."""

    def __init__(self, message: Message, left: TimeLeft, **options: Any) -> None:
        stream = _Once(message.content, left)
        super().__init__(message.step.method, message.url, stream=stream, **options)
        self._whole, self._left = message.content, left

    @property
    def content(self) -> bytes:
        self._left.writing = True  # for all that anybody can tell
        return self._whole

    def read(self) -> bytes:
        return self.content

    async def aread(self) -> bytes:
        return self.content


class _Once(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request, which is read once, lest a transport of the caller's sends a PUT again."""

    def __init__(self, content: bytes, left: TimeLeft) -> None:
        self._content, self._left, self._begun = [*filter(None, [content])], left, False

    def __iter__(self) -> Iterator[bytes]:
        if self._begun:
            raise httpx.StreamConsumed
        self._begun = self._left.writing = True
        return iter(self._content)

    def __aiter__(self) -> "_Once":  # trio warns of each generator that a cancellation leaves behind
        iter(self)
        return self

    async def __anext__(self) -> bytes:
        if not self._content:
            raise StopAsyncIteration
        return self._content.pop()


def _request(client: httpx.Client | httpx.AsyncClient, message: Message, left: TimeLeft) -> httpx.Request:
    """The request, with the headers that the client adds to each of its own, but for cookies."""
    if client.is_closed:
        raise ConferencesError("The http_client of this client is closed.", advice="Close it after this one.")
    headers = httpx.Headers({**client.headers, **_lower(message.headers)}, encoding="utf-8")
    headers.pop("cookie", None)
    timeouts: dict[str, Any] = {"timeout": _Timeouts(left)}
    if message.step.method == "GET":
        return httpx.Request("GET", message.url, headers=headers, extensions=timeouts)
    return _Request(message, left, headers=headers, extensions=timeouts)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _begun(message: Message, response: httpx.Response, left: TimeLeft) -> tuple[Body, bool]:
    """The body of an answer, and whether all of it is read: by a hook or a transport, which decoded it then."""
    left.writing = True  # whatever the transport said of the time
    headers = dict(response.headers)
    if response.is_stream_consumed:
        headers.pop("content-encoding", None)
    body = Body(message.step, response.status_code, headers)
    if response.is_stream_consumed:
        body.add(response.content)
    return body, response.is_closed or response.is_stream_consumed


@contextmanager
def _failing_in_terms_of_httpx(message: Message, left: TimeLeft) -> Iterator[None]:
    """Hooks and transports may raise anything, and say little about whether the request was sent; its body does."""
    try:
        yield
    except (ConferencesError, OSError):  # time-outs too: the body tells of these
        raise
    except Exception as error:
        known = isinstance(error, httpx.TransportError) and type(error) is getattr(httpx, type(error).__name__, None)
        if known and (message.step.method == "GET" or isinstance(error, _BEFORE_SENDING) is not left.writing):
            raise
        kind = httpx.ReadError if left.writing else httpx.ConnectError
        raise kind(f"{type(error).__name__}: {error}") from None
