"""Times: how they are written, and whether an answer means the instant that was sent."""

import contextlib
import datetime
import functools
import math
import re
from fractions import Fraction
from typing import Any

from signalwire_conferences.contract import Kind
from signalwire_conferences.values import equivalent, instant, is_coarser
from signalwire_conferences_testing import schemas

#: Seconds; the vendor's own examples show times in whole ones.
COARSEST_CLOCK = 1.1
EPOCH = datetime.date(1970, 1, 1).toordinal() * 86400
_WHOLE = ("Z", "z", "+00:00", ".0Z", ".000Z", ".000000Z", ".000000+00:00")
_START = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


def numbered(number: int) -> str:
    """A time in UTC, another for each number."""
    return text_of(_START + datetime.timedelta(days=number, hours=number % 7, seconds=number))


def text_of(when: datetime.datetime) -> str:
    """A time with `Z`, without a fraction where there is none."""
    return when.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def unix_of(text: str) -> str:
    found = instant(text)
    if found is None:
        raise ValueError(text)
    return str(found[0] - EPOCH)


def moved(text: str, seconds: int) -> str:
    return text_of(datetime.datetime.fromisoformat(text) + datetime.timedelta(seconds=seconds))


def no_utc(told: Any) -> str | None:
    """Why a time of an answer is not RFC 3339 in UTC; `None` where it is."""
    if not isinstance(told, str) or not _timestamp().is_valid(told):
        return f"{told!r} is no RFC 3339 date-time"
    return None if re.search(r"([Zz]|[+-]00:00)$", told) else f"{told!r} is not in UTC"


@functools.cache
def _timestamp() -> Any:
    return schemas.validator({"$ref": "#/components/schemas/Timestamp"})


def misread(sent: str, told: Any) -> str | None:
    """Why an answer does not mean the instant that was sent; `None` where it does.

    A fraction may be cut or rounded, and a leap second may come back as the second after it.
    """
    wrong = no_utc(told)
    if wrong:
        return f"{sent!r} was sent, and {wrong}"
    same = equivalent(Kind.INSTANT, sent, told) or is_coarser(told, sent)
    return None if same else f"{sent!r} came back as {told!r}, which is another instant"


def answers(sent: Any) -> list[str]:
    """How an answer may begin that tells this instant."""
    known = instant(sent)
    if known is None:
        return [str(sent)]
    exact = Fraction(f"{known[0]}.{known[1] or 0}")
    units = [Fraction(1, 10**places) for places in range(len(known[1]) + 1)]
    start = datetime.datetime(1, 1, 1)  # noqa: DTZ001 - in UTC, all of it
    found = [str(sent)[:16] + ":60"] if ":60" in str(sent) else []
    # As it is, and with fewer digits, cut or rounded.
    for one in sorted({(exact + shift) // unit * unit for unit in units for shift in (0, unit / 2)}):
        with contextlib.suppress(OverflowError):
            text = (start + datetime.timedelta(seconds=math.floor(one) - 86400)).isoformat()
            digits = f"{float(one % 1):.9f}"[2:].rstrip("0")
            found += [f"{text}.{digits}"] if digits else [f"{text}{zone}" for zone in _WHOLE]
    return found
