"""What the guide for users of the vendor's SDK says is true; its code is run by test_pages.py."""

import asyncio
import contextlib
import pickle
import re
from typing import Any

import pytest

from signalwire_conferences import (
    AsyncRestClient,
    ConferencesError,
    ConfigurationError,
    InvalidChangeError,
    RequestOptions,
    RestClient,
    SignalWireRestError,
    SignalWireRestTransportError,
    TransportError,
)
from signalwire_conferences_testing import demo
from signalwire_conferences_testing.mock import Fault, MockServer

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
        with pytest.raises(SignalWireRestTransportError) as caught:
            client.video.conferences.get("x")
        assert isinstance(caught.value, SignalWireRestError)
        assert isinstance(caught.value, TransportError)
        assert (caught.value.status_code, caught.value.body, caught.value.request_id) == (None, None, None)
    with contextlib.suppress(SignalWireRestError):
        raise ConferencesError("one")


def test_an_error_of_a_request_has_its_method_and_whole_url_and_the_headers_of_the_answer() -> None:
    with MockServer(token="its-secret-token") as server:
        client = RestClient(server.project, server.token, base_url=f"http://{server.host}/", retries=0)
        with client:
            with pytest.raises(SignalWireRestError) as refused:
                client.video.conferences.delete("a b")
            server.faults.add(Fault.body("no", f"text/{server.token}", 500))
            with pytest.raises(SignalWireRestError) as failed:
                client.video.conferences.list(page_size=5, include_active_session=True)

        async def get() -> None:
            async with AsyncRestClient(server.project, server.token, server.host, retries=0) as client:
                await client.video.conferences.get("x")

        with pytest.raises(SignalWireRestError) as awaited:
            asyncio.run(get())
    url = f"http://{server.host}/api/video/conferences"
    assert (refused.value.method, refused.value.url) == ("DELETE", f"{url}/a%20b")
    assert refused.value.headers is not None
    assert refused.value.headers["content-type"].startswith("application/json")
    assert (failed.value.method, failed.value.url) == ("GET", f"{url}?page_size=5&include_active_session=true")
    assert failed.value.headers is not None
    assert failed.value.headers["content-type"] == "text/***"
    assert pickle.loads(pickle.dumps(failed.value)).url == failed.value.url
    assert (awaited.value.method, awaited.value.url) == ("GET", f"{url}/x")


def test_an_error_without_an_answer_has_no_headers_and_one_without_a_request_no_url() -> None:
    with RestClient("project", "token", "127.0.0.1:1", retries=0) as client:
        with pytest.raises(SignalWireRestError) as unsent:
            client.video.conferences.create(display_name="x")
        with pytest.raises(SignalWireRestError) as refused:
            client.video.conferences.list(page_size=0)
    assert (unsent.value.method, unsent.value.headers) == ("POST", None)
    assert unsent.value.url == "http://127.0.0.1:1/api/video/conferences"
    assert (refused.value.method, refused.value.url, refused.value.headers) == (None, None, None)


def test_the_id_may_be_given_by_name_where_the_vendors_methods_take_it() -> None:
    async def awaited(server: MockServer) -> None:
        async with AsyncRestClient(server.project, server.token, server.host) as client:
            assert (await client.video.conferences.get(resource_id="two"))["id"] == "two"
            await client.video.conferences.delete(resource_id="two")

    with MockServer([{"id": "one"}, {"id": "two"}]) as server:
        asyncio.run(awaited(server))
        with RestClient(server.project, server.token, server.host) as client:
            assert client.video.conferences.get(resource_id="one")["id"] == "one"
            client.video.conferences.delete(resource_id="one")
            assert client.video.conferences.list()["data"] == []


OPTIONS_HERE = r"RestClient\(timeout=\.\.\., retries=\.\.\.\).*client\.with_options\(timeout=\.\.\., retries=\.\.\.\)"


@pytest.mark.parametrize(("given", "named"), [((), {}), ((5.0, 2), {}), ((), {"timeout": 5.0, "retries": 2})])
def test_request_options_can_be_imported_and_say_what_to_write_instead(given: Any, named: Any) -> None:
    with pytest.raises(ConfigurationError, match=OPTIONS_HERE):
        RequestOptions(*given, **named)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("request_options", object(), OPTIONS_HERE),
        ("extras", {"layout": "5up"}, "name its fields in the call"),
        ("resource_id", "x", "the id comes first, without a name"),
    ],
)
def test_what_has_no_such_name_here_says_what_to_write_instead(name: str, value: object, said: str) -> None:
    with RestClient("project", "token", "127.0.0.1:1") as client:
        conferences: Any = client.video.conferences
        calls = (
            lambda **given: conferences.update("x", layout="5up", **given),
            lambda **given: conferences.create(display_name="x", **given),
            conferences.list,
            conferences.paginate,
        )
        for call in calls:
            with pytest.raises(InvalidChangeError) as caught:
                call(**{name: value})
            [problem] = caught.value.problems
            assert problem.field == name
            assert re.search(said, problem.rule)


def test_numbers_in_a_query_are_of_the_type_that_the_guide_says() -> None:
    with MockServer() as server, RestClient(server.project, server.token, server.host) as client:
        conferences: Any = client.video.conferences
        with pytest.raises(InvalidChangeError, match=r"(?s)page_size='10': .*integer.*starts_after=1.*string"):
            conferences.list(page_size="10", starts_after=1767225600)
        assert conferences.list(page_size=10, starts_after="1767225600")["data"] == []
