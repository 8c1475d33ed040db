"""The blocking loop that carries steps out, and what it has in common with the awaited one. Nothing is decided here."""

import copy
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, Self, TypeVar, cast

from .errors import closed_client, short_repr
from .masking import without_secrets
from .outcomes import Answer, NoAnswer, outcome_of
from .settings import Lock, Settings
from .steps import Acquire, Release, Request, Step, Steps, Wait
from .wire import Body, Message, TimeLeft, Wire

if TYPE_CHECKING:
    from .journal import Journal

T = TypeVar("T")
L = TypeVar("L")

_IDLE_CONNECTIONS = 20
LOGGER: Final = "signalwire_conferences"


class Common(Generic[L]):
    """What both transports have."""

    def __init__(self, settings: Settings[L]) -> None:
        self.settings, self._wire, self._owner = settings, Wire(settings), True
        # None where there is none, and then no step asks for it.
        self._lock: L = settings.lock  # type: ignore[assignment]  # see above
        self.journal: Journal = None  # type: ignore[assignment]  # see above
        if settings.journal is not None:
            from .journal import opened  # noqa: PLC0415 - SQLite takes a while

            self.journal = opened(settings)  # type: ignore[assignment]  # there is one

    def _close_journal(self) -> None:
        if self.journal is not None:
            self.journal.close()

    def view(self, settings: Settings[L]) -> Self:
        """The same connections, journal and locks with other habits. To close it does nothing."""
        made = copy.copy(self)
        made.settings, made._owner = settings, False  # noqa: SLF001 - its own kind
        return made

    def _watched(self, steps: Steps[T], operation: str) -> Steps[T]:
        """The same steps, told to whoever listens; most often nobody does."""
        # A logger that somebody listens to was made with `logging`, which takes a while to import.
        logging = sys.modules.get("logging")
        if self.settings.on_event is None and not (logging and logging.getLogger(LOGGER).isEnabledFor(logging.INFO)):
            return steps
        from .events import watched  # noqa: PLC0415 - see above

        return watched(steps, operation, self.settings.on_event, self.settings.masked)


class Connection(Protocol):
    """A blocking connection: takes one request at a time, and sends it once."""

    def exchange(self, message: Message, left: TimeLeft) -> Body:
        """Send a request and read its answer."""

    def close(self) -> None:
        """Close it."""


class Transport(Common[Lock]):
    """Carries steps out with blocking calls. Safe to use from several threads, processes that fork, and where a signal
    may end a call at any point: a request has a connection to itself, which is kept only where all went well.
    """

    def __init__(self, settings: Settings[Lock]) -> None:
        super().__init__(settings)
        self._pool = _Pool(self._wire)

    def close(self) -> None:
        """Close the journal and the connections, those in use when their requests have ended."""
        if self._owner:
            self._close_journal()
            self._pool.close()

    def run(self, steps: Steps[T], operation: str) -> T:
        """Carry out the steps of an operation."""
        handled = sys.exc_info()[1]
        steps = self._watched(steps, operation)
        try:
            with ExitStack() as locks:
                return self._result(steps, locks)
        except Exception as error:
            without_secrets(error, self.settings.masked, handled)
            raise
        finally:
            steps.close()  # whoever watches is told of an interruption at once

    def _result(self, steps: Steps[T], locks: ExitStack) -> T:
        try:
            step = steps.send(None)
            while True:
                try:
                    outcome = self._carry_out(step, locks)
                except Exception as error:  # noqa: BLE001 - the steps say what it means
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            return cast(T, end.value)

    def _carry_out(self, step: Step, locks: ExitStack) -> Any:
        match step:
            case Request():
                return outcome_of(step, self._send(step), self.settings.address.url)
            case Wait(seconds):
                return time.sleep(seconds)
            case Acquire(conference_id):
                return _hold(locks, self._lock(conference_id))
            case Release():
                return locks.close()
            case _:
                return self.journal.carry_out(step)

    def _send(self, step: Request) -> Answer | NoAnswer:
        message, connection, left = self._wire.message(step), self._pool.take(), TimeLeft(self.settings.timeout)
        try:
            body = connection.exchange(message, left)
        except BaseException as error:  # noqa: BLE001 - what is not expected is raised again
            return self._wire.failed(error, left, closed=self._pool.closed)
        self._pool.keep(connection)
        return body.answer()


class _Pool:
    """The connections of a client, in each process."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._connection = wire, _connections(wire)
        self._process, self.idle, self.closed = os.getpid(), list[Connection](), False

    def take(self) -> Connection:
        if self.closed:
            raise closed_client()
        if self._process != os.getpid():
            # Parent and child on one connection would read each other's answers.
            self.idle, self._process = [], os.getpid()
        try:
            return self.idle.pop()
        except IndexError:
            return self._connection(self._wire)

    def keep(self, connection: Connection) -> None:
        self.idle.append(connection)
        self._drop()

    def close(self) -> None:
        self.closed = True
        if self._process == os.getpid():
            self._drop()

    def _drop(self) -> None:
        with suppress(IndexError):  # others may do the same
            while self.closed or len(self.idle) > _IDLE_CONNECTIONS:
                self.idle.pop(0).close()


def _connections(wire: Wire) -> Callable[[Wire], Connection]:
    if wire.fast:
        from .fast import Connection as Fast  # noqa: PLC0415 - an extra

        return Fast
    if wire.http_client is not None:
        from .own_client import OwnClient  # noqa: PLC0415 - few have one

        return OwnClient
    from .over_httpx import Connection as OverHttpx  # noqa: PLC0415 - not imported where it is not used

    return OverHttpx


def _hold(locks: ExitStack, lock: AbstractContextManager[Any]) -> None:
    """Take a lock, which is then given back with the others and hides no error."""

    def give_back(kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            lock.__exit__(kind, error, trace)
        except Exception as failure:  # noqa: BLE001 - locks raise what they like
            lock_failed(error, failure)

    if not hasattr(lock, "__enter__"):
        raise no_lock(lock, "a context manager")
    lock.__enter__()
    locks.push(give_back)


def no_lock(made: object, kind: str) -> TypeError:
    return TypeError(f"lock= must return {kind}, not {short_repr(made)} ({type(made).__name__})")


def lock_failed(error: BaseException | None, failure: Exception) -> None:
    """Raise how a lock failed, or note it on the error that it must not hide."""
    if error is None:
        raise failure
    if failure is not error:
        error.add_note(f"Then the lock failed: {failure!r}")
