"""Before a verification: whether there is a server of this API, and what conferences it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import Factory, define

from .api import Api, NoAnswer, OutOfTime
from .own import is_leftover
from .report import CannotRun
from .samples import page_sizes

__all__ = ["Surroundings", "look_around", "reach"]

_MOST_PAGES = 5
_MOST_READ = 20  # conferences
_SESSION = "active_session"


@define
class Surroundings:
    """What was there before the run.

    Attributes:
        with_session: conferences that have an active session.
        leftovers: ids of conferences that an earlier verification made.
    """

    with_session: list[Mapping[str, Any]] = Factory(list)
    leftovers: list[str] = Factory(list)


def reach(api: Api) -> None:
    """A first request.

    Raises:
        CannotRun: there is no server of this API, or it does not let us in.
    """
    url = api.base_url
    try:
        exchange = api.send("GET", api.path(), query={"page_size": "1"})
    except NoAnswer as silence:
        raise CannotRun(f"{url} does not answer: {silence.why}. Is the server running there?") from None
    except OutOfTime as late:
        raise CannotRun(f"{url} could not be reached: {late}") from None
    if 300 <= exchange.status < 400:
        where = exchange.answer_headers.get("location", "nowhere")
        raise CannotRun(
            f"{exchange.url} redirects ({exchange.status}) to {where}: give the URL that it leads to."
        )
    if exchange.status in (401, 403):
        raise CannotRun(
            f"{url} refuses the credentials ({exchange.status}): SIGNALWIRE_PROJECT_ID and"
            " SIGNALWIRE_API_TOKEN have to be those of the server, and the token needs the scope Video."
        )
    if not isinstance(exchange.value, dict):
        said = exchange.answer_headers.get("content-type", "no content type")
        raise CannotRun(
            f"{exchange.url} is no server of this API: it answers {exchange.status} with {said},"
            " not with a JSON object. Is the URL right?"
        )
    if exchange.status == 404:
        raise CannotRun(f"{exchange.url} does not exist there (404). Is the URL right?")


def look_around(api: Api, run: str = "") -> Surroundings:
    """What is there, on the first few pages.

    Args:
        api: sends requests.
        run: only leftovers of this run count, by default those of all.
    """
    found = Surroundings()
    others: list[str] = []
    exchange = api.send(
        "GET", api.path(), query={"include_active_session": "true", "page_size": str(page_sizes()[1])}
    )
    for _ in range(_MOST_PAGES):
        value = exchange.value if exchange.status == 200 and isinstance(exchange.value, dict) else {}
        data, links = value.get("data"), value.get("links")
        for one in data if isinstance(data, list) else []:
            if not isinstance(one, dict) or not isinstance(one.get("id"), str):
                continue
            others.append(one["id"])
            if one.get(_SESSION):
                found.with_session.append(one)
            if is_leftover(one, run):
                found.leftovers.append(one["id"])
        link = links.get("next") if isinstance(links, dict) else None
        if not data or not isinstance(link, str):
            break
        exchange = api.follow(link)
    if not found.with_session and not run:
        found.with_session = _read_one_by_one(api, others[:_MOST_READ])
    return found


def _read_one_by_one(api: Api, ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """Those that have a session, where the list tells of none."""
    found: list[Mapping[str, Any]] = []
    for one in ids:
        value = api.send("GET", api.path(one), query={"include_active_session": "true"}).value
        if isinstance(value, dict) and value.get(_SESSION) and isinstance(value.get("id"), str):
            found.append(value)
    return found
