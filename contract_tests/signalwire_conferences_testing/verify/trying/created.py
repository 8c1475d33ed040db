"""The conferences that a run creates: recognised by a mark, and removed. No other is written to."""

import hashlib
import random
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from signalwire_conferences.values import instant, one_spelling

from . import instants
from .api import Api, NoAnswer, OutOfTime
from .exchange import Exchange, stays_in_path

#: How names begin of conferences that a verification created.
NAME_PREFIX = "signalwire-conferences-verify-"
#: How display names begin, where the name is the server's to choose.
DISPLAY_PREFIX = "signalwire-conferences verify"

_MARK = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_LISTED = 0  # in the place of the number of the request that made one, where a list shows it
_CLOCKS_APART = 120  # seconds that the clocks of a server and of this machine may differ


class NotOurs(Exception):  # noqa: N818 - it is an outcome
    """A request that might change a conference which this run did not create. It was not sent."""


def new_mark() -> str:
    """A mark that no other run has and that nobody writes by hand: when, something random, a checksum."""
    body = f"{int(time.time()):08x}{secrets.token_hex(8)}"
    return body + _checksum(body)


def _checksum(body: str) -> str:
    return hashlib.sha256(f"{NAME_PREFIX}{body}".encode()).hexdigest()[:8]


def _marks(text: object) -> list[str]:
    found = _MARK.findall(text) if isinstance(text, str) else []
    return [one for one in found if _checksum(one[:-8]) == one[-8:]]


def carries(conference: Mapping[str, Any], *marks: str) -> bool:
    return any(one in marks for key in ("name", "display_name") for one in _marks(conference.get(key)))


def _has_id(conference: Mapping[str, Any], conference_id: str) -> bool:
    return one_spelling(str(conference.get("id"))) == one_spelling(conference_id)


def is_leftover(conference: Mapping[str, Any]) -> bool:
    """Whether some run created a conference. A name is set by a create alone; a display name may be one
    that a broken server wrote to the wrong place, so the conference must not be older than the mark.
    """
    if _marks(conference.get("name")):
        return True
    created = instant(conference.get("created_at"))
    begun = [int(mark[:8], 16) - _CLOCKS_APART for mark in _marks(conference.get("display_name"))]
    return created is not None and any(created[0] - instants.EPOCH >= one for one in begun)


class CreatedConferences:
    """The conferences of this run. Nothing else is written to, but for a conference that is named for that.

    Args:
        api: asks it before it sends what is not a GET.
        writes: whether conferences may be created.
        named: an existing conference that PUTs may go to.
    """

    def __init__(self, api: Api, *, writes: bool, named: str | None) -> None:
        # Not from the seed: what an earlier run left behind must not be in the way.
        self.mark = new_mark()
        self.marks = [self.mark]  # and those of reproductions that the run tried
        self.rng = random.Random(self.mark)  # numbers that no other run has
        self.before: set[str] = set()  # ids that were there before the run, each in one spelling
        self.unknown: list[str] = []  # ids that were made up and that no conference has
        self.unproven: list[str] = []  # ids that creates answered and that stay: nothing there holds our mark
        self._api, self._writes, self._named = api, writes, one_spelling(named or "")
        self._names = 0
        # By the number of the request: answers take too much to be kept as long as the run lasts.
        self._made: dict[str, int] = {}
        self._gone: dict[str, int] = {}
        self._proven: set[str] = set()
        self._absent: set[str] = set()  # ids that nothing was under when it was read before a write
        self._stuck: set[str] = set()
        api.guard = self._guard

    @property
    def display_name(self) -> str:
        return f"{DISPLAY_PREFIX} {self.mark}"

    def name(self) -> str:
        self._names += 1
        return f"{NAME_PREFIX}{self.mark}-{self._names}"

    @property
    def there(self) -> list[str]:
        """Ids of those that are not known to be gone."""
        return list(self._made)

    def record(self, exchange: Exchange) -> None:
        """Keeps track of what a request created or deleted. What a create answers is a claim: it counts
        once the conference was read.
        """
        upsert = exchange.method == "PUT" and exchange.succeeded and exchange.about in self._absent
        if made := exchange.about if upsert else exchange.creates:
            self._made.setdefault(made, exchange.number)
        elif exchange.operation_id == "delete_video_conference" and exchange.status == 204:
            if exchange.about in self._made:
                self._gone[exchange.about] = self._made.pop(exchange.about)
        elif exchange.about in self._gone and exchange.status == 200:
            # A server that does not delete what it says it deleted is not to keep it for that.
            self._made[exchange.about] = self._gone.pop(exchange.about)

    def answered_existing(self, exchange: Exchange) -> bool:
        """Whether a create was answered with an id that was there already."""
        known = one_spelling(exchange.creates or "")
        return known in self.before or any(
            one_spelling(one) == known and maker != exchange.number
            for one, maker in (*self._made.items(), *self._gone.items())
        )

    def _guard(self, method: str, conference_id: str | None) -> None:
        """Raises where a request might change a conference that this run did not create."""
        if conference_id is not None and self._named and one_spelling(conference_id) == self._named:
            if method == "PUT":
                return
            raise NotOurs(f"{method} of the conference that --conference names")
        if method != "DELETE" and not self._writes:
            raise PermissionError(f"{method} {conference_id or ''} is not allowed in this run")
        if conference_id is None and method == "DELETE":
            raise NotOurs("a DELETE of all conferences was not sent")
        if conference_id is not None and not self.prove(conference_id):
            raise NotOurs(f"{method} {conference_id} was not sent: the conference is not known to be this run's own")

    def prove(self, conference_id: str, *, absent_too: bool = True) -> bool:
        """Whether a write to this id harms nobody: the conference there was not there before and holds
        our mark when it is read now or was read earlier in this run, or there is none.
        """
        if one_spelling(conference_id) in self.before or not stays_in_path(conference_id):
            return False
        if conference_id in self._proven and absent_too:
            return True
        found = self._read(conference_id)
        if found is None:
            self._absent.add(conference_id)
            return absent_too
        ours = carries(found, *self.marks) and _has_id(found, conference_id)
        if ours:
            self._proven.add(conference_id)
        return ours

    def _read(self, conference_id: str) -> Mapping[str, Any] | None:
        """The conference with an id, `None` where there is none; `NotOurs` where that is not known."""
        try:
            with self._api.quietly():
                exchange = self._api.send("GET", self._api.path(conference_id))
        except (NoAnswer, OutOfTime) as silence:
            raise NotOurs(f"{conference_id} could not be read: {silence}") from None
        if exchange.status in (400, 404, 410, 422):
            return None
        if exchange.status != 200 or not isinstance(exchange.value, dict):
            raise NotOurs(f"{conference_id} could not be read: the answer was {exchange.status}")
        return exchange.value

    def _delete(self, conference_id: str) -> bool:
        try:
            return self._api.send("DELETE", self._api.path(conference_id)).status in (204, 404, 200)
        except (NoAnswer, OutOfTime, NotOurs):
            return False

    def adopt(self, ids: Iterable[str]) -> None:
        """Conferences that a list shows with our mark; each is read before it is deleted."""
        for one in ids:
            if one_spelling(one) not in self.before and one not in self._gone:
                self._made.setdefault(one, _LISTED)

    def remove(self, *, stuck_too: bool = False) -> list[str]:
        """Deletes the conferences of this run, each after it was read; those too that could not be deleted
        before, where that is wanted. Gives the ids of those that could not be deleted.
        """
        for one in [one for one in self._made if stuck_too or one not in self._stuck]:
            try:
                ours = self.prove(one, absent_too=False)
                # Else it is gone already, or not known to be ours.
                shown = self._made[one] == _LISTED or (not ours and self._read(one) is not None)
                unproven = not ours and one_spelling(one) not in self.before and shown
            except NotOurs:
                self._stuck.update(self._made)  # it does not answer, and would not for the others
                break
            if not ours:
                self._made.pop(one)
                self.unproven += [one] if unproven and one not in self.unproven else []
            elif self._delete(one):
                if one in self._made:
                    self._gone[one] = self._made.pop(one)
                self._stuck.discard(one)
            else:
                self._stuck.add(one)
                if not stuck_too:
                    break
        return [one for one in self._made if one in self._stuck]

    def remove_leftover(self, conference_id: str) -> bool:
        """Deletes a conference that an earlier run left behind, if it is one when it is read; whether it is gone."""
        found = self._read(conference_id)
        if found is None or not (is_leftover(found) and _has_id(found, conference_id)):
            return found is None
        self.before.discard(one_spelling(conference_id))
        self._proven.add(conference_id)
        return self._delete(conference_id)
