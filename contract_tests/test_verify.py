"""`signalwire-conferences verify`: what it touches, what it says, and when it gives up."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import yaml

from broken import SERVERS
from broken.making import answers
from conftest import VERIFY_TOKEN as TOKEN
from processes import wait_for
from signalwire_conferences.contract import UPDATE
from signalwire_conferences.values import decode_json
from signalwire_conferences_testing.mock import Call, Fault, MockServer, Reply
from signalwire_conferences_testing.verify import CannotRun, Options, Outcome, Report, Result, verify
from signalwire_conferences_testing.verify.command import base_url, is_loopback, main
from signalwire_conferences_testing.verify.promises import promises
from signalwire_conferences_testing.verify.telling import templated
from signalwire_conferences_testing.verify.telling.masking import Mask
from signalwire_conferences_testing.verify.trying import bench as bench_module
from signalwire_conferences_testing.verify.trying import samples
from signalwire_conferences_testing.verify.trying.claims import Claim, status
from signalwire_conferences_testing.verify.trying.created import NAME_PREFIX
from signalwire_conferences_testing.verify.trying.credentials import basic, wrong_credentials
from signalwire_conferences_testing.verify.trying.exchange import Exchange
from signalwire_conferences_testing.verify.trying.story import Story

ROOT = Path(__file__).parent.parent
SOME = ("status/success", "put/bare", "list/pages", "auth/wrong-write", "schema/")


def arguments(*only: str) -> list[str]:
    return [part for one in only for part in ("--promise", one)]


def broken(name: str, server: MockServer) -> None:
    next(one for one in SERVERS if one.name == name).make(server)


# --- what it answers ----------------------------------------------------------------------------------


def test_all_kept_is_0(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([server.url, *arguments(*SOME)]) == 0
    shown = capsys.readouterr().out
    assert "put/bare" in shown
    assert re.search(r"\d+ kept, 0 broken", shown)


def test_a_broken_promise_is_1_with_a_request_that_shows_it(
    server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    broken("patches", server)
    assert main([server.url, *arguments("put/bare")]) == 1
    shown = capsys.readouterr().out
    assert "broken" in shown
    assert re.search(r"curl -isS -X PUT -u \"\$SIGNALWIRE_PROJECT_ID:\$SIGNALWIRE_API_TOKEN\"", shown)
    assert "jq -r .id" in shown


def in_bash(script: str, server: MockServer) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SIGNALWIRE_PROJECT_ID": server.project, "SIGNALWIRE_API_TOKEN": server.token}
    return subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, check=False)


def test_the_commands_that_are_shown_reproduce_the_finding(server: MockServer) -> None:
    broken("choice-any-case", server)
    options = Options(server.url, server.project, server.token, only=("refuses/choice-put",))
    commands = verify(options).broken[0].commands
    for _ in range(2):
        done = in_bash("\n".join(["set -u", *commands]), server)
        assert "HTTP/1.1 200" in done.stdout, (commands, done)
        assert done.stderr == ""


def test_a_script_ends_well_where_the_fault_is_mended(server: MockServer) -> None:
    broken("patches", server)
    report = verify(Options(server.url, server.project, server.token, only=("put/bare",)))
    script = report.broken[0].findings[0].script
    done = in_bash(script, server)
    assert (done.returncode, done.stderr) == (1, "")
    assert "it is not" in done.stdout
    server.faults.clear()
    done = in_bash(script, server)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(server.store) == 1


def echoes(server: MockServer) -> None:
    """A failure that tells the request's headers, and the credentials decoded."""

    def echo(reply: Reply, call: Call) -> None:
        _, _, encoded = call.headers["authorization"].partition(" ")
        told = {"error": f"failed at {dict(call.headers)}", "user": base64.b64decode(encoded).decode()}
        reply.status, reply.content = 500, json.dumps(told).encode()

    answers(echo, "PUT")(server)


@pytest.mark.parametrize(
    "name",
    [
        "echoes",
        *(pytest.param(n, marks=pytest.mark.long) for n in ("patches", "token-prefix", "list-open", "scheme-ignored")),
    ],
)
def test_no_output_shows_the_token(
    name: str, server: MockServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if name == "echoes":
        echoes(server)
    else:
        broken(name, server)
    only = arguments("auth/", "put/bare", "status/documented")
    encoded = base64.b64encode(f"{server.project}:{TOKEN}".encode()).decode()
    for more in (["--html", f"{tmp_path}/r.html", "--junit", f"{tmp_path}/r.xml"], ["--json"]):
        assert main([server.url, *only, *more]) == 1
    written = [path.read_text("utf-8") for path in tmp_path.iterdir()]
    for text in (*capsys.readouterr(), *written):
        assert TOKEN not in text
        assert TOKEN[:-1] not in text
        assert TOKEN[1:] not in text
        assert encoded[:30] not in text


@pytest.mark.parametrize("token", [TOKEN, "t0ken", "tökén-of-some-length", 'a "quoted" token & more'])
def test_the_mask_hides_every_form_of_the_token_and_its_near_misses_and_nothing_else(token: str) -> None:
    right = basic(f"project-1:{token}", "", right=True)
    mask = Mask("project-1", token, right)
    for one in (right, *wrong_credentials("project-1", token)):
        said = f"refused: {json.dumps({'authorization': one.header})}"
        shown = mask(said)
        assert token not in shown
        for word in re.findall(r"[A-Za-z0-9+/]{16,}=*", shown):
            assert token[1:-1].encode() not in base64.b64decode(word + "==")
    assert token not in mask(f"project-1:{token} and {quote(token)}")
    assert mask(f"cut here: {right.header}"[:45]) == "cut here: Basic <masked>"
    for plain in ("project-1", "the page_token of a link", "signalwire-conferences-verify-0a1b", "Basic"):
        assert mask(plain) == plain


def test_json_junit_and_html_say_the_same(
    server: MockServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken("patches", server)
    junit, page = tmp_path / "r.xml", tmp_path / "r.html"
    assert main([server.url, *arguments(*SOME), "--json", "--junit", str(junit), "--html", str(page)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["broken"] == 1
    [one] = [promise for promise in told["promises"] if promise["outcome"] == "broken"]
    assert one["id"] == "put/bare"
    assert one["reproduce"][-1].startswith("curl ")
    suites = ElementTree.parse(junit).getroot()
    assert suites.get("tests") == str(len(told["promises"]))
    assert [case.get("classname") for case in suites.iter("testcase") if case.find("failure") is not None] == [
        "contract.put"
    ]
    shown = page.read_text("utf-8")
    assert "1 of" in shown
    assert "put/bare" in shown
    assert not re.search(r"(src|href)=.?(https?:)?//", shown), "the page needs something else"


def test_a_run_that_could_not_verify_leaves_no_file_of_an_earlier_one(
    server: MockServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    junit, page = tmp_path / "r.xml", tmp_path / "r.html"
    files = ["--junit", str(junit), "--html", str(page)]
    assert main([server.url, *arguments("status/read"), *files]) == 0
    server.stop()
    capsys.readouterr()
    assert main([server.url, *arguments("status/read"), *files, "--json"]) == 2
    assert "no connection" in json.loads(capsys.readouterr().out)["error"]
    suites = ElementTree.parse(junit).getroot()
    assert (suites.get("tests"), suites.get("errors")) == ("1", "1")
    [error] = suites.iter("error")
    assert "no connection" in str(error.get("message"))
    assert "Not verified" in page.read_text("utf-8")
    assert "promise is kept" not in page.read_text("utf-8")


def test_the_verdict_on_a_run_that_found_nothing_because_it_could_not() -> None:
    kept = Result(next(iter(promises())), Outcome.KEPT)
    options = Options("http://x", "p", TOKEN)
    for report, expected in (
        (Report(options, [kept]), "verdict kept"),
        (Report(options, [kept], stopped="the server stopped answering", failed=True), "verdict open"),
        (Report(options, [kept], faults=["a check"]), "verdict open"),
        (Report(options, [Result(kept.promise, Outcome.BROKEN)], failed=True), "verdict broken"),
        (Report(options, [Result(kept.promise, Outcome.BROKEN)]), "verdict broken"),
    ):
        assert expected in templated.html(report)
        errors = ElementTree.fromstring(templated.junit(report)).get("errors")
        assert errors == str(int(report.failed or bool(report.faults)))


def test_the_page_tells_of_leftovers() -> None:
    kept = Result(next(iter(promises())), Outcome.KEPT)
    report = Report(Options("http://x", "p", TOKEN), [kept], leftovers=["a", "b"])
    assert "2 conferences of an earlier run" in templated.html(report)


def test_a_command_has_printable_characters_only_and_sends_the_same(server: MockServer) -> None:
    bodies = [
        json.dumps({"display_name": "\x7f \x00 \u2028 \ufeff é 🎥 'q' \\"}, ensure_ascii=False).encode(),
        b'\r\n\t {"display_name": "it\'s \\u0041"} \n',
        b'{"display_name": "\xff\\\\"}',
    ]
    for body in bodies:
        request = Exchange(
            "update_video_conference",
            "PUT",
            f"{server.url}/api/video/conferences/{next(iter(server.store))}",
            {"Content-Type": "application/json"},
            body,
            basic(f"{server.project}:{server.token}", "", right=True),
        )
        [command] = Story([request], Claim(status(request)), ["no mark"]).commands()
        assert command.isprintable()
        assert in_bash(command, server).returncode == 0
        sent = server.requests[-1].content
        assert sent == body or (sent.isascii() and decode_json(sent) == decode_json(body))


def test_colours_are_left_out_where_nobody_sees_them(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    main([server.url, *arguments("status/read")])
    assert "\x1b[" not in "".join(capsys.readouterr())


def test_the_same_seed_sends_the_same(server: MockServer) -> None:
    def sent() -> list[tuple[str, Any]]:
        server.requests.clear()
        only = ("put/other-fields", "dates/sweep", "state/random-walk")
        verify(Options(server.url, server.project, server.token, seed=7, only=only))
        return [
            (request.method, {k: v for k, v in (request.body or {}).items() if k not in ("name", "display_name")})
            for request in server.requests
        ]

    assert sent() == sent()


def test_what_is_sent_for_promises_on_all_answers_hides_nothing_of_the_others(server: MockServer) -> None:
    broken("create-201", server)
    report = verify(Options(server.url, server.project, server.token, only=("schema/", "status/success")))
    assert [one.promise.id for one in report.broken] == ["status/success"]


def test_fail_fast_stops_at_the_first(server: MockServer) -> None:
    broken("patches", server)
    report = verify(Options(server.url, server.project, server.token, fail_fast=True))
    assert [one.promise.id for one in report.broken] == ["put/bare"]
    assert report.requests < 1000


# --- what it touches ----------------------------------------------------------------------------------


def writes(server: MockServer) -> list[str]:
    return [f"{r.method} {r.path}" for r in server.requests if r.method not in ("GET", "HEAD")]


def test_a_host_that_is_not_loopback_is_only_read(server: MockServer) -> None:
    report = verify(Options(server.url, server.project, server.token, writes=False))
    assert report.broken == []
    assert writes(server) == []
    kept = {one.promise.id for one in report.having(Outcome.KEPT)}
    assert {"auth/wrong-read", "status/bad-query", "schema/list"} <= kept
    assert len(report.having(Outcome.NOT_EXERCISED)) > 50


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("http://127.9.9.9", True),
        ("https://example.signalwire.com", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
    ],
)
def test_what_is_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:1/", "http://localhost:1"),
        ("example.signalwire.com", "https://example.signalwire.com"),
        ("http://127.0.0.1:8080/api/video/conferences", "http://127.0.0.1:8080"),
        ("https://proxy.example/space/api/video/", "https://proxy.example/space"),
    ],
)
def test_urls_as_people_give_them(given: str, expected: str) -> None:
    assert base_url(given) == expected


@pytest.mark.parametrize("given", ["", "ftp://x", "http://", "http://p:t@x", "http://x?y=1", "http://x:99999"])
def test_what_is_no_url_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"URL|query"):
        base_url(given)


@pytest.mark.parametrize(
    "given",
    [
        "http://proj:PTsecret@x:99999",
        "http://proj:PTse/cret@x",
        "proj:PTsecret@x",
        "ftp://proj:PTsecret@x",
        "http://proj:PTsecret@[::1",
        "http://proj:PTsecret\u2100@x",
        "http://x?token=PTsecret",
        "http://x/#PTsecret",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_shown(given: str) -> None:
    with pytest.raises(ValueError, match=r"URL") as refused:
        base_url(given)
    assert "PTse" not in str(refused.value)
    assert "cret" not in str(refused.value)


def test_the_named_conference_is_put_back_and_no_other_is_touched(server: MockServer) -> None:
    named = server.store.add({**whole(), "meta": {"a": 1}})
    before = {one: server.store[one] for one in server.store}
    report = verify(
        Options(server.url, server.project, server.token, writes=False, conference_id=named, only=("put/",))
    )
    assert [one.promise.id for one in report.having(Outcome.KEPT)] == ["put/session-stays"]
    assert {line.split()[1] for line in writes(server)} == {f"/api/video/conferences/{named}"}
    after = {one: server.store[one].copy() for one in server.store}
    after[named]["updated_at"] = before[named]["updated_at"]
    assert after == before


def test_the_named_conference_is_put_back_whatever_case_its_id_is_given_in(server: MockServer) -> None:
    named = server.store.add({**whole(), "id": "a3f1c0de-0000-4000-8000-00000000c0fe"})
    before = server.store[named]
    report = verify(
        Options(
            server.url, server.project, server.token, writes=False, conference_id=named.upper(), only=("put/session",)
        )
    )
    assert [one.outcome for one in report.results] == [Outcome.KEPT]
    assert "PUT" in {request.method for request in server.requests}
    assert {**server.store[named], "updated_at": before["updated_at"]} == before


def test_a_fault_of_a_check_is_seen_and_the_named_conference_put_back(
    server: MockServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named = server.store.add(whole())
    before = server.store[named]

    def faulty(*_arguments: object) -> str | None:
        raise PermissionError("not here")

    monkeypatch.setattr(bench_module, "as_sent", faulty)
    only = arguments("put/session-stays", "status/read")
    assert main([server.url, "--conference", named, *only]) == 2
    assert "not here" in capsys.readouterr().out
    assert "PUT" in {request.method for request in server.requests}
    assert {**server.store[named], "updated_at": before["updated_at"]} == before


def test_a_conference_that_could_not_be_put_back_is_named(server: MockServer) -> None:
    named = server.store.add(whole())
    server.faults.add(Fault.status(500), "PUT", at=2, times=None)
    report = verify(Options(server.url, server.project, server.token, conference_id=named, only=("put/session",)))
    assert f"{named} could not be put back" in report.results[0].message


def whole() -> dict[str, Any]:
    """A conference with a value in every field."""
    return {"display_name": "Board", **samples.custom(UPDATE, 3)}


def test_the_named_conference_is_put_back_where_the_budget_is_spent_meanwhile(server: MockServer) -> None:
    named = server.store.add(whole())
    before = server.store[named]
    # The budget leaves seconds for the quick requests before it, and is spent while this one hangs.
    server.faults.add(Fault.hang_after(), "PUT")
    report = verify(
        Options(
            server.url, server.project, server.token, conference_id=named, only=("put/session",), budget=6, timeout=60
        )
    )
    assert "budget" in report.results[0].message
    assert [request.method for request in server.requests].count("PUT") == 2
    assert {**server.store[named], "updated_at": before["updated_at"]} == before


def test_nulls_are_put_back_where_a_conference_of_our_own_showed_how(server: MockServer) -> None:
    named = server.store.add({"display_name": "Board", "description": None})
    before = server.store[named]
    for writes_too, expected in ((False, Outcome.NOT_EXERCISED), (True, Outcome.KEPT)):
        report = verify(
            Options(
                server.url, server.project, server.token, writes=writes_too, conference_id=named, only=("put/session",)
            )
        )
        assert report.results[0].outcome is expected
        assert {**server.store[named], "updated_at": before["updated_at"]} == before


def test_a_conference_that_cannot_be_put_back_is_not_written_to(server: MockServer) -> None:
    named = server.store.add({**whole(), "size": None})
    report = verify(Options(server.url, server.project, server.token, conference_id=named, only=("put/session",)))
    assert writes(server) == []
    assert "size" in report.results[0].message


def leftovers(server: MockServer) -> list[str]:
    with server.store.lock:
        return [one for one in server.store if server.store[one]["name"].startswith(NAME_PREFIX)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_created_is_removed_and_what_was_found_is_told_when_it_is_interrupted(
    number: int, server: MockServer
) -> None:
    broken("patches", server)
    process = started(server.url, "--json")
    wait_for(lambda: len(server.requests) > 800)
    process.send_signal(number)
    out, said = process.communicate(timeout=30)
    report = json.loads(out)
    assert report["stopped"] == "interrupted"
    assert report["counts"]["broken"]
    assert report["counts"]["not exercised"]
    assert process.returncode == 130, said
    assert "Interrupted" in said
    assert leftovers(server) == []
    assert len(server.store) == 1


def test_what_could_not_be_removed_is_named_when_it_is_interrupted(server: MockServer) -> None:
    server.faults.add(Fault.status(500), "DELETE", times=None)
    process = started(server.url)
    wait_for(lambda: len(leftovers(server)) > 1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    left = leftovers(server)
    assert left
    assert "is removed" not in said
    assert all(one in said for one in left), (left, said)


def test_what_was_created_without_an_answer_is_found_in_however_long_a_list() -> None:
    """The mock lists the oldest first, so it is on the last page."""
    strangers = [{"display_name": "Stranger"} for _ in range(6005)]
    with MockServer(strangers, token=TOKEN, keep_requests=False) as mock:
        mock.faults.add(Fault.drop_after(), "POST")
        report = verify(Options(mock.url, mock.project, mock.token, only=("accepts/least",)))
        assert leftovers(mock) == []
        assert len(mock.store) == 6005
    assert report.notes == []


def test_a_list_that_cannot_be_read_to_its_end_is_told_of_where_a_create_had_no_answer(server: MockServer) -> None:
    server.faults.add(Fault.drop_after(), "POST")
    server.faults.add(Fault.status(500), "GET", at=3, times=None)
    report = verify(Options(server.url, server.project, server.token, only=("accepts/least",)))
    assert [note for note in report.notes if NAME_PREFIX in note]


def test_a_list_with_another_success_status_is_read_to_its_end_all_the_same(server: MockServer) -> None:
    broken("list-206", server)
    report = verify(Options(server.url, server.project, server.token, only=("status/read", "accepts/least")))
    assert [one.promise.id for one in report.broken] == ["status/read"]
    assert report.notes == []


def test_what_a_killed_run_left_behind_is_named_and_removed_when_asked_for(
    server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults.add(Fault.hang_before(), "PUT")
    process = started(server.url)
    wait_for(lambda: bool(server.faults.fired))
    process.kill()
    process.communicate()
    left = leftovers(server)
    assert left
    assert main([server.url, *arguments("status/read")]) == 0
    assert "--remove-leftovers" in capsys.readouterr().out
    assert leftovers(server) == left
    assert main([server.url, *arguments("status/read"), "--remove-leftovers"]) == 0
    assert leftovers(server) == []
    assert len(server.store) == 1


def started(url: str, *more: str) -> subprocess.Popen[str]:
    # A shell that runs the tests in the background has told them, and so their children, to ignore Ctrl-C.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        " from signalwire_conferences.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-P", "-c", code, "verify", url, *arguments("put/", "dates/"), *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )


# --- servers that are none, or none that can be verified ------------------------------------------------


class Odd(BaseHTTPRequestHandler):
    """Answers whatever its server says."""

    def do_GET(self) -> None:
        self.server.answer(self)  # type: ignore[attr-defined]  # the tests give it one

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the names are the library's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
        pass


def plain(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hangs(_handler: BaseHTTPRequestHandler) -> None:
    time.sleep(60)


def closes(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def drips(head: bytes, drop: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer of which a little comes every now and then, without an end."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        with contextlib.suppress(OSError):
            handler.wfile.write(head)
            for _ in range(100):
                handler.wfile.write(drop)
                time.sleep(0.3)

    return answer


def floods(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(80):
            handler.wfile.write(b" " * 2**20)


OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ODD = {
    "drips": (drips(OK_HEAD + b"Content-Length: 1000\r\n\r\n", b" "), "no whole answer within 1 second"),
    "drips-headers": (drips(OK_HEAD, b"X-Drop: 1\r\n"), "no whole answer within 1 second"),
    "floods": (floods, "the answer has more than"),
    "hangs": (hangs, "no answer within"),
    "closes": (closes, "closed"),
    "html": (plain(200, b"<html>hello</html>", Content_Type="text/html"), "no server of this API"),
    "html-404": (plain(404, b"<html>no</html>", Content_Type="text/html"), "no server of this API"),
    "json-404": (plain(404, b'{"error": "Not Found"}'), "does not exist"),
    "401": (plain(401, b'{"error": "Unauthorized"}'), "refuses the credentials"),
    "redirects": (plain(308, b"", Location="https://elsewhere.example/"), "redirects (308) to https://elsewhere"),
    "empty": (plain(200, b""), "no server of this API"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_server_that_cannot_be_verified_is_2_with_a_clear_message_soon(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "p")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "t")
    answer, expected = ODD[name]
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Odd) as odd:
        odd.daemon_threads = True
        odd.answer = answer  # type: ignore[attr-defined]  # as `Odd` reads it
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        begin = time.monotonic()
        assert main([f"http://127.0.0.1:{odd.server_address[1]}", "--timeout", "1"]) == 2
        assert time.monotonic() - begin < 30
        odd.shutdown()
    said = capsys.readouterr()
    assert "Cannot verify" in said.err
    assert expected in said.err
    assert said.out == ""


def test_a_server_that_is_not_there_is_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "p")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "t")
    with MockServer() as mock:
        url = mock.url
    assert main([url]) == 2
    assert "does not answer: no connection" in capsys.readouterr().err


def test_missing_credentials_are_named_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://127.0.0.1:1"]) == 2
    said = capsys.readouterr().err
    assert "SIGNALWIRE_PROJECT_ID" in said
    assert "SIGNALWIRE_API_TOKEN" in said


def test_an_unknown_promise_is_refused(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([server.url, "--promise", "nonsense"]) == 2
    assert "--list-promises" in capsys.readouterr().err


@pytest.mark.long
def test_a_server_that_stops_answering_is_no_server_that_keeps_its_promises(server: MockServer) -> None:
    server.faults.add(Fault.hang_before(), at=20, times=None)
    # Long enough for every answer of a busy machine that does come.
    report = verify(Options(server.url, server.project, server.token, timeout=2, budget=600))
    assert report.failed
    assert report.stopped == "the server stopped answering"
    assert report.seconds < 60


def test_a_server_that_closes_connections_without_a_word_is_clean(server: MockServer) -> None:
    """An idle connection may be closed at any time, also just when the next request is on its way."""
    lost: set[bytes] = set()
    with closing_proxy(server, lost) as url:
        only = ("state/delete-is-final", "auth/wrong-write", "state/many")
        report = verify(Options(url, server.project, server.token, only=only))
    assert not report.failed, report.stopped
    assert {one.promise.id: one.message for one in report.results} == dict.fromkeys(only, "")
    assert report.stayed == []
    assert lost - {b""} == {b"GET", b"PUT"}, "what must not be sent twice was risked on an older connection"


@contextlib.contextmanager
def closing_proxy(server: MockServer, lost: set[bytes]) -> Iterator[str]:
    """A way to a mock that closes each connection when an answer is out and the next request is in,
    the method of which is added to `lost`."""

    class Closing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            inner = http.client.HTTPConnection(server.url.removeprefix("http://"))
            inner.request(self.command, self.path, body or None, dict(self.headers))
            answer = inner.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("date", "server", "connection"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            inner.close()
            # Waits for the next request, so that it is always lost.
            if select.select([self.connection], [], [], 1)[0]:
                lost.add(self.connection.recv(8, socket.MSG_PEEK).partition(b" ")[0])
            self.close_connection = True

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names are the library's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Closing) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}"
        finally:
            proxy.shutdown()


def test_a_429_now_and_then_is_waited_for(server: MockServer) -> None:
    for at in range(5, 300, 20):
        server.faults.add(Fault.status(429, "0.01"), at=at)
    report = verify(Options(server.url, server.project, server.token, only=("put/bare", "list/", "auth/")))
    assert report.broken == []


def test_a_server_that_only_says_429_ends_with_the_budget(server: MockServer) -> None:
    server.faults.add(Fault.status(429), times=None)
    begin = time.monotonic()
    with pytest.raises(CannotRun, match="429"):
        verify(Options(server.url, server.project, server.token, budget=2))
    assert time.monotonic() - begin < 30


def test_the_budget_ends_a_run_and_what_was_not_tried_says_so(server: MockServer) -> None:
    server.faults.add(Fault.latency(0.02), times=None)
    report = verify(Options(server.url, server.project, server.token, budget=3))
    assert report.broken == []
    assert report.seconds < 60  # some 7,000 requests take 140 s
    assert "the budget is spent" in {one.message for one in report.having(Outcome.NOT_EXERCISED)}
    assert leftovers(server) == []


@pytest.mark.long
def test_a_server_with_absolute_links_etags_and_hundreds_of_conferences_is_clean() -> None:
    strangers = [{"name": f"n{number}", "display_name": "Stranger"} for number in range(400)]
    with MockServer(strangers, etag=True, absolute_links=True, token=TOKEN) as mock:
        own = ("list/", "state/", "put/bare", "isolation/")
        report = verify(Options(mock.url, mock.project, mock.token, only=own))
        pages = [r for r in mock.requests if r.method == "GET" and r.query == "page_size=1000"]
        assert {one.promise.id: one.message for one in report.broken} == {}
        assert len(pages) < 10
        assert len(mock.store) == 400


# --- in a workflow ------------------------------------------------------------------------------------


def test_the_workflow_of_a_consumer_verifies_in_one_step(server: MockServer, tmp_path: Path) -> None:
    workflow = yaml.safe_load(Path(__file__).with_name("consumer_workflow.yml").read_text("utf-8"))
    steps = workflow["jobs"]["contract"]["steps"]
    [step] = [one for one in steps if one.get("name") == "Verify the contract"]
    assert set(step["env"]) == {"BASE_URL", "SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN"}
    [command] = step["run"].strip().splitlines()
    others = [one for one in steps if one is not step]
    assert "secrets" not in json.dumps([others, workflow["env"]]), "the token is in a step that needs none"
    assert all(re.search(r"@[0-9a-f]{40}$", one["uses"]) for one in steps if "uses" in one)
    [install] = [one["run"] for one in steps if one.get("name") == "Install"]
    assert "sha256sum --check" in install.splitlines()[0]
    assert install.splitlines()[1] == 'pip install "$WHEEL[contract]"'
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-e", "-c", f"{command} {' '.join(arguments(*SOME))}"],
        cwd=tmp_path,
        env={**os.environ, "BASE_URL": server.url, "PATH": f"{scripts}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    uploaded = next(one for one in steps if "upload-artifact" in one.get("uses", ""))["with"]["path"]
    assert sorted(path.name for path in tmp_path.glob(uploaded)) == ["contract.html", "contract.xml"]


def test_make_contract_verifies_the_server_it_is_given(server: MockServer) -> None:
    done = subprocess.run(
        ["make", "contract", f"BASE_URL={server.url}", f"ARGS={' '.join(arguments('status/read'))}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 kept" in done.stdout


@pytest.mark.parametrize(("name", "said"), [("list-206", "broken"), ("", "could not run")])
def test_make_contract_tells_broken_from_could_not_run(name: str, said: str, server: MockServer) -> None:
    if name:
        broken(name, server)
    url = server.url if name else "http://127.0.0.1:1"
    command = ["make", "contract", f"BASE_URL={url}", f"ARGS={' '.join(arguments('status/read'))}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"contract: {said}" in done.stderr


def test_to_import_the_verification_loads_no_schemathesis() -> None:
    code = (
        "import sys, signalwire_conferences_testing.verify.command;"
        "sys.exit('schemathesis' in sys.modules or 'hypothesis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
