"""A report as JSON."""

from __future__ import annotations

import json
from typing import Any

from .report import Finding, Outcome, Report, Result, about

__all__ = ["failure", "text", "value"]


def value(report: Report, *, only_broken: bool = False) -> dict[str, Any]:
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
        "promises": [_promise(one) for one in (report.broken if only_broken else report.results)],
    }


def text(report: Report, *, only_broken: bool = False) -> str:
    """A report as JSON text."""
    return json.dumps(value(report, only_broken=only_broken), indent=2)


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
        "script": result.findings[0].script if result.findings else None,
        "findings": [_finding(one) for one in result.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        name: getattr(finding, name)
        for name in ("message", "sent", "received", "expected", "where", "script", "seen_again")
    }
