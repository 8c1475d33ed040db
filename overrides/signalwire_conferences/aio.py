"""The asynchronous client: the same steps as the synchronous one, carried out with `await`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from . import async_workers, operations
from .async_transport import AsyncTransport
from .base import BaseClient, BaseConferences, Id, Video
from .edit import Function
from .fleet import CONCURRENCY, LARGE_PAGES, PLANNED_AHEAD, ChangeSetResult, ConferenceResult, UndoPlans, name_of
from .history import ChangeSet, Entry
from .plan import UpdatePlan
from .results import Conference, ConferencePage, UpdatedConference, UpdateReport
from .settings import AsyncLock, Settings
from .steps import Steps
from .undo import members

if TYPE_CHECKING:
    import httpx  # noqa: F401 - which the base is of

    from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery

    from .base import Changes

AsyncPlan = UpdatePlan[Awaitable[UpdatedConference]]


class AsyncRestClient(BaseClient[AsyncLock, "httpx.AsyncClient"]):
    """`RestClient` with `async` and `await`, on asyncio or trio.

    Cancelled at any time, an update leaves the conference old or new, and no lock held. It may be used in several
    event loops; the connections of each are closed with the loop.

    Args and errors are those of `RestClient`, but that `lock` gives an asynchronous context manager, that `timeout`
    bounds headers that come by drips, too, and that `http_client` is an `httpx.AsyncClient`, which is for one event
    loop. `on_event` is not awaited.
    """

    _http_kind = "AsyncClient"

    def _open(self, settings: Settings[AsyncLock]) -> None:
        self._use(AsyncTransport(settings))

    def _use(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.video = Video(AsyncConferences(transport))

    def _read_plan(self, text: str) -> AsyncPlan:
        return self.video.conferences._bound(self.video.conferences._plan_of(text))  # noqa: SLF001 - their own part

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections and the journal. Do not use the client afterwards."""
        await self._transport.close()


class AsyncConferences(BaseConferences[AsyncTransport]):
    """The video conferences of a space. Each method is as in `Conferences`, and raises the same."""

    async def get(self, resource_id: Id, *, include_active_session: bool = False) -> Conference:
        """Read a conference."""
        return await self._transport.run(operations.get(resource_id, include_active_session, self._policy), "get")

    async def list(self, **query: Unpack[ListQuery]) -> ConferencePage:
        """Read one page of conferences. `paginate` reads them all."""
        return await self._transport.run(operations.page(query, self._policy), "list")

    def paginate(self, **query: Unpack[ListQuery]) -> AsyncGenerator[Conference, None]:
        """All conferences, page by page as they are asked for, along the server's links."""
        return self._each(self._pages(query))

    async def create(self, **fields: Unpack[ConferenceFields]) -> Conference:
        """Create a conference. Never repeated where it may have been carried out."""
        return await self._transport.run(operations.create(fields, self._policy), "create")

    async def delete(self, resource_id: Id) -> None:
        """Delete a conference."""
        await self._transport.run(operations.delete(resource_id, self._policy), "delete")

    async def replace(self, conference_id: Id, body: Mapping[str, Any], /) -> Conference:
        """PUT this body as it is: every writable field that it leaves out is reset."""
        return await self._transport.run(self._replacement(conference_id, body), "replace")

    async def update(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> UpdatedConference:
        """Change the fields that are named, and keep every other."""
        return await self._transport.run(
            self._updated(self._safe_update(conference_id, changes, allow_reset).steps()), "update"
        )

    async def plan(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> AsyncPlan:
        """Read the conference and tell what `update` would do; `await plan.apply()` does it."""
        return await self._transport.run(self._planned(self._safe_update(conference_id, changes, allow_reset)), "plan")

    async def update_many(
        self,
        ids: Iterable[Id] | AsyncIterable[Id] | None = None,
        *,
        changes: Changes | Callable[[str], Changes],
        concurrency: int = CONCURRENCY,
        label: str | None = None,
        on_progress: Callable[[ConferenceResult], object] | None = None,
        allow_reset: Iterable[str] = (),
        base: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> ChangeSetResult:
        """Make the same changes to many conferences. Tasks do it; `on_progress` is called in this event loop.

        A cancellation does what Ctrl-C does to the blocking one.
        """
        change_set = ChangeSet(label=label)
        update = self._updates(change_set, ids, changes, allow_reset, concurrency, base, on_progress)
        return await self._carried_out(
            "update_many", ids, lambda each: update(each).steps(), change_set, concurrency, on_progress
        )

    def plan_many(
        self,
        ids: Iterable[Id] | AsyncIterable[Id] | None = None,
        *,
        changes: Changes | Callable[[str], Changes],
        allow_reset: Iterable[str] = (),
        concurrency: int = CONCURRENCY,
    ) -> AsyncGenerator[tuple[str, UpdatePlan[Awaitable[UpdatedConference]] | Exception], None]:
        """What `update_many` would do, in the order of the ids: id and plan, or the error of this conference."""
        update = self._updates(ChangeSet(), ids, changes, allow_reset, concurrency)
        return self._plans("plan_many", ids, lambda each: self._planned(update(each)), concurrency)

    async def edit(
        self, conference_id: Id, function: Function, /, *, allow_reset: Iterable[str] = ()
    ) -> UpdatedConference:
        """Change fields depending on what they are, and keep every other. The function is not awaited."""
        return await self._transport.run(
            self._updated(self._edit(conference_id, function, allow_reset).steps()), "edit"
        )

    async def history(self, conference_id: Id | None = None, /, *, change_set: str | None = None) -> Sequence[Entry]:
        """What the journal knows, the latest first: of a conference, of a change set, or of the whole space."""
        return await self._transport.run(self._history(conference_id, change_set), "history")

    @overload
    async def undo(self, conference_id: Id, /, *, change_set: str | None = None) -> UpdatedConference: ...
    @overload
    async def undo(self, /, *, entry: int) -> UpdatedConference: ...
    @overload
    async def undo(
        self, /, *, change_set: str, on_progress: Callable[[ConferenceResult], object] | None = None
    ) -> ChangeSetResult: ...
    async def undo(
        self,
        conference_id: Id | None = None,
        /,
        *,
        change_set: str | None = None,
        entry: int | None = None,
        on_progress: Callable[[ConferenceResult], object] | None = None,
    ) -> UpdatedConference | ChangeSetResult:
        """Take a change back, as a three-way merge."""
        if (one := self._undo_of_one(conference_id, change_set, entry, on_progress)) is not None:
            return await self._transport.run(one, "undo")
        made, ids = ChangeSet(), await self._transport.run(members(change_set or "", self._journaled), "undo")
        return await self._carried_out("undo", ids, self._undos(change_set, made), made, CONCURRENCY, on_progress)

    @overload
    async def plan_undo(self, conference_id: Id, /, *, change_set: str | None = None) -> AsyncPlan: ...
    @overload
    async def plan_undo(self, /, *, entry: int) -> AsyncPlan: ...
    @overload
    async def plan_undo(
        self, /, *, change_set: str, on_progress: Callable[[tuple[str, AsyncPlan | Exception]], object] | None = None
    ) -> UndoPlans[Awaitable[UpdatedConference]]: ...
    async def plan_undo(
        self,
        conference_id: Id | None = None,
        /,
        *,
        change_set: str | None = None,
        entry: int | None = None,
        on_progress: Callable[[tuple[str, AsyncPlan | Exception]], object] | None = None,
    ) -> AsyncPlan | UndoPlans[Awaitable[UpdatedConference]]:
        """Tell what `undo` would do: one plan, or one for each conference of a change set."""
        if (one := self._undo_plan_of_one(conference_id, change_set, entry, on_progress)) is not None:
            return await self._transport.run(one, "plan_undo")
        made, ids = (
            UndoPlans[Awaitable[UpdatedConference]](),
            await self._transport.run(members(change_set or "", self._journaled), "plan_undo"),
        )
        async with aclosing(
            self._plans("plan_undo", ids, lambda each: self._undo_plan(each, change_set), CONCURRENCY)
        ) as plans:
            async for each, plan in plans:
                made.record(each, plan)
                if on_progress is not None:
                    on_progress((each, plan))
        return made

    async def _carried_out(
        self,
        operation: str,
        ids: Iterable[Id] | AsyncIterable[Id] | None,
        work: Callable[[Any], Steps[tuple[Any, UpdateReport]]],
        change_set: ChangeSet,
        concurrency: int,
        on_progress: Callable[[ConferenceResult], object] | None,
    ) -> ChangeSetResult:
        result = ChangeSetResult(change_set.id)
        with result.kept():
            fleet = self._fleet(operation, work, result.record, on_progress, writes=True)
            async with aclosing(self._ids(ids)) as every:
                await async_workers.run(self._transport, fleet, every, concurrency)
        return result

    async def _plans(
        self,
        operation: str,
        ids: Iterable[Id] | AsyncIterable[Id] | None,
        work: Callable[[Any], Steps[UpdatePlan[Any]]],
        concurrency: int,
    ) -> AsyncGenerator[tuple[str, Any], None]:
        found = dict[str, Any]()
        fleet = self._fleet(operation, work, found.__setitem__, writes=False)
        batches = async_workers.batches(self._ids(ids), PLANNED_AHEAD * concurrency)
        async with aclosing(batches):
            async for batch in batches:
                found.update(dict.fromkeys(map(name_of, batch)))  # in this order
                await async_workers.run(self._transport, fleet, self._ids(batch), concurrency)
                for name, plan in found.items():
                    if plan is not None:
                        yield name, plan
                found.clear()

    async def _ids(self, ids: Iterable[object] | AsyncIterable[object] | None) -> AsyncGenerator[object, None]:
        """These ids, or those of all conferences."""
        if isinstance(ids, AsyncIterable):
            async for each in ids:
                yield each
        elif ids is not None:
            for each in ids:
                yield each
        else:
            pages = self._pages(LARGE_PAGES)
            while pages.more:
                for each in await self._transport.run(self._page_of_ids(pages), "list"):
                    yield each

    async def _each(self, pages: operations.Pages) -> AsyncGenerator[Conference, None]:
        while pages.more:
            for conference in (await self._transport.run(pages.next(), "list")).data:
                yield conference
