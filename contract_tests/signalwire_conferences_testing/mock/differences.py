"""What requests changed in a conference, as the message of an assertion."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import Kind
from signalwire_conferences.errors import printable, short_repr
from signalwire_conferences.values import equivalent
from signalwire_conferences_testing import schemas

from .misuse import Misuse, no_such_field

__all__ = ["unexpected"]

_ABSENT = object()


def unexpected(
    conference_id: str, before: Mapping[str, Any], after: Mapping[str, Any], expected: Iterable[str]
) -> str | None:
    """The unexpected and the missing changes, as a diff; `None` if all is as expected.

    A field that each write changes (`updated_at`) may differ, and counts only if it is named.

    Args:
        conference_id: the conference.
        before: its fields before.
        after: its fields after.
        expected: the fields that must differ; all others must not.

    Raises:
        TypeError: an expected field is not a name.
        Misuse: the conference has no field of an expected name.
    """
    named = list(expected)
    for each in named:
        if not isinstance(each, str):
            raise TypeError(
                f"{short_repr(each)} is not the name of a field; give each as an argument of its own: "
                'assert_only_changed(id, "display_name")'
            )
    fields = {**before, **after}
    wrong = [name for name in named if name not in fields]
    if wrong:
        raise Misuse("there is no such field", [no_such_field(name) for name in wrong])
    changed = [name for name in fields if not _same(name, before.get(name, _ABSENT), after.get(name, _ABSENT))]
    others = [name for name in changed if name not in named and not _is_stamp(name)]
    unchanged = [name for name in named if name not in changed]
    if not others and not unchanged:
        return None
    wanted = f"only {', '.join(named)}" if named else "nothing"
    lines = [f"conference {printable(conference_id)}: {wanted} was to change"]
    for name in others:
        lines += [f"- {name}: {_shown(before, name)}", f"+ {name}: {_shown(after, name)}"]
    lines += [f"  {name} did not change: {_shown(after, name)}" for name in unchanged]
    right = [name for name in named if name in changed]
    lines += [f"  {name} changed as expected: {_shown(before, name)} -> {_shown(after, name)}" for name in right]
    return "\n".join(lines)


def _same(name: str, one: Any, other: Any) -> bool:
    return equivalent(contract.KINDS.get(name, Kind.EXACT), one, other)


def _is_stamp(name: str) -> bool:
    return bool(schemas.answer_fields().get(name, {}).get("x-changes-with-each-write"))


def _shown(state: Mapping[str, Any], name: str) -> str:
    return printable(json.dumps(state[name], ensure_ascii=False)) if name in state else "absent"
