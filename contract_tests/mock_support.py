"""How the tests of the mock talk to it: without sockets, and every answer is held to the contract."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from attrs import frozen
from hypothesis import strategies as st

from signalwire_conferences import contract
from signalwire_conferences.contract import Field, Kind
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Faults, Store, create_app

COLLECTION = contract.operation("list_video_conferences").path
ID = "a3f1c0de-0000-4000-8000-00000000c0fe"
WHOLE: dict[str, Any] = {
    "id": ID,
    "name": "whole",
    "display_name": "Whole",
    "description": "Everything is set",
    "join_from": "2023-01-01T00:00:00Z",
    "join_until": "2023-12-31T00:00:00Z",
    "quality": "1080p",
    "layout": "2x2",
    "size": "large",
    "record_on_start": True,
    "tone_on_entry_and_exit": True,
    "room_join_video_off": True,
    "user_join_video_off": True,
    "enable_room_previews": True,
    "enable_chat": True,
    **{
        name: "#123aBc"
        for name in contract.fields(contract.UPDATE)
        if "_" in name and contract.fields(contract.UPDATE)[name].kind is Kind.COLOR
    },
    "meta": {"owner": "us"},
    "active_session": {"id": "s", "status": "in-progress"},
}

_CONFERENCE = schemas.validator(schemas.resolve({"$ref": "#/components/schemas/Conference"}))
_PAGE = schemas.validator(schemas.resolve({"$ref": "#/components/schemas/ConferencePage"}))


@frozen
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.content)

    @property
    def failed(self) -> list[str]:
        """The attributes that a 422 names, in order."""
        assert self.status == 422, self
        return [entry["attribute"] for entry in self.value["errors"]]


class Api:
    """The mock as an application, asked in-process. A request that waits for nothing needs no
    event loop, so each is a hundred times quicker than through a socket."""

    def __init__(self, *conferences: Mapping[str, Any], loose: bool = False, **options: Any) -> None:
        self.store = Store(conferences or [WHOLE], allow_unknown=loose)
        self.faults = Faults(self.store)
        self.requests: list[Any] = []
        self.app = create_app(self.store, project="p", token="t", faults=self.faults, requests=self.requests, **options)
        self._loose = loose

    def ask(
        self,
        method: str,
        target: str = COLLECTION,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        credentials: bytes | None = b"Basic " + base64.b64encode(b"p:t"),
    ) -> Answer:
        path, _, query = target.partition("?")
        given = {"content-type": "application/json", **(headers or {})}
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in given.items()]
        if credentials is not None:
            raw.append((b"authorization", credentials))
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": unquote(path, errors="replace"),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": raw,
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            self.app(scope, receive, send).send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("the application waits for something")
        start, body = sent
        told = {k.decode(): v.decode("latin-1") for k, v in start["headers"]}
        answer = Answer(start["status"], told, body["body"])
        if not self._loose and method != "HEAD":
            conforms(answer)
        return answer

    def send(self, method: str, target: str, value: Any, **options: Any) -> Answer:
        return self.ask(method, target, json.dumps(value).encode(), **options)

    def put(self, value: Any, conference_id: str = ID, **options: Any) -> Answer:
        return self.send("PUT", item(conference_id), value, **options)

    def post(self, value: Any, **options: Any) -> Answer:
        return self.send("POST", COLLECTION, value, **options)

    def get(self, conference_id: str = ID, query: str = "") -> Answer:
        return self.ask("GET", item(conference_id) + query)

    def list(self, query: str = "") -> Answer:
        return self.ask("GET", COLLECTION + query)


def item(conference_id: str) -> str:
    return f"{COLLECTION}/{conference_id}"


def conforms(answer: Answer) -> None:
    """No answer breaks the contract: not its body, its content type, its headers."""
    assert answer.status < 500, answer
    assert answer.headers["x-request-id"]
    if answer.status == 204:
        assert answer.content == b""
        assert not {"content-type", "content-length"} & answer.headers.keys()
        return
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    value = answer.value
    if answer.status == 200:
        (_PAGE if "links" in value else _CONFERENCE).validate(value)
    elif answer.status == 422:
        attributes = [entry["attribute"] for entry in value["errors"]]
        assert attributes
        assert len(set(attributes)) == len(attributes)
    else:
        assert list(value) == ["error"]
    said = {400: "BadRequest", 401: "Unauthorized", 404: "NotFound", 422: "UnprocessableContent"}
    if answer.status in said:
        documented = schemas.resolve({"$ref": f"#/components/responses/{said[answer.status]}"})
        schemas.validator(documented["content"]["application/json"]["schema"]).validate(value)


@st.composite
def times(draw: st.DrawFn) -> tuple[str, str]:
    """A documented way to write a time, and the same instant in UTC as RFC 3339 has it."""
    utc = draw(
        st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30))  # noqa: DTZ001 - in UTC, by its name
    ).replace(microsecond=0)
    offset = draw(st.sampled_from([0, 0, 60, -60, 330, -570, 1439, -1439]))
    leap = draw(st.booleans())
    if leap:
        utc = utc.replace(hour=23, minute=59, second=59)
    digits = draw(st.text("0123456789", max_size=12))
    local = (utc + datetime.timedelta(minutes=offset)).isoformat()
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    if offset == 0:
        zone = draw(st.sampled_from(["Z", "z", "+00:00", "-00:00"]))
    text = local.replace("T", draw(st.sampled_from("Tt")))
    text = (text[:-2] + "60" if leap else text) + (f".{digits}" if digits else "") + zone
    kept = digits.rstrip("0")
    expected = utc.isoformat()
    expected = (expected[:-2] + "60" if leap else expected) + (f".{kept}" if kept else "") + "Z"
    return text, expected


def values(field: Field) -> st.SearchStrategy[tuple[Any, Any]]:
    """Valid values of a field of a body, each with what comes back for it."""
    schema = schemas.resolve(_properties(contract.UPDATE)[field.name])
    if field.kind is Kind.INSTANT:
        dates = st.dates().map(lambda date: (date.isoformat(), f"{date.isoformat()}T00:00:00Z"))
        return st.one_of(times(), dates)
    if "enum" in schema:
        plain: st.SearchStrategy[Any] = st.sampled_from(schema["enum"])
    elif schema["type"] == "boolean":
        plain = st.booleans()
    elif "pattern" in schema:
        plain = st.text("0123456789abcdefABCDEF", min_size=6, max_size=6).map("#{}".format)
    else:
        plain = st.text(max_size=schema["maxLength"])
    return plain.map(lambda value: (value, value))


def bodies() -> st.SearchStrategy[dict[str, tuple[Any, Any]]]:
    """Valid bodies of a PUT, any subset of the optional fields left out: name -> sent, expected."""
    parts = {name: values(field) for name, field in contract.fields(contract.UPDATE).items()}
    required = {"display_name": parts.pop("display_name")}
    return st.fixed_dictionaries(required, optional=parts)


def _properties(schema: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas.document()["components"]["schemas"][schema]["properties"]
    return found
