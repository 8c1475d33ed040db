"""What the README and the guides of the folders say is true: their code runs, their promises hold."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import itertools
import operator
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import signalwire_conferences
from command_line import CommandLine
from processes import methods
from signalwire_conferences import (
    AuthenticationError,
    ConflictError,
    InvalidChangeError,
    RateLimitError,
    RestClient,
    UnsafeUpdateError,
    VerificationError,
    cli,
    contract,
    errors,
    journal,
    settings,
)
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import Fault, MockServer

ROOT = Path(__file__).parent.parent
README = ROOT.joinpath("README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
ID = demo.CONFERENCE_ID


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(demo.conferences()) as running:
        yield running


def client(server: MockServer, **options: Any) -> RestClient:
    return RestClient(server.project, server.token, server.host, **options)


# --- the code ---------------------------------------------------------------------------------------


class Shown(ast.NodeTransformer):
    """Makes of each expression with a comment `# -> text` a check that its repr is that text."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        _, arrow, said = self._lines[node.lineno - 1].partition("# -> ")
        if not arrow:
            return node
        node.value = ast.Call(ast.Name("check_shown", ast.Load()), [node.value, ast.Constant(said.strip())], [])
        return ast.fix_missing_locations(node)


def check_shown(value: object, said: str) -> None:
    assert repr(value) == said


def run(code: str, names: dict[str, Any]) -> str:
    """Runs a block of code, checks what it says of its values, and returns what it prints."""
    tree = ast.fix_missing_locations(Shown(code.splitlines()).visit(ast.parse(code)))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "README.md", "exec"), names)
    return printed.getvalue()


def as_python(language: str, code: str) -> str | None:
    """A block as the code that it stands for: of a diff, what it leads to."""
    if language == "diff":
        return re.sub(r"^-.*\n|^[+ ]", "", code, flags=re.MULTILINE)
    return code if language == "python" else None


def test_every_block_runs_and_shows_what_it_says(
    server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.store.delete(demo.COPY_ID)
    server.store.add({"id": "legacy-id", "name": "legacy", "size": None})
    # The first block names its credentials; the others take them from the environment.
    examples = {
        "your-project-id": server.project,
        "your-api-token": server.token,
        "your-space.signalwire.com": server.host,
    }
    for variable, value in zip(settings.VARIABLES.values(), examples.values(), strict=True):
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"check_shown": check_shown}
    titles: list[str] = []
    with contextlib.ExitStack() as clients:
        for (language, block), (following, text) in itertools.pairwise([*BLOCKS, ("", "")]):
            code = as_python(language, block)
            if code is None:
                continue
            for example, value in examples.items():
                code = code.replace(example, value)
            printed = run(code, names)
            for opened in [value for value in names.values() if isinstance(value, RestClient)]:
                clients.callback(opened.close)
            assert printed == (text if printed and following == "text" else "")
            titles.append(server.store[ID]["display_name"])
    assert titles[0] == "Team Meeting v2"


def test_the_demo_shows_what_the_first_screen_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    first_text = next(code for language, code in BLOCKS if language == "text")
    assert first_text in capsys.readouterr().out


def test_the_error_tree_is_that_of_the_code() -> None:
    tree = "\n".join(line[4:] for line in (errors.__doc__ or "").splitlines() if line.startswith("    "))
    assert ("text", tree + "\n") in BLOCKS


def test_commands_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", ROOT.joinpath("Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test", "mock", "generate"} <= named <= targets


def test_commands_of_the_verification_do_what_they_say(
    server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", server.project)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", server.token)
    commands = re.findall(r"^signalwire-conferences (verify .*)$", README, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        words = [server.url if word.startswith("http:") else word for word in command.split()]
        assert cli.main([*words, "--promise", "put/bare"]) == 0
        assert "put/bare" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.xml"}


def test_the_recorded_session_of_the_command_line_is_what_happens(
    server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    line = CommandLine(server, monkeypatch, capsys)
    [session] = [block for language, block in BLOCKS if language == "console"]
    steps = re.findall(r"^\$ signalwire-conferences (.*)\n((?:[^$].*\n)*)", session, re.MULTILINE)
    assert len(steps) == session.count("$ ") > 5
    for words, expected in steps:
        # A dumb terminal: no colours and no bar that moves.
        shown = line.at_terminal(*shlex.split(words), typed="y\n", env={"TERM": "dumb"}).out
        shown = re.sub(r" +$", "", shown, flags=re.MULTILINE)
        assert re.fullmatch(re.escape(expected).replace("…", ".*"), shown), (words, shown)


def test_exit_codes_of_the_command_line_are_those_that_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    section = README.split("## Command line")[1].split("\n## ")[0]
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    told = capsys.readouterr().out
    codes = re.findall(r"^\| (\d+) \| (.*) \|$", section, re.MULTILINE)
    assert len(codes) == 5
    for code, meaning in codes:
        assert f"    {code:<4} {meaning}\n" in told


def test_options_and_exit_codes_of_the_verification_are_those_that_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    section = README.split("## Verify a server")[1].split("\n## ")[0]
    with pytest.raises(SystemExit):
        cli.main(["verify", "--help"])
    told = capsys.readouterr().out
    for option in re.findall(r"--[a-z][a-z-]*", section):
        assert f"  {option}" in told
    codes = re.findall(r"^\| (\d+) \| (.*) \|$", section, re.MULTILINE)
    assert f"exit codes: {', '.join(f'{code} {meaning}' for code, meaning in codes)}." in told


def test_every_link_leads_somewhere() -> None:
    for document in ROOT.glob("**/README.md"):
        if ".venv" not in document.parts:
            for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", document.read_text("utf-8")):
                assert document.parent.joinpath(link).exists(), f"{document}: {link}"


def test_the_settings_are_those_of_the_code() -> None:
    for parameter, variable in settings.VARIABLES.items():
        assert f"| `{parameter}` | `{variable}` |" in README
    assert f"{journal._KEPT_DAYS} days, and the last {journal._KEPT_CHANGE_SETS:,} changes" in README

    defaults = inspect.signature(RestClient).parameters
    assert f"longest single wait: {defaults['timeout'].default:g}." in README
    assert f"repeats of one request: {defaults['retries'].default}" in README
    for host, url in {
        "your-space.signalwire.com": "https://your-space.signalwire.com",
        "127.0.0.1:80": "http://127.0.0.1:80",
    }.items():
        with RestClient("project", "token", host) as ours:
            assert ours._transport.settings.address.url == url


def test_the_number_of_settings_is_that_of_the_contract() -> None:
    assert f"keep the other {len(contract.fields(contract.UPDATE)) - 1}" in README


# --- the promises -----------------------------------------------------------------------------------


def promise_1(server: MockServer) -> None:
    before = server.store[ID]
    with client(server) as ours:
        ours.video.conferences.update(ID, layout="5up")
        assert methods(server) == ["GET", "PUT"]
        ours.video.conferences.update(ID, layout="5up")
    assert methods(server) == ["GET", "PUT", "GET"]
    after = server.store[ID]
    assert {name for name in before if before[name] != after[name]} == {"layout", "updated_at"}


def promise_2(server: MockServer) -> None:
    with client(server) as ours:
        conferences = ours.video.conferences
        assert conferences.update(ID, layout=None)["layout"] == "grid-responsive"
        assert conferences.update(ID, dark_primary=None)["dark_primary"] is None
        plan = conferences.plan(ID, record_on_start=None)
        assert "whatever the server chooses" in str(plan)
        assert "record_on_start" not in plan.body
        with pytest.raises(InvalidChangeError, match="cannot be cleared"):
            conferences.update(ID, display_name=None)  # type: ignore[arg-type]  # it is refused


def promise_3(server: MockServer) -> None:
    server.store.patch(ID, {"size": None, "display_name": None})
    with client(server) as ours, pytest.raises(UnsafeUpdateError) as caught:
        ours.video.conferences.update(ID, layout="5up")
    assert caught.value.at_risk.keys() == {"size", "display_name"}
    assert methods(server) == ["GET"]


def promise_4(server: MockServer) -> None:
    for fault in (
        *(Fault.field_changed(name, "other") for name in ("name", "layout")),
        Fault.field_changed("created_at", "2020-01-01T00:00:00Z"),
        Fault.field_changed("meta", {"seen": True}),
        Fault.field_lost("unheard_of"),
        Fault.field_nulled("unheard_of"),
        Fault.field_ignored("quality"),
    ):
        server.faults.clear()
        server.faults.add(fault, "PUT")
        server.store.patch(ID, {**demo.conferences()[0], "meta": {}, "unheard_of": 7})
        before = server.store[ID]
        with client(server) as ours, pytest.raises(VerificationError) as caught:
            ours.video.conferences.update(ID, quality="720p")
        assert caught.value.before == before, fault


def promise_5(server: MockServer) -> None:
    for fault, expected in {
        Fault.drop_after(): ["GET", "PUT", "GET"],
        Fault.truncated(): ["GET", "PUT", "GET"],
        Fault.failed_after(): ["GET", "PUT", "GET"],
        Fault.drop_before(): ["GET", "PUT", "GET", "PUT"],
        Fault.status(429, "0"): ["GET", "PUT", "GET", "PUT"],
        Fault.status(503, "0"): ["GET", "PUT", "GET", "PUT"],
    }.items():
        server.requests.clear()
        server.faults.clear()
        server.faults.add(fault, "PUT")
        server.store.patch(ID, {"layout": "2x2"})
        with client(server) as ours:
            assert ours.video.conferences.update(ID, layout="5up")["layout"] == "5up"
        assert methods(server) == expected, fault
    server.faults.clear()
    server.faults.add(Fault.foreign_write({"layout": "3x3"}), "PUT")
    server.faults.add(Fault.drop_before(), "PUT")
    with client(server) as ours, pytest.raises(ConflictError):
        ours.video.conferences.update(ID, layout="2x2")


def promise_6(server: MockServer) -> None:
    with client(server) as ours:
        plan = ours.video.conferences.plan(ID, layout="5up")
        server.store.patch(ID, {"size": "small"})
        assert plan.apply()["size"] == "small"
        plan = ours.video.conferences.plan(ID, layout="2x2")
        server.store.patch(ID, {"layout": "3x3"})
        with pytest.raises(ConflictError):
            plan.apply()


def promise_7(server: MockServer) -> None:
    lock = threading.Lock()
    changes: dict[str, Any] = {"layout": "5up", "size": "small", "quality": "720p", "enable_chat": False}
    server.faults.add(Fault.latency(0.02), "PUT", times=None)
    with client(server, lock=lambda _id: lock) as ours:
        update: Callable[..., Any] = ours.video.conferences.update
        threads = [threading.Thread(target=update, args=(ID,), kwargs={k: v}) for k, v in changes.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {name: server.store[ID][name] for name in changes} == changes


def promise_8(server: MockServer, folder: Path) -> None:
    before = server.store[ID]
    path = folder / "journal.sqlite"
    on_disk: list[Mapping[str, Any]] = []

    def look(_store: object) -> None:
        with contextlib.closing(journal.Journal(path, server.host)) as other:
            on_disk.append(other.history(ID)[0].before)

    server.faults.add(Fault.foreign_write(look), "PUT")
    with client(server, journal=path) as ours:
        ours.video.conferences.update(ID, layout="5up")
    assert on_disk == [before]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", range(1, 9))
def test_what_you_can_rely_on(number: int, server: MockServer, tmp_path: Path) -> None:
    promise = globals()[f"promise_{number}"]
    promise(server, tmp_path) if number == 8 else promise(server)


def test_each_promise_has_its_test() -> None:
    section = README.split("## What you can rely on")[1].split("\n## ")[0]
    assert re.findall(r"^(\d)\. ", section, re.MULTILINE) == [str(number) for number in range(1, 9)]


def test_wrong_input_is_refused_before_any_request_and_in_one_error(server: MockServer) -> None:
    wrong: dict[str, Any] = {"layout": "round", "dark_primary": "red", "id": "x", "unheard_of": 1}
    with client(server) as ours, pytest.raises(InvalidChangeError) as caught:
        ours.video.conferences.update(ID, **wrong)
    assert {problem.field for problem in caught.value.problems} == wrong.keys()
    assert server.requests == []


def test_the_token_is_nowhere(server: MockServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    path, secret = tmp_path / "journal.sqlite", server.token
    with client(server, journal=path) as ours:
        ours.video.conferences.update(ID, layout="5up")
        said = f"{ours!r} {ours.__dict__!r} {vars(ours.video.conferences)!r}"
    with RestClient("other", secret, server.host) as ours, pytest.raises(AuthenticationError) as caught:
        ours.video.conferences.get(ID)
    assert secret not in said + repr(caught.value) + str(caught.value) + caplog.text
    assert secret.encode() not in path.read_bytes()


def test_a_longer_retry_after_raises_at_once(server: MockServer) -> None:
    server.faults.add(Fault.status(429, "31"), "PUT")
    start = time.monotonic()
    with client(server) as ours, pytest.raises(RateLimitError):
        ours.video.conferences.update(ID, layout="5up")
    assert time.monotonic() - start < 5


def test_several_processes_share_a_journal(server: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    code = """
import sys
from signalwire_conferences import RestClient
project, token, host, path, conference_id = sys.argv[1:]
with RestClient(project, token, host, journal=path) as client:
    for number in range(20):
        client.video.conferences.update(conference_id, description=str(number))
"""
    ids = [ID, demo.COPY_ID]
    command = [sys.executable, "-c", code, server.project, server.token, server.host, str(path)]
    processes = [subprocess.Popen([*command, conference_id]) for conference_id in ids]
    assert [process.wait(60) for process in processes] == [0, 0]
    with client(server, journal=path) as ours:
        for conference_id in ids:
            entries = ours.video.conferences.history(conference_id)
            assert [entry.changes["description"].after for entry in entries] == [
                str(number) for number in reversed(range(20))
            ]


def test_the_help_of_the_mock_tells_of_its_faults() -> None:
    command = [sys.executable, "-m", "signalwire_conferences_testing", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kinds = [name for name, kind in vars(Fault).items() if isinstance(kind, classmethod)]
    assert all(name.replace("_", "-") in told for name in kinds)


# --- other writers ----------------------------------------------------------------------------------


def test_with_nothing_a_write_between_ours_is_overwritten(server: MockServer) -> None:
    server.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
    with client(server) as ours:
        ours.video.conferences.update(ID, layout="5up")
    assert server.store[ID]["size"] == "large"


def test_with_an_etag_it_is_not() -> None:
    with MockServer(demo.conferences(), etag=True) as server:
        server.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
        with client(server) as ours:
            ours.video.conferences.update(ID, layout="5up")
        assert (server.store[ID]["size"], server.store[ID]["layout"]) == ("small", "5up")


def test_confirm_writes_again_what_was_overwritten_with_the_value_from_before(server: MockServer) -> None:
    before = server.store[ID]["layout"]
    with client(server, confirm=0.01) as ours:
        server.faults.add(Fault.foreign_write({"layout": before}, "after"), "PUT")
        ours.video.conferences.update(ID, layout="5up")
        assert server.store[ID]["layout"] == "5up"
        server.faults.add(Fault.foreign_write({"layout": "3x3"}, "after"), "PUT")
        with pytest.raises(ConflictError):
            ours.video.conferences.update(ID, layout="2x2")


def test_confirm_brings_nothing_of_others_back(server: MockServer) -> None:
    server.faults.add(Fault.foreign_write({"size": "small"}), "PUT")
    with client(server, confirm=0.01) as ours:
        ours.video.conferences.update(ID, layout="5up")
    assert server.store[ID]["size"] == "large"


@pytest.mark.parametrize(("etag", "left"), [pytest.param(False, "large", marks=pytest.mark.long), (True, "small")])
def test_a_put_that_lands_late_overwrites_unless_there_is_an_etag(etag: bool, left: str) -> None:
    with MockServer(demo.conferences(), etag=etag) as server:
        server.faults.add(Fault.late_apply(4), "PUT")
        with client(server, timeout=0.4) as ours:
            ours.video.conferences.update(ID, layout="5up")
        server.store.patch(ID, {"size": "small"})
        time.sleep(4)
        assert server.store[ID]["size"] == left


@pytest.mark.parametrize(("etag", "left"), [(False, "large"), (True, "small")])
def test_a_stale_read_is_written_back_unless_there_is_an_etag(etag: bool, left: str) -> None:
    with MockServer(demo.conferences(), etag=etag) as server:
        server.store.patch(ID, {"size": "small"})
        server.faults.add(Fault.stale_read(), "GET")
        with client(server) as ours:
            ours.video.conferences.update(ID, layout="5up")
        assert server.store[ID]["size"] == left


def test_everything_public_is_documented() -> None:
    undocumented = [
        f"{name}.{part}" if part else name
        for name in [
            *set(signalwire_conferences.__all__) - {"Event", "__version__"},
            "client.Conferences",
            "aio.AsyncConferences",
        ]
        for what in [operator.attrgetter(name)(signalwire_conferences)]
        for part, member in [("", what), *vars(what).items()]
        if not part.startswith("_") and (inspect.isfunction(member) or isinstance(member, property) or not part)
        if not inspect.getdoc(member)
    ]
    assert undocumented == []


# --- the guides of the folders ------------------------------------------------------------------------

TESTING = "contract_tests/signalwire_conferences_testing"
PUBLIC = "overrides/signalwire_conferences"


@pytest.mark.parametrize("folder", [PUBLIC, TESTING])
def test_every_module_is_in_its_guide(folder: str) -> None:
    guide = ROOT.joinpath(folder).parent.joinpath("README.md").read_text("utf-8")
    modules = {path.relative_to(ROOT / folder).as_posix() for path in ROOT.joinpath(folder).rglob("*.py")}
    rows = re.findall(r"^\| (`[^|]+\.py`) \|", guide, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([\w/]+\.py)`", row)]
    assert sorted(named) == sorted(module for module in modules if not module.endswith("__init__.py"))


def imports(path: Path) -> set[str]:
    """The modules that a file imports, at its top or within; of its own package as `.name`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = "." * node.level + (node.module or "")
            # `from . import name` means the module, not what is in it.
            found |= {f".{alias.name}" for alias in node.names} if whole == "." else {whole}
    return found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("generated/signalwire_conferences_api", {"signalwire_conferences", "signalwire_conferences_testing"}),
        (PUBLIC, {"signalwire_conferences_testing"}),
    ],
)
def test_imports_go_one_way(folder: str, forbidden: set[str]) -> None:
    for path in ROOT.joinpath(folder).rglob("*.py"):
        assert not forbidden & {name.split(".")[0] for name in imports(path)}, path


IO = {
    *("anyio", "asyncio", "filelock", "http", "httpcore", "httpx", "os", "pathlib", "requests", "select"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib3"),
}


def modules_without_io() -> set[str]:
    """The modules of the public package that its guide puts under the heading of no I/O."""
    guide = ROOT.joinpath("overrides", "README.md").read_text("utf-8")
    return set(re.findall(r"^\| `(\w+\.py)`", guide.split("## No I/O")[1].split("\n## ")[0], re.MULTILINE))


def test_modules_without_io_import_none() -> None:
    modules = modules_without_io()
    assert {"update.py", "plan.py", "steps.py", "changes.py", "values.py", "contract.py"} <= modules
    for module in modules:
        imported = imports(ROOT / PUBLIC / module)
        assert not {name.split(".")[0] for name in imported} & IO, module
        own = {f"{name[1:]}.py" for name in imported if name.startswith(".")}
        assert own - modules <= {"settings.py"}, f"{module} imports modules that may do I/O"


def test_the_package_imports_without_the_extras() -> None:
    code = "import sys; sys.modules.update(dict.fromkeys(['rich', 'starlette', 'uvicorn', 'schemathesis']))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import signalwire_conferences, signalwire_conferences_testing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
