"""Every exchange of a run, held against the promises on all answers."""

from attrs import evolve, frozen

from .promises import promises
from .trying.api import Api
from .trying.claims import Claim, field
from .trying.created import CreatedConferences
from .trying.exchange import Exchange, encoded
from .trying.findings import Broken

_NEW_ID = "isolation/new-id"
_MOST_KEPT = 100_000  # bytes of an answer that is remembered
_MOST_LOGGED = 2**21  # bytes of all that are remembered while a promise is tried
_WATCHES = [(one.id, one.watch) for one in promises() if one.watch is not None]


@frozen
class Passing:
    """A finding that came up while another promise was tried, or was found to be that of another."""

    promise_id: str
    broken: Broken
    log: list[Exchange]


class Watching:
    """What was seen in passing."""

    def __init__(self, api: Api, created: CreatedConferences) -> None:
        self.seen: set[str] = set()  # promises that some answer was about
        self.broken: dict[str, Broken] = {}  # the first finding of each
        self.passing: list[Passing] = []  # what is still to be told
        self._api, self._created = api, created
        self.begin()
        api.seen = self.see

    def begin(self) -> list[Exchange]:
        self._log, self._logged = list[Exchange](), 0
        return self._log

    def see(self, exchange: Exchange) -> None:
        """Looks at an exchange, and keeps track of what it created."""
        taken = exchange.creates is not None and self._created.answered_existing(exchange)
        self._created.record(exchange)
        if self._api.quiet:
            return
        self._log.append(self._small(exchange))
        if taken:
            message = f"a create was answered with the id {exchange.creates}, which a conference had already"
            self._broke(_NEW_ID, message, Claim(field(exchange, "id"), "is not", exchange.creates), exchange)
        for name, watch in _WATCHES if exchange.status != 429 and exchange.usual else ():
            wrong = watch(exchange)
            if wrong is not None:
                self.seen.add(name)
            if isinstance(wrong, tuple):
                message, claim = wrong
                # A server that is mended may well answer with another status.
                said = claim if claim.part.path == ("status",) else evolve(claim, status=exchange.status)
                self._broke(name, message, said, exchange)

    def _broke(self, name: str, message: str, claim: Claim, exchange: Exchange) -> None:
        if name not in self.broken:
            self.broken[name] = Broken(f"{message} ({exchange})", claim)
            self.passing.append(Passing(name, self.broken[name], self._log))

    def _small(self, exchange: Exchange) -> Exchange:
        """An exchange as it is remembered: of a large answer what later requests need."""
        self._logged += len(exchange.answer)
        if len(exchange.answer) <= _MOST_KEPT and self._logged <= _MOST_LOGGED:
            return exchange
        needed = {name: exchange.value.get(name) for name in ("id", "name")} if exchange.creates else None
        return evolve(exchange, answer=encoded(needed) if needed else b"")
