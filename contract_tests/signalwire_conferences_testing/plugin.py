"""The pytest plugin: a running mock, and a client of it, for each test.

pytest loads this module wherever the distribution is installed, so it imports pytest only. The fixtures import the rest
when a test uses them, and need the extra `testing`.
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
    """A test has a fault that matched no request."""


# --- fixtures ---------------------------------------------------------------------------------------


@pytest.fixture
def conferences_seed() -> list[dict[str, Any]] | None:
    """The conferences that each mock starts with; override it. `None`: the example of the contract."""
    return None


@pytest.fixture
def conferences_mock(request: pytest.FixtureRequest, conferences_seed: Any) -> Iterator["MockServer"]:
    """A running mock of the conference API on a free port, new for each test."""
    from .mock import MockServer  # noqa: PLC0415 - no cost while unused

    with MockServer(conferences_seed) as server:
        _prepare(request.node, server)
        yield server


@pytest.fixture
def conferences_in_process(request: pytest.FixtureRequest, conferences_seed: Any) -> "ConferencesMock":
    """A mock without a socket, new for each test: `transport()` is for the clients of httpx, `app` for ASGI.

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
    """The faults of `conferences_mock`, for your own fixtures that `add` some."""
    return conferences_mock.faults


# --- the marker -------------------------------------------------------------------------------------


def _prepare(item: pytest.Item, mock: "ConferencesMock") -> None:
    """Adds the faults of a test's markers in the order of the source, those of its class first."""
    item.stash.setdefault(_MOCKS, []).append(mock)
    for mark in reversed(list(item.iter_markers(_MARKER))):
        for rule in _rules(*mark.args, **mark.kwargs):
            mock.faults.put(rule)


def _rules(*given: Any, **options: Any) -> list["Rule"]:
    """The rules of a marker: the arguments of `Faults.add`, or several faults; a fault may be a JSON object."""
    from .mock import Rule  # noqa: PLC0415 - no cost while unused

    faults = list(given)
    if len(faults) == 2 and isinstance(faults[1], str):
        options = {"method": faults.pop(), **options}
    if not faults:
        raise TypeError(f"the marker {_MARKER} names no fault")
    return [Rule.of(each, **options) for each in faults]


# --- hooks ------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option for faults that matched no request."""
    parser.addini(_UNUSED, f"for a fault that matched no request: {', '.join(_CHOICES)}", default="warn")


def pytest_configure(config: pytest.Config) -> None:
    """Adds the marker, and checks the option."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(fault, method=None, *, conference_id=None, at=1, times=1, where=None): faults of the "
        "requests to conferences_mock: the arguments of faults.add(), or several faults or JSON objects",
    )
    if config.getini(_UNUSED) not in _CHOICES:
        raise pytest.UsageError(f"{_UNUSED} is one of {', '.join(_CHOICES)}, not {config.getini(_UNUSED)!r}")


# Last, so that it is called where the test passed.
@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Reports faults that matched no request: the test did not test them."""
    __tracebackhide__ = True
    choice, message = item.config.getini(_UNUSED), _unused(item)
    if message and choice == "fail":
        pytest.fail(message, pytrace=False)
    if message and choice == "warn":
        item.warn(UnusedFaultWarning(f"{message}\n(ini option {_UNUSED})"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Adds the requests to the mock to the report of a failure."""
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
