"""What reaches a terminal, a pipe and a shell: nothing raw, no traceback, and completions."""

import io
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from command_line import COMMAND, CommandLine
from mock_support import WHOLE
from processes import methods
from signalwire_conferences import cli, contract
from signalwire_conferences.cli.streams import Stream
from signalwire_conferences_testing.mock import Fault, MockServer

ID = WHOLE["id"]
INTERRUPTED = """
import sys

class Finder:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
from signalwire_conferences import cli
sys.exit(cli.main([sys.argv[2]]))
"""
HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202eevil\x9b31m\n\r\0[bold red]:smile:"


@pytest.fixture
def mock(mock: MockServer) -> MockServer:
    for each in list(mock.store):
        mock.store.delete(each)
    mock.store.add(WHOLE)
    return mock


# --- hostile values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--json"],
        ["get", ID],
        ["get", ID, "--json"],
        ["export"],
        ["export", "--json"],
        ["plan", ID, "display_name=x", "name_=x"],
        ["plan", ID, "display_name=x"],
        ["update", ID, "display_name=x", "--yes"],
        ["update", "--all", "display_name=x", "--yes", "--json"],
        ["update", "--all", "display_name=x", "--dry-run"],
        ["delete", ID, "--yes"],
    ],
)
def test_control_characters_of_the_server_are_never_printed_raw(
    command: CommandLine, mock: MockServer, arguments: list[str]
) -> None:
    hostile = dict.fromkeys(("display_name", "description", "unheard_of", "name"), HOSTILE)
    mock.store.patch(ID, hostile)
    done = command(*arguments, expect=None)
    shown = done.out + done.err
    assert not {mark for mark in shown if not mark.isprintable()} - {"\n", "\t"}
    if "--json" not in arguments and "name_=x" not in arguments:
        assert "[bold red]:smile:" in shown or arguments[0] in ("list", "update", "plan")


def test_at_a_terminal_a_hostile_name_moves_no_cursor(command: CommandLine, mock: MockServer) -> None:
    mock.store.patch(ID, {"display_name": HOSTILE})
    for arguments in (["list"], ["get", ID], ["plan", ID, "display_name=x"]):
        shown = command.at_terminal(*arguments).out
        assert "owned" in shown
        assert not [raw for raw in ("\x1b[2J", "\x1b]0;", "\x07", "\u202e", "\x9b") if raw in shown]


# --- pipes --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_pipe_that_is_closed_early_is_no_error(mock: MockServer, options: list[str]) -> None:
    for number in range(300):
        mock.store.add({"id": f"id-{number}", "name": f"name-{number}", "display_name": "x" * 200})
    line = [*COMMAND, "list", "page_size=10", *options]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0
    assert len(mock.requests) < 30  # the rest is not read


@pytest.mark.usefixtures("command")
def test_a_change_is_carried_out_though_nobody_reads_of_it(mock: MockServer) -> None:
    process = subprocess.Popen(
        [*COMMAND, "update", ID, "layout=5up", "--yes"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    assert mock.store[ID]["layout"] == "5up"


def test_data_goes_to_the_standard_output_and_talk_to_the_standard_error(command: CommandLine) -> None:
    done = command.process("update", ID, "layout=5up", "--yes", "--json")
    assert done.json["changed"] == [ID]
    assert '+ layout: "5up"' in done.err


def test_a_locale_without_the_characters_of_a_name_is_no_error(command: CommandLine, mock: MockServer) -> None:
    mock.store.patch(ID, {"display_name": "Grüße 会議"})
    done = command.process("list", env={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.err) == (0, "")
    assert "Gr\\xfc\\xdfe \\u4f1a\\u8b70" in done.out


def in_full(arguments: list[str], patch: pytest.MonkeyPatch, name: str = "stdout") -> int:
    """Runs a command of which a standard stream is full; gives the exit code."""
    with Path("/dev/full").open("w", encoding="utf-8") as full, patch.context() as context:
        context.setattr(sys, name, full)
        try:
            return cli.main(arguments)
        except SystemExit as ended:
            return int(ended.code or 0)


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--json"],
        ["get", ID],
        ["get", "nobody", "--json"],
        ["export"],
        ["export", "--json"],
        ["update", ID, "layout=5up", "--yes"],
        ["update", "--all", "layout=5up", "--yes", "--json"],
        ["plan", ID, "layout=5up", "--json"],
        ["history", "--json"],
        ["delete", ID, "--dry-run"],
        ["--help"],
        ["update", "--help"],
        ["mock", "--help"],
        ["--version"],
        [],
    ],
)
def test_a_full_standard_output_is_one_sentence_and_exit_code_3(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_full(arguments, monkeypatch) == 3
    told = capsys.readouterr().err
    assert told.count("The standard output cannot be written: No space left on device.\n") == 1
    if "update" not in arguments:
        assert len(told.splitlines()) == 1 + ("nobody" in arguments)


@pytest.mark.usefixtures("command")
def test_a_full_standard_output_does_not_hide_what_was_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_full(["update", "--all", "layout=5up", "--yes", "--json"], monkeypatch)
    assert "1 conference changed" in capsys.readouterr().err


@pytest.mark.usefixtures("command")
def test_python_says_no_more_of_a_full_standard_output_when_it_ends() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        line = [*COMMAND, "list", "--help"]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n"), done.stderr[:19]) == (3, 1, "The standard output")


@pytest.mark.usefixtures("command")
def test_a_full_standard_error_is_no_traceback(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_full(["update", ID, "layout=5up", "--yes"], monkeypatch, "stderr") == 0
    assert mock.store[ID]["layout"] == "5up"
    assert in_full(["lits"], monkeypatch, "stderr") == 2


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_a_standard_stream_that_the_shell_closed_is_no_error(
    mock: MockServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr(sys, name, None)
        with pytest.raises(SystemExit, match="0"):
            cli.main(["update", ID, "layout=5up", "--yes"])
    assert mock.store[ID]["layout"] == "5up"


@pytest.mark.parametrize(
    ("module", "command"), [("typer", "list"), ("attrs", "list"), ("signalwire_conferences_testing", "mock")]
)
def test_an_interrupt_of_any_import_is_130_without_a_traceback(module: str, command: str) -> None:
    line = [sys.executable, "-P", "-c", INTERRUPTED, module, command]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_130_and_without_a_traceback(mock: MockServer, number: signal.Signals) -> None:
    mock.faults.add(Fault.latency(20), "GET")
    process = subprocess.Popen([*COMMAND, "get", ID], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not mock.requests:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Interrupted" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("columns", ["0", "00", "1", "-1", "x"])
def test_whatever_columns_says_nothing_is_left_out(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = command("update", ID, "nobody", "layout=5up", "--yes", expect=1)
    assert "1 conference changed, 0 matched already, 1 not changed." in done.err
    assert "nobody\tNotFoundError\tGET " in done.err
    assert "+ layout" in command("plan", ID, "layout=2x2").out


@pytest.mark.parametrize("state", ["", "relative/folder"])
def test_a_state_folder_that_is_none_is_passed_over(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    command("update", ID, "layout=5up", "--yes")
    (journal,) = tmp_path.rglob("journal.sqlite")
    assert journal.relative_to(tmp_path).parts[:2] == (".local", "state")


# --- completion ---------------------------------------------------------------------------------------


def completions(command: CommandLine, line: str, shell: str = "zsh") -> list[str]:
    """What a shell is offered for a line that ends where the cursor is."""
    env = {"_SIGNALWIRE_CONFERENCES_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        words = line.replace("=", " = ").split() + ([""] if line.endswith(" ") else [])
        env |= {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    else:
        env |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = command.process(env=env)
    assert done.err == ""
    return [each.split("\t")[0] for each in done.out.splitlines()]


@pytest.mark.parametrize("shell", [pytest.param("fish", marks=pytest.mark.long), "bash"])
def test_fields_and_values_are_completed(command: CommandLine, shell: str) -> None:
    name = "signalwire-conferences"
    layouts = contract.fields(contract.UPDATE)["layout"].schema["enum"]
    prefix = "" if shell == "bash" else "layout="
    assert completions(command, f"{name} update id l", shell)[:2] == ["layout=", "light_primary="]
    assert completions(command, f"{name} update id la", shell) == [f"layout={each}" for each in layouts]
    assert completions(command, f"{name} update id layout=", shell) == [f"{prefix}{each}" for each in layouts]
    assert completions(command, f"{name} update id layout=5", shell) == [f"{prefix}5up", f"{prefix}5x5"]
    assert completions(command, f"{name} update id size=small enable_chat=t", shell) == [
        "true" if shell == "bash" else "enable_chat=true"
    ]
    assert completions(command, f"{name} create na", shell) == ["name=", "name=@"]
    assert completions(command, f"{name} update dark_p", shell) == ["dark_primary=#", "dark_primary=null"]
    assert {"list", "restore", "mock", "verify"} <= set(completions(command, f"{name} ", shell))
    assert completions(command, f"{name} update --al", shell) == ["--all", "--allow-reset"]


def test_completion_sends_nothing(command: CommandLine, mock: MockServer) -> None:
    completions(command, "signalwire-conferences update id la", "fish")
    assert methods(mock) == []


def test_a_stream_that_is_closed_already_is_left_alone_when_ours_is_collected() -> None:
    closed = io.TextIOWrapper(io.BytesIO())
    ours = Stream(closed)
    closed.close()
    ours.close()  # what Python calls then; from 3.13 on it reports what this raises


# --- the rest -----------------------------------------------------------------------------------------


def test_the_version_is_that_of_the_package(command: CommandLine) -> None:
    assert command("--version").out == f"signalwire-conferences {version('signalwire-conferences')}\n"


@pytest.mark.parametrize(("wrong", "meant"), [(["lits"], "list"), (["update", "--lable", "x"], "--label")])
def test_a_wrong_command_or_option_is_asked_about(command: CommandLine, wrong: list[str], meant: str) -> None:
    done = command(*wrong, expect=2)
    assert meant in done.err
    assert done.out == ""


def test_the_journal_is_on_by_default_and_of_its_owner_alone(command: CommandLine, tmp_path: Path) -> None:
    command("update", ID, "layout=5up", "--yes")
    (journal,) = tmp_path.rglob("journal.sqlite")
    assert journal.stat().st_mode & 0o077 == 0
    assert journal.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("options", [["--no-journal"], ["--journal", "mine.sqlite"]])
def test_the_journal_is_where_it_is_wanted(command: CommandLine, tmp_path: Path, options: list[str]) -> None:
    command("update", ID, "layout=5up", "--yes", *options)
    assert [each.name for each in tmp_path.rglob("*.sqlite")] == options[1:]


def test_a_state_folder_that_cannot_be_made_is_told_with_the_way_out(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file")
    assert "--no-journal" in command("update", ID, "layout=5up", "--yes", expect=2).err
    command("update", ID, "layout=5up", "--yes", "--no-journal")
