"""`history`, `undo`, and plans that are kept and applied."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from command_line import CommandLine
from mock_support import WHOLE
from processes import methods
from signalwire_conferences_testing.mock import Fault, MockServer

A, B = "id-a", "id-b"


@pytest.fixture
def mock(mock: MockServer) -> MockServer:
    for each in list(mock.store):
        mock.store.delete(each)
    mock.store.add({**WHOLE, "id": A, "name": "a"})
    mock.store.add({**WHOLE, "id": B, "name": "b"})
    return mock


def layouts(mock: MockServer) -> list[str]:
    return [mock.store[each]["layout"] for each in (A, B)]


def layout_of(mock: MockServer, conference_id: str) -> object:
    return mock.store[conference_id]["layout"]


# --- history and undo ---------------------------------------------------------------------------------


def test_history_tells_what_was_done_the_latest_first(command: CommandLine) -> None:
    command("update", A, "layout=5up", "--yes")
    command("update", B, "layout=3x3", "--yes")
    entries = command("history", "--json").json
    assert [(each["conference_id"], each["outcome"]) for each in entries] == [(B, "applied"), (A, "applied")]
    assert entries[0]["changes"] == {"layout": {"before": "2x2", "after": "3x3"}}
    assert command("history", A, "--json").json == entries[1:]
    assert command("history", "--change-set", entries[0]["change_set"], "--json").json == entries[:1]
    lines = command("history").out.splitlines()
    assert [line.split("\t")[4] for line in lines] == [B, A]


def test_at_a_narrow_terminal_the_history_breaks_no_id(command: CommandLine, mock: MockServer) -> None:
    each = "6f1c3c6e-9d0f-4a7e-8b62-3c1f0a6d5e47"
    mock.store.add({**WHOLE, "id": each, "name": "long"})
    command("update", each, A, "layout=5up", "description=" + "long " * 20, "--yes", "--label", "rebrand 2027")
    change_set = command("history", "--json").json[0]["change_set"]
    command("undo", "--change-set", change_set, "--yes")
    command("undo", "--change-set", change_set, "--yes")
    for columns in ("80", "120"):
        shown = command.at_terminal("history", env={"COLUMNS": columns, "NO_COLOR": "1"}).out
        assert shown.count(each) == 3
        assert "rebrand 2027" in shown
        assert shown.count(f"undo of {change_set}") == 2
        assert shown.count("unchanged") == 1
    assert len(command("history").out.splitlines()) == 6
    assert f"undo of {change_set}" in command("history").out


def test_history_is_limited_to_the_latest(command: CommandLine) -> None:
    for layout in ("5up", "3x3", "2x2"):
        command("update", A, f"layout={layout}", "--yes")
    entries = command("history", "--json").json
    assert command("history", "--limit", "2", "--json").json == entries[:2]
    assert command("history", A, "--limit", "2", "--json").json == entries[:2]
    command("history", "--limit", "0", expect=2)


@pytest.mark.parametrize("which", [["--change-set", "nothing"], [A, "--change-set", "nothing"]])
def test_a_change_set_that_the_journal_does_not_know_is_refused_as_by_undo(
    command: CommandLine, which: list[str]
) -> None:
    command("update", A, "layout=5up", "--yes")
    for name in ("history", "undo"):
        assert "The journal has no change" in command(name, *which, *["--yes"] * (name == "undo"), expect=2).err


def test_a_history_without_changes_says_so(command: CommandLine) -> None:
    for which, of in (((), "in this space"), ((A,), f"of conference {A!r}")):
        done = command("history", *which)
        assert (done.out, done.err) == ("", f"The journal has no change {of}.\n")
        assert command("history", *which, "--json").json == []
    assert command("history", "--json").json == []


@pytest.mark.parametrize("name", ["history", "undo"])
def test_a_journal_that_is_not_there_is_refused_and_not_made(command: CommandLine, name: str) -> None:
    done = command(name, A, "--journal", "mistyped", *["--yes"] * (name == "undo"), expect=2)
    assert "There is no journal 'mistyped'." in done.err
    assert not Path("mistyped").exists()


def test_undo_of_a_conference_is_shown_and_done_once(command: CommandLine, mock: MockServer) -> None:
    command("update", A, "layout=5up", "--yes")
    assert '+ layout: "2x2"' in command("undo", A, "--dry-run").out
    assert layouts(mock) == ["5up", "2x2"]
    command("undo", A, "--yes")
    assert layouts(mock) == ["2x2", "2x2"]
    assert command("undo", A, "--yes", "--json").json["unchanged"] == [A]


def test_undo_of_a_change_set_takes_it_back_twice_with_one_result(command: CommandLine, mock: MockServer) -> None:
    done = command("update", A, B, "layout=5up", "--yes", "--json", "--label", "rebrand 2027")
    change_set = done.json["change_set"]
    entries = command("history", "--json").json
    assert {(each["change_set"], each["label"]) for each in entries} == {(change_set, "rebrand 2027")}
    command("update", B, "size=small", "--yes")
    assert command("undo", "--change-set", change_set, "--dry-run").out.count('+ layout: "2x2"') == 2
    assert command("undo", "--change-set", change_set, "--yes", "--json").json["changed"] == [A, B]
    assert layouts(mock) == ["2x2", "2x2"]
    assert mock.store[B]["size"] == "small"
    mock.requests.clear()
    assert command("undo", "--change-set", change_set, "--yes", "--json").json["changed"] == []
    assert "PUT" not in methods(mock)


def test_undo_of_an_entry(command: CommandLine, mock: MockServer) -> None:
    command("update", A, "layout=5up", "--yes")
    command("update", A, "size=small", "--yes")
    entry = command("history", A, "--json").json[1]["id"]
    command("undo", "--entry", str(entry), "--yes")
    assert (mock.store[A]["layout"], mock.store[A]["size"]) == ("2x2", "small")


def test_undo_keeps_what_others_changed_and_names_the_conflict(command: CommandLine, mock: MockServer) -> None:
    command("update", A, "layout=5up", "--yes")
    change_set = command("history", "--json").json[0]["change_set"]
    mock.store.patch(A, {"layout": "8x8"})
    for which in ([A], ["--change-set", change_set]):
        done = command("undo", *which, "--yes", expect=1)
        assert 'layout: it was "5up", is now "8x8", and "2x2" was asked for' in done.err
        assert "ConflictError" in command("undo", *which, "--yes", "--json", expect=1).out
    assert layouts(mock)[0] == "8x8"


def test_the_undo_of_a_change_set_shows_a_bar_and_names_what_fails(command: CommandLine, mock: MockServer) -> None:
    command("update", A, B, "layout=5up", "--yes", "--label", "x")
    change_set = command("history", "--json").json[0]["change_set"]
    mock.store.delete(A)
    dry = command("undo", "--change-set", change_set, "--dry-run", "--json", expect=1).json
    assert (list(dry["changes"]), dry["failed"][A]["type"]) == ([B], "NotFoundError")
    mock.faults.add(Fault.latency(0.3), "PUT", times=None)
    done = command.at_terminal("undo", "--change-set", change_set, "--yes")
    assert "writing" in done.out
    assert "1 conference changed, 0 matched already, 1 not changed." in done.out
    assert layout_of(mock, B) == "2x2"


def test_at_a_terminal_a_change_set_asks_once(command: CommandLine, mock: MockServer) -> None:
    command("update", A, "layout=5up", "--yes")
    change_set = command("history", "--json").json[0]["change_set"]
    done = command.at_terminal("undo", "--change-set", change_set, typed="n\n")
    assert (done.code, layouts(mock)[0]) == (1, "5up")
    done = command.at_terminal("undo", "--change-set", change_set, typed="y\n")
    assert (done.code, layouts(mock)[0]) == (0, "2x2")


@pytest.mark.parametrize("which", [["nobody"], ["--change-set", "nothing"], ["--entry", "77"], [A, "--entry", "1"]])
def test_what_the_journal_does_not_know_is_refused(command: CommandLine, mock: MockServer, which: list[str]) -> None:
    command("undo", *which, "--yes", expect=2)
    assert mock.requests == []


def test_without_a_journal_there_is_no_history(command: CommandLine, mock: MockServer) -> None:
    for arguments in (["history"], ["undo", A, "--yes"], ["undo", "--change-set", "x", "--yes"]):
        done = command(*arguments, "--no-journal", "--json", expect=2)
        assert "Leave out --no-journal, or give --journal PATH." in done.err
        assert "journal=" not in done.err + done.out
    assert "no journal" in command("undo", A, "--no-journal", "--yes", expect=2).err
    assert mock.requests == []


@pytest.mark.parametrize("content", [b"not a database, by far" * 100, b"SQLite format 3\0" + b"\xff" * 500])
def test_a_journal_that_is_something_else_is_refused_before_any_request(
    command: CommandLine, mock: MockServer, content: bytes
) -> None:
    Path("mine.sqlite").write_bytes(content)
    command("update", A, "layout=5up", "--yes", "--journal", "mine.sqlite", expect=2)
    assert "PUT" not in methods(mock)


def test_a_journal_of_a_newer_version_is_refused_and_nothing_is_written(command: CommandLine, mock: MockServer) -> None:
    command("update", A, "layout=5up", "--yes", "--journal", "mine.sqlite")
    with contextlib.closing(sqlite3.connect("mine.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 999")
    mock.requests.clear()
    for arguments in (["update", A, "layout=3x3"], ["update", A, B, "layout=3x3"], ["undo", A]):
        command(*arguments, "--yes", "--journal", "mine.sqlite", expect=2)
    command("history", "--journal", "mine.sqlite", expect=2)
    assert "PUT" not in methods(mock)


# --- plans --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["--out", "--json"])
def test_a_plan_is_kept_and_applied_by_another_process(command: CommandLine, mock: MockServer, way: str) -> None:
    done = command("plan", A, "layout=5up", *(["--out", "plan.json"] if way == "--out" else ["--json"]))
    if way == "--json":
        Path("plan.json").write_text(done.out, "utf-8")
    mock.store.patch(A, {"size": "small"})
    assert layouts(mock)[0] == "2x2"
    applied = command.process("apply", "plan.json", "--yes", "--json")
    assert applied.json["changed"] == [A]
    assert (layouts(mock)[0], mock.store[A]["size"]) == ("5up", "small")
    assert command("apply", "-", "--yes", "--json", input=Path("plan.json").read_text("utf-8")).json["unchanged"] == [A]


def test_a_plan_that_somebody_overtook_is_a_conflict(command: CommandLine, mock: MockServer) -> None:
    command("plan", A, "layout=5up", "--out", "plan.json")
    mock.store.patch(A, {"layout": "8x8"})
    for how in ("--yes", "--dry-run"):
        done = command("apply", "plan.json", how, expect=1)
        assert (done.out, "8x8" in done.err) == ("", True)
    assert layouts(mock)[0] == "8x8"


def test_a_plan_that_is_applied_without_a_question_is_shown_as_it_is_now_too(
    command: CommandLine, mock: MockServer
) -> None:
    command("plan", A, "layout=5up", "size=small", "--out", "plan.json")
    mock.store.patch(A, {"size": "small"})
    done = command("apply", "plan.json", "--yes")
    assert '+ layout: "5up"' in done.out
    assert "+ size" not in done.out


def test_a_plan_is_shown_as_it_is_now(command: CommandLine, mock: MockServer) -> None:
    command("plan", A, "layout=5up", "--out", "plan.json")
    assert '+ layout: "5up"' in command("apply", "plan.json", "--dry-run").out
    assert layouts(mock)[0] == "2x2"
    mock.store.patch(A, {"layout": "8x8"})
    assert "8x8" in command("apply", "plan.json", "--dry-run", expect=1).err
    mock.store.patch(A, {"layout": "5up"})
    assert command("apply", "plan.json", "--dry-run", "--json").json["unchanged"] == [A]


@pytest.mark.parametrize(
    "change", [{"host": "another.signalwire.com"}, {"plan": 99}, {"changes": {"layuot": "5up"}}, {"conference_id": "x"}]
)
def test_a_plan_of_another_space_or_version_or_with_wrong_values_is_refused(
    command: CommandLine, mock: MockServer, change: dict[str, object]
) -> None:
    plan = command("plan", A, "layout=5up", "--json").json
    Path("plan.json").write_text(json.dumps({**plan, **change}), "utf-8")
    mock.requests.clear()
    command("apply", "plan.json", "--yes", expect=2)
    assert mock.requests == []


@pytest.mark.parametrize("which", [["--all"], ["--where", "name~?"], [A, B], ["-"]])
def test_plans_of_several_are_kept_and_applied(command: CommandLine, mock: MockServer, which: list[str]) -> None:
    done = command("plan", *which, "layout=5up", "--out", "plans.json", input=f"{A}\n{B}\n")
    assert "2 conferences would change" in done.out
    assert set(methods(mock)) == {"GET"}
    mock.store.patch(A, {"size": "small"})
    assert "2 conferences would change" in command("apply", "plans.json", "--dry-run").out
    applied = command("apply", "plans.json", "--yes", "--json", "--label", "rebrand").json
    assert (applied["changed"], layouts(mock), mock.store[A]["size"]) == ([A, B], ["5up", "5up"], "small")
    assert {each["label"] for each in command("history", "--json").json} == {"rebrand"}
    assert command("apply", "-", "--yes", "--json", input=Path("plans.json").read_text("utf-8")).json["changed"] == []


@pytest.mark.parametrize("how", [["--dry-run"], ["--yes"]])
def test_of_several_plans_one_that_somebody_overtook_is_a_conflict(
    command: CommandLine, mock: MockServer, how: list[str]
) -> None:
    Path("plans.json").write_text(command("plan", "--all", "layout=5up", "--json").out, "utf-8")
    mock.store.patch(A, {"layout": "8x8"})
    done = command("apply", "plans.json", *how, "--json", expect=1).json
    assert (list(done["failed"]), done["failed"][A]["type"], list(done["changes"])) == ([A], "ConflictError", [B])
    assert layouts(mock) == ["8x8", "2x2" if how == ["--dry-run"] else "5up"]


def test_plans_of_several_leave_out_what_cannot_be_changed(command: CommandLine, mock: MockServer) -> None:
    mock.store.patch(A, {"size": None})
    done = command("plan", A, B, "nobody", "layout=5up", "--out", "plans.json", expect=1)
    assert [each["conference_id"] for each in json.loads(Path("plans.json").read_text("utf-8"))] == [B]
    assert "nobody" in done.err


def test_plans_of_several_are_checked_before_any_request(command: CommandLine, mock: MockServer) -> None:
    plans = json.loads(command("plan", A, B, "layout=5up", "--json").out)
    undo = {**plans[1], "undoes": "a change set"}
    for wrong in ([{**plans[0], "plan": 99}, {**plans[1], "plan": 98}], [plans[0]] * 2, [plans[0], undo]):
        Path("plans.json").write_text(json.dumps(wrong), "utf-8")
        mock.requests.clear()
        told = command("apply", "plans.json", "--yes", expect=2).err
        assert ("99" in told and "98" in told) or "apply" in told
        assert mock.requests == []


def test_where_nothing_would_change_the_plans_are_none_and_apply_does_nothing(command: CommandLine) -> None:
    plans = command("plan", "--all", "layout=2x2", "--json").out
    assert plans == "[]\n"
    assert command("apply", "-", "--yes", "--json", input=plans).json["changed"] == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_what_is_no_plan_is_refused(command: CommandLine, mock: MockServer, content: bytes) -> None:
    Path("plan.json").write_bytes(content)
    command("apply", "plan.json", "--yes", expect=2)
    assert mock.requests == []
