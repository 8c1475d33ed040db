"""`confirm=`: a change that another writer overwrote is noticed and, where that is safe, written again.

The last tests measure what it is worth; `pytest -rP` shows their figures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from conftest import LONG
from processes import Waits, letters, ours
from signalwire_conferences import ConflictError, ServerError, contract
from signalwire_conferences_testing.mock import Fault, MockServer

ID = "conference-id"
CONFIRM = 12.5
ROUNDS = 200 if LONG else 8


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "2x2", "size": "large", "description": "first"}]) as running:
        yield running


def overwriting(waits: Waits, server: MockServer, *changes: dict[str, Any]) -> None:
    """Somebody writes while we wait: these changes, one after each PUT of ours."""
    left = list(changes)

    def write(_seconds: float) -> None:
        if left:
            server.store.patch(ID, left.pop(0))

    waits.during = write


def test_a_change_that_stays_is_read_once_more_after_the_given_time(
    style: str, server: MockServer, waits: Waits
) -> None:
    with ours(style, server, confirm=CONFIRM) as client:
        client.update(ID, layout="5up")
    assert letters(server) == "GPG"
    assert waits == [CONFIRM]


def test_where_nothing_was_written_there_is_nothing_to_confirm(style: str, server: MockServer, waits: Waits) -> None:
    with ours(style, server, confirm=CONFIRM) as client:
        client.update(ID, layout="2x2")
    assert letters(server) == "G"
    assert waits == []


def test_a_change_overwritten_with_the_value_from_before_is_written_again(
    style: str, server: MockServer, waits: Waits
) -> None:
    """As by somebody who read before our PUT, changed another field, and wrote after it."""
    overwriting(waits, server, {"layout": "2x2", "size": "small"}, {"layout": "2x2"})
    with ours(style, server, confirm=CONFIRM) as client:
        result = client.update(ID, layout="5up")
    assert (server.store[ID]["layout"], server.store[ID]["size"]) == ("5up", "small")
    assert letters(server) == "GPG" + "GPG" + "GPG"
    assert waits == [CONFIRM] * 3
    assert result.report.puts == 3
    assert result.report.changes == {"layout": ("2x2", "5up")}
    assert result["size"] == "small"


def test_of_several_changes_only_what_was_overwritten_is_written_again(
    style: str, server: MockServer, waits: Waits
) -> None:
    overwriting(waits, server, {"layout": "2x2"})
    with ours(style, server, confirm=CONFIRM) as client:
        report = client.update(ID, layout="5up", description="second").report
    now = server.store[ID]
    assert (now["layout"], now["description"]) == ("5up", "second")
    assert report.changes.keys() == {"layout", "description"}
    assert report.puts == 2


def test_a_third_value_is_a_conflict_that_says_that_ours_was_carried_out(
    style: str, server: MockServer, waits: Waits
) -> None:
    overwriting(waits, server, {"layout": "3x3"})
    with ours(style, server, confirm=CONFIRM) as client, pytest.raises(ConflictError) as caught:
        client.update(ID, layout="5up", description="second")
    [conflict] = caught.value.conflicts
    told = (conflict.field, conflict.before, conflict.theirs, conflict.ours)
    assert told == ("layout", "2x2", "3x3", "5up")
    assert "made and verified earlier in this call" in caught.value.state
    assert server.store[ID]["layout"] == "3x3"
    assert letters(server) == "GPG"


def test_a_cleared_field_is_confirmed_as_what_the_server_made_of_it(
    style: str, server: MockServer, waits: Waits
) -> None:
    overwriting(waits, server, {"description": "first", "layout": "2x2"})
    with ours(style, server, confirm=CONFIRM) as client:
        client.update(ID, description=None, layout=None)
    now, default = server.store[ID], contract.fields(contract.UPDATE)["layout"].default
    assert (now["description"], now["layout"]) == (None, default)


def test_somebody_who_never_stops_is_told_and_not_fought_for_ever(style: str, server: MockServer, waits: Waits) -> None:
    overwriting(waits, server, *[{"layout": "2x2"}] * 100)
    with ours(style, server, confirm=CONFIRM) as client, pytest.raises(ConflictError) as caught:
        client.update(ID, layout="5up")
    assert [conflict.field for conflict in caught.value.conflicts] == ["layout"]
    assert letters(server).count("P") == len(waits) <= 10


def test_a_look_that_fails_says_that_the_change_was_carried_out(style: str, server: MockServer, waits: Waits) -> None:
    server.faults.add(Fault.status(503), "GET", at=2, times=None)
    with ours(style, server, confirm=CONFIRM, retries=1) as client, pytest.raises(ServerError) as caught:
        client.update(ID, layout="5up")
    assert "made and verified earlier in this call" in caught.value.state
    assert server.store[ID]["layout"] == "5up"
    assert waits[0] == CONFIRM


def test_a_redo_survives_an_unknown_outcome(style: str, server: MockServer, waits: Waits) -> None:
    overwriting(waits, server, {"layout": "2x2"})
    server.faults.add(Fault.drop_before(), "PUT", at=2)
    with ours(style, server, confirm=CONFIRM) as client:
        client.update(ID, layout="5up")
    assert server.store[ID]["layout"] == "5up"
    assert "PP" not in letters(server)


# --- head-on rounds -----------------------------------------------------------------------------------

Writer = Callable[[str], object]
OURS, THEIRS = ("description", "of ours {}"), ("display_name", "of theirs {}")


def rounds(server: MockServer, ours: Writer, theirs: Writer) -> tuple[int, int]:
    """Two writers start at once, each with a field of its own; how many changes each of them lost."""
    lost = [0, 0]
    writers = (ours, OURS, 0), (theirs, THEIRS, 1)
    # Whoever reads first has not yet written when the other reads.
    server.faults.add(Fault.latency(0.01), times=None)
    for number in range(ROUNDS):
        start = threading.Barrier(2)

        def write(writer: Writer, value: str, start: threading.Barrier = start) -> None:
            start.wait()
            writer(value)

        threads = [
            threading.Thread(target=write, args=(writer, text.format(number))) for writer, (_, text), _ in writers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _, (name, text), index in writers:
            lost[index] += server.store[ID][name] != text.format(number)
    return lost[0], lost[1]


def naive(http: httpx.Client, name: str) -> Writer:
    """Read, change, write: what everybody does who has no client like ours."""
    path = contract.operation("get_video_conference").path.replace("{id}", ID)

    def write(value: str) -> None:
        image = http.get(path).json()
        known = contract.fields(contract.UPDATE)
        body = {each: image[each] for each in known if image[each] is not None}
        http.put(path, json={**body, name: value}).raise_for_status()

    return write


def test_head_on_two_of_ours_lose_less_with_confirm_than_without(server: MockServer) -> None:
    lost: dict[float | None, tuple[int, int]] = {}
    for confirm in (None, 0.1):
        server.faults.clear()
        with ours("sync", server, confirm=confirm) as one, ours("sync", server, confirm=confirm) as other:
            lost[confirm] = rounds(
                server,
                lambda value: one.update(ID, description=value),
                lambda value: other.update(ID, display_name=value),
            )
        print(f"figure: two of ours, confirm={confirm}: {sum(lost[confirm])} changes lost in {ROUNDS} rounds")
    assert sum(lost[0.1]) < sum(lost[None])


def test_head_on_with_somebody_naive_ours_loses_no_more_with_confirm(server: MockServer) -> None:
    lost: dict[float | None, tuple[int, int]] = {}
    for confirm in (None, 0.1):
        server.faults.clear()
        http = httpx.Client(base_url=server.url, auth=(server.project, server.token))
        with http, ours("sync", server, confirm=confirm) as one:
            theirs = naive(http, "display_name")
            lost[confirm] = rounds(server, lambda value: one.update(ID, description=value), theirs)
        print(
            f"figure: ours and somebody naive, confirm={confirm}: of ours {lost[confirm][0]}, "
            f"of theirs {lost[confirm][1]} changes lost in {ROUNDS} rounds"
        )
    assert lost[0.1][0] <= lost[None][0]
