"""Answers compared with what they have to be: is it this conference, and did a PUT keep what it had to."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from attrs import field, frozen

from . import contract
from .contract import Field, Kind
from .errors import Difference
from .plan import Change, expected_after, omitted_value
from .values import encode_json, equivalent, is_coarser

__all__ = ["MISSING", "Verdict", "flaws", "flaws_to_build_on", "lost", "survival", "verify", "verify_body"]


class _Missing:
    def __repr__(self) -> str:
        return "no such field"


MISSING: Final = _Missing()
"""Stands for a field that an answer does not have."""

_EMPTY: Final[tuple[Any, ...]] = (None, False, "", [], {})


@frozen
class Verdict:
    """What came of a PUT.

    Attributes:
        differences: what the server had to keep or take and did not.
        noticed: what is no loss and yet worth knowing: field -> change.
    """

    differences: tuple[Difference, ...] = ()
    noticed: Mapping[str, Change] = field(factory=dict)

    def __or__(self, other: Verdict) -> Verdict:
        return Verdict((*self.differences, *other.differences), {**self.noticed, **other.noticed})


def flaws(body: Any, expects: str, conference_id: str | None, *, whole: bool) -> list[str]:
    """Why decoded JSON is not what a request expects, in words; empty where it is.

    Args:
        body: decoded JSON.
        expects: "conference" or "page".
        conference_id: the id that was asked for; `None` where any will do.
        whole: whether a conference without one of its fields is flawed too.
    """
    if not isinstance(body, dict):
        return [f"it is no JSON object but {type(body).__name__}"]
    if expects == "conference":
        return _conference_flaws(body, conference_id, whole)
    if not isinstance(body.get("data"), list):
        return ["it is no page, for it has no list `data`"]
    if not isinstance(body.get("links"), dict):
        return ["it is no page, for it has no `links`"]
    return [
        f"item {number}: {flaw}"
        for number, item in enumerate(body["data"])
        for flaw in flaws(item, "conference", None, whole=True)
    ]


def flaws_to_build_on(body: Mapping[str, Any]) -> list[str]:
    """Why a whole conference is not enough to PUT it back and to check the result."""
    needed = [*contract.fields(contract.UPDATE), *contract.KEPT]
    lacking = [name for name in needed if name not in body]
    if lacking:
        return [f"it lacks {', '.join(lacking)}"]
    try:
        encode_json([body[name] for name in needed])
    except ValueError:
        return ["it holds a number that cannot be sent back"]
    return []


def verify(
    before: Mapping[str, Any],
    body: Mapping[str, Any],
    after: Mapping[str, Any],
    resets: AbstractSet[str] = frozenset(),
) -> Verdict:
    """Compare the conference after a PUT with what was there and what was asked.

    Args:
        before: the whole conference as read before the PUT.
        body: what was PUT.
        after: the whole conference since.
        resets: fields that may be lost.
    """
    return verify_body(body, after) | survival(before, after, resets)


def verify_body(body: Mapping[str, Any], after: Mapping[str, Any]) -> Verdict:
    """Compare the writable fields after a PUT with what was PUT."""
    expected = expected_after(body)
    differences, noticed = [], {}
    for name, about in contract.fields(contract.UPDATE).items():
        actual = after.get(name, MISSING)
        if name not in expected:
            if actual is MISSING:
                differences.append(Difference(name, "any value", actual))
        elif equivalent(about.kind, expected[name], actual):
            continue
        elif _coarser(about, actual, expected[name]):
            noticed[name] = Change(expected[name], actual)
        else:
            differences.append(Difference(name, expected[name], actual))
    return Verdict(tuple(differences), noticed)


def survival(
    before: Mapping[str, Any], after: Mapping[str, Any], resets: AbstractSet[str] = frozenset()
) -> Verdict:
    """Compare what no request can write: it must be there after a write as it was before.

    What the contract does not know may change, as a counter does; but not vanish or become empty,
    which is what a reset looks like.
    """
    differences: list[Difference] = []
    noticed: dict[str, Change] = {}
    for name, kind in contract.KEPT.items():
        if name in before and not equivalent(kind, before[name], after.get(name, MISSING)):
            differences.append(Difference(name, before[name], after.get(name, MISSING)))
    for name in before.keys() - contract.KINDS.keys():
        value, actual = before[name], after.get(name, MISSING)
        if equivalent(Kind.EXACT, value, actual):
            continue
        if name not in resets and (actual is MISSING or _is_empty(actual)):
            differences.append(Difference(name, value, actual))
        else:
            noticed[name] = Change(value, None if actual is MISSING else actual)
    return Verdict(tuple(differences), noticed)


def lost(
    body: Mapping[str, Any], now: Mapping[str, Any], asked: AbstractSet[str], *, exclusive: bool
) -> Verdict:
    """What a PUT of unknown outcome cost, as far as that can be told from somebody else's change:
    a field that was sent and has the value that leaving it out gives was lost.

    Args:
        body: what was PUT.
        now: the conference since.
        asked: fields that the caller named; the merge looks after these.
        exclusive: whether nobody else may write, so that any difference is a loss.
    """
    differences, noticed = [], {}
    expected = expected_after(body)
    for name, about in contract.fields(contract.UPDATE).items():
        if name in asked or name not in expected or equivalent(about.kind, expected[name], now[name]):
            continue
        if _coarser(about, now[name], expected[name]):
            noticed[name] = Change(expected[name], now[name])
        elif exclusive or (name in body and equivalent(about.kind, omitted_value(about), now[name])):
            differences.append(Difference(name, expected[name], now[name]))
    return Verdict(tuple(differences), noticed)


def _conference_flaws(body: dict[str, Any], conference_id: str | None, whole: bool) -> list[str]:
    wrong = []
    if not isinstance(body.get("id"), str):
        wrong.append("it has no id")
    elif conference_id is not None and not equivalent(Kind.UUID, body["id"], conference_id):
        wrong.append(f"it is of conference {body['id']!r}")
    lacking = [name for name in contract.fields(contract.UPDATE) if name not in body] if whole else []
    return [*wrong, f"it lacks {', '.join(lacking)}"] if lacking else wrong


def _coarser(about: Field, kept: Any, sent: Any) -> bool:
    return about.kind is Kind.INSTANT and is_coarser(kept, sent)


def _is_empty(value: Any) -> bool:
    return any(type(value) is type(empty) and value == empty for empty in _EMPTY)
