"""The entries of a 422: one for each attribute that failed."""

from __future__ import annotations

from ..promises.promises import ensure
from .exchange import Exchange

__all__ = ["one_entry_each"]


def one_entry_each(answer: Exchange, failed: set[str], before: tuple[Exchange, ...] = ()) -> None:
    """Demands that a 422 has one entry for each of these attributes, and none for another."""
    value = answer.value
    entries = value.get("errors") if isinstance(value, dict) else None
    ensure(isinstance(entries, list) and entries, "a 422 without entries in errors", *before, answer)
    named = [e.get("attribute") for e in entries or () if isinstance(e, dict)]
    wrong = {name for name in named if name is not None} - failed
    ensure(not wrong, f"an entry names {', '.join(map(repr, wrong))}, which was valid", *before, answer)
    ensure(
        len(named) == len(failed),
        f"{len(failed)} attributes failed ({', '.join(sorted(failed))}), errors has {len(named)} entries",
        *before,
        answer,
    )
    if None not in named:
        lost = failed - set(named)
        ensure(not lost, f"no entry names {', '.join(sorted(lost))}", *before, answer)
