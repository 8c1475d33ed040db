"""The synchronous client, and what it has in common with the asynchronous one."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, Self, TypeVar, Unpack, overload
from uuid import UUID

from attrs import evolve

from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery

from . import operations, workers
from .changes import checked_body, checked_changes, checked_edit, checked_history, checked_many
from .edit import Edit, Function
from .errors import ConferencesError
from .fleet import CONCURRENCY, LARGE_PAGES, PLANNED_AHEAD, ChangeSetResult, ConferenceResult, Fleet, name_of
from .history import ChangeSet, Entry
from .masking import Secret, without_secrets
from .pace import WRITES_PER_SECOND, paced
from .plan import Intent, UpdatePlan, read_plan
from .results import Conference, ConferencePage, UpdateReport, view
from .settings import Lock, Settings, settings
from .steps import Recall, Steps
from .target import Target
from .transport import Transport
from .undo import member, members, recalled, undo, undoing
from .update import SafeUpdate
from .values import one_spelling

if TYPE_CHECKING:
    from .async_transport import AsyncTransport

Id = str | UUID
C = TypeVar("C")
L = TypeVar("L")
T = TypeVar("T", bound="Transport | AsyncTransport")


class ConferencesOnly:
    """What the vendor's SDK has besides says, at the attribute, that it is not here."""

    if not TYPE_CHECKING:  # else every name would pass for one

        def __getattr__(self, name: str) -> NoReturn:
            said = f"{type(self).__name__!r} has no attribute {name!r}"
            if not name.startswith("_"):
                said += ": this package is about conferences alone, and not their streams and tokens."
                said += " Use the vendor's SDK beside it: `from signalwire.rest import RestClient as SignalWireClient`."
            raise AttributeError(said, name=name, obj=self)


class BaseClient(ConferencesOnly, Generic[L]):
    def __init__(
        self,
        project: str | None = None,
        token: str | None = None,
        host: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 3,
        lock: L | None = None,
        confirm: float | None = None,
        journal: str | os.PathLike[str] | None = None,
        writes_per_second: float = WRITES_PER_SECOND,
        transport: Literal["httpx", "fast"] | None = None,
    ) -> None:
        secret, token = Secret(token), None  # no traceback with local variables is to show it
        checked = partial(settings, project=project, token=secret, host=host, lock=lock)
        habits: dict[str, Any] = {"timeout": timeout, "retries": retries, "confirm": confirm, "journal": journal}
        self._open(checked(writes_per_second=writes_per_second, transport=transport, **habits))

    def _open(self, settings: Settings[L]) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        transport = getattr(self, "_transport", None)  # none where the construction failed
        return f"{type(self).__name__}({transport.settings.shown if transport else 'not built'})"


class Video(ConferencesOnly, Generic[C]):
    """The video resources."""

    def __init__(self, conferences: C) -> None:
        self.conferences = conferences


class BaseConferences(ConferencesOnly, Generic[T]):
    def __init__(self, transport: T) -> None:
        self._transport = transport
        self._policy = transport.settings.policy
        self._host = transport.settings.host
        self._journaled = transport.settings.journal is not None

    @contextmanager
    def _masking(self) -> Iterator[None]:
        """Hides the token in what a check before all steps complains of."""
        try:
            yield
        except ConferencesError as error:
            without_secrets(error, self._transport.settings.masked)
            raise

    def _target(self, conference_id: Id) -> Target:
        with self._masking():
            return Target.of(conference_id, self._transport.settings)

    def _pages(self, query: Mapping[str, Any]) -> operations.Pages:
        with self._masking():
            return operations.Pages(query, self._transport.settings.host, self._policy)

    def _replacement(self, conference_id: Id, body: object) -> Steps[Conference]:
        with self._masking():
            return operations.replace(self._target(conference_id), checked_body(body, conference_id))

    def _safe_update(self, conference_id: Id, changes: Mapping[str, Any], allow_reset: Iterable[str]) -> SafeUpdate:
        with self._masking():
            intent = Intent(*checked_changes(changes, allow_reset, conference_id))
            return SafeUpdate(self._target(conference_id), intent)

    def _edit(self, conference_id: Id, function: Function, allow_reset: Iterable[str]) -> SafeUpdate:
        with self._masking():
            resets, target = checked_edit(function, allow_reset, conference_id), self._target(conference_id)
            edit = Edit(target.conference_id, function, resets)
            return SafeUpdate(target, edit, edit)

    def _history(self, conference_id: Id | None, change_set: str | None) -> Steps[Sequence[Entry]]:
        name = checked_history(conference_id, change_set, undo=False)
        key = None if name is None else one_spelling(name)
        return (yield from recalled(Recall(key, change_set=change_set), self._journaled))

    def _undo_of_one(
        self, conference_id: Id | None, change_set: str | None, entry: int | None
    ) -> Steps[Conference] | None:
        """`None` where a change set is to be undone in all its conferences."""
        with self._masking():
            name = checked_history(conference_id, change_set, entry, undo=True)
        return None if name is None and entry is None else self._undone(name, change_set, entry)

    def _undone(self, name: str | None, change_set: str | None, entry: int | None) -> Steps[Conference]:
        if entry is not None:
            name = yield from member(entry, self._journaled)
        return (yield from self._updated(undo(self._target(name or ""), change_set, entry)))

    def _undos(
        self, change_set: str | None, made: ChangeSet
    ) -> Callable[[Id], Steps[tuple[dict[str, Any], UpdateReport]]]:
        settings = self._transport.settings
        return lambda each: undo(Target.of(each, settings, made), change_set)

    def _undo_plans(
        self, conference_id: Id | None, change_set: str | None, entry: int | None
    ) -> Steps[list[UpdatePlan[Any]]]:
        name = checked_history(conference_id, change_set, entry, undo=True)
        if entry is not None:
            name = yield from member(entry, self._journaled)
        names = [name] if name is not None else (yield from members(change_set or "", self._journaled))
        plans = []
        for each in names:
            update = yield from undoing(self._target(each), change_set, entry)
            plans.append((yield from update.plan()))
        return plans

    def _plan_of(self, text: str) -> UpdatePlan[Any]:
        with self._masking():
            return read_plan(text, self._host)

    def _applied(self, plan: UpdatePlan[Any]) -> Steps[Conference]:
        return self._updated(SafeUpdate(self._target(plan.conference_id), plan.intent).steps())

    def _planned(self, update: SafeUpdate) -> Steps[UpdatePlan[Any]]:
        return self._bound((yield from update.plan()))

    def _bound(self, plan: UpdatePlan[Any]) -> UpdatePlan[Any]:
        return evolve(plan, host=self._host, apply=lambda: self._transport.run(self._applied(plan)))

    def _updates(
        self, change_set: ChangeSet, ids: object, changes: object, allow_reset: object, concurrency: object
    ) -> Callable[[Id], SafeUpdate]:
        """What makes the update of each of many conferences, all that can be checked before."""
        with self._masking():
            given = {} if callable(changes) else changes
            asked, resets = checked_many(ids, given, allow_reset, concurrency, change_set.label)
        settings = self._transport.settings

        def update(each: Id) -> SafeUpdate:
            own = checked_changes(changes(name_of(each)), resets, each)[0] if callable(changes) else dict(asked)
            return SafeUpdate(Target.of(each, settings, change_set), Intent(own, resets))

        return update

    def _fleet(
        self,
        work: Callable[[Any], Steps[Any]],
        record: Callable[[str, Any], Any],
        tell: Callable[[Any], object] | None = None,
        *,
        writes: bool,
    ) -> Fleet[Any, Any]:
        return Fleet(work, record, tell or bool, self._transport.settings.pace, self._policy, writes)

    def _page_of_ids(self, pages: operations.Pages) -> Steps[Sequence[str]]:
        page = yield from paced(pages.next(), self._transport.settings.pace)
        return [each["id"] for each in page["data"]]

    def _updated(self, steps: Steps[tuple[dict[str, Any], UpdateReport]]) -> Steps[Conference]:
        return view(Conference, *(yield from steps))


class RestClient(BaseClient[Lock]):
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

    Raises:
        ConfigurationError: naming all that is missing or wrong.
    """

    def _open(self, settings: Settings[Lock]) -> None:
        self._transport = Transport(settings)
        self.video = Video(Conferences(self._transport))

    def _read_plan(self, text: str) -> UpdatePlan[Conference]:
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

    Raises:
        InvalidChangeError: by every method, before any request: all that is wrong with its arguments.
        ApiError, TransportError, InvalidResponseError: by every method but `history`: a request failed, with
            `NotFoundError` (an `ApiError`) where there is no such conference.
    """

    def get(self, conference_id: Id, /, *, include_active_session: bool = False) -> Conference:
        """Read a conference; with `include_active_session`, also the session under way."""
        return self._transport.run(operations.get(conference_id, include_active_session, self._policy))

    def list(self, **query: Unpack[ListQuery]) -> ConferencePage:
        """Read one page of conferences. `paginate` reads them all."""
        return self._transport.run(operations.page(query, self._policy))

    def paginate(self, **query: Unpack[ListQuery]) -> Iterator[Conference]:
        """All conferences, page by page as they are asked for, along the server's links.

        Raises:
            InvalidChangeError: a parameter is unknown or its value wrong; raised by this call.
            InvalidResponseError: an answer is no page, or a link leads to another host or in a circle.
        """
        return self._each(self._pages(query))

    def create(self, **fields: Unpack[ConferenceFields]) -> Conference:
        """Create a conference. Never repeated where it may have been carried out."""
        return self._transport.run(operations.create(fields, self._policy))

    def delete(self, conference_id: Id, /) -> None:
        """Delete a conference. A repetition that finds it gone has succeeded."""
        self._transport.run(operations.delete(conference_id, self._policy))

    def replace(self, conference_id: Id, body: Mapping[str, Any], /) -> Conference:
        """PUT this body, with `display_name` at least: every writable field that it leaves out is reset."""
        return self._transport.run(self._replacement(conference_id, body))

    def update(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> Conference:
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
        return self._transport.run(self._updated(self._safe_update(conference_id, changes, allow_reset).steps()))

    def plan(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> UpdatePlan[Conference]:
        """Read the conference and tell what `update` would do; `.apply()` does it."""
        return self._transport.run(self._planned(self._safe_update(conference_id, changes, allow_reset)))

    def update_many(
        self,
        ids: Iterable[Id] | None = None,
        *,
        changes: ConferenceChanges | Callable[[str], ConferenceChanges],
        concurrency: int = CONCURRENCY,
        label: str | None = None,
        on_progress: Callable[[ConferenceResult], object] | None = None,
        allow_reset: Iterable[str] = (),
    ) -> ChangeSetResult:
        """Make the same changes to many conferences, several at once, each as safely as `update` does.

        One that fails stops no other. Three in a row that are refused for the credentials or for the rate limit do:
        the others then fail without a request. After a 429 all wait together.

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

        Raises:
            InvalidChangeError: all that is wrong with the input, before any request. A wrong id that comes from an
                iterator fails by itself.
            ApiError, TransportError, InvalidResponseError: the list of all conferences could not be read on.
        """
        change_set = ChangeSet(label=label)
        update = self._updates(change_set, ids, changes, allow_reset, concurrency)
        return self._carried_out(ids, lambda each: update(each).steps(), change_set, concurrency, on_progress)

    def plan_many(
        self,
        ids: Iterable[Id] | None = None,
        *,
        changes: ConferenceChanges | Callable[[str], ConferenceChanges],
        allow_reset: Iterable[str] = (),
        concurrency: int = CONCURRENCY,
    ) -> Iterator[tuple[str, UpdatePlan[Conference] | Exception]]:
        """What `update_many` would do, in the order of the ids: id and plan, or the error of this conference.

        They are read as they are asked for, some ahead. Args and errors are those of `update_many`.
        """
        return self._plans(ids, self._updates(ChangeSet(), ids, changes, allow_reset, concurrency), concurrency)

    def edit(self, conference_id: Id, function: Function, /, *, allow_reset: Iterable[str] = ()) -> Conference:
        """Change fields depending on what they are, and keep every other.

        Args:
            conference_id: its id.
            function: gets a dict of all writable fields, JSON as the server sent it, and changes it or returns another.
                What is `None` or left out is cleared. It is called again, on the conference as it is then, where
                nothing of its changes is left: so that two edits at once both count.
            allow_reset: fields that may be lost, where a PUT cannot carry their value.

        Raises:
            InvalidChangeError: all that is wrong with the input, or with what the function made; no PUT of it was sent.
            UnsafeUpdateError, ConflictError, VerificationError, InvalidResponseError, ApiError, TransportError: as
                `update`. An error of the function passes through.
        """
        return self._transport.run(self._updated(self._edit(conference_id, function, allow_reset).steps()))

    def history(self, conference_id: Id | None = None, /, *, change_set: str | None = None) -> Sequence[Entry]:
        """What the journal knows, the latest first: of a conference, of a change set, or of the whole space.

        Raises:
            ConferencesError: the client has no journal, or it cannot be read.
        """
        return self._transport.run(self._history(conference_id, change_set))

    @overload
    def undo(self, conference_id: Id, /, *, change_set: str | None = None) -> Conference: ...
    @overload
    def undo(self, /, *, entry: int) -> Conference: ...
    @overload
    def undo(self, /, *, change_set: str) -> ChangeSetResult: ...
    def undo(
        self, conference_id: Id | None = None, /, *, change_set: str | None = None, entry: int | None = None
    ) -> Conference | ChangeSetResult:
        """Take a change back, as a three-way merge: the last one of a conference that is no undo, if it changed
        something; or that of an entry, of a change set, or of a conference in a change set. What was undone already is
        left alone: the `report` says so.

        Raises:
            InvalidChangeError: not exactly one of id, change set and entry is given, but for a change set with an id.
            ConferencesError: the client has no journal, or it knows no such change.
            ConflictError: the same fields were changed to something else since.
            UnsafeUpdateError: a value from before cannot be sent.
            VerificationError, InvalidResponseError, ApiError, TransportError: as `update`. All these errors are in the
                result's `failed` where a change set is undone in all its conferences.
        """
        if (one := self._undo_of_one(conference_id, change_set, entry)) is not None:
            return self._transport.run(one)
        made, ids = ChangeSet(), self._transport.run(members(change_set or "", self._journaled))
        return self._carried_out(ids, self._undos(change_set, made), made, CONCURRENCY, None)

    @overload
    def plan_undo(self, conference_id: Id, /, *, change_set: str | None = None) -> UpdatePlan[Conference]: ...
    @overload
    def plan_undo(self, /, *, entry: int) -> UpdatePlan[Conference]: ...
    @overload
    def plan_undo(self, /, *, change_set: str) -> Sequence[UpdatePlan[Conference]]: ...
    def plan_undo(
        self, conference_id: Id | None = None, /, *, change_set: str | None = None, entry: int | None = None
    ) -> UpdatePlan[Conference] | Sequence[UpdatePlan[Conference]]:
        """Tell what `undo` would do: one plan, or one for each conference of a change set."""
        found = self._transport.run(self._undo_plans(conference_id, change_set, entry))
        plans = [self._bound(plan) for plan in found]
        return plans if conference_id is None and entry is None else plans[0]

    def _carried_out(
        self,
        ids: Iterable[Id] | None,
        work: Callable[[Any], Steps[tuple[Any, UpdateReport]]],
        change_set: ChangeSet,
        concurrency: int,
        on_progress: Callable[[ConferenceResult], object] | None,
    ) -> ChangeSetResult:
        result = ChangeSetResult(change_set.id)
        with result.kept():
            fleet = self._fleet(work, result.record, on_progress, writes=True)
            workers.run(self._transport, fleet, self._ids() if ids is None else ids, concurrency)
        return result

    def _plans(
        self, ids: Iterable[Id] | None, update: Callable[[Any], SafeUpdate], concurrency: int
    ) -> Iterator[tuple[str, Any]]:
        found = dict[str, Any]()
        fleet = self._fleet(lambda each: self._planned(update(each)), found.__setitem__, writes=False)
        every = iter(self._ids() if ids is None else ids)
        while batch := [*islice(every, PLANNED_AHEAD * concurrency)]:
            found.update(dict.fromkeys(map(name_of, batch)))  # in this order
            workers.run(self._transport, fleet, batch, concurrency)
            yield from ((name, plan) for name, plan in found.items() if plan is not None)
            found.clear()

    def _ids(self) -> Iterator[str]:
        pages = self._pages(LARGE_PAGES)
        while pages.more:
            yield from self._transport.run(self._page_of_ids(pages))

    def _each(self, pages: operations.Pages) -> Iterator[Conference]:
        while pages.more:
            yield from self._transport.run(pages.next()).data
