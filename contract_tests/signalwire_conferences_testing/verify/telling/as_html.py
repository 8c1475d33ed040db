"""A report as one page of HTML that needs nothing else: no script, no font, no picture."""

from __future__ import annotations

import datetime
import html
from collections.abc import Iterator
from importlib import resources

from ..promises import Category
from ..promises.open_questions import Question
from .report import Outcome, Report, Result, version

__all__ = ["failure", "text"]

_HEAD = "<h1>Video conferences: the contract</h1>"
_CLASSES = {Outcome.KEPT: "kept", Outcome.BROKEN: "broken", Outcome.NOT_EXERCISED: "open"}
_MARKS = {Outcome.KEPT: "\u2713", Outcome.BROKEN: "\u2717", Outcome.NOT_EXERCISED: "\u2013"}


def text(report: Report, *, only_broken: bool = False) -> str:
    """A report as HTML."""
    return _page(f"Contract of {_safe(report.options.url)}", "\n".join(_body(report, only_broken)))


def failure(why: str) -> str:
    """A verification that could not run, as HTML."""
    return _page("Contract: not verified", f"{_HEAD}\n{_not_verified(why)}\n{_footer()}")


def _page(title: str, body: str) -> str:
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _body(report: Report, only_broken: bool) -> Iterator[str]:
    counts = {outcome: len(report.having(outcome)) for outcome in Outcome}
    yield _HEAD
    yield f'<p class="where">{_safe(report.options.url)}</p>'
    yield _verdict(counts, report)
    widths = (f'<i class="{_CLASSES[o]}" style="flex:{n}"></i>' for o, n in _broken_first(counts).items() if n)
    yield f'<div class="bar">{"".join(widths)}</div>'
    legend = (f"<span><b>{number}</b> {outcome.value}</span>" for outcome, number in counts.items())
    yield f'<div class="legend">{"".join(legend)}<span>{_safe(report.how)}</span></div>'
    shown = report.broken if only_broken else report.results
    by_category = {c: [r for r in shown if r.promise.category is c] for c in Category}
    yield "<h2>At a glance</h2>"
    yield f'<div class="grid">{"".join(_tile(c, found) for c, found in by_category.items() if found)}</div>'
    remarks = list(report.remarks)
    if remarks:
        yield "<h2>Notes</h2>"
        yield f"<ul>{''.join(f'<li>{_safe(remark)}</li>' for remark in remarks)}</ul>"
    if report.open_questions:
        yield "<h2>Left open by the documents, and how this server reads it</h2>"
        yield f'<div class="card">{"".join(_question(*one) for one in report.open_questions)}</div>'
    for category, found in by_category.items():
        if found:
            yield f'<h2 id="{category.name.lower()}">{_safe(category.value)}</h2>'
            yield f'<div class="card">{"".join(_row(one) for one in _sorted(found))}</div>'
    yield _footer()


def _footer() -> str:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<footer>Written by <code>signalwire-conferences verify</code> {version()}, {now}</footer>"


def _question(question: Question, reading: str) -> str:
    told = f"{_safe(question.question)} <b>{_safe(reading)}</b>"
    return (
        f'<div class="row"><div class="line"><span>{told}</span>'
        f'<span class="id">{_safe(question.id)}</span></div>'
        f'<p class="why">{_safe(question.documents)}</p></div>'
    )


def _not_verified(why: str) -> str:
    return f'<div class="verdict open">Not verified: {_safe(why)}</div>'


def _verdict(counts: dict[Outcome, int], report: Report) -> str:
    broken = counts[Outcome.BROKEN]
    if broken:
        return f'<div class="verdict broken">{broken} of {len(report.results)} promises broken</div>'
    if report.could_not_run:
        return _not_verified(report.stopped or "not every check came to its end")
    how = "Every promise that could be tried is kept" if counts[Outcome.NOT_EXERCISED] else "Every promise is kept"
    return f'<div class="verdict kept">{how}</div>'


def _broken_first(counts: dict[Outcome, int]) -> dict[Outcome, int]:
    return {o: counts[o] for o in (Outcome.BROKEN, Outcome.NOT_EXERCISED, Outcome.KEPT)}


def _sorted(results: list[Result]) -> list[Result]:
    order = list(_broken_first(dict.fromkeys(Outcome, 0)))
    return sorted(results, key=lambda one: (order.index(one.outcome), one.promise.id))


def _tile(category: Category, results: list[Result]) -> str:
    found = [one.outcome for one in results]
    broken, not_tried = found.count(Outcome.BROKEN), found.count(Outcome.NOT_EXERCISED)
    parts = [f"{broken} broken"] if broken else []
    parts += [f"{found.count(Outcome.KEPT)} kept"] + ([f"{not_tried} not exercised"] if not_tried else [])
    style = "tile broken" if broken else "tile"
    return (
        f'<a class="{style}" href="#{category.name.lower()}"><strong>{_safe(category.value)}</strong>'
        f"<span>{', '.join(parts)}</span></a>"
    )


def _row(result: Result) -> str:
    style, promise = _CLASSES[result.outcome], result.promise
    mark = f'<span class="mark {style}" title="{result.outcome.value}">{_MARKS[result.outcome]}</span>'
    line = (
        f'<div class="line">{mark}<span>{_safe(promise.sentence)}</span>'
        f'<span class="id">{_safe(promise.id)}</span></div>'
    )
    if result.outcome is Outcome.BROKEN:
        script = f"<pre>{_safe(result.findings[0].script)}</pre>" if result.findings else ""
        told = "".join(
            f'<p class="why broken-why">{_safe(one.message)}</p>'
            f'<p class="why">sent: {_safe(one.sent)}<br>'
            f"received: {_safe(one.received)}<br>expected: {_safe(one.expected)}<br>"
            f"says: {_safe(one.where)}</p>"
            for one in result.findings
        )
        told = told or f'<p class="why broken-why">{_safe(result.message)}</p>'
        return f"<details open><summary>{line}</summary>{told}{script}</details>"
    why = f'<p class="why">{_safe(result.message)}</p>' if result.message else ""
    return f'<div class="row">{line}{why}</div>'


def _safe(said: str) -> str:
    shown = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in said)
    return html.escape(shown)
