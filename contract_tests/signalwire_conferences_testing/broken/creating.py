"""Servers that get the meaning of a create wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signalwire_conferences.values import encode_json

from ..mock import Reply
from ..mock.steps import Step
from .making import BrokenServer, Make, body_of, refuses, rule

__all__ = ["SERVERS"]

_OWNED = ("id", "created_at", "updated_at", "meta", "active_session")


def _takes(*names: str) -> Make:
    """A create takes these fields from its body; an id that there is, is replaced."""

    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        given = body_of(step.call)
        claims = {name: given[name] for name in names if name in given}
        if reply.status == 200 and claims:
            made = reply.value()["id"]
            with step.store.lock:
                state = {**step.store[made], **claims}
                if state["id"] != made:
                    step.store.delete(made)
                    if state["id"] in step.store:
                        step.store.delete(state["id"])
                    step.store.add(state)
                else:
                    step.store.patch(made, {"updated_at": state["updated_at"], **claims})
            told = {name: value for name, value in state.items() if name != "active_session"}
            reply.content = encode_json(told)
        return reply

    return rule(run, "POST")


def _server_owned(body: Mapping[str, Any]) -> str | None:
    return next((name for name in _OWNED if name in body), None)


SERVERS = [
    BrokenServer(
        "create-replaces",
        ("isolation/create-named-in-body", "state/create-server-fields"),
        "a create whose body has an id makes that conference, or replaces it",
        _takes("id"),
    ),
    *(
        BrokenServer(
            f"create-takes-{name.replace('_', '-')}",
            ("state/create-server-fields",),
            f"a create takes {name} from its body",
            _takes(name),
        )
        for name in _OWNED
        if name != "id"
    ),
    BrokenServer(
        "create-refuses-owned",
        ("accepts/unknown", "state/create-server-fields"),
        "a create is refused for a property that only answers have",
        refuses(_server_owned, "POST"),
    ),
]
