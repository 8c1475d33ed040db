"""The requests that show a finding, complete and fit to be sent again: by this run, and by a shell."""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import define, field

from .api import Api, BadLink, NoAnswer
from .claims import Claim
from .created import CreatedConferences, NotOurs, new_mark
from .exchange import Exchange
from .shell import RUN, Pieces, Shell, Var

_MOST = 400  # requests
_WRITES = ("PUT", "DELETE")


@define
class Story:
    """Requests in order, as they were sent and answered, and what the contract says of the answers."""

    exchanges: Sequence[Exchange]
    claim: Claim  # what is not so
    marks: Sequence[str]  # what the conferences of this run are recognised by
    unknown: Sequence[str] = ()  # ids that nobody has: others, each time
    seen_again: bool = False  # whether the run sent them a second time and saw the same
    made_up: dict[str, Var] = field(init=False)
    pieces: dict[Exchange, tuple[Pieces, Pieces | None]] = field(init=False, factory=dict)  # of URLs and bodies

    def __attrs_post_init__(self) -> None:
        known: dict[str, Var] = {}
        sent = "".join(f"{one.url} {one.content!r}" for one in self.exchanges)
        unknown = [one for one in self.unknown if one in sent]
        new = {one: Var(None, f"new{number}") for number, one in enumerate(unknown, 1)}
        self.made_up = {**dict.fromkeys(self.marks, RUN), **new}
        for one in self.exchanges:
            inside = {rf'(?<="){re.escape(_inner(k))}(?=")': v for k, v in known.items()}
            ids = {**dict(_near(known, one.about)), **known}
            segments = {rf"(?<=/){re.escape(quote(k, safe=''))}(?=\?|$)": v for k, v in ids.items()}
            url = _split(one.url.encode(), segments | self.made_up)
            if one.link and one.link[0] in self.exchanges:
                url = [Var(one.link[0], f"links.{one.link[1]}")]
            content = None if one.content is None else _split(one.content, inside | self.made_up)
            self.pieces[one] = url, content
            if one.creates:
                known[one.creates] = Var(one, "id")
                name = one.value.get("name")
                if isinstance(name, str) and name and not any(mark in name for mark in self.marks):
                    known[name] = Var(one, "name")

    def commands(self) -> list[str]:
        return Shell(self.pieces, self.made_up).commands()

    def script(self, title: str) -> str:
        return Shell(self.pieces, self.made_up).script(title, self.claim)

    def shows(self, api: Api, created: CreatedConferences) -> bool:
        """Sends the requests again, about conferences of their own. Whether the fault is seen again.

        Raises:
            OutOfTime: the budget is spent.
        """
        mark = new_mark()
        created.marks.append(mark)
        answers: dict[Exchange, Exchange] = {}
        fresh = {var: mark if var is RUN else str(uuid.uuid4()) for var in self.made_up.values()}
        own = {then: fresh[var] for then, var in self.made_up.items()}

        def value(var: Var) -> str:
            return fresh.get(var) or _value(var, answers)

        try:
            for one in self.exchanges:
                answers[one] = self._again(one, api, answers, value)
                for key in ("id", "name") if one.creates else ():
                    then, now = one.value.get(key), value(Var(one, key))
                    own |= {then: now} if isinstance(then, str) else {}
        except (NotOurs, BadLink, KeyError):
            return False
        except NoAnswer as silence:
            return silence.exchange.url != "" and self.claim.part.exchange.status == 0

        def of_now(said: Any) -> Any:
            if isinstance(said, str):
                for then, now in own.items():
                    said = now if said == then else said.replace(then, now) if then in self.made_up else said
            return [of_now(one) for one in said] if isinstance(said, list | tuple) else said

        return not self.claim.holds(answers, of_now)

    def _again(
        self, one: Exchange, api: Api, answers: Mapping[Exchange, Exchange], value: Callable[[Var], str]
    ) -> Exchange:
        def put(pieces: Pieces, encode: Callable[[str], str]) -> bytes:
            return b"".join(one if isinstance(one, bytes) else encode(value(one)).encode() for one in pieces)

        url, content = self.pieces[one]
        if isinstance(url[0], Var) and url[0].of is not None:
            return api.follow(answers[url[0].of], url[0].what.removeprefix("links."))
        where = put(url, lambda text: quote(text, safe="")).decode()
        body = None if content is None else put(content, _inner)
        return api.answered(api.exchange(one.method, where, one.headers, body, one.credentials))


def _inner(text: str) -> str:
    """A text as it stands between the quotes of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _value(var: Var, answers: Mapping[Exchange, Exchange]) -> str:
    value = answers[var.of].value if var.of else None
    found = value.get(var.what) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise KeyError(var.what)
    return found if var.place is None else _other_digit(found, var.place)


def _split(text: bytes, patterns: Mapping[str, Var]) -> Pieces:
    if not patterns:
        return [text]
    variables = list(patterns.values())
    both = re.compile("|".join(f"({one})" for one in patterns).encode())
    pieces: list[bytes | Var] = []
    last = 0
    for match in both.finditer(text):
        pieces += [text[last : match.start()], variables[(match.lastindex or 1) - 1]]
        last = match.end()
    return [one for one in (*pieces, text[last:]) if one != b""]


def _other_digit(text: str, place: int) -> str:
    return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]


def _near(known: Mapping[str, Var], about: str) -> Iterator[tuple[str, Var]]:
    """How the id in a path is made from one that is known, where they differ in one digit."""
    for one, var in known.items():
        if var.what == "id" and len(one) == len(about):
            yield from ((about, Var(var.of, "id", at)) for at in range(len(one)) if _other_digit(one, at) == about)


def stories(
    claim: Claim, evidence: Sequence[Exchange], log: Sequence[Exchange], marks: Sequence[str], unknown: Sequence[str]
) -> Iterator[Story]:
    """What may show a finding again, from the shortest: the requests that it is about, with those that
    made their conferences what they were; all writes to these; all that was sent until then.
    """
    focus = [*claim.exchanges, *evidence]
    last = max(one.number for one in focus)
    until = [one for one in log if one.number < last]
    shown: list[int] = []
    for breadth in range(3):
        wanted: dict[int, Exchange] = {}
        todo = focus if breadth < 2 else [*focus, *until]
        todo = [*todo, *_makers(_texts([claim.want, *claim.part.path]), log)]
        while todo:
            one, *todo = todo
            if one.number not in wanted:
                wanted[one.number] = one
                earlier = [each for each in log if each.number < one.number]
                todo += [one.link[0]] if one.link else []
                todo += _makers([one.about, *_texts(one.sent)], earlier)
                writes = [e for e in earlier if e.about == one.about and e.method in _WRITES and e.succeeded]
                # What came before these, a PUT has replaced.
                todo += writes if breadth else writes[-1:] if one in focus else []
        if sorted(wanted) != shown and len(wanted) <= _MOST:
            shown = sorted(wanted)
            yield Story([wanted[number] for number in shown], claim, marks, unknown)


def _makers(values: Iterable[str], log: Sequence[Exchange]) -> list[Exchange]:
    """The creates that were answered with these ids, or names."""
    wanted = set(values)
    return [one for one in log if one.creates and (one.creates in wanted or one.value.get("name") in wanted)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
