"""`list` and `get`."""

from typing import Annotated

import typer

from signalwire_conferences import contract
from signalwire_conferences.changes import checked_query

from .codes import CommandError
from .command import Run
from .terminal import json_text, shown, value_text
from .words import Words, checked_word, conditions, words_of

LIST = "list_video_conferences"
_COLUMNS = ("id", "name", "display_name", "layout", "size")

Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only those that meet it: name~stand-*, layout=10x10, description!=null. Repeat it for more conditions.",
    ),
]


def list_(
    run: Run,
    words: Annotated[
        list[str] | None, words_of(LIST, "[PARAMETER=VALUE]...", "As in starts_after=2030-01-01T00:00:00Z.")
    ] = None,
    where: Where = None,
) -> None:
    """List the conferences of the space: id, name, title, layout and size.

    Piped, each is a line with tabs between, the id first; `update -` takes such lines.
    """
    found = Words.read(words or [], LIST)
    if found.ids:
        raise CommandError(f"{found.ids[0]!r} is not parameter=value; `get ID` reads one conference.")
    found.checked(lambda: checked_query(LIST, found.values), lambda: conditions(where or ()))
    terms = conditions(where or ())
    conferences = (
        each
        for each in run.conferences.paginate(**{"page_size": 1000, **found.values})
        if all(term.holds(each) for term in terms)
    )
    terminal = run.terminal
    if run.as_json:
        mark = "[\n"
        for conference in conferences:
            terminal.stdout.write(mark + json_text(conference.to_dict()))
            mark = ",\n"
            if terminal.stdout.gone:
                return
        terminal.stdout.write("[]\n" if mark == "[\n" else "\n]\n")
    else:
        rows = ([value_text(name, each.get(name)) for name in _COLUMNS] for each in conferences)
        terminal.rows(terminal.out, _COLUMNS, rows)


def get(
    run: Run,
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of the conference.")],
    session: Annotated[bool, typer.Option("--session", help="With the session under way, if there is one.")] = False,
) -> None:
    """Show a conference."""
    checked_word(id_)
    conference = run.conferences.get(id_, include_active_session=session)
    if run.as_json:
        run.terminal.json(conference.to_dict())
        return
    width = max(map(len, contract.KINDS)) + 2
    for name, value in conference.items():
        run.terminal.data(value_text(None, shown(name).ljust(width)) + value_text(name, value))
