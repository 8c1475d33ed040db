"""`signalwire-conferences verify` over https: whom it believes, and which way it takes."""

import base64
import os
from pathlib import Path

import certifi
import pytest

from signalwire_conferences_testing.mock import MockServer
from signalwire_conferences_testing.verify import Options, Report, verify
from signalwire_conferences_testing.verify.command import main
from test_verify_surroundings import shell
from tls_support import Authority, proxy

OWN = "status/success"
BOTH = (OWN, "generic/negative-data-rejection")
NAMED = ("file", "folder", "folders", "folder-and-other-file")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def environment(authority: Authority, name: str) -> dict[str, str]:
    """Variables that name a private authority."""
    elsewhere = str(authority.file.parent)
    return {
        "file": {"SSL_CERT_FILE": str(authority.file)},
        "folder": {"SSL_CERT_DIR": str(authority.folder)},
        "folders": {"SSL_CERT_DIR": os.pathsep.join([elsewhere, str(authority.folder)])},
        "folder-and-other-file": {"SSL_CERT_DIR": str(authority.folder), "SSL_CERT_FILE": certifi.where()},
    }[name]


def outcomes(report: Report) -> dict[str, tuple[str, str]]:
    return {one.promise.id: (one.outcome.value, one.message) for one in report.results}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(
    "only", [pytest.param(BOTH, marks=pytest.mark.long, id="both"), pytest.param((OWN,), id="own")]
)
def test_a_private_authority_that_the_environment_names_is_believed(
    only: tuple[str, ...], name: str, authority: Authority, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environment(authority, name).items():
        monkeypatch.setenv(variable, value)
    with authority.before(server) as url:
        report = verify(Options(url, server.project, server.token, only=only, budget=60))
    assert outcomes(report) == dict.fromkeys(only, ("kept", ""))


@pytest.mark.long
def test_both_halves_go_through_the_proxy_that_the_client_takes(
    authority: Authority, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[str] = []
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with authority.before(server) as url, proxy(url.removeprefix("https://"), heads) as address:
        # Without a scheme, and with exclusions that other libraries stumble over or take for this host.
        monkeypatch.setenv("HTTPS_PROXY", f"us%40er:p%2Fa@{address}")
        monkeypatch.setenv("NO_PROXY", "fd00::/8,http://space.example,[::1]:80")
        report = verify(Options("https://space.example", server.project, server.token, only=BOTH, budget=60))
    assert outcomes(report) == dict.fromkeys(BOTH, ("kept", ""))
    assert {head.partition("\r\n")[0] for head in heads} == {"CONNECT space.example:443 HTTP/1.1"}
    pair = base64.b64encode(b"us@er:p/a").decode().lower()
    assert all(f"proxy-authorization: basic {pair}" in head.lower() for head in heads)


@pytest.mark.parametrize("named", ["nothing", "an authority of somebody else"])
def test_a_certificate_that_nobody_vouches_for_is_2_and_one_sentence(
    named: str,
    authority: Authority,
    server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if named != "nothing":
        monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    with authority.before(server) as url:
        assert main([url]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "certificate" in said.err
    assert "SSL_CERT_FILE" in said.err
    assert server.requests == []


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("what", ["missing", "empty", "no certificate", "the other kind"])
def test_authorities_that_cannot_be_read_are_2_and_one_sentence(
    name: str,
    what: str,
    server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    path = tmp_path / "here"
    if what in ("empty", "no certificate"):
        path.write_text("" if what == "empty" else "-----BEGIN CERTIFICATE-----\nnone\n", "ascii")
    elif what == "the other kind" and name == "SSL_CERT_FILE":
        path.mkdir()
    elif what == "the other kind":
        path.touch()
    monkeypatch.setenv(name, str(path))
    assert main([server.url.replace("http:", "https:")]) == 2
    said = capsys.readouterr().err
    assert name in said
    assert len(said.splitlines()) == 1
    assert server.requests == []


def test_the_command_believes_it_too(authority: Authority, server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with authority.before(server) as url:
        done = shell(f"VERIFY {url} --promise status/read")
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("proxy", ["no:proxy:at:all", "http://", "socks5://127.0.0.1:1"])
def test_a_proxy_that_is_none_is_2_and_one_sentence(
    proxy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert main(["https://space.example"]) == 2
    said = capsys.readouterr().err
    assert "HTTPS_PROXY" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("excluded", ["fd00::/8", "[::1]:80", "10.0.0.0/8,,a b", "nonsense://"])
def test_odd_exclusions_are_passed_over(
    excluded: str, monkeypatch: pytest.MonkeyPatch, server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", excluded)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert main(["https://space.example"]) == 2
    assert "does not answer" in capsys.readouterr().err
    assert main(["http://space.example"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert main([server.url, "--promise", "status/read"]) == 0
