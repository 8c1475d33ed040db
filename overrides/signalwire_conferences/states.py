"""Conferences as a file, for git and for people: what `export` writes, `edit` opens and `restore` reads.

YAML 1.2, in which `no`, `1:30` and `2030-01-01` are texts. Written are texts in double quotes or as blocks, so that
YAML 1.1 reads the same. Needs PyYAML, of the extra `cli`.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from attrs import field, frozen

from . import contract
from .changes import unknown
from .contract import Json
from .errors import InvalidChangeError, Problem, printable, short_repr
from .values import SURROGATE, equivalent, one_spelling

SCHEMA = "conferences.schema.json"
"""Name of the JSON Schema that editors complete and check such a file by, as a neighbour of the file."""

_DEEPEST = 10
_IDENTITY = ("id", "name")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
# The plain scalars that are no texts, of the core schema of YAML 1.2.
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("null", "Null", "NULL", "~"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|.)", re.DOTALL)
_TEXT = "tag:yaml.org,2002:str"


@frozen
class FileProblem(Problem):
    """One thing wrong with a file.

    Attributes:
        line: where, from 1; `None` for the file as a whole.
    """

    line: int | None = None

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        return (
            f"{where}{printable(self.field)}{'' if self.value is None else f'={short_repr(self.value)}'}: {self.rule}"
        )


@frozen
class State:
    """What a conference is to be.

    Attributes:
        id: its id; `None` where the file names it by `name` alone.
        name: its unique name in the space, `None` where the file has none.
        fields: field -> value, JSON; `None` clears, and a field that is left out keeps its value.
        lines: field -> line of the file, from 1.
    """

    id: str | None
    name: str | None
    fields: Mapping[str, Any]
    lines: Mapping[str, int] = field(factory=dict, eq=False, repr=False)

    def changes(self, present: Json) -> dict[str, Any]:
        """The fields in which a conference is otherwise, as an update takes them; values as they are stay valid."""
        known = contract.fields(contract.UPDATE)
        return {
            name: value
            for name, value in self.fields.items()
            if name not in present or not equivalent(known[name].kind, present[name], value)
        }

    def at_line(self, problem: Problem) -> Problem:
        """The same problem, with the line of the file."""
        return FileProblem(problem.field, problem.value, problem.rule, self.lines.get(problem.field))


@frozen
class Drift:
    """How a space is other than a file says.

    Attributes:
        changes: id -> field -> value, as updates take them.
        present: id -> conference, of those and of those that are as they should be.
        states: id -> what the file says of it.
        same: the ids of conferences that are as they should be.
        missing: what the file says of conferences that are not there.
        extra: conferences that the file does not have.
    """

    changes: dict[str, dict[str, Any]] = field(factory=dict)
    present: dict[str, Json] = field(factory=dict)
    states: dict[str, State] = field(factory=dict)
    same: list[str] = field(factory=list)
    missing: list[State] = field(factory=list)
    extra: list[Json] = field(factory=list)


def drift(states: Sequence[State], conferences: Iterable[Json], *, by_name: bool = False) -> Drift:
    """Compare a file with the conferences of a space.

    Args:
        states: what the file says.
        conferences: all conferences of the space.
        by_name: whether one whose id is not there may be known by its name, as after it was created anew.
    """
    by_id, named, found = {}, {}, Drift()
    for each in conferences:
        by_id[one_spelling(str(each["id"]))] = each
        named[each.get("name")] = each
    left = dict(by_id)
    for state in states:
        present = by_id.get(one_spelling(state.id)) if state.id is not None else None
        if present is None and state.name is not None and (by_name or state.id is None):
            present = named.get(state.name)
        if present is None:
            found.missing.append(state)
            continue
        each = present["id"]
        left.pop(one_spelling(str(each)), None)
        found.present[each], found.states[each] = present, state
        if changes := state.changes(present):
            found.changes[each] = changes
        else:
            found.same.append(each)
    found.extra.extend(in_order(left.values()))
    return found


def schema() -> str:
    """The JSON Schema of such a file, as text."""
    return (resources.files("signalwire_conferences_api") / SCHEMA).read_text("utf-8")


def in_order(conferences: Iterable[Json]) -> list[Json]:
    """Conferences in an order that stays: by name, which no update changes."""
    return sorted(conferences, key=lambda each: (str(each.get("name")), str(each.get("id"))))


def as_json(conference: Json) -> dict[str, Any]:
    """What a file holds of a conference: its id, its name, and every writable field."""
    names = (*_IDENTITY, *contract.fields(contract.UPDATE))
    return {name: conference[name] for name in names if name in conference}


def as_document(conferences: Iterable[Json], space: str) -> dict[str, Any]:
    """The file as JSON, which `read_states` takes too."""
    return {"$schema": f"./{SCHEMA}", "space": space, "conferences": list(map(as_json, conferences))}


def as_yaml(conferences: Iterable[Json], space: str) -> Iterator[str]:
    """The file, line by line."""
    yield f"# yaml-language-server: $schema=./{SCHEMA}"
    yield "# A field that is left out keeps its value; null clears it. A colour stands in quotes: # begins a comment."
    yield f"space: {_scalar(space)}"
    any_ = False
    for conference in conferences:
        if not any_:
            yield "conferences:"
        any_, mark = True, "- "
        for name, value in as_json(conference).items():
            if isinstance(value, dict | list) or (isinstance(value, str) and SURROGATE.search(value)):
                yield f"  # {name} keeps its value, which no file can hold"
            else:
                yield f"{mark}{name}: {_scalar(value)}"
                mark = "  "
    if not any_:
        yield "conferences: []"


def read_states(text: str, space: str | None = None) -> tuple[State, ...]:
    """What a file says, in its order. Values are not checked: those that the server has are valid there.

    Args:
        text: the file.
        space: where given, a file that names another space is refused.

    Raises:
        InvalidChangeError: all that is wrong with the file but values, with the lines.
    """
    reader = _Reader(space)
    if text.lstrip().startswith("{"):  # JSON, which spells a character in two halves where YAML does not
        text = _ESCAPE.sub(lambda found: _joined(found[0]), text)
    states = reader.states(text)
    if reader.problems:
        reader.problems.sort(key=lambda each: each.line or 0)
        raise InvalidChangeError(reader.problems, sent="nothing was sent")
    return states


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)  # a part of YAML
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
    return mark if _is_shown(mark) else _escaped_code(ord(mark))


def _joined(escape: str) -> str:
    """One escape of JSON as YAML spells it. Each is taken whole: what follows an escaped backslash is text."""
    return _escaped_code(ord(json.loads(f'"{escape}"'))) if len(escape) == 12 else escape


def _escaped_code(code: int) -> str:
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _refuse_depth(events: Iterable[Any], start: type[Any], end: type[Any]) -> None:
    """Raises `RecursionError` where a file is nested too deeply: `yaml.compose` would end the process."""
    depth = 0
    for event in events:
        depth += isinstance(event, start) - isinstance(event, end)
        if depth > _DEEPEST:
            raise RecursionError


class _Reader:
    """Reads a file and collects what is wrong with it."""

    def __init__(self, space: str | None = None) -> None:
        self.problems: list[FileProblem] = []
        self._space = space

    def states(self, text: str) -> tuple[State, ...]:
        root = self._composed(text)
        if root is None:
            return ()
        document = self._mapping(root, ("$schema", "space", "conferences"), "the file")
        line, named = document.get("space", (None, None))
        if self._space is not None and named is not None and named.value != self._space:
            rule = f"is another space than {self._space}, whose conferences would all be deleted for not being in it"
            self._problem(line, "space", named.value, rule)
        listed = document.get("conferences")
        if listed is None or listed[1].id != "sequence":
            line = (listed[1] if listed else root).start_mark.line + 1
            self._problem(line, "conferences", None, "must be a list of conferences, each beginning with a dash")
            return ()
        states = [self._state(node) for node in listed[1].value]
        for name in _IDENTITY:
            self._unique(name, [state for state in states if state is not None])
        return tuple(state for state in states if state is not None)

    def _composed(self, text: str) -> Any:
        import yaml  # noqa: PLC0415  # of an extra

        loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        try:
            _refuse_depth(yaml.parse(text, Loader=loader), yaml.CollectionStartEvent, yaml.CollectionEndEvent)
            node = yaml.compose(text, Loader=loader)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            said = getattr(error, "problem", None) or "it is nested too deeply or holds what is not text"
            self._problem(mark.line + 1 if mark else None, "the file", None, f"is not YAML: {said}")
            return None
        if node is None:
            self._problem(None, "the file", None, "is empty; `conferences: []` says that there are none")
        return node

    def _mapping(self, node: Any, known: Sequence[str], what: str) -> dict[str, tuple[int, Any]]:
        """The entries of a mapping: name -> line and node."""
        line = node.start_mark.line + 1
        if node.id != "mapping":
            self._problem(line, what, None, f"must be a mapping with {', '.join(known[:3])}")
            return {}
        found: dict[str, tuple[int, Any]] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, key.value if key.id == "scalar" else "?"
            if name not in known:
                self._problem(line, name, None, unknown(name, known))
            elif name in found:
                self._problem(line, name, None, "is there twice")
            else:
                found[name] = line, value
        return found

    def _state(self, node: Any) -> State | None:
        known = (*_IDENTITY, *contract.fields(contract.UPDATE))
        found = self._mapping(node, known, "the conference")
        values = {name: self._value(name, line, value) for name, (line, value) in found.items()}
        identity = [values.pop(name, None) for name in _IDENTITY]
        line = node.start_mark.line + 1
        for name, value in zip(_IDENTITY, identity, strict=True):
            if value is not None and not isinstance(value, str):
                self._problem(line, name, value, "must be a text; put it in quotes")
        if node.id == "mapping" and not any(isinstance(value, str) for value in identity):
            self._problem(line, "id", None, "is missing, and so is a name to know the conference by")
        lines = {name: line for name, (line, _) in found.items()}
        return State(identity[0], identity[1], values, lines) if found else None

    def _value(self, name: str, line: int, node: Any) -> Any:
        if node.id != "scalar" or node.tag not in (_TEXT, "!"):
            return self._problem(line, name, None, "must be a text, true, false, a number or null")
        if node.style:
            return node.value
        if node.value == "":
            return self._problem(line, name, None, "is empty; write null to clear it, and a colour or text in quotes")
        if node.value in _WORDS:
            return _WORDS[node.value]
        if not _NUMBER.fullmatch(node.value):
            return node.value
        return int(node.value) if node.value.lstrip("+-").isdigit() else float(node.value)

    def _unique(self, name: str, states: Sequence[State]) -> None:
        first: dict[str, int] = {}
        for state in states:
            value, line = getattr(state, name), state.lines.get(name, 0)
            if not isinstance(value, str):
                continue
            before = first.setdefault(one_spelling(value) if name == "id" else value, line)
            if before != line:
                self._problem(line, name, value, f"is that of the conference at line {before} too")

    def _problem(self, line: int | None, what: str, value: Any, rule: str) -> None:
        self.problems.append(FileProblem(what, value, rule, line))
