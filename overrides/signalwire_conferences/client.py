"""The synchronous client: the signatures of the public face, and their documentation."""

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
    import httpx  # noqa: F401 - which the base is of

    from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery

    from .base import Changes


class RestClient(BaseClient[Lock, "httpx.Client"]):
    """Client of a SignalWire space, in the manner of the vendor's SDK.

    Safe to use from several threads. Close it, or use it as a context manager.

    Args:
        project: project id; else `SIGNALWIRE_PROJECT_ID`.
        token: API token with the scope Video; else `SIGNALWIRE_API_TOKEN`.
        host: `your-space.signalwire.com`; else `SIGNALWIRE_SPACE`. A loopback host speaks HTTP, every other HTTPS.
        timeout: seconds for one attempt, and the longest that any single wait may last. Of headers that come by drips
            it bounds each read alone, here but not in `AsyncRestClient`.
        retries: repeats of one request; 0 is none.
        lock: from a conference id to a context manager, held from read to verification.
        confirm: seconds after which an update looks once more whether its change is still there.
        journal: path of a SQLite file for before-images; needed for `history` and `undo`.
        writes_per_second: the most that `update_many` begins, on average over 10 seconds; the limit of the space.
        transport: what sends requests. "httpx"; or "fast", which needs `signalwire-conferences[fast]`, speaks HTTP/1.1
            directly or through an HTTP proxy, and is used where it can be, else httpx: on trio, through other proxies.
            None: "fast" where it is installed.
        http_client: an `httpx.Client` of your own that sends the requests in place of `transport`, for what only it
            has: proxies, client certificates, event hooks, limits of its pool. Its default headers are sent, ours count
            more; its `auth`, `base_url`, `params` and cookies, and whether it follows redirections, count for nothing.
            What this client promises holds: time and size of an answer are bounded, and no PUT is sent twice. Yours
            to see to: closing it; threads (an `httpx.Client` takes several) and forks (none of httpx lives on in the
            child: make one there); that no transport of yours repeats a PUT or POST by itself; what its hooks and
            transports see, which includes the token. After a hook that raises, a write is of unknown outcome, and
            is treated as such.
        base_url: the address of a server that is not at the root of a host, as in `https://gateway.example/sw/`; in
            place of `host`. Links to further pages are followed below it alone.
        allow_http: whether `base_url` may be plain HTTP to another machine, so that everybody on the way can read the
            token. No proxy of the environment is used then.
        on_event: a function that is called with each event of `signalwire_conferences.Event`, in the thread or event
            loop that does the work, which waits for it: of `update_many`, in several threads at once. What it raises
            is logged, once, and changes nothing.

    Raises:
        ConfigurationError: naming all that is missing or wrong.
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
        InvalidChangeError: by every method, before any request: all that is wrong with its arguments.
        ApiError, TransportError, InvalidResponseError: by every method but `history`: a request failed, with
            `NotFoundError` (an `ApiError`) where there is no such conference.
    """

    def get(self, resource_id: Id, *, include_active_session: bool = False) -> Conference:
        """Read a conference; with `include_active_session`, also the session under way."""
        return self._transport.run(operations.get(resource_id, include_active_session, self._policy), "get")

    def list(self, **query: Unpack[ListQuery]) -> ConferencePage:
        """Read one page of conferences. `paginate` reads them all."""
        return self._transport.run(operations.page(query, self._policy), "list")

    def paginate(self, **query: Unpack[ListQuery]) -> Iterator[Conference]:
        """All conferences, page by page as they are asked for, along the server's links.

        Raises:
            InvalidChangeError: a parameter is unknown or its value wrong; raised by this call.
            InvalidResponseError: an answer is no page, or a link leads to another host or in a circle.
        """
        return self._each(self._pages(query))

    def create(self, **fields: Unpack[ConferenceFields]) -> Conference:
        """Create a conference. Never repeated where it may have been carried out."""
        return self._transport.run(operations.create(fields, self._policy), "create")

    def delete(self, resource_id: Id) -> None:
        """Delete a conference. If the client repeats the request, and then finds it gone, it has succeeded."""
        self._transport.run(operations.delete(resource_id, self._policy), "delete")

    def replace(self, conference_id: Id, body: Mapping[str, Any], /) -> Conference:
        """PUT this body, with `display_name` at least: every writable field that it leaves out is reset."""
        return self._transport.run(self._replacement(conference_id, body), "replace")

    def update(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> UpdatedConference:
        """Change the fields that are named, and keep every other. Gives the conference as the server has it now; its
        `report` says how it went.

        Args:
            conference_id: its id.
            allow_reset: fields that may be lost, where a PUT cannot carry their value.
            changes: field to new value; `None` clears.

        Raises:
            InvalidChangeError: all that is wrong with the input, before any request.
            UnsafeUpdateError: before the PUT, something cannot be carried over.
            ConflictError: somebody else changed one of the named fields meanwhile.
            VerificationError: after the PUT, the server did not keep what it had to.
            InvalidResponseError: an answer that nothing safe can be built on.
            ApiError, TransportError: the server refused, failed, or did not answer.
        """
        return self._transport.run(
            self._updated(self._safe_update(conference_id, changes, allow_reset).steps()), "update"
        )

    def plan(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> UpdatePlan[UpdatedConference]:
        """Read the conference and tell what `update` would do; `.apply()` does it."""
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

        One that fails stops no other. Three in a row that are refused for the credentials or for the rate limit do:
        the others then fail without a request; and so does a journal that cannot be written, at once. After a 429 all
        wait together.

        Ctrl-C, or an error of `ids` or `on_progress`, begins nothing more, lets end and tells what is under way, and
        is raised then, with the `ChangeSetResult` so far as its attribute `result`; a second Ctrl-C waits for nothing.
        The same call again does the rest: what is as asked already is not written.

        Args:
            ids: the conferences, read as they are needed; each is done once. `None`: all of the space.
            changes: field to new value; `None` clears. Or a function that gives this for an id.
            concurrency: the most conferences at once; each has a thread.
            label: what to call the change set.
            on_progress: called in this thread, once for each conference, in the order in which they end.
            allow_reset: fields that may be lost, where a PUT cannot carry their value.
            base: a function that gives, for an id, field -> value as it was when the changes were decided on, JSON as
                the server sent it: `plan.before`, or a part of it. A field that is otherwise now, and not as asked,
                is a `ConflictError`.

        Raises:
            InvalidChangeError: all that is wrong with the input, before any request. A wrong id that comes from an
                iterator fails by itself.
            ApiError, TransportError, InvalidResponseError: the list of all conferences could not be read on.
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
    ) -> Iterator[tuple[str, UpdatePlan[UpdatedConference] | Exception]]:
        """What `update_many` would do, in the order of the ids: id and plan, or the error of this conference.

        They are read as they are asked for, some ahead. Args and errors are those of `update_many`.
        """
        update = self._updates(ChangeSet(), ids, changes, allow_reset, concurrency)
        return self._plans("plan_many", ids, lambda each: self._planned(update(each)), concurrency)

    def edit(self, conference_id: Id, function: Function, /, *, allow_reset: Iterable[str] = ()) -> UpdatedConference:
        """Change fields depending on what they are, and keep every other.

        Args:
            conference_id: its id.
            function: gets a dict of all writable fields, JSON as the server sent it. It changes this dict, in which a
                field that is `None` or was removed is cleared; or it returns another dict of changes, in which a field
                that is missing keeps its value and `None` clears. It is called again, on the conference as it is then,
                where nothing of its changes is left: so that two edits at once both count.
            allow_reset: fields that may be lost, where a PUT cannot carry their value.

        Raises:
            InvalidChangeError: all that is wrong with the input, or with what the function made; no PUT of it was sent.
            UnsafeUpdateError, ConflictError, VerificationError, InvalidResponseError, ApiError, TransportError: as
                `update`. An error of the function passes through.
        """
        return self._transport.run(self._updated(self._edit(conference_id, function, allow_reset).steps()), "edit")

    def history(self, conference_id: Id | None = None, /, *, change_set: str | None = None) -> Sequence[Entry]:
        """What the journal knows, the latest first: of a conference, of a change set, or of the whole space.

        Raises:
            ConferencesError: the client has no journal, or it cannot be read.
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
        """Take a change back, as a three-way merge: the last one of a conference that is no undo, if it changed
        something; or that of an entry, of a change set, or of a conference in a change set. What was undone already is
        left alone: the `report` says so. `on_progress`: for a change set in all its conferences, as in `update_many`.

        Raises:
            InvalidChangeError: not exactly one of id, change set and entry is given, but for a change set with an id.
            ConferencesError: the client has no journal, or it knows no such change.
            ConflictError: the same fields were changed to something else since.
            UnsafeUpdateError: a value from before cannot be sent.
            VerificationError, InvalidResponseError, ApiError, TransportError: as `update`. All these errors are in the
                result's `failed` where a change set is undone in all its conferences.
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
        """Tell what `undo` would do: one plan, or one for each conference of a change set. One that fails stops no
        other: its error is in `failed`. `on_progress` is called with id and plan, or error, of each.
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
