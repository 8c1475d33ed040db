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

from . import preload, times
from .snapshots import Snapshot, snapshot

__all__ = ["Record", "Store"]


@frozen
class Record:
    """A conference at one time. Its state is shared: do not change it.

    Attributes:
        id: key in the store.
        number: place in the order of creation.
        state: every field as an answer tells it, `active_session` included where there is one.
        unrequested: the state as it would be without requests: how it began, and what `patch` did to it.
        before: the state before the last write, `None` where there was none.
    """

    id: str
    number: int
    state: Mapping[str, Any]
    unrequested: Mapping[str, Any]
    before: Mapping[str, Any] | None = None


class Store:
    """All conferences, by id.

    As a collection it holds ids and gives copies: `store[id]` is a conference as the server
    would send it, `active_session` included, and read-only. Ids are text or UUIDs; UUIDs are found
    in whatever case.

    Args:
        conferences: conferences to start with, each as much of it as matters: what is left out
            has the value that the contract gives it. By default the contract's own example.
        allow_unknown: whether conferences may have values that the contract refuses, and any fields,
            as those of a newer server. Otherwise such a value is an error, and so is a field whose
            name is nearly that of another.

    Raises:
        ValueError: something is wrong with the conferences; all problems at once.
    """

    def __init__(self, conferences: Iterable[Mapping[str, Any]] | None = None, *, allow_unknown: bool = False) -> None:
        #: Held for as long as several steps must look like one. May be taken again by its holder.
        self.lock = threading.RLock()
        self._allow_unknown = allow_unknown
        self._records: dict[str, Record] = {}
        self._created = 0
        if conferences is None:
            conferences = schemas.resolve({"$ref": f"#/components/schemas/{contract.CONFERENCE}"})["examples"]
        self.seed(conferences)

    def seed(self, conferences: Iterable[Mapping[str, Any]]) -> None:
        """Puts these conferences in the place of all that are there; `reset` comes back to them.

        Raises:
            ValueError: something is wrong with them, all problems at once; nothing was changed.
        """
        self._seed = preload.completed(listed(conferences), (), allow_unknown=self._allow_unknown)
        self.reset()

    def reset(self) -> None:
        """Brings back the conferences that it was last seeded with, and no others."""
        with self.lock:
            self._records.clear()
            self._created = 0
            for state in self._seed:
                self._keep(state["id"], state)

    def load(self, conferences: Iterable[Mapping[str, Any]]) -> None:
        """Adds conferences, each as much of it as matters.

        Raises:
            ValueError: something is wrong with them, all problems at once; nothing was added.
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
        """A new conference with these fields; the server's own are added."""
        with self.lock:
            now = times.later()
            own = {"id": str(uuid.uuid4()), "created_at": now, "updated_at": now}
            return self._keep(own["id"], preload.ordered({**fields, **own}))

    def find(self, conference_id: str | UUID) -> Record | None:
        """The conference with this id, in whatever case a UUID is written."""
        return self._records.get(self._key(conference_id))

    def records(self) -> list[Record]:
        """All conferences in the order of their creation."""
        with self.lock:
            return list(self._records.values())

    @property
    def created(self) -> int:
        """How many conferences were ever added; numbers of records are below it."""
        return self._created

    def has_name(self, name: object) -> bool:
        """Whether a conference has this name."""
        with self.lock:
            return any(state.get("name") == name for state in self._states())

    def write(self, conference_id: str | UUID, state: Mapping[str, Any]) -> Record:
        """Replaces the state of a conference as a whole.

        Raises:
            KeyError: there is no such conference.
        """
        with self.lock:
            old = self._found(conference_id)
            return self._put(Record(old.id, old.number, state, old.unrequested, old.state))

    def patch(self, conference_id: str | UUID, changes: Mapping[str, Any], *, allow_unknown: bool = False) -> None:
        """Another writer: sets fields, and raises `updated_at` unless it is among them.

        Args:
            conference_id: the conference.
            changes: fields and their values.
            allow_unknown: whether they may be anything, as those of a newer server.

        Raises:
            KeyError: there is no such conference.
            ValueError: no conference can have a value, or the name of a field is nearly that of another; all problems
                at once, nothing was changed.
        """
        made = copy.deepcopy(dict(changes))
        with self.lock:
            old = self._found(conference_id)
            if not (allow_unknown or self._allow_unknown):
                preload.checked_values(made, old.state)
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
        """The key of an id. One that is a key is not taken apart: that is slow."""
        if conference_id in self._records:
            return str(conference_id)
        if not isinstance(conference_id, str | UUID):
            raise TypeError(f"an id is text or a UUID, not {conference_id!r}")
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
    """Conferences as a list; a single one, which would be taken for a list of its fields, is refused."""
    if isinstance(conferences, str | bytes | Mapping) or not isinstance(conferences, Iterable):
        raise TypeError(f"conferences are given as a list of dicts, not as {type(conferences).__name__}")
    return list(conferences)
