"""A report as JSON."""

import json
from typing import Any

from .report import Outcome, Report, Result, about

_OF_FINDING = ("message", "sent", "received", "expected", "where", "script", "seen_again")


def value(report: Report) -> dict[str, Any]:
    """A report as a JSON value."""
    return {
        **about(report),
        "seed": report.options.seed,
        "seconds": round(report.seconds, 2),
        "requests": report.requests,
        "counts": {outcome.value: len(report.having(outcome)) for outcome in Outcome},
        "stopped": report.stopped or None,
        "notes": report.notes,
        "faults": report.faults,
        "leftovers": report.leftovers,
        "not_removed": report.stayed,
        "open_questions": [
            {
                "id": question.id,
                "question": question.question,
                "documents": question.documents,
                "readings": list(question.readings),
                "reading": reading,
                "cases": dict(report.readings[question.id]),
            }
            for question, reading in report.open_questions
        ],
        "promises": [_promise(one) for one in report.shown],
    }


def text(report: Report) -> str:
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
        "because": list(result.because),
        "seconds": round(result.seconds, 3),
        "requests": result.requests,
        "reproduce": list(result.commands),
        "script": result.script or None,
        "findings": [{name: getattr(one, name) for name in _OF_FINDING} for one in result.findings],
    }
