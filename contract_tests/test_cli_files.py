"""`export`, `restore` and `edit`: conferences as files."""

import json
import os
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from command_line import CommandLine
from mock_support import WHOLE
from processes import methods
from signalwire_conferences import states
from signalwire_conferences.client import Conferences
from signalwire_conferences_testing.mock import Fault, MockServer

A, B = "id-a", "id-b"
FILE = "conferences.yaml"


@pytest.fixture
def mock(mock: MockServer) -> MockServer:
    for each in list(mock.store):
        mock.store.delete(each)
    mock.store.add({**WHOLE, "id": B, "name": "b", "description": "one\ntwo"})
    mock.store.add({**WHOLE, "id": A, "name": "a", "display_name": "no", "size": None})
    return mock


def change(old: str, new: str) -> None:
    text = Path(FILE).read_text("utf-8")
    assert old in text
    Path(FILE).write_text(text.replace(old, new), "utf-8")


# --- export and restore -------------------------------------------------------------------------------


def test_a_round_trip_changes_nothing(command: CommandLine, mock: MockServer) -> None:
    command("export", FILE)
    first = Path(FILE).read_bytes()
    for arguments in (["restore", FILE, "--dry-run"], ["restore", FILE, "--yes", "--create", "--prune"]):
        assert command(*arguments, "--json").json["changed"] == []
    assert set(methods(mock)) == {"GET"}
    command("export", FILE)
    assert Path(FILE).read_bytes() == first
    assert command("export").out.encode() == first
    Path(FILE).write_text(command("export", "--json").out, "utf-8")
    command("restore", FILE, "--dry-run")


def test_values_that_the_contract_does_not_know_survive_a_round_trip(command: CommandLine, mock: MockServer) -> None:
    hostile = {"layout": "13x13", "join_from": "2030-12-31T23:59:60.123456789Z", "display_name": "\x1b[2J\u202e\0"}
    mock.store.patch(A, hostile, allow_unknown=True)
    command("export", FILE)
    assert not {"\x1b", "\0", "\u202e"} & set(Path(FILE).read_text("utf-8"))
    command("restore", FILE, "--dry-run")
    command("restore", FILE, "--yes")
    assert {name: mock.store[A][name] for name in hostile} == hostile
    change('"13x13"', '"14x14"')
    assert "line 12: layout='14x14': must be one of" in command("restore", FILE, "--yes", expect=2).err


def test_beside_the_file_is_the_schema_that_it_names(command: CommandLine) -> None:
    command("export", FILE)
    modeline = Path(FILE).read_text("utf-8").splitlines()[0]
    assert modeline == "# yaml-language-server: $schema=./conferences.schema.json"
    assert Path(states.SCHEMA).read_text("utf-8") == states.schema() == command("export", "--schema").out


def test_restore_brings_back_what_was_changed(command: CommandLine, mock: MockServer) -> None:
    command("export", FILE)
    mock.store.patch(B, {"layout": "5up", "description": None, "dark_primary": "#000000"})
    drift = command("restore", FILE, "--dry-run", expect=1)
    assert '+ layout: "2x2"' in drift.out
    assert "1 differ, 1 are as the file says" in drift.out
    assert set(methods(mock)) == {"GET"}
    assert command("restore", FILE, "--yes", "--json").json["changed"] == [B]
    assert (mock.store[B]["layout"], mock.store[B]["description"]) == ("2x2", "one\ntwo")
    command("restore", FILE, "--dry-run")


def test_a_file_edited_by_hand_is_the_state_that_is_wanted(command: CommandLine, mock: MockServer) -> None:
    Path(FILE).write_text(f"conferences:\n- id: {B}\n  layout: 5up\n  description: null\n  enable_chat: false\n")
    before = mock.store[B]
    command("restore", FILE, "--yes")
    after = mock.store[B]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"layout", "description", "enable_chat", "updated_at"}


def test_what_cannot_be_carried_is_refused_and_the_rest_is_done(command: CommandLine, mock: MockServer) -> None:
    command("export", FILE)
    change('layout: "2x2"', "layout: 3x3")
    done = command("restore", FILE, "--yes", "--json", expect=1)
    assert done.json["changed"] == [B]
    assert done.json["failed"][A]["type"] == "UnsafeUpdateError"
    assert [mock.store[each]["layout"] for each in (A, B)] == ["2x2", "3x3"]


def test_wrong_values_are_told_at_once_with_their_lines_and_nothing_is_written(
    command: CommandLine, mock: MockServer
) -> None:
    Path(FILE).write_text(f"conferences:\n- id: {B}\n  layout: 5upp\n  dark_primary: red\n- id: {A}\n  size: big\n")
    done = command("restore", FILE, "--yes", expect=2)
    for line in ("line 3: layout='5upp'", "line 4: dark_primary='red'", "line 6: size='big'"):
        assert line in done.err
    assert set(methods(mock)) == {"GET"}


@pytest.mark.parametrize("content", [b"", b"conferences: 3", b"\xff\xfe", b"conferences:\n- id: a\n  size: #112233"])
def test_an_unreadable_file_is_refused_before_any_request(
    command: CommandLine, mock: MockServer, content: bytes
) -> None:
    Path(FILE).write_bytes(content)
    command("restore", FILE, "--yes", expect=2)
    assert mock.requests == []


def test_creating_and_deleting_happen_only_when_asked_for(command: CommandLine, mock: MockServer) -> None:
    command("export", FILE)
    mock.store.delete(B)
    mock.store.add({**WHOLE, "id": "id-c", "name": "c"})
    assert command("restore", FILE, "--dry-run", expect=1).out.count("1 are not in the file") == 1
    done = command("restore", FILE, "--yes", "--json", expect=1)
    assert list(done.json["failed"]) == [B]
    assert set(methods(mock)) == {"GET"}
    dry = command("restore", FILE, "--dry-run", "--create", "--prune", expect=1).out
    assert "create b" in dry
    assert "delete id-c" in dry
    assert set(methods(mock)) == {"GET"}
    done = command("restore", FILE, "--yes", "--create", "--prune", "--json")
    assert done.json["deleted"] == ["id-c"]
    (made,) = done.json["created"]
    expected = {**mock.store[A], "name": "b", "description": "one\ntwo", "display_name": "Whole", "size": "large"}
    assert states.as_json({**mock.store[made], "id": B}) == states.as_json({**expected, "id": B})
    command("restore", FILE, "--dry-run", "--create", "--prune")  # known by its name from now on


def test_creating_stops_where_the_whole_space_refuses_and_says_so_once(command: CommandLine, mock: MockServer) -> None:
    Path(FILE).write_text("conferences:\n" + "".join(f"- name: n{n}\n  display_name: x\n" for n in range(9)))
    mock.faults.add(Fault.status(403), "POST", times=None)
    done = command("restore", FILE, "--yes", "--create", expect=3)
    assert methods(mock).count("POST") == 1
    assert done.err.count("403") == 1
    assert "9 not changed" in done.err


def test_interrupted_while_it_creates_it_tells_what_is_done(
    command: CommandLine, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(FILE).write_text("conferences:\n" + "".join(f"- name: n{n}\n  display_name: x\n" for n in range(3)))
    create = Conferences.create
    calls = iter([create, create])

    def interrupted(*arguments: Any, **fields: Any) -> Any:
        if (call := next(calls, None)) is None:
            raise KeyboardInterrupt
        return call(*arguments, **fields)

    monkeypatch.setattr(Conferences, "create", interrupted)
    done = command("restore", FILE, "--yes", "--create", "--json", expect=130).json
    assert len(done["created"]) == 2
    assert len(mock.store) == 4


def test_another_name_and_a_conference_that_is_there_twice_are_not_passed_over(
    command: CommandLine, mock: MockServer
) -> None:
    Path(FILE).write_text(f"conferences:\n- id: {B}\n  name: other\n  layout: 5up\n- id: {A}\n- name: a\n")
    told = command("restore", FILE, "--dry-run", expect=1).err
    assert "Its name is 'b', in the file 'other'; no update changes it." in told
    assert f"The file has it twice: it is '{A}', too." in told
    done = command("restore", FILE, "--yes", "--json", "--create", expect=1).json
    assert (done["changed"], list(done["failed"]), mock.store[B]["layout"]) == ([B], [B, "a"], "5up")
    assert len(mock.store) == 2


def test_an_export_replaces_no_link_and_no_pipe(command: CommandLine, tmp_path: Path) -> None:
    (link, real, pipe) = (tmp_path / name for name in ("link.yaml", "real.yaml", "pipe"))
    real.write_text("old")
    link.symlink_to(real.name)
    command("export", link)
    assert link.is_symlink()
    (tmp_path / states.SCHEMA).unlink()
    assert real.read_text("utf-8") == command("export").out
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        command("export", pipe)
        assert pipe.is_fifo()
        assert not (tmp_path / states.SCHEMA).exists()
        assert os.read(reader, 1 << 20).decode() == command("export").out
    finally:
        os.close(reader)


def test_a_file_of_another_space_deletes_nothing(command: CommandLine, mock: MockServer) -> None:
    command("export", FILE)
    change(mock.host, "other.signalwire.com")
    mock.store.add({**WHOLE, "id": "id-c", "name": "c"})
    seen = len(mock.requests)
    assert "line 3: space=" in command("restore", FILE, "--yes", "--prune", expect=2).err
    assert len(mock.requests) == seen
    assert "id-c" in mock.store
    command("restore", FILE, "--yes")


def test_an_export_for_git_says_nothing_that_changes_by_itself(command: CommandLine, mock: MockServer) -> None:
    first = command("export").out
    mock.store.patch(A, {"updated_at": "2031-01-01T00:00:00Z", "meta": {"seen": 1}})
    assert command("export").out == first


def test_a_failed_export_leaves_the_file_as_it_was(command: CommandLine, mock: MockServer) -> None:
    command("export", FILE)
    first = Path(FILE).read_bytes()
    assert "No such file" in command("export", f"missing/{FILE}", expect=2).err
    mock.faults.add(Fault.status(500), "GET", times=None)
    command("export", FILE, expect=3)
    assert Path(FILE).read_bytes() == first
    assert {path.name for path in Path().iterdir()} == {FILE, states.SCHEMA}


# --- edit ---------------------------------------------------------------------------------------------


def editor(tmp_path: Path, *scripts: str) -> str:
    """An editor that runs a script for each time that it is opened: `text` is the text of the file."""
    (tmp_path / "scripts.json").write_text(json.dumps(scripts))
    program = tmp_path / "editor.py"
    program.write_text(
        "import json, pathlib, sys\n"
        f"scripts = pathlib.Path({str(tmp_path / 'scripts.json')!r})\n"
        "file, (script, *rest) = pathlib.Path(sys.argv[1]), json.loads(scripts.read_text())\n"
        "scripts.write_text(json.dumps(rest))\n"
        "names = {'text': file.read_text(), 'file': file}\n"
        f"pathlib.Path({str(tmp_path)!r}, f'seen-{{len(rest)}}.yaml').write_text(names['text'])\n"
        "exec(script, names)\n"
        "file.write_text(names['text'])\n"
    )
    return shlex.join([sys.executable, str(program)])


def test_edit_changes_what_was_typed_and_keeps_the_rest(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, "text = text.replace('layout: \"2x2\"', 'layout: 5up')"))
    before = mock.store[B]
    assert '+ layout: "5up"' in command("edit", B, "--yes").out
    after = mock.store[B]
    assert {name for name in before if before[name] != after[name]} == {"layout", "updated_at"}
    assert yaml.safe_load((tmp_path / "seen-0.yaml").read_text())["conferences"] == [states.as_json(before)]


def test_edit_of_nothing_writes_nothing(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, ""))
    assert command("edit", B, "--yes", "--json").json["unchanged"] == [B]
    assert methods(mock) == ["GET"]


def test_a_file_that_does_not_check_is_opened_again_with_the_problems_in_it(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "text = text.replace('\"2x2\"', '5upp').replace('quality:', 'qualiti:')"
    still = "text = text.replace('qualiti:', 'quality:')"
    mended = "text = text.replace('5upp', '5up')"
    monkeypatch.setenv("EDITOR", editor(tmp_path, wrong, still, mended))
    command("edit", B, "--yes")
    assert mock.store[B]["layout"] == "5up"
    second, third = (tmp_path / f"seen-{number}.yaml" for number in (1, 0))
    lines = second.read_text().splitlines()
    assert lines[lines.index('  qualiti: "1080p"') - 1].startswith("#! qualiti: is not a field; did you mean quality?")
    assert "#! layout: must be one of" in third.read_text()
    assert third.read_text().count("#! ") == 2


def test_lines_are_those_of_the_file_as_it_is_opened_again(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    wrong = "text = text.replace('layout: \"2x2\"', 'layout: 5upp').replace('quality:', 'qualiti:')"
    wrong += ".replace('size: \"large\"', 'size: big') + '- id: id-b\\n'"
    monkeypatch.setenv("EDITOR", editor(tmp_path, wrong, ""))
    told = command("edit", B, "--yes", expect=2).err
    lines = Path(told.split("What you typed is in ")[1].splitlines()[0]).read_text().splitlines()
    found = {match[2]: lines[int(match[1]) - 1] for match in re.finditer(r"line (\d+): (\w+)", told)}
    assert found == {
        "layout": "  layout: 5upp",
        "qualiti": '  qualiti: "1080p"',
        "size": "  size: big",
        "id": "- id: id-b",
    }
    (before,) = re.findall(r"that of the conference at line (\d+) too", told)
    assert lines[int(before) - 1] == '- id: "id-b"'
    assert f"#! id: is that of the conference at line {before} too" in lines
    assert len([line for line in lines if line.startswith("#! ")]) == told.count("\n  - ") + 1


def test_a_file_that_is_no_yaml_is_told_at_its_top(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, "text = text.replace('layout: \"2x2\"', 'layout: a: b')", ""))
    told = command("edit", B, "--yes", expect=2).err
    (line,) = re.findall(r"line (\d+): the file: is not YAML", told)
    shown = (tmp_path / "seen-0.yaml").read_text().splitlines()
    assert f"#! line {line}: the file: is not YAML" in shown[1]
    assert shown[int(line) - 1] == "  layout: a: b"


@pytest.mark.parametrize("change", ["'\\ufeff' + text", "text.replace('\\n', '\\r\\n')"])
def test_what_an_editor_of_windows_writes_is_read(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, f"text = ({change}).replace('\"2x2\"', '5up')"))
    before = mock.store[B]
    command("edit", B, "--yes")
    assert {name for name in before if before[name] != mock.store[B][name]} == {"layout", "updated_at"}


def test_a_file_that_is_no_utf_8_any_more_is_left_as_it_is(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "iconv -t UTF-16 -o")
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\niconv -f UTF-8 -t UTF-16 "$1" > "$1.new" && mv "$1.new" "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    told = command("edit", B, "--yes", expect=2).err
    assert "not UTF-8" in told
    assert "conferences" in Path(told.split("What you typed is in ")[1].splitlines()[0]).read_text("utf-16")
    assert methods(mock) == ["GET"]


def test_an_interrupt_is_the_editors(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\nkill -INT $PPID\nsed -i s/2x2/5up/ "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    command("edit", B, "--yes")
    assert mock.store[B]["layout"] == "5up"


def test_lines_of_a_text_that_look_like_ours_stay(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock.store.patch(B, {"description": "#! one\n#! two"})
    wrong = "text = text.replace('\"2x2\"', '5upp')"
    monkeypatch.setenv("EDITOR", editor(tmp_path, wrong, "text = text.replace('5upp', '5up')"))
    command("edit", B, "--yes")
    assert (mock.store[B]["description"], mock.store[B]["layout"]) == ("#! one\n#! two", "5up")


def test_an_editor_that_returns_at_once_is_asked_to_wait(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    assert "EDITOR='code --wait'" in command("edit", B, "--yes").err


def test_wrong_options_are_told_before_the_editor_opens(
    command: CommandLine, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "false")
    assert "did you mean size?" in command("edit", B, "--yes", "--allow-reset", "szie", expect=2).err
    Path(FILE).write_text(f"conferences:\n- id: {B}\n  layuot: 5up\n  size: big\n")
    told = command("restore", FILE, "--yes", "--allow-reset", "szie", expect=2).err
    for wrong in ("--allow-reset 'szie'", "line 3: layuot", "line 4: size='big'"):
        assert wrong in told
    assert mock.requests == []


def test_closed_unchanged_it_is_given_up_and_what_was_typed_is_kept(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("EDITOR", editor(tmp_path, "text = text.replace('\"2x2\"', 'my long text')", ""))
    done = command("edit", B, "--yes", expect=2)
    kept = Path(done.err.split("What you typed is in ")[1].splitlines()[0])
    assert "my long text" in kept.read_text()
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert set(methods(mock)) == {"GET"}


@pytest.mark.parametrize(
    "script",
    [
        "text = text.replace('id-b', 'id-x')",
        "text = text.replace('name: \"b\"', 'name: x')",
        "text = ''",
        "text += '- id: id-a'",
        "text = text.replace('\"2x2\"', '[')",
    ],
)
def test_what_is_no_edit_of_that_conference_is_refused(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, script, ""))
    command("edit", B, "--yes", expect=2)
    assert set(methods(mock)) == {"GET"}


def test_what_somebody_else_changed_while_the_editor_was_open_is_a_conflict(
    command: CommandLine, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, "text = text.replace('\"2x2\"', '5up')"))
    mock.faults.add(Fault.foreign_write({"layout": "3x3"}, "after"), "GET")
    done = command("edit", B, "--yes", expect=1)
    assert "<<<<<<< ours" in done.err
    assert "What you typed is in" in done.err
    assert mock.store[B]["layout"] == "3x3"


@pytest.mark.parametrize("program", ["false", "no-such-editor-anywhere", "'"])
def test_an_editor_that_fails_writes_nothing(
    command: CommandLine, mock: MockServer, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setenv("VISUAL", program)
    assert "What you typed" not in command("edit", B, "--yes", expect=2).err
    assert methods(mock) == ["GET"]


def test_answered_with_no_what_was_typed_is_kept(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, "text = text.replace('\"2x2\"', '5up')"))
    done = command.at_terminal("edit", B, typed="n\n")
    assert done.code == 1
    assert "5up" in Path(done.out.split("What you typed is in ")[1].split()[0]).read_text()
