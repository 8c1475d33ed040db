"""The asynchronous client: the same steps as the synchronous one, carried out with `await`."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, Unpack
from uuid import UUID

from attrs import evolve

from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery

from . import operations
from .changes import checked_body, checked_changes
from .masking import Secret
from .plan import Entry, UpdatePlan
from .results import Conference, ConferencePage, UpdateReport, view
from .settings import AsyncLock, settings
from .steps import Steps
from .target import Target
from .transport import AsyncTransport
from .undo import undo
from .update import Intent, SafeUpdate

__all__ = ["AsyncConferences", "AsyncRestClient"]


class AsyncRestClient:
    """`RestClient` with `async` and `await`, on asyncio or trio.

    Cancelled at any time, an update leaves the conference old or new, and no lock held. It may be
    used in several event loops; the connections of each are closed with the loop.

    Args:
        project: see `RestClient`.
        token: see `RestClient`.
        host: see `RestClient`.
        timeout: seconds for one attempt, and the longest that any single wait may last.
        retries: repeats of one request; 0 is none.
        lock: from a conference id to an asynchronous context manager.
        confirm: seconds after which an update looks once more whether its change is still there.
        journal: path of a SQLite file for before-images.

    Raises:
        ConfigurationError: naming all that is missing or wrong.
    """

    def __init__(
        self,
        project: str | None = None,
        token: str | None = None,
        host: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 3,
        lock: AsyncLock | None = None,
        confirm: float | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> None:
        secret, token = Secret(token), None  # no traceback with local variables is to show it
        self._transport = AsyncTransport(
            settings(
                project=project,
                token=secret,
                host=host,
                timeout=timeout,
                retries=retries,
                lock=lock,
                confirm=confirm,
                journal=journal,
            )
        )
        self.video = AsyncVideo(AsyncConferences(self._transport))

    def __repr__(self) -> str:
        transport = getattr(self, "_transport", None)  # none where the construction failed
        return f"AsyncRestClient({transport.settings.shown if transport else 'not built'})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections and the journal. The client is of no use afterwards."""
        await self._transport.close()


class AsyncVideo:
    """The video resources."""

    def __init__(self, conferences: AsyncConferences) -> None:
        self.conferences = conferences


class AsyncConferences:
    """The video conferences of a space. Each method is as in `Conferences`, and raises the same."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._run = transport.run
        self._policy = transport.settings.policy

    async def get(self, conference_id: str | UUID, /, *, include_active_session: bool = False) -> Conference:
        """Read a conference."""
        return await self._run(operations.get(conference_id, include_active_session, self._policy))

    async def list(self, **query: Unpack[ListQuery]) -> ConferencePage:
        """Read one page of conferences. `paginate` reads them all."""
        return await self._run(operations.page(query, self._policy))

    def paginate(self, **query: Unpack[ListQuery]) -> AsyncGenerator[Conference, None]:
        """All conferences, page by page as they are asked for, along the server's links."""
        pages = operations.Pages(query, self._transport.settings.host, self._policy)
        return self._each(pages)

    async def create(self, **fields: Unpack[ConferenceFields]) -> Conference:
        """Create a conference. Never repeated where it may have been carried out."""
        return await self._run(operations.create(fields, self._policy))

    async def delete(self, conference_id: str | UUID, /) -> None:
        """Delete a conference."""
        await self._run(operations.delete(conference_id, self._policy))

    async def replace(self, conference_id: str | UUID, body: Mapping[str, Any], /) -> Conference:
        """PUT this body as it is: every writable field that it leaves out is reset."""
        checked = checked_body(body, conference_id)
        return await self._run(operations.replace(self._target(conference_id), checked))

    async def update(
        self,
        conference_id: str | UUID,
        /,
        *,
        allow_reset: Iterable[str] = (),
        **changes: Unpack[ConferenceChanges],
    ) -> Conference:
        """Change the fields that are named, and keep every other."""
        return await self._updated(self._safe_update(conference_id, changes, allow_reset).steps())

    async def plan(
        self,
        conference_id: str | UUID,
        /,
        *,
        allow_reset: Iterable[str] = (),
        **changes: Unpack[ConferenceChanges],
    ) -> UpdatePlan[Awaitable[Conference]]:
        """Read the conference and tell what `update` would do; `await plan.apply()` does it."""
        update = self._safe_update(conference_id, changes, allow_reset)
        plan = await self._run(update.plan())
        return evolve(plan, apply=lambda: self._updated(SafeUpdate(update.target, update.intent).steps()))

    async def history(self, conference_id: str | UUID, /) -> Sequence[Entry]:
        """The updates that the journal knows, the latest first."""
        return await self._run(operations.history(self._target(conference_id)))

    async def undo(self, conference_id: str | UUID, /) -> Conference:
        """Take the last change of the journal back, as a three-way merge."""
        return await self._updated(undo(self._target(conference_id)))

    async def _each(self, pages: operations.Pages) -> AsyncGenerator[Conference, None]:
        while pages.more:
            for conference in (await self._run(pages.next())).data:
                yield conference

    def _target(self, conference_id: str | UUID) -> Target:
        return Target.of(conference_id, self._transport.settings)

    def _safe_update(
        self, conference_id: str | UUID, changes: Mapping[str, Any], allow_reset: Iterable[str]
    ) -> SafeUpdate:
        intent = Intent(*checked_changes(changes, allow_reset, conference_id))
        return SafeUpdate(self._target(conference_id), intent)

    async def _updated(self, steps: Steps[tuple[dict[str, Any], UpdateReport]]) -> Conference:
        return view(Conference, *await self._run(steps))
