"""The command line: help without extras, a clear word where one is missing, commands loaded when wanted."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from signalwire_conferences import cli

ROOT = Path(__file__).parent.parent


def without(*modules: str) -> str:
    """Code after which these modules are not to be had."""
    return f"import sys; sys.modules.update(dict.fromkeys({modules!r}))"


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = f"{code}; from signalwire_conferences.cli import main; sys.exit(main())"
    command = [sys.executable, "-P", "-c", f"import sys; {script}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--help"])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    assert "mock" in shown
    assert "verify" in shown


def test_a_thread_may_run_a_command() -> None:
    with ThreadPoolExecutor() as threads, pytest.raises(SystemExit, match="0"):
        threads.submit(cli.main, ["--version"]).result()


def test_no_command_shows_the_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "COMMAND" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["frobnicate"])
    assert exit_.value.code == 2
    assert "frobnicate" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "extra"), [("mock", "mock"), ("verify", "contract")])
def test_help_needs_no_extra_and_a_command_names_the_one_that_it_needs(command: str, extra: str) -> None:
    missing = without("rich", "rich.console", "starlette", "uvicorn", "schemathesis", "hypothesis")
    assert run(missing, "--help").returncode == 0
    found = run(missing, command, "--help")
    assert found.returncode == 2
    assert f"pip install 'signalwire-conferences[{extra}]'" in found.stderr
    assert found.stderr.count("pip install") == 1
    assert "Traceback" not in found.stderr


def test_help_without_the_extra_says_what_the_extra_brings() -> None:
    shown = run("import sys; sys.modules['typer'] = None", "--help").stdout
    assert "update" in shown
    assert "undo" in shown
    assert "pip install 'signalwire-conferences[cli]'" in shown


def test_help_loads_no_command() -> None:
    code = "import atexit; atexit.register(lambda: print('signalwire_conferences_testing' in sys.modules))"
    assert run(code, "--help").stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("command", ["mock", "verify"])
def test_a_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main([command, "--help"])
    assert exit_.value.code == 0
    assert "options:" in capsys.readouterr().out


def test_examples_in_help_keep_their_lines() -> None:
    shown = run("pass", "update", "--help").stdout
    assert "\\b" not in shown
    assert "\n    update --where 'name~stand-*' layout=5up\n" in shown


def test_the_installed_script_is_this_command_line() -> None:
    script = Path(sys.executable).with_name("signalwire-conferences")
    found = subprocess.run([script, "verify", "--list-promises"], capture_output=True, text=True, check=False)
    assert found.returncode == 0
    assert "put/bare" in found.stdout


def test_make_contract_says_what_is_missing() -> None:
    found = subprocess.run(["make", "contract"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "give the URL of the server" in found.stderr
