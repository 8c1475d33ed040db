"""The operations beside the update, as generators of steps."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never
from urllib.parse import urljoin, urlsplit

from .changes import checked_create, checked_id, checked_query, path_of
from .comparison import verify_body
from .errors import ApiError, ConferencesError, InvalidResponseError, State, short_repr
from .hosts import canonical_host
from .plan import Entry, assumed_after, changed_fields
from .results import Conference, ConferencePage, view
from .steps import (
    Acquire,
    Deferred,
    Done,
    NotSent,
    Outcome,
    Policy,
    Recall,
    Record,
    Refused,
    Release,
    Request,
    Settle,
    Steps,
    Unknown,
    pause,
    repeated,
)
from .target import Target, get_of, put_of, read
from .values import encode_json

_LIST: Final = "list_video_conferences"
_MOST_EMPTY_PAGES: Final = 10  # in a row; each costs a request and brings nothing


def get(conference_id: object, include_active_session: bool, policy: Policy) -> Steps[Conference]:
    """Read one conference."""
    name = checked_id(conference_id)
    # Left out where it is false, so that an update's read and this one are the same request.
    asked = {"include_active_session": include_active_session or None}
    done = yield from repeated(get_of(name, checked_query("get_video_conference", asked)), policy)
    return view(Conference, done.body)


def history(target: Target) -> Steps[Sequence[Entry]]:
    """The entries of the journal, the latest first."""
    target.require_journal()
    return (yield from Recall(target.key))


def page(query: Mapping[str, Any], policy: Policy) -> Steps[ConferencePage]:
    """Read one page."""
    return (yield from Pages(query, "", policy).read())


class Pages:
    """The pages of a list, one after the other along the server's links.

    Args:
        query: of the first page.
        host: the client's own; no other gets a request.
        policy: repeats and waits.
    """

    def __init__(self, query: Mapping[str, Any], host: str, policy: Policy) -> None:
        self._request = Request("GET", path_of(_LIST), "page", query=checked_query(_LIST, query))
        self._host = host
        self._policy = policy
        self._followed: set[str] = set()
        self._empty = 0
        self.more = True

    def read(self) -> Steps[ConferencePage]:
        """Read the page."""
        done = yield from repeated(self._request, self._policy)
        return view(ConferencePage, done.body)

    def next(self) -> Steps[ConferencePage]:
        """Read the page, and look for the one after it.

        Raises:
            InvalidResponseError: its link is no string, leads elsewhere, or was followed before; or
                the list goes on without bringing anything.
        """
        page = yield from self.read()
        link = page["links"].get("next")
        self.more = link not in (None, "")
        if self.more:
            self._empty = 0 if page["data"] else self._empty + 1
            self._request = Request("GET", self._following(link), "page")
        return page

    def _following(self, link: object) -> str:
        path = _own_path(link, self._host)
        if path in self._followed:
            raise InvalidResponseError(f"The list leads in a circle: {short_repr(path)} was followed before.")
        if self._empty > _MOST_EMPTY_PAGES:
            raise InvalidResponseError(
                f"The list does not end: {self._empty} pages in a row are empty, and link to a next one."
            )
        self._followed.add(path)
        return path


def create(fields: Mapping[str, Any], policy: Policy) -> Steps[Conference]:
    """Create a conference. Not repeated after an unknown outcome: that could make two."""
    path = path_of("create_video_conference")
    request = Request("POST", path, "conference", content=encode_json(checked_create(fields)))
    match (yield from _sent_once(request, policy)):
        case Done(body):
            return view(Conference, body)
        case Unknown(InvalidResponseError(body={"id": str(made)}) as error):
            error.conference_id, error.state = made, f"The conference was created, with the id {made!r}."
            raise error
        case Unknown() as unknown:
            raise _told(unknown, "conference was created", "Look for it with `list`")
        case Refused(error) | NotSent(error) | Deferred(error):
            error.state = f"No conference{_named(fields)} was created."
            raise error


def delete(conference_id: object, policy: Policy) -> Steps[None]:
    """Delete a conference. A repetition that finds it gone has succeeded."""
    name = checked_id(conference_id)
    request = Request("DELETE", path_of("delete_video_conference", name), "nothing", about=name)
    unknown: Unknown | None = None
    for attempt in itertools.count():
        match (yield from request):
            case Done():
                return
            case Unknown(error, may_land):
                unknown = Unknown(error, may_land or (unknown is not None and unknown.may_land))
                if (yield from _is_gone_now(name, unknown, policy)):
                    return
            case Refused(error) | Deferred(error) | NotSent(error) as outcome:
                if unknown is not None and isinstance(outcome, Refused) and _is_gone(error):
                    return
                error.state = "The conference was not deleted."
                if unknown is not None:
                    _told(Unknown(error, unknown.may_land), "conference was deleted", "Read it")
                if isinstance(outcome, Refused):
                    raise error
            case never:
                assert_never(never)
        if attempt >= policy.retries:
            raise error
        yield from pause(attempt, error, policy)


def replace(target: Target, checked: Mapping[str, Any]) -> Steps[Conference]:
    """PUT this body as it is: what it leaves out is reset. Not repeated after an unknown outcome,
    so that it overwrites what somebody wrote meanwhile at most once.
    """
    entry, before = None, dict[str, Any]()
    if target.locked:
        yield from target.noting(Acquire(target.key), State.UNCHANGED.value)
    if target.journaled:
        try:
            before = (yield from read(target)).body
            entry = yield from Record(target.key, before, changed_fields(before, assumed_after(checked)))
        except ConferencesError as unread:
            unread.state = f"The PUT was not sent. {State.UNCHANGED.value}"
            raise
    match (yield from _sent_once(put_of(target.conference_id, checked), target.policy)):
        case Done(body):
            now = yield from _looked_again(target, checked, body)
            after = changed_fields(before, now)
            # A PUT that is answered with success and changed nothing that was asked may still land.
            if entry is not None and (after or not verify_body(checked, now).differences):
                yield from Settle(entry, applied=True, after=after)
            if target.locked:
                yield from target.noting(Release(), "The PUT was carried out.")
            return view(Conference, now)
        case Unknown() as unknown:
            raise _told(unknown, "PUT was carried out", "Read the conference")
        case Refused(error) | NotSent(error) | Deferred(error) as outcome:
            if entry is not None and not isinstance(outcome, Deferred):
                yield from Settle(entry, applied=False)
            state = State.DEFERRED if isinstance(outcome, Deferred) else State.UNCHANGED
            error.state = state.value
            raise error


def _looked_again(
    target: Target, checked: Mapping[str, Any], answer: dict[str, Any]
) -> Steps[dict[str, Any]]:
    """The conference after a PUT. Its answer may be stale: where it is not as asked, look again."""
    try:
        return (yield from read(target)).body if verify_body(checked, answer).differences else answer
    except ConferencesError as error:
        error.state = "The PUT was answered with success, and the conference could not be read since."
        raise


def _sent_once(request: Request, policy: Policy) -> Steps[Outcome]:
    """Send, and repeat only what the server certainly did not carry out: 429, or never sent."""
    for attempt in itertools.count():
        match (yield from request):
            case Deferred(error) | NotSent(error) if attempt < policy.retries:
                yield from pause(attempt, error, policy)
            case outcome:
                return outcome
    raise AssertionError("unreachable")


def _is_gone(error: ConferencesError) -> bool:
    return isinstance(error, ApiError) and error.status_code in (404, 410)


def _is_gone_now(name: str, unknown: Unknown, policy: Policy) -> Steps[bool]:
    """Whether a conference is gone, after a DELETE whose answer says nothing."""
    error = _told(unknown, "conference was deleted", "Read it")
    if not isinstance(error, InvalidResponseError):
        return False
    try:
        yield from repeated(get_of(name), policy)
    except ConferencesError as found:
        error.state += f" Reading it failed too: {found.message}"
        return _is_gone(found)
    error.state = "Read since, the conference is still there."
    return False


def _named(fields: Mapping[str, Any]) -> str:
    return f" with the name {short_repr(fields['name'])}" if fields.get("name") is not None else ""


def _told(unknown: Unknown, what: str, advice: str) -> ConferencesError:
    """The error of an unknown outcome."""
    may_land = " It may still happen." if unknown.may_land else ""
    unknown.error.state = f"It is unknown whether the {what}.{may_land}"
    unknown.error.advice = f"{advice} before you call again."
    return unknown.error


def _own_path(link: object, host: str) -> str:
    """Path and query of a link, if it stays on this host."""
    if not isinstance(link, str):
        raise InvalidResponseError(f"The link to the next page is no string but a {type(link).__name__}.")
    try:
        link.encode()
        # The scheme does not matter: a server behind a proxy may not know its own.
        own = urlsplit(urljoin(f"https://{host}{path_of(_LIST)}", link))
    except ValueError as error:
        raise InvalidResponseError(f"The link to the next page is no link ({error}).") from None
    # Nor does the port that goes without saying with another scheme.
    if canonical_host(own.netloc.removesuffix(":80")) != canonical_host(host):
        # Without what stands before it: it may be credentials.
        where = short_repr(own.netloc.rpartition("@")[2])
        raise InvalidResponseError(f"The link to the next page leads to another host: {where}.")
    return f"{own.path}?{own.query}" if own.query else own.path
