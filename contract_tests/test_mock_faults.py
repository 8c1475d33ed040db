"""Every fault does to a client what it says, over real connections, and to nobody else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_support import COLLECTION, ID, WHOLE, Api, item
from processes import wait_for
from signalwire_conferences import contract
from signalwire_conferences_testing.mock import Fault, Faults, MockServer, Rule, Store, create_app
from signalwire_conferences_testing.mock.command import main

OTHER = {**WHOLE, "id": "b0b0c0de-0000-4000-8000-00000000c0fe", "name": "other", "extra": 1}
PATH = item(ID)
GONE = (httpx.RemoteProtocolError, httpx.ReadError)


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{**WHOLE, "extra": {"kept": True}}, OTHER]) as started:
        yield started


@pytest.fixture
def client(server: MockServer) -> Iterator[httpx.Client]:
    with client_of(server) as made:
        yield made


def client_of(server: MockServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, auth=(server.project, server.token), timeout=5)


def put(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.put(PATH, json={"display_name": "new", **fields})


# --- no answer, or a late one ---------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "applied"), [(Fault.drop_before(), False), (Fault.drop_after(), True)])
def test_a_dropped_connection_gives_no_answer(
    server: MockServer, client: httpx.Client, fault: Fault, applied: bool
) -> None:
    server.faults.add(fault, "PUT")
    with pytest.raises(GONE):
        put(client)
    assert (server.store[ID]["display_name"] == "new") is applied
    assert server.requests[-1].status is None
    assert put(client).status_code == 200


@pytest.mark.parametrize(("fault", "applied"), [(Fault.hang_before(), False), (Fault.hang_after(), True)])
def test_a_hanging_request_ends_with_the_clients_patience(
    server: MockServer, client: httpx.Client, fault: Fault, applied: bool
) -> None:
    server.faults.add(fault, "PUT")
    with pytest.raises(httpx.ReadTimeout):
        client.put(PATH, json={"display_name": "new"}, timeout=0.5)
    assert (server.store[ID]["display_name"] == "new") is applied
    assert client.get(PATH).status_code == 200


def test_a_late_write_lands_after_the_client_has_gone(server: MockServer, client: httpx.Client) -> None:
    server.faults.add(Fault.late_apply(2), "PUT")
    with pytest.raises(httpx.ReadTimeout):
        client.put(PATH, json={"display_name": "new"}, timeout=0.5)
    assert client.get(PATH).json()["display_name"] == "Whole"
    wait_for(lambda: server.store[ID]["display_name"] == "new")


def test_latency_delays_the_request_and_no_other(server: MockServer, client: httpx.Client) -> None:
    server.faults.add(Fault.latency(2), "PUT")
    slow = threading.Thread(target=put, args=(client,))
    slow.start()
    wait_for(lambda: bool(server.faults.fired))
    with client_of(server) as another:
        assert another.get(PATH).json()["display_name"] == "Whole"
    assert slow.is_alive()
    slow.join()
    assert server.store[ID]["display_name"] == "new"


# --- an answer of its own -------------------------------------------------------------------------


@pytest.mark.parametrize("retry_after", [None, "2", "0.5", "Wed, 21 Oct 2065 07:28:00 GMT"])
@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 503, 520])
def test_a_status_comes_instead_of_the_request(code: int, retry_after: str | None) -> None:
    api = Api(loose=True)
    api.faults.add(Fault.status(code, retry_after), "PUT")
    answer = api.put({"display_name": "new"})
    assert answer.status == code
    assert answer.headers.get("retry-after") == retry_after
    assert list(answer.value) == ["error"]
    assert api.store[ID]["display_name"] == "Whole"


def test_a_server_can_fail_after_it_has_applied_the_request() -> None:
    api = Api(loose=True)
    api.faults.add(Fault.failed_after(502), "PUT")
    assert api.put({"display_name": "new"}).status == 502
    assert api.store[ID]["display_name"] == "new"


def test_a_redirect_names_its_location() -> None:
    api = Api(loose=True)
    api.faults.add(Fault.redirect("http://elsewhere/x", 308), "PUT")
    answer = api.put({"display_name": "new"})
    assert (answer.status, answer.headers["location"]) == (308, "http://elsewhere/x")
    assert api.store[ID]["display_name"] == "Whole"


# --- an answer that says nothing ------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 0, 10])
def test_a_truncated_answer_promises_more_than_it_sends(
    server: MockServer, client: httpx.Client, size: int | None
) -> None:
    server.faults.add(Fault.truncated(size), "PUT")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        put(client)
    assert server.store[ID]["display_name"] == "new"
    assert put(client).status_code == 200


@pytest.mark.parametrize(
    ("fault", "content", "content_type"),
    [
        (Fault.html(), None, "text/html; charset=utf-8"),
        (Fault.empty(), b"", "application/json"),
        (Fault.non_object(), b"[]", "application/json"),
        (Fault.body(b"\xff\x00", "x/y"), b"\xff\x00", "x/y"),
        (Fault.body("é"), "é".encode(), "application/json"),
    ],
)
def test_a_body_that_is_none_comes_with_success(
    server: MockServer, client: httpx.Client, fault: Fault, content: bytes | None, content_type: str
) -> None:
    server.faults.add(fault, "PUT")
    answer = put(client)
    assert answer.status_code == 200
    assert answer.content.startswith(b"<!doctype html>" if content is None else content)
    assert content is None or len(answer.content) == len(content)
    assert answer.headers["content-type"] == content_type
    assert server.store[ID]["display_name"] == "new"


def test_truncated_json_comes_with_its_true_length(server: MockServer, client: httpx.Client) -> None:
    server.faults.add(Fault.truncated_json(), "PUT")
    answer = put(client)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert server.store[ID]["display_name"] == "new"


# --- an answer that is not true -------------------------------------------------------------------


def test_a_stale_read_tells_of_the_state_before_the_last_write() -> None:
    api = Api(etag=True)
    first = api.get()
    api.put({"display_name": "one"})
    second = api.get()
    api.put({"display_name": "two"})
    api.faults.add(Fault.stale_read(), "GET")
    stale = api.get()
    assert (stale.value, stale.headers["etag"]) == (second.value, second.headers["etag"])
    assert first.value != second.value
    assert api.get().value["display_name"] == "two"


def test_a_field_can_be_missing_or_false_in_the_answer_alone() -> None:
    api = Api(loose=True)
    api.faults.add(Fault.field_dropped("layout"), times=2)
    api.faults.add(Fault.field_told("size", None), times=2)
    for told in (api.get().value, api.list().value["data"][0]):
        assert "layout" not in told
        assert told["size"] is None
    assert api.get().value["layout"] == WHOLE["layout"]
    assert api.get().value["size"] == WHOLE["size"]


def test_the_answer_can_be_of_another_conference() -> None:
    api = Api(WHOLE, OTHER)
    api.faults.add(Fault.other_conference(), "PUT")
    assert api.put({"display_name": "new"}).value["id"] == OTHER["id"]
    assert api.store[ID]["display_name"] == "new"
    api.faults.add(Fault.other_conference(ID), "GET")
    assert api.get(OTHER["id"]).value["id"] == ID


# --- a write that goes wrong ----------------------------------------------------------------------


@pytest.mark.parametrize("name", list(contract.fields(contract.UPDATE)))
def test_one_field_is_lost_ignored_or_changed_and_no_other(name: str) -> None:
    default = contract.fields(contract.UPDATE)[name].default
    before = {**WHOLE, "extra": 1}
    sent = {key: WHOLE[key] for key in contract.fields(contract.UPDATE)}
    for fault, after in [
        (Fault.field_lost(name), default),
        (Fault.field_ignored(name), "was"),
        (Fault.field_changed(name, {"odd": 1}), {"odd": 1}),
        (Fault.field_nulled(name), None),
    ]:
        api = Api(before, loose=True)
        api.store.patch(ID, {name: "was"})
        api.faults.add(fault, "PUT")
        told = api.put(sent).value
        assert told == {**told, **sent, "extra": 1, name: after}
        assert api.get().value == told


def test_fields_that_no_body_has_can_be_lost_too() -> None:
    api = Api({**WHOLE, "extra": 1, "more": 2}, loose=True)
    api.faults.add(Fault.field_lost("extra"), "PUT")
    api.faults.add(Fault.field_nulled("more"), "PUT")
    api.faults.add(Fault.meta_wiped(), "PUT")
    api.faults.add(Fault.field_changed("created_at", "2000-01-01T00:00:00Z"), "PUT")
    told = api.put({"display_name": "new"}).value
    assert "extra" not in told
    assert (told["more"], told["meta"], told["created_at"]) == (None, {}, "2000-01-01T00:00:00Z")


# --- other writers, and ETag ----------------------------------------------------------------------


@pytest.mark.parametrize(("when", "layout"), [("before", "grid-responsive"), ("after", "3x3")])
def test_somebody_else_writes_just_before_or_after(when: Any, layout: str) -> None:
    api = Api()
    api.faults.add(Fault.foreign_write({"layout": "3x3"}, when), "PUT")
    told = api.put({"display_name": "new"}).value
    assert told["layout"] == "grid-responsive"
    now = api.get().value
    assert now["layout"] == layout
    assert (now["updated_at"] > told["updated_at"]) is (when == "after")


def test_a_foreign_writer_can_do_anything() -> None:
    api = Api()
    api.faults.add(Fault.foreign_write(lambda store: store.delete(ID)), "PUT")
    assert api.put({"display_name": "new"}).status == 404


def test_a_foreign_write_fails_the_if_match_of_the_request() -> None:
    api = Api(etag=True)
    tag = api.get().headers["etag"]
    api.faults.add(Fault.foreign_write({"layout": "3x3"}), "PUT")
    assert api.put({"display_name": "new"}, headers={"if-match": tag}).status == 412
    assert api.store[ID]["display_name"] == "Whole"


@pytest.mark.parametrize("on", [True, False])
def test_etag_comes_and_goes(on: bool) -> None:
    api = Api(etag=not on)
    api.faults.add(Fault.etag(on))
    assert ("etag" in api.get().headers) is on
    assert ("etag" in api.get().headers) is not on
    api.faults.add(Fault.etag(on))
    answer = api.put({"display_name": "new"}, headers={"if-match": '"x"'})
    assert answer.status == (412 if on else 200)


# --- which requests -------------------------------------------------------------------------------


@given(at=st.integers(1, 6), times=st.none() | st.integers(1, 6), before=st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_a_rule_is_for_the_nth_request_since_it_was_added(at: int, times: int | None, before: int) -> None:
    api = Api(WHOLE, OTHER, loose=True)
    for _ in range(before):
        api.put({"display_name": "d"})
    rule = api.faults.add(Fault.status(503), "put", conference_id=ID, at=at, times=times)
    assert api.faults.pending == [rule]
    statuses = []
    for _ in range(12):
        api.get()
        api.put({"display_name": "d"}, OTHER["id"])
        api.ask("PUT", PATH, credentials=None)
        statuses.append(api.put({"display_name": "d"}).status)
    last = 12 if times is None else at + times - 1
    assert statuses == [503 if at <= number <= last else 200 for number in range(1, 13)]
    assert rule.fired == len(api.faults.fired) == statuses.count(503)
    assert {(fired.rule, fired.method, fired.path) for fired in api.faults.fired} == {(rule, "PUT", PATH)}
    assert api.faults.pending == []


def test_a_rule_may_have_a_condition_of_its_own() -> None:
    api = Api(loose=True)
    api.faults.add(Fault.status(503), times=None, where=lambda call: b"bad" in call.content)
    assert api.put({"display_name": "bad"}).status == 503
    assert api.put({"display_name": "good"}).status == 200


def test_several_faults_of_one_request_add_up() -> None:
    api = Api(loose=True)
    api.faults.add(Fault.foreign_write({"meta": {"theirs": 1}}), "PUT")
    api.faults.add(Fault.field_ignored("layout"), "PUT")
    api.faults.add(Fault.status(500), "GET")
    told = api.put({"display_name": "new", "layout": "5x5"}).value
    assert (told["meta"], told["layout"]) == ({"theirs": 1}, "2x2")
    assert [str(fired.rule) for fired in api.faults.fired] == [
        'PUT 1x1 foreign-write {"meta": {"theirs": 1}} before',
        "PUT 1x1 field-ignored layout",
    ]
    api.faults.clear()
    assert (api.faults.fired, api.faults.pending, api.get().status) == ([], [], 200)


def test_the_first_of_several_faults_is_the_outermost() -> None:
    for first, second, layout in [
        (Fault.status(500), Fault.foreign_write({"layout": "3x3"}), "2x2"),
        (Fault.foreign_write({"layout": "3x3"}), Fault.status(500), "3x3"),
    ]:
        api = Api(loose=True)
        api.faults.add(first)
        api.faults.add(second)
        assert api.put({"display_name": "new"}).status == 500
        assert api.store[ID]["layout"] == layout


def test_a_rule_is_pending_until_it_happened_as_often_as_asked() -> None:
    api = Api(loose=True)
    often, always = (api.faults.add(Fault.status(500), times=times) for times in (2, None))
    assert api.faults.pending == [often, always]
    api.get()
    assert api.faults.pending == [often]
    api.get()
    assert api.faults.pending == []


def test_a_condition_may_add_a_fault() -> None:
    api = Api(loose=True)

    def after_this(_call: object) -> bool:
        api.faults.add(Fault.status(503))
        return False

    api.faults.add(Fault.html(), where=after_this)
    assert [api.get().status, api.get().status] == [200, 503]


@pytest.mark.parametrize(
    "make",
    [
        *(lambda code=code: Fault.status(code) for code in (99, 150, 600)),
        lambda: Fault.failed_after(100),
        lambda: Fault.redirect("http://x/", 1000),
        lambda: Fault.redirect("http://x/\u6f22"),
        lambda: Fault.status(429, "1\r\nx: y"),
        lambda: Fault.body("", "text/\u6f22"),
    ],
)
def test_an_answer_that_no_server_could_send_is_refused_when_it_is_made(make: Callable[[], Fault]) -> None:
    with pytest.raises(ValueError, match=r"header|status"):
        make()


@pytest.mark.parametrize("name", ["links", "data"])
def test_a_conference_may_have_a_field_of_the_name_of_one_of_a_page(name: str) -> None:
    api = Api({**WHOLE, name: 5}, loose=True)
    api.faults.add(Fault.field_dropped("size"), "GET")
    answer = api.get()
    assert answer.status == 200
    assert "size" not in answer.value
    assert answer.value[name] == 5


@pytest.mark.parametrize("wrong", [{"at": 0}, {"times": 0}])
def test_a_rule_that_can_never_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cannot be 0"):
        Faults(Store()).add(Fault.html(), **wrong)  # type: ignore[arg-type]  # `at` and `times` are int


def test_where_there_is_no_socket_the_client_sees_the_same_errors() -> None:
    faults = Faults(store := Store([WHOLE]))
    app = create_app(store, project="p", token="t", faults=faults)
    for at, fault in enumerate((Fault.drop_before(), Fault.drop_after(), Fault.truncated()), 1):
        faults.add(fault, at=at)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x", auth=("p", "t")) as client:
            return await client.get(COLLECTION)

    for _ in range(3):
        with pytest.raises(httpx.RemoteProtocolError):
            asyncio.run(ask())
    assert asyncio.run(ask()).status_code == 200


# --- the server -----------------------------------------------------------------------------------


def test_servers_stop_at_once_even_if_requests_hang() -> None:
    ends: list[Exception] = []

    def hang(server: MockServer) -> None:
        try:
            with client_of(server) as client:
                client.get(PATH)
        except httpx.TransportError as error:
            ends.append(error)

    with MockServer([WHOLE]) as one, MockServer([WHOLE]) as two:
        threads = []
        for server in (one, two):
            for at, fault in enumerate((Fault.hang_before(), Fault.late_apply(60), Fault.latency(60)), 1):
                server.faults.add(fault, at=at)
                threads.append(threading.Thread(target=hang, args=(server,)))
                threads[-1].start()
        wait_for(lambda: len(one.faults.fired) == len(two.faults.fired) == 3)
        began = time.monotonic()
    assert time.monotonic() - began < 30  # half of what they would wait for
    for thread in threads:
        thread.join(30)
    assert len(ends) == 6


def test_servers_are_apart(server: MockServer, client: httpx.Client) -> None:
    with MockServer([WHOLE], project="they") as another:
        assert another.host != server.host
        put(client)
        assert another.store[ID]["display_name"] == "Whole"
        assert another.requests == []
        assert httpx.get(another.url + PATH, auth=client.auth).status_code == 401


def test_a_server_that_cannot_start_says_so_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: object) -> None:
        raise RuntimeError("no protocol")

    monkeypatch.setattr("uvicorn.Config.load", broken)
    with pytest.raises(RuntimeError, match="no protocol"), MockServer():
        pass


def test_a_server_is_silent_and_lets_others_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with MockServer([WHOLE]) as server, client_of(server) as client:
        for fault in (Fault.drop_before(), Fault.truncated()):
            server.faults.add(fault)
            with pytest.raises(httpx.TransportError):
                client.get(PATH)
    assert [record for record in caplog.records if not record.name.startswith(("http", "asyncio"))] == []
    logging.getLogger("uvicorn.error").error("of another server")
    assert "of another server" in caplog.text


def test_a_taken_port_is_an_error(server: MockServer) -> None:
    with pytest.raises(OSError, match="in use"), MockServer(port=server.port):
        pass


def test_the_log_tells_every_request_and_no_credentials(server: MockServer, client: httpx.Client) -> None:
    client.get(PATH, params={"include_active_session": "true"})
    put(client, layout="none")
    httpx.get(server.url + PATH)
    log = server.requests
    assert [(entry.method, entry.path, entry.query, entry.status) for entry in log] == [
        ("GET", PATH, "include_active_session=true", 200),
        ("PUT", PATH, "", 422),
        ("GET", PATH, "", 401),
    ]
    assert log[1].body == {"display_name": "new", "layout": "none"}
    assert log[0].body is None
    secret = base64.b64encode(f"{server.project}:{server.token}".encode()).decode()
    assert server.token not in repr((log, server, server.faults.fired))
    assert secret not in repr((log, server))


def test_kept_alive_connections_answer_without_delay(client: httpx.Client) -> None:
    taken = []
    for _ in range(50):
        began = time.monotonic()
        assert client.get(PATH).status_code == 200
        taken.append(time.monotonic() - began)
    # Small packets held back cost 40 ms each but for the first few; a busy machine delays some, not all.
    assert min(taken[25:]) < 0.03


@pytest.mark.parametrize(
    "raw",
    [
        b"GET\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
        b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%ff%00%0d%0a HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_no_bytes_on_the_wire_make_a_500_or_stop_the_server(
    server: MockServer, client: httpx.Client, raw: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        received = connection.recv(100)
    assert b" 500 " not in received
    assert client.get(PATH).status_code == 200


# --- the command ----------------------------------------------------------------------------------


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "signalwire_conferences_testing", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_what_it_prints_until_it_is_told_to_stop(tmp_path: Path, end: signal.Signals) -> None:
    file = tmp_path / "conferences.json"
    file.write_text(json.dumps([{"id": "conference-id"}]))
    limited = '{"fault": "status", "code": 429, "retry_after": 2, "method": "get"}'
    unseen = '{"fault": "html", "method": "PUT", "at": 9}'
    process = start("--load", str(file), "--etag", "--fault", limited, "--fault", unseen)
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        said = dict(pair.split("=", 1) for pair in lines[2].split()[1:])
        assert f"http://{said['SIGNALWIRE_SPACE']}" in lines[0]
        assert "conference-id" in lines[1]
        url = f"http://{said['SIGNALWIRE_SPACE']}{item('conference-id')}"
        auth = (said["SIGNALWIRE_PROJECT_ID"], said["SIGNALWIRE_API_TOKEN"])
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, auth=auth).headers["retry-after"] == "2"
        assert "etag" in httpx.get(url, auth=auth).headers
        process.send_signal(end)
        rest = process.communicate(timeout=10)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "PUT 9x1 html" in rest


def test_the_command_takes_the_credentials_of_the_environment_and_tells_them_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "their-project")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "their-token")
    process = start()
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        url = lines[0].split()[-1] + COLLECTION
        assert httpx.get(url, auth=("their-project", "their-token")).status_code == 200
        assert httpx.get(url, auth=("their-project", "x")).status_code == 401
    finally:
        process.terminate()
        rest = process.communicate(timeout=10)[0]
    assert "their-" not in "".join(lines) + rest


def test_the_command_tells_all_that_is_wrong_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('[{"record_on_start": 1}, 7]')
    specs = [
        "x",
        "[]",
        "{}",
        '{"fault": "nothing"}',
        '{"fault": "html", "method": "PATCHY"}',
        '{"fault": "html", "method": 5}',
        '{"fault": "html", "at": 0}',
        '{"fault": "html", "times": true}',
        '{"fault": "htlm", "times": 0}',
        "bad",
        '{"fault": "html", "extra": 1}',
        '{"fault": "latency", "seconds": "soon"}',
        '{"fault": "latency", "seconds": NaN}',
        '{"fault": "status"}',
        '{"fault": "status", "code": 99}',
        '{"fault": "foreign-write", "changes": 5}',
        '{"fault": "foreign-write", "changes": {}, "when": "during"}',
        '{"fault": "etag", "on": "maybe"}',
    ]
    arguments = ["--port", "70000", "--load", str(file)]
    for spec in specs:
        arguments += ["--fault", spec]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    for spec in specs:
        assert f"--fault {spec}: " in said
    for part in (
        "--fault bad: is not a JSON object, such as",
        '--fault {"fault": "htlm", "times": 0}: fault \'htlm\' is not a kind; did you mean html?',
        '--fault {"fault": "htlm", "times": 0}: times cannot be 0',
        "'nothing'",
        "'PATCHY'",
        "at cannot be 0",
        "times cannot be True",
        "extra",
        "seconds cannot be 'soon'",
        "NaN",
        "'code'",
        "99",
        "changes cannot be 5",
        "when cannot be 'during'",
        "on cannot be 'maybe'",
        "record_on_start=1",
        "conference 1: 7",
        "--port 70000",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"{", "is not JSON"), (b"\xff", "is not JSON")]
)
def test_the_command_tells_of_a_bad_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "file.json"
    if content is not None:
        file.write_bytes(content)
    assert main(["--load", str(file)]) == 2
    assert f"{file} {said}" in capsys.readouterr().err


def test_the_command_tells_that_a_port_is_taken(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(server.port)]) == 2
    assert f"127.0.0.1:{server.port}" in capsys.readouterr().err


def test_the_command_listens_where_it_is_told_and_warns_of_it() -> None:
    process = start("--host", "0.0.0.0")
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(6)]
        url = lines[0].split()[-1]
        assert url.startswith("http://127.0.0.1:")
        assert lines[1] == "  listens on 0.0.0.0: everybody who reaches it can use and control it\n"
        assert lines[4] == f"  control it: see GET {url}/__mock__/\n"
        assert "GET /__mock__/state" in httpx.get(f"{url}/__mock__/").json()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_the_command_tells_of_an_address_that_it_cannot_listen_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "192.0.2.1", "--port", "8080"]) == 2
    assert "cannot listen on 192.0.2.1:8080" in capsys.readouterr().err


def test_the_command_loads_conferences_of_a_newer_server_where_it_is_told_that_they_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "file.json"
    file.write_text('{"id": "x", "size": "huge"}')
    assert main(["--load", str(file)]) == 2
    assert "size='huge'" in capsys.readouterr().err
    process = start("--load", str(file), "--allow-unknown")
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    try:
        assert httpx.get(f"{url}/__mock__/state").json()[0]["size"] == "huge"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_server_listens_on_the_address_that_it_is_given() -> None:
    addresses = {"localhost": "localhost", "0.0.0.0": "127.0.0.1"}
    if has_ipv6():
        addresses |= {"::1": "[::1]", "::": "[::1]"}
    for address, host in addresses.items():
        with MockServer([WHOLE], address=address) as server, client_of(server) as client:
            assert server.host == f"{host}:{server.port}"
            assert client.get(PATH).status_code == 200
            server.faults.add(Fault.drop_after(), "PUT")
            with pytest.raises(GONE):
                put(client)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"fault": "drop-after", "method": "PUT"}, "PUT 1x1 drop-after"),
        ({"fault": "drop_after"}, "* 1x1 drop-after"),
        (
            {"fault": "status", "code": 429, "retry_after": 2, "method": "get", "conference_id": "x", "at": 2},
            "GET:x 2x1 status 429 2",
        ),
        ({"fault": "latency", "seconds": 0.5, "times": None}, "* 1x* latency 0.5"),
        (
            {"fault": "foreign-write", "changes": {"layout": "2x2"}, "when": "after"},
            '* 1x1 foreign-write {"layout": "2x2"} after',
        ),
        ({"fault": "field-changed", "name": "size", "value": None}, "* 1x1 field-changed size null"),
        ({"fault": "field-changed", "name": "m", "value": {"a": [1]}}, '* 1x1 field-changed m {"a": [1]}'),
        ({"fault": "etag", "on": True, "times": 3}, "* 1x3 etag true"),
        ({"fault": "truncated", "size": 10}, "* 1x1 truncated 10"),
    ],
)
def test_a_json_object_becomes_the_rule_that_it_says(said: dict[str, Any], told: str) -> None:
    assert str(Rule.from_json(said)) == told


def test_every_kind_of_fault_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    kinds = [n for n, member in vars(Fault).items() if isinstance(member, classmethod)]
    assert len(kinds) > 20
    assert all(f"\n  {name.replace('_', '-')}" in said for name in kinds)


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_JSON = _PLAIN | st.lists(_PLAIN, max_size=2) | st.dictionaries(st.text(max_size=5), _PLAIN, max_size=2)


@given(
    st.sampled_from(["status", "body", "latency", "foreign-write", "field-changed", "times-kept"]),
    st.dictionaries(
        st.sampled_from(["code", "content", "seconds", "changes", "name", "value", "digits", "method", "at"]), _JSON
    ),
)
@settings(max_examples=150, deadline=None)
def test_no_json_makes_anything_but_a_rule_or_a_clear_refusal(kind: str, said: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(Rule.from_json({"fault": kind, **said}), Rule)


def test_a_mock_that_starts_empty_serves_what_is_added_later() -> None:
    with MockServer([]) as server, httpx.Client(base_url=server.url) as http:
        server.store.add({"id": "later", "name": "later"})
        answer = http.get("/api/video/conferences/later", auth=(server.project, server.token))
        assert answer.status_code == 200
