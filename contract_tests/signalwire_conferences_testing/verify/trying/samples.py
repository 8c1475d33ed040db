"""Values for the fields of a request body: valid ones, and near misses that must be refused.

What a field takes is read from the contract; each value here is held against it before it is used.
"""

import enum
import functools
import random
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, cast

import yaml

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


@functools.cache
def values() -> Any:
    """The values in the file beside this module, by what they are for."""
    return yaml.safe_load(resources.files(__package__ or "").joinpath("values.yaml").read_text("utf-8"))


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


@functools.cache
def names(schema: str, kind: Sort) -> list[str]:
    """The fields of a body that take values of a sort."""
    return [name for name in contract.fields(schema) if sort(schema, name) is kind]


def limit(schema: str, name: str) -> int | None:
    return cast(int | None, _schemas(schema)[name].get("maxLength"))


@functools.cache
def optional(schema: str) -> list[str]:
    """The fields that a body may leave out and that then have a value by the contract."""
    known = contract.fields(schema).values()
    return [one.name for one in known if one.omission is not Omission.REQUIRED and one.name != "name"]


def valid(schema: str, name: str) -> list[Any]:
    """Values that a field takes: every one of an enumeration, of other kinds a choice."""
    said, kind, known = _schemas(schema)[name], sort(schema, name), values()["valid"]
    found: Mapping[Sort, list[Any]] = {
        Sort.SWITCH: [True, False],
        Sort.CHOICE: said.get("enum", []),
        Sort.COLOR: known["color"],
        Sort.TIME: known.get(name, []),
        Sort.NAME: said.get("examples", []),
        # Whether a display name may be empty or blank, the documents leave open.
        Sort.TEXT: [text for text in known["text"] if text.strip() or name != "display_name"],
    }
    return [value for value in found[kind] if contract.fields(schema)[name].accepts(value)]


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
    return dict.fromkeys(names(contract.UPDATE, Sort.SWITCH), turn % 2 == 0)


def full(schema: str, rng: random.Random) -> dict[str, Any]:
    return {name: rng.choice(valid(schema, name)) for name in optional(schema)}


def near_misses(schema: str, name: str) -> list[Any]:
    """Values that a field must refuse: wrong types, and such as a careless check would take."""
    known, kind, wrong = contract.fields(schema)[name], sort(schema, name), values()["wrong"]
    found = [*wrong["every"], *wrong["switch" if kind is Sort.SWITCH else "but_switch"]]
    found += [] if kind is Sort.SWITCH else wrong.get(kind.name.lower(), [])
    found += _no_choices(schema, name) if kind is Sort.CHOICE else []
    if (most := limit(schema, name)) is not None:
        found += [character * (most + 1) for character in (*LONG, " ")]
        found += ["a" * most + " ", "a" * most + "\n", " " + "a" * most]
    return [value for value in {repr(one): one for one in found}.values() if not known.accepts(value)]


def _no_choices(schema: str, name: str) -> Iterator[Any]:
    choices: list[str] = _schemas(schema)[name]["enum"]
    for choice in choices:
        yield from (choice.upper(), choice.capitalize(), choice.title(), choice.swapcase())
        yield from (f"{choice} ", f" {choice}", f"{choice}\n", choice.replace("-", "_"), choice.replace("-", " "))
        yield from (choice[:-1], choice[1:], f"{choice}x", f"{choice},{choices[0]}", [choice])
    yield from (f"{rows}x{columns}" for rows in range(1, 13) for columns in (rows, rows + 1, 1, 2))
    yield from (f"{count}up" for count in range(1, 10))
    for other in contract.fields(schema):
        if other != name:
            yield from _schemas(schema)[other].get("enum", ())


def bodies(which: str, display_name: str) -> list[bytes]:
    """Bodies that no client sends by intention; what is created all the same is recognised by its display name."""
    texts: list[str] = values()["bodies"][which]
    found = [text.encode() for text in texts]
    if which == "odd":
        found += [b"\xff\xfe{}", b'{"display_name": "x\xff"}', b'\xef\xbb\xbf{"display_name": "x"}', b"\x00"]
        found += ['{"display_name": "x"}'.encode(encoding) for encoding in ("utf-16", "utf-32-le")]
        found += [b'{"display_name": %b}' % value for value in (b"9" * 5000, b"[" * 2000 + b"]" * 2000)]
        found += [b"[" * 5000 + b"]" * 5000, b'{"display_name": {"a": ' * 500 + b"1" + b"}}" * 500]
        found += [b'{"display_name": "x", "description": "%b"}' % (b"x" * 100_000)]
    for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
        begins, marked = '"x'.encode(encoding), f'"{display_name}'.encode(encoding)
        found = [body.replace(begins, marked) for body in found]
    return found


def page_sizes() -> tuple[int, int]:
    """The smallest and the largest page that may be asked for."""
    said = schemas.resolve({"$ref": "#/components/schemas/PageSize"})
    return said["minimum"], said["maximum"]
