"""Answers compared with what they have to be: is it this conference, and did a PUT keep what it had to."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from attrs import field, frozen

from . import contract
from .contract import Json, Kind
from .errors import Difference
from .plan import Change, expected_after
from .values import encode_json, equivalent, is_coarser


class _Missing:
    """Stands for a field that an answer does not have."""

    def __repr__(self) -> str:
        return "no such field"


MISSING: Final = _Missing()

_EMPTY: Final[tuple[Any, ...]] = (None, False, "", [], {})


@frozen
class Verdict:
    """What came of a PUT."""

    differences: tuple[Difference, ...] = ()  # what the server had to keep or take and did not
    noticed: Mapping[str, Change] = field(factory=dict)  # what is no loss and yet worth knowing

    def __or__(self, other: "Verdict") -> "Verdict":
        return Verdict((*self.differences, *other.differences), {**self.noticed, **other.noticed})


def flaws(body: Any, expects: str, conference_id: str | None, *, whole: bool) -> list[str]:
    """Why decoded JSON is not the "conference" (of this id, if one is given) or "page" that a request expects;
    `whole`: whether a conference without one of its fields is flawed too.
    """
    if not isinstance(body, dict):
        return [f"it is no JSON object but {type(body).__name__}"]
    if expects == "page":
        if not isinstance(body.get("data"), list) or not isinstance(body.get("links"), dict):
            return ["it is no page, for it has no list `data` or no object `links`"]
        return [
            f"item {number}: {flaw}"
            for number, item in enumerate(body["data"])
            for flaw in flaws(item, "conference", None, whole=True)
        ]
    wrong = []
    if not isinstance(body.get("id"), str):
        wrong.append("it has no id")
    elif conference_id is not None and not equivalent(Kind.UUID, body["id"], conference_id):
        wrong.append(f"it is of conference {body['id']!r}")
    lacking = [name for name in contract.fields(contract.UPDATE) if whole and name not in body]
    return [*wrong, f"it lacks {', '.join(lacking)}"] if lacking else wrong


def flaws_to_build_on(body: Json) -> list[str]:
    """Why a whole conference is not enough to PUT it back and to check the result."""
    needed = [*contract.fields(contract.UPDATE), *contract.KEPT]
    if lacking := [name for name in needed if name not in body]:
        return [f"it lacks {', '.join(lacking)}"]
    try:
        encode_json([body[name] for name in needed])
    except ValueError:
        return ["it holds a number that cannot be sent back"]
    return []


def verify(before: Json, body: Json, after: Json, resets: AbstractSet[str] = frozenset()) -> Verdict:
    """Compare the whole conference after a PUT with the one before, what was PUT, and what may be lost."""
    return verify_body(body, after) | survival(before, after, resets)


def verify_body(body: Json, after: Json) -> Verdict:
    """Compare the writable fields after a PUT with what was PUT."""
    expected = expected_after(body)
    verdict = _compared(expected, after)
    chosen = contract.fields(contract.UPDATE).keys() - expected.keys() - after.keys()
    return Verdict(tuple(Difference(name, "any value", MISSING) for name in sorted(chosen))) | verdict


def survival(before: Json, after: Json, resets: AbstractSet[str] = frozenset()) -> Verdict:
    """Compare what no request can write: it must be there after a write as it was before. What the contract does not
    know may change, as a counter does; but not vanish or become empty, which is what a reset looks like.
    """
    differences: list[Difference] = []
    noticed: dict[str, Change] = {}
    unknown = dict.fromkeys(before.keys() - contract.KINDS.keys(), Kind.EXACT)
    for name, kind in {**contract.KEPT, **unknown}.items():
        value, now = before.get(name, MISSING), after.get(name, MISSING)
        if value is MISSING or equivalent(kind, value, now):
            continue
        if name in unknown and (name in resets or not _is_reset(now)):
            noticed[name] = Change(value, None if now is MISSING else now)
        else:
            differences.append(Difference(name, value, now))
    return Verdict(tuple(differences), noticed)


def lost(body: Json, now: Json, asked: AbstractSet[str], *, exclusive: bool) -> Verdict:
    """What a PUT of unknown outcome cost, as far as that can be told from somebody else's change: a field that was
    sent and has the value that leaving it out gives was lost. Where the writer is `exclusive`, any difference is a
    loss. After the `asked` fields, the merge looks.
    """

    def is_loss(name: str, actual: Any) -> bool:
        about = contract.fields(contract.UPDATE)[name]
        return exclusive or (name in body and equivalent(about.kind, about.default, actual))

    found = _compared({name: v for name, v in expected_after(body).items() if name not in asked}, now)
    return Verdict(tuple(one for one in found.differences if is_loss(one.field, one.actual)), found.noticed)


def _compared(expected: Json, after: Json) -> Verdict:
    """Writable fields and their expected values; a time that is kept less exactly is noticed."""
    differences, noticed = [], {}
    for name, value in expected.items():
        kind, now = contract.fields(contract.UPDATE)[name].kind, after.get(name, MISSING)
        if equivalent(kind, value, now):
            continue
        if kind is Kind.INSTANT and is_coarser(now, value):
            noticed[name] = Change(value, now)
        else:
            differences.append(Difference(name, value, now))
    return Verdict(tuple(differences), noticed)


def _is_reset(value: Any) -> bool:
    return value is MISSING or any(type(value) is type(empty) and value == empty for empty in _EMPTY)
