"""What a client is built with: credentials, host and habits, all checked at once."""

from __future__ import annotations

import base64
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
_SHORTEST_SECRET = 6  # characters
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

    def masked(self, text: str) -> str:
        """The text without the token, as it is or as the Authorization header has it.

        A token so short that it may be a word by chance is left alone.
        """
        basic = base64.b64encode(f"{self.project}:{self.token}".encode()).decode()
        for secret in (basic, self.token.encode().decode("latin-1"), self.token):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text

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
    given: dict[str, object] = {"project": project, "token": token, "host": host}
    for name, value in given.items():
        if value in (None, ""):
            given[name] = os.environ.get(_VARIABLES[name], "")
    wrong = [text for name, value in given.items() if (text := _wrong_credential(name, value))]
    found = {name: value if isinstance(value, str) else "" for name, value in given.items()}
    # An address as people write it: `::1` alone is IPv6, which a URL wants in brackets.
    address = "[::1]" if found["host"] == "::1" else found["host"]
    if address and not _HOST.fullmatch(address):
        wrong.append(f"host={address!r}: must be a host name, as in your-space.signalwire.com")
    if ":" in found["project"]:
        wrong.append("project must not hold a colon")
    wrong += _wrong_habits(timeout=timeout, retries=retries, lock=lock, confirm=confirm, journal=journal)
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


def _wrong_credential(name: str, value: object) -> str | None:
    if value == "":
        return f"{name} is missing: pass {name}= or set {_VARIABLES[name]}"
    # The value of a credential is told in no message.
    if not isinstance(value, str):
        return f"{name} must be a string"
    return None if value.isprintable() else f"{name} must hold printable characters alone"


def _wrong_habits(
    *, timeout: object, retries: object, lock: object, confirm: object, journal: object
) -> list[str]:
    wrong = []
    if not _is_number(timeout, above=0):
        wrong.append(f"timeout={timeout!r}: must be a number of seconds above 0")
    if isinstance(retries, float) or not _is_number(retries, above=-1):
        wrong.append(f"retries={retries!r}: must be a whole number from 0")
    if lock is not None and not callable(lock):
        wrong.append("lock must be callable with a conference id; try lock=lambda id: your_lock")
    if confirm is not None and confirm != 0 and not _is_number(confirm, above=0):
        wrong.append(f"confirm={confirm!r}: must be a number of seconds from 0, or None")
    if not _is_path(journal):
        wrong.append(f"journal={journal!r}: must be the path of a file, or None")
    return wrong


def _is_path(value: object) -> bool:
    return value is None or (isinstance(value, str | os.PathLike) and str(value) != "")


def _is_number(value: object, *, above: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value > above
