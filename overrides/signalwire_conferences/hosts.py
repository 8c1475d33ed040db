"""One spelling for each host, and whether it is this machine."""

from __future__ import annotations

import ipaddress
import re

__all__ = ["canonical_host", "is_loopback"]

_PARTS = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?")


def canonical_host(host: str) -> str:
    """The one spelling of a host: lower case, without a trailing dot or the default port (80 for
    loopback hosts, which speak HTTP, else 443); IPv6 compressed and in brackets.

    What is no host is given back in lower case.
    """
    name, port = _split(host)
    default = 80 if is_loopback(host) else 443
    return name if port in (None, default) else f"{name}:{port}"


def is_loopback(host: str) -> bool:
    """Whether the host, with or without a port, is this machine."""
    name, _ = _split(host)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _split(host: str) -> tuple[str, int | None]:
    """The name in its one spelling, and the port if there is one."""
    match = _PARTS.fullmatch(host.lower())
    name, digits = match.groups() if match else (host.lower(), None)
    port = int(digits) if digits else None
    try:
        address = ipaddress.IPv6Address(name.strip("[]"))
    except ValueError:
        return name.rstrip("."), port
    # Versions of Python differ in how they spell these.
    mapped = address.ipv4_mapped
    return f"[::ffff:{mapped}]" if mapped else f"[{address}]", port
