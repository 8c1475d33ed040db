"""Promises on isolation: no request touches a conference that it is not about."""

import itertools

from signalwire_conferences.contract import CREATE, UPDATE

from ..trying import samples
from ..trying.bench import Bench, Conference
from ..trying.findings import demand
from .promise import promise


def _two(one: Conference, other: Conference, what: str) -> None:
    for name in ("id", "name"):
        demand(f"two {what} got one {name}", other.part(name), "is not", one.part(name))


@promise("isolation/new-id", "A create answers an id that no conference had.", 5)
def new_id(bench: Bench) -> None:
    """What is watched in every create of the run; here some are tried."""
    made = [bench.new(), bench.new(), bench.conference_of(bench.post(bench.update()))]
    for one, other in itertools.pairwise(made):
        _two(one, other, "creates")


@promise("isolation/put", "A PUT touches no other conference, older or newer.", 16)
def put(bench: Bench) -> None:
    made = [bench.customised(samples.custom(UPDATE, turn)) for turn in range(3)]
    for number, body in itertools.product(range(len(made)), (samples.custom(UPDATE, 4), {})):
        sent = bench.put(made[number]["id"], {**body, "display_name": f"{bench.created.display_name} changed"})
        for other in made[:number] + made[number + 1 :]:
            bench.unchanged(other, "a PUT to another", sent)
        made[number] = bench.conference_of(sent)


@promise("isolation/same-body", "Two conferences that were sent the same body stay apart.", 17)
def same_body(bench: Bench) -> None:
    body = bench.update(**samples.custom(CREATE))
    one, two = bench.conference_of(bench.post(body)), bench.conference_of(bench.post(body))
    _two(one, two, "creates with the same body")
    bench.equal(one, two, "the same body gave different conferences", creates=True)
    bench.unchanged(one, "a create with the same body", two.source)
    _, before = (bench.replaced(conference, samples.custom(UPDATE)) for conference in (one, two))
    bench.unchanged(before, "a PUT to one that had been sent the same body", bench.put(one["id"], bench.update()))
    bench.replaced(one, samples.custom(UPDATE))
    bench.unchanged(before, "a delete of one that had been sent the same body", bench.delete(one["id"]))


@promise("isolation/create", "A create touches no other conference, and takes nothing over from one.", 17)
def create(bench: Bench) -> None:
    first, changed_one = bench.new(), bench.customised(samples.custom(UPDATE))
    message = "two creates that say nothing of it differ; a PUT to another lay between"
    bench.equal(first, bench.new(), message, creates=True)
    newest = bench.new(**samples.custom(CREATE, 1))
    for one in (first, changed_one):
        bench.unchanged(one, "a create", newest.source)
    bench.equal(first, bench.new(), "a create took over from the one before", creates=True)
