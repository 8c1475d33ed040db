"""Everything that can go wrong with a request."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from attrs import field, frozen

from signalwire_conferences import contract
from signalwire_conferences.values import encode_json

from . import times
from .exchange import Call, Dropped, Reply, checked_header, checked_status, refused
from .steps import Proceed, Run, Step, answer, hang, stored, told
from .store import Store

__all__ = ["Fault"]

#: Content coding -> zlib's name of its format.
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


@frozen
class Fault:
    """One thing that goes wrong with a request. The class methods are the kinds.

    Attributes:
        name: the kind and its arguments.
    """

    name: str
    _run: Run = field(repr=False, eq=False)

    def around(self, call: Call, store: Store, proceed: Proceed) -> Proceed:
        """The rest of a request with this fault around it."""
        return partial(self._run, Step(call, store, proceed))

    def __str__(self) -> str:
        return self.name

    # --- no answer, or a late one -------------------------------------------------------------

    @classmethod
    def latency(cls, seconds: float) -> Fault:
        """The answer comes SECONDS late; the request is applied after the wait."""

        async def run(step: Step) -> Reply:
            await asyncio.sleep(seconds)
            return await step.proceed()

        return cls(f"latency {seconds}", run)

    @classmethod
    def drop_before(cls) -> Fault:
        """The connection is closed without an answer; the request is not applied."""

        async def run(_step: Step) -> Reply:
            raise Dropped

        return cls("drop-before", run)

    @classmethod
    def drop_after(cls) -> Fault:
        """The request is applied, and the connection closed without an answer."""

        async def run(step: Step) -> Reply:
            await step.proceed()
            raise Dropped

        return cls("drop-after", run)

    @classmethod
    def hang_before(cls) -> Fault:
        """No answer ever comes; the request is not applied."""

        async def run(step: Step) -> Reply:
            await hang(step)

        return cls("hang-before", run)

    @classmethod
    def hang_after(cls) -> Fault:
        """The request is applied, and no answer ever comes."""

        async def run(step: Step) -> Reply:
            await step.proceed()
            await hang(step)

        return cls("hang-after", run)

    @classmethod
    def late_apply(cls, seconds: float) -> Fault:
        """No answer ever comes, and the request is applied after SECONDS."""

        async def run(step: Step) -> Reply:
            async def apply() -> None:
                await asyncio.sleep(seconds)
                await step.proceed()

            step.call.background(apply())
            await hang(step)

        return cls(f"late-apply {seconds}", run)

    @classmethod
    def lands_later(cls, code: int = 504, requests: int | None = None) -> Fault:
        """The answer has status CODE now; the request is applied after REQUESTS further ones.

        Without REQUESTS it is applied by `server.faults.land()`. A 2xx says `{"status": "accepted"}`.
        """
        checked_status(code)

        async def run(step: Step) -> Reply:
            step.call.postponed.append((requests, step.proceed))
            return Reply.json({"status": "accepted"}, code) if code < 300 else refused(code).reply

        return cls(f"lands-later {code}" + ("" if requests is None else f" {requests}"), run)

    # --- an answer of its own -----------------------------------------------------------------

    @classmethod
    def status(cls, code: int, retry_after: str | int | None = None) -> Fault:
        """The request is not applied; the answer has status CODE, and RETRY_AFTER if given."""
        headers = {} if retry_after is None else {"retry-after": checked_header(str(retry_after))}
        checked_status(code)

        async def run(_step: Step) -> Reply:
            return refused(code, headers).reply

        return cls(f"status {code}" + (f" {retry_after}" if headers else ""), run)

    @classmethod
    def failed_after(cls, code: int = 500) -> Fault:
        """The request is applied, and the answer has status CODE all the same."""

        checked_status(code)

        async def run(step: Step) -> Reply:
            await step.proceed()
            return refused(code).reply

        return cls(f"failed-after {code}", run)

    @classmethod
    def repeated(cls) -> Fault:
        """A proxy sends the request twice, and the second answer comes: a 412 where the first one
        met its `If-Match`, a 404 for a DELETE."""

        async def run(step: Step) -> Reply:
            await step.proceed()
            return await step.proceed()

        return cls("repeated", run)

    @classmethod
    def login_page(cls) -> Fault:
        """The request is not applied; the answer is a login page, with status 200."""

        async def run(_step: Step) -> Reply:
            page = b"<!doctype html><title>Sign in</title><form method=post><input name=user></form>"
            return Reply(200, page, {"content-type": "text/html; charset=utf-8"})

        return cls("login-page", run)

    @classmethod
    def redirect(cls, location: str, code: int = 307) -> Fault:
        """The request is not applied; the answer sends the client to LOCATION."""

        checked_status(code)
        checked_header(location)

        async def run(_step: Step) -> Reply:
            return Reply(code, headers={"location": location})

        return cls(f"redirect {location} {code}", run)

    # --- an answer that says nothing ----------------------------------------------------------

    @classmethod
    def truncated(cls, size: int | None = None) -> Fault:
        """The request is applied; the connection closes after SIZE bytes of the body, or half."""

        def cut(reply: Reply) -> None:
            reply.cut = len(reply.content) // 2 if size is None else size

        return cls("truncated" if size is None else f"truncated {size}", answer(cut))

    @classmethod
    def truncated_json(cls) -> Fault:
        """The request is applied; the answer is half of its JSON, told as if it were whole."""

        def halve(reply: Reply) -> None:
            reply.content = reply.content[: len(reply.content) // 2]

        return cls("truncated-json", answer(halve))

    @classmethod
    def body(
        cls, content: str | bytes, content_type: str = "application/json", code: int | None = None
    ) -> Fault:
        """The request is applied; the body of the answer is CONTENT, its status CODE if given."""
        raw = content.encode() if isinstance(content, str) else content
        checked_header(content_type)
        checked_status(code or 200)

        def replace(reply: Reply) -> None:
            reply.status = code or reply.status
            reply.content = raw
            reply.headers["content-type"] = content_type

        return cls(f"body {raw!r} {content_type}" + (f" {code}" if code else ""), answer(replace))

    @classmethod
    def html(cls) -> Fault:
        """The request is applied; the body of the answer is a page of HTML."""
        page = "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"
        return cls("html", cls.body(page, "text/html; charset=utf-8")._run)

    @classmethod
    def empty(cls) -> Fault:
        """The request is applied; the body of the answer is empty."""
        return cls("empty", cls.body("")._run)

    @classmethod
    def non_object(cls) -> Fault:
        """The request is applied; the body of the answer is a JSON list."""
        return cls("non-object", cls.body("[]")._run)

    # --- an answer that is hard to read -------------------------------------------------------

    @classmethod
    def byte_order_mark(cls) -> Fault:
        """The request is applied; the body of the answer begins with a byte order mark."""

        def mark(reply: Reply) -> None:
            reply.content = b"\xef\xbb\xbf" + reply.content

        return cls("byte-order-mark", answer(mark))

    @classmethod
    def compressed(cls, encoding: str = "gzip", size: int = 0) -> Fault:
        """The request is applied; the answer is compressed, whatever the client accepts.

        ENCODING is gzip, deflate, or several with commas; any other is a label on what is not
        compressed. SIZE spaces follow the JSON before that, which still is the same JSON then.
        """
        checked_header(encoding)

        def compress(reply: Reply) -> None:
            reply.content = _encoded(reply.content, size, encoding)
            reply.headers["content-encoding"] = encoding

        return cls(f"compressed {encoding} {size}", answer(compress))

    @classmethod
    def compressed_etag(cls) -> Fault:
        """Where the client accepts gzip, the answer comes so, with an `ETag` that never matches."""

        async def run(step: Step) -> Reply:
            reply = await step.proceed()
            if step.call.accepts_gzip:
                reply.content = _encoded(reply.content, 0, "gzip")
                reply.headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
                if "etag" in reply.headers:
                    reply.headers["etag"] = reply.headers["etag"][:-1] + '-gzip"'
            return reply

        return cls("compressed-etag", run)

    @classmethod
    def cookie(cls) -> Fault:
        """The request is applied; the answer sets a cookie of a new name."""

        def bake(reply: Reply) -> None:
            reply.headers["set-cookie"] = f"session-{uuid.uuid4()}=1; Path=/; Max-Age=86400"

        return cls("cookie", answer(bake))

    @classmethod
    def empty_page(cls) -> Fault:
        """The page is empty, and links to the page asked for once more, by a URL of its own."""

        async def run(step: Step) -> Reply:
            reply = await step.proceed()
            value = reply.value()
            if reply.status == 200 and step.call.conference_id is None and "links" in value:
                following = f"{value['links']['self']}&again={uuid.uuid4()}"
                reply.content = encode_json({"links": {**value["links"], "next": following}, "data": []})
            return reply

        return cls("empty-page", run)

    # --- an answer that is not true -----------------------------------------------------------

    @classmethod
    def stale_read(cls) -> Fault:
        """The answer tells of the state before the last write; that to a PUT, before this one."""

        async def run(step: Step) -> Reply:
            step.call.stale = True
            return await step.proceed()

        return cls("stale-read", run)

    @classmethod
    def field_dropped(cls, name: str) -> Fault:
        """The answer lacks the field NAME; what is stored is right."""
        return cls(f"field-dropped {name}", told(lambda conference: conference.pop(name, None)))

    @classmethod
    def field_told(cls, name: str, value: Any) -> Fault:
        """The answer has VALUE in the field NAME; what is stored is right."""
        shown = f"field-told {name} {json.dumps(value)}"
        return cls(shown, told(lambda conference: conference.update({name: value})))

    @classmethod
    def credentials_told(cls, name: str = "description") -> Fault:
        """The answer has the credentials of the request in the field NAME; what is stored is right."""

        async def run(step: Step) -> Reply:
            header = step.call.headers["authorization"]
            pair = base64.b64decode(header.split()[-1]).decode("utf-8", "replace")
            return await told(lambda conference: conference.update({name: f"{header} ({pair})"}))(step)

        return cls(f"credentials-told {name}", run)

    @classmethod
    def other_conference(cls, conference_id: str | None = None) -> Fault:
        """The request is applied; the answer is of another conference, CONFERENCE_ID or any."""

        async def run(step: Step) -> Reply:
            reply = await step.proceed()
            other = conference_id or next((key for key in step.store if key != step.call.conference_id), None)
            if reply.status == 200 and other is not None:
                state = step.store[other]
                state.pop("active_session", None)
                reply.content = Reply.json(state).content
            return reply

        return cls("other-conference" + (f" {conference_id}" if conference_id else ""), run)

    # --- a write that goes wrong --------------------------------------------------------------

    @classmethod
    def field_lost(cls, name: str) -> Fault:
        """The field NAME is reset, as if it had been left out; an unknown field is gone."""

        def lose(_before: Mapping[str, Any], after: Any) -> None:
            known = contract.fields(contract.UPDATE).get(name)
            after.pop(name, None)
            if known is not None:
                after[name] = known.default

        return cls(f"field-lost {name}", stored(lose))

    @classmethod
    def field_ignored(cls, name: str) -> Fault:
        """What is written to the field NAME is not taken."""

        def ignore(before: Mapping[str, Any], after: Any) -> None:
            if name in before:
                after[name] = before[name]

        return cls(f"field-ignored {name}", stored(ignore))

    @classmethod
    def field_changed(cls, name: str, value: Any) -> Fault:
        """VALUE is stored in the field NAME, known or unknown, whatever is written."""
        changed = f"field-changed {name} {json.dumps(value)}"
        return cls(changed, stored(lambda _before, after: after.update({name: value})))

    @classmethod
    def field_nulled(cls, name: str) -> Fault:
        """Null is stored in the field NAME, known or unknown."""
        return cls(f"field-nulled {name}", cls.field_changed(name, None)._run)

    @classmethod
    def field_emptied(cls, name: str) -> Fault:
        """The field NAME, known or unknown, becomes empty of its kind: false, 0, "", [] or {}."""

        def empty(_before: Mapping[str, Any], after: Any) -> None:
            if name in after:
                after[name] = type(after[name])()

        return cls(f"field-emptied {name}", stored(empty))

    @classmethod
    def field_counted(cls, name: str) -> Fault:
        """The field NAME counts the writes: one more than before, from 0 where it is no number."""

        def count(before: Mapping[str, Any], after: Any) -> None:
            number = before.get(name)
            after[name] = (number if isinstance(number, (int, float)) else 0) + 1

        return cls(f"field-counted {name}", stored(count))

    @classmethod
    def times_kept(cls, digits: int = 0, how: Literal["cut", "rounded"] = "cut") -> Fault:
        """Times are kept to DIGITS of a fraction of a second, the rest is cut or rounded (HOW)."""

        def shorten(_before: Mapping[str, Any], after: Any) -> None:
            for name, known in contract.fields(contract.UPDATE).items():
                if known.kind is contract.Kind.INSTANT and isinstance(after.get(name), str):
                    after[name] = times.shortened(after[name], digits, rounded=how == "rounded")

        return cls(f"times-kept {digits} {how}", stored(shorten))

    @classmethod
    def meta_wiped(cls) -> Fault:
        """The write empties `meta`."""
        return cls("meta-wiped", cls.field_changed("meta", {})._run)

    # --- other writers, and ETag --------------------------------------------------------------

    @classmethod
    def foreign_write(
        cls,
        changes: Mapping[str, Any] | Callable[[Store], object],
        when: Literal["before", "after"] = "before",
    ) -> Fault:
        """Somebody else sets the fields CHANGES just before or after the request is applied."""

        def write(step: Step) -> None:
            conference_id = step.call.conference_id
            if callable(changes):
                changes(step.store)
            elif conference_id is not None and conference_id in step.store:
                step.store.patch(conference_id, changes)

        async def run(step: Step) -> Reply:
            if when == "before":
                write(step)
            reply = await step.proceed()
            if when == "after":
                write(step)
            return reply

        what = "<callable>" if callable(changes) else json.dumps(dict(changes))
        return cls(f"foreign-write {what} {when}", run)

    @classmethod
    def etag(cls, on: bool) -> Fault:
        """The answer has an `ETag` and `If-Match` is heeded, or neither."""

        async def run(step: Step) -> Reply:
            step.call.etag = on
            return await step.proceed()

        return cls(f"etag {json.dumps(on)}", run)


@functools.lru_cache(4)
def _encoded(content: bytes, spaces: int, encoding: str) -> bytes:
    """Content and spaces after it, in small memory: it may expand to more than there is."""
    parts: Iterable[bytes] = [content, *[b" " * 65536] * (spaces // 65536), b" " * (spaces % 65536)]
    for name in encoding.replace(" ", "").split(","):
        if name in _WINDOWS:
            parts = _deflated(parts, _WINDOWS[name])
    return b"".join(parts)


def _deflated(parts: Iterable[bytes], window: int) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=window)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()
