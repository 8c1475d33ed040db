"""Which proxy of the environment is used for a host. It is decided once: a client has one host."""

import logging
import os
import re
from contextlib import suppress
from importlib.util import find_spec
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.request import getproxies

from .errors import ConfigurationError, short_repr
from .hosts import Host, host_of
from .masking import Secret

if TYPE_CHECKING:
    import ssl

    import httpx

_log = logging.getLogger("signalwire_conferences")


def proxy_of(host: str, tls: "ssl.SSLContext") -> "httpx.Proxy | None":
    """The proxy for HTTPS requests to this host, if there is one.

    Args:
        host: a name or address, IPv6 in brackets, with or without a port.
        tls: for a proxy that itself uses HTTPS.

    Raises:
        ConfigurationError: a variable does not name a usable proxy.
    """
    proxies = Secret(getproxies())
    scheme = next((each for each in ("https", "all") if proxies.value.get(each)), "")
    # All entries are read, so that every invalid one is logged.
    excluded = [_excludes(entry, host_of(host)) for entry in re.split(r"[\s,]+", proxies.value.get("no", ""))]
    if not scheme or any(excluded):
        return None
    import httpx  # noqa: PLC0415 - only if there is a proxy

    variable, url = _variable(scheme), Secret(proxies.value[scheme])
    proxy: httpx.Proxy | None = None
    with suppress(ValueError, httpx.InvalidURL):  # which may contain a password
        named = httpx.Proxy(url.value if "://" in url.value else f"http://{url.value}")
        host_of(named.url.netloc.decode())  # httpx checks less
        proxy = named
    if proxy is None:
        raise ConfigurationError(f"The client cannot be built: {variable} is not the URL of a proxy.")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(f"The client cannot be built: {variable} names a SOCKS proxy: install httpx[socks].")
    proxy.ssl_context = tls if proxy.url.scheme == "https" else None
    return proxy


def _variable(scheme: str) -> str:
    """The name of the variable that `getproxies` uses."""
    name = f"{scheme}_proxy"
    return name if os.environ.get(name) else name.upper()


def _excludes(entry: str, host: Host) -> bool:
    """Whether an entry of NO_PROXY names this host."""
    if entry in ("", "*"):
        return entry == "*"
    try:
        return _names(entry, host)
    except ValueError:
        # Without the credentials of a proxy.
        said = short_repr(re.sub("://.*|.*@", "…", entry))
        _log.warning("%s: %s is not a host, address or range, and is ignored", _variable("no"), said)
        return False


def _names(entry: str, host: Host) -> bool:
    scheme, _, name = entry.lower().rpartition("://")
    if scheme not in ("", "http", "https", "all"):
        raise ValueError(entry)
    if "/" in name:
        network = ip_network(re.sub(r"[\[\]]", "", name), strict=False)
        return host.address is not None and host.address in network
    wanted = host_of(re.sub(r"^\*?\.", "", name))
    # An entry that starts with a dot excludes subdomains, but not the domain itself.
    named = host.name.endswith(f".{wanted.name}") or (host.name == wanted.name and name[0] not in "*.")
    return named and wanted.port in (None, host.port or 443) and scheme != "http"
