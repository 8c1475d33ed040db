"""A report from the templates beside this module: as a page of HTML that needs nothing else, and as JUnit XML."""

import datetime
from typing import Any

import jinja2
from markupsafe import Markup

from signalwire_conferences import __version__

from .report import Report, printable


def html(told: Report | str) -> str:
    """A report, or why there is none, for people."""
    return _rendered("report.html", told)


def junit(told: Report | str) -> str:
    """The same as JUnit XML: a suite for each category, a case for each promise."""
    return _rendered("junit.xml", told)


def _rendered(template: str, told: Report | str) -> str:
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_printable,
        loader=jinja2.PackageLoader(__package__ or "", "."),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    report, failure = (None, told) if isinstance(told, str) else (told, "")
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template(template).render(report=report, failure=failure, version=__version__, now=now)


def _printable(value: Any) -> Any:
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)
