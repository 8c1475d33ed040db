"""Inputs, checked against the contract before any request: all problems at once."""

import enum
import re
import uuid
from collections.abc import AsyncIterable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

from . import contract
from .contract import Field, Json, Omission
from .errors import InvalidChangeError, Problem
from .hosts import canonical_host
from .values import decode_json, equivalent, to_json


class Clear(enum.Enum):
    """What a change of `None` means: leave the field out of the PUT."""

    CLEAR = "clear"


CLEAR: Final = Clear.CLEAR
_NONE: Final = object()
_LEADS_OUT: Final = re.compile(r"[/\\?#]")  # of a path
_MOST_AT_ONCE: Final = 1000  # conferences; each costs a thread or a task
_OF_MANY: Final = ("label", "concurrency", "on_progress", "base")  # what only `update_many` takes
T = TypeVar("T")
OPTIONS: Final = "RestClient(timeout=..., retries=...), and for one call client.with_options(timeout=..., retries=...)"
_OF_THE_VENDORS_SDK: Final = {
    "request_options": f"is not taken here; write {OPTIONS}",
    "extras": "is not taken here; name its fields in the call",
    "resource_id": "is not taken here; the id comes first, without a name",
}


def checked_changes(
    changes: Json, allow_reset: object, conference_id: object, *, sent: str = "no request was sent"
) -> tuple[dict[str, Any], frozenset[str]]:
    """The changes of an update as JSON values, `CLEAR` for `None`, and the fields allowed to be reset."""
    check = _Check(conference_id)
    asked = check.values(contract.UPDATE, changes, none="clear")
    resets = check.resets(allow_reset)
    if check.problems:
        check.problems += unknown_resets(resets, {})
    return check.passed(asked, sent), resets


def checked_edit(function: object, allow_reset: object, conference_id: object) -> frozenset[str]:
    """The fields allowed to be reset by an edit."""
    check = _Check(conference_id)
    if not callable(function):
        check.problems.append(Problem("function", function, "must be callable with a dict of the writable fields"))
    return check.passed(check.resets(allow_reset))


def checked_many(
    ids: object, changes: object, allow_reset: object, concurrency: object, label: object, **functions: object
) -> tuple[dict[str, Any], frozenset[str]]:
    """The same for many conferences; of `ids`, those that are there already."""
    check = _Check()
    if not isinstance(changes, Mapping):
        check.refuse("changes", changes, "must be a mapping from field to value")
    asked = check.values(contract.UPDATE, changes if isinstance(changes, Mapping) else {}, none="clear")
    resets = check.resets(allow_reset)
    check.problems += unknown_resets(resets, {})
    if isinstance(ids, str | bytes | Mapping) or not isinstance(ids, Iterable | AsyncIterable | None):
        check.refuse("ids", ids, "must be ids, one after the other; for one alone, [id]")
    elif isinstance(ids, Collection):
        for number, one in enumerate(ids):
            if not isinstance(one, uuid.UUID) and (rule := _id_rule(one)):
                check.refuse(f"ids[{number}]", one, rule)
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 1 <= concurrency <= _MOST_AT_ONCE:
        check.refuse("concurrency", concurrency, f"must be a whole number from 1 to {_MOST_AT_ONCE}")
    if label is not None and not isinstance(label, str):
        check.refuse("label", label, "must be a string")
    for name, function in functions.items():
        if function is not None and not callable(function):
            check.refuse(name, function, "must be a function, or None")
    return check.passed(asked), resets


def checked_own(changes: object, conference_id: object) -> dict[str, Any]:
    """The changes that a function gave for one of many conferences."""
    check = _Check(conference_id)
    if isinstance(changes, Mapping):
        return check.passed(check.values(contract.UPDATE, changes, none="clear"))
    check.refuse("changes", changes, "must return a mapping from field to value for each id")
    return check.passed({})


def checked_base(base: object, conference_id: object) -> dict[str, Any]:
    """What fields were when changes were decided on; more than the writable ones may be there."""
    check = _Check(conference_id)
    if not isinstance(base, Mapping):
        check.refuse("base", base, "must be a mapping from field to value")
        base = {}
    check.problems += [
        Problem(str(name), None, unknown(name, contract.fields(contract.UPDATE)))
        for name in base
        if name not in contract.KINDS
    ]
    return check.passed(dict(base))


def unknown_resets(resets: AbstractSet[str], body: Json) -> list[Problem]:
    """What is wrong with names of `allow_reset`, once the conference was read."""
    unknown = sorted(resets - contract.KINDS.keys() - body.keys())
    rule = "is a field neither of the contract nor of the conference"
    return [Problem("allow_reset", name, rule) for name in unknown]


def checked_create(fields: Json) -> dict[str, Any]:
    check = _Check()
    return check.passed(check.values(contract.CREATE, fields, none="leave out", whole=True))


def checked_body(body: object, conference_id: object) -> dict[str, Any]:
    check = _Check(conference_id)
    if isinstance(body, Mapping):
        return check.passed(check.values(contract.UPDATE, body, none="refuse", whole=True))
    check.refuse("body", body, "must be a mapping from field to value")
    return check.passed({})


def checked_query(operation_id: str, query: Json) -> dict[str, Any]:
    check = _Check(noun="parameter")
    return check.passed(check.values(operation_id, query, none="leave out"))


def checked_id(conference_id: object) -> str:
    """An id that stays inside its place in the path. Ids are opaque otherwise."""
    if type(conference_id) is str and _id_rule(conference_id) is None:
        return conference_id
    return str(to_json(_Check(conference_id).passed(conference_id)))


def checked_history(
    conference_id: object, change_set: object, entry: object = None, on_progress: object = None, *, undo: bool
) -> str | None:
    """The id, if one is given, of a history or of what is to be undone."""
    check = _Check(_NONE if conference_id is None else conference_id)
    if change_set is not None and not (isinstance(change_set, str) and change_set):
        check.problems.append(Problem("change_set", change_set, "must be the id of a change set"))
    if entry is not None and (isinstance(entry, bool) or not isinstance(entry, int)):
        check.problems.append(Problem("entry", entry, "must be the number of an entry"))
    given = [each is not None for each in (conference_id, change_set, entry)]
    if undo and not any(given):
        check.refuse("id", None, "must be given, or change_set= with or without an id, or entry= alone")
    elif undo and given[2] and sum(given) > 1:
        check.refuse("entry", entry, "must be given alone, without an id or change_set=")
    if on_progress is not None and (given[0] or given[2]):
        check.refuse("on_progress", on_progress, "is for a change set in all its conferences; leave it out")
    check.passed(None)
    return None if conference_id is None else str(to_json(conference_id))


def checked_plan(text: object, host: str, version: int) -> tuple[dict[str, Any], dict[str, Any], frozenset[str]]:
    """A plan as it was written, its changes and its `allow_reset`."""
    try:
        said = decode_json(str(text).encode())
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InvalidChangeError([Problem("plan", text, "must be what a plan's `to_json` gave")])
    about, known = said.get("conference_id"), contract.fields(contract.UPDATE)
    check, changes, theirs = _Check(about), said.get("changes"), said.get("host")

    def is_whole(image: Any) -> bool:
        whole = isinstance(image, dict) and image.keys() >= {*known, *contract.KEPT}
        return whole and equivalent(contract.Kind.UUID, image["id"], about)

    rules = {
        "plan": (said.get("plan") == version, f"must be {version}, the version of plans that this package knows"),
        "host": (canonical_host(str(theirs)) == canonical_host(host), f"is another space; this client's is {host}"),
        "changes": (isinstance(changes, dict), "must be an object, field to value"),
        "undoes": (isinstance(said.get("undoes"), str | None), "must be the id of a change set, or null"),
        "before": (is_whole(said.get("before")), "must be the whole conference of this id"),
        "base": ("base" not in said or is_whole(said["base"]), "must be the whole conference of this id"),
    }
    check.problems += [Problem(name, said.get(name), rule) for name, (kept, rule) in rules.items() if not kept]
    others = said.keys() - rules.keys() - {"conference_id", "allow_reset"}
    check.problems += [Problem(name, said[name], "is no part of a plan") for name in sorted(others)]
    asked = changes if isinstance(changes, dict) else {}
    # What an undo brings back need not be what the contract still allows.
    odd = {name: value for name, value in asked.items() if said.get("undoes") and value is not None and name in known}
    asked = check.values(contract.UPDATE, {n: v for n, v in asked.items() if n not in odd}, none="clear") | odd
    resets = check.resets(said.get("allow_reset"))
    return check.passed((said, asked, resets))


def path_of(operation_id: str, conference_id: str | None = None) -> str:
    """The path of an operation, with the id quoted into it."""
    path = contract.operation(operation_id).path
    return path if conference_id is None else path.replace("{id}", quote(conference_id, safe=""))


class _Check:
    def __init__(self, conference_id: object = _NONE, *, noun: str = "field") -> None:
        self.problems: list[Problem] = []
        self._noun = noun
        self._id = str(conference_id) if isinstance(conference_id, str | uuid.UUID) else None
        text = self._id if isinstance(conference_id, uuid.UUID) else conference_id
        if conference_id is not _NONE and (rule := _id_rule(text)):
            self.refuse("id", conference_id, rule)

    def refuse(self, name: str, value: object, rule: str) -> None:
        self.problems.append(Problem(name, value, rule))

    def passed(self, checked: T, sent: str = "no request was sent") -> T:
        if self.problems:
            raise InvalidChangeError(self.problems, conference_id=self._id, sent=sent)
        return checked

    def values(
        self, of: str, given: Json, *, none: Literal["clear", "leave out", "refuse"], whole: bool = False
    ) -> dict[str, Any]:
        """The values as JSON; `none`: what `None` means; `whole`: whether a required field must not be missing."""
        known, checked = contract.fields(of), dict[str, Any]()
        absent = {"clear": (contract.KEEP,), "leave out": (contract.KEEP, None), "refuse": ()}[none]
        given = {name: value for name, value in given.items() if not any(value is each for each in absent)}
        for name, value in given.items():
            if (field := known.get(name)) is None:
                self.refuse(str(name), value, self._unknown(name, known))
            elif value is contract.KEEP:
                self.refuse(name, value, "cannot be kept: a replacement resets what it does not name")
            elif value is not None:
                checked[name] = self._value(field, value)
            elif field.omission is Omission.REQUIRED:
                self.refuse(name, None, "cannot be cleared: the PUT requires it" if none == "clear" else field.rule)
            elif none == "clear":
                checked[name] = CLEAR
            else:
                self.refuse(name, None, "must not be null; leave it out instead")
        if whole:
            for name in known.keys() - given.keys():
                if known[name].omission is Omission.REQUIRED:
                    self.refuse(name, None, "is required")
        return checked

    def resets(self, allow_reset: object) -> frozenset[str]:
        """The names of `allow_reset`; a single one may stand alone. One that resembles no field of the contract may be
        a field of the server: that shows once it is read.
        """
        known, fields = contract.fields(contract.UPDATE), contract.KINDS
        if not isinstance(allow_reset, Iterable):
            self.refuse("allow_reset", allow_reset, "must be names of fields")
            return frozenset()
        good = set()
        for name in [allow_reset] if isinstance(allow_reset, str) else list(allow_reset):
            text = name if isinstance(name, str) else ""
            if text in known or (text and text not in fields and not _similar(text, fields)):
                good.add(text)
            else:
                self.refuse("allow_reset", name, self._unknown(name, known))
        return frozenset(good)

    def _value(self, field: Field, value: object) -> Any:
        try:
            plain = to_json(value)
        except ValueError as error:
            return self.refuse(field.name, value, f"{error}; {field.rule}")
        # JSON Schema takes 50.0 for an integer; in a query it would not be one.
        if isinstance(plain, float) or not field.accepts(plain):
            self.refuse(field.name, value, field.rule)
        return plain

    def _unknown(self, name: object, known: Mapping[str, Field]) -> str:
        if self._noun == "field" and isinstance(name, str) and name in contract.KINDS:
            by_create = "only a create sets it, and the API never changes it"
            return (
                f"cannot be written: {by_create if name in contract.fields(contract.CREATE) else 'the server sets it'}"
            )
        if name in _OF_MANY and known == contract.fields(contract.UPDATE):
            return "is not a field, but an option of update_many"
        return _OF_THE_VENDORS_SDK.get(str(name)) or unknown(name, known, self._noun)


def unknown(name: object, known: Iterable[str], noun: str = "field") -> str:
    """What is wrong with a name that is not among the known ones, and which of them may be meant."""
    near = _similar(str(name).lower(), known := list(known))
    return f"is not a {noun}; {f'did you mean {near[0]}? There' if near else 'there'} are {', '.join(known)}"


def _similar(name: str, known: Iterable[str]) -> list[str]:
    import difflib  # noqa: PLC0415 - for typing errors alone

    return difflib.get_close_matches(name, known, n=1)


def _id_rule(text: object) -> str | None:
    if isinstance(text, Mapping) and "id" in text:
        return "must be an id; of a conference, pass conf.id"
    if not isinstance(text, str):
        return "must be a string"
    if not text.strip(" ."):
        return "must not be empty, or consist of dots"
    if text.isprintable() and not _LEADS_OUT.search(text):
        return None
    found = sorted({repr(mark) for mark in text if _LEADS_OUT.match(mark) or not mark.isprintable()})
    return f"must not hold {', '.join(found)}"
