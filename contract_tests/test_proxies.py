"""Proxies and certificates of the environment: which counts, and what is said where one cannot."""

from __future__ import annotations

import base64
import logging
import socket
import ssl
import threading
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certifi
import pytest

from processes import ours
from signalwire_conferences import AsyncRestClient, ConfigurationError, RestClient, TransportError
from signalwire_conferences.proxies import proxy_of
from signalwire_conferences.wire import Wire

STYLES = ["sync", "asyncio"]
SPACE = "space.signalwire.com"
VARIABLES = [
    *(f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")),
    *("REQUEST_METHOD", "SSL_CERT_FILE", "SSL_CERT_DIR"),
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def built(style: str, host: str = SPACE) -> Any:
    """The arguments that a client gives to the transports of httpx."""
    kind = RestClient if style == "sync" else AsyncRestClient
    client = kind("project", "PTsecret-token", host)
    client._transport._close_journal()
    wire = client._transport._wire
    assert isinstance(wire, Wire)
    return wire.options


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("value", ["http://proxy.example:3128", "proxy.example:3128"])
def test_the_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, style: str, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert str(built(style)["proxy"].url) == "http://proxy.example:3128"
    # A loopback host needs neither a proxy nor certificates.
    for host in ("localhost", "127.0.0.1:80", "[::1]:8080"):
        assert built(style, host) == {"trust_env": False, "verify": False}


def test_that_for_https_comes_before_that_for_all_and_that_for_http_is_none(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    monkeypatch.setenv("http_proxy", "http://one.example")
    assert proxy_of(SPACE, tls) is None
    monkeypatch.setenv("ALL_PROXY", "http://two.example")
    monkeypatch.setenv("HTTPS_PROXY", "https://user:password@three.example")
    found = proxy_of(SPACE, tls)
    assert found is not None
    assert str(found.url) == "https://three.example"
    assert found.auth == ("user", "password")
    assert found.ssl_context is tls


# By host: entries that name it, and entries that do not; none is nonsense.
ENTRIES = {
    SPACE: (
        [
            *("*", SPACE, SPACE.upper(), f"{SPACE}.", f"{SPACE}:443", "signalwire.com", ".signalwire.com"),
            *("*.signalwire.com", "com", f"https://{SPACE}", f"all://{SPACE}", "signalwire.com:443"),
            *(f"localhost,fd00::/8,{SPACE}", f"localhost fd00::/8 {SPACE}", f" ,, {SPACE} ,"),
        ],
        [
            *("", "localhost", "localhost,fd00::/8", "::1", "[::1]", "[::1]:443", "fd00::/8", "[fd00::]/8"),
            *("10.0.0.0/8", "127.0.0.1", "127.0.0.1:8080", f"{SPACE}:8443", f".{SPACE}", f"x.{SPACE}"),
            *("ignalwire.com", "wire.com", "example.com", f"http://{SPACE}", "10.0.0.0/255.0.0.0", "fe80::1"),
            *("::/0", "0.0.0.0/0", "fe80::1%eth0", "under_score.example", "xn--mnchen-3ya.example"),
        ],
    ),
    f"{SPACE}:8443": ([SPACE, f"{SPACE}:8443"], [f"{SPACE}:443", f"{SPACE}:80"]),
    f"{SPACE}.": ([SPACE, "signalwire.com"], ["example.com"]),
    "signalwire.com": (["signalwire.com"], [".signalwire.com", "*.signalwire.com"]),
    "10.1.2.3": (
        ["10.1.2.3", "10.0.0.0/8", "10.1.2.3/8", "10.0.0.0/255.0.0.0", "10.1.2.3:443", "0.0.0.0/0"],
        ["10.1.2.4", "10.2.0.0/16", "fd00::/8", "::/0", "10.1.2.3:80", "1.2.3", "2.3"][:-2],
    ),
    "[fd00::1]": (
        [
            *("fd00::1", "[fd00::1]", "[fd00::1]:443", "FD00:0:0::1", "fd00::/8", "[fd00::]/8", "[fd00::/8]"),
            *("fd12:3456::/8", "::/0"),
        ],
        ["fd00::2", "[fd00::1]:80", "fe80::/10", "10.0.0.0/8"],
    ),
    "[fd00::1]:8443": (["fd00::1", "[fd00::1]:8443", "fd00::/8"], ["[fd00::1]:443"]),
}


@pytest.mark.parametrize(
    ("host", "entries", "named"),
    [(host, each, by < 1) for host, both in ENTRIES.items() for by in (0, 1) for each in both[by]],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy_names_hosts_domains_addresses_and_ranges(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tls: ssl.SSLContext,
    variable: str,
    host: str,
    entries: str,
    named: bool,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv(variable, entries)
    assert (proxy_of(host, tls) is None) == named
    assert caplog.records == []


NONSENSE = [
    *("fd00::/129", "10.0.0.0/33", "[::1", "::1]", "host:port", "host:99999", "exa$mple", "10.0.0.256"),
    *("fd00::g", "10.*", "*example.com", "a..b", "/", ":443", ".", "<local>", "10.0.0.0/8/9", "a/8"),
    *("ftp://host", "https://"),
]


@pytest.mark.parametrize("entry", NONSENSE)
def test_nonsense_is_passed_over_with_a_warning_that_names_it_and_the_others_count(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tls: ssl.SSLContext, entry: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", f"localhost,{entry},signalwire.com")
    assert proxy_of(SPACE, tls) is None
    assert proxy_of("example.org", tls) is not None
    assert len(caplog.records) == 2
    for record in caplog.records:
        assert (record.name, record.levelno) == ("signalwire_conferences", logging.WARNING)
        assert "NO_PROXY" in record.getMessage()
        assert repr(entry) in record.getMessage() or "://" in entry


@pytest.mark.parametrize("style", STYLES)
def test_a_client_is_built_whatever_no_proxy_says(monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    monkeypatch.setenv("NO_PROXY", ",".join(["localhost", "fd00::/8", *NONSENSE]))
    assert built(style)["proxy"] is None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    assert built(style)["proxy"] is not None


@pytest.mark.parametrize("entry", ["http://user:hunter2@[proxy", "user:hunter2@pro$xy", "http://user:hunter2"])
def test_a_warning_tells_no_credentials(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tls: ssl.SSLContext, entry: str
) -> None:
    monkeypatch.setenv("NO_PROXY", entry)
    assert proxy_of(SPACE, tls) is None
    assert "NO_PROXY" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "value",
    [
        *("http://user:hunter2@", "ftp://user:hunter2@proxy.example", "http://user:hunter2@proxy:port"),
        *("http://user:hunter2@proxy:999999", "http://user:hunter2@[::1", "user:hunter2@pro xy\\x7f"),
        *("socks4://user:hunter2@proxy.example", "http://user:hunter2@\x01"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable_and_never_by_its_password(
    monkeypatch: pytest.MonkeyPatch, style: str, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        built(style)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if "/signalwire_conferences/" in frame.filename]
    assert ours
    assert "hunter2" not in str(caught.value)
    assert not any("hunter2" in shown for frame in ours for shown in (frame.locals or {}).values())
    assert caught.value.__cause__ is None


def test_a_proxy_that_needs_more_is_told_so(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.example")
    monkeypatch.setattr("signalwire_conferences.proxies.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"ALL_PROXY.*httpx\[socks\]"):
        proxy_of(SPACE, tls)


# --- certificates -------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_certificates_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, style: str) -> None:
    everybody = built(style)["verify"].cert_store_stats()["x509_ca"]
    pem = Path(certifi.where()).read_text("ascii")
    one = tmp_path / "one.pem"
    one.write_text(pem[: pem.index("-----END CERTIFICATE-----") + 25] + "\n", "ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(one))
    assert built(style)["verify"].cert_store_stats()["x509_ca"] == 1 < everybody
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert built(style)["verify"].cert_store_stats()["x509_ca"] == 0  # it looks there when it needs to


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_cannot_be_read_are_named_by_their_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, style: str, name: str
) -> None:
    paths = [tmp_path / "missing", tmp_path / "empty"]
    paths[1].touch()
    for path in paths:
        monkeypatch.setenv(name, str(path))
        with pytest.raises(ConfigurationError, match=name):
            built(style)
        built(style, "localhost")  # which needs none


# --- requests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_a_request_goes_to_the_proxy_with_its_credentials_and_the_token_stays_inside_of_tls(
    monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    asked = []

    def refuse(listener: socket.socket) -> None:
        for _ in range(2):
            with listener.accept()[0] as connection:
                asked.append(connection.recv(65536).decode())
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,), daemon=True)
        thread.start()
        monkeypatch.setenv("https_proxy", f"user:p%40ss@127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "localhost,fd00::/8")
        server: Any = SimpleNamespace(project="project", token="PTsecret-token", host=SPACE)
        with ours(style, server, retries=0) as client:
            for call, arguments in ((client.get, ("id",)), (client.replace, ("id", {"display_name": "x"}))):
                with pytest.raises(TransportError) as caught:
                    call(*arguments)
                assert "unknown" not in caught.value.state  # it was never sent
                assert "407 Proxy" in caught.value.message
                assert "127.0.0.1, the proxy of HTTPS_PROXY" in caught.value.message
                assert "p@ss" not in str(caught.value)
        thread.join()
    pair = base64.b64encode(b"user:p@ss").decode()
    for head in asked:
        assert head.startswith(f"CONNECT {SPACE}:443 HTTP/1.1\r\n")
        assert f"proxy-authorization: basic {pair}".lower() in head.lower()
        assert "\r\nauthorization" not in head.lower()
    assert len(asked) == 2
