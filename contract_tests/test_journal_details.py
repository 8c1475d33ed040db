"""The journal entry by entry: what is written, kept, pruned, told and taken back."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from processes import each_connection
from signalwire_conferences import ConferencesError
from signalwire_conferences.journal import Journal, opened
from signalwire_conferences.settings import settings
from signalwire_conferences.steps import Record, Settle
from signalwire_conferences_testing import schemas

EXAMPLE: dict[str, Any] = schemas.resolve({"$ref": "#/components/schemas/Conference"})["examples"][0]
ID: str = EXAMPLE["id"]

HOST = "example.signalwire.com"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conferences.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(path, HOST)) as made:
        yield made


def record(journal: Journal, about: str = ID, **after: Any) -> int:
    number = journal.carry_out(Record(about, EXAMPLE, after or {"size": "large"}))
    assert isinstance(number, int)
    return number


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What somebody else finds in the file, or does to it."""
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        return other.execute(sql).fetchall()


# --- entries --------------------------------------------------------------------------------------------


def test_an_entry_holds_host_conference_time_both_images_and_an_outcome(journal: Journal, path: Path) -> None:
    start = datetime.datetime.now(datetime.UTC)
    assert record(journal) == 1
    [(host, about, at, before, after, outcome)] = query(
        path, "SELECT host, conference_id, recorded_at, before, after, outcome FROM entries"
    )
    assert (host, about, outcome) == (HOST, ID, "unknown")
    assert start <= datetime.datetime.fromisoformat(at) <= datetime.datetime.now(datetime.UTC)
    assert at.endswith("+00:00")
    assert (json.loads(before), json.loads(after)) == (EXAMPLE, {"size": "large"})


def test_history_tells_each_change_with_both_values_the_latest_first(journal: Journal) -> None:
    record(journal)
    record(journal, layout="5up", unknown=1)
    latest, earliest = journal.history(ID)
    assert earliest.changes == {"size": (EXAMPLE["size"], "large")}
    assert latest.changes == {"layout": (EXAMPLE["layout"], "5up"), "unknown": (None, 1)}
    assert latest.before == earliest.before == EXAMPLE
    assert latest.recorded_at.utcoffset() == datetime.timedelta(0)


def test_an_entry_tells_its_number_and_its_conference(journal: Journal) -> None:
    numbers = [record(journal), record(journal, "another"), record(journal)]
    assert [(entry.id, entry.conference_id) for entry in journal.history(ID)] == [(numbers[2], ID), (numbers[0], ID)]


def test_history_is_of_one_conference_on_one_host(journal: Journal, path: Path) -> None:
    record(journal)
    record(journal, "another")
    with contextlib.closing(Journal(path, "elsewhere.signalwire.com")) as elsewhere:
        record(elsewhere)
        assert len(elsewhere.history(ID)) == 1
        assert elsewhere.history("another") == []
    assert len(journal.history(ID)) == 1


@pytest.mark.parametrize(("applied", "outcome"), [(True, "applied"), (False, "not applied")])
def test_what_came_of_one_entry_is_noted_there_and_nowhere_else(
    journal: Journal, path: Path, applied: bool, outcome: str
) -> None:
    first, second, _third = record(journal), record(journal), record(journal)
    assert journal.carry_out(Settle(second, applied)) is None
    assert [entry.outcome for entry in journal.history(ID)] == ["unknown", outcome, "unknown"]
    assert query(path, "SELECT entry FROM entries WHERE outcome != 'unknown'") == [(second,)]
    assert first < second


def test_what_really_changed_replaces_what_was_expected_to(journal: Journal) -> None:
    expected, changed = record(journal), record(journal)
    journal.carry_out(Settle(expected, True))
    journal.carry_out(Settle(changed, True, {"layout": "5up"}))
    latest, earliest = journal.history(ID)
    assert latest.changes == {"layout": (EXAMPLE["layout"], "5up")}
    assert earliest.changes == {"size": (EXAMPLE["size"], "large")}


def test_numbers_are_not_given_twice(journal: Journal, path: Path) -> None:
    """So that what came of a PUT is never noted at an entry of another that took its place."""
    first = record(journal)
    query(path, "DELETE FROM entries")
    assert record(journal) == first + 1


# --- pruning --------------------------------------------------------------------------------------------


def test_entries_are_kept_for_90_days_from_their_instant(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Clock:
            assert tz is datetime.UTC
            return cls.fromisoformat(now.isoformat())

    limit = now - datetime.timedelta(days=90)
    for moment in (limit - datetime.timedelta(microseconds=1), limit):
        number = record(journal)
        query(path, f"UPDATE entries SET recorded_at = '{moment.isoformat()}' WHERE entry = {number}")
    monkeypatch.setattr("signalwire_conferences.journal.datetime.datetime", Clock)
    record(journal)
    assert [entry.recorded_at for entry in journal.history(ID)] == [now, limit]


def test_the_last_10_000_entries_are_kept(journal: Journal, path: Path) -> None:
    for _ in range(3):
        record(journal)
    columns = "host, conference_id, recorded_at, before, after"
    more = f"""
        WITH RECURSIVE numbers (number) AS (SELECT 1 UNION SELECT number + 1 FROM numbers LIMIT 9998)
        INSERT INTO entries ({columns}) SELECT {columns} FROM entries, numbers WHERE entry = 3
    """
    query(path, more)
    assert query(path, "SELECT count(*) FROM entries") == [(10_001,)]
    last = record(journal)
    assert last == 10_002
    assert query(path, "SELECT entry FROM entries ORDER BY entry") == [(e,) for e in range(3, last + 1)]


@pytest.mark.parametrize("kept", [1, 5])
def test_the_last_entries_of_each_host_are_kept_however_many_others_write(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("signalwire_conferences.journal._KEPT_CHANGE_SETS", kept)
    with contextlib.closing(Journal(path, "elsewhere.signalwire.com")) as elsewhere:
        first = record(elsewhere)
        for number in range(12):
            record(journal, f"conference-{number % 2}")
        assert [entry.id for entry in elsewhere.history(ID)] == [first]
        assert query(path, "SELECT count(*) FROM entries") == [(kept + 1,)]
        last = record(elsewhere, "another")
        assert [entry.id for entry in elsewhere.history("another")] == [last]
        assert query(path, "SELECT count(*) FROM entries") == [(kept + min(kept, 2),)]


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime.datetime) -> None:
    """The clock of this machine says so."""

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Clock:
            assert tz is datetime.UTC
            return cls.fromisoformat(moment.isoformat())

    monkeypatch.setattr("signalwire_conferences.journal.datetime.datetime", Clock)


NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize("days", [91, 3653, 365 * 90, -91, -3653, -365 * 50])
@pytest.mark.parametrize("times", [1, 3])
def test_a_clock_that_jumped_prunes_nothing_of_no_host(
    path: Path, monkeypatch: pytest.MonkeyPatch, days: int, times: int
) -> None:
    with (
        contextlib.closing(Journal(path, HOST)) as journal,
        contextlib.closing(Journal(path, "elsewhere.signalwire.com")) as elsewhere,
    ):
        written = []
        for day in (-80, -40, 0):
            at(monkeypatch, NOW + day * DAY)
            written += [record(journal), record(elsewhere)]
        for hour in range(times):
            at(monkeypatch, NOW + days * DAY + hour * DAY / 24)
            written.append(record(journal, "another"))
        for minute in range(times):
            at(monkeypatch, NOW + minute * DAY / 1440)
            written += [record(journal, "another"), record(elsewhere, "another")]
        assert [entry for (entry,) in query(path, "SELECT entry FROM entries ORDER BY entry")] == written


def test_after_a_clock_that_jumped_entries_grow_old_as_before(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = []
    for day in (0, 4000, 1, 60, 120):
        at(monkeypatch, NOW + day * DAY)
        numbers.append(record(journal))
    # The third is of before the last 90 days; the first may be from before or after the jump, for all
    # that the clock tells.
    first, jumped, _, fourth, last = numbers
    assert [entry.id for entry in journal.history(ID)] == [last, fourth, jumped, first]


def test_an_entry_of_the_first_version_hides_no_jump_of_the_clock(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients of 0.1.0 may still write, and know of no jumps."""
    for day in (-80, 4000, 0):
        at(monkeypatch, NOW + day * DAY)
        record(journal)
    columns = "host, conference_id, recorded_at, before, after"
    query(path, f"INSERT INTO entries ({columns}) SELECT {columns} FROM entries WHERE entry = 3")
    for day in (20, 40):
        at(monkeypatch, NOW + day * DAY)
        record(journal)
    assert [entry.id for entry in journal.history(ID)] == [6, 5, 4, 3, 2, 1]


def test_a_clock_that_jumps_under_a_client_prunes_nothing_by_age(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (-80, -40, 0):
        at(monkeypatch, NOW + day * DAY)
        record(journal)
    wall = time.time() + 40 * DAY.total_seconds()
    monkeypatch.setattr("signalwire_conferences.journal.time.time", lambda: wall)
    at(monkeypatch, NOW + 40 * DAY)
    record(journal)
    assert len(journal.history(ID)) == 4
    with contextlib.closing(Journal(path, HOST)) as other:
        record(other)
    assert len(journal.history(ID)) == 4  # one more, one less


def test_no_statement_of_a_record_looks_through_the_whole_table(journal: Journal, path: Path) -> None:
    record(journal)
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        each_connection(patch, lambda connection: connection.set_trace_callback(said.append))
        journal.carry_out(Settle(record(journal), True))
        journal.history(ID)
    plans = [
        step[-1]
        for statement in said
        if statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))
        for step in query(path, f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert len(plans) > 5
    assert [step for step in plans if step.startswith("SCAN") and "CONSTANT" not in step] == []


# --- secrets --------------------------------------------------------------------------------------------

SECRET = "PTsecret"


def masked(text: str) -> str:
    return text.replace(SECRET, "***")


@pytest.fixture
def masking(path: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(path, HOST, mask=masked)) as made:
        yield made


def test_what_holds_a_secret_is_kept_without_it_and_named(masking: Journal, path: Path) -> None:
    before = {"description": f"echo {SECRET}", "meta": {SECRET: [f"{SECRET}-{SECRET}"]}, "size": "large"}
    entry = masking.carry_out(Record(ID, before, {"size": "small", "layout": SECRET, "quality": "720p"}))
    assert entry is not None
    [kept] = masking.history(ID)
    assert kept.before == {"description": "echo ***", "meta": {"***": ["***-***"]}, "size": "large"}
    assert kept.changes == {"size": ("large", "small"), "layout": (None, "***"), "quality": (None, "720p")}
    assert kept.masked == {"description", "meta", "layout"}
    masking.carry_out(Settle(entry, True, {"size": "small", "quality": f"a {SECRET}"}))
    [kept] = masking.history(ID)
    assert kept.changes == {"size": ("large", "small"), "quality": (None, "a ***")}
    assert kept.masked == {"description", "meta", "layout", "quality"}
    for file in path.parent.iterdir():
        assert SECRET.encode() not in file.read_bytes()


def test_what_holds_no_secret_is_kept_as_it_is(masking: Journal) -> None:
    entry = record(masking)
    masking.carry_out(Settle(entry, True, {"size": "large"}))
    [kept] = masking.history(ID)
    assert (kept.before, kept.masked) == (EXAMPLE, frozenset())


def test_a_name_or_a_number_that_holds_a_secret_is_kept_without_it(path: Path) -> None:
    with contextlib.closing(Journal(path, HOST, mask=lambda text: text.replace("123456", "***"))) as journal:
        journal.carry_out(Record("id-123456", {"x123456": 1, "number": 91234567, "id": 3}, {"number": 123456}))
        [kept] = journal.history("id-123456")
    assert kept.before == {"x***": 1, "number": "9***7", "id": 3}
    assert kept.changes == {"number": ("9***7", "***")}
    assert kept.masked == {"x***", "number"}
    assert b"123456" not in path.read_bytes()


def test_the_journal_of_a_client_keeps_no_token(path: Path) -> None:
    said: dict[str, Any] = {"project": "p", "token": 'PT"secret"\\é', "host": HOST}
    said |= {"timeout": 0.5, "retries": 3, "lock": None, "confirm": None}
    made = opened(settings(**said, journal=path))
    assert made is not None
    with contextlib.closing(made):
        basic = base64.b64encode(f"p:{said['token']}".encode()).decode()
        made.carry_out(Record(ID, {"description": said["token"], "name": [basic]}, {}))
        [kept] = made.history(ID)
    assert kept.before == {"description": "***", "name": ["***"]}
    assert kept.masked == {"description", "name"}


# --- the file -------------------------------------------------------------------------------------------


def test_the_file_is_marked_as_ours_and_can_be_found_by_age_and_conference(journal: Journal, path: Path) -> None:
    record(journal)
    assert query(path, "PRAGMA application_id") == [(int.from_bytes(b"SWCF"),)]
    assert query(path, "SELECT name FROM sqlite_master WHERE name LIKE 'by%' ORDER BY name") == [
        ("by_age",),
        ("by_conference",),
        ("by_host",),
    ]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.skipif(os.name != "posix", reason="no file modes here")
def test_the_file_is_for_its_owner_and_what_is_so_already_is_left_as_it_is(path: Path) -> None:
    mask = os.umask(0)
    try:
        Journal(path, HOST).close()
    finally:
        os.umask(mask)
    assert mode(path) == 0o600
    path.chmod(0o644)
    Journal(path, HOST).close()
    assert mode(path) == 0o600
    path.chmod(0o700)
    Journal(path, HOST).close()
    assert mode(path) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_the_file_is_its_owners_alone_from_the_first_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    connect = sqlite3.connect

    def noted(*arguments: Any, **options: Any) -> Any:
        modes.append(mode(path))
        return connect(*arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", noted)
    mask = os.umask(0)
    try:
        Journal(path, HOST).close()
    finally:
        os.umask(mask)
    assert modes == [0o600]


def test_opening_leaves_no_descriptor_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    closed: list[int] = []
    os_open, os_close = os.open, os.close

    def noted(*args: Any, **options: Any) -> int:
        made.append(os_open(*args, **options))
        return made[-1]

    def noted_too(descriptor: int) -> None:
        closed.append(descriptor)
        os_close(descriptor)

    monkeypatch.setattr(os, "open", noted)
    monkeypatch.setattr(os, "close", noted_too)
    Journal(path, HOST).close()
    assert made
    assert closed == made


def test_a_folder_that_there_is_not_is_an_error_of_this_package(path: Path) -> None:
    with pytest.raises(ConferencesError, match="a folder that exists") as caught:
        Journal(path / "below" / "conferences.sqlite", HOST)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_journal_may_be_used_from_another_thread(journal: Journal) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(record, journal).result() == 1


def pragma(journal: Journal, name: str) -> Any:
    [value] = journal._transact(lambda connection: connection.execute(f"PRAGMA {name}").fetchone(), None)
    return value


def test_a_commit_waits_for_the_disk(journal: Journal) -> None:
    assert pragma(journal, "synchronous") == 3  # EXTRA


def test_a_journal_may_be_opened_by_several_and_again(journal: Journal, path: Path) -> None:
    record(journal)
    for _ in range(2):
        with contextlib.closing(Journal(path, HOST)) as other:
            record(other)
    record(journal)
    assert len(journal.history(ID)) == 4


def test_a_closed_journal_lets_the_file_go_and_does_not_open_it_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = each_connection(monkeypatch, lambda _connection: None)
    record(journal)
    journal.close()
    [connection] = made
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    journal.close()
    with pytest.raises(ConferencesError, match="closed"):
        journal.history(ID)
    assert made == [connection]


def test_no_connection_outlives_its_transaction_so_that_no_other_process_inherits_it(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = each_connection(monkeypatch, lambda _connection: None)
    for use in (record, lambda journal: journal.history(ID), lambda journal: record(journal, size=object())):
        before = len(made)
        with contextlib.suppress(TypeError):  # of what is no JSON
            use(journal)
        assert len(made) == before + 1
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            made[-1].execute("SELECT 1")
    assert query(path, "SELECT count(*) FROM entries") == [(1,)]


def test_a_database_of_something_else_is_left_alone_and_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query(path, "CREATE TABLE entries (shopping TEXT)")
    path.chmod(0o644)
    before = path.read_bytes()
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*args: Any, **options: Any) -> sqlite3.Connection:
        made.append(connect(*args, **options))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    with pytest.raises(ConferencesError) as caught:
        Journal(path, HOST)
    assert "it is the database of another program" in caught.value.message
    assert repr(str(path)) in caught.value.message
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert (caught.value.conference_id, caught.value.state) == (None, "")
    assert caught.value.advice.startswith("It must be a file that this package made")
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o644
    for connection in made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
    assert made


def test_a_file_marked_as_ours_that_has_no_tables_yet_is_begun_in(path: Path) -> None:
    """As somebody leaves it who is killed, or is still at it."""
    query(path, f"PRAGMA application_id = {int.from_bytes(b'SWCF')}")
    with contextlib.closing(Journal(path, HOST)) as journal:
        assert record(journal) == 1


@pytest.mark.parametrize("timeout", [None, 0.05])
def test_another_that_writes_is_waited_for_as_long_as_was_said(path: Path, timeout: float | None) -> None:
    with contextlib.closing(Journal(path, HOST) if timeout is None else Journal(path, HOST, timeout)) as journal:
        assert journal._timeout == (30.0 if timeout is None else timeout)
        # The journal waits, not SQLite, which would hold a lock of this process meanwhile.
        assert pragma(journal, "busy_timeout") == 0


def test_a_record_takes_the_file_for_itself_before_it_reads(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that of two who write none finds itself with an image that the other has outdated."""
    said: list[str] = []
    each_connection(monkeypatch, lambda connection: connection.set_trace_callback(said.append))
    record(journal)
    assert said.pop(0) == "PRAGMA synchronous = EXTRA"
    assert (said[0], said[-1]) == ("BEGIN IMMEDIATE", "COMMIT")


def test_a_record_that_cannot_be_written_names_the_conference_and_the_cause(journal: Journal, path: Path) -> None:
    query(path, "DROP TABLE entries")
    with pytest.raises(ConferencesError) as caught:
        record(journal)
    assert caught.value.conference_id == ID
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    with pytest.raises(ConferencesError) as caught:
        journal.history(ID)
    assert caught.value.conference_id == ID


def test_half_a_record_is_none(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails while it prunes has not recorded either."""
    monkeypatch.setattr("signalwire_conferences.journal._KEPT_CHANGE_SETS", 1)
    record(journal)
    query(path, "CREATE TRIGGER no BEFORE DELETE ON entries BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(ConferencesError, match="no"):
        record(journal)
    assert query(path, "SELECT count(*) FROM entries") == [(1,)]


def test_an_outcome_that_cannot_be_noted_is_logged_and_not_raised(
    journal: Journal, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    query(path, "DROP TABLE entries")
    assert journal.carry_out(Settle(7, True)) is None
    [told] = caplog.records
    assert (told.name, told.levelno) == ("signalwire_conferences.journal", logging.WARNING)
    assert "entry 7" in told.getMessage()
    assert "no such table" in told.getMessage()


def test_a_client_has_a_journal_only_if_it_is_to_have_one(path: Path) -> None:
    said: dict[str, Any] = {"project": "p", "token": "t", "host": HOST}
    said |= {"timeout": 0.5, "retries": 3, "lock": None, "confirm": None}
    assert opened(settings(**said, journal=None)) is None
    made = opened(settings(**said, journal=path))
    assert made is not None
    with contextlib.closing(made), contextlib.closing(Journal(path, HOST)) as other:
        record(made)
        assert len(other.history(ID)) == 1
        assert made._timeout == 0.5
