"""What a client is built with: credentials, host and habits, all checked at once."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, cast

from attrs import Factory, evolve, field, frozen

from .errors import ConfigurationError, short_repr
from .hosts import Address, host_of, implied_scheme, is_loopback
from .masking import Secret, masker
from .pace import WRITES_PER_SECOND, Pace
from .steps import Policy

if TYPE_CHECKING:
    from pathlib import Path

    from .events import Event

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
    address: Address
    masked: Callable[[str], str] = field(repr=False, eq=False)  # a text without the token
    lock: L | None
    timeout: float
    retries: int
    confirm: float | None
    journal: "Path | None" = field(converter=_path)
    transport: Literal["httpx", "fast"] | None = None  # None: fast, but where that takes no proxy of this scheme
    writes_per_second: float = WRITES_PER_SECOND
    http_client: Any = None  # of httpx, the caller's own
    on_event: "Callable[[Event], object] | None" = None
    # Of all clients on the same connections.
    pace: Pace = field(default=Factory(lambda own: Pace(own.writes_per_second), takes_self=True), repr=False, eq=False)

    @property
    def shown(self) -> str:
        """What a client's repr shows."""
        host, url = self.address.host, self.address.url
        where = f"host={host!r}" if url == f"{implied_scheme(host)}://{host}" else f"base_url={url!r}"
        return f"project={self.project!r}, {where}"

    @property
    def policy(self) -> Policy:
        """How often requests are repeated, and how long they take."""
        import random  # noqa: PLC0415 - imported by those who build a client

        return Policy(self.timeout, self.retries, random.random)

    def changed(self, **habits: Any) -> Self:
        """The same with other habits, of those that need no other connection.

        Raises:
            ConfigurationError: naming all that is wrong.
        """
        if wrong := _wrong_habits(**habits):
            raise ConfigurationError("These options cannot be used: " + "; ".join(wrong) + ".")
        if "on_event" in habits:
            habits["on_event"] = _hook(habits["on_event"])
        return evolve(self, **habits)


def settings(
    *,
    project: object,
    token: object,
    host: object,
    base_url: object = None,
    allow_http: bool = False,
    lock: L | None,
    http_kind: str = "Client",
    **habits: Any,
) -> Settings[L]:
    """Fill in from the environment what is not given, and check everything. What may hold a secret may be a `Secret`;
    `http_kind` is the class of httpx that `http_client` has to be of.

    Raises:
        ConfigurationError: naming all that is missing or wrong.
    """
    given = {"project": Secret(project), "token": Secret(token), "host": Secret(host)}
    url = Secret(base_url)
    project = token = host = base_url = None  # no traceback with local variables is to show them
    for name, secret in given.items():
        if secret.value in (None, "") and (name != "host" or url.value is None):
            given[name] = Secret(os.environ.get(VARIABLES[name], ""))
    if url.value is None:
        address, wrong = _address_of_host(given["host"], allow_http)
    else:
        address, wrong = _address_of_url(url, given.pop("host"), allow_http)
    named = str(given["project"].value)
    wrong = [text for name, each in given.items() if (text := _wrong_credential(name, each.value))] + wrong
    if ":" in named:
        wrong.append("project must not hold a colon")
    if lock is not None and not callable(lock):
        wrong.append("lock must be callable with a conference id; try lock=lambda id: your_lock")
    wrong += _wrong_http_client(habits.get("http_client"), http_kind, habits.get("transport"))
    wrong += _wrong_habits(**habits)
    if wrong:
        raise ConfigurationError("The client cannot be built: " + "; ".join(wrong) + ".")
    if habits.get("transport") is None and not has_fast():
        habits["transport"] = "httpx"
    habits["on_event"] = _hook(habits.get("on_event"))
    masked = masker(named, given["token"])
    return Settings(named, given["token"], cast(Address, address), masked, lock, **habits)


def _wrong_credential(name: str, value: object) -> str | None:
    if value == "":
        return f"{name} is missing: pass {name}= or set {VARIABLES[name]}"
    if not isinstance(value, str):
        return f"{name} must be a string"  # and no message shows what it is
    return None if value.isprintable() else f"{name} must hold printable characters alone"


def _address_of_host(given: Secret, allow_http: object) -> tuple[Address | None, list[str]]:
    """The address of a host, and what is wrong with it beside what is wrong with any credential."""
    wrong = ["allow_http says nothing without base_url='http://...'"] if allow_http else []
    if not isinstance(given.value, str) or not given.value:
        return None, wrong
    # An address as people write it: `::1` alone is IPv6, which a URL wants in brackets.
    host = Secret("[::1]" if given.value == "::1" else given.value.lower())
    if _is_host(host):
        return Address(implied_scheme(host.value), host.value), wrong
    _, at, name = host.value.rpartition("@")  # what stands before it may be credentials
    rule = "must be a host name, as in your-space.signalwire.com"
    rule += "; a whole address is base_url=" if "/" in name else ""
    return None, [f"host={short_repr(f'…@{name}' if at else name)}: {rule}", *wrong]


def _address_of_url(given: Secret, host: Secret, allow_http: object) -> tuple[Address | None, list[str]]:
    """The address that a URL names, and what is wrong with it. It is shown as far as it cannot hold credentials."""
    wrong = [] if host.value in (None, "") else ["host and base_url name two servers: give one of them"]
    if not isinstance(given.value, str):
        return None, ["base_url must be a string", *wrong]
    shown = short_repr(re.sub(r"^([a-z]+:/*)?.*@|[?#].*", r"\1…", given.value, flags=re.ASCII | re.DOTALL))
    try:
        address = Address.of(given.value)
    except ValueError as error:
        return None, [f"base_url={shown}: {error}", *wrong]
    if not _is_host(Secret(address.host)):
        wrong.append(f"base_url={shown}: must name a host")
    if address.scheme == "http" and allow_http is not True and not is_loopback(address.host):
        wrong.append(f"base_url={shown}: would send the token in clear text; use https, or say allow_http=True")
    return address, wrong


def _wrong_http_client(client: object, kind: str, transport: object) -> list[str]:
    if client is None:
        return []
    wrong = []
    httpx = sys.modules.get("httpx")  # else nobody can have made one
    if httpx is None or not isinstance(client, getattr(httpx, kind)):
        wrong.append(f"http_client must be an httpx.{kind}, and is a {type(client).__name__}")
    elif client.is_closed:
        wrong.append("http_client is closed")
    if transport is not None:
        wrong.append(f"transport={short_repr(transport)} and http_client are two ways to send: give one of them")
    return wrong


def _wrong_habits(**habits: Any) -> list[str]:
    number, most = "must be a number of seconds", f"at most {_LARGEST}"
    rules: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "timeout": (f"{number} above 0, {most}", lambda value: _is_number(value) and value > 0),
        "retries": (f"must be a whole number from 0, {most}", lambda value: _is_number(value, int)),
        "confirm": (f"{number} from 0, {most}, or None", lambda value: value is None or _is_number(value)),
        "writes_per_second": (f"must be a number above 0, {most}", lambda value: _is_number(value) and value > 0),
        "journal": ("must be the path of a file, or None", lambda value: value is None or _is_path(value)),
        "transport": ("must be 'httpx', 'fast' or None", lambda value: value in (None, "httpx", "fast")),
        "on_event": ("must be a function that is not awaited, or None", _is_hook),
    }
    wrong = [
        f"{name}={short_repr(habits[name])}: {rule}"
        for name, (rule, keeps) in rules.items()
        if name in habits and not keeps(habits[name])
    ]
    if habits.get("transport") == "fast" and not has_fast():
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


def _is_host(text: Secret) -> bool:
    try:
        host_of(text.value)
    except ValueError:  # an address of IPv6 that is none
        return False
    if "xn--" not in text.value:
        return True
    import httpx  # noqa: PLC0415 - only where there are letters in disguise

    try:
        return bool(httpx.URL(f"https://{text.value}").host)
    except (ValueError, httpx.InvalidURL):
        return False


def _is_path(value: object) -> bool:
    try:
        path = os.fspath(value)  # type: ignore[call-overload]  # that is the question
    except TypeError:
        return False
    return isinstance(path, str) and path != "" and "\0" not in path


def _is_hook(value: object) -> bool:
    if value is None or not callable(value):
        return value is None
    import inspect  # noqa: PLC0415 - only where there is one

    return not inspect.iscoroutinefunction(value)


def _hook(function: "Callable[[Event], object] | None") -> "Callable[[Event], object] | None":
    if function is None:
        return None
    from .events import Hook  # noqa: PLC0415 - only where there is one

    return Hook(function)


def _is_number(value: object, kind: type[float] = float) -> bool:
    return isinstance(value, int | kind) and not isinstance(value, bool) and 0 <= value <= _LARGEST
