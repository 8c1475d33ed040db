"""Faults in whether, when and how often a request is applied. Each is given the request on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from .exchange import Dropped, Reply, refused
from .steps import Step
from .store import Store

_LOGIN = b"<!doctype html><title>Sign in</title><form method=post><input name=user></form>"


async def latency(step: Step, seconds: float) -> Reply:
    """The answer comes SECONDS late; the request is applied after the wait."""
    await step.call.sleep(seconds)
    return await step.proceed()


async def drop_before(_step: Step) -> Reply:
    """The connection is closed without an answer; the request is not applied."""
    raise Dropped


async def drop_after(step: Step) -> Reply:
    """The request is applied, and the connection closed without an answer."""
    await step.proceed()
    raise Dropped


async def hang_before(step: Step) -> Reply:
    """No answer ever comes; the request is not applied."""
    await step.call.disconnected()
    raise Dropped


async def hang_after(step: Step) -> Reply:
    """The request is applied, and no answer ever comes."""
    await step.proceed()
    return await hang_before(step)


async def late_apply(step: Step, seconds: float) -> Reply:
    """No answer ever comes, and the request is applied after SECONDS."""
    step.call.background(latency(step, seconds))
    return await hang_before(step)


async def lands_later(step: Step, code: int = 504, requests: int | None = None) -> Reply:
    """The answer has status CODE now; the request is applied after REQUESTS further ones.

    Without REQUESTS it is applied by `server.faults.land()`. A 2xx says `{"status": "accepted"}`.
    """
    step.call.postponed.append((requests, step.proceed))
    return Reply.json({"status": "accepted"}, code) if code < 300 else refused(code).reply


async def status(_step: Step, code: int, retry_after: str | int | None = None) -> Reply:
    """The request is not applied; the answer has status CODE, and RETRY_AFTER if given."""
    return refused(code, {} if retry_after is None else {"retry-after": str(retry_after)}).reply


async def failed_after(step: Step, code: int = 500) -> Reply:
    """The request is applied, and the answer has status CODE all the same."""
    await step.proceed()
    return refused(code).reply


async def repeated(step: Step) -> Reply:
    """A proxy sends the request twice, and the second answer comes.

    That is a 412 where the first request met its `If-Match`, and a 404 for a DELETE.
    """
    await step.proceed()
    return await step.proceed()


async def login_page(_step: Step) -> Reply:
    """The request is not applied; the answer is a login page, with status 200."""
    return Reply(200, _LOGIN, {"content-type": "text/html; charset=utf-8"})


async def redirect(_step: Step, location: str, code: int = 307) -> Reply:
    """The request is not applied; the answer sends the client to LOCATION."""
    return Reply(code, headers={"location": location})


async def foreign_write(
    step: Step,
    changes: Mapping[str, Any] | Callable[[Store], object],
    when: Literal["before", "after"] = "before",
    allow_unknown: bool = False,
) -> Reply:
    """Somebody else sets the fields CHANGES just before or after (WHEN) the request is applied.

    With ALLOW_UNKNOWN to any values, as those of a newer server.
    """
    reply = await step.proceed() if when == "after" else None
    conference_id = step.call.conference_id
    if callable(changes):
        changes(step.store)
    elif conference_id is not None and conference_id in step.store:
        step.store.patch(conference_id, changes, allow_unknown=allow_unknown)
    return reply or await step.proceed()


async def etag(step: Step, on: bool) -> Reply:
    """The answer has an `ETag` and `If-Match` is heeded, or neither."""
    step.call.etag = on
    return await step.proceed()
