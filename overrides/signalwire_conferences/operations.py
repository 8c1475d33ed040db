"""The operations beside the update, as generators of steps."""

import itertools
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from .changes import checked_create, checked_id, checked_query, path_of
from .comparison import verify_body
from .contract import Json
from .errors import ApiError, ConferencesError, InvalidResponseError, State, short_repr
from .hosts import Address, canonical_host, has_dot_segments
from .plan import assumed_after, changed_fields
from .results import Conference, ConferencePage, view
from .steps import Deferred, Done, Policy, Record, Refused, Request, Settle, Steps, Unknown, pause, repeated, sent_once
from .target import Target, get_of, put_of, read
from .values import encode_json

_LIST: Final = "list_video_conferences"
_MOST_EMPTY_PAGES: Final = 10  # in a row; each costs a request and brings nothing


def get(conference_id: object, include_active_session: bool, policy: Policy) -> Steps[Conference]:
    name = checked_id(conference_id)
    # Left out where it is false, so that an update's read and this one are the same request.
    asked = {"include_active_session": include_active_session or None}
    request = get_of(name, checked_query("get_video_conference", asked))
    done = yield from repeated(request, policy)
    return view(Conference, done.body, request_id=done.request_id)


def page(query: Json, policy: Policy) -> Steps[ConferencePage]:
    return (yield from Pages(query, Address("https", ""), policy).read())


class Pages:
    """The pages of a list, along the server's links as long as they lead to the client's own server."""

    def __init__(self, query: Json, address: Address, policy: Policy) -> None:
        self._request = Request("GET", path_of(_LIST), "page", query=checked_query(_LIST, query))
        self._address, self._policy = address, policy
        self._followed: set[str] = set()
        self._empty = 0
        self.more = True

    def read(self) -> Steps[ConferencePage]:
        done = yield from repeated(self._request, self._policy)
        return view(ConferencePage, done.body, request_id=done.request_id)

    def next(self) -> Steps[ConferencePage]:
        page = yield from self.read()
        link = page["links"].get("next")
        self.more = link not in (None, "")
        if self.more:
            self._empty = 0 if page["data"] else self._empty + 1
            self._request = Request("GET", self._following(link), "page")
        return page

    def _following(self, link: object) -> str:
        if not isinstance(link, str):
            raise InvalidResponseError(f"The link to the next page is not a string but a {type(link).__name__}.")
        _, host, prefix = self._address
        try:
            link.encode()
            # The scheme does not matter: a server behind a proxy may not know its own.
            own = urlsplit(urljoin(f"https://{host}{prefix}{path_of(_LIST)}", link))
        except ValueError as error:
            raise InvalidResponseError(f"The link to the next page is not a link ({error}).") from None
        # Nor does the port that goes without saying with another scheme.
        if canonical_host(own.netloc.removesuffix(":80")) != canonical_host(host.removesuffix(":80")):
            # Without what stands before it: it may be credentials.
            where = short_repr(own.netloc.rpartition("@")[2])
            raise InvalidResponseError(f"The link to the next page leads to another host: {where}.")
        path = own.path or "/"
        if prefix:
            # A server may not know the prefix under which it is reached.
            inside = path.startswith((f"{prefix}/", path_of(_LIST))) and not has_dot_segments(path)
            if not inside:
                said = short_repr(self._address.url)
                raise InvalidResponseError(f"The link to the next page leads out of {said}: {short_repr(path)}.")
            path = path.removeprefix(prefix)
        path = f"{path}?{own.query}" if own.query else path
        if path in self._followed:
            raise InvalidResponseError(f"The list leads in a circle: {short_repr(path)} was followed before.")
        if self._empty > _MOST_EMPTY_PAGES:
            raise InvalidResponseError(f"The list does not end: {self._empty} pages in a row are empty but for a link.")
        self._followed.add(path)
        return path


def create(fields: Json, policy: Policy) -> Steps[Conference]:
    """Create a conference. Not repeated after an unknown outcome: that could make two."""
    path = path_of("create_video_conference")
    request = Request("POST", path, "conference", content=encode_json(checked_create(fields)))
    match (yield from sent_once(request, policy)):
        case Done(body, request_id=request_id):
            return view(Conference, body, request_id=request_id)
        case Unknown(InvalidResponseError(body={"id": str(made)}) as error):
            error.conference_id, error.state = made, f"The conference was created, with the id {made!r}."
            raise error
        case Unknown() as unknown:
            raise _told(unknown, "conference was created", "Look for it with `list`")
        case failed:
            named = f" with the name {short_repr(fields['name'])}" if fields.get("name") is not None else ""
            failed.error.state = f"No conference{named} was created."
            raise failed.error


def delete(conference_id: object, policy: Policy) -> Steps[None]:
    """Delete a conference. A repetition that finds it gone has succeeded."""
    name = checked_id(conference_id)
    request = Request("DELETE", path_of("delete_video_conference", name), "nothing", about=name)
    may_land: bool | None = None  # of one of unknown outcome, if there was one
    for attempt in itertools.count():
        match (yield from request):
            case Done():
                return
            case Unknown(error, this_may):
                may_land = this_may or bool(may_land)
                if (yield from _is_gone_now(name, Unknown(error, may_land), policy)):
                    return
            case Refused(error) if may_land is not None and _is_gone(error):
                return
            case failed:
                error = failed.error
                error.state = "The conference was not deleted."
                if may_land is not None:
                    _told(Unknown(error, may_land), "conference was deleted", "Read it")
                if isinstance(failed, Refused):
                    raise error
        if attempt >= policy.retries:
            raise error
        yield from pause(attempt, error, policy)


def replace(target: Target, checked: Json) -> Steps[Conference]:
    """PUT this body as it is. Not repeated after an unknown outcome, to overwrite somebody else's at most once."""
    entry, before = None, dict[str, Any]()
    yield from target.acquire(State.UNCHANGED.value)
    if target.journaled:
        try:
            before = (yield from read(target)).body
            after = changed_fields(before, assumed_after(checked))
            entry = yield from Record(target.key, before, after, target.change_set)
        except ConferencesError as unread:
            unread.state = f"The PUT was not sent. {State.UNCHANGED.value}"
            raise
    match (yield from sent_once(put_of(target.conference_id, checked), target.policy)):
        case Done(body, request_id=request_id):
            now = yield from _looked_again(target, checked, body)
            after = changed_fields(before, now)
            # A PUT that is answered with success and changed nothing that was asked may still land.
            if entry is not None and (after or not verify_body(checked, now).differences):
                yield from Settle(entry, applied=True, after=after)
            yield from target.release("The PUT was carried out.")
            return view(Conference, now, request_id=request_id)
        case Unknown() as unknown:
            raise _told(unknown, "PUT was carried out", "Read the conference")
        case failed:
            if entry is not None and not isinstance(failed, Deferred):
                yield from Settle(entry, applied=False)
            failed.error.state = (State.DEFERRED if isinstance(failed, Deferred) else State.UNCHANGED).value
            raise failed.error


def _looked_again(target: Target, checked: Json, answer: dict[str, Any]) -> Steps[dict[str, Any]]:
    """The conference after a PUT. Its answer may be stale: where it is not as asked, look again."""
    try:
        return (yield from read(target)).body if verify_body(checked, answer).differences else answer
    except ConferencesError as error:
        error.state = "The PUT was answered with success, and the conference could not be read since."
        raise


def _is_gone(error: ConferencesError) -> bool:
    return isinstance(error, ApiError) and error.status_code in (404, 410)


def _is_gone_now(name: str, unknown: Unknown, policy: Policy) -> Steps[bool]:
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


def _told(unknown: Unknown, what: str, advice: str) -> ConferencesError:
    may_land = " It may still happen." if unknown.may_land else ""
    unknown.error.state = f"It is unknown whether the {what}.{may_land}"
    unknown.error.advice = f"{advice} before you call again."
    return unknown.error
