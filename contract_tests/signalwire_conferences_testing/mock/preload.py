"""Conferences to start with: completed from the contract, and checked against it.

The check is looser than the contract where tests need a server that is newer than it: values of
enumerations, forms of ids and additional fields are free.
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

__all__ = ["completed", "generated_name", "ordered", "read_file", "unsaid"]


def read_file(path: str | Path) -> list[Any]:
    """The conferences of a JSON file that holds a list of them, or a single one.

    Raises:
        ValueError: it cannot be read or is no JSON.
    """
    try:
        loaded = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    return loaded if isinstance(loaded, list) else [loaded]


def completed(conferences: Iterable[Any], present: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Whole conferences of partial ones.

    Args:
        conferences: what was given.
        present: the conferences that are there already.

    Raises:
        ValueError: something is wrong; the text names every problem.
    """
    problems: list[str] = []
    result: list[dict[str, Any]] = []
    there = list(present)
    taken = {name: {one_spelling(state[name]) for state in there} for name in ("id", "name")}
    for number, given in enumerate(conferences):
        where = f"conference {number}"
        if not isinstance(given, Mapping):
            problems.append(f"{where}: {short_repr(given)} is no object")
            continue
        state = _complete(given)
        problems += [f"{where}: {problem}" for problem in _problems(given)]
        for name, values in taken.items():
            if isinstance(state[name], str):
                if one_spelling(state[name]) in values:
                    problems.append(f"{where}: {name}={short_repr(state[name])} is taken")
                values.add(one_spelling(state[name]))
        result.append(state)
    if problems:
        raise ValueError("cannot be preloaded:" + "".join(f"\n  - {line}" for line in problems))
    return result


def unsaid() -> dict[str, Any]:
    """The fields that a new conference has when nothing is said of them, by the contract."""
    update, create = contract.fields(contract.UPDATE), contract.fields(contract.CREATE)
    known = {name: field.default for name, field in {**update, **create}.items()}
    return {**known, "name": generated_name(), "meta": {}}


def generated_name() -> str:
    """A name that no conference has."""
    return f"conference-{uuid.uuid4()}"


def ordered(state: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields in the contract's order, those that it does not know last."""
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


def _problems(given: Mapping[str, Any]) -> Iterable[str]:
    if given.get("id") == "":
        yield "id='' is empty"
    try:
        times.later(given.get("updated_at", given.get("created_at")))
    except ValueError:
        yield "updated_at is at the end of time: no write could come after it"
    for name, validator in _validators().items():
        if name not in given:
            continue
        try:
            error = next(iter(validator.iter_errors(given[name])), None)
            what = error and error.message
        except UnicodeEncodeError:
            what = "holds a lone surrogate, which is no character"
        if what:
            yield f"{name}={short_repr(given[name])}: {what}"


@functools.cache
def _validators() -> Mapping[str, Any]:
    return {name: schemas.validator(_loose(schema)) for name, schema in schemas.answer_fields().items()}


def _loose(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema, resolved, without its enumerations and without a form for ids."""
    result = {key: value for key, value in schemas.resolve(schema).items() if key != "enum"}
    if result.get("format") == "uuid":
        del result["format"]
    for key in ("anyOf", "oneOf"):
        if key in result:
            result[key] = [_loose(choice) for choice in result[key]]
    if "properties" in result:
        result["properties"] = {k: _loose(v) for k, v in result["properties"].items()}
    return result
