"""An existing conference that may be written to, put back as it was."""

import contextlib
import sys
from collections.abc import Iterator

from signalwire_conferences import contract
from signalwire_conferences.contract import UPDATE, Omission

from . import samples
from .api import NoAnswer, OutOfTime
from .bench import Bench, Conference, brief, differences
from .claims import Claim, status
from .findings import Broken, NotExercised, demand
from .replacing import replace, stamp

_TIME_TO_PUT_BACK = 15.0  # seconds


@contextlib.contextmanager
def restored(bench: Bench) -> Iterator[str]:
    """The id of the named conference, which is put back as it was when the work is done; `NotExercised` where there is
    none, or no PUT could put it back.
    """
    if bench.options.conference_id is None:
        raise NotExercised("no conference was named with --conference")
    before = bench.read(bench.options.conference_id)
    body = _way_back(bench, before)
    try:
        yield bench.options.conference_id
    finally:
        interruption = sys.exc_info()[1]
        try:
            _put_back(bench, before, body)
        except Broken as lost:
            if not isinstance(interruption, KeyboardInterrupt):
                raise
            interruption.add_note(lost.message)  # a finding must not hide that the run is to end


def _way_back(bench: Bench, before: Conference) -> dict[str, object]:
    """The body that makes the conference what it is. A null is left out, which restores it where
    an omission gives null; whether it does is tried on a conference of our own.
    """
    body: dict[str, object] = {}
    for name, known in contract.fields(UPDATE).items():
        value = before[name]
        if value is not None:
            body[name] = value
            if not known.accepts(value):
                raise NotExercised(f"its {name} is {value!r}, which no PUT could put back")
        elif not _left_out_is_null(bench, name):
            raise NotExercised(f"its {name} is null, which no PUT is known to put back")
    return body


def _left_out_is_null(bench: Bench, name: str) -> bool:
    if contract.fields(UPDATE)[name].omission is not Omission.NULL:
        return False
    if name not in bench.resets and bench.options.writes:
        replace(bench, bench.customised(samples.custom(UPDATE)), {})
    return name in bench.resets and bench.resets[name][name] is None


def _put_back(bench: Bench, before: Conference, body: dict[str, object]) -> None:
    # A conference of somebody else is put back whatever the budget says.
    bench.api.extend(_TIME_TO_PUT_BACK)
    failed = f"the conference {bench.options.conference_id} could not be put back as it was"
    try:
        # By the id that was given: the server may write it otherwise.
        after = bench.conference_of(bench.put(str(bench.options.conference_id), body))
    except (Broken, NoAnswer, OutOfTime) as error:
        answer = error.exchange if isinstance(error, NoAnswer) else before.source
        claim = error.claim if isinstance(error, Broken) else Claim(status(answer), "is", 200)
        raise Broken(f"{failed}: {error}", claim, causes=getattr(error, "causes", ())) from None
    known = contract.fields(UPDATE)
    lost = {name: pair for name, pair in differences(before, after, but=(stamp(),)).items() if name in known}
    for name in lost:
        raise Broken(f"{failed}: {brief(lost)}", Claim(after.part(name), "is", before.part(name)))
    demand("the answer is about another conference", after.part("id"), "is", before.part("id"))
