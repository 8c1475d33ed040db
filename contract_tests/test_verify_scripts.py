"""What a report prints comes through a shell as the run sent it: odd ids, media types and bodies."""

import itertools
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from broken import SERVERS
from signalwire_conferences_testing.mock import MockServer, store
from signalwire_conferences_testing.verify import Options, verify
from signalwire_conferences_testing.verify.trying.api import Api
from signalwire_conferences_testing.verify.trying.claims import Claim, status
from signalwire_conferences_testing.verify.trying.credentials import basic
from signalwire_conferences_testing.verify.trying.story import Story

pytestmark = pytest.mark.long  # many runs of a verification

ODD_IDS = {
    "quotes": """it's "quoted" `id` """,
    "shell": r"$(id) $HOME ${x} \n !! ~ * ? & ; | > < #",
    "not ASCII": "é 東京 🎥 \u2028",
    "URL": "%41 %2e a+b=c {a,b}[1-3] @:",
    "option": "-o x",
    "spaces": "  two  spaces  ",
}


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([], token="PTsecret-token-0aZ9") as mock:
        yield mock


def in_bash(script: str, server: MockServer, **more: str) -> subprocess.CompletedProcess[str]:
    pair = {"SIGNALWIRE_PROJECT_ID": server.project, "SIGNALWIRE_API_TOKEN": server.token}
    environment = {**os.environ, **pair, **more}
    return subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, check=False)


def broken(name: str, server: MockServer) -> None:
    next(one for one in SERVERS if one.name == name).make(server)


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("patches", "put/bare"),
        ("by-body", "put/server-fields"),
        ("id-by-its-beginning", "status/near-id"),
        ("deletes-namesake", "state/delete-is-final"),
    ],
)
@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids(odd: str, name: str, promise: str, server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count(1)
    # As long as those that are compared by their beginning.
    ids = (f"{ODD_IDS[odd]}{next(numbers):0{36 - len(ODD_IDS[odd])}}" for _ in itertools.count())
    monkeypatch.setattr(store, "uuid", SimpleNamespace(uuid4=lambda: next(ids), UUID=uuid.UUID))
    broken(name, server)
    report = verify(Options(server.url, server.project, server.token, only=(promise,)))
    finding = report.broken[0].findings[0]
    assert finding.seen_again
    for _ in range(2):
        done = in_bash(finding.script, server)
        assert (done.returncode, done.stderr) == (1, ""), (finding.script, done)
    done = in_bash("\n".join(["set -u", *finding.commands]), server)
    assert done.stderr == "", finding.commands


def test_a_proxy_of_the_environment_is_not_asked(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    broken("patches", server)
    for name in ("http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    [result] = verify(Options(server.url, server.project, server.token, only=("put/bare",))).broken
    done = in_bash(result.findings[0].script, server)
    assert (done.returncode, done.stderr) == (1, "")
    done = in_bash("\n".join(["set -u", *result.commands]), server)
    assert (done.returncode, done.stderr) == (0, "")


PUTS: dict[str, tuple[bytes | None, dict[str, str]]] = {
    "empty": (b"", {}),
    "none": (None, {}),
    "blank": (b" \n", {}),
    "no media type": (b"{}", {"Content-Type": ""}),
    "odd media type": (b"{}", {"Content-Type": """text/'x'; a="b $HOME \\"; c=`id`"""}),
    "media type beyond ASCII": (b"{}", {"Content-Type": "text/é"}),
    "begins as a file does": (b"@/etc/hostname", {}),
    "quotes": (b"""{"display_name": "it's \\"x\\" $HOME `id` \\\\ !! %s"}""", {}),
    "bytes": (bytes(range(256)), {}),
    "NUL alone": (b"\0", {}),
    "not UTF-8": (b"\xff'\xfe", {}),
    "line ends": (b"\r\n\t\x0b", {}),
    "long": (b"%\\ " * 400 + b"%" * 5000 + b"\\" * 5000 + b"'" * 5000, {}),
    "longer than a command line may be": (b"x" * 200_000 + b"yz" * 40_000, {}),
}


@pytest.mark.parametrize("odd", PUTS)
def test_odd_bodies_and_media_types(odd: str, server: MockServer) -> None:
    content, headers = PUTS[odd]
    one = server.store.add({"display_name": "x"})
    api = Api(
        server.url,
        basic(f"{server.project}:{server.token}", "", right=True),
        timeout=10,
        deadline=time.monotonic() + 60,
    )
    api.seen, api.guard = lambda _: None, lambda *_: None
    sent = api.send("PUT", api.path(one), content=content, headers=headers)
    api.close()
    story = Story([sent], Claim(status(sent), "is", 599), ["no mark"])
    for text in (story.script("x"), *story.commands()):
        done = in_bash(text, server)
        assert done.stderr == "", text[:500]
        ours, theirs = server.requests[0], server.requests[-1]
        assert theirs.content == ours.content
        assert theirs.headers.get("content-type") == ours.headers.get("content-type")
        assert ours is not theirs
