"""What Schemathesis loads in its own process: it writes to its own conferences only, and marks them, and
no answer costs more memory than it may. To import this module registers its hooks for the whole
process, so nothing here imports it.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import uuid
from typing import Any

import httpx
import schemathesis
from requests.adapters import HTTPAdapter

from signalwire_conferences import contract

from .created import DISPLAY_PREFIX, NAME_PREFIX, carries
from .credentials import basic
from .http import Http, Limits, NoResponse, bounded

__all__: list[str] = []

_MARK = os.environ.get("SIGNALWIRE_CONFERENCES_VERIFY_MARK", "")
_URL = os.environ.get("SIGNALWIRE_CONFERENCES_VERIFY_URL", "")
_SECONDS = 5.0
_MOST_RECEIVED = 3 * 2**24  # bytes of all answers: Schemathesis keeps them all

_numbers = itertools.count(1)
_proven: set[str] = set()
_received = [0]
_http = Http(_URL) if _URL else None


def _read(conference_id: str) -> Any:
    """The conference, `None` where there is none, and an empty one where that is not known."""
    pair = ":".join(
        os.environ[name].encode("latin-1").decode() for name in ("SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN")
    )
    path = contract.operation("list_video_conferences").path
    request = httpx.Request(
        "GET", f"{_URL}{path}/{conference_id}", headers={"Authorization": basic(pair, "").header or ""}
    )
    try:
        answer = _http.ask(request, _SECONDS, fresh=False) if _http else None
        if answer is None or answer.status_code == 404:
            return None
        found = json.loads(answer.content) if answer.status_code == 200 else {}
    except (NoResponse, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _ours(conference_id: str) -> bool:
    if conference_id not in _proven and carries(_read(conference_id) or {}, _MARK):
        _proven.add(conference_id)
    return conference_id in _proven


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
        for _ in range(3):
            unknown = str(uuid.uuid4())
            if _read(unknown) is None:
                break
        else:
            raise RuntimeError("every id has a conference: nothing can be written that harms nobody")
        case.path_parameters = {**path, "id": unknown}


_send = HTTPAdapter.send


def _bounded_send(self: HTTPAdapter, request: Any, **options: Any) -> Any:
    """As requests sends it, but for answers that are long, or that expand."""
    response = _send(self, request, **{**options, "stream": True})
    content, most = b"", Limits.FEW.value[0]
    while len(content) <= most and (chunk := response.raw.read(2**16, decode_content=False)):
        content += chunk
    response.raw.close() if len(content) > most else response.raw.release_conn()
    try:
        content = bounded(content, response.headers.get("content-encoding", ""), Limits.FEW)
    except NoResponse:
        content = b""
    response._content, response._content_consumed = content, True
    if _received[0] < _MOST_RECEIVED <= _received[0] + len(content):
        signal.raise_signal(signal.SIGINT)  # it ends with what it found until now
    _received[0] += len(content)
    return response


setattr(HTTPAdapter, "send", _bounded_send)  # noqa: B010 - in a process of its own
