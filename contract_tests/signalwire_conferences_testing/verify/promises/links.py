"""Promises on what the links of a list carry along."""

from __future__ import annotations

from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.bench import Bench, brief, conference_of, differences
from ..trying.exchange import Exchange
from ..trying.samples import page_sizes
from ..trying.windows import free_window
from .pages import ids_of, page_of
from .promises import Needs, NotExercised, ensure, promise

_SESSION = "active_session"
_ASKED = {"include_active_session": "true"}
_MOST_PAGES = 4


@promise(
    "list/links-keep-session",
    "The links keep include_active_session: where they lead, a session is told of too.",
    needs=Needs.READING,
    order=23,
)
def links_keep_session(bench: Bench) -> None:
    """Every link of the first pages, and the links of where those lead."""
    known = {str(one["id"]) for one in bench.around.with_session[:3]}
    whole = bench.list(**_ASKED, page_size=str(page_sizes()[1]))
    places = [number for number, one in enumerate(ids_of(page_of(whole)[0])) if one in known]
    if not places:
        raise NotExercised("no conference with an active session was found in the list")
    # The page with the session is not the first where that can be had in a few steps.
    size = str(max(1, -(-places[-1] // (_MOST_PAGES - 2))))
    page = bench.list(**_ASKED, page_size=size)
    for _ in range(_MOST_PAGES):
        links = page_of(page)[1]
        for link in (text for text in links.values() if isinstance(text, str)):
            there = bench.api.follow(link)
            _told(bench, known, there, page)
            for name, further in page_of(there, page)[1].items():
                if name in ("first", "prev") and isinstance(further, str):
                    _told(bench, known, bench.api.follow(further), page, there)
        if not isinstance(links.get("next"), str):
            return
        page = bench.api.follow(links["next"])


def _told(bench: Bench, known: set[str], page: Exchange, *before: Exchange) -> None:
    for one in page_of(page, *before)[0]:
        if one.get("id") in known and _SESSION not in one:
            # Unless the session has ended meanwhile.
            again = bench.get(str(one["id"]), **_ASKED)
            ended = _SESSION not in conference_of(again)
            message = "a session is not told of where a link led, though it was asked for at first"
            ensure(ended, message, *before, page, again)


@promise(
    "list/session-flag-only-shows",
    "include_active_session changes nothing of a list but the sessions.",
    order=26,
)
def session_flag_only_shows(bench: Bench) -> None:
    """Those that have no session are there all the same, filtered as without it."""
    free = free_window(bench, 20)
    times, window = {"join_from": free.at(4), "join_until": free.at(5)}, free.bounds
    first, second = bench.new(**times)[1], bench.new(**times)[1]
    made = (first, second, *bench.customised({**samples.custom(UPDATE), **times})[1:])
    plain = bench.list(**window)
    told = {one.get("id"): one for one in page_of(plain)[0]}
    for flag in ("true", "false"):
        exchange = bench.list(**window, include_active_session=flag)
        data = page_of(exchange)[0]
        how = f"a list with include_active_session={flag}"
        same = sorted(map(str, ids_of(data))) == sorted(map(str, told))
        ensure(
            same, f"{how} shows {len(data)} conferences, and without it {len(told)}", *made, plain, exchange
        )
        for one in data:
            changed = differences(told[one["id"]], one)
            ensure(not changed, f"{how} tells otherwise: {brief(changed)}", *made, plain, exchange)
