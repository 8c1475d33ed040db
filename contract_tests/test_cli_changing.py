"""The commands that change: what they show, ask, send, and end with."""

import functools
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from command_line import COMMAND, CommandLine
from pages import Page
from processes import methods
from signalwire_conferences import contract
from signalwire_conferences.cli.command import Run
from signalwire_conferences.cli.terminal import Terminal
from signalwire_conferences.journal import Journal
from signalwire_conferences.steps import Request
from signalwire_conferences.wire import Wire
from signalwire_conferences_testing.mock import Fault, MockServer

IDS = [f"id-{number}" for number in range(5)]
WHERE = ["--where", "name~stand-*"]


@pytest.fixture
def mock(mock: MockServer) -> MockServer:
    """Five conferences; the last has a size that no PUT can carry."""
    for each in list(mock.store):
        mock.store.delete(each)
    for number, each in enumerate(IDS):
        name = f"stand-{number}" if number < 3 else f"other-{number}"
        layout = "5up" if number == 0 else "10x10"
        mock.store.add({"id": each, "name": name, "display_name": f"Number {number}", "layout": layout})
    mock.store.patch(IDS[4], {"size": None})
    return mock


def of(mock: MockServer, field: str) -> list[Any]:
    return [mock.store[each][field] for each in IDS]


# --- update of one ------------------------------------------------------------------------------------


def test_update_shows_the_plan_and_keeps_the_rest(command: CommandLine, mock: MockServer) -> None:
    before = mock.store[IDS[1]]
    done = command("update", IDS[1], "layout=2x2", "dark_primary=#112233", "--yes")
    assert '+ layout: "2x2"' in done.out
    assert '+ dark_primary: "#112233"' in done.out
    after = mock.store[IDS[1]]
    assert {name for name in before if before[name] != after[name]} == {"layout", "dark_primary", "updated_at"}


def test_without_a_terminal_nothing_is_sent_before_yes(command: CommandLine, mock: MockServer) -> None:
    for arguments in (
        ["update", IDS[1], "layout=2x2"],
        ["update", "--all", "layout=2x2"],
        ["delete", IDS[1]],
        ["undo", IDS[1]],
        ["apply", "plan.json"],
        ["restore", "conferences.yaml"],
        ["edit", IDS[1]],
        ["update", "-", "layout=2x2"],
    ):
        assert "--yes" in command(*arguments, expect=2).err
    assert mock.requests == []


def test_dry_run_shows_and_writes_nothing(command: CommandLine, mock: MockServer) -> None:
    assert '+ layout: "2x2"' in command("update", IDS[1], "layout=2x2", "--dry-run").out
    command("update", "--all", "layout=2x2", "--dry-run", expect=1)  # one would be refused
    command("delete", IDS[1], "--dry-run")
    assert command("create", "display_name=x", "--dry-run", "--json").json == {"display_name": "x"}
    assert set(methods(mock)) == {"GET"}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("description=null", None),
        ("description=", ""),
        ("description=@text.md", "one\ntwo\n"),
        ("description=@@home", "@home"),
        ('description:="null"', "null"),
        ("description=a=b", "a=b"),
        ("join_from=2030-01-01", "2030-01-01T00:00:00Z"),
        ("join_from=2030-01-01T10:00:00+02:00", "2030-01-01T08:00:00Z"),
        ("enable_chat=false", False),
        ("enable_chat=Yes", True),
        ("layout=@layout", "3x3"),
        ("enable_chat:=true", True),
    ],
)
def test_values_are_read_by_the_types_of_the_contract(
    command: CommandLine, mock: MockServer, word: str, value: Any
) -> None:
    Path("text.md").write_text("one\ntwo\n", "utf-8")
    Path("layout").write_text("3x3\n", "utf-8")
    mock.store.patch(IDS[1], {"description": "old", "enable_chat": value is not True})
    command("update", IDS[1], word, "--yes")
    assert mock.store[IDS[1]][word.partition("=")[0].rstrip(":")] == value


def test_texts_from_files_of_windows_are_read(command: CommandLine, mock: MockServer) -> None:
    Path("text").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    Path("layout").write_bytes(b"\xef\xbb\xbf3x3\r\n")
    command("update", IDS[1], "description=@text", "layout=@layout", "--yes")
    assert (mock.store[IDS[1]]["description"], mock.store[IDS[1]]["layout"]) == ("one\ntwo\n", "3x3")
    Path("text").write_bytes("Grüße".encode("utf-16"))
    assert "cannot be read: it is not UTF-8 text" in command("update", IDS[1], "description=@text", expect=2).err


def test_all_problems_are_told_at_once_and_nothing_is_sent(command: CommandLine, mock: MockServer) -> None:
    wrong = ["layuot=5up", "dark_primary=red", "size=big", "description=@missing", "enable_chat=perhaps", "quality"]
    wrong += ["join_from=tomorrow", "display_name=null", "layout:=[", "record_on_start=yes", "record_on_start=no"]
    done = command("update", "..", *wrong, "--allow-reset", "szie", "--where", "lyaout=5up", "--yes", expect=2)
    for word in wrong[:9]:
        assert f"- {word.partition('=')[0].rstrip(':')}=" in done.err
    assert "did you mean layout?" in done.err
    assert "is given twice" in done.err
    assert "No such file" in done.err
    assert "must not be empty, or consist of dots" in done.err
    assert "did you mean size?" in done.err
    assert done.err.count("did you mean layout?") == 2
    assert mock.requests == []


def test_problems_come_as_json_too(command: CommandLine) -> None:
    done = command("update", IDS[0], "layuot=5up", "--yes", "--json", expect=2)
    assert done.json["exit_code"] == 2
    assert done.json["error"]["type"] == "InvalidChangeError"
    [problem] = done.json["error"]["problems"]
    assert problem["field"] == "layuot"
    assert problem["rule"].startswith("is not a field; did you mean layout? There are display_name, ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["update", "id-1"],
        ["update", "layout=5up"],
        ["update", "id-1", "--all", "layout=5up"],
        ["update", "id-1", *WHERE, "layout=5up"],
        ["update", "--all", "--where", "nonsense", "layout=5up"],
        ["plan", "layout=5up"],
        ["plan", "id-1", "--all", "layout=5up"],
        ["create", "id-1", "display_name=x"],
        ["create", "layout=5up"],
        ["undo"],
        ["get"],
        ["get", "../x"],
        ["list", "layout=5up"],
        ["list", "id-1"],
        ["update", "id-1", "layout=5up", "--journal", "x", "--no-journal"],
        ["apply", "missing.json"],
        ["restore", "missing.yaml"],
    ],
)
def test_usage_is_refused_with_2_and_nothing_sent(command: CommandLine, mock: MockServer, arguments: list[str]) -> None:
    writes = arguments[0] not in ("get", "list", "plan")
    done = command(*arguments, *(["--yes"] if writes else []), expect=2)
    assert done.err
    assert "Traceback" not in done.err
    assert mock.requests == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([IDS[0], "--all", "layout=5up"], "Give either ids or --all, not both."),
        ([IDS[0], *WHERE, "layout=5up"], "Give either ids or --where, not both."),
        (["-", "--all", "layout=5up"], "Give either ids or --all, not both."),
        (["layout=5up"], "Which conferences?"),
        ([IDS[0], "layout:5up"], "- word='layout:5up': is not an id; write layout=5up"),
        ([IDS[0], "display_name=None", "layout=null", "display_name=null"], "- display_name='null': is given twice"),
        ([IDS[0], "display_name=null"], "- display_name=null: cannot be cleared"),
    ],
)
def test_wrong_words_are_told_as_they_were_meant(
    command: CommandLine, mock: MockServer, arguments: list[str], told: str
) -> None:
    assert told in command("update", *arguments, "--yes", expect=2).err
    assert mock.requests == []


# --- exit codes ---------------------------------------------------------------------------------------


def test_what_cannot_be_carried_ends_with_1(command: CommandLine, mock: MockServer) -> None:
    done = command("update", IDS[4], "layout=2x2", "--yes", expect=1)
    assert "or pass --allow-reset size to let it be reset" in done.err
    assert set(methods(mock)) == {"GET"}
    assert command("plan", IDS[4], "layout=2x2", expect=1).out.count("! size") == 1
    command("update", IDS[4], "layout=2x2", "--yes", "--allow-reset", "size")
    assert mock.store[IDS[4]]["size"] == "medium"


def test_what_the_server_did_not_keep_names_the_undo_of_this_conference(command: CommandLine, mock: MockServer) -> None:
    mock.faults.add(Fault.field_lost("quality"), "PUT")
    mock.store.patch(IDS[1], {"quality": "1080p"})
    done = command("update", IDS[1], "layout=2x2", "--yes", expect=1)
    assert f"`undo {IDS[1]}`, which needs the journal" in done.err
    assert "`before`" not in done.err
    command("undo", IDS[1], "--yes")
    assert (mock.store[IDS[1]]["quality"], mock.store[IDS[1]]["layout"]) == ("1080p", "10x10")


def test_a_dry_run_ends_as_the_exit_codes_say(command: CommandLine, mock: MockServer) -> None:
    command("export", "file.yaml")
    command("update", IDS[1], "layout=2x2", "--dry-run")  # it would change, and is not refused
    command("update", IDS[4], "layout=2x2", "--dry-run", expect=1)
    command("restore", "file.yaml", "--dry-run")
    mock.store.patch(IDS[1], {"layout": "2x2"})
    command("restore", "file.yaml", "--dry-run", expect=1)
    said = "in a dry run: some refused, or any drift of `restore`"
    assert said in " ".join(command("--help").out.split())


def test_a_conflict_ends_with_1(command: CommandLine, mock: MockServer) -> None:
    mock.faults.add(Fault.foreign_write({"layout": "3x3"}), "PUT")
    mock.faults.add(Fault.drop_before(), "PUT")
    done = command("update", IDS[1], "layout=2x2", "--yes", "--json", expect=1)
    assert '\n  - layout: it was "10x10", is now "3x3", and "2x2" was asked for' in done.err
    assert "<<<" not in done.err
    conflicts = [{"field": "layout", "before": "10x10", "theirs": "3x3", "ours": "2x2"}]
    assert done.json["error"]["conflicts"] == conflicts


@pytest.mark.parametrize("command_name", ["update", "apply", "undo", "restore", "edit"])
def test_confirm_looks_again_and_writes_again_what_was_overwritten(
    command: CommandLine, mock: MockServer, command_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("update", IDS[1], "layout=3x3", "--yes")
    command("plan", IDS[1], "layout=2x2", "--out", "plan")
    Path("file").write_text(f"conferences:\n- id: {IDS[1]}\n  layout: 2x2\n")
    monkeypatch.setenv("EDITOR", "sed -i s/3x3/2x2/")
    arguments = {
        "update": [IDS[1], "layout=2x2"],
        "apply": ["plan"],
        "undo": [IDS[1]],
        "restore": ["file"],
        "edit": [IDS[1]],
    }[command_name]
    mock.faults.add(Fault.foreign_write({"layout": "3x3"}, "after"), "PUT")
    mock.requests.clear()
    command(command_name, *arguments, "--yes", "--confirm", "0.01")
    assert mock.store[IDS[1]]["layout"] == ("10x10" if command_name == "undo" else "2x2")
    assert methods(mock).count("PUT") == 2
    assert "--confirm SECONDS" in command(command_name, "--help").out


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon", "1e12"])
def test_seconds_that_are_none_are_refused(command: CommandLine, mock: MockServer, seconds: str) -> None:
    done = command("update", IDS[1], "layout=2x2", "--yes", "--confirm", seconds, expect=2)
    assert "--confirm" in done.err
    assert "login" not in done.err
    assert mock.requests == []


def test_what_is_missing_is_said_in_the_words_of_the_command_line(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNALWIRE_API_TOKEN")
    done = command("list", "--json", expect=2)
    assert "token is missing: set SIGNALWIRE_API_TOKEN" in done.err
    assert "pass " not in done.out
    done = command("update", IDS[1], "layout=2x2", "--yes", "--allow-reset", "szie", expect=2)
    assert "  - --allow-reset 'szie': is not a field" in done.err


def test_the_server_ends_it_with_3(command: CommandLine, mock: MockServer) -> None:
    assert "404" in command("get", "nobody", expect=3).err
    mock.faults.add(Fault.status(403), "GET")
    assert "403" in command("list", expect=3).err


def test_the_network_ends_it_with_3(command: CommandLine, mock: MockServer) -> None:
    mock.stop()
    done = command("update", IDS[1], "layout=2x2", "--yes", "--json", expect=3)
    assert done.json["error"]["type"] == "TransportError"


def test_missing_credentials_end_it_with_2(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNALWIRE_API_TOKEN")
    told = command("list", expect=2).err
    assert "SIGNALWIRE_API_TOKEN" in told
    assert "login" in told


def test_without_a_standard_input_there_are_no_ids(command: CommandLine) -> None:
    done = command.process("update", "-", "layout=5up", "--yes", preexec_fn=lambda: os.close(0))
    assert (done.code, done.err.splitlines()[0]) == (0, "No conference is selected.")


# --- update of many -----------------------------------------------------------------------------------


def test_all_tells_what_was_not_changed_and_why(command: CommandLine, mock: MockServer) -> None:
    done = command("update", "--all", "layout=5up", "--yes", expect=1)
    assert of(mock, "layout") == ["5up"] * 4 + ["10x10"]
    assert "3 conferences changed, 1 matched already, 1 not changed." in done.err
    assert IDS[4] in done.err
    assert "size" in done.err
    again = command("update", "--all", "layout=5up", "--yes", "--json", expect=1)
    assert again.json["unchanged"] == IDS[:4]
    assert again.json["changed"] == []
    assert again.json["failed"][IDS[4]]["type"] == "UnsafeUpdateError"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["name~stand-*"], [0, 1, 2]),
        (["layout=10x10"], [1, 2, 3, 4]),
        (["layout!=10x10"], [0]),
        (["size=null"], [4]),
        (["name~stand-*", "layout=10x10"], [1, 2]),
        (["name~nobody*"], []),
    ],
)
def test_where_selects(command: CommandLine, conditions: list[str], expected: list[int]) -> None:
    options = [option for condition in conditions for option in ("--where", condition)]
    done = command("update", *options, "quality=1080p", "--allow-reset", "size", "--yes", "--json")
    assert done.json["changed"] == [IDS[number] for number in expected]
    assert [each["id"] for each in command("list", *options, "--json").json if each["quality"] == "1080p"] == [
        each["id"] for each in command("list", "--where", "quality=1080p", *options, "--json").json
    ]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("layout=10X10", "did you mean 10x10?"),
        ("layout!=10X10", "layout~10X10 compares it as text"),
        ("size=hugee", "is not a value of size; there are small, medium, large"),
        ("enable_chat=maybe", "must be true or false"),
        ("enable_chat~tru*", "must be enable_chat=VALUE; ~ compares texts"),
        ("dark_primary=red", "must be a string that matches"),
        ("join_from=tomorrow", "must be an RFC 3339 date-time"),
        ("created_at=tomorrow", "must be an RFC 3339 date-time"),
    ],
)
def test_where_refuses_a_value_that_no_conference_can_have(
    command: CommandLine, mock: MockServer, condition: str, told: str
) -> None:
    for arguments in (["update", "size=small", "--yes"], ["list"]):
        assert told in command(*arguments, "--where", condition, expect=2).err
    assert mock.requests == []


def test_where_finds_a_value_that_the_contract_does_not_know_as_text(command: CommandLine, mock: MockServer) -> None:
    mock.store.patch(IDS[1], {"layout": "13x13"})
    assert [each["id"] for each in command("list", "--where", "layout~13x13", "--json").json] == [IDS[1]]


def test_ids_come_from_the_standard_input_as_list_writes_them(command: CommandLine) -> None:
    listed = command("list", *WHERE).out
    assert [line.split("\t")[0] for line in listed.splitlines()] == IDS[:3]
    done = command("update", "-", "size=small", "--yes", "--json", input=f"# these\n\n{listed}")
    assert done.json["changed"] == IDS[:3]
    assert command("update", "-", "size=small", "--yes", "--json", input="").json["changed"] == []


@pytest.mark.parametrize("as_one", [False, True])
def test_ids_come_from_json_as_list_and_get_write_it(command: CommandLine, as_one: bool) -> None:
    listed = command(*(["get", IDS[0]] if as_one else ["list", *WHERE]), "--json").out
    done = command("update", "-", "size=small", "--yes", "--json", input="\ufeff" + listed)
    assert done.json["changed"] == IDS[: 1 if as_one else 3]


def test_a_list_that_broke_off_changes_nothing(command: CommandLine, mock: MockServer) -> None:
    mock.faults.add(Fault.status(500), "GET", at=2, times=None)
    listed = command("list", "page_size=2", "--json", expect=3).out
    assert IDS[0] in listed
    mock.faults.clear()
    mock.requests.clear()
    command("update", "-", "size=small", "--yes", input=listed, expect=2)
    assert mock.requests == []


@pytest.mark.parametrize("given", ["[", "{}", "[1]", "[{}]", '{"id": "a"}\n{"id": "b"}', '[{"id": ""}]', "[" * 100_000])
def test_other_json_is_no_list_of_ids(command: CommandLine, mock: MockServer, given: str) -> None:
    done = command("update", "-", "size=small", "--yes", input=given, expect=2)
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 2
    assert mock.requests == []


@pytest.mark.parametrize("wrong", ["[", "]", '{"id":', '"a",', " ", "\t", "a\x1bb", "\u3000"])
def test_what_cannot_be_an_id_is_refused_before_any_request(command: CommandLine, mock: MockServer, wrong: str) -> None:
    for arguments in (
        ["update", wrong, "size=small", "--yes"],
        ["update", IDS[0], wrong, "size=small", "--yes"],
        ["get", wrong],
        ["delete", IDS[0], wrong, "--yes"],
        ["edit", wrong, "--yes"],
        ["undo", wrong, "--yes"],
        ["history", wrong],
        ["plan", wrong, "size=small"],
    ):
        command(*arguments, expect=2)
    assert mock.requests == []


def test_wrong_ids_from_the_standard_input_are_told_at_once(command: CommandLine, mock: MockServer) -> None:
    done = command("update", "-", "size=small", "--yes", input=b"a/b\nfine\n..\n\xff?\n", expect=2)
    assert done.err.count("\n  - id=") == 3
    assert mock.requests == []


def test_the_summary_says_how_many_change_match_and_are_refused(command: CommandLine) -> None:
    done = command("update", "--all", "layout=5up", "--dry-run", expect=1)
    assert '3  layout: "10x10" -> "5up"' in done.out
    assert "3 conferences would change, 1 match already, 1 are refused." in done.out


def test_a_failure_of_one_does_not_stop_the_others(command: CommandLine, mock: MockServer) -> None:
    mock.faults.add(Fault.status(422), "PUT", conference_id=IDS[1])
    done = command("update", *IDS[:4], "nobody", "quality=1080p", "--yes", "--json", "--concurrency", "1", expect=1)
    assert done.json["changed"] == [IDS[0], *IDS[2:4]]
    assert {each: error["type"] for each, error in done.json["failed"].items()} == {
        IDS[1]: "ValidationError",
        "nobody": "NotFoundError",
    }


def test_interrupted_it_tells_what_is_done_and_the_same_command_does_the_rest(
    command: CommandLine, mock: MockServer
) -> None:
    mock.faults.add(Fault.latency(0.3), "PUT", times=None)
    line = [*COMMAND, "update", *IDS[:4], "quality=1080p", "--yes", "--json", "--concurrency", "1"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "PUT" not in methods(mock):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "run the same command again to do the rest" in err
    done = json.loads(out)["changed"]
    assert done == [each for each in IDS[:4] if mock.store[each]["quality"] == "1080p"]
    assert 1 <= len(done) < 4
    mock.faults.clear()
    again = command(*line[len(COMMAND) :]).json
    assert (again["unchanged"], again["changed"]) == (done, IDS[len(done) : 4])


@pytest.mark.parametrize("arguments", [["update", IDS[1], "layout=2x2"], ["create", "display_name=x"], ["get", IDS[1]]])
def test_an_interrupt_of_one_says_whether_a_write_may_have_been_carried_out(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    send, method = Wire.message, {"update": "PUT", "create": "POST", "get": "GET"}[arguments[0]]

    def interrupted(wire: Wire, request: Request) -> Any:
        if request.method == method:
            raise KeyboardInterrupt
        return send(wire, request)

    monkeypatch.setattr(Wire, "message", interrupted)
    told = command(*arguments, *["--yes"] * (method != "GET"), expect=130).err
    assert told.startswith("Interrupted.")
    assert ("may have been carried out" in told) == (method != "GET")
    assert ("`undo" in told) == (method == "PUT")


def test_interrupted_twice_it_does_not_say_that_all_is_finished(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(*_: object, **__: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise KeyboardInterrupt

    monkeypatch.setattr("signalwire_conferences.workers.run", twice)
    done = command("update", *IDS[:4], "quality=1080p", "--yes", expect=130)
    assert "What was running may have been carried out or not" in done.err


def test_at_a_terminal_a_bar_shows_how_far_it_is(command: CommandLine, mock: MockServer) -> None:
    mock.faults.add(Fault.latency(0.1), "PUT", times=None)
    shown = command.at_terminal("update", *IDS[:4], "quality=1080p", "--yes", "--concurrency", "1").out
    assert "writing" in shown
    assert "2 changed" in shown
    assert "\x1b[" not in command.process("update", *IDS[:4], "quality=720p", "--yes").err


def test_what_is_so_of_many_for_one_reason_is_said_once(
    command: CommandLine, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [f"more-{number}" for number in range(60)]
    for each in more:
        mock.store.add({"id": each, "name": each, "display_name": "x"})
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_record", Mock(side_effect=full))
        done = command("update", *more, "layout=2x2", "--yes", expect=2)
        assert done.err.count("database or disk is full") == 1
        assert "0 conferences changed, 0 matched already, 60 not changed." in done.err
        assert "more-0, more-1, more-2 and 57 others; --json names them" in done.err
        assert sorted(command("update", *more, "layout=2x2", "--yes", "--json", expect=2).json["failed"]) == sorted(
            more
        )
    assert "PUT" not in methods(mock)
    mock.faults.add(Fault.status(401), times=None)
    assert command("update", *more, "layout=2x2", "--yes", expect=3).err.count("\n") < 30


# --- create and delete --------------------------------------------------------------------------------


def test_create_prints_the_id_alone(command: CommandLine, mock: MockServer) -> None:
    done = command("create", "display_name=Stand-up", "name=stand-up", "layout=5up")
    made = mock.store[done.out.strip()]
    assert (made["name"], made["layout"]) == ("stand-up", "5up")
    assert command("create", "display_name=x", "--json").json["display_name"] == "x"


def test_delete_deletes(command: CommandLine, mock: MockServer) -> None:
    assert command("delete", *IDS[:2], "--yes", "--json").json == {"dry_run": False, "deleted": IDS[:2]}
    assert list(mock.store) == IDS[2:]


# --- at a terminal ------------------------------------------------------------------------------------


def test_at_a_terminal_it_asks(command: CommandLine, mock: MockServer) -> None:
    done = command.at_terminal("update", IDS[1], "layout=2x2", typed="n\n")
    assert (done.code, mock.store[IDS[1]]["layout"]) == (1, "10x10")
    assert "Nothing was written." in done.out
    done = command.at_terminal("update", IDS[1], "layout=2x2", typed="y\n")
    assert (done.code, mock.store[IDS[1]]["layout"]) == (0, "2x2")


def test_at_a_terminal_colours_are_swatches(command: CommandLine) -> None:
    done = command.at_terminal("update", IDS[1], "dark_primary=#112233", "light_primary=#fedcba", "--dry-run")
    assert "48;2;17;34;51" in done.out
    assert "48;2;254;220;186" in done.out
    assert "\x1b[32m" in done.out


def test_no_color_means_no_escape_sequence(command: CommandLine) -> None:
    for arguments in (["update", IDS[1], "dark_primary=#112233", "--dry-run"], ["get", IDS[1]], ["get", "nobody"]):
        assert "\x1b[" not in command.at_terminal(*arguments, env={"NO_COLOR": "1"}).out
        piped = command.process(*arguments)
        assert "\x1b[" not in piped.out + piped.err


def test_help_names_every_field_and_exit_code(command: CommandLine) -> None:
    told = command("update", "--help").out
    assert all(f"\n    {name} " in told for name in contract.fields(contract.UPDATE))
    assert all(f"\n    {code} " in command("--help").out for code in (0, 1, 2, 3, 130))


def test_the_token_is_in_no_output(command: CommandLine, mock: MockServer) -> None:
    mock.store.patch(IDS[0], {"description": "fine"})
    for arguments in (["list"], ["get", IDS[0]], ["get", "nobody"], ["update", IDS[0], "size=big", "--yes"]):
        done = command(*arguments, expect=None)
        assert mock.token not in done.out + done.err


def test_json_is_what_the_server_sent(command: CommandLine, mock: MockServer) -> None:
    shown = command("get", IDS[0], "--json").json
    assert shown == json.loads(json.dumps(mock.store[IDS[0]]))
    assert os.environ["SIGNALWIRE_SPACE"] == mock.host


def test_json_has_the_shape_that_its_page_says(command: CommandLine, mock: MockServer) -> None:
    done = command("update", *IDS[1:4], "nobody", IDS[4], "layout=5up", "--yes", "--json", expect=1).json
    deleted = command("delete", IDS[3], "--yes", "--json").json
    entry = command("history", "--json").json[0]
    bad = command("update", IDS[0], "size=big", "--yes", "--json", expect=2).json
    command("plan", IDS[1], "layout=2x2", "--out", "plan")
    mock.store.patch(IDS[1], {"layout": "3x3"})
    conflict = command("apply", "plan", "--yes", "--json", expect=1).json["error"]
    parts = [done, deleted, entry, bad, bad["error"], bad["error"]["problems"][0], conflict, conflict["conflicts"][0]]
    parts += [done["failed"]["nobody"], done["failed"][IDS[4]], done["changes"][IDS[1]]["layout"]]
    section = Page.read("overrides/COMMAND_LINE.md").section("JSON")
    assert [key for part in parts for key in part if f"`{key}`" not in section] == []


# --- what was shown is what is applied ----------------------------------------------------------------

Answer = Callable[[Callable[[], object]], None]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Answers yes to every question, after somebody else did something."""

    def answer(meanwhile: Callable[[], object]) -> None:
        def ask(*_: object) -> bool:
            meanwhile()
            return True

        monkeypatch.setattr(Terminal, "is_interactive", True)
        monkeypatch.setattr(Terminal, "ask", ask)

    return answer


@pytest.mark.parametrize("which", [IDS[1:4], WHERE])
def test_what_somebody_set_after_the_preview_of_many_is_a_conflict(
    command: CommandLine, mock: MockServer, answering: Answer, which: list[str]
) -> None:
    answering(lambda: mock.store.patch(IDS[1], {"layout": "3x3", "description": "theirs"}))
    done = command("update", *which, "layout=2x2", "quality=1080p", expect=1)
    assert (mock.store[IDS[1]]["layout"], mock.store[IDS[2]]["layout"]) == ("3x3", "2x2")
    assert "ConflictError" in done.err
    assert "3x3" in done.err


def test_a_field_that_matched_in_the_preview_is_not_overwritten_either(
    command: CommandLine, mock: MockServer, answering: Answer
) -> None:
    mock.store.patch(IDS[1], {"layout": "2x2"})
    answering(lambda: mock.store.patch(IDS[1], {"layout": "3x3"}))
    command("update", *IDS[1:3], "layout=2x2", "quality=1080p", expect=1)
    assert mock.store[IDS[1]]["layout"] == "3x3"


def test_other_fields_that_somebody_set_after_the_preview_stay_and_the_same_value_is_no_conflict(
    command: CommandLine, mock: MockServer, answering: Answer
) -> None:
    def theirs() -> None:
        mock.store.patch(IDS[1], {"description": "theirs"})
        mock.store.patch(IDS[2], {"layout": "2x2"})

    answering(theirs)
    command("update", *IDS[:3], "layout=2x2")
    assert [mock.store[each]["layout"] for each in IDS[:3]] == ["2x2"] * 3
    assert mock.store[IDS[1]]["description"] == "theirs"


def test_what_matched_in_the_preview_alone_is_said_to_have_matched_when_looked_at(
    command: CommandLine, answering: Answer
) -> None:
    answering(bool)
    assert "2 conferences changed, 1 matched when looked at" in command("update", *IDS[:3], "layout=5up").err


@pytest.mark.parametrize("yes", [True, False])
def test_a_restore_does_not_overwrite_what_was_set_since_it_was_shown(
    command: CommandLine, mock: MockServer, answering: Answer, monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    command("export", "conferences.yaml")
    mock.store.patch(IDS[1], {"layout": "2x2"})
    theirs = functools.partial(mock.store.patch, IDS[1], {"layout": "3x3"})
    answering(theirs)
    if yes:
        monkeypatch.setattr(Run, "agreed", lambda *_: (theirs(), True)[1])
    done = command("restore", "conferences.yaml", *["--yes"] * yes, expect=1)
    assert mock.store[IDS[1]]["layout"] == "3x3"
    assert "ConflictError" in done.err


def test_several_that_all_fail_for_one_reason_of_the_server_end_as_one_does(
    command: CommandLine, mock: MockServer
) -> None:
    mock.faults.add(Fault.status(403), times=None)
    command("update", IDS[0], "layout=2x2", "--yes", expect=3)
    command("update", *IDS[:3], "layout=2x2", "--yes", expect=3)
    mock.faults.clear()
    mock.faults.add(Fault.status(403), "PUT", conference_id=IDS[0], times=None)
    command("update", *IDS[1:3], IDS[0], "layout=2x2", "--yes", expect=1)
