"""The standard streams, which may be closed or full, or lack a character."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

from .codes import SERVER, CommandError


class Stream(io.TextIOBase):
    """A standard stream whose reader may go away: then `gone` is set and the rest is dropped.

    Args:
        stream: the stream, or `None` if it is closed.
        name: its name in messages. If it is given, and writing fails for another reason, such as a full disk,
            `CommandError` is raised, once.
    """

    def __init__(self, stream: Any, name: str = "") -> None:
        self._stream, self._name = stream, name
        self.gone = stream is None  # the shell closed it
        if hasattr(stream, "reconfigure"):  # a missing character is written as its number
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str, /) -> int:
        # Typer writes bytes and an empty text to test a stream, and would hide that it is full.
        if not isinstance(text, str):
            raise TypeError("this is a text stream")
        with self._noticing():
            if text and not self.gone:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._noticing():
            if not self.gone:
                self._stream.flush()

    def close(self) -> None:  # the garbage collector calls it too, when the stream may be closed already
        pass

    def isatty(self) -> bool:
        return not self.gone and bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        return str(getattr(self._stream, "encoding", "utf-8"))

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.gone = True
            # What is still in the buffer would raise again when Python exits.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if self._name and not isinstance(error, BrokenPipeError):
                raise CommandError(f"{self._name} cannot be written: {error.strerror}.", SERVER) from None


def standard_streams() -> tuple[Stream, Stream]:
    """Standard output, where failures matter, and standard error, where they do not."""
    found = ((sys.stdout, "The standard output"), (sys.stderr, ""))
    output, talk = (one if isinstance(one, Stream) else Stream(one, name) for one, name in found)
    return output, talk


@contextlib.contextmanager
def writable() -> Iterator[None]:
    """Replaces the standard streams with such streams for a while. Raises `CommandError` if standard output cannot be
    written.
    """
    output, talk = standard_streams()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(talk):
        try:
            yield
        finally:
            output.flush()
