"""`edit`: changes that depend on what is there, each counted once."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from processes import STYLES, Ours, letters, ours, without_waiting
from signalwire_conferences import KEEP, ConflictError, InvalidChangeError, UnsafeUpdateError, ValidationError, contract
from signalwire_conferences.changes import CLEAR, checked_changes
from signalwire_conferences.edit import Edit
from signalwire_conferences.plan import merge
from signalwire_conferences_testing.mock import Fault, MockServer
from strategies import carried_conferences, changes, drive
from test_undo import EXAMPLE

ID = "conference-id"
WRITABLE = contract.fields(contract.UPDATE)


@pytest.fixture
def server() -> Iterator[MockServer]:
    made = {"id": ID, "layout": "2x2", "size": "large", "description": "first", "dark_primary": "#AAAAAA"}
    with MockServer([made]) as running:
        yield running


@pytest.fixture(params=STYLES)
def ours_of(request: pytest.FixtureRequest, server: MockServer, tmp_path: Path) -> Iterator[Ours]:
    with ours(request.param, server, journal=tmp_path / "j", retries=2) as client:
        yield client


def appending(line: str) -> Callable[[dict[str, Any]], None]:
    def append(fields: dict[str, Any]) -> None:
        fields["description"] = "\n".join([*filter(None, [fields["description"]]), line])

    return append


def append(server: MockServer, line: str) -> None:
    """As somebody else does, who reads first."""
    server.store.patch(ID, {"description": f"{server.store[ID]['description']}\n{line}"})


# --- what the function makes ------------------------------------------------------------------------------


def test_a_function_changes_the_fields_as_they_are_and_all_others_stay(ours_of: Ours, server: MockServer) -> None:
    before, seen = server.store[ID], []

    def swap(fields: dict[str, Any]) -> None:
        seen.append(dict(fields))
        fields["dark_primary"], fields["light_primary"] = fields["light_primary"], fields["dark_primary"]
        fields["description"] += "!"

    made = ours_of.edit(ID, swap)
    assert seen == [{name: before[name] for name in WRITABLE}]
    after = server.store[ID]
    assert made.to_dict() == after
    swapped = {"dark_primary": before["light_primary"], "light_primary": "#AAAAAA", "description": "first!"}
    assert {**after, "updated_at": ""} == {**before, **swapped, "updated_at": ""}
    assert letters(server) == "GP"
    assert made.report.changes.keys() == swapped.keys()


def test_what_is_removed_from_the_dict_that_was_given_is_cleared(ours_of: Ours) -> None:
    def clear(fields: dict[str, Any]) -> dict[str, Any]:
        del fields["description"]
        fields["layout"] = None
        return fields

    made = ours_of.edit(ID, clear)
    assert (made["description"], made["layout"]) == (None, WRITABLE["layout"].default)
    assert made["size"] == "large"


def test_another_mapping_that_is_returned_holds_changes_and_what_it_leaves_out_stays(
    ours_of: Ours, server: MockServer
) -> None:
    before = server.store[ID]

    def new_name(fields: dict[str, Any]) -> dict[str, Any]:
        fields.clear()  # counts for nothing: only what is returned does
        return {"display_name": "New", "layout": None, "size": KEEP}

    made = ours_of.edit(ID, new_name)
    news = {"display_name": "New", "layout": WRITABLE["layout"].default, "updated_at": made["updated_at"]}
    assert server.store[ID] == {**before, **news}
    assert made.report.changes.keys() == {"display_name", "layout"}
    assert not ours_of.edit(ID, lambda _: {}).report.written


def test_what_changes_nothing_sends_no_put_and_is_recorded_as_such(ours_of: Ours, server: MockServer) -> None:
    server.store.patch(ID, {"layout": "of next year", "size": None}, allow_unknown=True)
    made = ours_of.edit(ID, dict)
    assert (made["layout"], made.report.written) == ("of next year", False)
    assert [entry.outcome for entry in ours_of.history(ID)] == ["unchanged"]
    assert letters(server) == "G"


def test_odd_values_that_are_left_alone_are_not_asked_for_and_go_back_as_they_came() -> None:
    odd = {"layout": "of next year", "join_from": "2031-01-01T23:59:60.123456789+00:00", "enable_chat": 1}
    before = {**EXAMPLE, **odd}
    intent = drive(Edit(ID, appending("new"), frozenset())(before), lambda _step: None)
    assert list(intent.asked) == ["description"]
    plan = merge(ID, before, before, intent.asked, intent.resets, sent=False)
    assert {name: plan.body[name] for name in odd} == odd


def test_what_a_put_cannot_carry_is_refused_as_in_an_update(ours_of: Ours, server: MockServer) -> None:
    server.store.patch(ID, {"size": None})
    with pytest.raises(UnsafeUpdateError, match="size"):
        ours_of.edit(ID, appending("new"))
    assert ours_of.edit(ID, appending("new"), allow_reset=["size"])["size"] == "medium"


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (lambda fields: fields.pop("display_name") and None, ["display_name"]),
        (lambda _: {"display_name": None}, ["display_name"]),
        (lambda fields: {**fields, "layout": "9x9", "id": "x", "enable_chat": 1}, ["layout", "enable_chat", "id"]),
        (lambda fields: {**fields, "nonesuch": None}, ["nonesuch"]),
        (lambda fields: fields["layout"], ["function"]),
        (lambda _: [], ["function"]),
        (lambda _: 0, ["function"]),
    ],
)
def test_what_the_function_made_is_checked_before_any_put(
    ours_of: Ours, server: MockServer, function: Any, wrong: list[str]
) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        ours_of.edit(ID, function)
    assert sorted(problem.field for problem in caught.value.problems) == sorted(wrong)
    assert caught.value.conference_id == ID
    assert "no PUT of it was sent" in caught.value.message
    assert letters(server) == "G"


def test_all_that_is_wrong_with_the_call_is_told_before_any_request(ours_of: Ours, server: MockServer) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        ours_of.edit("../x", "no function", allow_reset=["sise"])
    assert [problem.field for problem in caught.value.problems] == ["id", "function", "allow_reset"]
    assert server.requests == []


@given(carried_conferences(), changes())
def test_any_edit_asks_for_what_an_update_with_these_values_does(before: dict[str, Any], asked: dict[str, Any]) -> None:
    def edit(fields: dict[str, Any]) -> None:
        for name, value in asked.items():
            if value is None:
                del fields[name]
            else:
                fields[name] = value

    intent = drive(Edit(before["id"], edit, frozenset())(before), lambda _step: None)
    expected, _ = checked_changes(asked, (), before["id"])
    for name, value in expected.items():
        unchanged = before[name] is None if value is CLEAR else before[name] == value
        assert unchanged if name not in intent.asked else intent.asked[name] == value
    assert intent.asked.keys() <= expected.keys()
    assert intent.base == before


# --- errors of the function -------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_an_error_of_the_function_passes_through_with_the_lock_given_back(style: str, server: MockServer) -> None:
    held = []

    class Lock:
        def __enter__(self) -> None:
            held.append("taken")

        def __exit__(self, *_: object) -> None:
            held.append("given back")

        async def __aenter__(self) -> None:
            self.__enter__()

        async def __aexit__(self, *_: object) -> None:
            self.__exit__()

    def fail(_fields: dict[str, Any]) -> None:
        assert held == ["taken"]
        raise LookupError("of the caller")

    with ours(style, server, lock=lambda _: Lock()) as client, pytest.raises(LookupError, match="of the caller"):
        client.edit(ID, fail)
    assert held == ["taken", "given back"]
    assert letters(server) == "G"


def test_an_error_after_a_put_of_unknown_outcome_says_so(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waiting(monkeypatch)
    server.faults.add(Fault.drop_before(), "PUT")
    calls = []

    def fail_later(fields: dict[str, Any]) -> None:
        calls.append(fields["description"])
        fields["description"] = {1: "second"}[len(calls)]

    with pytest.raises(KeyError) as caught:
        ours_of.edit(ID, fail_later)
    assert calls == ["first", "first"]
    assert any(ID in note and "PUT" in note for note in caught.value.__notes__)


# --- two at once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theirs", ["theirs", "ours too", "ours"])
def test_with_an_etag_two_edits_at_once_both_count(ours_of: Ours, server: MockServer, theirs: str) -> None:
    server.app.etag = True
    server.faults.add(Fault.foreign_write(lambda _store: append(server, theirs)), "PUT")
    made = ours_of.edit(ID, appending("ours"))
    assert made["description"] == f"first\n{theirs}\nours"
    assert [entry.outcome for entry in ours_of.history(ID)] == ["applied", "unknown"]


def test_a_counter_under_an_etag_or_a_lock_counts_every_edit(server: MockServer) -> None:
    def count(fields: dict[str, Any]) -> None:
        fields["description"] = str(int(fields["description"]) + 1)

    lock = threading.Lock()
    for options in ({}, {"lock": lambda _: lock}):
        server.app.etag = not options
        server.store.patch(ID, {"description": "0"})
        with ours("sync", server, **options) as client, ThreadPoolExecutor(4) as pool:
            for each in [pool.submit(client.edit, ID, count) for _ in range(12)]:
                each.result()
        assert server.store[ID]["description"] == "12"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("first", "line", "theirs"), [("first", "ours", "theirs"), (None, "line 1", "line 10")])
def test_with_confirm_an_edit_that_was_overwritten_is_made_again(
    style: str, server: MockServer, monkeypatch: pytest.MonkeyPatch, first: str | None, line: str, theirs: str
) -> None:
    waits = without_waiting(monkeypatch)
    server.store.patch(ID, {"description": first})
    before = "\n".join(filter(None, [first, theirs]))
    waits.during = lambda _: server.store.patch(ID, {"description": before}) if len(waits) == 1 else None
    with ours(style, server, confirm=0.5) as client:
        assert client.edit(ID, appending(line))["description"] == f"{before}\n{line}"
    assert letters(server) == "GPGGPG"


@pytest.mark.parametrize("style", STYLES)
def test_with_confirm_an_edit_that_others_built_on_counts_once(
    style: str, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = without_waiting(monkeypatch)
    waits.during = lambda _: append(server, "theirs")
    with ours(style, server, confirm=0.5) as client:
        assert client.edit(ID, appending("ours"))["description"] == "first\nours\ntheirs"
    assert letters(server) == "GPG"


@pytest.mark.parametrize("style", STYLES)
def test_with_confirm_two_edits_of_different_fields_both_count(
    style: str, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = without_waiting(monkeypatch)
    stale = {"layout": "2x2", "size": "small"}  # as somebody had read it before
    waits.during = lambda _: server.store.patch(ID, stale) if len(waits) == 1 else None
    sizes = []

    def layout_for_size(fields: dict[str, Any]) -> None:
        sizes.append(fields["size"])
        fields["layout"] = "8x8" if fields["size"] == "small" else "5up"

    with ours(style, server, confirm=0.5) as client:
        assert client.edit(ID, layout_for_size)["layout"] == "8x8"
    assert sizes == ["large", "small"]


@pytest.mark.parametrize("confirm", [None, 0.5])
@pytest.mark.parametrize(("before", "theirs"), [("2x2", "8x8"), ("grid-responsive", "grid-responsive-mobile")])
def test_a_third_value_of_which_nobody_knows_what_it_was_built_on_is_a_conflict(
    server: MockServer, monkeypatch: pytest.MonkeyPatch, confirm: float | None, before: str, theirs: str
) -> None:
    waits = without_waiting(monkeypatch)
    server.store.patch(ID, {"layout": before})
    waits.during = lambda _: server.store.patch(ID, {"layout": theirs})
    if confirm is None:
        server.faults.add(Fault.drop_after(), "PUT")
    with ours("sync", server, confirm=confirm) as client, pytest.raises(ConflictError) as caught:
        client.edit(ID, lambda fields: fields.update(layout="5up"))
    assert (caught.value.before, caught.value.theirs, caught.value.ours) == (before, theirs, "5up")
    assert server.store[ID]["layout"] == theirs


def test_with_confirm_a_text_that_others_built_on_is_not_made_again_with_what_they_overwrote(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = without_waiting(monkeypatch)
    calls = []

    def overwrite(_seconds: float) -> None:
        if len(waits) == 1:
            append(server, "theirs")
            server.store.patch(ID, {"size": "large"})

    def edit(fields: dict[str, Any]) -> None:
        calls.append(1)
        fields.update(description=fields["description"] + "\nours", size="small")

    waits.during = overwrite
    with ours("sync", server, confirm=0.5) as client:
        made = client.edit(ID, edit)
    assert (made["description"], made["size"], calls) == ("first\nours\ntheirs", "small", [1])


@pytest.mark.parametrize(
    ("fault", "theirs", "expected"),
    [
        (Fault.drop_before(), None, "first\nours"),
        (Fault.drop_before(), "theirs", "first\ntheirs\nours"),
        (Fault.drop_after(), None, "first\nours"),
        (Fault.drop_after(), "theirs", "first\nours\ntheirs"),
        (Fault.html(), "theirs", "first\nours\ntheirs"),
        (Fault.status(503), "theirs", "first\ntheirs\nours"),
        (Fault.status(429), "theirs", "first\ntheirs\nours"),
        (Fault.failed_after(), "theirs", "first\nours\ntheirs"),
    ],
    ids=str,
)
def test_after_an_unknown_outcome_an_edit_counts_once(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch, fault: Fault, theirs: str | None, expected: str
) -> None:
    without_waiting(monkeypatch)
    server.faults.add(fault, "PUT")
    if theirs:
        server.faults.add(Fault.foreign_write(lambda _store: append(server, theirs)), "GET", at=2)
    made = ours_of.edit(ID, appending("ours"))
    assert made["description"] == server.store[ID]["description"] == expected
    assert "PP" not in letters(server)


def test_where_part_of_an_edit_is_there_it_is_not_made_again(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waiting(monkeypatch)
    server.faults.add(Fault.drop_after(), "PUT")
    server.faults.add(Fault.foreign_write(lambda store: store.patch(ID, {"size": "large"})), "GET", at=2)
    calls = []

    def edit(fields: dict[str, Any]) -> None:
        calls.append(1)
        fields.update(description=fields["description"] + "!", size="small")

    made = ours_of.edit(ID, edit)
    assert (made["description"], made["size"], calls) == ("first!", "small", [1])


def test_the_retries_of_an_edit_end(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)
    server.app.etag = True
    server.faults.add(Fault.foreign_write(lambda _store: append(server, "theirs")), "PUT", times=None)
    with ours("sync", server) as client, pytest.raises(Exception, match="412"):
        client.edit(ID, appending("ours"))
    assert "ours" not in server.store[ID]["description"]


def test_a_refused_edit_is_not_made_again(server: MockServer) -> None:
    server.faults.add(Fault.status(422), "PUT")
    with ours("sync", server) as client, pytest.raises(ValidationError):
        client.edit(ID, appending("ours"))
    assert letters(server) == "GP"
