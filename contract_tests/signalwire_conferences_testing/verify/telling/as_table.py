"""A report on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..promises.promises import Category, Outcome, Result
from .report import Report

__all__ = ["show"]

_STYLES = {Outcome.KEPT: "green", Outcome.BROKEN: "bold red", Outcome.NOT_EXERCISED: "yellow"}


def show(report: Report, console: Console) -> None:
    """Prints a report: the table of promises, then what broke and how to see it, then the sum."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("promise", no_wrap=True, overflow="ellipsis")
    table.add_column("", no_wrap=True)
    table.add_column("")
    for category in Category:
        results = [one for one in report.results if one.promise.category is category]
        if results:
            table.add_row(Text(f"\n{category.value}", style="bold"))
            for result in results:
                table.add_row(Text(result.promise.id), _outcome(result), _sentence(result))
    console.print(table)
    for result in report.broken:
        console.print()
        console.print(Text.assemble(("broken  ", "bold red"), (result.promise.id, "bold")))
        console.print(Text(f"  {result.promise.sentence}"))
        console.print(Text(f"  {_safe(result.message)}", style="red"))
        for command in result.commands:
            # Not wrapped, so that it can be copied.
            console.print(Text(f"  {_safe(command)}", style="dim"), soft_wrap=True)
    console.print()
    for line in report.remarks:
        console.print(Text(_safe(f"note: {line}")), style="dim")
    console.print(_sum(report))


def _outcome(result: Result) -> Text:
    return Text(result.outcome.value, style=_STYLES[result.outcome])


def _sentence(result: Result) -> Text:
    if result.outcome is Outcome.NOT_EXERCISED:
        return Text.assemble(result.promise.sentence, (f" ({_safe(result.message)})", "yellow"))
    return Text(result.promise.sentence)


def _sum(report: Report) -> Text:
    counts = [(len(report.having(outcome)), outcome) for outcome in Outcome]
    parts: list[tuple[str, str]] = []
    for count, outcome in counts:
        parts.append((f"{count} {outcome.value}", _STYLES[outcome] if count else "dim"))
        parts.append((", ", ""))
    how = f"{report.requests} requests in {report.seconds:.1f} s, seed {report.options.seed}"
    return Text.assemble(*parts[:-1], (f"   {how}", "dim"))


def _safe(said: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in said)
