"""Nothing that people get to see shows the token, also where the server's answers repeat it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from ..trying.credentials import wrong_credentials
from ..trying.exchange import Credentials
from .report import Report, Result

__all__ = ["Mask"]

_MASK = "<masked>"
_LONG = 8  # characters; what is shorter is found in other words too


class Mask:
    """Replaces the token and what it can be read from.

    Args:
        project: project id.
        token: API token.
        right: the credentials made of them.
    """

    def __init__(self, project: str, token: str, right: Credentials) -> None:
        # Near misses too: all but a character of the token is as good as the token.
        sent = [right, *wrong_credentials(project, token)]
        encoded = {(one.header or "").rpartition(" ")[2] for one in sent}
        patterns = [*_beginnings(one for one in encoded if token not in one), *_token(token)]
        self._secret = re.compile("|".join(sorted(patterns, key=len, reverse=True)), re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """The text without them."""
        return self._secret.sub(_MASK, text)

    def result(self, result: Result) -> Result:
        """A result whose texts are without them."""
        result.message = self(result.message)
        for one in result.findings:
            one.message, one.sent, one.received, one.expected, one.script = map(
                self, (one.message, one.sent, one.received, one.expected, one.script)
            )
            one.commands = [self(command) for command in one.commands]
        return result

    def report(self, report: Report) -> None:
        """Makes a report one whose texts are without them."""
        for result in report.results:
            self.result(result)
        report.stopped = self(report.stopped)
        for texts in (report.notes, report.faults, report.leftovers, report.stayed):
            texts[:] = [self(text) for text in texts]

    def error(self, error: BaseException) -> None:
        """Makes the notes of an error ones without them."""
        for number, note in enumerate(notes := getattr(error, "__notes__", [])):
            notes[number] = self(note)


def _beginnings(encoded: Iterable[str]) -> list[str]:
    """Base64, also where a text was cut in the middle of it."""
    return sorted({f"{re.escape(one[:_LONG])}[A-Za-z0-9+/=_-]*" for one in encoded if len(one) > _LONG})


def _token(token: str) -> list[str]:
    """The token in the forms that a text may have it in."""
    if len(token) < _LONG:
        return [rf"(?<!\w){re.escape(form)}(?!\w)" for form in _forms(token)]
    # Without its first character, and cut somewhere in its second half.
    starts = {form[start : max(_LONG - 1, len(form) // 2)] for form in _forms(token) for start in (0, 1)}
    return [rf"{re.escape(start)}[^\s\"'<>\\,;:&]*" for start in sorted(starts)]


def _forms(token: str) -> set[str]:
    return {token, quote(token, safe=""), json.dumps(token)[1:-1], json.dumps(json.dumps(token))[3:-3]}
