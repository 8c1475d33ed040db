"""The pytest plugin, in test suites of strangers."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from mock_support import COLLECTION

pytest_plugins = ["pytester"]

HEAD = f"""
import pytest, requests
from signalwire_conferences_testing.mock import Fault
PATH = "{COLLECTION}"

def put(mock, **body):
    (conference_id,) = mock.store
    with requests.Session() as session:
        session.trust_env = False
        return session.put(f"{{mock.url}}{{PATH}}/{{conference_id}}", json=body, auth=mock.auth)
"""
QUIET = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest", "-W", "default")


class Modules:
    """What an inner run imports is forgotten at its end, and a library that is imported twice has its errors twice."""

    def __init__(self) -> None:
        self._imported: dict[str, Any] = {}

    def pytest_unconfigure(self) -> None:
        self._imported = dict(sys.modules)

    def restore(self) -> None:
        for name, module in self._imported.items():
            if "site-packages" in str(getattr(module, "__file__", "")) or name.startswith("signalwire"):
                sys.modules.setdefault(name, module)


@pytest.fixture
def modules() -> Iterator[Modules]:
    kept = Modules()
    yield kept
    kept.restore()


# After `modules`: at its end, `pytester` forgets too.
@pytest.fixture
def run(modules: Modules, pytester: pytest.Pytester) -> Any:
    """Runs a test suite; all of it passes or fails as told."""

    def outcome(code: str, *arguments: str, ini: str = "", **expected: int) -> pytest.RunResult:
        pytester.makepyfile(HEAD + code)
        pytester.makeini(f"[pytest]\n{ini}")
        result = pytester.runpytest_inprocess(*QUIET, "--strict-markers", *arguments, plugins=[modules])
        modules.restore()
        result.assert_outcomes(**{"warnings": 0, **expected})
        return result

    return outcome


def said(result: pytest.RunResult, *texts: str) -> None:
    output = result.stdout.str() + result.stderr.str()
    for text in texts:
        assert text in output


# --- what it costs ----------------------------------------------------------------------------------


def test_it_imports_pytest_alone() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import signalwire_conferences_testing.plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    told = subprocess.check_output([sys.executable, "-I", "-c", code], text=True).split()
    assert told == ["signalwire_conferences_testing", "signalwire_conferences_testing.plugin"]


def test_a_suite_that_does_not_use_it_imports_nothing_more(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys
        def test_it():
            assert "signalwire_conferences_testing.plugin" in sys.modules
            assert not {"signalwire_conferences", "signalwire_conferences_testing.mock", "uvicorn"} & sys.modules.keys()
    """)
    pytester.runpytest_subprocess(*QUIET).assert_outcomes(passed=1)


def test_without_the_extra_the_fixture_says_what_to_install(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['uvicorn'] = None")
    pytester.makepyfile("def test_it(conferences_mock): pass\ndef test_other(): pass")
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(errors=1, passed=1)
    said(result, "pip install 'signalwire-conferences[mock]'")


# --- fixtures ---------------------------------------------------------------------------------------


def test_each_test_has_a_mock_of_its_own_and_a_client_of_it(run: Any) -> None:
    run(
        """
from signalwire_conferences import RestClient
ports = []

@pytest.mark.parametrize("number", range(2))
def test_rename(conferences_mock, conferences_client, number):
    (conference_id,) = conferences_mock.store
    assert conferences_mock.requests == []
    assert isinstance(conferences_client, RestClient)
    conferences_client.video.conferences.update(conference_id, display_name=str(number))
    conferences_mock.assert_only_changed(conference_id, "display_name")
    ports.append(conferences_mock.port)

def test_both_are_stopped():
    import socket
    for port in ports:
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port))
""",
        passed=3,
    )


def test_a_seed_is_overridden(run: Any) -> None:
    run(
        """
@pytest.fixture
def conferences_seed():
    return [{"id": "conference-id", "layout": "5up"}]

def test_it(conferences_mock, conferences_in_process):
    assert list(conferences_mock.store) == list(conferences_in_process.store) == ["conference-id"]
    assert conferences_mock.store is not conferences_in_process.store
""",
        passed=1,
    )


def test_a_seed_with_a_slip_is_told(run: Any) -> None:
    result = run(
        """
@pytest.fixture
def conferences_seed():
    return [{"layuot": "5up"}]

def test_it(conferences_mock): pass
""",
        errors=1,
    )
    said(result, "did you mean 'layout'?")


def test_a_mock_without_a_socket(run: Any) -> None:
    run(
        """
import httpx

@pytest.mark.conferences_faults(Fault.status(503), "GET")
def test_it(conferences_in_process, monkeypatch):
    mock = conferences_in_process
    monkeypatch.setattr("socket.socket", None)
    with httpx.Client(transport=mock.transport(), base_url=mock.url, auth=mock.auth) as client:
        assert [client.get(PATH).status_code for _ in range(2)] == [503, 200]
""",
        passed=1,
    )


def test_a_program_that_reads_the_environment(run: Any) -> None:
    run(
        """
from signalwire_conferences import RestClient

def test_it(conferences_mock, monkeypatch):
    for name, value in conferences_mock.environment.items():
        monkeypatch.setenv(name, value)
    with RestClient() as client:
        assert len(client.video.conferences.list()["data"]) == 1
""",
        passed=1,
    )


# --- faults -----------------------------------------------------------------------------------------


def test_the_marker_takes_what_add_takes_and_json(run: Any) -> None:
    run(
        """
@pytest.mark.conferences_faults({"fault": "status", "code": 501, "method": "PUT"})
class TestOfAClass:
    @pytest.mark.conferences_faults(Fault.status(502), "PUT", at=2)
    @pytest.mark.conferences_faults(Fault.status(503), {"fault": "status", "code": 504, "at": 4}, method="PUT", at=3)
    def test_it(self, conferences_mock):
        found = [put(conferences_mock, display_name="x").status_code for _ in range(5)]
        assert found == [501, 502, 503, 504, 200]
        assert [rule.fault.name[-1] for rule in conferences_mock.faults.rules] == ["1", "2", "3", "4"]
        assert {rule.method for rule in conferences_mock.faults.rules} == {"PUT"}

@pytest.mark.parametrize("code", [pytest.param(500, marks=pytest.mark.conferences_faults(Fault.status(500))), 200])
def test_of_one_parameter(conferences_mock, code):
    assert put(conferences_mock, display_name="x").status_code == code
""",
        passed=3,
    )


def test_a_fixture_may_add_faults(run: Any) -> None:
    run(
        """
@pytest.fixture
def overloaded(conferences_faults):
    conferences_faults.add(Fault.status(503), "PUT", times=2)

@pytest.mark.usefixtures("overloaded")
def test_it(conferences_mock):
    assert [put(conferences_mock, display_name="x").status_code for _ in range(3)] == [503, 503, 200]
""",
        passed=1,
    )


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("Fault.drop_after, 'PUT'", "call it, Fault.drop_after(...)"),
        ("Fault.drop_after(), 'PUTT'", "method 'PUTT' is not one of GET"),
        ("Fault.drop_after(), methd='PUT'", "'methd' is not an option of a fault; did you mean method?"),
        ("'drop-after'", "'drop-after' is not a fault"),
        ("{'fault': 'drop'}", "fault 'drop' is not a kind; there are"),
        ("", "names no fault"),
    ],
)
def test_a_marker_that_says_nothing_of_use_is_an_error(run: Any, marker: str, text: str) -> None:
    said(run(f"@pytest.mark.conferences_faults({marker})\ndef test_it(conferences_mock): pass", errors=1), text)


UNUSED = """
@pytest.mark.conferences_faults(Fault.status(503), "PATCH")
def test_it(conferences_mock):
    assert put(conferences_mock, display_name="x").status_code == 200
"""


def test_a_fault_that_no_request_met_is_a_warning(run: Any) -> None:
    result = run(UNUSED, passed=1, warnings=1)
    said(result, "UnusedFaultWarning: fault never used: PATCH 1x1 status 503", f"  PUT {COLLECTION}/", "-> 200")


def test_by_option_it_is_a_failure_or_nothing(run: Any) -> None:
    said(run(UNUSED, ini="conferences_unused_faults = fail", failed=1), "fault never used: PATCH 1x1 status 503")
    run(UNUSED, ini="conferences_unused_faults = ignore", passed=1)
    run(UNUSED, "-W", "error", failed=1)


def test_a_wrong_option_is_told(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nconferences_unused_faults = fial")
    result = pytester.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said(result, "conferences_unused_faults is one of warn, fail, ignore, not 'fial'")


def test_a_marker_on_a_test_without_a_mock_is_told(run: Any) -> None:
    code = "@pytest.mark.conferences_faults(Fault.drop_after())\ndef test_it(): pass"
    said(run(code, passed=1, warnings=1), "the marker conferences_faults did nothing")


def test_a_failure_shows_the_requests_and_no_word_of_unused_faults(run: Any) -> None:
    result = run(UNUSED.replace("200", "503"), failed=1)
    said(result, "requests to the conferences mock", '{"display_name": "x"} -> 200')
    assert "never used" not in result.stdout.str()
    assert "mock-token" not in result.stdout.str()


def test_an_assertion_shows_the_diff_and_no_line_of_ours(run: Any) -> None:
    result = run(
        """
@pytest.fixture
def conferences_seed():
    return [{"id": "conference-id", "display_name": "before", "layout": "5up"}]

def test_it(conferences_mock):
    put(conferences_mock, display_name="after")
    conferences_mock.assert_only_changed("conference-id", "display_name")
""",
        failed=1,
    )
    said(result, "AssertionError: conference conference-id: only display_name was to change", '- layout: "5up"')
    assert "mock/base.py" not in result.stdout.str()


# --- others -----------------------------------------------------------------------------------------


def test_workers_of_xdist_have_mocks_of_their_own(run: Any) -> None:
    code = """
@pytest.mark.parametrize("number", range(8))
def test_it(conferences_mock, number):
    for _ in range(3):
        put(conferences_mock, display_name=str(number))
    (conference_id,) = conferences_mock.store
    assert conferences_mock.store[conference_id]["display_name"] == str(number)
    assert len(conferences_mock.requests) == 3
"""
    run(code, "-n", "2", passed=8)


def test_async_tests_of_asyncio_and_trio(run: Any) -> None:
    run(
        """
import httpx
from signalwire_conferences import AsyncRestClient

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

@pytest.mark.anyio
@pytest.mark.conferences_faults(Fault.latency(0.01), Fault.drop_after(), method="PUT")
async def test_it(conferences_mock, conferences_in_process):
    (conference_id,) = conferences_mock.store
    async with AsyncRestClient(**conferences_mock.credentials) as client:
        await client.video.conferences.update(conference_id, display_name="new")
    conferences_mock.assert_only_changed(conference_id, "display_name")
    mock = conferences_in_process
    async with httpx.AsyncClient(transport=mock.transport(), base_url=mock.url, auth=mock.auth) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.put(f"{PATH}/{conference_id}", json={"display_name": "new"})
""",
        passed=2,
    )
