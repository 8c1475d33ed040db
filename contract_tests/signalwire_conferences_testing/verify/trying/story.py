"""The requests that show a finding, complete and fit to be sent again: by this run, and by a shell."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import define, evolve, field, frozen

from .api import Api, BadLink, NoAnswer
from .claims import Claim
from .created import CreatedConferences, NotOurs, new_mark
from .exchange import Exchange

__all__ = ["Story", "stories"]

_MOST = 400  # requests
_LONGEST_WORD = 120_000  # bytes; Linux has a few more
_WRITES = ("PUT", "DELETE")
_ODD_ID = re.compile(r"[^A-Za-z0-9._~-]")


@frozen
class _Var:
    """What differs each time: the mark of the run, an id that nobody has, or what an answer gives: `id`,
    `name`, `links.next`.

    Attributes:
        of: the request whose answer gives it, `None` where the run makes it up.
        what: what it is.
        place: where it has another digit than the answer gives.
        inside: whether it is needed as a part of JSON, and not of a URL.
    """

    of: Exchange | None
    what: str
    place: int | None = None
    inside: bool = False


_RUN = _Var(None, "run")


@define
class Story:
    """Requests in order, and what the contract says of the answers.

    Attributes:
        exchanges: the requests, as they were sent and answered.
        claim: what is not so.
        marks: what the conferences of this run are recognised by.
        unknown: ids that nobody has: others, each time.
        seen_again: whether the run sent them a second time and saw the same.
    """

    exchanges: Sequence[Exchange]
    claim: Claim
    marks: Sequence[str]
    unknown: Sequence[str] = ()
    seen_again: bool = False
    _pieces: dict[int, tuple[list[bytes | _Var], list[bytes | _Var] | None]] = field(factory=dict)
    _made_up: dict[str, _Var] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        known: dict[str, _Var] = {}
        sent = "".join(f"{one.url} {one.content!r}" for one in self.exchanges)
        unknown = [one for one in self.unknown if one in sent]
        self._made_up = dict.fromkeys(self.marks, _RUN)
        self._made_up |= {one: _Var(None, f"new{number}") for number, one in enumerate(unknown, 1)}
        for one in self.exchanges:
            texts = {k: json.dumps(k, ensure_ascii=False)[1:-1] for k in known}
            inside = {
                rf'(?<="){re.escape(text)}(?=")': evolve(known[k], inside=bool(_ODD_ID.search(k)))
                for k, text in texts.items()
            }
            ids = {**dict(_near(known, one.about)), **known}
            segments = {rf"(?<=/){re.escape(quote(k, safe=''))}(?=\?|$)": v for k, v in ids.items()}
            inside |= self._made_up
            segments |= self._made_up
            url = _split(one.url.encode(), segments)
            if one.link and one.link[0] in self.exchanges:
                url = [_Var(one.link[0], f"links.{one.link[1]}")]
            self._pieces[one.number] = url, None if one.content is None else _split(one.content, inside)
            if one.creates:
                known[one.creates] = _Var(one, "id")
                name = one.value.get("name")
                if isinstance(name, str) and name and not any(mark in name for mark in self.marks):
                    known[name] = _Var(one, "name")

    # --- again, by this run -----------------------------------------------------------------------

    def shows(self, api: Api, created: CreatedConferences) -> bool:
        """Sends the requests again, about conferences of their own. Whether the fault is seen again.

        Raises:
            OutOfTime: the budget is spent.
        """
        mark = new_mark()
        created.marks.append(mark)
        answers: dict[Exchange, Exchange] = {}
        fresh = {var: mark if var is _RUN else str(uuid.uuid4()) for var in self._made_up.values()}
        own = {then: fresh[var] for then, var in self._made_up.items()}
        try:
            for one in self.exchanges:
                answers[one] = self._again(one, api, answers, fresh)
                for key in ("id", "name") if one.creates else ():
                    then, now = one.value.get(key), self._value(_Var(one, key), answers)
                    own |= {then: now} if isinstance(then, str) and isinstance(now, str) else {}
        except (NotOurs, BadLink, KeyError):
            return False
        except NoAnswer as silence:
            return silence.exchange.url != "" and self.claim.part.exchange.status == 0

        def of_now(value: Any) -> Any:
            if isinstance(value, str):
                for then, now in own.items():
                    value = now if value == then else value.replace(then, now) if then in self._made_up else value
            elif isinstance(value, list | tuple):
                value = [of_now(one) for one in value]
            return value

        return not self.claim.holds(answers, of_now)

    def _again(
        self, one: Exchange, api: Api, answers: Mapping[Exchange, Exchange], fresh: Mapping[_Var, str]
    ) -> Exchange:
        def put(pieces: list[bytes | _Var], encode: Callable[[str], str]) -> bytes:
            texts = (
                one if isinstance(one, bytes) else encode(fresh.get(one) or self._value(one, answers)).encode()
                for one in pieces
            )
            return b"".join(texts)

        url, content = self._pieces[one.number]
        if isinstance(url[0], _Var) and url[0].what.startswith("links.") and url[0].of is not None:
            return api.follow(answers[url[0].of], url[0].what.removeprefix("links."))
        where = put(url, lambda text: quote(text, safe="")).decode()
        body = None if content is None else put(content, lambda text: json.dumps(text, ensure_ascii=False)[1:-1])
        return api.answered(api.exchange(one.method, where, one.headers, body, one.credentials))

    def _value(self, var: _Var, answers: Mapping[Exchange, Exchange]) -> str:
        if var.of is None:
            raise KeyError(var.what)
        value = answers[var.of].value
        found = value.get(var.what) if isinstance(value, dict) else None
        if not isinstance(found, str):
            raise KeyError(var.what)
        return found if var.place is None else _other_digit(found, var.place)

    # --- again, by a shell ------------------------------------------------------------------------

    def commands(self) -> list[str]:
        """A shell command for each request, to be pasted one after the other into one bash."""
        found = []
        begun: set[_Var] = set()
        for number, one in enumerate(self.exchanges, 1):
            uses = self._uses(one)
            command = self._curl(one, "-sS" if uses else "-isS")
            if len(uses) == 1:
                name, query = uses[0]
                command = f"{name}=$({command} | jq -r {_quoted(query)})"
            elif uses:
                taken = "; ".join(f'{name}=$(jq -r {_quoted(query)} <<<"$A{number}")' for name, query in uses)
                command = f"A{number}=$({command}); {taken}"
            for var in {*self._made_up.values()} - begun:
                if self._inline(var) in command:
                    begun.add(var)
                    command = f"{self._new(var)}; {command}"
            found.append(command)
        return found

    def script(self, title: str) -> str:
        """A script for bash, with curl and jq, that shows the fault: its status is 1 where it is there."""
        lines = [f"# {line}" for line in title.splitlines()]
        lines += ["set -u", ': "${SIGNALWIRE_PROJECT_ID:?}" "${SIGNALWIRE_API_TOKEN:?}"', _ANSWER]
        made_up = list(dict.fromkeys(self._made_up.values()))
        lines += _CLEAN.format(url=self._collection).splitlines()
        lines += [self._new(var) for var in made_up]
        lines += [f"MADE+=({self._inline(var)})" for var in made_up if var is not _RUN]
        for number, one in enumerate(self.exchanges, 1):
            lines.append(f"A{number}=$({self._curl(one, '-isS')} | answer)")
            lines += [
                f'{name}=$(jq .body <<<"$A{number}" | jq -r {_quoted(query)} 2>/dev/null)'
                for name, query in self._uses(one, all_ids=True)
            ]
            if one.creates:
                lines.append(f'MADE+=("$ID{number}")')
        place = {one: number for number, one in enumerate(self.exchanges, 1)}
        about = place[self.claim.part.exchange]
        holds = self.claim.jq(lambda one: f"$a{place[one]}[0]", self._literal(place))
        args = " ".join(f"--arg {var.what} {self._inline(var)}" for var in made_up)
        files = " ".join(
            f'--slurpfile a{place[one]} <(echo "$A{place[one]}")'
            for one in self.exchanges
            if one.creates or one in self.claim.exchanges
        )
        lines += [
            f"echo {_quoted('sent:     ' + str(self.claim.part.exchange))}",
            f"""echo "received: $(jq -c 'del(.headers)' <<<"$A{about}")" """.rstrip(),
            f"echo {_quoted('expected: ' + self.claim.expected)}",
            f"HOLDS=$(jq -n {args} {files} {_quoted(holds)})",
            '[ "$HOLDS" = true ] && echo "so it is" || { echo "it is not"; exit 1; }',
        ]
        return "\n".join(lines) + "\n"

    @property
    def _collection(self) -> str:
        first = urlsplit(self.exchanges[0].url)
        root = first.path.partition("/api/video/conferences")[0]
        return f"{first.scheme}://{first.netloc}{root}/api/video/conferences"

    def _uses(self, one: Exchange, *, all_ids: bool = False) -> list[tuple[str, str]]:
        """What later requests take from an answer: the shell variable, and the jq that gives it."""
        found = [
            var
            for url, content in self._pieces.values()
            for var in (*url, *(content or ()))
            if isinstance(var, _Var) and var.of is one
        ]
        if all_ids and one.creates:
            found.append(_Var(one, "id"))
        return [(self._name(var), self._query(var)) for var in dict.fromkeys(found)]

    @staticmethod
    def _new(var: _Var) -> str:
        return _NEW_RUN if var is _RUN else f"{var.what.upper()}=$({_NEW_ID})"

    def _query(self, var: _Var) -> str:
        odd = var.what == "id" and var.of is not None and _ODD_ID.search(var.of.creates or "")
        how = " | @uri" if odd else ""
        if (at := var.place) is not None:
            return f'.{var.what} | .[:{at}] + (if .[{at}:{at + 1}] == "0" then "1" else "0" end) + .[{at + 1}:]{how}'
        if var.inside:
            return f".{var.what} | tojson | .[1:-1]"
        if odd:
            return ".id | @uri"
        if var.what.startswith("links."):
            parts = urlsplit(self._collection)
            return f'.{var.what} | if startswith("http") then . else "{parts.scheme}://{parts.netloc}" + . end'
        return f".{var.what}"

    def _name(self, var: _Var) -> str:
        if var.of is None:
            return var.what.upper()
        word = {"id": "ID", "name": "NAME"}.get(var.what, var.what.removeprefix("links.").upper())
        place = "_JSON" if var.inside else "" if var.place is None else f"_{var.place}"
        return f"{word}{self.exchanges.index(var.of) + 1}{place}"

    def _literal(self, place: Mapping[Exchange, int]) -> Callable[[Any], str]:
        values = {
            one.value[key]: f"$a{place[one]}[0].body.{key}"
            for one in self.exchanges
            for key in ("name", "id")
            if one.creates and isinstance(one.value.get(key), str)
        }

        def literal(value: Any) -> str:
            if isinstance(value, list | tuple):
                return f"[{', '.join(map(literal, value))}]"
            if isinstance(value, str):
                if value in values:
                    return values[value]
                for then, var in self._made_up.items():
                    if then in value:
                        return "(" + f" + ${var.what} + ".join(map(json.dumps, value.split(then))) + ")"
            return json.dumps(value)

        return literal

    def _curl(self, one: Exchange, options: str) -> str:
        words = ["curl", options]
        if one.method != "GET":
            words += ["-X", one.method]
        if one.credentials.right:
            words += ["-u", '"$SIGNALWIRE_PROJECT_ID:$SIGNALWIRE_API_TOKEN"']
        elif one.credentials.header is not None:
            words.append(one.credentials.curl)
        for name, value in one.headers.items():
            words += ["-H", _quoted(f"{name}: {value}" if value else f"{name};")]
        url, content = self._pieces[one.number]
        before = ""
        if one.method != "GET" and any(isinstance(var, _Var) and var.place is not None for var in url):
            before = self._unless_theirs(url)
        if content is not None and b"\0" in (one.content or b""):
            before, data = f"{before}printf %b {_octal(one.content or b'')} | ", ["--data-binary", "@-"]
        elif content is not None and len(one.content or b"") > _LONGEST_WORD:
            before, data = f"{before}printf %s {self._word(content)} | ", ["--data-binary", "@-"]
        else:
            data = [] if content is None else ["--data-raw", self._word(content)]
        # Brackets and braces mean something to curl.
        globbed = ["-g"] if re.search(r"[\[\]{}]", one.url) else []
        return before + " ".join([*words, *globbed, *data, self._word(url)])

    def _unless_theirs(self, url: list[bytes | _Var]) -> str:
        """There are servers that count their ids: next to ours may be somebody else's."""
        pair = '-u "$SIGNALWIRE_PROJECT_ID:$SIGNALWIRE_API_TOKEN"'
        [near] = [self._inline(var) for var in url if isinstance(var, _Var) and var.place is not None]
        theirs = f"jq -e --arg id {near} '.id | . == $id or @uri == $id' >/dev/null"
        said = "echo 'somebody has this id: start again' >&2"
        return f"curl -sS {pair} {self._word(url)} | {theirs} && {said} || "

    def _word(self, pieces: list[bytes | _Var]) -> str:
        word = "".join(_bytes(one) if isinstance(one, bytes) else self._inline(one) for one in pieces)
        return word or "''"

    def _inline(self, var: _Var) -> str:
        return f'"${self._name(var)}"'


_NEW_RUN = "RUN=$(printf %08x%08x%08x%08x $RANDOM $RANDOM $RANDOM $RANDOM)"
_NEW_ID = (
    "printf %04x%04x-%04x-4%03x-8%03x-%04x%04x%04x $RANDOM $RANDOM $RANDOM"
    " $((RANDOM >> 3)) $((RANDOM >> 3)) $RANDOM $RANDOM $RANDOM"
)
_ANSWER = r"""answer() {  # an answer as {status, headers, body}
  jq -Rs 'def head: index("\r\n\r\n"); until(test("^HTTP/[0-9.]+ 1") | not; .[head + 4:])
    | head as $at | (if $at then .[:$at] | split("\r\n") else [""] end) as $head
    | {status: ($head[0] | split(" ")[1] // "0" | tonumber),
       headers: ([$head[1:][] | capture("^(?<key>[^:]+): *(?<value>.*)$") | .key |= ascii_downcase]
         | from_entries),
       body: ((if $at then .[$at + 4:] else "" end) as $text | try ($text | fromjson) catch $text)}'
}"""
_CLEAN = """MADE=()
clean() {{  # what this script created is removed; what does not hold its mark is not its own
  for ID in ${{MADE[@]+"${{MADE[@]}}"}}; do
    [[ $(curl -sS -u "$SIGNALWIRE_PROJECT_ID:$SIGNALWIRE_API_TOKEN" "{url}/$ID") == *"$RUN"* ]] &&
      curl -sS -o /dev/null -X DELETE -u "$SIGNALWIRE_PROJECT_ID:$SIGNALWIRE_API_TOKEN" "{url}/$ID"
  done
}}
trap clean EXIT"""


def _quoted(text: str) -> str:
    return _bytes(text.encode("utf-8", "surrogateescape"))


def _bytes(content: bytes) -> str:
    """Bytes as a word of a shell, in printable characters only; long runs of one character are counted."""
    try:
        text = content.decode()
    except ValueError:
        text = ""
    if not text.isprintable() or not text:
        return "$'" + "".join(map(_ansi_c, content)) + "'" if content else ""
    parts = []
    last = 0
    for run in re.finditer(r"(.)\1{199,}", text):
        parts.append(shlex.quote(text[last : run.start()]) if run.start() > last else "")
        character = run[1].replace("%", "%%").replace("\\", "\\\\")
        parts.append(f'"$(printf {shlex.quote(character + "%.0s")} {{1..{len(run[0])}}})"')
        last = run.end()
    return "".join(parts) + (shlex.quote(text[last:]) if last < len(text) else "")


def _ansi_c(byte: int) -> str:
    """A byte between the quotes that bash and zsh know."""
    if chr(byte) in "'\\":
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _octal(content: bytes) -> str:
    return "'" + "".join(f"\\0{byte:03o}" for byte in content) + "'"


def _split(text: bytes, patterns: Mapping[str, _Var]) -> list[bytes | _Var]:
    if not patterns:
        return [text]
    variables = list(patterns.values())
    both = re.compile("|".join(f"({one})" for one in patterns).encode())
    pieces: list[bytes | _Var] = []
    last = 0
    for match in both.finditer(text):
        pieces += [text[last : match.start()], variables[(match.lastindex or 1) - 1]]
        last = match.end()
    return [one for one in (*pieces, text[last:]) if one != b""]


def _other_digit(text: str, place: int) -> str:
    return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]


def _near(known: Mapping[str, _Var], about: str) -> Iterator[tuple[str, _Var]]:
    """How the id in a path is made from one that is known, where they differ in one digit."""
    for one, var in known.items():
        if var.what == "id" and len(one) == len(about):
            yield from ((about, _Var(var.of, "id", at)) for at in range(len(one)) if _other_digit(one, at) == about)


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
