"""What the guides of the folders say is true: every module is in its table, imports go one way, all is documented."""

from __future__ import annotations

import ast
import inspect
import operator
import re
import subprocess
import sys
from pathlib import Path

import pytest

import signalwire_conferences
from pages import ROOT, Page

TESTING = "contract_tests/signalwire_conferences_testing"
PUBLIC = "overrides/signalwire_conferences"


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


@pytest.mark.parametrize("folder", [PUBLIC, TESTING])
def test_every_module_is_in_its_guide(folder: str) -> None:
    guide = Page.read(f"{Path(folder).parent}/README.md").text
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
    return set(re.findall(r"^\| `(\w+\.py)`", Page.read("overrides/README.md").section("No I/O"), re.MULTILINE))


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
