"""Make or repair `.venv`: the pinned packages of requirements.txt and the project itself, editable.

Standard library only. Does nothing, and touches no network, where nothing changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 14)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "set-up.json"
REQUIREMENTS = ROOT / ".dev" / "requirements.txt"

# Where pip finds packages is the machine's business; every other setting, such as a target folder, is ours.
KEPT_PIP_SETTINGS = {
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
}


def main(arguments: list[str]) -> None:
    """Set up, once at a time; `--exact` insists on the Python that runs this."""
    if sys.version_info < OLDEST:
        run_newer_python(arguments)
    exact = "--exact" in arguments
    if is_current(exact):
        return
    # The lock is on this very file, so that it leaves nothing behind and no clean-up can remove it.
    with Path(__file__).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(exact):
            set_up(lock.fileno(), exact)


def run_newer_python(arguments: list[str]) -> None:
    """Hand over to a newer Python on the path, or say that there is none."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        newer = shutil.which(f"python{OLDEST[0]}.{minor}")
        # A version manager's stand-in may be there and start nothing.
        if newer and subprocess.call([newer, "-I", "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(newer, [newer, "-I", __file__, *arguments])
    here = ".".join(map(str, sys.version_info[:3]))
    give_up(
        f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed and this is {here} ({sys.executable}).\n"
        "Install one, or name it: make PYTHON=/path/to/python3 ..."
    )


def wanted(python: str) -> dict[str, str]:
    """What a finished set-up was made from."""
    return {
        "python": python,
        "place": str(ROOT),
        "requirements": hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest(),
        "project": hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest(),
    }


def finished() -> dict[str, str]:
    """What the set-up that is there was made from; empty where none was finished or its Python is gone."""
    try:
        done = json.loads(STAMP.read_bytes())
    except (OSError, ValueError):
        return {}
    return done if PYTHON.exists() else {}


def this_python() -> str:
    return "{}.{}".format(*sys.version_info)


def is_current(exact: bool) -> bool:
    # Whoever calls with another Python, from a foreign environment say, uses the one that is set up.
    done = finished()
    return bool(done) and done == wanted(this_python() if exact else done["python"])


def set_up(lock: int, exact: bool) -> None:
    done = finished()
    STAMP.unlink(missing_ok=True)  # from here to the end an interruption means starting over
    want = wanted(this_python() if exact or not done else done["python"])
    if (done.get("python"), done.get("place")) != (want["python"], want["place"]):
        want["python"] = this_python()
        say(f"creating .venv with Python {want['python']}")
        if VENV.is_symlink():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(VENV)
        done = {}
        run(
            lock,
            [sys.executable, "-I", "-m", "venv", str(VENV)],
            "Python's own venv module failed, see above. On Debian it is a package of its own, python3-venv.",
        )
    pip = [str(PYTHON), "-I", "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input", "install"]
    if done.get("requirements") != want["requirements"]:
        say("installing the pinned packages (a minute or two; the only step that needs the network)")
        run(
            lock,
            [*pip, "--no-user", "--require-hashes", "--no-deps", "--requirement", str(REQUIREMENTS)],
            "The packages could not be installed; pip says why above. The first set-up needs a package\n"
            "index: the network, or one named in pip's configuration. The same command tries again.",
        )
    say("installing the project, editable")
    run(
        lock,
        [*pip, "--no-user", "--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        "The project itself could not be installed; pip says why above.",
    )
    STAMP.write_text(json.dumps(want))
    say("done")


def run(lock: int, command: list[str], otherwise: str) -> None:
    # The child holds the lock too: if only this process is killed, nobody starts over beneath it.
    code = subprocess.call(command, env=environment(), cwd=str(ROOT), stdin=subprocess.DEVNULL, pass_fds=[lock])
    if code:
        give_up(otherwise)


def environment() -> dict[str, str]:
    """The environment without what would turn Python or pip aside."""
    foreign = ("PIP_", "PYTHON", "VIRTUAL_ENV", "__PYVENV")
    return {
        name: value for name, value in os.environ.items() if name in KEPT_PIP_SETTINGS or not name.startswith(foreign)
    }


def say(text: str) -> None:
    print("set-up: " + text, file=sys.stderr, flush=True)


def give_up(text: str) -> None:
    sys.exit("set-up: " + text.replace("\n", "\n        "))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        give_up("interrupted; the next run repairs it")
