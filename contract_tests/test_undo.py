"""Which entry of the journal is the last change, and what takes it back."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from attrs import evolve

from signalwire_conferences import Change, ConferencesError, Entry, UnsafeUpdateError
from signalwire_conferences.changes import CLEAR
from signalwire_conferences.steps import Policy
from signalwire_conferences.target import Target
from signalwire_conferences.undo import inverse, undo
from signalwire_conferences_testing import schemas
from strategies import CARRIED_AS_NULL

EXAMPLE: dict[str, Any] = schemas.resolve({"$ref": "#/components/schemas/Conference"})["examples"][0]
ID: str = EXAMPLE["id"]
NULLABLE = CARRIED_AS_NULL[0]
NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


def entry(before: dict[str, Any] = EXAMPLE, outcome: Any = "applied", **after: Any) -> Entry:
    changes = {name: Change(before.get(name), value) for name, value in after.items()}
    return Entry(1, ID, NOW, changes, outcome, before)


def test_undo_asks_for_the_values_from_before_against_those_from_after() -> None:
    intent = inverse(ID, [entry(size="large", layout="5up")], EXAMPLE)
    assert intent.asked == {"size": EXAMPLE["size"], "layout": EXAMPLE["layout"]}
    assert intent.base == {**EXAMPLE, "size": "large", "layout": "5up"}
    assert intent.resets == frozenset()


def test_undo_clears_what_was_null() -> None:
    one = entry({**EXAMPLE, NULLABLE: None}, **{NULLABLE: "new", "size": "large"})
    assert inverse(ID, [one], EXAMPLE).asked == {NULLABLE: CLEAR, "size": EXAMPLE["size"]}


@pytest.mark.parametrize(
    ("outcome", "now", "undone"),
    [
        ("applied", {"layout": "5up"}, "layout"),
        ("applied", {"layout": "10x10"}, "layout"),
        ("unknown", {"layout": "5up"}, "layout"),
        ("unknown", {"layout": "10x10"}, "size"),
        ("unknown", {}, "size"),
        ("not applied", {"layout": "5up"}, "size"),
    ],
)
def test_an_entry_of_unknown_outcome_is_a_change_only_where_its_value_is_on_the_server(
    outcome: str, now: dict[str, Any], undone: str
) -> None:
    entries = [entry(outcome=outcome, layout="5up"), entry(size="large")]
    assert list(inverse(ID, entries, {**EXAMPLE, **now}).asked) == [undone]


def test_an_entry_of_unknown_outcome_of_which_half_is_on_the_server_was_carried_out() -> None:
    entries = [entry(outcome="unknown", layout="5up", description="x"), entry(size="large")]
    now = {**EXAMPLE, "layout": "5up", "description": "somebody else's"}
    assert list(inverse(ID, entries, now).asked) == ["layout", "description"]
    assert list(inverse(ID, entries, EXAMPLE).asked) == ["size"]


def test_a_time_that_the_server_keeps_to_the_second_is_still_the_one_of_the_entry() -> None:
    entries = [entry(outcome="unknown", join_from="2031-01-01T00:00:00.654321Z")]
    now = {**EXAMPLE, "join_from": "2031-01-01T00:00:00Z"}
    assert list(inverse(ID, entries, now).asked) == ["join_from"]


def test_where_no_change_was_carried_out_there_is_nothing_to_take_back() -> None:
    intent = inverse(ID, [entry(outcome="unknown", layout="5up")], EXAMPLE)
    assert (intent.asked, intent.base) == ({}, EXAMPLE)


def test_a_null_that_no_put_can_bring_back_is_named() -> None:
    before = {**EXAMPLE, "size": None, NULLABLE: None}
    with pytest.raises(UnsafeUpdateError) as caught:
        inverse(ID, [entry(before, **{"size": "large", NULLABLE: "new"})], EXAMPLE)
    assert caught.value.at_risk == {"size": "was null before, which a PUT cannot restore"}
    assert caught.value.conference_id == ID
    assert caught.value.advice == "Set it with an update."


def test_a_value_that_the_journal_keeps_without_its_token_is_not_brought_back() -> None:
    one = evolve(entry({**EXAMPLE, "description": "*** and more"}, description="x"), masked=frozenset({"description"}))
    with pytest.raises(UnsafeUpdateError, match="description: held the API token"):
        inverse(ID, [one], EXAMPLE)


def test_a_field_that_the_contract_no_longer_has_is_left_alone() -> None:
    assert list(inverse(ID, [entry(was_a_field=1, layout="5up")], EXAMPLE).asked) == ["layout"]
    with pytest.raises(ConferencesError, match="no change"):
        inverse(ID, [entry(was_a_field=1)], EXAMPLE)


def test_nothing_to_undo_names_the_conference() -> None:
    with pytest.raises(ConferencesError) as caught:
        inverse(ID, [entry(outcome="not applied", size="large")], EXAMPLE)
    assert caught.value.message == f"The journal has no change of conference {ID!r} to undo."


def test_who_needs_a_journal_and_has_none_is_told_how_to_get_one() -> None:
    with pytest.raises(ConferencesError) as caught:
        next(undo(Target(ID, Policy(timeout=30.0, retries=0, jitter=lambda: 0.0))))
    assert "no journal" in caught.value.message
    assert "journal=" in caught.value.advice
