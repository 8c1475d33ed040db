"""Changes that depend on what is there: a function makes them, and again where nothing of them is left."""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import frozen

from .changes import checked_changes
from .contract import UPDATE, Json, Kind, fields
from .errors import Conflict, InvalidChangeError, Problem
from .plan import Intent
from .steps import Steps
from .values import identical

Function = Callable[[dict[str, Any]], Mapping[str, Any] | None]
"""Changes the dict of writable fields that it is given, JSON as the server sent it, or returns changes."""


@frozen
class Edit:
    conference_id: str
    function: Function
    resets: frozenset[str]

    def __call__(self, now: Json) -> Steps[Intent]:
        """What the function makes of the conference as it is now. Its own error passes through."""
        before = {name: now[name] for name in fields(UPDATE)}
        given = copy.deepcopy(before)
        made: Any = self.function(given)
        yield from ()  # a generator, as all that decides is
        made = given if made is None else made
        sent = "no PUT of it was sent"
        if not isinstance(made, Mapping):
            wrong = Problem("function", made, "must return a dict of changes, or None if it changed the dict given")
            raise InvalidChangeError([wrong], conference_id=self.conference_id, sent=sent)
        # What was removed from the dict given is cleared; another one says nothing of what it leaves out. A value that
        # is as it was passes as it came.
        said = {**before, **made} if made is given else made
        names = [name for name in said if not identical(before.get(name), made.get(name))]
        names += [name for name in made if name not in before and made[name] is None]
        asked, _ = checked_changes({name: made.get(name) for name in names}, (), self.conference_id, sent=sent)
        return Intent(asked, self.resets, base=now)


def built_on(conflict: Conflict) -> Literal["ours", "before", "nothing known"]:
    """What a third value was built on, as far as that can be seen: free text that has all of ours in it, or all of that
    from before without ours.
    """
    about, texts = fields(UPDATE)[conflict.field], (conflict.ours, conflict.before or "", conflict.theirs)
    is_free = about.kind is Kind.EXACT and about.schema.get("type") == "string" and "enum" not in about.schema
    if is_free and conflict.ours and all(isinstance(text, str) for text in texts):
        ours, before, theirs = texts
        if _holds(theirs, ours):
            return "ours"
        if _holds(theirs, before):
            return "before"
    return "nothing known"


def _holds(text: str, part: str) -> bool:
    """Whether a text has a part, and not in the middle of a word: "line 10" does not have "line 1"."""
    edge = r"(?:(?<!\w)|(?!\w))"
    return re.search(edge + re.escape(part) + edge, text) is not None
