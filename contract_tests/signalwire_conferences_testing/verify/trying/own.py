"""The conferences that a run makes: recognisable, and removed at its end."""

from __future__ import annotations

import contextlib
import random
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from .api import Api, NoAnswer, OutOfTime
from .exchange import Exchange

__all__ = ["DISPLAY_PREFIX", "NAME_PREFIX", "RUN", "Own", "is_leftover", "remove_all"]

#: How names of conferences begin that a verification made.
NAME_PREFIX = "signalwire-conferences-verify-"
#: Environment variable that tells the hooks of Schemathesis the mark of the run.
RUN = "SIGNALWIRE_CONFERENCES_VERIFY_RUN"
#: How display names begin, where the name is the server's to choose.
DISPLAY_PREFIX = "signalwire-conferences verify"

_CLEANING_TIME = 15.0


def is_leftover(conference: Mapping[str, Any], run: str = "") -> bool:
    """Whether a conference was made by a verification, or by this run of it."""
    name, shown = conference.get("name"), conference.get("display_name")
    return (isinstance(name, str) and name.startswith(NAME_PREFIX + run)) or (
        isinstance(shown, str) and shown.startswith(f"{DISPLAY_PREFIX} {run}")
    )


class Own:
    """The conferences of this run.

    Attributes:
        run: a few characters that no other run has.
        rng: random numbers that no other run has.
    """

    def __init__(self) -> None:
        # Not from the seed: a name that an earlier run left behind must not be in the way.
        self.run = secrets.token_hex(4)
        self.rng = random.Random(self.run)
        self._names = 0
        self._made: dict[str, Exchange] = {}
        self._deleted: dict[str, Exchange] = {}
        self._stuck: set[str] = set()

    @property
    def display_name(self) -> str:
        """A display name by which a leftover is recognised."""
        return f"{DISPLAY_PREFIX} {self.run}"

    def name(self) -> str:
        """A name that no conference has."""
        self._names += 1
        return f"{NAME_PREFIX}{self.run}-{self._names}"

    def saw(self, exchange: Exchange) -> None:
        """Keeps track of what a request created or deleted."""
        about = urlsplit(exchange.url).path.rpartition("/")[2]
        if exchange.creates:
            self._made[exchange.creates] = exchange
        elif exchange.operation_id == "delete_video_conference" and exchange.status == 204:
            if about in self._made:
                self._deleted[about] = self._made.pop(about)
        elif about in self._deleted and exchange.status == 200:
            # A server that does not delete what it says it deleted is not to keep it for that.
            self._made[about] = self._deleted.pop(about)

    def maker(self, conference_id: str) -> Exchange | None:
        """The request that created a conference."""
        return self._made.get(conference_id) or self._deleted.get(conference_id)

    @property
    def there(self) -> list[str]:
        """Ids of those that are not known to be gone."""
        return list(self._made)

    def __contains__(self, conference_id: str) -> bool:
        return conference_id in self._made

    def __len__(self) -> int:
        return len(self._made)

    def remove(self, api: Api) -> list[str]:
        """Deletes the conferences of this run.

        Returns:
            The ids of those that could not be deleted.
        """
        return remove_all(api, self.there)

    def tidy(self, api: Api) -> None:
        """Deletes the conferences of the promise that was just tried. What cannot be deleted waits
        for the end of the run.
        """
        for one in [one for one in self._made if one not in self._stuck]:
            if not _deleted(api, one):
                self._stuck.add(one)
                return


def remove_all(api: Api, conference_ids: Iterable[str]) -> list[str]:
    """Deletes conferences, whatever the deadline of the run was; those that stay are returned."""
    api.deadline = max(api.deadline, time.monotonic() + _CLEANING_TIME)
    return [one for one in conference_ids if not _deleted(api, one)]


def _deleted(api: Api, conference_id: str) -> bool:
    with contextlib.suppress(NoAnswer, OutOfTime):
        return api.send("DELETE", api.path(conference_id)).status in (204, 404, 200)
    return False
