"""Times as the server sends them: RFC 3339 in UTC, exact to the last digit of a fraction.

Python's date-times have no leap seconds, no nanoseconds and no year 0, so they are not used for
values from outside.
"""

from __future__ import annotations

import datetime
import functools
import re
import time

from signalwire_conferences.values import instant

__all__ = ["Instant", "from_unix", "later", "normalised", "shortened"]

#: Seconds since the start of the day of the year 0 before the year 1, and the fraction's digits
#: without trailing zeros; sorts as time does.
Instant = tuple[int, str]

_DAY = 86400
_MICRO = 1_000_000
_EPOCH = datetime.date(1970, 1, 1).toordinal() * _DAY
_UNIX_TIME = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_OWN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_CYCLE = datetime.date(400, 12, 31).toordinal()  # days after which the calendar repeats
_FIRST, _LAST = 1 - 366, datetime.date.max.toordinal()  # from the start of the leap year 0
_UNIX = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]+))?")


@functools.lru_cache(1024)
def normalised(text: str) -> str:
    """An RFC 3339 date-time or date, valid by the contract, as the same instant in UTC with `Z`.

    A leap second stays one.

    Raises:
        ValueError: it is not a time, or in UTC it is outside the years 0000 to 9999.
    """
    found = instant(text)
    if found is None:
        raise ValueError("is no RFC 3339 date-time or date")
    # `instant` counts a leap second as the second after it.
    leap = text[17:19] == "60"
    return _rendered(found[0] - leap, found[1], leap)


def shortened(text: str, digits: int, *, rounded: bool) -> str:
    """A normalised time with at most so many digits of a fraction, the rest cut off or rounded.

    Raises:
        ValueError: it is not a time, or it would be rounded up into the year 10000.
    """
    found = instant(text)
    if found is None:
        raise ValueError("is no RFC 3339 date-time or date")
    fraction = found[1][:digits]
    up = 0
    if rounded and found[1][digits : digits + 1] >= "5":
        up, kept = divmod(int(fraction or 0) + 1, 10**digits)
        fraction = f"{kept:0{digits}}" if digits else ""
    leap = text[17:19] == "60"
    return _rendered(found[0] - leap + up, fraction.rstrip("0"), leap and not up)


def from_unix(text: str) -> Instant | None:
    """The instant of a Unix timestamp in seconds, whole or decimal; `None` if it is not one."""
    match = _UNIX.fullmatch(text)
    if match is None:
        return None
    seconds, fraction = int(match[2]), (match[3] or "").rstrip("0")
    if match[1]:
        # The digits of a fraction count upwards from the whole second below.
        seconds = -seconds - bool(fraction)
        if fraction:
            fraction = f"{10 ** len(fraction) - int(fraction):0{len(fraction)}}"
    return _EPOCH + seconds, fraction


def later(previous: object = None) -> str:
    """The present time in UTC, in microseconds; always later than `previous`, even if the clock is not."""
    micros = time.time_ns() // 1000
    now = (_UNIX_TIME + datetime.timedelta(microseconds=micros)).isoformat(timespec="microseconds")[:26] + "Z"
    if isinstance(previous, str) and _OWN.fullmatch(previous) and previous < now:
        return now  # the usual case, which needs no arithmetic
    known = instant(previous)
    if known is None:
        return now
    after = known[0] * _MICRO + int(known[1][:6].ljust(6, "0")) + 1
    seconds, micro = divmod(max(_EPOCH * _MICRO + micros, after), _MICRO)
    return _rendered(seconds, f"{micro:06}", leap=False)


def _rendered(seconds: int, fraction: str, leap: bool) -> str:
    days, second = divmod(seconds, _DAY)
    if not _FIRST <= days <= _LAST:
        raise ValueError("is outside the years 0000 to 9999 in UTC")
    cycle = 0 if days > 0 else 400
    date = datetime.date.fromordinal(days + (_CYCLE if cycle else 0))
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60 + leap:02}"
    point = f".{fraction}" if fraction else ""
    return f"{date.year - cycle:04}-{date.month:02}-{date.day:02}T{clock}{point}Z"
