"""What a client is built with: credentials, host and habits, all checked at once."""

from __future__ import annotations

import ipaddress
import os
import random
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any, Generic, TypeVar

import httpx
from attrs import Factory, field, frozen

from .errors import ConfigurationError, short_repr
from .masking import Secret, masker
from .steps import Policy

__all__ = ["AsyncLock", "Lock", "Settings", "settings"]

Lock = Callable[[str], AbstractContextManager[Any]]
"""From a conference id to a context manager that is held from read to verification."""
AsyncLock = Callable[[str], AbstractAsyncContextManager[Any]]
"""The same for the asynchronous client."""

L = TypeVar("L")

_VARIABLES = {"project": "SIGNALWIRE_PROJECT_ID", "token": "SIGNALWIRE_API_TOKEN", "host": "SIGNALWIRE_SPACE"}
_LABEL = "[A-Za-z0-9_-]{1,63}"
_HOST = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(\.{_LABEL})*\.?)(:(?P<port>[0-9]{{1,5}}))?")
_LARGEST_PORT = 65535
_LARGEST = 10**9  # seconds, 31 years: system calls take no number without end


@frozen
class Settings(Generic[L]):
    """A client's settings, checked."""

    project: str
    token: Secret
    host: str
    timeout: float
    retries: int
    lock: L | None
    confirm: float | None
    journal: Path | None
    masked: Callable[[str], str] = field(
        init=False,
        repr=False,
        eq=False,
        default=Factory(lambda self: masker(self.project, self.token), takes_self=True),
    )
    """A text without the token."""

    @property
    def shown(self) -> str:
        """What a client's repr shows."""
        return f"project={self.project!r}, host={self.host!r}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        name = re.sub(r":[0-9]+$", "", self.host).strip("[]").rstrip(".").lower()
        if name == "localhost":
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    @property
    def base_url(self) -> str:
        """Loopback hosts speak HTTP, all others HTTPS."""
        return f"{'http' if self.is_loopback else 'https'}://{self.host}"

    @property
    def required_lock(self) -> L:
        """The lock. Only an update that was told to hold it asks for it."""
        if self.lock is None:
            raise AssertionError("no lock")
        return self.lock

    @property
    def policy(self) -> Policy:
        """How often and how long."""
        return Policy(self.timeout, self.retries, random.random)


def settings(
    *,
    project: str | None,
    token: str | Secret | None,
    host: str | None,
    timeout: float,
    retries: int,
    lock: L | None,
    confirm: float | None,
    journal: str | os.PathLike[str] | None,
) -> Settings[L]:
    """Fill in from the environment what is not given, and check everything.

    Raises:
        ConfigurationError: naming all that is missing or wrong.
    """
    secret, token = token if isinstance(token, Secret) else Secret(token), None
    given = {"project": Secret(project), "token": secret, "host": Secret(host)}
    for name, secret in given.items():
        if secret.value in (None, ""):
            given[name] = Secret(os.environ.get(_VARIABLES[name], ""))
    wrong = [text for name, secret in given.items() if (text := _wrong_credential(name, secret.value))]
    project, host = (
        secret.value if isinstance(secret.value, str) else "" for secret in (given["project"], given["host"])
    )
    # An address as people write it: `::1` alone is IPv6, which a URL wants in brackets.
    address = "[::1]" if host == "::1" else host.lower()
    if address and not _is_host(address):
        # Without what stands before it: it may be credentials.
        _, at, name = address.rpartition("@")
        said = short_repr(f"…@{name}" if at else name)
        wrong.append(f"host={said}: must be a host name, as in your-space.signalwire.com")
    if ":" in project:
        wrong.append("project must not hold a colon")
    wrong += _wrong_habits(timeout=timeout, retries=retries, lock=lock, confirm=confirm, journal=journal)
    if wrong:
        raise ConfigurationError("The client cannot be built: " + "; ".join(wrong) + ".")
    return Settings(
        project=project,
        token=given["token"],
        host=address,
        timeout=timeout,
        retries=retries,
        lock=lock,
        confirm=confirm,
        journal=None if journal is None else Path(journal),
    )


def _wrong_credential(name: str, value: object) -> str | None:
    if value == "":
        return f"{name} is missing: pass {name}= or set {_VARIABLES[name]}"
    # The value of a credential is told in no message.
    if not isinstance(value, str):
        return f"{name} must be a string"
    return None if value.isprintable() else f"{name} must hold printable characters alone"


def _wrong_habits(*, timeout: object, retries: object, lock: object, confirm: object, journal: object) -> list[str]:
    wrong = []
    if not _is_number(timeout, above=0):
        wrong.append(f"timeout={short_repr(timeout)}: must be a number of seconds above 0, at most {_LARGEST}")
    if isinstance(retries, float) or not _is_number(retries, above=-1):
        wrong.append(f"retries={short_repr(retries)}: must be a whole number from 0, at most {_LARGEST}")
    if lock is not None and not callable(lock):
        wrong.append("lock must be callable with a conference id; try lock=lambda id: your_lock")
    if confirm is not None and confirm != 0 and not _is_number(confirm, above=0):
        wrong.append(f"confirm={short_repr(confirm)}: must be a number of seconds from 0 to {_LARGEST}, or None")
    if not _is_path(journal):
        wrong.append(f"journal={short_repr(journal)}: must be the path of a file, or None")
    return wrong


def _is_host(address: str) -> bool:
    match = _HOST.fullmatch(address)
    if match is None or int(match["port"] or 0) > _LARGEST_PORT:
        return False
    try:
        return bool(httpx.URL(f"https://{address}").host)
    except (ValueError, httpx.InvalidURL):  # an address of IPv6 that is none, or letters in disguise
        return False


def _is_path(value: object) -> bool:
    if value is None:
        return True
    try:
        path = os.fspath(value)  # type: ignore[call-overload]  # whatever it is
    except TypeError:
        return False
    return isinstance(path, str) and path != "" and "\0" not in path


def _is_number(value: object, *, above: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return above < value <= _LARGEST
