"""The mock keeps the contract: every answer in here is checked against it by `mock_support`."""

from __future__ import annotations

import base64
import copy
import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mock_support import COLLECTION, ID, WHOLE, Api, bodies, item, times, values
from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE, Kind
from signalwire_conferences.values import instant
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Store

SERVER_OWNED = ("id", "name", "created_at", "meta")
UPDATE_FIELDS = contract.fields(UPDATE)
quick = settings(max_examples=60, deadline=None)


# --- credentials ----------------------------------------------------------------------------------


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


WRONG_CREDENTIALS = [
    None,
    b"",
    b"Basic",
    b"Basic ",
    b"Basic !!!!",
    b"Bearer " + base64.b64encode(b"p:t"),
    b"Basic p:t",
    basic(b"p"),
    basic(b":"),
    basic(b"p:"),
    basic(b":t"),
    basic(b"p:T"),
    basic(b"p:t "),
    basic(b"t:p"),
    basic(b"p:t\xff"),
    basic(b"p:t") + b"A",
    basic(b"p:t") + b", " + basic(b"p:t"),
    b"\xff\xfe",
]


@pytest.mark.parametrize("credentials", WRONG_CREDENTIALS)
def test_wrong_credentials_are_refused_before_anything_else(credentials: bytes | None) -> None:
    api = Api()
    before = api.store[ID]
    for method, target, content in [
        ("GET", COLLECTION, b""),
        ("GET", f"{COLLECTION}?page_size=x", b""),
        ("POST", COLLECTION, b'{"display_name": "new"}'),
        ("PUT", item(ID), b'{"display_name": "new"}'),
        ("PUT", item(ID), b"no json"),
        ("DELETE", item(ID), b""),
        ("GET", item("unknown"), b""),
        ("PATCH", item(ID), b""),
        ("GET", "/elsewhere", b""),
    ]:
        answer = api.ask(method, target, content, credentials=credentials)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert api.store[ID] == before
    assert len(api.store) == 1


@given(st.binary(max_size=60))
@quick
def test_no_authorization_header_but_the_right_one_is_taken(header: bytes) -> None:
    assert Api().ask("GET", credentials=b"Basic " + header).status in (
        (200, 401) if base64.b64encode(b"p:t") in header else (401,)
    )


def test_credentials_beyond_ascii_are_taken_in_either_encoding() -> None:
    api = Api()
    app = type(api.app)(api.app.operations, credentials=("prøject", "tökén"), faults=api.faults)
    api.app = app
    for encoding in ("utf-8", "latin-1"):
        right = basic("prøject:tökén".encode(encoding))
        assert api.ask("GET", credentials=right).status == 200
    assert api.ask("GET", credentials=basic("prøject:tökên".encode())).status == 401


def test_two_authorization_headers_are_none() -> None:
    right = basic(b"p:t").decode()
    assert Api().ask("GET", headers={"authorization": right}).status == 401
    assert Api().ask("GET", headers={"authorization": right}, credentials=None).status == 200


def test_the_scheme_is_taken_in_any_case() -> None:
    assert Api().ask("GET", credentials=b"bASIC  " + base64.b64encode(b"p:t")).status == 200


# --- PUT ------------------------------------------------------------------------------------------


@given(bodies())
@quick
def test_put_stores_what_is_sent_and_resets_what_is_left_out(body: Mapping[str, tuple[Any, Any]]) -> None:
    api = Api()
    before = api.store[ID]
    answer = api.put({name: sent for name, (sent, _) in body.items()})
    assert answer.status == 200
    for name, field in UPDATE_FIELDS.items():
        expected = body[name][1] if name in body else field.default
        assert answer.value[name] == expected, name
    for name in SERVER_OWNED:
        assert answer.value[name] == before[name]
    assert instant(answer.value["updated_at"]) > instant(before["updated_at"])  # type: ignore[operator]  # valid times, so no None
    assert api.get().value == answer.value
    assert api.store[ID]["active_session"] == before["active_session"]


def test_put_ignores_what_it_does_not_know_and_what_is_not_the_callers() -> None:
    api = Api()
    before = api.store[ID]
    foreign = {
        "id": "other",
        "name": "other",
        "meta": None,
        "created_at": "x",
        "updated_at": 1,
        "active_session": {"id": "x"},
        "unheard_of": [0.5, {"\ud800": "\udfff"}],
    }
    content = json.dumps({"display_name": "new", **foreign}).replace("0.5", "1e400")
    answer = api.ask("PUT", item(ID), content.encode())
    assert answer.status == 200
    assert answer.value.keys() == before.keys() - {"active_session"}
    assert {name: answer.value[name] for name in SERVER_OWNED} == {name: before[name] for name in SERVER_OWNED}
    assert api.store[ID]["active_session"] == before["active_session"]


WRONG_FOR_ALL: list[Any] = [None, 1, 0, 1.0, [], {}, ["true"], "", "true", "True", "1", True, "#12345G", "2x2 "]


@given(st.data())
@quick
def test_a_refused_put_names_each_failed_field_and_changes_nothing(data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(UPDATE_FIELDS)), min_size=1))
    api = Api()
    body = {name: WHOLE[name] for name in UPDATE_FIELDS}
    for name in names:
        wrong = [value for value in WRONG_FOR_ALL if not UPDATE_FIELDS[name].accepts(value)]
        body[name] = data.draw(st.sampled_from(wrong))
    if data.draw(st.booleans()):
        names.add("display_name")
        body.pop("display_name", None)
    before = api.store[ID]
    assert sorted(api.put(body).failed) == sorted(names)
    assert api.store[ID] == before


@pytest.mark.parametrize("name", [n for n, f in UPDATE_FIELDS.items() if f.rule == "must be a boolean"])
@pytest.mark.parametrize("wrong", [None, 0, 1, 1.0, "true", "false", "", [], {}])
def test_booleans_are_not_coerced(name: str, wrong: object) -> None:
    assert Api().put({"display_name": "new", name: wrong}).failed == [name]


@pytest.mark.parametrize("name", ["display_name", "description"])
@pytest.mark.parametrize("character", ["a", "é", "e\u0301", "漢", "😀", "\0", "\u200d"])
def test_limits_are_exact_and_count_characters(name: str, character: str) -> None:
    limit = schemas.document()["components"]["schemas"][UPDATE]["properties"][name]["maxLength"]
    fits = (character * limit)[:limit]
    api = Api()
    assert api.put({"display_name": "d", name: fits}).value[name] == fits
    assert api.put({"display_name": "d", name: fits + "x"}).failed == [name]


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
@example("\0\x1f\x7f\u2028\ufeff\r\n")
@example("\ud83d\ude00")
@quick
def test_text_comes_back_character_for_character(text: str) -> None:
    text = json.loads(json.dumps(text))  # two halves in a row are one character
    answer = Api().put({"display_name": text})
    if any("\ud800" <= character <= "\udfff" for character in text):
        assert answer.failed == ["display_name"]
        assert UPDATE_FIELDS["display_name"].rule in answer.value["errors"][0]["message"]
    else:
        assert answer.value["display_name"] == text


@pytest.mark.parametrize("name", [n for n, f in UPDATE_FIELDS.items() if f.kind is Kind.COLOR])
def test_colours_are_exact(name: str) -> None:
    api = Api()
    for right in ("#abcdef", "#ABCDEF", "#aBc123"):
        assert api.put({"display_name": "d", name: right}).value[name] == right
    for wrong in (
        "#abcdef\n",
        " #abcdef",
        "#abcde",
        "#abcdeff",
        "abcdef",
        "#abcdeg",
        "#ABC",
        "",
        "#１２３４５６",  # noqa: RUF001 - digits that are not ASCII
        "red",
    ):
        assert api.put({"display_name": "d", name: wrong}).failed == [name]


@given(times())
@settings(max_examples=200, deadline=None)
def test_a_time_is_told_in_utc_as_the_same_instant(time_of: tuple[str, str]) -> None:
    sent, expected = time_of
    answer = Api().put({"display_name": "d", "join_from": sent})
    assert answer.status == 200, sent
    assert answer.value["join_from"] == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2022-01-01", "2022-01-01T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2022-01-01T23:59:60Z", "2022-01-01T23:59:60Z"),
        ("2022-06-30T19:59:60.5-04:00", "2022-06-30T23:59:60.5Z"),
        ("2016-12-31t23:59:60z", "2016-12-31T23:59:60Z"),
        ("2022-01-01T00:00:00.123456789+05:30", "2021-12-31T18:30:00.123456789Z"),
        ("2022-01-01T00:00:00.000Z", "2022-01-01T00:00:00Z"),
        ("0000-01-01", "0000-01-01T00:00:00Z"),
        ("0000-12-31T23:59:59+00:01", "0000-12-31T23:58:59Z"),
        ("0001-01-01T00:00:00+00:01", "0000-12-31T23:59:00Z"),
        ("9999-12-31T23:59:59.9Z", "9999-12-31T23:59:59.9Z"),
    ],
)
def test_every_documented_form_of_a_time_is_taken(sent: str, expected: str) -> None:
    for name in ("join_from", "join_until"):
        assert Api().put({"display_name": "d", name: sent}).value[name] == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "2022-01-01T00:00:00",
        "2022-01-01 00:00:00Z",
        "2022-01-01T24:00:00Z",
        "2022-01-01T12:00:60Z",
        "2022-06-30T23:59:60-04:00",
        "2022-02-29",
        "2022-2-1",
        "2022-01-01Z",
        "2022-01-01\n",
        "2022-01-01T00:00:00Z\n",
        "2022-01-01T00:00:00+0200",
        "2022-01-01T00:00:00.Z",
        "2022-01-01T00:00Z",
        "２０２２-01-01",  # noqa: RUF001 - digits that are not ASCII
        "1640995200",
        1640995200,
        None,
        "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00+00:01",
    ],
)
def test_no_other_form_of_a_time_is_taken(wrong: object) -> None:
    assert Api().put({"display_name": "d", "join_until": wrong}).failed == ["join_until"]


@pytest.mark.parametrize(
    "updated_at", ["2022-01-01T00:00:00Z", "2999-12-31T23:59:59.999999Z", "2999-01-01T00:00:00.123456789Z"]
)
def test_updated_at_rises_with_each_write_even_if_the_clock_stands(
    updated_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api({**WHOLE, "updated_at": updated_at})
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    seen = [instant(updated_at)] + [instant(api.put({"display_name": "same"}).value["updated_at"]) for _ in range(5)]
    assert sorted(set(seen)) == seen  # type: ignore[type-var]  # likewise


def test_no_other_conference_is_touched() -> None:
    api = Api(WHOLE, {**WHOLE, "id": "twin", "name": "twin"})
    twin = api.store["twin"]
    api.put({"display_name": "new"})
    api.ask("DELETE", item(ID))
    assert api.store["twin"] == twin


# --- create, get, delete --------------------------------------------------------------------------


def test_create_gives_what_is_left_out_the_values_of_the_contract() -> None:
    api = Api()
    answer = api.post({"display_name": "New"})
    assert answer.status == 200
    known = {**UPDATE_FIELDS, **contract.fields(CREATE)}
    for name in known.keys() - {"display_name", "name"}:
        assert answer.value[name] == known[name].default, name
    assert answer.value["enable_chat"] is True
    assert answer.value["meta"] == {}
    assert answer.value["created_at"] == answer.value["updated_at"]
    assert "active_session" not in answer.value
    assert api.get(answer.value["id"]).value == answer.value
    assert list(answer.value) == [n for n in schemas.answer_fields() if n != "active_session"]


@given(st.data())
@quick
def test_create_stores_what_is_sent(data: st.DataObject) -> None:
    fields = contract.fields(CREATE).keys() & UPDATE_FIELDS.keys()
    parts = data.draw(st.fixed_dictionaries({n: values(UPDATE_FIELDS[n]) for n in sorted(fields)}))
    answer = Api().post({"name": "N-1_x", **{name: sent for name, (sent, _) in parts.items()}})
    assert answer.value["name"] == "N-1_x"
    assert {name: answer.value[name] for name in parts} == {n: e for n, (_, e) in parts.items()}


def test_names_are_unique_and_made_up_where_left_out() -> None:
    api = Api()
    made = [api.post({"display_name": "d"}).value for _ in range(20)]
    assert len({one["name"] for one in made} | {one["id"] for one in made}) == 40
    assert all(contract.fields(CREATE)["name"].accepts(one["name"]) for one in made)
    assert api.post({"display_name": "d", "name": "whole"}).failed == ["name"]
    assert api.post({"display_name": 1, "name": "whole"}).failed == ["display_name", "name"]
    assert len(api.store) == 21
    assert api.post({"display_name": "d", "name": "Whole"}).status == 200
    api.ask("DELETE", item(ID))
    assert api.post({"display_name": "d", "name": "whole"}).status == 200


@pytest.mark.parametrize("name", ["", "a b", "é", "a\n", "x" * 101, "a.b", 1, None])
def test_a_name_keeps_to_its_pattern(name: object) -> None:
    assert Api().post({"display_name": "d", "name": name}).failed == ["name"]


def test_delete_is_final() -> None:
    api = Api()
    assert api.ask("DELETE", item(ID)).status == 204
    assert api.ask("DELETE", item(ID)).status == 404
    assert api.get().status == 404
    assert api.put({"display_name": "d"}).status == 404
    assert api.list().value["data"] == []


@pytest.mark.parametrize(
    "unknown",
    [
        "c22d24f6-5a47-4597-9a23-c7d01e696b93",
        "none",
        "%00",
        "..",
        "%2e%2e",
        "%ff",
        "a%2Fb",
        f"{ID}%0A",
        "{id}",
        "x" * 5000,
    ],
)
def test_no_unknown_or_malformed_id_is_found_or_made(unknown: str) -> None:
    api = Api()
    for method in ("GET", "PUT", "DELETE"):
        assert api.ask(method, item(unknown), b'{"display_name": "d"}').status == 404
    assert list(api.store) == [ID]


def test_a_uuid_is_the_same_in_any_case() -> None:
    api = Api()
    made = api.post({"display_name": "d"}).value
    assert api.get(made["id"].upper()).value == made
    assert api.put({"display_name": "e"}, made["id"].upper()).value["id"] == made["id"]


@pytest.mark.parametrize("query", ["?include_active_session=true", ""])
def test_the_active_session_is_told_exactly_on_request(query: str) -> None:
    api = Api(WHOLE, {"name": "quiet"})
    assert ("active_session" in api.get(query=query).value) == bool(query)
    told = ["active_session" in one for one in api.list(query).value["data"]]
    assert told == [bool(query), False]
    assert "active_session" not in api.get(query="?include_active_session=false").value
    assert "active_session" not in api.ask("PUT", item(ID) + query, b'{"display_name":"d"}').value


# --- requests that are no good --------------------------------------------------------------------

MALFORMED = [
    b"",
    b" ",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"1",
    b"true",
    b"{'display_name': 'd'}",
    b'{"display_name": "d"',
    b'{"display_name": "d",}',
    b'{"display_name": "d"} x',
    b'{"display_name": NaN}',
    b'{"display_name": "d", "x": -Infinity}',
    b'{"display_name": "\xff"}',
    b'\xef\xbb\xbf{"display_name": "d"}',
    '{"display_name": "d"}'.encode("utf-16"),
    b'{"display_name": "a\nb"}',
    b"[" * 100_000,
    b'{"x": ' * 100_000,
    b'{"display_name": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("target", [("POST", COLLECTION), ("PUT", item(ID))], ids=["POST", "PUT"])
def test_half_a_character_is_refused(target: tuple[str, str]) -> None:
    assert Api().ask(*target, b'{"display_name": "half of one: \\ud800"}').status == 422


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize("target", [("POST", COLLECTION), ("PUT", item(ID))], ids=["POST", "PUT"])
def test_what_is_no_json_object_is_a_bad_request(content: bytes, target: tuple[str, str]) -> None:
    api = Api()
    before = api.store[ID]
    assert api.ask(*target, content).status == 400
    assert api.store[ID] == before
    assert len(api.store) == 1


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;Charset=UTF-8", 200),
        ('application/json; charset="utf-8"', 200),
        ("application/json; version=1", 200),
        ("", 400),
        ("text/plain", 400),
        ("application/json-patch+json", 400),
        ("application/x-www-form-urlencoded", 400),
        ("multipart/form-data; boundary=x", 400),
        ("application/json; charset=latin-1", 400),
        ("application", 400),
        ("text/json; application/json", 400),
    ],
)
def test_only_json_is_taken(content_type: str, status: int) -> None:
    for answer in (
        Api().put({"display_name": "d"}, headers={"content-type": content_type}),
        Api().post({"display_name": "d"}, headers={"content-type": content_type}),
    ):
        assert answer.status == status


def test_other_methods_are_told_which_are_allowed() -> None:
    api = Api()
    for method in ("PATCH", "POST", "TRACE", "put", "X"):
        answer = api.ask(method, item(ID))
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE"}
    assert set(api.ask("PUT").headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_head_is_get_without_its_body() -> None:
    api = Api()
    answer = api.ask("HEAD", item(ID))
    assert (answer.status, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(api.get().content)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/api",
        COLLECTION + "/",
        item(ID) + "/",
        "//" + COLLECTION,
        COLLECTION + "%0A",
        item(ID) + "/x",
        "*",
        "/%",
    ],
)
def test_other_paths_are_not_found_and_nothing_redirects(path: str) -> None:
    for method in ("GET", "PUT", "OPTIONS"):
        assert Api().ask(method, path).status == 404


def test_every_answer_has_an_id_of_its_own() -> None:
    api = Api()
    answers = [api.get(), api.get(), api.put(1), api.ask("GET", "/"), api.ask("GET", credentials=b"")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 5
    assert [entry.request_id for entry in api.requests] == ids


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"]),
    target=st.sampled_from([COLLECTION, item(ID), item("x"), "/"]) | st.text(max_size=30),
    query=st.text(max_size=30)
    | st.builds(
        "{}={}".format,
        st.sampled_from(
            ["page_size", "page_number", "page_token", "starts_after", "ends_before", "include_active_session"]
        ),
        st.text(max_size=20) | st.integers(),
    ),
    content=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*UPDATE_FIELDS, "name"]) | st.text(max_size=5), inner, max_size=5)
        ),
    ).map(lambda value: json.dumps(value).encode()),
    content_type=st.sampled_from(["application/json"] * 4 + [""])
    | st.text(st.characters(max_codepoint=255), max_size=20),
)
@settings(max_examples=400, deadline=None)
def test_nothing_that_is_sent_makes_a_500(
    method: str, target: str, query: str, content: bytes, content_type: str
) -> None:
    api = Api()
    target = target.encode(errors="replace").decode() + "?" + query.encode(errors="replace").decode()
    answer = api.ask(method, target, content, headers={"content-type": content_type})
    assert answer.status < 500


# --- list -----------------------------------------------------------------------------------------


def many(count: int) -> list[dict[str, Any]]:
    return [{"id": f"id-{number}", "name": f"name-{number}"} for number in range(count)]


def loose(count: int, **options: Any) -> Api:
    """A mock with ids that are no UUIDs, which the contract would not have in answers."""
    return Api(*many(count), loose=True, **options)


@given(
    count=st.integers(1, 40),
    size=st.integers(1, 45),
    doings=st.lists(st.sampled_from(["create", "delete", "update"]), max_size=30),
    data=st.data(),
)
@quick
def test_a_walk_sees_each_conference_once_whatever_else_happens(
    count: int, size: int, doings: list[str], data: st.DataObject
) -> None:
    api = loose(count)
    seen: list[str] = []
    deleted: set[str] = set()
    target: str | None = f"{COLLECTION}?page_size={size}"
    pages = 0
    while target:
        page = api.ask("GET", target).value
        assert len(page["data"]) <= size
        seen += [one["id"] for one in page["data"]]
        pages += 1
        assert pages <= count // size + 2
        target = page["links"].get("next")
        for doing in [doings.pop() for _ in range(min(2, len(doings)))]:
            victim = data.draw(st.sampled_from(list(api.store) or ["none"]))
            if doing == "create":
                api.post({"display_name": "new"})
            elif doing == "update":
                api.put({"display_name": "new"}, victim)
            elif api.ask("DELETE", item(victim)).status == 204:
                deleted.add(victim)
    assert len(set(seen)) == len(seen)
    assert {f"id-{number}" for number in range(count)} - deleted <= set(seen)


@given(count=st.integers(1, 30), size=st.integers(1, 10))
@quick
def test_prev_leads_back_over_the_same_pages(count: int, size: int) -> None:
    api = loose(count)
    page = api.list(f"?page_size={size}").value
    there = [page["data"]]
    while "next" in page["links"]:
        page = api.ask("GET", page["links"]["next"]).value
        there.append(page["data"])
        assert api.ask("GET", page["links"]["self"]).value["data"] == page["data"]
    back = [page["data"]]
    while "prev" in page["links"]:
        page = api.ask("GET", page["links"]["prev"]).value
        back.append(page["data"])
    assert back[::-1] == there
    assert api.ask("GET", page["links"]["first"]).value["data"] == there[0]


@given(count=st.integers(2, 30), size=st.integers(1, 10), data=st.data())
@quick
def test_a_walk_back_repeats_nothing_whatever_is_deleted(count: int, size: int, data: st.DataObject) -> None:
    api = loose(count)
    page = api.list(f"?page_size={size}").value
    while "next" in page["links"]:
        page = api.ask("GET", page["links"]["next"]).value
    seen = [one["id"] for one in page["data"]]
    deleted: set[str] = set()
    while "prev" in page["links"]:
        victims = data.draw(st.sets(st.sampled_from(list(api.store)), max_size=len(api.store) - 1))
        for victim in victims:
            api.store.delete(victim)
        deleted |= victims
        page = api.ask("GET", page["links"]["prev"]).value
        seen += [one["id"] for one in page["data"]]
    assert len(set(seen)) == len(seen)
    assert {f"id-{number}" for number in range(count)} - deleted <= set(seen)


def test_links_are_paths_or_absolute_and_carry_the_filters() -> None:
    query = "?page_size=1&ends_before=2050-01-01&include_active_session=false"
    stay = [{**one, "join_until": "2040-01-01T00:00:00Z"} for one in many(3)]
    for absolute in (False, True):
        api = Api(*stay, loose=True, absolute_links=absolute)
        answer = api.ask("GET", COLLECTION + query, headers={"host": "there:1"})
        for link in answer.value["links"].values():
            assert link.startswith("http://there:1/api" if absolute else "/api")
            assert "ends_before=2050-01-01" in link
            assert "include_active_session=false" in link
        following = answer.value["links"]["next"].removeprefix("http://there:1")
        assert api.ask("GET", following).status == 200


@pytest.mark.parametrize(
    ("query", "failed"),
    [
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=", "page_size"),
        ("page_size=1.0", "page_size"),
        ("page_size=1e1", "page_size"),
        ("page_size=%2B1", "page_size"),
        ("page_size=true", "page_size"),
        ("page_size=%D9%A1", "page_size"),
        ("page_size=" + "9" * 5000, "page_size"),
        ("page_number=-1", "page_number"),
        ("page_number=x", "page_number"),
        ("page_number=1", "page_token"),
        ("page_token=", "page_token"),
        ("page_token=PAb3877c40da604998", "page_token"),
        ("page_token=%F0%9F%98%80", "page_token"),
        ("include_active_session=yes", "include_active_session"),
        ("include_active_session=1", "include_active_session"),
        ("include_active_session=", "include_active_session"),
        ("starts_after=", "starts_after"),
        ("starts_after=yesterday", "starts_after"),
        ("starts_after=2022-02-30T00:00:00Z", "starts_after"),
        ("ends_before=2022-01-01T00:00:00", "ends_before"),
        ("ends_before=2022-01-01%2000:00:00Z", "ends_before"),
        ("ends_before=2022-01-01T12:00:60Z", "ends_before"),
        ("ends_before=1e9", "ends_before"),
        ("page_size=5&page_size=6", "page_size"),
    ],
)
def test_a_bad_query_is_refused(query: str, failed: str) -> None:
    assert Api().list(f"?{query}").failed == [failed]


def test_all_that_is_wrong_with_a_query_is_told_at_once() -> None:
    failed = Api().list("?page_size=0&page_number=x&include_active_session=2&starts_after=q").failed
    assert sorted(failed) == ["include_active_session", "page_number", "page_size", "starts_after"]


def test_a_bad_query_of_get_is_refused() -> None:
    assert Api().get(query="?include_active_session=maybe").failed == ["include_active_session"]


def test_bounds_and_unknown_parameters_of_a_query_are_taken() -> None:
    api = Api()
    for query in ("page_size=1", "page_size=1000", "page_number=0", "what=ever", "&&=&%"):
        assert len(api.list(f"?{query}").value["data"]) == 1
    assert len(loose(60).list().value["data"]) == 50


def test_a_token_is_good_for_its_own_list_alone() -> None:
    api = loose(5)
    following = api.list("?page_size=2").value["links"]["next"]
    token = re.findall("page_token=([^&]+)", following)[0]
    assert api.ask("GET", following).status == 200
    assert api.ask("GET", f"{following}&starts_after=0").failed == ["page_token"]
    assert api.list(f"?page_number=2&page_token={token}").failed == ["page_number"]
    assert loose(5).ask("GET", following).failed == ["page_token"]
    for changed in (token[:-1], token + "A", token.swapcase(), token + "=", token[2:]):
        assert api.list(f"?page_number=1&page_token={changed}").failed == ["page_token"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abcd"),
        ("starts_after=2022-01-01T00:00:00Z", "ab"),
        ("starts_after=2022-01-01", "ab"),
        ("starts_after=1640995200", "ab"),
        ("starts_after=1640995200.0", "ab"),
        ("starts_after=1640995199.999", "ab"),
        ("starts_after=1640995200.000000001", "b"),
        ("starts_after=2022-01-01T00:00:00.0000001Z", "b"),
        ("starts_after=2022-01-01T01:00:00%2B01:00", "ab"),
        ("starts_after=-1.5", "ab"),
        ("ends_before=2022-06-01T00:00:00Z", "a"),
        ("ends_before=1654041600", "a"),
        ("ends_before=1654041599.9", ""),
        ("ends_before=2030-01-01", "abc"),
        ("starts_after=2022-01-01&ends_before=2022-12-31", "ab"),
    ],
)
def test_filters_include_their_bounds_and_leave_out_what_has_no_time(query: str, found: str) -> None:
    def one(name: str, start: str | None, end: str | None) -> dict[str, Any]:
        return {"id": name, "name": name, "join_from": start, "join_until": end}

    api = Api(
        one("a", "2022-01-01T00:00:00Z", "2022-06-01T02:00:00+02:00"),
        one("b", "2022-02-01T00:00:00.5Z", "2022-06-02T00:00:00Z"),
        one("c", None, "2022-06-02T00:00:00Z"),
        one("d", None, None),
        loose=True,
    )
    assert "".join(one["id"] for one in api.list(f"?{query}").value["data"]) == found


@pytest.mark.parametrize(("stamp", "found"), [("-1.5", 1), ("-1.4", 1), ("-1.3", 0), ("-2", 1), ("-1", 0)])
def test_unix_timestamps_count_backwards_before_1970(stamp: str, found: int) -> None:
    api = Api({**WHOLE, "join_from": "1969-12-31T23:59:58.6Z"})
    assert len(api.list(f"?starts_after={stamp}").value["data"]) == found


# --- ETag -----------------------------------------------------------------------------------------


def test_without_the_option_there_is_no_etag_and_if_match_is_not_heeded() -> None:
    answer = Api().put({"display_name": "d"}, headers={"if-match": '"x"'})
    assert answer.status == 200
    assert "etag" not in answer.headers


def test_an_etag_is_strong_and_changes_with_the_conference() -> None:
    api = Api(etag=True)
    first = api.get().headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]+"', first)
    assert api.get(query="?include_active_session=true").headers["etag"] == first
    second = api.put({"display_name": "d"}).headers["etag"]
    assert api.get().headers["etag"] == second != first
    made = api.post({"display_name": "d"})
    assert api.get(made.value["id"]).headers["etag"] == made.headers["etag"]
    api.store.patch(ID, {"display_name": "e"})
    assert api.get().headers["etag"] not in (first, second)


def test_if_match_lets_only_the_present_state_be_replaced_or_deleted() -> None:
    api = Api(etag=True)
    old = api.get().headers["etag"]
    now = api.put({"display_name": "d"}, headers={"if-match": old}).headers["etag"]
    before = api.store[ID]
    for stale in (old, "", "x", f"W/{now}", now.strip('"'), f"{old}, {old}"):
        answer = api.put({"display_name": "e"}, headers={"if-match": stale})
        assert (answer.status, answer.value) == (412, {"error": "Precondition Failed"})
        assert api.ask("DELETE", item(ID), headers={"if-match": stale}).status == 412
    assert api.store[ID] == before
    assert api.put({"display_name": 1}, headers={"if-match": old}).status == 422
    assert api.put({"display_name": "e"}, headers={"if-match": f'"x" , {now}'}).status == 200
    assert api.put({"display_name": "f"}, headers={"if-match": "*"}).status == 200
    assert api.ask("DELETE", item(ID), headers={"if-match": "*"}).status == 204
    assert api.put({"display_name": "f"}, headers={"if-match": "*"}).status == 404


# --- the store ------------------------------------------------------------------------------------


def test_by_default_there_is_the_example_of_the_contract() -> None:
    store = Store()
    documented = schemas.document()["components"]["schemas"]["Conference"]["examples"]
    assert [store[one] for one in store] == documented
    assert "conference-id" not in store


def test_a_partial_conference_is_completed_from_the_contract() -> None:
    store = Store([{"id": "conference-id", "layout": "2x2"}])
    whole = store["conference-id"]
    assert whole["layout"] == "2x2"
    assert whole["enable_chat"] is contract.fields(CREATE)["enable_chat"].default
    assert whole["display_name"] == whole["name"]
    assert whole.keys() == schemas.answer_fields().keys() - {"active_session"}


def test_a_server_may_be_newer_than_the_contract() -> None:
    newer = {
        "id": "conference-id",
        "layout": "11x11",
        "size": None,
        "join_from": "2022-12-31t22:59:60.123456789-01:00",
        "ai_summary": {"on": True},
        "active_session": {"status": "paused"},
        "meta": None,
    }
    api = Api(newer, loose=True)
    told = api.get("conference-id", "?include_active_session=true").value
    assert {name: told[name] for name in newer} == newer


def test_everything_that_is_wrong_with_a_preload_is_told_at_once() -> None:
    wrong = [
        {"id": "a", "name": "n", "record_on_start": None, "join_from": "tomorrow"},
        {"id": "a", "name": "n", "display_name": 7},
        "nonsense",
        {"id": "", "meta": [], "description": "\ud800", "updated_at": "2022-01-01"},
        {"id": 5},
    ]
    store = Store()
    with pytest.raises(ValueError, match="cannot be preloaded") as caught:
        store.load(wrong)  # type: ignore[arg-type]  # wrong on purpose
    lines = str(caught.value).splitlines()[1:]
    for number, name in [
        (0, "record_on_start"),
        (0, "join_from"),
        (1, "display_name"),
        (1, "id"),
        (1, "name"),
        (3, "id"),
        (3, "meta"),
        (3, "description"),
        (3, "updated_at"),
        (4, "id"),
    ]:
        assert any(line.startswith(f"  - conference {number}: {name}=") for line in lines), name
    assert any("conference 2: 'nonsense'" in line for line in lines)
    assert len(lines) == 11
    assert len(store) == 1


def test_the_store_gives_copies() -> None:
    store = Store([WHOLE])
    store[ID].copy()["size"] = "small"
    assert store[ID]["size"] == "large"
    copy.deepcopy(store[ID])["meta"]["owner"] = "them"
    assert store[ID]["meta"] == {"owner": "us"}
    mine = {"a": [1]}
    store.patch(ID, {"meta": mine})
    mine["a"].append(2)
    assert store[ID]["meta"] == {"a": [1]}


def test_threads_lose_nothing() -> None:
    api = Api()

    def work(number: int) -> str:
        api.store.patch(ID, {f"field-{number}": number})
        api.store.add({"name": f"n{number}"})
        return str(api.put({"display_name": str(number)}).value["updated_at"])

    with ThreadPoolExecutor(8) as pool:
        stamps = list(pool.map(work, range(200)))
    assert len(set(stamps)) == 200
    assert all(api.store[ID][f"field-{number}"] == number for number in range(200))
    assert len(api.store) == 201


def test_a_store_finds_a_uuid_in_whatever_case_and_keeps_the_one_that_it_was_given() -> None:
    store = Store([{**WHOLE, "id": ID.upper()}, {"id": "Team", "name": "team"}])
    assert store[ID]["id"] == ID.upper()
    assert list(store) == [ID.upper(), "Team"]
    assert ID in store
    assert "team" not in store
    with pytest.raises(ValueError, match="is taken"):
        store.add({"id": ID})
    store.patch(ID, {"size": "small"})
    assert store[ID.upper()]["size"] == "small"
    store.delete(ID)
    assert list(store) == ["Team"]


def test_a_time_that_no_write_could_come_after_cannot_be_preloaded() -> None:
    with pytest.raises(ValueError, match="end of time"):
        Store([{"updated_at": "9999-12-31T23:59:59.999999Z"}])


def test_a_body_too_deep_to_be_read_is_none_in_the_log() -> None:
    api = Api()
    api.ask("PUT", item(ID), b"[" * 100_000)
    assert api.requests[-1].body is None
