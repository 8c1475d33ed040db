"""Servers that read a request otherwise than it is written: its id, its query, its body."""

from __future__ import annotations

import json
import re

from signalwire_conferences.values import encode_json
from signalwire_conferences_testing.mock import Call, Store

from .making import BrokenServer, Make, asks

__all__ = ["SERVERS"]


def _unwraps(call: Call, _store: Store) -> None:
    try:
        value = json.loads(call.content)
    except ValueError:
        return
    if isinstance(value, list) and value and isinstance(value[0], dict):
        call.content = encode_json(value[0])


def _nonsense_is_first(call: Call, store: Store) -> None:
    if call.method == "GET" and call.conference_id and len(call.conference_id) < 30:
        call.conference_id = next(iter(store))


def _by_name(call: Call, store: Store) -> None:
    """What is no id is looked for among the names."""
    if call.conference_id is not None and call.conference_id not in store:
        call.conference_id = next((one for one in store if store[one]["name"] == call.conference_id), "")


def _by_part_of_id(characters: slice) -> Make:
    """Only these characters of an id are compared."""

    def change(call: Call, store: Store) -> None:
        asked = call.conference_id
        if asked is not None and asked not in store and len(asked) == 36:
            found = (one for one in store if one[characters] == asked[characters])
            call.conference_id = next(found, asked)

    return asks(change)


def _number_by_its_start(call: Call, _store: Store) -> None:
    call.query = [
        (name, re.sub(r"(?<=[0-9])[a-z]+$", "", text) if name.startswith("page_") else text)
        for name, text in call.query
        if name != "page_token" or text
    ]


def _reads_more_than_json(pattern: bytes, instead: bytes) -> Make:
    def change(call: Call, _store: Store) -> None:
        call.content = re.sub(pattern, instead, call.content)

    return asks(change)


def _decodes_twice(call: Call, _store: Store) -> None:
    if call.content.startswith(b'"{'):
        call.content = str(json.loads(call.content)).encode()


def _page_free(call: Call, _store: Store) -> None:
    if not any(name == "page_token" for name, _ in call.query):
        call.query = [pair for pair in call.query if pair[0] != "page_number"]


SERVERS = [
    BrokenServer("list-unwrapped", ("status/no-object",), "a list of one object is taken for it", asks(_unwraps)),
    BrokenServer(
        "page-without-token", ("status/page-without-token",), "a page above 0 needs no token", asks(_page_free, "GET")
    ),
    BrokenServer(
        "nonsense-is-first",
        ("status/malformed-id",),
        "an id that is none finds a conference",
        asks(_nonsense_is_first, "GET"),
    ),
    *(
        BrokenServer(
            f"{method.lower()}-by-name",
            ("status/name-is-no-id",),
            f"{method} finds a conference by its name too",
            asks(_by_name, method),
        )
        for method in ("GET", "PUT", "DELETE")
    ),
    *(
        BrokenServer(
            f"id-by-its-{part}",
            ("status/near-id",),
            f"of an id only the {part} is looked at",
            _by_part_of_id(characters),
        )
        for part, characters in (("beginning", slice(8)), ("end", slice(-12, None)))
    ),
    BrokenServer(
        "number-by-its-start",
        ("status/bad-query",),
        "page_size=10abc is taken for 10",
        asks(_number_by_its_start, "GET"),
    ),
    BrokenServer(
        "json-with-comments",
        ("status/malformed",),
        "a body may hold comments",
        _reads_more_than_json(rb"/\*.*?\*/|(?<=} )//.*$", b""),
    ),
    BrokenServer(
        "json-with-line-ends",
        ("status/malformed",),
        "a text may hold a bare line end",
        _reads_more_than_json(rb"two\nlines", rb"two\\nlines"),
    ),
    BrokenServer("json-in-json", ("status/no-object",), "a text that holds JSON is taken for it", asks(_decodes_twice)),
]
