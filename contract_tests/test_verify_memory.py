"""`signalwire-conferences verify` against small answers that expand: what a run costs in memory."""

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from broken.making import answers
from signalwire_conferences_testing.mock import Call, MockServer, Reply

pytestmark = pytest.mark.long  # many runs of a verification

MIB = 2**20
OWN, WITH_SCHEMATHESIS = 350, 600  # MiB
#: Measures a command in a process of its own, which has next to nothing: a child begins with what its parent has.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(code, most // (2**20 if sys.platform == "darwin" else 2**10), file=sys.stderr)
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    with MockServer(token="PTsecret-token-0aZ9", keep_requests=False) as mock:
        monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", mock.project)
        monkeypatch.setenv("SIGNALWIRE_API_TOKEN", mock.token)
        yield mock


def measured(server: MockServer, *options: str) -> tuple[int, int]:
    """The exit code of a run, and how many MiB its largest process had."""
    command = [sys.executable, "-P", "-m", "signalwire_conferences.cli", "verify", server.url, *options]
    done = subprocess.run(
        [sys.executable, "-P", "-c", MEASURE, *command], capture_output=True, text=True, check=False, timeout=300
    )
    assert "Traceback" not in done.stderr, done.stderr
    *_, code, most = done.stderr.split()
    print(most, "MiB")
    return int(code), int(most)


def member(filler: bytes, size: int) -> Callable[[bytes], bytes]:
    """One member more, of this size."""
    return lambda content: content.rstrip()[:-1] + b', "more": [' + filler * (size // len(filler)) + b"0]}"


def space(size: int) -> Callable[[bytes], bytes]:
    return lambda content: content + b" " * size


def wide(content: bytes) -> bytes:
    """A text of which one character makes all others take four bytes."""
    return content.rstrip()[:-1] + ', "more": "\N{MOVIE CAMERA}'.encode() + b"x" * (11 * MIB) + b'"}'


EXPANDING = {
    "spaces that are too many": space(40 * MIB),
    "spaces": space(11 * MIB),
    "objects": member(b"{},", 11 * MIB),
    "texts": member(b'"ab",', 11 * MIB),
    "texts in half a MiB": member(b'"' + b"x" * 50 + b'",', MIB // 2 - 10_000),
    "texts in two MiB": member(b'"' + b"x" * 50 + b'",', 2 * MIB - 10_000),
    "objects in a few KiB": member(b"{},", 55_000),
    "a wide text": wide,
}


def expands(how: str, *methods: str) -> Callable[[MockServer], None]:
    """Answers that are right at first, and then a few KiB that expand."""
    count = 0

    def bomb(reply: Reply, call: Call) -> None:
        nonlocal count
        count += 1
        if count > 3 and call.method in methods and reply.status == 200:
            reply.content = gzip.compress(EXPANDING[how](reply.content), 1)
            reply.headers["content-encoding"] = "gzip"

    return answers(bomb)


CASES = [(how, methods) for how in EXPANDING for methods in (("GET",), ("PUT", "POST"))]


@pytest.mark.parametrize(
    ("how", "methods"),
    [
        pytest.param(how, methods, marks=[] if how == "objects" else [pytest.mark.long], id=f"{how}-{methods[0]}")
        for how, methods in CASES
    ],
)
def test_a_run_stays_small(how: str, methods: tuple[str, ...], server: MockServer) -> None:
    expands(how, *methods)(server)
    only = [part for start in ("put/", "state/", "isolation/", "list/") for part in ("--promise", start)]
    code, most = measured(server, "--budget", "40", *only)
    assert code in (0, 1)
    assert most < OWN


@pytest.mark.long
@pytest.mark.parametrize("how", EXPANDING)
def test_a_run_with_schemathesis_stays_small(how: str, server: MockServer) -> None:
    expands(how, "GET", "PUT", "POST")(server)
    _, most = measured(server, "--budget", "50", "--promise", "generic/")
    assert most < WITH_SCHEMATHESIS
