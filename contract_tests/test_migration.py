"""What the guide for users of the vendor's SDK says is true; its code is run by test_pages.py."""

import contextlib
from typing import Any

import pytest

from signalwire_conferences import ConferencesError, RestClient, SignalWireRestError, TransportError
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import MockServer

# Programs of the kind that people write with the vendor's SDK, and what they print.
PROGRAMS = {
    "sets a conference up and takes it down": (
        """
from signalwire.rest import RestClient, SignalWireRestError

client = RestClient()
made = client.video.conferences.create(name="town-hall", display_name="Town Hall", quality="1080p", description=None)
try:
    client.video.conferences.create(name="town-hall", display_name="Town Hall")
except SignalWireRestError as error:
    print(error.status_code, error.body["errors"][0]["attribute"])
client.video.conferences.update(made["id"], display_name="Town Hall 2030")
found = client.video.conferences.get(made["id"])
print(found.get("quality"), found.get("moderator", "nobody"), str(found["display_name"])[:9] + "...")
client.video.conferences.delete(made["id"])
try:
    client.video.conferences.get(made["id"])
except SignalWireRestError as error:
    print(error.status_code, error.body.get("error"))
""",
        "422 name\n1080p nobody Town Hall...\n404 Not Found\n",
    ),
    "reports on all conferences": (
        """
import csv, io, json
from collections import Counter
from signalwire.rest import RestClient

client = RestClient()
page = client.video.conferences.list(page_size=1)
first = (page.get("data") or [{}])[0]
print(len(page["data"]), first["name"], "next" in page["links"])
every = list(client.video.conferences.paginate(page_size=1))
print(Counter(one["size"] for one in every)["large"], isinstance(first, dict))
table = io.StringIO()
writer = csv.DictWriter(table, ["name", "layout"], extrasaction="ignore", lineterminator=";")
writer.writerows(sorted(every, key=lambda one: one["name"]))
print(table.getvalue())
copy = {**first, "seen": True}
copy.pop("meta")
print(json.loads(json.dumps(every)) == every, sorted(set(copy) - set(first)))
""",
        "1 team-meeting True\n1 True\nlegacy,grid-responsive;team-meeting,10x10;\nTrue ['seen']\n",
    ),
    "recolours every conference and goes on after errors": (
        """
from signalwire.rest import RestClient, SignalWireRestError

client = RestClient()
for conf in client.video.conferences.paginate():
    try:
        client.video.conferences.update(conf["id"], display_name=conf["display_name"], dark_primary="#112233")
    except SignalWireRestError as error:
        print(conf["name"], error.status_code)
for conf in client.video.conferences.list().get("data", []):
    print(conf["name"], conf["dark_primary"], conf["description"] is None)
""",
        # A `size` that a PUT would reset is refused here: what the guide says of `UnsafeUpdateError`.
        "legacy None\nteam-meeting #112233 False\nlegacy #044EF4 True\n",
    ),
}


@pytest.mark.parametrize(("program", "printed"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_runs_after_the_change_of_the_import(
    program: str, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with MockServer([*demo.conferences()[:1], {"id": "legacy", "name": "legacy", "size": None}]) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        names: dict[str, Any] = {}
        try:
            exec(program.replace("from signalwire.rest import", "from signalwire_conferences import"), names)
        finally:
            names["client"].close()
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    "path",
    ["fabric", "video.rooms", "video.conferences.list_streams", "video.conferences.list_conference_tokens", "calling"],
)
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
