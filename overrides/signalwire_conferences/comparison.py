"""Answers compared with what they have to be: is it this conference, and did a PUT keep what it had to."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from attrs import field, frozen

from . import contract
from .contract import Json, Kind
from .errors import Difference
from .plan import Change, expected_after
from .values import encode_json, equivalent, is_coarser


class _Missing:
    def __repr__(self) -> str:
        return "no such field"


MISSING: Final = _Missing()
_EMPTY: Final[tuple[Any, ...]] = (None, False, "", [], {})


@frozen
class Verdict:
    differences: tuple[Difference, ...] = ()  # what the server had to keep or take and did not
    noticed: Mapping[str, Change] = field(factory=dict)  # what is no loss and yet worth knowing

    def __or__(self, other: "Verdict") -> "Verdict":
        return Verdict((*self.differences, *other.differences), {**self.noticed, **other.noticed})


def flaws(body: Any, expects: str, conference_id: str | None, *, whole: bool) -> list[str]:
    """Why decoded JSON is not the "conference" (of this id, if one is given) or "page" that a request expects;
    `whole`: whether a conference without one of its fields is flawed too.
    """
    if not isinstance(body, dict):
        return [f"it is not a JSON object but {type(body).__name__}"]
    if expects == "page":
        if not isinstance(body.get("data"), list) or not isinstance(body.get("links"), dict):
            return ["it is not a page: it has no list `data` or no object `links`"]
        found = (flaws(item, "conference", None, whole=True) for item in body["data"])
        return [f"item {number}: {flaw}" for number, each in enumerate(found) for flaw in each]
    wrong = []
    if not isinstance(body.get("id"), str):
        wrong.append("it has no id")
    elif conference_id is not None and not equivalent(Kind.UUID, body["id"], conference_id):
        wrong.append(f"it is of conference {body['id']!r}")
    lacking = [name for name in contract.fields(contract.UPDATE) if whole and name not in body]
    return [*wrong, f"it lacks {', '.join(lacking)}"] if lacking else wrong


def flaws_to_build_on(body: Json) -> list[str]:
    needed = [*contract.fields(contract.UPDATE), *contract.KEPT]
    if lacking := [name for name in needed if name not in body]:
        return [f"it lacks {', '.join(lacking)}"]
    try:
        # Of numbers alone, wherever they are: to encode all takes as long as the PUT does.
        encode_json([value for name in needed if type(value := body[name]) is not str])
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

    def harmless(name: str, _: Any, now: Any) -> bool:
        empty = now is MISSING or any(type(now) is type(each) and now == each for each in _EMPTY)
        return name not in contract.KINDS and (name in resets or not empty)

    kept = {name: value for name, value in before.items() if name in contract.KEPT or name not in contract.KINDS}
    return _compared(kept, after, harmless)


def lost(body: Json, now: Json, asked: AbstractSet[str], *, exclusive: bool) -> Verdict:
    """What a PUT of unknown outcome cost, told from somebody else's change: a field that was sent and has the value
    that leaving it out gives was lost; where the writer is `exclusive`, any difference is. Not of the `asked` fields.
    """

    def is_loss(name: str, actual: Any) -> bool:
        about = contract.fields(contract.UPDATE)[name]
        return exclusive or (name in body and equivalent(about.kind, about.default, actual))

    found = _compared({name: v for name, v in expected_after(body).items() if name not in asked}, now)
    return Verdict(tuple(one for one in found.differences if is_loss(one.field, one.actual)), found.noticed)


def _kind(name: str) -> Kind:
    return contract.KINDS.get(name, Kind.EXACT)


def _less_exact(name: str, value: Any, now: Any) -> bool:
    return _kind(name) is Kind.INSTANT and is_coarser(now, value)


def _compared(expected: Json, after: Json, harmless: Callable[[str, Any, Any], bool] = _less_exact) -> Verdict:
    """Fields that are not as expected: a difference, or noticed where that is harmless."""
    differences, noticed = [], {}
    for name, value in expected.items():
        now = after.get(name, MISSING)
        if value is now or (type(value) is str and value == now) or equivalent(_kind(name), value, now):
            continue
        if harmless(name, value, now):
            noticed[name] = Change(value, None if now is MISSING else now)
        else:
            differences.append(Difference(name, value, now))
    return Verdict(tuple(differences), noticed)
