"""All promises of the contract."""

from __future__ import annotations

from . import (
    acceptance,
    authentication,
    creating,
    dates,
    filters,
    ids,
    isolation,
    links,
    pages,
    put_independence,
    put_meaning,
    refusals,
    robustness,
    sessions,
    state,
    status_codes,
)
from .generic import GENERIC
from .promises import Promise, registered
from .watches import WATCHES

__all__ = ["promises"]

#: The rooms that promises are in; importing one registers them.
ROOMS = (
    acceptance,
    authentication,
    creating,
    dates,
    filters,
    ids,
    isolation,
    links,
    pages,
    put_independence,
    put_meaning,
    refusals,
    robustness,
    sessions,
    state,
    status_codes,
)


def promises() -> list[Promise]:
    """Every promise: those with a check, cheap and likely ones first; then Schemathesis, then watches."""
    return [*registered(), *GENERIC.values(), *(watch.promise for watch in WATCHES)]
