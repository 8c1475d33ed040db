"""Servers that get the meaning of PUT wrong."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences_testing.mock import MockServer

from .making import BrokenServer, Make, Write, asks, stores, tells

__all__ = ["SERVERS"]


def _keep(write: Write, *names: str) -> None:
    """The fields that the body leaves out keep their values."""
    for name in names:
        if name not in write.body and name in write.before:
            write.after[name] = write.before[name]


def _keeping(name: str) -> Make:
    return stores(lambda write: _keep(write, name))


def _patches(write: Write) -> None:
    _keep(write, *contract.fields(UPDATE))


def _bare_keeps(write: Write) -> None:
    if set(write.body) == {"display_name"}:
        _patches(write)


def _dates_together(write: Write) -> None:
    if "join_from" not in write.body and "join_until" not in write.body:
        _keep(write, "join_from", "join_until")


def _light_kept_beside_dark(write: Write) -> None:
    if "dark_primary" in write.body and not any(name.startswith("light_") for name in write.body):
        _keep(write, "light_primary", "light_background")


def _large_kept(write: Write) -> None:
    if write.before.get("size") == "large":
        _keep(write, "size")


def _layout_by_quality(write: Write) -> None:
    if "layout" not in write.body and write.body.get("quality") == "1080p":
        write.after["layout"] = "highlight-1-responsive"


def _created_differently(write: Write) -> None:
    if write.before.get("created_at") == write.before.get("updated_at"):
        defaults = contract.fields(CREATE)
        for name in contract.fields(UPDATE):
            if name not in write.body and name.endswith("_primary"):
                write.after[name] = defaults[name].default


def _chat_to_create_default(write: Write) -> None:
    if "enable_chat" not in write.body:
        write.after["enable_chat"] = write.before.get("enable_chat") is not True


def _from_last_written() -> Make:
    last: dict[str, Any] = {}

    def change(write: Write) -> None:
        if "description" not in write.body:
            write.after["description"] = last.get("description")
        last["description"] = write.body.get("description", last.get("description"))

    return stores(change)


def _tired() -> Make:
    """After some writes of a conference, its defaults are forgotten."""
    count: dict[Any, int] = defaultdict(int)

    def change(write: Write) -> None:
        count[write.conference_id] += 1
        if count[write.conference_id] > 6:
            _keep(write, "dark_success")

    return stores(change)


def _undo() -> Make:
    """What a PUT reset comes back with the next one that leaves it out."""
    earlier: dict[Any, Any] = {}

    def change(write: Write) -> None:
        if "description" not in write.body:
            if write.before.get("description") is None:
                write.after["description"] = earlier.get(write.conference_id)
            else:
                earlier[write.conference_id] = write.before["description"]
        else:
            earlier.pop(write.conference_id, None)

    return stores(change)


def _join_switches_tied(write: Write) -> None:
    if "user_join_video_off" in write.body:
        write.after["room_join_video_off"] = write.body["user_join_video_off"]


def _before_display_name_ignored(write: Write) -> None:
    names = list(write.body)
    for name in names[: names.index("display_name")]:
        if name in contract.fields(UPDATE):
            write.after[name] = contract.fields(UPDATE)[name].default


def _toggles(write: Write) -> None:
    sent = {name: value for name, value in write.body.items() if name in write.before}
    if all(write.before[name] == value for name, value in sent.items()):
        write.after["record_on_start"] = not write.before["record_on_start"]


def _echo(server: MockServer) -> None:
    """The answer tells what was asked for, and it is not what was stored."""
    told: dict[str, Any] = {}

    def change(write: Write) -> None:
        told.update(light_success=write.after["light_success"])
        write.after["light_success"] = write.before["light_success"]

    def tell(conference: dict[str, Any]) -> None:
        conference.update(told)

    tells(tell, "PUT")(server)
    stores(change)(server)


def _merges_what_was_read() -> Make:
    read: dict[str, Any] = {}

    def make(server: MockServer) -> None:
        asks(lambda call, _store: read.update(last=call.conference_id), "GET")(server)

        def change(write: Write) -> None:
            if read.pop("last", None) == write.conference_id:
                _keep(write, "light_success", "description")

        stores(change)(server)

    return make


def _case_of_display_name_kept(write: Write) -> None:
    if write.body["display_name"].lower() == write.before["display_name"].lower():
        write.after["display_name"] = write.before["display_name"]


def _long_kept(write: Write) -> None:
    if len(write.before.get("description") or "") > 1000:
        _keep(write, "description")


def _kept_under_a_long_name(write: Write) -> None:
    if len(write.body["display_name"]) > 100:
        _keep(write, "description")


SERVERS = [
    BrokenServer(
        "case-of-display-name-kept",
        ("put/given-values",),
        "a PUT that changes only the case of the display name changes nothing of it",
        stores(_case_of_display_name_kept),
    ),
    BrokenServer("long-kept", ("put/old-value",), "a long description, left out, keeps its value", stores(_long_kept)),
    BrokenServer(
        "kept-under-a-long-name",
        ("put/old-value",),
        "description, left out, keeps its value where the display name is long",
        stores(_kept_under_a_long_name),
    ),
    BrokenServer(
        "patches",
        ("put/bare", "put/each-field-alone", "put/old-value"),
        "a PUT keeps all it is not given",
        stores(_patches),
    ),
    BrokenServer("bare-keeps", ("put/bare",), "a PUT of the display name alone keeps the rest", stores(_bare_keeps)),
    *(
        BrokenServer(f"keeps-{name}", ("put/each-field-alone",), f"{name}, left out, keeps its value", _keeping(name))
        for name in ("description", "light_negative", "enable_room_previews", "tone_on_entry_and_exit")
    ),
    BrokenServer(
        "dates-kept-together",
        ("put/fields-in-groups",),
        "the times are kept where both are left out",
        stores(_dates_together),
    ),
    BrokenServer(
        "light-kept-beside-dark",
        ("put/each-field-given-alone",),
        "light colours are kept beside a dark one",
        stores(_light_kept_beside_dark),
    ),
    BrokenServer(
        "large-kept", ("put/old-value", "put/other-fields"), "size, left out, stays large", stores(_large_kept)
    ),
    BrokenServer(
        "layout-by-quality",
        ("put/other-fields",),
        "what layout is reset to depends on quality",
        stores(_layout_by_quality),
    ),
    BrokenServer(
        "created-differently",
        ("put/after-create",),
        "the first PUT resets colours as a create does",
        stores(_created_differently),
    ),
    BrokenServer(
        "chat-inverts",
        ("put/again-and-again", "put/each-field-alone"),
        "enable_chat, left out, changes sides",
        stores(_chat_to_create_default),
    ),
    BrokenServer(
        "from-last-written",
        ("put/other-conferences",),
        "description is reset to that of the last PUT",
        _from_last_written(),
    ),
    BrokenServer("tired", ("put/again-and-again",), "after six PUTs a colour is not reset any more", _tired()),
    BrokenServer(
        "undo",
        ("put/partial-sequence", "put/again-and-again"),
        "the second PUT that leaves a field out brings it back",
        _undo(),
    ),
    BrokenServer("switches-tied", ("put/given-values",), "one join switch sets the other", stores(_join_switches_tied)),
    BrokenServer(
        "order-matters",
        ("put/given-values",),
        "what stands before the display name is lost",
        stores(_before_display_name_ignored),
    ),
    BrokenServer("echo", ("put/given-values",), "a PUT answers what was asked for, and does not store it", _echo),
    BrokenServer("toggles", ("put/again-and-again",), "the same PUT again toggles a switch", stores(_toggles)),
    BrokenServer(
        "merges-what-was-read",
        ("put/order-of-requests",),
        "a PUT keeps what a GET just before it told",
        _merges_what_was_read(),
    ),
    BrokenServer(
        "whole-answer-is-patch",
        ("put/server-fields",),
        "a PUT whose body has an id keeps what it is not given",
        stores(lambda write: _patches(write) if "id" in write.body else None),
    ),
]
