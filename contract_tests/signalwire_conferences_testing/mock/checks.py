"""Checks requests against the contract: one entry of a 422 for each failed attribute."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import Field, Kind, Omission
from signalwire_conferences.values import instant
from signalwire_conferences_testing import schemas

from . import times

__all__ = ["Entry", "body", "entry", "moment", "query"]

#: An item of a 422 answer's `errors`.
Entry = dict[str, Any]

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}


def entry(attribute: str, rule: str) -> Entry:
    """The entry for an attribute that breaks a rule."""
    return {**_entry_example(), "message": f"{attribute} {rule}", "attribute": attribute}


@functools.cache
def _entry_example() -> Mapping[str, Any]:
    documented = schemas.resolve({"$ref": "#/components/schemas/ValidationErrors"})
    example: dict[str, Any] = documented["examples"][0]["errors"][0]
    return example


def body(schema: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Entry]]:
    """The fields of a conference after a write with this body, and an entry for each problem.

    Properties that the contract does not know are ignored, those left out have the value that the
    contract gives them, and times are normalised.
    """
    known = contract.fields(schema)
    result = {name: given.get(name, field.default) for name, field in known.items()}
    problems: list[Entry] = []
    # A valid body, the usual case, is validated as a whole; then only times need to be normalised.
    suspects = _times(schema) if _accepts(schema, given) else known
    for name, field in suspects.items():
        if name in given:
            try:
                result[name] = _taken(field, given[name])
            except ValueError as error:
                problems.append(entry(name, str(error)))
        elif field.omission is Omission.REQUIRED:
            problems.append(entry(name, "must be present"))
    return result, problems


@functools.cache
def _times(schema: str) -> Mapping[str, Field]:
    return {name: field for name, field in contract.fields(schema).items() if field.kind is Kind.INSTANT}


def _accepts(schema: str, given: Mapping[str, Any]) -> bool:
    # Values that the validator cannot represent are checked by field.
    if any(isinstance(value, str) and _SURROGATE.search(value) for value in given.values()):
        return False
    try:
        return bool(_validator(schema).is_valid(given))
    except (ValueError, OverflowError):
        return False


_SURROGATE = re.compile("[\ud800-\udfff]")


@functools.cache
def _validator(schema: str) -> Any:
    return schemas.validator({"$ref": f"#/components/schemas/{schema}"})


def _taken(field: Field, value: Any) -> Any:
    """A value of a body as it is stored. Raises `ValueError` with the rule that it breaks."""
    if not field.accepts(value):
        raise ValueError(field.rule)
    return times.normalised(value) if field.kind is Kind.INSTANT else value


def query(operation_id: str, given: Sequence[tuple[str, str]]) -> tuple[dict[str, Any], list[Entry]]:
    """The values of an operation's query parameters, defaults included, and the problems.

    Parameters that the contract does not know are ignored.
    """
    result: dict[str, Any] = {}
    problems: list[Entry] = []
    for name, field in contract.fields(operation_id).items():
        texts = [text for key, text in given if key == name]
        values = [value for value in _readings(texts[0]) if field.accepts(value)] if texts else []
        if len(texts) > 1:
            problems.append(entry(name, "must be given once"))
        elif texts and not values:
            problems.append(entry(name, field.rule))
        else:
            result[name] = values[0] if values else field.default
    return result, problems


def _readings(text: str) -> Iterable[Any]:
    """The JSON values that a parameter's text may stand for; the type in the contract decides."""
    yield text
    if text in _BOOLEANS:
        yield _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        yield int(text)


def moment(text: str) -> times.Instant | None:
    """The instant of a list filter: a Unix timestamp, or a time as in a body."""
    stamp = times.from_unix(text)
    if stamp is not None:
        return stamp
    time_field = contract.fields(contract.UPDATE)["join_from"]
    return instant(text) if time_field.accepts(text) else None
