"""What names a host or a server: its parts, the one spelling of it, and whether it is this machine."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, Self
from urllib.parse import unquote, urlsplit

_LABEL = r"[\w-]{1,63}"
_HOST = re.compile(rf"(?:\[(?P<ipv6>[^]]+)\]|(?P<name>{_LABEL}(?:\.{_LABEL})*)\.?)(?::(?P<port>\d{{1,5}}))?", re.ASCII)
_PREFIX = re.compile(r"(?:/(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*", re.ASCII)
_PORTS = {"http": 80, "https": 443}


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


def canonical_host(text: str, scheme: str | None = None) -> str:
    """The one spelling of a host, and of a path behind it: without the default port of the scheme (of none: that which
    the host implies), and IPv6 in brackets. What is no host is given back in lower case.
    """
    text, slash, path = text.partition("/")
    try:
        name, port, _ = host_of(text)
    except ValueError:
        return text.lower() + slash + path
    name = f"[{name}]" if ":" in name else name
    told = port in (None, _PORTS[scheme or implied_scheme(text)])
    return (name if told else f"{name}:{port}") + slash + path


def implied_scheme(host: str) -> str:
    """Loopback hosts speak HTTP, all others HTTPS."""
    return "http" if is_loopback(host) else "https"


def is_loopback(text: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    try:
        name, _, address = host_of(text)
    except ValueError:
        return False
    return name == "localhost" or (address is not None and address.is_loopback)


class Address(NamedTuple):
    """Where a server is: `scheme://host/prefix`, the prefix empty or without a slash at its end."""

    scheme: str
    host: str
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> Self:
        """The address that a URL names.

        Raises:
            ValueError: it names none; the text says what is wrong.
        """
        try:
            parts = urlsplit(url)
            host = parts.netloc.lower()
            host_of(host.rpartition("@")[2])
        except ValueError:
            host = ""
        if not host or not url.isprintable() or parts.scheme not in _PORTS:
            raise ValueError("must be a URL, as in https://gateway.example/signalwire/")
        if "@" in host:
            raise ValueError("must not hold credentials: give project= and token=")
        prefix = parts.path.removesuffix("/")
        if "?" in url or "#" in url or not _PREFIX.fullmatch(prefix) or has_dot_segments(prefix):
            raise ValueError("must end with a plain path: no query, no fragment, no empty or dot segment")
        return cls(parts.scheme, host, prefix)

    @property
    def url(self) -> str:
        """What the paths of the API are appended to."""
        return f"{self.scheme}://{self.host}{self.prefix}"

    @property
    def space(self) -> str:
        """The one spelling of it, without the scheme: what tells spaces apart."""
        implied = implied_scheme(self.host) == self.scheme or host_of(self.host).port is not None
        return canonical_host(self.host if implied else f"{self.host}:{_PORTS[self.scheme]}") + self.prefix


def has_dot_segments(path: str) -> bool:
    """Whether a path may lead above where it begins, in any spelling."""
    return not {".", ".."}.isdisjoint(unquote(path).replace("\\", "/").split("/"))
