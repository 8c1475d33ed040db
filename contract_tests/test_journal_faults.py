"""The journal when things go wrong under it: signals, damaged entries, busy and full disks, cancellations."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from processes import Ours, each_connection, ours, read_only
from signalwire_conferences import ConferencesError, RestClient, journal_file
from signalwire_conferences import journal as journals
from signalwire_conferences.journal import Journal
from signalwire_conferences.steps import Recall, Record, Settle
from signalwire_conferences_testing.mock import MockServer

ID = "conference-id"
HOST = "example.signalwire.com"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conferences.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(path, HOST, 5)) as made:
        yield made


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "2x2", "size": "large"}]) as running:
        yield running


@pytest.fixture
def client(server: MockServer, path: Path) -> Iterator[Ours]:
    with ours("sync", server, journal=path) as made:
        yield made


def record(journal: Journal, number: int = 0) -> Any:
    return journal.carry_out(Record(ID, {"layout": "2x2", "number": number}, {"layout": "5up"}))


def query(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What somebody else finds in the file, or does to it."""
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as other, other:
        return other.execute(sql, values).fetchall()


# --- signals ----------------------------------------------------------------------------------------------


def interrupted(number: int) -> Callable[[FrameType, str, object], None]:
    """A profiler that raises as a signal does at the given one of the moments when one is looked for:
    where a function begins, and where one that is built in has returned.
    """
    moments = itertools.count(1)

    def look(frame: FrameType, event: str, _about: object) -> None:
        looked_for = event in ("call", "c_return")
        files = (journals.__file__, journal_file.__file__, contextlib.__file__)
        if looked_for and frame.f_code.co_filename in files and next(moments) == number:
            raise KeyboardInterrupt

    return look


@pytest.mark.parametrize(
    "use",
    [
        record,
        lambda journal: journal.history(ID),
        lambda journal: journal.carry_out(Settle(1, True)),
        lambda journal: journal.carry_out(Settle(7, True)),  # which there is not
        lambda journal: Journal(journal._path, HOST, 5),
    ],
    ids=["record", "history", "settle", "settle in vain", "open"],
)
def test_a_signal_at_any_moment_leaves_neither_a_transaction_nor_a_lock_behind(
    journal: Journal, path: Path, use: Callable[[Journal], object]
) -> None:
    record(journal)
    kept: BaseException | None = None  # with its traceback, as a console does
    for number in itertools.count(1):
        sys.setprofile(interrupted(number))
        try:
            use(journal)
        except KeyboardInterrupt as error:
            kept = error
        else:
            break
        finally:
            sys.setprofile(None)
        query(path, "BEGIN IMMEDIATE")
        other = threading.Thread(target=journal.carry_out, args=(Settle(1, True),), daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive()
    assert kept is not None
    assert number > 5


# --- damaged entries --------------------------------------------------------------------------------------

DAMAGED = [
    ("before", '{"layout": "5u'),
    ("before", "[]"),
    ("before", "[" * 100_000),
    ("before", b'{"layout": "\xff"}'),
    ("after", "[1]"),
    ("after", "nul"),
    ("after", "{'size': 'small'}"),
    ("masked", "x"),
    ("masked", "{}"),
    ("masked", "[1]"),
    ("recorded_at", "yesterday"),
    ("recorded_at", "2026-01-01T00:00:00"),
    ("recorded_at", b"\xff"),
    ("recorded_at", 7),
    ("outcome", "perhaps"),
]


def damage(path: Path, entry: int, column: str, value: object) -> None:
    change = f"UPDATE entries SET {column} = ? WHERE entry = ?"
    if isinstance(value, bytes):  # text that is no UTF-8
        change = change.replace("?", "CAST(? AS TEXT)", 1)
    query(path, change, value, entry)


def test_a_number_beyond_the_range_of_a_float_is_no_damage(journal: Journal) -> None:
    journal.carry_out(Record(ID, {"meta": {"large": float("inf")}}, {}))
    assert [entry.id for entry in journal.history(ID)] == [1]


@pytest.mark.parametrize(("column", "value"), DAMAGED)
def test_a_damaged_entry_hides_no_other_and_is_named(
    client: Ours, path: Path, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    for layout in ("3x3", "5up", "8x8"):
        client.update(ID, layout=layout)
    damage(path, 2, column, value)
    assert [entry.id for entry in client.history(ID)] == [3, 1]
    assert "entry 2 " in caplog.text
    assert repr(str(path)) in caplog.text
    assert client.undo(ID)["layout"] == "5up"


@pytest.mark.parametrize(("column", "value"), DAMAGED)
def test_a_damaged_last_entry_is_not_passed_over_by_undo_and_holds_up_no_update(
    client: Ours, server: MockServer, path: Path, column: str, value: object
) -> None:
    client.update(ID, layout="3x3")
    client.update(ID, size="small")
    damage(path, 2, column, value)
    before = len(server.requests)
    with pytest.raises(ConferencesError) as caught:
        client.undo(ID)
    assert "entry 2 " in str(caught.value)
    assert repr(str(path)) in str(caught.value)
    assert caught.value.conference_id == ID
    assert caught.value.advice
    assert len(server.requests) == before
    assert client.update(ID, size="medium")["size"] == "medium"
    assert [entry.id for entry in client.history(ID)] == [3, 1]
    assert client.undo(ID)["size"] == "small"


def test_undo_looks_past_what_was_not_applied_and_finds_the_damage(journal: Journal, path: Path) -> None:
    record(journal)
    damage(path, record(journal), "before", "{")
    journal.carry_out(Settle(record(journal), False))
    with pytest.raises(ConferencesError, match="entry 2 "):
        journal.carry_out(Recall(ID, to_undo=True))
    record(journal)
    assert [entry.id for entry in journal.carry_out(Recall(ID, to_undo=True))] == [4, 3]


def test_what_came_of_a_put_whose_entry_was_damaged_meanwhile_is_logged(
    journal: Journal, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(path, record(journal), "masked", "x")
    journal.carry_out(Settle(1, True))
    assert "entry 1 " in caplog.text


def test_a_time_that_cannot_be_read_prunes_nothing(journal: Journal, path: Path) -> None:
    for _ in range(3):
        record(journal)
    query(path, "UPDATE entries SET recorded_at = '2001-01-01T00:00:00+00:00' WHERE entry < 3")
    damage(path, 3, "recorded_at", "yesterday")
    for _ in range(3):
        record(journal)
    assert query(path, "SELECT count(*) FROM entries") == [(6,)]


# --- advice -----------------------------------------------------------------------------------------------


def test_who_finds_the_journal_busy_is_told_to_call_again(path: Path) -> None:
    journal = Journal(path, HOST, 0.05)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConferencesError, match="locked") as caught:
            record(journal)
    assert "wait" in caught.value.advice
    assert "call again" in caught.value.advice
    assert "package" not in caught.value.advice


def full(patch: pytest.MonkeyPatch) -> None:
    each_connection(patch, lambda connection: connection.execute("PRAGMA max_page_count = 1"))


def not_ours_to_write(patch: pytest.MonkeyPatch) -> None:
    each_connection(patch, read_only)


def failing(code: int) -> Callable[[pytest.MonkeyPatch], None]:
    def fails(patch: pytest.MonkeyPatch) -> None:
        def stat(_path: Path, **_options: object) -> os.stat_result:
            raise OSError(code, os.strerror(code))

        patch.setattr(Path, "stat", stat)

    return fails


@pytest.mark.parametrize(
    ("spoil", "said", "advice"),
    [
        (full, "full", "Free space"),
        (failing(errno.ENOSPC), "No space", "Free space"),
        (not_ours_to_write, "readonly", "may write"),
        (failing(errno.EACCES), "Permission denied", "may write"),
        (failing(errno.EROFS), "Read-only", "may write"),
    ],
)
def test_a_journal_that_cannot_be_written_says_why_and_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, said: str, advice: str
) -> None:
    journal = Journal(path, HOST, 0.05)
    with monkeypatch.context() as patch:
        spoil(patch)
        with pytest.raises(ConferencesError, match=said) as caught:
            journal.carry_out(Record(ID, {"description": "x" * 100_000}, {}))
    assert advice in caught.value.advice
    assert "package" not in caught.value.advice


# --- cancellation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Record(ID, {}, {}), Settle(1, True), Recall(ID)], ids=["record", "settle", "recall"])
def test_who_waits_for_the_file_stops_when_told(path: Path, step: Any, caplog: pytest.LogCaptureFixture) -> None:
    journal, stop = Journal(path, HOST, 30), threading.Event()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.2, stop.set).start()
        begun = time.monotonic()
        with (
            contextlib.nullcontext() if isinstance(step, Settle) else pytest.raises(ConferencesError, match="cancelled")
        ):
            journal.carry_out(step, stop)
        assert 0.1 < time.monotonic() - begun < 2
    assert ("cancelled" in caplog.text) is isinstance(step, Settle)


def test_nobody_has_to_stop_who_does_not_wait(journal: Journal) -> None:
    stop = threading.Event()
    stop.set()
    assert journal.carry_out(Record(ID, {}, {}), stop) == 1


# --- what others make of the file -------------------------------------------------------------------------


def journal_mode(path: Path) -> Any:
    return query(path, "PRAGMA journal_mode")[0][0]


@pytest.mark.parametrize("use", [lambda journal: Journal(journal._path, HOST), record])
def test_a_journal_that_somebody_put_into_wal_mode_is_one_file_again(
    journal: Journal, path: Path, use: Callable[[Journal], object]
) -> None:
    record(journal)
    assert query(path, "PRAGMA journal_mode = WAL") == [("wal",)]
    use(journal)
    assert journal_mode(path) == "delete"
    assert list(path.parent.iterdir()) == [path]
    assert 1 in [entry.id for entry in journal.history(ID)]


def test_a_journal_in_wal_mode_that_somebody_else_has_open_is_used_as_it_is(journal: Journal, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("SELECT * FROM entries").fetchall()
        record(journal)
        assert len(journal.history(ID)) == 1
    record(journal)
    assert journal_mode(path) == "delete"


def test_a_database_of_something_else_stays_in_wal_mode(path: Path) -> None:
    query(path, "CREATE TABLE shopping (item TEXT)")
    query(path, "PRAGMA journal_mode = WAL")
    with pytest.raises(ConferencesError):
        Journal(path, HOST)
    assert journal_mode(path) == "wal"


@pytest.mark.skipif(os.name != "posix", reason="a folder in use cannot be deleted")
def test_a_relative_path_in_a_deleted_folder_is_an_error_of_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConferencesError, match=r"x\.sqlite") as caught:
        RestClient("project", "token", HOST, journal="x.sqlite")
    assert caught.value.advice


@pytest.mark.parametrize("name", ["\ud800.sqlite", "x" * 5000])
def test_a_path_that_no_file_can_have_is_an_error_of_this_package(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConferencesError):
        Journal(tmp_path / name, HOST)
