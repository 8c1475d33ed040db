"""The contract is valid OpenAPI, keeps its own rules, and its examples are true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

CONTRACT: dict[str, Any] = yaml.safe_load(
    Path(__file__).parent.parent.joinpath("openapi", "conferences.yaml").read_text("utf-8")
)
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}

# Left out of a create, these are made up by the server: no value says what becomes of them.
MADE_UP = {("ConferenceCreate", "name")}


def resolve(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        target: Any = CONTRACT
        for key in value["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        value = target
    return value


def errors(schema: dict[str, Any], value: object) -> list[str]:
    validator = jsonschema_rs.Draft202012Validator(
        {**schema, "components": CONTRACT["components"]}, validate_formats=True
    )
    return [error.message for error in validator.iter_errors(value)]


def nodes(value: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the contract that is no example itself, with its place."""
    if isinstance(value, dict):
        yield place, value
        for key, part in value.items():
            if key not in {"example", "examples", "default", "value"} or place.endswith("/properties"):
                yield from nodes(part, f"{place}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from nodes(part, f"{place}/{index}")


def examples() -> Iterator[tuple[str, dict[str, Any], object]]:
    for place, node in nodes(CONTRACT):
        if place.endswith("/properties"):
            continue
        schema = node.get("schema", node)
        if "example" in node:
            yield f"{place}/example", schema, node["example"]
        found = node.get("examples", ())
        for name, example in found.items() if isinstance(found, dict) else enumerate(found):
            yield f"{place}/examples/{name}", schema, example["value"] if isinstance(found, dict) else example
        if "default" in node and "variables" not in place:
            yield f"{place}/default", node, node["default"]


def operations() -> dict[str, dict[str, Any]]:
    """The operations by id, each with the parameters of its path."""
    return {
        operation["operationId"]: {
            **operation,
            "path": path,
            "method": method,
            "parameters": [
                resolve(parameter) for parameter in (*item.get("parameters", ()), *operation.get("parameters", ()))
            ],
        }
        for path, item in CONTRACT["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def links() -> Iterator[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]]:
    for source_id, source in operations().items():
        for status, response in source["responses"].items():
            for name, link in resolve(response).get("links", {}).items():
                yield f"{source_id} {status} {name}", source, resolve(response), link


def request_bodies() -> dict[str, dict[str, Any]]:
    """The schemas of the request bodies by name."""
    references = {
        media["schema"]["$ref"].rsplit("/", 1)[1]
        for operation in operations().values()
        for media in operation.get("requestBody", {}).get("content", {}).values()
    }
    return {name: SCHEMAS[name] for name in sorted(references)}


OPTIONAL_FIELDS = [
    pytest.param(name, field, id=f"{name}.{field}")
    for name, body in request_bodies().items()
    for field in body["properties"]
    if field not in body["required"] and (name, field) not in MADE_UP
]
EXAMPLES = [pytest.param(schema, value, id=place) for place, schema, value in examples()]


def test_the_contract_is_valid_openapi_3_1() -> None:
    assert CONTRACT["openapi"].startswith("3.1.")
    assert not [error.message for error in OpenAPIV31SpecValidator(CONTRACT).iter_errors()]


def test_it_has_the_five_operations_under_the_vendors_ids() -> None:
    assert {name: (each["method"], each["path"]) for name, each in operations().items()} == {
        "list_video_conferences": ("get", "/api/video/conferences"),
        "create_video_conference": ("post", "/api/video/conferences"),
        "get_video_conference": ("get", "/api/video/conferences/{id}"),
        "update_video_conference": ("put", "/api/video/conferences/{id}"),
        "delete_video_conference": ("delete", "/api/video/conferences/{id}"),
    }


@pytest.mark.parametrize("operation_id", operations())
def test_an_operation_documents_its_statuses_and_no_others(operation_id: str) -> None:
    operation = operations()[operation_id]
    expected = {"400", "401", "403", "429", "500"}
    expected |= {"204"} if operation["method"] == "delete" else {"200", "422"}
    expected |= {"404"} if "{id}" in operation["path"] else set()
    assert operation["responses"].keys() == expected


@pytest.mark.parametrize(("schema", "value"), EXAMPLES)
def test_an_example_or_default_is_valid_under_its_own_schema(schema: dict[str, Any], value: object) -> None:
    assert errors(schema, value) == []


def test_every_request_and_response_field_of_a_conference_has_an_example() -> None:
    # So that the test above is not passed by having nothing to look at.
    assert [
        f"{name}.{field}"
        for name in (*request_bodies(), "Conference")
        for field, schema in SCHEMAS[name]["properties"].items()
        if not schema.get("examples") and field != "active_session"
    ] == []


@pytest.mark.parametrize(("body", "field"), OPTIONAL_FIELDS)
def test_an_optional_request_field_says_once_what_becomes_of_it_when_left_out(body: str, field: str) -> None:
    schema = SCHEMAS[body]["properties"][field]
    says = {"default", "x-assumed-default"} & schema.keys()
    assert len(says) == 1
    value = schema[says.pop()]
    assert value is None or errors(schema, value) == []


@pytest.mark.parametrize(("body", "field"), OPTIONAL_FIELDS)
def test_what_a_left_out_field_becomes_can_be_read_back(body: str, field: str) -> None:
    schema = SCHEMAS[body]["properties"][field]
    becomes = schema.get("default", schema.get("x-assumed-default"))
    assert errors(SCHEMAS["Conference"]["properties"][field], becomes) == []


def test_a_default_stands_beside_a_reference_where_generated_models_do_not_send_it() -> None:
    assert [
        f"{name}.{field}"
        for name, body in request_bodies().items()
        for field, schema in body["properties"].items()
        if "default" in schema and "$ref" not in schema
    ] == []


@pytest.mark.parametrize("body", request_bodies())
def test_whatever_can_be_written_can_be_read(body: str) -> None:
    assert SCHEMAS[body]["properties"].keys() <= SCHEMAS["Conference"]["properties"].keys()
    assert SCHEMAS[body]["properties"].keys() <= set(SCHEMAS["Conference"]["required"])


def test_what_changes_with_each_write_is_always_answered_and_never_written() -> None:
    marked = {
        field
        for field, schema in SCHEMAS["Conference"]["properties"].items()
        if schema.get("x-changes-with-each-write")
    }
    assert marked
    assert marked <= set(SCHEMAS["Conference"]["required"])
    for body in request_bodies().values():
        assert not marked & body["properties"].keys()


@pytest.mark.parametrize("body", request_bodies())
@pytest.mark.parametrize("field", SCHEMAS["ConferenceUpdate"]["properties"])
def test_no_field_of_a_request_may_be_null(body: str, field: str) -> None:
    if schema := SCHEMAS[body]["properties"].get(field):
        assert errors(schema, None) != []


@pytest.mark.parametrize(
    ("source", "response", "link"),
    [pytest.param(source, response, link, id=name) for name, source, response, link in links()],
)
def test_a_link_leads_from_something_that_is_there_to_something_that_is_there(
    source: dict[str, Any], response: dict[str, Any], link: dict[str, Any]
) -> None:
    target = {parameter["name"]: parameter for parameter in operations()[link["operationId"]]["parameters"]}
    required = {name for name, parameter in target.items() if parameter.get("required")}
    assert required <= link["parameters"].keys() <= target.keys()
    for expression in link["parameters"].values():
        if expression.startswith("$request.path."):
            assert expression.removeprefix("$request.path.") in {
                parameter["name"] for parameter in source["parameters"] if parameter["in"] == "path"
            }
        else:
            schema = resolve(response["content"]["application/json"]["schema"])
            for step in expression.removeprefix("$response.body#/").split("/"):
                schema = resolve(schema["items"] if step.isdigit() else schema["properties"][step])


def test_the_links_reach_every_operation_on_one_conference() -> None:
    with_id = {name for name, operation in operations().items() if "{id}" in operation["path"]}
    for start in ("create_video_conference", "list_video_conferences"):
        reached = {link["operationId"] for name, _, _, link in links() if name.startswith(start)}
        assert reached == with_id


def test_every_operation_needs_basic_authentication() -> None:
    (requirement,) = CONTRACT["security"]
    (scheme,) = requirement
    assert CONTRACT["components"]["securitySchemes"][scheme]["scheme"] == "basic"
    assert not [name for name, operation in operations().items() if "security" in operation]


def test_a_program_can_fill_in_the_server_address() -> None:
    (server,) = CONTRACT["servers"]
    assert server["url"] == "https://{space}.signalwire.com"
    assert server["variables"].keys() == {"space"}
