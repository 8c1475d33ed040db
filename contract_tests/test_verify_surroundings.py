"""`signalwire-conferences verify` wherever a developer runs it: proxies, netrc, terminals, odd options."""

from __future__ import annotations

import datetime
import gzip
import json
import os
import resource
import shlex
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from broken.making import listed
from signalwire_conferences.outcomes import retry_after
from signalwire_conferences_testing.mock import Fault, MockServer
from signalwire_conferences_testing.verify import command, run
from signalwire_conferences_testing.verify.trying.created import is_leftover, new_mark
from signalwire_conferences_testing.verify.trying.http import bounded, http_time


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    verify = f"{shlex.quote(sys.executable)} -P -m signalwire_conferences.cli verify"
    given = {**os.environ, **environment}
    return subprocess.run(["bash", "-c", line.replace("VERIFY", verify)], env=given, capture_output=True, check=False)


@pytest.mark.long
def test_a_netrc_with_the_right_pair_and_a_dead_proxy_change_nothing(
    server: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = f"machine 127.0.0.1 login {server.project} password {server.token}\n"
    for name in (".netrc", "_netrc"):
        tmp_path.joinpath(name).write_text(netrc, "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    only = ["--promise", "generic/", "--promise", "auth/missing-read"]
    assert command.main([server.url, *only, "--budget", "60"]) == 0
    assert {request.method for request in server.requests} >= {"POST", "PUT"}


@pytest.mark.long
def test_schemathesis_leaves_nothing_in_the_folder_of_the_run(server: MockServer, tmp_path: Path) -> None:
    done = shell(f"cd {shlex.quote(str(tmp_path))} && VERIFY {server.url} --promise generic/")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_that_cannot_be_read_are_2(
    name: str, server: MockServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "/nowhere/at/all")
    assert command.main([server.url.replace("http:", "https:")]) == 2
    assert name in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize(
    "said", ["Wed Oct 21 07:28:00 2015", "Wed, 21 Oct 2015 07:28:00 -0000", "nan", "inf", "-5", "soon", "", None]
)
def test_a_retry_after_that_is_past_or_makes_no_sense_is_no_wait(said: str | None) -> None:
    assert not retry_after({} if said is None else {"retry-after": said}, time.time())


def test_a_retry_after_without_a_zone_is_in_utc() -> None:
    due = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
    assert 50 < (retry_after({"retry-after": due.strftime("%a %b %d %H:%M:%S %Y")}, time.time()) or 0) <= 60
    assert http_time("Wed Oct 21 07:28:00 2015") == datetime.datetime(2015, 10, 21, 7, 28, tzinfo=datetime.UTC)


@pytest.mark.parametrize("said", ["Wed Oct 21 07:28:00 2015", "Wed, 21 Oct 2015 07:28:00 -0000", "nan"])
def test_a_429_with_any_retry_after_costs_nothing(said: str, server: MockServer) -> None:
    server.faults.add(Fault.status(429, said), at=2)
    assert command.main([server.url, "--promise", "status/read"]) == 0


def test_an_error_of_ours_is_2(
    server: MockServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty(_api: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(run, "look_around", faulty)
    assert command.main([server.url]) == 2
    assert "an error of the verification itself" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        *(["--budget", one] for one in ("inf", "nan", "1e11", "0", "-1")),
        *(["--timeout", one] for one in ("inf", "nan", "1e11", "0")),
    ],
)
def test_seconds_that_are_none_are_refused_before_any_request(
    options: list[str], server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([server.url, *options]) == 2
    assert options[0] in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://a..b", "http://.", "http://[::1"])
def test_a_url_that_is_none_is_refused(url: str, server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([url]) == 2
    assert "Cannot verify" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize("link", ["http://[", "http://a b:x/", "//[::1"])
def test_a_link_that_is_no_url_is_a_finding(link: str, server: MockServer) -> None:
    listed(lambda page, _call: page["links"].update(next=link))(server)
    assert command.main([server.url, "--promise", "list/way-back"]) == 1


@pytest.mark.parametrize("option", ["--junit", "--html"])
def test_a_report_that_cannot_be_written_is_refused_before_any_request(
    option: str, server: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "none" / "there"):
        assert command.main([server.url, option, str(path)]) == 2
        assert str(path) in capsys.readouterr().err
    assert server.requests == []


def test_results_are_shown_also_where_the_folder_of_a_report_vanishes(
    server: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    usual = command._verified

    def vanishing(*arguments: object) -> object:
        folder.rmdir()
        return usual(*arguments)  # type: ignore[arg-type]  # as it is called

    monkeypatch.setattr(command, "_verified", vanishing)
    assert command.main([server.url, "--promise", "status/read", "--html", str(folder / "r.html")]) == 2
    said = capsys.readouterr()
    assert "1 kept" in said.out
    assert "cannot be written" in said.err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_a_terminal_that_is_not_utf_8_gets_the_table(encoding: str, server: MockServer) -> None:
    server.faults.add(Fault.status(500, None), "GET", at=3, times=None)
    done = shell(f"VERIFY {server.url} --promise status/ --fail-fast", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("set -o pipefail; VERIFY --list-promises | head -n 1", 0),
        ("set -o pipefail; VERIFY {url} --promise status/read --json | head -c 1", 0),
        ("VERIFY {url} --promise status/read >&-", 0),
        ("VERIFY {url} --promise status/read --json >&-", 0),
    ],
)
def test_whoever_stops_reading_gets_the_exit_code_and_no_traceback(line: str, code: int, server: MockServer) -> None:
    done = shell(line.replace("{url}", server.url))
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


@pytest.mark.long
def test_a_small_answer_that_expands_to_gigabytes_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(gzip.compress(b" " * 2**28) + b" " * 2**28)

    class Bomb(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in (("Content-Encoding", "gzip"), ("Content-Length", str(len(bomb)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(bomb)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            pass

    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "p")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "t")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Bomb) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert command.main([f"http://127.0.0.1:{server.server_address[1]}"]) == 2
        server.shutdown()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000


def test_what_is_not_compressed_as_it_says_stays_as_it_is() -> None:
    for encoding in ("gzip", "br", "gzip, gzip", ""):
        assert bounded(b"{}", encoding) == b"{}"
    assert bounded(gzip.compress(b"{}"), "gzip") == b"{}"


def test_a_conference_that_somebody_called_like_ours_is_no_leftover(server: MockServer) -> None:
    named = server.store.add({"display_name": "signalwire-conferences verify dashboard review"})
    hand = server.store.add({"name": "signalwire-conferences-verify-0123456789abcdef0123456789abcdef-1"})
    # A broken server may have written a display name of ours over another conference.
    spilled = server.store.add({"display_name": f"signalwire-conferences verify {new_mark()}"})
    server.store.patch(spilled, {"created_at": "2020-01-01T00:00:00Z"})
    ours = server.store.add({"name": f"signalwire-conferences-verify-{new_mark()}-1"})
    assert command.main([server.url, "--promise", "status/read", "--remove-leftovers"]) == 0
    assert {named, hand, spilled} <= set(server.store)
    assert ours not in server.store


def test_a_leftover_is_what_a_run_created() -> None:
    mark, now = new_mark(), datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
    assert is_leftover({"name": f"x-{mark}", "display_name": "y"})
    assert is_leftover({"name": "c-1", "display_name": f"signalwire-conferences verify {mark}", "created_at": now})
    assert not is_leftover({"name": f"x-{mark[:-1]}0" if mark[-1] != "0" else f"x-{mark[:-1]}1"})


def test_only_broken_leaves_out_what_is_kept(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    options = [server.url, "--promise", "status/read", "--only-broken"]
    assert command.main([*options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["promises"] == []
    assert told["counts"]["kept"] == 1
    assert {"version", "date", "seed", "url"} <= told.keys()
    assert command.main(options) == 0
    assert "status/read" not in capsys.readouterr().out
