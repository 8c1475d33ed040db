"""What people see while a verification runs, on standard error."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Self

from rich.console import Console
from rich.status import Status

from ..promises import Promise, promises
from ..trying.options import Options
from .report import Outcome, Result

_EVERY = 5.0  # seconds between two lines where nobody watches


class Progress:
    """A line that changes on a terminal; elsewhere a line now and then, and one for each finding."""

    def __init__(self, options: Options) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = Status(f"verifying {options.url}", console=self._console) if sys.stderr.isatty() else None
        self._total = sum(one.watch is None and options.wants(one.id) for one in promises())
        self._done = self._broken = 0
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, promise: Promise, result: Result | None) -> None:
        """Shows that a promise is about to be tried, or what became of it."""
        if result is not None:
            self._done += 1
            if result.outcome is Outcome.BROKEN and not result.because:
                self._broken += 1
                self._console.print(f"broken: {promise.id}: {result.message[:200]}", markup=False, soft_wrap=True)
        broken = f", {self._broken} broken" if self._broken else ""
        line = f"{self._done} of {self._total} promises{broken}"
        if self._status is not None:
            self._status.update(f"{line} {promise.id}" if result is None else line)
        elif result is not None and time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            self._console.print(line, markup=False)

    def paused(self, ask: Callable[[Sequence[str]], bool]) -> Callable[[Sequence[str]], bool]:
        """The same question, asked while no line changes."""

        def asked(ids: Sequence[str]) -> bool:
            self.__exit__()
            try:
                return ask(ids)
            finally:
                self.__enter__()

        return asked
