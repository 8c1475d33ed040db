"""What is told of something that is wrong: the requests that show it, tried a second time where there is time."""

import time
from collections.abc import Sequence

from ..promises import Promise
from ..trying.api import Api, OutOfTime
from ..trying.created import CreatedConferences
from ..trying.exchange import Exchange
from ..trying.findings import Broken
from ..trying.options import Options
from ..trying.story import Story, stories
from .masking import Mask
from .report import Finding

_TIME_TO_REPEAT = 0.3  # of the budget: the most that findings are tried again


class Teller:
    """Makes findings of what broke."""

    def __init__(self, options: Options, api: Api, created: CreatedConferences, mask: Mask) -> None:
        self._api, self._created, self._mask = api, created, mask
        self._left = options.budget * _TIME_TO_REPEAT if options.writes else -1.0  # seconds

    def finding(self, promise: Promise, broken: Broken, log: Sequence[Exchange], *, again: bool = True) -> Finding:
        """The finding, with the shortest story that shows it when its requests are sent again, if they are to be."""
        story = self._story(broken, log, again=again)
        claim, about = broken.claim, broken.claim.part.exchange
        return Finding(
            broken.message,
            f"{about.method} {about.url}" + (f" {about.content[:300]!r}" if about.content else ""),
            f"{about.status or 'no answer'}, {claim.received}",
            claim.expected,
            f"{about.operation_id or about.method} in openapi/conferences.yaml",
            story.commands(),
            story.script(f"{promise.id}: {promise.sentence}\n{self._mask(broken.message)}"),
            story.seen_again,
            story.exchanges,
        )

    def _story(self, broken: Broken, log: Sequence[Exchange], *, again: bool) -> Story:
        marks, unknown = self._created.marks, self._created.unknown
        shortest: Story | None = None
        for story in stories(broken.claim, broken.evidence, log, marks, unknown):
            shortest = shortest or story
            if not again or self._left < 0:
                break
            begun = time.monotonic()
            try:
                with self._api.quietly():
                    story.seen_again = story.shows(self._api, self._created)
            except OutOfTime:
                break
            finally:
                self._created.remove()
                self._left -= time.monotonic() - begun
            if story.seen_again:
                return story
        return shortest or Story(broken.focus, broken.claim, marks, unknown)
