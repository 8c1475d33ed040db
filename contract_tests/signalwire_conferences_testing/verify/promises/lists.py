"""Promises on lists: pages, the links between them, and filters.

A window in the far future finds the conferences of this run among however many others there are.
"""

from collections.abc import Iterable, Iterator

import httpx

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE
from signalwire_conferences.values import instant

from ..trying import instants, samples
from ..trying.bench import ASKED, SESSION, Bench
from ..trying.claims import count, ids
from ..trying.findings import NotExercised, demand
from ..trying.pages import Page, PagedWindow, free_window, page_showing
from ..trying.samples import page_sizes
from .promise import Needs, promise

_MOST_UNFILTERED = 20  # pages
_MOST_WITH_SESSION = 4  # pages
_LARGEST = {"page_size": str(page_sizes()[1])}


@promise("list/pages", "Following the links shows each conference once, on full pages of the size asked for.", 20)
def pages(bench: Bench) -> None:
    window = PagedWindow(bench, 6)
    for size in (1, 2, 3, 4, 5, 6, 7):
        first = window.page(page_size=str(size))
        what, link = f"6 conferences, page_size={size}, and", first.link("next")
        with bench.case():
            first.demand(f"{what} a page of {len(first.ids)}", count(first.exchange), "is", min(size, 6))
            how, wrong = ("is not", "no") if size < 6 else ("is", "a")
            first.demand(f"{what} {wrong} link next", link, how, None)
        with bench.case():
            walked = list(first.walk())
            for page in walked:
                shown = count(page.exchange)
                page.demand(f"page_size={size}, and a page of {len(page.ids)}", shown, "at most", size)
                message = "a link next leads to an empty page, and is to be there only where there is a next page"
                page.demand(message, shown, "at least", 0 if page is first else 1)
            window.all_there(f"pages of {size}", *walked)


@promise(
    "list/way-back", "prev leads back the way that next led, first to the first page, self to the same, each time.", 22
)
def way_back(bench: Bench) -> None:
    first = PagedWindow(bench, 7).page(page_size="3")
    forth = list(first.walk())
    message, third = f"7 conferences in pages of 3 are 3 pages, not {len(forth)}", forth[:3][-1].link("next")
    first.demand(message, third, "is" if len(forth) > 3 else "is not", None, so=len(forth) == 3)
    first.demand("the first page has a link prev", first.link("prev"), "is", None)
    forth[-1].demand("the last page has no link prev", forth[-1].link("prev"), "is not", None)
    back = list(forth[-1].walk("prev"))
    for page, there in zip((first.follow("next"), *back), (forth[1], *reversed(forth)), strict=False):
        page.same(there, "the links prev or next followed again, lead to other pages than next led to")
    message = "the links prev lead back further than the first page"
    first.demand(message, forth[-1].link("prev"), "is", None, so=len(back) == 3)
    for number, page in enumerate(forth):
        for name, wanted in (("first", first), ("self", page)):
            page.demand(f"a page without the link {name}", page.link(name), "is not", None)
            page.follow(name).same(wanted, f"the link {name} of page {number} leads elsewhere")


@promise("list/links-keep-query", "The links keep the filters, the page size and include_active_session.", 19)
def links_keep_query(bench: Bench) -> None:
    window = PagedWindow(bench, 5)
    for page in window.page(page_size="2", **ASKED).walk():
        for name, link in page.links.items():
            with bench.case():
                there = page.follow(name)  # first: what is not a URL is found here
                told = httpx.QueryParams(str(link).partition("?")[2]).get("include_active_session", "true")
                message = f"the link {name} says include_active_session={told}"
                demand(message, page.link(name), "is not", link, so=told == "true")
                message = f"page_size=2, and the link {name} leads to a page of {len(there.ids)}"
                there.demand(message, count(there.exchange), "at most", 2)


@promise("list/default-size", "Without page_size, a page has the documented number of conferences.", 34)
def default_size(bench: Bench) -> None:
    """And with the largest page size that is allowed, all that there are."""
    size = int(contract.fields("list_video_conferences")["page_size"].default)
    window = PagedWindow(bench, size + 55)
    first = window.page()
    message = f"{len(window.ids)} conferences, no page_size, and a page of {len(first.ids)} instead of {size}"
    with bench.case():
        first.demand(message, count(first.exchange), "is", size)
        first.demand("a full page, and no link next", first.link("next"), "is not", None)
        window.all_there("pages", *first.walk())
    with bench.case():
        window.all_there("one page of the largest size", window.page(**_LARGEST))
    hundred = window.page(page_size="100")
    hundred.demand("page_size=100, and a page of another size", count(hundred.exchange), "is", 100)


@promise("list/walk", "The whole list can be read page by page.", 36, Needs.READING)
def walk(bench: Bench) -> None:
    page, found = Page(bench, bench.list(page_size="2")), set[str]()
    for _ in range(4):
        page.demand(f"page_size=2, and a page of {len(page.ids)}", count(page.exchange), "at most", 2)
        page.demand("a conference comes twice", ids(page.exchange), "lacks", sorted(found))
        found |= set(map(str, page.ids))
        if "next" not in page.links:
            break
        page = page.follow("next")


@promise(
    *("list/links-keep-session", "The links keep include_active_session: where they lead, a session is told of too."),
    *(23, Needs.READING),
)
def links_keep_session(bench: Bench) -> None:
    """Every link of the first pages, and the links of where those lead."""
    known = {str(one["id"]) for one in bench.around.with_session[:3]}
    whole = Page(bench, bench.list(**ASKED, **_LARGEST))
    places = [number for number, one in enumerate(whole.ids) if one in known]
    if not places:
        raise NotExercised("no conference with an active session was found in the list")
    # The page with the session is not the first where that can be had in a few steps.
    size = str(max(1, -(-places[-1] // (_MOST_WITH_SESSION - 2))))
    page = Page(bench, bench.list(**ASKED, page_size=size))
    for _ in range(_MOST_WITH_SESSION):
        for there in _linked(page, *page.links):
            for shown in (there, *_linked(there, "first", "prev")):
                _session_told(bench, known, shown)
        if not isinstance(page.links.get("next"), str):
            return
        page = page.follow("next")


def _linked(page: Page, *names: str) -> Iterator[Page]:
    return (page.follow(name) for name in names if isinstance(page.links.get(name), str))


def _session_told(bench: Bench, known: set[str], page: Page) -> None:
    for one in page.data:
        if one["id"] in known and SESSION not in one:
            # Unless the session has ended meanwhile.
            ended = SESSION not in bench.read(str(one["id"]), **ASKED)
            message = "a session is not told of where a link led, though it was asked for at first"
            demand(message, one.part(SESSION), "is not", None, so=ended)


@promise("list/session-flag-only-shows", "include_active_session changes nothing of a list but the sessions.", 26)
def session_flag_only_shows(bench: Bench) -> None:
    """Those that have no session are there all the same, filtered as without it."""
    free = free_window(bench, 20)
    custom = bench.customised({**samples.custom(UPDATE), **free.inside})
    evidence = [one.source for one in (custom, bench.new(**free.inside), bench.new(**free.inside))]
    plain = Page(bench, bench.list(**free.bounds))
    told = {one["id"]: one for one in plain.data}
    for flag in ("true", "false"):
        page = Page(bench, bench.list(**free.bounds, include_active_session=flag), evidence)
        how = f"a list with include_active_session={flag}"
        page.same(plain, f"{how} shows {len(page.data)} conferences, and without it {len(told)}")
        for one in page.data:
            bench.equal(told[one["id"]], one, f"{how} tells otherwise", *evidence)


@promise("list/starts-after", "starts_after leaves out what starts before it, and only that.", 19)
def starts_after(bench: Bench) -> None:
    _filter(bench, "starts_after", ("join_from", "join_until"), 1, (3000, 3999))


@promise("list/ends-before", "ends_before leaves out what ends after it, and only that.", 19)
def ends_before(bench: Bench) -> None:
    _filter(bench, "ends_before", ("join_until", "join_from"), -1, (1000, 1899), (1971, 1989))


def _filter(bench: Bench, name: str, fields: tuple[str, str], sign: int, *years: tuple[int, int]) -> None:
    """A bound before, at and after the time of a conference, in every form.

    On the side of `sign`, a bound leaves it out. In `years` there are few others; a Unix timestamp begins with 1970.
    """
    for first, last in years:
        at = f"{bench.created.rng.randint(first, last)}-06-15T12:00:00Z"
        # The other end lies where it would give another answer, if it were looked at.
        conference = bench.new(**dict(zip(fields, (at, instants.moved(at, sign * 86400 * 90)), strict=True)))
        for seconds in (-86400 * 40, -3600, -1, 0, 1, 3600, 86400 * 40):
            for form in _forms(instants.moved(at, seconds), offsets=abs(seconds) <= 3600):
                with bench.case():
                    message = f"{name}={form}: a conference with {fields[0]} {at}"
                    page_showing(bench, conference, sign * seconds <= 0, message, {name: form, **_LARGEST})


def _forms(moment: str, *, offsets: bool) -> Iterable[str]:
    yield from (moment, moment.replace("Z", "+00:00"))
    if moment >= "1970":
        yield instants.unix_of(moment)
    for hours, offset in ((2, "+02:00"), (-5, "-05:00")) if offsets else ():
        yield instants.moved(moment, hours * 3600).replace("Z", offset)


@promise("list/both-filters", "Both filters together leave out what either leaves out.", 25)
def both_filters(bench: Bench) -> None:
    year = bench.created.rng.randint(5000, 5999)
    bounds = {"starts_after": f"{year}-03-01T00:00:00Z", "ends_before": f"{year}-07-01T00:00:00Z"}
    for start, end, wanted in (("02", "05", False), ("04", "06", True), ("05", "09", False), ("01", "12", False)):
        one = bench.new(join_from=f"{year}-{start}-01T00:00:00Z", join_until=f"{year}-{end}-01T00:00:00Z")
        with bench.case():
            page_showing(bench, one, wanted, f"a conference from {one['join_from']} to {one['join_until']}", bounds)


@promise("list/filter-follows-put", "Filters heed what a PUT changed.", 26)
def filter_follows_put(bench: Bench) -> None:
    year = bench.created.rng.randint(6000, 6999)
    times = {"join_from": f"{year}-05-01T00:00:00Z", "join_until": f"{year}-05-02T00:00:00Z"}
    bounds = {"starts_after": f"{year}-04-01T00:00:00Z", "ends_before": f"{year}-06-01T00:00:00Z"}
    before = {"join_from": "2001-01-01", "join_until": "2001-01-02"}
    conference = bench.new()
    for body, wanted in ((times, True), (before, False), (times, True)):
        put = bench.replaced(conference, body).source
        page_showing(bench, conference, wanted, "after the PUT it", bounds, put)


@promise("list/without-times", "A conference without times is in the list, and passes no filter.", 35)
def without_times(bench: Bench) -> None:
    """Nothing is at, before or after a time that is not there."""
    conference = bench.new()
    for name, bound in (("starts_after", "9998-01-01T00:00:00Z"), ("ends_before", "0002-01-01T00:00:00Z")):
        with bench.case():
            page_showing(bench, conference, False, f"{name}: a conference without that time", {name: bound, **_LARGEST})
    # No filter makes this list shorter, so a long one is not read to its end.
    page = page_showing(bench, conference, True, "a conference without times", _LARGEST, most=_MOST_UNFILTERED)
    told = bench.read(conference["id"])
    bench.equal(told, page.data[page.ids.index(told["id"])], "a list tells otherwise than GET")


@promise("list/fractions", "Filters heed a fraction of a second, where the server keeps one.", 36)
def fractions(bench: Bench) -> None:
    noon = f"{bench.created.rng.randint(7000, 7499)}-06-15T12:00"
    at = f"{noon}:00.500Z"
    starting = bench.new(join_from=at, join_until=f"{noon}:00.900Z")
    ending = bench.new(join_from=f"{noon}:00.100Z", join_until=at)
    if instant(starting["join_from"]) != instant(at) or instant(ending["join_until"]) != instant(at):
        raise NotExercised("the server cuts fractions, which it may")
    window = {"starts_after": f"{noon}:00Z", "ends_before": f"{noon}:01Z"}
    for name, conference, shown in (("starts_after", starting, "250"), ("ends_before", ending, "750")):
        for digits in ("250", "750"):
            bound = f"{noon}:00.{digits}Z"
            with bench.case():
                message = f"{name}={bound}: a conference with {at}"
                page_showing(bench, conference, digits == shown, message, {**window, name: bound})
