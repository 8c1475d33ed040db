"""What all tests share: budgets, a mock with clients of it, and an environment that says nothing."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from command_line import CommandLine
from processes import STYLES, AsyncOwn, Own, Waits, without_waiting
from signalwire_conferences import RestClient, async_transport, settings, transport
from signalwire_conferences_testing.mock import MockServer

LONG = os.environ.get("SIGNALWIRE_CONFERENCES_LONG") == "1"
# The beginnings of the variables that tests may see: where programs and libraries are, and the run's own.
SEEN = ("PATH", "TMPDIR", "LD_", "DYLD_", "SIGNALWIRE_CONFERENCES_", "PYTEST_", "MUTANT_")
TOKEN = "PTsecret-token-that-nobody-may-see"
VERIFY_TOKEN = "PTsecret-token-0aZ9"  # both cases and digits, so that wrong ones can be near misses

# What a test learned in one run must not decide about the next; and nothing is left in the checkout.
set_hypothesis_home_dir(Path(__file__).parent.parent / ".cache" / "hypothesis")
_PHASES = [hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink]
hypothesis.settings.register_profile(
    "default", derandomize=True, database=None, deadline=None, max_examples=20, phases=_PHASES
)
hypothesis.settings.register_profile(
    "long",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=400,
    phases=_PHASES,
    print_blob=True,
    # The long budget may take its time.
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("long" if LONG else "default")

FIGURE = "figure: "
"""Starts a line that a test prints and that people look for: it is told at the end of the run."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = [
        line.removeprefix(FIGURE)
        for report in terminalreporter.stats.get("passed", [])
        for line in report.capstdout.splitlines()
        if line.startswith(FIGURE)
    ]
    if figures:
        terminalreporter.section("figures")
        for line in sorted(figures):
            terminalreporter.write_line(line)


# The modules of which each test runs over httpx, over `fast`, and some over clients of httpx that the caller made.
OVER_BOTH = {
    *("test_answers", "test_async", "test_cancellation", "test_errors", "test_interruptions", "test_proxies"),
    *("test_recovery", "test_secrets", "test_wire"),
}
# Clients of the caller's are left to the long budget. Of the others `fast` is, too: all modules that are not among
# them run over it.
BOTH_ALWAYS = {"test_wire", "test_interruptions"}
OVER_OWN = {"test_wire", "test_recovery", "test_cancellation"}
# Of these, trio is left to the long budget: it carries the same steps out as asyncio, which test_async and
# test_cancellation try on both.
TRIO_LONG = {"test_fleet", "test_fleet_ends", "test_recovery", "test_answers", "test_secrets"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__
    if module in OVER_BOTH:
        also = ["fast"] * (LONG or module in BOTH_ALWAYS) + ["own"] * (LONG and module in OVER_OWN)
        metafunc.parametrize("connections", ["httpx", *also], indirect=True)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: a test that collects garbage need not look through it each time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in list(items):
        if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
            continue
        given = item.callspec.params
        if given.get("connections") == "fast" and "trio" in item.name and "asyncio" not in item.name:
            items.remove(item)  # on trio both are httpx
        elif "trio" in given.values() and item.module.__name__ in TRIO_LONG:
            item.add_marker(pytest.mark.long)


@pytest.fixture(autouse=True)  # named by a hook alone, pytest forgets it where a test has parameters of its own
def connections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What the clients take where nobody asks: also those of processes that are spawned. None: what is installed."""
    asked: str | None = getattr(request, "param", None)
    if asked is not None:
        monkeypatch.setattr(settings, "has_fast", lambda: asked == "fast")
    if asked == "own":
        monkeypatch.setattr(transport, "_connections", lambda _wire: Own)
        monkeypatch.setattr(async_transport, "_connections", lambda _wire: AsyncOwn)
    return asked


Connect = Callable[..., RestClient]


@pytest.fixture(scope="session", autouse=True)
def plain_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests and their children see of the shell: nothing but `SEEN`. A test sets what it depends on."""
    mask = os.umask(0o022)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell does that to what it runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if not name.startswith(SEEN):
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("LANG", "C.UTF-8")
        # Nobody's zone: what takes a local time for UTC is wrong everywhere.
        patch.setenv("TZ", "<+0545>-05:45")
        time.tzset()
        yield
    time.tzset()
    os.umask(mask)


@pytest.fixture
def mock() -> Iterator[MockServer]:
    """A mock with the contract's own example."""
    with MockServer(token=TOKEN) as server:
        yield server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """A mock to verify, whose credentials are in the environment. Some modules have a `server` of their own."""
    with MockServer(token=VERIFY_TOKEN) as mock:
        monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", mock.project)
        monkeypatch.setenv("SIGNALWIRE_API_TOKEN", mock.token)
        yield mock


@pytest.fixture(scope="module")
def shared_mock() -> Iterator[MockServer]:
    """A mock for many examples of a property; each adds its own conference."""
    with MockServer(token=TOKEN) as server:
        yield server


@pytest.fixture(scope="module")
def shared_client(shared_mock: MockServer) -> Iterator[RestClient]:
    with RestClient(shared_mock.project, TOKEN, shared_mock.host, retries=0) as client:
        yield client


@pytest.fixture
def connect(mock: MockServer) -> Iterator[Connect]:
    """Makes clients of `mock`, and closes them."""
    clients: list[RestClient] = []

    def make(**options: object) -> RestClient:
        defaults = {"project": mock.project, "token": TOKEN, "host": mock.host, "retries": 0}
        clients.append(RestClient(**{**defaults, **options}))  # type: ignore[arg-type]  # options may be wrong on purpose
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Connect) -> RestClient:
    """A client of `mock` that repeats nothing."""
    return connect()


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> str:
    """Each kind of client, as `processes.ours` makes it."""
    return str(request.param)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """The waits of the clients, noted in place of being waited."""
    return without_waiting(monkeypatch)


@pytest.fixture
def command(
    mock: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> CommandLine:
    """The command line, for `mock`, in an empty folder that is its home too."""
    kept = str(tmp_path_factory.mktemp("kept"))  # what `edit` leaves where it was given up
    monkeypatch.setenv("TMPDIR", kept)
    monkeypatch.setattr("tempfile.tempdir", kept)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return CommandLine(mock, monkeypatch, capsys)
