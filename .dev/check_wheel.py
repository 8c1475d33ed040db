"""Build the wheel, install it into a clean environment outside the checkout, and try it out.

By default at the pinned versions. With `--dependencies oldest` at the oldest versions that pyproject.toml allows, with
`newest` at whatever the index has, and then with the tests of the checkout.
"""

from __future__ import annotations

import argparse
import email
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from itertools import chain
from pathlib import Path

from bootstrap import REQUIREMENTS, ROOT, environment

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

API, PUBLIC, TESTING = PACKAGES = (
    "signalwire_conferences_api",
    "signalwire_conferences",
    "signalwire_conferences_testing",
)
NEEDED = {
    *(f"{package}/py.typed" for package in PACKAGES),
    f"{API}/contract.json",
    f"{API}/conferences.schema.json",
    f"{PUBLIC}/openapi/conferences.yaml",
    f"{TESTING}/plugin.py",
}
SUFFIXES = {".py", ".typed", ".json", ".yaml", ".css", ".html", ".sh", ".xml"}
# What is not shipped: tests, what they share, and the servers that they break.
TEST_DATA = re.compile(r"(^|/)(test_[^/]*|conftest|benchmark|strategies|schedules)\.py$|(^|/)(broken|tests)/|/\.")
# The tests of what is installed; the others read the checkout, or take long.
# Not among them is `cancellation`: where a connection is cancelled while it is made, anyio before 4.16 leaves it to the
# garbage collector.
TESTS = (
    "answers async client errors fast fleet journal mock mock_in_process plugin recovery undo update wire cli_changing"
)
TEST_TOOLS = ["filelock", "pytest-xdist", "trio"]

BASE = f"""
import importlib.metadata, importlib.resources, sys
import {API}, {PUBLIC}
assert {PUBLIC}.__version__ == importlib.metadata.version("{PROJECT["name"]}") == "{PROJECT["version"]}"
assert {PUBLIC}.__file__.startswith(sys.prefix), {PUBLIC}.__file__
assert importlib.resources.files("{PUBLIC}").joinpath("openapi", "conferences.yaml").is_file()
try:
    import {TESTING}.mock
except ImportError as error:
    assert "signalwire-conferences[mock]" in str(error), f"no word of the extra that is missing: {{error}}"
else:
    raise AssertionError("the mock imports without its extra: something else brought what it needs")
"""

SMOKE = f"""
from {PUBLIC} import RestClient
from {TESTING}.mock import MockServer

with MockServer() as server:
    with RestClient(project=server.project, token=server.token, host=server.host) as client:
        conferences = client.video.conferences
        before = conferences.create(
            display_name="before", layout="5up", size="large", enable_chat=False, dark_primary="#0a84ff"
        )
        conferences.update(before["id"], display_name="after")
        after = conferences.get(before["id"])
        names = [*{API}.fields.ConferenceChanges.__annotations__, "id", "name", "meta", "created_at"]
        assert [name for name in names if before[name] != after[name]] == ["display_name"]
        assert after["display_name"] == "after"
"""

SUITE = """
import httpx


def test_a_rename(conferences_mock, conferences_client):
    (conference_id,) = conferences_mock.store
    conferences_client.video.conferences.update(conference_id, display_name="after")
    conferences_mock.assert_only_changed(conference_id, "display_name")


def test_without_a_socket(conferences_in_process):
    (conference_id,) = conferences_in_process.store
    mock = conferences_in_process
    with httpx.Client(base_url=mock.url, auth=mock.auth, transport=mock.transport()) as client:
        answer = client.get(f"/api/video/conferences/{conference_id}")
    assert answer.json()["id"] == conference_id
"""


def main() -> None:
    """Check everything in one temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dependencies", choices=["pinned", "oldest", "newest"], default="pinned")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to put wheel and sdist once all is well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="check wheel ") as folder:
        scratch = Path(folder)
        wheel, sdist = build(scratch)
        check_contents(wheel)
        scratch.joinpath("constraints.txt").write_text("\n".join(constraints(given.dependencies)) + "\n", "utf-8")
        if given.dependencies == "pinned":
            try_out(scratch, wheel)
        else:
            run_tests(scratch, wheel)
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            for made in (wheel, sdist):
                shutil.copy(made, given.keep)
    say("all is well")


def try_out(scratch: Path, wheel: Path) -> None:
    """Each extra does what it is there for."""
    say("installing it without extras")
    venv.create(scratch / "venv", with_pip=True)
    install(scratch, str(wheel))
    python(scratch, "-c", BASE)
    say("installing it with the mock, and renaming a conference")
    install(scratch, f"{wheel}[mock]")
    python(scratch, "-c", f"import {API}.fields\n{SMOKE}")
    python(scratch, "-m", f"{TESTING}.demo")
    say("installing what makes it fast, and renaming it again")
    install(scratch, f"{wheel}[fast]")
    python(
        scratch, "-c", f"import {API}.fields\n{SMOKE}".replace("host=server.host", 'host=server.host, transport="fast"')
    )
    say("installing it with pytest, which has to find the plugin")
    install(scratch, f"{wheel}[testing]")
    scratch.joinpath("test_suite.py").write_text(SUITE, "utf-8")
    python(scratch, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_suite.py")
    say("installing it with the command line and the keyring, and asking it for version and help")
    install(scratch, f"{wheel}[cli,keyring]")
    command = str(scratch / "venv" / "bin" / PROJECT["name"])
    said = run([command, "--version"], scratch)
    require(said == f"{PROJECT['name']} {PROJECT['version']}\n", f"--version says {said!r}")
    run([command, "update", "--help"], scratch)
    python(scratch, "-c", "import keyring")


def run_tests(scratch: Path, wheel: Path) -> None:
    """The tests of what is installed, from a copy without the packages of the checkout."""
    say("installing it with all extras")
    venv.create(scratch / "venv", with_pip=True)
    install(scratch, f"{wheel}[{','.join(PROJECT['optional-dependencies'])}]", *TEST_TOOLS)
    say(run([str(scratch / "venv" / "bin" / "python"), "-m", "pip", "list", "--format", "freeze"], scratch))
    shutil.copytree(ROOT / "contract_tests", scratch / "tests", ignore=shutil.ignore_patterns(TESTING))
    shutil.copy(ROOT / "pyproject.toml", scratch)
    say("running the tests on them")
    tests = [str(scratch / "tests" / f"test_{name}.py") for name in TESTS.split()]
    # Not isolated: the tests import one another.
    command = [
        str(scratch / "venv" / "bin" / "python"),
        "-P",
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "-m",
        "not long",
        *tests,
    ]
    say(run(command, scratch))


def constraints(dependencies: str) -> list[str]:
    """What pip is to install: nothing is said for the newest."""
    if dependencies == "newest":
        return []
    pins = dict(re.findall(r"^([a-z][^ =\n]*)==([^ \\\n]+)", REQUIREMENTS.read_text("utf-8"), re.MULTILINE))
    if dependencies == "oldest":
        for requirement in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
            if bound := re.match(r"([a-z0-9-]+)>=([0-9.]+)", requirement):
                pins[bound[1]] = bound[2]
    return [f"{name}=={version}" for name, version in pins.items()]


def build(scratch: Path) -> tuple[Path, Path]:
    """The wheel, built both from the checkout and from the source distribution: the same bytes."""
    say("building the wheel, the source distribution, and the wheel from that")
    # Without a choice, `build` makes the wheel from the source distribution.
    for place, choice in (("direct", ["--wheel"]), ("through the sdist", [])):
        command = [sys.executable, "-P", "-m", "build", "--no-isolation", *choice, "--outdir", str(scratch / place)]
        run([*command, str(ROOT)], scratch)
    (direct,) = (scratch / "direct").glob("*.whl")
    (through,) = (scratch / "through the sdist").glob("*.whl")
    differing = {name for name, content in contents(direct).items() ^ contents(through).items()}
    require(not differing, f"the wheel from the source distribution differs in {sorted(differing)}")
    (sdist,) = (scratch / "through the sdist").glob("*.tar.gz")
    return direct, sdist


def check_contents(wheel: Path) -> None:
    """What has to be in the wheel is there, with the right metadata, and nothing else is."""
    files = contents(wheel)
    missing = NEEDED - files.keys()
    require(not missing, f"missing in the wheel: {sorted(missing)}")
    (metadata_name,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    information = metadata_name.removesuffix("METADATA")
    require(f"{information}licenses/LICENSE" in files, "no licence in the wheel")
    stray = {
        name
        for name in files
        if not name.startswith(information)
        and (name.split("/")[0] not in PACKAGES or Path(name).suffix not in SUFFIXES or TEST_DATA.search(name))
    }
    require(not stray, f"stray files in the wheel: {sorted(stray)}")
    leaking = [name for name, content in files.items() if str(ROOT).encode() in content]
    require(not leaking, f"the place of the checkout stands in {leaking}")

    metadata = email.message_from_bytes(files[metadata_name])
    for header, value in {
        "Name": PROJECT["name"],
        "Version": PROJECT["version"],
        "Summary": PROJECT["description"],
        "Requires-Python": PROJECT["requires-python"],
        "License-Expression": PROJECT["license"],
    }.items():
        require(metadata[header] == value, f"{header} is {metadata[header]!r} in the wheel, not {value!r}")
    extras = set(metadata.get_all("Provides-Extra", []))
    require(extras == PROJECT["optional-dependencies"].keys(), f"the wheel has the extras {sorted(extras)}")


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def install(scratch: Path, *what: str) -> None:
    python(scratch, "-m", "pip", "-qq", "--disable-pip-version-check", "install", "-c", "constraints.txt", *what)


def python(scratch: Path, *arguments: str) -> None:
    run([str(scratch / "venv" / "bin" / "python"), "-I", *arguments], scratch)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    require(done.returncode == 0, f"{command[0]} failed:\n{done.stdout}")
    return done.stdout


def require(fulfilled: bool, otherwise: str) -> None:
    if not fulfilled:
        sys.exit(f"check-wheel: {otherwise}")


def say(text: str) -> None:
    sys.stderr.write(f"check-wheel: {text}\n")


if __name__ == "__main__":
    main()
