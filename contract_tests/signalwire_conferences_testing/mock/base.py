"""The base of all mocks: conferences, faults, a log of requests, and the methods that tests use."""

import base64
import uuid
from collections import deque
from collections.abc import Iterable, Mapping, MutableSequence
from typing import Any, TypedDict

from .app import create_app
from .differences import unexpected
from .faults import Faults
from .log import LoggedRequest
from .store import Store
from .transport import InProcessTransport

__all__ = ["ConferencesMock", "Options"]


class Credentials(TypedDict):
    """The credentials of a client."""

    project: str
    token: str
    host: str


class Options(TypedDict, total=False):
    """The options of `ConferencesMock`."""

    project: str
    token: str
    etag: bool
    absolute_links: bool
    keep_requests: bool | int


class ConferencesMock:
    """The mock without a socket: `transport()` is for clients of httpx, `app` is the ASGI application.

    Args:
        conferences: conferences to start with, as for `Store`, or a `Store`.
        project: user name that is accepted.
        token: password that is accepted.
        etag: whether to answer with an `ETag` and honour `If-Match`.
        absolute_links: whether links to pages have the host, or only the path.
        keep_requests: whether to keep a log of requests, or how many of the latest.

    Attributes:
        project: user name that is accepted.
        token: password that is accepted.
        store: the conferences.
        faults: the faults to cause.
        requests: every request, in the order of arrival.
        app: the ASGI application.

    Raises:
        ValueError: something is wrong with the conferences.
    """

    def __init__(
        self,
        conferences: Store | Iterable[Mapping[str, Any]] | None = None,
        *,
        project: str = "mock-project",
        token: str = "mock-token",
        etag: bool = False,
        absolute_links: bool = False,
        keep_requests: bool | int = True,
    ) -> None:
        self.project = project
        self.token = token
        self.store = conferences if isinstance(conferences, Store) else Store(conferences)
        self.faults = Faults(self.store)
        all_of_them = isinstance(keep_requests, bool)
        self.requests: MutableSequence[LoggedRequest] = [] if all_of_them else deque(maxlen=keep_requests)
        self.app = create_app(
            self.store,
            project=project,
            token=token,
            faults=self.faults,
            requests=self.requests if keep_requests else None,
            etag=etag,
            absolute_links=absolute_links,
        )

    @property
    def host(self) -> str:
        """A host for clients with this transport; no such host exists."""
        return "conferences.invalid"

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://{self.host}"

    @property
    def auth(self) -> tuple[str, str]:
        """User name and password, as requests and httpx take them."""
        return self.project, self.token

    @property
    def headers(self) -> dict[str, str]:
        """The same as a header, for clients that take it in another form, such as aiohttp."""
        return {"Authorization": "Basic " + base64.b64encode(":".join(self.auth).encode()).decode()}

    @property
    def credentials(self) -> Credentials:
        """Arguments of `RestClient`, ours and the vendor's: project, token and host."""
        return {"project": self.project, "token": self.token, "host": self.host}

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment variables."""
        return {
            "SIGNALWIRE_PROJECT_ID": self.project,
            "SIGNALWIRE_API_TOKEN": self.token,
            "SIGNALWIRE_SPACE": self.host,
        }

    def transport(self) -> InProcessTransport:
        """A transport for `httpx.Client` and `httpx.AsyncClient` that needs no socket."""
        return InProcessTransport(self.app)

    def reset(self) -> None:
        """Restores the conferences of the last seed; removes all faults and the log of requests."""
        self.app.control.reset()

    def seed(self, conferences: Iterable[Mapping[str, Any]]) -> None:
        """Replaces all conferences with these; `reset` restores them.

        Raises:
            ValueError: with every problem of the conferences; nothing was changed.
        """
        self.store.seed(conferences)

    def assert_only_changed(self, conference_id: str | uuid.UUID, /, *fields: str) -> None:
        """Asserts that requests changed exactly these fields of a conference; without fields, that they changed none.

        The conference is compared with what it was when it was created or added, plus what `store.patch` and faults did
        to it as other writers. Times are compared as instants, colours and UUIDs without regard to case. `updated_at`,
        which each write changes, may differ. Other conferences are not compared.

        Raises:
            AssertionError: with the diff, or if the conference was deleted.
            TypeError: a field is not given by its name.
            ValueError: there is no such field.
        """
        __tracebackhide__ = True
        found = self.store.find(conference_id)
        if found is None:
            there = list(self.store)
            raise AssertionError(f"there is no conference {str(conference_id)!r} (any more); there are {there}")
        message = unexpected(found.id, found.unrequested, found.state, fields)
        if message:
            raise AssertionError(message)
