"""The five operations: their effect on the store, and their answers."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences.values import decode_json, encode_json, instant

from . import checks, preload, times
from .checks import Entry
from .exchange import Call, Refused, Reply, invalid, refused
from .paging import Cursor, Tokens, page
from .store import Record, Store

__all__ = ["Operations"]

_SESSION = "active_session"
#: Query parameter -> the field that it filters, and whether that has to be at or after it.
_FILTERS = {"starts_after": ("join_from", True), "ends_before": ("join_until", False)}


class Operations:
    """The operations by their ids in the contract.

    Args:
        store: the conferences.
        absolute_links: whether links to pages have the host, or only the path.
    """

    def __init__(self, store: Store, *, absolute_links: bool = False) -> None:
        self.store = store
        self.absolute_links = absolute_links
        self._tokens = Tokens()

    def perform(self, call: Call) -> Reply:
        """The answer to a request for a known operation, also if it is refused."""
        try:
            with self.store.lock:
                reply: Reply = getattr(self, str(call.operation_id))(call)
                return reply
        except Refused as refusal:
            return refusal.reply

    def create_video_conference(self, call: Call) -> Reply:
        """Creates a conference."""
        fields, problems = checks.body(CREATE, _object(call))
        name = fields.get("name")
        if name is not None and self.store.has_name(name):
            problems.append(checks.entry("name", "is taken"))
        _raise_for(problems)
        state = {**preload.unsaid(), **fields, "name": name or preload.generated_name()}
        for adjust in call.adjust:
            adjust({}, state)
        return self._one(call, self.store.create(state))

    def get_video_conference(self, call: Call) -> Reply:
        """Reads a conference."""
        record = self._existing(call)
        query, problems = checks.query("get_video_conference", call.query)
        _raise_for(problems)
        return self._one(call, record, with_session=query["include_active_session"])

    def update_video_conference(self, call: Call) -> Reply:
        """Replaces a conference: fields that the body leaves out are reset, the server's fields are kept."""
        record = self._existing(call)
        fields, problems = checks.body(UPDATE, _object(call))
        _raise_for(problems)
        self._match(call, record)
        stamp = {"updated_at": times.later(record.state.get("updated_at"))}
        state = {**record.state, **fields, **stamp}
        for adjust in call.adjust:
            adjust(record.state, state)
        return self._one(call, self.store.write(record.id, state))

    def delete_video_conference(self, call: Call) -> Reply:
        """Deletes a conference."""
        record = self._existing(call)
        self._match(call, record)
        self.store.delete(record.id)
        return Reply(204)

    def list_video_conferences(self, call: Call) -> Reply:
        """Lists a page of conferences in the order of their creation."""
        query, problems = checks.query("list_video_conferences", call.query)
        bounds = {name: checks.moment(query[name]) for name in _FILTERS if query.get(name) is not None}
        for name, bound in bounds.items():
            if bound is None:
                problems.append(checks.entry(name, "must be an RFC 3339 time or a Unix timestamp"))
        _raise_for(problems)
        at = self._cursor(query)
        records = [r for r in self.store.records() if _within(r.state, bounds)]
        found, following, previous = page(records, query["page_size"], at)
        with_session = query["include_active_session"]
        links = {"self": self._link(call, query, at if query["page_token"] else None)}
        links["first"] = self._link(call, query, None)
        if following:
            links["next"] = self._link(call, query, following)
        if previous:
            links["prev"] = self._link(call, query, previous)
        data = [self._told(call, record, with_session) for record in found]
        return Reply.json({"links": links, "data": data})

    def _existing(self, call: Call) -> Record:
        record = self.store.find(call.conference_id or "")
        if record is None:
            raise refused(404)
        return record

    def _match(self, call: Call, record: Record) -> None:
        """Refuses a write whose `If-Match` names another state."""
        condition = call.headers.get("if-match") if call.etag else None
        named = [tag.strip() for tag in condition.split(",")] if condition is not None else ["*"]
        if "*" not in named and _etag(record.state) not in named:
            raise refused(412)

    def _one(self, call: Call, record: Record, *, with_session: bool | None = False) -> Reply:
        told = self._told(call, record, with_session)
        return Reply.json(told, headers={"etag": _etag(told)} if call.etag else None)

    def _told(self, call: Call, record: Record, with_session: bool | None) -> dict[str, Any]:
        """A conference as it is in an answer."""
        state = record.before if call.stale and record.before is not None else record.state
        told = dict(state)
        if not with_session:
            told.pop(_SESSION, None)
        return told

    def _cursor(self, query: Mapping[str, Any]) -> Cursor:
        filters = json.dumps([query[name] for name in _FILTERS])
        if query["page_token"] is None:
            if query["page_number"] > 0:
                raise invalid([checks.entry("page_token", "must be present above page 0")])
            return Cursor(0, 0, self.store.created, self.store.created, filters)
        cursor = self._tokens.read(query["page_token"])
        if cursor is None or cursor.filters != filters:
            raise invalid([checks.entry("page_token", "is not from the links of this list")])
        if cursor.number != query["page_number"]:
            raise invalid([checks.entry("page_number", "is not the one of page_token")])
        return cursor

    def _link(self, call: Call, query: Mapping[str, Any], cursor: Cursor | None) -> str:
        token = {"page_token": self._tokens.issue(cursor)} if cursor else {}
        said = {**query, "page_number": cursor.number if cursor else 0, "page_token": None, **token}
        texts = {
            key: str(value).lower() if isinstance(value, bool) else value
            for key, value in said.items()
            if value is not None
        }
        return f"{call.base_url if self.absolute_links else ''}{call.path}?{urlencode(texts)}"


def _object(call: Call) -> dict[str, Any]:
    """The JSON object of the body; anything else is a bad request."""
    if not _is_json(call.headers.get("content-type", "")):
        raise refused(400)
    try:
        value = decode_json(call.content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise refused(400)
    return value


@functools.lru_cache(64)
def _is_json(content_type: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [p.removeprefix("charset=").strip('"') for p in parameters if "charset" in p]
    return media_type == "application/json" and all(c in ("utf-8", "utf8") for c in charsets)


def _raise_for(problems: Iterable[Entry]) -> None:
    entries = list(problems)
    if entries:
        raise invalid(entries)


def _within(state: Mapping[str, Any], bounds: Mapping[str, times.Instant | None]) -> bool:
    for name, bound in bounds.items():
        field, at_or_after = _FILTERS[name]
        value = instant(state.get(field))
        if value is None or bound is None:
            return False
        if (value < bound) if at_or_after else (value > bound):
            return False
    return True


def _etag(state: Mapping[str, Any]) -> str:
    """The ETag of a state, with or without its session."""
    content = encode_json({k: v for k, v in state.items() if k != _SESSION})
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
