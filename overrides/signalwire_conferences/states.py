"""Conferences as a file, for git and for people: `export` writes it, `edit` opens it, `restore` reads it.

The format is YAML 1.2, in which `no`, `1:30` and `2030-01-01` are strings. Strings are written in double quotes or as
blocks, so that YAML 1.1 reads the same. Needs PyYAML, of the extra `cli`.
"""

import io
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import Any, TextIO

from attrs import field, frozen

from . import contract
from .changes import checked_changes
from .contract import Json
from .errors import InvalidChangeError, Problem
from .state_file import FileProblem, Reader, State, escaped_code
from .values import SURROGATE, one_spelling

SCHEMA = "conferences.schema.json"
"""Name of the JSON Schema beside such a file, which editors use to complete and check it."""

_IDENTITY = ("id", "name")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNLESS = ", unless the conference has this value now"


@frozen
class Drift:
    """The differences between a space and a file.

    Attributes:
        changes: id -> field -> value, as updates take them.
        states: id -> their states in the file.
        same: the ids of conferences that match the file.
        missing: states of conferences that the space does not have.
        extra: conferences that the file does not have: their id, name and display name.
        refused: id or name -> why an update cannot make it match.
    """

    changes: dict[str, dict[str, Any]] = field(factory=dict)
    states: dict[str, State] = field(factory=dict)
    same: list[str] = field(factory=list)
    missing: list[State] = field(factory=list)
    extra: list[Json] = field(factory=list)
    refused: dict[str, str] = field(factory=dict)

    def add(self, state: State, present: Json) -> None:
        """Compare the state in the file with the present conference."""
        conference_id, name = present["id"], present.get("name")
        if state.name not in (None, name):
            self.refused[conference_id] = (
                f"Its name is {name!r}, in the file {state.name!r}; an update cannot change a name."
            )
        if changes := state.changes(present):
            self.changes[conference_id], self.states[conference_id] = changes, state
        else:
            self.same.append(conference_id)


def drift(states: Sequence[State], conferences: Iterable[Json]) -> Drift:
    """Compare a file with the conferences of a space, which are not kept in memory.

    A conference is matched by its id, else by its name, which it keeps when it is created again.

    Args:
        states: the states in the file.
        conferences: all conferences of the space.
    """
    found, left = Drift(), {id(state): state for state in states}
    by_id = {one_spelling(state.id): state for state in states if state.id is not None}
    named: dict[Any, State] = {state.name: state for state in states if state.name is not None}
    anew = dict[str, tuple[State, Json]]()  # by id: a list that changes while it is read may have one twice
    for each in conferences:
        if (state := by_id.get(one_spelling(str(each["id"])))) is not None:
            if left.pop(id(state), None) is not None:
                found.add(state, each)
            other = named.get(each.get("name"), state)
            if other.id is None and left.pop(id(other), None) is not None:
                found.refused[other.name or ""] = f"The file has it twice: it is also {each['id']!r}."
        elif (state := named.get(each.get("name"))) is not None:
            anew[each["id"]] = state, each  # unless its id turns up
        else:
            found.extra.append(_brief(each))
    for state, each in anew.values():
        if left.pop(id(state), None) is not None:
            found.add(state, each)
        else:
            found.refused[each["id"]] = "In the file another conference has its name; --prune does not delete it."
    found.missing.extend(left.values())
    found.extra[:] = in_order(found.extra)
    return found


def _brief(conference: Json) -> Json:
    return {name: conference.get(name) for name in (*_IDENTITY, "display_name")}


def schema() -> str:
    """Return the JSON Schema of such a file, as text."""
    return (resources.files("signalwire_conferences_api") / SCHEMA).read_text("utf-8")


def in_order(conferences: Iterable[Json]) -> list[Json]:
    """Conferences in a stable order: by name, which an update cannot change."""
    return sorted(conferences, key=_order)


def _order(conference: Json) -> tuple[str, str]:
    return str(conference.get("name")), str(conference.get("id"))


def as_json(conference: Json) -> dict[str, Any]:
    """The part of a conference that a file has: id, name, and every writable field."""
    names = (*_IDENTITY, *contract.fields(contract.UPDATE))
    return {name: conference[name] for name in names if name in conference}


def as_document(conferences: Iterable[Json], space: str) -> dict[str, Any]:
    """The file as JSON, which `read_states` takes too."""
    return {"$schema": f"./{SCHEMA}", "space": space, "conferences": list(map(as_json, conferences))}


def as_yaml(conferences: Iterable[Json], space: str) -> Iterator[str]:
    """The file in chunks of lines, in that order. Only the text of each conference is held in memory."""
    entries = sorted((*_order(each), _entry(each)) for each in conferences)
    yield f"# yaml-language-server: $schema=./{SCHEMA}"
    yield "# A field that is left out keeps its value; null clears it. Put colours in quotes: # begins a comment."
    yield f"space: {_scalar(space)}"
    yield "conferences:" if entries else "conferences: []"
    for *_, entry in entries:
        yield entry


def _entry(conference: Json) -> str:
    lines, mark = list[str](), "- "
    for name, value in as_json(conference).items():
        if isinstance(value, dict | list) or (isinstance(value, str) and SURROGATE.search(value)):
            lines.append(f"  # {name} keeps its value, which cannot be written to a file")
        else:
            lines.append(f"{mark}{name}: {_scalar(value)}")
            mark = "  "
    return "\n".join(lines)


def read_states(file: TextIO | str, space: str | None = None, allow_reset: Iterable[str] = ()) -> tuple[State, ...]:
    """The states in a file, in its order. Values are not checked: those that the server has count as valid.

    Args:
        file: the file, or its text.
        space: if given, a file that names another space is refused.
        allow_reset: names of fields, which are checked too.

    Raises:
        InvalidChangeError: every problem of the file, with its line. Values that may be wrong are only among them if
            there is another problem.
    """
    states, problems = try_states(file, space)
    wrong: list[Problem] = [*problems]
    try:
        checked_changes({}, allow_reset, "id")
    except InvalidChangeError as error:
        wrong += error.problems
    if wrong:
        wrong += [each for state in states for each in state.wrong(state.fields, _UNLESS)]
    refuse(wrong, "nothing was sent")
    return states


def try_states(file: TextIO | str, space: str | None = None) -> tuple[tuple[State, ...], list[FileProblem]]:
    """The states in a file as far as it can be read, and its problems except values."""
    reader = Reader(space)
    return tuple(reader.states(io.StringIO(file, newline="") if isinstance(file, str) else file)), reader.problems


def refuse(problems: Iterable[Problem], sent: str) -> None:
    """Raise `InvalidChangeError` with these problems of a file, if there are any, in the order of lines."""
    if found := sorted(problems, key=lambda each: getattr(each, "line", None) or 0):
        raise InvalidChangeError(found, sent=sent)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)  # JSON is valid YAML
    lines = value.split("\n")
    is_block = lines[0][:1] not in ("", " ") and len(lines) > 1 and (lines[-1] != "" or lines[-2] != "")
    if is_block and all(line == line.rstrip() and all(map(_is_shown, line)) for line in lines):
        keep, body = ("|", lines[:-1]) if lines[-1] == "" else ("|-", lines)
        return "\n".join([keep, *(f"    {line}" if line else "" for line in body)])
    return f'"{"".join(map(_escaped, value))}"'


def _is_shown(mark: str) -> bool:
    return mark.isprintable() or unicodedata.category(mark) == "Zs"


def _escaped(mark: str) -> str:
    if mark in _ESCAPES:
        return _ESCAPES[mark]
    return mark if _is_shown(mark) else escaped_code(ord(mark))
