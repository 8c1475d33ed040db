"""How a server is verified."""

from attrs import field, frozen


@frozen
class Options:
    """How a server is verified."""

    url: str  # without `/api/video`
    project: str
    token: str = field(repr=False)
    writes: bool = True  # whether conferences may be created
    conference_id: str | None = None  # an existing conference that may be written to
    seed: int = 0
    budget: float = 50.0  # seconds for all of it
    timeout: float = 10.0  # seconds for one request
    fail_fast: bool = False
    only: tuple[str, ...] = ()  # beginnings of the ids of the promises to try; none for all
    only_broken: bool = False  # whether the others are left out of the report

    def wants(self, promise_id: str) -> bool:
        return not self.only or promise_id.startswith(self.only)
