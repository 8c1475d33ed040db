"""Building blocks of faults: a request, and the usual places to interfere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen

from .exchange import Adjust, Call, Reply
from .store import Store

__all__ = ["Proceed", "Run", "Step", "answer", "stored", "told"]

#: Goes on with the request and returns its answer.
Proceed = Callable[[], Awaitable[Reply]]


@frozen
class Step:
    """A request with a fault.

    Attributes:
        call: the request.
        store: the conferences.
        proceed: goes on with the request and returns its answer.
    """

    call: Call
    store: Store
    proceed: Proceed


#: Replaces the usual processing of a request.
Run = Callable[[Step], Awaitable[Reply]]


def answer(change: Callable[[Reply], None]) -> Run:
    """Applies the request and changes its answer."""

    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        change(reply)
        return reply

    return run


def told(change: Callable[[dict[str, Any]], object]) -> Run:
    """Applies the request and changes every conference in its answer."""

    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        value = reply.value()
        if reply.status == 200 and isinstance(value, dict):
            # A conference may have a field with the name of a field of a page.
            for conference in [value] if step.call.conference_id or "data" not in value else value["data"]:
                change(conference)
            reply.content = Reply.json(value).content
        return reply

    return run


def stored(adjust: Adjust) -> Run:
    """Applies the request and changes what it stores."""

    async def run(step: Step) -> Reply:
        step.call.adjust.append(adjust)
        return await step.proceed()

    return run
