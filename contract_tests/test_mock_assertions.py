"""`assert_only_changed` tells what requests changed in a conference, and shows the rest as a diff."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mock_support import COLLECTION, ID, WHOLE, item
from signalwire_conferences import RestClient
from signalwire_conferences_testing.mock import Fault, MockServer

BODY = {name: value for name, value in WHOLE.items() if name not in ("id", "name", "meta", "active_session")}


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([WHOLE]) as running:
        yield running


def put(server: MockServer, **changes: Any) -> None:
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not None}
    httpx.put(server.url + item(ID), json=body, auth=server.auth).raise_for_status()


def refused(server: MockServer, *fields: str) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        server.assert_only_changed(ID, *fields)
    return str(caught.value).splitlines()


def test_what_was_to_change_alone_passes(server: MockServer) -> None:
    server.assert_only_changed(ID)
    put(server, display_name="new", layout="5up")
    server.assert_only_changed(ID, "display_name", "layout")
    server.assert_only_changed(ID.upper(), "layout", "display_name")
    server.assert_only_changed(uuid.UUID(ID), "layout", "display_name", "updated_at")


def test_what_else_changed_is_shown_as_a_diff(server: MockServer) -> None:
    put(server, display_name="new", layout=None, description=None)
    assert refused(server, "display_name") == [
        f"conference {ID}: only display_name was to change",
        '- description: "Everything is set"',
        "+ description: null",
        '- layout: "2x2"',
        '+ layout: "grid-responsive"',
        '  display_name changed as expected: "Whole" -> "new"',
    ]
    assert refused(server)[0] == f"conference {ID}: nothing was to change"


def test_what_did_not_change_and_should_have_is_shown(server: MockServer) -> None:
    assert refused(server, "display_name", "updated_at") == [
        f"conference {ID}: only display_name, updated_at was to change",
        '  display_name did not change: "Whole"',
        f'  updated_at did not change: "{server.store[ID]["updated_at"]}"',
    ]


def test_a_field_that_is_none_is_told(server: MockServer) -> None:
    with pytest.raises(ValueError, match="no field 'dispaly_name'; did you mean 'display_name'") as caught:
        server.assert_only_changed(ID, "dispaly_name", "title")
    assert "no field 'title'" in str(caught.value)


def test_a_list_of_fields_is_refused_and_the_way_shown(server: MockServer) -> None:
    for wrong in (["display_name"], ("display_name",), 7):
        with pytest.raises(
            TypeError, match=r'each as an argument of its own: assert_only_changed\(id, "display_name"\)'
        ):
            server.assert_only_changed(ID, wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_the_same_value_in_another_spelling_is_no_change(server: MockServer) -> None:
    put(server, join_from="2023-01-01T01:00:00+01:00", dark_primary="#123ABC")
    server.assert_only_changed(ID)


def test_true_is_not_one(server: MockServer) -> None:
    server.store.patch(ID, {"counter": 1})
    server.faults.add(Fault.field_changed("counter", value=True), "PUT")
    put(server)
    assert refused(server)[1:] == ["- counter: 1", "+ counter: true"]


def test_what_other_writers_changed_does_not_count_unless_a_request_undid_it(server: MockServer) -> None:
    server.store.patch(ID, {"size": "small"})
    server.assert_only_changed(ID)
    put(server, display_name="new", size="small")
    server.store.patch(ID, {"layout": "3x3"})
    server.assert_only_changed(ID, "display_name")
    put(server, display_name="new", layout="2x2", size="small")
    assert refused(server, "display_name")[1:3] == ['- layout: "3x3"', '+ layout: "2x2"']


def test_a_write_of_another_between_read_and_write_that_is_lost_is_shown(server: MockServer) -> None:
    server.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
    with RestClient(**server.credentials) as client:
        client.video.conferences.update(ID, display_name="new")
    assert refused(server, "display_name")[1:3] == ['- size: "small"', '+ size: "large"']


def test_fields_that_came_or_went_are_shown(server: MockServer) -> None:
    server.store.patch(ID, {"captions": True})
    server.faults.add(Fault.field_lost("captions"), "PUT")
    server.faults.add(Fault.field_changed("escaped", "\x1b[31m"), "PUT")
    put(server)
    assert refused(server)[1:] == [
        "- captions: true",
        "+ captions: absent",
        "- escaped: absent",
        '+ escaped: "\\u001b[31m"',
    ]


def test_a_conference_that_requests_made_counts_from_there_and_one_that_is_gone_is_told(server: MockServer) -> None:
    with httpx.Client(base_url=server.url, auth=server.auth) as client:
        made = client.post(COLLECTION, json={"display_name": "made"}).json()["id"]
        server.assert_only_changed(made)
        client.delete(item(made))
    with pytest.raises(AssertionError, match=r"there is no conference .* \(any more\)"):
        server.assert_only_changed(made)


def test_a_reset_begins_anew(server: MockServer) -> None:
    put(server, display_name="new")
    server.reset()
    server.assert_only_changed(ID)
    server.seed([{**WHOLE, "layout": "5up"}])
    put(server, display_name="new")
    server.assert_only_changed(ID, "display_name", "layout")
