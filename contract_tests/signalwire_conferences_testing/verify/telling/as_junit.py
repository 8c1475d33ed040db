"""A report as JUnit XML: a suite for each category, a case for each promise."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ..promises import Category
from .report import Outcome, Report, Result, about

__all__ = ["failure", "text"]

_ALL = "signalwire-conferences verify"
# XML 1.0 has no place for these, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(report: Report, *, only_broken: bool = False) -> str:
    """A report as JUnit XML."""
    error = "; ".join(report.remarks) or "nothing could be tried" if report.could_not_run else ""
    suites = ElementTree.Element("testsuites", _counts(_ALL, report.broken if only_broken else report.results, error))
    properties = ElementTree.SubElement(suites, "properties")
    questions = {f"open/{question.id}": reading for question, reading in report.open_questions}
    for name, told in {**about(report), **questions}.items():
        ElementTree.SubElement(properties, "property", name=name, value=_clean(told))
    for category in Category:
        shown = report.broken if only_broken else report.results
        results = [one for one in shown if one.promise.category is category]
        if results:
            suite = ElementTree.SubElement(suites, "testsuite", _counts(category.value, results))
            for result in results:
                _case(suite, result)
    return _written(suites, error)


def failure(why: str) -> str:
    """A verification that could not run, as JUnit XML: one case with an error."""
    return _written(ElementTree.Element("testsuites", _counts(_ALL, [], why)), why)


def _written(suites: ElementTree.Element, error: str) -> str:
    if error:
        suite = ElementTree.SubElement(suites, "testsuite", _counts("verification", [], error))
        case = ElementTree.SubElement(suite, "testcase", classname="contract", name="verify", time="0.000")
        ElementTree.SubElement(case, "error", message=_clean(error))
    ElementTree.indent(suites)
    body = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _counts(name: str, results: list[Result], error: str = "") -> dict[str, str]:
    found = [one.outcome for one in results]
    return {
        "name": name,
        "tests": str(len(found) + bool(error)),
        "failures": str(found.count(Outcome.BROKEN)),
        "skipped": str(found.count(Outcome.NOT_EXERCISED)),
        "errors": str(int(bool(error))),
        "time": f"{sum(one.seconds for one in results):.3f}",
    }


def _case(suite: ElementTree.Element, result: Result) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"contract.{result.promise.id.partition('/')[0]}",
        name=f"{result.promise.id}: {result.promise.sentence}",
        time=f"{result.seconds:.3f}",
    )
    if result.outcome is Outcome.BROKEN:
        failure = ElementTree.SubElement(case, "failure", message=_clean(result.message))
        parts = (
            f"{one.message}\nsent: {one.sent}\nreceived: {one.received}\nexpected: {one.expected}"
            for one in result.findings
        )
        script = result.findings[0].script if result.findings else ""
        failure.text = _clean("\n\n".join([*(parts if result.findings else [result.message]), script]))
    elif result.outcome is Outcome.NOT_EXERCISED:
        ElementTree.SubElement(case, "skipped", message=_clean(result.message))


def _clean(said: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", said)
