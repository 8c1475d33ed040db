"""A report on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..promises import Category
from .report import Outcome, Report, Result

__all__ = ["show"]

_STYLES = {Outcome.KEPT: "green", Outcome.BROKEN: "bold red", Outcome.NOT_EXERCISED: "yellow"}


def show(report: Report, console: Console, *, only_broken: bool = False) -> None:
    """Prints a report: the promises, what broke and how to see it, the open questions, the sum."""
    if not only_broken:
        console.print(_table(report))
    for result, others in report.roots:
        console.print()
        console.print(Text.assemble(("broken  ", "bold red"), (result.promise.id, "bold")))
        console.print(Text(f"  {result.promise.sentence}"))
        for finding in result.findings:
            console.print(Text(f"  {_safe(finding.message)}", style="red"))
            told = {"sent": finding.sent, "received": finding.received, "expected": finding.expected}
            for word, said in {**told, "says": finding.where}.items():
                console.print(Text(f"    {word + ':':<10}{_safe(said)}", style="dim"))
        if others:
            console.print(Text(f"  this also breaks {', '.join(others)}", style="red"))
        if result.findings:
            # Not wrapped, so that it can be copied.
            console.print(Text(_safe(f"\n{result.findings[0].script}"), style="dim"), soft_wrap=True)
    if report.open_questions and not only_broken:
        console.print(Text("\nleft open by the documents, and how this server reads it", style="bold"))
        for question, reading in report.open_questions:
            console.print(Text(f"  {question.question} {_safe(reading)}"))
    console.print()
    for line in report.remarks:
        console.print(Text(_safe(f"note: {line}")), style="dim")
    console.print(_sum(report))
    console.print(Text(_safe(report.how), style="dim"))


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("promise", no_wrap=True, overflow="ellipsis")
    table.add_column("", no_wrap=True)
    table.add_column("")
    for category in Category:
        results = [one for one in report.results if one.promise.category is category]
        if results:
            table.add_row(Text(f"\n{category.value}", style="bold"))
            for result in results:
                outcome = Text(result.outcome.value, style=_STYLES[result.outcome])
                table.add_row(Text(result.promise.id), outcome, _sentence(result))
    return table


def _sentence(result: Result) -> Text:
    if result.outcome is Outcome.NOT_EXERCISED or result.because:
        return Text.assemble(result.promise.sentence, (f" ({_safe(result.message)})", "yellow"))
    return Text(result.promise.sentence)


def _sum(report: Report) -> Text:
    parts: list[tuple[str, str]] = []
    for outcome in Outcome:
        count = len(report.having(outcome))
        parts += [(f"{count} {outcome.value}", _STYLES[outcome] if count else "dim"), (", ", "")]
    return Text.assemble(*parts[:-1])


def _safe(said: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in said)
