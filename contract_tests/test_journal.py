"""The journal: before-images that are there when they are needed, whatever happens."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import random
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import LONG, TOKEN
from processes import STYLES, Ours, each_connection, finished, ours, read_only, spawned, wait_for, without_waiting
from signalwire_conferences import ConferencesError, ConflictError, TransportError, UnsafeUpdateError, VerificationError
from signalwire_conferences import journal as journals
from signalwire_conferences.journal import Journal
from signalwire_conferences.steps import Record, Settle
from signalwire_conferences_testing.mock import Fault, MockServer, Store

ID = "conference-id"


@pytest.fixture
def server() -> Iterator[MockServer]:
    conferences = [{"id": ID, "layout": "2x2", "size": "large", "description": "first"}]
    with MockServer(conferences, token=TOKEN) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conferences.sqlite"


@pytest.fixture(params=STYLES)
def ours_of(request: pytest.FixtureRequest, server: MockServer, path: Path) -> Iterator[Ours]:
    """A client with a journal, blocking or awaited."""
    with ours(request.param, server, journal=path, retries=1) as client:
        yield client


@pytest.fixture
def client(server: MockServer, path: Path) -> Iterator[Ours]:
    """A client with a journal, where what is tried has no other way in the other client."""
    with ours("sync", server, journal=path, retries=1) as made:
        yield made


def rows(path: Path, columns: str = "before, outcome") -> list[tuple[Any, ...]]:
    """What is on disk, seen by somebody else."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        return other.execute(f"SELECT {columns} FROM entries ORDER BY entry").fetchall()


def entries(client: Ours) -> list[tuple[dict[str, Any], str]]:
    """History as field -> (before, after), with the outcome; the latest first."""
    return [
        ({name: tuple(change) for name, change in entry.changes.items()}, entry.outcome) for entry in client.history(ID)
    ]


def puts(server: MockServer) -> int:
    return sum(request.method == "PUT" for request in server.requests)


# --- what is kept, and when ---------------------------------------------------------------------------


def test_the_before_image_is_committed_before_the_put_leaves_and_marked_after_verification(
    ours_of: Ours, server: MockServer, path: Path
) -> None:
    seen: list[tuple[Any, ...]] = []
    server.faults.add(Fault.foreign_write(lambda _store: seen.extend(rows(path))), "PUT")
    before = server.store[ID]
    ours_of.update(ID, layout="5up")
    [(image, outcome)] = seen
    assert json.loads(image) == before
    assert outcome == "unknown"
    assert [outcome for _, outcome in rows(path)] == ["applied"]


def test_what_failed_its_verification_is_journaled_as_carried_out(ours_of: Ours, server: MockServer) -> None:
    server.faults.add(Fault.field_changed("size", "small"), "PUT")
    with pytest.raises(VerificationError):
        ours_of.update(ID, layout="5up")
    assert entries(ours_of) == [({"layout": ("2x2", "5up"), "size": ("large", "small")}, "applied")]
    ours_of.undo(ID)
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("2x2", "large")


def test_history_tells_when_what_and_whether_the_outcome_is_known(ours_of: Ours, server: MockServer) -> None:
    start = datetime.datetime.now(datetime.UTC)
    before = server.store[ID]
    ours_of.update(ID, layout="5up", size="small")
    ours_of.update(ID, layout="5up")  # nothing to change
    ours_of.update(ID, description=None)
    latest, between, earliest = ours_of.history(ID)
    assert (dict(between.changes), between.outcome) == ({}, "unchanged")
    assert dict(earliest.changes) == {"layout": ("2x2", "5up"), "size": ("large", "small")}
    assert dict(latest.changes) == {"description": ("first", None)}
    assert start <= earliest.recorded_at <= latest.recorded_at <= datetime.datetime.now(datetime.UTC)
    assert earliest.before == before
    assert earliest.outcome == latest.outcome == "applied"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.drop_before(), "not applied"),
        (Fault.status(503), "not applied"),
        (Fault.status(422), "not applied"),
        (Fault.drop_after(), "applied"),
        (Fault.html(), "applied"),
    ],
    ids=str,
)
def test_an_outcome_that_a_later_read_tells_is_known(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch, fault: Fault, outcome: str
) -> None:
    without_waiting(monkeypatch)
    server.faults.add(fault, "PUT")
    with contextlib.suppress(ConferencesError):
        ours_of.update(ID, layout="5up")
    assert entries(ours_of)[-1] == ({"layout": ("2x2", "5up")}, outcome)


def test_an_outcome_that_nobody_could_read_stays_unknown_and_can_be_undone(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waiting(monkeypatch)
    server.faults.add(Fault.drop_after(), "PUT")
    server.faults.add(Fault.status(503), "GET", at=2, times=2)
    with pytest.raises(TransportError, match="unknown"):
        ours_of.update(ID, layout="5up")
    assert entries(ours_of) == [({"layout": ("2x2", "5up")}, "unknown")]
    assert ours_of.undo(ID)["layout"] == "2x2"
    assert server.store[ID]["layout"] == "2x2"


def test_the_undo_of_an_unknown_outcome_that_never_was_changes_nothing(
    ours_of: Ours, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waiting(monkeypatch)
    server.faults.add(Fault.drop_before(), "PUT")
    server.faults.add(Fault.status(503), "GET", at=2, times=2)
    with pytest.raises(TransportError):
        ours_of.update(ID, layout="5up")
    ours_of.undo(ID)
    assert puts(server) == 1
    assert server.store[ID]["layout"] == "2x2"


def test_the_history_of_one_conference_or_space_is_not_that_of_another(
    client: Ours, server: MockServer, path: Path
) -> None:
    server.store.add({"id": "ANOTHER-id", "name": "another"})
    client.update("ANOTHER-id", layout="5up")
    assert client.history(ID) == []
    assert len(client.history("ANOTHER-id")) == 1
    with contextlib.closing(Journal(path, "elsewhere.signalwire.com")) as other:
        assert other.history("ANOTHER-id") == []


def test_without_a_journal_history_and_undo_say_how_to_have_one(server: MockServer) -> None:
    with ours("sync", server) as bare:
        for method in (bare.history, bare.undo):
            with pytest.raises(ConferencesError, match="journal="):
                method(ID)


# --- undo ---------------------------------------------------------------------------------------------


def test_undo_takes_the_last_change_back_and_an_undo_can_be_undone_by_name(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, layout="5up", size="small")
    before = server.store[ID]
    ours_of.update(ID, layout="3x3", description=None, dark_primary="#00ff00")
    after = server.store[ID]
    for number, expected in enumerate((before, after, before, after)):
        undo = ours_of.history(ID)[0].id
        result = ours_of.undo(entry=undo) if number % 2 else ours_of.undo(ID)
        now = server.store[ID]
        assert {**now, "updated_at": ""} == {**expected, "updated_at": ""}
        assert result.to_dict() == now


def test_undo_keeps_what_others_changed_in_other_fields(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, layout="5up", size="small", description=None)
    server.store.patch(ID, {"quality": "720p", "display_name": "Theirs"})
    ours_of.undo(ID)
    now = server.store[ID]
    assert (now["layout"], now["size"], now["description"]) == ("2x2", "large", "first")
    assert (now["quality"], now["display_name"]) == ("720p", "Theirs")


def test_undo_refuses_to_trample_a_later_change(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, layout="5up", size="small")
    server.store.patch(ID, {"layout": "3x3"})
    now = server.store[ID]
    with pytest.raises(ConflictError) as caught:
        ours_of.undo(ID)
    [conflict] = caught.value.conflicts
    told = (conflict.field, conflict.before, conflict.theirs, conflict.ours)
    assert told == ("layout", "5up", "3x3", "2x2")
    assert server.store[ID] == now


def test_what_others_took_back_already_needs_no_undo(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, layout="5up", size="small")
    server.store.patch(ID, {"layout": "2x2"})
    ours_of.undo(ID)
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("2x2", "large")


def test_undo_passes_over_what_was_not_applied(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, layout="5up")
    server.faults.add(Fault.status(422), "PUT")
    with pytest.raises(ConferencesError):
        ours_of.update(ID, size="small")
    ours_of.undo(ID)
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("2x2", "large")


def test_undo_passes_over_what_changed_nothing(ours_of: Ours, server: MockServer) -> None:
    server.store.patch(ID, {"record_on_start": False})
    ours_of.update(ID, layout="5up")
    ours_of.update(ID, record_on_start=None)
    assert server.requests[-1].method == "PUT"
    assert ours_of.undo(ID)["layout"] == "2x2"


def test_undo_of_a_replace_brings_everything_back(ours_of: Ours, server: MockServer) -> None:
    before = server.store[ID]
    ours_of.replace(ID, {"display_name": "Bare"})
    assert server.store[ID]["description"] is None
    ours_of.undo(ID)
    assert {**server.store[ID], "updated_at": ""} == {**before, "updated_at": ""}


def test_a_null_that_no_put_can_bring_back_is_refused(ours_of: Ours, server: MockServer) -> None:
    server.store.patch(ID, {"size": None})
    ours_of.update(ID, size="small", layout="5up")
    number = puts(server)
    with pytest.raises(UnsafeUpdateError) as caught:
        ours_of.undo(ID)
    assert caught.value.at_risk.keys() == {"size"}
    assert puts(server) == number


def test_with_nothing_to_undo_it_says_so(ours_of: Ours, server: MockServer) -> None:
    with pytest.raises(ConferencesError, match="no change of conference"):
        ours_of.undo(ID)
    assert server.requests == []


# --- the file -----------------------------------------------------------------------------------------


def record(number: int = 0, conference_id: str = ID) -> Record:
    return Record(conference_id, {"layout": "2x2", "number": number}, {"layout": "5up"})


def test_entries_are_pruned_by_age(path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    with contextlib.closing(Journal(path, "host")) as journal:
        for days in (91, 89, 0):
            entry = journal.carry_out(record(days))
            written = (now - datetime.timedelta(days=days)).isoformat()
            with contextlib.closing(sqlite3.connect(path)) as other, other:
                other.execute("UPDATE entries SET recorded_at = ? WHERE entry = ?", (written, entry))
        assert [entry.before["number"] for entry in journal.history(ID)] == [0, 89]


def test_entries_are_pruned_by_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_KEPT_CHANGE_SETS", 15)
    with contextlib.closing(Journal(path, "host")) as journal:
        for number in range(1, 43):
            journal.carry_out(record(number))
        kept = [entry.before["number"] for entry in journal.history(ID)]
    assert kept == list(range(42, 27, -1))


def test_no_credential_is_in_any_file(client: Ours, server: MockServer, path: Path) -> None:
    server.faults.add(Fault.status(422), "PUT")
    with pytest.raises(ConferencesError):
        client.update(ID, layout="5up")
    client.update(ID, layout="5up")
    client.undo(ID)
    pair = base64.b64encode(f"{server.project}:{TOKEN}".encode())
    for file in path.parent.iterdir():
        assert not {secret for secret in (TOKEN.encode(), pair) if secret in file.read_bytes()}, file


posix = pytest.mark.skipif(os.name != "posix", reason="no file modes here")


@posix
def test_the_file_and_its_side_files_are_for_their_owner_only(path: Path) -> None:
    mask = os.umask(0)
    try:
        with contextlib.closing(Journal(path, "host")) as journal:
            journal.carry_out(record())

            def in_the_middle(connection: sqlite3.Connection) -> dict[str, int]:
                connection.execute("DELETE FROM entries")  # a transaction under way has a side file
                return {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

            modes = journal._transact(in_the_middle, None)
    finally:
        os.umask(mask)
    assert len(modes) > 1
    assert set(modes.values()) == {0o600}


@posix
def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.touch(0o644)
    Journal(path, "host").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o664)
    Journal(path, "host").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_what_a_crash_left_behind_is_for_its_owner_only(path: Path) -> None:
    mask = os.umask(0)
    try:
        code = """
import os, sys
from pathlib import Path
from signalwire_conferences.journal import Journal
from signalwire_conferences.steps import Record
journal = Journal(Path(sys.argv[1]), "host")
journal.carry_out(Record("conference-id", {"layout": "2x2"}, {"layout": "5up"}))

def half(connection):
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("UPDATE entries SET before = before || 'half'")
    os._exit(0)

journal._transact(half, None)
"""
        finished([spawned(code, path)])
    finally:
        os.umask(mask)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    with contextlib.closing(Journal(path, "host")) as journal:
        assert [entry.before for entry in journal.history(ID)] == [{"layout": "2x2"}]


# --- when it cannot be written ------------------------------------------------------------------------


def no_database(path: Path) -> None:
    path.write_bytes(b"a letter to grandmother, which is no database at all" * 100)


def another_database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE entries (shopping TEXT)")


def no_folder(path: Path) -> None:
    path.parent.rmdir()


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [no_database, another_database, no_folder, a_folder])
@pytest.mark.parametrize("style", STYLES)
def test_a_client_cannot_be_built_on_what_is_no_journal(style: str, server: MockServer, path: Path, spoil: Any) -> None:
    spoil(path)
    content = path.read_bytes() if path.is_file() else b""
    with pytest.raises(ConferencesError) as caught, ours(style, server, journal=path):
        pass
    assert str(path) in str(caught.value)
    assert caught.value.advice
    assert server.requests == []
    assert (path.read_bytes() if path.is_file() else b"") == content


def full(_journal: Journal, patch: pytest.MonkeyPatch) -> None:
    # SQLite takes this for the number of pages that there are.
    each_connection(patch, lambda connection: connection.execute("PRAGMA max_page_count = 1"))


def written_no_more(_journal: Journal, patch: pytest.MonkeyPatch) -> None:
    each_connection(patch, read_only)


def busy(journal: Journal, _patch: pytest.MonkeyPatch) -> None:
    journal._timeout = 0.05
    other = sqlite3.connect(journal._path)
    other.execute("BEGIN EXCLUSIVE")
    HELD.append(other)


HELD: list[sqlite3.Connection] = []


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    yield
    for connection in HELD:
        connection.close()
    HELD.clear()


@pytest.mark.parametrize("spoil", [full, written_no_more, busy])
def test_without_its_before_image_no_put_is_sent(
    ours_of: Ours, server: MockServer, spoil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, a file that became read-only, another process that does not let go."""
    before: list[dict[str, Any]] = []

    def update_often() -> None:
        for number in range(20):
            before[:] = [server.store[ID]]
            ours_of.update(ID, description=f"number {number}")

    spoil(ours_of.client._transport.journal, monkeypatch)
    with pytest.raises(ConferencesError, match="journal") as caught:
        update_often()
    assert "PUT was not sent" in caught.value.state
    assert caught.value.conference_id == ID
    assert [server.store[ID]] == before
    assert server.requests[-1].method == "GET"


def test_a_journal_that_fails_after_the_put_takes_nothing_from_the_result(
    ours_of: Ours, server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        server.faults.add(Fault.foreign_write(lambda _store: each_connection(patch, read_only)), "PUT")
        assert ours_of.update(ID, layout="5up")["layout"] == "5up"
    assert "unknown outcome" in caplog.text
    assert entries(ours_of) == [({"layout": ("2x2", "5up")}, "unknown")]
    assert ours_of.undo(ID)["layout"] == "2x2"


@posix
def test_what_is_no_regular_file_is_refused_and_left_as_it_is(server: MockServer, path: Path) -> None:
    os.mkfifo(path, 0o666)
    mode = path.stat().st_mode
    with pytest.raises(ConferencesError, match="not a regular file"), ours("sync", server, journal=path):
        pass
    assert path.stat().st_mode == mode


def test_a_file_with_a_name_that_sqlite_takes_for_something_else_is_a_file(
    server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ours("sync", server, journal=":memory:") as client:
        client.update(ID, layout="5up")
    with ours("sync", server, journal=":memory:") as client:
        assert client.undo(ID)["layout"] == "2x2"


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_to_write_is_named(server: MockServer, path: Path) -> None:
    path.parent.chmod(0o500)
    with pytest.raises(ConferencesError, match="journal"), ours("sync", server, journal=path):
        pass


# --- several at once ----------------------------------------------------------------------------------

NUMBERS = range(12)
OPEN = """
import os, sqlite3, sys
from pathlib import Path
from signalwire_conferences.journal import Journal
from signalwire_conferences.steps import Record, Settle
path, name = sys.argv[1:]
journal = Journal(Path(path), "host")
"""
FORK = """
made = []
connect = sqlite3.connect

def noted(*args, **options):
    made.append((os.getpid(), connect(*args, **options)))
    return made[-1][1]

sqlite3.connect = noted
journal.history("")
[(_, inherited)] = made
child = os.fork()
name = "parent" if child else "child"
"""
WRITE = f"""
for number in {NUMBERS}:
    entry = journal.carry_out(Record(name, {{"layout": "2x2", "number": number}}, {{"layout": "5up"}}))
    journal.carry_out(Settle(entry, applied=number % 2 == 0))
"""
JOIN = """
assert {process for process, _ in made[1:]} == {os.getpid()}
for _, connection in made:
    try:
        connection.execute("SELECT 1")
        sys.exit("a connection is open after its transaction")
    except sqlite3.ProgrammingError:
        pass
if not child:
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def complete(path: Path, names: list[str]) -> None:
    with contextlib.closing(Journal(path, "host")) as journal:
        for name in names:
            found = [(entry.before["number"], entry.outcome) for entry in journal.history(name)]
            assert found == [(number, "not applied" if number % 2 else "applied") for number in reversed(NUMBERS)]
    sound(path)


def sound(path: Path) -> None:
    assert rows(path, "count(*)")
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_several_processes_may_begin_and_write_the_same_file_at_once(path: Path) -> None:
    names = [f"conference-{number}" for number in range(4)]
    finished([spawned(OPEN + WRITE, path, name) for name in names])
    complete(path, names)


def test_several_threads_may_write_through_one_client(path: Path) -> None:
    names = [f"conference-{number}" for number in range(8)]
    journal = Journal(path, "host")

    def work(name: str) -> None:
        for number in NUMBERS:
            entry = journal.carry_out(record(number, name))
            assert entry is not None
            journal.carry_out(Settle(entry, applied=number % 2 == 0))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    complete(path, names)


def test_a_forked_process_writes_through_a_connection_of_its_own(path: Path) -> None:
    """In a process of its own, as a fork copies whatever else the tests are doing."""
    finished([spawned(OPEN + FORK + WRITE + JOIN, path, "")])
    complete(path, ["parent", "child"])


# --- kill -9 ------------------------------------------------------------------------------------------

UPDATER = """
import itertools, sys
from signalwire_conferences import RestClient
project, token, host, path, start = sys.argv[1:]
with RestClient(project, token, host, journal=path) as client:
    for number in itertools.count(int(start)):
        client.video.conferences.update("conference-id", description=f"number {number}")
        print(number, flush=True)
"""


def killed(server: MockServer, path: Path, rounds: int) -> None:
    """Kills an updater at any instant, again and again, and looks at what it left."""
    images: list[dict[str, Any]] = []
    # The mock's own record of what was there before each PUT.
    server.faults.add(Fault.foreign_write(lambda store: images.append(store[ID])), "PUT", times=None)
    known: list[tuple[Any, ...]] = []
    arguments = (server.project, server.token, server.host, path)
    for turn in range(rounds):
        updater = spawned(UPDATER, *arguments, turn * 1_000_000)
        assert updater.stdout is not None
        assert updater.stdout.readline()
        time.sleep(random.Random(turn).uniform(0, 0.05))
        updater.kill()
        updater.communicate()
        seen = len(images)
        sound(path)
        left = rows(path, "entry, before, after")
        assert left[: len(known)] == known, "an entry was lost or changed"
        known = left
        kept = [json.loads(before) for _, before, _ in left]
        # Every PUT has its before-image, in the order of the PUTs.
        rest = iter(kept)
        for image in images[:seen]:
            assert any(image == each for each in rest), f"no before-image of {image['description']}"
    assert len(images) > rounds
    with ours("sync", server, journal=path) as client:
        before, now = client.history(ID)[0].before, server.store[ID]
        if before["description"] != now["description"]:
            assert client.undo(ID)["description"] == before["description"]


def test_a_process_killed_at_any_instant_loses_no_before_image(server: MockServer, path: Path) -> None:
    killed(server, path, 4)


@pytest.mark.long
@pytest.mark.skipif(not LONG, reason="takes a minute")
def test_sixty_processes_killed_at_any_instant_lose_no_before_image(server: MockServer, path: Path) -> None:
    killed(server, path, 60)


def test_undo_works_after_a_crash_between_the_put_and_its_answer(server: MockServer, path: Path) -> None:
    store: Store = server.store
    before = store[ID]
    server.faults.add(Fault.hang_after(), "PUT")
    updater = spawned(UPDATER, server.project, server.token, server.host, path, 0)
    wait_for(lambda: store[ID]["description"] == "number 0")
    updater.kill()
    updater.communicate()
    with ours("sync", server, journal=path) as client:
        assert client.history(ID)[0].outcome == "unknown"
        client.undo(ID)
    assert {**store[ID], "updated_at": ""} == {**before, "updated_at": ""}
