"""Keeps the API token out of errors, reprs and tracebacks."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import attrs

from .errors import ConferencesError

_SHORTEST_SECRET = 6  # characters
_TRUNCATED = ("…", "'…", '"…')  # how a message ends a truncated value


class Secret:
    """Holds a value that no repr shows, and therefore no traceback with local variables."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value.value if isinstance(value, Secret) else value

    def __repr__(self) -> str:
        return "'***'" if self.value else repr(self.value)


def without_frames(function: Callable[[], Any]) -> Secret:
    """The result of a function of a secret. Its errors are raised without the frames that hold the secret."""
    try:
        return Secret(function())
    except BaseException as error:
        error.__traceback__ = None
        raise


def masker(project: str, token: Secret) -> Callable[[str], str]:
    """A function that replaces the token in a text with `***`, in every spelling that may occur. A token so short that
    it may be an ordinary word is left as it is.
    """
    secrets = without_frames(lambda: [Secret(each) for each in _spellings(project, token.value)]).value

    def masked(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret.value, "***")
        # A truncated text may end with the beginning of a secret.
        for secret in secrets if "…" in text else ():
            for length in range(len(secret.value) - 1, _SHORTEST_SECRET - 1, -1):
                for end in _TRUNCATED:
                    text = text.replace(secret.value[:length] + end, "***" + end)
        return text

    return masked


def _spellings(project: str, token: str) -> list[str]:
    """The token as it is, and as in JSON, a repr, a URL and the Authorization header; longest first."""
    plain = {token, quote(token, safe="")}
    plain |= {json.dumps(token, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True)}
    plain |= {repr(token)[1:-1], repr('"' + token)[2:-1], repr("\"'" + token)[4:-1]}
    # Received data was decoded as Latin-1.
    plain |= {spelling.encode().decode("latin-1") for spelling in plain}
    plain.add(base64.b64encode(f"{project}:{token}".encode()).decode())
    return sorted((each for each in plain if len(each) >= _SHORTEST_SECRET), key=len, reverse=True)


def without_secrets(error: BaseException, mask: Callable[[str], str], handled: BaseException | None = None) -> None:
    """Mask the first `ConferencesError` in the chain of an error, and all its causes except `handled`, which the caller
    is handling. The causes also lose their tracebacks: the frames below a call hold bodies and headers.
    """
    chain: list[BaseException] = [error]
    ours = False
    for each in chain:
        ours = ours or isinstance(each, ConferencesError)
        if ours:
            each.args = _masked(each.args, mask)
            vars(each).update({name: _masked(value, mask) for name, value in vars(each).items()})
            each.__traceback__ = None
        led = (each.__cause__, each.__context__)
        chain += [one for one in led if one is not None and one not in (handled, *chain)]


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    try:
        masked = _copy(value, mask)
        kept = masked == value
    except RecursionError:  # a deep value, or a deep call stack: the error matters more than a complete value
        return "***"
    return value if kept else masked


def _copy(value: Any, mask: Callable[[str], str]) -> Any:
    match value:
        case str():
            return mask(value)
        case bytes():
            return mask(value.decode("latin-1")).encode("latin-1")
        case dict():
            return {_masked(name, mask): _masked(each, mask) for name, each in value.items()}
        case list():
            return [_masked(each, mask) for each in value]
        case tuple():
            return tuple(_masked(each, mask) for each in value)
        case _ if attrs.has(type(value)):
            fields = [each for each in attrs.fields(type(value)) if each.init]
            given = {each.alias: _masked(getattr(value, each.name), mask) for each in fields}
            return type(value)(**given)
    return value
