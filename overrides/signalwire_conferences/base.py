"""What both clients have in common: how they are built, and the checks and steps behind each method."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NoReturn, Self, TypeVar
from uuid import UUID

from attrs import evolve

from . import operations
from .changes import (
    OPTIONS,
    checked_base,
    checked_body,
    checked_changes,
    checked_edit,
    checked_history,
    checked_many,
    checked_own,
)
from .contract import KEEP, Json
from .edit import Edit, Function
from .errors import ConferencesError, ConfigurationError
from .fleet import Fleet, name_of
from .history import ChangeSet, Entry
from .masking import Secret, without_secrets
from .pace import WRITES_PER_SECOND, paced
from .plan import LOOK, Intent, UpdatePlan, read_plan
from .results import Conference, UpdatedConference, UpdateReport, view
from .settings import Settings, settings
from .steps import Recall, Steps
from .target import Target
from .transport import Transport
from .undo import member, recalled, undo, undoing
from .update import SafeUpdate
from .values import one_spelling

if TYPE_CHECKING:
    from signalwire_conferences_api.fields import ConferenceChanges
    from signalwire_conferences_api.table import Keep

    from .async_transport import AsyncTransport
    from .events import Event

    Kept = Literal[Keep.KEEP]
    Changes = ConferenceChanges | Mapping[str, object]  # a type checker knows the first, and completes its names

Id = str | UUID
C = TypeVar("C")
L = TypeVar("L")
H = TypeVar("H")
T = TypeVar("T", bound="Transport | AsyncTransport")


class ConferencesOnly:
    """What the vendor's SDK has besides says, at the attribute, that it is not here. A client and its parts are not
    copied: they hold connections and the token.
    """

    def __reduce__(self) -> NoReturn:
        said = f"a {type(self).__name__} cannot be pickled or copied: it holds connections and the token;"
        raise TypeError(f"{said} make a client in each process, or use with_options")

    if not TYPE_CHECKING:  # else every name would pass for one

        def __getattr__(self, name: str) -> NoReturn:
            said = f"{type(self).__name__!r} has no attribute {name!r}"
            if not name.startswith("_"):
                said += ": this package is about conferences alone, and not their streams and tokens."
                said += " Use the vendor's SDK beside it: `from signalwire.rest import RestClient as SignalWireClient`."
            raise AttributeError(said, name=name, obj=self)


class RequestOptions:
    """A name of the vendor's SDK. To make one says what to write instead."""

    def __init__(self, *_: object, **__: object) -> NoReturn:
        raise ConfigurationError("There are no RequestOptions here.", advice=f"Write {OPTIONS}.")


class BaseClient(ConferencesOnly, Generic[L, H]):
    _transport: Any
    _http_kind: ClassVar[str]  # the class of httpx of a client of the caller's

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
        http_client: H | None = None,
        base_url: str | None = None,
        allow_http: bool = False,
        on_event: "Callable[[Event], object] | None" = None,
    ) -> None:
        names, values = ("project", "token", "host", "base_url"), map(Secret, (project, token, host, base_url))
        where: dict[str, Any] = dict(zip(names, values, strict=True))
        project = token = host = base_url = None  # no traceback with local variables is to show them
        habits: dict[str, Any] = {"timeout": timeout, "retries": retries, "confirm": confirm, "journal": journal}
        habits |= {"http_client": http_client, "http_kind": self._http_kind, "transport": transport}
        habits |= {"writes_per_second": writes_per_second, "on_event": on_event}
        self._open(settings(**where, allow_http=allow_http, lock=lock, **habits))

    def with_options(
        self,
        *,
        timeout: "float | Kept" = KEEP,
        retries: "int | Kept" = KEEP,
        confirm: "float | Kept | None" = KEEP,
        on_event: "Callable[[Event], object] | Kept | None" = KEEP,
    ) -> Self:
        """The same client with other options: for one call, or for a few.

        It shares connections, journal, lock and rate limit with this one, and takes no time to make. To close it does
        nothing; once this one is closed, it is too.

        Args:
            timeout: as of `RestClient`, and so are the others; what is not named stays.
            retries: as of `RestClient`.
            confirm: as of `RestClient`.
            on_event: as of `RestClient`.

        Raises:
            ConfigurationError: naming all that is wrong.
        """
        habits = {"timeout": timeout, "retries": retries, "confirm": confirm, "on_event": on_event}
        changed = {name: value for name, value in habits.items() if value is not KEEP}
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        made._use(self._transport.view(self._transport.settings.changed(**changed)))
        return made

    def _open(self, settings: Settings[L]) -> None:
        raise NotImplementedError

    def _use(self, transport: Any) -> None:
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
        self._space = transport.settings.address.space
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
            return operations.Pages(query, self._transport.settings.address, self._policy)

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
        self, conference_id: Id | None, change_set: str | None, entry: int | None, on_progress: object
    ) -> Steps[UpdatedConference] | None:
        """`None` where a change set is to be undone in all its conferences."""
        with self._masking():
            name = checked_history(conference_id, change_set, entry, on_progress, undo=True)
        return None if name is None and entry is None else self._undone(name, change_set, entry)

    def _undone(self, name: str | None, change_set: str | None, entry: int | None) -> Steps[UpdatedConference]:
        if entry is not None:
            name = yield from member(entry, self._journaled)
        return (yield from self._updated(undo(self._target(name or ""), change_set, entry)))

    def _undos(
        self, change_set: str | None, made: ChangeSet
    ) -> Callable[[Id], Steps[tuple[dict[str, Any], UpdateReport]]]:
        settings = self._transport.settings
        return lambda each: undo(Target.of(each, settings, made), change_set)

    def _undo_plan_of_one(
        self, conference_id: Id | None, change_set: str | None, entry: int | None, on_progress: object
    ) -> Steps[UpdatePlan[Any]] | None:
        """`None` where a change set is to be undone in all its conferences."""
        with self._masking():
            name = checked_history(conference_id, change_set, entry, on_progress, undo=True)
        return None if name is None and entry is None else self._undo_plan(name, change_set, entry)

    def _undo_plan(self, name: str | None, change_set: str | None, entry: int | None = None) -> Steps[UpdatePlan[Any]]:
        if entry is not None:
            name = yield from member(entry, self._journaled)
        return (yield from self._planned((yield from undoing(self._target(name or ""), change_set, entry))))

    def _plan_of(self, text: str) -> UpdatePlan[Any]:
        with self._masking():
            return read_plan(text, self._space)

    def _applied(self, plan: UpdatePlan[Any]) -> Steps[UpdatedConference]:
        return self._updated(SafeUpdate(self._target(plan.conference_id), plan.intent).steps())

    def _planned(self, update: SafeUpdate) -> Steps[UpdatePlan[Any]]:
        return self._bound((yield from update.plan()))

    def _bound(self, plan: UpdatePlan[Any]) -> UpdatePlan[Any]:
        return evolve(plan, host=self._space, apply=lambda: self._transport.run(self._applied(plan), "apply"))

    def _updates(
        self,
        change_set: ChangeSet,
        ids: object,
        changes: object,
        allow_reset: object,
        concurrency: object,
        base: Callable[[str], Json] | None = None,
        on_progress: object = None,
    ) -> Callable[[Id], SafeUpdate]:
        """What makes the update of each of many conferences, all that can be checked before."""
        with self._masking():
            given = {} if callable(changes) else changes
            asked, resets = checked_many(
                ids, given, allow_reset, concurrency, change_set.label, base=base, on_progress=on_progress
            )
        settings = self._transport.settings

        def update(each: Id) -> SafeUpdate:
            own = checked_own(changes(name_of(each)), each) if callable(changes) else dict(asked)
            seen = None if base is None else checked_base(base(name_of(each)), each)
            return SafeUpdate(
                Target.of(each, settings, change_set), Intent(own, resets, seen, advice=LOOK if seen else "")
            )

        return update

    def _fleet(
        self,
        operation: str,
        work: Callable[[Any], Steps[Any]],
        record: Callable[[str, Any], Any],
        tell: Callable[[Any], object] | None = None,
        *,
        writes: bool,
    ) -> Fleet[Any, Any]:
        return Fleet(operation, work, record, tell or bool, self._transport.settings.pace, self._policy, writes)

    def _page_of_ids(self, pages: operations.Pages) -> Steps[Sequence[str]]:
        page = yield from paced(pages.next(), self._transport.settings.pace)
        return [each["id"] for each in page["data"]]

    def _updated(self, steps: Steps[tuple[dict[str, Any], UpdateReport]]) -> Steps[UpdatedConference]:
        body, report = yield from steps
        return view(UpdatedConference, body, report, report.request_id)
