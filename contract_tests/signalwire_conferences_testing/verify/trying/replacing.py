"""One PUT, held against everything that the contract says of it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE
from signalwire_conferences.values import instant, same

from ..promises.promises import Broken, ensure
from .bench import Bench, Conference, as_sent, brief, conference_of, differences, kinds
from .exchange import Exchange
from .samples import optional

__all__ = ["owned", "replace", "shown_resets", "stamp"]

_SESSION = "active_session"


@functools.cache
def stamp() -> str:
    """The field that each write changes by itself."""
    return next(n for n, said in contract.answer_fields().items() if said.get("x-changes-with-each-write"))


@functools.cache
def owned() -> list[str]:
    """The fields that no PUT can write and that survive each."""
    writable = contract.fields(UPDATE)
    return [name for name in contract.answer_fields() if name not in (*writable, stamp(), _SESSION)]


def replace(
    bench: Bench,
    before: Conference,
    body: Mapping[str, Any],
    *history: Exchange,
    read: bool = False,
    about: Iterable[str] | None = None,
) -> tuple[Conference, Exchange]:
    """Sends a PUT and demands that it does what the contract says.

    Args:
        bench: the workplace.
        before: the conference before it.
        body: what to send; a `display_name` is added where it has none.
        history: the requests that brought the conference to where it is.
        read: whether to read it back too.
        about: the left-out fields to look at, by default all.

    Raises:
        Broken: it does not.
    """
    full = dict(body) if "display_name" in body else {"display_name": before["display_name"], **body}
    exchange = bench.put(before["id"], full)
    shown = (*history, exchange)
    after = conference_of(exchange, *history)
    for name, sent in full.items():
        wrong = as_sent(name, sent, after.get(name))
        ensure(not wrong, f"a value of the PUT was not kept: {wrong}", *shown)
    left_out = [name for name in optional(UPDATE) if name not in full]
    _reset(bench, before, after, [n for n in left_out if about is None or n in about], shown)
    _survived(before, after, shown)
    if read:
        again = bench.get(before["id"])
        differing = differences(after, conference_of(again, *shown))
        ensure(not differing, f"GET tells otherwise than the PUT's answer: {brief(differing)}", *shown, again)
    return after, exchange


def _reset(
    bench: Bench, before: Conference, after: Conference, names: Iterable[str], shown: tuple[Exchange, ...]
) -> None:
    for name in names:
        wrong = bench.resets.wrong(name, before[name], after[name], shown[-1])
        if wrong:
            message, earlier = wrong
            raise Broken(message, *shown_resets(bench, earlier), *shown)


def shown_resets(bench: Bench, earlier: Exchange | None) -> tuple[Exchange, ...]:
    """An earlier PUT with the request that made its conference."""
    if earlier is None:
        return ()
    maker = bench.own.maker(earlier.url.rpartition("/")[2])
    return (earlier,) if maker is None else (maker, earlier)


def _survived(before: Conference, after: Conference, shown: tuple[Exchange, ...]) -> None:
    changed = {
        name: (before.get(name), after.get(name))
        for name in owned()
        if not same(kinds()[name], before.get(name), after.get(name))
    }
    ensure(not changed, f"a PUT must not change {brief(changed)}", *shown)
    old, new = instant(before.get(stamp())), instant(after.get(stamp()))
    ensure(old is None or new is None or new >= old, f"{stamp()} went back", *shown)
