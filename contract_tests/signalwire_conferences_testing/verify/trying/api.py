"""The requests of a verification: recorded, patient with a rate limit, never past the deadline."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx

from signalwire_conferences import contract
from signalwire_conferences.outcomes import retry_after
from signalwire_conferences_api.table import OPERATIONS

from .exchange import Credentials, Exchange, encoded
from .http import ONE, Http, Limits, NoResponse, page_limits
from .samples import page_sizes

#: Why something was not tried any more.
SPENT = "the budget is spent"
#: Stands for a body that is not there; `None` is a JSON value.
UNSET: Any = object()

_LONGEST_WAIT, _FIRST_WAIT = 10.0, 0.25  # seconds
_LEAST_WAIT = 0.02  # where a server answers 429 and says that there is nothing to wait for
# A create or a delete that is sent twice is another request.
_REPEATABLE = ("GET", "PUT")
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "signalwire-conferences-verify"}
_ROOT = contract.operation("list_video_conferences").path
#: Whether it is about one conference, method -> id.
_OPERATIONS: Mapping[tuple[bool | None, str], str] = {
    (one.path != _ROOT, one.method): name for name, one in OPERATIONS.items()
}


class NoAnswer(Exception):  # noqa: N818 - it is a finding of the runner
    """No answer came to a request."""

    def __init__(self, exchange: Exchange, why: str) -> None:
        super().__init__(f"{exchange.method} {exchange.url}: {why}")
        self.exchange = exchange
        self.why = why


class OutOfTime(Exception):  # noqa: N818 - likewise
    """The deadline of the run is over."""


class BadLink(Exception):  # noqa: N818 - likewise
    """A link of an answer is not a URL."""


class Api:
    """Sends requests to the server under test.

    Args:
        base_url: scheme, authority and, where there is one, a path before `/api`.
        credentials: those that are right.
        timeout: seconds for one attempt, from the connection to the last byte.
        deadline: time of `time.monotonic` after which nothing is sent.
    """

    #: Called with each exchange.
    seen: Callable[[Exchange], None]
    #: Called with the method and the id in the path before what is not a GET; raises where it is not to be sent.
    guard: Callable[[str, str | None], None]

    def __init__(self, base_url: str, credentials: Credentials, *, timeout: float, deadline: float) -> None:
        self.base_url = base_url.rstrip("/")
        self.credentials = credentials
        self.deadline = deadline
        self.sent = 0
        self.quiet = False  # whether what is sent is no part of what a promise is about
        self._usual = True
        self._timeout = timeout
        self._http = Http(base_url)
        self.close = self._http.close

    @contextlib.contextmanager
    def _with(self, name: str, value: bool) -> Iterator[None]:
        before = getattr(self, name)
        setattr(self, name, value)
        try:
            yield
        finally:
            setattr(self, name, before)

    def unusual(self) -> contextlib.AbstractContextManager[None]:
        """For requests that a proxy in front of the server may answer in its own way."""
        return self._with("_usual", False)

    def quietly(self) -> contextlib.AbstractContextManager[None]:
        """For requests that no promise is about."""
        return self._with("quiet", True)

    def extend(self, seconds: float) -> None:
        """Makes sure that there is so much time left."""
        self.deadline = max(self.deadline, time.monotonic() + seconds)

    def path(self, conference_id: str | None = None) -> str:
        return _ROOT if conference_id is None else f"{_ROOT}/{quote(conference_id, safe='')}"

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
            NotOurs: it might change a conference of somebody else.
        """
        url = f"{self.base_url}{path}"
        if query:
            url += ("&" if "?" in url else "?") + str(httpx.QueryParams(query))
        if json is not UNSET:
            content = encoded(json)
        fields = dict(headers or {})
        if content is not None and not any(name.lower() == "content-type" for name in fields):
            fields["Content-Type"] = "application/json"
        return self.answered(self.exchange(method, url, fields, content, credentials or self.credentials))

    def follow(self, page: Exchange, name: str) -> Exchange:
        """A GET of a link of a page, absolute or path-only; `BadLink` where it is not a URL."""
        try:
            first = urlsplit(urljoin(f"{self.base_url}/", page.value["links"][name]))
            # The credentials are for this host only. A link that leads to another is found broken by the
            # promises on links; those that are about other things go on.
            own = urlsplit(self.base_url)
            url = str(httpx.URL(first._replace(scheme=own.scheme, netloc=own.netloc).geturl()))
        except (ValueError, TypeError, LookupError, AttributeError, httpx.InvalidURL) as error:
            raise BadLink(f"the link {name} is not a URL ({error})") from None
        exchange = self.exchange("GET", url, {}, None, self.credentials)
        exchange.link = (page, name)
        return self.answered(exchange)

    def exchange(
        self, method: str, url: str, fields: Mapping[str, str], content: bytes | None, credentials: Credentials
    ) -> Exchange:
        operation = _OPERATIONS.get((self._is_item(url), method))
        return Exchange(operation, method, url, fields, content, credentials)

    def answered(self, request: Exchange) -> Exchange:
        """The same request with its answer; see `send`."""
        if request.method != "GET":
            self.guard(request.method, None if self._is_item(request.url) is False else request.about)
        wait = _FIRST_WAIT
        while True:
            exchange = self.exchange(request.method, request.url, request.headers, request.content, request.credentials)
            exchange.usual, exchange.link = self._usual, request.link
            self._attempt(exchange)
            self.seen(exchange)
            if exchange.status != 429:
                return exchange
            if "retry-after" in exchange.answer_headers:
                wait = max(retry_after(exchange.answer_headers, time.time()) or 0.0, _LEAST_WAIT)
            wait = min(wait, _LONGEST_WAIT)
            if time.monotonic() + wait > self.deadline:
                raise OutOfTime("the server kept answering 429 (rate limit) until the budget was spent")
            time.sleep(wait)
            wait *= 2

    def _attempt(self, exchange: Exchange) -> None:
        """Sends the request, on an older connection only where it does no harm to send it once more."""
        fresh = exchange.method not in _REPEATABLE
        for again in (not fresh, False):
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise OutOfTime(SPENT)
            try:
                return self._once(exchange, min(self._timeout, left + 0.5), fresh=fresh)
            except NoResponse as none:
                if none.late and time.monotonic() > self.deadline:
                    raise OutOfTime(SPENT) from None
                # A server may close an idle connection at any time, also while we send.
                if not (again and none.stale):
                    within = f" within {self._timeout:g} seconds" if none.late else ""
                    raise NoAnswer(exchange, f"{none}{within}") from None
        return None

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
        response = self._http.ask(request, timeout, fresh=fresh, limits=_limits(exchange))
        exchange.status, exchange.answer_headers = response.status_code, response.headers
        exchange.answer = response.content

    def _is_item(self, url: str) -> bool | None:
        """Whether a URL is about one conference; `None` where it is not about all of them either."""
        root = re.escape(urlsplit(self.base_url).path + _ROOT)
        match = re.fullmatch(f"{root}(/[^/]+)?", urlsplit(url).path)
        return None if match is None else match[1] is not None


def _limits(exchange: Exchange) -> Limits:
    if exchange.operation_id != "list_video_conferences":
        return ONE
    size, most = exchange.query.get("page_size", ""), page_sizes()[1]
    return page_limits(min(int(size), most) if re.fullmatch("[0-9]{1,9}", size) else most)
