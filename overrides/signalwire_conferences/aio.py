"""The asynchronous client: the same steps as the synchronous one, carried out with `await`."""

from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from typing import Any, Self, Unpack, overload

from attrs import evolve

from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery

from . import operations
from .client import BaseClient, BaseConferences, Id, Video
from .history import ChangeSetResult, Entry
from .plan import UpdatePlan
from .results import Conference, ConferencePage
from .settings import AsyncLock, Settings
from .transport import AsyncTransport

AsyncPlan = UpdatePlan[Awaitable[Conference]]


class AsyncRestClient(BaseClient[AsyncLock]):
    """`RestClient` with `async` and `await`, on asyncio or trio.

    Cancelled at any time, an update leaves the conference old or new, and no lock held. It may be used in several
    event loops; the connections of each are closed with the loop.

    Args and errors are those of `RestClient`, but that `lock` gives an asynchronous context manager, and that
    `timeout` bounds headers that come by drips, too.
    """

    def _open(self, settings: Settings[AsyncLock]) -> None:
        self._transport = AsyncTransport(settings)
        self.video = Video(AsyncConferences(self._transport))

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

    async def get(self, conference_id: Id, /, *, include_active_session: bool = False) -> Conference:
        """Read a conference."""
        return await self._transport.run(operations.get(conference_id, include_active_session, self._policy))

    async def list(self, **query: Unpack[ListQuery]) -> ConferencePage:
        """Read one page of conferences. `paginate` reads them all."""
        return await self._transport.run(operations.page(query, self._policy))

    def paginate(self, **query: Unpack[ListQuery]) -> AsyncGenerator[Conference, None]:
        """All conferences, page by page as they are asked for, along the server's links."""
        return self._each(self._pages(query))

    async def create(self, **fields: Unpack[ConferenceFields]) -> Conference:
        """Create a conference. Never repeated where it may have been carried out."""
        return await self._transport.run(operations.create(fields, self._policy))

    async def delete(self, conference_id: Id, /) -> None:
        """Delete a conference."""
        await self._transport.run(operations.delete(conference_id, self._policy))

    async def replace(self, conference_id: Id, body: Mapping[str, Any], /) -> Conference:
        """PUT this body as it is: every writable field that it leaves out is reset."""
        return await self._transport.run(self._replacement(conference_id, body))

    async def update(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> Conference:
        """Change the fields that are named, and keep every other."""
        return await self._transport.run(self._updated(self._safe_update(conference_id, changes, allow_reset).steps()))

    async def plan(
        self, conference_id: Id, /, *, allow_reset: Iterable[str] = (), **changes: Unpack[ConferenceChanges]
    ) -> AsyncPlan:
        """Read the conference and tell what `update` would do; `await plan.apply()` does it."""
        return self._bound(await self._transport.run(self._safe_update(conference_id, changes, allow_reset).plan()))

    async def history(self, conference_id: Id | None = None, /, *, change_set: str | None = None) -> Sequence[Entry]:
        """What the journal knows, the latest first: of a conference, of a change set, or of the whole space."""
        return await self._transport.run(self._history(conference_id, change_set))

    @overload
    async def undo(self, conference_id: Id, /, *, change_set: str | None = None) -> Conference: ...
    @overload
    async def undo(self, /, *, entry: int) -> Conference: ...
    @overload
    async def undo(self, /, *, change_set: str) -> ChangeSetResult: ...
    async def undo(
        self, conference_id: Id | None = None, /, *, change_set: str | None = None, entry: int | None = None
    ) -> Conference | ChangeSetResult:
        """Take a change back, as a three-way merge."""
        return await self._transport.run(self._undone(conference_id, change_set, entry))

    @overload
    async def plan_undo(self, conference_id: Id, /, *, change_set: str | None = None) -> AsyncPlan: ...
    @overload
    async def plan_undo(self, /, *, entry: int) -> AsyncPlan: ...
    @overload
    async def plan_undo(self, /, *, change_set: str) -> Sequence[AsyncPlan]: ...
    async def plan_undo(
        self, conference_id: Id | None = None, /, *, change_set: str | None = None, entry: int | None = None
    ) -> AsyncPlan | Sequence[AsyncPlan]:
        """Tell what `undo` would do: one plan, or one for each conference of a change set."""
        found = await self._transport.run(self._undo_plans(conference_id, change_set, entry))
        plans = [self._bound(plan) for plan in found]
        return plans if conference_id is None and entry is None else plans[0]

    def _bound(self, plan: UpdatePlan[Any]) -> AsyncPlan:
        return evolve(plan, host=self._host, apply=lambda: self._transport.run(self._applied(plan)))

    async def _each(self, pages: operations.Pages) -> AsyncGenerator[Conference, None]:
        while pages.more:
            for conference in (await self._transport.run(pages.next())).data:
                yield conference
