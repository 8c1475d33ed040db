"""A report as one page of HTML that needs nothing else: no script, no font, no picture."""

import datetime
import html
from collections.abc import Iterator
from importlib import resources

from signalwire_conferences import __version__

from ..promises import Category
from .report import Outcome, Report, Result, printable

#: Of each outcome the style, and a mark before the promise; what is broken comes first.
_LOOKS = {
    Outcome.BROKEN: ("broken", "\u2717"),
    Outcome.NOT_EXERCISED: ("open", "\u2013"),
    Outcome.KEPT: ("kept", "\u2713"),
}


def text(report: Report) -> str:
    return _page(f"Contract of {_safe(report.options.url)}", *_body(report))


def failure(why: str) -> str:
    """A verification that could not run, as HTML."""
    return _page("Contract: not verified", _verdict("open", f"Not verified: {why}"))


def _page(title: str, *body: str) -> str:
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    told = "\n".join(body)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>Video conferences: the contract</h1>
{told}
<footer>Written by <code>signalwire-conferences verify</code> {__version__}, {now}</footer>
</main>
</body>
</html>
"""


def _body(report: Report) -> Iterator[str]:
    counts = {outcome: len(report.having(outcome)) for outcome in Outcome}
    yield f'<p class="where">{_safe(report.options.url)}</p>'
    yield _verdict_on(report, counts)
    widths = (f'<i class="{_LOOKS[one][0]}" style="flex:{counts[one]}"></i>' for one in _LOOKS if counts[one])
    yield f'<div class="bar">{"".join(widths)}</div>'
    legend = (f"<span><b>{number}</b> {outcome.value}</span>" for outcome, number in counts.items())
    yield f'<div class="legend">{"".join(legend)}<span>{_safe(report.how)}</span></div>'
    yield "<h2>At a glance</h2>"
    yield f'<div class="grid">{"".join(_tile(*one) for one in report.by_category.items())}</div>'
    remarks = [f"<li>{_safe(remark)}</li>" for remark in report.remarks]
    if remarks:
        yield f"<h2>Notes</h2>\n<ul>{''.join(remarks)}</ul>"
    questions = [
        f'<div class="row">{_line(f"{_safe(question.question)} <b>{_safe(reading)}</b>", question.id)}'
        f"{_why(question.documents)}</div>"
        for question, reading in report.open_questions
    ]
    if questions:
        yield "<h2>Left open by the documents, and how this server reads it</h2>"
        yield f'<div class="card">{"".join(questions)}</div>'
    for category, found in report.by_category.items():
        yield f'<h2 id="{category.name.lower()}">{_safe(category.value)}</h2>'
        ordered = sorted(found, key=lambda one: (list(_LOOKS).index(one.outcome), one.promise.id))
        yield f'<div class="card">{"".join(map(_row, ordered))}</div>'


def _verdict_on(report: Report, counts: dict[Outcome, int]) -> str:
    if counts[Outcome.BROKEN]:
        return _verdict("broken", f"{counts[Outcome.BROKEN]} of {len(report.results)} promises broken")
    if report.could_not_run:
        return _verdict("open", f"Not verified: {report.stopped or 'not every check came to its end'}")
    could = " that could be tried" if counts[Outcome.NOT_EXERCISED] else ""
    return _verdict("kept", f"Every promise{could} is kept")


def _verdict(style: str, said: str) -> str:
    return f'<div class="verdict {style}">{_safe(said)}</div>'


def _tile(category: Category, results: list[Result]) -> str:
    found = [one.outcome for one in results]
    counts = [f"{found.count(one)} {one.value}" for one in _LOOKS if one in found or one is Outcome.KEPT]
    style = "tile broken" if Outcome.BROKEN in found else "tile"
    return (
        f'<a class="{style}" href="#{category.name.lower()}"><strong>{_safe(category.value)}</strong>'
        f"<span>{', '.join(counts)}</span></a>"
    )


def _row(result: Result) -> str:
    style, mark = _LOOKS[result.outcome]
    title = f'<span class="mark {style}" title="{result.outcome.value}">{mark}</span>'
    line = _line(_safe(result.promise.sentence), result.promise.id, title)
    if result.outcome is not Outcome.BROKEN:
        return f'<div class="row">{line}{_why(result.message) if result.message else ""}</div>'
    script = f"<pre>{_safe(result.script)}</pre>" if result.script else ""
    told = "".join(
        _why(one.message, " broken-why") + _why("\n".join(f"{word}: {said}" for word, said in one.details.items()))
        for one in result.findings
    )
    told = told or _why(result.message, " broken-why")
    return f"<details open><summary>{line}</summary>{told}{script}</details>"


def _line(told: str, name: str, before: str = "") -> str:
    return f'<div class="line">{before}<span>{told}</span><span class="id">{_safe(name)}</span></div>'


def _why(said: str, style: str = "") -> str:
    return f'<p class="why{style}">{_safe(said).replace(chr(10), "<br>")}</p>'


def _safe(said: str) -> str:
    return html.escape(printable(said))
