"""What Schemathesis loads in its own process: it writes to its own conferences only, and marks them, and
no answer costs more memory than it may. To import this module registers its hooks for the whole
process, so nothing here imports it.
"""

import itertools
import math
import os
import signal
import uuid
from typing import Any

import schemathesis
from requests.adapters import HTTPAdapter

from .api import Api
from .created import DISPLAY_PREFIX, NAME_PREFIX, CreatedConferences, NotOurs
from .credentials import basic
from .http import NoResponse, bounded, page_limits

_MARK = os.environ.get("SIGNALWIRE_CONFERENCES_VERIFY_MARK", "")
_LIMITS = page_limits(100)
_MOST_RECEIVED = 3 * 2**24  # bytes of all answers: Schemathesis keeps them all

_numbers = itertools.count(1)
_received = [0]


def _own() -> CreatedConferences:
    """The conferences of the run that started this process."""
    pair = (os.environ.get(f"SIGNALWIRE_{name}", "") for name in ("PROJECT_ID", "API_TOKEN"))
    right = basic(":".join(pair).encode("latin-1").decode(), "", right=True)
    api = Api(os.environ.get("SIGNALWIRE_CONFERENCES_VERIFY_URL", ""), right, timeout=5.0, deadline=math.inf)
    api.seen = lambda _exchange: None
    own = CreatedConferences(api, writes=True, named=None)
    own.marks = [_MARK]
    return own


_created = _own()


def _ours(conference_id: str, *, absent_too: bool = False) -> bool:
    try:
        return _created.prove(conference_id, absent_too=absent_too)
    except NotOurs:
        return False


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - the hook's signature
    """Only conferences of this run are written to, and every create has its mark."""
    body = case.body
    if isinstance(body, dict):
        # In place: a body that is replaced is no longer known to be a valid one.
        if str(body.get("name", "")).startswith(NAME_PREFIX) or (case.method.upper() == "POST" and "name" not in body):
            body["name"] = f"{NAME_PREFIX}{_MARK}-g{next(_numbers)}"
        if isinstance(body.get("display_name"), str) and 0 < len(body["display_name"]) <= 200:
            body["display_name"] = f"{DISPLAY_PREFIX} {_MARK}"
    path = case.path_parameters or {}
    if case.method.upper() not in ("GET", "HEAD") and "id" in path and not _ours(str(path["id"])):
        unknown = next((one for one in (str(uuid.uuid4()) for _ in range(3)) if _ours(one, absent_too=True)), None)
        if unknown is None:
            raise RuntimeError("every id has a conference: nothing can be written that harms nobody")
        case.path_parameters = {**path, "id": unknown}


_send = HTTPAdapter.send


def _bounded_send(self: HTTPAdapter, request: Any, **options: Any) -> Any:
    """As requests sends it, but for answers that are long, or that expand."""
    response = _send(self, request, **{**options, "stream": True})
    content, most = b"", _LIMITS.bytes
    while len(content) <= most and (chunk := response.raw.read(2**16, decode_content=False)):
        content += chunk
    response.raw.close() if len(content) > most else response.raw.release_conn()
    try:
        content = bounded(content, response.headers.get("content-encoding", ""), _LIMITS)
    except NoResponse:
        content = b""
    response._content, response._content_consumed = content, True
    if _received[0] < _MOST_RECEIVED <= _received[0] + len(content):
        signal.raise_signal(signal.SIGINT)  # it ends with what it found until now
    _received[0] += len(content)
    return response


setattr(HTTPAdapter, "send", _bounded_send)  # noqa: B010 - in a process of its own
