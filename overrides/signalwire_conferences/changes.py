"""Inputs, checked against the contract before any request: all problems at once."""

from __future__ import annotations

import difflib
import enum
import uuid
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final
from urllib.parse import quote

from . import contract
from .contract import Field, Omission
from .errors import InvalidChangeError, Problem
from .values import to_json

__all__ = [
    "CLEAR",
    "Clear",
    "checked_body",
    "checked_changes",
    "checked_create",
    "checked_id",
    "checked_query",
    "checked_resets",
    "path_of",
    "unknown_resets",
]


class Clear(enum.Enum):
    """What a change of `None` means: leave the field out of the PUT."""

    CLEAR = "clear"

    def __repr__(self) -> str:
        return "CLEAR"


CLEAR: Final = Clear.CLEAR

_CANNOT_CLEAR = "cannot be cleared: the PUT requires it"
_CANNOT_BE_NULL = "must not be null; leave it out instead"


def checked_changes(
    changes: Mapping[str, Any], allow_reset: Iterable[str], conference_id: object
) -> tuple[dict[str, Any], frozenset[str]]:
    """The changes of an update as JSON values, `CLEAR` for `None`, and the fields allowed to be
    reset.

    Raises:
        InvalidChangeError: a wrong id, unknown or read-only fields, wrong values; all in one.
    """
    known = contract.fields(contract.UPDATE)
    problems = _id_problems(conference_id)

    def cleared(field: Field) -> Any:
        if field.omission is Omission.REQUIRED:
            problems.append(Problem(field.name, None, _CANNOT_CLEAR))
        return CLEAR

    asked = _checked(known, changes, cleared, problems)
    resets = checked_resets(allow_reset, problems)
    if problems:
        problems += unknown_resets(resets, {})
    _refuse(problems, conference_id)
    return asked, resets


def checked_resets(allow_reset: object, problems: list[Problem]) -> frozenset[str]:
    """The names of `allow_reset`; a single name may stand alone. One that the contract does not know
    and that resembles none of its fields may be a field of the server: that shows once it is read.
    """
    known = contract.fields(contract.UPDATE)
    fields = {*known, *contract.KINDS}
    if isinstance(allow_reset, str):
        allow_reset = [allow_reset]
    if not isinstance(allow_reset, Iterable):
        problems.append(Problem("allow_reset", allow_reset, "must be names of fields"))
        return frozenset()
    names = list(allow_reset)
    wrong = [
        name
        for name in names
        if not isinstance(name, str)
        or (name not in known and (not name or name in fields or difflib.get_close_matches(name, fields)))
    ]
    problems += [Problem("allow_reset", name, _unknown(str(name), known, "field")) for name in wrong]
    return frozenset(name for name in names if name not in wrong)


def unknown_resets(resets: AbstractSet[str], body: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with names of `allow_reset`, once the conference was read."""
    unknown = sorted(resets - contract.KINDS.keys() - body.keys())
    rule = "is a field neither of the contract nor of the conference"
    return [Problem("allow_reset", name, rule) for name in unknown]


def checked_create(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a create; `None` leaves a field out.

    Raises:
        InvalidChangeError: unknown fields, wrong values, a required one missing; all in one.
    """
    known = contract.fields(contract.CREATE)
    given = {name: value for name, value in fields.items() if value is not None}
    problems: list[Problem] = []
    body = _checked(known, given, _never_null, problems)
    _require(known, given, problems)
    _refuse(problems, None)
    return body


def checked_body(body: object, conference_id: object) -> dict[str, Any]:
    """The whole body of a deliberate replacement.

    Raises:
        InvalidChangeError: a wrong id, unknown or read-only fields, wrong values or null, no
            `display_name`; all in one.
    """
    known = contract.fields(contract.UPDATE)
    problems = _id_problems(conference_id)

    def refused(field: Field) -> Any:
        required = field.omission is Omission.REQUIRED
        problems.append(Problem(field.name, None, field.rule if required else _CANNOT_BE_NULL))

    given: Mapping[str, Any] = {}
    if isinstance(body, Mapping):
        given = body
        _require(known, given, problems)
    else:
        problems.append(Problem("body", body, "must be a mapping from field to value"))
    checked = _checked(known, given, refused, problems)
    _refuse(problems, conference_id)
    return checked


def checked_query(operation_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """The query of a list or a get; `None` leaves a parameter out.

    Raises:
        InvalidChangeError: unknown parameters, wrong values; all in one.
    """
    known = contract.fields(operation_id)
    given = {name: value for name, value in query.items() if value is not None}
    problems: list[Problem] = []
    checked = _checked(known, given, _never_null, problems, "parameter")
    _refuse(problems, None)
    return checked


def checked_id(conference_id: object) -> str:
    """An id that stays inside its place in the path. Ids are opaque otherwise.

    Raises:
        InvalidChangeError: it is empty, no string, or could lead to another path.
    """
    _refuse(_id_problems(conference_id), conference_id)
    # Not by `str`, which a subclass may answer with something else, as an enumeration does.
    text: str = to_json(conference_id)
    return text


def path_of(operation_id: str, conference_id: str | None = None) -> str:
    """The path of an operation, with the id quoted into it."""
    path = contract.operation(operation_id).path
    return path if conference_id is None else path.replace("{id}", quote(conference_id, safe=""))


def _id_problems(conference_id: object) -> list[Problem]:
    rule = _id_rule(str(conference_id) if isinstance(conference_id, uuid.UUID) else conference_id)
    return [] if rule is None else [Problem("id", conference_id, rule)]


def _id_rule(text: object) -> str | None:
    if not isinstance(text, str):
        return "must be a string"
    if not text.strip():
        return "must not be empty"
    if not text.strip("."):
        return "must not consist of dots"
    found = sorted({repr(mark) for mark in text if mark in "/\\?#" or not mark.isprintable()})
    return f"must not hold {', '.join(found)}" if found else None


def _never_null(field: Field) -> Any:
    raise AssertionError(f"{field.name} was filtered out")


def _checked(
    known: Mapping[str, Field],
    given: Mapping[str, Any],
    on_null: Callable[[Field], Any],
    problems: list[Problem],
    noun: str = "field",
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in given.items():
        field = known.get(name)
        if field is None:
            problems.append(Problem(str(name), value, _unknown(name, known, noun)))
        elif value is None:
            checked[name] = on_null(field)
        else:
            try:
                checked[name] = to_json(value)
            except ValueError as error:
                problems.append(Problem(name, value, f"{error}; {field.rule}"))
                continue
            # JSON Schema takes 50.0 for an integer; in a query it would not be one.
            if not field.accepts(checked[name]) or isinstance(checked[name], float):
                problems.append(Problem(name, value, field.rule))
    return checked


def _require(known: Mapping[str, Field], given: Mapping[str, Any], problems: list[Problem]) -> None:
    problems.extend(
        Problem(name, None, "is required")
        for name, field in known.items()
        if field.omission is Omission.REQUIRED and name not in given
    )


def _unknown(name: object, known: Mapping[str, Field], noun: str) -> str:
    if noun == "field" and name in contract.KINDS:
        return "cannot be written here"
    return f"is no {noun}; there are {', '.join(known)}"


def _refuse(problems: list[Problem], conference_id: object) -> None:
    if problems:
        named = str(conference_id) if isinstance(conference_id, str | uuid.UUID) else None
        raise InvalidChangeError(problems, conference_id=named)
