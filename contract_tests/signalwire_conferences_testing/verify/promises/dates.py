"""Promises on times: every documented form is taken, the instant is kept, the answer is in UTC."""

import datetime
import itertools
from collections.abc import Callable, Iterable
from time import sleep

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE, Kind
from signalwire_conferences.values import instant

from ..trying import instants, samples
from ..trying.bench import Bench, Conference
from ..trying.claims import Claim
from ..trying.exchange import Exchange
from ..trying.findings import Broken, demand
from ..trying.http import http_time, is_loopback
from ..trying.samples import Sort
from .families import kept_by_both
from .promise import Seen, promise, watch
from .state import parts

_CLOCKS_APART = 600  # seconds that the clocks of a server and of what is in front of it may differ
_FIELDS = samples.names(UPDATE, Sort.TIME)


def _check(times: Iterable[str], *question: str) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        conference = bench.new()
        for name, time in itertools.product(_FIELDS, times):
            case = (*question, time) if question else ()
            for told in kept_by_both(bench, conference, {name: time}, *case, read=True):
                given, answered = instant(time), instant(told[name])
                if not question and given and answered and 0 < len(given[1]) <= 3:
                    with bench.case():
                        _note_fraction(bench, told, name, time)

    return check


def _note_fraction(bench: Bench, told: Conference, name: str, sent: str) -> None:
    given = instant(sent) or (0, "")
    kept = instant(told[name]) == given
    how, want = ("is not", told[name]) if kept else ("starts", [sent.rstrip("Z")])
    claim = Claim(told.part(name), how, want)
    reading = "kept" if kept else "cut or rounded"
    bench.reads("fraction-of-a-second", f"{len(given[1])} digits", reading, told.source, claim)


_known = samples.values()["times"]
for _title, _times in _known["forms"].items():
    _id = _title.lower().replace(" ", "-")
    promise(f"dates/{_id}", f"A time {_title} is accepted and kept to the instant.", 15)(_check(_times))

promise("dates/leap-second", "A leap second is accepted; it may come back as the second after it.", 15)(
    _check(_known["leap"])
)
promise("dates/open", "A time that a server may refuse is not misread where it is accepted.", 32)(
    _check(_known["open"], "open-times")
)


@promise("dates/sweep", "Whatever the time and the offset, the instant is kept.", 45)
def sweep(bench: Bench) -> None:
    """Random times around the borders of days, months and years, with random offsets and fractions."""
    conference, choice = bench.new(), bench.rng.choice
    for name in _FIELDS * 30:
        year = choice((1970, 1999, 2000, 2023, 2024, 2038, 2100, bench.rng.randint(1000, 9000)))
        day = choice(("01-01", "12-31", "02-28", "03-01", "06-30", f"{bench.rng.randint(1, 12):02}-15"))
        clock = choice(("00:00:00", "23:59:59", "12:00:00", "00:30:00", "01:02:03", "11:59:59"))
        digits, minutes = choice((0, 0, 1, 2, 3, 6)), choice((0, 60, 330, 345, 210, 1, 720, 839))
        fraction = f".{bench.rng.randrange(10**digits):0{digits}}" if digits else ""
        offset = choice(("Z", f"{choice('+-')}{minutes // 60:02}:{minutes % 60:02}"))
        sent = {name: f"{year:04}-{day}T{clock}{fraction}{offset}"}
        with bench.case():
            bench.kept(bench.replaced(conference, sent), sent)


@promise("dates/server-clock", "created_at and updated_at tell the time at which it happened.", 33)
def server_clock(bench: Bench) -> None:
    first = bench.new()
    told = bench.replaced(first, {})
    created, updated = told.part("created_at"), told.part("updated_at")
    ordered = _seconds(told, "updated_at") >= _seconds(told, "created_at")
    demand("updated_at is before created_at", updated, "at least", created, so=ordered)
    message = "a conference that was never updated has an updated_at other than its created_at by far"
    apart = abs(_seconds(first, "updated_at") - _seconds(first, "created_at"))
    demand(message, first.part("updated_at"), "is", first.part("created_at"), so=apart <= 5)
    second = bench.new()
    if instant(second["created_at"]) == instant(told["created_at"]):
        # The clock of the server may be a coarse one.
        sleep(instants.COARSEST_CLOCK)
        second = bench.new()
    message = "a conference that was created later has the same created_at"
    differ = instant(second["created_at"]) != instant(told["created_at"])
    demand(message, second.part("created_at"), "is not", first.part("created_at"), so=differ)
    now, whose = _clock(bench, told.source)
    for name in ("created_at", "updated_at") if now else ():
        off = abs(_seconds(told, name) - (instant(now) or (0, ""))[0])
        message = f"{name} is {told[name]}, and {whose}"
        demand(message, told.part(name), "starts", [now[:13]], so=off <= _CLOCKS_APART)


def _clock(bench: Bench, answer: Exchange) -> tuple[str, str]:
    """The time of an answer and whose word it is; without a Date, our own if the server is here."""
    said = answer.answer_headers.get("date")
    told = http_time(said)
    if told is not None:
        return instants.text_of(told), f"the answer's Date header says {said}"
    now = instants.text_of(datetime.datetime.now(datetime.UTC)) if is_loopback(bench.api.base_url) else ""
    return now, f"it is {now} on this machine"


def _seconds(told: Conference, name: str) -> int:
    found = instant(told[name])
    if found is None:
        raise Broken(f"{name} is {told[name]!r}, which is no instant", Claim(told.part(name), "is not", told[name]))
    return found[0]


@watch("dates/told-in-utc", "Every time of an answer is RFC 3339 in UTC.")
def _in_utc(exchange: Exchange) -> Seen:
    times = [name for name, kind in contract.KINDS.items() if kind is Kind.INSTANT]
    found = [part for name in times for part in parts(exchange, name)]
    for part in found:
        wrong = instants.no_utc(part.value) if part.value is not None else None
        if wrong:
            local = isinstance(part.value, str) and not part.value.endswith("Z")
            how, want = ("mentions", "z") if local else ("is not", part.value)
            return f"{part.path[-1]}: {wrong}", Claim(part, how, want)
    return "" if found else None
