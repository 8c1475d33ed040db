"""Promises on the id in a path: it is the only thing that a conference is found under."""

from __future__ import annotations

from ..trying.bench import Bench, conference_of
from .promises import Needs, ensure, promise
from .status_codes import expect

#: What an id that is no UUID may be answered with.
_MALFORMED = (400, 404, 422)


@promise(
    "status/malformed-id",
    "An id that is no UUID is refused, and nothing is found under it.",
    needs=Needs.READING,
    order=25,
)
def malformed_id(bench: Bench) -> None:
    for one in ("nonsense", "1", "00000000-0000-0000-0000-00000000000", "null", "0"):
        expect(bench.get(one), *_MALFORMED, because=f"reading the id {one!r}")


@promise("status/name-is-no-id", "A conference is not found under its name.", order=25)
def name_is_no_id(bench: Bench) -> None:
    """One of the names looks like an id, and has to be unknown as such."""
    for name, statuses in ((bench.own.name(), _MALFORMED), (bench.unknown_id(), (404,))):
        conference, made = bench.new(name=name)
        ensure(conference["name"] == name, f"the name became {conference['name']!r}", made)
        expect(bench.get(name), *statuses, because="reading a name in the place of an id", before=(made,))
        body = {"display_name": bench.own.display_name, "description": "found by its name"}
        put = bench.put(name, body)
        expect(put, *statuses, because="a PUT to a name in the place of an id", before=(made,))
        deleted = bench.delete(name)
        expect(deleted, *statuses, because="a DELETE of a name in the place of an id", before=(made,))
        bench.unchanged(conference, "a request that named it in the place of an id", made, put, deleted)


@promise("status/near-id", "An id that differs in one digit is another one.", order=25)
def near_id(bench: Bench) -> None:
    conference, made = bench.new()
    known = conference["id"]
    for place in (0, len(known) // 3, len(known) - 1):
        if known[place] not in "0123456789abcdef":
            continue
        digit = "0" if known[place] != "0" else "1"
        near = known[:place] + digit + known[place + 1 :]
        body = {"display_name": bench.own.display_name, "description": "found by another id"}
        found = bench.get(near)
        if found.status == 200 and conference_of(found).get("id") == near:
            continue  # somebody else's: there are servers that count
        expect(found, 404, because="reading an id of which one digit differs", before=(made,))
        put, deleted = bench.put(near, body), bench.delete(near)
        expect(put, 404, because="a PUT to an id of which one digit differs", before=(made,))
        expect(deleted, 404, because="a DELETE of an id of which one digit differs", before=(made,))
        bench.unchanged(conference, "a request to an id of which one digit differs", made, put, deleted)
