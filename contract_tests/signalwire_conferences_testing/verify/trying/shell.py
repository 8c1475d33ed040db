"""Requests and a claim about their answers as commands for bash, curl and jq."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from attrs import evolve, frozen

from signalwire_conferences import contract

from .claims import Claim
from .exchange import Exchange
from .http import is_loopback

_ODD_ID = re.compile(r"[^A-Za-z0-9._~-]")
_LONGEST_WORD = 120_000  # bytes; Linux has a few more
_PAIR = '-u "$SIGNALWIRE_PROJECT_ID:$SIGNALWIRE_API_TOKEN"'
_NEW_RUN = "RUN=$(printf %08x%08x%08x%08x $RANDOM $RANDOM $RANDOM $RANDOM)"
_NEW_ID = (
    "printf %04x%04x-%04x-4%03x-8%03x-%04x%04x%04x $RANDOM $RANDOM $RANDOM"
    " $((RANDOM >> 3)) $((RANDOM >> 3)) $RANDOM $RANDOM $RANDOM"
)


@frozen
class Var:
    """What differs each time: the mark of the run, an id that nobody has, or what an answer gives."""

    of: Exchange | None  # the request whose answer gives it, `None` where the run makes it up
    what: str  # `run`, `new1` and so on; of an answer `id`, `name`, `links.next`
    place: int | None = None  # where it has another digit than the answer gives
    inside: bool = False  # whether it is to stand between the quotes of JSON, and not in a URL


RUN = Var(None, "run")
#: A text, cut where something in it differs each time.
Pieces = Sequence[bytes | Var]


class Shell:
    """Requests, each with its URL and body in pieces, and what in them is made up each time."""

    def __init__(self, pieces: Mapping[Exchange, tuple[Pieces, Pieces | None]], made_up: Mapping[str, Var]) -> None:
        self._pieces = {one: (url, content and [*map(_inside, content)]) for one, (url, content) in pieces.items()}
        self._made_up = made_up
        self._new = list(dict.fromkeys(made_up.values()))
        self._number = {one: number for number, one in enumerate(pieces, 1)}
        first = urlsplit(next(iter(pieces)).url)
        root = contract.operation("list_video_conferences").path
        self._host = f"{first.scheme}://{first.netloc}"
        self._collection = f"{self._host}{first.path.partition(root)[0]}{root}"
        # curl would ask a proxy for this machine too.
        self._direct = ["export no_proxy='*'"] if is_loopback(self._host) else []

    def commands(self) -> list[str]:
        """A command for each request, to be pasted one after the other into one bash."""
        found, begun = [], set[Var]()
        for one, number in self._number.items():
            uses = self._uses(one)
            command = self._curl(one, "-sS" if uses else "-isS")
            if uses:
                taken = (f'{name}=$(jq -r {_quoted(query)} <<<"$A{number}")' for name, query in uses.items())
                command = "; ".join([f"A{number}=$({command})", *taken])
            for var in [var for var in self._new if var not in begun and self._inline(var) in command]:
                begun.add(var)
                command = f"{self._begin(var)}; {command}"
            found.append(command)
        if self._direct and getproxies():
            found[0] = f"{self._direct[0]}; {found[0]}"
        return found

    def script(self, title: str, claim: Claim) -> str:
        """A script that shows what is wrong: its status is 1 where it is."""
        preamble = resources.files(__package__).joinpath("reproduction.sh").read_text("utf-8")
        lines = [*(f"# {line}" for line in title.splitlines()), preamble.replace("@COLLECTION@", self._collection)[:-1]]
        lines += self._direct + [self._begin(var) for var in self._new]
        lines += [f"MADE+=({self._inline(var)})" for var in self._new if var.what != "run"]
        for one, number in self._number.items():
            lines.append(f"A{number}=$({self._curl(one, '-isS')} | answer)")
            uses = self._uses(one) | ({f"ID{number}": self._query(Var(one, "id"))} if one.creates else {})
            read = f'jq .body <<<"$A{number}" | jq -r'
            lines += [f"{name}=$({read} {_quoted(query)} 2>/dev/null)" for name, query in uses.items()]
            lines += [f'MADE+=("$ID{number}")'] if one.creates else []
        about = claim.part.exchange
        holds = claim.jq(lambda one: f"$a{self._number[one]}[0]", self._literal)
        given = [f"--arg {var.what} {self._inline(var)}" for var in self._new]
        needed = [number for one, number in self._number.items() if one.creates or one in claim.exchanges]
        given += [f'--slurpfile a{number} <(echo "$A{number}")' for number in needed]
        lines += [
            f"echo {_quoted(f'sent:     {about}')}",
            f"""echo "received: $(jq -c 'del(.headers)' <<<"$A{self._number[about]}")\"""",
            f"echo {_quoted(f'expected: {claim.expected}')}",
            f"HOLDS=$(jq -n {' '.join(given)} {_quoted(holds)})",
            '[ "$HOLDS" = true ] && echo "so it is" || { echo "it is not"; exit 1; }',
        ]
        return "\n".join(lines) + "\n"

    def _uses(self, one: Exchange) -> dict[str, str]:
        """What later requests take from an answer: the shell variable, and the jq that gives it."""
        variables = (var for url, content in self._pieces.values() for var in (*url, *(content or ())))
        return {self._name(var): self._query(var) for var in variables if isinstance(var, Var) and var.of is one}

    def _query(self, var: Var) -> str:
        quoted = " | @uri" if var.what == "id" and var.of is not None and _ODD_ID.search(var.of.creates or "") else ""
        if var.inside:
            return f".{var.what} | tojson | .[1:-1]"
        if (at := var.place) is not None:
            other = f'(if .[{at}:{at + 1}] == "0" then "1" else "0" end)'
            return f".{var.what} | .[:{at}] + {other} + .[{at + 1}:]{quoted}"
        if var.what.startswith("links."):
            return f'.{var.what} | if startswith("http") then . else "{self._host}" + . end'
        return f".{var.what}{quoted}"

    def _name(self, var: Var) -> str:
        number = "" if var.of is None else self._number[var.of]
        which = "_JSON" if var.inside else "" if var.place is None else f"_{var.place}"
        return f"{var.what.rpartition('.')[2].upper()}{number}{which}"

    def _inline(self, var: Var) -> str:
        return f'"${self._name(var)}"'

    def _begin(self, var: Var) -> str:
        return _NEW_RUN if var.what == "run" else f"{self._name(var)}=$({_NEW_ID})"

    def _literal(self, value: Any) -> str:
        """A JSON value in jq, with what differs each time as it is this time."""
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(self._literal, value))}]"
        if isinstance(value, str):
            for one, number in reversed(self._number.items()):
                for key in ("id", "name") if one.creates else ():
                    if one.value.get(key) == value:
                        return f"$a{number}[0].body.{key}"
            for then, var in self._made_up.items():
                if then in value:
                    return "(" + f" + ${var.what} + ".join(map(json.dumps, value.split(then))) + ")"
        return json.dumps(value)

    def _curl(self, one: Exchange, options: str) -> str:
        url, content = self._pieces[one]
        words = ["curl", options, *(["-X", one.method] if one.method != "GET" else [])]
        if one.credentials.header is not None:
            words.append(_PAIR if one.credentials.right else one.credentials.curl)
        for name, value in one.headers.items():
            words += ["-H", _quoted(f"{name}: {value}" if value else f"{name};")]
        # Brackets and braces mean something to curl.
        words += ["-g"] if re.search(r"[\[\]{}]", one.url) else []
        before = ""
        near = [var for var in url if isinstance(var, Var) and var.place is not None]
        if near and one.method != "GET":
            # There are servers that count their ids: next to ours may be somebody else's.
            theirs = f"jq -e --arg id {self._inline(near[0])} '.id | . == $id or @uri == $id' >/dev/null"
            before = (
                f"curl -sS {_PAIR} {self._word(url)} | {theirs} && echo 'somebody has this id: start again' >&2 || "
            )
        if content is not None and b"\0" in (one.content or b""):
            octal = "".join(f"\\0{byte:03o}" for byte in one.content or b"")
            before, data = f"{before}printf %b '{octal}' | ", ["--data-binary", "@-"]
        elif content is not None and len(one.content or b"") > _LONGEST_WORD:
            before, data = f"{before}printf %s {self._word(content)} | ", ["--data-binary", "@-"]
        else:
            data = [] if content is None else ["--data-raw", self._word(content)]
        return before + " ".join([*words, *data, self._word(url)])

    def _word(self, pieces: Pieces) -> str:
        return "".join(_bytes(one) if isinstance(one, bytes) else self._inline(one) for one in pieces) or "''"


def _inside(piece: bytes | Var) -> bytes | Var:
    if isinstance(piece, bytes) or piece.of is None or not _ODD_ID.search(str(piece.of.value.get(piece.what))):
        return piece
    return evolve(piece, inside=True)


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
    parts, last = [], 0
    for run in re.finditer(r"(.)\1{199,}", text):
        character = run[1].replace("%", "%%").replace("\\", "\\\\")
        counted = f'"$(printf {shlex.quote(character + "%.0s")} {{1..{len(run[0])}}})"'
        parts += [text[last : run.start()] and shlex.quote(text[last : run.start()]), counted]
        last = run.end()
    return "".join(parts) + (text[last:] and shlex.quote(text[last:]))


def _ansi_c(byte: int) -> str:
    """A byte between the quotes that bash and zsh know."""
    if chr(byte) in "'\\":
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"
