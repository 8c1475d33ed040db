"""What the contract says of an answer, to be held against it again: here, and by jq in a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from .exchange import NO_JSON, Exchange

__all__ = ["Claim", "Part", "attributes", "count", "field", "header", "ids", "listed", "status"]


@frozen
class Part:
    """A part of an answer.

    Attributes:
        exchange: the request that was answered.
        words: what it is called.
        path: where in `{"status", "headers", "body"}` it is; or of what shape, and more.
        kind: how to get it: `path`, `ids` of a list, `attributes` of a 422, `count`, `listed`.
    """

    exchange: Exchange
    words: str
    path: tuple[str | int, ...] = ()
    kind: str = "path"

    def of(self, answer: Exchange) -> Any:
        """This part of an answer, `None` where it has none."""
        try:
            body = None if answer.value is NO_JSON else answer.value
            if self.kind != "path":
                return _LISTS[self.kind](body, *self.path)
            found: Any = {"status": answer.status, "headers": answer.answer_headers, "body": body}
            for key in self.path:
                found = found.get(key) if isinstance(found, Mapping) else found[key]
        except (TypeError, LookupError, AttributeError, StopIteration):
            return None
        return found

    @property
    def value(self) -> Any:
        """This part of the answer that came."""
        return self.of(self.exchange)

    def jq(self, answer: str, literal: Callable[[Any], str]) -> str:
        """The same in jq, of an object with `status`, `headers` and `body`."""
        if self.kind == "path":
            return f"(try ({answer} | getpath({json.dumps(list(self.path))})) catch null)"
        return f"({answer} | {_JQ[self.kind].format(*map(literal, self.path))})"


_LISTS: Mapping[str, Callable[..., Any]] = {
    "ids": lambda body: [one["id"] for one in body["data"]],
    "attributes": lambda body: sorted(one["attribute"] or "" for one in body["errors"]),
    "count": lambda body: len(body["data"]),
    "listed": lambda body, known, name: next(one.get(name) for one in body["data"] if one["id"] == known),
}
_JQ = {
    "ids": "try [.body.data[].id] catch null",
    "attributes": 'try ([.body.errors[].attribute // ""] | sort) catch null',
    "count": "try (.body.data | length) catch null",
    "listed": "try first(.body.data[] | select(.id == {0}) | .[{1}]) catch null",
}


def status(exchange: Exchange) -> Part:
    """The status of an answer."""
    return Part(exchange, "status", ("status",))


def header(exchange: Exchange, name: str) -> Part:
    """A header field of an answer."""
    return Part(exchange, f"header {name}", ("headers", name.lower()))


def field(exchange: Exchange, *path: str | int) -> Part:
    """A value in the body of an answer."""
    return Part(exchange, ".".join(map(str, path)) or "body", ("body", *path))


def ids(exchange: Exchange) -> Part:
    """The ids of the conferences on a page."""
    return Part(exchange, "ids on the page", kind="ids")


def count(exchange: Exchange) -> Part:
    """How many conferences are on a page."""
    return Part(exchange, "number of conferences on the page", kind="count")


def attributes(exchange: Exchange) -> Part:
    """The attributes that a 422 names, sorted."""
    return Part(exchange, "attributes in errors", kind="attributes")


def listed(exchange: Exchange, conference_id: str, name: str) -> Part:
    """A field of a conference on a page."""
    return Part(exchange, f"{name} of {conference_id}", (conference_id, name), "listed")


def _texts(got: Any) -> str:
    return got if isinstance(got, str) else json.dumps(got)


@frozen
class _How:
    words: str
    holds: Callable[[Any, Any], bool]
    jq: str  # {0} is what came, {1} what has to be


_HOWS = {
    "is": _How("{}", lambda got, want: got == want and type(got) is type(want), "{0} == {1}"),
    "is not": _How("anything but {}", lambda got, want: got != want, "{0} != {1}"),
    "in": _How("one of {}", lambda got, want: got in want, "({0} as $got | any({1}[]; . == $got))"),
    "has": _How("with {}", lambda got, want: all(one in (got or ()) for one in want), "(({1} - ({0} // [])) == [])"),
    "has key": _How("with {}", lambda got, want: want in (got or ()), "(({0} // {{}}) | has({1}))"),
    "lacks": _How(
        "without {}",
        lambda got, want: not any(one in (got or ()) for one in want),
        "({1} as $want | ($want - ($want - ({0} // []))) == [])",
    ),
    "at most": _How("at most {}", lambda got, want: got is not None and got <= want, "({0} <= {1})"),
    "at least": _How("at least {}", lambda got, want: got is not None and got >= want, "({0} >= {1})"),
    "starts": _How(
        "beginning with one of {}",
        lambda got, want: _texts(got).startswith(tuple(want)),
        "({0} | tostring) as $got | any({1}[]; . as $start | $got | startswith($start))",
    ),
    "mentions": _How(
        "with {}", lambda got, want: want in _texts(got).lower(), "({0} | tostring | ascii_downcase | contains({1}))"
    ),
    "all different": _How(
        "each once",
        lambda got, _want: len(set(map(_texts, got or ()))) == len(got or ()),
        "({0} // []) | (length == (unique | length))",
    ),
}


@frozen
class Claim:
    """What the contract says of a part of an answer.

    Attributes:
        part: the part.
        how: one of `is`, `is not`, `in`, `has`, `has key`, `lacks`, `at most`, `at least`, `starts`,
            `mentions`, `all different`.
        want: a JSON value, or a part of another answer.
    """

    part: Part
    how: str = "is"
    want: Any = None

    @property
    def exchanges(self) -> list[Exchange]:
        """The answers that it is about."""
        return [self.part.exchange, *([self.want.exchange] if isinstance(self.want, Part) else [])]

    @property
    def is_so(self) -> bool:
        """Whether it is so for the answers that came."""
        return _HOWS[self.how].holds(self.part.value, self.want.value if isinstance(self.want, Part) else self.want)

    def holds(self, answers: Mapping[Exchange, Exchange], own: Callable[[Any], Any]) -> bool:
        """Whether it is so for other answers to the same requests.

        Args:
            answers: the answers, by those that came at first.
            own: ids and names of then as those of now.
        """

        def of(part: Part) -> Any:
            return Part(part.exchange, part.words, tuple(map(own, part.path)), part.kind).of(answers[part.exchange])

        return _HOWS[self.how].holds(of(self.part), of(self.want) if isinstance(self.want, Part) else own(self.want))

    def jq(self, answer: Callable[[Exchange], str], literal: Callable[[Any], str]) -> str:
        """The same in jq.

        Args:
            answer: what an answer is called there.
            literal: a JSON value there.
        """
        got = self.part.jq(answer(self.part.exchange), literal)
        want = self.want
        said = want.jq(answer(want.exchange), literal) if isinstance(want, Part) else literal(want)
        return _HOWS[self.how].jq.format(got, said)

    @property
    def expected(self) -> str:
        """What has to be, in words."""
        want = self.want
        said = f"{_brief(want.value)} ({want.words} of {want.exchange})" if isinstance(want, Part) else _brief(want)
        return f"{self.part.words}: {_HOWS[self.how].words.format(said)}"

    @property
    def received(self) -> str:
        """What came, in words."""
        return f"{self.part.words}: {_brief(self.part.value)}"


def _brief(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:197]}..."
