"""Values for the fields of a request body: valid ones, and near misses that must be refused.

What a field takes is read from the contract; each value here is held against it before it is used.
"""

import enum
import functools
import random
from collections.abc import Iterator, Mapping
from typing import Any, cast

from signalwire_conferences import contract
from signalwire_conferences.contract import Kind, Omission
from signalwire_conferences.values import equivalent
from signalwire_conferences_testing import schemas

from . import instants


class Sort(enum.Enum):
    """What kind of value a field takes."""

    SWITCH = "boolean"
    CHOICE = "enumeration"
    COLOR = "color"
    TIME = "time"
    NAME = "text with a pattern"
    TEXT = "free text"


#: A character each that is one, two, three and four bytes in UTF-8, the last two units in UTF-16.
LONG = ("a", "é", "漢", "🎥")

_TEXTS = (
    "Grüße, 東京 🎥👩‍👩‍👧 שלום مرحبا",
    "  two spaces around, a tab\tand lines\r\nof text\n  ",
    "e\u0301 is not \u00e9, \ufb01 is not fi, \u2126 is not \u03a9",
    "<b>&amp;</b> \"quoted\" 'text' \\ / %20 + {{x}} ${y} `z` -- ; #",
    "null",
    "0",
    "",
    " ",
    # No NUL: many a server keeps none, which is a finding of one promise and not of all.
    "bell \u0007, escape \u001b, DEL \u007f, BOM \ufeff, separators \u2028\u2029, \U0010ffff",
)
_COLORS = ("#a1B2c3", "#ABCDEF", "#abcdef", "#000000", "#FFFFFF", "#123456", "#00ff7F")


@functools.cache
def _schemas(schema: str) -> Mapping[str, Mapping[str, Any]]:
    properties = schemas.resolve({"$ref": f"#/components/schemas/{schema}"})["properties"]
    return {name: schemas.resolve(said) for name, said in properties.items()}


@functools.cache
def sort(schema: str, name: str) -> Sort:
    said, known = _schemas(schema)[name], contract.fields(schema)[name]
    if said.get("type") == "boolean":
        return Sort.SWITCH
    if "enum" in said:
        return Sort.CHOICE
    if known.kind is Kind.COLOR:
        return Sort.COLOR
    if known.kind is Kind.INSTANT:
        return Sort.TIME
    return Sort.NAME if "pattern" in said else Sort.TEXT


def limit(schema: str, name: str) -> int | None:
    return cast(int | None, _schemas(schema)[name].get("maxLength"))


@functools.cache
def optional(schema: str) -> list[str]:
    """The fields that a body may leave out and that then have a value by the contract."""
    known = contract.fields(schema).values()
    return [one.name for one in known if one.omission is not Omission.REQUIRED and one.name != "name"]


def valid(schema: str, name: str) -> list[Any]:
    """Values that a field takes: every one of an enumeration, of other kinds a choice."""
    said = _schemas(schema)[name]
    values: Mapping[Sort, Iterator[Any]] = {
        Sort.SWITCH: iter((True, False)),
        Sort.CHOICE: iter(said.get("enum", ())),
        Sort.COLOR: iter(_COLORS),
        Sort.TIME: iter(instants.STARTS if name == "join_from" else instants.ENDS),
        Sort.NAME: iter(said.get("examples", ())),
        # Whether a display name may be empty or blank, the documents leave open.
        Sort.TEXT: (text for text in _TEXTS if text.strip() or name != "display_name"),
    }
    return [value for value in values[sort(schema, name)] if contract.fields(schema)[name].accepts(value)]


def others(schema: str, name: str) -> list[Any]:
    """Valid values that are not what the field is reset to, as far as that is known."""
    known = contract.fields(schema)[name]
    return [value for value in valid(schema, name) if not equivalent(known.kind, value, known.default)]


def custom(schema: str, turn: int = 0) -> dict[str, Any]:
    """A body in which no field has the value that it is reset to, and no two alike if possible. Another turn gives
    other values, where a field has several.
    """
    body: dict[str, Any] = {}
    for number, name in enumerate(optional(schema)):
        choice = others(schema, name)
        if sort(schema, name) is Sort.COLOR:
            body[name] = f"#{(0x2A6E31 * (number + 1) + 0x1F3D5 * turn) % 0xFFFFFF:06x}"
        elif sort(schema, name) is Sort.TIME:
            body[name] = instants.numbered(number + 31 * turn)
        elif sort(schema, name) is Sort.TEXT:
            body[name] = f"A description, number {turn}"
        else:
            body[name] = choice[turn % len(choice)]
    return body


def switches(turn: int) -> dict[str, Any]:
    """Every switch on or off; the one that a reset gives is among the old values then."""
    names = [name for name in optional(contract.UPDATE) if sort(contract.UPDATE, name) is Sort.SWITCH]
    return dict.fromkeys(names, turn % 2 == 0)


def full(schema: str, rng: random.Random) -> dict[str, Any]:
    return {name: rng.choice(valid(schema, name)) for name in optional(schema)}


def near_misses(schema: str, name: str) -> list[Any]:
    """Values that a field must refuse: wrong types, and such as a careless check would take."""
    known, kind = contract.fields(schema)[name], sort(schema, name)
    candidates = {repr(value): value for value in (*_wrong_types(kind), *_wrong_values(schema, name, kind))}
    return [value for value in candidates.values() if not known.accepts(value)]


def _wrong_types(kind: Sort) -> Iterator[Any]:
    yield from (None, 1, [], {}, 1.5)
    if kind is Sort.SWITCH:
        yield from (0, "true", "false", "", "1", "0", "yes", "no", "on", "off", "True", "f", [True])
    else:
        yield from (True, False, 0, ["text"], {"value": "text"})


def _wrong_values(schema: str, name: str, kind: Sort) -> Iterator[Any]:
    most = limit(schema, name)
    yield from () if most is None else ("a" * (most + 1),)
    if kind is Sort.CHOICE:
        yield from _no_choices(schema, name)
    elif kind is Sort.COLOR:
        yield from _no_colors()
    elif kind is Sort.TIME:
        yield from instants.NONE
    elif kind is Sort.NAME:
        yield from ("", " ", "a b", "a.b", "a/b", "a:b", "ä", "name\n", "\nname", "name ", " name", "a\tb")
        yield from ("\uff4e\uff41\uff4d\uff45", "\u0663", "🎥", "a+b", "a@b", "a,b", "é", "a\u0000", "a%20b")
        yield from ("<a>", "a'b", "\u017f", "\u212a")
    elif most is not None:
        yield from ("é" * (most + 1), "🎥" * (most + 1), " " * (most + 1))
        yield from ("a" * most + " ", "a" * most + "\n", " " + "a" * most)


def _no_choices(schema: str, name: str) -> Iterator[Any]:
    choices: list[str] = _schemas(schema)[name]["enum"]
    for choice in choices:
        yield from (choice.upper(), choice.capitalize(), choice.title(), choice.swapcase())
        yield from (f"{choice} ", f" {choice}", f"{choice}\n", choice.replace("-", "_"), choice.replace("-", " "))
        yield from (choice[:-1], choice[1:], f"{choice}x", f"{choice},{choices[0]}", [choice])
    yield from ("", "default", "none", "auto", "null", "undefined")
    # Neighbours that an implementation may have from elsewhere: other resolutions, grids, sizes.
    yield from ("360p", "480p", "540p", "1440p", "2160p", "4k", "hd", "720", "1080", 720, 1080)
    yield from (f"{rows}x{columns}" for rows in range(1, 13) for columns in (rows, rows + 1, 1, 2))
    yield from (f"{count}up" for count in range(1, 10))
    yield from ("full-screen", "fullscreen", "screen-share", "highlight-1", "highlight-2-responsive")
    yield from ("highlight-3-responsive", "grid", "responsive", "grid-responsive-desktop")
    yield from ("tiny", "extra-small", "x-small", "x-large", "xlarge", "extra-large", "huge", "s", "m", "l")
    for other in contract.fields(schema):
        if other != name:
            yield from _schemas(schema)[other].get("enum", ())


def _no_colors() -> Iterator[str]:
    yield from ("#12345", "#1234567", "#12345678", "#123", "#1234", "123456", "#12345g", "#GGGGGG", "")
    yield from ("#123456\n", "\n#123456", "#123456 ", " #123456", "##12345", "#", "red", "rgb(1,2,3)", "0x123456")
    yield from ("#\uff11\uff12\uff13\uff14\uff15\uff16", "\uff03123456", "#12345\u0661", "#12345\u00e9")
    yield from ("transparent", "#12 456", "#-12345", "#123456;", "#123456#123456", "#12345\n", "x#123456")
    yield from ("#12345_", "#+12345", "#123456\u0000")


def page_sizes() -> tuple[int, int]:
    """The smallest and the largest page that may be asked for."""
    said = schemas.resolve({"$ref": "#/components/schemas/PageSize"})
    return said["minimum"], said["maximum"]
