"""No silent loss, shown on every schedule of two of our writers, a foreign one, and faults.

The figures stand at the end of a run. `SIGNALWIRE_CONFERENCES_FAULTS` sets another depth.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from attrs import evolve

from pages import Page
from schedules import GAPS, Case, Tally, explore
from signalwire_conferences.contract import CONFERENCE
from signalwire_conferences_testing.schemas import document

FIGURES = Page.read("overrides/GUARANTEES.md").section("Figures")
DEPTH = os.environ.get("SIGNALWIRE_CONFERENCES_FAULTS")

# Without a fault, `confirm` alone has as many schedules as the others with one: it looks again.
SHORT_CASES = [
    Case(protection="nothing", same_field=False, faults=1),
    *(Case(protection="lock", same_field=s, faults=1) for s in (False, True)),
    Case(protection="confirm", same_field=True, faults=0),
    *(Case(protection="ETag", same_field=s, faults=0) for s in (False, True)),
    *(Case(protection="lock", gap=gap, faults=1) for gap in GAPS),  # a lock leaves the fewest schedules
]
LONG_CASES = [
    *(
        Case(protection=p, same_field=s, gap=gap, faults=1 if p == "nothing" else 2)
        for p in ("nothing", "lock")
        for s in (False, True)
        for gap in (None, *GAPS)
    ),
    *(Case(protection="ETag", same_field=s, gap=g, faults=1) for s in (False, True) for g in (None, *GAPS)),
    *(Case(protection="confirm", same_field=s, faults=1) for s in (False, True)),
]


def initial() -> dict[str, Any]:
    """The contract's own example of a conference."""
    image: dict[str, Any] = document()["components"]["schemas"][CONFERENCE]["examples"][0]
    return {name: value for name, value in image.items() if name != "active_session"}


def deepened(case: Case) -> Case:
    return case if DEPTH is None else evolve(case, faults=int(DEPTH))


def show(case: Case, tally: Tally) -> None:
    print(
        f"figure: {case.style:9} {case.protection:8} {'same' if case.same_field else 'other':6} "
        f"{case.gap or '-':11} faults<={case.faults} schedules {tally.schedules:7,} "
        f"lossy {tally.lossy:6,} losses {dict(tally.kinds)} of them among ours {tally.between_ours}"
    )


def row(case: Case, tally: Tally) -> str:
    """What the page of guarantees says of a case."""
    clients = {"ours": case.protection, "bare PUT": "a bare PUT", "naive": "read, change, write by hand"}
    figures = tally.schedules, tally.lossy, tally.between_ours
    fields, gap = "same" if case.same_field else "other", case.gap or "none"
    cells = clients[case.style], fields, gap, case.faults, *(f"{figure:,}" for figure in figures)
    return f"| {' | '.join(map(str, cells))} |\n"


def check(case: Case) -> None:
    tally = explore(case, initial())
    show(case, tally)
    if case in SHORT_CASES:
        assert row(case, tally) in FIGURES
    assert tally.broken == []
    assert "blind" not in tally.kinds, "a PUT was repeated without reading again"
    allowed = {"gap", case.gap} if case.protection != "ETag" else set()
    assert set(tally.kinds) <= allowed
    if case.protection in ("lock", "confirm") and case.gap is None:
        assert tally.between_ours == 0, "our writers lost a change to each other"


@pytest.mark.parametrize("case", SHORT_CASES, ids=repr)
def test_no_change_is_lost_silently_outside_the_documented_gaps(case: Case) -> None:
    check(deepened(case))


@pytest.mark.long
@pytest.mark.parametrize("case", LONG_CASES, ids=repr)
def test_no_change_is_lost_silently_in_any_longer_schedule(case: Case) -> None:
    check(deepened(case))


@pytest.mark.parametrize("style", ["bare PUT", "naive"])
def test_the_model_sees_what_the_obvious_wrong_ways_lose(style: Any) -> None:
    case = deepened(Case(style=style, faults=1))
    tally = explore(case, initial())
    show(case, tally)
    assert DEPTH is not None or row(case, tally) in FIGURES
    assert tally.kinds["blind"] > 0
    assert tally.between_ours > 0


def test_the_gap_without_protection_is_real_and_counted() -> None:
    tally = explore(Case(faults=0), initial())
    assert 0 < tally.lossy < tally.schedules
    assert set(tally.kinds) == {"gap"}
