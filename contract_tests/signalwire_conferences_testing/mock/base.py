"""What every mock is: conferences, faults, a log of requests, and what tests do with them."""

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
    """What a client needs."""

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
    """The mock without a socket: `transport` brings the requests of httpx to it, and `app` those of ASGI.

    Args:
        conferences: conferences to start with, as for `Store`, or a `Store`.
        project: user name that is accepted.
        token: password that is accepted.
        etag: whether to answer with an `ETag` and heed `If-Match`.
        absolute_links: whether links to pages name the host or the path alone.
        keep_requests: whether to keep the log of requests, or how many of the latest.

    Attributes:
        project: user name that is accepted.
        token: password that is accepted.
        store: the conferences.
        faults: what is to go wrong.
        requests: every request in the order of arrival.
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
        """A host for clients whose transport ends here; no such host exists."""
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
        """What `RestClient` takes, ours and the vendor's: project, token and host."""
        return {"project": self.project, "token": self.token, "host": self.host}

    @property
    def environment(self) -> dict[str, str]:
        """The same as variables of the environment."""
        return {
            "SIGNALWIRE_PROJECT_ID": self.project,
            "SIGNALWIRE_API_TOKEN": self.token,
            "SIGNALWIRE_SPACE": self.host,
        }

    def transport(self) -> InProcessTransport:
        """A transport for `httpx.Client` and `httpx.AsyncClient` that needs no socket."""
        return InProcessTransport(self.app)

    def reset(self) -> None:
        """Brings back the conferences that it was last seeded with; forgets all faults and the log of requests."""
        self.app.control.reset()

    def seed(self, conferences: Iterable[Mapping[str, Any]]) -> None:
        """Puts these conferences in the place of all that are there; `reset` comes back to them.

        Raises:
            ValueError: something is wrong with them, all problems at once; nothing was changed.
        """
        self.store.seed(conferences)

    def assert_only_changed(self, conference_id: str | uuid.UUID, /, *fields: str) -> None:
        """Asserts that requests changed these fields of a conference and no others; no fields: nothing.

        What counts is how the conference was when it was created or added, with what `store.patch` and faults did to it
        as other writers. Times are compared as instants, colours and UUIDs without regard to case. A time that each
        write changes, `updated_at`, may differ. Other conferences are not looked at.

        Raises:
            AssertionError: with the diff, or where the conference was deleted.
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
