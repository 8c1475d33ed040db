"""The conferences of the mock, in memory, safe to use from several threads."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from signalwire_conferences import contract
from signalwire_conferences.values import one_spelling
from signalwire_conferences_testing import schemas

from . import preload, times

__all__ = ["Record", "Store"]


@frozen
class Record:
    """A conference at one time. Its state is shared: do not change it.

    Attributes:
        id: key in the store.
        number: place in the order of creation.
        state: every field as an answer tells it, `active_session` included where there is one.
        before: the state before the last write, `None` where there was none.
    """

    id: str
    number: int
    state: Mapping[str, Any]
    before: Mapping[str, Any] | None = None


class Store:
    """All conferences, by id.

    As a collection it holds ids and gives copies: `store[id]` is a conference as the server
    would tell it, `active_session` included. UUIDs are found in whatever case.

    Args:
        conferences: conferences to start with, each as much of it as matters: what is left out
            has the value that the contract gives it. By default the contract's own example.

    Raises:
        ValueError: something is wrong with the conferences; all problems at once.
    """

    def __init__(self, conferences: Iterable[Mapping[str, Any]] | None = None) -> None:
        #: Held for as long as several steps must look like one. May be taken again by its holder.
        self.lock = threading.RLock()
        self._records: dict[str, Record] = {}
        self._created = 0
        if conferences is None:
            conferences = schemas.resolve({"$ref": f"#/components/schemas/{contract.CONFERENCE}"})["examples"]
        self.load(list(conferences))

    def load(self, conferences: Iterable[Mapping[str, Any]]) -> None:
        """Adds conferences, each as much of it as matters.

        Raises:
            ValueError: something is wrong with them, all problems at once; nothing was added.
        """
        with self.lock:
            for state in preload.completed(conferences, self._states()):
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

    def find(self, conference_id: str) -> Record | None:
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

    def write(self, conference_id: str, state: Mapping[str, Any]) -> Record:
        """Replaces the state of a conference as a whole.

        Raises:
            KeyError: there is no such conference.
        """
        with self.lock:
            key = self._key(conference_id)
            old = self._records[key]
            self._records[key] = Record(old.id, old.number, state, old.state)
            return self._records[key]

    def patch(self, conference_id: str, changes: Mapping[str, Any]) -> None:
        """Another writer: sets fields, unchecked, and raises `updated_at` unless it is among them.

        Raises:
            KeyError: there is no such conference.
        """
        with self.lock:
            state = self._records[self._key(conference_id)].state
            stamp = {"updated_at": times.later(state.get("updated_at"))}
            self.write(conference_id, {**state, **stamp, **copy.deepcopy(dict(changes))})

    def delete(self, conference_id: str) -> None:
        """Removes a conference.

        Raises:
            KeyError: there is no such conference.
        """
        with self.lock:
            del self._records[self._key(conference_id)]

    def __getitem__(self, conference_id: str) -> dict[str, Any]:
        return copy.deepcopy(dict(self._records[self._key(conference_id)].state))

    def __contains__(self, conference_id: object) -> bool:
        return isinstance(conference_id, str) and self.find(conference_id) is not None

    def __iter__(self) -> Iterator[str]:
        return iter([record.id for record in self.records()])

    def __len__(self) -> int:
        return len(self._records)

    def _key(self, conference_id: str) -> str:
        """The key of an id. One that is a key is not taken apart: that is slow."""
        return conference_id if conference_id in self._records else one_spelling(conference_id)

    def _states(self) -> list[Mapping[str, Any]]:
        return [record.state for record in self._records.values()]

    def _keep(self, conference_id: str, state: Mapping[str, Any]) -> Record:
        record = Record(conference_id, self._created, state)
        self._records[one_spelling(conference_id)] = record
        self._created += 1
        return record
