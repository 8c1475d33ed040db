"""What Schemathesis loads in its own process: it writes to its own conferences only, and names them
so that they are unique and recognised. To import this module registers its hooks for the whole
process, so nothing here imports it.
"""

from __future__ import annotations

import itertools
import os
import uuid
from typing import Any

import schemathesis

from .own import NAME_PREFIX, RUN

__all__: list[str] = []

_numbers = itertools.count(1)
_created: set[str] = set()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - the hook's signature
    """No conference of somebody else is written to, wherever its id was found."""
    body = case.body
    if isinstance(body, dict) and str(body.get("name", "")).startswith(NAME_PREFIX):
        # In place: a body that is replaced is no longer known to be a valid one.
        body["name"] = f"{NAME_PREFIX}{os.environ.get(RUN, '')}-g{next(_numbers)}"
    path = case.path_parameters or {}
    if case.method.upper() not in ("GET", "HEAD", "OPTIONS") and "id" in path and path["id"] not in _created:
        case.path_parameters = {**path, "id": str(uuid.UUID(int=next(_numbers), version=4))}


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:  # noqa: ARG001 - likewise
    """The id of what was created."""
    if case.method.upper() == "POST" and 200 <= response.status_code < 300:
        try:
            value = response.json()
        except ValueError:
            return
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            _created.add(value["id"])
