"""How this server reads what the documents leave open: noted as it comes up."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, define, frozen

from .exchange import Exchange

__all__ = ["Noted", "Readings"]


@frozen
class Noted:
    """One reading.

    Attributes:
        reading: what the server did, in words.
        exchange: the first request that showed it.
    """

    reading: str
    exchange: Exchange


@define
class Readings:
    """The readings of a run: question -> case -> reading. A case is what may be read in its own way."""

    noted: dict[str, dict[str, Noted]] = Factory(dict)

    def note(self, question: str, case: str, reading: str, exchange: Exchange) -> Noted | None:
        """Keeps a reading; another one that came up before is returned."""
        first = self.noted.setdefault(question, {}).setdefault(case, Noted(reading, exchange))
        return first if first.reading != reading else None

    def of(self, question: str) -> Mapping[str, str]:
        """The readings of a question, by case."""
        return {case: one.reading for case, one in self.noted.get(question, {}).items()}
