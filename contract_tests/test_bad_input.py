"""A wrong input is refused before any request, all problems in one error: field, value and rule."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from conftest import Connect
from processes import STYLES, ours
from signalwire_conferences import (
    KEEP,
    ConferencesError,
    ConfigurationError,
    InvalidChangeError,
    RestClient,
    contract,
    operations,
)
from signalwire_conferences.changes import checked_changes, checked_create
from signalwire_conferences.settings import settings
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import MockServer
from strategies import CONFERENCE, POLICY, REQUIRED, SCHEMAS, WRITABLE, Schema, Server, changes, drive, kind, ok

EXAMPLE: dict[str, Any] = schemas.resolve({"$ref": "#/components/schemas/Conference"})["examples"][0]
ID: str = EXAMPLE["id"]
CREATABLE: Mapping[str, Schema] = SCHEMAS["ConferenceCreate"]["properties"]
LIST = {each.name: each for each in contract.fields("list_video_conferences").values()}


class Size(enum.Enum):
    HUGE = "huge"


# --- near misses, from the contract ---------------------------------------------------------------

NAIVE = datetime.datetime(2022, 1, 1, 12)  # noqa: DTZ001 - that is what is wrong with it
NO_JSON: list[Any] = [b"bytes", float("nan"), float("inf"), decimal.Decimal(1), object(), {1}, 1j, NAIVE.time()]
NO_TIMES: list[Any] = [
    NAIVE,
    datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-1))),
    0,
    1640995200,
    "",
    " ",
    "now",
    "1640995200",
    "2022-1-1",
    "20220101",
    "2022-W01-1",
    "2022-13-01",
    "2022-02-30",
    "2022-00-01",
    "2021-02-29",
    "2022-01-01T00:00:00",
    "2022-01-01 00:00:00Z",
    "2022-01-01T00:00Z",
    "2022-01-01T24:00:00Z",
    "2022-01-01T23:60:00Z",
    "2022-01-01T12:00:60Z",
    "2022-01-01T23:59:61Z",
    "2022-01-01T00:00:00+24:00",
    "2022-01-01T00:00:00+0100",
    "2022-01-01T00:00:00.Z",
    "2022-01-01T00:00:00,5Z",
    "2022-01-01T00:00:00Zulu",
    " 2022-01-01",
    "2022-01-01\n",
    "2022-01-01T00:00:00Z\n",
    "\uff12\uff10\uff12\uff12-01-01",
    "2022-01-01T00:00:0\u0660Z",
    "+2022-01-01",
    "12022-01-01",
]
NO_COLORS: list[Any] = [
    "",
    "#",
    "044EF4",
    "#044EF",
    "#044EF44",
    "#044EFG",
    "#044EF4\n",
    "\n#044EF4",
    " #044EF4",
    "#\uff10\uff14\uff14EF4",
    "#\u0660\u0661\u0662\u0663\u0664\u0665",
    "#fff",
    "red",
    "##44EF4",
]


def misses(schema: Schema) -> list[Any]:
    """Values that a property of a request must not have."""
    full = schemas.resolve(schema)
    wrong: list[Any] = [*NO_JSON, [], {}, ["x"], {"a": 1}, 1.5, "\ud800"]
    if kind(schema) == "time":
        return [*wrong, True, *NO_TIMES]
    if full["type"] == "boolean":
        return [*wrong, 0, 1, "true", "false", "True", "", "yes"]
    wrong += [True, False, 0, 1]
    if "enum" in full:
        taken = full["enum"][0]
        return [*wrong, "", taken.upper() + "x", f"{taken}\n", f" {taken}", taken[:-1], Size.HUGE, Size]
    if "maxLength" in full:
        long = full["maxLength"] + 1
        wrong += ["a" * long, "\U0001f600" * long]
    if kind(schema) == "color":
        wrong += NO_COLORS
    elif "pattern" in full:
        wrong += ["", "a b", "a\n", "\n", "\u00e9", "a/b", "\uff41", "a.b"]
    return wrong


# Where each body of a request comes from, and how to give it one wrong field.
Give = Callable[[RestClient, dict[str, Any]], object]
WAYS: dict[str, tuple[Give, Mapping[str, Schema]]] = {
    "update": (lambda client, fields: client.video.conferences.update(ID, **fields), WRITABLE),
    "plan": (lambda client, fields: client.video.conferences.plan(ID, **fields), WRITABLE),
    "replace": (lambda client, fields: client.video.conferences.replace(ID, {**base(), **fields}), WRITABLE),
    "create": (lambda client, fields: client.video.conferences.create(**{**base(), **fields}), CREATABLE),
}
FIELDS = [pytest.param(way, name, id=f"{way}-{name}") for way, (_, known) in WAYS.items() for name in known]


def base() -> dict[str, Any]:
    return {"display_name": "x"}


def refused(client: RestClient, way: str, fields: dict[str, Any]) -> InvalidChangeError:
    with pytest.raises(InvalidChangeError) as caught:
        WAYS[way][0](client, fields)
    return caught.value


@pytest.fixture(autouse=True)
def no_request_is_sent(mock: MockServer) -> Any:
    yield
    assert mock.requests == []


@pytest.mark.parametrize(("way", "name"), FIELDS)
def test_a_value_that_the_contract_does_not_allow_is_refused_with_field_value_and_rule(
    client: RestClient, way: str, name: str
) -> None:
    for value in misses(WAYS[way][1][name]):
        error = refused(client, way, {name: value})
        assert [(problem.field, problem.value) for problem in error.problems] == [(name, value)] or value != value
        [problem] = error.problems
        assert problem.rule
        assert f"{name}=" in str(error)
        assert problem.rule in str(error)
        assert "no request was sent" in str(error)


def test_the_rule_that_is_told_holds_what_the_contract_says(client: RestClient) -> None:
    for name, schema in WRITABLE.items():
        full = schemas.resolve(schema)
        [problem] = refused(client, "update", {name: ["wrong"]}).problems
        for said in [full.get("maxLength"), full.get("pattern"), *full.get("enum", ())]:
            assert said is None or str(said) in problem.rule


@pytest.mark.parametrize("way", WAYS)
def test_a_field_that_there_is_not_is_refused_and_those_that_there_are_are_told(client: RestClient, way: str) -> None:
    for name in ("displayname", "Display_Name", "", "display_name ", "if", "__class__", "timeout"):
        [problem] = refused(client, way, {name: "x"}).problems
        assert (problem.field, problem.value) == (name, "x")
        assert "description" in problem.rule


@pytest.mark.parametrize("way", WAYS)
def test_a_field_of_the_server_is_refused_as_one_that_cannot_be_written(client: RestClient, way: str) -> None:
    for name in CONFERENCE["properties"].keys() - WAYS[way][1].keys():
        [problem] = refused(client, way, {name: EXAMPLE[name]}).problems
        assert problem.field == name
        assert "cannot be written" in problem.rule


def test_the_name_is_refused_as_what_only_a_create_can_set(client: RestClient) -> None:
    [problem] = refused(client, "update", {"name": "stand-up"}).problems
    assert problem.rule == "cannot be written: only a create sets it, and the API never changes it"


def test_an_option_of_many_in_the_update_of_one_is_named_as_that(client: RestClient) -> None:
    problems = refused(client, "update", dict.fromkeys(("label", "concurrency", "on_progress", "base"), "x")).problems
    assert {problem.rule for problem in problems} == {"is not a field, but an option of update_many"}
    [problem] = refused(client, "create", {"label": "x"}).problems
    assert "update_many" not in problem.rule


def test_none_is_refused_where_nothing_can_be_cleared(client: RestClient) -> None:
    for way in ("update", "plan"):
        for name in REQUIRED:
            [problem] = refused(client, way, {name: None}).problems
            assert (problem.field, problem.value) == (name, None)
            assert "cannot be cleared" in problem.rule
    for name in WRITABLE:
        [problem] = refused(client, "replace", {name: None}).problems
        assert (problem.field, problem.value) == (name, None)


@given(changes(), st.sampled_from(list(WRITABLE)))
def test_a_field_given_as_keep_is_not_named(asked: dict[str, Any], kept: str) -> None:
    without = {name: value for name, value in asked.items() if name != kept}
    assert checked_changes({**asked, kept: KEEP}, (), ID) == checked_changes(without, (), ID)
    assert checked_create({"display_name": "x", "description": KEEP}) == {"display_name": "x"}
    assert repr(KEEP) == "KEEP"


def test_keep_is_no_value_for_what_is_required_or_replaced(client: RestClient) -> None:
    with pytest.raises(InvalidChangeError, match="display_name=None: is required"):
        client.video.conferences.create(display_name=KEEP)
    with pytest.raises(InvalidChangeError, match="size=KEEP: cannot be kept: a replacement resets"):
        client.video.conferences.replace(ID, {"display_name": "x", "size": KEEP})


def test_a_body_without_what_is_required_is_refused(client: RestClient) -> None:
    with pytest.raises(InvalidChangeError, match="display_name=None: is required"):
        client.video.conferences.replace(ID, {"description": "x"})
    anything: dict[str, Any] = {"description": "x"}
    with pytest.raises(InvalidChangeError, match="display_name=None: is required"):
        client.video.conferences.create(**anything)
    with pytest.raises(InvalidChangeError, match="display_name=None: is required"):
        client.video.conferences.create(display_name=None)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("body", [None, [], "display_name", 5, [("display_name", "x")], b"{}"])
def test_a_body_that_is_no_mapping_is_refused(client: RestClient, body: Any) -> None:
    with pytest.raises(InvalidChangeError):
        client.video.conferences.replace(ID, body)


WRONG_CHANGES = st.dictionaries(
    st.sampled_from(sorted(WRITABLE)) | st.sampled_from(["meta", "id", "nonsense"]), st.just(b"x"), min_size=1
)


@given(WRONG_CHANGES, changes(), st.lists(st.sampled_from(["meta", "nonsense", ""]), unique=True))
def test_all_problems_are_in_one_error_and_nothing_that_is_right(
    wrong: dict[str, Any], right: dict[str, Any], resets: list[str]
) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        checked_changes({**right, **wrong}, [*resets, "size"], ID)
    told = [(problem.field, problem.value) for problem in caught.value.problems]
    assert sorted(told, key=repr) == sorted([*wrong.items(), *(("allow_reset", each) for each in resets)], key=repr)
    assert all(field in str(caught.value) for field in wrong)
    assert caught.value.conference_id == ID


@given(st.dictionaries(st.sampled_from(sorted(CREATABLE)), st.just(b"x")))
def test_all_problems_of_a_create_are_in_one_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        checked_create({**wrong, "meta": {}})
    assert {problem.field for problem in caught.value.problems} == {*wrong, "meta", "display_name"}


def test_a_bad_id_and_a_bad_value_are_in_one_error(client: RestClient) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        client.video.conferences.update("../rooms", layout="nonsense")  # type: ignore[arg-type]  # wrong on purpose
    assert {problem.field for problem in caught.value.problems} == {"id", "layout"}


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


def test_a_kind_of_string_is_sent_as_the_string_that_it_is() -> None:
    asked, _ = checked_changes({"display_name": Shouting("quiet")}, (), ID)
    assert asked == {"display_name": "quiet"}


# --- allow_reset ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", ["siz", ["descriptions"], ["meta"], [None], [1], ["size", "id"], "", ["size", "layouts"]]
)
def test_allow_reset_of_what_is_no_writable_field_is_refused(client: RestClient, names: Any) -> None:
    for call in (client.video.conferences.update, client.video.conferences.plan):
        with pytest.raises(InvalidChangeError) as caught:
            call(ID, allow_reset=names, display_name="x")
        assert {problem.field for problem in caught.value.problems} == {"allow_reset"}


@pytest.mark.parametrize("names", [None, 5, True, [["size"]], [{}]])
def test_allow_reset_that_is_no_list_of_names_is_refused(client: RestClient, names: Any) -> None:
    with pytest.raises(InvalidChangeError):
        client.video.conferences.update(ID, allow_reset=names, display_name="x")


# --- ids ------------------------------------------------------------------------------------------

BAD_IDS: list[Any] = [
    "",
    " ",
    "\u3000",
    ".",
    "..",
    "...",
    "../rooms/1",
    "a/b",
    "/",
    "a/",
    "..\\rooms",
    "a?include_active_session=true",
    "a#fragment",
    "a\0b",
    "a\nb",
    "a\r\nHost: other",
    "a\tb",
    "a\x7f",
    "a\u202eb",
    "a\u200bb",
    "\ud800",
    None,
    5,
    True,
    b"id",
    ["id"],
    object(),
]
CALLS_BY_ID: dict[str, Callable[[RestClient, Any], object]] = {
    "get": lambda client, identifier: client.video.conferences.get(identifier),
    "update": lambda client, identifier: client.video.conferences.update(identifier, display_name="x"),
    "plan": lambda client, identifier: client.video.conferences.plan(identifier, display_name="x"),
    "replace": lambda client, identifier: client.video.conferences.replace(identifier, base()),
    "delete": lambda client, identifier: client.video.conferences.delete(identifier),
    "undo": lambda client, identifier: client.video.conferences.undo(identifier),
    "history": lambda client, identifier: client.video.conferences.history(identifier),
}


@pytest.mark.parametrize("call", CALLS_BY_ID)
def test_an_id_that_could_lead_to_another_path_is_refused(connect: Connect, call: str, tmp_path: pathlib.Path) -> None:
    client = connect(journal=tmp_path / "journal.sqlite3")
    for identifier in BAD_IDS:
        if identifier is None and call in ("undo", "history"):
            continue  # means all
        with pytest.raises(InvalidChangeError) as caught:
            CALLS_BY_ID[call](client, identifier)
        [problem] = caught.value.problems
        assert problem.field == "id"
        assert problem.value is identifier
        assert problem.rule.startswith("must ")


@given(
    st.text(min_size=1) | st.sampled_from(["%2e%2e", "%2F", "a%00b", "caf\u00e9", "a;b", "a:b", "a&b=c", "a+b", "a..b"])
)
def test_any_other_id_stays_in_its_place_in_the_path(identifier: str) -> None:
    requests: list[Any] = []

    def answer(request: Any) -> Any:
        requests.append(request)
        return ok({**EXAMPLE, "id": identifier})

    try:
        drive(operations.get(identifier, False, POLICY), answer)
    except InvalidChangeError:
        assert requests == []
        return
    prefix, _, rest = requests[0].path.rpartition("/")
    assert prefix == "/api/video/conferences"
    assert rest not in ("", ".", "..")
    assert set(rest) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%")


def test_an_id_may_be_a_uuid() -> None:
    server = Server(dict(EXAMPLE))
    drive(operations.get(uuid.UUID(ID), False, POLICY), server)
    assert server.requests[0].path.endswith(f"/{ID}")


# --- queries --------------------------------------------------------------------------------------

BAD_QUERIES: dict[str, list[Any]] = {
    "page_size": [0, -1, 1001, "50", True, 1.5, float("nan"), b"1", [1]],
    "page_number": [-1, "0", False, 0.5, float("inf"), {}],
    "page_token": [5, True, b"PA", ["PA"], "\ud800"],
    "starts_after": [5, NAIVE, True, b"2022", "\ud800"],
    "ends_before": [5, NAIVE, 1.5],
    "include_active_session": ["true", 1, 0, "yes"],
}


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_a_wrong_value_of_a_query_is_refused(client: RestClient, name: str) -> None:
    for value in BAD_QUERIES[name]:
        for call in (client.video.conferences.list, lambda **query: list(client.video.conferences.paginate(**query))):
            with pytest.raises(InvalidChangeError) as caught:
                next(iter(call(**{name: value})))
            [problem] = caught.value.problems
            assert problem.field == name
            assert problem.value is value


def test_every_parameter_of_a_list_is_tried_above() -> None:
    assert BAD_QUERIES.keys() == LIST.keys()


def test_an_unknown_parameter_is_refused_and_all_problems_are_in_one_error(client: RestClient) -> None:
    anything: dict[str, Any] = {"limit": 5, "page_size": 0, "display_name": "x", "page_number": -1}
    with pytest.raises(InvalidChangeError) as caught:
        client.video.conferences.list(**anything)
    assert {problem.field: problem.value for problem in caught.value.problems} == anything
    assert all("page_token" in p.rule for p in caught.value.problems if p.field in ("limit", "display_name"))


@pytest.mark.parametrize("name", ["page_size", "page_number"])
def test_a_whole_number_is_not_sent_as_a_fraction(name: str) -> None:
    query = {name: 50.0}
    requests: list[Any] = []

    def answer(request: Any) -> Any:
        requests.append(request)
        return ok({"links": {"self": "/", "first": "/"}, "data": []})

    try:
        drive(operations.page(query, POLICY), answer)
    except InvalidChangeError:
        return
    assert str(requests[0].query[name]) == "50"


@pytest.mark.parametrize("value", ["true", "no", 1, [1]])
def test_whether_a_session_is_asked_for_is_true_or_false(client: RestClient, value: Any) -> None:
    with pytest.raises(InvalidChangeError, match="include_active_session"):
        client.video.conferences.get(ID, include_active_session=value)


@pytest.mark.parametrize("number", [2**63, 10**5000], ids=["64 bits", "thousands of digits"])
def test_a_number_that_no_query_can_carry_is_refused(client: RestClient, number: int) -> None:
    with pytest.raises(InvalidChangeError, match="64 bits"):
        client.video.conferences.list(page_number=number)


# --- the client's own arguments -----------------------------------------------------------------------

NAMES = {"project": "SIGNALWIRE_PROJECT_ID", "token": "SIGNALWIRE_API_TOKEN", "host": "SIGNALWIRE_SPACE"}
GIVEN = {"project": "p", "token": "t", "host": "space.signalwire.com"}


@given(st.sets(st.sampled_from(sorted(NAMES))))
def test_all_credentials_that_are_missing_are_named_in_one_error_by_parameter_and_variable(present: set[str]) -> None:
    arguments: dict[str, Any] = {name: GIVEN[name] for name in present}
    if present == NAMES.keys():
        RestClient(**arguments).close()
        return
    with pytest.raises(ConfigurationError) as caught:
        RestClient(**arguments)
    for name, variable in NAMES.items():
        assert (f"{name}=" in str(caught.value)) == (name not in present)
        assert (variable in str(caught.value)) == (name not in present)
    assert isinstance(caught.value, ConferencesError)
    assert isinstance(caught.value, ValueError)


def test_empty_is_missing_and_the_environment_fills_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"project is missing.*token is missing.*host is missing"):
        RestClient("", "", "")
    for name, variable in NAMES.items():
        monkeypatch.setenv(variable, GIVEN[name])
    with RestClient() as client:
        assert repr(client) == "RestClient(project='p', host='space.signalwire.com')"
    with RestClient("mine") as client:
        assert "mine" in repr(client)


@frozen
class OddPath:
    """A path that says this of itself."""

    said: Any

    def __fspath__(self) -> Any:
        return self.said


BAD_ARGUMENTS: dict[str, list[Any]] = {
    "host": [
        "https://space.signalwire.com",
        "space.signalwire.com/",
        "a b",
        "user@host",
        "host:port",
        "a?b",
        "a\n",
        ".signalwire.com",
        "a..b",
        "..",
        "a" * 64 + ".com",
        "xn--",
        "host:99999",
        "[1:2]",
    ],
    "project": ["a:b"],
    "timeout": [0, -1, float("nan"), float("inf"), 1e10, 10**400, "30", None, True],
    "retries": [-1, 1.5, "3", None, True, float("inf"), 10**400],
    "lock": ["lock", 5],
    "confirm": [-1, "1", float("nan"), True, 1e20],
    "journal": ["", "a\0b", b"bytes", 5, True, *map(OddPath, (b"bytes", "", 5))],
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_a_wrong_argument_of_the_client_is_refused_by_name(name: str) -> None:
    for value in BAD_ARGUMENTS[name]:
        arguments: dict[str, Any] = {**GIVEN, name: value}
        with pytest.raises(ConfigurationError, match=name):
            RestClient(**arguments)


def test_a_host_given_with_credentials_is_refused_without_telling_them() -> None:
    with pytest.raises(ConfigurationError, match="host=") as caught:
        RestClient("p", "t", "https://project:secret-token@space.signalwire.com")
    assert "secret" not in str(caught.value)
    assert "space.signalwire.com" in str(caught.value)


def test_the_largest_numbers_that_are_taken_can_be_waited_for(shared_mock: MockServer) -> None:
    for style in STYLES[:2]:
        with ours(str(style), shared_mock, timeout=10**9, retries=10**9, confirm=10**9) as client:
            assert client.list()["data"]


def test_all_that_is_wrong_with_the_arguments_is_in_one_error() -> None:
    wrong: dict[str, Any] = {"host": "a b", "timeout": 0, "retries": -1, "lock": 5, "confirm": -1}
    with pytest.raises(ConfigurationError) as caught:
        RestClient(**wrong)
    assert all(name in str(caught.value) for name in (*wrong, "project", "token"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [5, b"bytes", ["x"]])
def test_a_credential_that_is_no_string_is_refused(name: str, value: Any) -> None:
    arguments: dict[str, Any] = {**GIVEN, name: value}
    with pytest.raises(ConfigurationError, match=name):
        RestClient(**arguments)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("space.signalwire.com", "https://space.signalwire.com"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.9.9.9", "http://127.9.9.9"),
        ("localhost:1", "http://localhost:1"),
        ("localhost", "http://localhost"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("::1", "http://[::1]"),
        ("Space.SignalWire.com", "https://space.signalwire.com"),
        ("LOCALHOST:1", "http://localhost:1"),
        ("localhost.example.com", "https://localhost.example.com"),
        ("127.0.0.1.example.com", "https://127.0.0.1.example.com"),
        ("10.0.0.1", "https://10.0.0.1"),
    ],
)
def test_only_a_loopback_host_is_spoken_to_without_encryption(host: str, url: str) -> None:
    options: dict[str, Any] = {"timeout": 1, "retries": 0, "lock": None, "confirm": None, "journal": None}
    assert settings(project="p", token="t", host=host, **options).address.url == url
