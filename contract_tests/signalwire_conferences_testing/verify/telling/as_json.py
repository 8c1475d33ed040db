"""A report as JSON."""

from __future__ import annotations

import json
from typing import Any

from ..promises.promises import Outcome, Result
from .report import Report

__all__ = ["failure", "text", "value"]


def value(report: Report) -> dict[str, Any]:
    """A report as a JSON value."""
    return {
        "url": report.options.url,
        "seed": report.options.seed,
        "seconds": round(report.seconds, 2),
        "requests": report.requests,
        "counts": {outcome.value: len(report.having(outcome)) for outcome in Outcome},
        "stopped": report.stopped or None,
        "notes": report.notes,
        "faults": report.faults,
        "leftovers": report.leftovers,
        "not_removed": report.stayed,
        "promises": [_promise(result) for result in report.results],
    }


def text(report: Report) -> str:
    """A report as JSON text."""
    return json.dumps(value(report), indent=2)


def failure(why: str) -> str:
    """A verification that could not run, as JSON text."""
    return json.dumps({"error": why}, indent=2)


def _promise(result: Result) -> dict[str, Any]:
    return {
        "id": result.promise.id,
        "category": result.promise.category.value,
        "sentence": result.promise.sentence,
        "outcome": result.outcome.value,
        "message": result.message or None,
        "seconds": round(result.seconds, 3),
        "requests": result.requests,
        "reproduce": list(result.commands),
    }
