"""What a client is built with: credentials, host and habits, all checked at once."""

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from attrs import Factory, field, frozen

from .errors import ConfigurationError, short_repr
from .hosts import host_of, is_loopback
from .masking import Secret, masker
from .pace import WRITES_PER_SECOND, Pace
from .steps import Policy

if TYPE_CHECKING:
    from pathlib import Path

# From a conference id to a context manager that is held from read to verification.
Lock = Callable[[str], AbstractContextManager[Any]]
AsyncLock = Callable[[str], AbstractAsyncContextManager[Any]]
L = TypeVar("L")

VARIABLES = {"project": "SIGNALWIRE_PROJECT_ID", "token": "SIGNALWIRE_API_TOKEN", "host": "SIGNALWIRE_SPACE"}
_LARGEST = 10**9  # seconds, 31 years: system calls take no number without end


def _path(journal: str | os.PathLike[str] | None) -> "Path | None":
    if journal is None:
        return None
    from pathlib import Path  # noqa: PLC0415 - for journals alone

    return Path(journal)


@frozen
class Settings(Generic[L]):
    """A client's settings, checked."""

    project: str
    token: Secret
    host: str
    masked: Callable[[str], str] = field(repr=False, eq=False)  # a text without the token
    lock: L | None
    timeout: float
    retries: int
    confirm: float | None
    journal: "Path | None" = field(converter=_path)
    transport: Literal["httpx", "fast"] | None = None  # None: fast, but where that takes no proxy of this scheme
    writes_per_second: float = WRITES_PER_SECOND
    # Of all clients on the same connections.
    pace: Pace = field(default=Factory(lambda own: Pace(own.writes_per_second), takes_self=True), repr=False, eq=False)

    @property
    def shown(self) -> str:
        """What a client's repr shows."""
        return f"project={self.project!r}, host={self.host!r}"

    @property
    def base_url(self) -> str:
        """Loopback hosts speak HTTP, all others HTTPS."""
        return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}"

    @property
    def policy(self) -> Policy:
        """How often requests are repeated, and how long they take."""
        import random  # noqa: PLC0415 - imported by those who build a client

        return Policy(self.timeout, self.retries, random.random)


def settings(
    *, project: str | None, token: str | Secret | None, host: str | None, lock: L | None, **habits: Any
) -> Settings[L]:
    """Fill in from the environment what is not given, and check everything.

    Raises:
        ConfigurationError: naming all that is missing or wrong.
    """
    given = {"project": Secret(project), "token": Secret(token), "host": Secret(host)}
    token = None  # no traceback with local variables is to show it
    for name, secret in given.items():
        if secret.value in (None, ""):
            given[name] = Secret(os.environ.get(VARIABLES[name], ""))
    wrong = [text for name, secret in given.items() if (text := _wrong_credential(name, secret.value))]
    project, host = (each.value if isinstance(each.value, str) else "" for each in (given["project"], given["host"]))
    # An address as people write it: `::1` alone is IPv6, which a URL wants in brackets.
    host = "[::1]" if host == "::1" else host.lower()
    if host and not _is_host(host):
        _, at, name = host.rpartition("@")  # what stands before it may be credentials
        said = short_repr(f"…@{name}" if at else name)
        wrong.append(f"host={said}: must be a host name, as in your-space.signalwire.com")
    if ":" in project:
        wrong.append("project must not hold a colon")
    if lock is not None and not callable(lock):
        wrong.append("lock must be callable with a conference id; try lock=lambda id: your_lock")
    wrong += _wrong_habits(**habits)
    if wrong:
        raise ConfigurationError("The client cannot be built: " + "; ".join(wrong) + ".")
    if habits.get("transport") is None and not has_fast():
        habits["transport"] = "httpx"
    masked = masker(project, given["token"])
    return Settings(project, given["token"], host, masked, lock, **habits)


def _wrong_credential(name: str, value: object) -> str | None:
    if value == "":
        return f"{name} is missing: pass {name}= or set {VARIABLES[name]}"
    if not isinstance(value, str):
        return f"{name} must be a string"  # and no message shows what it is
    return None if value.isprintable() else f"{name} must hold printable characters alone"


def _wrong_habits(
    *, timeout: Any, retries: Any, confirm: Any, journal: Any, transport: Any = None, writes_per_second: Any = 1.0
) -> list[str]:
    writes, seconds, most = writes_per_second, "must be a number of seconds", f"at most {_LARGEST}"
    rules = (
        ("timeout", timeout, f"{seconds} above 0, {most}", _is_number(timeout) and timeout > 0),
        ("retries", retries, f"must be a whole number from 0, {most}", _is_number(retries, int)),
        ("confirm", confirm, f"{seconds} from 0, {most}, or None", confirm is None or _is_number(confirm)),
        ("writes_per_second", writes, f"must be a number above 0, {most}", _is_number(writes) and writes > 0),
        ("journal", journal, "must be the path of a file, or None", journal is None or _is_path(journal)),
        ("transport", transport, "must be 'httpx', 'fast' or None", transport in (None, "httpx", "fast")),
    )
    wrong = [f"{name}={short_repr(value)}: {rule}" for name, value, rule, kept in rules if not kept]
    if transport == "fast" and not has_fast():
        wrong.append("transport='fast' needs more: install signalwire-conferences[fast]")
    return wrong


def has_fast() -> bool:
    """Whether what `transport="fast"` needs is installed, and no older than the extra asks for."""
    try:
        import httptools  # noqa: PLC0415 - an extra
    except ImportError:
        return False
    # Before, a 204 could have a body, and the end of a 304 was waited for.
    return [int(part) for part in httptools.__version__.split(".")[:2]] >= [0, 7]


def _is_host(text: str) -> bool:
    try:
        host_of(text)
    except ValueError:  # an address of IPv6 that is none
        return False
    if "xn--" not in text:
        return True
    import httpx  # noqa: PLC0415 - only where there are letters in disguise

    try:
        return bool(httpx.URL(f"https://{text}").host)
    except (ValueError, httpx.InvalidURL):
        return False


def _is_path(value: object) -> bool:
    try:
        path = os.fspath(value)  # type: ignore[call-overload]  # that is the question
    except TypeError:
        return False
    return isinstance(path, str) and path != "" and "\0" not in path


def _is_number(value: object, kind: type[float] = float) -> bool:
    return isinstance(value, int | kind) and not isinstance(value, bool) and 0 <= value <= _LARGEST
