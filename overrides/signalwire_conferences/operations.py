"""The operations beside the update, as generators of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from .changes import checked_create, checked_id, checked_query, path_of
from .errors import ConferencesError, InvalidResponseError, NotFoundError, RateLimitError, shown
from .exchange import (
    Acquire,
    Answer,
    NoAnswer,
    Policy,
    Request,
    Steps,
    decoded,
    is_unsettled,
    may_have_been_carried_out,
    pause,
    repeated,
)
from .plan import changed_fields, expected_after
from .results import Conference, ConferencePage, view
from .target import Record, Settle, Target, put_of, read
from .values import decode_json, encode_json
from .verify import checked_conference

__all__ = ["Pages", "create", "delete", "get", "page", "replace"]

_CREATE, _LIST = "create_video_conference", "list_video_conferences"
_GET, _DELETE = "get_video_conference", "delete_video_conference"


def get(conference_id: object, include_active_session: bool, policy: Policy) -> Steps[Conference]:
    """Read one conference."""
    name = checked_id(conference_id)
    # Left out where it is false, so that an update's read and this one are the same request.
    asked = {"include_active_session": include_active_session or None}
    request = Request("GET", path_of(_GET, name), checked_query(_GET, asked), about=name)
    body, _ = yield from repeated(request, policy)
    return view(Conference, checked_conference(body, name, f"GET {request.path}"))


def page(query: Mapping[str, Any], policy: Policy) -> Steps[ConferencePage]:
    """Read one page."""
    return (yield from _page(Request("GET", path_of(_LIST), checked_query(_LIST, query)), policy))


class Pages:
    """The pages of a list, one after the other along the server's links.

    Args:
        query: of the first page.
        host: the client's own; no other gets a request.
        policy: repeats and waits.
    """

    def __init__(self, query: Mapping[str, Any], host: str, policy: Policy) -> None:
        self._request: Request | None = Request("GET", path_of(_LIST), checked_query(_LIST, query))
        self._host = host
        self._policy = policy
        self._followed: set[str] = set()

    @property
    def more(self) -> bool:
        """Whether there is a page to come."""
        return self._request is not None

    def next(self) -> Steps[ConferencePage]:
        """Read the next page.

        Raises:
            InvalidResponseError: its link is no string, leads elsewhere, or was followed before.
        """
        if self._request is None:
            raise AssertionError("there is no page left")
        page = yield from _page(self._request, self._policy)
        link = page.links.get("next")
        self._request = None if link in (None, "") else self._following(link)
        return page

    def _following(self, link: object) -> Request:
        path = _own_path(link, self._host)
        if path in self._followed:
            raise InvalidResponseError(f"The list leads in a circle: {path!r} was followed before.")
        self._followed.add(path)
        return Request("GET", path)


def create(fields: Mapping[str, Any], policy: Policy) -> Steps[Conference]:
    """Create a conference. Not repeated after an unknown outcome: that could make two."""
    request = Request("POST", path_of(_CREATE), content=encode_json(checked_create(fields)))
    outcome, body = yield from _sent_once(request, None, policy)
    if isinstance(body, ConferencesError):
        made = _id_in(outcome)
        if made is None:
            raise _with_state(outcome, body, "conference was created", "Look for it with `list`")
        body.conference_id, body.state = made, f"The conference was created, with the id {made!r}."
        raise body
    return view(Conference, body)


def delete(conference_id: object, policy: Policy) -> Steps[None]:
    """Delete a conference. A repetition that finds it gone has succeeded."""
    name = checked_id(conference_id)
    request = Request("DELETE", path_of(_DELETE, name), about=name)
    may_be_ours = False
    for attempt in range(policy.retries + 1):
        outcome = yield request
        if isinstance(outcome, Answer) and 200 <= outcome.status < 300:
            return
        error = decoded(outcome, request)
        if may_be_ours and isinstance(error, NotFoundError):
            return
        may_be_ours |= _may_be_done(outcome, error)
        if attempt == policy.retries or not is_unsettled(outcome):
            raise _with_state(outcome, error, "conference was deleted", "Read it")
        yield pause(attempt, outcome, policy, error)


def replace(target: Target, checked: Mapping[str, Any]) -> Steps[Conference]:
    """PUT this body as it is: what it leaves out is reset. Not repeated after an unknown outcome,
    so that it overwrites what somebody wrote meanwhile at most once.
    """
    request = put_of(target.conference_id, checked)
    entry = None
    if target.locked:
        yield Acquire(target.key)
    if target.journaled:
        try:
            image = yield from read(target)
            expected = changed_fields(image.body, expected_after(checked))
            entry = yield Record(target.key, image.body, expected)
        except ConferencesError as error:
            error.state = "The PUT was not sent; the conference is unchanged by this call."
            raise
    outcome, answer = yield from _sent_once(request, target.conference_id, target.policy)
    if isinstance(answer, ConferencesError):
        if entry is not None and not may_have_been_carried_out(outcome):
            yield Settle(entry, applied=False)
        raise _with_state(outcome, answer, "PUT was carried out", "Read the conference")
    if entry is not None:
        yield Settle(entry, applied=True, after=changed_fields(image.body, answer))
    return view(Conference, answer)


def _page(request: Request, policy: Policy) -> Steps[ConferencePage]:
    what = f"GET {request.path}"
    body, _ = yield from repeated(request, policy)
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise InvalidResponseError(f"The answer to {what} is no page: it has no list `data`.")
    if not isinstance(body.get("links"), dict):
        raise InvalidResponseError(f"The answer to {what} is no page: it has no `links`.")
    for number, item in enumerate(body["data"]):
        checked_conference(item, None, f"{what}, item {number}")
    return view(ConferencePage, body)


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
    if _bare(own.netloc) != _bare(host):
        # Without what stands before it: it may be credentials.
        raise InvalidResponseError(
            f"The link to the next page leads to another host: {shown(own.netloc.rpartition('@')[2])}."
        )
    return f"{own.path}?{own.query}" if own.query else own.path


def _bare(host: str) -> str:
    """A host without the port that goes without saying."""
    return host.lower().removesuffix(":443").removesuffix(":80")


def _sent_once(
    request: Request, conference_id: str | None, policy: Policy
) -> Steps[tuple[Answer | NoAnswer, Any]]:
    """Send, and repeat only what the server certainly did not carry out: 429, or never sent.

    Returns:
        The last outcome, and the conference of the answer or the error to raise.
    """
    for attempt in range(policy.retries + 1):
        outcome = yield request
        body = decoded(outcome, request)
        repeatable = outcome.status == 429 if isinstance(outcome, Answer) else not outcome.sent
        if not isinstance(body, ConferencesError) or not repeatable or attempt == policy.retries:
            break
        yield pause(attempt, outcome, policy, body)
    try:
        if not isinstance(body, ConferencesError):
            body = checked_conference(body, conference_id, f"{request.method} {request.path}")
    except InvalidResponseError as error:
        return outcome, error
    return outcome, body


def _id_in(outcome: Answer | NoAnswer) -> str | None:
    """The id in an answer of success that is no whole conference."""
    if not isinstance(outcome, Answer) or not 200 <= outcome.status < 300:
        return None
    try:
        body = decode_json(outcome.content)
    except ValueError:
        return None
    found = body.get("id") if isinstance(body, dict) else None
    return found if isinstance(found, str) else None


def _may_be_done(outcome: Answer | NoAnswer, error: object) -> bool:
    return may_have_been_carried_out(outcome) and not isinstance(error, RateLimitError)


def _with_state(
    outcome: Answer | NoAnswer, error: ConferencesError, what: str, advice: str
) -> ConferencesError:
    if _may_be_done(outcome, error):
        error.state = f"It is unknown whether the {what}."
        error.advice = f"{advice} before you call again."
    return error
