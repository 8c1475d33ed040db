"""Answers about a conference, checked: that it is one, and that a PUT kept what it had to keep."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from . import contract
from .contract import Kind
from .errors import Difference, InvalidResponseError
from .plan import Change, expected_after
from .values import encode_json, same

__all__ = ["MISSING", "Verdict", "checked_conference", "is_same_id", "survival", "verify"]


class _Missing:
    def __repr__(self) -> str:
        return "no such field"


MISSING = _Missing()
"""Stands for a field that an answer does not have."""


@frozen
class Verdict:
    """What came of a PUT.

    Attributes:
        differences: what the server had to keep or take and did not.
        noticed: fields that the contract does not know and that changed: field -> change.
    """

    differences: tuple[Difference, ...]
    noticed: Mapping[str, Change]


def is_same_id(one: object, other: object) -> bool:
    """Whether two ids name one conference."""
    return same(Kind.UUID, one, other)


def checked_conference(
    body: Any, conference_id: str | None, what: str, *, to_build_on: bool = False
) -> dict[str, Any]:
    """The body, if it is a conference, and this one.

    Args:
        body: decoded JSON.
        conference_id: the id that was asked for; `None` where any will do.
        what: the request, for the message.
        to_build_on: whether a PUT is to follow, so that what has to survive it must be there.

    Raises:
        InvalidResponseError: it is no object, is of another conference, or lacks a field.
    """
    wrong = _wrong(body, conference_id, to_build_on)
    if wrong:
        raise InvalidResponseError(
            f"The answer to {what} is no conference to build on: {'; '.join(wrong)}.",
            conference_id=conference_id,
        )
    checked: dict[str, Any] = body
    return checked


def verify(before: Mapping[str, Any], body: Mapping[str, Any], after: Mapping[str, Any]) -> Verdict:
    """Compare the answer to a PUT with what was there and what was asked.

    Args:
        before: the whole conference as read before the PUT.
        body: what was PUT.
        after: what the server answered.
    """
    expected = expected_after(body)
    differences = []
    for name, about in contract.fields(contract.UPDATE).items():
        actual = after.get(name, MISSING)
        if name not in expected:
            if actual is MISSING:
                differences.append(Difference(name, "any value", actual))
        elif not same(about.kind, expected[name], actual):
            differences.append(Difference(name, expected[name], actual))
    kept = survival(before, after)
    return Verdict((*differences, *kept.differences), kept.noticed)


def survival(before: Mapping[str, Any], after: Mapping[str, Any]) -> Verdict:
    """Compare what no request can write: it must be there after a write as it was before."""
    differences: list[Difference] = []
    noticed: dict[str, Change] = {}
    for name, kind in _kept_by_server().items():
        if name in before and not same(kind, before[name], after.get(name, MISSING)):
            differences.append(Difference(name, before[name], after.get(name, MISSING)))
    for name in before.keys() - contract.answer_fields().keys():
        value, actual = before[name], after.get(name, MISSING)
        if actual is MISSING or (actual is None and value is not None):
            differences.append(Difference(name, value, actual))
        elif not same(Kind.EXACT, value, actual):
            noticed[name] = Change(value, actual)
    return Verdict(tuple(differences), noticed)


@functools.cache
def _kept_by_server() -> dict[str, Kind]:
    """What no request can write and every write must keep, with how to compare it."""
    required = contract.document()["components"]["schemas"][contract.CONFERENCE]["required"]
    writable = contract.fields(contract.UPDATE)
    return {
        name: contract.kind_of(schema)
        for name, schema in contract.answer_fields().items()
        if name in required and name not in writable and not schema.get("x-changes-with-each-write", False)
    }


def _wrong(body: Any, conference_id: str | None, to_build_on: bool) -> list[str]:
    if not isinstance(body, dict):
        return [f"it is no JSON object but {type(body).__name__}"]
    wrong = []
    if not isinstance(body.get("id"), str):
        wrong.append("it has no id")
    elif conference_id is not None and not is_same_id(body["id"], conference_id):
        wrong.append(f"it is of conference {body['id']!r}")
    needed = [*contract.fields(contract.UPDATE), *(_kept_by_server() if to_build_on else ())]
    lacking = [name for name in needed if name not in body]
    if lacking:
        wrong.append(f"it lacks {', '.join(lacking)}")
    elif to_build_on:
        try:
            encode_json([body[name] for name in needed])
        except ValueError:
            wrong.append("it holds a number that cannot be sent back")
    return wrong
