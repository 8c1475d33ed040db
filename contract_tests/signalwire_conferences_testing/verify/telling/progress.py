"""What people see while a verification runs, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from ..promises import Promise, promises
from .report import Options, Outcome, Result

__all__ = ["Progress"]

_EVERY = 5.0  # seconds between two lines where nobody watches


class Progress:
    """A line that changes on a terminal; elsewhere a line now and then, and one for each finding.

    Args:
        options: how the server is verified.
    """

    def __init__(self, options: Options) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        known = [one for one in promises() if one.watch is None]
        self._total = len([o for o in known if not options.only or o.id.startswith(options.only)])
        self._done = self._broken = 0
        self._last = time.monotonic()
        self._url = options.url

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._status = self._console.status(f"verifying {self._url}")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, promise: Promise, result: Result | None) -> None:
        """Shows that a promise is about to be tried, or what became of it."""
        if result is not None:
            self._done += 1
            if result.outcome is Outcome.BROKEN and not result.because:
                self._broken += 1
                self._console.print(f"broken: {promise.id}: {result.message[:200]}", markup=False, soft_wrap=True)
            if self._status is None and time.monotonic() - self._last > _EVERY:
                self._last = time.monotonic()
                self._console.print(self._line(""), markup=False)
        elif self._status is not None:
            self._status.update(self._line(promise.id))

    def paused(self, ask: Callable[[Sequence[str]], bool]) -> Callable[[Sequence[str]], bool]:
        """The same question, asked while no line changes."""

        def asked(ids: Sequence[str]) -> bool:
            if self._status is not None:
                self._status.stop()
            try:
                return ask(ids)
            finally:
                if self._status is not None:
                    self._status.start()

        return asked

    def _line(self, promise_id: str) -> str:
        broken = f", {self._broken} broken" if self._broken else ""
        return f"{self._done} of {self._total} promises{broken} {promise_id}".rstrip()
