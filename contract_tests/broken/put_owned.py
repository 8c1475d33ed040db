"""Servers whose PUT gets wrong what is the server's own: times, name, meta, session."""

from __future__ import annotations

import uuid

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE
from signalwire_conferences.values import instant

from .making import BrokenServer, Make, Write, stores

__all__ = ["SERVERS"]


def _unchanged_now_and_then() -> Make:
    count = [0]

    def change(write: Write) -> None:
        if all(write.before[n] == write.after[n] for n in contract.fields(UPDATE)):
            count[0] += 1
            if count[0] % 2:
                write.after["updated_at"] = write.before["updated_at"]

    return stores(change)


def _colors_are_no_change(write: Write) -> None:
    if write.before["quality"] == write.after["quality"]:
        write.after["updated_at"] = write.before["updated_at"]


def _takes_meta(write: Write) -> None:
    if isinstance(write.body.get("meta"), dict):
        write.after["meta"] = write.body["meta"]


def _ends_session(write: Write) -> None:
    write.after.pop("active_session", None)


def _takes_session(write: Write) -> None:
    if isinstance(write.body.get("active_session"), dict):
        write.after["active_session"] = write.body["active_session"]


def _chosen_name_anew(write: Write) -> None:
    if write.before["name"].startswith("conference-"):
        write.after["name"] = f"conference-{uuid.uuid4()}"


def _backwards(write: Write) -> None:
    if instant(write.after["updated_at"]) is not None:
        write.after["updated_at"] = write.before["created_at"]


SERVERS = [
    BrokenServer(
        "unchanged-updated-now-and-then",
        ("put/updated-at",),
        "a PUT that changes nothing raises updated_at every second time",
        _unchanged_now_and_then(),
    ),
    BrokenServer(
        "updated-with-quality",
        ("put/updated-at",),
        "only a PUT that changes the quality raises updated_at",
        stores(_colors_are_no_change),
    ),
    BrokenServer("never-updated", ("put/updated-at",), "updated_at stays what created_at is", stores(_backwards)),
    BrokenServer("meta-from-body", ("put/server-fields",), "a PUT takes meta from its body", stores(_takes_meta)),
    BrokenServer(
        "meta-wiped",
        ("put/server-fields", "put/session-stays"),
        "a PUT empties meta",
        stores(lambda w: w.after.update(meta={"wiped": True})),
    ),
    BrokenServer(
        "name-from-body",
        ("put/server-fields",),
        "a PUT takes the name from its body",
        stores(lambda w: w.after.update(name=w.body.get("name") or w.before["name"])),
    ),
    BrokenServer("ends-session", ("put/session-stays",), "a PUT ends the active session", stores(_ends_session)),
    BrokenServer(
        "session-from-body",
        ("put/server-fields",),
        "a PUT takes the session from its body, and it shows on request",
        stores(_takes_session),
    ),
    BrokenServer(
        "chosen-name-anew",
        ("put/server-fields",),
        "a PUT chooses the name anew where a create gave none",
        stores(_chosen_name_anew),
    ),
]
