"""What people give a client: a client of httpx of their own, a base URL, options for a few calls."""

from __future__ import annotations

import contextlib
import gzip
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import anyio
import httpx
import pytest

from processes import Ours, letters, ours
from signalwire_conferences import (
    ApiError,
    AsyncRestClient,
    ConferencesError,
    ConfigurationError,
    InvalidChangeError,
    InvalidResponseError,
    NotFoundError,
    RestClient,
    TransportError,
    UpdatePlan,
    operations,
    wire,
)
from signalwire_conferences.hosts import Address
from signalwire_conferences.steps import Done, Policy
from signalwire_conferences_testing.mock import ConferencesMock, Fault, MockServer
from test_wire import Canned

ID = "conference-id"
SPACE = "space.signalwire.com"


@pytest.fixture
def mock() -> ConferencesMock:
    return ConferencesMock([{"id": ID, "layout": "2x2"}])


def http_of(style: str, **options: Any) -> Any:
    return httpx.Client(**options) if style == "sync" else httpx.AsyncClient(**options)


def hook(style: str, function: Callable[[Any], object]) -> Callable[[Any], Any]:
    """A hook of httpx, of this style."""

    async def awaited(given: Any) -> None:
        function(given)

    return function if style == "sync" else awaited


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport of the caller's that answers with what a function gives."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream, AsyncIterator[bytes]):
    """Parts of an answer, without end."""

    def __init__(self, part: bytes, pause: float = 0.0) -> None:
        self.taken, self._part, self._pause, self._closed = 0, part, pause, False

    async def aclose(self) -> None:
        self._closed = True

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(self._pause)
            self.taken += len(self._part)
            yield self._part

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            raise httpx.ReadError("closed")
        await anyio.sleep(self._pause)
        self.taken += len(self._part)
        return self._part


# --- a client of httpx of the caller's -----------------------------------------------------------------


def test_requests_go_through_it_with_its_headers_and_ours_and_nothing_else_of_it(
    style: str, mock: ConferencesMock
) -> None:
    seen: list[httpx.Request] = []
    http = http_of(
        style,
        transport=mock.transport(),
        auth=("somebody", "else"),
        cookies={"a": "b"},
        params={"page_size": "1"},
        base_url="https://elsewhere.example/path/",
        headers={"X-Team": "video", "Cookie": "c=d", "User-Agent": "theirs", "Accept-Encoding": "gzip"},
        event_hooks={"request": [hook(style, seen.append)]},
    )
    with ours(style, mock, http_client=http) as client:
        assert client.update(ID, layout="5up")["layout"] == "5up"
    assert letters(mock) == "GP"  # the mock takes no other credentials than ours
    for request in seen:
        assert request.url == f"https://{mock.host}/api/video/conferences/{ID}"
        assert request.headers["X-Team"] == "video"
        assert request.headers["User-Agent"].startswith("signalwire-conferences/")
        assert request.headers["Accept-Encoding"] == "identity"
        assert "cookie" not in request.headers
    assert not http.is_closed


def test_over_a_socket_it_does_the_same(style: str) -> None:
    with MockServer([{"id": ID}]) as server:
        http = http_of(style)
        with ours(style, server, http_client=http) as client:
            assert client.update(ID, layout="5up")["layout"] == "5up"
            client.call(http.close if style == "sync" else http.aclose)
            with pytest.raises(ConferencesError, match="is closed"):
                client.update(ID, layout="2x2")
        assert letters(server) == "GP"


def test_no_certificates_are_loaded_for_it(monkeypatch: pytest.MonkeyPatch, mock: ConferencesMock) -> None:
    monkeypatch.setattr(wire, "tls_context", None)
    monkeypatch.setenv("HTTPS_PROXY", "ftp://no proxy")
    with httpx.Client(transport=mock.transport()) as http, RestClient(*mock.auth, SPACE, http_client=http) as client:
        assert client.video.conferences.get(ID)["id"] == ID


def test_no_redirection_is_followed(style: str, mock: ConferencesMock) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(302, headers={"Location": "https://elsewhere.example/"})

    http = http_of(style, transport=Transport(answer), follow_redirects=True)
    with ours(style, mock, http_client=http) as client, pytest.raises(ApiError, match="redirects to"):
        client.get(ID)
    assert asked == ["GET"]


def test_an_answer_costs_no_more_than_its_bound(style: str, mock: ConferencesMock) -> None:
    stream = Stream(b" " * 2**20)
    http = http_of(style, transport=Transport(lambda _: httpx.Response(200, stream=stream)))
    with ours(style, mock, http_client=http, retries=0) as client, pytest.raises(InvalidResponseError, match="8 MiB"):
        client.get(ID)
    assert stream.taken <= 10 * 2**20


def test_an_answer_that_comes_by_drips_ends_at_the_timeout(style: str, mock: ConferencesMock) -> None:
    answer = Transport(lambda _: httpx.Response(200, stream=Stream(b" ", 0.05)))
    with ours(style, mock, http_client=http_of(style, transport=answer), retries=0, timeout=0.2) as client:
        start = time.monotonic()
        with pytest.raises(TransportError, match=r"longer than 0\.2 s"):
            client.get(ID)
        assert time.monotonic() - start < 2


def test_transports_are_told_what_is_left_of_the_time(style: str, mock: ConferencesMock) -> None:
    said: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        timeout = request.extensions["timeout"]
        said.extend([{**timeout}.keys(), timeout["read"], timeout.get("connect", None)])
        return mock.transport().handle_request(request)

    with ours(style, mock, http_client=http_of(style, transport=Transport(answer)), timeout=5) as client:
        client.get(ID)
    assert said[0] == {"connect", "read", "write", "pool"}
    assert all(4 < seconds <= 5 for seconds in said[1:])


def raise_for_status(response: httpx.Response) -> None:
    response.raise_for_status()


def test_a_hook_that_raises_on_a_status_is_the_error_of_that_status(style: str, mock: ConferencesMock) -> None:
    http = http_of(style, transport=mock.transport(), event_hooks={"response": [hook(style, raise_for_status)]})
    with ours(style, mock, http_client=http) as client:
        with pytest.raises(NotFoundError) as caught:
            client.get("nobody")
        assert caught.value.request_id
        assert client.get(ID)["id"] == ID


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_hook_may_read_requests_and_answers(mock: ConferencesMock, coding: str) -> None:
    read: list[bytes] = []

    def encoded(request: httpx.Request) -> httpx.Response:
        answer = mock.transport().handle_request(request)
        if coding == "identity":
            return answer
        content = gzip.compress(answer.read())
        return httpx.Response(200, headers={"Content-Encoding": coding}, stream=httpx.ByteStream(content))

    hooks: dict[str, list[Callable[[Any], object]]] = {
        "request": [lambda request: read.append(request.content)],
        "response": [lambda response: read.append(response.read())],
    }
    http = httpx.Client(transport=Transport(encoded), event_hooks=hooks)
    with ours("sync", mock, http_client=http) as client:
        assert client.update(ID, layout="5up")["layout"] == "5up"
    assert [content[:1] for content in read] == [b"", b"{", b"{", b"{"]


@pytest.mark.parametrize("when", ["request", "response"])
def test_a_hook_that_fails_leaves_a_put_of_known_or_unknown_outcome_and_the_update_goes_on(
    style: str, mock: ConferencesMock, when: str
) -> None:
    failures = ["PUT"]

    def fail(given: Any) -> None:
        if (given.method if when == "request" else given.request.method) in failures:
            failures.clear()
            raise KeyError("of the caller")

    http = http_of(style, transport=mock.transport(), event_hooks={when: [hook(style, fail)]})
    with ours(style, mock, http_client=http) as client:
        conf = client.update(ID, layout="5up")
    assert (conf["layout"], conf.report.written, conf.report.puts) == ("5up", True, 2 if when == "request" else 1)
    assert letters(mock) == ("GGP" if when == "request" else "GPG")


class Retrying(httpx.BaseTransport):
    """What people use to send again whatever failed."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with contextlib.suppress(httpx.TransportError):
            return self._inner.handle_request(request)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_no_transport_sends_a_put_again() -> None:
    with MockServer([{"id": ID}]) as server, httpx.Client(transport=Retrying(httpx.HTTPTransport())) as http:
        with RestClient(*server.auth, server.host, http_client=http) as client:
            server.faults.add(Fault.drop_after(), "PUT")
            assert client.video.conferences.update(ID, layout="5up")["layout"] == "5up"
            assert letters(server) == "GPG"
            server.faults.add(Fault.drop_after(), "PUT")
            with pytest.raises(TransportError) as caught:
                client.video.conferences.replace(ID, {"display_name": "x"})
            assert "unknown" in caught.value.state
        assert letters(server) == "GPGP"


@pytest.mark.parametrize(("reads", "known"), [(False, "was not deleted"), (True, "It is unknown whether")])
def test_what_a_transport_says_of_the_connection_is_believed_as_long_as_it_did_not_read_the_request(
    style: str, mock: ConferencesMock, reads: bool, known: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if reads:
            request.read()
        raise httpx.ConnectError("refused")

    http = http_of(style, transport=Transport(answer))
    with ours(style, mock, http_client=http, retries=0) as client, pytest.raises(TransportError) as caught:
        client.delete(ID)
    assert known in caught.value.state
    assert reads or "(ConnectError: refused)" in caught.value.message


@pytest.mark.parametrize("kind", [RestClient, AsyncRestClient])
def test_what_cannot_be_used_together_is_told_at_once(kind: Any) -> None:
    wrong: Any = httpx.AsyncClient() if kind is RestClient else httpx.Client()
    with pytest.raises(ConfigurationError) as caught:
        kind(
            "p", "PTsecret", SPACE, http_client=wrong, transport="fast", base_url="ftp://x", retries=-1, allow_http=True
        )
    right = "Client" if kind is RestClient else "AsyncClient"
    for said in (
        f"http_client must be an httpx.{right}, and is a {type(wrong).__name__}",
        "transport='fast' and http_client are two ways to send",
        "base_url='ftp://x': must be a URL",
        "host and base_url name two servers",
        "retries=-1",
    ):
        assert said in str(caught.value)


def test_a_closed_client_or_no_client_of_httpx_at_all_is_refused() -> None:
    closed = httpx.Client()
    closed.close()
    cases: list[tuple[Any, str]] = [(closed, "http_client is closed"), (5, "must be an httpx.Client, and is a int")]
    for client, said in cases:
        with pytest.raises(ConfigurationError, match=said):
            RestClient("p", "PTsecret", SPACE, http_client=client)


# --- where the server is ---------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["httpx", "fast"])
def test_all_requests_go_below_the_base_url(style: str, transport: str) -> None:
    canned: Any = Canned(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    where = {"base_url": f"http://{canned.host}/sw/v1/", "transport": transport}
    canned.host, host = None, canned.host
    with ours(style, canned, **where) as client, pytest.raises(NotFoundError):
        client.get(ID)
    head = canned.requests[0].decode()
    assert head.startswith(f"GET /sw/v1/api/video/conferences/{ID} HTTP/1.1\r\n")
    assert f"\r\nhost: {host}\r\n" in head.lower()
    assert f"base_url='http://{host}/sw/v1'" in repr(client.client)


def gateway(mock: ConferencesMock, rewrites: bool) -> Transport:
    """A gateway that passes on what is below `/sw`; whether it tells the server so."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        assert path.startswith("/sw/api/"), path
        request.url = request.url.copy_with(raw_path=path.removeprefix("/sw").encode())
        answer = mock.transport().handle_request(request)
        content = answer.read().replace(b'"/api/', b'"/sw/api/' if rewrites else b'"/api/')
        return httpx.Response(answer.status_code, content=content)

    return Transport(answer)


@pytest.mark.parametrize("rewrites", [True, False])
def test_behind_a_gateway_every_operation_works_and_pages_are_followed(
    style: str, mock: ConferencesMock, rewrites: bool
) -> None:
    mock.seed({"display_name": str(number)} for number in range(5))
    http = http_of(style, transport=gateway(mock, rewrites))
    mock_at: Any = type("At", (), {"project": mock.project, "token": mock.token, "host": None})
    with ours(style, mock_at, http_client=http, base_url="https://gateway.example/sw/") as client:
        names = client.pages(page_size=2)
        assert len(names) == 5
        made = client.create(display_name="x")
        client.update(made.id, layout="5up")
        client.delete(made["id"])
    assert letters(mock) == "GGGPGPD"


def following(base_url: str, link: str) -> str:
    """The path that a link leads to, below the base URL."""
    pages = operations.Pages({}, Address.of(base_url), Policy(1, 0, lambda: 0.0))
    steps = pages.next()
    next(steps)
    with contextlib.suppress(StopIteration):
        steps.send(Done({"links": {"next": link}, "data": []}))
    return next(pages.next()).path  # type: ignore[union-attr]  # it is a request


PAGE = "/api/video/conferences?page_token=x"


@pytest.mark.parametrize(
    "link",
    [
        f"https://gateway.example/sw{PAGE}",
        f"http://gateway.example:80/sw{PAGE}",
        f"https://gateway.example:443{PAGE}",
        f"/sw{PAGE}",
        PAGE,
        "?page_token=x",
        "conferences?page_token=x",
    ],
)
def test_a_link_is_followed_below_the_base_url_however_the_server_spells_it(link: str) -> None:
    assert following("https://gateway.example/sw/", link) == PAGE
    assert (
        following(
            "http://127.0.0.1:8080/sw",
            link.replace("gateway.example", "127.0.0.1:8080").split(":80/")[0]
            if ":80/" in link or ":443" in link
            else link.replace("gateway.example", "127.0.0.1:8080"),
        )
        == PAGE
        if ":80/" not in link and ":443" not in link
        else True
    )


@pytest.mark.parametrize(
    "link",
    [
        f"https://gateway.example/other{PAGE}",
        f"/swindle{PAGE}",
        f"/sw/../other{PAGE}",
        f"https://gateway.example/sw/../other{PAGE}",
        f"https://gateway.example/sw/%2e%2E/other{PAGE}",
        f"https://gateway.example/sw/..%2Fother{PAGE}",
        f"https://gateway.example/sw/..%5cother{PAGE}",
        f"https://other.example/sw{PAGE}",
        f"https://gateway.example:8443/sw{PAGE}",
        "../../../..",
        "/",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(link: str) -> None:
    with pytest.raises(InvalidResponseError, match=r"leads (out of|to another host)"):
        following("https://gateway.example/sw", link)


def test_a_server_on_plain_http_and_its_port_is_one_for_links_too() -> None:
    for link in (f"http://10.0.0.1{PAGE}", f"http://10.0.0.1:80{PAGE}", f"https://10.0.0.1{PAGE}"):
        assert following("http://10.0.0.1:80", link) == PAGE


@pytest.mark.parametrize("url", ["http://10.0.0.1:8080/", "http://space.signalwire.com", "HTTP://gateway.example/x"])
def test_the_token_is_sent_in_clear_text_on_explicit_word_alone(url: str) -> None:
    for word in (False, "yes", 1):
        with pytest.raises(ConfigurationError, match=r"would send the token in clear text.*allow_http=True"):
            RestClient("p", "PTsecret", base_url=url, allow_http=word)  # type: ignore[arg-type]  # as from a file
    with RestClient("p", "PTsecret", base_url=url, allow_http=True) as client:
        assert client._transport.settings.address.url == url.lower().rstrip("/")
        assert client._transport._wire.options == {"trust_env": False, "verify": False}


def test_a_host_never_speaks_plain_http_on_that_word() -> None:
    with pytest.raises(ConfigurationError, match="allow_http says nothing without base_url"):
        RestClient("p", "PTsecret", "10.0.0.1", allow_http=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost/", "http://[::1]:1/x", "https://x.example"])
def test_this_machine_and_https_need_no_word(url: str) -> None:
    with RestClient("p", "PTsecret", base_url=url) as client:
        assert client._transport.settings.address.url == url.rstrip("/")


def test_https_on_this_machine_is_possible_and_asks_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    with RestClient("p", "PTsecret", base_url="https://localhost:8443") as client:
        assert client._transport._wire.options["verify"]
        assert client._transport._wire.options.get("proxy") is None


@pytest.mark.parametrize(
    "url",
    [
        *("gateway.example", "//gateway.example/", "ftp://gateway.example", "https://", "https:///path", ""),
        *("https://x y", "https://x.example:0", "https://x.example:99999", "https://[::1", "https://-?/"),
        *("https://x.example/a b", "https://x.example/a\n", "https://x.example/ä", "https://x.example/%zz"),
        *("https://x.example/a//b", "https://x.example//", "https://x.example/../b", "https://x.example/%2e%2e/b"),
        *("https://x.example/?", "https://x.example/?a=b", "https://x.example/#a", "https://user@x.example/"),
        *("https://user:PTsecret@x.example/", "https://x.example/?token=PTsecret", "https://x.example/#PTsecret"),
        *("https://xn--zzzz.example", 5, b"https://x.example"),
    ],
)
def test_what_is_no_base_url_is_refused_without_telling_what_may_be_secret(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        RestClient("p", "PTsecret", base_url=url)
    assert "PTsecret" not in str(caught.value)


def test_the_space_of_the_environment_gives_way_to_a_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_SPACE", SPACE)
    with RestClient("p", "PTsecret", base_url="https://gateway.example/sw") as client:
        assert repr(client) == "RestClient(project='p', base_url='https://gateway.example/sw')"


@pytest.mark.parametrize(
    ("url", "space"),
    [
        ("https://Space.SignalWire.com:443/", "space.signalwire.com"),
        ("https://space.signalwire.com./", "space.signalwire.com"),
        ("https://gateway.example/sw/", "gateway.example/sw"),
        ("https://gateway.example/SW", "gateway.example/SW"),
        ("https://gateway.example:8443/sw", "gateway.example:8443/sw"),
        ("http://gateway.example/sw", "gateway.example:80/sw"),
        ("http://gateway.example:80", "gateway.example:80"),
        ("http://127.0.0.1:80/sw", "127.0.0.1/sw"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://127.0.0.1", "127.0.0.1:443"),
    ],
)
def test_a_server_has_one_spelling_for_journal_and_plans(url: str, space: str) -> None:
    assert Address.of(url).space == space


def test_the_journal_tells_prefixes_apart(mock: ConferencesMock, tmp_path: Path) -> None:
    http = httpx.Client(transport=gateway(mock, rewrites=True))
    path = tmp_path / "journal.sqlite"
    with RestClient(*mock.auth, base_url="https://x.example/sw", http_client=http, journal=path) as client:
        client.video.conferences.update(ID, layout="5up")
        plan = client.video.conferences.plan(ID, layout="3x3").to_json()
        for base_url, found in (
            ("https://X.example:443/sw/", 1),
            ("https://x.example/SW", 0),
            ("https://x.example/other", 0),
            ("https://x.example", 0),
        ):
            with RestClient(*mock.auth, base_url=base_url, http_client=http, journal=path) as other:
                assert len(other.video.conferences.history()) == found
                with contextlib.nullcontext() if found else pytest.raises(InvalidChangeError, match="another space"):
                    UpdatePlan.from_json(other, plan)


# --- options for a few calls --------------------------------------------------------------------------------


def seen_by(client: Ours, **options: Any) -> Ours:
    return Ours(client.client.with_options(**options), client.call)


def test_other_options_are_for_the_calls_of_that_client_alone(style: str) -> None:
    with MockServer([{"id": ID}]) as server, ours(style, server, retries=0, timeout=5) as client:
        patient, hurried = seen_by(client, retries=2), seen_by(client, timeout=0.1)
        server.faults.add(Fault.status(503, "0"), "GET", times=2)
        assert patient.get(ID)["id"] == ID
        server.faults.add(Fault.latency(0.5), "GET")
        with pytest.raises(TransportError, match=r"longer than 0\.1 s"):
            hurried.get(ID)
        server.faults.add(Fault.status(503, "0"), "GET")
        with pytest.raises(ApiError):
            client.get(ID)
        assert repr(patient.client) == repr(client.client)


@pytest.mark.parametrize("transport", ["httpx", "fast"])
def test_they_share_connections_and_closing_is_for_the_first(style: str, transport: str) -> None:
    heads = []
    with MockServer([{"id": ID}]) as server, ours(style, server, transport=transport) as client:
        other = seen_by(client, retries=1)
        for each in (client, other, seen_by(other, timeout=3), client):
            each.get(ID)
            pool = each.client._transport._pool if style == "sync" else None
            heads.append(id(pool))
            each.call(other.client.close)
        assert len(set(heads)) == 1
        client.call(client.client.close)
        for each in (client, other):
            with pytest.raises(ConferencesError, match="closed"):
                each.get(ID)


def test_so_they_do_journal_lock_and_pace(tmp_path: Path) -> None:
    held: list[str] = []

    @contextlib.contextmanager
    def lock(name: str) -> Iterator[None]:
        held.append(name)
        yield

    path = tmp_path / "journal.sqlite"
    with MockServer([{"id": ID}]) as server, RestClient(*server.auth, server.host, journal=path, lock=lock) as client:
        with client.with_options(timeout=5, confirm=0) as other:
            other.video.conferences.update(ID, layout="5up")
        assert [entry.changes["layout"].after for entry in client.video.conferences.history(ID)] == ["5up"]
        client.video.conferences.undo(ID)
        assert other._transport.settings.pace is client._transport.settings.pace
        assert held == [ID, ID]
        assert letters(server) == "GPGGP"  # one read more, of `confirm`


def test_a_plan_is_applied_with_the_options_that_it_was_made_with(style: str) -> None:
    with MockServer([{"id": ID}]) as server, ours(style, server, retries=0) as client:
        plan = seen_by(client, retries=1).plan(ID, layout="5up")
        server.faults.add(Fault.status(503, "0"), "GET")
        assert client.apply(plan)["layout"] == "5up"


def test_wrong_options_are_told_at_once_and_options_of_connections_are_none() -> None:
    with RestClient("p", "PTsecret", SPACE) as client:
        with pytest.raises(ConfigurationError) as caught:
            client.with_options(timeout=-1, retries="many", on_event=5)  # type: ignore[arg-type]  # they are wrong
        for said in ("timeout=-1", "retries='many'", "on_event=5"):
            assert said in str(caught.value)
        with pytest.raises(TypeError):
            client.with_options(token="PTother")  # type: ignore[call-arg]  # there is none


def test_what_a_class_of_the_callers_adds_stays() -> None:
    class Own(RestClient):
        team = ""

    with Own("p", "PTsecret", SPACE) as client:
        client.team = "video"
        other = client.with_options(retries=1)
        assert isinstance(other, Own)
        assert other.team == "video"
