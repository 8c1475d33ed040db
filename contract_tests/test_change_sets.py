"""Change sets: what one call did, what `undo` takes back of it, and that it does so once."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from processes import STYLES, Ours, ours, without_waiting
from signalwire_conferences import (
    Conference,
    ConferenceResult,
    ConferencesError,
    ConflictError,
    Entry,
    InvalidChangeError,
    NotFoundError,
    UpdatedConference,
    UpdateReport,
    ValidationError,
    VideoLayout,
    journal_file,
)
from signalwire_conferences.changes import checked_changes
from signalwire_conferences.fleet import ChangeSetResult
from signalwire_conferences.history import ChangeSet
from signalwire_conferences.journal import Journal
from signalwire_conferences.plan import Change, Intent
from signalwire_conferences.steps import Members, Recall, Record, Settle
from signalwire_conferences.target import Target
from signalwire_conferences.undo import inverse
from signalwire_conferences.update import SafeUpdate
from signalwire_conferences_testing.mock import Fault, MockServer
from test_journal_file import FIRST_INSERT
from test_undo import EXAMPLE, NOW

ID, OTHER = "conference-id", "other-id"


@pytest.fixture
def server() -> Iterator[MockServer]:
    made = [{"id": each, "name": each, "layout": "2x2", "size": "large"} for each in (ID, OTHER, "third-id")]
    with MockServer(made) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conferences.sqlite"


@pytest.fixture(params=STYLES)
def ours_of(request: pytest.FixtureRequest, server: MockServer, path: Path) -> Iterator[Ours]:
    with ours(request.param, server, journal=path, retries=1) as client:
        yield client


@pytest.fixture
def client(server: MockServer, path: Path) -> Iterator[Ours]:
    with ours("sync", server, journal=path, retries=1) as made:
        yield made


def puts(server: MockServer) -> int:
    return sum(request.method == "PUT" for request in server.requests)


def together(client: Ours, made: ChangeSet, ids: list[str], **changes: Any) -> None:
    """Updates in one change set."""
    settings = client.client._transport.settings
    for each in ids:
        update = SafeUpdate(Target.of(each, settings, made), Intent(*checked_changes(changes, (), each)))
        client.client._transport.run(update.steps(), "update")


# --- what is recorded -------------------------------------------------------------------------------------


def test_each_call_is_a_change_set_and_its_report_names_it(ours_of: Ours) -> None:
    made = [ours_of.update(ID, layout="5up"), ours_of.update(ID, layout="5up"), ours_of.undo(ID)]
    made.append(ours_of.replace(ID, {"display_name": "Bare"}))
    assert len({entry.change_set for entry in ours_of.history(ID)}) == 4
    ids = [each.report.change_set for each in made[:3]]
    assert [entry.change_set for entry in ours_of.history(ID)][:0:-1] == ids
    assert [entry.outcome for entry in ours_of.history(ID)[::-1]] == ["applied", "unchanged", "unchanged", "applied"]
    assert all(re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{10}", each) for each in ids)


def test_a_plan_applied_twice_is_two_change_sets(ours_of: Ours) -> None:
    plan = ours_of.plan(ID, layout="5up")
    ours_of.apply(plan)
    ours_of.apply(plan)
    latest, first = ours_of.history(ID)
    assert (first.outcome, latest.outcome) == ("applied", "unchanged")
    assert first.change_set != latest.change_set


def test_what_somebody_else_had_done_meanwhile_is_recorded_as_unchanged(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waiting(monkeypatch)
    server.faults.add(Fault.drop_before(), "PUT")
    server.faults.add(Fault.foreign_write(lambda store: store.patch(ID, {"layout": "5up"})), "GET", at=2)
    ours_of.update(ID, layout="5up")
    assert [entry.outcome for entry in ours_of.history(ID)] in (["applied"], ["unchanged", "not applied"])


def test_without_a_journal_a_report_names_no_change_set(server: MockServer) -> None:
    with ours("sync", server) as bare:
        assert bare.update(ID, layout="5up").report.change_set is None


def test_where_nothing_changes_and_the_journal_cannot_tell_so_it_is_an_error(client: Ours, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE entries")
    with pytest.raises(ConferencesError, match="journal") as caught:
        client.update(ID, layout="2x2")
    assert "unchanged" in caught.value.state


def test_history_is_of_a_conference_of_a_change_set_or_of_the_space(ours_of: Ours, path: Path) -> None:
    made = ours_of.update(ID, layout="5up").report.change_set
    ours_of.update(OTHER, layout="5up")
    ours_of.update(ID, layout="3x3")
    with contextlib.closing(Journal(path, "elsewhere.signalwire.com")) as elsewhere:
        elsewhere.carry_out(Record(ID, {}, {}))
    assert [each.conference_id for each in ours_of.history()] == [ID, OTHER, ID]
    assert [each.change_set for each in ours_of.history(change_set=made)] == [made]
    assert [each.changes for each in ours_of.history(ID, change_set=made)] == [{"layout": ("2x2", "5up")}]
    assert ours_of.history(OTHER, change_set=made) == []


def test_a_label_is_kept_without_secrets(path: Path) -> None:
    with contextlib.closing(Journal(path, "host", mask=lambda text: text.replace("PTsecret", "***"))) as journal:
        journal.carry_out(Record(ID, {}, {}, ChangeSet(label="rebrand PTsecret")))
        journal.carry_out(Record(ID, {}, {}))
        assert [entry.label for entry in journal.history(ID)] == [None, "rebrand ***"]


def test_ids_of_change_sets_are_in_the_order_of_time() -> None:
    made = [ChangeSet().id for _ in range(1000)]
    assert len(set(made)) == 1000
    assert [each[:15] for each in made] == sorted(each[:15] for each in made)


# --- undo is done once ------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["id", "change set", "both", "entry"])
def test_a_second_undo_writes_nothing_and_says_who_did_it(ours_of: Ours, server: MockServer, named: str) -> None:
    ours_of.update(ID, size="small")
    made = ours_of.update(ID, layout="5up").report.change_set
    entry = ours_of.history(ID)[0].id
    calls: dict[str, tuple[list[str], dict[str, Any]]] = {
        "id": ([ID], {}),
        "change set": ([], {"change_set": made}),
        "both": ([ID], {"change_set": made}),
        "entry": ([], {"entry": entry}),
    }
    arguments, options = calls[named]
    first = ours_of.undo(*arguments, **options)
    again = ours_of.undo(*arguments, **options)
    assert puts(server) == 3
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("2x2", "small")
    if named == "change set":
        assert (first.changed, again.unchanged) == ([ID], [ID])
        return
    assert (first.report.undoes, first.report.undone_by, first.report.written) == (made, None, True)
    assert (again.report.undoes, again.report.undone_by, again.report.written) == (made, first.report.change_set, False)
    assert [entry.undoes for entry in ours_of.history(ID)] == [made, made, None, None]


def test_what_was_undone_and_others_made_again_is_theirs(ours_of: Ours, server: MockServer) -> None:
    made = ours_of.update(ID, layout="5up").report.change_set
    ours_of.undo(ID)
    server.store.patch(ID, {"layout": "5up"})
    for options in ({}, {"change_set": made}):
        ours_of.undo(ID, **options)
        assert server.store[ID]["layout"] == "5up"
    assert puts(server) == 2


def test_an_undo_is_undone_by_name_and_then_the_change_may_be_undone_again(ours_of: Ours, server: MockServer) -> None:
    made = ours_of.update(ID, layout="5up").report.change_set
    undo = ours_of.undo(ID).report.change_set
    redone = ours_of.undo(ID, change_set=undo)
    assert (redone["layout"], redone.report.undoes) == ("5up", undo)
    assert ours_of.undo(ID, change_set=undo).report.undone_by == redone.report.change_set
    again = ours_of.undo(ID)
    assert (again["layout"], again.report.undoes, again.report.undone_by) == ("2x2", made, None)
    assert ours_of.undo(ID, change_set=made).report.undone_by == again.report.change_set
    assert puts(server) == 4


def test_after_an_update_that_had_nothing_to_change_undo_takes_nothing_back(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, display_name="Last month's rename")
    last = ours_of.update(ID, layout="2x2").report.change_set
    undone = ours_of.undo(ID)
    assert server.store[ID]["display_name"] == "Last month's rename"
    assert (undone.report.undoes, undone.report.written) == (last, False)
    assert puts(server) == 1
    assert ours_of.undo(ID).report.undoes == last


def unknown_to_us(server: MockServer, fault: Fault) -> None:
    """The next PUT meets this, and the looks after it fail."""
    server.faults.add(fault, "PUT")
    server.faults.add(Fault.status(503), "GET", at=2, times=2)


@pytest.mark.parametrize("landed", [True, False])
def test_an_undo_of_unknown_outcome_is_done_again_only_where_it_was_not(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch, landed: bool
) -> None:
    without_waiting(monkeypatch)
    ours_of.update(ID, size="small")
    ours_of.update(ID, layout="5up")
    server.faults.clear()
    unknown_to_us(server, Fault.drop_after() if landed else Fault.drop_before())
    with pytest.raises(ConferencesError, match="unknown"):
        ours_of.undo(ID)
    before = puts(server)
    for _ in range(2):
        undone = ours_of.undo(ID)
        assert (undone["layout"], undone["size"]) == ("2x2", "small")
    assert puts(server) == before + (not landed)


def test_after_two_crashes_an_older_change_is_not_mistaken_for_the_last(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the change nor its undo is known to have been carried out, and both were."""
    without_waiting(monkeypatch)
    ours_of.update(ID, size="small")
    for method, changes in ((ours_of.update, {"layout": "5up"}), (ours_of.undo, {})):
        server.faults.clear()
        unknown_to_us(server, Fault.drop_after())
        with pytest.raises(ConferencesError, match="unknown"):
            method(ID, **changes)
    before = puts(server)
    undone = ours_of.undo(ID)
    assert (undone["layout"], undone["size"]) == ("2x2", "small")
    assert puts(server) == before


def test_several_entries_of_a_conference_in_a_change_set_are_undone_to_the_first(
    client: Ours, server: MockServer
) -> None:
    made = ChangeSet()
    together(client, made, [ID], layout="5up", size="small")
    together(client, made, [ID], layout="3x3", description="new")
    together(client, made, [ID], size="large")
    client.undo(ID)
    now = server.store[ID]
    assert (now["layout"], now["size"], now["description"]) == ("2x2", "large", None)
    assert puts(server) == 4
    client.undo(ID, change_set=made.id)
    assert puts(server) == 4


def test_one_entry_of_several_is_undone_alone(client: Ours, server: MockServer) -> None:
    made = ChangeSet()
    together(client, made, [ID], layout="5up")
    together(client, made, [ID], size="small")
    first = client.history(ID)[1].id
    client.undo(entry=first)
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("2x2", "small")


@pytest.mark.parametrize("status", [422, None])
def test_the_undo_of_what_was_not_done_writes_nothing(ours_of: Ours, server: MockServer, status: int | None) -> None:
    if status:
        server.faults.add(Fault.status(status), "PUT")
        with pytest.raises(ConferencesError):
            ours_of.update(ID, layout="5up")
    else:
        ours_of.update(ID, layout="2x2")
    sent, [entry] = puts(server), ours_of.history(ID)
    assert ours_of.undo(entry=entry.id).report.written is False
    assert ours_of.undo(change_set=entry.change_set).unchanged == [ID]
    assert puts(server) == sent


# --- a change set of several conferences ------------------------------------------------------------------


def test_a_change_set_is_undone_in_all_its_conferences_and_those_that_fail_are_named(
    ours_of: Ours, server: MockServer
) -> None:
    made = ChangeSet(label="rebrand")
    with ours("sync", server, journal=ours_of.client._transport.settings.journal) as other:
        together(other, made, [ID, OTHER, "third-id"], layout="5up")
    assert {entry.label for entry in ours_of.history(change_set=made.id)} == {"rebrand"}
    server.store.patch(OTHER, {"layout": "8x8"})
    server.store.patch("third-id", {"layout": "2x2", "size": "small"})
    result = ours_of.undo(change_set=made.id)
    assert isinstance(result, ChangeSetResult)
    assert (result.changed, result.unchanged, list(result.failed)) == ([ID], ["third-id"], [OTHER])
    assert isinstance(result.failed[OTHER], ConflictError)
    assert (server.store[ID]["layout"], server.store["third-id"]["size"]) == ("2x2", "small")
    entries = ours_of.history(change_set=result.change_set)
    assert {(entry.conference_id, entry.outcome) for entry in entries} == {(ID, "applied"), ("third-id", "unchanged")}
    assert {entry.undoes for entry in entries} == {made.id}
    again = ours_of.undo(change_set=made.id)
    assert (again.changed, sorted(again.unchanged), list(again.failed)) == ([], [ID, "third-id"], [OTHER])


def test_the_lock_of_a_conference_that_fails_is_given_back(server: MockServer, path: Path) -> None:
    held: list[str] = []

    @contextlib.contextmanager
    def lock(conference_id: str) -> Iterator[None]:
        assert conference_id not in held
        held.append(conference_id)
        yield
        held.remove(conference_id)

    with ours("sync", server, journal=path, lock=lock) as client:
        made = ChangeSet()
        together(client, made, [ID, OTHER], layout="5up")
        server.store.patch(ID, {"layout": "8x8"})
        result = client.undo(change_set=made.id)
    assert (list(result.failed), result.changed) == ([ID], [OTHER])


# --- plans ------------------------------------------------------------------------------------------------


def test_a_plan_of_an_undo_shows_it_and_applies_what_it_showed(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, layout="5up")
    plan = ours_of.plan_undo(ID)
    assert dict(plan.changes) == {"layout": ("5up", "2x2")}
    ours_of.update(ID, size="small")
    ours_of.apply(plan)
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("2x2", "small")
    assert ours_of.history(ID)[0].undoes == ours_of.history(ID)[2].change_set
    ours_of.apply(plan)
    assert puts(server) == 3


def test_plans_of_the_undo_of_a_change_set_are_one_for_each_conference(ours_of: Ours, server: MockServer) -> None:
    made = ChangeSet()
    with ours("sync", server, journal=ours_of.client._transport.settings.journal) as other:
        together(other, made, [OTHER, ID], layout="5up")
    plans = ours_of.plan_undo(change_set=made.id)
    assert [plan.conference_id for plan in plans] == [OTHER, ID]
    assert ours_of.plan_undo(ID, change_set=made.id).conference_id == ID
    entry = ours_of.history(OTHER)[0].id
    assert ours_of.plan_undo(entry=entry).conference_id == OTHER
    ours_of.apply(plans[0])
    assert server.store[OTHER]["layout"] == "2x2"


def test_plans_of_the_undo_of_a_change_set_tell_of_each_that_fails(ours_of: Ours, server: MockServer) -> None:
    made, told = ChangeSet(), list[tuple[str, Any]]()
    with ours("sync", server, journal=ours_of.client._transport.settings.journal) as other:
        together(other, made, [ID, OTHER, "third-id"], layout="5up")
    server.store.delete(ID)
    server.faults.add(Fault.status(422), "GET", conference_id="third-id")
    plans = ours_of.plan_undo(change_set=made.id, on_progress=told.append)
    assert [plan.conference_id for plan in plans] == [OTHER]
    assert {each: type(error) for each, error in plans.failed.items()} == {
        ID: NotFoundError,
        "third-id": ValidationError,
    }
    assert dict(told) == {OTHER: plans[0], **plans.failed}


def test_the_undo_of_a_change_set_tells_how_far_it_is(ours_of: Ours, server: MockServer) -> None:
    made, told = ChangeSet(), list[ConferenceResult]()
    with ours("sync", server, journal=ours_of.client._transport.settings.journal) as other:
        together(other, made, [ID, OTHER], layout="5up")
    server.store.delete(ID)
    result = ours_of.undo(change_set=made.id, on_progress=told.append)
    assert {each.id: (each.outcome, each.error) for each in told} == {
        ID: ("failed", result.failed[ID]),
        OTHER: ("changed", None),
    }


# --- its report -----------------------------------------------------------------------------------------------


def test_only_what_an_update_gives_is_an_updated_conference_and_has_a_report(ours_of: Ours) -> None:
    made = [
        ours_of.update(ID, layout="5up"),
        ours_of.update(ID, layout="5up"),
        ours_of.edit(ID, lambda _: {"layout": "3x3"}),
        ours_of.apply(ours_of.plan(ID, layout="4x4")),
        ours_of.undo(ID),
        ours_of.undo(entry=ours_of.history(ID)[0].id),
        ours_of.apply(ours_of.plan_undo(ID)),
    ]
    assert {(type(each), type(each.report)) for each in made} == {(UpdatedConference, UpdateReport)}
    assert {each.layout for each in made} <= {*VideoLayout}
    read = [ours_of.get(ID), ours_of.list().data[0], ours_of.replace(ID, {"display_name": "x"})]
    assert {(type(each), each.report) for each in read} == {(Conference, None)}


# --- wrong input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["undo", "plan_undo"])
@pytest.mark.parametrize(
    ("arguments", "options", "wrong"),
    [
        ([], {}, ["id"]),
        ([ID], {"entry": 1}, ["entry"]),
        ([], {"change_set": "x", "entry": 1}, ["entry"]),
        (["../x"], {"change_set": "", "entry": True}, ["id", "change_set", "entry", "entry"]),
        ([], {"change_set": 5}, ["change_set"]),
        ([], {"entry": "1"}, ["entry"]),
        ([3], {}, ["id"]),
        ([ID], {"on_progress": print}, ["on_progress"]),
        ([ID], {"change_set": "x", "on_progress": print}, ["on_progress"]),
        ([], {"entry": 1, "on_progress": print}, ["on_progress"]),
    ],
)
def test_what_is_to_be_undone_has_to_be_named_in_one_way(
    ours_of: Ours, server: MockServer, method: str, arguments: list[Any], options: dict[str, Any], wrong: list[str]
) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        getattr(ours_of, method)(*arguments, **options)
    assert [problem.field for problem in caught.value.problems] == wrong
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "id=None: must be given, or change_set= with or without an id, or entry= alone"),
        ({"change_set": "x", "entry": 1}, "entry=1: must be given alone, without an id or change_set="),
    ],
)
def test_a_wrong_call_of_undo_says_what_to_name(ours_of: Ours, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        ours_of.undo(**options)
    assert [str(problem) for problem in caught.value.problems] == [said]


def test_all_that_is_wrong_with_a_question_to_history_is_told(ours_of: Ours) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        ours_of.history("", change_set=7)
    assert [problem.field for problem in caught.value.problems] == ["id", "change_set"]


def test_what_the_journal_does_not_know_is_named(ours_of: Ours, server: MockServer) -> None:
    for options, told in (({"change_set": "nonesuch"}, "change set 'nonesuch'"), ({"entry": 77}, "entry 77")):
        for method in (ours_of.undo, ours_of.plan_undo):
            with pytest.raises(ConferencesError, match=told):
                method(**options)
    with pytest.raises(ConferencesError, match=f"no change of conference {ID!r}"):
        ours_of.undo(ID, change_set="nonesuch")
    assert ours_of.history(change_set="nonesuch") == []
    assert server.requests == []


def test_without_a_journal_each_says_how_to_have_one(server: MockServer) -> None:
    with ours("sync", server) as bare:
        for options in ({"entry": 1}, {"change_set": "x"}):
            with pytest.raises(ConferencesError, match="journal="):
                bare.undo(**options)
        with pytest.raises(ConferencesError, match="journal="):
            bare.history()


# --- damage -----------------------------------------------------------------------------------------------


def test_damage_elsewhere_does_not_hinder_the_undo_of_what_is_named(
    client: Ours, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = [client.update(ID, layout=layout).report.change_set for layout in ("5up", "3x3", "8x8")]
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE entries SET before = '{' WHERE entry = 2")
    assert client.undo(ID, change_set=made[2])["layout"] == "3x3"
    assert "entry 2 " in caplog.text
    for options in ({"change_set": made[1]}, {"entry": 2}):
        with pytest.raises(ConferencesError, match="entry 2 "):
            client.undo(**options) if "entry" in options else client.undo(ID, **options)
    assert list(client.undo(change_set=made[1]).failed) == [ID]


def test_a_damaged_entry_of_a_change_set_is_not_passed_over(client: Ours, server: MockServer, path: Path) -> None:
    made = ChangeSet()
    together(client, made, [ID], layout="5up")
    together(client, made, [ID], size="small")
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE entries SET before = '{' WHERE entry = 1")
    with pytest.raises(ConferencesError, match="entry 1 "):
        client.undo(ID, change_set=made.id)
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("5up", "small")


# --- the file ---------------------------------------------------------------------------------------------


def made_by_version_1(path: Path, hosts: list[str]) -> None:
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.create_function("canonical_host", 1, str)
        for statement in journal_file._UPGRADES[0]:
            old.execute(statement)
        for number, host in enumerate(hosts):
            values = (host, ID, f"2026-01-02T03:04:{number:02}+00:00", f'{{"number": {number}}}', '{"size": "small"}')
            row = "(host, conference_id, recorded_at, before, after, outcome, epoch, writer, masked)"
            old.execute(f"INSERT INTO entries {row} VALUES (?, ?, ?, ?, ?, 'applied', 0, 'w', '[]')", values)
        old.execute(f"PRAGMA application_id = {journal_file._APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")


def test_entries_of_the_version_before_become_change_sets_of_their_own(path: Path) -> None:
    made_by_version_1(path, ["host", "another", "host"])
    with contextlib.closing(Journal(path, "host")) as journal:
        latest, earliest = journal.history(ID)
        assert (latest.id, earliest.id) == (3, 1)
        assert latest.change_set != earliest.change_set
        assert journal.carry_out(Recall(change_set=earliest.change_set)) == [earliest]
        assert (latest.label, latest.undoes, latest.outcome) == (None, None, "applied")
        journal.carry_out(Settle(journal.carry_out(Record(ID, {}, {}, ChangeSet("mine"))), True))
        assert journal.carry_out(Members("mine")) == [ID]
    with contextlib.closing(sqlite3.connect(path)) as other:
        found = other.execute("SELECT host, ordinal FROM entries ORDER BY entry").fetchall()
        assert found == [("host", 1), ("another", 1), ("host", 2), ("host", 3)]
        assert other.execute("PRAGMA user_version").fetchone() == (2,)


def test_what_clients_of_0_1_0_go_on_writing_are_change_sets_of_their_own(path: Path) -> None:
    with contextlib.closing(Journal(path, "host")) as journal:
        journal.carry_out(Record(ID, {}, {}, ChangeSet("ours")))
        with contextlib.closing(sqlite3.connect(path)) as old, old:
            for host in ("host", "another", "host"):
                row = (host, ID, "2026-01-02T03:04:05+00:00", "{}", '{"size": "small"}', "applied")
                old.execute(FIRST_INSERT, row)
        latest, before, ours_is = journal.history(ID)
        assert len({latest.change_set, before.change_set, ours_is.change_set}) == 3
        assert journal.history(change_set=before.change_set) == [before]
    with contextlib.closing(sqlite3.connect(path)) as other:
        found = other.execute("SELECT ordinal FROM entries ORDER BY entry").fetchall()
    assert found == [(1,), (2,), (1,), (3,)]


def test_a_change_of_the_version_before_is_taken_back_once(client: Ours, server: MockServer, path: Path) -> None:
    client.update(ID, layout="5up")
    with contextlib.closing(sqlite3.connect(path)) as other:
        [(host, before)] = other.execute("SELECT host, before FROM entries").fetchall()
    path.unlink()
    made_by_version_1(path, [host])
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE entries SET before = ?, after = ?", (before, '{"layout": "5up"}'))
    assert client.undo(ID)["layout"] == "2x2"
    assert client.undo(ID).report.undone_by == client.history(ID)[1].change_set
    assert puts(server) == 2


def test_a_change_set_is_kept_whole_however_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signalwire_conferences.journal._KEPT_CHANGE_SETS", 2)
    with contextlib.closing(Journal(path, "host")) as journal:
        large, small = ChangeSet("large"), ChangeSet("small")
        for number in range(30):  # one in between the others
            journal.carry_out(Record(f"conference-{number}", {}, {}, small if number == 7 else large))
        assert len(journal.history(change_set="large")) == 29
        assert journal.carry_out(Members("large")) == [f"conference-{n}" for n in range(30) if n != 7]
        journal.carry_out(Record(ID, {}, {}))
        assert {entry.change_set for entry in journal.history()} > {"small"}
        assert journal.history(change_set="large") == []


# --- the rules, as a property -----------------------------------------------------------------------------

LAYOUTS = ["2x2", "5up", "3x3"]


def entry(number: int, before: str, after: str, **more: Any) -> Entry:
    changes = {} if before == after else {"layout": Change(before, after)}
    outcome: Any = "applied" if changes else "unchanged"
    return evolve(Entry(number, ID, NOW, changes, outcome, {**EXAMPLE, "layout": before}), **more)


@given(st.lists(st.sampled_from([*LAYOUTS, "undo", "undo the last"]), max_size=12))
def test_in_any_sequence_an_undo_takes_back_the_last_update_once(calls: list[str]) -> None:
    """Against a model: what is in force of the last update, and what it was before."""
    entries: list[Entry] = []
    now, before, after, in_force = "2x2", "2x2", "2x2", False
    for number, call in enumerate(calls, 1):
        image = {**EXAMPLE, "layout": now}
        if call in LAYOUTS:
            entries.insert(0, entry(number, now, call))
            before, after, in_force, now = now, call, now != call, call
            continue
        named = None if call == "undo" else entries[:1]
        if not entries:
            continue
        intent = inverse(ID, entries, image, named)
        value = intent.asked.get("layout", now)
        if call == "undo":
            assert value == (before if in_force else now)
            in_force = False
        elif entries[0].undoes is None:
            in_force = False
        elif value != now:
            in_force = value == after != before
        entries.insert(0, entry(number, now, value, undoes=intent.undoes))
        now = value
        assert inverse(ID, entries, {**EXAMPLE, "layout": now}).asked == {} or in_force
