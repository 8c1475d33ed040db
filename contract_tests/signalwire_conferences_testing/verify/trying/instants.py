"""Times: forms that a body may hold, what is none, and whether an answer means the instant sent."""

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

#: A few valid ones, for where the form is not the point: all of the first are before all of the second.
STARTS = (
    *("1999-12-31T23:59:59Z", "2024-02-29T12:00:00+05:30", "2021-07-01", "2019-10-11T12:13:14.5Z"),
    "2001-03-04T05:06:07Z",
)
ENDS = (
    *("2031-03-04T05:06:07Z", "2044-02-29T12:00:00+05:30", "2042-07-01", "2033-10-11T12:13:14.5Z"),
    "2099-12-31T23:59:59Z",
)

#: Every documented form, by what is special about it.
FORMS: dict[str, tuple[str, ...]] = {
    "in UTC": (*("2022-01-01T00:00:00Z", "2022-12-31T23:59:59Z", "1969-12-31T23:59:59Z"), "1900-01-01T00:00:00Z"),
    "of the far past and future": ("0001-01-02T00:00:00Z", "9999-12-30T23:59:59Z", "2038-01-19T03:14:08Z"),
    "with a whole-hour offset": (
        *("2022-01-01T01:30:00+02:00", "2022-06-30T20:15:00-07:00", "2022-12-31T23:00:00-01:00"),
        *("2024-03-01T00:30:00+01:00", "2022-07-01T12:00:00+14:00", "2022-07-01T12:00:00-12:00"),
    ),
    "with an offset of no whole hours": (
        *("2022-01-01T00:00:00+05:30", "2022-01-01T00:00:00-03:30", "2022-01-01T00:00:00+05:45"),
        *("2022-01-01T00:00:00-00:30", "2022-01-01T00:00:00+00:01", "2022-01-01T12:00:00+23:59"),
        "2022-01-01T12:00:00-23:59",
    ),
    "with an offset of zero": ("2022-01-01T10:00:00+00:00", "2022-01-01T10:00:00-00:00"),
    "with a fraction": (
        *("2022-01-01T10:00:00.5Z", "2022-01-01T10:00:00.05Z", "2022-01-01T10:00:00.25+02:00"),
        *("2022-01-01T10:00:00.123Z", "2022-01-01T10:00:00.000001Z", "2022-01-01T10:00:00.999Z"),
        *("2022-01-01T23:59:59.999999Z", "2022-01-01T10:00:00.1234Z"),
    ),
    "with nanoseconds": (
        *("2022-01-01T10:00:00.123456789Z", "2022-01-01T10:00:00.000000001Z"),
        "2022-01-01T10:00:00.999999999Z",
    ),
    "with a lower-case t or z": (
        *("2022-01-01t10:00:00z", "2022-01-01T10:00:00z", "2022-01-01t10:00:00Z"),
        "2022-01-01t10:00:00+01:00",
    ),
    "of a date only": ("2022-01-01", "2022-12-31", "2024-02-29", "1970-01-01", "2022-07-15", "2000-02-29"),
    "on a 29th of February": ("2024-02-29T00:00:00Z", "2000-02-29T23:59:59Z", "2024-02-29T23:30:00-02:00"),
}

#: Leap seconds that there were; a server may take only these.
LEAP = ("2016-12-31T23:59:60Z", "2015-06-30T23:59:60Z")

#: May be refused, may not be misread.
OPEN = (
    "2022-01-01T23:59:60Z",
    "2017-01-01T01:59:60+02:00",
    "2016-12-31T18:29:60-05:30",
    "2016-12-31T23:59:60.5Z",
    "0000-02-29T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00Z",
)

#: What is no time, or none that RFC 3339 knows.
NONE = (
    *("", " ", "tomorrow", "now", "2022", "2022-01", "2022-13-01", "2022-00-10", "2022-01-00"),
    *("2022-01-32", "2022-02-30", "2022-02-29", "1900-02-29", "2022-04-31T00:00:00Z"),
    *("2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2022-01-01T00:00:00", "2022-01-01T24:00:00Z"),
    *("2022-01-01T25:00:00Z", "2022-01-01T00:60:00Z", "2022-01-01T00:00:61Z", "2022-01-01 00:00:00Z"),
    *("2022-01-01T00:00Z", "2022-01-01T00Z", "2022-01-01T", "2022-01-01Z", "2022-01-01T00:00:00.Z"),
    *("2022-01-01T00:00:00,5Z", "2022-01-01T00:00:00+0200", "2022-01-01T00:00:00+02"),
    *("2022-01-01T00:00:00+2:00", "2022-01-01T00:00:00+24:00", "2022-01-01T00:00:00+02:60"),
    *("2022-01-01T00:00:00 Z", "2022-01-01T00:00:00UTC", "2022-01-01T00:00:00ZZ"),
    *("2022-01-01T00:00:00Z\n", "2022-01-01T00:00:00Z ", " 2022-01-01T00:00:00Z", "2022-01-01\n"),
    *(" 2022-01-01", "2022-1-1", "2022-1-1T0:0:0Z", "20220101", "20220101T000000Z", "2022-001"),
    *("2022-W01-1", "2022/01/01", "01/02/2022", "01-02-2022", "22-01-01", "+2022-01-01", "-2022-01-01"),
    *("12022-01-01", "Sat, 01 Jan 2022 00:00:00 GMT", "January 1, 2022", "1640995200", 1640995200),
    *(1640995200.0, "\uff12\uff10\uff12\uff12-\uff10\uff11-\uff10\uff11"),
    *("\u0662\u0660\u0662\u0662-\u0660\u0661-\u0660\u0661T00:00:00Z", "00:00:00Z", "T00:00:00Z"),
    *("2022-01-01T00:00:00[UTC]", "2022-01-01T00:00:00Z[Europe/Berlin]"),
    "2022-01-01T00:00:00Z/2022-01-02T00:00:00Z",
)

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
