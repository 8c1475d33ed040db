"""The journal under load: processes, threads, forks and kill -9 on one file, and no before-image is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import LONG
from processes import spawned
from signalwire_conferences_testing.mock import Fault, MockServer, Store

WORKERS, THREADS = 2, 3

# Each thread makes a client of its own again and again, and forks now and then; whatever was done is
# a line in the log.
WORKER = """
import os, random, signal, sys, threading, time, traceback, warnings
from pathlib import Path
from signalwire_conferences import RestClient
from signalwire_conferences.journal import Journal
from signalwire_conferences.steps import Record, Settle

project, token, host, path, log, name, threads, end = sys.argv[1:]
lines = os.open(log, os.O_WRONLY | os.O_APPEND)
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, which is meant

def note(*words):
    os.write(lines, (" ".join(map(str, words)) + "\\n").encode())

def guarded(work, *arguments):
    try:
        work(*arguments)
    except BaseException:
        note("error", repr(traceback.format_exc()))
        return 1
    return 0

def in_child(key, inherited):
    with_own = Journal(Path(path), "forked")
    for journal in (inherited, with_own, inherited):
        entry = journal.carry_out(Record(key, {"description": key}, {}))
        journal.carry_out(Settle(entry, True))
        note("recorded", key, entry)
        if not journal.history(key):
            raise AssertionError("no history")

def fork(key, inherited):
    child = os.fork()
    if not child:
        signal.alarm(60)
        os._exit(guarded(in_child, key, inherited))
    note("forked", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

def updating(conference_id):
    random.seed(conference_id)
    count = 0
    while time.time() < float(end):
        with RestClient(project, token, host, journal=path) as client:
            for _ in range(random.randrange(1, 6)):
                count += 1
                client.video.conferences.update(conference_id, description=f"number {count}")
                if random.random() < 0.1:
                    fork(f"{conference_id}-{count}", client._transport.journal)

working = [
    threading.Thread(target=guarded, args=(updating, f"{name}-{number}"))
    for number in range(int(threads))
]
for thread in working:
    thread.start()
for thread in working:
    thread.join()
"""


@pytest.mark.skipif(os.name != "posix", reason="no forks here")
@pytest.mark.parametrize(
    "seconds", [5, pytest.param(60, marks=[pytest.mark.long, pytest.mark.skipif(not LONG, reason="takes a minute")])]
)
def test_processes_threads_forks_and_kills_lose_no_before_image(tmp_path: Path, seconds: int) -> None:
    path, log = tmp_path / "conferences.sqlite", tmp_path / "log"
    log.touch()
    images: list[tuple[str, Any]] = []
    with MockServer([]) as server:
        # The mock's own record of what was there before each PUT: each thread has a conference of its own.
        last: dict[str, Any] = {}

        def look(store: Store, newest: int = 12 * THREADS) -> None:
            for each in list(last)[-newest:]:
                now = store[each]["description"]
                if now != last[each]:
                    images.append((each, last[each]))
                    last[each] = now

        def started(name: str) -> subprocess.Popen[str]:
            for thread in range(THREADS):
                server.store.add({"id": f"{name}-{thread}", "name": f"{name}-{thread}", "description": "new"})
                last[f"{name}-{thread}"] = "new"
            arguments = (server.project, server.token, server.host, path, log, name, THREADS, end)
            return spawned(WORKER, *arguments)

        server.faults.add(Fault.foreign_write(look), "PUT", times=None)
        end = time.time() + seconds
        killed = work(started, end)
        look(server.store, len(last))
    lines = log.read_text().splitlines()
    assert [line for line in lines if line.startswith("error")] == []
    forked = [line for line in lines if line.startswith("forked")]
    assert set(forked) == {"forked 0"}
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = other.execute("SELECT entry, host, conference_id, before, outcome FROM entries").fetchall()
    recorded = {(key, entry): outcome for entry, _, key, _, outcome in rows}
    reported = [(key, int(entry)) for key, entry in (line.split()[1:] for line in lines if line.startswith("recorded"))]
    oldest = max(entry for _, entry in recorded) - 9_000  # a host keeps 10,000
    assert [each for each in reported if each[1] > oldest and recorded.get(each) != "applied"] == []
    kept = {(key, json.loads(before)["description"]) for _, _, key, before, _ in rows}
    # Every PUT has its before-image; some were recorded for a PUT that never left.
    assert [image for image in images[-7_000:] if image not in kept] == []
    print(f"{len(images)} PUTs, {len(forked)} forks, {killed} kills")
    assert len(images) > seconds
    assert len(forked) > seconds / 5
    assert killed > seconds / 5


def work(started: Callable[[str], subprocess.Popen[str]], end: float) -> int:
    """Workers at work until then, one of them killed and replaced at random; how many were."""
    chance = random.Random(5)
    workers = [started(f"worker-{number}") for number in range(WORKERS)]
    killed = 0
    try:
        while time.time() < end - 1:
            time.sleep(chance.uniform(0.5, 1.5))
            victim = chance.randrange(WORKERS)
            workers[victim].kill()
            workers[victim].communicate()
            killed += 1
            workers[victim] = started(f"worker-{WORKERS - 1 + killed}")
        for each in workers:
            each.communicate(timeout=90)
            assert each.returncode == 0
    finally:
        for each in workers:
            each.kill()
            each.communicate()
    return killed
