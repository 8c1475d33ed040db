"""The token is in no error, repr or traceback with local variables, whatever an answer echoes."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from processes import Ours, ours
from signalwire_conferences import (
    AsyncRestClient,
    ConferencesError,
    ConflictError,
    Difference,
    InvalidChangeError,
    RestClient,
    VerificationError,
)
from signalwire_conferences.masking import Secret, masker, without_secrets
from signalwire_conferences_testing.mock import Fault, MockServer

TOKEN = "PTsecret-token-that-nobody-may-see"
TOKENS = [TOKEN, 'PT"quoted\\secret', "PTsécrét-tökén", "PT'both\"kinds\\of", "PT with spaces/and?more&such"]
ID = "conference-id"


def spellings(token: str) -> list[str]:
    pair = base64.b64encode(f"mock-project:{token}".encode()).decode()
    return [token, json.dumps(token)[1:-1], json.dumps(token, ensure_ascii=False)[1:-1], repr(token)[1:-1], pair]


def told(error: BaseException) -> str:
    """Everything that an error shows, with the local variables of our own frames and httpx's."""
    shown = [str(error), repr(error), repr(vars(error)), repr(error.args)]
    chain: list[traceback.TracebackException | None] = [
        traceback.TracebackException.from_exception(error, capture_locals=True)
    ]
    for each in chain:
        if each is not None:
            chain += [each.__cause__, each.__context__]
            shown += ["\n".join(each.format_exception_only())]
            outside = [frame for frame in each.stack if "contract_tests" not in frame.filename]
            shown += [repr(frame.locals) for frame in outside]
    return "\n".join(shown)


def assert_hidden(error: BaseException, token: str = TOKEN) -> None:
    text = told(error)
    for spelling in spellings(token):
        assert spelling not in text
    assert token[:12] not in text  # not even the beginning


# --- answers of success that echo it ------------------------------------------------------------------


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("where", ["{}", "x" * 60 + "{}", "{}" * 3, "a long text. " * 60 + "{}"])
def test_an_error_that_quotes_an_answer_hides_it_and_the_put_has_it(style: str, token: str, where: str) -> None:
    echo = where.replace("{}", token)
    conference = {"id": ID, "layout": "2x2", "description": echo, "echo": {"deep": [echo], echo: 1}}
    with MockServer([conference], token=token) as server, ours(style, server, retries=0) as client:
        server.faults.add(Fault.field_changed("layout", "3x3"), "PUT")
        with pytest.raises(VerificationError) as caught:
            client.update(ID, layout="5up")
        [put] = [request for request in server.requests if request.method == "PUT"]
        assert put.body["description"] == echo
        assert_hidden(caught.value, token)
        assert "***" in caught.value.before["description"]
        assert_hidden(pickle.loads(pickle.dumps(caught.value)), token)


def test_a_conflict_hides_it(style: str) -> None:
    with MockServer([{"id": ID, "description": "a"}], token=TOKEN) as server, ours(style, server) as client:
        plan = client.plan(ID, description="b")
        server.store.patch(ID, {"description": f"x{TOKEN}"})
        with pytest.raises(ConflictError) as caught:
            client.apply(plan)
        assert_hidden(caught.value)
        assert caught.value.theirs == "x***"


@pytest.mark.parametrize("call", ["get", "list", "create", "update", "replace", "delete"])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.body(text) for text in (f'{{"id": "{TOKEN}"}}', f'"{TOKEN}"', f"<p>{TOKEN}", f'["{TOKEN}"]')),
        *(Fault.body(text) for text in (f'{{"data": ["{TOKEN}"], "links": {{}}}}', f'{{"{TOKEN}": NaN}}')),
    ],
    ids=str,
)
def test_an_answer_that_is_none_is_told_without_it(style: str, call: str, fault: Fault) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"list": (), "create": (), "replace": (ID, {"display_name": "x"})}
    fields = {"create": {"display_name": "x"}, "update": {"layout": "5up"}}.get(call, {})
    with MockServer([{"id": ID}], token=TOKEN) as server, ours(style, server, retries=0) as client:
        server.faults.add(fault, times=None)
        try:
            getattr(client, call)(*arguments.get(call, (ID,)), **fields)
        except ConferencesError as error:
            assert_hidden(error)


def test_what_does_not_have_it_is_left_as_it_is() -> None:
    error = VerificationError(ID, [Difference("a", [1, {"b": ()}], b"c")], {"a": {"deep": ["text"]}}, state="so")
    before = {name: id(value) for name, value in vars(error).items()}
    without_secrets(error, masker("project", Secret(TOKEN)))
    assert {name: id(value) for name, value in vars(error).items()} == before


def test_nor_is_an_error_touched_that_the_caller_was_handling() -> None:
    with MockServer([], token=TOKEN) as server, ours("sync", server) as client:
        try:
            {"": 0}[TOKEN]
        except KeyError:
            with pytest.raises(ConferencesError) as caught:
                client.get(ID)
    handled = caught.value.__context__
    assert isinstance(handled, KeyError)
    assert handled.args == (TOKEN,)
    assert handled.__traceback__ is not None


@pytest.mark.parametrize("token", TOKENS)
def test_a_text_that_was_cut_in_its_middle_does_not_show_its_beginning(token: str) -> None:
    mask = masker("project", Secret(token))
    for length in range(6, len(token) + 1):
        for end in ("…", "'…", "'… (99 characters)"):
            assert token[:6] not in mask(f"said {token[:length]}{end}")
            assert mask(f"said {token[:length]}{end}").startswith("said ***")
    assert mask("nothing to hide…") == "nothing to hide…"


# --- tracebacks -----------------------------------------------------------------------------------------


WRONG: dict[str, dict[str, Any]] = {
    "timeout": {"timeout": -1},
    "host": {"host": "no host"},
    "project": {"project": "a:b"},
    "journal": {"journal": "/nowhere/at/all"},
    "retries": {"retries": "many"},
    "no token": {"token": b"PTsecret-token-that-nobody-may-see"},
    "unprintable": {"token": TOKEN + "\n"},
    "host with credentials": {"host": f"project:{TOKEN}@space.signalwire.com"},
    "base_url with credentials": {"base_url": f"https://project:{TOKEN}@gateway.example/"},
    "base_url with a query": {"host": None, "base_url": f"https://gateway.example/?token={TOKEN}"},
    "base_url with a fragment": {"host": None, "base_url": f"https://gateway.example/#{TOKEN}"},
    "clear text": {"host": None, "base_url": "http://gateway.example/"},
    "http_client": {"http_client": 5},
    "on_event": {"on_event": 5},
    "proxy": {"HTTPS_PROXY": "ftp://proxy"},
    "certificates": {"SSL_CERT_FILE": "/nowhere"},
}


@pytest.mark.parametrize("kind", [RestClient, AsyncRestClient])
@pytest.mark.parametrize("given", ["argument", "environment"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_client_that_cannot_be_built_shows_no_token_in_its_frames(
    monkeypatch: pytest.MonkeyPatch, kind: Any, given: str, wrong: str
) -> None:
    options: dict[str, Any] = {"project": "project", "token": TOKEN, "host": "space.signalwire.com"}
    for name, value in WRONG[wrong].items():
        if name.isupper():
            monkeypatch.setenv(name, value)
        else:
            options[name] = value
    if given == "environment" and isinstance(options["token"], str):
        monkeypatch.setenv("SIGNALWIRE_API_TOKEN", options.pop("token"))
    with pytest.raises(ConferencesError) as caught:
        kind(**options)
    assert_hidden(caught.value)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    [made] = [frame.f_locals["self"] for frame in frames if frame.f_code is kind.__init__.__code__]
    assert repr(made) == f"{kind.__name__}(not built)"


@pytest.mark.parametrize("kind", [RestClient, AsyncRestClient])
def test_a_client_that_was_never_built_has_a_repr(kind: Any) -> None:
    assert repr(kind.__new__(kind)) == f"{kind.__name__}(not built)"


FAILURES: dict[str, Fault] = {
    "dropped": Fault.drop_after(),
    "hung": Fault.hang_before(),
    "truncated": Fault.truncated(),
    "server error": Fault.status(500),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_call_that_fails_shows_no_token_in_its_frames(style: str, failure: str, method: str) -> None:
    with MockServer([{"id": ID, "layout": "2x2"}], token=TOKEN) as server:
        server.faults.add(FAILURES[failure], "PUT", times=None)
        server.faults.add(FAILURES[failure], "GET", at=1 if method == "GET" else 2, times=None)
        with ours(style, server, retries=0, timeout=0.5) as client, pytest.raises(ConferencesError) as caught:
            client.update(ID, layout="5up")
    assert_hidden(caught.value)


def test_nor_does_one_that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: Any, **_options: Any) -> Any:
        raise KeyboardInterrupt

    with MockServer([{"id": ID}], token=TOKEN) as server, RestClient(server.project, TOKEN, server.host) as client:
        client.video.conferences.get(ID)
        monkeypatch.setattr("httpcore._backends.sync.SyncStream.write", interrupted)
        monkeypatch.setattr("socket.socket.sendall", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.video.conferences.get(ID)
    assert_hidden(caught.value)


def test_nor_one_that_is_cancelled() -> None:
    async def main(server: MockServer) -> BaseException:
        async with AsyncRestClient(server.project, TOKEN, server.host) as client:
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.2):
                    await client.video.conferences.get(ID)
        return caught.value

    with MockServer([{"id": ID}], token=TOKEN) as server:
        server.faults.add(Fault.hang_before(), "GET")
        assert_hidden(asyncio.run(main(server)))


@pytest.mark.parametrize("kind", [RestClient, AsyncRestClient])
def test_no_part_of_a_client_shows_it(kind: Any) -> None:
    client = kind("project", TOKEN, "localhost")
    transport = client._transport
    for part in (client, client.video, transport, transport.settings, transport._wire, transport.settings.token):
        assert TOKEN not in repr(part)
    transport._close_journal()


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.update(ID, layout=TOKEN),
        lambda client: client.plan(ID, layout=TOKEN),
        lambda client: client.update(f"{TOKEN}/", layout="5up"),
        lambda client: client.replace(ID, {"display_name": "x", "layout": TOKEN}),
        lambda client: client.create(display_name="x", layout=TOKEN),
        lambda client: client.pages(page_size=TOKEN),
        lambda client: client.list(page_size=TOKEN),
        lambda client: client.history(f"{TOKEN}/"),
        lambda client: client.undo(f"{TOKEN}/"),
        lambda client: client.get(f"{TOKEN}/"),
        lambda client: client.delete(f"{TOKEN}/"),
    ],
)
def test_an_error_that_complains_of_an_input_hides_it(style: str, call: Callable[[Ours], object]) -> None:
    with MockServer([{"id": ID}], token=TOKEN) as server, ours(style, server, retries=0) as client:
        with pytest.raises(InvalidChangeError) as caught:
            call(client)
        assert TOKEN not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
        assert server.requests == []


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("part", ["build", "read", "send"])
def test_an_error_of_nobody_while_a_request_is_built_hides_it(
    monkeypatch: pytest.MonkeyPatch, part: str, connections: str
) -> None:
    where = {
        "httpx": {
            "build": "signalwire_conferences.over_httpx._request",
            "read": "httpcore.Request",
            "send": "httpcore.ConnectionPool.handle_request",
        },
        "fast": {
            "build": "signalwire_conferences.fast.as_sent",
            "read": "httptools.HttpResponseParser",
            "send": "socket.socket.connect",
        },
    }[connections][part]

    def fail(*_arguments: object, **_options: object) -> None:
        raise MemoryError

    with MockServer([{"id": ID}], token=TOKEN) as server, ours("sync", server) as client:
        with monkeypatch.context() as patch:
            patch.setattr(where, fail)
            with pytest.raises(MemoryError) as caught:
                client.get(ID)
        assert_hidden(caught.value)


@pytest.mark.parametrize("where", ["masking.quote", "masking.json.dumps", "wire.base64.b64encode"])
def test_an_interruption_while_a_client_is_built_hides_it(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    def built() -> None:
        RestClient("project", None, "space.signalwire.com")

    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", TOKEN)
    with monkeypatch.context() as patch:
        patch.setattr(f"signalwire_conferences.{where}", interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            built()
    assert_hidden(caught.value)


@pytest.mark.parametrize("left", [40, 80, 120, 200, 400])
def test_deep_values_and_deep_callers_still_get_the_error_itself(left: int) -> None:
    value: Any = TOKEN
    for _ in range(100):
        value = {"deeper": [value]}
    error = VerificationError(ID, [Difference("a", value, TOKEN)], {"a": value}, state="so")

    def deep(frames: int) -> None:
        if frames:
            deep(frames - 1)
        else:
            without_secrets(error, masker("project", Secret(TOKEN)))

    deep(sys.getrecursionlimit() - len(inspect.stack(0)) - left)
    assert TOKEN not in json.dumps(error.before)
    assert error.differences[0].actual == "***"
