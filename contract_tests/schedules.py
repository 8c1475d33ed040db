"""Every interleaving of writers and faults, without threads: the update is a generator.

Two of our writers and one foreign writer work on one conference. At each point any of them may
move, and any request may meet a fault. `explore` runs every such schedule up to a number of
faults, against a model of the server that knows who wrote what and who had seen it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from attrs import define, field, frozen

from signalwire_conferences.contract import UPDATE, fields
from signalwire_conferences.errors import ConferencesError
from signalwire_conferences.outcomes import Answer, NoAnswer, outcome_of
from signalwire_conferences.plan import Intent
from signalwire_conferences.steps import Acquire, Done, Policy, Record, Release, Request, Settle, Steps, Wait
from signalwire_conferences.target import Target, get_of, put_of
from signalwire_conferences.update import SafeUpdate

Style = Literal["ours", "bare PUT", "naive"]
Protection = Literal["nothing", "confirm", "lock", "ETag"]

ID = "c22d24f6-5a47-4597-9a23-c7d01e696b92"
DROPPED = NoAnswer(ConnectionError("dropped"), sent=True)
UNREACHED: dict[str, Answer | NoAnswer] = {
    "drop": DROPPED,
    "drop before": DROPPED,
    "503": Answer(503, {}, b'{"error": "later"}', 0.0),
    "503 before": Answer(503, {}, b'{"error": "later"}', 0.0),
    "429": Answer(429, {}, b'{"error": "later"}', 0.0),
}
"""What a request is answered with that was not carried out, and is not going to be."""
REACHED: dict[str, Answer | NoAnswer] = {
    "drop after": DROPPED,
    "field lost": DROPPED,
    "500 after": Answer(500, {}, b'{"error": "Internal Server Error"}', 0.0),
    "202 after": Answer(202, {}, b'{"status": "accepted"}', 0.0),
    "412 after": Answer(412, {}, b'{"error": "Precondition Failed"}', 0.0),
}
"""What a PUT is answered with that was carried out."""
LATE: dict[str, Answer | NoAnswer] = {
    "late PUT": NoAnswer(TimeoutError("no answer in time"), sent=True),
    "late 504": Answer(504, {}, b'{"error": "Gateway Timeout"}', 0.0),
}
"""What a PUT is answered with that lands later."""
READ_FAULTS = ("drop", "503")
TAGGED_FAULTS = ("412 after",)  # a proxy repeats a conditional PUT that was carried out
WRITE_FAULTS = (
    *("drop before", "503 before", "429"),
    *(fault for fault in REACHED if fault not in TAGGED_FAULTS),
    *("truncated", "stale answer"),
)
GAPS = ("late PUT", "stale read")
LOST = "description"
_RETRIES = 2
_CONFIRM = 1.0


class Choices:
    """The choices of one schedule, and through `next_prefix` the way to the one after it."""

    def __init__(self, prefix: list[int]) -> None:
        self._prefix = prefix
        self.taken: list[int] = []
        self._widths: list[int] = []

    def choose(self, width: int) -> int:
        """A number below `width`."""
        position = len(self.taken)
        choice = self._prefix[position] if position < len(self._prefix) else 0
        self.taken.append(choice)
        self._widths.append(width)
        return choice

    def next_prefix(self) -> list[int] | None:
        """The choices up to the last that can still be taken another way."""
        for position in reversed(range(len(self.taken))):
            if self.taken[position] + 1 < self._widths[position]:
                return [*self.taken[:position], self.taken[position] + 1]
        return None


@frozen
class Case:
    """What is explored.

    Attributes:
        style: how our two writers write.
        protection: what they have against each other.
        same_field: whether they change the same field.
        gap: a fault that no client can make up for without an ETag, offered beside the others.
        faults: the most faults in one schedule.
    """

    style: Style = "ours"
    protection: Protection = "nothing"
    same_field: bool = False
    gap: str | None = None
    faults: int = 1


@define
class Loss:
    """A write that was overwritten by somebody who had not seen it."""

    name: str
    value: Any
    loser: str
    by: str
    kind: str
    repaired: bool = False


@define
class Server:
    """The model: a conference, who wrote each field and when, and who had seen what."""

    etags: bool
    body: dict[str, Any]
    clock: int = 0
    stale: dict[str, Any] = field(factory=dict)
    written: dict[str, tuple[int, str]] = field(factory=dict)
    seen: dict[str, int] = field(factory=dict)
    basis: dict[str, str] = field(factory=dict)
    losses: list[Loss] = field(factory=list)
    forgot: set[str] = field(factory=set)
    applied: Counter[str] = field(factory=Counter)

    def get(self, actor: str, *, stale: bool) -> Answer:
        """Read; `stale`: as it was before the last write."""
        self.seen[actor] = self.clock - 1 if stale else self.clock
        self.basis[actor] = "stale read" if stale else "gap"
        if self.body[LOST] is not None:
            self.forgot.discard(actor)  # somebody wrote it anew before it could be seen
        return self._answer(self.stale if stale else self.body, self.clock - stale)

    def get_stale(self) -> Answer:
        """The conference as it was before the last write, to whoever wrote it."""
        return self._answer(self.stale, self.clock - 1)

    def put(self, actor: str, request: Request, asked: set[str], *, late: bool = False) -> Answer:
        """Replace. Whatever it overwrites that the actor had not seen is a loss."""
        if self.etags and request.headers.get("If-Match") not in (None, f'"{self.clock}"'):
            return Answer(412, {}, b'{"error": "Precondition Failed"}', 0.0)
        assert request.content is not None
        sent = json.loads(request.content)
        kind = "late PUT" if late else self.basis.get(actor, "blind")
        self.stale, self.clock = dict(self.body), self.clock + 1
        for name, about in fields(UPDATE).items():
            self._write(actor, name, sent.get(name, about.default), kind, aware=name in asked)
        if sent.get(LOST) is not None:
            self.forgot.discard(actor)  # a stale read brought it back
        self.body["updated_at"] = f"2022-01-01T00:00:00.{self.clock:06d}Z"
        if not late:
            # What it read is used up: a second PUT on the same read is a blind repetition.
            self.basis[actor] = "blind"
        self.applied[actor] += 1
        return self._answer(self.body, self.clock)

    def forget(self, actor: str, name: str) -> None:
        """What a server loses of a PUT that it carries out: a field that was sent is reset."""
        if self.body[name] is not None:
            self.body[name] = None
            self.forgot.add(actor)

    def patch(self, actor: str, name: str, value: Any) -> None:
        """A foreign writer changes one field, and sees what is there."""
        self.stale, self.clock = dict(self.body), self.clock + 1
        self.seen[actor] = self.clock
        self._write(actor, name, value, "gap", aware=True)

    def _write(self, actor: str, name: str, value: Any, kind: str, *, aware: bool) -> None:
        if value == self.body[name]:
            return
        when, loser = self.written.get(name, (0, "initial"))
        for loss in self.losses:
            loss.repaired |= loss.name == name and loss.value == value
        if loser != actor and when > self.seen.get(actor, -1):
            self.losses.append(Loss(name, self.body[name], loser, actor, kind))
        self.body[name] = value
        if aware:
            self.written[name] = (self.clock, actor)

    def _answer(self, body: Mapping[str, Any], version: int) -> Answer:
        headers = {"etag": f'"{version}"'} if self.etags else {}
        return Answer(200, headers, json.dumps(body).encode(), 0.0)


@define
class Writer:
    """One of our writers under way."""

    name: str
    changes: dict[str, Any]
    steps: Any
    pending: Any = None
    done: bool = False
    error: ConferencesError | None = None
    had_its_change: bool = False
    last_read: Any = None
    open_entry: int | None = None

    def advance(self, outcome: Any = None) -> None:
        """On to the next step."""
        try:
            self.pending = self.steps.send(outcome)
        except StopIteration:
            self.pending, self.done = None, True
        except ConferencesError as error:
            self.pending, self.done, self.error = None, True, error


@frozen
class Finding:
    """What came of one schedule."""

    untold: tuple[Loss, ...]
    broken: tuple[str, ...]
    trace: tuple[str, ...]


class Schedule:
    """One schedule, run to its end."""

    def __init__(self, case: Case, initial: Mapping[str, Any], choices: Choices) -> None:
        self.case = case
        self.choices = choices
        self.server = Server(case.protection == "ETag", dict(initial), stale=dict(initial))
        second = "display_name" if case.same_field else "layout"
        self.writers = [
            self._writer("ours 1", {"display_name": "of ours 1"}),
            self._writer("ours 2", {second: "5up" if second == "layout" else "of ours 2"}),
        ]
        self.foreign = ["display_name", "description"]
        self.foreign_done = False
        self.late: list[tuple[Writer, Request]] = []
        self.faults_left = case.faults
        self.lock: Writer | None = None
        self.trace: list[str] = []
        self.broken: list[str] = []
        self.entries: list[bool | None] = []

    def run(self) -> Finding:
        """Move by move, until nobody has anything left to do."""
        for writer in self.writers:
            writer.advance()
            self._free_steps(writer)
        while moves := self._moves():
            moves[self.choices.choose(len(moves))]()
        for writer in self.writers:
            self._judge(writer)
        raised = {writer.name for writer in self.writers if writer.error is not None}
        untold = [
            loss
            for loss in self.server.losses
            if not loss.repaired and loss.loser not in raised and loss.by not in raised
        ]
        return Finding(tuple(untold), tuple(self.broken), tuple(self.trace))

    def _moves(self) -> list[Callable[[], None]]:
        moves: list[Callable[[], None]] = [
            partial(self._move, writer) for writer in self.writers if not writer.done and self._may_move(writer)
        ]
        if not self.foreign_done:
            moves += [partial(self._foreign, name) for name in self.foreign]
        moves += [partial(self._land, *item) for item in self.late]
        return moves

    def _may_move(self, writer: Writer) -> bool:
        if isinstance(writer.pending, Acquire):
            return self.lock is None
        if isinstance(writer.pending, Wait):
            # `confirm` is meant to be longer than another writer's read and write.
            return not any(
                other is not writer and isinstance(other.pending, Request) and other.pending.method == "PUT"
                for other in self.writers
            )
        return True

    def _move(self, writer: Writer) -> None:
        step = writer.pending
        if isinstance(step, Acquire):
            self.lock = writer
            writer.advance()
        elif isinstance(step, Wait):
            writer.advance()
        else:
            writer.advance(outcome_of(step, self._request(writer, step)))
        self._free_steps(writer)

    def _free_steps(self, writer: Writer) -> None:
        """Steps that nobody else can notice the time of, and the end."""
        while True:
            step = writer.pending
            if isinstance(step, Record):
                if step.before != writer.last_read:
                    self.broken.append(f"{writer.name}: the before-image is not what it read last")
                self.entries.append(None)
                writer.open_entry = len(self.entries) - 1
                writer.advance(writer.open_entry)
            elif isinstance(step, Settle):
                self.entries[step.entry] = step.applied
                writer.open_entry = None
                writer.advance()
            elif isinstance(step, Release) or (isinstance(step, Wait) and step.seconds != _CONFIRM):
                if isinstance(step, Release):
                    self.lock = None
                writer.advance()
            else:
                break
        if writer.done and self.lock is writer:
            self.lock = None

    def _request(self, writer: Writer, request: Request) -> Answer | NoAnswer:
        reading = request.method == "GET"
        write_faults = (*WRITE_FAULTS, *TAGGED_FAULTS) if self.server.etags else WRITE_FAULTS
        fault = self._fault(READ_FAULTS if reading else write_faults, reading)
        self.trace.append(f"{writer.name} {request.method}" + (f" [{fault}]" if fault else ""))
        if not reading and self.case.style == "ours" and writer.open_entry is None:
            self.broken.append(f"{writer.name}: a PUT left without a before-image in the journal")
        if fault is not None and fault in UNREACHED:
            return UNREACHED[fault]
        if fault is not None and fault in LATE:
            self.late.append((writer, request))
            return LATE[fault]
        if reading:
            answer = self.server.get(writer.name, stale=fault == "stale read")
            writer.last_read = json.loads(answer.content)
        else:
            answer = self.server.put(writer.name, request, set(writer.changes))
        self._note(writer)
        if fault == "field lost":
            self.server.forget(writer.name, LOST)
        elif fault == "truncated":
            return Answer(200, {}, answer.content[:40], 0.0)
        elif fault == "stale answer" and answer.status == 200:
            return self.server.get_stale()
        return REACHED.get(fault or "", answer)

    def _fault(self, offered: tuple[str, ...], reading: bool) -> str | None:
        if self.faults_left == 0:
            return None
        gap = self.case.gap
        if gap is not None and reading == (gap == "stale read"):
            offered = (*offered, *(LATE if gap == "late PUT" else (gap,)))
        choice = self.choices.choose(len(offered) + 1)
        if choice == 0:
            return None
        self.faults_left -= 1
        return offered[choice - 1]

    def _note(self, writer: Writer) -> None:
        body = self.server.body
        writer.had_its_change = all(body[name] == v for name, v in writer.changes.items())

    def _foreign(self, name: str) -> None:
        self.trace.append(f"foreign writes {name}")
        self.foreign_done = True
        self.server.patch("foreign", name, "of the foreign writer")

    def _land(self, writer: Writer, request: Request) -> None:
        self.trace.append(f"{writer.name} PUT lands late")
        self.late.remove((writer, request))
        self.server.put(writer.name, request, set(writer.changes), late=True)

    def _judge(self, writer: Writer) -> None:
        if self.case.style != "ours":
            return
        if writer.name in self.server.forgot and writer.error is None:
            self.broken.append(f"{writer.name} returned though the server lost {LOST}")
        if writer.error is None:
            if not writer.had_its_change and self.case.gap != "stale read":
                self.broken.append(f"{writer.name} returned without its change on the server")
        elif "unchanged by this call" in writer.error.state and self.server.applied[writer.name]:
            self.broken.append(f"{writer.name} says unchanged, and a PUT was applied")

    def _writer(self, name: str, changes: dict[str, Any]) -> Writer:
        if self.case.style == "bare PUT":
            body = {"display_name": "Weekly", **changes}
            return Writer(name, changes, _blindly(put_of(ID, body)))
        if self.case.style == "naive":
            return Writer(name, changes, _naive(changes))
        target = Target(
            ID,
            Policy(timeout=30.0, retries=_RETRIES, jitter=lambda: 0.5),
            locked=self.case.protection == "lock",
            confirm=_CONFIRM if self.case.protection == "confirm" else None,
            journaled=True,
        )
        return Writer(name, changes, SafeUpdate(target, Intent(dict(changes))).steps())


def _blindly(request: Request) -> Steps[None]:
    """Send, and send again until it is answered: the first of the obvious wrong ways."""
    for _ in range(_RETRIES + 1):
        if isinstance((yield from request), Done):
            return


def _naive(changes: Mapping[str, Any]) -> Steps[None]:
    """Read, change, write; what fails is sent again: the second."""
    for _ in range(_RETRIES + 1):
        outcome = yield from get_of(ID)
        if isinstance(outcome, Done):
            image = outcome.body
            body = {name: image[name] for name in fields(UPDATE) if image[name] is not None}
            yield from _blindly(put_of(ID, {**body, **changes}))
            return


@define
class Tally:
    """What came of all schedules of a case.

    Attributes:
        schedules: how many there were.
        lossy: in how many a change was lost that nobody was told of.
        kinds: such losses by the gap that let them through.
        between_ours: such losses of one of our writers to the other.
        broken: broken promises with the schedule that breaks them, the first few.
    """

    schedules: int = 0
    lossy: int = 0
    kinds: Counter[str] = field(factory=Counter)
    between_ours: int = 0
    broken: list[str] = field(factory=list)


def explore(case: Case, initial: Mapping[str, Any]) -> Tally:
    """Run every schedule of a case."""
    tally = Tally()
    prefix: list[int] | None = []
    while prefix is not None:
        choices = Choices(prefix)
        finding = Schedule(case, initial, choices).run()
        prefix = choices.next_prefix()
        tally.schedules += 1
        tally.lossy += bool(finding.untold)
        for loss in finding.untold:
            tally.kinds[loss.kind] += 1
            tally.between_ours += loss.loser != "foreign" and loss.by != "foreign"
        if finding.broken and len(tally.broken) < 5:
            tally.broken.append(f"{'; '.join(finding.broken)}: {' | '.join(finding.trace)}")
    return tally
