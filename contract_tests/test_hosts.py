"""One spelling for each host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalwire_conferences import ConfigurationError, RestClient
from signalwire_conferences.hosts import canonical_host, is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("space.signalwire.com", "space.signalwire.com"),
        ("Space.SignalWire.COM.:443", "space.signalwire.com"),
        ("space.signalwire.com:80", "space.signalwire.com:80"),
        ("space.signalwire.com:8443", "space.signalwire.com:8443"),
        ("localhost:80", "localhost"),
        ("LocalHost.:00080", "localhost"),
        ("localhost:443", "localhost:443"),
        ("127.0.0.2:80", "127.0.0.2"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("10.0.0.1:443", "10.0.0.1"),
        ("::1", "[::1]"),
        ("[0:0::1]:80", "[::1]"),
        ("[::1]:443", "[::1]:443"),
        ("[2001:DB8:0:0:1:0:0:1]:443", "[2001:db8::1:0:0:1]"),
        ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ("[::FFFF:a00:1]:443", "[::ffff:10.0.0.1]"),
    ],
)
def test_a_host_has_one_spelling(host: str, expected: str) -> None:
    assert canonical_host(host) == expected


@given(st.text() | st.from_regex(r"\A(\[[0-9a-f:.]*\]|[A-Za-z.]+)(:[0-9]*)?\Z"))
def test_one_spelling_of_whatever_an_old_file_names_is_one(host: str) -> None:
    once = canonical_host(host)
    assert canonical_host(once) == once
    assert is_loopback(once) == is_loopback(host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "localhost:8080", "127.1.2.3:1", "[::1]:80", "::1"])
def test_this_machine_is_told_in_every_spelling(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "[::2]", "127.0.0.1.example", "", "127"])
def test_no_other_machine_is_this_one(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("port", ["0", "00000", "65536", "99999", "-1", "\u0661"])
def test_a_port_that_is_none_is_told_when_the_client_is_built(port: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a host name"):
        RestClient("project", "PTsecret-token", f"space.signalwire.com:{port}")
