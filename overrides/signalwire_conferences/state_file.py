"""Reads a file of conferences as `states` writes it, one after the other, with the line of everything.

YAML 1.2, in which `no`, `1:30` and `2030-01-01` are texts; JSON is a part of it. Needs PyYAML, of the extra `cli`.
"""

import json
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from attrs import define, field, frozen

from . import contract
from .changes import checked_changes, unknown
from .contract import Json
from .errors import InvalidChangeError, Problem, printable, short_repr
from .values import equivalent, one_spelling

_DEEPEST = 10
_FREE = ("display_name", "description")  # which are of one conference alone
_LONGEST_NUMBER = 100  # characters; Python refuses to read thousands
_IDENTITY, _PARTS = ("id", "name"), ("$schema", "space", "conferences")
# The plain scalars that are no texts, of the core schema of YAML 1.2.
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("null", "Null", "NULL", "~"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|.)", re.DOTALL)
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")


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

    def wrong(self, values: Mapping[str, Any], more: str = "") -> list[FileProblem]:
        """What is wrong with these values of it as changes; `more`: is said besides of each."""
        return self.refused(lambda: checked_changes(values, (), "id"), more)

    def refused(self, check: Callable[[], object], more: str = "") -> list[FileProblem]:
        """What a check of it refuses, with the lines of the file."""
        try:
            check()
        except InvalidChangeError as error:
            problems = error.problems
            return [
                FileProblem(each.field, each.value, each.rule + more, self.lines.get(each.field)) for each in problems
            ]
        return []


@frozen(eq=False)
class _Compact(Mapping[str, Any]):
    """A mapping of which many have the same names, and share them."""

    _names: tuple[str, ...]
    _values: Sequence[Any]

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._values[self._names.index(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@frozen
class _Node:
    """What stands in the file: a text, a list of nodes, or a list of pairs of them."""

    kind: str
    value: Any
    line: int
    is_plain: bool = False
    is_text: bool = True


def escaped_code(code: int) -> str:
    """A character as YAML escapes it."""
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _joined(escape: str) -> str:
    """One escape of JSON as YAML spells it. Each is taken whole: what follows an escaped backslash is text."""
    return escaped_code(ord(json.loads(f'"{escape}"'))) if len(escape) == 12 else escape


def _kind(event: Any) -> str:
    return type(event).__name__.removesuffix("Event")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


@define
class _Rest:
    """A file of which the start was read already."""

    _start: str
    _file: TextIO

    def read(self, size: int) -> str:
        start, self._start = self._start, ""
        return start or self._file.read(size)


class Reader:
    """Reads one file.

    Args:
        space: where given, a file that names another space is wrong.

    Attributes:
        problems: what is wrong with it, once all was read.
    """

    def __init__(self, space: str | None = None) -> None:
        self.problems = list[FileProblem]()
        self._space = space
        self._events: Iterator[Any] = iter(())
        self._anchors = dict[str, _Node]()
        self._first = {name: dict[str, int]() for name in _IDENTITY}
        self._shared = dict[Any, Any]()

    def states(self, file: TextIO) -> Iterator[State]:
        """What the file says, in its order; it is read as it is asked for."""
        import yaml  # noqa: PLC0415  # of an extra

        loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        try:
            start = file.readline()
            if start.lstrip().startswith("{"):  # JSON, which spells a character in two halves where YAML does not
                start = _ESCAPE.sub(lambda found: _joined(found[0]), start + file.read())
            self._events = yaml.parse(_Rest(start, file), Loader=loader)  # type: ignore[arg-type]  # it reads
            next(self._events)  # the stream begins
            if _kind(next(self._events)) == "StreamEnd":
                self._problem(None, "the file", None, "is empty; `conferences: []` says that there are none")
                return
            yield from self._document(next(self._events))
            next(self._events)  # the document ends
            if _kind(event := next(self._events)) != "StreamEnd":
                self._problem(_line(event), "the file", None, "must not hold another document")
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            said = getattr(error, "problem", None) or "it is nested too deeply or holds what is not text"
            begun = getattr(error, "context_mark", None)
            if mark and begun and begun.line != mark.line:
                said += f"; what it is in begins at line {begun.line + 1}"
            self._problem(mark.line + 1 if mark else None, "the file", None, f"is not YAML: {said}")

    def _document(self, event: Any) -> Iterator[State]:
        found, line, listed = dict[str, tuple[int, _Node | None]](), _line(event), False
        if _kind(event) != "MappingStart":
            self._node(event)
            self._problem(line, "the file", None, f"must be a mapping with {', '.join(_PARTS)}")
        else:
            while _kind(event := next(self._events)) != "MappingEnd":
                key, event = self._node(event), next(self._events)
                listed = key.value == "conferences" and "conferences" not in found and _kind(event) == "SequenceStart"
                if listed:
                    found["conferences"] = key.line, None
                    while _kind(event := next(self._events)) != "SequenceEnd":
                        if (state := self._state(self._node(event))) is not None:
                            yield state
                else:
                    self._entry(found, key, self._node(event), _PARTS)
        at, named = found.get("space", (None, None))
        if self._space is not None and named is not None and named.value != self._space:
            rule = f"is another space than {self._space}, whose conferences would all be deleted for not being in it"
            self._problem(at, "space", named.value, rule)
        at, node = found.get("conferences", (line, _Node("scalar", "", line)))
        if node is not None:
            self._problem(at, "conferences", None, "must be a list of conferences, each beginning with a dash")

    def _node(self, event: Any, depth: int = 0) -> _Node:
        """What begins with an event. An alias costs nothing: it is the same node again."""
        kind, line = _kind(event), _line(event)
        if depth > _DEEPEST:
            raise RecursionError
        if kind == "Alias":
            if event.anchor not in self._anchors:
                self._problem(line, "the file", None, f"is not YAML: nothing is named &{event.anchor}")
            return self._anchors.get(event.anchor) or _Node("scalar", "null", line, True)
        if kind == "Scalar":
            node = _Node("scalar", event.value, line, not event.style and not event.tag, event.tag in _TEXT_TAGS)
        else:
            inner = list[_Node]()
            while not _kind(event_ := next(self._events)).endswith("End"):
                inner.append(self._node(event_, depth + 1))
            is_list = kind == "SequenceStart"
            pairs = [*zip(inner[::2], inner[1::2], strict=False)]
            node = _Node("sequence", inner, line) if is_list else _Node("mapping", pairs, line)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _entry(self, found: dict[str, Any], key: _Node, value: _Node, known: Sequence[str]) -> None:
        """Take an entry of a mapping: name -> line and node."""
        name = key.value if key.kind == "scalar" else "?"
        if name not in known:
            self._problem(key.line, name, None, unknown(name, known))
        elif name in found:
            self._problem(key.line, name, None, "is there twice")
        else:
            found[name] = key.line, value

    def _state(self, node: _Node) -> State | None:
        known = (*_IDENTITY, *contract.fields(contract.UPDATE))
        found = dict[str, tuple[int, _Node]]()
        if node.kind != "mapping":
            self._problem(node.line, "the conference", None, f"must be a mapping with {', '.join(known[:3])}")
            return None
        for key, value in node.value:
            self._entry(found, key, value, known)
        values = {name: self._value(name, line, value) for name, (line, value) in found.items()}
        lines = _Compact(self._same(tuple(found)), array("I", (line for line, _ in found.values())))
        identity = {name: values.pop(name, None) for name in _IDENTITY}
        for name, value in identity.items():
            if isinstance(value, str):
                self._unique(name, value, lines[name])
            elif value is not None:
                self._problem(node.line, name, value, "must be a text; put it in quotes")
        if not any(isinstance(value, str) for value in identity.values()):
            self._problem(node.line, "id", None, "is missing, and so is a name to know the conference by")
        if not found:
            return None
        shared = tuple(value if name in _FREE else self._same(value) for name, value in values.items())
        return State(identity["id"], identity["name"], _Compact(self._same(tuple(values)), shared), lines)

    def _value(self, name: str, line: int, node: _Node) -> Any:
        if node.kind != "scalar" or not node.is_text:
            return self._problem(line, name, None, "must be a text, true, false, a number or null")
        if not node.is_plain:
            return node.value
        if node.value == "":
            return self._problem(line, name, None, "is empty; write null to clear it, and a colour or text in quotes")
        if node.value in _WORDS:
            return _WORDS[node.value]
        if not _NUMBER.fullmatch(node.value):
            return node.value
        is_whole = node.value.lstrip("+-").isdigit() and len(node.value) <= _LONGEST_NUMBER
        return int(node.value) if is_whole else float(node.value)

    def _unique(self, name: str, value: str, line: int) -> None:
        before = self._first[name].setdefault(one_spelling(value) if name == "id" else value, line)
        if before != line:
            self._problem(line, name, value, f"is that of the conference at line {before} too")

    def _same(self, value: Any) -> Any:
        """An equal value that was met before: most values of many conferences are alike."""
        return self._shared.setdefault((type(value), value), value)

    def _problem(self, line: int | None, what: str, value: Any, rule: str) -> None:
        self.problems.append(FileProblem(what, value, rule, line))
