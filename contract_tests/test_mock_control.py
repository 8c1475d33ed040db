"""The control API does what it says, tells mistakes, and is not part of the API."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mock_support import COLLECTION, ID, WHOLE, item
from processes import wait_for
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import ConferencesMock, Fault, MockServer
from signalwire_conferences_testing.mock.control import PREFIX

PATH = item(ID)


@pytest.fixture
def mock() -> ConferencesMock:
    return ConferencesMock([WHOLE])


@pytest.fixture
def api(mock: ConferencesMock) -> Iterator[httpx.Client]:
    with httpx.Client(transport=mock.transport(), base_url=mock.url, auth=mock.auth) as client:
        yield client


@pytest.fixture
def control(mock: ConferencesMock) -> Iterator[httpx.Client]:
    """Without credentials: it needs none."""
    with httpx.Client(transport=mock.transport(), base_url=f"{mock.url}{PREFIX}") as client:
        yield client


def rename(api: httpx.Client) -> httpx.Response:
    return api.put(PATH, json={"display_name": "new"})


def test_reset_brings_back_the_seed_and_forgets_faults_and_requests(
    mock: ConferencesMock, api: httpx.Client, control: httpx.Client
) -> None:
    before = mock.store[ID]
    mock.store.add({"id": "another"})
    mock.store.patch(ID, {"size": "small"})
    mock.faults.add(Fault.status(503), "PUT", at=2, times=None)
    assert [rename(api).status_code, rename(api).status_code] == [200, 503]
    assert control.post("reset").status_code == 204
    assert list(mock.store) == [ID]
    assert mock.store[ID] == before
    assert mock.requests == []
    assert (mock.faults.rules, mock.faults.fired) == ([], [])
    assert rename(api).status_code == 200


def test_a_seed_replaces_all_and_reset_returns_to_it(mock: ConferencesMock, control: httpx.Client) -> None:
    seed = [{"id": "one", "layout": "5up"}, {"id": "two"}]
    assert control.put("state", json=seed).status_code == 204
    assert list(mock.store) == ["one", "two"]
    seeded = control.get("state").json()
    assert seeded == [mock.store["one"], mock.store["two"]]
    mock.store.delete("one")
    control.post("reset")
    assert control.get("state").json() == seeded
    control.put("state", json={"id": "alone"})
    assert list(mock.store) == ["alone"]
    control.put("state", json=[])
    assert control.get("state").json() == []


def test_state_is_a_seed_too_sessions_included(control: httpx.Client) -> None:
    state = control.get("state").json()
    assert state[0]["active_session"] == WHOLE["active_session"]
    control.put("state", json=state)
    assert control.get("state").json() == state


def test_requests_are_told_whole_and_without_credentials(
    mock: ConferencesMock, api: httpx.Client, control: httpx.Client
) -> None:
    answer = rename(api)
    api.get(COLLECTION, params={"page_size": 1}, headers={"x-api-token": "SECRET", "cookie": "a=SECRET; b=1"})
    api.auth = httpx.Auth()  # adds nothing
    api.put(PATH, content=b"\xff{", headers={"authorization": "Bearer SECRET"})
    api.get(PATH, headers={"authorization": "SECRET with spaces"})
    told = control.get("requests")
    put, get, broken, odd = told.json()
    assert put == {
        "method": "PUT",
        "path": PATH,
        "query": "",
        "headers": {**put["headers"], "content-type": "application/json", "authorization": "Basic ***"},
        "content": answer.request.content.decode(),
        "body": {"display_name": "new"},
        "request_id": answer.headers["x-request-id"],
        "status": 200,
    }
    assert get["query"] == "page_size=1"
    assert (get["headers"]["x-api-token"], get["headers"]["cookie"]) == ("***", "***")
    assert (broken["headers"]["authorization"], broken["content"], broken["body"]) == ("Bearer ***", "\ufffd{", None)
    assert odd["headers"]["authorization"] == "***"
    for said in (told.text, repr(mock.requests), " ".join(map(str, mock.requests))):
        assert "SECRET" not in said
        assert mock.token not in said


def test_the_log_has_a_line_for_each_request(mock: ConferencesMock, api: httpx.Client) -> None:
    rename(api)
    api.put(f"{PATH}?a=1", content=b"two\nlines")
    api.put(PATH, content=b"x" * 1000)
    mock.faults.add(Fault.drop_before())
    with pytest.raises(httpx.RemoteProtocolError):
        api.get(PATH)
    lines = [str(request) for request in mock.requests]
    # Before 0.28 httpx wrote JSON with spaces.
    assert lines[0].replace(": ", ":") == f'PUT {PATH} {{"display_name":"new"}} -> 200'
    assert lines[1] == f'PUT {PATH}?a=1 "two\\nlines" -> 400'
    assert re.fullmatch(rf"PUT {PATH} x{{200}}… -> 400", lines[2])
    assert lines[3] == f"GET {PATH} -> no answer"
    assert mock.requests[0].headers["Content-Type"] == "application/json"


def test_faults_are_added_told_and_cleared(api: httpx.Client, control: httpx.Client) -> None:
    one = {"fault": "status", "code": 503, "method": "put", "times": 2}
    script = [{"fault": "status", "code": 404, "method": "GET"}, {"fault": "drop_after", "conference_id": ID, "at": 9}]
    assert [fault["fault"] for fault in control.post("faults", json=one).json()] == ["status 503"]
    assert len(control.post("faults", json=script).json()) == 3
    assert [rename(api).status_code, api.get(PATH).status_code] == [503, 404]
    assert control.get("faults").json() == [
        {"fault": "status 503", "method": "PUT", "conference_id": None, "at": 1, "times": 2, "seen": 1, "fired": 1},
        {"fault": "status 404", "method": "GET", "conference_id": None, "at": 1, "times": 1, "seen": 1, "fired": 1},
        {"fault": "drop-after", "method": None, "conference_id": ID, "at": 9, "times": 1, "seen": 2, "fired": 0},
    ]
    assert control.delete("faults").status_code == 204
    assert control.get("faults").json() == []
    assert rename(api).status_code == 200


def test_held_back_requests_land_on_demand(mock: ConferencesMock, api: httpx.Client, control: httpx.Client) -> None:
    control.post("faults", json={"fault": "lands-later", "method": "PUT"})
    assert rename(api).status_code == 504
    assert mock.store[ID]["display_name"] == "Whole"
    assert control.post("land").json() == {"landed": 1}
    assert mock.store[ID]["display_name"] == "new"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fault": "nope"}, "fault 0: fault 'nope' is not a kind; there are latency, "),
        ({"fault": "statsu"}, "fault 0: fault 'statsu' is not a kind; did you mean status?"),
        ({"fault": "html", "where": "x"}, "fault 0: where is for Python only"),
        ({"fault": "html", "tmies": 1}, "fault 0: html: 'tmies' is not an option of it; did you mean times?"),
        ({"fault": "drop-after", "method": "PUTT"}, "fault 0: method 'PUTT' is not one of GET, "),
        ([{"fault": "html"}, {"fault": "status"}, 7], "fault 1: status: missing a required argument: 'code'"),
        ([{"fault": "html"}, {"fault": "status"}, 7], "fault 2: 7 is not a JSON object"),
        (
            {"fault": "field-lost", "name": "layuot"},
            "fault 0: field-lost: there is no field 'layuot'; did you mean 'layout'?",
        ),
    ],
)
def test_what_is_wrong_with_faults_is_told_at_once_and_none_is_added(
    mock: ConferencesMock, control: httpx.Client, wrong: Any, said: str
) -> None:
    answer = control.post("faults", json=wrong)
    assert answer.status_code == 422
    assert any(problem.startswith(said) for problem in answer.json()["problems"])
    assert mock.faults.rules == []


def test_all_that_is_wrong_with_one_fault_is_told_at_once(control: httpx.Client) -> None:
    wrong = {"fault": "status", "code": 99, "retry_after": "soon", "method": "PUTT", "at": 0, "conference_id": 7}
    problems = control.post("faults", json=wrong).json()["problems"]
    assert len(problems) == 4
    assert all(problem.startswith("fault 0: ") for problem in problems)
    assert len(control.post("faults", json={"fault": "statsu", "times": 0}).json()["problems"]) == 2


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b'[{"layuot": "5up"}, {"size": "huge"}]', 422, "did you mean 'layout'?"),
        (b'[{"layuot": "5up"}, {"size": "huge"}]', 422, "conference 1: size='huge'"),
        (b"{", 422, "the body is not JSON"),
        (b"", 422, "the body is not JSON"),
        (b'"x"', 422, "neither a list nor an object"),
    ],
)
def test_what_is_wrong_with_a_seed_is_told_and_nothing_changed(
    mock: ConferencesMock, control: httpx.Client, content: bytes, status: int, said: str
) -> None:
    answer = control.put("state", content=content)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert list(mock.store) == [ID]


def test_a_path_or_method_that_it_does_not_have_is_told(control: httpx.Client) -> None:
    assert control.post("rest").status_code == 404
    assert control.post("rest").json() == {"error": f"there is no {PREFIX}/rest", "see": f"{PREFIX}/"}
    answer = control.post("state")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT")


def test_it_describes_itself(control: httpx.Client) -> None:
    described = control.get("").json()
    assert described.keys() == {
        *(f"GET {PREFIX}/{name}" for name in ("", "requests", "state", "faults")),
        *(f"POST {PREFIX}/{name}" for name in ("reset", "faults", "land")),
        f"PUT {PREFIX}/state",
        f"DELETE {PREFIX}/faults",
    }
    assert all(described.values())


def test_it_is_no_part_of_the_api(mock: ConferencesMock, api: httpx.Client, control: httpx.Client) -> None:
    assert not any(path.startswith(PREFIX) for path in schemas.document()["paths"])
    rule = mock.faults.add(Fault.status(503), times=None)
    control.get("state")
    assert mock.requests == []
    assert rule.seen == 0
    assert api.get("/__mock__").status_code == 503
    assert api.get("/__mock").status_code == 503


def test_a_mock_without_a_log_says_so() -> None:
    mock = ConferencesMock([WHOLE], keep_requests=False)
    with httpx.Client(transport=mock.transport(), base_url=mock.url, auth=mock.auth) as client:
        rename(client)
        assert client.get(f"{PREFIX}/requests").json() == {"error": "this mock keeps no log of requests"}
    assert mock.requests == []


def test_a_log_may_be_kept_to_the_latest_requests() -> None:
    mock = ConferencesMock([WHOLE], keep_requests=2)
    with httpx.Client(transport=mock.transport(), base_url=mock.url, auth=mock.auth) as client:
        for number in range(4):
            client.get(PATH, params={"n": number})
    assert [request.query for request in mock.requests] == ["n=2", "n=3"]


def test_what_is_on_its_way_at_a_reset_never_lands() -> None:
    with MockServer([WHOLE]) as server, httpx.Client(base_url=server.url, auth=server.auth, timeout=0.2) as client:
        server.faults.add(Fault.late_apply(0.5), "PUT")
        rule = server.faults.add(Fault.latency(0.5), "DELETE")
        with pytest.raises(httpx.ReadTimeout):
            rename(client)
        with pytest.raises(httpx.ReadTimeout):
            client.delete(PATH)
        wait_for(lambda: rule.fired == 1)
        server.reset()
        before = server.store[ID]
        done = httpx.get(f"{server.url}{PATH}", auth=server.auth)
        assert done.status_code == 200
        with pytest.raises(AssertionError):
            wait_for(lambda: ID not in server.store or server.store[ID] != before, 1.0)


def test_curl_controls_a_server() -> None:
    def curl(*arguments: str) -> Any:
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", *arguments], capture_output=True, check=True)
        return json.loads(done.stdout or b"null")

    with MockServer() as server:
        control = f"{server.url}{PREFIX}"
        curl("-X", "PUT", f"{control}/state", "-d", '[{"id": "x", "layout": "5up"}]')
        curl(f"{control}/faults", "-d", '{"fault": "status", "code": 503}')
        curl("-u", ":".join(server.auth), f"{server.url}{item('x')}")
        assert curl(f"{control}/requests")[0]["status"] == 503
        assert curl(f"{control}/state")[0]["layout"] == "5up"
        curl("-X", "POST", f"{control}/reset")
        assert curl(f"{control}/requests") == []
