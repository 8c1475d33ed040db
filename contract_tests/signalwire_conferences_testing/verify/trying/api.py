"""The requests of a verification: recorded, patient with a rate limit, never past the deadline."""

from __future__ import annotations

import base64
import contextlib
import datetime
import email.utils
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx

from signalwire_conferences import contract

from .connections import Connections, Dropped, NotReached, TooLate, TooMuch
from .exchange import Credentials, Exchange, encoded

__all__ = ["SPENT", "UNSET", "Api", "NoAnswer", "OutOfTime", "basic"]

#: Why something was not tried any more.
SPENT = "the budget is spent"
#: Stands for a body that is not there; `None` is a JSON value.
UNSET: Any = object()

_LONGEST_WAIT = 10.0
_FIRST_WAIT = 0.25
# A create or a delete that is sent twice is another request.
_REPEATABLE = ("GET", "PUT")
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "signalwire-conferences-verify"}
_COLLECTION = ("list_video_conferences", "create_video_conference")
_ITEM = ("get_video_conference", "update_video_conference", "delete_video_conference")
_OPERATIONS = {
    name: {contract.operation(known).method: known for known in known_ids}
    for name, known_ids in (("collection", _COLLECTION), ("item", _ITEM))
}


class NoAnswer(Exception):  # noqa: N818 - it is a finding of the runner
    """No answer came to a request.

    Attributes:
        exchange: the request.
        why: what happened instead, in words.
    """

    def __init__(self, exchange: Exchange, why: str) -> None:
        super().__init__(f"{exchange.method} {exchange.url}: {why}")
        self.exchange = exchange
        self.why = why


class OutOfTime(Exception):  # noqa: N818 - likewise
    """The deadline of the run is over."""


def basic(pair: str, shown: str, *, right: bool = False) -> Credentials:
    """Credentials of a `user:password` pair."""
    return Credentials("Basic " + base64.b64encode(pair.encode()).decode(), shown, right)


class Api:
    """Sends requests to the server under test.

    Args:
        base_url: scheme, authority and, where there is one, a path before `/api`.
        credentials: those that are right.
        timeout: seconds for one attempt, from the connection to the last byte.
        deadline: time of `time.monotonic` after which nothing is sent.
        seen: called with each exchange.
        allows: whether a request may be sent at all; a guard against writing where it is not wanted.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        timeout: float,
        deadline: float,
        seen: Callable[[Exchange], None],
        allows: Callable[[str, str], bool] = lambda _method, _path: True,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.credentials = credentials
        self.deadline = deadline
        self.sent = 0
        self._usual = True
        self._timeout = timeout
        self._seen = seen
        self._allows = allows
        self._connections = Connections(base_url)

    def close(self) -> None:
        """Closes the connections."""
        self._connections.close()

    @contextlib.contextmanager
    def unusual(self) -> Iterator[None]:
        """For requests that a proxy in front of the server may answer in its own way."""
        self._usual = False
        try:
            yield
        finally:
            self._usual = True

    def as_given(self, authorization: str | None) -> Credentials:
        """The credentials of a header that somebody else sent."""
        if authorization == self.credentials.header:
            return self.credentials
        return Credentials(authorization, "Basic <wrong>")

    def path(self, conference_id: str | None = None) -> str:
        """Path of a conference, or of all of them."""
        if conference_id is None:
            return contract.operation("list_video_conferences").path
        known = contract.operation("get_video_conference").path
        return known.replace("{id}", quote(conference_id, safe=""))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = UNSET,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
    ) -> Exchange:
        """One request and its answer. At a 429 it waits and tries again.

        Raises:
            NoAnswer: none came.
            OutOfTime: the deadline is over.
        """
        url = f"{self.base_url}{path}"
        if query:
            url += ("&" if "?" in url else "?") + str(httpx.QueryParams(query))
        if json is not UNSET:
            content = encoded(json)
        fields = dict(headers or {})
        if content is not None and not any(name.lower() == "content-type" for name in fields):
            fields["Content-Type"] = "application/json"
        return self._answered(method, url, fields, content, credentials or self.credentials)

    def follow(self, link: str) -> Exchange:
        """A GET of a link of an answer, absolute or path-only."""
        first = urlsplit(urljoin(f"{self.base_url}/", link))
        # The credentials are for this host only. A link that leads to another is found broken by the
        # promises on links; those that are about other things go on.
        own = urlsplit(self.base_url)
        url = first._replace(scheme=own.scheme, netloc=own.netloc).geturl()
        return self._answered("GET", url, {}, None, self.credentials)

    def _answered(
        self,
        method: str,
        url: str,
        fields: Mapping[str, str],
        content: bytes | None,
        credentials: Credentials,
    ) -> Exchange:
        path = urlsplit(url).path
        if not self._allows(method, path):
            raise PermissionError(f"{method} {path} is not allowed in this run")
        wait = _FIRST_WAIT
        while True:
            exchange = Exchange(self.operation(method, url), method, url, fields, content, credentials)
            exchange.usual = self._usual
            self._attempt(exchange)
            self._seen(exchange)
            if exchange.status != 429:
                return exchange
            pause = min(_retry_after(exchange) or wait, _LONGEST_WAIT)
            if time.monotonic() + pause > self.deadline:
                raise OutOfTime("the server kept answering 429 (rate limit) until the budget was spent")
            time.sleep(pause)
            wait *= 2

    def _attempt(self, exchange: Exchange) -> None:
        """Sends the request, on an older connection only where it does no harm to send it once more."""
        fresh = exchange.method not in _REPEATABLE
        for again in (not fresh, False):
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise OutOfTime(SPENT)
            try:
                self._once(exchange, min(self._timeout, left + 0.5), fresh=fresh)
            except TooLate as late:
                if time.monotonic() > self.deadline:
                    raise OutOfTime(SPENT) from None
                what = "no whole answer" if late.begun else "no answer"
                raise NoAnswer(exchange, f"{what} within {self._timeout:g} seconds") from None
            except TooMuch as much:
                raise NoAnswer(exchange, f"the answer has {much}") from None
            except NotReached as error:
                raise NoAnswer(exchange, f"no connection ({error})") from None
            except Dropped as dropped:
                # A server may close an idle connection at any time, also while we send.
                if not (again and dropped.stale):
                    why = f"the connection was closed without a whole answer ({dropped})"
                    raise NoAnswer(exchange, why) from None
            else:
                return

    def _once(self, exchange: Exchange, timeout: float, *, fresh: bool) -> None:
        given = {name.lower() for name in exchange.headers}
        headers = {name: value for name, value in _HEADERS.items() if name.lower() not in given}
        headers |= exchange.headers
        if exchange.credentials.header is not None:
            headers["Authorization"] = exchange.credentials.header
        # A header beyond ASCII goes as UTF-8, as curl sends it.
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.sent += 1
        request = httpx.Request(exchange.method, exchange.url, headers=raw, content=exchange.content)
        response = self._connections.ask(request, timeout, fresh=fresh)
        exchange.status = response.status_code
        exchange.answer_headers = response.headers
        exchange.answer = response.content
        exchange.note_creation()

    def operation(self, method: str, url: str) -> str | None:
        """The operation of the contract that a request is for."""
        path = urlsplit(url).path.removeprefix(urlsplit(self.base_url).path)
        if path == self.path():
            return _OPERATIONS["collection"].get(method)
        rest = path.removeprefix(self.path() + "/")
        return _OPERATIONS["item"].get(method) if rest != path and rest and "/" not in rest else None


def _retry_after(exchange: Exchange) -> float | None:
    """Seconds that the server asks to wait, given as such or as an HTTP date."""
    said = exchange.answer_headers.get("retry-after")
    if not said:
        return None
    try:
        return max(float(said), 0.05)
    except ValueError:
        pass
    try:
        due = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    return max((due - datetime.datetime.now(datetime.UTC)).total_seconds(), 0.05)
