"""A report on a terminal."""

import functools

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .report import Outcome, Report, Result, printable

_STYLES = {Outcome.KEPT: "green", Outcome.BROKEN: "bold red", Outcome.NOT_EXERCISED: "yellow"}


def show(report: Report, console: Console) -> None:
    """Prints a report: the promises, what broke and how to see it, the open questions, the sum."""

    say, everything = functools.partial(_say, console), not report.options.only_broken
    if everything:
        console.print(_table(report))
    for result, others in report.roots:
        console.print(Text.assemble(("\nbroken  ", "bold red"), (result.promise.id, "bold")))
        say(f"  {result.promise.sentence}")
        for finding in result.findings:
            say(f"  {finding.message}", "red")
            say("\n".join(f"    {word + ':':<10}{said}" for word, said in finding.details.items()), "dim")
        if others:
            say(f"  this also breaks {', '.join(others)}", "red")
        if result.script:
            say(f"\n{result.script}", "dim", soft_wrap=True)  # so that it can be copied
    if report.open_questions and everything:
        say("\nleft open by the documents, and how this server reads it", "bold")
        say("\n".join(f"  {question.question} {reading}" for question, reading in report.open_questions))
    say("\n".join(["", *(f"note: {line}" for line in report.remarks)]), "dim")
    counts = ((Outcome(one), count) for one, count in report.counts.items())
    console.print(Text(", ").join(Text(f"{n} {one.value}", style=_STYLES[one] if n else "dim") for one, n in counts))
    say(report.how, "dim")


def _say(console: Console, text: str, style: str = "", *, soft_wrap: bool = False) -> None:
    console.print(Text(printable(text), style=style), soft_wrap=soft_wrap)


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("promise", no_wrap=True, overflow="ellipsis")
    table.add_column("", no_wrap=True)
    table.add_column("")
    for category, results in report.by_category.items():
        table.add_row(Text(f"\n{category.value}", style="bold"))
        for result in results:
            outcome = Text(result.outcome.value, style=_STYLES[result.outcome])
            table.add_row(Text(result.promise.id), outcome, _sentence(result))
    return table


def _sentence(result: Result) -> Text:
    if result.outcome is Outcome.NOT_EXERCISED or result.because:
        return Text.assemble(result.promise.sentence, (f" ({printable(result.message)})", "yellow"))
    return Text(result.promise.sentence)
