"""Plans as data: kept, reviewed, and applied by another process."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processes import STYLES, Ours, finished, ours, spawned
from signalwire_conferences import ConflictError, InvalidChangeError, RestClient, UpdatePlan
from signalwire_conferences.changes import checked_changes
from signalwire_conferences.plan import Intent, read_plan
from signalwire_conferences.target import Target
from signalwire_conferences.update import SafeUpdate
from signalwire_conferences_testing.mock import MockServer
from strategies import POLICY, carried_conferences, changes, drive, ok

ID = "conference-id"


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "2x2", "size": "large", "description": "Größe \N{SNOWMAN}"}]) as running:
        yield running


@pytest.fixture(params=STYLES)
def ours_of(request: pytest.FixtureRequest, server: MockServer, tmp_path: Path) -> Iterator[Ours]:
    with ours(request.param, server, journal=tmp_path / "j") as client:
        yield client


def again(client: Ours, plan: Any) -> Any:
    return UpdatePlan.from_json(client.client, plan.to_json())


def test_a_plan_that_was_written_is_the_same_plan(ours_of: Ours) -> None:
    plan = ours_of.plan(ID, layout="5up", description=None, allow_reset=["size"])
    other = again(ours_of, plan)
    assert str(other) == str(plan)
    names = ("conference_id", "before", "changes", "body", "at_risk", "conflicts", "host", "intent")
    assert [getattr(other, name) for name in names] == [getattr(plan, name) for name in names]
    assert other.to_json() == plan.to_json()


def test_a_plan_that_was_written_is_applied_onto_what_others_changed_since(ours_of: Ours, server: MockServer) -> None:
    plan = again(ours_of, ours_of.plan(ID, layout="5up", description=None))
    server.store.patch(ID, {"size": "small"})
    made = ours_of.apply(plan)
    assert (made["layout"], made["size"], made["description"]) == ("5up", "small", None)
    assert made.to_dict() == server.store[ID]


def test_where_others_changed_the_same_field_since_a_written_plan_is_a_conflict(
    ours_of: Ours, server: MockServer
) -> None:
    plan = again(ours_of, ours_of.plan(ID, layout="5up"))
    server.store.patch(ID, {"layout": "8x8"})
    with pytest.raises(ConflictError) as caught:
        ours_of.apply(plan)
    [conflict] = caught.value.conflicts
    assert (conflict.before, conflict.theirs, conflict.ours) == ("2x2", "8x8", "5up")
    assert "make a new plan" in caught.value.advice
    assert server.store[ID]["layout"] == "8x8"


def test_a_written_plan_of_an_undo_may_bring_back_what_the_contract_does_not_know(ours_of: Ours) -> None:
    before = ours_of.plan(ID, layout="5up")
    said = json.loads(before.to_json())
    said |= {"changes": {"layout": "of next year"}, "undoes": "x"}
    assert UpdatePlan.from_json(ours_of.client, json.dumps(said)).body["layout"] == "of next year"


def test_a_written_plan_of_an_undo_says_what_it_undoes(ours_of: Ours, server: MockServer) -> None:
    made = ours_of.update(ID, layout="5up", description=None).report.change_set
    server.store.patch(ID, {"size": "small"})
    plan = ours_of.plan_undo(change_set=made)[0]
    for _ in range(2):
        undone = ours_of.apply(again(ours_of, plan))
        assert (undone["layout"], undone["size"], undone.report.undoes) == ("2x2", "small", made)
    assert [entry.outcome for entry in ours_of.history(ID)] == ["unchanged", "applied", "applied"]
    assert ours_of.undo(ID).report.undone_by == ours_of.history(ID)[2].change_set


def test_a_written_plan_of_an_undo_keeps_its_conflicts(ours_of: Ours, server: MockServer) -> None:
    ours_of.update(ID, layout="5up", size="small")
    server.store.patch(ID, {"layout": "8x8"})
    plan = again(ours_of, ours_of.plan_undo(ID))
    [conflict] = plan.conflicts
    assert (conflict.before, conflict.theirs, conflict.ours) == ("5up", "8x8", "2x2")
    with pytest.raises(ConflictError):
        ours_of.apply(plan)
    assert server.store[ID]["layout"] == "8x8"


def test_another_process_applies_it(server: MockServer, tmp_path: Path) -> None:
    with ours("sync", server) as client:
        (tmp_path / "plan.json").write_text(client.plan(ID, layout="5up").to_json(), "utf-8")
    code = """
import sys
from pathlib import Path
from signalwire_conferences import RestClient, UpdatePlan
project, token, host, file = sys.argv[1:]
with RestClient(project, token, host) as client:
    print(UpdatePlan.from_json(client, Path(file).read_text("utf-8")).apply()["layout"])
"""
    told = finished([spawned(code, server.project, server.token, server.host, tmp_path / "plan.json")])
    assert told == ["5up\n"]
    assert server.store[ID]["description"] == "Größe \N{SNOWMAN}"


def test_a_plan_is_pickled_without_its_client_and_says_how_to_have_one(ours_of: Ours, server: MockServer) -> None:
    plan = ours_of.plan(ID, layout="5up", record_on_start=None)
    other = pickle.loads(pickle.dumps(plan))
    assert (str(other), other.to_json(), other.host) == (str(plan), plan.to_json(), server.host)
    assert server.token.encode() not in pickle.dumps(plan)
    with pytest.raises(TypeError, match=r"UpdatePlan\.from_json\(client, plan\.to_json\(\)\)"):
        other.apply()
    assert ours_of.apply(again(ours_of, other))["layout"] == "5up"


def test_it_reads_as_what_was_asked_and_what_was_there(ours_of: Ours, server: MockServer) -> None:
    said = json.loads(ours_of.plan(ID, layout="5up", description=None).to_json())
    assert said == {
        "plan": 1,
        "host": server.host,
        "conference_id": ID,
        "changes": {"layout": "5up", "description": None},
        "allow_reset": [],
        "undoes": None,
        "before": server.store[ID],
    }


# --- what is no plan of this space ------------------------------------------------------------------------


def test_a_plan_of_another_space_is_refused_and_one_of_another_spelling_is_not(server: MockServer) -> None:
    with ours("sync", server) as client:
        text = client.plan(ID, layout="5up").to_json()
    with RestClient("project", "token", "other.signalwire.com") as other:
        with pytest.raises(InvalidChangeError) as caught:
            UpdatePlan.from_json(other, text)
        [problem] = caught.value.problems
        assert (problem.field, problem.value) == ("host", server.host)
        assert "another space" in problem.rule
        assert "other.signalwire.com" in problem.rule
        assert caught.value.conference_id == ID
        text = text.replace(server.host, "OTHER.signalwire.com.:443")
        assert UpdatePlan.from_json(other, text).conference_id == ID


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"plan": 2}, ["plan"]),
        ({"plan": None}, ["plan"]),
        ({"host": None}, ["host"]),
        ({"conference_id": "../x"}, ["id", "before"]),
        ({"conference_id": "another"}, ["before"]),
        ({"changes": []}, ["changes"]),
        ({"changes": {"layout": "9x9", "nonesuch": 1, "display_name": None}}, ["layout", "nonesuch", "display_name"]),
        ({"changes": {"layout": "odd", "id": "x", "display_name": None}, "undoes": "x"}, ["id", "display_name"]),
        ({"allow_reset": None}, ["allow_reset"]),
        ({"allow_reset": ["sise", 3]}, ["allow_reset", "allow_reset"]),
        ({"undoes": 7}, ["undoes"]),
        ({"before": None}, ["before"]),
        ({"before": {"id": ID}}, ["before"]),
        ({"base": "x"}, ["base"]),
        ({"applied": True, "another": 1}, ["another", "applied"]),
        ({"plan": 9, "host": "x", "changes": {"size": 3}, "before": []}, ["plan", "host", "before", "size"]),
    ],
)
def test_all_that_is_wrong_with_a_plan_is_told_at_once(
    server: MockServer, change: dict[str, Any], wrong: list[str]
) -> None:
    with ours("sync", server) as client:
        said = json.loads(client.plan(ID, layout="5up").to_json())
        before = len(server.requests)
        with pytest.raises(InvalidChangeError) as caught:
            UpdatePlan.from_json(client.client, json.dumps({**said, **change}))
        for name in said:
            if name != "undoes":
                with pytest.raises(InvalidChangeError):
                    UpdatePlan.from_json(client.client, json.dumps({n: v for n, v in said.items() if n != name}))
    assert [problem.field for problem in caught.value.problems] == wrong
    assert len(server.requests) == before


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "null", '{"plan": NaN}', "[" * 100_000, "\ud800", b"{}", None, 5]
)
def test_what_is_no_json_object_is_no_plan(text: Any) -> None:
    with RestClient("project", "token", "host") as client, pytest.raises(InvalidChangeError) as caught:
        UpdatePlan.from_json(client, text)
    [problem] = caught.value.problems
    assert problem.field == "plan"


def test_what_is_no_client_cannot_read_a_plan() -> None:
    client: Any = "{}"
    with pytest.raises(InvalidChangeError) as caught:
        UpdatePlan.from_json(client, "{}")
    [problem] = caught.value.problems
    assert (problem.field, problem.value) == ("client", "{}")
    assert "must be a RestClient or an AsyncRestClient" in problem.rule


# --- any plan ---------------------------------------------------------------------------------------------


@given(carried_conferences(), changes(), st.sets(st.sampled_from(["size", "x-new"])))
def test_any_plan_is_the_same_when_written_and_read(
    conference: dict[str, Any], asked: dict[str, Any], resets: set[str]
) -> None:
    conference |= {"x-new": 1}
    checked = checked_changes(asked, resets, conference["id"])
    update = SafeUpdate(Target(conference["id"], POLICY), Intent(*checked))
    plan = drive(update.plan(), lambda _step: ok(conference))
    text = UpdatePlan.to_json(plan)
    other = read_plan(text, plan.host)
    assert (str(other), other.body, other.intent) == (str(plan), plan.body, plan.intent)
    assert other.to_json() == text
