"""JSON values as this API means them: decoding, encoding, and when two values are the same."""

import datetime
import enum
import json
import re
import uuid
from itertools import chain
from typing import Any, NoReturn

from .contract import Kind

_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2})))?"
)
_GREGORIAN_CYCLE_DAYS = 146097  # the calendar repeats every 400 years
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SURROGATE = re.compile("[\ud800-\udfff]")
_TOO_LARGE = 2**63
_DEEPEST = 100  # levels of JSON; to compare them takes two frames each
_MOST_DIGITS = 18  # of a fraction of a second; an attosecond


def instant(text: object) -> tuple[int, str] | None:
    """The instant that an RFC 3339 date-time, or a date alone, names: seconds (days counted from the year 1), and the
    digits of the fraction without trailing zeros. A leap second is the same instant as the second after it.
    """
    match = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day = (int(part) for part in match.group(1, 2, 3))
    try:
        # `datetime.date` has no year 0; the year 400 has the same calendar.
        days = datetime.date(year or 400, month, day).toordinal()
    except ValueError:
        return None
    days -= 0 if year else _GREGORIAN_CYCLE_DAYS
    hour, minute, second, offset_hour, offset_minute = (int(n or 0) for n in match.group(4, 5, 6, 9, 10))
    if hour > 23 or minute > 59 or second > 60 or offset_hour > 23 or offset_minute > 59:
        return None
    offset = (offset_hour * 60 + offset_minute) * (-60 if match.group(8) == "-" else 60)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
    return seconds, (match.group(7) or "").rstrip("0")


def equivalent(kind: Kind, one: Any, other: Any) -> bool:
    """Whether two JSON values mean the same for a field of this kind: instants as instants, colours and UUIDs without
    regard to case, all else exactly (`1` is not `true`).
    """
    if one is other or (type(one) is str and one == other) or identical(one, other):  # most are, and it is done often
        return True
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    if kind is Kind.INSTANT:
        return (found := instant(one)) is not None and found == instant(other)
    if kind is Kind.COLOR:
        return one.lower() == other.lower()
    return kind is Kind.UUID and one_spelling(one) == one_spelling(other)


def is_coarser(kept: object, sent: object) -> bool:
    """Whether an instant is another one cut or rounded to fewer digits, as some servers keep times."""
    ours, theirs = instant(sent), instant(kept)
    if ours is None or theirs is None or ours == theirs or max(len(ours[1]), len(theirs[1])) > _MOST_DIGITS:
        return False
    from fractions import Fraction  # noqa: PLC0415 - few answers are less exact

    exact, found = (seconds + Fraction(f"0.{digits or 0}") for seconds, digits in (ours, theirs))
    units = (Fraction(1, 10**kept) for kept in range(len(ours[1])))
    return any(found in (exact // unit * unit, (exact + unit / 2) // unit * unit) for unit in units)


def one_spelling(conference_id: str) -> str:
    """An id, in lower case if it is a UUID. Others are opaque: `Team` is not `team`."""
    if _UUID.fullmatch(conference_id):  # as it is in answers
        return conference_id
    try:
        return str(uuid.UUID(conference_id))
    except ValueError:
        return conference_id


def identical(one: Any, other: Any) -> bool:
    """Equality of JSON values. Python's own `==` takes `True` for `1`."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(identical, one, other))
    return bool(one == other)


def to_json(value: Any) -> Any:
    """A Python value as the JSON value that is sent for it. Aware date-times become UTC with `Z`; strings stay.

    Raises:
        ValueError: it has no meaning in JSON, or none without a guess; the text is the rule.
    """
    match value.value if isinstance(value, enum.Enum) else value:
        case datetime.datetime() as time if time.utcoffset() is None:
            raise ValueError("a date-time needs a time zone; this one is naive")
        case datetime.datetime() as time:
            try:
                return time.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
            except OverflowError:
                raise ValueError("in UTC this date-time is outside the years 1 to 9999") from None
        case datetime.date() as date:
            return date.isoformat()
        case uuid.UUID() as name:
            return str(name)
        case str() as text:
            if SURROGATE.search(text):
                raise ValueError("holds a lone surrogate, which is not a character")
            return str.__str__(text)  # a subclass may answer `str` with something else
        case int() as number if abs(number) >= _TOO_LARGE:
            raise ValueError("is beyond 64 bits")
        case None | bool() | int() | float() as plain:
            return plain
    raise ValueError(f"a value of type {type(value).__name__} cannot be sent")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER, _ENCODER = json.JSONDecoder(parse_constant=_no_constant), json.JSONEncoder(allow_nan=False)


def decode_json(content: bytes) -> Any:
    """The JSON value of a body; `ValueError` where it is none, or nested too deeply."""
    try:
        decoded = _DECODER.decode(content.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if content.count(b"{") + content.count(b"[") < _DEEPEST:
        return decoded
    level: list[Any] = [decoded]
    for _ in range(_DEEPEST):
        parts = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [*chain.from_iterable(parts)]
        if not level:
            return decoded
    raise ValueError("nested too deeply")


def encode_json(value: Any) -> bytes:
    """A JSON value as a body, in ASCII, so that a lone surrogate goes back as it came; `ValueError` for infinity."""
    return _ENCODER.encode(value).encode()
