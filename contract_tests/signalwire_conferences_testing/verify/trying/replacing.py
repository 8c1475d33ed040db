"""One PUT, held against everything that the contract says of it."""

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE, Omission
from signalwire_conferences.values import equivalent, instant
from signalwire_conferences_testing import schemas

from .bench import ASKED, UNASKED, Bench, Conference, brief
from .claims import Claim
from .findings import Broken
from .samples import optional

_SESSION = "active_session"


@functools.cache
def stamp() -> str:
    """The field that each write changes by itself."""
    return next(n for n, said in schemas.answer_fields().items() if said.get("x-changes-with-each-write"))


@functools.cache
def owned() -> list[str]:
    """The fields that no PUT can write and that survive each."""
    writable = contract.fields(UPDATE)
    return [name for name in schemas.answer_fields() if name not in (*writable, stamp(), _SESSION)]


def replace(bench: Bench, before: Conference, body: Mapping[str, Any], *, read: bool = False) -> Conference:
    """Sends a PUT, with a `display_name` where the body has none, and demands that it does what the contract says.
    Reads it back too, in every way, where that is wanted.
    """
    full = {**body, "display_name": body.get("display_name", before["display_name"])}
    after = bench.conference_of(bench.put(before["id"], full), before.source)
    bench.kept(after, full, before.source)
    reset(bench, before, after, [name for name in optional(UPDATE) if name not in full and name in after])
    survived(bench, before, after)
    for query in ({}, ASKED, UNASKED) if read else ():
        told = bench.read(before["id"], after.source, **query)
        bench.equal(after, told, "GET tells otherwise than the PUT's answer")
    return after


def reset(bench: Bench, before: Conference, after: Conference, names: Iterable[str]) -> None:
    """Demands that these fields have the value that leaving them out gives: by the contract one constant, whatever the
    old one was.
    """
    wrong = dict[str, Broken]()
    for name in names:
        known, old, new = contract.fields(UPDATE)[name], before[name], after[name]
        documented = known.omission is Omission.DOCUMENTED_DEFAULT
        earlier = bench.resets.setdefault(name, after)
        want = known.default if documented else earlier[name]
        if equivalent(known.kind, want, new):
            continue
        became = f"kept its old value {old!r}" if equivalent(known.kind, old, new) else f"became {new!r}"
        why = "has to become {!r}, by the contract" if documented else "in an earlier PUT that left it out became {!r}"
        # Which of the two is wrong, nobody knows where nothing is documented.
        both = not documented and earlier.source in bench.log
        claim = Claim(after.part(name), "is", earlier.part(name) if both else want)
        message = f"{name} {became} and {why.format(want)}"
        broken = Broken(f"left out of a PUT, {message}", claim, before.source, causes=[("reset", name)])
        if root := bench.causes.get(("reset", name)):
            bench.because.append((root, broken))
        elif not any(("reset", name) in one.causes for one in bench.found):
            wrong[name] = broken
    if wrong:
        first, *others = wrong.values()
        first.message += f" (and so with {', '.join(list(wrong)[1:])})" if others else ""
        first.causes = tuple(("reset", name) for name in wrong)
        raise first


def reset_values(resets: Mapping[str, Conference]) -> str:
    """What fields without a documented default become, where it is not what this project assumes."""
    known = contract.fields(UPDATE)
    became = {
        name: one[name] for name, one in resets.items() if known[name].omission is not Omission.DOCUMENTED_DEFAULT
    }
    told = {n: json.dumps(v) for n, v in became.items() if not equivalent(known[n].kind, known[n].default, v)}
    return ", ".join(f"{name} becomes {value}" for name, value in told.items())


def survived(bench: Bench, before: Conference, after: Conference) -> None:
    """Demands that what a PUT cannot write is as it was."""
    for name in owned():
        if not equivalent(contract.KINDS[name], before[name], after[name]):
            # What nobody but the server sets may stay wrong, which a second look would not see.
            claim = Claim(after.part(name), "is", before[name] if name == "meta" else before.part(name))
            message = f"a PUT must not change {brief({name: (before[name], after[name])})}"
            bench.deviates(("owned", name), message, claim, before.source)
    old, new = instant(before[stamp()]), instant(after[stamp()])
    if old is not None and new is not None and new < old:
        claim = Claim(after.part(stamp()), "at least", before.part(stamp()))
        bench.deviates(("owned", stamp()), f"{stamp()} went back", claim)
