"""A report as JUnit XML: a suite for each category, a case for each promise."""

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from .report import Outcome, Report, Result, about, printable


def text(report: Report) -> str:
    """A report as JUnit XML."""
    error = "; ".join(report.remarks) or "nothing could be tried" if report.could_not_run else ""
    suites = _suites(report.shown, error)
    properties = SubElement(suites, "properties")
    questions = {f"open/{question.id}": reading for question, reading in report.open_questions}
    for name, told in {**about(report), **questions}.items():
        SubElement(properties, "property", name=name, value=printable(told))
    for category, results in report.by_category.items():
        suite = SubElement(suites, "testsuite", _counts(category.value, results))
        for result in results:
            _case(suite, result)
    return _written(suites, error)


def failure(why: str) -> str:
    """A verification that could not run, as JUnit XML: one case with an error."""
    return _written(_suites([], why), why)


def _suites(results: Sequence[Result], error: str) -> Element:
    return Element("testsuites", _counts("signalwire-conferences verify", results, error))


def _written(suites: Element, error: str) -> str:
    if error:
        suite = SubElement(suites, "testsuite", _counts("verification", [], error))
        case = SubElement(suite, "testcase", classname="contract", name="verify", time="0.000")
        SubElement(case, "error", message=printable(error))
    ElementTree.indent(suites)
    body = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _counts(name: str, results: Sequence[Result], error: str = "") -> dict[str, str]:
    found = [one.outcome for one in results]
    return {
        "name": name,
        "tests": str(len(found) + bool(error)),
        "failures": str(found.count(Outcome.BROKEN)),
        "skipped": str(found.count(Outcome.NOT_EXERCISED)),
        "errors": str(int(bool(error))),
        "time": f"{sum(one.seconds for one in results):.3f}",
    }


def _case(suite: Element, result: Result) -> None:
    promise, message = result.promise, printable(result.message)
    told = {"classname": f"contract.{promise.id.partition('/')[0]}", "name": f"{promise.id}: {promise.sentence}"}
    case = SubElement(suite, "testcase", told, time=f"{result.seconds:.3f}")
    if result.outcome is Outcome.BROKEN:
        parts = ["\n".join([f.message, *(f"{k}: {v}" for k, v in f.details.items())]) for f in result.findings]
        failure = SubElement(case, "failure", message=message)
        failure.text = printable("\n\n".join([*(parts or [result.message]), result.script]))
    elif result.outcome is Outcome.NOT_EXERCISED:
        SubElement(case, "skipped", message=message)
