"""Promises on state: what was written is there, what was deleted is gone, reading changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE, Kind, Omission
from signalwire_conferences.values import equivalent, instant

from ..trying import samples
from ..trying.bench import ASKED, SESSION, UNASKED, Bench, Conference
from ..trying.claims import Claim, Part, field, ids
from ..trying.exchange import Exchange
from ..trying.findings import Broken, NotExercised, demand
from ..trying.pages import Page, free_window
from ..trying.replacing import replace, stamp
from ..trying.samples import page_sizes
from .open_questions import refused
from .promise import Needs, Seen, promise, watch

_PAST, _FUTURE = "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
_LOOKS = 4
_NOT_ASKED_FOR = "a session is told that was not asked for"


@promise("state/create-defaults", "A create gives what it leaves out the documented default.", 8)
def create_defaults(bench: Bench) -> None:
    known = contract.fields(CREATE)
    documented = {n: one.default for n, one in known.items() if one.omission is Omission.DOCUMENTED_DEFAULT}
    custom = samples.custom(CREATE)
    for left_out in (set(documented), *({name} for name in documented)):
        created = bench.new(**{name: value for name, value in custom.items() if name not in left_out})
        for name in sorted(left_out):
            if not equivalent(known[name].kind, created[name], documented[name]) and name in created:
                message = f"{name}, left out of a create, is {created[name]!r} and not {documented[name]!r}"
                with bench.case():
                    bench.deviates(("create", name), message, Claim(created.part(name), "is", documented[name]))


@promise("state/create-is-kept", "What a create gives is kept, field by field, and GET tells what its answer told.", 6)
def create_is_kept(bench: Bench) -> None:
    """One field at a time: each has to arrive, and no other to be touched by it."""
    plain, everything = bench.new(), samples.custom(CREATE)
    for fields in ({}, everything, samples.custom(CREATE, 1), *({name: everything[name]} for name in everything)):
        created = bench.new(**fields)
        bench.equal(created, bench.read(created["id"]), "GET tells otherwise than the create")
        with bench.case():
            bench.kept(created, {**fields, "display_name": bench.created.display_name})
        bench.equal(plain, created, f"giving {', '.join(fields)} changed others", but=list(fields), creates=True)


def _taken(told: Conference, name: str, claimed: Any) -> bool:
    """Whether the body of the create decided a field of an answer."""
    if name in ("created_at", stamp()) and claimed is not None:
        return instant(claimed) == instant(told[name])
    if name == SESSION and isinstance(told[name], dict):  # the server may have one of its own
        return bool(told[name].get("id") == claimed["id"])
    return name in told and bool(claimed == told[name])


@promise(
    "state/create-server-fields",
    "A create leaves id, meta, active_session and both times to the server, even if its body names them.",
    15,
)
def create_server_fields(bench: Bench) -> None:
    """Whether it ignores them or is refused for them, the documents leave open."""
    session, other = {SESSION: {"id": "made-up", "status": "in-progress"}}, bench.customised({"description": "another"})
    for claims in (
        {"id": other["id"]},
        *({"meta": {"a": 1}}, {"id": bench.unknown_id()}, {"created_at": _PAST}, {stamp(): _FUTURE}, session),
        {"id": bench.unknown_id(), "meta": {"b": [2]}, "created_at": _FUTURE, stamp(): _PAST, **session},
    ):
        for fields in ({}, samples.custom(CREATE)):
            answer = bench.post(bench.body(**fields, **claims))
            if refused(bench, "server-owned-properties", answer):
                continue
            created = bench.conference_of(answer)
            for told in (created, bench.read(created["id"]), bench.read(created["id"], **ASKED)):
                taken = [name for name, claimed in claims.items() if _taken(told, name, claimed)]
                for name in taken[:1]:
                    with bench.case():
                        message = f"a create took {', '.join(taken)} from its body"
                        demand(message, told.part(name), "is not", told[name], answer)
            bench.unchanged(other, "a create that named it in its body", answer)


@promise("state/get-changes-nothing", "Reading changes nothing, however often and in whatever way.", 19)
def get_changes_nothing(bench: Bench) -> None:
    first = bench.read(bench.customised(samples.custom(UPDATE))["id"])
    for query in ({}, ASKED, UNASKED, {}):
        bench.unchanged(first, "a GET", bench.get(first["id"], **query))
    for query in ({"page_size": "1"}, {**ASKED, "page_size": "5"}):
        bench.unchanged(first, "a list", bench.list(**query))


@promise("state/unknown-creates-nothing", "A PUT to an unknown id creates nothing.", 9)
def unknown_creates_nothing(bench: Bench) -> None:
    """Neither under that id nor under another, which a window of its own would show."""
    free = free_window(bench, 20)
    for body in (bench.update(), bench.body(**samples.custom(CREATE))):
        unknown = bench.unknown_id()
        put = bench.put(unknown, {**body, **free.inside})
        bench.judge(bench.get(unknown), 404, because="reading an id to which only a PUT was sent", before=[put])
        _listed(bench, free.bounds, [], "after a PUT to an unknown id", put)
        if "name" in body:
            bench.name_is_free(body, "a refused PUT took the name that only it had", put)


@promise("state/delete-is-final", "What was deleted is gone for good, and only that: an unknown id is nothing.", 10)
def delete_is_final(bench: Bench) -> None:
    first, target, *others = (bench.new() for _ in range(4))
    deleted = bench.judge(bench.delete(target["id"]), 204, because="a delete")
    for again in range(2):
        bench.judge(bench.get(target["id"]), 404, because="reading what was deleted", before=[deleted])
        if not again:
            bench.put(target["id"], bench.update())
            bench.delete(target["id"])
            bench.new()
    unknown = bench.delete(bench.unknown_id())
    for conference in (first, *others):
        bench.unchanged(conference, "a delete of another, or of none,", target.source, deleted, unknown)
    anew = bench.post(bench.body(name=target["name"]))
    if not refused(bench, "name-of-the-deleted", anew) and anew.succeeded:
        demand("a create brought back what was deleted", field(anew, "id"), "is not", target.part("id"), deleted)


@promise("state/list-shows-what-exists", "A list shows what was created, as it is now, and not what was deleted.", 20)
def list_shows_what_exists(bench: Bench) -> None:
    free = free_window(bench, 20)
    made = [bench.new(**free.inside, description=f"number {n}") for n in range(3)]
    known = [one["id"] for one in made]
    _listed(bench, free.bounds, known, "after three creates")
    put = bench.replaced(made[0], {**samples.custom(UPDATE), **free.inside}).source
    page = _listed(bench, free.bounds, known, "after a PUT", put)
    for one in known:
        bench.equal(bench.read(one), page.data[page.ids.index(one)], "a list tells otherwise than GET", put)
    deleted = bench.delete(known.pop(1))
    _listed(bench, free.bounds, known, "after a delete", deleted)
    bench.new()
    _listed(bench, free.bounds, known, "after a delete and a create", deleted)


def _listed(bench: Bench, window: Mapping[str, str], wanted: list[str], when: str, *before: Exchange) -> Page:
    page = Page(bench, bench.list(**window), before)
    found = ids(page.exchange)
    count = f"{len(set(wanted) - set(page.ids))} of {len(wanted)}"
    page.demand(f"{when} the list lacks {count} conferences", found, "has", sorted(wanted))
    extra = sorted(set(page.ids) - set(wanted))
    page.demand(f"{when} the list shows {len(extra)} that should not be there", found, "lacks", extra)
    page.demand(f"{when} the list shows a conference twice", found, "all different")
    return page


@promise("state/many", "State lasts: many conferences and many requests later it is still there.", 46)
def many(bench: Bench) -> None:
    first = bench.customised(samples.custom(UPDATE))
    for conference in [first, *(bench.new(description=f"number {number}") for number in range(40))]:
        bench.unchanged(conference, "creating and reading others")


@promise(
    "state/random-walk",
    "Whatever is created, replaced, refused and deleted in whatever order: GET tells what was written.",
    47,
)
def random_walk(bench: Bench) -> None:
    there: dict[str, Conference] = {}
    gone: list[Conference] = []
    rng = bench.rng

    def some(schema: str) -> dict[str, Any]:
        return {name: value for name, value in samples.full(schema, rng).items() if rng.random() < 0.6}

    for _ in range(120):
        step = rng.random()
        if not there or (step < 0.2 and len(there) < 6):
            created = bench.new(**some(CREATE))
            there[created["id"]] = created
            continue
        one = rng.choice(list(there))
        if step < 0.6:
            there[one] = replace(bench, there[one], some(UPDATE))
        elif step < 0.7:
            bench.expect(bench.delete(one), 204, because="a delete")
            gone.append(there.pop(one))
        elif step < 0.8:
            bench.put(one, {**samples.custom(UPDATE), "display_name": None})
        elif gone:
            bench.expect(bench.get(rng.choice(gone)["id"]), 404, because="reading what was deleted")
        if there:
            bench.unchanged(rng.choice(list(there.values())), "a request to another conference, or a refused one")


def _with_session(bench: Bench) -> list[str]:
    found = [str(one["id"]) for one in bench.around.with_session[:3]]
    if not found:
        raise NotExercised("no conference with an active session was found")
    return found


@promise("state/session-on-request", "active_session is there when it is asked for.", 11, Needs.READING)
def session_on_request(bench: Bench) -> None:
    """Looked at before and after the list: where the two differ, it began or ended meanwhile, which
    does not happen time and again.
    """
    for one in _with_session(bench):
        for _ in range(_LOOKS):
            read = bench.read(one, **ASKED)
            page = Page(bench, bench.list(**ASKED, page_size=str(page_sizes()[1])))
            again = bench.read(one, **ASKED)
            if (SESSION in read) == (SESSION in again):
                break
        else:
            claim = Claim(again.part(SESSION), "is", read.part(SESSION))
            raise Broken("a session comes and goes with each reading", claim)
        for shown in (known for known in page.data if known["id"] == one):
            message = "of reading a conference and the list, one tells of a session and the other does not"
            both = (SESSION in shown) == (SESSION in again)
            demand(message, shown.part(SESSION), "is", again.part(SESSION), so=both)


@promise("state/session-not-unasked", "active_session is not there when it is not asked for.", 11, Needs.READING)
def session_not_unasked(bench: Bench) -> None:
    for one in _with_session(bench):
        for query in ({}, UNASKED):
            for answer in (bench.get(one, **query), bench.list(**query, page_size=str(page_sizes()[1]))):
                for part in parts(answer, SESSION):
                    raise Broken(_NOT_ASKED_FOR, Claim(part, "is", None))


def _data(exchange: Exchange) -> Sequence[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The conferences of a successful answer, each with where it is."""
    value = exchange.value if exchange.operation_id and exchange.status == 200 else None
    found = value.get("data", value) if isinstance(value, dict) else None
    data = [(("data", number), one) for number, one in enumerate(found)] if isinstance(found, list) else [((), found)]
    return [(where, one) for where, one in data if isinstance(one, dict)]


def parts(exchange: Exchange, name: str) -> Iterator[Part]:
    """A field of each conference of an answer, where it has it."""
    return (field(exchange, *where, name) for where, one in _data(exchange) if name in one)


@watch("state/session-only-on-request", "No answer tells of an active session without having been asked to.")
def _unasked(exchange: Exchange) -> Seen:
    if not _data(exchange) or exchange.query.get("include_active_session") == "true":
        return None
    if exchange.operation_id == "list_video_conferences" and "page_token" in exchange.query:
        return None  # the token may carry that the first page was asked
    return next(((_NOT_ASKED_FOR, Claim(part, "is", None)) for part in parts(exchange, SESSION)), "")


@watch("state/right-conference", "An answer is about the conference that was asked for.")
def _right(exchange: Exchange) -> Seen:
    if exchange.operation_id not in ("get_video_conference", "update_video_conference") or not _data(exchange):
        return None
    told = exchange.value.get("id")
    right = Claim(field(exchange, "id"), "is", exchange.about)
    return "" if equivalent(Kind.UUID, told, exchange.about) else (f"the id of the answer is {told!r}", right)
