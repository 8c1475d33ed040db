"""Whatever the contract lets a server say is read, told as it came, and carried over unchanged."""

from __future__ import annotations

import copy
import datetime
import importlib
import json
import pickle
import pprint
import types
import typing
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from signalwire_conferences import Conference, RestClient, contract, operations
from signalwire_conferences.results import ActiveSession
from signalwire_conferences_api import models
from signalwire_conferences_api.types import UNSET
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Fault, MockServer
from strategies import (
    CARRIED_AS_NULL,
    CONFERENCE,
    POLICY,
    REQUIRED,
    SCHEMAS,
    UTC,
    WRITABLE,
    Schema,
    Server,
    aware_datetimes,
    carried_conferences,
    conferences,
    drive,
    kind,
    moment,
    newer_conferences,
    ok,
    pages,
    values,
)
from test_update_properties import update

OVER_HTTP = settings(
    max_examples=settings().max_examples // 3,
    # What a fixture keeps from one example to the next is a mock; each example has a conference of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# What servers write and Python's own types cannot hold, or the contract does not know.
ODD_TIMES = [
    "2022-01-01T23:59:60Z",
    "2016-12-31t23:59:60.999z",
    "2022-01-01T05:29:60+05:30",
    "2022-01-01T00:00:00.123456789Z",
    "2022-01-01T00:00:00-00:00",
    "0000-01-01T00:00:00Z",
]
EXAMPLE: dict[str, Any] = schemas.resolve({"$ref": "#/components/schemas/Conference"})["examples"][0]


# --- reading --------------------------------------------------------------------------------------


def read(body: dict[str, Any]) -> Conference:
    """What `RestClient.get` makes of an answer."""
    return drive(operations.get(body["id"], False, POLICY), lambda _: ok(body))


def typed(schema: Schema, value: Any, found: Any) -> bool:
    """Whether an attribute is the obvious typed value of what was sent: itself where there is none."""
    if isinstance(value, dict) and schema.get("$ref", "").endswith("/ActiveSession"):
        return isinstance(found, ActiveSession) and found.to_dict() == value
    choices = [schema, *schemas.resolve(schema).get("oneOf", ())]
    for choice in choices:
        full = schemas.resolve(choice)
        if value in full.get("enum", ()) and not isinstance(value, bool):
            # Enumerations have a class each; its member is the value where that is a string.
            return bool(found == getattr(models, choice["$ref"].rsplit("/", 1)[-1])(value))
        if full.get("format") == "uuid" and is_uuid(value):
            return isinstance(found, uuid.UUID) and found == uuid.UUID(value)
        if full.get("format") == "date-time" and isinstance(found, datetime.datetime):
            precision = datetime.timedelta(microseconds=1)
            return abs(moment(found.isoformat()) - moment(value)) < precision.total_seconds()
    return found is value or json.dumps(found) == json.dumps(value)


def is_uuid(value: object) -> bool:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def attribute(result: Any, name: str) -> Any:
    """The typed attribute of a name; the generator gives those that Python knows an underscore."""
    return getattr(result, name if name in dir(result) else f"{name}_")


def answers_as_sent(result: Any, body: Mapping[str, Any], schema: Schema) -> None:
    assert {name: result[name] for name in body} == body
    assert json.dumps(result.to_dict()) == json.dumps(body)
    assert list(result) == list(result.keys()) == list(body)
    assert len(result) == len(body)
    for name in schema["properties"]:
        if name in body:
            assert name in result
            assert result.get(name) == body[name]
            assert typed(schema["properties"][name], body[name], attribute(result, name)), name
        else:
            assert name not in result
            assert result.get(name, "else") == "else"
            assert attribute(result, name) is UNSET
    assert result.additional_properties == {k: v for k, v in body.items() if k not in schema["properties"]}


def legible(value: Any) -> Any:
    """The value with a question mark for each lone surrogate, which no validator reads."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case dict():
            return {legible(name): legible(each) for name, each in value.items()}
        case list():
            return [legible(each) for each in value]
    return value


@given(conferences)
@example({**EXAMPLE, "meta": {"\ud800": ["\ud800"]}})
@example({**EXAMPLE, "join_from": ODD_TIMES[0], "created_at": ODD_TIMES[1], "updated_at": ODD_TIMES[2]})
@example({**EXAMPLE, "join_from": ODD_TIMES[3], "created_at": ODD_TIMES[4], "updated_at": ODD_TIMES[5]})
@example({**EXAMPLE, **dict.fromkeys(CARRIED_AS_NULL), "display_name": None, "size": None, "meta": None})
def test_every_conference_that_the_contract_allows_is_read_and_told_as_it_came(body: dict[str, Any]) -> None:
    assert schemas.validator(CONFERENCE).is_valid(legible(body))
    answers_as_sent(read(copy.deepcopy(body)), body, CONFERENCE)


@given(newer_conferences())
@example({**EXAMPLE, "id": "conference-id", "layout": "7up", "quality": "2160p", "size": "huge"})
@example({**EXAMPLE, "created_at": None, "updated_at": 1640995200, "meta": [], "active_session": None})
@example({**EXAMPLE, "active_session": {"fps": 60, "status": "paused", "start_time": "now", "new": 1}})
def test_a_conference_of_a_server_that_is_newer_than_the_contract_is_read_too(body: dict[str, Any]) -> None:
    result = read(copy.deepcopy(body))
    assert json.dumps(result.to_dict()) == json.dumps(body)
    for name, value in body.items():
        assert json.dumps(result[name]) == json.dumps(value)
        if name in CONFERENCE["properties"]:
            getattr(result, name)


@given(pages)
def test_every_page_that_the_contract_allows_is_read_and_told_as_it_came(body: dict[str, Any]) -> None:
    page = drive(operations.page({}, POLICY), lambda _: ok(copy.deepcopy(body)))
    assert json.dumps(page.to_dict()) == json.dumps(body)
    assert page["links"] == body["links"]
    assert page["data"] == body["data"]
    assert len(page.data) == len(body["data"])
    for conference, told in zip(page.data, body["data"], strict=True):
        answers_as_sent(conference, told, CONFERENCE)


@given(values(SCHEMAS["PageLinks"]))
def test_the_links_of_a_page_are_told_as_they_came(links: dict[str, Any]) -> None:
    page = drive(operations.page({}, POLICY), lambda _: ok({"links": links, "data": []}))
    answers_as_sent(page.links, links, SCHEMAS["PageLinks"])


@OVER_HTTP
@given(newer_conferences())
def test_over_http_too_a_conference_is_told_as_it_came(
    shared_mock: MockServer, shared_client: RestClient, body: dict[str, Any]
) -> None:
    shared_mock.faults.clear()
    body["id"] = EXAMPLE["id"]
    shared_mock.faults.add(Fault.body(json.dumps(body)), "GET")
    page = {"data": [body], "links": {"self": "/", "first": "/"}}
    shared_mock.faults.add(Fault.body(json.dumps(page)), "GET", at=2)
    assert shared_client.video.conferences.get(EXAMPLE["id"]).to_dict() == body
    assert shared_client.video.conferences.list()["data"] == [body]


@given(conferences)
def test_a_result_is_read_only_and_its_copy_is_the_callers_own(body: dict[str, Any]) -> None:
    result: Any = read(copy.deepcopy(body))
    with pytest.raises(TypeError):
        result["display_name"] = "x"
    with pytest.raises(TypeError):
        del result["display_name"]
    with pytest.raises(AttributeError):
        result.display_name = "x"
    for write in (result.update, result.setdefault, result.pop, result.__ior__):
        with pytest.raises(TypeError):
            write({"display_name": "x"})
    for write in (result.clear, result.popitem):
        with pytest.raises(TypeError):
            write()
    result.to_dict().clear()
    assert result.to_dict() == body


@given(conferences)
def test_a_result_is_as_good_as_a_dict(body: dict[str, Any]) -> None:
    result = read(copy.deepcopy(body))
    assert json.dumps(result) == json.dumps(body)
    assert json.dumps([result], indent=1) == json.dumps([body], indent=1)
    assert result == body == dict(result) == {**result}
    assert type(result.copy()) is type(result | {}) is type(result.to_dict()) is dict
    assert result | {"display_name": "x"} == {**body, "display_name": "x"}
    for again in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert (again, type(again), again.id, again.report) == (body, type(result), result.id, result.report)


def test_a_result_shows_itself_in_one_short_line() -> None:
    result = read(EXAMPLE)
    assert repr(result) == f"Conference(id={EXAMPLE['id']!r}, display_name={EXAMPLE['display_name']!r})"
    assert EXAMPLE["id"] in pprint.pformat(result)
    assert EXAMPLE["layout"] in pprint.pformat(dict(result))


@given(st.lists(conferences, min_size=1, max_size=2))
def test_the_items_of_a_page_are_the_same_by_key_and_by_attribute(items: list[dict[str, Any]]) -> None:
    body = {"links": {"self": "/", "first": "/"}, "data": items}
    page = drive(operations.page({}, POLICY), lambda _: ok(body))
    assert page["data"] is page.data
    assert page["links"] is page.links
    assert all(one.display_name == item["display_name"] for one, item in zip(page["data"], items, strict=True))
    assert json.dumps(page) == json.dumps(body)


# --- carrying over ----------------------------------------------------------------------------------


@given(carried_conferences(), st.sampled_from(list(WRITABLE)), st.data())
@example({**EXAMPLE, "join_from": ODD_TIMES[0], "join_until": ODD_TIMES[3], "layout": "7up"}, "description", None)
@example({**EXAMPLE, "display_name": "half of a pair: \ud83d"}, "description", None)
def test_what_the_server_said_goes_back_unchanged_when_another_field_is_updated(
    body: dict[str, Any], named: str, data: Any
) -> None:
    value = data.draw(values(WRITABLE[named])) if data else "new"
    server = Server(copy.deepcopy(body))
    update(server, {named: value})
    assume(server.methods == ["GET", "PUT"])
    sent = server.body()
    kept = [name for name in WRITABLE if name != named and body[name] is not None]
    assert sent.keys() == {*kept, named}
    for name in kept:
        assert json.dumps(sent[name]) == json.dumps(body[name])


@given(newer_conferences(), st.text(max_size=20))
def test_values_that_the_contract_does_not_know_go_back_unchanged_too(body: dict[str, Any], name: str) -> None:
    assume(body["size"] is not None and body["display_name"] != name)
    assume(all(body[field] is not None or field in [*CARRIED_AS_NULL, *REQUIRED] for field in WRITABLE))
    server = Server(copy.deepcopy(body))
    update(server, {"display_name": name})
    wanted = {field: body[field] for field in WRITABLE if body[field] is not None} | {"display_name": name}
    assert {field: json.dumps(value) for field, value in server.body().items()} == {
        field: json.dumps(value) for field, value in wanted.items()
    }


# --- the generated client -------------------------------------------------------------------------


def kwargs_of(operation_id: str, *arguments: Any, **named: Any) -> dict[str, Any]:
    """The request that the generated client makes of these arguments."""
    module = importlib.import_module(f"signalwire_conferences_api.api.conferences.{operation_id}")
    request: dict[str, Any] = module._get_kwargs(*arguments, **named)
    return request


def of_type(schema: Schema) -> st.SearchStrategy[Any]:
    """The values that a generated model takes for a property, of each type that it declares."""
    if kind(schema) == "enum":
        return st.sampled_from(list(getattr(models, schema["$ref"].rsplit("/", 1)[-1])))
    if kind(schema) == "time":
        return aware_datetimes.map(in_minutes) | st.dates()
    return values(schema)


def in_minutes(moment: datetime.datetime) -> datetime.datetime:
    """In a zone that RFC 3339 can write: some offsets of old days had seconds."""
    offset = moment.utcoffset()
    assert offset is not None
    return moment if offset % datetime.timedelta(minutes=1) == datetime.timedelta() else moment.astimezone(UTC)


@pytest.mark.parametrize("name", ["ConferenceCreate", "ConferenceUpdate"])
@given(st.data())
def test_every_body_that_the_generated_models_build_satisfies_the_contract(name: str, data: st.DataObject) -> None:
    properties = SCHEMAS[name]["properties"]
    optional = [each for each in properties if each not in SCHEMAS[name]["required"]]
    fields = data.draw(
        st.fixed_dictionaries(
            {each: of_type(properties[each]) for each in SCHEMAS[name]["required"]},
            optional={each: of_type(properties[each]) for each in optional},
        )
    )
    body = getattr(models, name)(**fields)
    sent = body.to_dict()
    assert list(schemas.validator(SCHEMAS[name]).iter_errors(sent)) == []
    assert sent.keys() == fields.keys()
    if name == "ConferenceUpdate":
        request = kwargs_of("update_video_conference", uuid.uuid4(), body=body)
    else:
        request = kwargs_of("create_video_conference", body=body)
    assert request["json"] == sent
    assert request["headers"]["Content-Type"] == "application/json"


def test_the_generated_operations_are_those_of_the_contract() -> None:
    identifier = uuid.uuid4()
    body = types.SimpleNamespace(to_dict=dict)
    arguments: dict[str, dict[str, Any]] = {
        "list_video_conferences": {},
        "create_video_conference": {"body": body},
        "get_video_conference": {"id": identifier},
        "update_video_conference": {"id": identifier, "body": body},
        "delete_video_conference": {"id": identifier},
    }
    for path, item in schemas.document()["paths"].items():
        for method, said in item.items():
            if "operationId" not in said:
                continue
            request = kwargs_of(said["operationId"], **arguments.pop(said["operationId"]))
            assert (request["method"], request["url"]) == (method, path.replace("{id}", str(identifier)))
    assert arguments == {}


@pytest.mark.parametrize("operation_id", ["list_video_conferences", "get_video_conference"])
@given(st.data())
def test_every_query_that_the_generated_client_builds_satisfies_the_contract(
    operation_id: str, data: st.DataObject
) -> None:
    where = contract.operation(operation_id)
    said = [schemas.resolve(p) for p in schemas.document()["paths"][where.path]["get"]["parameters"]]
    accepted = {each["name"]: each["schema"] for each in said}
    query = data.draw(st.fixed_dictionaries({}, optional={name: values(each) for name, each in accepted.items()}))
    identifier = (uuid.uuid4(),) if "{id}" in where.path else ()
    sent = kwargs_of(operation_id, *identifier, **query)["params"]
    assert sent == query
    for name, value in sent.items():
        assert schemas.validator(accepted[name]).is_valid(value)


def test_every_type_that_a_generated_model_takes_is_tried_above() -> None:
    # A new kind of property would otherwise pass by not being built.
    for name in ("ConferenceCreate", "ConferenceUpdate"):
        hints = typing.get_type_hints(getattr(models, name), localns=vars(models))
        assert SCHEMAS[name]["properties"].keys() <= hints.keys()
        assert {kind(each) for each in SCHEMAS[name]["properties"].values()} <= {
            "string",
            "boolean",
            "time",
            "enum",
            "color",
        }
