"""What a client is built with: credentials, host and habits, all checked at once."""

from __future__ import annotations

import ipaddress
import math
import os
import random
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from .errors import ConfigurationError
from .exchange import Policy

__all__ = ["AsyncLock", "Lock", "Settings", "settings"]

Lock = Callable[[str], AbstractContextManager[Any]]
"""From a conference id to a context manager that is held from read to verification."""
AsyncLock = Callable[[str], AbstractAsyncContextManager[Any]]
"""The same for the asynchronous client."""

L = TypeVar("L")

_VARIABLES = {
    "project": "SIGNALWIRE_PROJECT_ID",
    "token": "SIGNALWIRE_API_TOKEN",
    "host": "SIGNALWIRE_SPACE",
}
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


@frozen
class Settings(Generic[L]):
    """A client's settings, checked."""

    project: str
    token: str = field(repr=False)
    host: str
    timeout: float
    retries: int
    lock: L | None
    confirm: float | None
    journal: Path | None

    @property
    def shown(self) -> str:
        """What a client's repr shows."""
        return f"project={self.project!r}, host={self.host!r}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        name = re.sub(r":[0-9]+$", "", self.host).strip("[]")
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
    token: str | None,
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
    given = {"project": project, "token": token, "host": host}
    found = {name: value or os.environ.get(_VARIABLES[name], "") for name, value in given.items()}
    wrong = [
        f"{name} is missing: pass {name}= or set {_VARIABLES[name]}"
        for name, value in found.items()
        if not value
    ]
    # An address as people write it: `::1` alone is IPv6, which a URL wants in brackets.
    address = "[::1]" if found["host"] == "::1" else found["host"]
    if address and not _HOST.fullmatch(address):
        wrong.append(f"host={address!r}: must be a host name, as in your-space.signalwire.com")
    if ":" in found["project"]:
        wrong.append("project must not hold a colon")
    if not _is_number(timeout) or timeout <= 0:
        wrong.append(f"timeout={timeout!r}: must be a number of seconds above 0")
    if not _is_number(retries) or isinstance(retries, float) or retries < 0:
        wrong.append(f"retries={retries!r}: must be a whole number from 0")
    if lock is not None and not callable(lock):
        wrong.append("lock must be callable with a conference id; try lock=lambda id: your_lock")
    if confirm is not None and (not _is_number(confirm) or confirm < 0):
        wrong.append(f"confirm={confirm!r}: must be a number of seconds from 0, or None")
    if wrong:
        raise ConfigurationError("The client cannot be built: " + "; ".join(wrong) + ".")
    return Settings(
        project=found["project"],
        token=found["token"],
        host=address,
        timeout=timeout,
        retries=retries,
        lock=lock,
        confirm=confirm,
        journal=None if journal is None else Path(journal),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
