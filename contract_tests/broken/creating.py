"""Servers that get the meaning of a create wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE
from signalwire_conferences.values import encode_json
from signalwire_conferences_testing.mock import Call, MockServer, Reply
from signalwire_conferences_testing.mock.steps import Step

from .making import BrokenServer, Make, body_of, every_second, refuses, rule

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
                    step.store.patch(made, {"updated_at": state["updated_at"], **claims}, allow_unknown=True)
            told = {name: value for name, value in state.items() if name != "active_session"}
            reply.content = encode_json(told)
        return reply

    return rule(run, "POST")


def _answers_existing() -> Make:
    """Nothing is created, and the oldest conference is told as if it had been."""

    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        if reply.status == 200:
            with step.store.lock:
                step.store.delete(reply.value()["id"])
                oldest = step.store[next(iter(step.store))]
            told = {name: value for name, value in oldest.items() if name != "active_session"}
            reply.content = encode_json(told)
        return reply

    return rule(run, "POST")


def _created_all_the_same(step: Step) -> None:
    """Under its name where that is free, else under another."""
    given = body_of(step.call)
    known: dict[str, Any] = {name: given[name] for name in ("name", "join_from", "join_until") if name in given}
    if not contract.fields(CREATE)["name"].accepts(known.get("name")) or step.store.has_name(known["name"]):
        known.pop("name", None)
    step.store.add(known)


def _refused_and_created(when: Callable[[Reply, Call], bool]) -> Make:
    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        if when(reply, step.call):
            _created_all_the_same(step)
        return reply

    return rule(run, "POST")


def _refused_for_name(reply: Reply, _call: Call) -> bool:
    attributes = [one["attribute"] for one in reply.value()["errors"]] if reply.status == 422 else []
    return attributes == ["name"]


def _chosen_names_free(server: MockServer) -> None:
    """Only names that creates gave are taken."""
    usual = server.store.has_name
    server.store.has_name = (  # type: ignore[method-assign]  # broken on purpose
        lambda name: usual(name) and not str(name).startswith("conference-")
    )


def _server_owned(body: Mapping[str, Any]) -> str | None:
    return next((name for name in _OWNED if name in body), None)


SERVERS = [
    BrokenServer(
        "create-replaces",
        ("state/create-server-fields",),
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
        "bad-name-created",
        ("refuses/creates-nothing",),
        "a create refused for its name creates under another",
        _refused_and_created(_refused_for_name),
    ),
    BrokenServer(
        "bad-media-created",
        ("status/media-type",),
        "a create of another media type is refused, and creates",
        _refused_and_created(lambda reply, call: reply.status == 400 and "json" not in call.headers["content-type"]),
    ),
    BrokenServer(
        "chosen-names-free", ("status/name-taken",), "a name that the server chose may be had twice", _chosen_names_free
    ),
    BrokenServer(
        "create-refuses-owned-now-and-then",
        ("accepts/unknown", "state/create-server-fields"),
        "a create is refused every second time for a property that only answers have",
        refuses(every_second(_server_owned), "POST"),
    ),
    BrokenServer(
        "create-answers-existing",
        ("isolation/new-id",),
        "a create is answered with a conference that there was before",
        _answers_existing(),
    ),
]
