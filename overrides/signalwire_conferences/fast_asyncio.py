"""The connections of `fast` on asyncio."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from socket import SOCK_STREAM
from typing import Any, cast

from .fast import Reading, Route, as_sent, idle_check
from .masking import Secret
from .wire import Body, Message, ProtocolError, TimeLeft, Wire


class AsyncConnection(asyncio.Protocol):
    """A connection in one event loop."""

    def __init__(self, wire: Wire) -> None:
        self._route = Route.of(wire)
        self._transport: asyncio.Transport | None = None
        self._is_idle: Callable[[float], bool] = bool
        self._reading: Reading | None = None
        self._answered: asyncio.Future[None] | None = None
        self._used_at = 0.0

    async def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request, once, and read its answer."""
        reading, reusable = Reading(message.step), False
        try:
            if self._transport is None or self._transport.is_closing() or not self._is_idle(self._used_at):
                self._abort()
                await self._connect(left)
            await self._ask(as_sent(message), reading, left, "write")
            reusable = reading.reusable
        finally:
            self._used_at = time.monotonic()
            if not reusable:
                self._abort()
        return reading.body

    async def aclose(self) -> None:
        """Close it. The next request makes another."""
        self._abort()
        await asyncio.sleep(0)  # in which the loop closes the socket

    def _abort(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with suppress(RuntimeError):  # its event loop is closed
                transport.abort()

    async def _connect(self, left: TimeLeft) -> None:
        async with asyncio.timeout(left.get("connect")):
            await self._lead_on(left)

    async def _lead_on(self, left: TimeLeft) -> None:
        loop, (address, name, tls, tunnel) = asyncio.get_running_loop(), self._route
        options: dict[str, Any] = {}
        # An address that hangs is not waited for where there are others (RFC 8305); uvloop, which is no such loop,
        # tries one after another. Of one alone there is no race: cancelled, that may leave a socket to the garbage.
        if isinstance(loop, asyncio.BaseEventLoop) and len(await loop.getaddrinfo(*address, type=SOCK_STREAM)) > 1:
            options["happy_eyeballs_delay"] = 0.25
        if tls is None or tunnel is None:
            options |= {"ssl": tls, "server_hostname": name if tls else None}
            await loop.create_connection(lambda: self, *address, **options)
            return
        await loop.create_connection(lambda: self, *address, **options)
        proxied = Reading(None)
        await self._ask(tunnel, proxied, left, "connect")
        proxied.led_on()
        plain = cast(asyncio.Transport, self._transport)
        self._transport = await loop.start_tls(plain, self, tls, server_hostname=name)

    async def _ask(self, request: Secret, reading: Reading, left: TimeLeft, phase: str) -> None:
        loop = asyncio.get_running_loop()
        if self._transport is None:  # what came with the end of the handshake ended it
            raise ConnectionResetError("the server closed the connection before it was asked")
        self._reading, self._answered = reading, loop.create_future()
        late = loop.call_later(left.get(phase), self._late, self._answered)
        try:
            self._transport.write(request.value)
            await self._answered
        finally:
            late.cancel()

    @staticmethod
    def _late(answered: "asyncio.Future[None]") -> None:
        if not answered.done():
            answered.set_exception(TimeoutError())

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._is_idle = idle_check(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Read on."""
        reading, answered = self._reading, self._answered
        if reading is None or answered is None or answered.done():
            return self._abort()  # nobody asked
        try:
            if reading.take(data):
                answered.set_result(None)
        except ProtocolError as error:
            answered.set_exception(error)

    def eof_received(self) -> None:
        """As if nothing came; the connection is closed then."""
        self.data_received(b"")

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits for an answer gets none."""
        self._transport = None
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error or ProtocolError("the connection was closed without a whole answer"))
