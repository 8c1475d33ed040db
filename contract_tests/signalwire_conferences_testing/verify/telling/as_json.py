"""A report as JSON."""

import json
from typing import Any

from .report import Report, Result

_OF_FINDING = ("message", "sent", "received", "expected", "where", "script", "seen_again")


def value(report: Report) -> dict[str, Any]:
    """A report as a JSON value."""
    return {
        **report.about,
        "seed": report.options.seed,
        "seconds": round(report.seconds, 2),
        "requests": report.requests,
        "counts": report.counts,
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


def text(told: Report | str) -> str:
    """A report, or why there is none, as JSON text."""
    return json.dumps({"error": told} if isinstance(told, str) else value(told), indent=2)


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
