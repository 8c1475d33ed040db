"""Promises on times: every documented form is taken, the instant is kept, the answer is in UTC."""

from __future__ import annotations

import datetime
import email.utils
import ipaddress
from collections.abc import Callable, Iterable
from time import sleep
from urllib.parse import urlsplit

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences.values import instant

from ..trying import instants, samples
from ..trying.bench import Bench, as_sent, conference_of
from ..trying.exchange import Exchange
from ..trying.samples import Sort
from .promises import Broken, ensure, promise
from .status_codes import expect

_COARSEST_CLOCK = 1.1  # seconds
_CLOCKS_APART = 600  # seconds that the clocks of a server and of what is in front of it may differ


def _fields(schema: str) -> list[str]:
    return [name for name in contract.fields(schema) if samples.sort(schema, name) is Sort.TIME]


def _check(times: Iterable[str], *, may_refuse: bool = False) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        conference, made = bench.new()
        for name in _fields(UPDATE):
            for time in times:
                sent = {"display_name": bench.own.display_name, name: time}
                put = bench.put(conference["id"], sent)
                if may_refuse and put.status == 422:
                    continue
                _kept(put, name, time, made)
                _kept(bench.get(conference["id"]), name, time, made, put)
        for name in _fields(CREATE):
            for time in times:
                created = bench.post(bench.body(**{name: time}))
                if not (may_refuse and created.status == 422):
                    _kept(created, name, time)
                    _kept(bench.get(created.value["id"]), name, time, created)

    return check


def _kept(exchange: Exchange, name: str, sent: str, *before: Exchange) -> None:
    told = conference_of(exchange, *before)
    wrong = as_sent(name, sent, told[name])
    ensure(not wrong, f"{wrong}", *before, exchange)


for _title, _times in instants.FORMS.items():
    _id = _title.lower().replace(" ", "-")
    promise(f"dates/{_id}", f"A time {_title} is accepted and kept to the instant.", order=15)(_check(_times))

promise("dates/leap-second", "A leap second is accepted; it may come back as the second after it.", order=15)(
    _check(instants.LEAP)
)
promise("dates/open", "A time that a server may refuse is not misread where it is accepted.", order=32)(
    _check(instants.OPEN, may_refuse=True)
)


@promise("dates/sweep", "Whatever the time and the offset, the instant is kept.", order=45)
def sweep(bench: Bench) -> None:
    """Random times around the borders of days, months and years, with random offsets and fractions."""
    conference, made = bench.new()
    for _ in range(60):
        year = bench.rng.choice((1970, 1999, 2000, 2023, 2024, 2038, 2100, bench.rng.randint(1000, 9000)))
        month, day = bench.rng.choice(
            ((1, 1), (12, 31), (2, 28), (3, 1), (6, 30), (bench.rng.randint(1, 12), 15))
        )
        clock = bench.rng.choice(("00:00:00", "23:59:59", "12:00:00", "00:30:00", "01:02:03", "11:59:59"))
        digits = bench.rng.choice((0, 0, 1, 2, 3, 6))
        fraction = f".{bench.rng.randrange(10**digits):0{digits}}" if digits else ""
        sign, minutes = bench.rng.choice("+-"), bench.rng.choice((0, 60, 330, 345, 210, 1, 720, 839))
        offset = bench.rng.choice(("Z", f"{sign}{minutes // 60:02}:{minutes % 60:02}"))
        time = f"{year:04}-{month:02}-{day:02}T{clock}{fraction}{offset}"
        sent = dict.fromkeys(_fields(UPDATE), time)
        put = bench.put(conference["id"], {"display_name": bench.own.display_name, **sent})
        for name in sent:
            _kept(put, name, time, made)


@promise("dates/each-its-own", "The two ends of the window are kept apart.", order=16)
def each_its_own(bench: Bench) -> None:
    conference, made = bench.new()
    one, other = "2031-05-06T07:08:09Z", "2032-06-07T08:09:10+02:00"
    first, second = _fields(UPDATE)
    for sent in ({first: one, second: other}, {first: other, second: one}):
        put = bench.put(conference["id"], {"display_name": bench.own.display_name, **sent})
        for name, time in sent.items():
            _kept(put, name, time, made)


@promise("dates/date-is-midnight", "A date means its midnight in UTC.", order=15)
def date_is_midnight(bench: Bench) -> None:
    conference, made = bench.new()
    for name in _fields(UPDATE):
        for date in ("2022-01-01", "2022-07-15", "2024-02-29"):
            put = bench.put(conference["id"], {"display_name": bench.own.display_name, name: date})
            told = conference_of(put, made)[name]
            message = f"{name}: {date!r} means {date}T00:00:00Z, and came back as {told!r}"
            ensure(instant(told) == instant(f"{date}T00:00:00Z"), message, made, put)


@promise("dates/unusable", "A time that is none is a 422, also beside one that is valid.", order=28)
def unusable(bench: Bench) -> None:
    conference, made = bench.new()
    first, second = _fields(UPDATE)
    for good, bad in ((first, second), (second, first)):
        for value in ("2022-02-30", "2022-01-01T00:00:00", "soon"):
            body = {"display_name": bench.own.display_name, good: "2022-01-01", bad: value}
            expect(bench.put(conference["id"], body), 422, because=f"{bad}: {value!r}", before=(made,))
            created = bench.post(bench.body(**{good: "2022-01-01", bad: value}))
            expect(created, 422, because=f"{bad}: {value!r}")


@promise("dates/server-clock", "created_at and updated_at tell the time at which it happened.", order=33)
def server_clock(bench: Bench) -> None:
    conference, made = bench.new()
    put = bench.put(conference["id"], {"display_name": bench.own.display_name})
    told = conference_of(put, made)
    created, updated = instant(told["created_at"]), instant(told["updated_at"])
    if created is None or updated is None:
        raise Broken("created_at or updated_at is no instant", made, put)
    ensure(updated >= created, "updated_at is before created_at", made, put)
    first = conference_of(made)
    message = "a conference that was never updated has an updated_at other than its created_at by far"
    ensure(abs(_seconds(first["updated_at"]) - _seconds(first["created_at"])) <= 5, message, made)
    second, made_second = bench.new()
    if instant(second["created_at"]) == created:
        # The clock of the server may be a coarse one.
        sleep(_COARSEST_CLOCK)
        second, made_second = bench.new()
    message = "a conference that was created later has the same created_at"
    ensure(instant(second["created_at"]) != created, message, made, made_second)
    clock, whose = _clock(bench, put)
    for name, when in (("created_at", created), ("updated_at", updated)):
        off = abs(when[0] - clock) if clock is not None else 0
        ensure(off <= _CLOCKS_APART, f"{name} is {told[name]}, and {whose}", made, put)


def _clock(bench: Bench, answer: Exchange) -> tuple[int | None, str]:
    """The time of an answer and whose word it is; without a Date, our own if the server is here."""
    said = answer.answer_headers.get("date")
    try:
        clock = email.utils.parsedate_to_datetime(said or "")
    except ValueError:
        if not _is_here(urlsplit(bench.api.base_url).hostname or ""):
            return None, ""
        now = instants.text_of(datetime.datetime.now(datetime.UTC))
        return _seconds(now), f"it is {now} on this machine"
    aware = clock if clock.tzinfo else clock.replace(tzinfo=datetime.UTC)
    return _seconds(instants.text_of(aware)), f"the answer's Date header says {said}"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _seconds(told: object) -> int:
    found = instant(told)
    if found is None:
        raise Broken(f"{told!r} is no instant")
    return found[0]
