"""What the guide for users of the vendor's SDK says is true."""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from signalwire_conferences import ConferencesError, RestClient, SignalWireRestError, TransportError
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import MockServer
from test_readme import ROOT, check_shown, run

BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", Path(ROOT, "overrides/MIGRATION.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)


def environment(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", server.project)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", server.token)
    monkeypatch.setenv("SIGNALWIRE_SPACE", server.host)


def test_every_block_of_the_guide_runs_and_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"check_shown": check_shown}
    with MockServer(demo.conferences()) as server:
        environment(server, monkeypatch)
        try:
            printed = [run(code, names) for language, code in BLOCKS if language == "python"]
        finally:
            names["client"].close()
    assert [text for text in printed if text] == [code for language, code in BLOCKS if language == "text"]


@pytest.mark.parametrize("path", ["fabric", "video.rooms", "video.conferences.list_streams", "calling"])
def test_what_the_vendors_client_has_besides_says_at_the_attribute_that_it_is_not_here(path: str) -> None:
    with RestClient("project", "token", "127.0.0.1:1") as client:
        where: Any = client
        *parents, name = path.split(".")
        for parent in parents:
            where = getattr(where, parent)
        with pytest.raises(AttributeError, match=f"{name}.*Use the vendor's SDK beside it"):
            getattr(where, name)
        assert not hasattr(where, name)


def test_whoever_catches_the_vendors_error_catches_every_error_and_finds_a_status() -> None:
    with RestClient("project", "token", "127.0.0.1:1", retries=0) as client:
        with pytest.raises(SignalWireRestError) as caught:
            client.video.conferences.get("x")
        assert isinstance(caught.value, TransportError)
        assert (caught.value.status_code, caught.value.body, caught.value.request_id) == (None, None, None)
    with contextlib.suppress(SignalWireRestError):
        raise ConferencesError("one")
