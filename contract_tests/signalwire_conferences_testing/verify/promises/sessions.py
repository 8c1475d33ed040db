"""Promises on the active session: told exactly when it is asked for, and not touched by a PUT."""

from __future__ import annotations

from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.bench import Bench, Conference, as_sent, brief, conference_of, differences
from ..trying.exchange import Exchange
from ..trying.replacing import owned
from ..trying.restoring import restored
from ..trying.samples import page_sizes
from .pages import page_of
from .promises import Broken, Needs, NotExercised, ensure, promise

_SESSION = "active_session"
_LOOKS = 4
_ASKED = {"include_active_session": "true"}


def _with_session(bench: Bench) -> list[str]:
    """Ids of conferences that have a session."""
    found = [str(one["id"]) for one in bench.around.with_session[:3]]
    if not found:
        raise NotExercised("no conference with an active session was found")
    return found


def _asked(bench: Bench, conference_id: str) -> tuple[Conference, Exchange]:
    """A conference with its session, if it has one now."""
    exchange = bench.get(conference_id, **_ASKED)
    return conference_of(exchange), exchange


@promise(
    "state/session-on-request", "active_session is there when it is asked for.", needs=Needs.READING, order=11
)
def session_on_request(bench: Bench) -> None:
    """Looked at before and after the list: where the two differ, it began or ended meanwhile, which
    does not happen time and again.
    """
    for one in _with_session(bench):
        for _ in range(_LOOKS):
            read, first = _asked(bench, one)
            listed = bench.list(**_ASKED, page_size=str(page_sizes()[1]))
            again, second = _asked(bench, one)
            there = _SESSION in read
            if there == (_SESSION in again):
                break
        else:
            raise Broken("a session comes and goes with each reading", first, second)
        told = next((c for c in page_of(listed)[0] if c.get("id") == one), None)
        message = "of reading a conference and the list, one tells of a session and the other does not"
        ensure(told is None or (_SESSION in told) == there, message, first, second, listed)


@promise(
    "state/session-not-unasked",
    "active_session is not there when it is not asked for.",
    needs=Needs.READING,
    order=11,
)
def session_not_unasked(bench: Bench) -> None:
    for one in _with_session(bench):
        for query in ({}, {"include_active_session": "false"}):
            for exchange in (bench.get(one, **query), bench.list(**query, page_size=str(page_sizes()[1]))):
                value = exchange.value if isinstance(exchange.value, dict) else {}
                conferences = value.get("data", [value])
                shown = any(isinstance(c, dict) and _SESSION in c for c in conferences)
                ensure(not shown, "a session is told of that was not asked for", exchange)


@promise("state/no-session-of-its-own", "A conference that was just created has no session.", order=37)
def no_session_of_its_own(bench: Bench) -> None:
    created, made = bench.new()
    put = bench.put(created["id"], {"display_name": bench.own.display_name})
    for exchange in (made, put, bench.get(created["id"], **_ASKED), bench.get(created["id"])):
        ensure(_SESSION not in conference_of(exchange), "a session that nobody started", made, exchange)


@promise(
    "put/session-stays",
    "A PUT neither shows nor ends the active session, and keeps what the server owns.",
    needs=Needs.CONFERENCE,
    order=12,
)
def session_stays(bench: Bench) -> None:
    with restored(bench) as conference_id:
        before, read = _asked(bench, conference_id)
        bodies: tuple[dict[str, Any], ...] = (samples.custom(UPDATE), {}, samples.custom(UPDATE, 1))
        for body in bodies:
            sent = {"display_name": f"{before['display_name']}"[:150], **body}
            # A session that ended since the last look was not ended by this PUT.
            now, read = _asked(bench, conference_id)
            put = bench.put(conference_id, sent)
            after = conference_of(put, read)
            ensure(_SESSION not in after, "the answer to a PUT tells of the session", put)
            for name, value in sent.items():
                wrong = as_sent(name, value, after[name])
                ensure(not wrong, f"a value of the PUT was not kept: {wrong}", put)
            told, again = _asked(bench, conference_id)
            for answer, shown in ((after, put), (told, again)):
                changed = {
                    name: pair for name, pair in differences(before, answer).items() if name in owned()
                }
                ensure(not changed, f"a PUT changed {brief(changed)}", read, put, shown)
            gone = _SESSION in now and _SESSION not in told
            ensure(not gone, "a PUT ended the active session", read, put, again)
            if _SESSION in now and _SESSION in told:
                names = contract.resolve({"$ref": "#/components/schemas/ActiveSession"})["properties"]
                moved = [
                    n
                    for n in ("id", "room_id", "name", "start_time")
                    if n in names and now[_SESSION].get(n) != told[_SESSION].get(n)
                ]
                ensure(not moved, f"a PUT changed the session: {', '.join(moved)}", read, put, again)
