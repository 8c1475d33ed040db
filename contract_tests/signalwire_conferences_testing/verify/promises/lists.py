"""Promises on lists: pages, the links between them, and filters.

A window in the far future finds the conferences of this run among however many others there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE
from signalwire_conferences.values import instant

from ..trying import instants, samples
from ..trying.api import BadLink
from ..trying.bench import Bench, Conference, brief, differences
from ..trying.claims import Claim, count, field, ids, listed
from ..trying.exchange import Exchange
from ..trying.findings import Broken, NotExercised, ensure
from ..trying.samples import page_sizes
from ..trying.windows import free_window
from .promise import Needs, promise

_MOST_PAGES = 60
_MOST_UNFILTERED = 20  # pages
_MOST_WITH_SESSION = 4  # pages
_SESSION = "active_session"
_ASKED = {"include_active_session": "true"}


def _page(bench: Bench, exchange: Exchange) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """The conferences and the links of a page."""
    if not exchange.succeeded:
        bench.expect(exchange, 200, because="a list")
    value = exchange.value if isinstance(exchange.value, dict) else {}
    for key, kind in (("data", list), ("links", dict)):
        claim = Claim(field(exchange), "has key", key)
        if not isinstance(value.get(key), kind):
            raise Broken(f"a list without {key}", claim, causes=[("list without", key)])
    return [one for one in value["data"] if isinstance(one, dict)], value["links"]


def _ids(bench: Bench, exchange: Exchange) -> list[Any]:
    return [one.get("id") for one in _page(bench, exchange)[0]]


def _follow(bench: Bench, page: Exchange, name: str) -> Exchange:
    """Where a link of a page leads."""
    try:
        return bench.api.follow(page, name)
    except BadLink as bad:
        part = field(page, "links", name)
        raise Broken(str(bad), Claim(part, "is not", part.value), causes=[("bad link", name)]) from None


class _Window:
    """Conferences of this run in a window of their own."""

    def __init__(self, bench: Bench, number: int) -> None:
        free = free_window(bench, 40)
        self.bounds = free.bounds
        # Two that a list without the one or the other filter would show.
        self.outside = [
            bench.new(join_from=free.on(start), join_until=free.on(end)) for start, end in ((-1, 30), (5, 41))
        ]
        self.made = [bench.new(join_from=free.at(3), join_until=free.at(30, one)) for one in range(number)]
        self.ids = {conference["id"] for conference in self.made}

    @property
    def evidence(self) -> list[Exchange]:
        """The requests that made it."""
        return [one.source for one in (*self.outside, *self.made)]

    def all_there(self, found: list[Any], how: str, last: Exchange, *before: Exchange) -> None:
        """Demands that these are all conferences of the window, each once."""
        lost, extra = self.ids - set(found), set(found) - self.ids
        evidence = (*self.evidence, *before)
        shown = [one for one in (ids(last).value or []) if one in self.ids]
        claim = Claim(ids(last), "is not", ids(last).value)
        if not before:
            claim = Claim(ids(last), "has", sorted(self.ids))
        ensure(not lost, f"{how}: {len(lost)} of {len(self.ids)} conferences are lost", claim, *evidence)
        twice = sorted({one for one in shown if found.count(one) > 1})
        claim = Claim(ids(last), "lacks", twice) if before else Claim(ids(last), "all different")
        ensure(len(found) == len(set(found)), f"{how}: a conference comes twice", claim, *evidence)
        claim = Claim(ids(last), "lacks", sorted(map(str, extra)))
        ensure(not extra, f"{how}: {len(extra)} come that the filters exclude", claim, *evidence)


def _own_host(bench: Bench, page: Exchange, name: str) -> None:
    """An absolute link leads to the host that was asked, whatever name of this machine it says: a client
    follows links on its own host only, because its credentials are for no other.
    """
    part = field(page, "links", name)
    link = part.value
    form = isinstance(link, str) and link.startswith(("/", "http://", "https://"))
    claim = Claim(part, "starts", ["/", "http://", "https://"])
    ensure(form, f"the link {name} is neither absolute nor path-only: {link!r}", claim)
    try:
        asked, told = urlsplit(bench.api.base_url).hostname, urlsplit(link).hostname
    except ValueError as error:
        raise Broken(f"the link {name} is not a URL ({error})", Claim(part, "is not", link)) from None
    local = ("localhost", "127.0.0.1", "::1")
    own = told in (None, asked) or (asked in local and told in local)
    ensure(own, f"the link {name} leads to another host, {told}", Claim(part, "starts", ["/", bench.api.base_url]))


def _walk(bench: Bench, first: Exchange, link: str = "next") -> Iterator[Exchange]:
    """The pages from one on, by their links, each when it is asked for."""
    page, followed = first, set[str]()
    while True:
        yield page
        links = _page(bench, page)[1]
        if link not in links:
            return
        _own_host(bench, page, link)
        claim = Claim(field(page, "links", link), "is", None)
        ensure(links[link] not in followed, f"the links {link} lead in a circle", claim)
        followed.add(links[link])
        page = _follow(bench, page, link)


def _pages(bench: Bench, first: Exchange, link: str = "next") -> list[Exchange]:
    """All pages from one on, of a list of which it is known that it is short."""
    pages: list[Exchange] = []
    for page in _walk(bench, first, link):
        claim = Claim(field(page, "links", link), "is", None)
        ensure(len(pages) < _MOST_PAGES, f"the links {link} do not end", claim)
        pages.append(page)
    return pages


def _pages_with(bench: Bench, first: Exchange, most: int = _MOST_PAGES) -> Iterator[Exchange]:
    """The pages of a list that may be long for reasons that are not ours.

    Raises:
        NotExercised: it is too long to be read.
    """
    for number, page in enumerate(_walk(bench, first)):
        if number == most:
            raise NotExercised(f"the list has more than {most} pages, too many to look at all")
        yield page


def _shown(
    bench: Bench,
    conference: Conference,
    wanted: bool,
    message: str,
    query: Mapping[str, str],
    *evidence: Exchange,
    most: int = _MOST_PAGES,
) -> Exchange:
    """Demands that a list shows a conference, or does not; the page that does, or the last."""
    page = first = bench.list(**query)
    for page in _pages_with(bench, first, most):
        if conference["id"] in _ids(bench, page):
            break
    found = conference["id"] in _ids(bench, page)
    claim = Claim(ids(page), "has" if wanted else "lacks", [conference["id"]])
    how = "is left out" if wanted else "is shown"
    ensure(found is wanted, f"{message} {how}", claim, conference.source, *evidence)
    return page


@promise("list/pages", "Following the links shows each conference once, no page larger than asked for.", order=20)
def pages(bench: Bench) -> None:
    window = _Window(bench, 6)
    for size in (1, 2, 3, 4, 5, 6, 7):
        first = bench.list(**window.bounds, page_size=str(size))
        with bench.case():
            walked = _pages(bench, first)
            found: list[Any] = []
            for number, page in enumerate(walked):
                there = _ids(bench, page)
                message = f"page_size={size}, and a page of {len(there)}"
                ensure(len(there) <= size, message, Claim(count(page), "at most", size), *window.evidence)
                message = "a link next leads to an empty page, and is to be there only where there is a next page"
                ensure(there or number == 0, message, Claim(count(page), "at least", 1), *window.evidence)
                found += there
            window.all_there(found, f"pages of {size}", walked[-1], *walked[:-1])


@promise("list/first-page-full", "A page is full where another follows.", order=21)
def first_page_full(bench: Bench) -> None:
    window = _Window(bench, 5)
    for size in (1, 2, 4, 5, 6):
        page = bench.list(**window.bounds, page_size=str(size))
        data, links = _page(bench, page)
        what, wanted = f"5 conferences, page_size={size}, and", min(size, 5)
        link = field(page, "links", "next")
        with bench.case():
            claim = Claim(count(page), "is", wanted)
            ensure(len(data) == wanted, f"{what} a page of {len(data)}", claim, *window.evidence)
            if size < 5:
                ensure("next" in links, f"{what} no link next", Claim(link, "is not", None), *window.evidence)
            else:
                ensure(not links.get("next"), f"{what} a link next", Claim(link, "is", None), *window.evidence)


@promise("list/way-back", "prev leads back the way that next led, first to the first page, self to the same.", order=22)
def way_back(bench: Bench) -> None:
    window = _Window(bench, 7)
    first = bench.list(**window.bounds, page_size="3")
    forth = _pages(bench, first)
    claim = Claim(field(forth[-1], "links", "next"), "is", None if len(forth) > 3 else "")
    ensure(len(forth) == 3, f"7 conferences in pages of 3 are 3 pages, not {len(forth)}", claim, *window.evidence)
    contents = [set(_ids(bench, page)) for page in forth]
    claim = Claim(field(first, "links", "prev"), "is", None)
    ensure("prev" not in _page(bench, first)[1], "the first page has a link prev", claim, *window.evidence)
    back = _pages(bench, forth[-1], "prev")
    claim = Claim(field(forth[-1], "links", "prev"), "is not", None)
    ensure(len(back) > 1, "the last page has no link prev", claim, *window.evidence)
    for page, there in zip(back, reversed(contents), strict=False):
        same = set(_ids(bench, page)) == there
        message = "the links prev lead to other pages than those that next led through"
        ensure(same, message, Claim(ids(page), "has", sorted(there)), *window.evidence, *forth)
    ensure(len(back) == 3, "the links prev lead back further than the first page", claim, *window.evidence)
    for number, page in enumerate(forth):
        for name, wanted in (("first", 0), ("self", number)):
            link = _page(bench, page)[1].get(name)
            claim = Claim(field(page, "links", name), "is not", None)
            ensure(isinstance(link, str), f"a page without the link {name}", claim, *window.evidence)
            there_now = _follow(bench, page, name)
            right = set(_ids(bench, there_now)) == contents[wanted]
            message = f"the link {name} of page {number} leads elsewhere"
            ensure(right, message, Claim(ids(there_now), "is", ids(forth[wanted])), *window.evidence)


@promise("list/links-keep-query", "The links keep the filters, the page size and include_active_session.", order=23)
def links_keep_query(bench: Bench) -> None:
    window = _Window(bench, 5)
    first = bench.list(**window.bounds, page_size="2", include_active_session="true")
    for page in _pages(bench, first):
        for name, link in _page(bench, page)[1].items():
            with bench.case():
                told = httpx.QueryParams(urlsplit(str(link)).query).get("include_active_session", "true")
                claim = Claim(field(page, "links", name), "is not", link)
                ensure(told == "true", f"the link {name} says include_active_session={told}", claim)
                there = _follow(bench, page, name)
                found = _ids(bench, there)
                message = f"page_size=2, and the link {name} leads to a page of {len(found)}"
                ensure(len(found) <= 2, message, Claim(count(there), "at most", 2), *window.evidence)
                extra = sorted(map(str, set(found) - window.ids))
                claim = Claim(ids(there), "lacks", extra)
                ensure(not extra, f"the link {name} forgets the filters", claim, *window.evidence)


@promise("list/again", "A link may be followed twice, and leads to the same page.", order=24)
def again(bench: Bench) -> None:
    window = _Window(bench, 4)
    first = bench.list(**window.bounds, page_size="2")
    claim = Claim(field(first, "links", "next"), "is not", None)
    known = isinstance(_page(bench, first)[1].get("next"), str)
    ensure(known, "4 conferences, page_size=2, and no link next", claim, *window.evidence)
    one, two = _follow(bench, first, "next"), _follow(bench, first, "next")
    same = set(_ids(bench, one)) == set(_ids(bench, two))
    message = "the same link leads to another page when it is followed again"
    ensure(same, message, Claim(ids(two), "is", ids(one)), *window.evidence)


@promise("list/default-size", "Without page_size, a page has the documented number of conferences.", order=34)
def default_size(bench: Bench) -> None:
    """And with the largest page size that is allowed, all that there are."""
    size = int(contract.fields("list_video_conferences")["page_size"].default)
    window = _Window(bench, size + 55)
    first = bench.list(**window.bounds)
    found = len(_ids(bench, first))
    message = f"{len(window.ids)} conferences, no page_size, and a page of {found} instead of {size}"
    with bench.case():
        ensure(found == size, message, Claim(count(first), "is", size), *window.evidence)
        claim = Claim(field(first, "links", "next"), "is not", None)
        ensure("next" in _page(bench, first)[1], "a full page, and no link next", claim, *window.evidence)
        walked = _pages(bench, first)
        everything = [one for page in walked for one in _ids(bench, page)]
        window.all_there(everything, "pages", walked[-1], *walked[:-1])
    with bench.case():
        whole = bench.list(**window.bounds, page_size=str(page_sizes()[1]))
        window.all_there(_ids(bench, whole), "one page of the largest size", whole)
    hundred = bench.list(**window.bounds, page_size="100")
    claim = Claim(count(hundred), "is", 100)
    ensure(len(_ids(bench, hundred)) == 100, "page_size=100, and a page of another size", claim, *window.evidence)


@promise("list/walk", "The whole list can be read page by page.", needs=Needs.READING, order=36)
def walk(bench: Bench) -> None:
    page = bench.list(page_size="2")
    found: list[Any] = []
    for _ in range(4):
        there = _ids(bench, page)
        ensure(len(there) <= 2, f"page_size=2, and a page of {len(there)}", Claim(count(page), "at most", 2))
        twice = sorted({str(one) for one in there} & {str(one) for one in found})
        ensure(not twice, "a conference comes twice", Claim(ids(page), "lacks", twice))
        found += there
        if "next" not in _page(bench, page)[1]:
            break
        page = _follow(bench, page, "next")


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
    places = [number for number, one in enumerate(_ids(bench, whole)) if one in known]
    if not places:
        raise NotExercised("no conference with an active session was found in the list")
    # The page with the session is not the first where that can be had in a few steps.
    size = str(max(1, -(-places[-1] // (_MOST_WITH_SESSION - 2))))
    page = bench.list(**_ASKED, page_size=size)
    for _ in range(_MOST_WITH_SESSION):
        links = _page(bench, page)[1]
        for name in (name for name, link in links.items() if isinstance(link, str)):
            there = _follow(bench, page, name)
            _session_told(bench, known, there)
            for further, link in _page(bench, there)[1].items():
                if further in ("first", "prev") and isinstance(link, str):
                    _session_told(bench, known, _follow(bench, there, further))
        if not isinstance(links.get("next"), str):
            return
        page = _follow(bench, page, "next")


def _session_told(bench: Bench, known: set[str], page: Exchange) -> None:
    for one in _page(bench, page)[0]:
        if one.get("id") in known and _SESSION not in one:
            # Unless the session has ended meanwhile.
            ended = _SESSION not in bench.read(str(one["id"]), **_ASKED)
            message = "a session is not told of where a link led, though it was asked for at first"
            ensure(ended, message, Claim(listed(page, str(one["id"]), _SESSION), "is not", None))


@promise("list/session-flag-only-shows", "include_active_session changes nothing of a list but the sessions.", order=26)
def session_flag_only_shows(bench: Bench) -> None:
    """Those that have no session are there all the same, filtered as without it."""
    free = free_window(bench, 20)
    times, window = {"join_from": free.at(4), "join_until": free.at(5)}, free.bounds
    made = (bench.new(**times), bench.new(**times), bench.customised({**samples.custom(UPDATE), **times}))
    evidence = [one.source for one in made]
    plain = bench.list(**window)
    told = {one.get("id"): one for one in _page(bench, plain)[0]}
    for flag in ("true", "false"):
        page = bench.list(**window, include_active_session=flag)
        data = _page(bench, page)[0]
        how = f"a list with include_active_session={flag}"
        same = sorted(str(one.get("id")) for one in data) == sorted(map(str, told))
        message = f"{how} shows {len(data)} conferences, and without it {len(told)}"
        ensure(same, message, Claim(ids(page), "is", ids(plain)), *evidence)
        for one in data:
            for name, pair in list(differences(told[one["id"]], one).items())[:1]:
                claim = Claim(listed(page, one["id"], name), "is", pair[0])
                ensure(False, f"{how} tells otherwise: {brief({name: pair})}", claim, *evidence)


# --- filters --------------------------------------------------------------------------------------------


@promise("list/starts-after", "starts_after leaves out what starts before it, and only that.", order=20)
def starts_after(bench: Bench) -> None:
    _filter(bench, "starts_after", "join_from", 1)


@promise("list/ends-before", "ends_before leaves out what ends after it, and only that.", order=20)
def ends_before(bench: Bench) -> None:
    _filter(bench, "ends_before", "join_until", -1)


def _filter(bench: Bench, name: str, where: str, sign: int) -> None:
    """A bound before, at and after the time of a conference, in every form."""
    # There are few conferences beyond these. A Unix timestamp begins with 1970.
    for first, last in ((3000, 3999),) if sign > 0 else ((1000, 1899), (1971, 1989)):
        at = f"{bench.created.rng.randint(first, last)}-06-15T12:00:00Z"
        # The other end lies where it would give another answer, if it were looked at.
        other = "join_until" if where == "join_from" else "join_from"
        conference = bench.new(**{where: at, other: instants.moved(at, sign * 86400 * 90)})
        for seconds in (-86400 * 40, -3600, -1, 0, 1, 3600, 86400 * 40):
            # On the side of `sign`, the bound lies beyond the time of the conference.
            for form in _forms(instants.moved(at, seconds), offsets=abs(seconds) <= 3600):
                query = {name: form, "page_size": str(page_sizes()[1])}
                with bench.case():
                    message = f"{name}={form}: a conference with {where} {at}"
                    _shown(bench, conference, sign * seconds <= 0, message, query)


def _forms(moment: str, *, offsets: bool) -> Iterable[str]:
    yield moment
    yield moment.replace("Z", "+00:00")
    if moment >= "1970":
        yield instants.unix_of(moment)
    for hours in (2, -5) if offsets else ():
        local = instants.moved(moment, hours * 3600).removesuffix("Z")
        yield f"{local}{'-' if hours < 0 else '+'}{abs(hours):02}:00"


@promise("list/both-filters", "Both filters together leave out what either leaves out.", order=25)
def both_filters(bench: Bench) -> None:
    year = bench.created.rng.randint(5000, 5999)
    bounds = {"starts_after": f"{year}-03-01T00:00:00Z", "ends_before": f"{year}-07-01T00:00:00Z"}
    spans = {"early": ("02", "05"), "inside": ("04", "06"), "late": ("05", "09"), "around": ("01", "12")}
    for name, (start, end) in spans.items():
        one = bench.new(join_from=f"{year}-{start}-01T00:00:00Z", join_until=f"{year}-{end}-01T00:00:00Z")
        with bench.case():
            message = f"a conference from {one['join_from']} to {one['join_until']}"
            _shown(bench, one, name == "inside", message, bounds)


@promise("list/filter-follows-put", "Filters heed what a PUT changed.", order=26)
def filter_follows_put(bench: Bench) -> None:
    year = bench.created.rng.randint(6000, 6999)
    times = {"join_from": f"{year}-05-01T00:00:00Z", "join_until": f"{year}-05-02T00:00:00Z"}
    bounds = {"starts_after": f"{year}-04-01T00:00:00Z", "ends_before": f"{year}-06-01T00:00:00Z"}
    before = {"join_from": "2001-01-01", "join_until": "2001-01-02"}
    conference = bench.new()
    for body, wanted in ((times, True), (before, False), (times, True)):
        put = bench.put(conference["id"], bench.update(**body))
        bench.conference_of(put)
        _shown(bench, conference, wanted, "after the PUT it", bounds, put)


@promise("list/without-times", "A conference without times is in the list, and passes no filter.", order=35)
def without_times(bench: Bench) -> None:
    """Nothing is at, before or after a time that is not there."""
    conference = bench.new()
    size = str(page_sizes()[1])
    for name, bound in (("starts_after", "9998-01-01T00:00:00Z"), ("ends_before", "0002-01-01T00:00:00Z")):
        message = f"{name}: a conference without that time"
        with bench.case():
            _shown(bench, conference, False, message, {name: bound, "page_size": size})
    # No filter makes this list shorter, so a long one is not read to its end.
    query = {"page_size": size}
    page = _shown(bench, conference, True, "a conference without times", query, most=_MOST_UNFILTERED)
    told = bench.read(conference["id"])
    shown = next(one for one in _page(bench, page)[0] if one.get("id") == told["id"])
    for name, pair in list(differences(told, shown).items())[:1]:
        claim = Claim(listed(page, told["id"], name), "is", told.part(name))
        ensure(False, f"a list tells otherwise than GET: {brief({name: pair})}", claim)


@promise("list/fractions", "Filters heed a fraction of a second, where the server keeps one.", order=36)
def fractions(bench: Bench) -> None:
    year = bench.created.rng.randint(7000, 7499)
    at = f"{year}-06-15T12:00:00.500Z"
    starting = bench.new(join_from=at, join_until=f"{year}-06-15T12:00:00.900Z")
    ending = bench.new(join_from=f"{year}-06-15T12:00:00.100Z", join_until=at)
    if instant(starting["join_from"]) != instant(at) or instant(ending["join_until"]) != instant(at):
        raise NotExercised("the server cuts fractions, which it may")
    window = {"starts_after": f"{year}-06-15T12:00:00Z", "ends_before": f"{year}-06-15T12:00:01Z"}
    for name, conference, digits, wanted in (
        ("starts_after", starting, "250", True),
        ("starts_after", starting, "750", False),
        ("ends_before", ending, "250", False),
        ("ends_before", ending, "750", True),
    ):
        bound = f"{year}-06-15T12:00:00.{digits}Z"
        with bench.case():
            message = f"{name}={bound}: a conference with {at}"
            _shown(bench, conference, wanted, message, {**window, name: bound})
