"""The conferences of the mock, in memory, safe to use from several threads."""

from __future__ import annotations

import copy
import itertools
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn
from uuid import UUID

from attrs import frozen

from signalwire_conferences import contract
from signalwire_conferences.values import one_spelling
from signalwire_conferences_testing import schemas

from . import misuse, preload, times
from .snapshots import Snapshot, snapshot

__all__ = ["Record", "Store"]


@frozen
class Record:
    """A conference at one point in time. Its state is shared: do not change it.

    Attributes:
        id: key in the store.
        number: place in the order of creation.
        state: every field as in an answer, including `active_session` if there is one.
        unrequested: the state without the effect of requests: the initial one, and the changes of `patch`.
        before: the state before the last write, `None` if there was none.
    """

    id: str
    number: int
    state: Mapping[str, Any]
    unrequested: Mapping[str, Any]
    before: Mapping[str, Any] | None = None


class Store:
    """All conferences, by id.

    A mapping from ids to read-only copies: `store[id]` is a conference as the server would send it,
    including `active_session`. Ids are strings or UUIDs; the case of UUIDs does not matter.

    Args:
        conferences: conferences to start with. Fields that are left out have the value that the
            contract gives them. By default the example of the contract.
        allow_unknown: whether conferences may have values that the contract refuses, and any fields,
            as of a newer server. Otherwise such a value is an error, and so is a field whose name is
            similar to that of another.

    Raises:
        ValueError: with every problem of the conferences.
    """

    def __init__(self, conferences: Iterable[Mapping[str, Any]] | None = None, *, allow_unknown: bool = False) -> None:
        #: Held while several steps must be atomic. Re-entrant.
        self.lock = threading.RLock()
        self._allow_unknown = allow_unknown
        self._records: dict[str, Record] = {}
        self._created = 0
        if conferences is None:
            conferences = schemas.resolve({"$ref": f"#/components/schemas/{contract.CONFERENCE}"})["examples"]
        self.seed(conferences)

    def seed(self, conferences: Iterable[Mapping[str, Any]]) -> None:
        """Replaces all conferences with these; `reset` restores them.

        Raises:
            ValueError: with every problem of the conferences; nothing was changed.
        """
        self._seed = preload.completed(listed(conferences), (), allow_unknown=self._allow_unknown)
        self.reset()

    def reset(self) -> None:
        """Restores exactly the conferences of the last seed."""
        with self.lock:
            self._records.clear()
            self._created = 0
            for state in self._seed:
                self._keep(state["id"], state)

    def load(self, conferences: Iterable[Mapping[str, Any]]) -> None:
        """Adds conferences, whose fields may be left out.

        Raises:
            ValueError: with every problem of the conferences; nothing was added.
        """
        with self.lock:
            found = preload.completed(listed(conferences), self._states(), allow_unknown=self._allow_unknown)
            for state in found:
                self._keep(state["id"], state)

    def add(self, conference: Mapping[str, Any]) -> str:
        """Adds one conference, as `load` does, and returns its id."""
        with self.lock:
            self.load([conference])
            return next(reversed(self._records.values())).id

    def create(self, fields: Mapping[str, Any]) -> Record:
        """Creates a conference with these fields; adds those that the server sets."""
        with self.lock:
            now = times.later()
            own = {"id": str(uuid.uuid4()), "created_at": now, "updated_at": now}
            return self._keep(own["id"], preload.ordered({**fields, **own}))

    def find(self, conference_id: str | UUID) -> Record | None:
        """The conference with this id; the case of a UUID does not matter."""
        return self._records.get(self._key(conference_id))

    def records(self) -> list[Record]:
        """All conferences in the order of their creation."""
        with self.lock:
            return list(self._records.values())

    @property
    def created(self) -> int:
        """How many conferences were ever added; all numbers of records are below it."""
        return self._created

    def has_name(self, name: object) -> bool:
        """Whether a conference has this name."""
        with self.lock:
            return any(state.get("name") == name for state in self._states())

    def write(self, conference_id: str | UUID, state: Mapping[str, Any]) -> Record:
        """Replaces the whole state of a conference.

        Raises:
            KeyError: there is no such conference.
        """
        with self.lock:
            old = self._found(conference_id)
            return self._put(Record(old.id, old.number, state, old.unrequested, old.state))

    def patch(self, conference_id: str | UUID, changes: Mapping[str, Any]) -> None:
        """Acts as another writer: sets fields to any values, and updates `updated_at` unless it is among them.

        Raises:
            KeyError: there is no such conference.
            ValueError: the name of a field is similar to that of another, which was probably meant.
        """
        made = copy.deepcopy(dict(changes))
        with self.lock:
            old = self._found(conference_id)
            if not self._allow_unknown:
                misuse.checked_names(name for name in made if name not in old.state)
            stamp = {"updated_at": times.later(old.state.get("updated_at"))}
            state = {**old.state, **stamp, **made}
            self._put(Record(old.id, old.number, state, {**old.unrequested, **made}, old.state))

    def delete(self, conference_id: str | UUID) -> None:
        """Removes a conference.

        Raises:
            KeyError: there is no such conference.
        """
        with self.lock:
            del self._records[self._key(self._found(conference_id).id)]

    def __getitem__(self, conference_id: str | UUID) -> Snapshot:
        made: Snapshot = snapshot(self._found(conference_id).state)
        return made

    def __setitem__(self, conference_id: str, state: Any) -> NoReturn:
        raise TypeError("add a conference with store.add({...}), change one with store.patch(id, {...})")

    def __delitem__(self, conference_id: str) -> NoReturn:
        raise TypeError("remove a conference with store.delete(id)")

    def __contains__(self, conference_id: object) -> bool:
        return self._key(conference_id) in self._records

    def __iter__(self) -> Iterator[str]:
        return iter([record.id for record in self.records()])

    def __len__(self) -> int:
        return len(self._records)

    def _key(self, conference_id: object) -> str:
        """The key of an id. An id that is a key is returned at once, because parsing is slow."""
        if conference_id in self._records:
            return str(conference_id)
        if not isinstance(conference_id, str | UUID):
            raise TypeError(f"an id must be a string or a UUID, not {conference_id!r}")
        return one_spelling(str(conference_id))

    def _found(self, conference_id: str | UUID) -> Record:
        try:
            return self._records[self._key(conference_id)]
        except KeyError:
            there = ", ".join(map(repr, itertools.islice(self, 10))) or "none"
            raise KeyError(f"no conference {str(conference_id)!r}; there are: {there}") from None

    def _states(self) -> list[Mapping[str, Any]]:
        return [record.state for record in self._records.values()]

    def _keep(self, conference_id: str, state: Mapping[str, Any]) -> Record:
        self._created += 1
        return self._put(Record(conference_id, self._created - 1, state, unrequested=state))

    def _put(self, record: Record) -> Record:
        self._records[self._key(record.id)] = record
        return record


def listed(conferences: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Conferences as a list. A single one is refused: it would be taken for a list of its fields."""
    if isinstance(conferences, str | bytes | Mapping) or not isinstance(conferences, Iterable):
        raise TypeError(f"conferences must be a list of dicts, not {type(conferences).__name__}")
    return list(conferences)
