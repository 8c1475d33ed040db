"""Promises on the filters of a list."""

from __future__ import annotations

from signalwire_conferences.values import instant

from ..trying import instants
from ..trying.bench import Bench, brief, conference_of, differences
from ..trying.samples import page_sizes
from .pages import all_ids, page_of
from .promises import NotExercised, ensure, promise

_MOST_UNFILTERED = 20  # pages


@promise("list/starts-after", "starts_after leaves out what starts before it, and only that.", order=20)
def starts_after(bench: Bench) -> None:
    _filter(bench, "starts_after", "join_from", 1)


@promise("list/ends-before", "ends_before leaves out what ends after it, and only that.", order=20)
def ends_before(bench: Bench) -> None:
    _filter(bench, "ends_before", "join_until", -1)


def _filter(bench: Bench, name: str, field: str, sign: int) -> None:
    """A bound before, at and after the time of a conference, in every form."""
    # There are few conferences beyond these. A Unix timestamp begins with 1970.
    for first, last in ((3000, 3999),) if sign > 0 else ((1000, 1899), (1971, 1989)):
        at = f"{bench.own.rng.randint(first, last)}-06-15T12:00:00Z"
        _filter_at(bench, name, field, sign, at)


def _filter_at(bench: Bench, name: str, field: str, sign: int, at: str) -> None:
    # The other end lies where it would give the opposite answer, if it were looked at.
    other = "join_until" if field == "join_from" else "join_from"
    conference, made = bench.new(**{field: at, other: instants.moved(at, -sign * 86400 * 90)})
    for seconds in (-86400 * 40, -3600, -1, 0, 1, 3600, 86400 * 40):
        # On the side of `sign`, the bound lies beyond the time of the conference.
        wanted = sign * seconds <= 0
        moment = instants.moved(at, seconds)
        forms = [moment, moment.replace("Z", "+00:00")]
        if moment >= "1970":
            forms.append(instants.unix_of(moment))
        if abs(seconds) <= 3600:
            forms += [_with_offset(moment, 2), _with_offset(moment, -5)]
        for form in forms:
            exchange = bench.list(**{name: form, "page_size": str(page_sizes()[1])})
            found = conference["id"] in all_ids(bench, exchange)
            how = "is left out" if wanted else "is shown"
            message = f"{name}={form}: a conference with {field} {at} {how}"
            ensure(found is wanted, message, made, exchange)


def _with_offset(moment: str, hours: int) -> str:
    local = instants.moved(moment, hours * 3600).removesuffix("Z")
    return f"{local}{'-' if hours < 0 else '+'}{abs(hours):02}:00"


@promise("list/both-filters", "Both filters together leave out what either leaves out.", order=25)
def both_filters(bench: Bench) -> None:
    year = bench.own.rng.randint(5000, 5999)
    spans = {"early": ("02", "05"), "inside": ("04", "06"), "late": ("05", "09"), "around": ("01", "12")}
    made = {
        name: bench.new(join_from=f"{year}-{start}-01T00:00:00Z", join_until=f"{year}-{end}-01T00:00:00Z")
        for name, (start, end) in spans.items()
    }
    exchange = bench.list(starts_after=f"{year}-03-01T00:00:00Z", ends_before=f"{year}-07-01T00:00:00Z")
    found = list(all_ids(bench, exchange))
    for name, (conference, maker) in made.items():
        wanted = name == "inside"
        message = f"a conference from {conference['join_from']} to {conference['join_until']}"
        ensure(
            (conference["id"] in found) is wanted,
            f"{message} {'is left out' if wanted else 'is shown'}",
            maker,
            exchange,
        )


@promise("list/filter-follows-put", "Filters heed what a PUT changed.", order=26)
def filter_follows_put(bench: Bench) -> None:
    year = bench.own.rng.randint(6000, 6999)
    times = {"join_from": f"{year}-05-01T00:00:00Z", "join_until": f"{year}-05-02T00:00:00Z"}
    bounds = {"starts_after": f"{year}-04-01T00:00:00Z", "ends_before": f"{year}-06-01T00:00:00Z"}
    conference, made = bench.new()
    for body, wanted in (
        (times, True),
        ({"join_from": "2001-01-01", "join_until": "2001-01-02"}, False),
        (times, True),
    ):
        put = bench.put(conference["id"], {"display_name": bench.own.display_name, **body})
        conference_of(put, made)
        exchange = bench.list(**bounds)
        found = conference["id"] in all_ids(bench, exchange)
        ensure(
            found is wanted, f"after the PUT it is {'left out' if wanted else 'shown'}", made, put, exchange
        )


@promise(
    "list/without-times",
    "A conference without times is in the list, and passes no filter.",
    order=35,
)
def without_times(bench: Bench) -> None:
    """Nothing is at, before or after a time that is not there."""
    conference, made = bench.new()
    size = str(page_sizes()[1])
    for name, bound in (("starts_after", "9998-01-01T00:00:00Z"), ("ends_before", "0002-01-01T00:00:00Z")):
        exchange = bench.list(**{name: bound, "page_size": size})
        shown = conference["id"] in all_ids(bench, exchange)
        ensure(not shown, f"{name} shows a conference without that time", made, exchange)
    exchange = bench.list(page_size=size)
    # No filter makes this list shorter, so a long one is not read to its end.
    there = conference["id"] in all_ids(bench, exchange, _MOST_UNFILTERED)
    ensure(there, "a conference without times is not in the list", made, exchange)
    told = bench.read(conference["id"])
    listed = next((one for one in page_of(exchange)[0] if one.get("id") == told["id"]), None)
    changed = differences(told, listed) if listed else {}
    ensure(not changed, f"a list tells otherwise than GET: {brief(changed)}", made, exchange)


@promise("list/fractions", "Filters heed a fraction of a second, where the server keeps one.", order=36)
def fractions(bench: Bench) -> None:
    year = bench.own.rng.randint(7000, 7499)
    at = f"{year}-06-15T12:00:00.500Z"
    conference, made = bench.new(join_from=at, join_until=at)
    told = conference["join_from"], conference["join_until"]
    if any(instant(one) != instant(at) for one in told):
        raise NotExercised("the server cuts fractions, which it may")
    window = {"starts_after": f"{year}-06-15T12:00:00Z", "ends_before": f"{year}-06-15T12:00:01Z"}
    for name, digits, wanted in (
        ("starts_after", "250", True),
        ("starts_after", "750", False),
        ("ends_before", "250", False),
        ("ends_before", "750", True),
    ):
        bound = f"{year}-06-15T12:00:00.{digits}Z"
        exchange = bench.list(**{**window, name: bound})
        found = conference["id"] in all_ids(bench, exchange)
        how = "left out" if wanted else "shown"
        ensure(found is wanted, f"{name}={bound}: a conference with {at} is {how}", made, exchange)
