"""The client end to end: what it sends, where it goes, and what it gives back."""

from __future__ import annotations

import base64
import copy
import enum
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import TOKEN, Connect
from processes import methods
from signalwire_conferences import (
    AuthenticationError,
    ConferencesError,
    InvalidResponseError,
    NotFoundError,
    RestClient,
    ServerError,
    TransportError,
    ValidationError,
    operations,
)
from signalwire_conferences.hosts import Address
from signalwire_conferences.steps import Policy
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Call, Fault, MockServer
from strategies import SCHEMAS
from test_update import CUSTOM, EXAMPLE, ID


def told(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "active_session"}


# --- reading --------------------------------------------------------------------------------------


def test_get_gives_what_the_server_told(mock: MockServer, client: RestClient) -> None:
    conf = client.video.conferences.get(ID)
    assert conf.to_dict() == told(EXAMPLE)
    assert conf.display_name == conf["display_name"] == EXAMPLE["display_name"]
    assert "active_session" not in conf
    assert conf.report is None
    assert [(request.method, request.path, request.query) for request in mock.requests] == [
        ("GET", f"/api/video/conferences/{ID}", "")
    ]


def test_an_id_of_an_enumeration_is_its_value(mock: MockServer, client: RestClient) -> None:
    class Rooms(str, enum.Enum):  # noqa: UP042 - the `str` of a StrEnum would be its value
        BOARD = ID

    assert str(Rooms.BOARD) != ID
    assert client.video.conferences.get(Rooms.BOARD)["id"] == ID
    assert mock.requests[0].path.endswith(f"/{ID}")


def test_a_session_is_told_when_it_is_asked_for(mock: MockServer, client: RestClient) -> None:
    conf = client.video.conferences.get(ID, include_active_session=True)
    assert mock.requests[0].query == "include_active_session=true"
    assert conf["active_session"] == EXAMPLE["active_session"]
    assert conf.active_session
    assert conf.active_session.max_members == 20
    [listed] = client.video.conferences.list(include_active_session=True).data
    assert listed.to_dict() == EXAMPLE


def test_a_result_reads_like_the_vendors_dict(client: RestClient) -> None:
    conf = client.video.conferences.get(ID)
    assert dict(conf) == told(EXAMPLE)
    assert {**conf} == told(EXAMPLE)
    assert conf.get("display_name") == EXAMPLE["display_name"]
    assert conf.get("nothing", 5) == 5
    page = client.video.conferences.list()
    assert [each["id"] for each in page["data"]] == [ID]
    assert page["links"]["self"].startswith("/api/video/conferences")
    with pytest.raises(KeyError):
        conf["nothing"]


@pytest.mark.parametrize("absolute", [False, True])
def test_paginate_follows_the_links_to_every_conference_once(absolute: bool) -> None:
    with MockServer(token=TOKEN, absolute_links=absolute) as mock:
        mock.store.load({"display_name": str(number)} for number in range(10))
        with RestClient(mock.project, TOKEN, mock.host, retries=0) as client:
            found = [conf["id"] for conf in client.video.conferences.paginate(page_size=3)]
        assert found == list(mock.store)
        assert methods(mock) == ["GET"] * 4


def test_paginate_asks_for_a_page_only_when_it_is_needed(mock: MockServer, client: RestClient) -> None:
    mock.store.load({"display_name": str(number)} for number in range(10))
    conferences = client.video.conferences.paginate(page_size=3)
    next(conferences)
    assert methods(mock) == ["GET"]


def test_the_filters_of_paginate_hold_for_every_page(mock: MockServer, client: RestClient) -> None:
    mock.store.load({"display_name": "x", "join_from": f"20{year}-06-01T00:00:00Z"} for year in range(20, 30))
    found = list(client.video.conferences.paginate(page_size=2, starts_after="2025-01-01T00:00:00Z"))
    assert [conf["join_from"][:4] for conf in found] == ["2025", "2026", "2027", "2028", "2029"]


def linking_to(target: Any) -> Fault:
    """A page of one conference with this link to the next."""
    links = {"self": "/x", "first": "/x", "next": target}
    return Fault.body(json.dumps({"links": links, "data": [told(EXAMPLE)]}))


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com/api/video/conferences?page_number=1",
        "//example.com/api/video/conferences",
        "http://127.0.0.1:1/api/video/conferences",
        "https://user@example.com/",
        "file:///etc/passwd",
        5,
        ["/x"],
    ],
)
def test_a_link_to_another_host_is_not_followed(mock: MockServer, client: RestClient, link: Any) -> None:
    mock.faults.add(linking_to(link))
    with pytest.raises(InvalidResponseError):
        list(client.video.conferences.paginate())
    assert methods(mock) == ["GET"]


def test_links_in_a_circle_end_in_an_error(mock: MockServer, client: RestClient) -> None:
    mock.faults.add(linking_to("/api/video/conferences?page_size=7"), times=None)
    with pytest.raises(InvalidResponseError, match="circle"):
        list(client.video.conferences.paginate())
    assert methods(mock) == ["GET", "GET"]


def test_a_link_with_credentials_is_refused_without_telling_them(mock: MockServer, client: RestClient) -> None:
    mock.faults.add(linking_to("https://project:secret-token@example.com/"))
    with pytest.raises(InvalidResponseError, match=r"example\.com") as caught:
        list(client.video.conferences.paginate())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("port", ["", ":80", ":443"])
def test_a_port_that_goes_without_saying_makes_no_other_host(port: str) -> None:
    pages = operations.Pages({}, Address("https", "space.signalwire.com"), Policy(30.0, 0, lambda: 0.0))
    path = pages._following(f"https://Space.signalwire.com{port}/api/video/conferences?page_number=1")
    assert path == "/api/video/conferences?page_number=1"


@pytest.mark.parametrize("link", [None, ""])
def test_a_next_link_that_is_empty_ends_the_list(mock: MockServer, client: RestClient, link: Any) -> None:
    mock.faults.add(linking_to(link))
    assert len(list(client.video.conferences.paginate())) == 1


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"data": []}', '{"data": {}, "links": {}}', '{"data": [5], "links": {}}']
)
def test_what_is_no_page_is_refused(mock: MockServer, client: RestClient, body: str) -> None:
    mock.faults.add(Fault.body(body), times=None)
    with pytest.raises(InvalidResponseError):
        client.video.conferences.list()
    with pytest.raises(InvalidResponseError):
        list(client.video.conferences.paginate())


# --- creating and deleting --------------------------------------------------------------------------


def test_create_sends_what_is_given_and_gives_the_conference(mock: MockServer, client: RestClient) -> None:
    conf = client.video.conferences.create(display_name="Stand-up", name="stand_up", description=None, size="small")
    assert mock.requests[0].body == {"display_name": "Stand-up", "name": "stand_up", "size": "small"}
    assert conf.to_dict() == mock.store[conf["id"]]
    with pytest.raises(ValidationError, match="taken") as caught:
        client.video.conferences.create(display_name="Stand-up", name="stand_up")
    assert [entry["attribute"] for entry in caught.value.errors] == ["name"]


@pytest.mark.parametrize("fault", [Fault.drop_after(), Fault.status(500), Fault.truncated(), Fault.html()])
def test_a_create_of_unknown_outcome_is_not_repeated(connect: Connect, mock: MockServer, fault: Fault) -> None:
    mock.faults.add(fault, "POST")
    with pytest.raises(ConferencesError) as caught:
        connect(retries=3).video.conferences.create(display_name="x")
    assert methods(mock) == ["POST"]
    assert "unknown" in str(caught.value)


def test_a_create_that_was_put_off_is_repeated(connect: Connect, mock: MockServer) -> None:
    mock.faults.add(Fault.status(429, "0"), "POST")
    conf = connect(retries=1).video.conferences.create(display_name="x")
    assert methods(mock) == ["POST", "POST"]
    assert conf["id"] in mock.store


def test_delete_deletes_once(mock: MockServer, client: RestClient) -> None:
    client.video.conferences.delete(ID)
    assert ID not in mock.store
    with pytest.raises(NotFoundError):
        client.video.conferences.delete(ID)


def test_replace_is_one_put_of_the_body_as_it_is(mock: MockServer, client: RestClient) -> None:
    body = {"display_name": "x", "join_from": "2022-01-01"}
    conf = client.video.conferences.replace(ID, body)
    assert [(request.method, request.body) for request in mock.requests] == [("PUT", body)]
    assert conf.to_dict() == told(mock.store[ID])


# --- repeating what is safe to repeat -----------------------------------------------------------------


def test_a_read_is_repeated_until_it_is_answered(connect: Connect, mock: MockServer) -> None:
    mock.faults.add(Fault.status(503, "0"), "GET", times=2)
    assert connect(retries=2).video.conferences.get(ID)["id"] == ID
    assert methods(mock) == ["GET"] * 3


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_request_is_repeated_as_often_as_asked_and_no_more(connect: Connect, mock: MockServer, retries: int) -> None:
    mock.faults.add(Fault.status(503, "0"), times=None)
    client = connect(retries=retries)
    for call in (client.video.conferences.get, client.video.conferences.delete):
        mock.requests.clear()
        with pytest.raises(ServerError):
            call(ID)
        assert len(mock.requests) == retries + 1


def test_a_wait_longer_than_the_timeout_is_not_waited_for(connect: Connect, mock: MockServer) -> None:
    mock.faults.add(Fault.status(429, "60"))
    with pytest.raises(ConferencesError, match="wait 60 s"):
        connect(retries=3, timeout=1).video.conferences.get(ID)
    assert methods(mock) == ["GET"]


def test_an_answer_that_does_not_come_ends_at_the_timeout(connect: Connect, mock: MockServer) -> None:
    mock.faults.add(Fault.hang_before())
    with pytest.raises(TransportError):
        connect(timeout=0.2).video.conferences.get(ID)


# --- the client -----------------------------------------------------------------------------------


def test_the_credentials_are_sent_and_wrong_ones_are_told(mock: MockServer, connect: Connect) -> None:
    seen: list[str] = []

    def look(call: Call) -> bool:
        seen.append(call.headers["authorization"])
        return False

    mock.faults.add(Fault.latency(0), where=look)
    connect().video.conferences.list()
    assert base64.b64decode(seen[0].removeprefix("Basic ")).decode() == f"{mock.project}:{TOKEN}"
    with pytest.raises(AuthenticationError, match="Check the project id"):
        connect(token="another").video.conferences.list()


@pytest.mark.parametrize("token", ["t\u00f6ken", "with:colon", "\U0001f600", " spaces ", "%41"])
def test_any_token_can_be_sent(token: str) -> None:
    with MockServer(token=token) as mock, RestClient(mock.project, token, mock.host) as client:
        assert len(client.video.conferences.list().data) == 1


def test_the_environment_does_for_what_is_not_given(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", mock.project)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", TOKEN)
    monkeypatch.setenv("SIGNALWIRE_SPACE", mock.host)
    with RestClient() as client:
        assert client.video.conferences.get(ID)["id"] == ID


def test_a_proxy_is_not_asked_for_a_loopback_host(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert connect().video.conferences.get(ID)["id"] == ID


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_a_client_cannot_be_copied_and_says_what_to_do_instead(client: RestClient, copied: Any) -> None:
    for part in (client, client.video, client.video.conferences):
        with pytest.raises(TypeError, match=rf"{type(part).__name__} cannot be .*make a client"):
            copied(part)
    assert client.with_options(retries=0).video.conferences.list()["data"]


def test_a_client_may_be_used_from_many_threads(mock: MockServer, client: RestClient) -> None:
    ids = [mock.store.add(CUSTOM) for _ in range(16)]
    barrier = threading.Barrier(8)

    def rename(index: int) -> Any:
        barrier.wait()
        return client.video.conferences.update(ids[index], display_name=f"conference {index}")["display_name"]

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(rename, range(16)))
    assert names == [mock.store[each]["display_name"] for each in ids] == [f"conference {n}" for n in range(16)]


def test_history_and_undo_need_a_journal(client: RestClient) -> None:
    for call in (client.video.conferences.history, client.video.conferences.undo):
        with pytest.raises(ConferencesError, match="no journal"):
            call(ID)


def test_the_client_asks_for_every_operation_of_the_contract(mock: MockServer, client: RestClient) -> None:
    conf = client.video.conferences.create(display_name="x")
    client.video.conferences.list()
    client.video.conferences.get(conf["id"])
    client.video.conferences.replace(conf["id"], {"display_name": "y"})
    client.video.conferences.delete(conf["id"])
    sent = {(request.method, request.path.replace(conf["id"], "{id}")) for request in mock.requests}
    documented = {
        (method.upper(), path)
        for path, item in schemas.document()["paths"].items()
        for method, said in item.items()
        if "operationId" in said
    }
    assert sent == documented
    assert all(schemas.validator(SCHEMAS["Conference"]).is_valid(mock.store[each]) for each in mock.store)
