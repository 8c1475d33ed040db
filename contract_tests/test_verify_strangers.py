"""`signalwire-conferences verify` beside conferences of others, on a server that is not the mock: one that
counts its ids, in several broken variants. What the run did not create is byte for byte what it was.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE
from signalwire_conferences_testing.verify import Options, Report, verify
from signalwire_conferences_testing.verify.command import main
from signalwire_conferences_testing.verify.trying.created import new_mark

pytestmark = pytest.mark.long  # many runs of a verification

PROJECT, TOKEN = "project-1", "PTsecret-token-0aZ9"
PATH = "/api/video/conferences"
HAND = "signalwire-conferences-verify-0123456789abcdef0123456789abcdef-1"


class Counting:
    """Conferences by ids that count, written against the vendor's page.

    Attributes:
        conferences: as they are stored, each in bytes.
        spelling: how an id is written.
        variant: what is broken.
        touched: what was written to conferences of others, by a request that was about them.
    """

    def __init__(self, variant: str, spelling: Callable[[int], str]) -> None:
        self.variant, self.spelling = variant, spelling
        self.lock = threading.RLock()
        self.count = 0
        self.conferences: dict[str, bytes] = {}
        self.touched: list[str] = []
        names = ["team", HAND, f"signalwire-conferences-verify-{new_mark()[:-1]}x-1", "signalwire-conferences-verify-"]
        shown = ["signalwire-conferences verify dashboard review", "signalwire-conferences verify", "", HAND]
        for number, name in enumerate(names * 5):
            suffix = "" if number < len(names) else f"-{number}"
            self.add({"display_name": shown[number % 4] or "Stand-up", "description": "theirs"}, f"{name}{suffix}")
        self.theirs = dict(self.conferences)

    def add(self, body: dict[str, Any], name: str) -> str:
        self.count += 1
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        fields = dict.fromkeys(contract.fields(UPDATE)) | RESET | body
        whole: dict[str, Any] = {
            "id": self.spelling(self.count),
            "name": name,
            **fields,
            "meta": {},
            "created_at": now,
            "updated_at": now,
        }
        self.conferences[whole["id"]] = json.dumps(whole).encode()
        return str(whole["id"])

    def key(self, asked: str) -> str | None:
        """Ids are read in any case, and counted ones with zeros before them too."""
        wanted = asked.lower().lstrip("0") or "0"
        return next((one for one in self.conferences if (one.lower().lstrip("0") or "0") == wanted), None)


RESET = {
    "quality": "720p",
    "layout": "grid-responsive",
    "size": "medium",
    **dict.fromkeys(("record_on_start", "tone_on_entry_and_exit", "user_join_video_off", "room_join_video_off"), False),
    "enable_chat": True,
    "enable_room_previews": False,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        pass

    def answer(self, status: int, value: Any = None) -> None:
        content = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        if content:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle_all(self) -> None:
        server: Counting = self.server.counting  # type: ignore[attr-defined]  # the fixture gives it one
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pair = base64.b64encode(f"{PROJECT}:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {pair}":
            return self.answer(401, {"error": "Unauthorized"})
        parts = urlsplit(self.path)
        rest = parts.path.removeprefix(PATH)
        with server.lock:
            if rest == parts.path:
                return self.answer(404, {"error": "Not Found"})
            if not rest:
                return self.all_of_them(server, parse_qs(parts.query), sent)
            return self.one(server, unquote(rest[1:]), sent)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_all  # noqa: N815 - likewise

    def all_of_them(self, server: Counting, query: dict[str, list[str]], sent: bytes) -> None:
        if self.command == "GET":
            self.page(server, *(query.get(name, [""])[0] for name in ("page_size", "page_token")))
        elif self.command == "POST":
            body = self.valid(sent)
            if body is not None:
                self.answer(200, self.created(server, body))
        else:
            self.answer(405, {"error": "Method Not Allowed"})

    def page(self, server: Counting, wanted: str, token: str) -> None:
        given = ((wanted, 50), (token, 0))
        size, at = (int(text) if re.fullmatch("[0-9]{1,9}", text) else usual for text, usual in given)
        shown = [json.loads(one) for one in server.conferences.values()]
        ours = [one for one in shown if one["id"] not in server.theirs]
        if server.variant == "hides ours":
            shown = [one for one in shown if one["id"] in server.theirs]
        elif server.variant == "hides theirs":
            shown = ours
        elif server.variant == "shows theirs as ours" and ours:
            shown = [one | {key: ours[0][key] for key in ("name", "display_name")} for one in shown]
        elif server.variant == "shows ours under their ids":
            shown = [one | {"id": server.spelling(1 + number)} for number, one in enumerate(shown)]
        path = f"{PATH}?page_size={size}"
        links = {"self": f"{path}&page_token={at}", "first": path}
        if at + size < len(shown):
            links["next"] = f"{path}&page_number={at // max(size, 1) + 1}&page_token={at + size}"
        self.answer(200, {"links": links, "data": shown[at : at + size]})

    @staticmethod
    def created(server: Counting, body: dict[str, Any]) -> Any:
        first = next(iter(server.theirs))
        if server.variant == "answers theirs":
            return server.conferences[first]
        name = str(body.get("name") or f"c-{server.count + 1}")
        made = server.add({k: v for k, v in body.items() if k in contract.fields(UPDATE)}, name)
        told = {
            "answers their id": first,
            "answers their id otherwise spelt": first.upper() if first.upper() != first else f"0{first}",
            "answers the next id": server.spelling(server.count - 1),
        }
        return json.loads(server.conferences[made]) | {"id": told.get(server.variant, made)}

    def valid(self, sent: bytes) -> dict[str, Any] | None:
        try:
            body = json.loads(sent)
        except (ValueError, RecursionError):
            self.answer(400, {"error": "Bad Request"})
            return None
        if not isinstance(body, dict) or not isinstance(body.get("display_name"), str):
            entry = {"type": "validation_error", "code": "invalid", "message": "is wrong", "attribute": "display_name"}
            self.answer(422, {"errors": [entry | {"url": "https://example.com"}]})
            return None
        return body

    def one(self, server: Counting, asked: str, sent: bytes) -> None:
        known = server.key(asked)
        if known is None:
            return self.answer(404, {"error": "Not Found"})
        if self.command != "GET" and known in server.theirs:
            server.touched.append(f"{self.command} {asked}")
        if self.command == "GET":
            return self.answer(200, server.conferences[known])
        if self.command == "DELETE":
            del server.conferences[known]
            return self.answer(204)
        if self.command != "PUT":
            return self.answer(405, {"error": "Method Not Allowed"})
        body = self.valid(sent)
        if body is None:
            return None
        old = json.loads(server.conferences[known])
        fields = {k: v for k, v in body.items() if k in contract.fields(UPDATE)}
        kept = {k: old[k] for k in ("id", "name", "meta", "created_at")}
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        whole: dict[str, Any] = {
            **old,
            **dict.fromkeys(contract.fields(UPDATE)),
            **RESET,
            **fields,
            **kept,
            "updated_at": now,
        }
        server.conferences[known] = json.dumps(whole).encode()
        return self.answer(200, server.conferences[known])


SPELLINGS: dict[str, Callable[[int], str]] = {"1": str, "uuid": lambda number: f"abcdef00-0000-4000-8000-{number:012x}"}
VARIANTS = (
    *("none", "answers theirs", "answers their id", "answers their id otherwise spelt", "answers the next id"),
    *("hides ours", "hides theirs", "shows theirs as ours", "shows ours under their ids"),
)


@pytest.fixture
def counting(request: pytest.FixtureRequest) -> Iterator[tuple[Counting, str]]:
    variant, spelling = request.param
    counting = Counting(variant, SPELLINGS[spelling])
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.counting = counting  # type: ignore[attr-defined]  # as the handler reads it
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield counting, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def verified(url: str, *only: str, **more: Any) -> Report:
    return verify(Options(url, PROJECT, TOKEN, only=only, **more))


def unharmed(counting: Counting) -> None:
    assert counting.touched == []
    assert {one: counting.conferences.get(one) for one in counting.theirs} == counting.theirs


EVERY = [(variant, spelling) for variant in VARIANTS for spelling in SPELLINGS]


def some(spelling: str) -> list[Any]:
    """One spelling of ids now, the other with the long budget."""
    return [
        pytest.param(one, marks=[] if one[1] == spelling else [pytest.mark.long], id="-".join(one)) for one in EVERY
    ]


@pytest.mark.parametrize("counting", some("1"), indirect=True)
def test_conferences_of_others_are_byte_for_byte_what_they_were(counting: tuple[Counting, str]) -> None:
    server, url = counting
    report = verified(url, "status/", "put/bare", "isolation/", "state/", budget=20)
    unharmed(server)
    if server.variant.startswith("answers"):
        assert "isolation/new-id" in {one.promise.id for one in report.broken}
    if server.variant in ("none", "hides ours", "hides theirs"):
        assert set(server.conferences) == set(server.theirs)
    elif not server.variant.startswith("answers"):
        told = " ".join(report.remarks)
        assert [one for one in server.conferences if one not in server.theirs and one not in told] == []


@pytest.mark.long
@pytest.mark.parametrize("counting", EVERY, indirect=True, ids="-".join)
def test_schemathesis_harms_nobody_either(counting: tuple[Counting, str]) -> None:
    server, url = counting
    verified(url, "generic/", budget=50)
    unharmed(server)


@pytest.mark.parametrize("counting", some("uuid"), indirect=True)
def test_removing_leftovers_removes_no_other(counting: tuple[Counting, str], monkeypatch: pytest.MonkeyPatch) -> None:
    server, url = counting
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", PROJECT)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", TOKEN)
    left = server.add({"display_name": "x"}, f"signalwire-conferences-verify-{new_mark()}-1")
    main([url, "--promise", "status/read", "--remove-leftovers", "--budget", "20"])
    unharmed(server)
    if server.variant in ("none", "hides theirs"):
        assert left not in server.conferences
