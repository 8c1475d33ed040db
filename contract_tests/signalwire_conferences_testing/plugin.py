"""The pytest plugin: a running mock and a client of it for each test.

pytest loads this module wherever the distribution is installed, so it imports pytest alone; all else is imported by the
fixtures when a test asks for one. They need the extra `testing`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from signalwire_conferences import AsyncRestClient, RestClient

    from .mock import ConferencesMock, Faults, MockServer, Rule

_MARKER, _UNUSED = "conferences_faults", "conferences_unused_faults"
_CHOICES = ("warn", "fail", "ignore")
_MOCKS = pytest.StashKey[list["ConferencesMock"]]()
_SHOWN = 20  # requests


class UnusedFaultWarning(pytest.PytestWarning):
    """A test has a fault that no request met."""


# --- fixtures ---------------------------------------------------------------------------------------


@pytest.fixture
def conferences_seed() -> list[dict[str, Any]] | None:
    """The conferences that each mock starts with: override it. `None`: the one example of the contract."""
    return None


@pytest.fixture
def conferences_mock(request: pytest.FixtureRequest, conferences_seed: Any) -> Iterator["MockServer"]:
    """A running mock of the conference API on a port of its own, fresh for each test."""
    from .mock import MockServer  # noqa: PLC0415 - no cost while unused

    with MockServer(conferences_seed) as server:
        _prepare(request.node, server)
        yield server


@pytest.fixture
def conferences_in_process(request: pytest.FixtureRequest, conferences_seed: Any) -> "ConferencesMock":
    """A mock without a socket, fresh for each test: `transport()` is for the clients of httpx, `app` for ASGI.

    It is not the mock of `conferences_mock`, nor that of `conferences_client` and `conferences_faults`.
    """
    from .mock import ConferencesMock  # noqa: PLC0415 - no cost while unused

    mock = ConferencesMock(conferences_seed)
    _prepare(request.node, mock)
    return mock


@pytest.fixture
def conferences_client(conferences_mock: "MockServer") -> Iterator["RestClient"]:
    """A `RestClient` of `conferences_mock`."""
    from signalwire_conferences import RestClient  # noqa: PLC0415 - no cost while unused

    with RestClient(**conferences_mock.credentials) as client:
        yield client


@pytest.fixture
def conferences_async_client(conferences_mock: "MockServer") -> "AsyncRestClient":
    """An `AsyncRestClient` of `conferences_mock`, on asyncio and trio. The event loop closes its connections."""
    from signalwire_conferences import AsyncRestClient  # noqa: PLC0415 - no cost while unused

    return AsyncRestClient(**conferences_mock.credentials)


@pytest.fixture
def conferences_faults(conferences_mock: "MockServer") -> "Faults":
    """The faults of `conferences_mock`, for fixtures of your own that `add` some."""
    return conferences_mock.faults


# --- the marker -------------------------------------------------------------------------------------


def _prepare(item: pytest.Item, mock: "ConferencesMock") -> None:
    """Adds the faults of a test's markers, in the order in which they are written, those of its class first."""
    item.stash.setdefault(_MOCKS, []).append(mock)
    for mark in reversed(list(item.iter_markers(_MARKER))):
        for rule in _rules(*mark.args, **mark.kwargs):
            mock.faults.put(rule)


def _rules(*given: Any, **options: Any) -> list["Rule"]:
    """The rules of a marker: what `Faults.add` takes, or several faults, each also as an object of JSON."""
    from .mock import Rule  # noqa: PLC0415 - no cost while unused

    faults = list(given)
    if len(faults) == 2 and isinstance(faults[1], str):
        options = {"method": faults.pop(), **options}
    if not faults:
        raise TypeError(f"the marker {_MARKER} names no fault")
    return [Rule.of(each, **options) for each in faults]


# --- hooks ------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """What to do about faults that no request met."""
    parser.addini(_UNUSED, f"what a conferences fault that no request met is: {', '.join(_CHOICES)}", default="warn")


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and a look at the option."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(fault, method=None, *, conference_id=None, at=1, times=1, where=None): what goes wrong with the "
        "requests to conferences_mock; as faults.add() takes it, or several faults, or objects of JSON",
    )
    if config.getini(_UNUSED) not in _CHOICES:
        raise pytest.UsageError(f"{_UNUSED} is one of {', '.join(_CHOICES)}, not {config.getini(_UNUSED)!r}")


# Last, so that it is called where the test passed.
@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Tells of faults that no request met: what the test is about did not happen."""
    __tracebackhide__ = True
    choice, message = item.config.getini(_UNUSED), _unused(item)
    if message and choice == "fail":
        pytest.fail(message, pytrace=False)
    if message and choice == "warn":
        item.warn(UnusedFaultWarning(f"{message}\n(ini option {_UNUSED})"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Shows beside a failure the requests that the mock saw."""
    if call.when == "call" and call.excinfo is not None:
        for mock in item.stash.get(_MOCKS, []):
            item.add_report_section("call", "requests to the conferences mock", _requests(mock))


def _unused(item: pytest.Item) -> str:
    mocks = item.stash.get(_MOCKS, [])
    if not mocks and item.get_closest_marker(_MARKER):
        return f"the marker {_MARKER} did nothing: the test has no conferences_mock"
    return "\n".join(
        f"fault never used: {rule}\nrequests to the conferences mock:\n{_requests(mock)}"
        for mock in mocks
        for rule in mock.faults.unused
    )


def _requests(mock: "ConferencesMock") -> str:
    lines = [f"  {request}" for request in list(mock.requests)[-_SHOWN:]]
    return "\n".join(lines) or "  none"
