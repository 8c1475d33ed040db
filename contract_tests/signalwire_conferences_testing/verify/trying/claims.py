"""What the contract says of an answer, to be held against it again: here, and by jq in a script."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from .exchange import NO_JSON, Exchange


@frozen
class Part:
    """A part of the answer to a request."""

    exchange: Exchange
    words: str  # what it is called
    path: tuple[Any, ...] = ()  # where in `{"status", "headers", "body"}` it is; of another kind what it needs
    kind: str = "path"  # or one of `_KINDS`

    def of(self, answer: Exchange) -> Any:
        """This part of an answer, `None` where it has none."""
        try:
            body = None if answer.value is NO_JSON else answer.value
            if self.kind != "path":
                return _KINDS[self.kind][0](body, *self.path)
            found: Any = {"status": answer.status, "headers": answer.answer_headers, "body": body}
            for key in self.path:
                found = found.get(key) if isinstance(found, Mapping) else found[key]
        except (TypeError, LookupError, AttributeError, StopIteration):
            return None
        return found

    @property
    def value(self) -> Any:
        return self.of(self.exchange)

    def jq(self, answer: str, literal: Callable[[Any], str]) -> str:
        """The same in jq, of an object with `status`, `headers` and `body`."""
        if self.kind == "path":
            return f"(try ({answer} | getpath({json.dumps(list(self.path))})) catch null)"
        return f"({answer} | {_KINDS[self.kind][1].format(*map(literal, self.path))})"


#: How to get a part of another kind, here and in jq.
_KINDS: Mapping[str, tuple[Callable[..., Any], str]] = {
    "ids": (lambda body: [one["id"] for one in body["data"]], "try [.body.data[].id] catch null"),
    "attributes": (
        lambda body: sorted(one["attribute"] or "" for one in body["errors"]),
        'try ([.body.errors[].attribute // ""] | sort) catch null',
    ),
    "each": (
        lambda body, path: [functools.reduce(lambda found, key: found[key], path, one) for one in body["data"]],
        "try [.body.data[] | getpath({0})] catch null",
    ),
    "count": (lambda body: len(body["data"]), "try (.body.data | length) catch null"),
    "listed": (
        lambda body, known, name: next(one.get(name) for one in body["data"] if one["id"] == known),
        "try first(.body.data[] | select(.id == {0}) | .[{1}]) catch null",
    ),
}


def status(exchange: Exchange) -> Part:
    return Part(exchange, "status", ("status",))


def header(exchange: Exchange, name: str) -> Part:
    return Part(exchange, f"header {name}", ("headers", name.lower()))


def field(exchange: Exchange, *path: str | int) -> Part:
    return Part(exchange, ".".join(map(str, path)) or "body", ("body", *path))


def ids(page: Exchange) -> Part:
    return Part(page, "ids on the page", kind="ids")


def count(page: Exchange) -> Part:
    return Part(page, "number of conferences on the page", kind="count")


def attributes(refusal: Exchange) -> Part:
    return Part(refusal, "attributes in errors", kind="attributes")


def each(page: Exchange, *path: str | int) -> Part:
    return Part(page, f"each {'.'.join(map(str, path))} on the page", (path,), "each")


def listed(page: Exchange, conference_id: str, name: str) -> Part:
    return Part(page, f"{name} of {conference_id}", (conference_id, name), "listed")


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
    """What the contract says of a part of an answer."""

    part: Part
    how: str = "is"  # one of `_HOWS`
    want: Any = None  # a JSON value, or a part of another answer
    status: int = 0  # where it is said of answers with this status only

    @property
    def exchanges(self) -> list[Exchange]:
        return [self.part.exchange, *([self.want.exchange] if isinstance(self.want, Part) else [])]

    @property
    def is_so(self) -> bool:
        return self.holds({one: one for one in self.exchanges}, lambda value: value)

    def holds(self, answers: Mapping[Exchange, Exchange], own: Callable[[Any], Any]) -> bool:
        """Whether it is so for other answers to the same requests, given by those that came at first, where `own` makes
        ids and names of then those of now.
        """

        def of(part: Part) -> Any:
            return Part(part.exchange, part.words, tuple(map(own, part.path)), part.kind).of(answers[part.exchange])

        if self.status and answers[self.part.exchange].status != self.status:
            return True
        return _HOWS[self.how].holds(of(self.part), of(self.want) if isinstance(self.want, Part) else own(self.want))

    def jq(self, answer: Callable[[Exchange], str], literal: Callable[[Any], str]) -> str:
        """The same in jq, given what an answer and a JSON value are called there."""
        got = self.part.jq(answer(self.part.exchange), literal)
        want = self.want
        said = want.jq(answer(want.exchange), literal) if isinstance(want, Part) else literal(want)
        other = f"{answer(self.part.exchange)}.status != {self.status} or " if self.status else ""
        return f"{other}({_HOWS[self.how].jq.format(got, said)})"

    @property
    def expected(self) -> str:
        want = self.want
        said = f"{_brief(want.value)} ({want.words} of {want.exchange})" if isinstance(want, Part) else _brief(want)
        one = self.how == "in" and len(want) == 1
        return f"{self.part.words}: {said if one else _HOWS[self.how].words.format(said)}"

    @property
    def received(self) -> str:
        return f"{self.part.words}: {_brief(self.part.value)}"


def _brief(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:197]}..."
