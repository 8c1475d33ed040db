"""One connection of httpx, blocking or awaited: the default. httpx's own pool slows down with its connections."""

from collections.abc import AsyncIterator
from contextlib import closing, nullcontext
from typing import Any

import httpx

from .wire import Body, Message, TimeLeft, Wire


class Connection(httpx.HTTPTransport):
    """A blocking connection."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(**wire.options)
        # A signal that ended the call inside would leave the lock locked, and nobody shares it.
        vars(self._pool)["_optional_thread_lock"] = nullcontext()

    def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        if _has_more(self._pool):
            self.close()  # the next request makes another
        response = self.handle_request(_request(message, left))
        with closing(response):
            body = Body(message.step, response.status_code, dict(response.headers))
            stream: Any = response.stream
            for chunk in stream:
                left.check()  # httpx limits each read alone, which a slow drip never reaches
                if not body.add(chunk):
                    break
        return body


class AsyncConnection(httpx.AsyncHTTPTransport):
    """A connection on asyncio or trio."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(**wire.options)

    async def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        import anyio  # noqa: PLC0415 - not for blocking connections

        with anyio.fail_after(left.get("all")):
            if _has_more(self._pool):
                await self.aclose()  # the next request makes another
            return await self._exchange(message, left)

    async def _exchange(self, message: Message, left: TimeLeft) -> Body:
        response = await self.handle_async_request(_request(message, left))
        body = Body(message.step, response.status_code, dict(response.headers))
        stream: Any = response.stream
        try:
            async for chunk in stream:
                if not body.add(chunk):
                    # The next read then fails, which ends the generators of httpx in order.
                    await response.aclose()
        except httpx.RequestError:
            if not body.flaw:
                raise
        finally:
            await response.aclose()
        return body


def _has_more(pool: Any) -> bool:
    """Whether more came on a kept connection than was asked for: it would be told as the next answer. httpcore looks at
    the socket alone, not at what was read from it already.
    """
    try:
        return any(each._connection._h11_state.trailing_data[0] for each in pool.connections)  # noqa: SLF001 - see above
    except AttributeError:  # of another release: then no connection is kept
        return True


class _Content(list[bytes], httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request. That of httpx is a generator, and trio warns of each that a cancellation leaves behind."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self:
            raise StopAsyncIteration
        return self.pop()


def _request(message: Message, left: TimeLeft) -> httpx.Request:
    headers, stream = httpx.Headers(message.headers, encoding="utf-8"), _Content(filter(None, [message.content]))
    method, url = message.step.method, message.url
    return httpx.Request(method, url, headers=headers, stream=stream, extensions={"timeout": left})
