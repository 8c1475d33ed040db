"""The contract, as the package reads it: operations, writable fields, and what a value may be."""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, cast

import jsonschema_rs
from attrs import field, frozen

from signalwire_conferences_api import table

Json = Mapping[str, Any]  # an object of JSON
CONFERENCE, CREATE, UPDATE = "Conference", "ConferenceCreate", "ConferenceUpdate"

Kind = table.Kind
Omission = table.Omission
Operation = table.Operation
KINDS = table.KINDS
KEPT = table.KEPT


@frozen(slots=False)
class Field:
    """A property of a request body, or a query parameter."""

    name: str
    kind: Kind  # how its values are compared
    omission: Omission  # what becomes of it when it is left out
    default: Any  # the value then: documented, or null, or assumed where it is the server's choice
    rule: str  # what a value has to be, in words
    schema: dict[str, Any] = field(repr=False, eq=False)  # the same as a JSON Schema, without references

    @functools.cached_property
    def _validator(self) -> Any:
        # Compiled for the fields that are used, when they are: it is the dearest part of a first call.
        return jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True)

    def accepts(self, value: Any) -> bool:
        """Whether the contract allows this JSON value."""
        try:
            return bool(self._validator.is_valid(value))
        except UnicodeEncodeError:  # a lone surrogate is no character
            return False


def operation(operation_id: str) -> Operation:
    """The operation with this id."""
    return table.OPERATIONS[operation_id]


@functools.cache
def fields(of: str) -> Mapping[str, Field]:
    """The properties of a request body, or the query of an operation, in the contract's order."""
    return {name: Field(name, **row) for name, row in table.FIELDS[of].items()}


query_fields = fields


@functools.cache
def document() -> Mapping[str, Any]:
    """The whole contract, decoded. Shared: do not change it."""
    packaged = resources.files("signalwire_conferences_api") / "contract.json"
    return cast(Json, json.loads(packaged.read_text("utf-8")))


def answer_fields() -> Mapping[str, Json]:
    """The properties of a conference in an answer, name -> schema."""
    return cast(Mapping[str, Json], document()["components"]["schemas"][CONFERENCE]["properties"])


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
    return jsonschema_rs.Draft202012Validator({**schema, "components": document()["components"]}, validate_formats=True)
