"""Servers that refuse what they must take, or do not keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Call, Store

from .making import BrokenServer, Write, asks, every_second, refuses, stores, together

__all__ = ["SERVERS"]


def _too_long(name: str, most: int, units: Callable[[str], int]) -> Callable[[Mapping[str, Any]], str | None]:
    def wrong(body: Mapping[str, Any]) -> str | None:
        value = body.get(name)
        return name if isinstance(value, str) and units(value) > most else None

    return wrong


def _utf8(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _limit(schema: str, name: str) -> int:
    properties = schemas.resolve({"$ref": f"#/components/schemas/{schema}"})["properties"]
    return int(schemas.resolve(properties[name])["maxLength"])


def _refuses_value(name: str, *values: Any) -> Callable[[Mapping[str, Any]], str | None]:
    return lambda body: name if body.get(name) in values and name in body else None


def _unknown(body: Mapping[str, Any]) -> str | None:
    return next((name for name in body if name not in contract.fields(UPDATE)), None)


def _nul(body: Mapping[str, Any]) -> str | None:
    return next((name for name, value in body.items() if isinstance(value, str) and "\0" in value), None)


def _invalid_name(body: Mapping[str, Any]) -> str | None:
    return "name" if "name" in body and not contract.fields(CREATE)["name"].accepts(body["name"]) else None


def _reversed_window(body: Mapping[str, Any]) -> str | None:
    start, end = body.get("join_from"), body.get("join_until")
    return "join_until" if isinstance(start, str) and isinstance(end, str) and end < start else None


def _turned_window(write: Write) -> None:
    if _reversed_window(write.body):
        write.after["join_from"], write.after["join_until"] = (write.after["join_until"], write.after["join_from"])


def _cut_at_nul(write: Write) -> None:
    for name, value in write.after.items():
        if isinstance(value, str):
            write.after[name] = value.partition("\0")[0]


def _capitals(body: Mapping[str, Any]) -> str | None:
    name = body.get("name")
    return "name" if isinstance(name, str) and name != name.lower() else None


def _charset_refused(call: Call, _store: Store) -> None:
    if "charset" in call.headers.get("content-type", ""):
        call.headers = {**call.headers, "content-type": "text/plain"}


def _compact_only(call: Call, _store: Store) -> None:
    if call.content[:1].isspace():
        call.content = b""


def _description_forgotten(write: Write) -> None:
    if len(write.body) > 15:
        write.after["description"] = None


def _lower_colors(write: Write) -> None:
    for name, value in write.after.items():
        if isinstance(value, str) and value.startswith("#"):
            write.after[name] = value.lower()


def _stripped(write: Write) -> None:
    if isinstance(write.after.get("description"), str):
        write.after["description"] = write.after["description"].strip()


def _false_forgotten(write: Write) -> None:
    if write.body.get("enable_chat") is False:
        write.after["enable_chat"] = True


_B = BrokenServer

SERVERS = [
    _B(
        "bytes-counted",
        ("accepts/longest",),
        "the display name is counted in bytes",
        refuses(_too_long("display_name", _limit(UPDATE, "display_name"), _utf8)),
    ),
    _B(
        "utf16-counted",
        ("accepts/longest",),
        "the description is counted in UTF-16 units",
        refuses(_too_long("description", _limit(CREATE, "description"), _utf16), "POST"),
    ),
    _B(
        "longest-refused",
        ("accepts/longest",),
        "the longest description is refused",
        refuses(_too_long("description", _limit(UPDATE, "description") - 1, len)),
    ),
    _B("layout-refused", ("accepts/choice",), "the layout 5up is refused", refuses(_refuses_value("layout", "5up"))),
    _B(
        "false-forgotten",
        ("accepts/switch", "state/create-is-kept"),
        "a create's enable_chat: false is forgotten",
        stores(_false_forgotten, "POST"),
    ),
    _B(
        "colors-lower-case",
        ("accepts/color",),
        "colours come back in lower case",
        together(stores(_lower_colors), stores(_lower_colors, "POST")),
    ),
    _B("text-stripped", ("accepts/text",), "space around a description is stripped", stores(_stripped)),
    _B(
        "empty-text-refused",
        ("accepts/blank",),
        "an empty description is refused",
        refuses(_refuses_value("description", "")),
    ),
    _B(
        "empty-name-now-and-then",
        ("accepts/blank",),
        "an empty display name is refused every second time",
        refuses(every_second(_refuses_value("display_name", ""))),
    ),
    _B("capitals-refused", ("accepts/name",), "a name with capitals is refused", refuses(_capitals, "POST")),
    _B(
        "examples-refused",
        ("accepts/examples",),
        "the display name Stand-up is refused",
        refuses(_refuses_value("display_name", "Stand-up"), "POST"),
    ),
    _B(
        "unknown-now-and-then",
        ("accepts/unknown",),
        "an unknown property is refused every second time",
        refuses(every_second(_unknown)),
    ),
    _B(
        "nul-now-and-then",
        ("accepts/nul",),
        "a text with a NUL is refused every second time",
        refuses(every_second(_nul)),
    ),
    # What is open may be read in one way or another, but in the same way by every operation.
    _B("unknown-by-operation", ("accepts/unknown",), "only a PUT refuses unknown properties", refuses(_unknown)),
    _B("nul-by-operation", ("accepts/nul",), "only a create refuses a NUL", refuses(_nul, "POST")),
    _B(
        "empty-name-by-operation",
        ("accepts/blank",),
        "only a create refuses an empty display name",
        refuses(_refuses_value("display_name", ""), "POST"),
    ),
    _B(
        "window-reversed-by-operation",
        ("accepts/any-order-of-times",),
        "only a PUT refuses a window that ends before it starts",
        refuses(_reversed_window),
    ),
    _B("nul-ends", ("accepts/nul",), "a text ends at a NUL", stores(_cut_at_nul)),
    _B(
        "name-checked-by-put",
        ("accepts/unknown",),
        "a PUT, which has no name, is refused for an invalid one",
        refuses(_invalid_name),
    ),
    _B("charset-refused", ("accepts/any-layout",), "JSON with a charset is refused", asks(_charset_refused)),
    _B("compact-only", ("accepts/any-layout",), "JSON may not begin with space", asks(_compact_only)),
    _B(
        "window-reversed-now-and-then",
        ("accepts/any-order-of-times",),
        "a window that ends before it starts is refused every second time",
        refuses(every_second(_reversed_window)),
    ),
    _B(
        "window-turned",
        ("accepts/any-order-of-times",),
        "a window that ends before it starts is turned round",
        stores(_turned_window),
    ),
    _B(
        "whole-forgets",
        ("state/create-is-kept",),
        "a create with many properties forgets the description",
        stores(_description_forgotten, "POST"),
    ),
    _B(
        "display-name-alone-refused",
        ("accepts/least",),
        "a create needs a name",
        refuses(lambda body: None if "name" in body else "name", "POST"),
    ),
]
