"""For any conference and any change: what was named changes, and nothing else does."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from signalwire_conferences import ConflictError, RestClient, ServerChoice, UnsafeUpdateError, operations
from signalwire_conferences.changes import checked_body, checked_changes
from signalwire_conferences.errors import VerificationError, printable
from signalwire_conferences.plan import Intent, UpdatePlan
from signalwire_conferences.results import UpdateReport
from signalwire_conferences.update import SafeUpdate
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import MockServer
from strategies import (
    CARRIED_AS_NULL,
    COLORS,
    LOST_AS_NULL,
    REQUIRED,
    SCHEMAS,
    SERVER_OWNED,
    TIMES,
    UTC,
    WRITABLE,
    Server,
    aware_datetimes,
    changes,
    drive,
    given_as,
    held,
    is_free_choice,
    json_values,
    left_out,
    means,
    servers,
    timestamps,
    values,
)

Asked = dict[str, Any]

# Over HTTP an example takes a hundred times as long.
OVER_HTTP = settings(
    max_examples=settings().max_examples // 4,
    # What a fixture keeps from one example to the next is a mock; each example has a conference of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def safe_update(server: Server, asked: Asked, allow_reset: Any = (), base: Any = None) -> SafeUpdate:
    """What `RestClient.update` carries out."""
    checked = checked_changes(asked, allow_reset, server.target.conference_id)
    return SafeUpdate(server.target, Intent(*checked, base=base))


def update(server: Server, asked: Asked, allow_reset: Any = ()) -> tuple[dict[str, Any], UpdateReport]:
    return drive(safe_update(server, asked, allow_reset).steps(), server)


def expected(server: Server, name: str, asked: Any) -> Any:
    """What a named field has to become; a free choice is the server's."""
    if asked is not None:
        return asked
    return server.chosen.get(name, left_out(name))


def differs(server: Server, name: str, asked: Any) -> bool:
    """Whether a change asks for something else than what is there."""
    if asked is None and is_free_choice(name):
        return True  # nobody can tell what the server would choose
    wanted, now = expected(server, name, asked), server.state[name]
    return not (wanted is now if now is None else means(name, wanted, now))


def in_json(value: Any) -> str:
    """JSON text, so that `True` is not taken for `1`."""
    return json.dumps(value)


@given(servers, changes())
def test_what_is_named_changes_and_everything_else_stays(server: Server, asked: Asked) -> None:
    before = copy.deepcopy(server.state)
    changed = {name for name, value in asked.items() if differs(server, name, value)}
    body, report = update(server, asked)
    for name in WRITABLE:
        if name in changed:
            assert means(name, expected(server, name, asked[name]), server.state[name])
        else:
            assert in_json(server.state[name]) == in_json(before[name])
    for name in before.keys() - WRITABLE.keys() - {"updated_at"}:
        assert in_json(server.state[name]) == in_json(before[name])
    assert body == server.state
    # What was cleared may have been what the server chooses.
    moved = {name for name in changed if in_json(before[name]) != in_json(server.state[name])}
    assert moved >= changed - {name for name in changed if asked[name] is None and is_free_choice(name)}
    assert {name: (change.before, change.after) for name, change in report.changes.items()} == {
        name: (before[name], server.state[name]) for name in moved
    }
    assert (report.written, report.puts) == (bool(changed), int(bool(changed)))
    assert (report.changed_by_others, report.noticed) == ({}, {})


@given(servers, changes())
def test_an_update_is_one_get_and_one_put_and_only_a_get_where_nothing_changes(server: Server, asked: Asked) -> None:
    changed = any(differs(server, name, value) for name, value in asked.items())
    update(server, asked)
    assert server.methods == (["GET", "PUT"] if changed else ["GET"])


@given(servers, changes(min_size=1))
def test_the_put_holds_every_value_as_it_came_but_for_what_is_named_or_null(server: Server, asked: Asked) -> None:
    before = copy.deepcopy(server.state)
    update(server, asked)
    assume(server.methods == ["GET", "PUT"])
    sent = server.body()
    cleared = {name for name, value in asked.items() if value is None and differs(Server(before), name, None)}
    for name in WRITABLE.keys() - asked.keys():
        assert (name in sent) == (before[name] is not None)
        assert in_json(sent.get(name)) == in_json(before[name])
    assert not cleared & sent.keys()
    assert sent.keys() <= WRITABLE.keys()
    assert all(sent[name] is not None for name in sent)


@given(servers, changes(clear=False, min_size=1))
def test_what_is_named_is_sent_as_the_contract_wants_it(server: Server, asked: Asked) -> None:
    changed = {name for name, value in asked.items() if differs(server, name, value)}
    update(server, asked)
    assume(changed)
    for name in changed:
        sent = server.body()[name]
        assert schemas.validator(WRITABLE[name]).is_valid(sent)
        assert means(name, asked[name], sent)
        if type(asked[name]) is str:
            assert sent == asked[name]


@st.composite
def respelled(draw: st.DrawFn) -> tuple[Server, Asked]:
    """A server, and some of its present values spelled in another way."""
    server = draw(servers)
    chosen = draw(st.sets(st.sampled_from(list(WRITABLE)), min_size=1))
    asked: Asked = {}
    at = draw(aware_datetimes)
    for name in chosen:
        if name in TIMES:
            server.state[name] = draw(
                timestamps(at.astimezone(UTC).replace(microsecond=0, tzinfo=None), f"{at.microsecond:06}")
            )
            same = timestamps(at.astimezone(UTC).replace(microsecond=0, tzinfo=None), f"{at.microsecond:06}")
            asked[name] = draw(st.just(at) | same)
        else:
            server.state[name] = draw(values(WRITABLE[name]))
            value = server.state[name]
            asked[name] = draw(given_as(name, value.swapcase() if name in COLORS else value))
    return server, asked


@given(respelled())
def test_a_change_to_the_present_value_however_spelled_sends_no_put(case: tuple[Server, Asked]) -> None:
    server, asked = case
    before = copy.deepcopy(server.state)
    body, report = update(server, asked)
    assert server.methods == ["GET"]
    assert body == before
    assert (dict(report.changes), report.written, report.puts) == ({}, False, 0)


@given(servers, st.sets(st.sampled_from(sorted(WRITABLE.keys() - REQUIRED)), min_size=1))
def test_none_leads_to_the_documented_default_to_null_or_to_what_the_server_chooses(
    server: Server, cleared: set[str]
) -> None:
    before = copy.deepcopy(server.state)
    plan = drive(safe_update(server, dict.fromkeys(cleared)).plan(), server)
    update(server, dict.fromkeys(cleared))
    for name in cleared:
        if is_free_choice(name):
            assert isinstance(plan.changes[name].after, ServerChoice)
            assert plan.changes[name].after.assumed == left_out(name)
        elif name in plan.changes:
            assert plan.changes[name] == (before[name], left_out(name))
        assert in_json(server.state[name]) == in_json(server.chosen.get(name, left_out(name)))


@given(servers, changes(min_size=1), st.sets(st.sampled_from(LOST_AS_NULL), min_size=1))
def test_a_null_that_a_put_cannot_carry_is_refused_before_the_put_unless_it_is_named(
    server: Server, asked: Asked, nulls: set[str]
) -> None:
    server.state.update(dict.fromkeys(nulls))
    before = copy.deepcopy(server.state)
    pending = any(differs(server, name, value) for name, value in asked.items())
    if not pending:
        update(server, asked)
        assert server.methods == ["GET"]
    elif nulls - asked.keys():
        with pytest.raises(UnsafeUpdateError) as caught:
            update(server, asked)
        assert caught.value.at_risk.keys() == nulls - asked.keys()
        assert all(name in str(caught.value) for name in nulls - asked.keys())
        assert server.methods == ["GET"]
        assert server.state == before
    else:
        update(server, asked)
        assert server.methods == ["GET", "PUT"]
        assert all(means(name, expected(server, name, asked[name]), server.state[name]) for name in asked)


@pytest.mark.parametrize("name", [name for name in LOST_AS_NULL if name not in REQUIRED])
@given(servers, changes(min_size=1))
def test_allow_reset_lets_a_null_go_to_its_default_and_the_report_says_so(
    name: str, server: Server, asked: Asked
) -> None:
    server.state[name] = None
    asked.pop(name, None)
    assume(any(differs(server, other, value) for other, value in asked.items()))
    _, report = update(server, asked, [name])
    assert name not in server.body()
    assert server.state[name] == left_out(name)
    assert report.changes[name] == (None, left_out(name))


@pytest.mark.parametrize("name", [name for name in LOST_AS_NULL if name in REQUIRED])
@given(servers, changes(min_size=1))
def test_allow_reset_does_not_help_where_the_put_requires_a_value(name: str, server: Server, asked: Asked) -> None:
    server.state[name] = None
    asked.pop(name, None)
    assume(any(differs(server, other, value) for other, value in asked.items()))
    with pytest.raises(UnsafeUpdateError) as caught:
        update(server, asked, [name])
    assert list(caught.value.at_risk) == [name]
    assert server.methods == ["GET"]


# --- plan, and apply later ------------------------------------------------------------------------


def planned(server: Server, asked: Asked) -> UpdatePlan[Any]:
    return drive(safe_update(server, asked).plan(), server)


@given(servers, changes())
def test_a_plan_sends_nothing_and_tells_what_the_update_does(server: Server, asked: Asked) -> None:
    twin = copy.deepcopy(server)
    plan = planned(server, asked)
    assert server.methods == ["GET"]
    assert server.state == twin.state
    assert plan.before == twin.state
    _, report = update(twin, asked)
    chosen = {name for name, change in plan.changes.items() if isinstance(change.after, ServerChoice)}
    assert plan.changes.keys() - chosen <= report.changes.keys() <= plan.changes.keys()
    assert plan.body == (twin.body() if report.puts else {})
    assert dict(plan.at_risk) == {}
    assert set(plan.kept) == WRITABLE.keys() - plan.changes.keys()


@given(servers, changes())
def test_the_diff_names_every_change_with_both_values_and_nothing_else(server: Server, asked: Asked) -> None:
    plan = planned(server, asked)
    lines = list(plan.lines())
    assert str(plan) == "\n".join(line.text for line in lines)
    assert {line.text.split(":")[0] for line in lines if line.kind == "before"} == {f"- {n}" for n in plan.changes}
    assert {line.text.split(":")[0] for line in lines if line.kind == "after"} == {f"+ {n}" for n in plan.changes}
    assert [line.value for line in lines if line.kind == "before"] == [c.before for c in plan.changes.values()]
    assert [line.value for line in lines if line.kind == "after"] == [c.after for c in plan.changes.values()]
    for name, (before, after) in plan.changes.items():
        assert f"- {name}: {printable(json.dumps(before, ensure_ascii=False))}" in str(plan)
        if not isinstance(after, ServerChoice):
            assert f"+ {name}: {printable(json.dumps(after, ensure_ascii=False))}" in str(plan)
    assert all(printable(line) == line for line in str(plan).split("\n"))


@st.composite
def with_another_writer(draw: st.DrawFn) -> tuple[Server, Asked, Asked]:
    """A server, the changes of a plan, and what somebody else writes before it is applied."""
    server = draw(servers)
    asked = draw(changes(min_size=1))
    theirs = draw(
        st.lists(st.sampled_from(list(WRITABLE)), unique=True, max_size=4).flatmap(
            lambda names: st.fixed_dictionaries({name: values(WRITABLE[name]) for name in names})
        )
    )
    return server, asked, theirs


@given(with_another_writer())
def test_a_plan_applied_later_keeps_what_others_changed_and_conflicts_on_the_same_field(
    case: tuple[Server, Asked, Asked],
) -> None:
    server, asked, theirs = case
    base = copy.deepcopy(server.state)
    wanted = {name for name, value in asked.items() if differs(server, name, value)}
    server.state = {**server.state, **copy.deepcopy(theirs)}
    moved = {name for name, value in theirs.items() if base[name] is None or not means(name, base[name], value)}
    disputed = {
        name
        for name in moved & asked.keys()
        if differs(server, name, asked[name])
        # Left out, the field becomes what they made of it anyway, as far as anybody can tell.
        and not (asked[name] is None and is_free_choice(name) and theirs[name] is left_out(name))
    }
    applied = safe_update(server, asked, base=base)
    if disputed:
        with pytest.raises(ConflictError) as caught:
            drive(applied.steps(), server)
        assert {conflict.field for conflict in caught.value.conflicts} == disputed
        for conflict in caught.value.conflicts:
            assert conflict.before == base[conflict.field]
            assert conflict.theirs == theirs[conflict.field]
            assert conflict.field in str(caught.value)
        assert server.methods == ["GET"]
        assert server.state == {**base, **theirs}
    else:
        _, report = drive(applied.steps(), server)
        for name in WRITABLE.keys() - asked.keys():
            assert in_json(server.state[name]) == in_json({**base, **theirs}[name])
        for name in asked:
            assert not differs(server, name, asked[name]) or is_free_choice(name)
        # A field that both had to do with may be back at its first value, if the server chooses it.
        back = {name for name in moved & asked.keys() if in_json(server.state[name]) == in_json(base[name])}
        assert set(report.changed_by_others) == moved - back - report.changes.keys()
        assert report.changes.keys() <= wanted | moved


# --- the server breaks its word ---------------------------------------------------------------------


@st.composite
def broken_words(draw: st.DrawFn) -> tuple[Server, Asked, set[str]]:
    """A server that tells of a PUT something else than it had to, in some fields."""
    server = draw(servers)
    server.state["x-counter"] = draw(json_values.filter(lambda value: value is not None))
    asked = draw(changes(min_size=1))
    assume(any(differs(server, name, value) for name, value in asked.items()))
    free = {name for name, value in asked.items() if value is None and is_free_choice(name)}
    names = draw(st.sets(st.sampled_from(sorted({*WRITABLE, *SERVER_OWNED, "x-counter"} - {*free, "id"})), min_size=1))
    lost = draw(st.sets(st.sampled_from(sorted(names))))

    def tell(state: dict[str, Any]) -> Any:
        for name in names:
            if name in lost or (name == "x-counter" and state[name] is not None):
                state.pop(name)
            else:
                # No value of the contract, no instant, no colour: different from all.
                state[name] = {"other": state[name]}
        return state

    server.tell = tell
    return server, asked, names


@given(broken_words())
def test_whatever_the_server_did_not_keep_or_take_is_named_and_nothing_else_is(
    case: tuple[Server, Asked, set[str]],
) -> None:
    server, asked, names = case
    before = copy.deepcopy(server.state)
    with pytest.raises(VerificationError) as caught:
        update(server, asked)
    assert {difference.field for difference in caught.value.differences} == names
    assert len(caught.value.differences) == len(names)
    assert all(name in str(caught.value) for name in names)
    assert caught.value.before == before
    assert server.methods == ["GET", "PUT", "GET"]


@given(servers, changes(min_size=1), json_values, json_values)
def test_a_field_that_the_contract_does_not_know_may_change_and_is_reported(
    server: Server, asked: Asked, before: Any, after: Any
) -> None:
    assume(any(differs(server, name, value) for name, value in asked.items()))
    assume(after not in (None, False, "", [], {}) and in_json(before) != in_json(after) and before != after)
    server.state["x-counter"] = before
    server.tell = lambda state: {**state, "x-counter": after}
    _, report = update(server, asked)
    assert dict(report.noticed) == {"x-counter": (before, after)}


# --- replace and create -----------------------------------------------------------------------------


def given_body(schema: str) -> st.SearchStrategy[Asked]:
    properties = SCHEMAS[schema]["properties"]
    return st.fixed_dictionaries(
        {name: values(properties[name]) for name in SCHEMAS[schema]["required"]},
        optional={name: values(each) for name, each in properties.items() if name not in SCHEMAS[schema]["required"]},
    )


@given(servers, given_body("ConferenceUpdate"))
def test_replace_sends_its_body_as_it_is_in_one_put(server: Server, body: Asked) -> None:
    result = drive(operations.replace(server.target, checked_body(body, server.state["id"])), server)
    assert server.methods == ["PUT"]
    assert server.body() == body
    assert result.to_dict() == server.state


@given(servers, given_body("ConferenceCreate"), st.sets(st.sampled_from(sorted(CARRIED_AS_NULL))))
def test_create_sends_what_it_is_given_and_leaves_none_out(server: Server, fields: Asked, nones: set[str]) -> None:
    nones -= fields.keys()
    sent: list[Any] = []

    def answer(request: Any) -> Any:
        sent.append((request.method, json.loads(request.content)))
        return server(evolve(request, method="GET"))

    result = drive(operations.create({**fields, **dict.fromkeys(nones)}, server.target.policy), answer)
    assert sent == [("POST", fields)]
    assert schemas.validator(SCHEMAS["ConferenceCreate"]).is_valid(fields)
    assert result.to_dict() == server.state


# --- end to end -----------------------------------------------------------------------------------


@OVER_HTTP
@given(fields=held, asked=changes())
def test_over_http_what_is_named_changes_and_everything_else_stays(
    shared_mock: MockServer, shared_client: RestClient, fields: Asked, asked: Asked
) -> None:
    name = shared_mock.store.add(fields)
    before = shared_mock.store[name]
    done = len(shared_mock.requests)
    conference = shared_client.video.conferences.update(name, **asked)
    after = shared_mock.store[name]
    changed = conference.report.changes
    for field in before.keys() - asked.keys() - {"updated_at"}:
        same = (
            means(field, before[field], after[field])
            if field in TIMES and after[field]
            else after[field] == before[field]
        )
        assert same, field
    for field, value in asked.items():
        wanted = left_out(field) if value is None else value
        assert after[field] is None if wanted is None else means(field, wanted, after[field])
    assert conference.to_dict() == {k: v for k, v in after.items() if k != "active_session"}
    methods = [request.method for request in shared_mock.requests[done:]]
    assert methods == (["GET", "PUT"] if changed else ["GET"])
    shared_mock.store.delete(name)


@OVER_HTTP
@given(fields=held, asked=changes(min_size=1), data=st.data())
def test_over_http_a_plan_applied_later_keeps_what_others_changed(
    shared_mock: MockServer, shared_client: RestClient, fields: Asked, asked: Asked, data: st.DataObject
) -> None:
    name = shared_mock.store.add(fields)
    others = data.draw(st.sampled_from(sorted(WRITABLE.keys() - asked.keys())))
    plan = shared_client.video.conferences.plan(name, **asked)
    theirs = data.draw(values(WRITABLE[others]))
    shared_mock.store.patch(name, {others: theirs})
    plan.apply()
    assert means(others, theirs, shared_mock.store[name][others])
    shared_mock.store.delete(name)
