"""What the command line prints: data to the standard output, all talk to the standard error."""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from signalwire_conferences import UpdatePlan, contract
from signalwire_conferences.contract import Kind
from signalwire_conferences.errors import printable

from .codes import in_shell
from .streams import Stream, standard_streams

_STYLES = {"head": "bold", "before": "red", "after": "green", "kept": "dim", "risk": "bold yellow"}
_COLOR = re.compile("#[0-9a-fA-F]{6}")


class Terminal:
    """Both streams, with colours where a person looks at them and does not say NO_COLOR."""

    def __init__(self) -> None:
        self.stdout, self.stderr = standard_streams()
        self.out, self.err = (_console(stream) for stream in (self.stdout, self.stderr))

    @property
    def is_interactive(self) -> bool:
        """Whether somebody can be asked."""
        return sys.stdin is not None and sys.stdin.isatty() and self.stderr.isatty()

    def json(self, value: Any) -> None:
        """Data for programs."""
        self.stdout.write(json_text(value, indent=2) + "\n")

    def data(self, line: str | Text) -> None:
        """A line of data."""
        _print(self.out, line)

    def say(self, line: str | Text, style: str = "") -> None:
        """A line of talk."""
        _print(self.err, Text(line, style) if isinstance(line, str) else line)

    def rows(self, console: Console, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A table for people; lines with tabs between where nobody looks, as long as somebody reads."""
        stream: Any = console.file
        if not stream.isatty():
            for row in rows:
                stream.write("\t".join(value_text(None, value).plain for value in row) + "\n")
                if stream.gone:
                    return
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in titles:
            table.add_column(title, overflow="fold")
        for row in rows:
            table.add_row(*(value_text(None, value) for value in row))
        console.print(table)

    def plan(self, plan: UpdatePlan[Any], *, as_talk: bool = False) -> None:
        """The diff of a plan."""
        for line in plan.lines():
            text = Text(in_shell(line.text) if line.kind == "risk" else line.text, _STYLES[line.kind])
            name = line.text[2:].partition(":")[0]
            if line.kind in ("before", "after") and _is_color(name, line.value):
                text = text[: -len(line.value) - 2] + chip(line.value)
            (self.say if as_talk else self.data)(text)

    def ask(self, question: str) -> bool:
        """The answer of a person; no answer is no."""
        self.err.print(Text(f"{question} [y/N] ", "bold"), end="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def _console(stream: Stream) -> Console:
    # Rich leaves bold and dim on under NO_COLOR; without a colour system there is no escape sequence at all.
    system: Any = None if os.environ.get("NO_COLOR") else "auto"
    file: Any = stream
    # Rich prints nothing at all where COLUMNS is 0, as some terminals and programs set it.
    columns = os.environ.get("COLUMNS", "")
    width = 80 if columns.isdecimal() and int(columns) == 0 else None
    return Console(file=file, width=width, color_system=system, markup=False, highlight=False, emoji=False)


def _print(console: Console, line: str | Text) -> None:
    console.print(line, soft_wrap=True)


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON in which nothing reaches a terminal that it would obey."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(mark if mark == "\n" or _is_shown(mark) else json.dumps(mark)[1:-1] for mark in text)


def _is_shown(mark: str) -> bool:
    return mark.isprintable() or unicodedata.category(mark) == "Zs"


def shown(value: Any) -> str:
    """A value of a server in one line: texts as they are, all else as JSON."""
    return printable(value) if isinstance(value, str) else json_text(value)


def value_text(name: str | None, value: Any) -> Text:
    """The same, with a colour as a swatch."""
    if isinstance(value, Text):
        return value
    return chip(value, quotes="") if _is_color(name, value) else Text(shown(value))


def chip(color: str, quotes: str = '"') -> Text:
    """A colour on itself, in black or white: to be read on light and dark terminals."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    ink = "black" if 299 * red + 587 * green + 114 * blue > 128_000 else "white"
    return Text.assemble(quotes, (color, f"{'#000000' if ink == 'black' else '#FFFFFF'} on {color}"), quotes)


def _is_color(name: str | None, value: Any) -> bool:
    about = contract.fields(contract.UPDATE).get(name or "")
    return (
        about is not None
        and about.kind is Kind.COLOR
        and isinstance(value, str)
        and _COLOR.fullmatch(value) is not None
    )
