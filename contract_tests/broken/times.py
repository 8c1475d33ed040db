"""Servers that misread times, or tell them wrongly."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE, Kind
from signalwire_conferences_testing.mock import MockServer

from .making import BrokenServer, Make, Write, refuses, stores, takes, tells, together

__all__ = ["SERVERS"]

_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}$")
_TIMES = [name for name, known in contract.fields(UPDATE).items() if known.kind is Kind.INSTANT]


def _read(change: Callable[[str], str], method: str = "PUT") -> Make:
    """Both times of a body are read otherwise."""
    return together(*(takes(name, lambda v: change(v) if isinstance(v, str) else v, method) for name in _TIMES))


def _refused(pattern: str) -> Make:
    def wrong(body: Mapping[str, Any]) -> str | None:
        return next((n for n in _TIMES if isinstance(body.get(n), str) and re.search(pattern, body[n])), None)

    return refuses(wrong)


def _turned(text: str) -> str:
    signs = {"+": "-", "-": "+"}
    return _OFFSET.sub(lambda m: signs[m[0][0]] + m[0][1:], text) if "T" in text else text


def _whole_hours(text: str) -> str:
    return re.sub(r"([+-][0-9]{2}):[0-9]{2}$", r"\1:00", text) if "T" in text else text


def _milliseconds(text: str) -> str:
    """A fraction is read as a number of milliseconds."""
    return re.sub(r"\.([0-9]{1,2})(?![0-9])", lambda m: f".{m[1]:0>3}", text)


def _local_midnight(text: str) -> str:
    return f"{text}T00:00:00+01:00" if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text


def _one_for_both(write: Write) -> None:
    if write.body.get("join_from") and write.body.get("join_until"):
        write.after["join_until"] = write.after["join_from"]


def _local_clock(conference: dict[str, Any]) -> None:
    """The clock of the wall, labelled as UTC."""
    for name in ("created_at", "updated_at"):
        told = datetime.datetime.fromisoformat(conference[name]) + datetime.timedelta(hours=2)
        conference[name] = told.isoformat().replace("+00:00", "Z")


def _other_zone(conference: dict[str, Any]) -> None:
    told = datetime.datetime.fromisoformat(conference["updated_at"])
    conference["updated_at"] = told.astimezone(datetime.timezone(datetime.timedelta(hours=2))).isoformat()


def _clock_stands() -> Make:
    first: list[str] = []

    def change(conference: dict[str, Any]) -> None:
        if conference["created_at"].startswith(str(datetime.datetime.now(datetime.UTC).year)):
            first.append(conference["created_at"])
            conference["created_at"] = first[0]

    return tells(change)


def _without_date(server: MockServer) -> None:
    """No answer has a Date header."""
    serve = server.app._serve

    async def dateless(scope: Scope, receive: Receive, send: Any) -> None:
        # uvicorn adds it, below the application.
        cycle = send.__self__
        cycle.default_headers = [pair for pair in cycle.default_headers if pair[0] != b"date"]
        await serve(scope, receive, send)

    server.app._serve = dateless  # type: ignore[method-assign]  # broken on purpose


_B = BrokenServer
SERVERS = [
    _B("before-1970-refused", ("dates/in-utc",), "times before 1970 are refused", _refused("^19[0-6]")),
    _B(
        "after-2037-refused",
        ("dates/of-the-far-past-and-future",),
        "times after 2037 are refused",
        _refused("^(2038|9)"),
    ),
    _B(
        "offset-ignored",
        ("dates/with-a-whole-hour-offset", "dates/sweep"),
        "an offset is cut off",
        _read(lambda v: _OFFSET.sub("Z", v) if "T" in v else v),
    ),
    _B(
        "offset-turned",
        ("dates/with-a-whole-hour-offset",),
        "an offset is counted the other way",
        _read(_turned, "POST"),
    ),
    _B(
        "offset-in-hours",
        ("dates/with-an-offset-of-no-whole-hours",),
        "the minutes of an offset are lost",
        _read(_whole_hours),
    ),
    _B("zero-offset-refused", ("dates/with-an-offset-of-zero",), "-00:00 is refused", _refused("-00:00$")),
    _B("fraction-as-milliseconds", ("dates/with-a-fraction",), ".5 is read as 5 ms", _read(_milliseconds)),
    _B(
        "nanoseconds-refused",
        ("dates/with-nanoseconds",),
        "nine digits of a fraction are refused",
        _refused(r"\.[0-9]{7}"),
    ),
    _B("lower-case-refused", ("dates/with-a-lower-case-t-or-z",), "a lower-case t or z is refused", _refused("[tz]")),
    _B("date-refused", ("dates/of-a-date-only",), "a date alone is refused", _refused("^[0-9-]{10}$")),
    _B("date-is-local", ("dates/of-a-date-only",), "a date means midnight elsewhere", _read(_local_midnight)),
    _B(
        "leap-day-refused",
        ("dates/on-a-29th-of-february",),
        "a 29th of February is refused",
        _refused("^[0-9]{4}-02-29T"),
    ),
    _B("leap-second-refused", ("dates/leap-second",), "a leap second is refused", _refused(":60")),
    _B(
        "leap-second-lost",
        ("dates/leap-second",),
        "a leap second is the second before it",
        _read(lambda v: v.replace(":60", ":59")),
    ),
    _B(
        "leap-second-elsewhere",
        ("dates/open",),
        "a leap second with an offset is taken for UTC",
        _read(lambda v: _OFFSET.sub("Z", v).replace("T01", "T23").replace("T18:29", "T23:59") if ":60" in v else v),
    ),
    _B("one-for-both", ("put/given-values",), "join_until becomes join_from", stores(_one_for_both)),
    _B("local-clock", ("dates/server-clock",), "the server's times are local and say UTC", tells(_local_clock)),
    _B(
        "local-clock-unsaid",
        ("dates/server-clock",),
        "the server's times are local and say UTC, and no Date header tells",
        together(tells(_local_clock), _without_date),
    ),
    _B(
        "created-at-of-the-first",
        ("dates/server-clock",),
        "created_at is the time at which the server started",
        _clock_stands(),
    ),
    _B("other-zone", ("dates/told-in-utc",), "updated_at is told with an offset", tells(_other_zone)),
]
