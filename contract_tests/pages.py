"""The pages that people read, and how their blocks of code are run.

A page runs from its first block to its last. `python` and `diff` blocks share their names; an expression with a
comment `# -> text` has to have that repr, and what a block prints has to be the `text` block after it. A `console`
block is a recorded session, in which … stands for what differs from run to run. Of a `yaml` block, a workflow, each
`run:` is a script for bash. Everything else is for the caller to check.
"""

import ast
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from attrs import frozen

from command_line import CommandLine
from signalwire_conferences import RestClient
from signalwire_conferences.settings import VARIABLES

ROOT = Path(__file__).parent.parent
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_PARTS = re.compile(rf"{_FENCE.pattern}|^## (?P<title>[^\n]+)$", _FENCE.flags)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@frozen
class Block:
    """A block of code: its language, its text, and the heading `## ...` that it stands under."""

    language: str
    code: str
    section: str


@frozen
class Page:
    """A page, by its path from the root of the project."""

    path: str
    text: str

    @classmethod
    def read(cls, path: str) -> Self:
        return cls(path, ROOT.joinpath(path).read_text("utf-8"))

    @property
    def blocks(self) -> list[Block]:
        found, section = list[Block](), ""
        for part in _PARTS.finditer(self.text):
            if part["title"]:
                section = part["title"]
            else:
                found.append(Block(part["language"], part["code"], section))
        return found

    @property
    def program(self) -> str:
        """Its Python as one module, in which each line has the number that it has on the page."""
        lines = [""] * len(self.text.splitlines())
        for fence in _FENCE.finditer(self.text):
            if fence["language"] in ("python", "diff"):
                first = self.text.count("\n", 0, fence.start("code"))
                code = fence["code"].splitlines()
                if fence["language"] == "diff":
                    code = ["" if line.startswith("-") else line[1:] for line in code]
                lines[first : first + len(code)] = code
        return "\n".join(lines) + "\n"

    @property
    def prose(self) -> str:
        """The page without its blocks of code."""
        return _FENCE.sub("", self.text)

    def of(self, *languages: str) -> list[str]:
        return [block.code for block in self.blocks if block.language in languages]

    def section(self, title: str) -> str:
        return self.text.split(f"\n## {title}\n")[1].split("\n## ")[0]

    @property
    def anchors(self) -> set[str]:
        """What `#...` may name, as GitHub makes it of headings."""
        return {
            re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in _HEADING.findall(self.prose)
        }

    @property
    def links(self) -> list[str]:
        """The relative links."""
        return re.findall(r"\]\((?!https?:)([^)\s]+)\)", self.prose)


def every_page() -> Iterator[Page]:
    folders = (".dev", "contract_tests", "generated", "openapi", "overrides")
    found = [*ROOT.glob("*.md"), *(path for folder in folders for path in ROOT.joinpath(folder).rglob("*.md"))]
    yield from (Page.read(path.relative_to(ROOT).as_posix()) for path in sorted(found))


def run_page(
    page: Page, line: CommandLine, examples: Mapping[str, str] | None = None, but: str | None = None
) -> list[Block]:
    """Run a page, but for one section; returns the blocks that are still to be checked. In code, `examples` stand for
    other texts.
    """
    names: dict[str, Any] = {"check_shown": check_shown}
    left: list[Block] = []
    blocks = [block for block in page.blocks if block.section != but]
    with contextlib.ExitStack() as clients:
        printed = ""
        for block in blocks:
            assert not printed or block.language == "text", f"{page.path} does not show that a block prints {printed!r}"
            if printed:
                assert block.code == printed, page.path
                printed = ""
            elif block.language in ("python", "diff"):
                code = (
                    block.code
                    if block.language == "python"
                    else re.sub(r"^-.*\n|^[+ ]", "", block.code, flags=re.MULTILINE)
                )
                for example, value in (examples or {}).items():
                    code = code.replace(example, value)
                printed = run(code, names, page.path)
                for opened in [value for value in names.values() if isinstance(value, RestClient)]:
                    clients.callback(opened.close)
            elif block.language == "console":
                replay(block.code, line)
            elif block.language == "yaml":
                run_workflow(block.code)
            else:
                left.append(block)
        assert not printed, f"{page.path} does not show that a block prints {printed!r}"
    return left


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


def run(code: str, names: dict[str, Any], path: str) -> str:
    """Runs a block of code, checks what it says of its values, and returns what it prints."""
    tree = ast.fix_missing_locations(Shown(code.splitlines()).visit(ast.parse(code)))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, path, "exec"), names)
    return printed.getvalue()


def replay(session: str, line: CommandLine) -> None:
    """Type a recorded session, with `y` where a command asks, and compare what is on the screen."""
    steps = re.findall(r"^\$ signalwire-conferences (.*)\n((?:[^$].*\n)*)", session, re.MULTILINE)
    assert steps
    assert len(steps) == session.count("$ ")
    for words, expected in steps:
        # A dumb terminal: no colours and no bar that moves.
        shown = line.at_terminal(*shlex.split(words), typed="y\n", env={"TERM": "dumb"}).out
        shown = re.sub(r" +$", "", shown, flags=re.MULTILINE)
        assert re.fullmatch(re.escape(expected).replace("…", ".*"), shown), (words, shown)


def run_workflow(text: str) -> None:
    """Run the scripts of a workflow in the folder and the environment of the test, which has all that it sets."""
    workflow = yaml.safe_load(text)
    for job in workflow["jobs"].values():
        assert {**workflow.get("env", {}), **job.get("env", {})}.keys() == set(VARIABLES.values())
        scripts = [step["run"] for step in job["steps"] if "run" in step]
        assert scripts
        for script in scripts:
            bash(script)


def bash(script: str) -> str:
    """Run a script in this folder, with the commands of this project in reach, and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryFile("w+") as out:  # what it leaves running may keep a pipe open
        command = ["bash", "-euo", "pipefail", "-c", script]
        code = subprocess.call(command, env={**os.environ, "PATH": path}, stdout=out)
        out.seek(0)
        printed = out.read()
    assert code == 0, (script, printed)
    return printed
