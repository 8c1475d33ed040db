"""`signalwire-conferences verify` where a server is odd, or the verification itself at fault: never a
traceback, and exit code 1 only for a promise that is broken.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broken.making import answers, listed
from signalwire_conferences import outcomes
from signalwire_conferences_testing.mock import Call, Fault, MockServer, Reply
from signalwire_conferences_testing.verify import run, watching
from signalwire_conferences_testing.verify.command import main
from signalwire_conferences_testing.verify.trying import bench, story
from test_verify_surroundings import shell


@pytest.mark.parametrize(
    "said",
    [
        *("Wed Oct 21 07:28:00 2015", "Wed, 21 Oct 2015 07:28:00 -0000", "Wednesday, 21-Oct-15 07:28:00 GMT"),
        *("nan", "NaN", "inf", "-inf", "infinity", "1e400", "-1e400", "-5", "-0", "soon", " ", "0x10", "1_0"),
        *(
            "Wed, 99 Oct 2015 07:28:00 GMT",
            "Wed, 21 Oct 99999 07:28:00 GMT",
            "Wed, 21 Oct 2015 07:28:00 +9999",
            "," * 300,
        ),
    ],
)
def test_a_retry_after_that_is_past_or_makes_no_sense_is_no_wait(said: str, server: MockServer) -> None:
    assert not outcomes.retry_after({"retry-after": said}, time.time())
    server.faults.add(Fault.status(429, said.encode("utf-8").decode("latin-1")), at=2)
    assert main([server.url, "--promise", "status/read"]) == 0


def test_a_retry_after_that_never_ends_ends_with_the_budget(server: MockServer) -> None:
    server.faults.add(Fault.status(429, "1e300"), at=3, times=None)
    assert main([server.url, "--promise", "status/read", "--budget", "3"]) == 2


LINKS: list[Any] = [
    *(
        "http://[",
        "http://a b:x/",
        "//[::1",
        "http://a..b/",
        "\\\\x",
        "http://127.0.0.1:99999/",
        "ftp://x/y",
        "mailto:x",
    ),
    *("", " ", "#", "?", "/", "\x00", "/a\r\nX: y", "http://\ud800/", "a" * 100_000, "http://" + "a" * 300 + ".test/"),
    *(7, True, [], {}, ["/a"]),
]


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(link, id=repr(link)[:30], marks=[pytest.mark.long] if at % 12 else [])
        for at, link in enumerate(LINKS)
    ],
)
def test_a_link_that_is_no_url_is_a_finding(link: Any, server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    listed(lambda page, _call: page["links"].update(next=link))(server)
    assert main([server.url, "--promise", "list/", "--promise", "schema/", "--budget", "20"]) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert "did not come to its end" not in said.out


@pytest.mark.parametrize("location", [None, "", "http://[", "//a b", "/\udce9", "x" * 5000, "javascript:alert(1)"])
@pytest.mark.parametrize("at", [1, 4])
def test_a_redirect_is_told_wherever_it_leads(
    at: int, location: str | None, server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 0

    def redirect(reply: Reply, _call: Call) -> None:
        nonlocal count
        count += 1
        if count >= at:
            reply.status, reply.content = 302, b""
            if location is not None:
                reply.headers["location"] = location.encode("utf-8", "surrogateescape").decode("latin-1")

    answers(redirect)(server)
    assert main([server.url, "--promise", "status/"]) == (2 if at == 1 else 1)
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert "302" in said.out + said.err


# --- a fault of our own -------------------------------------------------------------------------------


def fails(*_arguments: Any, **_options: Any) -> Any:
    raise ZeroDivisionError("ours")


def in_a_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bench.Bench, "new", fails)


def in_a_watch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(watching, "_WATCHES", [(name, fails) for name, _ in watching._WATCHES])


def in_the_story(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(story.Story, "script", fails)


def in_the_clean_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run._Run, "clean", fails)


def in_the_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run._Run, "conclude", fails)


FAULTS = (in_a_check, in_a_watch, in_the_story, in_the_clean_up, in_the_end)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_verification_is_never_1(
    fault: Callable[[pytest.MonkeyPatch], None], server: MockServer, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    if fault is in_the_story:
        server.faults.add(Fault.status(500, None), "PUT", times=None)
    files = ["--junit", str(tmp_path / "r.xml"), "--html", str(tmp_path / "r.html")]
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        assert main([server.url, "--promise", "put/bare", "--promise", "status/read", *files]) == 2
    said = capsys.readouterr()
    assert "ours" in said.out + said.err
    for path in tmp_path.iterdir():
        assert "ours" in path.read_text("utf-8")
    assert len(server.store) == 1 or fault is in_the_clean_up


def test_a_fault_of_a_report_is_2(server: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("signalwire_conferences_testing.verify.telling.report.Report.how", property(fails))
    assert main([server.url, "--promise", "status/read", "--html", str(tmp_path / "report.html")]) == 2


# --- terminals ----------------------------------------------------------------------------------------

TERMINALS: dict[str, dict[str, str]] = {
    "plain": {},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "utf-16": {"PYTHONIOENCODING": "utf-16"},
    "dumb": {"TERM": "dumb"},
    "no TERM": {"TERM": ""},
    "unknown": {"TERM": "nonsense"},
    "narrow": {"COLUMNS": "20", "LINES": "5"},
    "one column": {"COLUMNS": "1"},
    "odd columns": {"COLUMNS": "0"},
    "no number": {"COLUMNS": "x"},
    "no colour": {"NO_COLOR": "1"},
    "colour": {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
}
OUTPUTS = {
    "": "",
    "head": " | head -n 1 >/dev/null",
    "closed": " >&-",
    "both closed": " >&- 2>&-",
    "all closed": " <&- >&- 2>&-",
    "full": " >/dev/full",
    "nothing to complain to": " 2>/dev/full",
    "terminal": "script",
}


def odd(server: MockServer) -> None:
    """What breaks, with text that not every terminal can show."""

    def change(reply: Reply, call: Call) -> None:
        if call.method == "PUT":
            reply.status, reply.content = (
                500,
                json.dumps({"error": "é 🎥 \x1b[31m \u202e"}, ensure_ascii=False).encode(),
            )

    answers(change)(server)


@pytest.mark.long
@pytest.mark.parametrize(
    ("output", "terminal"),
    [
        pytest.param(one, other, marks=[] if one == "head" or other == "plain" else [pytest.mark.long])
        for one in OUTPUTS
        for other in TERMINALS
    ],
)
def test_every_terminal_gets_the_exit_code_and_no_traceback(output: str, terminal: str, server: MockServer) -> None:
    odd(server)
    line = f"VERIFY {server.url} --promise put/bare --promise status/read"
    if output == "terminal":
        line = f"script -qec {json.dumps(line)} /dev/null"
    else:
        line = f"set -o pipefail; {line}{OUTPUTS[output]}"
    done = shell(line, **TERMINALS[terminal])
    assert b"Traceback" not in done.stdout + done.stderr, done.stderr.decode("utf-8", "replace")
    assert b"Error" not in done.stderr, done.stderr
    assert done.returncode == 1, done.stderr
    assert (b"standard output cannot be written" in done.stderr.replace(b"\0", b"")) == (output == "full")
    assert b"\x1b[31m \xe2" not in done.stdout
    if terminal in ("no colour", "dumb") or (output != "terminal" and terminal != "colour"):
        assert b"\x1b[3" not in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("option", ["--json", "--list-promises", "--help", "--only-broken"])
@pytest.mark.parametrize("output", ["", "head", "closed"])
def test_every_option_too(output: str, option: str, server: MockServer) -> None:
    odd(server)
    done = shell(f"set -o pipefail; VERIFY {server.url} --promise put/bare {option}{OUTPUTS[output]}", LC_ALL="C")
    assert b"Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode == (1 if option in ("--json", "--only-broken") else 0), done.stderr


@pytest.mark.parametrize("option", ["", "--json", "--list-promises"])
def test_a_full_disk_is_2_where_nothing_is_broken(option: str, server: MockServer) -> None:
    done = shell(f"VERIFY {server.url} --promise status/read {option} >/dev/full")
    assert done.returncode == 2
    assert b"standard output cannot be written: No space left" in done.stderr
    assert b"Traceback" not in done.stderr
