"""Servers that take what they must refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences.values import encode_json
from signalwire_conferences_testing.mock import Call, MockServer, Reply, Store

from .making import BrokenServer, answers, asks, body_of, rule, takes

__all__ = ["SERVERS"]

_COERCED = {"true": True, "false": False, "1": True, "0": False, 1: True, 0: False}


def _text(change: Callable[[str], Any]) -> Callable[[Any], Any]:
    """A reading of strings; what is none stays as it is."""
    return lambda value: change(value) if isinstance(value, str) else value


def _coerced(value: Any) -> Any:
    return _COERCED.get(value, value) if isinstance(value, str | int) and not isinstance(value, bool) else value


def _null_clears(call: Call, _store: Store) -> None:
    given = body_of(call)
    if "description" in given and given["description"] is None:
        del given["description"]
        call.content = encode_json(given)


def _old_display_name(call: Call, store: Store) -> None:
    given = body_of(call)
    about = str(call.conference_id)
    if about in store and "display_name" not in given:
        call.content = encode_json({**given, "display_name": store[about]["display_name"]})


def _any_media_type(call: Call, _store: Store) -> None:
    call.headers = {**call.headers, "content-type": "application/json"}


def _json_anywhere(call: Call, store: Store) -> None:
    if "application/json" in call.headers.get("content-type", ""):
        _any_media_type(call, store)


def _only_first_error(reply: Reply, _call: Call) -> None:
    if reply.status == 422:
        reply.content = encode_json({"errors": json.loads(reply.content)["errors"][:1]})


def _valid_part_stored(server: MockServer) -> None:
    async def run(step: Any) -> Reply:
        reply: Reply = await step.proceed()
        if reply.status == 422 and step.call.conference_id in step.store:
            given = body_of(step.call)
            known = contract.fields(UPDATE)
            valid = {n: v for n, v in given.items() if n in known and known[n].accepts(v) and "join" not in n}
            step.store.patch(step.call.conference_id, valid)
        return reply

    rule(run, "PUT")(server)


def _refused_create_creates(server: MockServer) -> None:
    async def run(step: Any) -> Reply:
        reply: Reply = await step.proceed()
        name = body_of(step.call).get("name")
        if reply.status == 422 and isinstance(name, str) and not step.store.has_name(name):
            step.store.add({"name": name})
        return reply

    rule(run, "POST")(server)


_B = BrokenServer
_COLOR_READINGS: dict[str, Callable[[str], str]] = {
    "without-hash": lambda v: v if v.startswith("#") else f"#{v}",
    "newline": lambda v: v.removesuffix("\n"),
    "eight-digits": lambda v: v[:7] if len(v) == 9 else v,
    "short": lambda v: "#" + "".join(c * 2 for c in v[1:]) if len(v) == 4 else v,
}

SERVERS = [
    _B(
        "boolean-coerced",
        ("refuses/switch-put",),
        "record_on_start takes 'true' and 1",
        takes("record_on_start", _coerced),
    ),
    _B(
        "boolean-coerced-create",
        ("refuses/switch-create",),
        "a create's enable_chat takes 'false'",
        takes("enable_chat", _coerced, "POST"),
    ),
    _B("choice-any-case", ("refuses/choice-put",), "size takes any case", takes("size", _text(str.lower))),
    _B(
        "choice-neighbour",
        ("refuses/choice-put",),
        "layout takes 7x7",
        takes("layout", _text(lambda v: "6x6" if v == "7x7" else v)),
    ),
    _B(
        "choice-padded-create",
        ("refuses/choice-create",),
        "a create's quality takes spaces around",
        takes("quality", _text(str.strip), "POST"),
    ),
    *(
        _B(
            f"color-{name}",
            ("refuses/color-put",),
            f"a colour is taken: {name}",
            takes("light_primary", _text(reading)),
        )
        for name, reading in _COLOR_READINGS.items()
    ),
    _B(
        "color-named-create",
        ("refuses/color-create",),
        "a create takes the colour red",
        takes("dark_negative", _text(lambda v: "#FF0000" if v == "red" else v), "POST"),
    ),
    _B(
        "time-without-zone",
        ("refuses/time-put",),
        "a time without a zone is taken as UTC",
        takes(
            "join_until",
            _text(lambda v: f"{v}Z" if v[-3:-2] == ":" and "T" in v and "+" not in v and "Z" not in v else v),
        ),
    ),
    _B(
        "time-any-create",
        ("refuses/time-create",),
        "a create ignores a time that is none",
        takes("join_from", _text(lambda v: v if contract.fields(CREATE)["join_from"].accepts(v) else ...), "POST"),
    ),
    _B(
        "bad-until-dropped",
        ("refuses/nothing-in-part",),
        "an invalid join_until beside a valid join_from is dropped",
        takes("join_until", _text(lambda v: v if contract.fields(CREATE)["join_until"].accepts(v) else ...)),
    ),
    _B(
        "name-any",
        ("refuses/name-create",),
        "a name may have spaces",
        takes("name", _text(lambda v: v.replace(" ", "-")), "POST"),
    ),
    _B(
        "name-cut",
        ("refuses/name-create",),
        "a name that is too long is cut",
        takes("name", _text(lambda v: v[:100]), "POST"),
    ),
    _B(
        "text-cut",
        ("refuses/text-put",),
        "a description that is too long is cut",
        takes("description", _text(lambda v: v[:3000])),
    ),
    _B(
        "text-number-create",
        ("refuses/text-create",),
        "a create takes a number as display name",
        takes("display_name", lambda v: str(v) if isinstance(v, int | float) else v, "POST"),
    ),
    _B(
        "text-limit-off-by-one",
        ("refuses/text-put",),
        "the display name may have one character more",
        takes("display_name", _text(lambda v: v[:200] if len(v) == 201 else v)),
    ),
    _B("null-clears", ("refuses/text-put",), "null clears the description", asks(_null_clears, "PUT")),
    _B(
        "display-name-optional",
        ("refuses/missing",),
        "a PUT without a display name keeps it",
        asks(_old_display_name, "PUT"),
    ),
    _B(
        "first-error-only",
        ("refuses/each-attribute",),
        "a 422 names only the first attribute",
        answers(_only_first_error),
    ),
    _B(
        "valid-part-stored",
        ("refuses/nothing-in-part",),
        "a refused PUT stores what was valid of it",
        _valid_part_stored,
    ),
    _B(
        "refused-create-creates",
        ("refuses/creates-nothing",),
        "a refused create takes the name",
        _refused_create_creates,
    ),
    _B(
        "json-in-a-parameter",
        ("status/media-type",),
        "a type that names application/json somewhere is JSON",
        asks(_json_anywhere),
    ),
    _B("any-media-type", ("status/media-type",), "the media type is not looked at", asks(_any_media_type)),
]
