"""Promises on what a create leaves to the server, whatever its body names."""

from __future__ import annotations

from typing import Any

from signalwire_conferences.contract import CREATE
from signalwire_conferences.values import instant

from ..trying import samples
from ..trying.bench import Bench, Conference, conference_of
from ..trying.exchange import Exchange
from ..trying.replacing import owned, stamp
from .promises import ensure, promise

_SESSION = "active_session"
_PAST, _FUTURE = "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def _taken(claims: dict[str, Any], told: Conference) -> list[str]:
    """The fields of an answer that the body of the create decided."""
    times = {"created_at", stamp()}
    return [
        name
        for name, claimed in claims.items()
        if name in told
        and (
            instant(claimed) == instant(told[name])
            if name in times and claimed is not None
            else name == _SESSION or claimed == told[name]
        )
    ]


@promise(
    "state/create-server-fields",
    "A create leaves id, meta, active_session and both times to the server, even if its body names them.",
    order=15,
)
def create_server_fields(bench: Bench) -> None:
    session = {"id": "made-up", "status": "in-progress"}
    for claims in (
        {"meta": {"a": 1}},
        {"id": bench.unknown_id()},
        {"created_at": _PAST},
        {stamp(): _FUTURE},
        {_SESSION: session},
        {
            "id": bench.unknown_id(),
            "meta": {"b": [2]},
            "created_at": _FUTURE,
            stamp(): _PAST,
            _SESSION: session,
        },
    ):
        for fields in ({}, samples.custom(CREATE)):
            created = bench.post(bench.body(**fields, **claims))
            told = conference_of(created)
            shown: list[Exchange] = [created]
            for query in ({}, {"include_active_session": "true"}):
                taken = _taken(claims, told)
                ensure(not taken, f"a create took {', '.join(taken)} from its body", *shown)
                shown = [created, bench.get(told["id"], **query)]
                told = conference_of(shown[-1], created)
            taken = _taken(claims, told)
            ensure(not taken, f"a create took {', '.join(taken)} from its body", *shown)


@promise(
    "isolation/create-named-in-body",
    "A create makes a conference of its own, whatever its body says of another.",
    order=18,
)
def create_named_in_body(bench: Bench) -> None:
    other, *made = bench.customised({"description": "another"})
    everything = {name: other[name] for name in owned() if name != "name"}
    for claims in ({"id": other["id"]}, {**everything, stamp(): other[stamp()]}):
        created = bench.post(bench.body(description="its own", **claims))
        told = conference_of(created, *made)
        message = "a create whose body names the id of another conference was answered with that id"
        ensure(told["id"] != other["id"], message, *made, created)
        bench.unchanged(other, "a create that named it in its body", *made, created)
        bench.unchanged(told, "reading another", *made, created)
