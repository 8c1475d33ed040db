"""What the pages show is what happens: each block of code runs, each link leads somewhere."""

import inspect
import re
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from command_line import CommandLine
from pages import ROOT, Page, every_page, run_page
from signalwire_conferences import RestClient, cli, client, contract, errors, journal, settings
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import Fault, MockServer

TEAM, COPY = demo.conferences()
LEGACY = {"id": "legacy-id", "name": "legacy", "size": None}


@frozen
class Runs:
    """How a page is run: the conferences that it begins with, and what is left to tests of its own: the languages of
    such blocks, or a section.
    """

    seed: list[dict[str, Any]]
    left: tuple[str, ...] = ()
    but: str | None = None


PAGES = {
    "README.md": Runs([TEAM, COPY], ("sh", "text", "sh")),
    "overrides/CLIENT.md": Runs([TEAM, LEGACY], ("text",)),
    "overrides/RECIPES.md": Runs([TEAM, COPY], but="Two teams and a lock"),
    "overrides/MIGRATION.md": Runs([TEAM, COPY]),
    "overrides/COMMAND_LINE.md": Runs([TEAM, COPY]),
}
# The vendor's SDK, which is not installed here, as far as a page imports it.
VENDORS: Any = types.ModuleType("signalwire.rest")
VENDORS.RestClient = object
# Pages whose blocks all have tests of their own.
ELSEWHERE = {"contract_tests/MOCK.md", "contract_tests/VERIFICATION.md"}


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([]) as running:
        yield running


@pytest.mark.parametrize("path", PAGES)
def test_every_block_runs_and_shows_what_it_says(
    path: str, server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    page, how = Page.read(path), PAGES[path]
    server.seed(how.seed)
    monkeypatch.setitem(sys.modules, "signalwire.rest", VENDORS)
    examples = {
        "your-project-id": server.project,
        "your-api-token": server.token,
        "your-space.signalwire.com": server.host,
    }
    left = run_page(page, CommandLine(server, monkeypatch, capsys), examples, how.but)
    assert [block.language for block in left] == [*how.left]


def test_no_page_has_blocks_that_no_test_runs() -> None:
    assert {page.path for page in every_page() if page.blocks} == {*PAGES, *ELSEWHERE, ".dev/README.md"}


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    for page in every_page():
        for link in page.links:
            path, _, anchor = link.partition("#")
            file = (ROOT / page.path).parent / path if path else ROOT / page.path
            assert file.exists(), f"{page.path}: {link}"
            if anchor:
                there = Page.read(file.resolve().relative_to(ROOT).as_posix())
                assert anchor in there.anchors, f"{page.path}: {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    found, ahead = set[str](), ["README.md"]
    while ahead:
        found.add(path := ahead.pop())
        links = [(ROOT / path).parent / link.partition("#")[0] for link in Page.read(path).links]
        pages = {link.resolve().relative_to(ROOT).as_posix() for link in links if link.suffix == ".md"}
        ahead += pages - found
    assert found == {page.path for page in every_page()}


def test_what_is_installed_is_an_extra_of_the_package() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))["project"]
    installed = re.findall(r"^pip install '\.\[(\w+)\]'", Page.read("README.md").text, re.MULTILINE)
    assert sorted(installed) == sorted(project["optional-dependencies"])


def test_commands_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", ROOT.joinpath("Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for page in every_page() for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.text, re.MULTILINE)}
    assert {"demo", "test", "bench", "contract", "generate", "mock"} <= named <= targets


def test_the_demo_shows_what_the_first_screen_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    assert Page.read("README.md").of("text")[0] in capsys.readouterr().out


def test_the_number_of_settings_is_that_of_the_contract() -> None:
    assert f"keep the other {len(contract.fields(contract.UPDATE)) - 1}" in Page.read("README.md").text


def test_the_error_tree_is_that_of_the_code() -> None:
    tree = "\n".join(line[4:] for line in (errors.__doc__ or "").splitlines() if line.startswith("    "))
    assert tree + "\n" in Page.read("overrides/CLIENT.md").of("text")


def test_the_settings_are_those_of_the_code() -> None:
    page = Page.read("overrides/CLIENT.md")
    for parameter, variable in settings.VARIABLES.items():
        assert f"| `{parameter}` | `{variable}` |" in page.section("Settings")
    assert f"{journal._KEPT_DAYS} days, and the last {journal._KEPT_CHANGE_SETS:,} changes" in page.text
    defaults = inspect.signature(RestClient).parameters
    assert f"longest single wait: {defaults['timeout'].default:g}." in page.text
    assert f"repeats of one request: {defaults['retries'].default}" in page.text
    assert f"over 10 seconds: {defaults['writes_per_second'].default:g}," in page.text
    many = inspect.signature(client.Conferences.update_many).parameters
    assert f"at once, {many['concurrency'].default} by default" in page.text
    for host, url in {
        "your-space.signalwire.com": "https://your-space.signalwire.com",
        "127.0.0.1:80": "http://127.0.0.1:80",
    }.items():
        with RestClient("project", "token", host) as ours:
            assert ours._transport.settings.address.url == url


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says of itself."""
    with pytest.raises(SystemExit):
        cli.main([*arguments, "--help"])
    return capsys.readouterr().out


def codes(page: Page, section: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| (\d+) \| (.*) \|$", page.section(section), re.MULTILINE)


def test_commands_and_exit_codes_of_the_command_line_are_those_that_it_tells(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page, help_text = Page.read("overrides/COMMAND_LINE.md"), told(capsys)
    listed = re.findall(r"^  (\w+) ", help_text.split("Commands:")[1].split("Exit codes")[0], re.MULTILINE)
    rows = "".join(re.findall(r"^\| `.*?\| ", page.section("Commands"), re.MULTILINE))
    named = re.findall(r"`([a-z]+)(?: [^`]*)?`", rows)
    assert set(named) == set(listed)
    assert len(codes(page, "Exit codes")) == 5
    for code, meaning in codes(page, "Exit codes"):
        assert f"    {code:<4} {meaning}\n" in help_text


def test_options_and_exit_codes_of_the_verification_are_those_that_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    page, help_text = Page.read("contract_tests/VERIFICATION.md"), told(capsys, "verify")
    for option in re.findall(r"--[a-z][a-z-]*", page.text):
        assert f"  {option}" in help_text
    ends = ", ".join(f"{code} {meaning}" for code, meaning in codes(page, "In CI"))
    assert f"exit codes: {ends}." in help_text


def test_commands_of_the_verification_do_what_they_say(
    server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", server.project)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", server.token)
    [block] = Page.read("contract_tests/VERIFICATION.md").blocks
    for command in block.code.splitlines():
        program, *words = [server.url if word.startswith("http:") else word for word in command.split()]
        assert program == "signalwire-conferences"
        assert cli.main([*words, "--promise", "put/bare"]) == 0
        assert "put/bare" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.xml"}


def test_the_help_of_the_mock_tells_of_its_faults() -> None:
    command = [sys.executable, "-m", "signalwire_conferences_testing", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kinds = [name for name, kind in vars(Fault).items() if isinstance(kind, classmethod)]
    assert all(name.replace("_", "-") in said for name in kinds)
