"""The words of the command line: `field=value`, ids, and the conditions of `--where`; and their completion."""

import contextlib
import fnmatch
import functools
import io
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import typer
from attrs import field, frozen

from signalwire_conferences import InvalidChangeError, Problem, contract
from signalwire_conferences.changes import checked_id, unknown
from signalwire_conferences.contract import Field, Json, Kind
from signalwire_conferences.values import equivalent, instant

from .codes import CommandError

_VALUES = """\b
Values:
  layout=5up                a value of the field's type
  description=              an empty text
  join_from=null            cleared
  description=@agenda.txt   a text from a file
  display_name=@@home       a text that begins with @
  display_name:='"null"'    JSON, here for the text "null"
"""
_SWITCHES = {**dict.fromkeys(("true", "yes", "on"), True), **dict.fromkeys(("false", "no", "off"), False)}
_JSON_MARKS = ("[", "]", "{", "}", '"', ",")
_CONDITION = re.compile(r"(\w+)(!=|=|~)(.*)", re.DOTALL)


def words_of(of: str, metavar: str, text: str) -> Any:
    """The argument for ids and `field=value` in any order, with completion."""
    return typer.Argument(metavar=metavar, help=text, autocompletion=completer(of), show_default=False)


def fields_help(of: str) -> str:
    """The fields and how to write values, for the end of a help text."""
    rows = "\n".join(f"  {name:<24}{_rule(field)}" for name, field in contract.fields(of).items())
    return f"{_VALUES}\n\b\nFields:\n{rows}\n"


def _rule(about: Field) -> str:
    return _must_be(about).removeprefix("must be ")


def _must_be(about: Field) -> str:
    return "must be true or false" if about.schema.get("type") == "boolean" else about.rule


@frozen
class Words:
    """The words of a command.

    Attributes:
        ids: the words that are not `field=value`.
        values: field -> value, JSON; `None` clears.
        problems: what is wrong with the words.
    """

    ids: list[str] = field(factory=list)
    values: dict[str, Any] = field(factory=dict)
    problems: list[Problem] = field(factory=list)

    @classmethod
    def read(cls, words: Sequence[str], of: str) -> "Words":
        """Read words by the types of the contract; `of`: a request body, or an operation with a query."""
        found, known = cls(), contract.fields(of)
        for word in words:
            name, equals, text = word.partition("=")
            is_json = name.endswith(":")
            name = name.removesuffix(":")
            if not equals and word in known:
                found.problems.append(Problem(word, "", f"has no value; write {word}=VALUE"))
            elif not equals and (mistyped := word.partition(":"))[0] in known:
                found.problems.append(Problem("word", word, f"is not an id; write {mistyped[0]}={mistyped[2]}"))
            elif not equals:
                found.ids.append(word)
            elif name in found.values:
                found.problems.append(Problem(name, text, "is given twice"))
            else:
                try:
                    found.values[name] = _decoded(text) if is_json else value_of(known.get(name), text)
                except ValueError as error:
                    found.values[name] = None
                    found.problems.append(Problem(name, text, str(error)))
        return found

    def checked(self, *checks: Callable[[], object]) -> None:
        """Raises `InvalidChangeError` with the problems of these words and of all checks at once."""
        problems = list(self.problems)
        told = {problem.field for problem in problems}
        for check in checks:
            try:
                check()
            except InvalidChangeError as error:
                problems += [problem for problem in error.problems if problem.field not in told]
        if problems:
            raise InvalidChangeError(problems)


def value_of(about: Field | None, text: str) -> Any:
    """The JSON value that a text stands for. Raises `ValueError` if there is none."""
    types = {about.schema.get("type")} if about else set()
    if text == "null":
        return None
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8-sig")
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}") from None
        # The line break at the end of a file of one line is not part of a number or a layout's name.
        text = text if about and types == {"string"} and "enum" not in about.schema else text.strip()
    if types == {"boolean"}:
        return _SWITCHES.get(text.lower(), text)
    if types == {"integer"} and re.fullmatch("-?[0-9]{1,18}", text):
        return int(text)
    return text


def ids_from(file: TextIO) -> list[str]:
    """The first word of each line as `list` writes them, except empty lines and comments; or the ids in JSON as
    `list --json` and `get --json` write it.
    """
    text = file.read()
    if text.lstrip()[:1] not in ("[", "{"):
        words = (line.split() for line in text.splitlines())
        return [each[0] for each in words if each and not each[0].startswith("#")]
    try:
        listed = json.loads(text)
        found = [each["id"] for each in (listed if isinstance(listed, list) else [listed])]
    except (ValueError, RecursionError, TypeError, KeyError):
        raise CommandError(
            "Standard input is neither lines that begin with ids nor the output of `list --json`."
        ) from None
    checks = (functools.partial(checked_id, each) for each in found)
    Words().checked(*checks)
    return found


def checked_word(conference_id: str | None) -> str | None:
    """An id from the command line. Text that begins like JSON is refused: it is a part of piped JSON."""
    if conference_id is not None and conference_id[:1] in _JSON_MARKS:
        raise InvalidChangeError([Problem("id", conference_id, "must not begin like JSON")])
    return None if conference_id is None else checked_id(conference_id)


@frozen
class Condition:
    """A condition of `--where`: the field equals a value, does not, or matches a pattern like `stand-*`."""

    name: str
    operator: str
    value: Any  # JSON, or the pattern

    def holds(self, conference: Json) -> bool:
        """Whether a conference meets it."""
        value = conference.get(self.name)
        if self.operator == "~":
            return isinstance(value, str) and fnmatch.fnmatchcase(value, self.value)
        return equivalent(contract.KINDS[self.name], value, self.value) is (self.operator == "=")


def conditions(texts: Sequence[str]) -> list[Condition]:
    """The conditions of `--where`, which must all be met. Raises `InvalidChangeError`."""
    found, problems = [], []
    for text in texts:
        try:
            found.append(_condition(text))
        except ValueError as error:
            problems.append(Problem("--where", text, str(error)))
    if problems:
        raise InvalidChangeError(problems)
    return found


def _condition(text: str) -> Condition:
    """`ValueError` where no conference can meet it."""
    if not (match := _CONDITION.fullmatch(text)):
        raise ValueError("must be field=value, field!=value or field~pattern")
    name, operator, given = match.groups()
    if name not in contract.KINDS:
        raise ValueError(f"{name} {unknown(name, contract.KINDS)}")
    about = contract.fields(contract.UPDATE).get(name)
    if operator == "~":
        if about and about.schema.get("type") == "boolean":
            raise ValueError(f"must be {name}=VALUE; ~ compares texts")
        return Condition(name, operator, given)
    value = value_of(about, given)
    if about and value is not None and not about.accepts(value):
        if "enum" in about.schema:
            said = unknown(value, choices(about), f"value of {name}")
            raise ValueError(f"{said}; {name}~{given} compares it as text")
        raise ValueError(_must_be(about))
    if contract.KINDS[name] is Kind.INSTANT and value is not None and instant(value) is None:
        raise ValueError("must be an RFC 3339 date-time, or a date")
    return Condition(name, operator, value)


def completer(of: str) -> Callable[[typer.Context, str], list[tuple[str, str]]]:
    """A function that completes `field=` and the values that the contract knows."""

    def complete(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        known, earlier = contract.fields(of), [*(context.params.get("words") or ())]
        name, equals, start = incomplete.partition("=")
        prefix = f"{name}="
        # bash splits `layout=5` into three words, and wants the last one only.
        if not equals and earlier[-1:] == ["="]:
            name, equals, start, prefix = earlier[-2] if earlier[1:] else "", "=", incomplete, ""
        elif not incomplete and earlier and earlier[-1] in known:
            name, equals, prefix = earlier[-1], "=", ""
        if not equals:
            names = [each for each in known if each.startswith(name)]
            if len(names) != 1:
                # Typer wraps long help, and shells take the second line for another word.
                return [(f"{each}=", textwrap.shorten(_rule(known[each]), 40, placeholder="...")) for each in names]
            # A shell adds a space after the only choice, but not after `layout=` if there are several.
            name, prefix, start = names[0], f"{names[0]}=", ""
        values = choices(known[name]) if name in known else []
        return [(f"{prefix}{value}", "") for value in values if value.startswith(start)]

    return complete


def choices(about: Field) -> list[str]:
    """The values of a field if there are few, else the beginnings of some."""
    if about.schema.get("type") == "boolean":
        return ["true", "false"]
    if "enum" in about.schema:
        return [str(value) for value in about.schema["enum"]]
    return ["#", "null"] if about.kind is Kind.COLOR else ["", "@"]


def _decoded(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON, which := needs") from None
    return value


@contextlib.contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """A text file, or standard input for `-`. Bytes that are not UTF-8 become escapes, which no id or plan has."""
    try:
        if str(file) != "-":
            with file.open(encoding="utf-8-sig") as stream:
                yield stream
        elif sys.stdin is None:
            yield io.StringIO()
        else:
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="backslashreplace")  # type: ignore[union-attr]  # a text file
            yield sys.stdin
    except OSError as error:
        raise CommandError(f"{str(file)!r} cannot be read: {error.strerror}.") from None


def named(words: Mapping[str, Any]) -> str:
    """Values as a person would type them, for a message."""
    return ", ".join(f"{name}={'null' if value is None else value}" for name, value in words.items())
