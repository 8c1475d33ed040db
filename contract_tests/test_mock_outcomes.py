"""Faults that leave the outcome of a request open, and answers that are hard to read or to believe."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import httpx
import pytest

from mock_support import COLLECTION, ID, WHOLE, Api, item
from signalwire_conferences_testing.mock import Fault, MockServer

PATH = item(ID)


def loose(*conferences: dict[str, Any], **options: Any) -> Api:
    return Api(*conferences, loose=True, **options)


# --- what was carried out, and when ---------------------------------------------------------------


def test_the_answer_to_a_put_can_be_the_conference_as_it_was_before() -> None:
    api = Api(etag=True)
    before = api.get()
    api.faults.add(Fault.stale_read(), "PUT")
    answer = api.put({"display_name": "new"})
    assert (answer.status, answer.value) == (200, before.value)
    assert answer.headers["etag"] == before.headers["etag"]
    assert api.get().value["display_name"] == "new"


def test_a_conditional_put_that_a_proxy_repeats_is_carried_out_and_answered_412() -> None:
    api = loose(etag=True)
    tag = api.get().headers["etag"]
    api.faults.add(Fault.repeated(), "PUT", times=2)
    assert api.put({"display_name": "new"}, headers={"if-match": tag}).status == 412
    assert api.get().value["display_name"] == "new"
    assert api.put({"display_name": "newer"}).status == 200
    api.faults.add(Fault.repeated(), "DELETE")
    assert api.ask("DELETE", PATH).status == 404
    assert ID not in api.store


@pytest.mark.parametrize("code", [202, 500, 502, 503, 504])
@pytest.mark.parametrize("requests", [0, 1, 3])
def test_a_put_can_land_after_further_requests(code: int, requests: int) -> None:
    api = loose()
    api.faults.add(Fault.lands_later(code, requests), "PUT")
    answer = api.put({"display_name": "late"})
    assert answer.status == code
    assert answer.value == ({"status": "accepted"} if code == 202 else {"error": answer.value.get("error")})
    for _ in range(requests):
        assert api.store[ID]["display_name"] == "Whole"
        assert api.get().value["display_name"] == "Whole"
    assert api.get().value["display_name"] == "late"


def test_a_put_can_land_when_it_is_said() -> None:
    with MockServer([WHOLE]) as server, httpx.Client(base_url=server.url, auth=("mock-project", "mock-token")) as http:
        for name, field in (("one", "size"), ("two", "layout")):
            server.faults.add(Fault.lands_later(), "PUT")
            server.faults.add(Fault.field_lost(field), "PUT")
            assert http.put(PATH, json={**WHOLE, "display_name": name}).status_code == 504
        assert server.store[ID] == WHOLE | {key: server.store[ID][key] for key in ("created_at", "updated_at")}
        assert server.faults.land() == 2
        told = http.get(PATH).json()
        assert (told["display_name"], told["size"], told["layout"]) == ("two", "large", "grid-responsive")
        assert server.faults.land() == 0


def test_a_put_that_lands_late_is_refused_where_it_would_have_been() -> None:
    api = loose(etag=True)
    tag = api.get().headers["etag"]
    api.faults.add(Fault.lands_later(), "PUT")
    api.put({"display_name": "late"}, headers={"if-match": tag})
    api.store.patch(ID, {"size": "small"})
    assert api.faults.land() == 1
    assert api.store[ID]["display_name"] == "Whole"


def test_a_put_that_lands_late_and_would_have_been_dropped_disturbs_nobody() -> None:
    api = loose()
    for requests in (1, None):
        api.faults.add(Fault.lands_later(503, requests), "PUT")
        api.faults.add(Fault.drop_after(), "PUT")
        assert api.put({"display_name": "late"}).status == 503
        assert api.get().status == 200
        assert api.faults.land() == (0 if requests else 1)
        assert api.store[ID]["display_name"] == "late"


def test_what_would_land_is_forgotten_with_the_rules() -> None:
    api = loose()
    api.faults.add(Fault.lands_later(504, 1), "PUT")
    api.put({"display_name": "late"})
    api.faults.clear()
    assert api.faults.land() == 0
    api.get()
    assert api.get().value["display_name"] == "Whole"


def test_a_login_page_answers_for_a_request_that_is_not_applied() -> None:
    api = loose()
    for method in ("PUT", "DELETE"):
        api.faults.add(Fault.login_page(), method)
        answer = api.send(method, PATH, {"display_name": "new"})
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert answer.content.startswith(b"<!doctype html>")
    assert api.store[ID]["display_name"] == "Whole"


@pytest.mark.parametrize(
    ("content", "code"), [("{}", 200), ('{"status": "accepted"}', 202), ("null", 200), ("", 202), ("x", 404)]
)
def test_a_status_of_its_own_may_come_with_a_body_of_its_own(content: str, code: int) -> None:
    api = loose()
    api.faults.add(Fault.body(content, code=code), "PUT")
    answer = api.put({"display_name": "new"})
    assert (answer.status, answer.content) == (code, content.encode())
    assert api.store[ID]["display_name"] == "new"


def test_a_field_can_be_lost_and_the_answer_too() -> None:
    with MockServer([WHOLE]) as server, httpx.Client(base_url=server.url, auth=("mock-project", "mock-token")) as http:
        for fault in (Fault.drop_after(), Fault.field_lost("description"), Fault.field_lost("size")):
            server.faults.add(fault, "PUT")
        with pytest.raises(httpx.RemoteProtocolError):
            http.put(PATH, json={**WHOLE, "display_name": "new"})
        state = server.store[ID]
    assert (state["display_name"], state["description"], state["size"]) == ("new", None, "medium")


# --- what is stored -------------------------------------------------------------------------------


def test_properties_that_the_contract_does_not_know_can_become_empty_of_their_kind() -> None:
    unknown = {"on": True, "text": "strict", "number": 7, "part": 1.5, "list": [1, 2], "tags": {"a": 1}, "none": None}
    api = loose({**WHOLE, **unknown})
    for name in [*unknown, "absent"]:
        api.faults.add(Fault.field_emptied(name), "PUT")
    told = api.put({"display_name": "new"}).value
    empty = {"on": False, "text": "", "number": 0, "part": 0.0, "list": [], "tags": {}, "none": None}
    assert told == {**told, **empty}
    assert told["on"] is False
    assert "absent" not in told


def test_a_field_can_count_the_writes() -> None:
    api = loose({**WHOLE, "revision": 7})
    api.faults.add(Fault.field_counted("revision"), "PUT", times=None)
    api.faults.add(Fault.field_counted("writes"), "PUT", times=None)
    told = [api.put({"display_name": "new"}).value for _ in range(3)]
    assert [(one["revision"], one["writes"]) for one in told] == [(8, 1), (9, 2), (10, 3)]


@pytest.mark.parametrize(
    ("digits", "how", "sent", "kept"),
    [
        (0, "cut", "2030-01-01T10:00:00.999999Z", "2030-01-01T10:00:00Z"),
        (0, "rounded", "2030-01-01T10:00:00.499999Z", "2030-01-01T10:00:00Z"),
        (0, "rounded", "2030-12-31T23:59:59.5Z", "2031-01-01T00:00:00Z"),
        (3, "cut", "2030-01-01T10:00:00.1239Z", "2030-01-01T10:00:00.123Z"),
        (3, "rounded", "2030-01-01T10:00:00.1239Z", "2030-01-01T10:00:00.124Z"),
        (3, "rounded", "2030-01-01T10:00:00.99951+01:00", "2030-01-01T09:00:01Z"),
        (3, "rounded", "2030-01-01T10:00:00.0004Z", "2030-01-01T10:00:00Z"),
        (3, "cut", "2030-01-01", "2030-01-01T00:00:00Z"),
        (0, "cut", "2016-12-31T23:59:60.7Z", "2016-12-31T23:59:60Z"),
        (0, "rounded", "2016-12-31T23:59:60.7Z", "2017-01-01T00:00:00Z"),
    ],
)
def test_times_can_be_kept_to_a_part_of_a_second(digits: int, how: Any, sent: str, kept: str) -> None:
    api = Api()
    api.faults.add(Fault.times_kept(digits, how), "PUT")
    told = api.put({"display_name": "new", "join_from": sent}).value
    assert (told["join_from"], told["join_until"]) == (kept, None)


# --- answers that are hard to read ----------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 100_000])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "identity"])
def test_an_answer_can_come_compressed(encoding: str, size: int) -> None:
    with MockServer([WHOLE]) as server, httpx.Client(base_url=server.url, auth=("mock-project", "mock-token")) as http:
        server.faults.add(Fault.compressed(encoding, size))
        answer = http.get(PATH, headers={"accept-encoding": "identity"})
        assert answer.headers["content-encoding"] == encoding
        assert answer.json() == http.get(PATH).json()
        assert len(answer.content) == len(http.get(PATH).content) + size


def test_an_answer_can_be_said_to_be_encoded_and_not_be() -> None:
    api = loose()
    api.faults.add(Fault.compressed("br"))
    answer = api.get()
    assert (answer.headers["content-encoding"], answer.value["id"]) == ("br", ID)


@pytest.mark.parametrize("encoding", ["gzip", pytest.param("deflate", marks=pytest.mark.long)])
def test_a_small_answer_can_expand_beyond_memory_and_still_be_the_conference(encoding: str) -> None:
    size = 200_000_000
    api = loose()
    api.faults.add(Fault.compressed(encoding, size))
    tracemalloc.start()
    try:
        content = api.get().content
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert len(content) < 1_000_000
    unpack = zlib.decompressobj(wbits=47)
    expanded = len(head := unpack.decompress(content, 65536))
    while rest := unpack.decompress(unpack.unconsumed_tail, 1 << 20):
        assert not rest.strip()
        expanded += len(rest)
    assert json.loads(head)["id"] == ID
    assert expanded == size + len(head.rstrip())


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("gzip;q=0.0, br", False), ("identity", False)],
)
def test_the_compressed_representation_can_have_a_tag_that_never_matches(accepted: str, compressed: bool) -> None:
    api = loose(etag=True)
    plain = api.get().headers["etag"]
    api.faults.add(Fault.compressed_etag(), times=None)
    answer = api.ask("GET", PATH, headers={"accept-encoding": accepted})
    tag = answer.headers["etag"]
    assert tag == (f'{plain[:-1]}-gzip"' if compressed else plain)
    assert json.loads(gzip.decompress(answer.content) if compressed else answer.content)["id"] == ID
    said = {"if-match": tag, "accept-encoding": accepted}
    assert api.put({"display_name": "new"}, headers=said).status == (412 if compressed else 200)


def test_an_answer_can_begin_with_a_byte_order_mark() -> None:
    api = loose()
    api.faults.add(Fault.byte_order_mark())
    content = api.get().content
    assert content.startswith(b"\xef\xbb\xbf{")
    assert json.loads(content.decode("utf-8-sig"))["id"] == ID


def test_every_answer_can_set_a_cookie_of_a_new_name() -> None:
    with MockServer([WHOLE]) as server, httpx.Client(base_url=server.url, auth=("mock-project", "mock-token")) as http:
        server.faults.add(Fault.cookie(), times=None)
        for _ in range(5):
            assert http.get(PATH).status_code == 200
        assert len(http.cookies) == 5


def test_an_answer_can_tell_the_credentials() -> None:
    api = loose()
    api.faults.add(Fault.credentials_told(), "PUT")
    api.faults.add(Fault.credentials_told("debug"), "PUT")
    told = api.put({"display_name": "new"}).value
    assert told["description"] == told["debug"] == "Basic cDp0 (p:t)"
    assert api.store[ID]["description"] is None
    assert "debug" not in api.store[ID]


def test_pages_can_be_empty_and_link_to_another_without_end() -> None:
    api = loose()
    rule = api.faults.add(Fault.empty_page(), "GET", times=20)
    target, seen = COLLECTION, set()
    while not (page := api.ask("GET", target).value)["data"]:
        target = page["links"]["next"]
        assert target not in seen
        seen.add(target)
    assert rule.fired == len(seen) == 20
    assert [one["id"] for one in page["data"]] == [ID]


def test_a_deletion_can_fail_after_it_was_carried_out_and_then_be_gone() -> None:
    api = loose()
    api.faults.add(Fault.failed_after(502), "DELETE")
    api.faults.add(Fault.status(410), "DELETE", at=2)
    assert [api.ask("DELETE", PATH).status for _ in range(3)] == [502, 410, 404]
