"""The file of the journal: shared by threads and processes, forked with, moved, replaced, busy, upgraded."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from processes import STYLES, each_connection, finished, ours, spawned, wait_for
from signalwire_conferences import AsyncRestClient, ConferencesError, journal_file
from signalwire_conferences.journal import Journal
from signalwire_conferences.journal_file import _Work
from signalwire_conferences.steps import Record, Settle
from signalwire_conferences_testing.mock import Fault, MockServer

ID = "conference-id"
HOST = "example.signalwire.com"
MARK = int.from_bytes(b"SWCF")
posix = pytest.mark.skipif(os.name != "posix", reason="neither forks nor modes nor files that move while open")

# As 0.1.0 made it.
FIRST_SCHEMA = f"""
PRAGMA application_id = {MARK};
CREATE TABLE IF NOT EXISTS entries (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    conference_id TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'unknown'
);
CREATE INDEX IF NOT EXISTS by_age ON entries (recorded_at);
CREATE INDEX IF NOT EXISTS by_conference ON entries (host, conference_id, entry);
"""
FIRST_INSERT = (
    "INSERT INTO entries (host, conference_id, recorded_at, before, after, outcome) VALUES (?, ?, ?, ?, ?, ?)"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder, 100% #1?"
    folder.mkdir()
    return folder / "conferences.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(path, HOST, 5)) as made:
        yield made


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "2x2"}]) as running:
        yield running


def record(journal: Journal, number: int = 0, key: str = ID) -> int:
    entry = journal.carry_out(Record(key, {"layout": "2x2", "number": number}, {"layout": "5up"}))
    assert isinstance(entry, int)
    return entry


def numbers(journal: Journal, key: str = ID) -> list[int]:
    return [entry.before["number"] for entry in journal.history(key)]


def query(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        return other.execute(sql, values).fetchall()


@contextlib.contextmanager
def held(path: Path, how: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """Somebody else at work on the file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(f"BEGIN {how}")
        yield other


def may_write(path: Path) -> bool:
    """Whether another process finds the file free."""
    code = """
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError:
    print("busy")
"""
    return finished([spawned(code, path)]) == [""]


# --- what SQLite holds of the file stays held -------------------------------------------------------------


def opened_again(journal: Journal) -> None:
    with contextlib.suppress(ConferencesError):
        Journal(journal._path, HOST, 0.01).close()


def used(journal: Journal) -> None:
    with contextlib.suppress(ConferencesError):
        journal.history(ID)


@posix
@pytest.mark.parametrize("use", [opened_again, used, Journal.close])
def test_a_journal_leaves_the_locks_that_its_process_has_on_the_file(
    path: Path, use: Callable[[Journal], None]
) -> None:
    """To close any descriptor of a file gives all locks of the process on it away."""
    with contextlib.closing(Journal(path, HOST, 0.01)) as journal:
        record(journal)
        with held(path):
            use(journal)
            assert not may_write(path)
    assert may_write(path)


@posix
def test_a_journal_is_opened_by_sqlite_alone_where_the_file_is_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal(path, HOST).close()
    made: list[int] = []
    monkeypatch.setattr(os, "close", made.append)
    with contextlib.closing(Journal(path, HOST)) as other:
        record(other)
    assert made == []


# --- forks ------------------------------------------------------------------------------------------------

FORKS = """
import os, signal, sys, threading, time
from pathlib import Path
from signalwire_conferences.journal import Journal
from signalwire_conferences.journal_file import _Work
from signalwire_conferences.steps import Record, Settle

def write(name):
    entry = journal.carry_out(Record(name, {"number": 0}, {"layout": "5up"}))
    journal.carry_out(Settle(entry, True))

def writing():
    while not done:
        write("parent")

done = False
journal = Journal(Path(sys.argv[1]), "host", 20)
threads = [threading.Thread(target=writing) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for number in range(12):
    time.sleep(0.01 * (number % 3))
    child = os.fork()
    if not child:
        signal.alarm(30)
        try:
            for _ in range(3):
                write(f"child-{number}")
            os._exit(0)
        finally:
            os._exit(1)
    children.append(child)
ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
done = True
for thread in threads:
    thread.join()
sys.exit(f"{ended}" if any(ended) else 0)
"""


@posix
def test_children_forked_while_threads_write_can_write_all_of_them(path: Path) -> None:
    finished([spawned(FORKS, path)])
    for number in range(12):
        assert query(path, "SELECT count(*) FROM entries WHERE conference_id = ?", f"child-{number}") == [(3,)]
    assert query(path, "SELECT count(*) FROM entries WHERE outcome != 'applied'") == [(0,)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


@posix
def test_a_thread_that_waits_for_the_file_does_not_hold_up_a_fork(path: Path) -> None:
    code = """
import os, sys, threading, time
from pathlib import Path
from signalwire_conferences.journal import Journal
from signalwire_conferences.journal_file import _Work
from signalwire_conferences.steps import Record
journal = Journal(Path(sys.argv[1]), "host", 60)
thread = threading.Thread(target=journal.carry_out, args=[Record("x", {}, {})])
print("ready", flush=True)
input()
thread.start()
time.sleep(0.2)
begun = time.monotonic()
child = os.fork()
if not child:
    os._exit(0)
os.waitpid(child, 0)
print(time.monotonic() - begun, flush=True)
thread.join()
"""
    waiting = spawned(code, path, stdin=subprocess.PIPE)
    assert waiting.stdin is not None
    assert waiting.stdout is not None
    try:
        assert waiting.stdout.readline() == "ready\n"
        with held(path):
            waiting.stdin.write("\n")
            waiting.stdin.flush()
            assert float(waiting.stdout.readline()) < 2
    finally:
        finished([waiting])
    assert query(path, "SELECT count(*) FROM entries") == [(1,)]


# --- moved, deleted, replaced -----------------------------------------------------------------------------


def deleted(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def replaced_by_an_empty_file(path: Path) -> None:
    deleted(path)
    path.touch()


def replaced_by_another_journal(path: Path) -> None:
    other = path.with_name("other")
    with contextlib.closing(Journal(other, HOST)) as journal:
        record(journal, 100)
    other.replace(path)


def overwritten_with_another_journal(path: Path) -> None:
    """The same file, so it has the same number."""
    other = path.with_name("other")
    with contextlib.closing(Journal(other, HOST)) as journal:
        record(journal, 100)
    shutil.copyfile(other, path)


def replaced_by_one_of_the_first_version(path: Path) -> None:
    deleted(path)
    first_version(path, [(HOST, ID, 100)])


def overwritten_with_one_of_the_first_version(path: Path) -> None:
    other = path.with_name("other")
    first_version(other, [(HOST, ID, 100)])
    shutil.copyfile(other, path)


def folder_moved_and_made_again(path: Path) -> None:
    path.parent.rename(path.parent.with_name("former"))
    path.parent.mkdir()


def a_link_that_leads_elsewhere_now(path: Path) -> None:
    moved(path)
    path.symlink_to(path.with_name("not there yet"))


CHANGES = [
    deleted,
    moved,
    emptied,
    replaced_by_an_empty_file,
    replaced_by_another_journal,
    overwritten_with_another_journal,
    replaced_by_one_of_the_first_version,
    overwritten_with_one_of_the_first_version,
    folder_moved_and_made_again,
    a_link_that_leads_elsewhere_now,
]


@posix
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_recorded_is_in_the_file_that_is_there(
    journal: Journal, path: Path, change: Callable[[Path], None]
) -> None:
    record(journal, 1)
    change(path)
    there = [100] if path.exists() and query(path, "PRAGMA application_id") == [(MARK,)] else []
    assert record(journal, 2)
    assert numbers(journal) == [2, *there]
    with contextlib.closing(Journal(path, HOST)) as other:
        assert numbers(other) == [2, *there]
    assert path.stat().st_mode & 0o077 == 0


@posix
@pytest.mark.parametrize("change", CHANGES)
def test_history_answers_out_of_the_file_that_is_there(
    journal: Journal, path: Path, change: Callable[[Path], None]
) -> None:
    record(journal, 1)
    change(path)
    there = [100] if path.exists() and query(path, "PRAGMA application_id") == [(MARK,)] else []
    assert numbers(journal) == there


@posix
@pytest.mark.parametrize("change", [deleted, moved, replaced_by_another_journal, folder_moved_and_made_again])
def test_what_came_of_a_put_is_not_noted_at_an_entry_of_another_file(
    journal: Journal, path: Path, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    entry = record(journal, 1)
    change(path)
    with contextlib.closing(Journal(path, HOST)) as other:
        theirs = max(record(other, 200), entry)
    journal.carry_out(Settle(theirs, True, {"layout": "3x3"}))
    assert {outcome for (outcome,) in query(path, "SELECT outcome FROM entries")} == {"unknown"}
    assert f"entry {theirs}" in caplog.text


@posix
@pytest.mark.parametrize("change", [deleted, moved, replaced_by_another_journal, folder_moved_and_made_again])
def test_a_file_that_changes_while_a_before_image_is_written_gets_it_again(
    journal: Journal, path: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(journal, 1)
    times: list[str] = []

    def at_commit(statement: str) -> None:
        if statement == "COMMIT" and not times:
            times.append(statement)
            change(path)

    each_connection(monkeypatch, lambda connection: connection.set_trace_callback(at_commit))
    entry = record(journal, 2)
    assert times
    with contextlib.closing(Journal(path, HOST)) as other:
        latest = other.history(ID)[0]
    assert (latest.before["number"], latest.id) == (2, entry)
    journal.carry_out(Settle(entry, True))
    assert journal.history(ID)[0].outcome == "applied"


def garbage(path: Path) -> None:
    deleted(path)
    path.write_bytes(b"a letter to grandmother" * 100)


def foreign(path: Path) -> None:
    deleted(path)
    query(path, "CREATE TABLE shopping (list)")


def newer(path: Path) -> None:
    query(path, "PRAGMA user_version = 77")


def folder(path: Path) -> None:
    deleted(path)
    path.mkdir()


def folder_gone(path: Path) -> None:
    path.parent.rename(path.parent.with_name("former"))


@posix
@pytest.mark.parametrize("spoil", [garbage, foreign, newer, folder, folder_gone])
@pytest.mark.parametrize("style", STYLES)
def test_a_file_that_is_no_journal_any_more_lets_no_put_leave_until_it_is_one(
    style: str, server: MockServer, path: Path, spoil: Callable[[Path], None]
) -> None:
    with ours(style, server, journal=path, timeout=5) as client:
        client.update(ID, layout="5up")
        spoil(path)
        for method, changes in (("update", {"layout": "3x3"}), ("history", {})):
            with pytest.raises(ConferencesError) as caught:
                getattr(client, method)(ID, **changes)
            assert str(path) in caught.value.message
            assert caught.value.advice
        assert server.store[ID]["layout"] == "5up"
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        client.update(ID, layout="3x3")
        assert [dict(entry.changes) for entry in client.history(ID)] == [{"layout": ("5up", "3x3")}]


@posix
@pytest.mark.parametrize("style", STYLES)
def test_a_put_has_its_before_image_in_the_file_that_is_there_when_it_leaves(
    style: str, server: MockServer, path: Path
) -> None:
    found: list[Any] = []

    def look(_store: object) -> None:
        found.append(query(path, "SELECT before FROM entries ORDER BY entry DESC LIMIT 1"))

    server.faults.add(Fault.foreign_write(look), "PUT", times=None)
    with ours(style, server, journal=path) as client:
        for number, layout in enumerate(["5up", "3x3", "2x2"]):
            before = server.store[ID]["layout"]
            client.update(ID, layout=layout)
            [(image,)] = found[number]
            assert json.loads(image)["layout"] == before
            [deleted, moved, replaced_by_an_empty_file][number](path)


# --- busy -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [5, 2**31 / 1000 + 1, 10**7, 10**9])
def test_who_may_wait_long_does_wait(path: Path, timeout: float) -> None:
    with contextlib.closing(Journal(path, HOST, timeout)) as journal, held(path) as other:
        threading.Timer(0.3, other.rollback).start()
        assert record(journal) == 1


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_who_may_wait_briefly_is_told_soon_that_the_file_is_busy(path: Path, how: str) -> None:
    with contextlib.closing(Journal(path, HOST, 0.2)) as journal:
        with held(path, how):
            begun = time.monotonic()
            with pytest.raises(ConferencesError, match="locked"):
                record(journal)
            assert 0.2 <= time.monotonic() - begun < 2
        assert record(journal) == 1


def test_a_reader_outlasts_no_record(journal: Journal, path: Path) -> None:
    """Who reads keeps a commit from ending, not from beginning."""
    record(journal, 1)
    with held(path, "DEFERRED") as reader:
        reader.execute("SELECT * FROM entries").fetchall()
        threading.Timer(0.3, reader.rollback).start()
        record(journal, 2)
    assert numbers(journal) == [2, 1]


@pytest.mark.parametrize("begun_already", [True, False], ids=["a journal", "nothing yet"])
def test_a_journal_is_made_and_closed_while_another_process_writes(path: Path, begun_already: bool) -> None:
    if begun_already:
        Journal(path, HOST).close()
    with held(path, "EXCLUSIVE") as other:
        begun = time.monotonic()
        Journal(path, HOST).close()
        journal = Journal(path, HOST)
        assert time.monotonic() - begun < 1
        other.rollback()
    with contextlib.closing(journal):
        assert record(journal) == 1


def test_a_journal_is_closed_while_a_thread_waits_for_the_file(path: Path) -> None:
    journal = Journal(path, HOST, 30)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            record(journal)
        except ConferencesError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    with held(path):
        thread.start()
        time.sleep(0.1)
        begun = time.monotonic()
        journal.close()
        assert time.monotonic() - begun < 1
        thread.join(5)
        assert not thread.is_alive()
    [error] = raised
    assert "closed" in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_asynchronous_client_does_not_wait_for_another_process_in_the_event_loop(
    server: MockServer, path: Path
) -> None:
    Journal(path, HOST).close()
    with held(path, "EXCLUSIVE") as other:
        begun = time.monotonic()
        client = AsyncRestClient(server.project, server.token, server.host, journal=path)
        await client.close()
        assert time.monotonic() - begun < 1
        async with AsyncRestClient(server.project, server.token, server.host, journal=path) as client:
            other.rollback()
            await client.video.conferences.update(ID, layout="5up")
    assert query(path, "SELECT outcome FROM entries") == [("applied",)]


# --- versions ---------------------------------------------------------------------------------------------


def first_version(path: Path, entries: list[tuple[str, str, int]], outcome: str = "applied") -> None:
    """A journal of 0.1.0 with these entries: host, conference, number."""
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.executescript(FIRST_SCHEMA)
        now = "2026-01-02T03:04:05.678901+00:00"
        for host, conference_id, number in entries:
            before = json.dumps({"layout": "2x2", "number": number})
            old.execute(FIRST_INSERT, (host, conference_id, now, before, '{"layout": "5up"}', outcome))


def test_a_journal_of_the_first_version_is_read_and_goes_on(path: Path) -> None:
    first_version(path, [(HOST, ID, 1), ("another", ID, 2), (HOST, ID, 3)])
    with contextlib.closing(Journal(path, HOST)) as journal:
        latest, earliest = journal.history(ID)
        assert (latest.id, latest.conference_id, latest.outcome) == (3, ID, "applied")
        assert latest.changes == {"layout": ("2x2", "5up")}
        assert latest.masked == frozenset()
        assert earliest.recorded_at.isoformat() == "2026-01-02T03:04:05.678901+00:00"
        assert record(journal, 4) == 4
        assert numbers(journal) == [4, 3, 1]
    with contextlib.closing(Journal(path, "another")) as journal:
        assert numbers(journal) == [2]
    assert query(path, "PRAGMA user_version") > [(0,)]


def test_a_change_of_the_first_version_is_taken_back(server: MockServer, path: Path) -> None:
    with ours("sync", server, journal=path) as client:
        client.update(ID, layout="5up")
    rows = query(path, "SELECT host, conference_id, recorded_at, before, after, outcome FROM entries")
    path.unlink()
    query(path, "SELECT 1")
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.executescript(FIRST_SCHEMA)
        old.executemany(FIRST_INSERT, rows)
    with ours("sync", server, journal=path) as client:
        assert client.undo(ID)["layout"] == "2x2"
    assert server.store[ID]["layout"] == "2x2"


def test_clients_of_the_first_version_go_on_writing(journal: Journal, path: Path) -> None:
    record(journal, 1)
    first_version(path, [(HOST, ID, 2)])
    query(path, "DELETE FROM entries WHERE recorded_at < ?", "2020-01-01T00:00:00+00:00")
    query(path, "DELETE FROM entries WHERE entry <= ?", 0)
    record(journal, 3)
    assert numbers(journal) == [3, 2, 1]


def test_several_processes_upgrade_one_file_at_once(path: Path) -> None:
    first_version(path, [("HOST:443", ID, number) for number in range(300)])
    code = """
import sys
from pathlib import Path
from signalwire_conferences.journal import Journal
from signalwire_conferences.journal_file import _Work
sys.stdin.readline()
print(len(Journal(Path(sys.argv[1]), "host").history(sys.argv[2])))
"""
    several = [spawned(code, path, ID, stdin=subprocess.PIPE) for _ in range(4)]
    for each in several:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    assert finished(several) == ["300\n"] * 4
    assert query(path, "SELECT DISTINCT host FROM entries") == [("host",)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    first_version(path, [("HOST:443", ID, 1)])
    query(path, "CREATE TRIGGER no BEFORE UPDATE ON entries BEGIN SELECT raise(ABORT, 'no'); END")
    before = path.read_bytes()
    with pytest.raises(ConferencesError, match="no"):
        Journal(path, HOST)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [2, 7, 2**31 - 1])
@pytest.mark.parametrize("style", STYLES)
def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(
    style: str, server: MockServer, path: Path, version: int
) -> None:
    Journal(path, HOST).close()
    [(ours_is,)] = query(path, "PRAGMA user_version")
    version = max(version, ours_is + 1)
    query(path, f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(ConferencesError) as caught, ours(style, server, journal=path):
        pass
    for told in (repr(str(path)), f"version {version}", f"version {ours_is}"):
        assert told in caught.value.message
    assert "newer" in caught.value.advice
    assert "another path" in caught.value.advice
    assert path.read_bytes() == before


def test_a_file_that_has_no_tables_yet_but_is_marked_by_something_else_is_left_alone(path: Path) -> None:
    for pragma in ("application_id", "user_version"):
        query(path, f"PRAGMA {pragma} = 5")
        before = path.read_bytes()
        with pytest.raises(ConferencesError, match="another program"):
            Journal(path, HOST)
        assert path.read_bytes() == before
        path.unlink()


def test_a_link_to_a_file_that_is_not_there_yet_is_followed(path: Path) -> None:
    target = path.with_name("target")
    path.symlink_to(target)
    with contextlib.closing(Journal(path, HOST)) as journal:
        record(journal)
    assert target.stat().st_mode & 0o777 == 0o600
    wait_for(lambda: query(target, "SELECT count(*) FROM entries") == [(1,)])


# --- one spelling of a host -------------------------------------------------------------------------------

SPELLINGS = {
    "space.signalwire.com": [
        "space.signalwire.com:443",
        "SPACE.Signalwire.com",
        "space.signalwire.com.",
        "space.signalwire.com.:443",
        "space.signalwire.com:0443",
    ],
    "space.signalwire.com:80": ["Space.signalwire.com.:80"],
    "localhost": ["LOCALHOST:80", "localhost.", "localhost.:80"],
    "localhost:443": ["Localhost.:443"],
    "127.0.0.1": ["127.0.0.1:80"],
    "[::1]": ["[::1]:80", "[0:0:0:0:0:0:0:1]", "[0000::0001]:80", "::1"],
    "[::1]:8080": ["[0::1]:8080"],
    "[2001:db8::1]": ["[2001:DB8:0:0::1]:443", "[2001:0db8::0001]"],
}


@pytest.mark.parametrize(("host", "other"), [(host, other) for host, others in SPELLINGS.items() for other in others])
def test_a_host_has_one_history_however_it_is_spelled(path: Path, host: str, other: str) -> None:
    with contextlib.closing(Journal(path, other)) as journal:
        record(journal, 1)
    with contextlib.closing(Journal(path, host)) as journal:
        record(journal, 2)
        assert numbers(journal) == [2, 1]
    assert query(path, "SELECT DISTINCT host FROM entries") == [(host,)]


def test_an_old_journal_has_one_history_for_each_host_too(path: Path) -> None:
    hosts = [each for host, others in SPELLINGS.items() for each in (host, *others)]
    first_version(path, [(host, ID, number) for number, host in enumerate(hosts)])
    for host, others in SPELLINGS.items():
        with contextlib.closing(Journal(path, others[0])) as journal:
            expected = [number for number, each in enumerate(hosts) if each in (host, *others)]
            assert numbers(journal) == expected[::-1]


@pytest.mark.parametrize("call", ["update", "history"])
def test_a_cancellation_does_not_wait_for_a_busy_file(server: MockServer, path: Path, call: str) -> None:
    async def timed() -> float:
        async with AsyncRestClient(server.project, server.token, server.host, journal=path, timeout=20) as client:
            conferences = client.video.conferences
            await conferences.update(ID, layout="5up")
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                start = time.monotonic()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await (conferences.history(ID) if call == "history" else conferences.update(ID, layout="3x3"))
                return time.monotonic() - start

    assert asyncio.run(timed()) < 10
    assert server.store[ID]["layout"] == "5up"


# --- many threads ---------------------------------------------------------------------------------------------


def test_what_threads_wait_to_write_is_written_together(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def note(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(lambda said: begun.append(said) if said.startswith("BEGIN") else None)

    each_connection(monkeypatch, note)
    threads = [threading.Thread(target=record, args=(journal, number)) for number in range(8)]
    with journal_file._lock:
        for thread in threads:
            thread.start()
        wait_for(lambda: len(journal._queued) == 8)
    for thread in threads:
        thread.join()
    assert len(begun) == 1
    assert sorted(numbers(journal)) == [*range(8)]


def ten(journal: Journal) -> None:
    for number in range(10):
        record(journal, number)


def test_what_fails_of_one_thread_fails_no_other(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    each_connection(monkeypatch, lambda _: time.sleep(0.02))
    failed: list[Exception] = []

    def fail() -> None:
        for _ in range(10):
            with pytest.raises(ZeroDivisionError) as caught:
                journal._transact(lambda _: 1 / 0, ID)
            failed.append(caught.value)

    threads = [threading.Thread(target=ten, args=(journal,)) for _ in range(4)]
    threads += [threading.Thread(target=fail) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers(journal)) == 40
    assert len(failed) == 20


def test_a_busy_file_fails_each_that_waits_and_none_is_written_later(journal: Journal, path: Path) -> None:
    journal._timeout = 0.3
    errors: list[ConferencesError] = []

    def refused() -> None:
        with pytest.raises(ConferencesError, match="locked") as caught:
            record(journal, 1)
        errors.append(caught.value)

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        threads = [threading.Thread(target=refused) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(errors) == 5
    record(journal, 1)
    assert len(numbers(journal)) == 1


def test_a_forked_process_leaves_to_its_parent_what_threads_of_that_wait_to_write(journal: Journal) -> None:
    done: list[str] = []
    journal._queued.append(_Work(lambda _: done.append("by the child")))
    record(journal, 1)
    assert done == ["by the child"]  # it is one process yet
    journal._queued.append(_Work(lambda _: done.append("by the child")))
    journal._process -= 1
    record(journal, 2)
    assert done == ["by the child"]
    assert len(numbers(journal)) == 2
