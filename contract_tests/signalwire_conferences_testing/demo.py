"""`python -m signalwire_conferences_testing.demo`: one line renames a conference, sent in two ways.

Starts the mock with two equal conferences in which every setting is customised. Sends the example of
the vendor's documentation to one as a bare PUT and to the other through `RestClient`, reads both back
and compares. Exits with 1 if the result is not the expected one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from signalwire_conferences import ConferencesError, RestClient, contract
from signalwire_conferences.contract import Field, Kind, Omission
from signalwire_conferences.values import equivalent
from signalwire_conferences_testing import schemas

if TYPE_CHECKING:
    from rich.console import Console

    from signalwire_conferences import UpdatePlan

    from .mock import MockServer

__all__ = ["CONFERENCE_ID", "COPY_ID", "Outcome", "conferences", "main", "perform"]

CONFERENCE_ID, COPY_ID = "conference-id", "conference-id-copy"
OLD_NAME, NEW_NAME = "Team Meeting", "Team Meeting v2"

_EXAMPLE = f"""\
- from signalwire.rest import RestClient
+ from signalwire_conferences import RestClient
  client = RestClient(project=..., token=..., host=...)
  conf = client.video.conferences.update(
      "{CONFERENCE_ID}", display_name="{NEW_NAME}"
  )"""
_PALETTE = (
    *("#7C3AED", "#0F172A", "#E2E8F0", "#34D399", "#FB923C"),
    *("#C026D3", "#FEF3C7", "#422006", "#15803D", "#BE123C"),
)

#: A piece of a line and its style, as rich names styles.
Piece = tuple[str, str]


@frozen
class Outcome:
    """The results of the call, sent in two ways.

    Attributes:
        before: the conference, and its copy, before the call.
        bare: the copy after the bare PUT, read back.
        ours: the conference after our update, read back.
        plan: the plan of our update.
        bare_requests: methods of the requests of the bare PUT.
        our_requests: methods of the requests of our update.
    """

    before: Mapping[str, Any]
    bare: Mapping[str, Any]
    ours: Mapping[str, Any]
    plan: UpdatePlan[Any]
    bare_requests: tuple[str, ...]
    our_requests: tuple[str, ...]

    @property
    def reset(self) -> list[str]:
        """The settings that the bare PUT reset."""
        return [field.name for field in settings() if self._differs(field, self.bare)]

    @property
    def lost(self) -> list[str]:
        """The settings that our update changed."""
        return [field.name for field in settings() if self._differs(field, self.ours)]

    @property
    def problems(self) -> list[str]:
        """Everything that is not as expected."""
        kept = sorted({field.name for field in settings()} - set(self.reset))
        claims = {
            f"the bare PUT did not reset {', '.join(kept)}": not kept,
            f"our update lost {', '.join(self.lost)}": not self.lost,
            "the bare PUT did not rename the copy": self.bare["display_name"] == NEW_NAME,
            "our update did not rename the conference": self.ours["display_name"] == NEW_NAME,
            f"the bare PUT sent {_listed(self.bare_requests)}": self.bare_requests == ("PUT",),
            f"our update sent {_listed(self.our_requests)}": self.our_requests == ("GET", "PUT"),
        }
        return [problem for problem, holds in claims.items() if not holds]

    def _differs(self, field: Field, after: Mapping[str, Any]) -> bool:
        return not equivalent(field.kind, self.before[field.name], after[field.name])


def settings() -> list[Field]:
    """The fields that a PUT may leave out, and then resets."""
    known = contract.fields(contract.UPDATE).values()
    return [field for field in known if field.omission is not Omission.REQUIRED]


def conferences() -> list[dict[str, Any]]:
    """Two conferences with equal settings, all of which differ from the values that a PUT resets to."""
    palette = iter(_PALETTE)
    custom = {field.name: _other_than_default(field, palette) for field in settings()}
    return [
        {"id": CONFERENCE_ID, "name": "team-meeting", "display_name": OLD_NAME, **custom},
        {"id": COPY_ID, "name": "team-meeting-copy", "display_name": OLD_NAME, **custom},
    ]


def perform(server: MockServer) -> Outcome:
    """Sends the call in both ways to a server with the `conferences`.

    Raises:
        ConferencesError: a request of our client failed.
    """
    with RestClient(project=server.project, token=server.token, host=server.host) as client:
        resource = client.video.conferences
        plan = resource.plan(CONFERENCE_ID, display_name=NEW_NAME)

        start = len(server.requests)
        resource.replace(COPY_ID, {"display_name": NEW_NAME})
        middle = len(server.requests)
        resource.update(CONFERENCE_ID, display_name=NEW_NAME)
        methods = [request.method for request in server.requests]
        return Outcome(
            before=plan.before,
            bare=resource.get(COPY_ID).to_dict(),
            ours=resource.get(CONFERENCE_ID).to_dict(),
            plan=plan,
            bare_requests=tuple(methods[start:middle]),
            our_requests=tuple(methods[middle:]),
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Shows the demo.

    Returns:
        The exit code: 0, 1 if the result is not the expected one, 130 if it was interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m signalwire_conferences_testing.demo",
        description="Renames a conference on a local mock, and shows what else changes.",
    )
    parser.add_argument("--json", action="store_true", help="print what happened as JSON")
    given = parser.parse_args(arguments)
    try:
        from .mock import MockServer  # noqa: PLC0415 - needs an extra
    except ImportError as error:
        return _failed(f"it needs the mock: pip install 'signalwire-conferences[mock]' ({error.name} is not installed)")
    try:
        with MockServer(conferences()) as server:
            outcome = perform(server)
    except KeyboardInterrupt:
        print("interrupted; the mock is stopped", file=sys.stderr)
        return 130
    except ConferencesError as error:
        return _failed(str(error))
    if given.json:
        print(json.dumps(_summary(outcome), indent=2))
    else:
        _show(outcome)
    return _failed("; ".join(outcome.problems)) if outcome.problems else 0


def _failed(why: str) -> int:
    print(f"The demo failed: {why}", file=sys.stderr)
    return 1


def _other_than_default(field: Field, palette: Iterator[str]) -> Any:
    """A value that the contract allows and that is not the one a PUT resets the field to."""
    properties = schemas.resolve({"$ref": f"#/components/schemas/{contract.UPDATE}"})["properties"]
    schema = schemas.resolve(properties[field.name])
    # Lazy, so that each colour of the palette is used once.
    colors = palette if field.kind is Kind.COLOR else ()
    offered = (colors, reversed(schema.get("enum", ())), (True, False), schema.get("examples", ()))
    for value in itertools.chain(*offered):
        if field.accepts(value) and not equivalent(field.kind, value, field.default):
            return value
    raise LookupError(f"no value to customise {field.name} with")


def _summary(outcome: Outcome) -> dict[str, Any]:
    return {
        "plan": str(outcome.plan),
        "fields": {
            name: {"before": outcome.before[name], "bare": outcome.bare[name], "ours": outcome.ours[name]}
            for name in contract.fields(contract.UPDATE)
        },
        "bare": {"requests": outcome.bare_requests, "reset": outcome.reset},
        "ours": {"requests": outcome.our_requests, "lost": outcome.lost},
        "problems": outcome.problems,
    }


# --- output ---------------------------------------------------------------------------------------


def _show(outcome: Outcome) -> None:
    """Prints the demo, with colours if the terminal supports them."""
    console = _console()
    if console is None:
        for line in _lines(outcome):
            print("".join(text for text, _ in line).rstrip())
        return
    from rich.text import Text  # noqa: PLC0415 - see `_console`

    for line in _lines(outcome, swatch="\u2588\u2588", width=console.width):
        console.print(Text.assemble(*line), no_wrap=True, overflow="ellipsis")


def _console() -> Console | None:
    """A terminal that shows colours, if there is one."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    if not sys.stdout.isatty() or not utf8 or os.environ.get("NO_COLOR"):
        return None
    try:
        from rich.console import Console  # noqa: PLC0415 - optional
    except ImportError:
        return None
    console = Console(highlight=False)
    return None if console.is_dumb_terminal else console


def _lines(outcome: Outcome, *, swatch: str = "", width: int = 100) -> Iterator[list[Piece]]:
    """The whole demo, line by line."""
    yield []
    yield [("The example of the vendor's documentation, with one import changed", "bold")]
    for code in _EXAMPLE.splitlines():
        yield [(code, {"-": "red", "+": "green"}.get(code[0], ""))]
    yield []
    yield [("The plan of it", "bold")]
    styles = {"head": "dim", "before": "red", "after": "green", "kept": "dim", "risk": "yellow"}
    for line in outcome.plan.lines():
        yield [(line.text, styles[line.kind])]
    yield []
    yield from _table(outcome, swatch, width)
    yield []
    yield _verdict("bare PUT", outcome.bare_requests, outcome.reset, "reset")
    yield _verdict("update()", outcome.our_requests, outcome.lost, "lost")
    yield []


def _table(outcome: Outcome, swatch: str, width: int) -> Iterator[list[Piece]]:
    """Each field before, after the bare PUT and after ours, side by side."""
    names = list(contract.fields(contract.UPDATE))
    marks = {**dict.fromkeys(names, ("kept", "green")), "display_name": ("renamed", "green")}
    marks |= dict.fromkeys(outcome.lost, ("LOST", "bold red"))
    first = max(map(len, names)) + 2
    third = max(len(_shown(outcome.bare[name])) for name in names) + 2
    last = max(len(mark) for mark, _ in [*marks.values(), ("update()", "")])
    second = max(len(_shown(outcome.before[name])) for name in names) + 2
    second = max(min(second, width - first - third - last), len("before...") + 2)

    def cell(value: Any, space: int, style: str) -> Iterator[Piece]:
        text = _shown(value)
        text = text if len(text) <= space - 2 else f"{text[: space - 5]}..."
        yield text, style
        is_color = text.startswith("#") and swatch
        if is_color:
            yield f" {swatch}", text
        yield " " * (space - len(text) - (1 + len(swatch) if is_color else 0)), ""

    titles = (("", first), ("before", second), ("bare PUT", third), ("update()", last))
    yield [(title.ljust(space), "bold") for title, space in titles]
    for name in names:
        yield [
            (name.ljust(first), ""),
            *cell(outcome.before[name], second, "dim"),
            *cell(outcome.bare[name], third, "red" if name in outcome.reset else "green"),
            marks[name],
        ]


def _verdict(who: str, requests: Sequence[str], touched: Sequence[str], verb: str) -> list[Piece]:
    return [
        (f"{who}  ", "bold"),
        (f"{_listed(requests):<11}", ""),
        (f"{len(touched):>2} of {len(settings())} settings {verb}", "bold red" if touched else "bold green"),
    ]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _listed(requests: Sequence[str]) -> str:
    return " + ".join(requests) or "no request"


if __name__ == "__main__":
    sys.exit(main())
