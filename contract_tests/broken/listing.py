"""Servers that get lists wrong: what is on a page, and filters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from signalwire_conferences.values import encode_json, instant
from signalwire_conferences_testing.mock import Call, MockServer, Reply, Store, checks
from signalwire_conferences_testing.mock.steps import Step

from .making import BrokenServer, Make, asks, listed, rule

__all__ = ["SERVERS"]


def _query(call: Call) -> dict[str, str]:
    return dict(call.query)


def _asked(call: Call, **changes: str | None) -> None:
    """Parameters of a list are read otherwise."""
    if call.conference_id is None:
        query = {**_query(call), **changes}
        call.query = [(name, value) for name, value in query.items() if value is not None]


def _one_too_many(call: Call, _store: Store) -> None:
    size = _query(call).get("page_size", "")
    if size.isdigit() and 0 < int(size) < 900:
        _asked(call, page_size=str(int(size) + 1))


def _overlap() -> Make:
    """Each page begins with the last conference of the one before."""
    last: dict[str, Any] = {}

    def change(page: dict[str, Any], call: Call) -> None:
        if "page_token" not in _query(call):
            last.clear()
        elif last and page["data"]:
            page["data"][0] = dict(last)
        if page["data"]:
            last.update(page["data"][-1])

    return listed(change)


def _short_first_page(page: dict[str, Any], _call: Call) -> None:
    if "next" in page["links"] and len(page["data"]) > 3:
        page["data"].pop()


def _default_size(call: Call, _store: Store) -> None:
    if "page_size" not in _query(call) and "page_token" not in _query(call):
        _asked(call, page_size="25")


def _capped(call: Call, _store: Store) -> None:
    size = _query(call).get("page_size", "")
    if size.isdigit() and 100 < int(size) <= 1000:
        _asked(call, page_size="100")


def _largest_refused(call: Call, _store: Store) -> None:
    if _query(call).get("page_size") == "1000":
        _asked(call, page_size="1001")


def _filtered(name: str, keeps: Callable[[dict[str, Any], Any], bool]) -> Make:
    """A list whose filter `name` is decided by `keeps`, which is given a conference and the bound."""

    async def run(step: Step) -> Reply:
        call = step.call
        bound = checks.moment(_query(call).get(name, "")) if call.conference_id is None else None
        if bound is None or "page_token" in _query(call):
            return await step.proceed()
        _asked(call, **{name: None})
        reply = await step.proceed()
        page = reply.value()
        page["data"] = [one for one in page["data"] if keeps(one, bound)]
        page["links"].pop("next", None)
        reply.content = encode_json(page)
        return reply

    return rule(run, "GET")


def _after(field: str) -> Callable[[dict[str, Any], Any], bool]:
    def keeps(one: dict[str, Any], bound: Any) -> bool:
        found = instant(one[field])
        return found is not None and found > bound

    return keeps


def _at_most(field: str) -> Callable[[dict[str, Any], Any], bool]:
    def keeps(one: dict[str, Any], bound: Any) -> bool:
        found = instant(one[field])
        return found is not None and found <= bound

    return keeps


def _timestamp_in_milliseconds(call: Call, _store: Store) -> None:
    said = _query(call).get("starts_after", "")
    if said.isdigit() and len(said) > 9:
        _asked(call, starts_after=said[:-3])


def _either(call: Call, _store: Store) -> None:
    if {"starts_after", "ends_before"} <= set(_query(call)) and "page_token" not in _query(call):
        _asked(call, ends_before=None)


def _as_created(server: MockServer) -> None:
    """Filters look at the times that a conference was created with."""
    first: dict[str, Any] = {}

    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        value = json.loads(reply.content)
        if reply.status == 200:
            first[value["id"]] = value["join_from"]
        return reply

    rule(run, "POST")(server)

    def change(page: dict[str, Any], call: Call) -> None:
        if "starts_after" in _query(call):
            page["data"] = [one for one in page["data"] if first.get(one["id"], one["join_from"]) == one["join_from"]]

    listed(change)(server)


def _without_times_lost(page: dict[str, Any], _call: Call) -> None:
    page["data"] = [one for one in page["data"] if one["join_from"] or one["join_until"]]


def _whole_seconds(call: Call, _store: Store) -> None:
    said = _query(call).get("starts_after", "")
    if "." in said:
        _asked(call, starts_after=f"{said.partition('.')[0]}Z")


def _or_none(one: dict[str, Any], bound: Any) -> bool:
    found = instant(one["join_from"])
    return found is None or found >= bound


_B = BrokenServer
SERVERS = [
    _B(
        "page-too-large",
        ("list/pages", "list/walk"),
        "a page has one conference more than asked for",
        asks(_one_too_many, "GET"),
    ),
    _B("pages-overlap", ("list/pages",), "each page begins with the last of the one before", _overlap()),
    _B(
        "page-short",
        ("list/pages",),
        "the last conference of a page is lost where another follows",
        listed(_short_first_page),
    ),
    _B("default-size-25", ("list/default-size",), "a page has 25 conferences by default", asks(_default_size, "GET")),
    _B("capped-at-100", ("list/default-size",), "no page is larger than 100", asks(_capped, "GET")),
    _B("largest-refused", ("accepts/query",), "the largest page size is refused", asks(_largest_refused, "GET")),
    _B(
        "starts-after-exclusive",
        ("list/starts-after",),
        "starts_after leaves out its own instant",
        _filtered("starts_after", _after("join_from")),
    ),
    _B(
        "timestamp-misread",
        ("list/starts-after",),
        "a Unix timestamp is read in milliseconds",
        asks(_timestamp_in_milliseconds, "GET"),
    ),
    _B(
        "ends-before-looks-at-start",
        ("list/ends-before",),
        "ends_before looks at join_from",
        _filtered("ends_before", _at_most("join_from")),
    ),
    _B("one-filter-only", ("list/both-filters",), "of two filters one is heeded", asks(_either, "GET")),
    _B("filters-as-created", ("list/filter-follows-put",), "filters look at what was created", _as_created),
    _B(
        "without-times-lost",
        ("list/without-times",),
        "a conference without times is in no list",
        listed(_without_times_lost),
    ),
    _B("fractions-unheeded", ("list/fractions",), "filters compare whole seconds", asks(_whole_seconds, "GET")),
    _B(
        "times-not-needed",
        ("list/without-times",),
        "a filter shows what has no time",
        _filtered("starts_after", _or_none),
    ),
]
