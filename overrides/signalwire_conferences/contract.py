"""The contract: operations, writable fields, and their allowed values."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from signalwire_conferences_api import table

Json = Mapping[str, Any]  # an object of JSON
CONFERENCE, CREATE, UPDATE = "Conference", "ConferenceCreate", "ConferenceUpdate"

KEEP: Final = table.Keep.KEEP  # as the value of a field: as if it was not given
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
    omission: Omission  # what happens if it is left out
    default: Any  # its value then: documented, null, or assumed if the server chooses
    rule: str  # what a value must be, in words
    schema: dict[str, Any] = field(repr=False, eq=False)  # the same as a JSON Schema, without references

    @functools.cached_property
    def _validator(self) -> Any:
        # Compiled on first use: it is the slowest part of a first call.
        import jsonschema_rs  # noqa: PLC0415 - for the same reason

        return jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True)

    def accepts(self, value: Any) -> bool:
        try:
            return bool(self._validator.is_valid(value))
        except UnicodeEncodeError:  # a lone surrogate is not a character
            return False


def operation(operation_id: str) -> Operation:
    return table.OPERATIONS[operation_id]


@functools.cache
def fields(of: str) -> Mapping[str, Field]:
    """The properties of a request body, or the query of an operation, in the contract's order."""
    return {name: Field(name, **row) for name, row in table.FIELDS[of].items()}
