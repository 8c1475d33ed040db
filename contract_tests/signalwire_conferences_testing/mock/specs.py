"""Faults on the command line: `METHOD[:ID] AT[xTIMES] KIND [ARGUMENT ...]`."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .faults import Rule
from .kinds import Fault

__all__ = ["help_text", "rules"]

_COUNT = re.compile(r"([1-9][0-9]{0,8})(?:x([1-9][0-9]{0,8}|\*))?")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "*")


def rules(specs: Sequence[str]) -> list[Rule]:
    """The rules of several specs.

    Raises:
        ValueError: some are wrong; the text names every problem.
    """
    found: list[Rule] = []
    problems: list[str] = []
    for spec in specs:
        try:
            found.append(_rule(spec))
        except ValueError as error:
            problems.append(f"--fault {spec!r}: {error}")
    if problems:
        raise ValueError("\n".join(problems))
    return found


def help_text() -> str:
    """What a spec may say: the kinds with their arguments."""
    lines = [
        "A fault is METHOD[:ID] AT[xTIMES] KIND [ARGUMENT ...]. METHOD is an HTTP method, or * for",
        "any; with an ID only requests for that conference count. AT is the first of them to go",
        "wrong, from 1; TIMES how many do, * for all. Arguments are JSON, or words. Examples:",
        "",
        "  --fault 'PUT 1 drop-after'",
        "  --fault 'GET:conference-id 2x3 status 429 2'",
        '  --fault \'PUT 1 foreign-write {"layout": "2x2"} after\'',
        "",
        "Kinds:",
    ]
    for name, make in _kinds().items():
        arguments = [
            f"[{parameter.name.upper()}]"
            if parameter.default is not parameter.empty
            else parameter.name.upper()
            for parameter in inspect.signature(make).parameters.values()
        ]
        lines.append(f"  {' '.join([name, *arguments])}")
        lines.append(f"      {inspect.getdoc(make)}")
    return "\n".join(lines)


def _kinds() -> Mapping[str, Any]:
    """Kind -> what makes its fault: the public class methods of `Fault`."""
    return {
        name.replace("_", "-"): getattr(Fault, name)
        for name, member in vars(Fault).items()
        if isinstance(member, classmethod) and not name.startswith("_")
    }


def _rule(spec: str) -> Rule:
    words = spec.split(maxsplit=3)
    if len(words) < 3:
        raise ValueError("is not METHOD[:ID] AT[xTIMES] KIND [ARGUMENT ...]")
    target, count, kind, *rest = words
    problems: list[str] = []
    method, _, conference_id = target.partition(":")
    if method.upper() not in _METHODS:
        problems.append(f"{method!r} is not one of {', '.join(_METHODS)}")
    counted = _COUNT.fullmatch(count)
    if counted is None:
        problems.append(f"{count!r} is no count such as 1, 2x3 or 1x*")
    fault = None
    try:
        fault = _fault(kind, list(_arguments("".join(rest))))
    except ValueError as error:
        problems.append(str(error))
    if problems or counted is None or fault is None:
        raise ValueError("; ".join(problems))
    times = None if counted[2] == "*" else int(counted[2] or 1)
    return Rule(
        fault,
        None if method == "*" else method.upper(),
        conference_id or None,
        at=int(counted[1]),
        times=times,
    )


def _fault(kind: str, arguments: Sequence[str]) -> Fault:
    make = _kinds().get(kind)
    if make is None:
        raise ValueError(f"{kind!r} is not one of {', '.join(_kinds())}")
    try:
        bound = inspect.signature(make).bind(*arguments)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from None
    for name, text in bound.arguments.items():
        try:
            bound.arguments[name] = _READERS.get(name, _text)(text)
        except ValueError as error:
            raise ValueError(f"{kind}: {name.upper()} {error}, not {text!r}") from None
    fault: Fault = make(*bound.args)
    return fault


def _arguments(text: str) -> Iterator[str]:
    """Words, and JSON values with whatever space is in them."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        end = len(text.split(maxsplit=1)[0])
        if text[0] in '{["':
            with contextlib.suppress(ValueError):  # then it is a word
                end = decoder.raw_decode(text)[1]
        yield text[:end]
        text = text[end:]


def _text(text: str) -> str:
    value = _value(text) if text.startswith('"') else text
    return value if isinstance(value, str) else text


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        raise ValueError("is a number of seconds")
    return float(text)


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("is a whole number")
    return int(text)


def _status(text: str) -> int:
    if not re.fullmatch(r"[2-5][0-9]{2}", text):
        raise ValueError("is an HTTP status from 200 to 599")
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("is on or off")
    return text == "on"


def _object(text: str) -> Mapping[str, Any]:
    value = _value(text)
    if not isinstance(value, dict):
        raise ValueError("is a JSON object")  # noqa: TRY004 - it is wrong text
    return value


def _when(text: str) -> str:
    if text not in ("before", "after"):
        raise ValueError("is before or after")
    return text


def _how(text: str) -> str:
    if text not in ("cut", "rounded"):
        raise ValueError("is cut or rounded")
    return text


#: Name of an argument -> how its text is read, where it is more than text.
_READERS: Mapping[str, Callable[[str], Any]] = {
    "seconds": _seconds,
    "size": _whole,
    "digits": _whole,
    "requests": _whole,
    "how": _how,
    "code": _status,
    "on": _switch,
    "value": _value,
    "changes": _object,
    "when": _when,
}
