"""The synchronous client: the public signatures and their documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from . import operations, workers
from .base import BaseClient, BaseConferences, Id, Video
from .edit import Function
from .fleet import CONCURRENCY, LARGE_PAGES, PLANNED_AHEAD, ChangeSetResult, ConferenceResult, UndoPlans, name_of
from .history import ChangeSet, Entry
from .plan import UpdatePlan
from .results import Conference, ConferencePage, UpdatedConference, UpdateReport
from .settings import Lock, Settings
from .steps import Steps
from .transport import Transport
from .undo import members

if TYPE_CHECKING:
    import httpx  # noqa: F401 - for the type of the base

    from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery

    from .base import Changes


class RestClient(BaseClient[Lock, "httpx.Client"]):
    """Client of a SignalWire space, with the interface of the vendor's SDK.

    Safe to use from several threads. Close it, or use it as a context manager.

    Args:
        project: project id. Default: `SIGNALWIRE_PROJECT_ID`.
        token: API token with the scope Video. Default: `SIGNALWIRE_API_TOKEN`.
        host: `your-space.signalwire.com`. Default: `SIGNALWIRE_SPACE`. Loopback hosts use HTTP, all others HTTPS.
        timeout: seconds for one attempt, and the limit of any single wait. If headers arrive in small pieces, it limits
            each read and not their sum (in `AsyncRestClient` their sum).
        retries: how often one request is repeated; 0 is never.
        lock: function from a conference id to a context manager, which is held from read to verification.
        confirm: seconds after which an update checks once more that its change is still there.
        journal: path of a SQLite file for before-images; needed for `history` and `undo`.
        writes_per_second: how many updates `update_many` starts at most, on average over 10 seconds. The default is
            the limit of a space.
        transport: what sends requests: "httpx" or "fast". "fast" needs `signalwire-conferences[fast]` and speaks
            HTTP/1.1, directly or through an HTTP proxy; where it cannot be used (trio, other proxies), httpx is.
            None: "fast" if it is installed.
        http_client: your own `httpx.Client`, used instead of `transport`: for proxies, client certificates, event
            hooks or pool limits. Its default headers are sent, but ours win; its `auth`, `base_url`, `params`, cookies
            and redirect setting are ignored. The guarantees still hold: the time and size of an answer are bounded,
            and no PUT is sent twice. Your part: close it; make another one in a forked child; use no transport that
            repeats a PUT or POST; and know that its hooks and transports see the token. If a hook raises, the
            outcome of a write counts as unknown.
        base_url: address of a server that is not at the root of a host, such as `https://gateway.example/sw/`; instead
            of `host`. Only links below it are followed to further pages.
        allow_http: whether `base_url` may be plain HTTP to another machine. Everybody on the way can then read the
            token, and proxies of the environment are not used.
        on_event: function that is called with each `signalwire_conferences.Event`, in the thread or event loop that
            does the work, and blocks it; `update_many` calls it from several threads at once. If it raises, that is
            logged once and otherwise ignored.

    Raises:
        ConfigurationError: names every setting that is missing or wrong.
    """

    _http_kind = "Client"

    def _open(self, settings: Settings[Lock]) -> None:
        self._use(Transport(settings))

    def _use(self, transport: Transport) -> None:
        self._transport = transport
        self.video = Video(Conferences(transport))

    def _read_plan(self, text: str) -> UpdatePlan[UpdatedConference]:
        return self.video.conferences._bound(self.video.conferences._plan_of(text))  # noqa: SLF001 - their own part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and the journal. Do not use the client afterwards."""
        self._transport.close()


class Conferences(BaseConferences[Transport]):
    """The video conferences of a space. Reach it as `client.video.conferences`.

    An id is `resource_id` where the vendor's SDK takes it by that name.

    Raises:
        InvalidChangeError: by every method, before any request: every problem of its arguments.
        ApiError, TransportError, InvalidResponseError: by every method but `history`: a request failed. If there is
            no such conference, it is a `NotFoundError` (an `ApiError`).
    """

    def get(self, resource_id: Id, *, include_active_session: bool = False) -> Conference:
        """Read a conference; with `include_active_session`, its current session too."""
        return self._transport.run(operations.get(resource_id, include_active_session, self._policy), "get")

    def list(self, **query: Unpack[ListQuery]) -> ConferencePage:
        """Read one page of conferences. `paginate` reads them all."""
        return self._transport.run(operations.page(query, self._policy), "list")

    def paginate(self, **query: Unpack[ListQuery]) -> Iterator[Conference]:
        """Iterate over all conferences. Pages are read on demand, following the server's links.

        Raises:
            InvalidChangeError: a parameter is unknown or its value wrong; raised by this call.
            InvalidResponseError: an answer is not a page, or a link leads to another host or in a circle.
        """
        return self._each(self._pages(query))

    def create(self, **fields: Unpack[ConferenceFields]) -> Conference:
        """Create a conference. The request is not repeated if it may have been carried out."""
        return self._transport.run(operations.create(fields, self._policy), "create")

    def delete(self, resource_id: Id) -> None:
        """Delete a conference. If the client repeats the request, and then finds it gone, it has succeeded."""
        self._transport.run(operations.delete(resource_id, self._policy), "delete")

    def replace(self, conference_id: Id, body: Mapping[str, Any], /) -> Conference:
        """PUT this body, which needs a `display_name`. Every writable field that it leaves out is reset."""
        return self._transport.run(self._replacement(conference_id, body), "replace")

    def update(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> UpdatedConference:
        """Change the named fields and keep all others. Returns the conference as it is on the server now; its `report`
        tells what was done.

        Args:
            conference_id: its id.
            allow_reset: fields that may be reset if a PUT cannot carry their value.
            changes: field to new value; `None` clears.

        Raises:
            InvalidChangeError: every problem of the input, before any request.
            UnsafeUpdateError: before the PUT: it cannot carry the value of a field.
            ConflictError: somebody else changed one of the named fields meanwhile.
            VerificationError: after the PUT: the server lost or changed something.
            InvalidResponseError: an answer that cannot be used safely.
            ApiError, TransportError: the server refused, failed, or did not answer.
        """
        return self._transport.run(
            self._updated(self._safe_update(conference_id, changes, allow_reset).steps()), "update"
        )

    def plan(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> UpdatePlan[UpdatedConference]:
        """Read the conference and return what `update` would do; `.apply()` does it."""
        return self._transport.run(self._planned(self._safe_update(conference_id, changes, allow_reset)), "plan")

    def update_many(
        self,
        ids: Iterable[Id] | None = None,
        *,
        changes: Changes | Callable[[str], Changes],
        concurrency: int = CONCURRENCY,
        label: str | None = None,
        on_progress: Callable[[ConferenceResult], object] | None = None,
        allow_reset: Iterable[str] = (),
        base: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> ChangeSetResult:
        """Make the same changes to many conferences, several at once, each as safely as `update` does.

        If one fails, the others go on. Two things stop them: three in a row that are refused because of the credentials
        or the rate limit, and a journal that cannot be written. The others then fail without a request. After a 429,
        all wait.

        On Ctrl-C, or an error in `ids` or `on_progress`, no further conference is started. The running ones are
        finished and reported, and then the exception is raised, with the `ChangeSetResult` so far in its attribute
        `result`. A second Ctrl-C does not wait. To continue, make the same call again: a conference that already has
        the values is not written.

        Args:
            ids: the conferences, taken as they are needed; each is done once. `None`: all of the space.
            changes: field to new value; `None` clears. Or a function that returns this for an id.
            concurrency: how many conferences at once at most; each has a thread.
            label: name of the change set.
            on_progress: called in this thread once for each conference, in the order in which they end.
            allow_reset: fields that may be reset if a PUT cannot carry their value.
            base: a function from an id to the values on which the changes were decided: `plan.before` or a part of it,
                JSON as the server sent it. If a field has neither this value now nor the new one, it is a
                `ConflictError`.

        Raises:
            InvalidChangeError: every problem of the input, before any request. A wrong id from an iterator is a
                failure of this id only.
            ApiError, TransportError, InvalidResponseError: reading the list of all conferences failed.
        """
        change_set = ChangeSet(label=label)
        update = self._updates(change_set, ids, changes, allow_reset, concurrency, base, on_progress)
        return self._carried_out(
            "update_many", ids, lambda each: update(each).steps(), change_set, concurrency, on_progress
        )

    def plan_many(
        self,
        ids: Iterable[Id] | None = None,
        *,
        changes: Changes | Callable[[str], Changes],
        allow_reset: Iterable[str] = (),
        concurrency: int = CONCURRENCY,
        base: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> Iterator[tuple[str, UpdatePlan[UpdatedConference] | Exception]]:
        """Iterate over what `update_many` would do, in the order of the ids: each id with its plan or its error.

        Conferences are read on demand, some ahead. Args and errors are those of `update_many`.
        """
        update = self._updates(ChangeSet(), ids, changes, allow_reset, concurrency, base)
        return self._plans("plan_many", ids, lambda each: self._planned(update(each)), concurrency)

    def edit(self, conference_id: Id, function: Function, /, *, allow_reset: Iterable[str] = ()) -> UpdatedConference:
        """Change fields depending on their current values, and keep all others.

        Args:
            conference_id: its id.
            function: gets a dict of all writable fields, JSON as the server sent it. It changes this dict, in which a
                field that is `None` or was removed is cleared; or it returns another dict of changes, in which a field
                that is missing keeps its value and `None` clears. If nothing is left of its changes, it is called again
                on the current conference, so that two edits at once both count.
            allow_reset: fields that may be reset if a PUT cannot carry their value.

        Raises:
            InvalidChangeError: every problem of the input or of the function's result, which is not PUT.
            UnsafeUpdateError, ConflictError, VerificationError, InvalidResponseError, ApiError, TransportError: as
                `update`. An error of the function is raised as it is.
        """
        return self._transport.run(self._updated(self._edit(conference_id, function, allow_reset).steps()), "edit")

    def history(self, conference_id: Id | None = None, /, *, change_set: str | None = None) -> Sequence[Entry]:
        """Return the journal's entries, latest first: of a conference, a change set, or the whole space.

        Raises:
            ConferencesError: the client has no journal, or the journal cannot be read.
        """
        return self._transport.run(self._history(conference_id, change_set), "history")

    @overload
    def undo(self, conference_id: Id, /, *, change_set: str | None = None) -> UpdatedConference: ...
    @overload
    def undo(self, /, *, entry: int) -> UpdatedConference: ...
    @overload
    def undo(
        self, /, *, change_set: str, on_progress: Callable[[ConferenceResult], object] | None = None
    ) -> ChangeSetResult: ...
    def undo(
        self,
        conference_id: Id | None = None,
        /,
        *,
        change_set: str | None = None,
        entry: int | None = None,
        on_progress: Callable[[ConferenceResult], object] | None = None,
    ) -> UpdatedConference | ChangeSetResult:
        """Undo a change with a three-way merge: the last change of a conference, unless it changed nothing (undos do
        not count); one entry; or a change set, in all its conferences or in one. A change that was undone before is not
        undone again; the `report` says so. `on_progress` is for whole change sets, as in `update_many`.

        Raises:
            InvalidChangeError: give one of id, change set and entry, or an id with a change set.
            ConferencesError: the client has no journal, or the journal has no such change.
            ConflictError: the same fields were changed to something else since.
            UnsafeUpdateError: an old value cannot be sent.
            VerificationError, InvalidResponseError, ApiError, TransportError: as `update`. When a change set is undone
                in all its conferences, all these errors are in the `failed` of the result.
        """
        if (one := self._undo_of_one(conference_id, change_set, entry, on_progress)) is not None:
            return self._transport.run(one, "undo")
        made, ids = ChangeSet(), self._transport.run(members(change_set or "", self._journaled), "undo")
        return self._carried_out("undo", ids, self._undos(change_set, made), made, CONCURRENCY, on_progress)

    @overload
    def plan_undo(self, conference_id: Id, /, *, change_set: str | None = None) -> UpdatePlan[UpdatedConference]: ...
    @overload
    def plan_undo(self, /, *, entry: int) -> UpdatePlan[UpdatedConference]: ...
    @overload
    def plan_undo(
        self,
        /,
        *,
        change_set: str,
        on_progress: Callable[[tuple[str, UpdatePlan[UpdatedConference] | Exception]], object] | None = None,
    ) -> UndoPlans[UpdatedConference]: ...
    def plan_undo(
        self,
        conference_id: Id | None = None,
        /,
        *,
        change_set: str | None = None,
        entry: int | None = None,
        on_progress: Callable[[tuple[str, UpdatePlan[UpdatedConference] | Exception]], object] | None = None,
    ) -> UpdatePlan[UpdatedConference] | UndoPlans[UpdatedConference]:
        """Return what `undo` would do: one plan, or one for each conference of a change set. If one fails, its error is
        in `failed` and the others go on. `on_progress` is called with each id and its plan or error.
        """
        if (one := self._undo_plan_of_one(conference_id, change_set, entry, on_progress)) is not None:
            return self._transport.run(one, "plan_undo")
        made, ids = (
            UndoPlans[UpdatedConference](),
            self._transport.run(members(change_set or "", self._journaled), "plan_undo"),
        )
        for each, plan in self._plans("plan_undo", ids, lambda each: self._undo_plan(each, change_set), CONCURRENCY):
            made.record(each, plan)
            if on_progress is not None:
                on_progress((each, plan))
        return made

    def _carried_out(
        self,
        operation: str,
        ids: Iterable[Id] | None,
        work: Callable[[Any], Steps[tuple[Any, UpdateReport]]],
        change_set: ChangeSet,
        concurrency: int,
        on_progress: Callable[[ConferenceResult], object] | None,
    ) -> ChangeSetResult:
        result = ChangeSetResult(change_set.id)
        with result.kept():
            fleet = self._fleet(operation, work, result.record, on_progress, writes=True)
            workers.run(self._transport, fleet, self._ids() if ids is None else ids, concurrency)
        return result

    def _plans(
        self, operation: str, ids: Iterable[Id] | None, work: Callable[[Any], Steps[UpdatePlan[Any]]], concurrency: int
    ) -> Iterator[tuple[str, Any]]:
        found = dict[str, Any]()
        fleet = self._fleet(operation, work, found.__setitem__, writes=False)
        every = iter(self._ids() if ids is None else ids)
        while batch := [*islice(every, PLANNED_AHEAD * concurrency)]:
            found.update(dict.fromkeys(map(name_of, batch)))  # in this order
            workers.run(self._transport, fleet, batch, concurrency)
            yield from ((name, plan) for name, plan in found.items() if plan is not None)
            found.clear()

    def _ids(self) -> Iterator[str]:
        pages = self._pages(LARGE_PAGES)
        while pages.more:
            yield from self._transport.run(self._page_of_ids(pages), "list")

    def _each(self, pages: operations.Pages) -> Iterator[Conference]:
        while pages.more:
            yield from self._transport.run(pages.next(), "list").data
