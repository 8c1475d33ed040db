"""The kinds of faults, by name."""

from __future__ import annotations

import inspect
import json
import math
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import UnionType
from typing import Any, Concatenate, Literal, ParamSpec, Union

from attrs import field, frozen

from . import answers, outcomes, writes
from .exchange import Call, Reply, checked_header, checked_status
from .misuse import Misuse, checked_names, did_you_mean, problems_of
from .steps import Proceed, Run, Step, answer, stored, told
from .store import Store

__all__ = ["Fault", "kinds"]

_P = ParamSpec("_P")


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "code": checked_status,
    "name": checked_names,
    "changes": lambda changes: None if callable(changes) else checked_names(changes),
    **dict.fromkeys(("content_type", "encoding", "location", "retry_after"), checked_header),
}


def _kind(happens: Callable[..., Any], around: Callable[[Callable[..., Any]], Run], own: int = 1) -> Any:
    """The class method that makes a fault of a kind.

    Args:
        happens: the function that does it; its docstring is also the method's.
        around: makes it a step of a request.
        own: how many of its parameters the request provides; the method has the others.
    """
    signature, hints = inspect.signature(happens), typing.get_type_hints(happens)
    parameters = list(signature.parameters.values())
    rest = signature.replace(parameters=parameters[own:])

    def make(_cls: type[Fault], /, *args: Any, **kwargs: Any) -> Fault:
        kind = happens.__name__.replace("_", "-")
        try:
            given = rest.bind(*args, **kwargs)
        except TypeError as error:
            unknown = next((name for name in kwargs if name not in rest.parameters), None)
            hint = "" if unknown is None else did_you_mean(unknown, rest.parameters)
            raise TypeError(f"{kind}: {error}{hint}") from None
        given.apply_defaults()
        words = [kind]
        problems: list[str] = []
        for name, value in given.arguments.items():
            if not _fits(value, hints[name]):
                problems.append(f"{name} cannot be {value!r}")
            elif not (value is rest.parameters[name].default and (value is None or value is False)):
                words.append(_word(value))
                problems += _problems(name, value)
        if problems:
            raise Misuse(f"there is no such fault {kind}", problems)
        return Fault(" ".join(words), around(lambda *first: happens(*first, **given.arguments)))

    # The signature of a bound method lacks its first parameter.
    vars(make).update(__signature__=signature.replace(parameters=parameters[own - 1 :]))
    make.__doc__ = happens.__doc__
    return classmethod(make)


def _problems(name: str, value: Any) -> Sequence[str]:
    """What is wrong with an argument of the right type."""
    try:
        _CHECKS.get(name, bool)(value)
    except ValueError as error:
        return problems_of(error)
    return ()


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value, which may come from JSON, fits a parameter."""
    if hint is Any:
        return True
    if typing.get_origin(hint) in (Union, UnionType):
        return any(_fits(value, choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) is Literal:
        return value in typing.get_args(hint)
    if isinstance(value, bool):
        return hint is bool
    if isinstance(value, int | float):
        return (hint is float or (hint is int and isinstance(value, int))) and 0 <= value < math.inf
    return isinstance(value, typing.get_origin(hint) or hint)


def _word(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return value if isinstance(value, str) else repr(value)
    return "<callable>" if callable(value) else json.dumps(value)


def _step(happens: Callable[Concatenate[Step, _P], Awaitable[Reply]]) -> classmethod[Fault, _P, Fault]:
    made: classmethod[Fault, _P, Fault] = _kind(happens, lambda run: run)
    return made


def _answer(change: Callable[Concatenate[Reply, _P], None]) -> classmethod[Fault, _P, Fault]:
    made: classmethod[Fault, _P, Fault] = _kind(change, answer)
    return made


def _told(change: Callable[Concatenate[dict[str, Any], _P], None]) -> classmethod[Fault, _P, Fault]:
    made: classmethod[Fault, _P, Fault] = _kind(change, told)
    return made


def _stored(
    change: Callable[Concatenate[Mapping[str, Any], dict[str, Any], _P], None],
) -> classmethod[Fault, _P, Fault]:
    made: classmethod[Fault, _P, Fault] = _kind(change, stored, own=2)
    return made


@frozen
class Fault:
    """Something that goes wrong with a request. The class methods are the kinds.

    They raise `ValueError` for an invalid argument.

    Attributes:
        name: the kind and its arguments.
    """

    name: str
    _run: Run = field(repr=False, eq=False)

    def around(self, call: Call, store: Store, proceed: Proceed) -> Proceed:
        """The rest of a request with this fault around it."""
        return partial(self._run, Step(call, store, proceed))

    def __str__(self) -> str:
        return self.name

    # no answer, or a late one
    latency = _step(outcomes.latency)
    drop_before = _step(outcomes.drop_before)
    drop_after = _step(outcomes.drop_after)
    hang_before = _step(outcomes.hang_before)
    hang_after = _step(outcomes.hang_after)
    late_apply = _step(outcomes.late_apply)
    # another answer
    lands_later = _step(outcomes.lands_later)
    status = _step(outcomes.status)
    failed_after = _step(outcomes.failed_after)
    repeated = _step(outcomes.repeated)
    login_page = _step(outcomes.login_page)
    redirect = _step(outcomes.redirect)
    # an unusable answer
    truncated = _answer(answers.truncated)
    truncated_json = _answer(answers.truncated_json)
    body = _answer(answers.body)
    html = _answer(answers.html)
    empty = _answer(answers.empty)
    non_object = _answer(answers.non_object)
    # an answer that is hard to read
    byte_order_mark = _answer(answers.byte_order_mark)
    compressed = _answer(answers.compressed)
    compressed_etag = _step(answers.compressed_etag)
    cookie = _answer(answers.cookie)
    empty_page = _step(answers.empty_page)
    # a wrong answer
    stale_read = _step(answers.stale_read)
    other_conference = _step(answers.other_conference)
    field_dropped = _told(answers.field_dropped)
    field_told = _told(answers.field_told)
    credentials_told = _step(answers.credentials_told)
    # a write that goes wrong
    field_lost = _stored(writes.field_lost)
    field_ignored = _stored(writes.field_ignored)
    field_changed = _stored(writes.field_changed)
    field_nulled = _stored(writes.field_nulled)
    field_emptied = _stored(writes.field_emptied)
    field_counted = _stored(writes.field_counted)
    times_kept = _stored(writes.times_kept)
    meta_wiped = _stored(writes.meta_wiped)
    # other writers, and ETag
    foreign_write = _step(outcomes.foreign_write)
    etag = _step(outcomes.etag)


def kinds() -> Mapping[str, Callable[..., Fault]]:
    """Kind -> function that makes its fault, in the order of the source."""
    made = (name for name, member in vars(Fault).items() if isinstance(member, classmethod))
    return {name.replace("_", "-"): getattr(Fault, name) for name in made if not name.startswith("_")}
