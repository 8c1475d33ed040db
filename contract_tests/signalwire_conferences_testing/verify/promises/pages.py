"""Promises on the pages of a list and the links between them.

A window in the far future finds the conferences of this run among however many others there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from signalwire_conferences import contract

from ..trying.bench import Bench, Conference
from ..trying.exchange import Exchange
from ..trying.samples import page_sizes
from ..trying.windows import free_window
from .promises import Broken, Needs, NotExercised, ensure, promise
from .status_codes import expect

__all__ = ["all_ids", "ids_of", "page_of"]

_MOST_PAGES = 60


def page_of(exchange: Exchange, *before: Exchange) -> tuple[list[Conference], Mapping[str, Any]]:
    """The conferences and the links of a page."""
    expect(exchange, 200, because="a list", before=before)
    value = exchange.value
    data, links = (value.get("data"), value.get("links")) if isinstance(value, dict) else (None, None)
    if not isinstance(data, list) or not isinstance(links, dict):
        raise Broken("a list without data or links", *before, exchange)
    return [one for one in data if isinstance(one, dict)], links


def ids_of(conferences: Iterable[Conference]) -> list[Any]:
    return [one.get("id") for one in conferences]


class _Window:
    """Conferences of this run in a window of their own."""

    def __init__(self, bench: Bench, count: int) -> None:
        free = free_window(bench, 40)
        self.bounds = free.bounds
        # Two that a list without the one or the other filter would show.
        for start, end in ((-1, 30), (5, 41)):
            bench.new(join_from=free.on(start), join_until=free.on(end))
        self.made: list[tuple[Conference, Exchange]] = []
        for number in range(count):
            self.made.append(bench.new(join_from=free.at(3), join_until=free.at(30, number)))
        self.ids = {conference["id"] for conference, _ in self.made}

    @property
    def maker(self) -> Exchange:
        return self.made[-1][1]

    def all_there(self, found: list[Any], how: str, *evidence: Exchange) -> None:
        """Demands that these are all conferences of the window, each once."""
        ours = [one for one in found if one in self.ids]
        lost, extra = self.ids - set(found), set(found) - self.ids
        ensure(not lost, f"{how}: {len(lost)} of {len(self.ids)} conferences are lost", *evidence)
        ensure(len(ours) == len(set(ours)), f"{how}: a conference comes twice", *evidence)
        ensure(not extra, f"{how}: {len(extra)} come that the filters exclude", *evidence)


def _own_host(bench: Bench, link: str, *evidence: Exchange) -> None:
    """An absolute link leads to the host that was asked, whatever name of this machine it says: a client
    follows links on its own host only, because its credentials are for no other.
    """
    form = link.startswith(("/", "http://", "https://"))
    ensure(form, f"a link is neither absolute nor path-only: {link!r}", *evidence)
    asked, told = urlsplit(bench.api.base_url).hostname, urlsplit(link).hostname
    local = ("localhost", "127.0.0.1", "::1")
    same = told in (None, asked) or (asked in local and told in local)
    ensure(same, f"a link leads to another host, {told}", *evidence)


def walk_from(bench: Bench, first: Exchange, link: str = "next") -> Iterator[Exchange]:
    """The pages from one on, by their links, each when it is asked for."""
    page, followed = first, set[str]()
    before: tuple[Exchange, ...] = ()
    while True:
        yield page
        links = page_of(page)[1]
        if link not in links:
            return
        target = links[link]
        ensure(isinstance(target, str), f"the link {link} is no string", page)
        _own_host(bench, target, page)
        ensure(target not in followed, f"the links {link} lead in a circle", *before, page)
        followed.add(target)
        page, before = bench.api.follow(target), (page,)


def pages_from(bench: Bench, first: Exchange, link: str = "next") -> list[Exchange]:
    """All pages from one on, of a list of which it is known that it is short."""
    pages: list[Exchange] = []
    for page in walk_from(bench, first, link):
        ensure(len(pages) < _MOST_PAGES, f"the links {link} do not end", page)
        pages.append(page)
    return pages


def all_ids(bench: Bench, first: Exchange, most: int = _MOST_PAGES) -> Iterator[Any]:
    """The ids of a list that may be long for reasons that are not ours.

    Raises:
        NotExercised: it is too long to be read.
    """
    for number, page in enumerate(walk_from(bench, first)):
        if number == most:
            raise NotExercised(f"the list has more than {most} pages, too many to look at all")
        yield from ids_of(page_of(page)[0])


@promise(
    "list/pages", "Following the links shows each conference once, no page larger than asked for.", order=20
)
def pages(bench: Bench) -> None:
    window = _Window(bench, 6)
    for size in (1, 2, 3, 4, 5, 6, 7):
        first = bench.list(**window.bounds, page_size=str(size))
        walked = pages_from(bench, first)
        found: list[Any] = []
        for number, page in enumerate(walked):
            data, _ = page_of(page)
            ensure(
                len(data) <= size, f"page_size={size}, and a page of {len(data)}", *walked[: number + 1][-2:]
            )
            message = "a link next leads to an empty page, and is to be there only where there is a next page"
            ensure(data or number == 0, message, *walked[number - 1 : number + 1])
            found += ids_of(data)
        window.all_there(found, f"pages of {size}", window.maker, *walked[-2:])


@promise("list/first-page-full", "A page is full where another follows.", order=21)
def first_page_full(bench: Bench) -> None:
    window = _Window(bench, 5)
    for size in (1, 2, 4):
        exchange = bench.list(**window.bounds, page_size=str(size))
        data, links = page_of(exchange)
        ensure(
            len(data) == size,
            f"5 conferences, page_size={size}, and a page of {len(data)}",
            window.maker,
            exchange,
        )
        ensure("next" in links, f"5 conferences, page_size={size}, and no link next", window.maker, exchange)
    for size in (5, 6):
        exchange = bench.list(**window.bounds, page_size=str(size))
        data, links = page_of(exchange)
        ensure(
            len(data) == 5,
            f"5 conferences, page_size={size}, and a page of {len(data)}",
            window.maker,
            exchange,
        )
        ensure(
            not links.get("next"), f"5 conferences, page_size={size}, and a link next", window.maker, exchange
        )


@promise(
    "list/way-back",
    "prev leads back the way that next led, first to the first page, self to the same.",
    order=22,
)
def way_back(bench: Bench) -> None:
    window = _Window(bench, 7)
    first = bench.list(**window.bounds, page_size="3")
    forth = pages_from(bench, first)
    ensure(
        len(forth) == 3,
        f"7 conferences in pages of 3 are 3 pages, not {len(forth)}",
        window.maker,
        *forth[-1:],
    )
    contents = [ids_of(page_of(page)[0]) for page in forth]
    ensure("prev" not in page_of(first)[1], "the first page has a link prev", window.maker, first)
    back = pages_from(bench, forth[-1], "prev")
    told = [ids_of(page_of(page)[0]) for page in back]
    ensure(len(back) > 1, "the last page has no link prev", window.maker, forth[-1])
    same = [set(ids) for ids in told] == [set(ids) for ids in reversed(contents)]
    ensure(
        same, "the links prev lead to other pages than those that next led through", window.maker, *back[-2:]
    )
    for number, page in enumerate(forth):
        links = page_of(page)[1]
        for name, wanted in (("first", contents[0]), ("self", contents[number])):
            ensure(isinstance(links.get(name), str), f"a page without the link {name}", window.maker, page)
            there = bench.api.follow(links[name])
            right = set(ids_of(page_of(there)[0])) == set(wanted)
            ensure(right, f"the link {name} of page {number} leads elsewhere", window.maker, page, there)


@promise(
    "list/links-keep-query", "The links keep the filters, the page size and include_active_session.", order=23
)
def links_keep_query(bench: Bench) -> None:
    window = _Window(bench, 5)
    first = bench.list(**window.bounds, page_size="2", include_active_session="true")
    for page in pages_from(bench, first):
        _, links = page_of(page)
        for name, link in links.items():
            kept = httpx.QueryParams(urlsplit(str(link)).query)
            if "include_active_session" in kept:
                told = kept["include_active_session"]
                ensure(told == "true", f"the link {name} says include_active_session={told}", page)
            there = bench.api.follow(str(link))
            data, _ = page_of(there, page)
            ensure(
                len(data) <= 2,
                f"page_size=2, and the link {name} leads to a page of {len(data)}",
                page,
                there,
            )
            extra = set(ids_of(data)) - window.ids
            ensure(not extra, f"the link {name} forgets the filters", window.maker, page, there)


@promise("list/again", "A link may be followed twice, and leads to the same page.", order=24)
def again(bench: Bench) -> None:
    window = _Window(bench, 4)
    first = bench.list(**window.bounds, page_size="2")
    link = page_of(first)[1].get("next")
    ensure(isinstance(link, str), "4 conferences, page_size=2, and no link next", window.maker, first)
    one, two = bench.api.follow(str(link)), bench.api.follow(str(link))
    same = set(ids_of(page_of(one)[0])) == set(ids_of(page_of(two)[0]))
    ensure(
        same, "the same link leads to another page when it is followed again", window.maker, first, one, two
    )


@promise("list/default-size", "Without page_size, a page has the documented number of conferences.", order=34)
def default_size(bench: Bench) -> None:
    """And with the largest page size that is allowed, all that there are."""
    size = int(contract.query_fields("list_video_conferences")["page_size"].default)
    window = _Window(bench, size + 55)
    exchange = bench.list(**window.bounds)
    data, links = page_of(exchange)
    message = f"{len(window.ids)} conferences, no page_size, and a page of {len(data)} instead of {size}"
    ensure(len(data) == size, message, window.maker, exchange)
    ensure("next" in links, "a full page, and no link next", window.maker, exchange)
    walked = pages_from(bench, exchange)
    window.all_there(
        [one for page in walked for one in ids_of(page_of(page)[0])], "pages", window.maker, *walked[-2:]
    )
    whole = bench.list(**window.bounds, page_size=str(page_sizes()[1]))
    window.all_there(ids_of(page_of(whole)[0]), "one page of the largest size", window.maker, whole)
    hundred = bench.list(**window.bounds, page_size="100")
    ensure(
        len(page_of(hundred)[0]) == 100, "page_size=100, and a page of another size", window.maker, hundred
    )


@promise("list/walk", "The whole list can be read page by page.", needs=Needs.READING, order=36)
def walk(bench: Bench) -> None:
    exchange = bench.list(page_size="2")
    found: list[Any] = []
    for _ in range(4):
        data, links = page_of(exchange)
        ensure(len(data) <= 2, f"page_size=2, and a page of {len(data)}", exchange)
        found += ids_of(data)
        if "next" not in links:
            break
        exchange = bench.api.follow(str(links["next"]))
    ensure(len(found) == len(set(found)), "a conference comes twice", exchange)
