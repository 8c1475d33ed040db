"""One connection of httpx, blocking or awaited: the default.

It is one of httpcore, the part of httpx that sends. To import the other half takes as long as this whole package, its
models cost a fifth of an update, and its pool slows down with the number of connections.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Any

import httpcore

from .wire import Body, Message, TimeLeft, Wire, headers_of

_KEPT = 5.0  # seconds


class Connection:
    """A blocking connection."""

    def __init__(self, wire: Wire) -> None:
        self._pool = httpcore.ConnectionPool(**_options(wire))
        # A signal that ended the call inside would leave the lock locked, and nobody shares it.
        vars(self._pool)["_optional_thread_lock"] = nullcontext()

    def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        if _has_more(self._pool):
            self._pool.close()  # the next request makes another
        with _errors_of_httpx(), closing(self._pool.handle_request(_request(message, left))) as response:
            body = Body(message.step, response.status, headers_of(response.headers))
            stream: Any = response.stream
            for chunk in stream:
                left.check()  # httpx limits each read alone, which a slow drip never reaches
                if not body.add(chunk):
                    break
        return body

    def close(self) -> None:
        """Close it. The next request makes another."""
        self._pool.close()


class AsyncConnection:
    """A connection on asyncio or trio."""

    def __init__(self, wire: Wire) -> None:
        self._pool = httpcore.AsyncConnectionPool(**_options(wire))

    async def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        import anyio  # noqa: PLC0415 - not for blocking connections

        with anyio.fail_after(left.get("all")):
            if _has_more(self._pool):
                await self._pool.aclose()  # the next request makes another
            with _errors_of_httpx():
                return await self._exchange(message, left)

    async def aclose(self) -> None:
        """Close it. The next request makes another."""
        await self._pool.aclose()

    async def _exchange(self, message: Message, left: TimeLeft) -> Body:
        response = await self._pool.handle_async_request(_request(message, left))
        body = Body(message.step, response.status, headers_of(response.headers))
        stream: Any = response.stream
        try:
            async for chunk in stream:
                if not body.add(chunk):
                    # The next read then fails, which ends the generators of httpx in order.
                    await response.aclose()
        except _ERRORS:
            if not body.flaw:
                raise
        finally:
            await response.aclose()
        return body


def _options(wire: Wire) -> dict[str, Any]:
    """Of a pool, in which there is never more than one connection."""
    options = {"ssl_context": wire.options["verify"] or None, "keepalive_expiry": _KEPT}
    if (proxy := wire.options.get("proxy")) is not None:
        named = proxy.url
        url = httpcore.URL(scheme=named.raw_scheme, host=named.raw_host, port=named.port, target=named.raw_path)
        options["proxy"] = httpcore.Proxy(url, proxy.raw_auth, proxy.headers.raw, proxy.ssl_context)
    return options


def _has_more(pool: Any) -> bool:
    """Whether more came on a kept connection than was asked for: it would be told as the next answer. httpcore looks at
    the socket alone, not at what was read from it already.
    """
    try:
        return any(each._connection._h11_state.trailing_data[0] for each in pool.connections)  # noqa: SLF001 - see above
    except AttributeError:  # of another release: then no connection is kept
        return True


_ERRORS = httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        import httpx  # noqa: PLC0415 - when something fails

        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Content(list[bytes]):
    """The body of a request. That of httpcore is a generator; trio warns of one that a cancellation leaves behind."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self:
            raise StopAsyncIteration
        return self.pop()


def _request(message: Message, left: TimeLeft) -> httpcore.Request:
    headers = [(name.encode(), value.encode()) for name, value in message.headers.items()]
    content, options = _Content(filter(None, [message.content])), {"timeout": left}
    return httpcore.Request(message.step.method, message.url, headers=headers, content=content, extensions=options)
