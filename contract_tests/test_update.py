"""The update end to end: the vendor's example, answers that nothing can be built on, broken words."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from conftest import Connect
from processes import methods
from signalwire_conferences import (
    ConferencesError,
    InvalidChangeError,
    InvalidResponseError,
    NotFoundError,
    RestClient,
    TransportError,
    UnsafeUpdateError,
    VerificationError,
)
from signalwire_conferences.changes import checked_changes
from signalwire_conferences.plan import Intent
from signalwire_conferences.update import SafeUpdate
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Fault, MockServer, Store
from strategies import SERVER_OWNED, WRITABLE, Server, drive, is_free_choice

EXAMPLE: dict[str, Any] = schemas.resolve({"$ref": "#/components/schemas/Conference"})["examples"][0]
ID: str = EXAMPLE["id"]
# No value is the one that a PUT which leaves the field out would lead to.
CUSTOM: dict[str, Any] = {
    "display_name": "Team Meeting",
    "description": "Every Monday",
    "join_from": "2022-01-01T09:30:00+02:00",
    "join_until": "2022-12-31T23:59:60Z",
    "quality": "1080p",
    "layout": "highlight-1-responsive",
    "size": "large",
    **{name: "#0a84ff" for name, schema in WRITABLE.items() if schema.get("$ref", "").endswith("ThemeColor")},
    **{name: True for name, schema in WRITABLE.items() if schema.get("$ref", "").endswith("Switch")},
}


@pytest.fixture
def custom(mock: MockServer) -> str:
    """The id of a conference whose every setting is customised."""
    return mock.store.add({**CUSTOM, "meta": {"team": 7}})


def test_the_vendors_own_example_keeps_the_other_22_settings(mock: MockServer, client: RestClient, custom: str) -> None:
    before = mock.store[custom]
    conf = client.video.conferences.update(custom, display_name="Team Meeting v2")
    after = mock.store[custom]
    assert CUSTOM.keys() == WRITABLE.keys()
    assert methods(mock) == ["GET", "PUT"]
    assert mock.requests[1].body == {**CUSTOM, "display_name": "Team Meeting v2"}
    changed = {name for name in before if before[name] != after[name]}
    # The server tells the time in UTC.
    assert changed == {"display_name", "updated_at", "join_from"}
    assert after["join_from"] == "2022-01-01T07:30:00Z"
    assert conf.display_name == conf["display_name"] == "Team Meeting v2"
    assert conf["meta"] == {"team": 7}


def test_a_bare_put_of_the_same_call_loses_the_22(mock: MockServer, client: RestClient, custom: str) -> None:
    # So that the test above is not passed by a mock that keeps everything.
    before = mock.store[custom]
    client.video.conferences.replace(custom, {"display_name": "Team Meeting v2"})
    after = mock.store[custom]
    assert methods(mock) == ["PUT"]
    assert {name for name in WRITABLE if before[name] != after[name]} == set(WRITABLE)


def test_an_id_that_is_no_uuid_is_opaque(client: RestClient, mock: MockServer) -> None:
    mock.store.add({**CUSTOM, "id": "conference-id"})
    conf = client.video.conferences.update("conference-id", enable_chat=False)
    assert (conf["id"], conf["enable_chat"]) == ("conference-id", False)


def test_an_id_in_another_case_is_the_same_conference(client: RestClient, custom: str) -> None:
    assert client.video.conferences.update(custom.upper(), display_name="x")["id"] == custom


def test_an_update_without_changes_reads_and_writes_nothing(mock: MockServer, client: RestClient) -> None:
    conf = client.video.conferences.update(ID)
    assert methods(mock) == ["GET"]
    assert conf.report is not None
    assert (conf.report.written, dict(conf.report.changes)) == (False, {})


def test_a_conference_that_there_is_not_is_not_written(mock: MockServer, client: RestClient) -> None:
    with pytest.raises(NotFoundError, match="unchanged"):
        client.video.conferences.update("00000000-0000-4000-8000-000000000000", display_name="x")
    assert methods(mock) == ["GET"]


def test_a_null_that_cannot_be_carried_is_refused_and_the_advice_leads_on(
    mock: MockServer, client: RestClient, custom: str
) -> None:
    mock.store.patch(custom, {"size": None})
    with pytest.raises(UnsafeUpdateError) as caught:
        client.video.conferences.update(custom, display_name="x")
    assert "allow_reset=['size']" in str(caught.value)
    assert "medium" in str(caught.value)
    assert methods(mock) == ["GET"]
    assert client.video.conferences.update(custom, display_name="x", allow_reset=["size"])["size"] == "medium"
    mock.store.patch(custom, {"size": None})
    assert client.video.conferences.update(custom, display_name="y", allow_reset="size")["size"] == "medium"
    mock.store.patch(custom, {"size": None})
    assert client.video.conferences.update(custom, size="small")["size"] == "small"


# --- answers that nothing can be built on -----------------------------------------------------------

FOREIGN = {**EXAMPLE, "id": "11111111-1111-4111-8111-111111111111"}
UNUSABLE: dict[str, Any] = {
    "nothing": "",
    "html": "<!doctype html><h1>Maintenance</h1>",
    "truncated": json.dumps(EXAMPLE)[:-1],
    "no UTF-8": b"\xff\xfe{}",
    "NaN": json.dumps(EXAMPLE).replace("true", "NaN", 1),
    "two values": "{} {}",
    "a list": json.dumps([EXAMPLE]),
    "null": "null",
    "a number": "5",
    "a string": json.dumps("conference"),
    "true": "true",
    "too deep": "[" * 100_000,
    "an empty object": "{}",
    "another conference": json.dumps(FOREIGN),
    "an error with status 200": json.dumps({"error": "Not Found"}),
    "wrapped": json.dumps({"data": EXAMPLE}),
    "no id": json.dumps({name: value for name, value in EXAMPLE.items() if name != "id"}),
    "a null id": json.dumps({**EXAMPLE, "id": None}),
    "a number as id": json.dumps({**EXAMPLE, "id": 5}),
}
LACKING = {f"no {name}": json.dumps({key: value for key, value in EXAMPLE.items() if key != name}) for name in WRITABLE}


@pytest.mark.parametrize("what", [*UNUSABLE, *LACKING])
def test_what_is_no_whole_conference_is_refused_and_no_put_is_sent(
    mock: MockServer, client: RestClient, what: str
) -> None:
    mock.faults.add(Fault.body({**UNUSABLE, **LACKING}[what]), "GET", times=None)
    for call in (client.video.conferences.update, client.video.conferences.plan):
        with pytest.raises(InvalidResponseError) as caught:
            call(ID, display_name="x")
        assert caught.value.conference_id == ID
        if what in LACKING:
            assert what.removeprefix("no ") in str(caught.value)
    with pytest.raises(InvalidResponseError):
        client.video.conferences.get(ID)
    assert set(methods(mock)) == {"GET"}


def test_an_answer_cut_short_is_refused_and_no_put_is_sent(mock: MockServer, client: RestClient) -> None:
    mock.faults.add(Fault.truncated(), "GET", times=None)
    with pytest.raises(TransportError):
        client.video.conferences.update(ID, display_name="x")
    assert methods(mock) == ["GET"]


def test_a_redirect_is_not_followed(mock: MockServer, client: RestClient) -> None:
    mock.faults.add(Fault.redirect(f"{mock.url}/api/video/conferences"), times=None)
    with pytest.raises(ConferencesError):
        client.video.conferences.update(ID, display_name="x")
    assert methods(mock) == ["GET"]


def test_several_missing_fields_are_named_at_once(mock: MockServer, client: RestClient) -> None:
    for name in ("size", "layout"):
        mock.faults.add(Fault.field_dropped(name), "GET")
    with pytest.raises(InvalidResponseError, match=r"lacks layout, size"):
        client.video.conferences.update(ID, display_name="x")


@pytest.mark.parametrize("what", ["a list", "null", "a number", "html", "nothing"])
def test_an_answer_to_the_put_that_says_nothing_is_settled_by_reading_again(
    mock: MockServer, client: RestClient, what: str
) -> None:
    mock.faults.add(Fault.body(UNUSABLE[what]), "PUT")
    conf = client.video.conferences.update(ID, display_name="x")
    assert conf["display_name"] == "x"
    assert methods(mock) == ["GET", "PUT", "GET"]


# --- broken words -----------------------------------------------------------------------------------


def other(value: Any) -> Any:
    """Something else of the same look."""
    match value:
        case bool():
            return not value
        case str() if value[:1] == "#":
            return "#000001"
        case str() if value[10:11] == "T":
            return value.replace("0Z", "1Z").replace("9Z", "8Z")
        case str():
            return f"{value}!"
        case dict():
            return {**value, "other": 1}
    raise AssertionError(value)


@pytest.mark.parametrize("other_id", [FOREIGN["id"], None, 5, ""])
def test_an_answer_to_the_put_that_is_of_another_conference_verifies_nothing(other_id: Any) -> None:
    server = Server(copy.deepcopy(EXAMPLE), answer=lambda state: {**state, "id": other_id})
    update = SafeUpdate(server.target, Intent(*checked_changes({"display_name": "x"}, (), ID)))
    body, report = drive(update.steps(), server)
    assert (body["id"], body["display_name"], report.written) == (ID, "x", True)
    assert server.methods == ["GET", "PUT", "GET"]


@pytest.mark.parametrize("other_id", [FOREIGN["id"], None, 5, ""])
def test_a_conference_that_is_another_one_since_the_put_is_an_error_of_unknown_outcome(other_id: Any) -> None:
    server = Server(copy.deepcopy(EXAMPLE), tell=lambda state: {**state, "id": other_id})
    target = server.target
    update = SafeUpdate(target, Intent(*checked_changes({"display_name": "x"}, (), ID)))
    with pytest.raises(InvalidResponseError, match=r"PUT .* is not usable: it (is of|has no)") as caught:
        drive(update.steps(), server)
    assert "it is unknown whether it was carried out" in caught.value.state
    assert server.methods == ["GET", "PUT", "GET"]


@pytest.mark.parametrize("name", [name for name in [*WRITABLE, *SERVER_OWNED] if name != "id"])
def test_a_field_that_came_back_other_than_it_had_to_is_named(name: str) -> None:
    for value in (other(EXAMPLE[name]), None, 0):
        server = Server(copy.deepcopy(EXAMPLE))
        server.tell = lambda state, value=value: {**state, name: value}  # type: ignore[misc]  # a lambda with a default
        asked = "description" if name != "description" else "display_name"
        update = SafeUpdate(server.target, Intent(*checked_changes({asked: "x"}, (), ID)))
        with pytest.raises(VerificationError) as caught:
            drive(update.steps(), server)
        [difference] = caught.value.differences
        assert (difference.field, difference.expected, difference.actual) == (name, EXAMPLE[name], value)
        assert f"{name}: expected" in str(caught.value)
        assert server.methods == ["GET", "PUT", "GET"]


@pytest.mark.parametrize("name", ["description", "quality", "join_from", "enable_chat", "dark_primary"])
def test_a_named_field_that_was_not_taken_is_named(mock: MockServer, client: RestClient, name: str) -> None:
    mock.faults.add(Fault.field_ignored(name), "PUT")
    new = {"join_from": "2023-01-01", "quality": "1080p"}.get(name, other(EXAMPLE[name]))
    changes: dict[str, Any] = {name: new}
    with pytest.raises(VerificationError) as caught:
        client.video.conferences.update(ID, **changes)
    assert [(each.field, each.expected) for each in caught.value.differences] == [(name, new)]
    assert caught.value.before["updated_at"] == EXAMPLE["updated_at"]


def test_meta_that_the_put_wiped_is_told_with_what_it_was(mock: MockServer, client: RestClient, custom: str) -> None:
    mock.faults.add(Fault.meta_wiped(), "PUT")
    with pytest.raises(VerificationError) as caught:
        client.video.conferences.update(custom, display_name="x")
    assert [each.field for each in caught.value.differences] == ["meta"]
    assert caught.value.before["meta"] == {"team": 7}
    assert "the values shown were read after it" in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "actual"),
    [(Fault.field_lost("participants"), "no such field"), (Fault.field_nulled("participants"), "None")],
)
def test_a_field_that_the_contract_does_not_know_must_not_be_lost_or_nulled(
    connect: Connect, mock: MockServer, fault: Fault, actual: str
) -> None:
    newer = mock.store.add({**CUSTOM, "participants": 3})
    mock.faults.add(fault, "PUT")
    with pytest.raises(VerificationError) as caught:
        connect().video.conferences.update(newer, display_name="x")
    [difference] = caught.value.differences
    assert (difference.field, difference.expected, repr(difference.actual)) == ("participants", 3, actual)


def test_a_field_that_the_contract_does_not_know_may_change_which_is_reported(
    mock: MockServer, client: RestClient
) -> None:
    newer = mock.store.add({**CUSTOM, "participants": 3})
    mock.faults.add(Fault.field_changed("participants", 4), "PUT")
    conf = client.video.conferences.update(newer, display_name="x")
    assert conf.report is not None
    assert dict(conf.report.noticed) == {"participants": (3, 4)}


@pytest.mark.parametrize(
    ("value", "emptied"),
    [(True, False), ("strict", ""), ([1, 2], []), ({"a": 1}, {}), (7, None), ("", None), ([[]], [])],
)
def test_a_field_that_the_contract_does_not_know_must_not_become_empty_unless_that_is_allowed(
    value: Any, emptied: Any
) -> None:
    server = Server({**copy.deepcopy(EXAMPLE), "x-new": value}, tell=lambda state: {**state, "x-new": emptied})
    with pytest.raises(VerificationError) as caught:
        drive(safe(server, {"display_name": "x"}).steps(), server)
    [difference] = caught.value.differences
    assert (difference.field, difference.expected, difference.actual) == ("x-new", value, emptied)
    server.state["x-new"] = value
    _, report = drive(safe(server, {"display_name": "y"}, ["x-new"]).steps(), server)
    assert report.noticed == {"x-new": (value, emptied)}


@pytest.mark.parametrize("names", ["nonsense", ["size", "x-other"]])
def test_a_reset_of_a_field_that_neither_contract_nor_conference_has_is_refused_before_the_put(
    mock: MockServer, client: RestClient, names: Any
) -> None:
    for call in (client.video.conferences.update, client.video.conferences.plan):
        with pytest.raises(InvalidChangeError, match="no PUT was sent") as caught:
            call(ID, allow_reset=names, display_name="x")
        assert [problem.field for problem in caught.value.problems] == ["allow_reset"]
    assert {request.method for request in mock.requests} == {"GET"}


def safe(server: Server, asked: dict[str, Any], resets: Any = ()) -> SafeUpdate:
    return SafeUpdate(server.target, Intent(*checked_changes(asked, resets, ID)))


def test_times_colours_and_ids_are_compared_by_what_they_mean() -> None:
    server = Server(copy.deepcopy(EXAMPLE))
    server.tell = lambda state: {
        **state,
        "id": state["id"].upper(),
        "join_from": "2022-01-01T01:00:00.000+01:00",
        "created_at": "2022-01-01t10:00:00z",
        "dark_primary": state["dark_primary"].lower(),
    }
    asked = checked_changes({"join_until": "2022-12-31T23:59:60Z", "dark_success": "#abcdef"}, (), ID)
    body, _ = drive(SafeUpdate(server.target, Intent(*asked)).steps(), server)
    assert body["dark_primary"] == EXAMPLE["dark_primary"].lower()


@pytest.mark.parametrize(
    ("there", "asked", "same"),
    [
        ("2022-01-01T00:00:00Z", "2022-01-01", True),
        ("2022-01-01T00:00:00.100Z", "2022-01-01T00:00:00.1Z", True),
        ("2022-01-01T00:00:00.123456789Z", "2022-01-01T00:00:00.123456788Z", False),
        ("2022-01-01T00:00:00Z", "2022-01-01T00:00:00.000000001Z", False),
        ("2022-01-01T00:00:00Z", "2022-01-01T00:00:01Z", False),
        ("2022-01-01T00:00:00Z", "2022-01-01T00:00:00-00:01", False),
        ("2022-01-01T00:00:00Z", "2021-12-31T14:00:00-10:00", True),
        ("2021-12-31T23:59:60Z", "2022-01-01T05:29:60+05:30", True),
        ("2021-12-31T23:59:60Z", "2021-12-31T23:59:59Z", False),
    ],
)
def test_only_another_instant_is_a_change(there: str, asked: str, same: bool) -> None:
    server = Server({**EXAMPLE, "join_from": there})
    drive(SafeUpdate(server.target, Intent(*checked_changes({"join_from": asked}, (), ID))).steps(), server)
    assert server.methods == (["GET"] if same else ["GET", "PUT"])


def test_a_text_is_compared_exactly() -> None:
    server = Server(copy.deepcopy(EXAMPLE))
    server.tell = lambda state: {**state, "display_name": state["display_name"].lower()}
    with pytest.raises(VerificationError, match="display_name: expected 'X'"):
        drive(SafeUpdate(server.target, Intent(*checked_changes({"display_name": "X"}, (), ID))).steps(), server)


def test_a_switch_is_not_a_number() -> None:
    server = Server(copy.deepcopy(EXAMPLE))
    server.tell = lambda state: {**state, "enable_chat": 1}
    with pytest.raises(VerificationError, match="enable_chat: expected True, the server has 1"):
        drive(SafeUpdate(server.target, Intent(*checked_changes({"display_name": "X"}, (), ID))).steps(), server)


@pytest.mark.parametrize("name", [name for name in WRITABLE if is_free_choice(name)])
def test_a_cleared_field_that_the_server_chooses_may_become_anything_but_must_be_told(name: str) -> None:
    for chosen in (True, False):
        server = Server(copy.deepcopy(EXAMPLE), {name: chosen})
        body, _ = drive(SafeUpdate(server.target, Intent(*checked_changes({name: None}, (), ID))).steps(), server)
        assert body[name] is chosen
    server = Server(copy.deepcopy(EXAMPLE))
    server.tell = lambda state: {key: value for key, value in state.items() if key != name}
    with pytest.raises(VerificationError) as caught:
        drive(SafeUpdate(server.target, Intent(*checked_changes({name: None}, (), ID))).steps(), server)
    assert [difference.field for difference in caught.value.differences] == [name]


def test_a_number_beyond_all_bounds_is_sent_back_or_refused_with_an_error_of_this_package(
    mock: MockServer, client: RestClient
) -> None:
    body = json.dumps(EXAMPLE).replace('"grid-responsive"', "1e999", 1)
    mock.faults.add(Fault.body(body), "GET", times=None)
    with pytest.raises(ConferencesError):
        client.video.conferences.update(ID, display_name="x")


def test_the_mock_of_these_tests_starts_with_the_contracts_example() -> None:
    assert Store()[ID] == EXAMPLE
