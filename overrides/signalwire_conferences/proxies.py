"""Which proxy of the environment is used for a host, decided once: a client has one host."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import ssl
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.request import getproxies

import httpx

from .errors import ConfigurationError, short_repr
from .masking import Secret

__all__ = ["proxy_of"]

_log = logging.getLogger("signalwire_conferences")

_HTTPS_PORT = 443
_LARGEST_PORT = 65535
_NAME = re.compile(r"(?:\*?\.)?[\w-]{1,63}(?:\.[\w-]{1,63})*\.?")
_PORT = re.compile(r"(?P<host>\[.*\]|[^:]*):(?P<port>[0-9]{1,5})")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def proxy_of(host: str, tls: ssl.SSLContext) -> httpx.Proxy | None:
    """The proxy for HTTPS requests to this host, if there is one.

    Args:
        host: a name or address, IPv6 in brackets, with or without a port.
        tls: for a proxy that is spoken to with HTTPS itself.

    Raises:
        ConfigurationError: a variable names what cannot be used as a proxy.
    """
    variable, url = _found(host)
    if not url.value:
        return None
    try:
        proxy = httpx.Proxy(url.value)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    # Raised here and not above: what httpx raises may quote a password.
    if proxy is None or not _is_usable(proxy.url):
        raise ConfigurationError(f"The client cannot be built: {variable} is not the URL of a proxy.")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(
            f"The client cannot be built: {variable} names a SOCKS proxy, which needs httpx[socks]."
        )
    proxy.ssl_context = tls if proxy.url.scheme == "https" else None
    return proxy


def _found(host: str) -> tuple[str, Secret]:
    """The variable that names a proxy for this host, and its value; that is empty if there is none."""
    proxies = getproxies()
    scheme = next((each for each in ("https", "all") if proxies.get(each)), "https")
    # All are read, so that every one without a meaning is told.
    excluded = True in list(_matches(host, proxies.get("no", "")))
    url = "" if excluded else proxies.get(scheme, "")
    return _variable(scheme), Secret(url if "://" in url or not url else f"http://{url}")


def _is_usable(url: httpx.URL) -> bool:
    """Whether host and port are what they must be; httpx looks at less."""
    named = _address(url.host) is not None or _NAME.fullmatch(url.host) is not None
    return named and 0 < (url.port or 1) <= _LARGEST_PORT


def _variable(scheme: str) -> str:
    """The name of the variable that counts, as `getproxies` reads them."""
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), names[1])


def _matches(host: str, no_proxy: str) -> Iterator[bool]:
    name, port = _split(host)
    for entry in re.split(r"[\s,]+", no_proxy):
        if not entry:
            continue
        try:
            yield _match(entry, name, port or _HTTPS_PORT)
        except ValueError:
            # Without what may be the credentials of a proxy.
            scheme, separator, _ = entry.rpartition("@")[2].partition("://")
            said = short_repr(f"{scheme}://…" if separator else scheme)
            _log.warning("%s: %s is not a host, address or range, and is passed over", _variable("no"), said)


def _match(entry: str, name: str, port: int) -> bool:
    """Whether an entry of NO_PROXY names this host.

    Raises:
        ValueError: it names nothing.
    """
    if entry == "*":
        return True
    scheme, separator, rest = entry.partition("://")
    if separator:
        if scheme.lower() not in ("http", "https", "all"):
            raise ValueError(entry)
        return _match(rest, name, port) and scheme.lower() != "http"
    if "/" in entry:
        address = _address(name)
        network = ipaddress.ip_network(re.sub(r"[\[\]]", "", entry), strict=False)
        return address is not None and address in network
    wanted, wanted_port = _split(entry)
    if wanted_port not in (None, port):
        return False
    if (address := _address(wanted)) is not None:
        return address == _address(name)
    if not _NAME.fullmatch(wanted) or wanted.rpartition(".")[2].isdigit():
        raise ValueError(entry)
    suffix = wanted.removeprefix("*")
    return name == suffix or name.endswith(suffix if suffix.startswith(".") else f".{suffix}")


def _split(text: str) -> tuple[str, int | None]:
    """Host and port; the host in lower case, without brackets and trailing dot.

    Raises:
        ValueError: the port is none.
    """
    match = _PORT.fullmatch(text)
    host, port = (match["host"], int(match["port"])) if match else (text, None)
    if port is not None and not 0 < port <= _LARGEST_PORT:
        raise ValueError(text)
    bare = re.fullmatch(r"\[(.*:.*)\]", host)
    return (bare[1] if bare else host).rstrip(".").lower(), port


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
