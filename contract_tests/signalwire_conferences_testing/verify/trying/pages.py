"""Pages of a list and what is on them, and windows of time that hold conferences of this run only."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from .api import BadLink
from .bench import Bench, Conference
from .claims import Claim, Part, field, ids
from .exchange import Exchange
from .findings import Broken, NotExercised, demand

_MOST_PAGES = 60
_FIRST, _LAST = datetime.date(3000, 1, 1).toordinal(), datetime.date(8999, 1, 1).toordinal()
_TRIES = 5
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Page:
    """A page of a list, and where its links lead. Its findings are told with what made the list."""

    def __init__(
        self, bench: Bench, exchange: Exchange, evidence: Sequence[Exchange] = (), only: AbstractSet[str] | None = None
    ) -> None:
        self.bench, self.exchange, self.evidence, self.only = bench, exchange, evidence, only
        if not exchange.succeeded:
            bench.expect(exchange, 200, because="a list")
        value = exchange.value if isinstance(exchange.value, dict) else {}
        for key, kind in (("data", list), ("links", dict)):
            if not isinstance(value.get(key), kind):
                claim = Claim(field(exchange), "has key", key)
                raise Broken(f"a list without {key}", claim, causes=[("list without", key)])
        self.data = [Conference(one, exchange, on_page=True) for one in value["data"] if isinstance(one, dict)]
        self.ids: list[Any] = [one["id"] for one in self.data]
        self.links: Mapping[str, Any] = value["links"]

    def link(self, name: str) -> Part:
        return field(self.exchange, "links", name)

    def demand(self, message: str, part: Part, how: str, want: Any = None, *, so: object = None) -> None:
        demand(message, part, how, want, *self.evidence, so=so)

    def same(self, other: "Page", message: str) -> None:
        self.demand(message, ids(self.exchange), "is", ids(other.exchange), so=set(self.ids) == set(other.ids))

    def follow(self, name: str) -> "Page":
        try:
            there = Page(self.bench, self.bench.api.follow(self.exchange, name), self.evidence, self.only)
        except BadLink as bad:
            claim = Claim(self.link(name), "is not", self.link(name).value)
            raise Broken(str(bad), claim, causes=[("bad link", name)]) from None
        if self.only is not None and (extra := sorted(set(map(str, there.ids)) - self.only)):
            claim = Claim(ids(there.exchange), "lacks", extra)
            raise Broken(f"the link {name} forgets the filters", claim, *self.evidence, causes=[("link", "filters")])
        return there

    def walk(self, name: str = "next", most: int | None = None) -> Iterator["Page"]:
        """The pages from this one on, each when it is asked for.

        Args:
            name: the link to follow.
            most: pages of a list that may be long for reasons that are not ours; more raise `NotExercised`.
        """
        page, followed = self, dict[str, Page]()
        for _ in range(most or _MOST_PAGES):
            yield page
            if name not in page.links:
                return
            page.on_own_host(name)
            earlier = followed.setdefault(page.links[name], page)
            if earlier is not page:
                self.demand(f"the links {name} lead in a circle", page.link(name), "is not", earlier.link(name))
            page = page.follow(name)
        if most is not None:
            raise NotExercised(f"the list has more than {most} pages, too many to look at all")
        raise Broken(f"the links {name} do not end", Claim(page.link(name), "is", None), causes=[("endless", name)])

    def on_own_host(self, name: str) -> None:
        """An absolute link leads to the host that was asked, whatever name of this machine it says: a client
        follows links on its own host only, because its credentials are for no other.
        """
        part, link = self.link(name), self.link(name).value
        message = f"the link {name} is neither absolute nor path-only: {link!r}"
        self.demand(message, part, "starts", ["/", "http://", "https://"])
        try:
            asked, told = urlsplit(self.bench.api.base_url).hostname, urlsplit(link).hostname
        except ValueError as error:
            raise Broken(f"the link {name} is not a URL ({error})", Claim(part, "is not", link)) from None
        own = told in (None, asked) or (asked in _LOCAL and told in _LOCAL)
        self.demand(
            f"the link {name} leads to another host, {told}", part, "starts", ["/", self.bench.api.base_url], so=own
        )


@frozen
class Window:
    """Some days."""

    start: datetime.date
    days: int

    @property
    def bounds(self) -> Mapping[str, str]:
        """The filters that leave out what does not lie in it."""
        return {"starts_after": self.at(0), "ends_before": self.at(self.days)}

    @property
    def inside(self) -> dict[str, str]:
        """Times of a conference in the middle of it."""
        return {"join_from": self.at(4), "join_until": self.at(5)}

    def on(self, day: int) -> str:
        """A date, so many days after the start."""
        return (self.start + datetime.timedelta(days=day)).isoformat()

    def at(self, day: int, seconds: int = 0) -> str:
        return f"{self.on(day)}T00:{seconds // 60:02}:{seconds % 60:02}Z"


def free_window(bench: Bench, days: int) -> Window:
    """A window in which there is nothing yet."""
    for _ in range(_TRIES):
        # From the mark of the run, not from the seed: what an earlier run left behind would lie in the same.
        start = datetime.date.fromordinal(bench.created.rng.randint(_FIRST, _LAST))
        window = Window(start, days)
        value = bench.list(**window.bounds, page_size="1").value
        if not (isinstance(value, dict) and value.get("data")):
            return window
    outside = bench.new(join_from="2001-01-01", join_until="2001-01-02")
    shown = Claim(ids(bench.list(**window.bounds)), "lacks", [outside["id"]])
    why = f"a list does not filter: with {window.bounds} it shows what lies outside"
    bench.blamed.append(("list/both-filters", Broken(why, shown, outside.source, causes=[("filters",)])))
    raise NotExercised(why)


class PagedWindow:
    """Conferences of this run in a window of their own."""

    def __init__(self, bench: Bench, number: int) -> None:
        free = free_window(bench, 40)
        self.bench, self.bounds = bench, free.bounds
        # Two that a list without the one or the other filter would show.
        made = [bench.new(join_from=free.on(start), join_until=free.on(end)) for start, end in ((-1, 30), (5, 41))]
        inside = [bench.new(join_from=free.at(3), join_until=free.at(30, one)) for one in range(number)]
        self.ids = {conference["id"] for conference in inside}
        self.evidence = [one.source for one in (*made, *inside)]

    def page(self, **query: str) -> Page:
        return Page(self.bench, self.bench.list(**self.bounds, **query), self.evidence, self.ids)

    def all_there(self, how: str, *pages: Page) -> None:
        """Demands that these pages show all of them, each once, and no other."""
        found: set[str] = set()
        evidence = list(self.evidence)
        for page in pages:
            there, shown = ids(page.exchange), set(page.ids)
            extra, twice = sorted(map(str, shown - self.ids)), f"{how}: a conference comes twice"
            demand(f"{how}: {len(extra)} come that the filters exclude", there, "lacks", extra, *evidence)
            demand(twice, there, "all different", None, *evidence)
            demand(twice, there, "lacks", sorted(shown & found), *evidence)
            found |= shown
            evidence.append(page.exchange)
        lost, last = self.ids - found, ids(pages[-1].exchange)
        claim = ("has", sorted(self.ids)) if len(pages) == 1 else ("is not", last.value)
        message = f"{how}: {len(lost)} of {len(self.ids)} conferences are lost"
        demand(message, last, *claim, *evidence, so=not lost)


def page_showing(
    bench: Bench,
    one: Conference,
    wanted: bool,
    message: str,
    query: Mapping[str, str],
    *evidence: Exchange,
    most: int = 0,
) -> Page:
    """Demands that a list shows a conference, or does not; the page that does, or the last."""
    page = first = Page(bench, bench.list(**query))
    for page in first.walk(most=most or _MOST_PAGES):
        if one["id"] in page.ids:
            break
    wrong, right = ("is left out", "has") if wanted else ("is shown", "lacks")
    demand(f"{message} {wrong}", ids(page.exchange), right, [one["id"]], one.source, *evidence)
    return page
