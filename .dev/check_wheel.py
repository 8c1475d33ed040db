"""Build the wheel, install it into a clean environment outside the checkout, and try it out."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

from bootstrap import REQUIREMENTS, ROOT, environment

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

BASE = f"""
import importlib.metadata, importlib.resources, sys
import {API}, {PUBLIC}
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
def test_a_rename(conferences_mock, conferences_client):
    (conference_id,) = conferences_mock.store
    conferences_client.video.conferences.update(conference_id, display_name="after")
    conferences_mock.assert_only_changed(conference_id, "display_name")
"""


def main() -> None:
    """Check everything in one temporary folder."""
    with tempfile.TemporaryDirectory(prefix="check wheel ") as folder:
        scratch = Path(folder)
        wheel = build(scratch)
        check_contents(wheel)
        say("installing it without extras")
        venv.create(scratch / "venv", with_pip=True)
        install(scratch, str(wheel))
        python(scratch, "-c", BASE)
        say("installing it with the mock, and renaming a conference")
        install(scratch, f"{wheel}[mock]")
        python(scratch, "-c", f"import {API}.fields\n{SMOKE}")
        say("installing it with pytest, which has to find the plugin")
        install(scratch, f"{wheel}[testing]")
        scratch.joinpath("test_suite.py").write_text(SUITE, "utf-8")
        python(scratch, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_suite.py")
        say("installing it with the command line, and asking it for help")
        install(scratch, f"{wheel}[cli]")
        python(scratch, "-m", f"{PUBLIC}.cli", "update", "--help")
    say("all is well")


def build(scratch: Path) -> Path:
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
    return direct


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
        and (
            name.split("/")[0] not in PACKAGES
            or Path(name).suffix not in SUFFIXES
            or re.search(r"(^|/)(test_[^/]*|conftest)\.py$|/\.", name)
        )
    }
    require(not stray, f"stray files in the wheel: {sorted(stray)}")
    leaking = [name for name, content in files.items() if str(ROOT).encode() in content]
    require(not leaking, f"the place of the checkout stands in {leaking}")

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    metadata = email.message_from_bytes(files[metadata_name])
    for header, value in {
        "Name": project["name"],
        "Version": project["version"],
        "Summary": project["description"],
        "Requires-Python": project["requires-python"],
        "License-Expression": project["license"],
    }.items():
        require(metadata[header] == value, f"{header} is {metadata[header]!r} in the wheel, not {value!r}")
    extras = set(metadata.get_all("Provides-Extra", []))
    require(extras == project["optional-dependencies"].keys(), f"the wheel has the extras {sorted(extras)}")


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def install(scratch: Path, what: str) -> None:
    # At the pinned versions, so that the check gives tomorrow what it gives today.
    pins = re.findall(r"^[a-z][^ \\\n]*==[^ \\\n]+", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)
    constraints = scratch / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n", "utf-8")
    python(scratch, "-m", "pip", "-qq", "--disable-pip-version-check", "install", "-c", str(constraints), what)


def python(scratch: Path, *arguments: str) -> None:
    run([str(scratch / "venv" / "bin" / "python"), "-I", *arguments], scratch)


def run(command: list[str], folder: Path) -> None:
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


def require(fulfilled: bool, otherwise: str) -> None:
    if not fulfilled:
        sys.exit(f"check-wheel: {otherwise}")


def say(text: str) -> None:
    sys.stderr.write(f"check-wheel: {text}\n")


if __name__ == "__main__":
    main()
