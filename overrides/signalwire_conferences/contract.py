"""The contract, as the package reads it: operations, writable fields, and what a value may be.

The packaged copy is `contract.json` of the generated package, which `make generate` renders from
`openapi/conferences.yaml`; so no YAML parser is needed at run time, and the drift check covers it.
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import jsonschema_rs
from attrs import field, frozen

__all__ = [
    "CONFERENCE",
    "CREATE",
    "UPDATE",
    "Field",
    "Kind",
    "Omission",
    "Operation",
    "answer_fields",
    "document",
    "fields",
    "kind_of",
    "operation",
    "query_fields",
    "resolve",
    "validator",
]

CONFERENCE, CREATE, UPDATE = "Conference", "ConferenceCreate", "ConferenceUpdate"
_COLOR = "ThemeColor"


class Kind(enum.Enum):
    """How values of a field are compared."""

    EXACT = "exact"
    INSTANT = "instant"
    COLOR = "color"
    UUID = "uuid"


class Omission(enum.Enum):
    """What a field becomes that a request body leaves out, and on whose word."""

    REQUIRED = "it cannot be left out"
    DOCUMENTED_DEFAULT = "its documented default"
    NULL = "null"
    SERVER_CHOICE = "whatever the server chooses"


@frozen
class Operation:
    """Where an operation of the contract lives."""

    method: str
    path: str


@frozen
class Field:
    """A property of a request body, or a query parameter.

    Attributes:
        name: its name.
        kind: how its values are compared.
        omission: what becomes of it when it is left out.
        default: the value then: documented, or assumed where `omission` is `SERVER_CHOICE`.
        rule: what a value has to be, in words.
    """

    name: str
    kind: Kind
    omission: Omission
    default: Any
    rule: str
    _validator: Any = field(repr=False, eq=False)

    def accepts(self, value: Any) -> bool:
        """Whether the contract allows this JSON value."""
        try:
            return bool(self._validator.is_valid(value))
        except UnicodeEncodeError:  # a lone surrogate is no character
            return False


@functools.cache
def document() -> Mapping[str, Any]:
    """The whole contract, decoded. Shared: do not change it."""
    packaged = resources.files("signalwire_conferences_api").joinpath("contract.json")
    loaded: dict[str, Any] = json.loads(packaged.read_text("utf-8"))
    return loaded


def resolve(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with its `$ref` replaced by what it names; keywords beside the `$ref` win."""
    if "$ref" not in schema:
        return dict(schema)
    target: Any = document()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**resolve(target), **{k: v for k, v in schema.items() if k != "$ref"}}


def validator(schema: Mapping[str, Any]) -> Any:
    """A compiled validator, formats checked, for a schema that may refer into the contract."""
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": document()["components"]}, validate_formats=True
    )


@functools.cache
def operation(operation_id: str) -> Operation:
    """The operation with this id."""
    for path, item in document()["paths"].items():
        for method, said in item.items():
            if isinstance(said, dict) and said.get("operationId") == operation_id:
                return Operation(method.upper(), path)
    raise LookupError(operation_id)


@functools.cache
def answer_fields() -> Mapping[str, Mapping[str, Any]]:
    """The properties of a conference in an answer, name -> schema."""
    properties: dict[str, Mapping[str, Any]] = _schema(CONFERENCE)["properties"]
    return properties


@functools.cache
def fields(schema_name: str) -> Mapping[str, Field]:
    """The properties of a request body, by name, in the contract's order."""
    body = _schema(schema_name)
    answers = answer_fields()
    return {
        name: _field(name, schema, name in body["required"], _nullable(answers[name]))
        for name, schema in body["properties"].items()
    }


@functools.cache
def query_fields(operation_id: str) -> Mapping[str, Field]:
    """The query parameters of an operation, by name."""
    where = operation(operation_id)
    said = document()["paths"][where.path][where.method.lower()]
    parameters = [resolve(parameter) for parameter in said["parameters"]]
    return {p["name"]: _field(p["name"], p["schema"], False, True) for p in parameters if p["in"] == "query"}


def _schema(name: str) -> dict[str, Any]:
    return resolve({"$ref": f"#/components/schemas/{name}"})


def _field(name: str, schema: Mapping[str, Any], required: bool, nullable: bool) -> Field:
    full = resolve(schema)
    if required:
        omission = Omission.REQUIRED
    elif "default" in full:
        omission = Omission.DOCUMENTED_DEFAULT
    else:
        omission = Omission.NULL if nullable else Omission.SERVER_CHOICE
    default = full.get("default", full.get("x-assumed-default"))
    return Field(name, kind_of(schema), omission, default, _rule(schema), validator(schema))


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema itself and whatever its `anyOf` and `oneOf` offer, resolved."""
    full = resolve(schema)
    yield full
    for choice in [*full.get("anyOf", ()), *full.get("oneOf", ())]:
        yield from _alternatives(choice)


def _nullable(schema: Mapping[str, Any]) -> bool:
    return any("null" in _types(choice) for choice in _alternatives(schema))


def _types(schema: Mapping[str, Any]) -> list[str]:
    said = schema.get("type", [])
    return said if isinstance(said, list) else [said]


def kind_of(schema: Mapping[str, Any]) -> Kind:
    """How values of a schema are compared."""
    if schema.get("$ref", "").endswith(f"/{_COLOR}"):
        return Kind.COLOR
    formats = {choice.get("format") for choice in _alternatives(schema)}
    if "date-time" in formats:
        return Kind.INSTANT
    return Kind.UUID if "uuid" in formats else Kind.EXACT


def _rule(schema: Mapping[str, Any]) -> str:
    """What the schema demands, in words. No second copy of a limit: all is read from it."""
    full = resolve({k: v for k, v in schema.items() if k != "description"})
    if "enum" in full:
        return "must be one of " + ", ".join(str(value) for value in full["enum"])
    if "anyOf" in full:
        return f"must be {full['description'][:1].lower()}{full['description'][1:].rstrip('.')}"
    article = "an" if _types(full)[0][0] in "aeiou" else "a"
    rule = f"must be {article} {' or '.join(_types(full))}"
    if "maxLength" in full:
        rule += f" of at most {full['maxLength']} characters"
    if "pattern" in full:
        rule += f" that matches {full['pattern']}"
    if "minimum" in full:
        rule += f" from {full['minimum']}"
    if "maximum" in full:
        rule += f" to {full['maximum']}"
    return rule
