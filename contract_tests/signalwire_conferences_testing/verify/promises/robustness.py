"""Promises on requests that nobody sends by intention: answered, with no 5xx."""

from __future__ import annotations

from ..trying.bench import Bench
from ..trying.exchange import Exchange
from .promises import Needs, ensure, promise

_LONG = "x" * 100_000


def _answered(exchange: Exchange, *before: Exchange) -> None:
    ensure(exchange.status < 500, f"the server failed with {exchange.status}", *before, exchange)


@promise(
    "status/no-failure-reading",
    "Whatever is asked for, the server does not fail.",
    needs=Needs.READING,
    order=27,
)
def no_failure_reading(bench: Bench) -> None:
    with bench.api.unusual():
        _no_failure_reading(bench)


def _no_failure_reading(bench: Bench) -> None:
    times = [
        *("", "0", "-1", "9" * 30, "1e400", "NaN", "inf", "2022-01-01", "2022-01-01T23:59:60Z", "\u0663"),
        *("\u0000", "-", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z", "1640995200.5"),
        *("253402300800", "-62135596801", "x" * 2000),
    ]
    for name in ("starts_after", "ends_before"):
        for value in times:
            _answered(bench.list(**{name: value, "page_size": "1"}))
    for name in ("page_size", "page_number", "page_token", "include_active_session"):
        for value in (
            "",
            " ",
            "9" * 30,
            "-" + "9" * 30,
            "1e5",
            "0x10",
            "null",
            "[]",
            "é",
            "\u0000",
            "%",
            "true",
            "x" * 2000,
        ):
            _answered(bench.list(**{name: value}))
    for token in ("PAb3877c40da604998", "PA", "=", "////", "PA" + "A" * 100):
        for number in ("0", "1", "5"):
            _answered(bench.list(page_token=token, page_number=number))
    for one in ("%00", "é", "x" * 2000, "a b", "{id}", "\u0000", "$(id)", "1;2", "🎥"):
        _answered(bench.get(one))
    _answered(bench.get(bench.unknown_id(), unknown="x", include_active_session=""))


@promise("status/no-failure-writing", "Whatever is sent, the server does not fail.", order=28)
def no_failure_writing(bench: Bench) -> None:
    conference, made = bench.new()
    with bench.api.unusual():
        _no_failure_writing(bench, conference["id"], made)
    bench.read(conference["id"], made)


def _no_failure_writing(bench: Bench, conference_id: str, made: Exchange) -> None:
    bodies = (
        b"\xff\xfe{}",
        b'{"display_name": "\xff"}',
        b'{"display_name": "\\ud800"}',
        b'{"display_name": "\\udc00\\ud800"}',
        b'{"\\ud800": 1, "display_name": "x"}',
        b'{"display_name": "x", "display_name": 1}',
        b"\xef\xbb\xbf" + b'{"display_name": "x"}',
        b'{"display_name": NaN}',
        b'{"display_name": 1e400}',
        b'{"display_name": ' + b"9" * 5000 + b"}",
        b'{"display_name": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        b"[" * 5000 + b"]" * 5000,
        b'{"display_name": {"a": ' * 500 + b"1" + b"}}" * 500,
        b'{"display_name": "x", "description": "' + _LONG.encode() + b'"}',
        b'{"display_name": "x", "layout": ["grid-responsive"]}',
        b'{"display_name": "x", "quality": {}}',
        b'{"display_name": "x", "join_from": 1e30}',
        b'{"display_name": "x", "join_from": -9223372036854775809}',
        b'{"display_name": "x", "join_from": "0000-01-01T00:00:00+23:59"}',
        b'{"display_name": "x", "join_until": "9999-12-31T23:59:59-23:59"}',
        b'{"display_name": "x", "join_until": "2022-01-01T12:00:60Z"}',
        b'{"display_name": "x", "dark_primary": []}',
        b'{"display_name": [1], "name": {"a": 1}, "enable_chat": [], "size": false}',
        '{"display_name": "x"}'.encode("utf-16"),
        '{"display_name": "x"}'.encode("utf-32-le"),
        b"\x00",
        b'"',
        b"-",
    )
    marked = f'"display_name": "{bench.own.display_name}"'.encode()
    for plain in bodies:
        content = plain.replace(b'"display_name": "x"', marked)
        _answered(bench.post(content=content))
        _answered(bench.put(conference_id, content=content), made)
    for media in ("", "application", "application/", ";", "application/json; charset=nonsense", "*/*"):
        headers = {"Content-Type": media}
        _answered(bench.put(conference_id, {"display_name": "x"}, headers=headers), made)
    for one in ("nonsense", "x" * 2000, "é", "a b"):
        _answered(bench.put(one, {"display_name": "x"}))
        _answered(bench.delete(one))
    _answered(bench.delete(bench.unknown_id(), content=b"{"))
    _answered(bench.post(bench.body(name="x" * 10_000)))
