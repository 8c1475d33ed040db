"""What Schemathesis loads in its own process: names that are unique and recognisable."""

from __future__ import annotations

import itertools
import os
from typing import Any

import schemathesis

from .own import NAME_PREFIX

__all__ = ["RUN"]

#: Environment variable with the mark of the run.
RUN = "SIGNALWIRE_CONFERENCES_VERIFY_RUN"

_numbers = itertools.count(1)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - the hook's signature
    """A name is unique; the same example twice would be refused for that."""
    body = case.body
    if isinstance(body, dict) and str(body.get("name", "")).startswith(NAME_PREFIX):
        case.body = {**body, "name": f"{NAME_PREFIX}{os.environ.get(RUN, '')}-g{next(_numbers)}"}
