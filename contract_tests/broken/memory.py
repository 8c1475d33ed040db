"""Servers that lose track of what was written, or mix up conferences."""

from __future__ import annotations

from typing import Any

from signalwire_conferences.values import encode_json
from signalwire_conferences_testing.mock import Call, MockServer, Reply, Store
from signalwire_conferences_testing.mock.steps import Step

from .making import BrokenServer, Make, Write, answers, asks, body_of, rule, stores, tells

__all__ = ["SERVERS"]


def _upserts() -> Make:
    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        if reply.status == 404 and step.call.conference_id:
            step.store.add({"id": step.call.conference_id})
        return reply

    return rule(run, "PUT")


def _deletes_namesake() -> Make:
    async def run(step: Step) -> Reply:
        about = str(step.call.conference_id)
        shown = step.store[about]["display_name"] if about in step.store else None
        reply = await step.proceed()
        others = [one for one in step.store if step.store[one]["display_name"] == shown]
        if reply.status == 204 and others:
            step.store.delete(others[0])
        return reply

    return rule(run, "DELETE")


def _deletes_newest() -> Make:
    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        if reply.status == 404 and len(step.store):
            step.store.delete(list(step.store)[-1])
        return reply

    return rule(run, "DELETE")


def _reading_touches(call: Call, store: Store) -> None:
    if call.conference_id and call.conference_id in store:
        store.patch(str(call.conference_id), {})


def _lists_first_state(server: MockServer) -> None:
    """A list tells what was created, whatever became of it."""
    first: dict[str, Any] = {}

    def change(reply: Reply, _call: Call) -> None:
        value = reply.value()
        if reply.status == 200 and isinstance(value, dict) and "links" in value:
            value["data"] = [first.setdefault(one["id"], one) for one in value["data"]]
            reply.content = encode_json(value)

    answers(change, "GET")(server)


def _few(server: MockServer) -> None:
    """Only the newest are kept."""

    def change(_reply: Reply, _call: Call) -> None:
        ids = list(server.store)
        for one in ids[: max(len(ids) - 25, 0)]:
            server.store.delete(one)

    answers(change, "POST")(server)


def _delete_resets_others() -> Make:
    async def run(step: Step) -> Reply:
        reply = await step.proceed()
        for one in list(step.store):
            step.store.patch(one, {"description": "somebody was deleted"})
        return reply

    return rule(run, "DELETE")


def _spills(write: Write) -> None:
    others = [one for one in write.store if one != write.conference_id]
    if others and "description" in write.body:
        write.store.patch(others[-1], {"description": write.body["description"]}, allow_unknown=True)


def _by_display_name(call: Call, store: Store) -> None:
    shown = body_of(call).get("display_name")
    found = [one for one in store if store[one]["display_name"] == shown]
    if found and call.conference_id in store:
        call.conference_id = found[0]


def _by_body(call: Call, store: Store) -> None:
    named = body_of(call).get("id")
    if isinstance(named, str) and named in store:
        call.conference_id = named


def _same_body_same_conference() -> Make:
    made: dict[bytes, Reply] = {}

    async def run(step: Step) -> Reply:
        known = made.get(step.call.content)
        if known is not None and "name" not in body_of(step.call):
            return known
        reply = await step.proceed()
        made[step.call.content] = reply
        return reply

    return rule(run, "POST")


def _template() -> Make:
    """What the last PUT gave is the default of the next create."""
    last: dict[str, Any] = {}

    def make(server: MockServer) -> None:
        stores(lambda write: last.update(description=write.body.get("description")))(server)

        def change(write: Write) -> None:
            if "description" not in write.body and last:
                write.after["description"] = last["description"]

        stores(change, "POST")(server)

    return make


def _without_flag(call: Call) -> list[tuple[str, str]]:
    told = [pair for pair in call.query if pair[0] != "include_active_session"]
    return list(call.query) if call.conference_id else told


SERVERS = [
    BrokenServer(
        "create-echo",
        ("state/create-is-kept",),
        "a create's answer lacks the description",
        tells(lambda c: c.update(description=None), "POST"),
    ),
    BrokenServer(
        "chat-off-by-default",
        ("state/create-defaults",),
        "a create leaves enable_chat off",
        stores(lambda w: w.after.update(enable_chat=w.body.get("enable_chat", False)), "POST"),
    ),
    BrokenServer(
        "create-drops-size",
        ("state/create-is-kept",),
        "a create does not keep the size",
        stores(lambda w: w.after.update(size="medium"), "POST"),
    ),
    BrokenServer("upserts", ("state/unknown-creates-nothing",), "a PUT to an unknown id creates", _upserts()),
    BrokenServer(
        "deletes-namesake",
        ("state/delete-is-final", "isolation/same-body"),
        "a delete takes another with the same display name along",
        _deletes_namesake(),
    ),
    BrokenServer(
        "deletes-newest", ("state/delete-is-final",), "deleting an unknown id deletes the newest", _deletes_newest()
    ),
    BrokenServer(
        "reading-touches", ("state/get-changes-nothing",), "reading raises updated_at", asks(_reading_touches, "GET")
    ),
    BrokenServer(
        "lists-first-state",
        ("state/list-shows-what-exists",),
        "a list tells what was created, not what is",
        _lists_first_state,
    ),
    BrokenServer("few", ("state/many",), "only the newest 25 are kept", _few),
    BrokenServer(
        "delete-resets-others",
        ("state/random-walk", "state/delete-is-final"),
        "a delete changes all others",
        _delete_resets_others(),
    ),
    BrokenServer(
        "session-made-up",
        ("state/session-only-on-request",),
        "every conference has a session, and tells of it unasked",
        tells(lambda c: c.update(active_session={"status": "in-progress"}), "GET"),
    ),
    BrokenServer(
        "session-always",
        ("state/session-not-unasked", "state/session-only-on-request"),
        "the session is told of unasked",
        asks(
            lambda call, _s: setattr(
                call,
                "query",
                [*call.query, ("include_active_session", "true")][-1:] if call.conference_id else call.query,
            ),
            "GET",
        ),
    ),
    BrokenServer(
        "session-never",
        ("state/session-on-request",),
        "reading one never tells of a session",
        asks(lambda call, _s: setattr(call, "query", [] if call.conference_id else call.query), "GET"),
    ),
    BrokenServer("spills", ("isolation/put",), "a PUT changes the newest other too", stores(_spills)),
    BrokenServer(
        "by-display-name",
        ("isolation/same-body",),
        "a PUT goes to the first with that display name",
        asks(_by_display_name, "PUT"),
    ),
    BrokenServer("by-body", ("put/server-fields",), "a PUT goes to the id in its body", asks(_by_body, "PUT")),
    BrokenServer(
        "same-body-same-conference",
        ("isolation/same-body", "accepts/least"),
        "the same body creates nothing new",
        _same_body_same_conference(),
    ),
    BrokenServer("template", ("isolation/create",), "a create takes over from the last PUT", _template()),
    BrokenServer(
        "session-not-listed",
        ("state/session-on-request",),
        "a list never tells of a session",
        asks(lambda call, _s: setattr(call, "query", _without_flag(call)), "GET"),
    ),
]
