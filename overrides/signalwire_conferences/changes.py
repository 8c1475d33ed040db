"""Inputs, checked against the contract before any request: all problems at once."""

from __future__ import annotations

import difflib
import enum
import uuid
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal
from urllib.parse import quote

from . import contract
from .contract import Field, Omission
from .errors import InvalidChangeError, Problem
from .values import to_json


class Clear(enum.Enum):
    """What a change of `None` means: leave the field out of the PUT."""

    CLEAR = "clear"

    def __repr__(self) -> str:
        return "CLEAR"


CLEAR: Final = Clear.CLEAR
_NONE: Final = object()
_CANNOT_CLEAR: Final = "cannot be cleared: the PUT requires it"
_CANNOT_BE_NULL: Final = "must not be null; leave it out instead"


def checked_changes(
    changes: Mapping[str, Any], allow_reset: object, conference_id: object
) -> tuple[dict[str, Any], frozenset[str]]:
    """The changes of an update as JSON values, `CLEAR` for `None`, and the fields allowed to be reset."""
    check = _Check(conference_id)
    asked = check.values(contract.fields(contract.UPDATE), changes, none="clear")
    resets = check.resets(allow_reset)
    if check.problems:
        check.problems += unknown_resets(resets, {})
    check.refuse()
    return asked, resets


def unknown_resets(resets: AbstractSet[str], body: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with names of `allow_reset`, once the conference was read."""
    unknown = sorted(resets - contract.KINDS.keys() - body.keys())
    rule = "is a field neither of the contract nor of the conference"
    return [Problem("allow_reset", name, rule) for name in unknown]


def checked_create(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a create; `None` leaves a field out."""
    check = _Check()
    body = check.values(contract.fields(contract.CREATE), fields, none="leave out", whole=True)
    check.refuse()
    return body


def checked_body(body: object, conference_id: object) -> dict[str, Any]:
    """The whole body of a deliberate replacement."""
    check = _Check(conference_id)
    checked = {}
    if isinstance(body, Mapping):
        checked = check.values(contract.fields(contract.UPDATE), body, none="refuse", whole=True)
    else:
        check.problems.append(Problem("body", body, "must be a mapping from field to value"))
    check.refuse()
    return checked


def checked_query(operation_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """The query of a list or a get; `None` leaves a parameter out."""
    check = _Check(noun="parameter")
    checked = check.values(contract.fields(operation_id), query, none="leave out")
    check.refuse()
    return checked


def checked_id(conference_id: object) -> str:
    """An id that stays inside its place in the path. Ids are opaque otherwise."""
    _Check(conference_id).refuse()
    text: str = to_json(conference_id)
    return text


def path_of(operation_id: str, conference_id: str | None = None) -> str:
    """The path of an operation, with the id quoted into it."""
    path = contract.operation(operation_id).path
    return path if conference_id is None else path.replace("{id}", quote(conference_id, safe=""))


class _Check:
    """Collects problems, and raises them as one `InvalidChangeError`."""

    def __init__(self, conference_id: object = _NONE, *, noun: str = "field") -> None:
        self.problems: list[Problem] = []
        self._noun = noun
        self._id = str(conference_id) if isinstance(conference_id, str | uuid.UUID) else None
        text = self._id if isinstance(conference_id, uuid.UUID) else conference_id
        if conference_id is not _NONE and (rule := _id_rule(text)):
            self.problems.append(Problem("id", conference_id, rule))

    def refuse(self) -> None:
        if self.problems:
            raise InvalidChangeError(self.problems, conference_id=self._id)

    def values(
        self,
        known: Mapping[str, Field],
        given: Mapping[str, Any],
        *,
        none: Literal["clear", "leave out", "refuse"],
        whole: bool = False,
    ) -> dict[str, Any]:
        """The values as JSON.

        Args:
            known: what there is.
            given: name -> Python value.
            none: what `None` means.
            whole: whether a required field must not be missing.
        """
        if none == "leave out":
            given = {name: value for name, value in given.items() if value is not None}
        checked = {}
        for name, value in given.items():
            if (field := known.get(name)) is None:
                self.problems.append(Problem(str(name), value, self._unknown(name, known)))
            elif value is not None:
                checked[name] = self._value(field, value)
            elif none == "clear" and field.omission is not Omission.REQUIRED:
                checked[name] = CLEAR
            else:
                rule = field.rule if field.omission is Omission.REQUIRED else _CANNOT_BE_NULL
                self.problems.append(Problem(name, None, _CANNOT_CLEAR if none == "clear" else rule))
        if whole:
            required = [name for name, field in known.items() if field.omission is Omission.REQUIRED]
            self.problems += [Problem(name, None, "is required") for name in required if name not in given]
        return checked

    def resets(self, allow_reset: object) -> frozenset[str]:
        """The names of `allow_reset`; a single name may stand alone. One that the contract does not know
        and that resembles none of its fields may be a field of the server: that shows once it is read.
        """
        known, fields = contract.fields(contract.UPDATE), contract.KINDS
        if not isinstance(allow_reset, Iterable):
            self.problems.append(Problem("allow_reset", allow_reset, "must be names of fields"))
            return frozenset()
        names = [allow_reset] if isinstance(allow_reset, str) else list(allow_reset)
        good = {
            name
            for name in names
            if isinstance(name, str)
            and (
                name in known or (name not in fields and name and not difflib.get_close_matches(name, fields))
            )
        }
        wrong = [name for name in names if not isinstance(name, str) or name not in good]
        self.problems += [Problem("allow_reset", name, self._unknown(name, known)) for name in wrong]
        return frozenset(good)

    def _value(self, field: Field, value: object) -> Any:
        try:
            plain = to_json(value)
        except ValueError as error:
            return self.problems.append(Problem(field.name, value, f"{error}; {field.rule}"))
        # JSON Schema takes 50.0 for an integer; in a query it would not be one.
        if isinstance(plain, float) or not field.accepts(plain):
            self.problems.append(Problem(field.name, value, field.rule))
        return plain

    def _unknown(self, name: object, known: Mapping[str, Field]) -> str:
        if self._noun == "field" and isinstance(name, str) and name in contract.KINDS:
            return "cannot be written here"
        return f"is no {self._noun}; there are {', '.join(known)}"


def _id_rule(text: object) -> str | None:
    if not isinstance(text, str):
        return "must be a string"
    if not text.strip():
        return "must not be empty"
    if not text.strip("."):
        return "must not consist of dots"
    found = sorted({repr(mark) for mark in text if mark in "/\\?#" or not mark.isprintable()})
    return f"must not hold {', '.join(found)}" if found else None
