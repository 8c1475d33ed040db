"""The two loops that carry steps out: requests with httpx, once each, and nothing decided here."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any, Generic, TypeVar, assert_never

import anyio
import httpx

from .errors import ConferencesError, ConfigurationError, closed_client
from .journal import Journal, opened
from .outcomes import Answer, NoAnswer, outcome_of
from .settings import AsyncLock, Lock, Settings
from .steps import Acquire, Recall, Record, Release, Request, Settle, Step, Steps, Wait

__all__ = ["AsyncTransport", "Transport"]

T = TypeVar("T")

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_FAILURES = (httpx.RequestError, httpx.InvalidURL, RuntimeError)


L = TypeVar("L")
H = TypeVar("H")


class _Common(Generic[L, H]):
    """What both transports have: settings, a journal, and an httpx client for each process."""

    def __init__(self, settings: Settings[L], make: Callable[..., H]) -> None:
        self.settings = settings
        self._make = make
        self._closed = False
        self._journal = opened(settings)
        self._process, self._own = os.getpid(), self._made()

    @property
    def journal(self) -> Journal:
        """The journal. Only an operation that was told of it asks for it."""
        if self._journal is None:
            raise AssertionError("no journal")
        return self._journal

    @property
    def _http(self) -> H:
        if self._closed:
            raise closed_client()
        if self._process != os.getpid():
            # Parent and child on one connection would read each other's answers.
            self._process, self._own = os.getpid(), self._made()
        return self._own

    def _made(self) -> H:
        options = _options(self.settings)
        try:
            return self._make(**options)
        except (OSError, ImportError, ValueError, httpx.InvalidURL) as error:
            raise ConfigurationError(
                f"The client cannot be built: the proxies or certificates of the environment are"
                f" of no use ({type(error).__name__}: {error})."
            ) from error

    def _close(self) -> H:
        """What is left to be closed. Nothing begins any more."""
        self._closed = True
        if self._journal is not None:
            self._journal.close()
        return self._own

    def _failed(self, error: Exception, request: Request) -> NoAnswer:
        """What a request came to that raised this."""
        match error:
            case httpx.RequestError():
                masked = self.settings.masked(str(error))
                # What a broken answer quotes of the request ends in messages and logs.
                shown = error if masked == str(error) else type(error)(masked)
                return NoAnswer(shown, sent=not isinstance(error, _NEVER_SENT))
            case RuntimeError() if self._closed:
                # httpx, closed by another thread meanwhile; it does not say when.
                return NoAnswer(error, sent=True)
            case httpx.InvalidURL():
                raise ConferencesError(
                    f"This {request.method} cannot be sent: {error}.", conference_id=request.about
                ) from None
        raise error


class Transport(_Common[Lock, httpx.Client]):
    """Carries steps out with blocking calls. Safe to use from several threads."""

    def __init__(self, settings: Settings[Lock]) -> None:
        super().__init__(settings, httpx.Client)

    def close(self) -> None:
        """Close connections and the journal."""
        self._close().close()

    def run(self, steps: Steps[T]) -> T:
        """Carry out the steps of an operation."""
        with _holding() as held:
            try:
                step = steps.send(None)
                while True:
                    try:
                        outcome = self._carry_out(step, held)
                    except Exception as error:  # noqa: BLE001 - the steps say what it means
                        step = steps.throw(error)
                    else:
                        step = steps.send(outcome)
            except StopIteration as finished:
                result: T = finished.value
        return result

    def _carry_out(self, step: Step, held: ExitStack) -> Any:
        match step:
            case Request():
                return outcome_of(step, self._send(step))
            case Wait(seconds):
                return time.sleep(seconds)
            case Acquire(conference_id):
                return held.enter_context(self.settings.required_lock(conference_id))
            case Release():
                return held.close()
            case Record() | Settle() | Recall():
                return self.journal.carry_out(step)
            case never:
                assert_never(never)

    def _send(self, request: Request) -> Answer | NoAnswer:
        deadline = time.monotonic() + self.settings.timeout
        chunks = []
        try:
            with self._http.stream(**_arguments(request)) as response:
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    # httpx limits each read alone, which a slow drip never reaches.
                    if time.monotonic() > deadline:
                        return _timed_out(self.settings.timeout)
        except _FAILURES as error:
            return self._failed(error, request)
        return _answer(response, b"".join(chunks), self.settings)


class AsyncTransport(_Common[AsyncLock, httpx.AsyncClient]):
    """Carries steps out with `await`, on asyncio or trio."""

    def __init__(self, settings: Settings[AsyncLock]) -> None:
        super().__init__(settings, httpx.AsyncClient)

    async def close(self) -> None:
        """Close connections and the journal."""
        await self._close().aclose()

    async def run(self, steps: Steps[T]) -> T:
        """Carry out the steps of an operation. Cancelled at any time, it gives the lock back."""
        async with _shielded() as held:
            try:
                step = steps.send(None)
                while True:
                    try:
                        outcome = await self._carry_out(step, held)
                    except Exception as error:  # noqa: BLE001 - the steps say what it means
                        step = steps.throw(error)
                    else:
                        step = steps.send(outcome)
            except StopIteration as finished:
                result: T = finished.value
        return result

    async def _carry_out(self, step: Step, held: AsyncExitStack) -> Any:
        match step:
            case Request():
                return outcome_of(step, await self._send(step))
            case Wait(seconds):
                return await anyio.sleep(seconds)
            case Acquire(conference_id):
                lock = self.settings.required_lock(conference_id)
                return await held.enter_async_context(lock)
            case Release():
                # Begun, it must end: what was cancelled halfway is not tried again.
                with anyio.CancelScope(shield=True):
                    return await held.aclose()
            case Record() | Settle() | Recall():
                return await anyio.to_thread.run_sync(self.journal.carry_out, step)
            case never:
                assert_never(never)

    async def _send(self, request: Request) -> Answer | NoAnswer:
        begun = False

        async def trace(event: str, _about: object) -> None:
            nonlocal begun
            begun = begun or event.endswith("send_request_headers.started")

        try:
            with anyio.fail_after(self.settings.timeout):
                response = await self._http.request(**_arguments(request), extensions={"trace": trace})
        except _FAILURES as error:
            return self._failed(error, request)
        except TimeoutError:
            return _timed_out(self.settings.timeout, sent=begun)
        return _answer(response, response.content, self.settings)


@functools.cache
def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - a tenth of the time that the whole package takes

    return metadata.version("signalwire-conferences")


@contextmanager
def _holding() -> Iterator[ExitStack]:
    """Gives back what it holds. An error stays one, whatever a lock thinks of it."""
    held = ExitStack()
    try:
        yield held
    except BaseException:
        held.__exit__(*sys.exc_info())
        raise
    held.close()


@asynccontextmanager
async def _shielded() -> AsyncIterator[AsyncExitStack]:
    """Gives back what it holds even where the task is cancelled: to give back a lock may take a
    request of its own, which a cancelled task could not send any more.
    """
    held = AsyncExitStack()
    try:
        yield held
    except BaseException:
        with anyio.CancelScope(shield=True):
            await held.__aexit__(*sys.exc_info())
        raise
    with anyio.CancelScope(shield=True):
        await held.aclose()


def _options(settings: Settings[Any]) -> dict[str, Any]:
    return {
        "base_url": settings.base_url,
        "auth": httpx.BasicAuth(settings.project, settings.token),
        "timeout": settings.timeout,
        "headers": {
            "Accept": "application/json",
            "User-Agent": f"signalwire-conferences/{_version()}",
        },
        # A loopback host speaks plain HTTP and is no business of a proxy; and to load the
        # certificates that it does not need takes longer than an update.
        "verify": not settings.is_loopback,
        "trust_env": not settings.is_loopback,
    }


def _arguments(request: Request) -> dict[str, Any]:
    headers = dict(request.headers)
    if request.content is not None:
        headers["Content-Type"] = "application/json"
    return {
        "method": request.method,
        "url": request.path,
        "params": request.query or None,
        "content": request.content,
        "headers": headers,
    }


def _answer(response: httpx.Response, content: bytes, settings: Settings[Any]) -> Answer:
    headers = dict(response.headers)
    if not response.is_success:
        # What a server quotes of the request ends in messages and logs.
        headers = {name: settings.masked(value) for name, value in headers.items()}
        content = settings.masked(content.decode("latin-1")).encode("latin-1")
    return Answer(response.status_code, headers, content, time.time())


def _timed_out(seconds: float, *, sent: bool = True) -> NoAnswer:
    if sent:
        return NoAnswer(httpx.ReadTimeout(f"the answer took longer than {seconds:g} s"), sent)
    return NoAnswer(httpx.ConnectTimeout(f"no connection within {seconds:g} s"), sent)
