"""Which requests go wrong, and the record of those that did."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Never, Self

from attrs import define, evolve, field, frozen

from signalwire_conferences.errors import short_repr
from signalwire_conferences.values import one_spelling

from .exchange import Call, Dropped, Reply
from .kinds import Fault, kinds
from .misuse import Misuse, did_you_mean, problems_of
from .steps import Proceed
from .store import Store

__all__ = ["Faults", "Fired", "Rule"]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", None)
_OPTIONS = ("method", "conference_id", "at", "times", "where")


def _upper(method: Any) -> Any:
    return method.upper() if isinstance(method, str) else method


def _id(conference_id: Any) -> Any:
    return conference_id if conference_id is None else one_spelling(str(conference_id))


def _fault(_rule: object, _attribute: object, given: Any) -> None:
    """Refuses a value that is not a fault, and suggests what was probably meant."""
    if isinstance(given, Fault):
        return
    names = {kind.replace("-", "_"): make for kind, make in kinds().items()}
    for name, make in names.items():
        if make == given:
            raise TypeError(f"Fault.{name} is a kind of fault, not a fault: call it, Fault.{name}(...)")
    raise TypeError(f"{short_repr(given)} is not a fault; there are {', '.join(f'Fault.{name}()' for name in names)}")


def _option_problems(method: Any, at: Any, times: Any) -> list[str]:
    """What is wrong with the options of a rule."""
    problems = []
    if method not in _METHODS:
        problems.append(f"method {method!r} is not one of {', '.join(filter(None, _METHODS))}")
    if not _counts(at):
        problems.append(f"at cannot be {at!r}: requests are counted from 1")
    if times is not None and not _counts(times):
        problems.append(f"times cannot be {times!r}: a fault affects at least 1 request, without an end if it is null")
    return problems


def _counts(number: Any) -> bool:
    return type(number) is int and number >= 1


@define(eq=False)
class Rule:
    """A fault and the requests that it is for.

    Attributes:
        fault: what goes wrong.
        method: HTTP method of the requests counted, in any case, `None` for any.
        conference_id: id in their path, `None` for any or none.
        where: a further condition on them, `None` for none.
        at: the first of them to go wrong, counted from 1 since the rule was added.
        times: how many go wrong from there on, `None` for all.
        seen: requests counted so far.

    Raises:
        TypeError: not a fault, such as a kind that was not called; or `where` cannot be called.
        ValueError: there is no such method, or `at` or `times` is below 1.
    """

    fault: Fault = field(validator=_fault)
    method: str | None = field(default=None, converter=_upper)
    conference_id: str | None = field(default=None, converter=_id)
    where: Callable[[Call], bool] | None = None
    at: int = 1
    times: int | None = 1
    seen: int = 0

    def __attrs_post_init__(self) -> None:
        if problems := _option_problems(self.method, self.at, self.times):
            raise Misuse("there is no such fault", problems)
        if self.where is not None and not callable(self.where):
            raise TypeError(f"where cannot be {short_repr(self.where)}: it is called with each request")

    @classmethod
    def of(cls, given: Fault | Mapping[str, Any], **options: Any) -> Self:
        """The rule of a fault, or of an object of JSON, whose own options win.

        Raises:
            TypeError: there is no such option, the fault is none, or `where` cannot be called.
            ValueError: an option or the object is wrong.
        """
        for name in options:
            if name not in _OPTIONS:
                raise TypeError(f"{name!r} is not an option of a fault{did_you_mean(name, _OPTIONS)}")
        if not isinstance(given, Mapping):
            return cls(given, **options)
        where = options.pop("where", None)
        return evolve(cls.from_json({**options, **given}), where=where)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """The rule that a JSON object describes.

        Its `fault` is the name of a kind; `method`, `conference_id`, `at` and `times` are those of
        the rule; all others are arguments of the kind.

        Raises:
            Misuse: it does not describe a rule; with every problem.
        """
        if not isinstance(said, Mapping):
            raise Misuse("there is no such fault", [f"{short_repr(said)} is not a JSON object"])
        rest = dict(said)
        kind = str(rest.pop("fault", None)).replace("_", "-")
        own = {name: rest.pop(name) for name in _OPTIONS if name in rest}
        problems: list[str] = []
        if own.pop("where", None) is not None:
            problems.append("where is for Python only; JSON has method and conference_id")
        if not isinstance(own.get("conference_id"), str | None):
            problems.append(f"conference_id cannot be {short_repr(own['conference_id'])}: it is text")
        problems += _option_problems(_upper(own.get("method")), own.get("at", 1), own.get("times", 1))
        fault, make = None, kinds().get(kind)
        if make is None:
            problems.append(f"fault {kind!r} is not a kind{did_you_mean(kind, kinds())}")
        else:
            known = [*inspect.signature(make).parameters, *_OPTIONS[:-1]]
            for name in [name for name in rest if name not in known]:
                problems.append(f"{kind}: {name!r} is not an option of it{did_you_mean(name, known)}")
                del rest[name]
            try:
                fault = make(**rest)
            except (TypeError, ValueError) as error:
                problems += [f"{kind}: {problem.removeprefix(f'{kind}: ')}" for problem in problems_of(error)]
        if problems or fault is None:
            raise Misuse("there is no such fault", problems)
        return cls(fault, **own)

    def counts(self, call: Call) -> bool:
        """Counts a request, and returns whether it is to go wrong."""
        matches = (
            self.method in (None, call.method)
            and (self.conference_id is None or self.conference_id == _id(call.conference_id))
            and (self.where is None or self.where(call))
        )
        if not matches:
            return False
        self.seen += 1
        return self.at <= self.seen and (self.times is None or self.seen < self.at + self.times)

    @property
    def fired(self) -> int:
        """How many requests went wrong so far."""
        due = max(self.seen - self.at + 1, 0)
        return due if self.times is None else min(due, self.times)

    def to_json(self) -> dict[str, Any]:
        """The rule as a JSON object, with how many requests it counted and how many went wrong."""
        names = ("method", "conference_id", "at", "times", "seen", "fired")
        return {"fault": self.fault.name, **{name: getattr(self, name) for name in names}}

    def __str__(self) -> str:
        about = f":{self.conference_id}" if self.conference_id else ""
        times = "*" if self.times is None else self.times
        return f"{self.method or '*'}{about} {self.at}x{times} {self.fault}"


@define
class _Postponed:
    """A request that is applied later: the function that applies it, and after how many further requests."""

    apply: Callable[[], Awaitable[Reply]]
    requests: int | None


@frozen
class Fired:
    """A request that went wrong.

    Attributes:
        rule: the rule that caused it.
        method: HTTP method of the request.
        path: path of the request.
    """

    rule: Rule
    method: str
    path: str


class Faults:
    """The rules of a mock. Several that apply to the same request are nested, the first outermost.

    Attributes:
        fired: every fault that happened, in order.
    """

    def __init__(self, store: Store) -> None:
        self.fired: list[Fired] = []
        self._store = store
        self._rules: list[Rule] = []
        self._postponed: list[_Postponed] = []
        # Re-entrant: a condition may add a fault.
        self._lock = threading.RLock()
        self._age = 0

    def add(
        self,
        fault: Fault | Mapping[str, Any],
        method: str | None = None,
        *,
        conference_id: str | None = None,
        at: int = 1,
        times: int | None = 1,
        where: Callable[[Call], bool] | None = None,
        **unknown: Never,
    ) -> Rule:
        """Adds a rule; see `Rule` for the arguments. Requests with wrong credentials do not count.

        Args:
            fault: what goes wrong; or an object of JSON, whose own options win.
            method: HTTP method of the requests counted, `None` for any.
            conference_id: id in their path, `None` for any or none.
            at: the first of them to go wrong, counted from 1.
            times: how many go wrong from there on, `None` for all.
            where: a further condition on them.
            unknown: refused, with the option that was probably meant.

        Raises:
            TypeError: not a fault, such as a kind that was not called; there is no such option; or `where` cannot be
                called.
            ValueError: there is no such method, `at` or `times` is below 1, or the JSON describes no fault.
        """
        options = {"method": method, "conference_id": conference_id, "at": at, "times": times, "where": where}
        rule = Rule.of(fault, **options, **unknown)
        self.put(rule)
        return rule

    def put(self, rule: Rule) -> None:
        """Adds a rule that is already made."""
        with self._lock:
            self._rules.append(rule)

    @property
    def rules(self) -> list[Rule]:
        """All rules, in the order in which they were added."""
        return list(self._rules)

    @property
    def unused(self) -> list[Rule]:
        """The rules that matched no request: either the test or the rule does not do what it says."""
        return [rule for rule in self._rules if not rule.fired]

    @property
    def pending(self) -> list[Rule]:
        """The rules that have not happened as often as they should."""
        return [rule for rule in self._rules if rule.fired < (rule.times or 1)]

    def clear(self) -> None:
        """Removes all rules, the record of faults, and the requests that are to be applied later."""
        with self._lock:
            self._rules.clear()
            self._postponed.clear()
            self.fired.clear()

    def forget(self) -> None:
        """The same; and requests that are still being processed are never applied."""
        with self._lock:
            self.clear()
            self._age += 1

    async def run(self, call: Call, perform: Callable[[], Reply]) -> Reply:
        """The answer to a request, with all of its faults.

        Args:
            call: the request.
            perform: applies it.
        """
        if not self._rules and not self._postponed:
            return perform()
        with self._lock:
            due = [rule for rule in list(self._rules) if rule.counts(call)]
            self.fired += [Fired(rule, call.method, call.path) for rule in due]
            age = self._age

        async def proceed() -> Reply:
            if age != self._age:
                raise Dropped
            return perform()

        step: Proceed = proceed
        for rule in reversed(due):
            step = rule.fault.around(call, self._store, step)
        try:
            return await step()
        finally:
            await _land(self._landing(call))

    def _landing(self, call: Call) -> list[_Postponed]:
        """The postponed requests that are due after this one."""
        with self._lock:
            for late in self._postponed:
                late.requests = None if late.requests is None else late.requests - 1
            self._postponed += [_Postponed(apply, after) for after, apply in call.postponed]
            due = [late for late in self._postponed if late.requests == 0]
            self._postponed = [late for late in self._postponed if late.requests != 0]
            return due

    def land(self) -> int:
        """Applies all requests that were answered but not applied yet, in their order.

        May be called from any thread.

        Returns:
            How many there were.
        """
        with self._lock:
            due, self._postponed = self._postponed, []
        with contextlib.suppress(StopIteration):
            _land(due).send(None)
            raise RuntimeError("a request that is applied by `land` cannot wait for anything")
        return len(due)


async def _land(due: Iterable[_Postponed]) -> None:
    for late in due:
        with contextlib.suppress(Dropped):  # no client waits for its answer
            await late.apply()
