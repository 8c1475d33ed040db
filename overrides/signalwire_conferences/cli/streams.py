"""The standard streams, which may be closed, full, or of an encoding that lacks a character."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

from .codes import SERVER, CommandError


class Stream(io.TextIOBase):
    """A standard stream that nobody needs to read: once its reader is gone, it says so and swallows the rest.

    Args:
        stream: it, or `None` where there is none.
        name: for people, where it matters that it cannot be written for another reason, such as a full disk; then
            `CommandError` is raised, once.
    """

    def __init__(self, stream: Any, name: str = "") -> None:
        self._stream, self._name = stream, name
        self.gone = stream is None  # the shell closed it
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character gets its number
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str, /) -> int:
        # Typer tries bytes and an empty text to see what a stream takes, and would swallow that it is full.
        if not isinstance(text, str):
            raise TypeError("this is a stream of text")
        with self._noticing():
            if text and not self.gone:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._noticing():
            if not self.gone:
                self._stream.flush()

    def close(self) -> None:  # also when this is collected, and the stream may be closed by then
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
            # What is in the buffer yet would raise again when Python ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if self._name and not isinstance(error, BrokenPipeError):
                raise CommandError(f"{self._name} cannot be written: {error.strerror}.", SERVER) from None


def standard_streams() -> tuple[Stream, Stream]:
    """The standard output, which matters, and the standard error, which does not."""
    found = ((sys.stdout, "The standard output"), (sys.stderr, ""))
    output, talk = (one if isinstance(one, Stream) else Stream(one, name) for one, name in found)
    return output, talk


@contextlib.contextmanager
def writable() -> Iterator[None]:
    """What anybody prints meanwhile goes through such streams; raises `CommandError` where the output cannot be
    written.
    """
    output, talk = standard_streams()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(talk):
        try:
            yield
        finally:
            output.flush()
