"""A type checker takes the right uses of `typing_samples`, and flags each of the wrong ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from pages import every_page

HERE = Path(__file__).parent
ROOT = HERE.parent
SAMPLES = sorted(HERE.joinpath("typing_samples").glob("*.py"))

pytestmark = pytest.mark.xdist_group("typing")


# Functions of a page are checked though they name no types; blocks that are programs of their own repeat names.
AS_ON_A_PAGE = ("--allow-untyped-defs", "--allow-untyped-calls", "--disable-error-code=no-redef")
# What a page shows to be missing, and the vendor's SDK, which is not installed.
MISSING = ('has no attribute "rooms"', 'named "signalwire.rest"')


def check(*paths: Path, options: Iterable[str] = ()) -> list[str]:
    """What mypy, as this project uses it, says of these files."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--no-error-summary",
            "--cache-dir",
            ".cache/mypy-samples",
            *options,
            *map(str, paths),
        ],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if ": error:" in line]


@pytest.mark.long
def test_pyright_agrees(tmp_path: Path) -> None:
    packages = [str(ROOT / folder) for folder in ("generated", "overrides", "contract_tests")]
    settings = {"typeCheckingMode": "standard", "enableTypeIgnoreComments": False, "extraPaths": packages}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    for sample in SAMPLES:
        shutil.copy(sample, tmp_path)
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    command += ["--project", str(tmp_path)]
    said = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)["generalDiagnostics"]
    found = {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in said}
    wrong = HERE.joinpath("typing_samples", "wrong.py").read_text("utf-8").splitlines()
    assert found == {("wrong.py", number) for number, line in enumerate(wrong, 1) if "# type: ignore[" in line}


@pytest.mark.long
def test_the_code_of_the_pages_is_right_in_strict_mode(tmp_path: Path) -> None:
    for page in every_page():
        if page.of("python", "diff"):
            (tmp_path / page.path.replace("/", "_").replace(".md", ".py")).write_text(page.program, "utf-8")
    found = check(*sorted(tmp_path.iterdir()), options=AS_ON_A_PAGE)
    assert [line for line in found if not any(name in line for name in MISSING)] == []


def test_right_uses_pass_and_wrong_ones_are_flagged(tmp_path: Path) -> None:
    # A use that is right, marked as wrong, shows that a mark does not silence what is no error.
    (tmp_path / "marked.py").write_text(
        "from signalwire_conferences import RestClient\n"
        "RestClient().video.conferences.update('id', display_name='x')  # type: ignore[call-arg]\n"
    )
    # And without their marks, the wrong uses are errors.
    wrong = HERE.joinpath("typing_samples", "wrong.py").read_text("utf-8")
    (tmp_path / "unmarked.py").write_text(re.sub(r"# type: ignore\[[a-z,-]+\]", "", wrong), "utf-8")
    found = check(*SAMPLES, tmp_path / "marked.py", tmp_path / "unmarked.py")
    assert [line for line in found if "typing_samples" in line] == []
    assert ["unused-ignore" in line for line in found if "marked.py:2" in line and "unmarked" not in line] == [True]
    flagged = [int(line.split(":")[1]) for line in found if "unmarked.py" in line]
    marked = [number for number, line in enumerate(wrong.splitlines(), 1) if "# type: ignore[" in line]
    assert sorted(set(flagged)) == marked
