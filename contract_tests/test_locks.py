"""`lock=`: whoever holds the same lock loses nothing, with the locks that people have."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from pages import Page
from processes import each_connection, finished, ours, postgres, read_only, redis_url, spawned, without_waiting
from signalwire_conferences import ConferencesError
from signalwire_conferences_testing.mock import Call, Fault, MockServer

ID = "conference-id"
RECIPES = Page.read("overrides/RECIPES.md").blocks
BLOCKS = [block.code for block in RECIPES if block.section == "Two teams and a lock"]


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "10x10"}]) as running:
        yield running


# --- when a lock is held ------------------------------------------------------------------------------


@define
class Watched:
    """A lock for either client that knows who took it, and tells of what happens under it.

    Attributes:
        taken: the ids it was asked for.
        log: each request, and each taking and giving back.
    """

    taken: list[str] = field(factory=list)
    log: list[str] = field(factory=list)
    refuses: bool = False

    def watch(self, server: MockServer) -> None:
        server.faults.add(Fault.latency(0), times=None, where=self._request)

    def _request(self, call: Call) -> bool:
        self.log.append(call.method)
        return False

    def __call__(self, conference_id: str) -> Watched:
        self.taken.append(conference_id)
        return self

    def __enter__(self) -> None:
        if self.refuses:
            raise BlockingIOError("somebody else has it")
        self.log.append("take")

    def __exit__(self, *_error: object) -> None:
        self.log.append("give")

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, *_error: object) -> None:
        self.__exit__()


@pytest.fixture
def lock(server: MockServer) -> Watched:
    watched = Watched()
    watched.watch(server)
    return watched


def test_the_lock_is_asked_for_by_id_and_held_from_read_to_verification(
    style: str, server: MockServer, lock: Watched
) -> None:
    with ours(style, server, lock=lock) as client:
        client.update(ID, layout="5up")
        assert lock.taken == [ID]
        assert lock.log == ["take", "GET", "PUT", "give"]


def test_it_is_held_through_the_repeats_of_an_unknown_outcome(
    style: str, server: MockServer, lock: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waiting(monkeypatch).during = lambda _seconds: lock.log.append("wait")
    server.faults.add(Fault.drop_before(), "PUT")
    with ours(style, server, lock=lock) as client:
        client.update(ID, layout="5up")
    assert lock.log == ["take", "GET", "PUT", "wait", "GET", "PUT", "give"]


def test_it_is_not_held_while_confirm_waits(
    style: str, server: MockServer, lock: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = without_waiting(monkeypatch)

    def overwrite(_seconds: float) -> None:
        lock.log.append("wait")
        if len(waits) == 1:
            server.store.patch(ID, {"layout": "10x10"})

    waits.during = overwrite
    with ours(style, server, lock=lock, confirm=1) as client:
        client.update(ID, layout="5up")
    once = ["take", "GET", "PUT", "give", "wait", "GET"]
    assert lock.log == once + once


def test_what_only_reads_takes_no_lock(style: str, server: MockServer, lock: Watched) -> None:
    with ours(style, server, lock=lock) as client:
        client.get(ID)
        client.list()
        plan = client.plan(ID, layout="5up")
        assert lock.taken == []
        client.apply(plan)
        assert lock.taken == [ID]


def test_undo_and_replace_take_the_lock_too(style: str, server: MockServer, lock: Watched, tmp_path: Path) -> None:
    with ours(style, server, lock=lock, journal=tmp_path / "journal") as client:
        client.replace(ID, {"display_name": "Bare"})
        assert lock.log == ["take", "GET", "PUT", "give"]
        client.undo(ID)
        assert lock.log[4:] == ["take", "GET", "PUT", "give"]


@pytest.mark.parametrize("call", ["update", "replace"])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.status(code) for code in (401, 404, 422, 429, 500)),
        *(Fault.drop_before(), Fault.truncated(), Fault.html(), Fault.other_conference()),
        *(Fault.field_changed("layout", "3x3"), Fault.body("{}")),
    ],
    ids=str,
)
def test_it_is_given_back_on_every_error(
    style: str, server: MockServer, lock: Watched, call: str, fault: Fault, tmp_path: Path
) -> None:
    server.store.add({"id": "another", "name": "another"})
    server.faults.add(fault, "PUT", times=None)
    server.faults.add(Fault.status(503), "GET", at=2, times=None)
    arguments: dict[str, Any] = {"layout": "5up"} if call == "update" else {}
    body = [] if call == "update" else [{"display_name": "Bare", "layout": "5up"}]
    with ours(style, server, lock=lock, retries=0, timeout=5, journal=tmp_path / "j") as client:
        with contextlib.suppress(ConferencesError):
            getattr(client, call)(ID, *body, **arguments)
        assert lock.log.count("take") == lock.log.count("give") == 1
        assert lock.log[-1] == "give"


@pytest.mark.parametrize("stage", ["before the read", "after the read", "before the PUT"])
def test_it_is_given_back_where_something_else_than_the_server_fails(
    style: str, server: MockServer, lock: Watched, tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid answer, a PUT that would lose something, a journal that cannot be written."""
    journal = tmp_path / "journal"
    with ours(style, server, lock=lock, retries=0, journal=journal) as client:
        if stage == "before the read":
            server.faults.add(Fault.non_object(), "GET")
        elif stage == "after the read":
            server.store.patch(ID, {"size": None})
        else:
            each_connection(monkeypatch, read_only)
        with pytest.raises(ConferencesError):
            client.update(ID, layout="5up")
    assert lock.log == ["take", "GET", "give"]


def test_a_lock_that_cannot_be_had_raises_its_own_error_and_nothing_is_sent(
    style: str, server: MockServer, lock: Watched
) -> None:
    lock.refuses = True
    with ours(style, server, lock=lock) as client, pytest.raises(BlockingIOError):
        client.update(ID, layout="5up")
    assert server.requests == []
    assert lock.log == []


@pytest.mark.parametrize("made", [None, object()], ids=["None", "object"])
def test_a_lock_that_is_no_context_manager_is_named_as_that_and_nothing_is_sent(
    style: str, server: MockServer, made: Any
) -> None:
    kind = "context manager" if style == "sync" else "async context manager"
    with ours(style, server, lock=lambda _: made) as client:
        with pytest.raises(TypeError, match=f"lock= must return an? {kind}.*{type(made).__name__}"):
            client.update(ID, layout="5up")
        assert server.requests == []


def test_an_interrupt_from_the_keyboard_gives_it_back(
    server: MockServer, lock: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    without_waiting(monkeypatch).during = interrupt
    server.faults.add(Fault.drop_before(), "PUT")
    with ours("sync", server, lock=lock) as client, pytest.raises(KeyboardInterrupt):
        client.update(ID, layout="5up")
    assert lock.log == ["take", "GET", "PUT", "give"]


# --- recipes ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_at() -> Iterator[Mapping[str, str]]:
    with redis_url() as url:
        yield {"REDIS_URL": url}


@pytest.fixture(scope="module")
def postgres_at() -> Iterator[Mapping[str, str]]:
    with postgres() as variables:
        yield variables


def server_of(code: str, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The environment of a recipe; what it needs is started, or the test skipped."""
    needed = "redis_at" if "redis" in code else "postgres_at" if "psycopg" in code else None
    variables: Mapping[str, str] = request.getfixturevalue(needed) if needed else {}
    return variables


def name_of(code: str) -> str:
    words = ("threading", "asyncio.Lock", "AsyncFileLock", "FileLock", "redis.asyncio", "redis", "AsyncConnection")
    return next((word for word in words if word in code), "psycopg")


def test_there_is_a_recipe_for_each_lock_and_each_client() -> None:
    assert len(BLOCKS) == len({name_of(block) for block in BLOCKS}) == 8


@pytest.mark.parametrize("code", BLOCKS, ids=name_of)
def test_every_recipe_runs_and_gives_its_lock_back(
    code: str, server: MockServer, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = {
        "SIGNALWIRE_PROJECT_ID": server.project,
        "SIGNALWIRE_API_TOKEN": server.token,
        "SIGNALWIRE_SPACE": server.host,
    }
    for name, value in {**credentials, **server_of(code, request)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # the second time it would wait for ever, were the lock still held
        exec(compile(code, "RECIPES.md", "exec"), {})
        assert server.store[ID]["layout"] != "10x10"
        server.store.patch(ID, {"layout": "10x10"})


# --- processes that work on one conference ------------------------------------------------------------

UPDATES = 50
FIELDS = ("description", "display_name", "dark_primary", "light_primary")
WORKER = f"""
import sys
import signalwire_conferences as package

recipe, project, token, host, field = sys.argv[1:]
client_class, lock = package.RestClient, None

class Recipe(Exception):
    "Ends a recipe where it would build its client."

def take(**options):
    global lock
    lock = options["lock"]
    raise Recipe

package.RestClient = take
try:
    exec(recipe, {{}})
except Recipe:
    pass

with client_class(project, token, host, timeout=120, lock=lock) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    last, lost = None, 0
    for number in range(1, {UPDATES + 1}):
        value = f"#{{number:06}}"
        result = client.video.conferences.update("conference-id", **{{field: value}})
        lost += last is not None and result.report.changes[field].before != last
        last = value
print(lost)
"""


def lost_changes(server: MockServer, recipe: str, variables: Mapping[str, str], folder: Path) -> int:
    """How many changes four processes lose to each other, with fifty updates of its own field each."""
    workers = [
        spawned(
            WORKER,
            *(recipe, server.project, server.token, server.host, name),
            cwd=folder,
            stdin=subprocess.PIPE,
            env={**os.environ, **variables},
        )
        for name in FIELDS
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    lost = sum(int(printed) for printed in finished(workers))
    now = server.store[ID]
    return lost + len([name for name in FIELDS if now[name] != f"#{UPDATES:06}"])


SHARED = [
    pytest.param(
        block,
        id=name_of(block),
        # Slower by its connections, and the recipe itself is tried by every run.
        marks=pytest.mark.long if "psycopg" in block else pytest.mark.xdist_group(name_of(block)),
    )
    for block in BLOCKS
    if "asyncio" not in block and "threading" not in block
]


@pytest.mark.parametrize("recipe", SHARED)
def test_four_processes_that_share_a_lock_lose_nothing(
    recipe: str, server: MockServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    lost = lost_changes(server, recipe, server_of(recipe, request), tmp_path)
    updates = [each for each in server.requests if each.method == "PUT"]
    print(f"figure: {name_of(recipe)}: {lost} of {len(FIELDS) * UPDATES} changes lost")
    assert lost == 0
    assert len(updates) == len(FIELDS) * UPDATES


def test_without_a_lock_they_lose_some(server: MockServer, tmp_path: Path) -> None:
    """The yardstick: were nothing lost here, the test above would show nothing."""
    lost = lost_changes(server, "", {}, tmp_path)
    print(f"figure: no lock: {lost} of {len(FIELDS) * UPDATES} changes lost")
    assert lost > 0


@pytest.mark.parametrize("number", [8])
def test_threads_of_one_client_that_share_a_lock_lose_nothing(server: MockServer, number: int) -> None:
    names = [name for name in server.store[ID] if name.startswith(("dark_", "light_"))][:number]
    shared = threading.Lock()
    server.faults.add(Fault.latency(0.005), "PUT", times=None)
    with ours("sync", server, lock=lambda _id: shared) as client:
        threads = [threading.Thread(target=client.update, args=(ID,), kwargs={name: "#abcdef"}) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {server.store[ID][name] for name in names} == {"#abcdef"}
    assert not shared.locked()
