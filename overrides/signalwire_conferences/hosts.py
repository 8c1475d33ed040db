"""What names a host: its parts, the one spelling of it, and whether it is this machine."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

_LABEL = r"[\w-]{1,63}"
_HOST = re.compile(rf"(?:\[(?P<ipv6>[^]]+)\]|(?P<name>{_LABEL}(?:\.{_LABEL})*)\.?)(?::(?P<port>\d{{1,5}}))?", re.ASCII)


class Host(NamedTuple):
    """A host in one spelling: lower case, no dot at the end, IPv6 compressed and without brackets."""

    name: str
    port: int | None
    address: IPv4Address | IPv6Address | None


def host_of(text: str) -> Host:
    """The host that a text names, with or without a port; IPv6 with or without brackets.

    Raises:
        ValueError: it names none.
    """
    text = text.lower()
    match = _HOST.fullmatch(text)
    address: IPv4Address | IPv6Address | None
    if match is None or match["ipv6"]:
        address = IPv6Address(match["ipv6"] if match else text)
        # Versions of Python differ in how they spell these.
        name = f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else str(address)
    else:
        name = match["name"]
        address = IPv4Address(name) if name.rpartition(".")[2].isdigit() else None
    port = int(match["port"]) if match and match["port"] else None
    if port is not None and not 0 < port < 2**16:
        raise ValueError(text)
    return Host(name, port, address)


def canonical_host(text: str) -> str:
    """The one spelling of a host: without the default port (80 for loopback hosts, which speak HTTP, else 443), and
    IPv6 in brackets. What is no host is given back in lower case.
    """
    try:
        name, port, _ = host_of(text)
    except ValueError:
        return text.lower()
    name = f"[{name}]" if ":" in name else name
    return name if port in (None, 80 if is_loopback(text) else 443) else f"{name}:{port}"


def is_loopback(text: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    try:
        name, _, address = host_of(text)
    except ValueError:
        return False
    return name == "localhost" or (address is not None and address.is_loopback)
