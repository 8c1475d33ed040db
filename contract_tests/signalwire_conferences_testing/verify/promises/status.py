"""Promises on the status of an answer, and on what is found under an id."""

import contextlib
import itertools
from collections.abc import Iterator, Sequence

from signalwire_conferences.contract import UPDATE

from ..trying import samples
from ..trying.api import UNSET
from ..trying.bench import ASKED, Bench, Conference
from ..trying.claims import Claim, header, status
from ..trying.created import NotOurs
from ..trying.exchange import Exchange
from ..trying.findings import demand
from ..trying.samples import page_sizes
from .families import lists_answer
from .open_questions import refused
from .promise import Check, Needs, Seen, promise, watch
from .schema import documented, one_entry_each

#: What an id that is no UUID may be answered with.
_MALFORMED = (400, 404, 422)


lists_answer("status/read", "A list answers 200.", 1, [200], [{}, {"page_size": "1"}])
lists_answer(
    *("status/bad-time", "A list filter that is no time and no timestamp is refused.", 23, (400, 422)),
    [{name: value} for name in ("starts_after", "ends_before") for value in samples.values()["times"]["filter"]],
)
lists_answer(
    *("status/page-without-token", "A page above 0 without a page_token is refused.", 24, (400, 422)),
    [{"page_number": number} for number in ("1", "2", "1000000")],
    " and without a page_token",
)


@promise("status/success", "Create, read and update answer 200, delete answers 204.", 2)
def success(bench: Bench) -> None:
    created = bench.judge(bench.post(bench.body()), 200, because="a valid create")
    one = bench.conference_of(created)["id"]
    bench.judge(bench.get(one), 200, because="reading what was created")
    bench.judge(bench.put(one, bench.update()), 200, because="a valid PUT")
    bench.judge(bench.delete(one), 204, because="a delete")


@promise("status/unknown-read", "Reading a conference that does not exist is a 404.", 4, Needs.READING)
def unknown_read(bench: Bench) -> None:
    for query in ({}, ASKED):
        bench.judge(bench.get(bench.unknown_id(), **query), 404, because="reading an unknown id")


def _finds_nothing(bench: Bench, one: str, methods: str, statuses: Sequence[int], what: str, *before: Exchange) -> None:
    """Requests to what is no conference's id get one of these statuses."""
    with contextlib.suppress(NotOurs):
        for method in methods.split():
            body = bench.update(description="found by something else") if method == "PUT" else UNSET
            answer = bench.api.send(method, bench.api.path(one), json=body)
            bench.judge(answer, *statuses, because=f"a {method} of {what}", before=before)


@promise("status/unknown-write", "A PUT or DELETE of a conference that does not exist is a 404.", 4)
def unknown_write(bench: Bench) -> None:
    for method in ("PUT", "DELETE") * 2:
        _finds_nothing(bench, bench.unknown_id(), method, [404], "an unknown id")


@promise("status/gone", "After a delete, reading, PUT and another DELETE are a 404.", 5)
def gone(bench: Bench) -> None:
    one = bench.new()["id"]
    deleted = bench.judge(bench.delete(one), 204, because="a delete")
    _finds_nothing(bench, one, "GET DELETE PUT GET", [404], "what was deleted", deleted)


def _bodies(which: str, because: str, question: str) -> Check:
    def check(bench: Bench) -> None:
        conference, empty = bench.new(), [b"", b" ", b"\n", b""]
        for content in samples.bodies(which, bench.created.display_name) if which else empty:
            for answer in (bench.post(content=content), bench.put(conference["id"], content=content)):
                with bench.case():
                    statuses = (400, 422) if question else (400,)
                    bench.expect(answer, *statuses, because=f"a {answer.method} with {because}")
                    if question and content.strip() != b"[]":
                        refused(bench, question, answer, "" if content else "of no bytes")
        bench.unchanged(conference, f"a refused PUT with {because}")

    return check


for _name, _because, _or, _which, _question in (
    ("malformed", "a body that is no JSON", "", "no_json", ""),
    ("no-object", "a body that is JSON and no object", ", or a 422", "no_object", "no-object"),
    ("empty", "an empty body", ", or a 422", "", "empty-body"),
):
    _sentence = f"{_because[0].upper()}{_because[1:]} is a 400{_or}."
    promise(f"status/{_name}", _sentence, 22)(_bodies(_which, _because, _question))


@promise("status/media-type", "Another media type than JSON is a 400, whatever the body.", 22)
def media_type(bench: Bench) -> None:
    conference = bench.new()
    for media in samples.values()["other_media_types"]:
        body, headers = bench.body(), {"Content-Type": media}
        created = bench.post(body, headers=headers)
        for answer in (created, bench.put(conference["id"], bench.update(description="changed"), headers=headers)):
            bench.judge(answer, 400, because=f"a {answer.method} as {media}")
        if not created.succeeded:
            bench.name_is_free(body, f"a create refused as {media} took the name all the same", created)
    bench.unchanged(conference, "a refused PUT of another media type")
    for media in ("application/merge-patch+json", "application/vnd.api+json") * 2:
        for answer in bench.both(conference, {}, headers={"Content-Type": media}):
            with bench.case():
                refused(bench, "json-by-its-form", answer)


@promise("status/name-taken", "A create with a name that is taken is a 422.", 17)
def name_taken(bench: Bench) -> None:
    holder = bench.customised(samples.custom(UPDATE))
    bench.new()
    # A name that the server chose is taken too.
    unnamed = bench.conference_of(bench.post(bench.update()))
    for one in (holder, bench.new(), holder, unnamed):
        for fields in ({}, {"description": "another", "display_name": f"{bench.created.display_name} another"}):
            again = bench.post(bench.body(**fields, name=one["name"]))
            with bench.case():
                bench.expect(again, 422, because="a create with a name that is taken", before=[one.source])
                one_entry_each(again, {"name"})
            bench.unchanged(one, "a create refused for a name that is taken", again)


@promise("status/bad-query", "A query parameter that is not what it has to be is a 422.", 18, Needs.READING)
def bad_query(bench: Bench) -> None:
    least, most = page_sizes()
    sizes = (str(least - 1), "-1", str(most + 1), "100000", "abc", "1.5", "true", "10abc")
    for query in (
        *({"page_size": value} for value in sizes),
        *({"page_number": value} for value in ("-1", "abc", "1.5", "0abc")),
        {"page_size": "0", "page_number": "-1"},
        *({name: value} for name in ASKED for value in ("maybe", "yes please", "2")),
    ):
        with bench.case():
            answer = bench.expect(bench.list(**query), 422, because=f"a list with {query}")
            if set(query) != set(ASKED):
                one_entry_each(answer, set(query))


@promise("status/bad-query-one", "include_active_session has to be a boolean, also when reading one conference.", 19)
def bad_query_one(bench: Bench) -> None:
    one = bench.new()["id"]
    for value in ("maybe", "2"):
        bench.judge(bench.get(one, include_active_session=value), 422, because=f"include_active_session={value}")


@promise("status/method", "A method that a path has not is a 405 with Allow.", 26)
def method(bench: Bench) -> None:
    conference = bench.customised(samples.custom(UPDATE))
    known = {None: {"GET", "POST"}, conference["id"]: {"GET", "PUT", "DELETE"}}
    # A DELETE of all of them is not risked, whatever it has to be answered with.
    for name, where in (("PUT", None), ("PATCH", None), ("PATCH", conference["id"]), ("POST", conference["id"])):
        answer = bench.api.send(name, bench.api.path(where), json=bench.update(description="changed"))
        said = header(answer, "allow")
        allowed = {part.strip().upper() for part in str(said.value or "").split(",")}
        with bench.case():
            bench.expect(answer, 405, because=f"{name} of {'one' if where else 'all'}")
            for one in sorted(known[where]):
                demand(f"Allow is {said.value!r} and does not name {one}", said, "mentions", one.lower())
            message = f"Allow is {said.value!r} and names {name}, which was just refused"
            demand(message, said, "is not", said.value, so=name not in allowed)
    bench.unchanged(conference, "a request with another method")


@promise("status/malformed-id", "An id that is no UUID is refused, and nothing is found under it.", 25, Needs.READING)
def malformed_id(bench: Bench) -> None:
    for one in ("nonsense", "1", "00000000-0000-0000-0000-00000000000", "null", "0"):
        if one not in bench.around.ids:
            bench.judge(bench.get(one), *_MALFORMED, because=f"reading the id {one!r}")


@promise("status/name-is-no-id", "A conference is not found under its name.", 25)
def name_is_no_id(bench: Bench) -> None:
    """One of the names looks like an id, and has to be unknown as such."""
    for name, statuses in ((bench.created.name(), _MALFORMED), (bench.unknown_id(), (404,))):
        conference = bench.new(name=name)
        demand(f"the name became {conference['name']!r}", conference.part("name"), "is", name)
        _not_under(bench, conference, name, statuses, "its name in the place of an id")


@promise("status/near-id", "An id that differs in one digit is another one.", 25)
def near_id(bench: Bench) -> None:
    known = (conference := bench.new())["id"]
    for place in (0, len(known) // 3, len(known) - 1):
        if known[place] in "0123456789abcdef":
            near = known[:place] + ("0" if known[place] != "0" else "1") + known[place + 1 :]
            found = bench.get(near)
            # Else it is somebody else's: there are servers that count.
            if found.status != 200 or bench.conference_of(found)["id"] != near:
                _not_under(bench, conference, near, [404], "an id of which one digit differs")


def _not_under(bench: Bench, conference: Conference, other: str, statuses: Sequence[int], what: str) -> None:
    _finds_nothing(bench, other, "GET PUT DELETE", statuses, what, conference.source)
    bench.unchanged(conference, f"a request with {what}")


def no_failure(bench: Bench, exchange: Exchange) -> None:
    with bench.case():
        if exchange.status >= 500:
            message = f"the server failed with {exchange.status}"
            bench.deviates(("failure", exchange.method), message, Claim(status(exchange), "at most", 499))


@promise("status/no-failure-reading", "Whatever is asked for, the server does not fail.", 27, Needs.READING)
def no_failure_reading(bench: Bench) -> None:
    odd, long = samples.values()["odd"], "x" * 2000
    times = itertools.product(("starts_after", "ends_before"), (*odd["time"], long))
    others = itertools.product(("page_size", "page_number", "page_token", *ASKED), (*odd["parameter"], long))
    tokens = itertools.product((*odd["page_token"], "PA" + "A" * 100), "015")
    queries = [{name: value, "page_size": "1"} for name, value in times] + [{name: value} for name, value in others]
    queries += [{"page_token": token, "page_number": number} for token, number in tokens]
    with bench.api.unusual():
        for query in queries:
            no_failure(bench, bench.list(**query))
        for one in (*odd["id"], long):
            no_failure(bench, bench.get(one))
        no_failure(bench, bench.get(bench.unknown_id(), unknown="x", include_active_session=""))


@promise("status/no-failure-writing", "Whatever is sent, the server does not fail.", 28)
def no_failure_writing(bench: Bench) -> None:
    conference = bench.new()
    with bench.api.unusual():
        for answer in _odd_writes(bench, conference["id"]):
            no_failure(bench, answer)
    bench.read(conference["id"])


def _odd_writes(bench: Bench, one: str) -> Iterator[Exchange]:
    for content in samples.bodies("odd", bench.created.display_name):
        yield bench.post(content=content)
        yield bench.put(one, content=content)
    for media in samples.values()["odd"]["media_type"]:
        yield bench.put(one, bench.update(), headers={"Content-Type": media})
    for one, method in itertools.product(("nonsense", "x" * 2000, "é", "a b"), ("PUT", "DELETE")):
        with contextlib.suppress(NotOurs):
            yield bench.api.send(method, bench.api.path(one), json=bench.update())
    yield bench.delete(bench.unknown_id(), content=b"{")
    yield bench.post(bench.body(name="x" * 10_000))


@watch("status/documented", "Every answer has a status that the contract gives to its operation.")
def _documented(exchange: Exchange) -> Seen:
    if exchange.operation_id is None:
        return None
    said = documented(exchange.operation_id)
    # What a proxy or the HTTP layer itself refuses is no answer of the operation.
    too_long = exchange.status in (408, 411, 413, 414, 431) and len(exchange.content or exchange.url) > 1000
    if too_long or (str(exchange.status) in said and exchange.status < 500):
        return ""
    what = "a failure of the server" if exchange.status >= 500 else "not documented for it"
    return f"{exchange.status} is {what}", Claim(status(exchange), "in", [int(one) for one in said if one < "500"])
