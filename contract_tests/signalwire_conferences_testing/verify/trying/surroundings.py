"""Before a verification: whether there is a server of this API, and what conferences it has."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import Factory, define

from .api import Api, BadLink, NoAnswer, OutOfTime
from .created import carries, is_leftover
from .exchange import stays_in_path
from .samples import page_sizes

_TIME_TO_LOOK = 0.15  # of the budget, for the list of what was there before
_MOST_READ = 20  # conferences
_SESSION = "active_session"


class CannotRun(Exception):  # noqa: N818 - it is an outcome
    """The server cannot be verified; the text says why and what to do."""


@define
class Surroundings:
    """What was there before the run."""

    ids: list[str] = Factory(list)  # of the conferences
    with_session: list[Mapping[str, Any]] = Factory(list)  # conferences that have an active session
    leftovers: list[str] = Factory(list)  # ids of those that an earlier verification made


def reach(api: Api, named: str | None) -> None:
    """A first request; `CannotRun` where there is no server of this API, it does not let us in, or it has not the
    conference that is named to be written to.
    """
    url = api.base_url
    try:
        exchange = api.send("GET", api.path(), query={"page_size": "1"})
    except NoAnswer as silence:
        hint = "" if "certificate" in silence.why or "proxy" in silence.why else " Is the server running there?"
        raise CannotRun(f"{url} does not answer: {silence.why}.{hint}") from None
    except OutOfTime as late:
        raise CannotRun(f"{url} could not be reached: {late}") from None
    if 300 <= exchange.status < 400:
        where = exchange.answer_headers.get("location", "nowhere")
        raise CannotRun(f"{exchange.url} redirects ({exchange.status}) to {where}: give the URL that it leads to.")
    if exchange.status in (401, 403):
        raise CannotRun(
            f"{url} refuses the credentials ({exchange.status}): SIGNALWIRE_PROJECT_ID and"
            " SIGNALWIRE_API_TOKEN have to be those of the server, and the token needs the scope Video."
        )
    if not isinstance(exchange.value, dict):
        said = exchange.answer_headers.get("content-type", "no content type")
        raise CannotRun(
            f"{exchange.url} is no server of this API: it answers {exchange.status} with {said},"
            " not with a JSON object that can be read. Is the URL right?"
        )
    if exchange.status == 404:
        raise CannotRun(f"{exchange.url} does not exist there (404). Is the URL right?")
    if named is not None and not (stays_in_path(named) and api.send("GET", api.path(named)).status < 400):
        raise CannotRun(f"{url} has no conference {named!r}, which --conference names. Nothing was written.")


class _NoPageError(Exception):
    """A list was not answered with a page."""


def look_around(api: Api) -> Surroundings:
    """What is there, as far as the list tells of it in a part of the time."""
    found = Surroundings()
    until = time.monotonic() + (api.deadline - time.monotonic()) * _TIME_TO_LOOK
    with contextlib.suppress(_NoPageError, BadLink):
        for one in _listed(api, until, include_active_session="true"):
            found.ids.append(one["id"])
            if one.get(_SESSION):
                found.with_session.append(one)
            if is_leftover(one):
                found.leftovers.append(one["id"])
    if not found.with_session:  # where the list tells of none
        asked = {"include_active_session": "true"}
        values = [api.send("GET", api.path(one), query=asked).value for one in found.ids[:_MOST_READ]]
        found.with_session = [one for one in values if isinstance(one, dict) and one.get(_SESSION) and _has_id(one)]
    return found


def of_run(api: Api, marks: Sequence[str]) -> tuple[list[str], bool]:
    """Ids of the conferences of a run, and whether the list could be read to its end for them."""
    found: list[str] = []
    with contextlib.suppress(_NoPageError, BadLink, NoAnswer, OutOfTime):
        # What was found before the list ended too early is found all the same.
        found.extend(one["id"] for one in _listed(api) if carries(one, *marks))
        return found, True
    return found, False


def _listed(api: Api, until: float | None = None, **query: str) -> Iterator[Mapping[str, Any]]:
    """The conferences that a list shows, page by page until then."""
    exchange = api.send("GET", api.path(), query={**query, "page_size": str(page_sizes()[1])})
    shown: set[str] = set()
    while True:
        if not exchange.succeeded or not isinstance(exchange.value, dict):
            raise _NoPageError
        data, links = exchange.value.get("data"), exchange.value.get("links")
        new = [one for one in data if isinstance(one, dict) and _has_id(one)] if isinstance(data, list) else []
        new = [one for one in new if one["id"] not in shown]
        yield from new
        link = links.get("next") if isinstance(links, dict) else None
        late = until is not None and time.monotonic() > until
        if not new or not isinstance(link, str) or late:
            return
        shown |= {one["id"] for one in new}
        exchange = api.follow(exchange, "next")


def _has_id(conference: Mapping[str, Any]) -> bool:
    return stays_in_path(conference.get("id"))
