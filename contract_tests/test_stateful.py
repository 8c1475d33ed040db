"""Any sequence of calls, faults and foreign writes, over real HTTP: what returned was done, nobody's
change was lost silently outside the documented gap, and journal and errors tell the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conftest import LONG
from processes import STYLES, Ours, ours, without_waiting
from signalwire_conferences import (
    ConferencesError,
    ConflictError,
    Entry,
    UnsafeUpdateError,
    VerificationError,
    contract,
)
from signalwire_conferences.plan import UpdatePlan
from signalwire_conferences_testing.mock import Fault, MockServer, Reply

WRITABLE = contract.fields(contract.UPDATE)
VALUES: Mapping[str, list[Any]] = {
    "display_name": ["One", "Two", "Three"],
    "description": ["one", "two", "three", None],
    "layout": ["2x2", "3x3", "5up", None],
    "join_from": ["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z", None],
    "record_on_start": [True, False],
    "dark_primary": ["#000000", "#ffffff", None],
}
CHANGES = st.sets(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in sorted(names)})
)
FOREIGN = CHANGES.map(lambda changes: {name: left(name, value) for name, value in changes.items()})
PUT_FAULTS = [
    *(Fault.drop_before(), Fault.drop_after(), Fault.truncated(), Fault.html(), Fault.non_object()),
    *(Fault.status(code) for code in (401, 422, 429, 503)),
    Fault.failed_after(),
]
GET_FAULTS = [Fault.drop_before(), Fault.truncated(), Fault.html(), Fault.status(429), Fault.status(503)]


def left(name: str, value: Any) -> Any:
    """What a field holds after this was asked for."""
    return WRITABLE[name].default if value is None else value


@frozen
class Script:
    """What happens during a call.

    Attributes:
        puts: a fault, or none, for each of the first PUTs.
        gets: the same for the first reads.
        foreign: what somebody else writes.
        gap: whether just before our first PUT is applied, the documented gap; else before our second
            read.
    """

    puts: list[Fault | None]
    gets: list[Fault | None]
    foreign: Mapping[str, Any] | None
    gap: bool


SCRIPTS = st.builds(
    Script,
    puts=st.lists(st.none() | st.sampled_from(PUT_FAULTS), max_size=3),
    gets=st.lists(st.none() | st.sampled_from(GET_FAULTS), max_size=3),
    foreign=st.none() | FOREIGN,
    gap=st.booleans(),
)


@define
class Course:
    """What the mock saw of a call.

    Attributes:
        read: the conference as it was last told to us.
        puts: of each PUT, what had been read before it, and whether it was applied.
        foreign: what somebody else wrote meanwhile.
        gapped: whether that was in the gap.
        requests: by their first letters.
    """

    read: Any = None
    puts: list[tuple[Any, bool]] = field(factory=list)
    foreign: dict[str, Any] = field(factory=dict)
    gapped: bool = False
    requests: str = ""


class Conferences(RuleBasedStateMachine):
    """One conference, one client, whatever happens."""

    plans = Bundle[UpdatePlan[Any]]("plans")

    def __init__(self, server: MockServer, client: Ours, seen: Counter[str]) -> None:
        super().__init__()
        self.server, self.client, self.seen = server, client, seen
        self.id = f"conference-{len(server.store)}"
        # Nothing as a PUT that leaves it out would make it, so that whatever is lost is seen.
        values = {"description": "first", "layout": "2x2", "join_from": "2029-01-01T00:00:00Z"}
        server.store.add({"id": self.id, "name": self.id, "dark_primary": "#123456", "meta": {"a": 1}, **values})
        self.kept = {name: self.now[name] for name in ("id", "name", "created_at", "meta")}

    @property
    def now(self) -> dict[str, Any]:
        return self.server.store[self.id]

    @initialize(etag=st.booleans())
    def start(self, etag: bool) -> None:
        self.etag = self.server.app.etag = etag

    # --- what others do ---------------------------------------------------------------------------

    @rule(changes=FOREIGN)
    def somebody_writes(self, changes: dict[str, Any]) -> None:
        self.server.store.patch(self.id, changes)

    @rule(size=st.sampled_from([None, "small"]))
    def somebody_writes_the_size(self, size: str | None) -> None:
        """Null is what no PUT can carry."""
        self.server.store.patch(self.id, {"size": size})

    # --- what we do -------------------------------------------------------------------------------

    @rule(changes=CHANGES, script=SCRIPTS)
    def update(self, changes: dict[str, Any], script: Script) -> None:
        self._safely(lambda: self.client.update(self.id, **changes), changes, self.now, script)

    @rule(target=plans, changes=CHANGES)
    def plan(self, changes: dict[str, Any]) -> Any:
        self.server.faults.clear()
        return self.client.plan(self.id, **changes), changes

    @rule(plan=plans, script=SCRIPTS)
    def apply(self, plan: Any, script: Script) -> None:
        made, changes = plan
        if made.conference_id == self.id:
            self._safely(lambda: self.client.apply(made), changes, made.before, script)

    @rule(script=SCRIPTS)
    def undo(self, script: Script) -> None:
        """Of the last change that is no undo."""
        history = list(self.client.history(self.id))
        maybe = [each for each in history if not each.undoes and each.outcome != "not applied"]
        maybe = [each for each in maybe if each.changes or each.outcome == "unchanged"]
        if not maybe:
            self.server.faults.clear()
            with pytest.raises(ConferencesError, match="no change"):
                self.client.undo(self.id)
            return
        last = next((each for each in maybe if each.outcome == "unchanged" or self._is_done(each, history)), maybe[0])
        named = [each for each in history if each.change_set == last.change_set]
        self._undo_of(named, history, lambda: self.client.undo(self.id), script)

    @rule(number=st.integers(0, 5), whole=st.booleans(), script=SCRIPTS)
    def undo_by_name(self, number: int, whole: bool, script: Script) -> None:
        """Of one of the latest entries, or of its change set; an undo too."""
        history = list(self.client.history(self.id))
        if number >= len(history):
            return
        entry = history[number]
        if whole:
            named = [each for each in history if each.change_set == entry.change_set]
            self._undo_of(named, history, lambda: self.client.undo(self.id, change_set=entry.change_set), script)
        else:
            self._undo_of([entry], history, lambda: self.client.undo(entry=entry.id), script)

    def _undo_of(self, named: list[Entry], history: list[Entry], call: Callable[[], Any], script: Script) -> None:
        done = [each for each in named if self._is_done(each, history)][::-1]
        undone: set[str | None] = set()
        for each in history:
            if each.outcome == "applied" and each.change_set not in undone:
                undone.add(each.undoes)
        changes: dict[str, Any] = {}
        for each in done if named[0].change_set not in undone else ():
            changes |= {name: changes.get(name, change.before) for name, change in each.changes.items()}
        after = {name: change.after for each in done for name, change in each.changes.items()}
        changes = {name: value for name, value in changes.items() if value != after[name]}
        base = {**done[-1].before, **after} if changes else self.now
        self._safely(call, changes, base, script)
        written = [each for each in self.client.history(self.id) if each.id > history[0].id]
        assert {each.undoes for each in written} <= {named[0].change_set}
        self.seen["undone"] += bool(changes)

    def _is_done(self, entry: Entry, history: list[Entry]) -> bool:
        """One of unknown outcome is a change only where a value of it is on the server, or somebody undid it."""
        there = any(self.now[name] == change.after for name, change in entry.changes.items())
        there = there or any(each.undoes == entry.change_set and each.changes for each in history)
        return entry.outcome == "applied" or (entry.outcome == "unknown" and there)

    @rule(changes=CHANGES, script=SCRIPTS)
    def replace(self, changes: dict[str, Any], script: Script) -> None:
        """The bare PUT resets what it does not name; but it says what became of it."""
        body = {name: value for name, value in changes.items() if value is not None}
        body.setdefault("display_name", "Bare")
        before = self.now
        course, error = self._observed(lambda: self.client.replace(self.id, body), script)
        now = self.now
        applied = any(done for _, done in course.puts)
        expected = {name: left(name, body.get(name)) for name in WRITABLE}
        if error is None:
            assert applied
        if error is not None and "unknown" not in error.state:
            assert not applied
        for name in WRITABLE:
            others = [course.foreign[name]] if name in course.foreign else [before[name]]
            assert now[name] in (([expected[name]] if applied else []) + others)
        self._check_journal(course, error, repeats=True)

    # --- what must hold ----------------------------------------------------------------------------

    @invariant()
    def what_nobody_can_write_is_as_it_was(self) -> None:
        assert {name: self.now[name] for name in self.kept} == self.kept

    def _safely(
        self, call: Callable[[], Any], asked: Mapping[str, Any], base: Mapping[str, Any], script: Script
    ) -> None:
        """Carries out a safe update of any kind, and holds it to its promises."""
        before = self.now
        course, error = self._observed(call, script)
        now = self.now
        unprotected = course.gapped and not self.etag
        others = {**before, **course.foreign}
        for name in WRITABLE:
            possible = [others[name]]
            if unprotected:
                # The one gap: what was written there may be overwritten, and is counted.
                possible.append(before[name])
                self.seen["lost in the gap"] += now[name] != others[name] and name not in asked
            if name in asked:
                possible.append(left(name, asked[name]))
            assert now[name] in possible, f"{name} was lost"
        if error is None:
            self._check_return(asked, now)
        else:
            self._check_error(error, asked, base, others, now, course)
        assert "PP" not in course.requests, "a PUT was repeated without looking"
        self._check_journal(course, error, repeats=False)
        self.seen["returned" if error is None else type(error).__name__] += 1

    def _check_return(self, asked: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        assert {name: now[name] for name in asked} == {name: left(name, asked[name]) for name in asked}
        assert {name: self.result[name] for name in WRITABLE} == {name: now[name] for name in WRITABLE}

    def _check_error(
        self,
        error: ConferencesError,
        asked: Mapping[str, Any],
        base: Mapping[str, Any],
        others: Mapping[str, Any],
        now: Mapping[str, Any],
        course: Course,
    ) -> None:
        applied = any(done for _, done in course.puts)
        if isinstance(error, VerificationError):
            # This mock keeps what it is sent; but what somebody else reset after a PUT of unknown outcome
            # looks as if that PUT had done it.
            assert course.puts
            for one in error.differences:
                assert one.field not in asked
                assert course.foreign[one.field] == WRITABLE[one.field].default
        if "unchanged" in error.state:
            assert not applied
        if "lacks the change" in error.state:
            assert {name: now[name] for name in asked} != {name: left(name, asked[name]) for name in asked}
        if isinstance(error, ConflictError):
            for conflict in error.conflicts:
                assert others[conflict.field] == conflict.theirs == now[conflict.field]
                assert conflict.before == base[conflict.field] != conflict.theirs
                assert conflict.ours != conflict.theirs
        if isinstance(error, UnsafeUpdateError):
            assert not course.puts
            assert all(others[name] is None or asked[name] is None for name in error.at_risk)

    def _check_journal(self, course: Course, error: ConferencesError | None, *, repeats: bool) -> None:
        """Each PUT that the mock saw has its entry, with the conference as it had been read, and an
        outcome that is true or unknown.
        """
        history = list(self.client.history(self.id))
        entries = history[: len(history) - self.entries][::-1]
        self.entries = len(history)
        puts = course.puts
        # Where there was nothing to change, it says so.
        unchanged = [each for each in entries if each.outcome == "unchanged"]
        assert len(unchanged) <= (not any(done for _, done in puts) or bool(course.foreign))
        assert unchanged or puts or error
        entries = [each for each in entries if each not in unchanged]
        if repeats and puts:
            puts = [(puts[0][0], any(done for _, done in puts))]
        assert len(entries) == len(puts)
        for entry, (read, applied) in zip(entries, puts, strict=True):
            assert dict(entry.before) == read
            # Nobody can tell our change from the same one of somebody else.
            same = any(course.foreign.get(name) == change.after for name, change in entry.changes.items())
            true = {"unknown", "applied" if applied else "not applied", *(["applied"] if same else [])}
            assert entry.outcome in true
            if error is None and (entry is entries[-1] or not course.foreign):
                assert entry.outcome != "unknown"

    entries = 0
    result: Any = None

    # --- what is seen --------------------------------------------------------------------------------

    def _observed(self, call: Callable[[], Any], script: Script) -> tuple[Course, ConferencesError | None]:
        course, faults = Course(), self.server.faults
        faults.clear()
        faults.add(self._arriving(course), "PUT", times=None)
        for method, planned in (("PUT", script.puts), ("GET", script.gets)):
            for number, fault in enumerate(planned, 1):
                if fault is not None:
                    faults.add(fault, method, at=number)
        if script.foreign is not None:
            self._let_write(course, script)
        faults.add(self._carrying_out(course), times=None)
        start = len(self.server.requests)
        error = None
        try:
            self.result = call()
        except ConferencesError as raised:
            error = raised
        course.requests = "".join(each.method[0] for each in self.server.requests[start:])
        return course, error

    def _let_write(self, course: Course, script: Script) -> None:
        foreign = dict(script.foreign or {})

        async def write(step: Any) -> Reply:
            self.server.store.patch(self.id, foreign)
            course.foreign, course.gapped = foreign, script.gap
            reply: Reply = await step.proceed()
            return reply

        if script.gap:
            self.server.faults.add(Fault("in the gap", write), "PUT")
        else:
            self.server.faults.add(Fault("before a read", write), "GET", at=2)

    def _arriving(self, course: Course) -> Fault:
        """Further out than whatever goes wrong: notes each PUT."""

        async def note(step: Any) -> Reply:
            course.puts.append((course.read, False))
            reply: Reply = await step.proceed()
            return reply

        return Fault("arriving", note)

    def _carrying_out(self, course: Course) -> Fault:
        """Further in: notes what is told by a read, and whether a PUT is applied."""
        store = self.server.store

        async def note(step: Any) -> Reply:
            before = store.find(self.id)
            reply: Reply = await step.proceed()
            if step.call.method == "GET":
                course.read = self.now
            elif store.find(self.id) is not before:
                course.puts[-1] = (course.puts[-1][0], True)
            return reply

        return Fault("carrying out", note)


@pytest.mark.parametrize("style", STYLES)
def test_no_sequence_of_calls_faults_and_foreign_writes_breaks_a_promise(
    style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waiting(monkeypatch)
    seen: Counter[str] = Counter()
    with MockServer() as server, ours(style, server, journal=tmp_path / "j", retries=2) as client:

        class Machine(Conferences):
            def __init__(self) -> None:
                super().__init__(server, client, seen)

        budget = settings(max_examples=300 if LONG else 15, stateful_step_count=15)
        run_state_machine_as_test(Machine, settings=budget)
    print(f"{style}: {dict(seen)}")
    assert seen["returned"] > seen["ConflictError"] > 0
