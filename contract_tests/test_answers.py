"""What the answers of servers, and of things in between, mean: stale, odd, late, repeated or lossy ones."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processes import Ours, letters, ours
from signalwire_conferences import (
    ApiError,
    ConferencesError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    TransportError,
    VerificationError,
)
from signalwire_conferences.outcomes import retry_after
from signalwire_conferences_testing.mock import Fault, MockServer

ID = "conference-id"
START = {"id": ID, "layout": "2x2", "description": "kept", "record_on_start": True}
pytestmark = pytest.mark.usefixtures("waits")


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([dict(START)]) as running:
        yield running


@pytest.fixture
def tagging() -> Iterator[MockServer]:
    with MockServer([dict(START)], etag=True) as running:
        yield running


@pytest.fixture
def client(style: str, server: MockServer, tmp_path: Path) -> Iterator[Ours]:
    with ours(style, server, retries=2, journal=tmp_path / "j") as made:
        yield made


def outcomes(client: Ours) -> list[str]:
    return [entry.outcome for entry in client.history(ID)]


# --- stale answers ----------------------------------------------------------------------------------------


def test_a_stale_answer_to_a_put_is_no_alarm_and_undo_takes_that_change_back(client: Ours, server: MockServer) -> None:
    client.update(ID, description="older change")
    server.faults.add(Fault.stale_read(), "PUT")
    conf = client.update(ID, layout="5up")
    assert conf["layout"] == "5up"
    assert conf.report.changes == {"layout": ("2x2", "5up")}
    assert conf.report.noticed == {"layout": ("2x2", "5up")}
    assert letters(server) == "GPGPG"
    assert outcomes(client) == ["applied", "applied"]
    assert client.undo(ID)["layout"] == "2x2"
    assert server.store[ID]["description"] == "older change"


def test_a_stale_answer_to_a_replacement_is_looked_at_again(client: Ours, server: MockServer) -> None:
    client.update(ID, description="older change")
    server.faults.add(Fault.stale_read(), "PUT")
    assert client.replace(ID, {"display_name": "new", "layout": "5up"})["layout"] == "5up"
    assert client.history(ID)[0].changes["layout"] == ("2x2", "5up")
    client.undo(ID)
    assert {name: server.store[ID][name] for name in ("layout", "description")} == {
        "layout": "2x2",
        "description": "older change",
    }


def test_what_somebody_writes_between_a_stale_answer_and_the_second_look_is_theirs(
    client: Ours, server: MockServer
) -> None:
    server.faults.add(Fault.stale_read(), "PUT")
    server.faults.add(Fault.foreign_write({"size": "large"}), "GET", at=2)
    conf = client.update(ID, layout="5up")
    assert conf.report.changes == {"layout": ("2x2", "5up")}
    assert client.history(ID)[0].changes == {"layout": ("2x2", "5up")}
    client.undo(ID)
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("2x2", "large")


def test_an_error_shows_the_conference_as_it_is_now_not_as_the_put_was_answered(
    client: Ours, server: MockServer
) -> None:
    server.faults.add(Fault.field_ignored("layout"), "PUT")
    with pytest.raises(VerificationError) as caught:
        client.update(ID, layout="5up")
    [difference] = caught.value.differences
    assert (difference.expected, difference.actual) == ("5up", server.store[ID]["layout"])
    assert "the values shown were read after it" in caught.value.state
    # It changed nothing, as far as can be seen: there is nothing to take back.
    assert outcomes(client) == ["unknown"]
    assert client.undo(ID)["layout"] == "2x2"
    assert letters(server).count("P") == 1


# --- a 412 ------------------------------------------------------------------------------------------------


def test_a_put_that_something_between_repeated_is_ours_although_a_412_came(
    style: str, tagging: MockServer, tmp_path: Path
) -> None:
    tagging.faults.add(Fault.repeated(), "PUT")
    with ours(style, tagging, journal=tmp_path / "j") as client:
        report = client.update(ID, layout="5up").report
        assert (report.written, report.changes, report.changed_by_others) == (True, {"layout": ("2x2", "5up")}, {})
        assert outcomes(client) == ["applied"]
        assert client.undo(ID)["layout"] == "2x2"


def test_after_a_412_and_a_change_of_somebody_else_nothing_is_called_unchanged(
    style: str, tagging: MockServer, tmp_path: Path
) -> None:
    tagging.faults.add(Fault.repeated(), "PUT")
    tagging.faults.add(Fault.foreign_write({"layout": "10x10"}), "GET", at=2)
    with ours(style, tagging, journal=tmp_path / "j") as client:
        with pytest.raises(ConflictError) as caught:
            client.update(ID, layout="5up")
        assert "unchanged" not in caught.value.state
        assert "unknown" in caught.value.state
        assert outcomes(client) == ["unknown"]


def test_a_412_after_which_nothing_has_changed_is_a_refusal(style: str, tagging: MockServer, tmp_path: Path) -> None:
    tagging.faults.add(Fault.status(412), "PUT", times=2)
    with ours(style, tagging, journal=tmp_path / "j") as client:
        with pytest.raises(ApiError, match="unchanged by this call"):
            client.update(ID, layout="5up")
        assert outcomes(client) == ["not applied", "not applied"]


@pytest.mark.parametrize("code", [409, 412, 423, 425])
def test_a_put_that_was_carried_out_and_refused_when_something_repeated_it_is_found(
    client: Ours, server: MockServer, code: int
) -> None:
    client.update(ID, layout="5up")
    server.faults.add(Fault.failed_after(code), "PUT")
    assert client.update(ID, description="new").report.written
    assert outcomes(client) == ["applied", "applied"]
    assert client.undo(ID)["description"] == "kept"


# --- answers of success that are none ---------------------------------------------------------------------

NO_CONFERENCE = {
    "an empty object": lambda: Fault.body("{}"),
    "accepted": lambda: Fault.body('{"status": "accepted"}', code=202),
    "null": lambda: Fault.body("null"),
    "a list": lambda: Fault.body("[]"),
    "a page of HTML": Fault.html,
    "nothing": Fault.empty,
    "another conference": lambda: Fault.body('{"id": "somebody-elses", "layout": "5up"}'),
}
odd = pytest.mark.parametrize("fault", NO_CONFERENCE.values(), ids=NO_CONFERENCE.keys())


@odd
def test_a_put_that_is_answered_with_no_conference_is_read_again(client: Ours, server: MockServer, fault: Any) -> None:
    server.faults.add(fault(), "PUT")
    conf = client.update(ID, layout="5up")
    assert (conf["layout"], conf.report.written) == ("5up", True)
    assert letters(server) == "GPG"
    assert outcomes(client) == ["applied"]


@odd
def test_a_replacement_that_is_answered_with_no_conference_is_of_unknown_outcome(
    client: Ours, server: MockServer, fault: Any
) -> None:
    server.faults.add(fault(), "PUT")
    with pytest.raises(InvalidResponseError) as caught:
        client.replace(ID, {"display_name": "new", "layout": "5up"})
    assert "unknown whether the PUT was carried out" in caught.value.state
    assert outcomes(client) == ["unknown"]


DELETED = {
    "a page of HTML": lambda: Fault.body("<html>Log in</html>", "text/html", code=200),
    "an error in a 200": lambda: Fault.body('{"error": "later"}', code=200),
    "accepted": lambda: Fault.body("", code=202),
}


@pytest.mark.parametrize("fault", DELETED.values(), ids=DELETED.keys())
def test_a_delete_that_is_answered_with_something_else_is_looked_at_again(
    client: Ours, server: MockServer, fault: Any
) -> None:
    server.faults.add(fault(), "DELETE")
    client.delete(ID)
    assert ID not in server.store
    assert letters(server) == "DG"


@pytest.mark.parametrize("fault", [Fault.login_page, lambda: Fault.status(202), lambda: Fault.status(207)])
def test_a_delete_that_only_looks_like_one_is_not_taken_for_one(client: Ours, server: MockServer, fault: Any) -> None:
    server.faults.add(fault(), "DELETE", times=None)
    with pytest.raises(InvalidResponseError, match="still there"):
        client.delete(ID)
    assert ID in server.store
    assert letters(server) == "DG" * 3


def test_a_repeated_delete_that_finds_it_gone_in_any_way_has_succeeded(client: Ours, server: MockServer) -> None:
    server.faults.add(Fault.failed_after(502), "DELETE")
    server.faults.add(Fault.status(410), "DELETE", at=2)
    client.delete(ID)
    assert letters(server) == "DD"
    server.faults.add(Fault.status(410), "DELETE")
    with pytest.raises(ApiError, match="410"):
        client.delete(ID)
    with pytest.raises(NotFoundError):
        client.delete(ID)


# --- losses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["description", "size", "enable_chat", "dark_primary", "join_from"])
@pytest.mark.parametrize("answered", [False, True])
def test_a_field_that_the_put_cost_is_an_alarm_even_where_no_answer_came(
    client: Ours, server: MockServer, name: str, answered: bool
) -> None:
    values = {"size": "large", "enable_chat": True, "join_from": "2030-01-01T00:00:00Z"}
    before = values.get(name, "#abcdef" if "dark" in name else "kept")
    server.store.patch(ID, {name: before})
    if not answered:
        server.faults.add(Fault.drop_after(), "PUT")
    server.faults.add(Fault.field_lost(name), "PUT")
    with pytest.raises(VerificationError) as caught:
        client.update(ID, layout="5up")
    assert [(one.field, one.expected) for one in caught.value.differences] == [(name, before)]
    assert caught.value.before[name] == before


def test_what_somebody_else_changed_while_no_answer_came_is_theirs(client: Ours, server: MockServer) -> None:
    server.faults.add(Fault.drop_after(), "PUT")
    server.faults.add(Fault.foreign_write({"description": "of somebody else"}), "GET", at=2)
    report = client.update(ID, layout="5up").report
    assert report.changed_by_others == {"description": ("kept", "of somebody else")}


def test_under_a_lock_whatever_else_changed_while_no_answer_came_is_a_loss(style: str, server: MockServer) -> None:
    server.faults.add(Fault.drop_after(), "PUT")
    server.faults.add(Fault.field_changed("description", "of nobody"), "PUT")

    class Free:
        def __enter__(self) -> None: ...
        def __exit__(self, *_error: object) -> None: ...
        async def __aenter__(self) -> None: ...
        async def __aexit__(self, *_error: object) -> None: ...

    with ours(style, server, lock=lambda _id: Free()) as client, pytest.raises(VerificationError) as caught:
        client.update(ID, layout="5up")
    assert [one.field for one in caught.value.differences] == ["description"]


# --- late landings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [500, 502, 503, 504, 202])
def test_a_put_that_a_server_failed_at_or_accepted_may_land_later_and_the_error_says_so(
    client: Ours, server: MockServer, code: int
) -> None:
    server.faults.add(Fault.lands_later(code), "PUT", times=None)
    with pytest.raises(ConferencesError) as caught:
        client.update(ID, layout="5up")
    assert "may still land" in caught.value.state
    server.faults.land()
    server.faults.clear()
    assert server.store[ID]["layout"] == "5up"
    assert client.undo(ID)["layout"] == "2x2"


@pytest.mark.parametrize("code", [504, 202])
def test_a_put_that_lands_before_the_next_read_is_found(client: Ours, server: MockServer, code: int) -> None:
    server.faults.add(Fault.lands_later(code, requests=0), "PUT")
    assert client.update(ID, layout="5up").report.written


# --- times that are kept less exactly -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cut", "rounded"])
@pytest.mark.parametrize(
    ("digits", "asked"),
    [
        (0, "2030-01-01T10:00:00.654321Z"),
        (3, "2030-01-01T10:00:00.654321Z"),
        (0, "2030-01-01T23:59:59.999999Z"),
        (0, "2030-01-01T12:00:00.5+02:00"),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_a_time_that_is_kept_less_exactly_was_carried_out(
    client: Ours, server: MockServer, how: Any, digits: int, asked: str, answered: bool
) -> None:
    if not answered:
        server.faults.add(Fault.drop_after(), "PUT")
    server.faults.add(Fault.times_kept(digits=digits, how=how), "PUT", times=None)
    conf = client.update(ID, join_from=asked)
    assert conf.report.written
    assert letters(server) == ("GP" if answered else "GPG")
    if answered:
        assert conf.report.noticed == {"join_from": (asked, server.store[ID]["join_from"])}
    assert client.undo(ID)["join_from"] is None


# --- undo of what never was ---------------------------------------------------------------------------------


def test_undo_passes_over_a_put_that_never_landed(client: Ours, server: MockServer) -> None:
    client.update(ID, layout="5up")
    server.faults.add(Fault.drop_before(), "PUT")
    server.faults.add(Fault.status(503), "GET", at=2, times=3)
    with pytest.raises(TransportError):
        client.update(ID, layout="10x10")
    assert outcomes(client) == ["unknown", "applied"]
    assert client.undo(ID)["layout"] == "2x2"


def test_a_conflict_of_undo_names_no_value_that_never_was(client: Ours, server: MockServer) -> None:
    client.update(ID, layout="5up")
    server.faults.add(Fault.drop_before(), "PUT")
    server.faults.add(Fault.status(503), "GET", at=2, times=3)
    with pytest.raises(TransportError):
        client.update(ID, layout="10x10")
    server.store.patch(ID, {"layout": "3x3"})
    with pytest.raises(ConflictError) as caught:
        client.undo(ID)
    assert "10x10" not in str(caught.value)
    assert (caught.value.before, caught.value.theirs, caught.value.ours) == ("5up", "3x3", "2x2")


def test_undo_brings_back_all_that_a_replacement_of_unknown_outcome_reset(client: Ours, server: MockServer) -> None:
    before = {name: server.store[ID][name] for name in ("layout", "description", "record_on_start", "display_name")}
    server.faults.add(Fault.drop_after(), "PUT")
    with pytest.raises(TransportError):
        client.replace(ID, {"display_name": "new"})
    client.undo(ID)
    assert {name: server.store[ID][name] for name in before} == before


def test_what_is_nested_too_deeply_is_an_answer_that_nothing_is_built_on(client: Ours, server: MockServer) -> None:
    deep: Any = 0
    for _ in range(150):
        deep = [deep]
    server.store.patch(ID, {"meta": {"deep": deep}})
    with pytest.raises(InvalidResponseError, match="nested too deeply"):
        client.update(ID, layout="5up")
    assert "P" not in letters(server)


# --- plans ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [True, False])
def test_a_plan_that_is_applied_twice_writes_once_whatever_the_server_chose(
    client: Ours, server: MockServer, chosen: bool
) -> None:
    server.store.patch(ID, {"record_on_start": not chosen})
    server.faults.add(Fault.field_changed("record_on_start", chosen), "PUT", times=None)
    plan = client.plan(ID, record_on_start=None, layout="5up")
    assert client.apply(plan)["record_on_start"] is chosen
    assert client.apply(plan)["record_on_start"] is chosen
    assert letters(server).count("P") == 1
    server.store.patch(ID, {"layout": "10x10"})
    with pytest.raises(ConflictError):
        client.apply(plan)


# --- lists and small things ----------------------------------------------------------------------------


def test_a_few_empty_pages_are_followed_and_no_endless_row(client: Ours, server: MockServer) -> None:
    server.faults.add(Fault.empty_page(), "GET", times=3)
    assert client.pages() == [ID]
    server.faults.add(Fault.empty_page(), "GET", times=None)
    with pytest.raises(InvalidResponseError, match="pages in a row are empty"):
        client.pages()
    assert len(server.requests) < 30


def test_a_byte_order_mark_before_json_is_nothing(client: Ours, server: MockServer) -> None:
    server.faults.add(Fault.byte_order_mark(), times=None)
    assert client.update(ID, layout="5up")["layout"] == "5up"
    assert letters(server) == "GP"


# --- what people read ---------------------------------------------------------------------------------------


def test_long_texts_are_shown_from_where_they_differ(client: Ours, server: MockServer) -> None:
    long = "A" * 2000
    server.store.patch(ID, {"description": f"{long}1"})
    plan = client.plan(ID, description=f"{long}2")
    server.store.patch(ID, {"description": f"{long}3"})
    with pytest.raises(ConflictError) as caught:
        client.apply(plan)
    for end in "123":
        assert f"{'A' * 20}{end}'" in str(caught.value)
    server.faults.add(Fault.field_changed("description", f"{long}5"), "PUT")
    with pytest.raises(VerificationError, match=r"AAA4'.* the server has .*AAA5'"):
        client.update(ID, description=f"{long}4")


def test_a_conflict_says_what_to_do_next_in_each_place(client: Ours, server: MockServer) -> None:
    plan = client.plan(ID, layout="5up")
    server.store.patch(ID, {"layout": "10x10"})
    with pytest.raises(ConflictError, match="make a new plan"):
        client.apply(plan)
    client.update(ID, layout="5up")
    server.store.patch(ID, {"layout": "3x3"})
    with pytest.raises(ConflictError, match="`history` has the old ones"):
        client.undo(ID)


def test_an_error_of_the_lock_of_a_replacement_says_what_is_known_of_the_conference(
    style: str, server: MockServer
) -> None:
    class Lost:
        def __enter__(self) -> None: ...
        def __exit__(self, *_error: object) -> None:
            raise OSError("lost")

        async def __aenter__(self) -> None: ...
        async def __aexit__(self, *_error: object) -> None:
            raise OSError("lost")

    with ours(style, server, lock=lambda _id: Lost()) as client, pytest.raises(OSError, match="lost") as caught:
        client.replace(ID, {"display_name": "new"})
    assert caught.value.__notes__ == [f"Conference {ID!r}: The PUT was carried out."]


@pytest.mark.parametrize("code", [302, 400, 401, 403, 404, 409, 422, 429, 500])
@pytest.mark.parametrize("call", ["create", "delete", "replace", "update"])
def test_every_error_of_a_write_says_what_state_things_are_in(
    style: str, server: MockServer, call: str, code: int
) -> None:
    server.faults.add(Fault.status(code), times=None)
    arguments = {"replace": (ID, {"display_name": "x"}), "create": ()}.get(call, (ID,))
    named = {"display_name": "x"} if call in ("create", "update") else {}
    with ours(style, server, retries=0) as client, pytest.raises(ApiError) as caught:
        getattr(client, call)(*arguments, **named)
    assert caught.value.state
    assert caught.value.status_code == code


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Wed Oct 21 07:28:00 2015", 60.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 60.0),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", 60.0),
        ("Wed, 21 Oct 2015 07:26:00 GMT", 0.0),
        ("0", 0.0),
        ("1.5", 1.5),
        *((odd, None) for odd in ("nan", "inf", "-5", "1e3", "soon", "", "21 Oct", "Wed, 99 Oct 2015 07:28:00 GMT")),
    ],
)
@pytest.mark.parametrize("date", ["Wed, 21 Oct 2015 07:27:00 GMT", "Wed Oct 21 07:27:00 2015", ""])
def test_a_wait_is_read_the_same_in_every_time_zone(said: str, seconds: float | None, date: str) -> None:
    received = datetime.datetime(2015, 10, 21, 7, 27, tzinfo=datetime.UTC).timestamp()
    assert retry_after({"retry-after": said, "date": date}, received) == seconds
