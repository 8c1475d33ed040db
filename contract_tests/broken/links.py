"""Servers whose lists have links that lead astray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from signalwire_conferences_testing.mock import Call

from .making import BrokenServer, Make, listed

__all__ = ["SERVERS"]


def _query(call: Call) -> dict[str, str]:
    return dict(call.query)


def _edited(link: str, change: Callable[[dict[str, str]], object]) -> str:
    parts = urlsplit(link)
    query = dict(parse_qsl(parts.query))
    change(query)
    return parts._replace(query=urlencode(query)).geturl()


def _next_at_the_end(page: dict[str, Any], call: Call) -> None:
    size = int(_query(call).get("page_size", "50"))
    if len(page["data"]) == size and "next" not in page["links"]:
        page["links"]["next"] = page["links"]["self"]


def _prev_is_self(page: dict[str, Any], _call: Call) -> None:
    if "prev" in page["links"]:
        page["links"]["prev"] = page["links"]["self"]


def _first_is_self(page: dict[str, Any], _call: Call) -> None:
    page["links"]["first"] = page["links"]["self"]


def _next_forgets_size(page: dict[str, Any], _call: Call) -> None:
    for name in ("next", "first"):
        if name in page["links"]:
            page["links"][name] = _edited(page["links"][name], lambda query: query.update(page_size="50"))


def _first_forgets_filters(page: dict[str, Any], _call: Call) -> None:
    page["links"]["first"] = _edited(page["links"]["first"], lambda query: query.pop("starts_after", None))


def _only_in_session(page: dict[str, Any], call: Call) -> None:
    if _query(call).get("include_active_session") == "true":
        page["data"] = [one for one in page["data"] if "active_session" in one]


def _as_created(page: dict[str, Any], call: Call) -> None:
    if "include_active_session" in _query(call):
        for one in page["data"]:
            one["updated_at"] = one["created_at"]


def _drop_session(*names: str) -> Make:
    """These links forget include_active_session."""

    def change(page: dict[str, Any], _call: Call) -> None:
        for name in names:
            if name in page["links"]:
                page["links"][name] = _edited(
                    page["links"][name], lambda query: query.pop("include_active_session", None)
                )

    return listed(change)


def _token_once() -> Make:
    """A token leads to its page the first time only."""
    used: set[str] = set()

    def change(page: dict[str, Any], call: Call) -> None:
        token = _query(call).get("page_token")
        if token is not None and token in used:
            page["data"] = []
        used.add(token or "")

    return listed(change)


def _elsewhere(page: dict[str, Any], _call: Call) -> None:
    page["links"] = {name: f"https://elsewhere.example{link}" for name, link in page["links"].items()}


_B = BrokenServer
SERVERS = [
    _B("next-at-the-end", ("list/pages",), "the last page has a link next", listed(_next_at_the_end)),
    _B("prev-is-self", ("list/way-back",), "prev leads to the same page", listed(_prev_is_self)),
    _B("first-is-self", ("list/way-back",), "first leads to the same page", listed(_first_is_self)),
    _B("next-forgets-size", ("list/links-keep-query",), "the links forget the page size", listed(_next_forgets_size)),
    _B(
        "first-forgets-filters",
        ("list/links-keep-query",),
        "the link first forgets a filter",
        listed(_first_forgets_filters),
    ),
    _B("token-once", ("list/way-back",), "a link can be followed once", _token_once()),
    _B("links-elsewhere", ("list/pages",), "links lead to another host", listed(_elsewhere)),
    _B(
        "session-flag-hides",
        ("list/session-flag-only-shows",),
        "a list with include_active_session shows only what has a session",
        listed(_only_in_session),
    ),
    _B(
        "session-flag-stale",
        ("list/session-flag-only-shows",),
        "a list with include_active_session tells an old updated_at",
        listed(_as_created),
    ),
    *(
        _B(
            f"{name}-forgets-session",
            ("list/links-keep-session",),
            f"the link {name} forgets include_active_session",
            _drop_session(name),
        )
        for name in ("self", "first", "next")
    ),
    _B(
        "links-forget-session",
        ("list/links-keep-session",),
        "all links forget include_active_session",
        _drop_session("self", "first", "next", "prev"),
    ),
]
