"""Nothing that people get to see shows the token, also where the server's answers repeat it."""

import json
import re
from typing import Any
from urllib.parse import quote

from ..trying.credentials import wrong_credentials
from ..trying.exchange import Credentials
from .report import Report, Result

_LONG = 8  # characters; what is shorter is found in other words too


class Mask:
    """Replaces the token and what it can be read from, such as the credentials made of it."""

    def __init__(self, project: str, token: str, right: Credentials) -> None:
        # Near misses too: all but a character of the token is as good as the token.
        sent = [right, *wrong_credentials(project, token)]
        encoded = {(one.header or "").rpartition(" ")[2] for one in sent}
        # Base64, also where a text was cut in the middle of it.
        long = (one for one in encoded if token not in one and len(one) > _LONG)
        patterns = _patterns(token) | {f"{re.escape(one[:_LONG])}[A-Za-z0-9+/=_-]*" for one in long}
        self._secret = re.compile("|".join(sorted(patterns, key=len, reverse=True)), re.IGNORECASE)

    def __call__(self, text: str) -> str:
        return self._secret.sub("<masked>", text)

    def result(self, result: Result) -> Result:
        self._within(result, "message")
        for one in result.findings:
            self._within(one, "message", "sent", "received", "expected", "script", "commands")
        return result

    def report(self, report: Report) -> None:
        for result in report.results:
            self.result(result)
        self._within(report, "stopped", "notes", "faults", "leftovers", "stayed")

    def _within(self, thing: Any, *names: str) -> None:
        for name in names:
            said = getattr(thing, name)
            setattr(thing, name, self(said) if isinstance(said, str) else [self(one) for one in said])


def _patterns(token: str) -> set[str]:
    """The token in the forms that a text may have it in."""
    forms = {token, quote(token, safe=""), json.dumps(token)[1:-1], json.dumps(json.dumps(token))[3:-3]}
    if len(token) < _LONG:
        return {rf"(?<!\w){re.escape(form)}(?!\w)" for form in forms}
    # Without its first character, and cut somewhere in its second half.
    starts = {form[start : max(_LONG - 1, len(form) // 2)] for form in forms for start in (0, 1)}
    return {rf"{re.escape(start)}[^\s\"'<>\\,;:&]*" for start in starts}
