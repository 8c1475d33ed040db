"""Many conferences at once: each changed as safely as alone, none forgotten, at a pace that the space allows."""

import contextlib
import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import hypothesis
import pytest
from hypothesis import strategies as st

from processes import BACKENDS, STYLES, Ours, letters, ours
from signalwire_conferences import (
    AsyncRestClient,
    AuthenticationError,
    ConferenceResult,
    ConfigurationError,
    Conflict,
    ConflictError,
    InvalidChangeError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RestClient,
    ServerError,
    TransportError,
    UnsafeUpdateError,
)
from signalwire_conferences.pace import Pace
from signalwire_conferences_api.fields import ConferenceChanges
from signalwire_conferences_testing.mock import Fault, MockServer

NEW: ConferenceChanges = {"display_name": "New", "dark_primary": "#112233"}


def conferences(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"conference-{n}",
            "name": f"name-{n}",
            "display_name": f"Old {n}",
            "description": f"About {n}",
            **fields,
        }
        for n in range(count)
    ]


@contextlib.contextmanager
def fleet(style: str, count: int, **options: Any) -> Iterator[tuple[MockServer, Ours]]:
    """A server with so many conferences, and a client of it."""
    with MockServer(conferences(count)) as server, ours(style, server, **options) as client:
        yield server, client


def states(server: MockServer) -> dict[str, dict[str, Any]]:
    return {each: server.store[each] for each in server.store}


def assert_only_changed(server: MockServer, before: dict[str, dict[str, Any]], changed: list[str]) -> None:
    """That these have what `NEW` says and are else as before, and that all others are as before. The time of the last
    write is not looked at.
    """
    for each, state in before.items():
        now = server.store[each]
        assert now == ({**state, **(NEW if each in changed else {}), "updated_at": now["updated_at"]}), each


def plans(client: Ours, ids: Any = None, **options: Any) -> list[tuple[str, Any]]:
    given = client.client.video.conferences.plan_many(ids, **options)

    async def awaited() -> list[tuple[str, Any]]:
        return [each async for each in given]

    return list(given) if isinstance(given, Iterator) else client.call(awaited)


def arrivals(server: MockServer) -> list[tuple[float, str]]:
    """When requests come, and their methods, from now on."""
    seen: list[tuple[float, str]] = []

    def note(call: Any) -> bool:
        seen.append((time.monotonic(), call.method))
        return False

    server.faults.add(Fault.latency(0.0), where=note)
    return seen


# --- what is done ---------------------------------------------------------------------------------------------


def test_all_are_changed_and_keep_everything_else(style: str) -> None:
    told: list[ConferenceResult] = []
    with fleet(style, 60) as (server, client):
        before = states(server)
        result = client.update_many(list(before), changes=NEW, concurrency=7, on_progress=told.append)
        assert_only_changed(server, before, list(before))
        assert Counter(letters(server)) == {"G": 60, "P": 60}
    assert (sorted(result.changed), result.unchanged, result.failed) == (sorted(before), [], {})
    assert isinstance(result.change_set, str)
    assert [each.id for each in told] == result.changed
    assert {each.outcome for each in told} == {"changed"}
    assert all(each.report and set(each.report.changes) == set(NEW) and each.error is None for each in told)


def test_the_same_call_again_writes_nothing(style: str) -> None:
    told: list[ConferenceResult] = []
    with fleet(style, 25) as (server, client):
        first = client.update_many(changes=NEW)
        server.requests.clear()
        again = client.update_many(changes=NEW, on_progress=told.append)
        assert "P" not in letters(server)
    assert (again.changed, sorted(again.unchanged), again.failed) == ([], sorted(first.changed), {})
    assert again.change_set != first.change_set
    assert {each.outcome for each in told} == {"unchanged"}


def test_what_is_cleared_is_cleared_in_each(style: str) -> None:
    with fleet(style, 10) as (server, client):
        for name in server.store:
            server.store.patch(name, {"layout": "5up"})
        client.update_many(changes={"layout": None, "description": None}, concurrency=1)
        bodies = [each.body for each in server.requests if each.method == "PUT"]
        assert len(bodies) == 10
        assert not any({"layout", "description"} & body.keys() for body in bodies)


def test_no_ids_are_all_of_the_space_page_by_page(style: str) -> None:
    with fleet(style, 450) as (server, client):
        before = states(server)
        result = client.update_many(changes=NEW, concurrency=3)
        assert_only_changed(server, before, list(before))
        pages = [number for number, each in enumerate(server.requests) if each.path.endswith("conferences")]
        assert len(pages) == 5
        # The last page is read when most of what was on the others is done.
        assert sum(each.method == "PUT" for each in server.requests[: pages[-1]]) > 350
    assert sorted(result.changed) == sorted(before)


def test_duplicates_are_done_once_however_they_are_written(style: str) -> None:
    conference = str(uuid.uuid4())
    with MockServer([{"id": conference}]) as server, ours(style, server) as client:
        same = [conference, conference.upper(), uuid.UUID(conference), conference]
        result = client.update_many(same, changes=NEW)
        assert letters(server) == "GP"
        assert [name for name, _ in plans(client, same, changes=NEW)] == [conference]
    assert result.changed == [conference]


@pytest.mark.parametrize(
    "kind", [list, set, iter, lambda ids: dict.fromkeys(ids).keys(), lambda ids: (each for each in ids)]
)
def test_ids_may_be_any_iterable(style: str, kind: Callable[[list[str]], Any]) -> None:
    with fleet(style, 5) as (server, client):
        result = client.update_many(kind(list(server.store)), changes=NEW)
        assert sorted(result.changed) == sorted(server.store)
        assert len(plans(client, kind(list(server.store)), changes=NEW)) == 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_ids_may_be_an_asynchronous_iterable(backend: str) -> None:
    async def some() -> AsyncIterator[str]:
        for number in range(30):
            await anyio.lowlevel.checkpoint()
            yield f"conference-{number}"

    with fleet(backend, 30) as (server, client):
        assert len(client.update_many(some(), changes=NEW, concurrency=4).changed) == 30
        assert [name for name, _ in plans(client, some(), changes=NEW, concurrency=2)] == list(server.store)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_conference_is_worked_on_as_soon_as_its_id_is_there(backend: str) -> None:
    told: list[str] = []

    async def main() -> None:
        one_more = anyio.Event()

        async def one_after_the_other() -> AsyncIterator[str]:
            nonlocal one_more
            for number in range(3):
                one_more = anyio.Event()
                yield f"conference-{number}"
                with anyio.fail_after(10):
                    await one_more.wait()

        def on_progress(result: ConferenceResult) -> None:
            told.append(result.id)
            one_more.set()

        with MockServer(conferences(3)) as server:
            async with AsyncRestClient(server.project, server.token, server.host) as client:
                ids = one_after_the_other()
                await client.video.conferences.update_many(ids, changes=NEW, on_progress=on_progress)

    anyio.run(main, backend=backend)
    assert told == [f"conference-{number}" for number in range(3)]


def test_no_conference_at_all_is_no_error(style: str) -> None:
    given: list[Any] = [[], None, iter(())]
    with fleet(style, 0) as (_server, client):
        for ids in given:
            result = client.update_many(ids, changes=NEW)
            assert (result.changed, result.unchanged, result.failed) == ([], [], {})
            assert plans(client, ids, changes=NEW) == []


def test_changes_may_differ_from_conference_to_conference(style: str) -> None:
    wanted: dict[str, ConferenceChanges] = {f"conference-{n}": {"description": f"New {n}"} for n in range(3)}
    wanted["conference-1"] = {"layout": "round"}  # type: ignore[typeddict-item]  # it is wrong, and fails by itself
    with fleet(style, 4) as (server, client):
        planned = dict(plans(client, list(wanted), changes=wanted.__getitem__))
        assert planned["conference-0"].changes["description"].after == "New 0"
        assert isinstance(planned["conference-1"], InvalidChangeError)
        done = client.update_many(list(wanted), changes=wanted.__getitem__)
        assert sorted(done.changed) == ["conference-0", "conference-2"]
        assert isinstance(done.failed["conference-1"], InvalidChangeError)
        assert [server.store[f"conference-{n}"]["description"] for n in range(4)] == [
            "New 0",
            "About 1",
            "New 2",
            "About 3",
        ]


def test_plans_come_in_the_order_of_the_ids_and_write_nothing_until_applied(style: str) -> None:
    with fleet(style, 50) as (server, client):
        ids = [*reversed(list(server.store)), "gone"]
        found = plans(client, ids, changes=NEW, concurrency=5)
        assert "P" not in letters(server)
        assert [name for name, _ in found] == ids
        assert isinstance(dict(found)["gone"], NotFoundError)
        plan = found[3][1]
        assert plan.changes["display_name"] == ("Old 46", "New")
        client.apply(plan)
        assert server.store[ids[3]]["display_name"] == "New"
        assert letters(server).count("P") == 1


def test_plans_are_read_as_they_are_asked_for(style: str) -> None:
    with fleet(style, 450) as (server, client):
        given = client.client.video.conferences.plan_many(changes=NEW, concurrency=2)

        async def some() -> None:
            async with contextlib.aclosing(given):
                await anext(given)

        if style == "sync":
            next(given)
        else:
            client.call(some)
        assert len(server.requests) < 20


# --- what goes wrong ------------------------------------------------------------------------------------------


def test_wrong_input_is_refused_all_at_once_and_before_any_request(style: str) -> None:
    wrong: dict[str, Any] = {
        "changes": {"display_nam": "New", "layout": "7x7", "display_name": None},
        "concurrency": 0,
        "label": 7,
        "allow_reset": ["nothing"],
        "base": {},
        "on_progress": "print",
    }
    with fleet(style, 3) as (server, client):
        with pytest.raises(InvalidChangeError) as caught:
            client.update_many(["conference-1", "", "a/b", 7], **wrong)
        for name in ("label", "base", "on_progress"):
            del wrong[name]
        with pytest.raises(InvalidChangeError) as caught_too:
            client.client.video.conferences.plan_many(["conference-1", "", "a/b", 7], **wrong)
        assert not server.requests
    problems = {each.field for each in caught.value.problems}
    assert problems == {
        *("display_nam", "layout", "display_name", "concurrency", "label", "allow_reset", "base", "on_progress"),
        *("ids[1]", "ids[2]", "ids[3]"),
    }
    assert {each.field for each in caught_too.value.problems} == problems - {"label", "base", "on_progress"}


@pytest.mark.parametrize("ids", ["conference-1", b"conference-1", 7, {"conference-1": 1}, uuid.uuid4()])
def test_what_is_not_ids_is_refused(style: str, ids: Any) -> None:
    with fleet(style, 3) as (server, client):
        with pytest.raises(InvalidChangeError, match="ids"):
            client.update_many(ids, changes=NEW)
        with pytest.raises(InvalidChangeError, match="changes"):
            client.update_many(changes="New")
        assert not server.requests


def test_a_wrong_id_that_comes_later_fails_by_itself(style: str) -> None:
    with fleet(style, 3) as (_server, client):
        result = client.update_many(iter(["conference-1", "a/b", "", None, "conference-2"]), changes=NEW)
        assert sorted(result.changed) == ["conference-1", "conference-2"]
    assert {name: type(error) for name, error in result.failed.items()} == dict.fromkeys(
        ["a/b", "", "None"], InvalidChangeError
    )


def test_a_conference_in_the_place_of_its_id_is_refused_by_its_id_and_the_error_says_what_to_pass(style: str) -> None:
    with fleet(style, 3) as (server, client):
        read = [client.get("conference-1")]
        del server.requests[:]
        with pytest.raises(InvalidChangeError, match=r"ids\[0\].*: must be an id.*conf\.id"):
            client.update_many(read, changes=NEW)
        result = client.update_many(iter(read), changes=NEW)
        assert not server.requests
    assert list(result.failed) == ["conference-1"]
    assert "must be an id; of a conference, pass conf.id" in str(result.failed["conference-1"])


def test_a_function_that_gives_no_changes_fails_for_that_conference_and_says_so(style: str) -> None:
    with fleet(style, 3) as (server, client):
        result = client.update_many(["conference-1"], changes=lambda _: None)
        found = plans(client, ["conference-1"], changes=lambda _: None)
        assert not server.requests
    for error in (result.failed["conference-1"], found[0][1]):
        assert isinstance(error, InvalidChangeError)
        [problem] = error.problems
        assert (problem.field, problem.value) == ("changes", None)
        assert "must return" in problem.rule


def test_one_that_fails_stops_no_other(style: str) -> None:
    told: list[ConferenceResult] = []
    with fleet(style, 40, retries=1, timeout=2.0) as (server, client):
        before = states(server)
        server.store.patch("conference-3", {"size": None})
        server.faults.add(Fault.status(500), "GET", conference_id="conference-5", times=None)
        server.faults.add(Fault.drop_before(), "PUT", conference_id="conference-7", times=None)
        for number in (9, 19, 29, 39):
            server.faults.add(Fault.status(403), "PUT", conference_id=f"conference-{number}", times=None)
        server.store.delete("conference-11")
        ids = list(before)
        result = client.update_many(ids, changes=NEW, concurrency=4, on_progress=told.append)
        failed = {f"conference-{number}" for number in (3, 5, 7, 9, 11, 19, 29, 39)}
        assert set(result.failed) == failed
        assert sorted(result.changed) == sorted(set(ids) - failed)
        del before["conference-11"], before["conference-3"]
        assert_only_changed(server, before, result.changed)
    kinds: list[type[Any]] = [UnsafeUpdateError, ServerError, TransportError, PermissionDeniedError, NotFoundError]
    for name, kind in zip(("3", "5", "7", "9", "11"), kinds, strict=True):
        error: Any = result.failed[f"conference-{name}"]
        assert type(error) is kind
        assert error.conference_id == f"conference-{name}"
    assert {each.id: each.error for each in told if each.outcome == "failed"} == result.failed
    assert len(told) == 40


@pytest.mark.parametrize(("code", "method"), [(401, "GET"), (403, "GET"), (403, "PUT")])
def test_once_the_space_refuses_the_credentials_no_more_are_tried(style: str, code: int, method: str) -> None:
    told: list[ConferenceResult] = []
    with fleet(style, 500) as (server, client):
        ids = list(server.store)
        server.faults.add(Fault.status(code), method, at=100, times=None)
        result = client.update_many(ids, changes=NEW, concurrency=5, on_progress=told.append)
        assert len(server.requests) < 250
    assert sorted([*result.changed, *result.failed]) == sorted(ids)
    assert 80 < len(result.changed) < 100
    kind = AuthenticationError if code == 401 else PermissionDeniedError
    assert {type(error) for error in result.failed.values()} == {kind}
    last = result.failed[ids[-1]]
    assert "not tried" in str(last)
    assert str(code) in str(last)
    assert len(told) == 500


def test_the_list_itself_may_be_refused(style: str) -> None:
    with fleet(style, 3) as (server, client):
        server.faults.add(Fault.status(401), times=None)
        with pytest.raises(AuthenticationError) as caught:
            client.update_many(changes=NEW)
        assert vars(caught.value)["result"].failed == {}
        with pytest.raises(AuthenticationError):
            plans(client, changes=NEW)


# --- the pace -------------------------------------------------------------------------------------------------


def test_after_a_429_all_wait_as_long_as_it_says(style: str) -> None:
    with fleet(style, 40, retries=3) as (server, client):
        ids = list(server.store)
        before = states(server)
        seen = arrivals(server)
        server.faults.add(Fault.status(429, retry_after=1), "PUT", at=8)
        result = client.update_many(ids, changes=NEW, concurrency=5)
        assert_only_changed(server, before, ids)
    assert result.failed == {}
    refused = [when for when, method in seen if method == "PUT"][7]
    since = [after for when, _ in seen if (after := when - refused) > 0.5]  # what was in flight may come yet
    assert len(since) > 40
    assert min(since) > 0.9


def test_a_put_that_is_held_back_is_built_on_a_fresh_read(style: str) -> None:
    with fleet(style, 2, retries=3) as (server, client):
        server.faults.add(Fault.status(429, retry_after=3), "PUT", conference_id="conference-0")
        server.faults.add(Fault.latency(1.0), "GET", conference_id="conference-1")
        # While it is held back, somebody else writes.
        timer = threading.Timer(2.0, server.store.patch, ("conference-1", {"description": "theirs"}))
        timer.start()
        result = client.update_many(["conference-0", "conference-1"], changes=NEW, concurrency=2)
        timer.join()
        assert server.store["conference-1"]["description"] == "theirs"
        mine = [each.method for each in server.requests if each.path.endswith("conference-1")]
    assert result.failed == {}
    assert mine == ["GET", "GET", "PUT"]


@pytest.mark.long
def test_a_rate_limit_below_the_concurrency_fails_none(style: str) -> None:
    lock, window = threading.Lock(), [0.0, 0]

    def over(_call: object) -> bool:
        with lock:
            now = time.monotonic()
            if now - window[0] > 0.2:
                window[:] = [now, 0]
            window[1] += 1
            return window[1] > 10

    with fleet(style, 60, retries=1) as (server, client):
        server.faults.add(Fault.status(429, retry_after="0.2"), where=over, times=None)
        result = client.update_many(changes=NEW, concurrency=20)
    assert len(result.changed) == 60


def test_a_rate_limit_that_lasts_ends_it_and_names_the_rest(style: str) -> None:
    with fleet(style, 50, timeout=2.0) as (server, client):
        server.faults.add(Fault.status(429, retry_after=60), "PUT", at=10, times=None)
        ids = list(server.store)
        result = client.update_many(ids, changes=NEW, concurrency=2)
        assert len(server.requests) < 50
    assert len(result.changed) == 9
    assert len(result.failed) == 41
    assert {type(error) for error in result.failed.values()} == {RateLimitError}


@pytest.mark.long
def test_no_more_are_begun_than_the_space_takes(style: str) -> None:
    with fleet(style, 30, writes_per_second=2.0) as (server, client):
        seen = arrivals(server)
        begin = time.monotonic()
        assert len(client.update_many(changes=NEW).changed) == 30
    writes = [when - begin for when, method in seen if method == "PUT"]
    assert sum(when < 9.5 for when in writes) == 20  # in any 10 seconds
    assert time.monotonic() - begin > 9.5


@hypothesis.given(
    rate=st.floats(0.01, 2000), delays=st.lists(st.floats(0, 0.5), min_size=1, max_size=5), begun=st.integers(1, 500)
)
def test_in_no_10_seconds_more_are_begun_than_the_rate_allows(rate: float, delays: list[float], begun: int) -> None:
    now, times = 1000.0, list[float]()
    pace = Pace(rate, lambda: now)
    for delay in itertools.cycle(delays):
        now += delay
        while wait := pace.begin(write=True):
            now += wait
        times.append(now)
        pace.end(well=True)
        if len(times) == begun:
            break
    most = max(1, int(rate * 10))
    for first, later in zip(times, times[most:], strict=False):
        assert later - first > most / rate - 0.002  # the window counts milliseconds
    waited = times[-1] - times[0] - sum(itertools.islice(itertools.cycle(delays), 1, begun))
    assert waited <= begun / rate + most / rate


@pytest.mark.parametrize("rate", [0, -1.0, "many", None, float("nan"), float("inf"), True])
def test_a_rate_that_is_none_is_refused(rate: Any) -> None:
    with pytest.raises(ConfigurationError, match="writes_per_second"):
        RestClient("project", "token", "127.0.0.1", writes_per_second=rate)


def test_reading_does_not_count_as_writing_and_waits_after_a_429_too() -> None:
    now = 5.0
    pace = Pace(1, lambda: now)
    assert [pace.begin(write=False) for _ in range(100)] == [0] * 100
    pace.hold(3)
    assert pace.begin(write=False) == 3
    now += 3
    # From a hundred at once to fifty.
    assert pace.begin(write=False) > 0
    for _ in range(51):
        pace.end(well=False)
    assert pace.begin(write=False) == 0
    assert pace.begin(write=False) > 0


@pytest.mark.parametrize("style", STYLES)
def test_base_makes_what_moved_since_a_conflict_and_keeps_the_rest(style: str) -> None:
    with fleet(style, 3) as (server, client):
        base = {each: {"display_name": server.store[each]["display_name"]} for each in server.store}
        server.store.patch("conference-0", {"display_name": "Theirs"})
        server.store.patch("conference-1", {"display_name": "New", "description": "Theirs"})
        result = client.update_many(changes={"display_name": "New"}, base=base.__getitem__)
        assert (result.changed, result.unchanged) == (["conference-2"], ["conference-1"])
        error = result.failed["conference-0"]
        assert isinstance(error, ConflictError)
        assert list(error.conflicts) == [Conflict("display_name", "Old 0", "Theirs", "New")]
        assert server.store["conference-0"]["display_name"] == "Theirs"


def test_a_base_that_is_none_fails_before_a_request() -> None:
    with fleet("sync", 1) as (server, client):
        for wrong, said in (({"display_nam": "x"}, "did you mean display_name"), ("x", "must be a mapping")):
            result = client.update_many(["conference-0"], changes=NEW, base=lambda _, wrong=wrong: wrong)
            error = result.failed["conference-0"]
            assert isinstance(error, InvalidChangeError)
            assert said in str(error)
        assert server.requests == []
