"""Windows of time in the far future that hold conferences of this run only."""

import datetime
from collections.abc import Mapping

from attrs import frozen

from .bench import Bench

_FIRST, _LAST = datetime.date(3000, 1, 1).toordinal(), datetime.date(8999, 1, 1).toordinal()
_TRIES = 5


@frozen
class Window:
    """Some days."""

    start: datetime.date
    days: int

    @property
    def bounds(self) -> Mapping[str, str]:
        """The filters that leave out what does not lie in it."""
        return {"starts_after": self.at(0), "ends_before": self.at(self.days)}

    @property
    def inside(self) -> dict[str, str]:
        """Times of a conference in the middle of it."""
        return {"join_from": self.at(4), "join_until": self.at(5)}

    def on(self, day: int) -> str:
        """A date, so many days after the start."""
        return (self.start + datetime.timedelta(days=day)).isoformat()

    def at(self, day: int, seconds: int = 0) -> str:
        return f"{self.on(day)}T00:{seconds // 60:02}:{seconds % 60:02}Z"


def free_window(bench: Bench, days: int) -> Window:
    """A window in which there is nothing yet."""
    for _ in range(_TRIES):
        # From the mark of the run, not from the seed: what an earlier run left behind would lie in the same.
        start = datetime.date.fromordinal(bench.created.rng.randint(_FIRST, _LAST))
        window = Window(start, days)
        value = bench.list(**window.bounds, page_size="1").value
        if not (isinstance(value, dict) and value.get("data")):
            break
    # Where every window holds something, the filters do not filter, as the promises on them will say.
    return window
