"""Conferences to start with, completed from the contract and checked against it.

The check is looser than the contract, because tests need servers that are newer than it: ids may have any form, and
additional fields are allowed unless their names look like typing errors. On request, all names are allowed, and all
values of the right type.
"""

from __future__ import annotations

import copy
import functools
import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.errors import short_repr
from signalwire_conferences.values import one_spelling
from signalwire_conferences_testing import schemas

from . import times
from .misuse import Misuse, near_miss

__all__ = ["completed", "generated_name", "ordered", "read_file", "unsaid"]


def read_file(path: str | Path) -> list[Any]:
    """The conferences of a JSON file that holds a list of them, or a single one.

    Raises:
        ValueError: the file cannot be read or is not JSON.
    """
    try:
        loaded = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    return loaded if isinstance(loaded, list) else [loaded]


def completed(
    conferences: Iterable[Any], present: Iterable[Mapping[str, Any]], *, allow_unknown: bool = False
) -> list[dict[str, Any]]:
    """Completes partial conferences.

    Args:
        conferences: the partial conferences.
        present: the existing conferences.
        allow_unknown: whether all names of fields are allowed, and all values of the right type.

    Raises:
        Misuse: with every problem.
    """
    problems: list[str] = []
    result: list[dict[str, Any]] = []
    there = list(present)
    taken = {name: {one_spelling(state[name]) for state in there} for name in ("id", "name")}
    for number, given in enumerate(conferences):
        where = f"conference {number}"
        if not isinstance(given, Mapping):
            problems.append(f"{where}: {short_repr(given)} is not an object")
            continue
        state = _complete(given)
        problems += [f"{where}: {problem}" for problem in _problems(given, allow_unknown)]
        for name, values in taken.items():
            if isinstance(state[name], str):
                if one_spelling(state[name]) in values:
                    problems.append(f"{where}: {name}={short_repr(state[name])} is taken")
                values.add(one_spelling(state[name]))
        result.append(state)
    if problems:
        raise Misuse("cannot be preloaded", problems)
    return result


def unsaid() -> dict[str, Any]:
    """The default fields of a new conference, by the contract."""
    update, create = contract.fields(contract.UPDATE), contract.fields(contract.CREATE)
    known = {name: field.default for name, field in {**update, **create}.items()}
    return {**known, "name": generated_name(), "meta": {}}


def generated_name() -> str:
    """A unique name."""
    return f"conference-{uuid.uuid4()}"


def ordered(state: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields in the order of the contract, unknown ones last."""
    known = {name: state[name] for name in schemas.answer_fields() if name in state}
    return {**known, **state}


def _complete(given: Mapping[str, Any]) -> dict[str, Any]:
    state = {**unsaid(), "id": str(uuid.uuid4()), **copy.deepcopy(dict(given))}
    if "display_name" not in given:
        state["display_name"] = state["name"]
    if "created_at" not in state:
        state["created_at"] = state.get("updated_at", times.later())
    if "updated_at" not in state:
        state["updated_at"] = state["created_at"]
    return ordered(state)


def _problems(given: Mapping[str, Any], allow_unknown: bool) -> Iterable[str]:
    if given.get("id") == "":
        yield "id='' is empty"
    try:
        times.later(given.get("updated_at", given.get("created_at")))
    except ValueError:
        yield "updated_at is at the end of time: no write could come after it"
    for name, value in given.items():
        meant = None if allow_unknown else near_miss(str(name))
        slip = f"there is no such field; did you mean {meant!r}?" if meant else None
        if what := slip or _refusal(name, value, allow_unknown):
            yield f"{name}={short_repr(value)}: {what}"


def _refusal(name: str, value: Any, allow_unknown: bool) -> str | None:
    """The problem of the value of a field, if there is one."""
    if name not in _validators():
        return None
    try:
        error = next(iter(_validators()[name].iter_errors(value)), None)
    except UnicodeEncodeError:
        return "contains a lone surrogate, which is not a character"
    # The schema of an answer has no limits for a value that is not null; that of a request has.
    settable = None if allow_unknown or value is None else _settable().get(name)
    if settable and not settable.accepts(value):
        return settable.rule
    return error and str(error.message)


@functools.cache
def _settable() -> Mapping[str, contract.Field]:
    return {**contract.fields(contract.CREATE), **contract.fields(contract.UPDATE)}


@functools.cache
def _validators() -> Mapping[str, Any]:
    return {name: schemas.validator(_loose(schema)) for name, schema in schemas.answer_fields().items()}


def _loose(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved schema without its enumerations and without the format of ids."""
    result = {key: value for key, value in schemas.resolve(schema).items() if key != "enum"}
    if result.get("format") == "uuid":
        del result["format"]
    if "oneOf" in result:  # a type, or null: as an `if`, the error is that of the type
        choice, null = result.pop("oneOf")
        result |= {"if": {"not": null}, "then": _loose(choice)}
    if "properties" in result:
        result["properties"] = {k: _loose(v) for k, v in result["properties"].items()}
    return result
