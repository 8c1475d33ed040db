"""Values to feed tests with, drawn from the contract's own schemas, and a server to feed them to.

Nothing here asks the package under test what a value means; that would test it against itself.
"""

from __future__ import annotations

import copy
import datetime
import json
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from attrs import define, field
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from signalwire_conferences.outcomes import Answer, NoAnswer, outcome_of
from signalwire_conferences.steps import Policy, Request, Steps, Wait
from signalwire_conferences.target import Target
from signalwire_conferences_api import models
from signalwire_conferences_testing import schemas

T = TypeVar("T")
Json = Any
Schema = Mapping[str, Any]

SCHEMAS: Mapping[str, Schema] = schemas.document()["components"]["schemas"]
CONFERENCE = SCHEMAS["Conference"]
WRITABLE: Mapping[str, Schema] = SCHEMAS["ConferenceUpdate"]["properties"]
REQUIRED: Sequence[str] = SCHEMAS["ConferenceUpdate"]["required"]
SERVER_OWNED = [name for name in CONFERENCE["required"] if name not in WRITABLE and name != "updated_at"]

POLICY = Policy(timeout=30.0, retries=0, jitter=lambda: 0.0)
UTC = datetime.UTC
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)


# --- what the contract says of a field ------------------------------------------------------------


def kind(schema: Schema) -> str:
    """`time`, `color`, or what else its type is."""
    if schema.get("$ref", "").endswith("/ThemeColor"):
        return "color"
    full = schemas.resolve(schema)
    return "time" if "anyOf" in full else "enum" if "enum" in full else str(full["type"])


def accepts_null(name: str) -> bool:
    """Whether an answer may have null here."""
    return bool(schemas.validator(CONFERENCE["properties"][name]).is_valid(None))


def can_restore_null(name: str) -> bool:
    """Whether a PUT that leaves the field out leads to null."""
    return name not in REQUIRED and accepts_null(name) and "default" not in WRITABLE[name]


def left_out(name: str) -> Json:
    """What a field becomes, or is assumed to become, that a PUT leaves out."""
    return WRITABLE[name].get("default", WRITABLE[name].get("x-assumed-default"))


def is_free_choice(name: str) -> bool:
    """Whether nothing documented and no null says what becomes of the field when it is left out."""
    return name not in REQUIRED and "default" not in WRITABLE[name] and not accepts_null(name)


CARRIED_AS_NULL = [name for name in WRITABLE if can_restore_null(name)]
LOST_AS_NULL = [name for name in WRITABLE if accepts_null(name) and not can_restore_null(name)]
TIMES = [name for name, schema in WRITABLE.items() if kind(schema) == "time"]
COLORS = [name for name, schema in WRITABLE.items() if kind(schema) == "color"]


# --- values ---------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]))
any_texts = st.text(st.characters(exclude_categories=()))  # lone surrogates too, as JSON can escape them
json_values: SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_texts, inner, max_size=3),
    max_leaves=6,
)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)  # minutes
zones = st.one_of(offsets.map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))), st.timezones())
aware_datetimes = st.datetimes(
    min_value=datetime.datetime(2, 1, 1),  # noqa: DTZ001 - the zone is drawn
    max_value=datetime.datetime(9998, 12, 31),  # noqa: DTZ001 - likewise
    timezones=zones,
    allow_imaginary=False,
)


def _zone(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@st.composite
def timestamps(draw: DrawFn, at: datetime.datetime | None = None, fraction: str | None = None) -> str:
    """RFC 3339 date-times as servers write them: any offset, fraction and case, leap seconds.

    With `at` (UTC, whole seconds) and `fraction` all are of one instant.
    """
    minutes = draw(st.sampled_from([None, 0, -60, 330]) | offsets)
    leap = at is None and draw(st.integers(0, 5)) == 0
    if at is None:
        day = draw(st.dates(datetime.date(2, 1, 1), datetime.date(9998, 12, 30)))
        clock = datetime.time(23, 59) if leap else draw(st.times()).replace(microsecond=0)
        at = datetime.datetime.combine(day, clock)
    local = at + datetime.timedelta(minutes=minutes or 0)
    text = local.isoformat(timespec="seconds").replace("T", draw(st.sampled_from("Tt")))
    if leap:
        text = f"{text[:-2]}60"
    if fraction is None:
        fraction = draw(st.sampled_from(["", "0", "5", "000", "123456789", "999999999999"]))
        fraction = fraction or draw(st.text("0123456789", max_size=12))
    digits = fraction + "0" * draw(st.integers(0, 2)) if fraction else fraction
    text += f".{digits}" if digits else ""
    return text + (draw(st.sampled_from("Zz")) if minutes is None else _zone(minutes))


def _strings(schema: Schema) -> SearchStrategy[str]:
    match schema.get("format"):
        case "uuid":
            return st.uuids().flatmap(lambda each: st.sampled_from([str(each), str(each).upper()]))
        case "date-time":
            return timestamps()
        case "date":
            return st.dates().map(str)
    limit = schema.get("maxLength")
    if "pattern" in schema:
        return st.from_regex(re.compile(schema["pattern"]), fullmatch=True).map(lambda text: text[:limit])
    if limit is None:
        return texts
    # Drawn texts are short, so those of exactly the allowed length are made.
    longest = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=limit) | longest.map(
        lambda text: (text * limit)[:limit]
    )


def values(schema: Schema) -> SearchStrategy[Json]:
    """The values that a schema of the contract allows."""
    full = schemas.resolve(schema)
    choices = [*full.get("anyOf", ()), *full.get("oneOf", ())]
    if choices:
        return st.one_of([values(choice) for choice in choices])
    if "enum" in full:
        return st.sampled_from(full["enum"])
    kinds = full["type"] if isinstance(full["type"], list) else [full["type"]]
    return st.one_of([_of_type(name, full) for name in kinds])


def _of_type(name: str, schema: Schema) -> SearchStrategy[Json]:
    match name:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1))
        case "string":
            return _strings(schema)
        case "array":
            return st.lists(values(schema["items"]), max_size=3)
        case "object":
            return _objects(schema)
    raise AssertionError(name)


def _objects(schema: Schema) -> SearchStrategy[dict[str, Json]]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    required = schema.get("required", ())
    known = st.fixed_dictionaries(
        {name: values(properties[name]) for name in required},
        optional={name: values(each) for name, each in properties.items() if name not in required},
    )
    if schema.get("additionalProperties", True) is False:
        return known
    names = st.sampled_from(["participants", "x-new", ""]) | any_texts
    unknown = st.dictionaries(names.filter(lambda name: name not in properties), json_values, max_size=2)
    return st.tuples(known, unknown).map(lambda both: {**both[0], **both[1]})


conferences = values(CONFERENCE)
pages = values(SCHEMAS["ConferencePage"])


@st.composite
def newer_conferences(draw: DrawFn) -> dict[str, Json]:
    """Answers of a server that is newer than the contract: other values, other forms of id and time."""
    body: dict[str, Json] = draw(conferences)
    others = draw(
        st.dictionaries(st.sampled_from(sorted(CONFERENCE["properties"])), any_texts | json_values, max_size=6)
    )
    others.pop("id", None)
    body["id"] = draw(st.just("conference-id") | st.just(body["id"]))
    return {**body, **others}


@st.composite
def carried_conferences(draw: DrawFn) -> dict[str, Json]:
    """Answers whose every value a PUT can carry: null only where leaving it out restores null."""
    body: dict[str, Json] = draw(conferences)
    for name in LOST_AS_NULL:
        if body[name] is None:
            body[name] = draw(values(WRITABLE[name]))
    return body


held = st.fixed_dictionaries(
    {
        # A server tells times, never dates; and a colour that it holds was written once.
        name: timestamps() if kind(schema) == "time" else values(schema)
        for name, schema in WRITABLE.items()
    }
).flatmap(
    lambda fields: st.sets(st.sampled_from(CARRIED_AS_NULL), max_size=6).map(
        lambda nulls: {**fields, **dict.fromkeys(nulls)}
    )
)
"""The writable fields of conferences that a server can hold which keeps the contract's limits."""


# --- changes --------------------------------------------------------------------------------------


def given_as(name: str, value: Json) -> SearchStrategy[Any]:
    """The Python values by which a caller may name a JSON value of a request."""
    reference = WRITABLE[name].get("$ref", "").rsplit("/", 1)[-1]
    if kind(WRITABLE[name]) == "enum":
        return st.sampled_from([value, getattr(models, reference)(value)])
    return st.just(value)


def new_values(name: str, schema: Schema) -> SearchStrategy[Any]:
    """What a caller may ask a field to become; dates and date-times as Python has them too."""
    if kind(schema) == "time":
        return values(schema) | aware_datetimes | st.dates()
    return values(schema).flatmap(lambda value: given_as(name, value))


def changes(*, clear: bool = True, min_size: int = 0) -> SearchStrategy[dict[str, Any]]:
    """Valid changes of an update, `None` included unless `clear` is off."""

    def of(name: str) -> SearchStrategy[Any]:
        new = new_values(name, WRITABLE[name])
        return st.none() | new if clear and name not in REQUIRED else new

    names = st.lists(st.sampled_from(list(WRITABLE)), unique=True, min_size=min_size, max_size=6)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: of(name) for name in chosen}))


def moment(text: str) -> Fraction:
    """The instant that a valid date-time, or a date alone, names; a leap second is the second after it."""
    text = text.upper() if len(text) > 10 else f"{text}T00:00:00Z"
    leap = text[17:19] == "60"
    digits = re.match(r"\.[0-9]+", text[19:])
    fraction = digits[0] if digits else ""
    whole = datetime.datetime.fromisoformat(text[:17] + ("59" if leap else text[17:19]) + text[19 + len(fraction) :])
    since = whole - _EPOCH
    return Fraction(since.days * 86400 + since.seconds + leap) + Fraction(f"0{fraction}")


def means(name: str, given: Any, found: Json) -> bool:
    """Whether a JSON value is what a caller gave for a field (for a present value: what was there)."""
    schema = WRITABLE[name]
    if isinstance(given, datetime.datetime) and isinstance(found, str):
        since = given - _EPOCH
        return moment(found) == Fraction(since.days * 86400 + since.seconds) + Fraction(since.microseconds, 10**6)
    if isinstance(given, datetime.date) and isinstance(found, str):
        return moment(found) == moment(given.isoformat())
    if isinstance(given, str) and isinstance(found, str):
        if kind(schema) == "time":
            return moment(given) == moment(found)
        if kind(schema) == "color":
            return given.lower() == found.lower()
        return given == found
    return given is found


# --- a server without HTTP --------------------------------------------------------------------------


def drive(steps: Steps[T], answer: Callable[[Any], Any]) -> T:
    """Carries steps out with a function that answers each."""
    outcome = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as finished:
            result: T = finished.value
            return result
        outcome = answer(step)
        if isinstance(step, Request) and isinstance(outcome, Answer | NoAnswer):
            outcome = outcome_of(step, outcome)


def ok(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A whole answer with this JSON."""
    return Answer(status, dict(headers or {}), json.dumps(body).encode(), 0.0)


@define
class Server:
    """One conference behind GET and PUT: a PUT replaces, and what the server owns stays.

    Attributes:
        state: the conference.
        chosen: what the server makes of fields that are left out and that nothing documents.
        tell: what a PUT does besides.
        answer: what it makes of the state before it answers a PUT with it.
        requests: every request.
    """

    state: dict[str, Json]
    chosen: Mapping[str, Json] = field(factory=dict)
    tell: Callable[[dict[str, Json]], Json] = lambda state: state
    answer: Callable[[dict[str, Json]], Json] = lambda state: state
    requests: list[Request] = field(factory=list)

    @property
    def target(self) -> Target:
        return Target(self.state["id"], POLICY)

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def body(self) -> dict[str, Json]:
        """The body of the last request."""
        decoded: dict[str, Json] = json.loads(self.requests[-1].content or b"null")
        return decoded

    def __call__(self, request: Request | Wait) -> Answer | None:
        if isinstance(request, Wait):
            return None
        self.requests.append(request)
        if request.method == "GET":
            return ok(self.state)
        body = self.body()
        replaced = {name: body.get(name, self.chosen.get(name, left_out(name))) for name in WRITABLE}
        self.state = self.tell({**self.state, **replaced, "updated_at": "2030-01-01T00:00:00Z"})
        return ok(self.answer(copy.deepcopy(self.state)))


servers = st.builds(
    Server,
    carried_conferences(),
    st.fixed_dictionaries({name: values(WRITABLE[name]) for name in WRITABLE if is_free_choice(name)}),
)
